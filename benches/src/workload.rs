//! The rows that everything is measured on, by seed.
//!
//! | field         | type     | values                                                    |
//! |---------------|----------|-----------------------------------------------------------|
//! | `ts`          | i64, µs  | about 1 ms apart, ±0.4 ms of jitter, never going back     |
//! | `device`      | text     | `device-0000` to `device-0999`, zipf with exponent 1      |
//! | `region`      | text     | one of 8, evenly                                          |
//! | `temperature` | f64      | a random walk with 2 decimals between -20 and 45          |
//! | `humidity`    | f64      | a random walk with 2 decimals between 0 and 100           |
//! | `status`      | i32      | 0 to 5, nine of ten 0                                     |
//! | `ok`          | bool     | true in 97 of 100                                         |
//! | `message`     | text     | 40 to 120 characters of a vocabulary of 200 words, evenly |
//!
//! Invariant: a seed gives the same rows on every machine and with every release; a test holds
//! their hash. Figures of two runs can be compared only because of that.

use std::fmt::Write as _;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use crate::vocabulary::WORDS;

/// The seed of every published figure.
pub const SEED: u64 = 42;

const DEVICES: usize = 1000;
const REGIONS: [&str; 8] = [
    "eu-central-1",
    "eu-west-1",
    "us-east-1",
    "us-west-2",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
    "af-south-1",
];
const FIRST_TS: i64 = 1_700_000_000_000_000;
const MESSAGE_CHARS_MIN: u64 = 40;
const MESSAGE_CHARS_MAX: u64 = 120;
/// How many of 1000 rows have a status below each step.
const STATUS_STEPS: [u64; 5] = [900, 950, 975, 990, 997];

/// One row, borrowed from a [`Workload`] or a [`Generator`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowRef<'a> {
    /// µs since the epoch.
    pub ts: i64,
    /// Which device sent it.
    pub device: &'a str,
    /// Where the device stands.
    pub region: &'a str,
    /// Degrees.
    pub temperature: f64,
    /// Per cent.
    pub humidity: f64,
    /// 0 is well.
    pub status: i32,
    /// Whether the reading counts.
    pub ok: bool,
    /// Words.
    pub message: &'a str,
}

impl RowRef<'_> {
    /// Bytes of the values themselves: what "raw" means in every figure.
    pub fn payload_bytes(&self) -> usize {
        8 + self.device.len() + self.region.len() + 8 + 8 + 4 + 1 + self.message.len()
    }
}

/// Makes the rows one after the other, in memory that does not grow.
#[derive(Debug)]
pub struct Generator {
    random: ChaCha8Rng,
    devices: Vec<String>,
    /// Of the first `i + 1` devices, their share of all rows, in 2^-32.
    device_shares: Vec<u32>,
    ts: i64,
    temperature: i64,
    humidity: i64,
    message: String,
}

impl Generator {
    /// The rows of `seed`, from the first.
    pub fn new(seed: u64) -> Self {
        // Spelt out, since `seed_from_u64` may change with a release of the crate.
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let harmonic: f64 = (1..=DEVICES).map(|rank| 1.0 / rank as f64).sum();
        let mut share = 0.0;
        let device_shares = (1..=DEVICES).map(|rank| {
            share += 1.0 / rank as f64 / harmonic;
            (share * f64::from(u32::MAX)) as u32
        });
        Generator {
            random: ChaCha8Rng::from_seed(key),
            device_shares: device_shares.collect(),
            devices: (0..DEVICES).map(|number| format!("device-{number:04}")).collect(),
            ts: FIRST_TS,
            temperature: 2000,
            humidity: 5000,
            message: String::new(),
        }
    }

    /// A number below `bound`; its bias is far below what a figure could show.
    fn below(&mut self, bound: u64) -> u64 {
        (u64::from(self.random.next_u32()) * bound) >> 32
    }

    fn step(&mut self, from: i64, min: i64, max: i64) -> i64 {
        (from + self.below(21) as i64 - 10).clamp(min, max)
    }

