//! Which news is worth a notification. Pure. What folds under a cause and what is in maintenance is
//! no news in the first place: the engine knows.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Notification};
use crate::domain::incident::{ActorKind, Incident, IncidentId, Priority};
use crate::domain::sla::contract::Kind;
use crate::domain::time::Instant;
use crate::engine::core::{News, Notice};

/// Above that many at once they are summed up.
const TOGETHER: usize = 3;

/// What the person at this console wants to be told, and knows already.
#[derive(Debug)]
pub struct Scope<'a> {
    /// The least urgent priority that is told.
    pub min_priority: Priority,
    /// When this console was started: what was going on before is on its screen, not news.
    pub started_at: Instant,
    /// The operator's name: nobody is told of their own doing.
    pub operator: &'a str,
    /// What is on the screen, as long as the screen has the focus.
    pub in_view: &'a BTreeSet<IncidentId>,
}

/// The notifications for news that came together, most urgent first.
pub fn decide(news: &[Notice], scope: &Scope<'_>) -> Vec<Notification> {
    // The last word on each incident counts; of its clocks, the first that ran out.
    let mut last: BTreeMap<IncidentId, &Notice> = BTreeMap::new();
    for notice in news {
        let is_late = |what| what == News::Breached;
        let known = last.get(&notice.incident.id).is_some_and(|known| is_late(known.what));
        if !(known && matches!(notice.what, News::Breached | News::Pressing)) {
            last.insert(notice.incident.id, notice);
        }
    }
    let mut told: Vec<&Notice> = last.into_values().filter(|n| matters(n, scope)).collect();
    told.sort_by_key(|n| (n.incident.priority, n.incident.id));
    if told.len() <= TOGETHER {
        return told.into_iter().map(single).collect();
    }
    let kinds = [
        News::EscalationExhausted,
        News::Breached,
        News::Opened,
        News::Reopened,
        News::Pressing,
        News::MaintenanceOver,
        News::AcknowledgementExpired,
        News::AcknowledgementExpiring,
        News::Resolved,
        News::Back,
    ];
    let sums = kinds.into_iter().filter_map(|kind| {
        let these: Vec<&Notice> = told.iter().copied().filter(|n| n.what == kind).collect();
        match these.as_slice() {
            [] => None,
            [one] => Some(single(one)),
            [first, ..] => Some(sum(kind, first.incident.priority, &these)),
        }
    });
    sums.collect()
}

fn matters(notice: &Notice, scope: &Scope<'_>) -> bool {
    let incident = &*notice.incident;
    let quiet = incident.is_silenced()
        || incident.priority > scope.min_priority
        || scope.in_view.contains(&incident.id);
    let news = match notice.what {
        News::Opened => incident.started_at >= scope.started_at && !reported_by(incident, scope),
        // Flapping was told once; then it is quiet until there is peace.
        News::Reopened => incident.flapping_since.is_none() && !reopened_by(incident, scope),
        News::Resolved => !resolved_by(incident, scope),
        News::AcknowledgementExpired
        | News::Back
        | News::MaintenanceOver
        | News::EscalationExhausted => true,
        News::Pressing | News::Breached => !is_answered(notice),
        News::AcknowledgementExpiring => incident.standing.is_held_by(scope.operator),
    };
    news && !quiet
}

/// Somebody responded while it was being told that a response is due.
fn is_answered(notice: &Notice) -> bool {
    let responded = notice.incident.standing.first_acknowledged_at.is_some();
    notice.clock == Some(Kind::Respond) && responded
}

fn reported_by(incident: &Incident, scope: &Scope<'_>) -> bool {
    let by = &incident.reported_by;
    by.kind == ActorKind::Person && by.name == scope.operator
}

fn reopened_by(incident: &Incident, scope: &Scope<'_>) -> bool {
    incident.last_change.as_ref().is_some_and(|change| change.by == scope.operator)
}

