//! Any bytes at all: whatever is behind a checksum that happens to be right.

use super::bytes::Reader;
use super::column::{self, Column};
use super::dictionary::Dictionary;
use super::schema::{Schema, Type};
use super::zone::ZoneMap;
use super::{Files, Image, commit, edit, integers, small, text};

/// A sequence that looks random (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Bytes among which small numbers are common, so that lengths and counts often fit.
    fn bytes(&mut self, bytes_max: u64) -> Vec<u8> {
        let (count, kind) = (self.next() % bytes_max, self.next() % 3);
        let byte = |bits: u64| match kind {
            0 => bits as u8,
            1 => bits as u8 & bits.rotate_left(9) as u8 & bits.rotate_left(18) as u8,
            _ => (bits % 3) as u8,
        };
        (0..count).map(|_| byte(self.next())).collect()
    }
}

#[test]
fn any_bytes_give_values_or_damage_in_every_decoder() {
    let mut random = Random(7);
    let mut decoded = 0;
    for _ in 0..20_000 {
        let bytes = random.bytes(160);
        let rows = 1 + (random.next() % [4, 32, 2048][(random.next() % 3) as usize]) as usize;
        let data_type = Type::ALL[(random.next() % 17) as usize];
        let dictionary = Dictionary::decode(&bytes, data_type).ok();
        decoded += u64::from(dictionary.is_some());
        for encoding in 0..=12 {
            let column = Column { encoding, data_type, rows, dictionary: dictionary.as_ref() };
            if let Ok(values) = column::decode(&bytes, column) {
                assert_eq!(values.len(), rows);
                decoded += 1;
            }
        }
        let _ = (text::framed(&mut Reader::new(&bytes), rows), edit::decode(&bytes));
        let _ = (text::symbols(&mut Reader::new(&bytes), rows), commit::decode(&bytes));
        let _ = (integers::linear(&mut Reader::new(&bytes), rows), Schema::decode(&bytes));
        let _ = (small::current(&bytes), small::Meta::decode(&bytes), ZoneMap::decode(&bytes));
    }
    assert!(decoded > 500, "most bytes are refused at once: {decoded}");
}

#[test]
fn files_that_hold_anything_are_damaged() {
    let mut random = Random(8);
    assert!(Image::open(&Files::default()).is_ok_and(|image| image.is_none()));
    for _ in 0..200 {
        let mut files = Files::default();
        let names = ["CURRENT", "database.meta", "MANIFEST-000001", "wal/000001.wal"];
        names.iter().for_each(|name| files.add(*name, random.bytes(400).into()));
        assert!(Image::open(&files).is_err());
    }
}

#[test]
fn a_name_stands_for_a_number_in_one_way_only() {
    let mut files = Files::default();
    for name in ["000007", "7", "0000008", "1234567", "+00009", "00000a", ""] {
        files.add(format!("wal/{name}.wal"), Vec::new().into());
    }
    assert_eq!(files.numbered("wal/", ".wal").into_keys().collect::<Vec<_>>(), [7, 1_234_567]);
}
