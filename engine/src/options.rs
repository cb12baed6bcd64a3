//! What a caller can choose.

/// Where a commit is when the call that made it returns.
///
/// Whatever is lost, what survives is a prefix of the commits in their order, whole commits only.
/// [`Durability::Disk`] is the default; everything before a commit at `Disk` is at `Disk` too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// In the log's buffer in this process: lost if the process dies.
    Memory,
    /// Written to the log's file: survives the process, not the power.
    Os,
    /// Synced: survives power loss. Writers that commit at the same time share a sync.
    #[default]
    Disk,
}
