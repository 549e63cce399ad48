//! The objectives of the made-up shop, and what was good of each in the 30 days before the start and
//! since: one budget is spent, one is being spent fast, the others last.

use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::chance::{drift, mark, roll};
use crate::domain::health::ServiceId;
use crate::domain::observation::SourceName;
use crate::domain::sla::{Exclusion, NoData};
use crate::domain::slo::{
    Events, Judge, Objective, Period, Sli, Target, Uptime, Window, default_rules,
};

/// What went wrong: from so many minutes after the start of the world on (negative: before), for so
/// many minutes, and in thousandths of all requests.
type Trouble = (i64, i64, f64);

/// One of them, and how it went.
struct Story {
    id: &'static str,
    name: &'static str,
    service: &'static str,
    target_ppm: u32,
    window: Span,
    kind: Kind,
    /// Requests a second on an ordinary day.
    rate: f64,
    /// What always fails, in thousandths.
    noise: f64,
    troubles: &'static [Trouble],
}

enum Span {
    Days(i64),
    Month,
}

enum Kind {
    Events,
    Slices,
    Uptime,
}

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

const STORIES: &[Story] = &[
    Story {
        id: "checkout-availability",
        name: "Checkout answers without an error",
        service: "checkout",
        target_ppm: 999_500,
        window: Span::Days(30),
        kind: Kind::Events,
        rate: 84.0,
        noise: 0.06,
        troubles: &[
            (-19 * DAY - 200, 42, 350.0),
            (-9 * DAY + 95, 26, 600.0),
            (-3 * HOUR, 6, 180.0),
        ],
    },
    Story {
        id: "gateway-availability",
        name: "Cards are charged",
        service: "payment-gateway",
        target_ppm: 999_000,
        window: Span::Days(30),
        kind: Kind::Events,
        rate: 31.0,
        noise: 0.1,
        troubles: &[(-14 * DAY + 400, 18, 450.0), (-27 * HOUR, 40 * HOUR, 3.9)],
    },
    Story {
        id: "login-availability",
        name: "People can sign in",
        service: "login",
        target_ppm: 999_000,
        window: Span::Month,
        kind: Kind::Events,
        rate: 12.0,
        noise: 0.12,
        troubles: &[(-6 * DAY + 30, 9, 700.0), (-22 * DAY, 14, 300.0)],
    },
    Story {
        id: "search-latency",
        name: "Nine of ten searches take less than 300 ms",
        service: "search",
        target_ppm: 990_000,
        window: Span::Days(7),
        kind: Kind::Slices,
        rate: 47.0,
        noise: 20.0,
        troubles: &[(-2 * DAY - 77, 25, 260.0), (-4 * DAY + 310, 15, 400.0)],
    },
    Story {
        id: "orders-availability",
        name: "Orders are taken",
        service: "orders",
        target_ppm: 999_000,
        window: Span::Days(30),
        kind: Kind::Events,
        rate: 9.0,
        noise: 0.15,
        troubles: &[(-25 * DAY + 13, 21, 500.0)],
    },
    Story {
        id: "storage-up",
        name: "Storage is up",
        service: "storage",
        target_ppm: 999_500,
        window: Span::Days(30),
        kind: Kind::Uptime,
        rate: 1.0,
        noise: 0.0,
        troubles: &[(-11 * DAY + 222, 4, 1000.0)],
    },
];

/// What the shop has promised.
pub fn objectives(source: &SourceName, zone: Tz) -> Vec<Arc<Objective>> {
    STORIES.iter().filter_map(|story| story.objective(source, zone)).map(Arc::new).collect()
}

/// The value of one of their queries for the five minutes that end so many seconds after the start.
/// `None`: it is none of theirs.
pub fn value(seed: u64, query: &str, t: f64) -> Option<f64> {
    let (id, what) = query.strip_prefix("slo ")?.split_once(' ')?;
    let story = STORIES.iter().find(|story| story.id == id)?;
    let requests = story.requests(seed, t);
    let failed = story.failing(t);
    match what {
        "total" => Some(requests),
        // Chance makes whole ones of parts.
        "bad" => {
            let bad = requests * failed;
            let round = roll(seed, &[mark(id), (t as i64).cast_unsigned()]);
            Some((bad + round).floor().min(requests))
        }
        "up over 300s" => Some(1.0 - failed),
        _ => None,
    }
}

