//! What the engine publishes: immutable, structurally shared, with a generation per part, so that a
//! reader recomputes only what changed.

use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;
use imbl::OrdMap;

use crate::domain::calendar::conflicts::Allowed;
use crate::domain::calendar::{Calendar, Window, Windows};
use crate::domain::health::rollup::Health;
use crate::domain::health::{Service, ServiceId};
use crate::domain::incident::policy::Policy;
use crate::domain::incident::views::SharedViews;
use crate::domain::incident::{Incident, IncidentId, Priority};
use crate::domain::observation::{SourceName, SourceStatus};
use crate::domain::paging::{Channel, Pager, Pages};
use crate::domain::report::Reports;
use crate::domain::roster::shifts::Imported;
use crate::domain::roster::{Book, PersonId, Roster};
use crate::domain::sla::contract::{Contract, ServiceLevels};
use crate::domain::slo::{self, Objective};
use crate::domain::time::Instant;
use crate::domain::upstream::{Orders, Silences, Upstreams};

/// How long after a start calendars are waited for.
pub(super) const READ_WITHIN: TimeDelta = TimeDelta::minutes(5);

/// A part of a snapshot with the number of its change.
#[derive(Debug, Clone, Default)]
pub struct Part<T> {
    pub generation: u64,
    pub value: Arc<T>,
}

impl<T> Deref for Part<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// The whole state of the world, as of one instant.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub at: Instant,
    /// When this console was started.
    pub started_at: Instant,
    pub site: Arc<Site>,
    pub plan: Arc<Plan>,
    pub health: Part<Health>,
    pub incidents: Part<Incidents>,
    pub sources: Part<Vec<SourceStatus>>,
    /// What people changed of the roster.
    pub book: Part<Book>,
    /// What is planned, and what became of it; `occurrences` says what takes place.
    pub calendar: Part<Calendar>,
    /// Who was paged, and whether it arrived.
    pub pages: Part<Pages>,
    /// What was ordered of other systems, and whether it was done.
    pub orders: Part<Orders>,
    /// What is silenced upstream, as of the last answer of each source.
    pub silences: Part<Silences>,
    /// The views of the queue that everybody has.
    pub views: Part<SharedViews>,
    /// Handovers and reports.
    pub reports: Part<Reports>,
    /// How the objectives stand, in the order of the plan; one of which nothing was worked out yet is
    /// missing.
    pub objectives: Part<Vec<Arc<slo::Shown>>>,
    /// Who is on call by the calendars that sources read. Those of a source that fails stay; how old
    /// they are, its status says.
    pub imported: Part<Imported>,
    /// Who pages by the policies.
    pub pager: Pager,
    /// While the store cannot be written: the pages that are decided beside it.
    pub unstored: Option<Arc<Pages>>,
    pub store: StoreState,
    /// Heartbeats that are silent: `(source, matchers, since)`.
    pub blind: Arc<Vec<(Arc<str>, String, Instant)>>,
    /// What happened to the store when it was opened: a damaged file that was moved aside.
    pub notices: Arc<[String]>,
}

/// The incidents that are loaded: the open ones, the recent ones, and those asked for.
#[derive(Debug, Clone, Default)]
pub struct Incidents {
    pub by_id: OrdMap<IncidentId, Arc<Incident>>,
    /// Open ones by priority 1 to 5 (index 0 to 4); folded ones are not counted.
    pub open_by_priority: [usize; 5],
    /// Folded incidents by their cause.
    pub children: HashMap<IncidentId, Vec<IncidentId>>,
    /// Just after a start: the open ones from this priority on are not all read yet, and there may be
    /// more than are counted.
    pub unread: Option<Priority>,
    /// Whether those of the last seven days are loaded, beside the open ones.
    pub complete: bool,
}

/// Which installation this is.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    pub name: String,
    pub zone: Tz,
    /// What opens a console here: `atalaya`, with the config and the store that this one was given.
    pub command: String,
    /// A made-up world.
    pub demo: bool,
    pub read_only: bool,
}

impl Default for Site {
    fn default() -> Self {
        let (name, command) = (String::new(), "atalaya".to_owned());
        Self { name, zone: Tz::UTC, command, demo: false, read_only: false }
    }
}

