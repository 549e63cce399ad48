//! What a plan collides with, each with its reason. None forbids: who plans decides.
//!
//! What lies in the way of a window is found over any stretch of time ([`obstacles`]): over its own
//! time it is its conflicts, over a quarter of a year it is where it cannot be put.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::model::{FreezeException, Key, Kind, Window, WindowId};
use super::occurrence::{Occurrence, Status};
use super::relations::{Relation, Relations, Relatives};
use super::state::Exceptions;
use crate::domain::health::ServiceId;
use crate::domain::incident::{IncidentId, Priority};
use crate::domain::roster::book::shown;
use crate::domain::roster::{PersonId, Roster};
use crate::domain::time::{Instant, Interval, Intervals, WeekHours, before, intervals};

/// How long before its beginning a change is judged by how its services are: go, or no-go.
pub const GO_NO_GO: TimeDelta = TimeDelta::hours(24);

/// Something that is planned or about to be.
#[derive(Debug, Clone, Copy)]
pub struct Proposal<'a> {
    pub window: &'a Window,
    pub at: Interval,
    pub replaces: Replaces<'a>,
}

/// What is on the calendar already and is not in the way, as it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaces<'a> {
    /// It is new.
    Nothing,
    /// That occurrence: it is checked where it stands, or about to be moved.
    One(&'a Key),
    /// All of that window: it is about to be changed.
    Series(&'a WindowId),
}

/// What a plan is held against.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// All that touches the time in question, in order.
    pub occurrences: &'a [Occurrence],
    pub relations: &'a Relations,
    /// When a service may be worked on; one that is missing: at any time.
    pub allowed: &'a BTreeMap<ServiceId, Allowed>,
    /// Those that were granted beside those that the freezes define.
    pub exceptions: &'a Exceptions,
    pub roster: &'a Roster,
    /// The shifts of all who count as on call, over the time in question.
    pub on_call: &'a [Interval],
    /// How many of them a change needs; 0: none.
    pub on_call_needed: usize,
    /// What is wrong with services now.
    pub troubles: &'a BTreeMap<ServiceId, Vec<Trouble>>,
    pub now: Instant,
}

/// The hours in which a service may be worked on.
#[derive(Debug, Clone, PartialEq)]
pub struct Allowed {
    pub hours: WeekHours,
    pub zone: Tz,
}

/// A reason not to change a service now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// An open one of priority 1 or 2.
    Incident { id: IncidentId, priority: Priority },
    /// The objective whose error budget is used up.
    BudgetSpent { slo: Arc<str> },
}

/// One collision, and the time for which it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    pub at: Interval,
    pub reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The same service, or the same labels, is scheduled then.
    Same {
        what: Arc<str>,
        with: With,
    },
    /// A relative of one of its services is scheduled then.
    Related {
        service: ServiceId,
        relation: Relation,
        other: ServiceId,
        with: With,
    },
    /// The service may not be worked on then.
    OutsideHours {
        service: ServiceId,
    },
    /// It lies in a freeze. `lapses`: its exception ends before.
    Frozen {
        freeze: With,
        lapses: Option<FreezeException>,
    },
    /// The window is changed, and what somebody did about this occurrence is lost.
    Discards {
        /// Completes "was … by …".
        what: &'static str,
    },
    /// It is a freeze, and that change lies in it.
    Freezes {
        change: With,
    },
    /// The owner has something else to do.
    OwnerBooked {
        owner: PersonId,
        with: With,
    },
    OwnerAbsent {
        owner: PersonId,
        why: Arc<str>,
    },
    /// The plan knows nobody of that name.
    OwnerUnknown {
        owner: PersonId,
    },
    TooFewOnCall {
        there: usize,
        needed: usize,
    },
    /// Go, or no-go?
    Trouble {
        service: ServiceId,
        trouble: Trouble,
    },
}

/// The other side of a collision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct With {
    pub key: Key,
    pub title: String,
    pub planned: Interval,
}

impl<'a> Proposal<'a> {
    /// An occurrence as it stands.
    pub fn of(one: &'a Occurrence) -> Self {
        Self { window: &one.window, at: one.planned, replaces: Replaces::One(&one.key) }
    }

    fn is_replacing(&self, one: &Occurrence) -> bool {
        match self.replaces {
            Replaces::Nothing => false,
            Replaces::One(key) => one.key == *key,
            Replaces::Series(window) => one.key.window == *window,
        }
    }
}

/// What an occurrence or a proposal collides with, in order of time.
pub fn conflicts(proposal: &Proposal, world: &World) -> Vec<Conflict> {
    let mut found = obstacles(proposal, proposal.at, world);
    found.sort_by_key(|c| c.at);
    found
}

/// What would be in its way anywhere in a stretch of time. In O(n) for n occurrences in the world.
pub(super) fn obstacles(proposal: &Proposal, within: Interval, world: &World) -> Vec<Conflict> {
    let kin = kin(proposal.window, world.relations);
    let mut out = Vec::new();
    alone(proposal, within, world, &mut out);
    // In order of beginning: what begins after it is not looked at.
    let end = world.occurrences.partition_point(|o| o.planned.from < within.to);
    for other in world.occurrences.iter().take(end).filter(|o| o.planned.to > within.from) {
        against(proposal, &kin, other, within, world, &mut out);
    }
    out
}

