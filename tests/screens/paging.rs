//! Paging by key: who it reaches is named before, what became of it is shown after.

use std::sync::Arc;

use atalaya::domain::command::{Command, Outcome, Verdict};
use atalaya::domain::incident::{Actor, IncidentId, Priority};
use atalaya::domain::log::Recorded;
use atalaya::domain::paging::reach::Whom;
use atalaya::domain::paging::{
    Channel, ChannelId, ChannelKind, Command as Ask, Event, PageId, Paged, Pager, Pages, Phase,
    Progress,
};
use atalaya::domain::roster::Absence;
use atalaya::domain::time::Interval;
use atalaya::engine::{Plan, Site, Snapshot};
use atalaya::ui::{Cmd, Msg};
use chrono::TimeDelta;
use insta::assert_snapshot;

use crate::support::{Bench, DEFAULT, now, part, staffed, world};

/// Ana by mail and a webhook, Luis by the webhook, Mia by none.
fn with_channels() -> Snapshot {
    let mut world = staffed(world());
    let plan = Arc::make_mut(&mut world.plan);
    let channel = |id: &str, kind| Channel { id: id.into(), kind, timeout: TimeDelta::seconds(10) };
    plan.channels =
        vec![channel("mail", ChannelKind::Mail), channel("ops-hook", ChannelKind::Webhook)];
    let roster = Arc::make_mut(&mut plan.roster);
    for (id, channels) in [("ana", &["mail", "ops-hook"][..]), ("luis", &["ops-hook"])] {
        let person = Arc::make_mut(roster.people.get_mut(id).unwrap());
        person.email = Some(format!("{id}@acme.example").into());
        person.wishes.channels = channels.iter().map(|c| ChannelId::from(*c)).collect();
    }
    world
}

fn asked(bench: &mut Bench) -> Vec<Ask> {
    let paging = |cmd| match cmd {
        Cmd::Ask(Command::Paging(ask)) => Some(ask),
        _ => None,
    };
    std::mem::take(&mut bench.cmds).into_iter().filter_map(paging).collect()
}

fn bench(keys: &str) -> Bench {
    let mut bench = Bench::new(with_channels(), 120, 35, DEFAULT);
    bench.press(keys);
    bench
}

