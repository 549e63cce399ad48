//! Hours of the week as minutes, so that they can be joined; written as the ranges of a config.

use chrono::Weekday;

use crate::domain::time::WeekHours;
use crate::domain::time::hours::Range;

/// The minutes of a day and of a week.
pub const DAY: u32 = 1_440;
pub const WEEK: u32 = 7 * DAY;

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

/// Minutes after Monday's midnight, `from..to`; in order, not touching each other, within the week.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Week(Vec<(u32, u32)>);

impl Week {
    /// Adds what begins at a minute of a day (0: Monday) and may reach into the days after it.
    pub fn add(&mut self, day: u32, minute: u32, length: u32) {
        let from = (day % 7) * DAY + minute % DAY;
        let to = from + length.min(WEEK);
        self.0.push((from, to.min(WEEK)));
        if to > WEEK {
            self.0.push((0, to - WEEK));
        }
        self.tidy();
    }

    pub fn join(&mut self, other: &Self) {
        self.0.extend(&other.0);
        self.tidy();
    }

    pub fn is_always(&self) -> bool {
        self.0 == [(0, WEEK)]
    }

    fn tidy(&mut self) {
        self.0.retain(|(from, to)| from < to);
        self.0.sort_unstable();
        self.0.dedup_by(|next, last| {
            let touch = next.0 <= last.1;
            if touch {
                last.1 = last.1.max(next.1);
            }
            touch
        });
    }

    /// By day, each with the ranges that begin on it: a night stays one range.
    fn ranges(&self) -> Vec<(&'static str, Weekday, Vec<Range>)> {
        let mut stretches = self.0.clone();
        // What goes past the end of Sunday is one with what begins on Monday.
        if let [(0, head), .., (_, WEEK)] = stretches[..] {
            stretches.remove(0);
            if let Some(last) = stretches.last_mut() {
                last.1 = WEEK + head;
            }
        }
        let mut out: Vec<_> = DAYS.map(|(key, day)| (key, day, Vec::new())).into();
        for (mut from, to) in stretches {
            while from < to {
                let midnight = (from / DAY + 1) * DAY;
                // A stretch of a day or more is cut at each midnight.
                let end = if to - from < DAY { to } else { midnight.min(to) };
                let last = if end <= midnight { end - (midnight - DAY) } else { end - midnight };
                let range = Range::new((from % DAY) as u16, last as u16);
                if let Some((_, _, list)) = out.get_mut((from / DAY % 7) as usize) {
                    list.extend(range);
                }
                from = end;
            }
        }
        out
    }

    pub fn hours(&self) -> WeekHours {
        let mut hours = WeekHours::default();
        for (_, day, ranges) in self.ranges() {
            for range in ranges {
                hours.add(day, range);
            }
        }
        hours
    }

    /// `{ mon = ["09:00-18:00"] }`, or `"24x7"`.
    pub fn toml(&self) -> String {
        if self.is_always() {
            return "\"24x7\"".to_owned();
        }
        let day = |(key, _, ranges): (&str, Weekday, Vec<Range>)| {
            let ranges: Vec<String> = ranges.iter().map(|r| format!("\"{r}\"")).collect();
            (!ranges.is_empty()).then(|| format!("{key} = [{}]", ranges.join(", ")))
        };
        let days: Vec<String> = self.ranges().into_iter().filter_map(day).collect();
        format!("{{ {} }}", days.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn week(parts: &[(u32, &str, u32)]) -> Week {
        let mut week = Week::default();
        for (day, at, hours) in parts {
            let (h, m) = at.split_once(':').unwrap();
            let minute = h.parse::<u32>().unwrap() * 60 + m.parse::<u32>().unwrap();
            week.add(*day, minute, hours * 60);
        }
        week
    }

    #[rstest]
    #[case(&[(0, "09:00", 9)], r#"{ mon = ["09:00-18:00"] }"#)]
    #[case(&[(0, "09:00", 4), (0, "14:00", 4)], r#"{ mon = ["09:00-13:00", "14:00-18:00"] }"#)]
    #[case(&[(0, "22:00", 8)], r#"{ mon = ["22:00-06:00"] }"#)]
    #[case(&[(0, "16:00", 8)], r#"{ mon = ["16:00-24:00"] }"#)]
    #[case(&[(6, "22:00", 8)], r#"{ sun = ["22:00-06:00"] }"#)]
    #[case(&[(4, "18:00", 62)], r#"{ mon = ["00:00-08:00"], fri = ["18:00-24:00"], sat = ["00:00-24:00"], sun = ["00:00-24:00"] }"#)]
    #[case(&[(0, "09:00", 5), (0, "12:00", 6)], r#"{ mon = ["09:00-18:00"] }"#)]
    #[case(&[(2, "09:00", 168)], r#""24x7""#)]
    fn hours_of_the_week_are_written_as_people_write_them(
        #[case] parts: &[(u32, &str, u32)],
        #[case] expect: &str,
    ) {
        assert_eq!(week(parts).toml(), expect);
    }
}