fn resolved_by(incident: &Incident, scope: &Scope<'_>) -> bool {
    let ending = incident.standing.resolved.as_ref();
    ending.is_some_and(|ending| !ending.automatic && ending.by == scope.operator)
}

fn single(notice: &Notice) -> Notification {
    let incident = &*notice.incident;
    let place = incident.service.as_ref().map_or("unassigned", |service| service.as_str());
    let clock = notice.clock.map_or("a clock", Kind::word);
    let (word, actions) = match notice.what {
        News::Opened => ("", vec![Action::Acknowledge]),
        News::Reopened => (" again", vec![Action::Acknowledge]),
        News::Resolved => (" resolved", Vec::new()),
        News::AcknowledgementExpired => (" acknowledgement expired", vec![Action::Acknowledge]),
        News::Back => (" wants attention again", vec![Action::Acknowledge]),
        News::MaintenanceOver => (" open after maintenance", vec![Action::Acknowledge]),
        News::EscalationExhausted => (": nobody acknowledged", vec![Action::Acknowledge]),
        News::Pressing => return due(notice, &format!("{clock} is due soon")),
        News::Breached => return due(notice, &format!("{clock} is overdue")),
        News::AcknowledgementExpiring => (" acknowledgement expires soon", Vec::new()),
    };
    // Reopening keeps the acknowledgement; then there is nothing to click.
    let owned = notice.what == News::Reopened && incident.standing.acknowledged.is_some();
    Notification {
        title: format!("{} {place}{word}", incident.priority),
        body: format!("{}: {}", incident.id, incident.title),
        priority: incident.priority,
        incident: Some(incident.id),
        actions: if owned { Vec::new() } else { actions },
    }
}

/// A clock of service levels presses, or has run out.
fn due(notice: &Notice, what: &str) -> Notification {
    let incident = &*notice.incident;
    let place = incident.service.as_ref().map_or("unassigned", |service| service.as_str());
    Notification {
        title: format!("{} {place}: {what}", incident.priority),
        body: format!("{}: {}", incident.id, incident.title),
        priority: incident.priority,
        incident: Some(incident.id),
        actions: Vec::new(),
    }
}