    fn write_message(&mut self) {
        let chars_max = MESSAGE_CHARS_MIN + self.below(MESSAGE_CHARS_MAX - MESSAGE_CHARS_MIN + 1);
        self.message.clear();
        loop {
            let word = WORDS[self.below(WORDS.len() as u64) as usize];
            let chars = self.message.len() + usize::from(!self.message.is_empty()) + word.len();
            let enough = self.message.len() >= MESSAGE_CHARS_MIN as usize;
            if chars > MESSAGE_CHARS_MAX as usize || (enough && chars > chars_max as usize) {
                return;
            }
            if !self.message.is_empty() {
                self.message.push(' ');
            }
            self.message.push_str(word);
        }
    }

    /// The next row.
    pub fn next_row(&mut self) -> RowRef<'_> {
        self.ts += 600 + self.below(801) as i64;
        let draw = self.random.next_u32();
        let device = self.device_shares.partition_point(|share| *share < draw).min(DEVICES - 1);
        let region = self.below(REGIONS.len() as u64) as usize;
        self.temperature = self.step(self.temperature, -2000, 4500);
        self.humidity = self.step(self.humidity, 0, 10_000);
        let draw = self.below(1000);
        let status = STATUS_STEPS.iter().filter(|step| draw >= **step).count() as i32;
        let ok = self.below(100) < 97;
        self.write_message();
        RowRef {
            ts: self.ts,
            device: &self.devices[device],
            region: REGIONS[region],
            temperature: self.temperature as f64 / 100.0,
            humidity: self.humidity as f64 / 100.0,
            status,
            ok,
            message: &self.message,
        }
    }
}

/// Rows made beforehand, so that making them is not measured.
#[derive(Debug, Default)]
pub struct Workload {
    fixed: Vec<(i64, f64, f64, i32, bool)>,
    /// Where the device, the region and the message of each row end in `text`.
    ends: Vec<[u32; 3]>,
    text: String,
    payload_bytes: usize,
}

impl Workload {
    /// The first `rows` rows of `seed`.
    pub fn new(seed: u64, rows: usize) -> Self {
        let mut workload = Workload::default();
        workload.fixed.reserve_exact(rows);
        workload.ends.reserve_exact(rows);
        let mut generator = Generator::new(seed);
        for _ in 0..rows {
            workload.push(&generator.next_row());
        }
        workload
    }

    fn push(&mut self, row: &RowRef<'_>) {
        let ends = [row.device, row.region, row.message].map(|text| {
            self.text.push_str(text);
            u32::try_from(self.text.len()).expect("below 4 GiB of text: fewer rows than 30 million")
        });
        self.ends.push(ends);
        self.fixed.push((row.ts, row.temperature, row.humidity, row.status, row.ok));
        self.payload_bytes += row.payload_bytes();
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.fixed.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fixed.is_empty()
    }

    /// Bytes of the values of all rows.
    pub fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    /// Row `index`, from 0.
    pub fn row(&self, index: usize) -> RowRef<'_> {
        let (ts, temperature, humidity, status, ok) = self.fixed[index];
        let start = if index == 0 { 0 } else { self.ends[index - 1][2] as usize };
        let [device, region, message] = self.ends[index].map(|end| end as usize);
        RowRef {
            ts,
            device: &self.text[start..device],
            region: &self.text[device..region],
            temperature,
            humidity,
            status,
            ok,
            message: &self.text[region..message],
        }
    }
}

/// What a reader saw, every column of every row. Readers agree if their digests do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Digest {
    /// Rows seen.
    pub rows: u64,
    /// Sum of what their values are, wrapping.
    pub sum: u64,
}

impl Digest {
    /// Adds a row. Reads each value; of a text its length and its last byte, so that the digest
    /// costs little beside the reading that is measured.
    #[inline]
    pub fn add(&mut self, row: &RowRef<'_>) {
        let text = |text: &str| {
            let last = text.as_bytes().last().copied().unwrap_or(0);
            (text.len() as u64) << 8 | u64::from(last)
        };
        self.rows += 1;
        self.sum = [
            row.ts as u64,
            text(row.device),
            text(row.region).wrapping_mul(3),
            row.temperature.to_bits().wrapping_mul(5),
            row.humidity.to_bits().wrapping_mul(7),
            (row.status as u64).wrapping_mul(11),
            u64::from(row.ok).wrapping_mul(13),
            text(row.message).wrapping_mul(17),
        ]
        .into_iter()
        .fold(self.sum, u64::wrapping_add);
    }
}

