//! A query as text, in its canonical form.

use std::fmt::{self, Write as _};

use super::{AgeRange, Query, StateSet, Test, pattern};
use crate::domain::incident::IncidentState;

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, term) in self.terms.iter().enumerate() {
            let gap = if n == 0 { "" } else { " " };
            let sign = if term.negated { "-" } else { "" };
            write!(f, "{gap}{sign}{}", term.test)?;
        }
        Ok(())
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(StateSet::ALL) => f.write_str("state:any"),
            Self::State(set) => {
                let held = IncidentState::ALL.into_iter().filter(|s| set.contains(*s));
                list(f, "state:", held.map(IncidentState::short))
            }
            Self::Priority(set) => list(f, "p:", runs(*set)),
            Self::Is(flags) => list(f, "is:", flags.iter().map(|flag| flag.word())),
            Self::Id(ranges) => list(f, "id:", ranges.iter().map(|r| range(r.0, r.1))),
            Self::Since(clock, range) => write!(f, "{}{range}", clock.word()),
            Self::Sla(range) => write!(f, "sla{range}"),
            Self::Waits(reasons) => list(f, "waits:", reasons.iter().map(|r| r.word())),
            Self::Assignee(patterns) => list(f, "assignee:", patterns),
            Self::Service(patterns) => list(f, "service:", patterns),
            Self::Team(patterns) => list(f, "team:", patterns),
            Self::Source(patterns) => list(f, "source:", patterns),
            Self::Category(patterns) => list(f, "category:", patterns),
            Self::Code(patterns) => list(f, "code:", patterns),
            Self::Label { name, values } => list(f, &format!("label.{name}="), values),
            Self::Text(needles) => list(f, "", needles.iter().map(|n| pattern::quoted(n))),
        }
    }
}

impl fmt::Display for AgeRange {
    /// With the operator, as it follows the name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Above(s) => write!(f, ">{}", length(*s)),
            Self::AtLeast(s) => write!(f, ">={}", length(*s)),
            Self::Below(s) => write!(f, "<{}", length(*s)),
            Self::AtMost(s) => write!(f, "<={}", length(*s)),
            Self::Between(from, to) => write!(f, ":{}..{}", length(*from), length(*to)),
        }
    }
}

fn list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    values: impl IntoIterator<Item = T>,
) -> fmt::Result {
    f.write_str(name)?;
    for (n, value) in values.into_iter().enumerate() {
        if n > 0 {
            f.write_str(",")?;
        }
        write!(f, "{value}")?;
    }
    Ok(())
}

fn range(from: u64, to: u64) -> String {
    if from == to { from.to_string() } else { format!("{from}..{to}") }
}

/// The runs of consecutive priorities in a set: `1..2`, `4`.
fn runs(set: u8) -> Vec<String> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for n in (1..=5_u8).filter(|n| set & (1 << n) != 0).map(u64::from) {
        match runs.last_mut() {
            Some(last) if last.1 + 1 == n => last.1 = n,
            _ => runs.push((n, n)),
        }
    }
    runs.into_iter().map(|(from, to)| range(from, to)).collect()
}

/// Seconds as a query writes them: `1d2h`, `90s` as `1m30s`, zero as `0s`.
pub(super) fn length(seconds: i64) -> String {
    let mut left = seconds;
    let mut out = String::new();
    for (unit, size) in [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)] {
        if left >= size {
            let _ = write!(out, "{}{unit}", left / size);
            left %= size;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}
