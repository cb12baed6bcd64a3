//! A place among the keys of an index file, to go on from in either direction.

use std::borrow::Cow;

use super::leaf::{Leaf, Rows};
use super::node::LeafPlace;
use super::reader::IndexReader;
use crate::error::{Damage, Error, Result};
use crate::mutant;

/// See the module's documentation.
///
/// Invariant: `leaf` is that of child `child` of the bottom node `node`; `entry` is below its
/// number of entries, or `leaf` is `None`: the cursor stands before the first or behind the last
/// key, as `node` says.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    reader: &'a IndexReader,
    node: u32,
    child: usize,
    entry: usize,
    leaf: Option<(LeafPlace, Cow<'a, [u8]>)>,
}

impl<'a> Cursor<'a> {
    /// Behind the last key.
    pub(super) fn end(reader: &'a IndexReader) -> Self {
        Cursor { reader, node: reader.header.bottom_nodes, child: 0, entry: 0, leaf: None }
    }

    /// At the first key from `key` on, which the leaf `child` of `node` or the one after it has.
    pub(super) fn at(reader: &'a IndexReader, node: u32, child: usize, key: &[u8]) -> Result<Self> {
        let mut cursor = Cursor { reader, node, child, entry: 0, leaf: None };
        let len = cursor.load()?;
        cursor.entry = cursor.with_leaf(|leaf| leaf.search(key).map(|(entry, _)| entry))?;
        if cursor.entry == len {
            cursor.entry = len - 1;
            cursor.advance()?;
        }
        Ok(cursor)
    }

    /// Puts the key into `key`; `false` if the cursor stands at none.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`].
    pub(crate) fn key(&mut self, key: &mut Vec<u8>) -> Result<bool> {
        if self.leaf.is_none() {
            return Ok(false);
        }
        let entry = self.entry;
        self.with_leaf(|leaf| leaf.get(entry, key).map(|_| true))
    }

    /// How many rows the key has; `None` if the cursor stands at none.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`].
    pub(crate) fn count(&mut self) -> Result<Option<u32>> {
        if self.leaf.is_none() {
            return Ok(None);
        }
        self.with_rows(|rows| Ok(Some(rows.count)))
    }

    /// Appends the rows of the key, ascending; none if the cursor stands at none.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`].
    pub(crate) fn rows(&mut self, out: &mut Vec<u32>) -> Result<()> {
        if self.leaf.is_none() {
            return Ok(());
        }
        let limit = self.reader.row_count();
        self.with_rows(|rows| {
            rows.decode(limit, out)?;
            if mutant::when("last-posting-lost", || rows.count > 1) {
                out.pop();
            }
            Ok(())
        })
    }

    /// Damage of the file as a whole.
    pub(crate) fn damaged(&self, what: &str) -> Error {
        self.reader.corrupt(0, what)
    }

    /// Goes to the next key.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`], [`crate::Error::Io`].
    pub(crate) fn advance(&mut self) -> Result<()> {
        if self.leaf.is_none() && self.node >= self.reader.header.bottom_nodes {
            return Ok(());
        }
        self.entry += 1;
        if self.leaf.is_some() && self.entry < self.with_leaf(|leaf| Ok(leaf.len()))? {
            return Ok(());
        }
        self.entry = 0;
        self.leaf = None;
        let page = self.reader.node_bytes(self.node)?;
        self.child += 1;
        if self.child >= self.reader.as_node(self.node, &page)?.len() {
            self.child = 0;
            self.node += 1;
        }
        if self.node < self.reader.header.bottom_nodes {
            self.load()?;
        }
        Ok(())
    }

    /// Goes to the key before; before the first there is none to go on from.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`], [`crate::Error::Io`].
    pub(crate) fn retreat(&mut self) -> Result<bool> {
        if self.leaf.is_some() && self.entry > 0 {
            self.entry -= 1;
            return Ok(true);
        }
        let (mut node, mut child) = (self.node, self.child);
        if child == 0 {
            if node == 0 {
                self.leaf = None;
                return Ok(false);
            }
            node -= 1;
            let page = self.reader.node_bytes(node)?;
            child = self.reader.as_node(node, &page)?.len();
        }
        (self.node, self.child) = (node, child - 1);
        self.entry = self.load()? - 1;
        Ok(true)
    }

    /// Reads the leaf; returns how many entries it has, which is at least one.
    fn load(&mut self) -> Result<usize> {
        let reader = self.reader;
        let page = reader.node_bytes(self.node)?;
        let node = reader.as_node(self.node, &page)?;
        if node.header.level != 1 {
            return Err(reader.corrupt(0, "a node of the bottom level stands elsewhere"));
        }
        let wrong = |_: Damage| reader.corrupt(0, "a leaf's place can't be read");
        let place = node.place(self.child).map_err(wrong)?;
        let number = node.header.first_child.saturating_add(self.child as u32);
        self.leaf = Some((place, reader.leaf_bytes(number, place)?));
        self.with_leaf(|leaf| match leaf.len() {
            0 => Err(Damage::new(8, "a leaf without keys")),
            len => Ok(len),
        })
    }

    fn with_leaf<T>(&self, act: impl FnOnce(Leaf<'_>) -> Result<T, Damage>) -> Result<T> {
        let Some((place, bytes)) = &self.leaf else {
            return Err(self.reader.corrupt(0, "a cursor stands nowhere"));
        };
        let done = Leaf::parse(bytes).and_then(act);
        done.map_err(|damage| self.reader.in_leaf(*place, damage))
    }

    fn with_rows<T>(&self, act: impl FnOnce(Rows<'_>) -> Result<T, Damage>) -> Result<T> {
        let entry = self.entry;
        self.with_leaf(|leaf| act(leaf.get(entry, &mut Vec::new())?))
    }
}