/// The row as a line, for tests and the curious.
pub fn line(row: &RowRef<'_>) -> String {
    let RowRef { ts, device, region, temperature, humidity, status, ok, message } = row;
    let mut line = String::new();
    // Writing to a string does not fail.
    let _ = write!(line, "{ts} {device} {region} {temperature} {humidity} {status} {ok} {message}");
    line
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_rows_of_a_seed_never_change() {
        let workload = Workload::new(SEED, 10_000);
        let mut hash = crc32fast::Hasher::new();
        (0..workload.len()).for_each(|at| hash.update(line(&workload.row(at)).as_bytes()));
        let lines = [0, 1, 9_999].map(|at| line(&workload.row(at)));
        assert_eq!(
            lines.each_ref().map(String::as_str),
            [
                "1700000000000679 device-0007 eu-central-1 19.95 49.98 0 true link recovered \
                 broadcast block commit host handshake device daemon",
                "1700000000001481 device-0220 eu-central-1 19.97 50.07 0 true fault handshake \
                 supply ignored detected cluster outlet filter",
                "1700000010004019 device-0001 ap-southeast-2 14.97 40.78 0 true latency memory \
                 high started high over handler expected offset acknowledged started over",
            ]
        );
        assert_eq!(hash.finalize(), 84_978_349);
    }

    #[test]
    fn the_rows_are_what_the_table_above_says() {
        let rows = 100_000;
        let workload = Workload::new(7, rows);
        let mut devices = BTreeMap::new();
        let mut regions = BTreeMap::new();
        let mut statuses = [0; 6];
        for row in (0..rows).map(|at| workload.row(at)) {
            assert!((40..=120).contains(&row.message.len()), "{}", row.message);
            assert!((-20.0..=45.0).contains(&row.temperature), "{}", row.temperature);
            assert!((0.0..=100.0).contains(&row.humidity), "{}", row.humidity);
            *devices.entry(row.device).or_insert(0) += 1;
            *regions.entry(row.region).or_insert(0) += 1;
            statuses[row.status as usize] += 1;
        }
        for gap in (1..rows).map(|at| workload.row(at).ts - workload.row(at - 1).ts) {
            assert!((600..=1400).contains(&gap), "{gap} µs");
        }
        // The first device of a zipf of 1000 has 1 / H(1000) = 13.4 % of the rows.
        let hot = devices["device-0000"];
        assert!((13_000..13_800).contains(&hot), "{hot} rows of the hottest device");
        assert!(devices.len() > 990, "{} devices", devices.len());
        assert!(regions.len() == 8 && regions.values().all(|count| *count > 12_000), "{regions:?}");
        assert!(statuses.is_sorted_by(|a, b| a > b) && statuses[5] > 0, "{statuses:?}");
        let bytes = workload.payload_bytes() / rows;
        assert!((125..=140).contains(&bytes), "{bytes} bytes a row");
    }

    #[test]
    fn a_digest_tells_rows_with_one_value_changed_apart() {
        let workload = Workload::new(SEED, 1);
        let row = workload.row(0);
        let digest = |row: RowRef<'_>| {
            let mut digest = Digest::default();
            digest.add(&row);
            digest
        };
        let changed = [
            RowRef { ts: row.ts + 1, ..row },
            RowRef { device: "device", ..row },
            RowRef { region: "", ..row },
            RowRef { temperature: row.temperature + 0.01, ..row },
            RowRef { humidity: -row.humidity, ..row },
            RowRef { status: row.status + 1, ..row },
            RowRef { ok: !row.ok, ..row },
            RowRef { message: &row.message[1..], ..row },
        ];
        for other in changed {
            assert_ne!(digest(row), digest(other), "{other:?}");
        }
    }
}