/// The services of a window, each with its relatives.
pub(super) type Kin<'a> = Vec<(&'a ServiceId, Arc<Relatives>)>;

fn kin<'a>(window: &'a Window, relations: &Relations) -> Kin<'a> {
    window.scope.services.iter().map(|s| (s, Arc::new(relations.of(s)))).collect()
}

/// What stands in its way whatever else is planned.
pub(super) fn alone(proposal: &Proposal, within: Interval, world: &World, out: &mut Vec<Conflict>) {
    let window = proposal.window;
    // What is past of it is not to be helped.
    let within = Interval::new(within.from.max(world.now.min(within.to)), within.to);
    if window.kind.is_change() {
        for service in &window.scope.services {
            let Some(allowed) = world.allowed.get(service) else { continue };
            let hours = allowed.hours.within(within, allowed.zone);
            let reason = Reason::OutsideHours { service: service.clone() };
            out.extend(hours.missing(within).iter().map(|at| reason.clone().over(at)));
        }
        too_few(within, world, out);
        go_or_no_go(proposal, world, out);
    }
    if let Some(owner) = window.owner.as_ref().filter(|_| window.kind.needs_hands()) {
        away(owner, within, world, out);
    }
}

fn away(owner: &PersonId, within: Interval, world: &World, out: &mut Vec<Conflict>) {
    let Some(person) = world.roster.person(owner) else {
        out.push(Reason::OwnerUnknown { owner: owner.clone() }.over(within));
        return;
    };
    for absence in &person.absences {
        let reason = || Reason::OwnerAbsent { owner: owner.clone(), why: absence.reason.clone() };
        out.extend(absence.at.overlap(within).map(|at| reason().over(at)));
    }
}

fn too_few(within: Interval, world: &World, out: &mut Vec<Conflict>) {
    let needed = world.on_call_needed;
    if needed == 0 {
        return;
    }
    let shifts = world.on_call.iter().filter_map(|at| at.overlap(within));
    let counted = intervals::depths(shifts);
    let some: Intervals = counted.iter().map(|(at, _)| *at).collect();
    let nobody = some.missing(within);
    let nobody = nobody.iter().map(|at| (at, 0));
    let short = counted.into_iter().filter(|(_, there)| *there < needed).chain(nobody);
    out.extend(short.map(|(at, there)| Reason::TooFewOnCall { there, needed }.over(at)));
}

fn go_or_no_go(proposal: &Proposal, world: &World, out: &mut Vec<Conflict>) {
    let at = proposal.at;
    if world.now < before(at.from, GO_NO_GO) || world.now >= at.to {
        return;
    }
    for service in &proposal.window.scope.services {
        for trouble in world.troubles.get(service).into_iter().flatten() {
            let (service, trouble) = (service.clone(), trouble.clone());
            out.push(Reason::Trouble { service, trouble }.over(at));
        }
    }
}

/// What one other occurrence means to a proposal over a stretch of time.
pub(super) fn against(
    proposal: &Proposal,
    kin: &Kin,
    other: &Occurrence,
    within: Interval,
    world: &World,
    out: &mut Vec<Conflict>,
) {
    let Some(at) = other.planned.overlap(within) else { return };
    if proposal.is_replacing(other) || !stands(other, world.now) {
        return;
    }
    let (ours, theirs) = (proposal.window, &*other.window);
    let with = || With { key: other.key.clone(), title: theirs.title(), planned: other.planned };
    match (ours.kind == Kind::Freeze, theirs.kind == Kind::Freeze) {
        (true, true) => return,
        (false, true) => {
            out.extend(
                frozen(theirs, ours, at, world)
                    .map(|(at, lapses)| Reason::Frozen { freeze: with(), lapses }.over(at)),
            );
            return;
        }
        (true, false) => {
            out.extend(
                frozen(ours, theirs, at, world)
                    .map(|(at, _)| Reason::Freezes { change: with() }.over(at)),
            );
            return;
        }
        (false, false) => {}
    }
    if ours.kind.touches_services() && theirs.kind.touches_services() {
        for what in shared(ours, theirs) {
            out.push(Reason::Same { what, with: with() }.over(at));
        }
        // Two routine works on relatives may meet; a change or a drill disturbs its relatives.
        let disturbs = |w: &Window| w.kind.is_change() || w.kind == Kind::Drill;
        if disturbs(ours) || disturbs(theirs) {
            for (service, relatives) in kin {
                for other in &theirs.scope.services {
                    let Some(relation) = relatives.get(other) else { continue };
                    let (service, other) = ((*service).clone(), other.clone());
                    let relation = *relation;
                    out.push(Reason::Related { service, relation, other, with: with() }.over(at));
                }
            }
        }
    }
    if let Some(owner) = &ours.owner
        && theirs.owner.as_ref() == Some(owner)
        && ours.kind.needs_hands()
        && theirs.kind.needs_hands()
    {
        out.push(Reason::OwnerBooked { owner: owner.clone(), with: with() }.over(at));
    }
}

