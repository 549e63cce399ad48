//! A figure that says what it counts.

use chrono::TimeDelta;

use crate::domain::calendar::Key;
use crate::domain::incident::IncidentId;

/// A value with the records that it counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figure {
    /// `None`: there is nothing to count.
    pub value: Option<Value>,
    /// Of how many records.
    pub n: usize,
    pub incidents: Vec<IncidentId>,
    pub windows: Vec<Key>,
}

/// Kept as whole numbers, so that what is printed is exact and parts add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    Count(u64),
    Time(TimeDelta),
    /// The mean of `n` stretches of time; `n` is at least 1.
    Mean {
        total: TimeDelta,
        n: u32,
    },
    /// `part` of `whole`; `whole` is at least 1.
    Share {
        part: u64,
        whole: u64,
    },
    /// The mean of `n` scores, at least one.
    Score {
        sum: u64,
        n: u64,
    },
}

impl Value {
    /// `None` of nothing.
    pub fn share(part: u64, whole: u64) -> Option<Self> {
        (whole > 0).then_some(Self::Share { part, whole })
    }

    /// The mean length; `None` of nothing.
    pub fn mean(total: TimeDelta, n: usize) -> Option<Self> {
        let n = u32::try_from(n).ok().filter(|n| *n > 0)?;
        Some(Self::Mean { total, n })
    }

    /// As one length of time, to the millisecond.
    pub fn time(self) -> Option<TimeDelta> {
        match self {
            Self::Time(time) => Some(time),
            Self::Mean { total, n } => {
                Some(TimeDelta::milliseconds(total.num_milliseconds() / i64::from(n)))
            }
            _ => None,
        }
    }

    /// In millionths, cut off.
    pub fn ppm(self) -> Option<u64> {
        let Self::Share { part, whole } = self else { return None };
        let ppm = u128::from(part) * 1_000_000 / u128::from(whole);
        u64::try_from(ppm).ok()
    }
}

impl Figure {
    /// The mean length of what these took.
    pub fn mean(total: TimeDelta, incidents: &[IncidentId]) -> Self {
        let value = Value::mean(total, incidents.len());
        Self { value, n: incidents.len(), incidents: incidents.to_vec(), ..Self::default() }
    }

    /// How many they are; none is a figure as well.
    pub fn count(incidents: &[IncidentId]) -> Self {
        let value = Some(Value::Count(incidents.len() as u64));
        Self { value, n: incidents.len(), incidents: incidents.to_vec(), ..Self::default() }
    }
}
