//! Which SSTs of a table to merge. Pure: sizes in, a range of neighbours out.
//!
//! Size-tiered over neighbours, as Lucene's `LogMergePolicy` picks segments: from the oldest file
//! on, those that are about as large as the largest that is left form a tier, and a tier of
//! `fan_in` files is merged into one of the next. Rows have to stay in the order of their seqs, so
//! only neighbours can be merged.
//!
//! ```text
//!   oldest                                       newest
//!   ████████ ████████ ▄▄▄▄ ▄▄▄▄ ▄▄▄▄ ▁▁ ▁▁ ▁▁ ▁▁ ▁▁        fan_in 5: the last five are merged
//!   └──── tier ─────┘ └─── tier ───┘ └─── tier ───┘
//! ```
//!
//! A row is rewritten once for each tier that it rises by, so about log(table / flush) times to the
//! base of `fan_in`, and not at all beyond [`Policy::bytes_max`] or [`Policy::rows_max`].

use std::ops::Range;

use crate::options::Policy;

/// What the picker knows of an SST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Bytes of the file.
    pub(crate) bytes: u64,
    /// Rows in it.
    pub(crate) rows: u64,
    /// Of these, rows that were dropped.
    pub(crate) dropped: u64,
    /// Whether it may be merged now.
    pub(crate) is_ready: bool,
}

/// Files below this size are all of the lowest tier: a merge costs more than their bytes.
const TIER_BYTES_MIN: u64 = 64 << 10;

/// A file that is smaller than the largest by more than this factor is of a lower tier.
const TIER_WIDTH: u64 = 3;

/// The files to merge into one, if any: `fan_in` of a tier, or the first alone if half of its rows
/// were dropped.
pub(crate) fn pick(files: &[Candidate], policy: &Policy) -> Option<Range<usize>> {
    if is_half_dropped(files) {
        return Some(0..1);
    }
    if files.len() <= policy.files_max {
        return None;
    }
    let size = |file: &Candidate| file.bytes.max(TIER_BYTES_MIN);
    let mut start = 0;
    while start < files.len() {
        let left = &files[start..];
        let largest = left.iter().map(size).max().unwrap_or(0);
        let is_of_tier = |file: &Candidate| size(file) >= largest / TIER_WIDTH;
        let end = left.iter().rposition(is_of_tier).map_or(files.len(), |last| start + last + 1);
        let mut windows = files[start..end].windows(policy.fan_in);
        if let Some(at) = windows.position(|window| fits(window, policy)) {
            return Some(start + at..start + at + policy.fan_in);
        }
        start = end;
    }
    None
}

/// The next files to merge on the way to as few as can be: neighbours that fit into one.
pub(crate) fn pick_all(files: &[Candidate], policy: &Policy) -> Option<Range<usize>> {
    let is_trimmed = files.first().is_none_or(|first| first.dropped == 0 || !first.is_ready);
    for start in 0..files.len() {
        let mut end = start + 1;
        while end < files.len()
            && end - start < FILES_AT_ONCE_MAX
            && fits(&files[start..=end], policy)
        {
            end += 1;
        }
        if end - start >= 2 || start == 0 && !is_trimmed {
            return Some(start..end);
        }
    }
    None
}

/// Bytes of the files that merges would read now, one after the other, until none is due. Their
/// results are taken to be as large as what they are made of.
pub(crate) fn debt(mut files: Vec<Candidate>, policy: &Policy) -> u64 {
    let mut debt = 0_u64;
    while let Some(range) = pick(&files, policy) {
        let sum = |of: fn(&Candidate) -> u64| files[range.clone()].iter().map(of).sum();
        let (bytes, rows, dropped): (u64, u64, u64) =
            (sum(|file| file.bytes), sum(|file| file.rows), sum(|file| file.dropped));
        debt = debt.saturating_add(bytes);
        let rows = rows.saturating_sub(dropped);
        files.splice(range, [Candidate { bytes, rows, dropped: 0, is_ready: true }]);
    }
    debt
}

/// Files that are open at once for one merge.
const FILES_AT_ONCE_MAX: usize = 64;

fn is_half_dropped(files: &[Candidate]) -> bool {
    files.first().is_some_and(|first| first.is_ready && first.dropped * 2 >= first.rows.max(1))
}