/// Whether it still takes its time: not called off, not over, not left unapproved until too late.
pub(super) fn stands(one: &Occurrence, now: Instant) -> bool {
    let lapsed = one.status == Status::Planned && one.planned.to <= now;
    one.is_open() && !lapsed
}

/// The services and matchers that both name.
fn shared(ours: &Window, theirs: &Window) -> Vec<Arc<str>> {
    let (ours, theirs) = (&ours.scope, &theirs.scope);
    let services = ours.services.iter().filter(|s| theirs.services.contains(s));
    let matchers = ours.matchers.iter().filter(|m| theirs.matchers.contains(m));
    let matchers = matchers.map(|m| Arc::from(m.to_string()));
    services.map(|s| s.0.clone()).chain(matchers).collect()
}

/// For which part of `at` a freeze forbids a change, and the exception that lapses before.
fn frozen(
    freeze: &Window,
    change: &Window,
    at: Interval,
    world: &World,
) -> Option<(Interval, Option<FreezeException>)> {
    let is_in_scope = freeze.scope.is_empty() || !shared(freeze, change).is_empty();
    if !(is_in_scope && change.kind.is_change()) {
        return None;
    }
    let granted = world.exceptions.get(&freeze.id).into_iter().flatten();
    let granted = granted.chain(&freeze.exceptions).filter(|e| e.window == change.id);
    match granted.max_by_key(|e| e.expires) {
        Some(exception) if exception.expires >= at.to => None,
        Some(exception) if exception.expires > world.now => {
            let rest = Interval::new(at.from.max(exception.expires), at.to);
            Some((rest, Some(exception.clone())))
        }
        lapsed => Some((at, lapsed.cloned())),
    }
}

impl Reason {
    pub(super) fn over(self, at: Interval) -> Conflict {
        Conflict { at, reason: self }
    }

    /// What else is planned then, where it is that.
    pub fn with(&self) -> Option<&With> {
        match self {
            Self::Same { with, .. }
            | Self::Related { with, .. }
            | Self::OwnerBooked { with, .. } => Some(with),
            Self::Frozen { freeze, .. } => Some(freeze),
            Self::Freezes { change } => Some(change),
            Self::OutsideHours { .. }
            | Self::Discards { .. }
            | Self::OwnerAbsent { .. }
            | Self::OwnerUnknown { .. }
            | Self::TooFewOnCall { .. }
            | Self::Trouble { .. } => None,
        }
    }

    /// Whether it keeps a plan from being put there; what is wrong now may be over by then.
    pub fn blocks(&self) -> bool {
        !matches!(self, Self::Trouble { .. } | Self::OwnerUnknown { .. } | Self::Discards { .. })
    }
}

impl Conflict {
    /// When, and the reason, in one line; the time in a zone.
    pub fn line(&self, roster: &Roster, zone: Tz) -> String {
        format!("{}: {}", shown(self.at, zone), self.text(roster))
    }

    /// The reason as a sentence without its time, with people by name.
    pub fn text(&self, roster: &Roster) -> String {
        match &self.reason {
            Reason::Same { what, with } => format!("{what} is already scheduled: {}", with.title),
            Reason::Related { service, relation, other, with } => {
                let what = match relation {
                    Relation::Parent => format!("{other}, which {service} is part of,"),
                    Relation::Child => format!("{other}, a part of {service},"),
                    Relation::Dependency => format!("{other}, which {service} depends on,"),
                    Relation::Dependent => format!("{other}, which depends on {service},"),
                };
                format!("{what} is scheduled: {}", with.title)
            }
            Reason::Discards { what } => format!("it was {what}, and that is lost with the change"),
            Reason::OutsideHours { service } => {
                format!("outside the hours in which {service} may be worked on")
            }
            Reason::Frozen { freeze, lapses: None } => {
                format!("inside the freeze {}, without an exception", freeze.title)
            }
            Reason::Frozen { freeze, lapses: Some(exception) } => format!(
                "inside the freeze {}; the exception by {} expires before it ends",
                freeze.title,
                roster.name(&exception.approver)
            ),
            Reason::Freezes { change } => {
                format!("{} lies inside this freeze, without an exception", change.title)
            }
            Reason::OwnerBooked { owner, with } => {
                format!("{} has {} at the same time", roster.name(owner), with.title)
            }
            Reason::OwnerAbsent { owner, why } => format!("{} is away: {why}", roster.name(owner)),
            Reason::OwnerUnknown { owner } => format!("nobody in the plan is called {owner}"),
            Reason::TooFewOnCall { there, needed } => {
                format!("{there} on call, where {needed} are needed")
            }
            Reason::Trouble { service, trouble: Trouble::Incident { id, priority } } => {
                format!("{id} ({priority}) is open on {service}: go, or no-go?")
            }
            Reason::Trouble { service, trouble: Trouble::BudgetSpent { slo } } => {
                format!("the error budget {slo} of {service} is spent: go, or no-go?")
            }
        }
    }
}
