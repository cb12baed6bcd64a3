//! Framed text: byte strings in small frames of rows, each compressed with Snappy where that pays.
//!
//! ```text
//! 0  frame_shift  u8       a frame holds 2^frame_shift rows (the last may hold fewer), 0..=11
//! 1  ends         ints.rs, one a row: where the value ends in its frame, decompressed
//!    frame_ends   ints.rs, one a frame: where the frame ends in `frames`
//!    frames       each either as it is (then it is as long as its values) or raw Snappy (shorter)
//! ```
//!
//! A get decompresses one frame, so frames are small: about [`FRAME_BYTES`].

use std::borrow::Cow;
use std::ops::Range;

use super::ints::{HEADER_BYTES, Ints, Plan};
use super::plain::push_bytes;
use crate::chunk::BytesColumn;
use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;

/// What a frame should hold, in bytes.
const FRAME_BYTES: usize = 1280;

const SHIFT_MAX: u8 = 11;

/// Snappy's best: 64 bytes from a copy of 3.
const EXPANSION_MAX: usize = 22;

/// Bytes of a payload before its frames, for text so short that its overhead counts.
pub(super) const OVERHEAD_BYTES: usize = 1 + 2 * HEADER_BYTES;

/// The power of two of rows whose text is about [`FRAME_BYTES`].
pub(super) fn frame_shift(values: &BytesColumn) -> u8 {
    let mean = values.data.len() / values.len().max(1);
    let rows = FRAME_BYTES / mean.max(1);
    (rows.max(1).ilog2() as u8).min(6)
}

/// Appends the payload.
pub(super) fn write(values: &BytesColumn, shift: u8, out: &mut Vec<u8>) {
    let rows_per_frame = 1 << shift;
    let mut ends = Vec::with_capacity(values.len());
    let mut frame_ends = Vec::with_capacity(values.len() / rows_per_frame + 1);
    let mut frames = Vec::with_capacity(values.data.len() / 2);
    let mut snappy = Snappy::new();
    let mut from = 0;
    for frame in values.ends.chunks(rows_per_frame) {
        ends.extend(frame.iter().map(|end| i64::from(*end) - from as i64));
        let to = frame.last().map_or(from, |end| *end as usize);
        snappy.append(&values.data[from..to], &mut frames);
        frame_ends.push(frames.len() as i64);
        from = to;
    }
    out.put_u8(shift);
    Plan::of(&ends).write(&ends, out);
    Plan::of(&frame_ends).write(&frame_ends, out);
    out.extend_from_slice(&frames);
}

/// Bytes of frames that the text would take, from a few of them.
pub(super) fn sampled_bytes(values: &BytesColumn) -> usize {
    let rows_per_frame = 1 << frame_shift(values);
    let frames = values.len().div_ceil(rows_per_frame);
    let (mut raw, mut snappy, mut out) = (0, Snappy::new(), Vec::new());
    for frame in (0..frames).step_by((frames / 4).max(1)) {
        let rows = frame * rows_per_frame..((frame + 1) * rows_per_frame).min(values.len());
        let span = values.span(rows.start).start..values.span(rows.end - 1).end;
        raw += span.len();
        snappy.append(&values.data[span], &mut out);
    }
    (out.len() as u64 * values.data.len() as u64 / raw.max(1) as u64) as usize
}

/// Compresses frames, and stops trying after a row of frames that didn't shrink.
struct Snappy {
    encoder: snap::raw::Encoder,
    scratch: Vec<u8>,
    misses: usize,
}

impl Snappy {
    const MISSES_MAX: usize = 4;

    fn new() -> Self {
        Snappy { encoder: snap::raw::Encoder::new(), scratch: Vec::new(), misses: 0 }
    }

    fn append(&mut self, frame: &[u8], frames: &mut Vec<u8>) {
        if self.misses < Self::MISSES_MAX && !frame.is_empty() {
            self.scratch.resize(snap::raw::max_compress_len(frame.len()), 0);
            let compressed = self.encoder.compress(frame, &mut self.scratch).unwrap_or(usize::MAX);
            // A get should not decompress for the last few bytes.
            if compressed < frame.len() - frame.len() / 16 {
                frames.extend_from_slice(&self.scratch[..compressed]);
                self.misses = 0;
                return;
            }
            self.misses += 1;
        }
        frames.extend_from_slice(frame);
    }
}

/// The payload, in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct FramedText<'a> {
    rows: usize,
    shift: u8,
    ends: Ints<'a>,
    frame_ends: Ints<'a>,
    frames: &'a [u8],
}

impl<'a> FramedText<'a> {
    #[cfg(feature = "internals")]
    pub(super) fn is_ordered(&self) -> bool {
        self.ends.is_ordered() && self.frame_ends.is_ordered()
    }