fn sum(kind: News, priority: Priority, these: &[&Notice]) -> Notification {
    let what = match kind {
        News::Opened => "new incidents",
        News::Reopened => "incidents again",
        News::Resolved => "incidents resolved",
        News::AcknowledgementExpired => "acknowledgements expired",
        News::Back => "incidents want attention again",
        News::MaintenanceOver => "incidents open after maintenance",
        News::EscalationExhausted => "incidents that nobody acknowledged",
        News::Pressing => "incidents are due soon",
        News::Breached => "incidents are overdue",
        News::AcknowledgementExpiring => "acknowledgements expire soon",
    };
    let mut by_priority: BTreeMap<Priority, usize> = BTreeMap::new();
    let mut places: Vec<&str> = Vec::new();
    for notice in these {
        *by_priority.entry(notice.incident.priority).or_default() += 1;
        let place = notice.incident.service.as_ref().map_or("unassigned", |s| s.as_str());
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let counts: Vec<String> = by_priority.iter().map(|(p, n)| format!("{n} {p}")).collect();
    let shown = places.get(..3).unwrap_or(&places).join(", ");
    let more = if places.len() > 3 { ", …" } else { "" };
    Notification {
        title: format!("{} {what}", these.len()),
        body: format!("{}: {shown}{more}", counts.join(", ")),
        priority,
        incident: None,
        actions: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use chrono::{DateTime, TimeDelta};
    use rstest::rstest;

    use crate::domain::health::ServiceId;
    use crate::domain::incident::{Actor, Ending, Standing};
    use crate::domain::observation::AlertStatus;

    fn start() -> Instant {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn incident(n: u64, priority: u8) -> Incident {
        let at = start() + TimeDelta::minutes(5);
        Incident {
            id: IncidentId(n),
            key: format!("key-{n}"),
            version: 1,
            title: "p99 latency above 1 s".to_owned(),
            service: Some(ServiceId(Arc::from(format!("service-{n}")))),
            source: Arc::from("prom"),
            reported_by: Actor::source("prom"),
            category: String::new(),
            impact: 1,
            urgency: 1,
            priority: Priority(priority),
            labels: BTreeMap::new().into(),
            annotations: BTreeMap::new().into(),
            alerts: BTreeMap::new(),
            opened_at: at,
            started_at: at,
            standing: Standing::default(),
            parent: None,
            earlier: None,
            recurrence: 1,
            clear_since: None,
            unverified_since: None,
            maintenance: None,
            maintained: Vec::new(),
            drill: None,
            updated_at: None,
            updates: Vec::new(),
            warned: Vec::new(),
            absorbed: Vec::new(),
            excluded: false,
            flapping_since: None,
            escalation: None,
            reopened_at: Vec::new(),
            last_change: None,
        }
    }

    fn told(news: &[(News, Incident)]) -> Vec<Notification> {
        told_in(news, &[])
    }

    fn told_in(news: &[(News, Incident)], in_view: &[u64]) -> Vec<Notification> {
        let notice = |(what, incident): &(News, Incident)| Notice {
            what: *what,
            incident: Arc::new(incident.clone()),
            clock: None,
        };
        let notices: Vec<Notice> = news.iter().map(notice).collect();
        let scope = Scope {
            min_priority: Priority(2),
            started_at: start(),
            operator: "ana",
            in_view: &in_view.iter().map(|n| IncidentId(*n)).collect(),
        };
        decide(&notices, &scope)
    }

    fn titles(told: &[Notification]) -> Vec<&str> {
        told.iter().map(|n| n.title.as_str()).collect()
    }

    #[test]
    fn a_new_incident_says_what_where_and_offers_to_acknowledge() {
        let told = told(&[(News::Opened, incident(7, 1))]);
        let expect = Notification {
            title: "P1 service-7".to_owned(),
            body: "INC-7: p99 latency above 1 s".to_owned(),
            priority: Priority(1),
            incident: Some(IncidentId(7)),
            actions: vec![Action::Acknowledge],
        };
        assert_eq!(told, [expect]);
    }

    #[test]
    fn the_clock_that_is_named_is_the_first_that_ran_out() {
        let notice = |what, clock| {
            let incident = Arc::new(incident(1, 1));
            Notice { what, incident, clock: Some(clock) }
        };
        let scope = Scope {
            min_priority: Priority(2),
            started_at: start(),
            operator: "ana",
            in_view: &BTreeSet::new(),
        };
        let respond = notice(News::Breached, Kind::Respond);
        for other in [News::Pressing, News::Breached] {
            let told = decide(&[respond.clone(), notice(other, Kind::Update)], &scope);
            assert_eq!(titles(&told), ["P1 service-1: respond is overdue"]);
        }
        let told = decide(&[notice(News::Pressing, Kind::Resolve), respond], &scope);
        assert_eq!(titles(&told), ["P1 service-1: respond is overdue"]);
    }

    #[test]
    fn that_a_response_is_due_is_no_news_once_somebody_responded() {
        let mut incident = incident(1, 1);
        incident.standing.first_acknowledged_at = Some(start());
        let incident = Arc::new(incident);
        let scope = Scope {
            min_priority: Priority(2),
            started_at: start(),
            operator: "ana",
            in_view: &BTreeSet::new(),
        };
        let told = |clock| {
            let (what, clock) = (News::Breached, Some(clock));
            decide(&[Notice { what, incident: Arc::clone(&incident), clock }], &scope).len()
        };
        assert_eq!((told(Kind::Respond), told(Kind::Resolve)), (0, 1));
    }

    #[rstest]
    #[case(News::Opened, "P2 service-1", true)]
    #[case(News::Reopened, "P2 service-1 again", true)]
    #[case(News::Resolved, "P2 service-1 resolved", false)]
    #[case(News::MaintenanceOver, "P2 service-1 open after maintenance", true)]
    #[case(News::EscalationExhausted, "P2 service-1: nobody acknowledged", true)]
    #[case(News::AcknowledgementExpired, "P2 service-1 acknowledgement expired", true)]
    fn each_kind_of_news_has_its_words(
        #[case] what: News,
        #[case] title: &str,
        #[case] clickable: bool,
    ) {
        let told = told(&[(what, incident(1, 2))]);
        assert_eq!(titles(&told), [title]);
        assert_eq!(!told[0].actions.is_empty(), clickable);
    }

    #[rstest]
    #[case::not_urgent_enough(|i: &mut Incident| i.priority = Priority(3))]
    #[case::there_before_start(|i: &mut Incident| i.started_at = start() - TimeDelta::seconds(1))]
    #[case::reported_by_oneself(|i: &mut Incident| i.reported_by = Actor::person("ana"))]
    #[case::silenced(|i: &mut Incident| {
        let fact = crate::domain::incident::AlertFact {
            labels: BTreeMap::new().into(),
            annotations: BTreeMap::new().into(),
            since: start(),
            status: AlertStatus::Silenced { by: vec!["s".to_owned()] },
            cleared_at: None,
            generator_url: None,
        };
        i.alerts.insert("a".to_owned(), fact);
    })]
    fn what_is_no_news_is_not_told(#[case] change: fn(&mut Incident)) {
        let mut quiet = incident(1, 1);
        change(&mut quiet);
        assert!(told(&[(News::Opened, quiet)]).is_empty());
    }

    #[test]
    fn what_is_in_view_is_not_told() {
        let news = [(News::Opened, incident(1, 1)), (News::Opened, incident(2, 1))];
        assert_eq!(titles(&told_in(&news, &[1])), ["P1 service-2"]);
    }

    #[test]
    fn ones_own_resolution_is_no_news_but_anothers_is() {
        let resolved = |by: &str, automatic| {
            let mut incident = incident(1, 1);
            incident.started_at = start() - TimeDelta::hours(1);
            let (by, reason) = (by.to_owned(), String::new());
            incident.standing.resolved = Some(Ending { by, at: start(), automatic, reason });
            told(&[(News::Resolved, incident)]).len()
        };
        assert_eq!(
            [resolved("ana", false), resolved("luis", false), resolved("ana", true)],
            [0, 1, 1]
        );
    }

    #[test]
    fn flapping_is_quiet() {
        let mut flapping = incident(1, 1);
        flapping.flapping_since = Some(start());
        assert!(told(&[(News::Reopened, flapping)]).is_empty());
    }

    #[test]
    fn up_to_three_are_told_each_the_most_urgent_first() {
        let news = [(News::Opened, incident(1, 2)), (News::Opened, incident(2, 1))];
        assert_eq!(titles(&told(&news)), ["P1 service-2", "P2 service-1"]);
    }

    #[test]
    fn many_at_once_are_summed_up() {
        let mut news: Vec<_> =
            (1..=7).map(|n| (News::Opened, incident(n, if n < 3 { 1 } else { 2 }))).collect();
        news.push((News::Resolved, incident(8, 2)));
        let told = told(&news);
        assert_eq!(titles(&told), ["7 new incidents", "P2 service-8 resolved"]);
        assert_eq!(told[0].body, "2 P1, 5 P2: service-1, service-2, service-3, …");
        assert_eq!((told[0].incident, told[0].priority), (None, Priority(1)));
    }

    #[test]
    fn the_last_word_on_an_incident_counts() {
        let news = [(News::Opened, incident(1, 1)), (News::Resolved, incident(1, 1))];
        assert_eq!(titles(&told(&news)), ["P1 service-1 resolved"]);
    }
}