impl Story {
    fn objective(&self, source: &SourceName, zone: Tz) -> Option<Objective> {
        let query = |what: &str| format!("slo {} {what}", self.id);
        let events = || Events::Bad { bad: query("bad"), total: query("total") };
        let source = Arc::clone(source);
        let sli = match self.kind {
            Kind::Events => Sli::Events { source, events: events() },
            Kind::Slices => Sli::Slices {
                source,
                length: TimeDelta::minutes(5),
                judge: Judge::Events { events: events(), at_least: Target::new(900_000)? },
            },
            Kind::Uptime => {
                Sli::Uptime(Uptime::Query { source, query: query("up over {{window}}") })
            }
        };
        let window = match self.window {
            Span::Days(days) => Window::Rolling(TimeDelta::days(days)),
            Span::Month => Window::Calendar { period: Period::Month, zone },
        };
        Some(Objective {
            id: Arc::from(self.id),
            name: self.name.to_owned(),
            service: ServiceId::new(self.service),
            target: Target::new(self.target_ppm)?,
            window,
            sli,
            exclusion: Exclusion::Remove,
            no_data: NoData::Remove,
            rules: default_rules(),
        })
    }

    /// In the five minutes that end at `t`: more by day than by night, and never twice the same.
    fn requests(&self, seed: u64, t: f64) -> f64 {
        let day = (t / 86_400.0 * std::f64::consts::TAU).sin();
        let sway = drift(seed, mark(self.id), t, 5_400.0);
        (self.rate * 300.0 * (1.0 + 0.35 * day + 0.08 * sway)).round()
    }

    /// Which part failed in the five minutes that end at `t`.
    fn failing(&self, t: f64) -> f64 {
        let to = t / 60.0;
        let from = to - 5.0;
        let part = |(begin, long, milli): &Trouble| {
            let (begin, end) = (*begin as f64, (*begin + *long) as f64);
            let overlap = (to.min(end) - from.max(begin)).max(0.0) / 5.0;
            overlap * milli / 1_000.0
        };
        let troubles: f64 = self.troubles.iter().map(part).sum();
        (troubles + self.noise / 1_000.0).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::slo::intake::{Values, questions, take};
    use crate::domain::slo::{Excluded, Series, Standing, begin, index, status};
    use crate::domain::time::Instant;

    /// How each of them stands at the start.
    fn standings(seed: u64) -> Vec<(String, Standing, i64)> {
        let now: Instant = "2026-11-28T12:02:00Z".parse().unwrap();
        let all = objectives(&Arc::from("demo"), Tz::UTC);
        all.into_iter()
            .map(|objective| {
                let to = index(now);
                let from = to - 31 * 288;
                let values = |query: &str| -> Values {
                    let points = (from..to).map(|i| begin(i + 1));
                    let value = |at: Instant| {
                        let t = (at - now).num_milliseconds() as f64 / 1_000.0;
                        (at.timestamp(), value(seed, query, t).unwrap())
                    };
                    points.map(value).collect()
                };
                let answers: Vec<Values> =
                    questions(&objective.sli).iter().map(|q| values(&q.query)).collect();
                let taken = take(&objective.sli, &answers, (from, to), true);
                assert!(taken.why.is_empty(), "{:?}", taken.why);
                let mut series = Series::default();
                for (index, bucket) in taken.buckets {
                    series.set(index, bucket);
                }
                let status = status(&objective, &series, &Excluded::nothing(), &[], now);
                let left = status.budget.left_ppm().unwrap();
                (objective.id.to_string(), status.standing(), left / 10_000)
            })
            .collect()
    }

    #[test]
    fn one_budget_is_spent_one_burns_and_the_others_last_whatever_the_seed() {
        for seed in [1, 7, 42] {
            let found = standings(seed);
            let of = |id: &str| found.iter().find(|f| f.0 == id).unwrap();
            assert_eq!(of("checkout-availability").1, Standing::Spent, "{found:?}");
            assert_eq!(of("gateway-availability").1, Standing::Burning, "{found:?}");
            for id in ["login-availability", "search-latency", "orders-availability", "storage-up"]
            {
                assert_eq!(of(id).1, Standing::Healthy, "{found:?}");
            }
        }
        assert_eq!(standings(1), standings(1));
    }
}
