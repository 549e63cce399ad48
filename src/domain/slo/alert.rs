//! When a budget is spent fast enough that somebody has to know: multi-window, multi-burn-rate alerts
//! (*The Site Reliability Workbook*, chapter 5).

use chrono::TimeDelta;

use super::objective::Target;
use super::series::{MICRO, Tally};

/// Raises an incident while so much of the budget of the whole window would be spent within `long`, and
/// is still being spent that fast within `short`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Of the window's budget, in parts per million.
    pub budget_ppm: u32,
    pub long: TimeDelta,
    pub short: TimeDelta,
    pub severity: Severity,
}

/// How urgent an incident of a budget is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// On a working day.
    Ticket,
    /// At once.
    Page,
}

/// What the buckets say of a rule. `None`: too little is known of that time to say so, less than half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    pub rule: Rule,
    pub long: Option<bool>,
    pub short: Option<bool>,
}

/// 2 % in an hour or 5 % in six page; 10 % in one day or in three are for a ticket.
pub fn default_rules() -> Vec<Rule> {
    let rule = |percent: u32, long, short, severity| Rule {
        budget_ppm: percent * 10_000,
        long,
        short,
        severity,
    };
    vec![
        rule(2, TimeDelta::hours(1), TimeDelta::minutes(5), Severity::Page),
        rule(5, TimeDelta::hours(6), TimeDelta::minutes(30), Severity::Page),
        rule(10, TimeDelta::days(1), TimeDelta::hours(2), Severity::Ticket),
        rule(10, TimeDelta::days(3), TimeDelta::hours(6), Severity::Ticket),
    ]
}

impl Rule {
    /// The burn rate above which it fires: budget · window / long. In thousandths, cut off.
    pub fn factor_milli(&self, window: TimeDelta) -> i64 {
        let long = i128::from(self.long.num_seconds().max(1));
        let window = i128::from(window.num_seconds());
        (i128::from(self.budget_ppm) * window * 1_000 / (i128::from(MICRO) * long)) as i64
    }

    /// Whether an error ratio is above factor · (1 − target): exactly, in integers. `None`: nothing is
    /// known of that time, or nothing may be bad.
    pub fn is_exceeded(&self, tally: &Tally, target: Target, window: TimeDelta) -> Option<bool> {
        if target.allowance() == 0 || (tally.seen == 0 && tally.total == 0) {
            return None;
        }
        let wide = |seconds: TimeDelta| seconds.num_seconds().max(1).unsigned_abs().into();
        let (window, long): (u128, u128) = (wide(window), wide(self.long));
        let mega = u128::from(MICRO);
        let bad = tally.bad().saturating_mul(mega * mega).saturating_mul(long);
        let factor = u128::from(self.budget_ppm) * window * u128::from(target.allowance());
        Some(bad > factor.saturating_mul(tally.total))
    }
}

impl Reading {
    /// Both windows are above.
    pub fn fires(&self) -> bool {
        self.long == Some(true) && self.short == Some(true)
    }

    /// It is proven to be over: within the short window it is no longer spent that fast.
    pub fn is_clear(&self) -> bool {
        self.short == Some(false)
    }
}

impl Severity {
    /// By its word in config and `--json`.
    pub const WORDS: [(&str, Self); 2] = [("page", Self::Page), ("ticket", Self::Ticket)];

    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, severity)| *severity == self).map_or("page", |(word, _)| word)
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(word, _)| *word == text).map(|(_, severity)| *severity)
    }
}