    pub(super) fn read(reader: &mut Reader<'a>, rows: usize) -> Result<FramedText<'a>, Damage> {
        let shift = reader.u8()?;
        if shift > SHIFT_MAX {
            return Err(reader.damage(format!("frames of 2^{shift} rows")));
        }
        let ends = Ints::read(reader, rows)?;
        let frame_ends = Ints::read(reader, rows.div_ceil(1 << shift))?;
        let frames = reader.take(reader.remaining())?;
        Ok(FramedText { rows, shift, ends, frame_ends, frames })
    }

    fn rows_of(&self, frame: usize) -> Range<usize> {
        frame << self.shift..((frame + 1) << self.shift).min(self.rows)
    }

    /// The frame's bytes as they stand.
    fn stored(&self, frame: usize) -> Result<&'a [u8], Damage> {
        let start = if frame == 0 { 0 } else { self.frame_ends.get(frame - 1) };
        let span =
            usize::try_from(start).ok().zip(usize::try_from(self.frame_ends.get(frame)).ok());
        span.and_then(|(start, end)| self.frames.get(start..end))
            .ok_or_else(|| Damage::new(0, format!("text frame {frame} lies outside")))
    }

    /// Bytes of the frame's values.
    fn decompressed_len(&self, frame: usize) -> Result<usize, Damage> {
        let len = self.ends.get(self.rows_of(frame).end - 1);
        u32::try_from(len)
            .map(|len| len as usize)
            .map_err(|_| Damage::new(0, format!("text frame {frame} of {len} bytes")))
    }

    /// Decompresses a frame that is not stored as it is to `out`, which it must fill.
    fn decompress(frame: usize, stored: &[u8], out: &mut [u8]) -> Result<(), Damage> {
        let got = snap::raw::Decoder::new().decompress(stored, out);
        if got.as_ref().is_ok_and(|got| *got == out.len()) {
            return Ok(());
        }
        let why = got.map_or_else(|e| e.to_string(), |got| format!("{got} bytes"));
        Err(Damage::new(0, format!("text frame {frame} does not decompress: {why}")))
    }

    fn check_expansion(frame: usize, stored: &[u8], len: usize) -> Result<(), Damage> {
        if len <= stored.len().saturating_mul(EXPANSION_MAX) {
            return Ok(());
        }
        let what = format!("text frame {frame} claims {len} bytes out of {}", stored.len());
        Err(Damage::new(0, what))
    }

    fn outside(row: usize) -> Damage {
        Damage::new(0, format!("the text of row {row} lies outside of its frame"))
    }

    pub(super) fn get(&self, row: usize) -> Result<Cow<'a, [u8]>, Damage> {
        let frame = row >> self.shift;
        let first = frame << self.shift;
        let start = if row == first { 0 } else { self.ends.get(row - 1) };
        let span = usize::try_from(start).ok().zip(usize::try_from(self.ends.get(row)).ok());
        let (start, end) = span.ok_or_else(|| Self::outside(row))?;
        let (stored, len) = (self.stored(frame)?, self.decompressed_len(frame)?);
        if stored.len() == len {
            let value = stored.get(start..end).ok_or_else(|| Self::outside(row))?;
            return Ok(Cow::Borrowed(value));
        }
        Self::check_expansion(frame, stored, len)?;
        let mut text = vec![0; len];
        Self::decompress(frame, stored, &mut text)?;
        if start > end || end > len {
            return Err(Self::outside(row));
        }
        text.truncate(end);
        text.drain(..start);
        Ok(Cow::Owned(text))
    }

    pub(super) fn unpack(&self, range: Range<usize>, out: &mut BytesColumn) -> Result<(), Damage> {
        let ends = self.ends.to_vec(range.clone());
        let mut row = range.start;
        let mut text = Vec::new();
        while row < range.end {
            let frame = row >> self.shift;
            let rows = self.rows_of(frame);
            let (stored, len) = (self.stored(frame)?, self.decompressed_len(frame)?);
            let text: &[u8] = if stored.len() == len {
                stored
            } else {
                Self::check_expansion(frame, stored, len)?;
                text.clear();
                text.resize(len, 0);
                Self::decompress(frame, stored, &mut text)?;
                &text
            };
            let mut start = if row == rows.start { 0 } else { self.ends.get(row - 1) as usize };
            while row < rows.end.min(range.end) {
                let end = ends[row - range.start] as usize;
                let value = text.get(start..end).ok_or_else(|| Self::outside(row))?;
                push_bytes(out, value)?;
                (start, row) = (end, row + 1);
            }
        }
        Ok(())
    }
}
