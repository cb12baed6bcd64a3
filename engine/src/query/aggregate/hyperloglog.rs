//! About how many different values there were, in little memory.
//!
//! HyperLogLog (Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog: the analysis of a near-optimal
//! cardinality estimation algorithm", 2007) over 64-bit hashes, with the estimator of Ertl, "New
//! cardinality estimation algorithms for HyperLogLog sketches", arXiv:1702.01284, algorithm 6,
//! which needs no correction by experience at any size. The first [`SMALL_MAX`] hashes are kept as
//! they are, and counted.
//!
//! With 2^14 registers the standard error is 1.04 / √2^14 = 0.81 %.

/// Bits of a hash that choose the register.
const REGISTER_BITS: u32 = 14;

const REGISTERS: usize = 1 << REGISTER_BITS;

/// Bits of a hash of which the leading zeros are counted.
const RANK_BITS: u32 = 64 - REGISTER_BITS;

/// Hashes that are kept as they are: 4 KiB.
const SMALL_MAX: usize = 512;

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(super) enum HyperLogLog {
    /// Different hashes, ascending.
    Small(Vec<u64>),
    /// Of each register the most leading zeros seen, and one more; 0 if none was.
    Full(Box<[u8; REGISTERS]>),
}

impl Default for HyperLogLog {
    fn default() -> Self {
        HyperLogLog::Small(Vec::new())
    }
}

/// Spreads a hash over all bits: the finaliser of MurmurHash3.
const fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 33).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let hash = (hash ^ hash >> 33).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    hash ^ hash >> 33
}

fn put(registers: &mut [u8; REGISTERS], hash: u64) {
    let register = (hash >> RANK_BITS) as usize;
    let rank = ((hash << REGISTER_BITS).leading_zeros().min(RANK_BITS) + 1) as u8;
    registers[register] = registers[register].max(rank);
}

impl HyperLogLog {
    /// Adds a value by its hash.
    pub(super) fn insert(&mut self, hash: u64) {
        let hash = mixed(hash);
        match self {
            HyperLogLog::Full(registers) => put(registers, hash),
            HyperLogLog::Small(hashes) => {
                let Err(at) = hashes.binary_search(&hash) else { return };
                if hashes.len() < SMALL_MAX {
                    hashes.insert(at, hash);
                    return;
                }
                let mut registers = Box::new([0; REGISTERS]);
                hashes.iter().for_each(|hash| put(&mut registers, *hash));
                put(&mut registers, hash);
                *self = HyperLogLog::Full(registers);
            }
        }
    }

    /// Bytes of memory besides its own.
    pub(super) fn bytes(&self) -> usize {
        match self {
            HyperLogLog::Small(hashes) => hashes.capacity() * 8,
            HyperLogLog::Full(_) => REGISTERS,
        }
    }

    /// About how many different values were added.
    pub(super) fn estimate(&self) -> u64 {
        let registers = match self {
            HyperLogLog::Small(hashes) => return hashes.len() as u64,
            HyperLogLog::Full(registers) => registers,
        };
        let mut counts = [0_u32; RANK_BITS as usize + 2];
        registers.iter().for_each(|rank| counts[usize::from(*rank)] += 1);
        let count = |rank: u32| f64::from(counts[rank as usize]);
        let m = REGISTERS as f64;
        let mut z = m * tau(1.0 - count(RANK_BITS + 1) / m);
        for rank in (1..=RANK_BITS).rev() {
            z = 0.5 * (z + count(rank));
        }
        z += m * sigma(count(0) / m);
        (m * m / (2.0 * std::f64::consts::LN_2) / z).round() as u64
    }
}

/// x + Σ x^(2^k) 2^(k-1)
fn sigma(x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut x, mut y, mut z) = (x, 1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// (1 - x - Σ (1 - x^(2^-k))² 2^-k) / 3
fn tau(x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut x, mut y, mut z) = (x, 1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::{hash_bytes, hash_int};

    /// Error of an estimate in standard errors.
    fn deviation(count: u64, estimate: u64) -> f64 {
        (estimate as f64 - count as f64).abs() / count as f64 / (1.04 / 128.0)
    }

    #[test]
    fn few_are_counted() {
        let mut sketch = HyperLogLog::default();
        for round in 0..3 {
            for value in 0..SMALL_MAX as i64 {
                sketch.insert(hash_int(value * 1000));
            }
            assert_eq!(sketch.estimate(), SMALL_MAX as u64, "round {round}");
        }
        assert_eq!(HyperLogLog::default().estimate(), 0);
    }

    #[test]
    fn estimates_are_as_near_as_they_should_be() {
        let (mut worst, mut square, mut checks) = (0_f64, 0.0, 0.0);
        for seed in 0..12 {
            let mut sketch = HyperLogLog::default();
            for count in 1..=200_000_u64 {
                // Of all sorts: counters, their multiples, texts.
                let value = count as i64 * (1 + seed * 37);
                sketch.insert(match seed % 3 {
                    0 => hash_int(value),
                    1 => hash_int((value as f64).to_bits() as i64),
                    _ => hash_bytes(format!("device-{value}").as_bytes()),
                });
                if [600, 3_000, 10_000, 40_000, 60_000, 200_000].contains(&count) {
                    let error = deviation(count, sketch.estimate());
                    worst = worst.max(error);
                    (square, checks) = (square + error * error, checks + 1.0);
                }
            }
        }
        assert!(worst < 4.0, "the worst is {worst} standard errors off");
        let mean = f64::sqrt(square / checks);
        assert!((0.3..1.2).contains(&mean), "{mean} standard errors on average");
    }

    #[test]
    fn what_comes_twice_changes_nothing() {
        let mut sketch = HyperLogLog::default();
        (0..5000).for_each(|value| sketch.insert(hash_int(value)));
        let once = sketch.estimate();
        (0..5000).for_each(|value| sketch.insert(hash_int(value)));
        assert_eq!(sketch.estimate(), once);
    }
}
