//! Chance that can be repeated: numbers that depend on nothing but the seed and what they are for.

/// A number in `0.0..1.0` for this seed and purpose.
pub fn roll(seed: u64, purpose: &[u64]) -> f64 {
    let mixed = purpose.iter().fold(mix(seed), |h, p| mix(h ^ mix(*p)));
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// A whole number below `n`; 0 where `n` is 0.
pub fn pick(seed: u64, purpose: &[u64], n: usize) -> usize {
    ((roll(seed, purpose) * n as f64) as usize).min(n.saturating_sub(1))
}

/// A number in `-1.0..1.0` that changes smoothly over `t` (seconds), about once in `every`.
pub fn drift(seed: u64, purpose: u64, t: f64, every: f64) -> f64 {
    let step = (t / every).floor();
    let at = |n: f64| roll(seed, &[purpose, (n as i64).cast_unsigned()]) * 2.0 - 1.0;
    let way = smooth(t / every - step);
    at(step) * (1.0 - way) + at(step + 1.0) * way
}

/// From 0 to 1 while `x` goes from 0 to 1, without a corner.
pub fn smooth(x: f64) -> f64 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

/// The finaliser of splitmix64: every bit of the input moves half of the output's.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A short mark of a text, the same in every run (FNV-1a).
pub fn mark(text: &str) -> u64 {
    let step = |h: u64, b: u8| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn chance_is_even() {
        let mean = (0..10_000).map(|n| roll(7, &[n])).sum::<f64>() / 10_000.0;
        assert!((0.49..0.51).contains(&mean), "{mean}");
    }

    proptest! {
        #[test]
        fn chance_stays_in_its_range(seed: u64, purpose: u64, t in -1e6..1e6_f64, n in 1..9_usize) {
            prop_assert!((0.0..1.0).contains(&roll(seed, &[purpose])));
            prop_assert!((-1.0..=1.0).contains(&drift(seed, purpose, t, 60.0)));
            prop_assert!(pick(seed, &[purpose], n) < n);
            let apart = drift(seed, purpose, t, 60.0) - drift(seed, purpose, t + 0.1, 60.0);
            prop_assert!(apart.abs() < 0.01, "it jumps by {apart}");
        }
    }
}
