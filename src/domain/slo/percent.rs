//! Parts per million as people read them.

/// In percent with so many decimals (at most 4), cut off downwards: what is printed is never better than
/// what is. `percent(999_999, 2)` is `99.99`.
pub fn percent(ppm: i64, decimals: u32) -> String {
    let decimals = decimals.min(4);
    let scale = 10_i64.pow(decimals);
    let cut = ppm.div_euclid(10_i64.pow(4 - decimals));
    let sign = if cut < 0 { "-" } else { "" };
    let cut = cut.unsigned_abs();
    let scale = scale.unsigned_abs();
    let width = decimals as usize;
    match decimals {
        0 => format!("{sign}{cut}"),
        _ => format!("{sign}{}.{:0width$}", cut / scale, cut % scale),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(999_999, 2, "99.99")]
    #[case(999_500, 4, "99.9500")]
    #[case(1_000_000, 1, "100.0")]
    #[case(-186_441, 4, "-18.6441")]
    #[case(-1, 2, "-0.01")]
    #[case(0, 0, "0")]
    #[case(129_999, 0, "12")]
    #[case(7, 9, "0.0007")]
    fn a_percentage_is_cut_off_downwards(
        #[case] ppm: i64,
        #[case] decimals: u32,
        #[case] shown: &str,
    ) {
        assert_eq!(percent(ppm, decimals), shown);
    }
}
