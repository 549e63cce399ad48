//! Service level objectives and their error budgets: what was promised, how much of what may go wrong
//! has gone wrong, and when it will be too much.
//!
//! What sources say is rolled up into [`Bucket`]s of five minutes ([`intake`], [`record`]); a [`Series`]
//! of them, the [`Excluded`] time of a window and the [`Objective`] give a [`Status`], of which every
//! number is worked out in integers: millionths of an event or of a second, and parts per million.
//! Screens and reports print those, and [`burn_down`] is what a chart of them needs.
//!
//! Formulas: with a target T and a window W the budget is (1−T)·total, of time or of events; the burn
//! rate over some time is its error ratio / (1−T), so that 1 spends the budget in exactly W (Google, *The
//! Site Reliability Workbook*, chapter 5).

/// How the fingerprints of alerts about budgets begin; the objective's id follows.
pub const ALERT: &str = "slo:";

mod alert;
mod chart;
mod excluded;
pub mod intake;
mod objective;
pub mod pack;
mod percent;
pub mod record;
mod series;
mod status;
#[cfg(test)]
mod tests;
mod trouble;
mod watched;

pub use alert::{Reading, Rule, Severity, default_rules};
pub use chart::{BurnDown, Measured, Point, Shown, burn_down};
pub use excluded::Excluded;
pub use objective::{Events, Judge, Objective, Period, Sli, SloId, Target, Unit, Uptime, Window};
pub use percent::percent;
pub use series::{BUCKET, BUCKETS_A_DAY, Bucket, Day, MICRO, Series, Tally, begin, index};
pub use status::{
    BURN_OVER, Budget, Burn, Projection, Standing, Status, Unusable, Why, closing, exhaustion,
    status,
};
pub use trouble::{Trouble, Troubles};
pub use watched::{WATCHED, Watched, Watching};
