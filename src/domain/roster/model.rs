//! The words of the roster.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeBounds;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::escalation::Escalation;
use crate::domain::observation::SourceName;
use crate::domain::paging::Wishes;
use crate::domain::time::{Instant, Interval, WeekHours};

/// `id` in `[[people]]`.
pub type PersonId = Arc<str>;
/// `id` in `[[schedules]]`.
pub type ScheduleId = Arc<str>;

/// Somebody of the team.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    pub id: PersonId,
    pub name: Arc<str>,
    pub email: Option<Arc<str>>,
    pub phone: Option<Arc<str>>,
    pub chat: Option<Arc<str>>,
    /// Where they live: what is night there.
    pub zone: Tz,
    pub team: Option<Arc<str>>,
    pub roles: Vec<Arc<str>>,
    /// Process step → `R`, `A`, `C` or `I`.
    pub responsibilities: BTreeMap<Arc<str>, Involvement>,
    /// Skill → level, 1 (learning) to 5 (teaches it).
    pub skills: BTreeMap<Arc<str>, u8>,
    pub certificates: Vec<Credential>,
    pub trainings: Vec<Credential>,
    pub absences: Vec<Absence>,
    /// How they want to be paged.
    pub wishes: Wishes,
}

impl Person {
    /// Of whom nothing is known but the id: in UTC, in no team, reached by nothing.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            name: id.into(),
            email: None,
            phone: None,
            chat: None,
            zone: Tz::UTC,
            team: None,
            roles: Vec::new(),
            responsibilities: BTreeMap::new(),
            skills: BTreeMap::new(),
            certificates: Vec::new(),
            trainings: Vec::new(),
            absences: Vec::new(),
            wishes: Wishes::default(),
        }
    }
}

/// How somebody takes part in a step: one letter of a RACI chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Involvement {
    Responsible,
    Accountable,
    Consulted,
    Informed,
}

impl Involvement {
    /// By its letter.
    pub const LETTERS: [(&str, Self); 4] = [
        ("R", Self::Responsible),
        ("A", Self::Accountable),
        ("C", Self::Consulted),
        ("I", Self::Informed),
    ];
}

/// A certificate or a training that is good until the end of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    pub name: Arc<str>,
    pub expires: Option<NaiveDate>,
}

impl Credential {
    /// It should be renewed from so many days before its last one.
    pub const RENEWAL: i64 = 90;

    /// How many days it is still good after this one; negative: it has expired.
    pub fn days_left(&self, today: NaiveDate) -> Option<i64> {
        Some((self.expires? - today).num_days())
    }
}

/// When somebody is not there: holidays, illness, a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    pub at: Interval,
    pub reason: Arc<str>,
}

/// Who is on call, by layers of which the later win.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pub id: ScheduleId,
    pub name: Arc<str>,
    pub team: Option<Arc<str>>,
    /// Of hand-offs and hours.
    pub zone: Tz,
    pub layers: Vec<Layer>,
    /// When somebody has to be on call. Outside these hours a gap is intended.
    pub coverage: WeekHours,
    /// The least time between two shifts of one person. Zero: no rule.
    pub rest: TimeDelta,
}

/// One layer of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    pub name: Arc<str>,
    pub turns: Turns,
    /// The hours in which it applies, in the schedule's zone; `None`: always.
    pub hours: Option<WeekHours>,
}

/// Where the turns of a layer come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Turns {
    Rotation(Rotation),
    /// The events of a calendar that a source reads.
    Calendar(SourceName),
}

/// People who take turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// In the order of their turns; nobody before `start`.
    pub people: Vec<PersonId>,
    /// The first hand-off, in the schedule's zone; its time of day is that of all others.
    pub start: NaiveDateTime,
    /// The end of the last turn, in the schedule's zone.
    pub until: Option<NaiveDateTime>,
    pub turn: Turn,
}

/// How long a turn is. Days and weeks are local: the hand-off stays at its time of day when clocks
/// change. Hours are elapsed ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Hours(u32),
    Days(u32),
}

impl Turn {
    /// `12h`, `7d`, `2w`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let number: u32 = number.trim().parse().ok()?;
        match unit {
            "h" => Some(Self::Hours(number)),
            "d" => Some(Self::Days(number)),
            "w" => number.checked_mul(7).map(Self::Days),
            _ => None,
        }
    }

    /// How long it is where no clock changes.
    pub fn length(self) -> TimeDelta {
        match self {
            Self::Hours(n) => TimeDelta::hours(i64::from(n)),
            Self::Days(n) => TimeDelta::days(i64::from(n)),
        }
    }
}

/// The number of an override in its store, from 1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct OverrideId(pub u64);

impl fmt::Display for OverrideId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "OVR-{}", self.0)
    }
}

impl FromStr for OverrideId {
    type Err = String;

    /// `OVR-3`, `ovr-3` or `3`.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = match text.get(..4) {
            Some(prefix) if prefix.eq_ignore_ascii_case("OVR-") => text.get(4..).unwrap_or(""),
            _ => text,
        };
        match digits.parse() {
            Ok(n) if n > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(n)),
            _ => Err(format!("{text:?} is not an override; write it as OVR-3")),
        }
    }
}

/// Somebody, or nobody on purpose, instead of what the layers say. Of two the later made wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    pub id: OverrideId,
    pub schedule: ScheduleId,
    /// `None`: nobody, intended.
    pub person: Option<PersonId>,
    pub from: Instant,
    pub to: Instant,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Override {
    pub fn at(&self) -> Interval {
        Interval::new(self.from, self.to)
    }
}

/// Somebody's time on call as a calendar states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    pub person: PersonId,
    pub at: Interval,
}

/// One person on call for one stretch, from one origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    pub person: PersonId,
    pub at: Interval,
    pub origin: Origin,
}

/// Why it is that person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Its index among the layers of the schedule.
    Layer(usize),
    Override(OverrideId),
}

/// All that the plan says of people and schedules.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Roster {
    pub people: BTreeMap<PersonId, Arc<Person>>,
    /// In the order of the plan.
    pub schedules: Vec<Arc<Schedule>>,
    pub policies: Vec<Arc<Escalation>>,
    /// The policy of what names none.
    pub otherwise: Option<Arc<str>>,
}

impl Roster {
    pub fn schedule(&self, id: &str) -> Option<&Arc<Schedule>> {
        self.schedules.iter().find(|s| &*s.id == id)
    }

    pub fn person(&self, id: &str) -> Option<&Arc<Person>> {
        self.people.get(id)
    }

    /// Certificates and trainings whose last good day is in there, by day and name.
    pub fn expiring(
        &self,
        days: impl RangeBounds<NaiveDate>,
    ) -> Vec<(NaiveDate, &Arc<Person>, &Credential)> {
        let all = self.people.values().flat_map(|person| {
            let both = person.certificates.iter().chain(&person.trainings);
            both.map(move |credential| (person, credential))
        });
        let dated = all.filter_map(|(p, c)| Some((c.expires?, p, c)));
        let mut found: Vec<_> = dated.filter(|(day, ..)| days.contains(day)).collect();
        found.sort_by(|a, b| (a.0, &a.1.name, &a.2.name).cmp(&(b.0, &b.1.name, &b.2.name)));
        found
    }

    /// The name of a person, or their id where the plan does not know them.
    pub fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.person(id).map_or(id, |p| &p.name)
    }
}
