//! A part of a whole, kept as both, so that what is compared or printed was never rounded before.

use std::cmp::Ordering;

/// `part` of `whole`, in the same unit (here milliseconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    part: i64,
    whole: i64,
}

/// What is the whole in parts per million.
pub const WHOLE_PPM: u32 = 1_000_000;

/// So much of a time must be known, in parts per million, before a figure is made of it.
pub const LEAST_KNOWN: u32 = 10_000;

impl Ratio {
    /// `None` where there is nothing to be a part of, or where it is no part.
    pub fn new(part: i64, whole: i64) -> Option<Self> {
        (whole > 0 && (0..=whole).contains(&part)).then_some(Self { part, whole })
    }

    /// How it lies to a target in parts per million, exactly.
    pub fn cmp_ppm(self, target: u32) -> Ordering {
        let mine = i128::from(self.part) * i128::from(WHOLE_PPM);
        mine.cmp(&(i128::from(self.whole) * i128::from(target)))
    }

    /// 0 to 1.
    pub fn as_f64(self) -> f64 {
        self.part as f64 / self.whole as f64
    }

    /// In percent with so many decimals (at most 9), the last one rounded half up; but only all of it is
    /// `100`: where something is missing, that does not vanish.
    pub fn percent(self, decimals: u32) -> String {
        let (steps, scale) = self.steps(decimals);
        Self::shown(steps, scale, decimals)
    }

    /// What [`Self::percent`] writes, as a figure.
    pub fn rounded(self, decimals: u32) -> Self {
        let (steps, scale) = self.steps(decimals);
        Self::of_steps(steps, scale)
    }

    /// What [`Self::percent_down`] writes, as a figure.
    pub fn cut(self, decimals: u32) -> Self {
        let (part, whole, scale) = self.scaled(decimals);
        Self::of_steps(part / whole, scale)
    }

    fn of_steps(steps: i128, scale: i128) -> Self {
        // At most 100 with nine decimals.
        let int = |n: i128| i64::try_from(n).unwrap_or(i64::MAX);
        Self { part: int(steps), whole: int(100 * scale) }
    }

    /// Rounded half up, in the last decimal.
    fn steps(self, decimals: u32) -> (i128, i128) {
        let (part, whole, scale) = self.scaled(decimals);
        let rounded = (part * 2 + whole) / (whole * 2);
        let most = if self.part < self.whole { 100 * scale - 1 } else { 100 * scale };
        (rounded.min(most), scale)
    }

    /// As [`Self::percent`], the rest cut off: only all of it is `100`.
    pub fn percent_down(self, decimals: u32) -> String {
        let (part, whole, scale) = self.scaled(decimals);
        Self::shown(part / whole, scale, decimals)
    }

    fn scaled(self, decimals: u32) -> (i128, i128, i128) {
        let scale = 10_i128.pow(decimals.min(9));
        (i128::from(self.part) * 100 * scale, i128::from(self.whole), scale)
    }

    fn shown(scaled: i128, scale: i128, decimals: u32) -> String {
        let decimals = decimals.min(9);
        if decimals == 0 {
            return scaled.to_string();
        }
        let width = decimals as usize;
        format!("{}.{:0width$}", scaled / scale, scaled % scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(200, 300, 4, "66.6667")]
    #[case(1, 1, 4, "100.0000")]
    #[case(0, 5, 2, "0.00")]
    #[case(1, 2, 0, "50")]
    #[case(2_591_999, 2_592_000, 4, "99.9999")]
    #[case(i64::MAX - 1, i64::MAX, 2, "99.99")]
    #[case(999, 1_000, 0, "99")]
    #[case(i64::MAX, i64::MAX, 9, "100.000000000")]
    fn a_percentage_is_rounded_once(
        #[case] part: i64,
        #[case] whole: i64,
        #[case] decimals: u32,
        #[case] shown: &str,
    ) {
        assert_eq!(Ratio::new(part, whole).unwrap().percent(decimals), shown);
    }

    #[test]
    fn what_is_cut_off_is_whole_only_where_nothing_is_missing() {
        assert_eq!(Ratio::new(11, 12).unwrap().percent_down(1), "91.6");
        assert_eq!(Ratio::new(9_999, 10_000).unwrap().percent_down(1), "99.9");
        assert_eq!(Ratio::new(3, 3).unwrap().percent_down(1), "100.0");
    }

    #[test]
    fn what_prints_as_the_target_may_still_be_below_it() {
        let almost = Ratio::new(998_999_999, 1_000_000_000).unwrap();
        assert_eq!(almost.percent(4), "99.9000");
        assert_eq!(almost.cmp_ppm(999_000), Ordering::Less);
        assert_eq!(Ratio::new(999, 1000).unwrap().cmp_ppm(999_000), Ordering::Equal);
    }

    #[test]
    fn nothing_is_no_part_of_nothing() {
        assert_eq!(Ratio::new(0, 0), None);
        assert_eq!(Ratio::new(2, 1), None);
        assert_eq!(Ratio::new(-1, 1), None);
    }
}