fn fits(files: &[Candidate], policy: &Policy) -> bool {
    let sum = |of: fn(&Candidate) -> u64| files.iter().map(of).fold(0, u64::saturating_add);
    files.iter().all(|file| file.is_ready)
        && sum(|file| file.bytes) <= policy.bytes_max
        && sum(|file| file.rows) <= policy.rows_max
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn files(sizes: &[u64]) -> Vec<Candidate> {
        let file = |bytes: &u64| Candidate {
            bytes: *bytes << 20,
            rows: 1000 * bytes,
            dropped: 0,
            is_ready: true,
        };
        sizes.iter().map(file).collect()
    }

    #[test]
    fn few_files_stay_as_they_are() {
        assert_eq!(pick(&files(&[1; 10]), &Policy::default()), None);
        assert_eq!(pick(&files(&[1; 11]), &Policy::default()), Some(0..5));
    }

    #[test]
    fn neighbours_of_one_size_are_merged_before_larger_ones_are_written_again() {
        assert_eq!(
            pick(&files(&[25, 25, 5, 5, 5, 1, 1, 1, 1, 1, 1]), &Policy::default()),
            Some(5..10)
        );
        assert_eq!(
            pick(&files(&[5, 5, 5, 5, 5, 1, 1, 1, 1, 1, 1]), &Policy::default()),
            Some(0..5)
        );
        // Four of each: nothing is to be gained.
        assert_eq!(
            pick(&files(&[25, 25, 25, 25, 5, 5, 5, 5, 1, 1, 1, 1]), &Policy::default()),
            None
        );
        // Small ones that stand before a large one would stay for ever.
        assert_eq!(
            pick(&files(&[1, 1, 1, 1, 9, 1, 1, 1, 1, 1, 1]), &Policy::default()),
            Some(0..5)
        );
    }

    #[test]
    fn what_would_be_too_large_or_is_not_ready_stays() {
        assert_eq!(pick(&files(&[200; 11]), &Policy::default()), None);
        let mut some = files(&[1; 12]);
        some[3].is_ready = false;
        assert_eq!(pick(&some, &Policy::default()), Some(4..9));
        some.iter_mut().for_each(|file| file.rows = 4 << 20);
        assert_eq!(pick(&some, &Policy::default()), None);
    }

    #[test]
    fn a_first_file_of_which_half_was_dropped_is_written_again() {
        let mut some = files(&[100, 1]);
        some[0].dropped = some[0].rows / 2 - 1;
        assert_eq!(pick(&some, &Policy::default()), None);
        some[0].dropped += 1;
        assert_eq!(pick(&some, &Policy::default()), Some(0..1));
        some[0].is_ready = false;
        assert_eq!(pick(&some, &Policy::default()), None);
    }

    #[test]
    fn all_means_as_few_files_as_fit() {
        assert_eq!(pick_all(&files(&[1, 2, 3]), &Policy::default()), Some(0..3));
        assert_eq!(pick_all(&files(&[500, 10, 10]), &Policy::default()), Some(0..2));
        assert_eq!(pick_all(&files(&[500, 20, 10]), &Policy::default()), Some(1..3));
        assert_eq!(pick_all(&files(&[500]), &Policy::default()), None);
        let mut trimmed = files(&[500]);
        trimmed[0].dropped = 1;
        assert_eq!(pick_all(&trimmed, &Policy::default()), Some(0..1));
    }

    #[test]
    fn debt_is_what_will_be_read() {
        let policy = Policy::default();
        assert_eq!(debt(files(&[1; 10]), &policy), 0);
        assert_eq!(debt(files(&[1; 11]), &policy), 5 << 20);
        // Five files of five, when they are there, are read once more.
        assert_eq!(debt(files(&[5, 5, 5, 5, 1, 1, 1, 1, 1, 1, 1]), &policy), 5 << 20);
        assert!(debt(files(&[1; 60]), &policy) > 60 << 20);
        let mut half = files(&[8]);
        half[0].dropped = half[0].rows;
        assert_eq!(debt(half, &policy), 8 << 20);
    }

    /// Flushes of equal sizes until the table has so many; what was written, and the most files.
    fn run(flushes: u64) -> (u64, usize) {
        let (mut sizes, mut written, mut most) = (Vec::new(), 0, 0);
        for _ in 0..flushes {
            sizes.push(8);
            written += 8;
            while let Some(range) = pick(&files(&sizes), &Policy::default()) {
                let sum = sizes[range.clone()].iter().sum();
                written += sum;
                sizes.splice(range, [sum]);
            }
            most = most.max(sizes.len());
        }
        (written, most)
    }

    #[test]
    fn write_amplification_and_files_stay_low() {
        // 8 MiB each, so 8 GiB; files of 200 MiB are not merged any more.
        let (written, most) = run(1024);
        assert!(written <= 3 * 8 * 1024, "{written}");
        assert!(most <= 8192 / 200 + 12, "{most}");
    }

    proptest! {
        #[test]
        fn picks_are_in_range_and_come_to_an_end(
            mut sizes in prop::collection::vec(0u64..600, 0..60), full: bool,
        ) {
            let choose = if full { pick_all } else { pick };
            while let Some(range) = choose(&files(&sizes), &Policy::default()) {
                prop_assert!(range.len() >= 2 && range.end <= sizes.len());
                let sum: u64 = sizes[range.clone()].iter().sum();
                prop_assert!(sum << 20 <= Policy::default().bytes_max);
                sizes.splice(range, [sum]);
            }
            if full {
                let can_be_merged = |pair: &[u64]| pair[0] + pair[1] <= 512;
                prop_assert!(!sizes.windows(2).any(can_be_merged));
            }
        }
    }
}