#[test]
fn a_level_is_paged_after_a_question_that_names_who_and_how_and_who_is_not() {
    let mut bench = bench("3 j p");
    assert!(bench.text().contains("Page core 2"), "{}", bench.text());
    bench.press("Enter");
    assert!(bench.text().contains("say what is wanted of them"), "{}", bench.text());
    bench.type_text("to the bridge");
    bench.press("Enter");
    assert_snapshot!("paging-confirm", bench.text());
    assert_eq!(asked(&mut bench), []);
    bench.press("y");
    let asked = asked(&mut bench);
    let [Ask::Page(request)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(request.whom, Whom::Level("core".into(), 2));
    assert_eq!(request.text, "to the bridge");
    assert_eq!(request.confirmed, Some(vec!["ana".into()]));
    assert_eq!(request.about, None);
}

#[test]
fn who_cannot_be_paged_is_said_before_anything_is_typed() {
    let mut bench = bench("3 S j j p");
    let text = bench.text();
    assert!(text.contains("nobody can be paged: Mia Chen: no channels"), "{text}");
    assert!(bench.model.overlays.is_empty());
    assert_eq!(asked(&mut bench), []);
}

#[test]
fn a_person_of_the_team_is_paged_and_no_leaves_what_was_typed() {
    let mut bench = bench("3 S p");
    bench.type_text("come");
    bench.press("Enter");
    assert!(bench.text().contains("Page person:ana?"), "{}", bench.text());
    bench.press("n");
    assert_eq!(asked(&mut bench), []);
    assert!(bench.text().contains("come"), "{}", bench.text());
    bench.press("Enter y");
    let asked = asked(&mut bench);
    let [Ask::Page(request)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(request.whom, Whom::Person("ana".into()));
}

#[test]
fn on_an_incident_the_page_is_about_it_and_whom_is_chosen_first() {
    for keys in ["2 g g", "2 g g Enter"] {
        let mut bench = bench(keys);
        bench.press("p");
        let text = bench.text();
        assert!(text.contains("core 1") && text.contains("Luis Peña  by ops-hook"), "{text}");
        bench.press("Enter");
        let text = bench.text();
        assert!(text.contains("A page cannot be recalled.") && text.contains("about P"), "{text}");
        bench.press("y");
        let asked = asked(&mut bench);
        let [Ask::Page(request)] = asked.as_slice() else { panic!("{asked:?}") };
        assert_eq!(request.whom, Whom::Level("core".into(), 1));
        assert!(request.about.is_some());
    }
}

#[test]
fn that_somebody_is_away_or_asleep_is_said_before() {
    let mut world = with_channels();
    let plan = Arc::make_mut(&mut world.plan);
    let ana = Arc::make_mut(Arc::make_mut(&mut plan.roster).people.get_mut("ana").unwrap());
    ana.zone = chrono_tz::Pacific::Auckland;
    let at = Interval::new(now() - TimeDelta::days(1), now() + TimeDelta::days(1));
    ana.absences = vec![Absence { at, reason: "holidays".into() }];
    let mut bench = Bench::new(world, 120, 35, DEFAULT);
    bench.press("3 S p");
    let text = bench.text();
    assert!(text.contains("(it is 02:03 there, away: holidays)"), "{text}");
}

#[test]
fn a_test_page_is_found_by_its_name_and_goes_to_the_operator() {
    let mut bench = bench(":");
    bench.type_text("test page");
    bench.press("Enter");
    let text = bench.text();
    assert!(text.contains("Test page to person:ana?"), "{text}");
    assert!(text.contains("Ana Ruiz  by mail, ops-hook"), "{text}");
    bench.press("y");
    assert_eq!(asked(&mut bench), [Ask::Test { person: "ana".into() }]);
}

#[test]
fn a_read_only_console_pages_nobody() {
    let mut world = with_channels();
    Arc::make_mut(&mut world.site).read_only = true;
    for keys in ["3 p", "2 p"] {
        let mut bench = Bench::new(world.clone(), 120, 35, DEFAULT);
        bench.press(keys);
        assert!(bench.model.overlays.is_empty(), "{keys}");
        assert!(bench.text().contains("read-only: page is not sent"), "{}", bench.text());
    }
}

#[test]
fn the_demo_says_that_nothing_is_sent() {
    let mut world = with_channels();
    let plan = Plan::clone(&world.plan);
    let site = atalaya::engine::Site { demo: true, ..plan.site.clone() };
    world.plan = Arc::new(Plan { site, ..plan });
    let mut bench = Bench::new(world, 120, 35, DEFAULT);
    bench.press("3 p");
    bench.type_text("come");
    bench.press("Enter");
    assert!(bench.text().contains("nothing is sent, it is told as if"), "{}", bench.text());
}

#[test]
fn a_page_is_not_taken_back_and_says_so() {
    let mut bench = bench("3 S p");
    bench.type_text("come");
    bench.press("Enter y");
    let ask = asked(&mut bench).remove(0);
    let said = "PAGE-1: Ana Ruiz is paged by mail, ops-hook".to_owned();
    bench.tell(Msg::Answered {
        command: Command::Paging(ask),
        outcomes: vec![Outcome { id: None, verdict: Verdict::Done { said, also: Vec::new() } }],
    });
    assert!(bench.text().contains("Ana Ruiz is paged by mail, ops-hook"), "{}", bench.text());
    assert!(!bench.text().contains("u undo"), "{}", bench.text());
    bench.press("u");
    assert!(bench.text().contains("page not recalled"), "{}", bench.text());
    assert_eq!(asked(&mut bench), []);
}

/// Ana was paged about INC-2041: it arrived by mail, the webhook failed and is tried again. Luis got a
/// test.
fn paged() -> Pages {
    let mut pages = Pages::default();
    let mut position = 0;
    let mut store = |minutes: i64, body| {
        position += 1;
        let at = now() - TimeDelta::minutes(minutes);
        pages.apply(&Recorded { position, at, actor: Actor::person("eva"), body });
    };
    let paged = |id, person: &str, test: bool| Paged {
        id: PageId(id),
        person: person.into(),
        target: "core 2".to_owned(),
        incident: (!test).then_some(IncidentId(2041)),
        priority: Some(Priority(1)),
        subject: "P1 INC-2041 checkout: slow".to_owned(),
        text: "please look".to_owned(),
        details: String::new(),
        channels: if test {
            vec!["ops-hook".into()]
        } else {
            vec!["mail".into(), "ops-hook".into()]
        },
        test,
    };
    let begin = |page, channel: &str| Event::PageTryBegan {
        page: PageId(page),
        channel: channel.into(),
        attempt: 1,
        until: now(),
    };
    let delivered = |page, channel: &str| Event::PageDelivered {
        page: PageId(page),
        channel: channel.into(),
        attempt: 1,
        said: "queued as 7".to_owned(),
    };
    store(9, Event::Paged(paged(1, "ana", false)));
    store(9, begin(1, "mail"));
    store(9, begin(1, "ops-hook"));
    store(8, delivered(1, "mail"));
    let why = "chat.example refuses connections".to_owned();
    let (page, channel, next) = (PageId(1), "ops-hook".into(), now() + TimeDelta::seconds(30));
    store(8, Event::PageFailed { page, channel, attempt: 1, why, next, unsure: false });
    store(5, Event::Paged(paged(2, "luis", true)));
    store(5, begin(2, "ops-hook"));
    store(5, delivered(2, "ops-hook"));
    pages
}

#[test]
fn what_became_of_pages_stands_with_the_person_and_in_the_load() {
    let mut world = with_channels();
    world.pages = part(paged());
    let mut bench = Bench::new(world, 160, 45, DEFAULT);
    bench.press("3");
    let text = bench.text();
    let line = |text: &str, name: &str| {
        text.lines().rfind(|l| l.contains(name)).unwrap_or_default().to_owned()
    };
    assert!(text.contains("PAGES"), "{text}");
    assert!(line(&text, "Ana Ruiz").trim_end_matches([' ', '│']).ends_with('1'), "{text}");
    assert!(line(&text, "Mia Chen").trim_end_matches([' ', '│']).ends_with('0'), "{text}");
    bench.press("S");
    assert_snapshot!("paging-team", bench.text());
}

#[test]
fn the_timeline_of_an_incident_has_its_pages_and_follows_them() {
    let mut world = with_channels();
    let id = IncidentId(2041);
    assert!(world.incidents.get(id).is_some());
    world.pages = part(paged());
    let mut bench = Bench::new(world, 160, 45, DEFAULT);
    bench.tell(Msg::Go(atalaya::ui::screens::Place::Incident(id)));
    bench.tell(Msg::Timeline { id, events: Ok(Vec::new()) });
    let text = bench.text();
    for expect in ["paged", "Ana Ruiz (core 2) by mail, ops-hook: please", "page arrived"] {
        assert!(text.contains(expect), "{expect}: {text}");
    }
    assert!(text.contains("try 1: chat.example"), "{text}");
    let mut next: Snapshot = (*bench.model.world).clone();
    let mut pages = paged();
    let body = Event::PageGivenUp {
        page: PageId(1),
        channel: "ops-hook".into(),
        why: "7 tries".to_owned(),
    };
    pages.apply(&Recorded { position: 99, at: now(), actor: Actor::system(), body });
    next.pages = part(pages);
    next.pages.generation = 2;
    bench.tell(Msg::World(Arc::new(next)));
    assert!(bench.text().contains("page given up"), "{}", bench.text());
}

#[test]
fn an_incident_says_who_is_on_call_for_it_and_how_they_are_reached() {
    for keys in ["2 g g", "2 g g Enter"] {
        let text = bench(keys).text();
        assert!(text.contains("on call  Luis Peña  luis@acme.example  (core)"), "{text}");
    }
}
/// With the policy `core` for whatever no other governs, and a console of that standing.
fn governed(pager: Pager) -> Snapshot {
    let mut world = with_channels();
    let plan = Arc::make_mut(&mut world.plan);
    Arc::make_mut(&mut plan.roster).otherwise = Some("core".into());
    world.pager = pager;
    world
}

/// The first of the queue pages, at that level.
fn paging(mut world: Snapshot, phase: Phase) -> Snapshot {
    let incidents = Arc::make_mut(&mut world.incidents.value);
    let first = incidents.by_id.get_mut(&IncidentId(2041)).unwrap();
    Arc::make_mut(first).escalation = Some(Progress {
        policy: "core".into(),
        level: 1,
        round: 1,
        at: now() - TimeDelta::minutes(2),
        people: vec!["luis".into()],
        phase,
    });
    world
}

#[test]
fn escalating_names_whom_it_pages_before() {
    for keys in ["2 g g", "2 g g Enter"] {
        let mut bench = Bench::new(governed(Pager::Unknown), 120, 35, DEFAULT);
        bench.press(keys);
        bench.press("e");
        let text = bench.text();
        assert!(text.contains("to core 1?") && text.contains("Luis Peña  by ops-hook"), "{text}");
        bench.press("y");
        let asked = std::mem::take(&mut bench.cmds);
        let request = asked.into_iter().find_map(|cmd| match cmd {
            Cmd::Ask(Command::Escalate(request)) => Some(request),
            _ => None,
        });
        let request = request.unwrap();
        assert_eq!((request.level, request.confirmed), (Some(1), Some(vec!["luis".into()])));
    }
}

#[test]
fn what_no_policy_governs_is_not_escalated_and_says_the_way_out() {
    let bench = bench("2 g g e");
    assert!(bench.text().contains("no policy governs"), "{}", bench.text());
    assert!(bench.model.overlays.is_empty());
}

#[test]
fn an_incident_shows_how_far_its_paging_has_come() {
    let waiting = Phase::Waiting { until: now() + TimeDelta::minutes(3) };
    for (phase, expect) in [
        (waiting, "core level 1: Luis Peña, 2m ago; goes on in 3m"),
        (Phase::Exhausted, "nobody acknowledged, it is exhausted"),
        (Phase::Stopped, "core level 1: Luis Peña, 2m ago"),
    ] {
        let mut bench = Bench::new(paging(governed(Pager::Unknown), phase), 160, 45, DEFAULT);
        bench.press("2");
        bench.type_text("/");
        bench.type_text("id:INC-2041");
        bench.press("Enter Enter");
        assert!(bench.text().contains(expect), "{}", bench.text());
    }
}

#[test]
fn the_queue_marks_what_nobody_came_for() {
    let mut bench =
        Bench::new(paging(governed(Pager::Unknown), Phase::Exhausted), 160, 45, DEFAULT);
    bench.press("2");
    assert!(bench.text().contains("nobody came"), "{}", bench.text());
}

#[test]
fn that_nobody_pages_is_said_in_the_header_and_who_does_among_the_sources() {
    let header = |pager: Pager| {
        let mut bench = Bench::new(governed(pager), 140, 35, DEFAULT);
        let header = bench.text().lines().next().unwrap().to_owned();
        bench.press("i");
        (header.contains("no pager"), bench.text())
    };
    let (warned, sources) = header(Pager::Nobody);
    assert!(warned && sources.contains("pager        nobody"), "{sources}");
    let (warned, sources) = header(Pager::Here { alone: true });
    assert!(!warned && sources.contains("pager        this console"), "{sources}");
    let (warned, sources) = header(Pager::Other("agent 4711 on ops1".to_owned()));
    assert!(!warned && sources.contains("pager        agent 4711 on ops1"), "{sources}");
    let (warned, sources) = header(Pager::Unknown);
    assert!(!warned && !sources.contains("pager  "), "{sources}");
}

#[test]
fn leaving_asks_only_where_paging_would_stop_with_it() {
    let waiting = || Phase::Waiting { until: now() + TimeDelta::minutes(3) };
    let leave = |pager: Pager, phase: Phase| {
        let mut bench = Bench::new(paging(governed(pager), phase), 120, 35, DEFAULT);
        bench.press("q");
        (bench.text(), bench.cmds.iter().any(|cmd| matches!(cmd, Cmd::Quit(0))))
    };
    let (text, left) = leave(Pager::Here { alone: true }, waiting());
    assert!(!left && text.contains("One incident pages on, and nobody else would"), "{text}");
    assert!(leave(Pager::Here { alone: false }, waiting()).1);
    assert!(leave(Pager::Other("agent".to_owned()), waiting()).1);
    assert!(leave(Pager::Here { alone: true }, Phase::Stopped).1);
}

#[test]
fn paging_that_reached_nobody_says_so() {
    let lost = "it has reached nobody: every try failed";
    let shown = |delivered: bool| {
        let mut world = paging(governed(Pager::Unknown), Phase::Stopped);
        let incident = world.incidents.get(IncidentId(2041)).unwrap().clone();
        let at = incident.escalation.as_ref().unwrap().at;
        let mut pages = Pages::default();
        let mut store = |position, body| {
            pages.apply(&Recorded { position, at, actor: Actor::system(), body });
        };
        let page = PageId(1);
        store(
            1,
            Event::Paged(Paged {
                id: page,
                person: "luis".into(),
                target: "core 1".to_owned(),
                incident: Some(incident.id),
                priority: Some(Priority(1)),
                subject: String::new(),
                text: String::new(),
                details: String::new(),
                channels: vec!["mail".into()],
                test: false,
            }),
        );
        let (channel, attempt, why) = ("mail".into(), 1, "no route to host".to_owned());
        let next = at + TimeDelta::seconds(5);
        store(2, Event::PageFailed { page, channel, attempt, why, next, unsure: false });
        if delivered {
            let (channel, attempt, said) = ("mail".into(), 2, String::new());
            store(3, Event::PageDelivered { page, channel, attempt, said });
        }
        world.pages = part(pages);
        let mut bench = Bench::new(world, 160, 45, DEFAULT);
        bench.press("2");
        bench.type_text("/");
        bench.type_text("id:INC-2041");
        bench.press("Enter Enter");
        bench.text().replace('\n', " ")
    };
    let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(shown(false)).contains("it has reached nobody"), "{}", shown(false));
    assert!(!shown(true).contains(lost), "{}", shown(true));
}

#[test]
fn who_takes_the_pager_over_is_told_and_that_nobody_has_it() {
    let with = |pager| Msg::World(Arc::new(Snapshot { pager, ..governed(Pager::Unknown) }));
    let mut bench = Bench::new(governed(Pager::Unknown), 160, 45, DEFAULT);
    let agent = || Pager::Other("agent 7 on ops1".to_owned());
    bench.tell(with(agent()));
    assert!(bench.model.messages.is_empty(), "it is no news who has it at the start");
    for (pager, expect) in [
        (Pager::Here { alone: true }, "this console pages now; agent 7 on ops1 did before"),
        (agent(), "agent 7 on ops1 pages now; this console did before"),
        (Pager::Nobody, "nobody pages now; agent 7 on ops1 did until now"),
    ] {
        bench.tell(with(pager));
        assert_eq!(bench.model.messages.back().unwrap().text, expect);
    }
}

#[test]
fn a_hundred_columns_say_where_one_is_that_one_may_only_look_and_that_nobody_pages() {
    let mut world = governed(Pager::Nobody);
    world.site = Arc::new(Site { read_only: true, ..(*world.site).clone() });
    let bench = Bench::new(world, 100, 30, DEFAULT);
    let first = bench.text().lines().next().unwrap().to_owned();
    for expect in ["acme-noc", "no pager", "READ-ONLY", "P1"] {
        assert!(first.contains(expect), "{expect}: {first}");
    }
}