/// The service plan and what this console needs to run it: what the config becomes.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub site: Site,
    pub services: Vec<Arc<Service>>,
    pub policy: Policy,
    /// People, schedules and escalation.
    pub roster: Arc<Roster>,
    /// The ways to reach people that this console has.
    pub channels: Vec<Channel>,
    /// The sources that take orders.
    pub upstreams: Upstreams,
    /// The windows that the files define.
    pub windows: Vec<Arc<Window>>,
    /// Calendars of working time and contracts.
    pub service_levels: Arc<ServiceLevels>,
    /// Some reports are issued by themselves.
    pub issues_reports: bool,
    /// The sources whose calendars state further ones, with what they state where that was read before
    /// the engine is made.
    pub calendars: BTreeMap<SourceName, Option<Windows>>,
    /// The service level objectives.
    pub objectives: Vec<Arc<Objective>>,
    /// When a service may be worked on, where that is not always.
    pub allowed: BTreeMap<ServiceId, Allowed>,
    /// How many people have to be on call while something is changed; 0: nobody counts them.
    pub on_call_needed: usize,
    /// Which of the people acts at this console.
    pub person: Option<PersonId>,
    /// Source → how long a value of it counts as fresh (three intervals).
    pub stale_after: HashMap<Arc<str>, TimeDelta>,
    /// How long history is kept (default 6 h).
    pub history: TimeDelta,
    /// Alerts that must always fire: `(source, matchers)`.
    pub heartbeats: Vec<(Arc<str>, String)>,
}

/// How the store is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StoreState {
    #[default]
    Ready,
    /// Kept in memory only, gone with the program.
    Memory,
    /// Opened without the right to write.
    ReadOnly { why: String },
    /// The last write failed; commands are refused until it recovers.
    Failing { since: Instant, why: String },
}

impl Plan {
    /// A plan without services, for tests and for a console that only reads.
    pub fn empty() -> Self {
        Self {
            site: Site::default(),
            services: Vec::new(),
            policy: Policy::default(),
            roster: Arc::default(),
            channels: Vec::new(),
            upstreams: Upstreams::new(),
            windows: Vec::new(),
            service_levels: Arc::default(),
            issues_reports: false,
            calendars: BTreeMap::new(),
            objectives: Vec::new(),
            allowed: BTreeMap::new(),
            on_call_needed: 0,
            person: None,
            stale_after: HashMap::new(),
            history: TimeDelta::hours(6),
            heartbeats: Vec::new(),
        }
    }

    /// Whether a calendar that states windows may only not have been read yet: what it mutes is not
    /// known then. One that does not answer soon after the start is not waited for.
    pub fn awaits(&self, calendar: &Calendar, started_at: Instant, now: Instant) -> bool {
        now - started_at < READ_WITHIN
            && self.calendars.keys().any(|source| calendar.imported(source).is_none())
    }

    /// Whether somebody is paged although nobody asks for it: a policy governs something, or a contract
    /// says who is called.
    pub fn pages(&self) -> bool {
        let roster = &self.roster;
        let is_team = |team: &Option<String>| {
            team.as_ref().is_some_and(|t| roster.policies.iter().any(|p| p.teams.contains(t)))
        };
        let calls = |contract: &Arc<Contract>| !contract.escalations.is_empty();
        roster.otherwise.is_some()
            || self.service_levels.contracts.iter().any(calls)
            || self.service_levels.otherwise.as_ref().is_some_and(calls)
            || self.services.iter().any(|s| s.escalation.is_some() || is_team(&s.team))
    }

    /// Whether somebody has to be the one who does what is done once, by itself: pages go out, clocks run
    /// out, reports are due.
    pub fn is_watched(&self) -> bool {
        self.pages() || self.issues_reports || !self.service_levels.is_empty()
    }

    /// The service of that id.
    pub fn service(&self, id: &ServiceId) -> Option<&Arc<Service>> {
        self.services.iter().find(|s| s.id == *id)
    }
}

impl Incidents {
    pub fn get(&self, id: IncidentId) -> Option<&Arc<Incident>> {
        self.by_id.get(&id)
    }

    /// Open ones that are not folded under another.
    pub fn open(&self) -> usize {
        self.open_by_priority.iter().sum()
    }
}
