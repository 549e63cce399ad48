//! What budgets, burn rates and alerts say about buckets that are known.

mod intake;
mod properties;
mod recorded;
mod standing;

use std::sync::Arc;

use chrono::TimeDelta;

use super::*;
use crate::domain::health::ServiceId;
use crate::domain::sla::{Exclusion, NoData};
use crate::domain::time::{Instant, Interval};

/// Half past nothing in November 2026, on the grid of days.
const NOW: i64 = 20_785 * BUCKETS_A_DAY;

fn objective(target: &str, window: Window) -> Objective {
    Objective {
        id: Arc::from("shop-up"),
        name: "shop is up".to_owned(),
        service: ServiceId::new("shop"),
        target: Target::parse(target).unwrap(),
        window,
        sli: Sli::Uptime(Uptime::Service),
        exclusion: Exclusion::Remove,
        no_data: NoData::Remove,
        rules: default_rules(),
    }
}

fn days(n: i64) -> Window {
    Window::Rolling(TimeDelta::days(n))
}

/// Up in all buckets of so many days before `NOW`, but down for so many seconds in some, by how many
/// buckets ago.
fn up(days: i64, down: &[(i64, u16)]) -> Series {
    let mut series = Series::default();
    for index in NOW - days * BUCKETS_A_DAY..NOW {
        series.set(index, Bucket::of_time(300, 0));
    }
    for (ago, seconds) in down {
        series.set(NOW - ago, Bucket::of_time(300 - seconds, *seconds));
    }
    series
}

fn of(objective: Objective, series: &Series, excluded: &Excluded) -> Status {
    status(&Arc::new(objective), series, excluded, &[], begin(NOW))
}

fn excluded(pieces: &[(i64, i64)]) -> Excluded {
    let ago = |seconds: i64| begin(NOW) - TimeDelta::seconds(seconds);
    let piece =
        |(from, to): &(i64, i64)| (Interval::new(ago(*from), ago(*to)), "patching".to_owned());
    Excluded::new(pieces.iter().map(piece).collect())
}

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}
