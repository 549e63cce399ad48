//! PagerDuty's API by recorded shapes: pages of a list, patience, a list without an end, a token that is
//! refused.

use std::sync::Arc;
use std::time::Duration;

use atalaya::domain::calendar::stated::Terms;
use atalaya::domain::calendar::{Kind as WindowKind, Window};
use atalaya::domain::health::ServiceId;
use atalaya::domain::incident::IncidentId;
use atalaya::domain::observation::{Alert, Fact, Observation, SourceState};
use atalaya::domain::outbox::Standing;
use atalaya::domain::roster::Person;
use atalaya::domain::roster::stated::Callings;
use atalaya::domain::upstream::{Call, Ended, Order, OrderId, Ordered};
use atalaya::sources::http_client::Clients;
use atalaya::sources::orders::Clerk;
use atalaya::sources::settings::{
    Auth, HttpSettings, Kind, Meaning, PagerDuty, Secret, SourceSettings,
};
use atalaya::sources::supervisor::poll_once;
use atalaya::sources::{SourceError, registry};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

fn source(server: &MockServer, from: Option<&str>) -> SourceSettings {
    let kind = PagerDuty {
        url: server.uri().parse().unwrap(),
        from: from.map(str::to_owned),
        services: vec!["PIJ90N7".to_owned()],
        teams: Vec::new(),
        actions: ["acknowledge", "resolve", "snooze", "assign", "note"].map(str::to_owned).to_vec(),
        schedule: None,
        meaning: Meaning::default(),
    };
    let auth = Auth::Token(Secret::Inline("u+secret".to_owned().into()));
    SourceSettings {
        name: "pagerduty".into(),
        interval: Duration::from_secs(30),
        timeout: Duration::from_secs(10),
        max_body: 1 << 20,
        http: HttpSettings { auth, ..HttpSettings::default() },
        kind: Kind::PagerDuty(kind),
        asks: Vec::new(),
    }
}

async fn poll(settings: &SourceSettings) -> Result<Observation, SourceError> {
    registry(settings, false, &Clients::default()).poll(Utc::now()).await
}

fn incidents(count: usize, from: usize, more: bool) -> Value {
    let one = |n: usize| {
        json!({
            "id": format!("P{n:06}"), "title": format!("trouble {n}"), "status": "triggered",
            "created_at": "2026-11-27T18:30:42Z", "urgency": "high",
            "service": { "id": "PIJ90N7", "summary": "Checkout" }
        })
    };
    let all: Vec<Value> = (from..from + count).map(one).collect();
    json!({ "incidents": all, "limit": 100, "offset": from, "more": more })
}

fn alerts(observation: &Observation) -> (&[Alert], bool) {
    match observation.facts.as_slice() {
        [Fact::Alerts(set)] => (&set.alerts, set.complete && set.authoritative),
        other => panic!("{other:?}"),
    }
}

async fn listing(server: &MockServer, offset: &str, body: Value) {
    Mock::given(method("GET"))
        .and(path("/incidents"))
        .and(query_param("offset", offset))
        .and(query_param("service_ids[]", "PIJ90N7"))
        .and(header("authorization", "Token token=u+secret"))
        .and(header("accept", "application/vnd.pagerduty+json;version=2"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(server)
        .await;
}

#[tokio::test]
async fn every_page_of_the_open_incidents_is_read() {
    let server = MockServer::start().await;
    listing(&server, "0", incidents(100, 0, true)).await;
    listing(&server, "100", incidents(7, 100, false)).await;
    let observation = poll(&source(&server, None)).await.unwrap();
    let (alerts, is_whole) = alerts(&observation);
    assert_eq!((alerts.len(), is_whole), (107, true));
}

#[tokio::test]
async fn a_list_that_promises_more_and_gives_none_is_not_all_there_is() {
    let server = MockServer::start().await;
    listing(&server, "0", incidents(2, 0, true)).await;
    listing(&server, "2", incidents(0, 2, true)).await;
    let observation = poll(&source(&server, None)).await.unwrap();
    let (alerts, is_whole) = alerts(&observation);
    assert_eq!((alerts.len(), is_whole), (2, false), "absence proves nothing then");
}

/// Answers one list, however often, and asserts what it was asked for.
async fn list(server: &MockServer, at: &str, filter: (&str, &str), body: Value) {
    Mock::given(method("GET"))
        .and(path(at))
        .and(query_param(filter.0, filter.1))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(server)
        .await;
}

fn planning(server: &MockServer) -> SourceSettings {
    let mut settings = source(server, None);
    let Kind::PagerDuty(account) = &mut settings.kind else { panic!() };
    account.schedule = Some("PSCHED1".to_owned());
    let ana = Person {
        name: "Ana Ruiz".into(),
        email: Some("ana@acme.example".into()),
        ..Person::new("ana")
    };
    let named = [("Benji".to_owned(), "ben".into())].into();
    account.meaning.callings = Callings::new([&ana], &named);
    let mut terms = Terms::new(WindowKind::Maintenance);
    terms.name_service("Checkout", &ServiceId::new("checkout"));
    account.meaning.windows = Some(Box::new(terms));
    settings
}

fn user(id: &str, name: &str, email: &str) -> Value {
    json!({ "id": id, "type": "user", "summary": name, "name": name, "email": email })
}

fn window(id: &str, hours: [i64; 2]) -> Value {
    let at = |hours| (now() + TimeDelta::hours(hours)).to_rfc3339();
    json!({
        "id": id, "type": "maintenance_window", "summary": "Checkout and 1 more",
        "description": "Change the disks", "start_time": at(hours[0]), "end_time": at(hours[1]),
        "services": [{ "id": "PIJ90N7", "summary": "Checkout" }, null],
        "created_by": { "id": "PANA01", "summary": "Ana Ruiz" }
    })
}

fn now() -> chrono::DateTime<Utc> {
    "2026-11-28T06:30:00Z".parse().unwrap()
}

fn windows(observation: &Observation) -> Vec<(String, String)> {
    let windows = observation.facts.iter().find_map(|fact| match fact {
        Fact::Windows(windows) => Some(windows.to_vec()),
        _ => None,
    });
    let shown =
        |w: Arc<Window>| (w.id.to_string(), w.recurrence.start.format("%d %H:%M").to_string());
    windows.unwrap().into_iter().map(shown).collect()
}

#[tokio::test]
async fn who_is_on_call_there_and_what_is_planned_are_read_as_from_a_calendar() {
    let server = MockServer::start().await;
    listing(&server, "0", incidents(0, 0, false)).await;
    let entry = |policy: &str, user: Value, start: Value, end: Value| json!({ "escalation_policy": { "id": policy }, "user": user, "start": start, "end": end });
    let ana = || user("PANA01", "A. Ruiz", "ana@acme.example");
    let on_call = json!({ "oncalls": [
        entry("PESC1", ana(), json!("2026-11-28T08:00:00Z"), json!("2026-11-29T08:00:00+01:00")),
        // The same turn stands there for each policy that has the schedule.
        entry("PESC2", ana(), json!("2026-11-28T08:00:00Z"), json!("2026-11-29T08:00:00+01:00")),
        entry("PESC1", user("PBEN02", "Benji", ""), json!("2026-11-29T07:00:00Z"), Value::Null),
        entry("PESC1", user("PEVE", "Eve\u{1b}[31m", ""), json!("2026-11-20T07:00:00Z"), json!("2026-11-21T07:00:00Z")),
        entry("PESC1", ana(), json!("yesterday"), Value::Null),
        json!({ "user": null, "start": null, "end": null }),
    ], "more": false });
    list(&server, "/oncalls", ("schedule_ids[]", "PSCHED1"), on_call).await;
    let open = json!({ "maintenance_windows": [window("PW1", [1, 3])], "more": false });
    list(&server, "/maintenance_windows", ("filter", "open"), open).await;
    let past = json!({ "maintenance_windows": [
        window("PW0", [-50, -48]), window("POLD", [-24 * 500, -24 * 499]), window("PBAD", [5, 4]),
    ], "more": false });
    list(&server, "/maintenance_windows", ("filter", "past"), past).await;
    let settings = planning(&server);
    let observation = registry(&settings, false, &Clients::default()).poll(now()).await.unwrap();
    let [Fact::Alerts(_), Fact::Shifts(duties), Fact::Windows(planned)] = &*observation.facts
    else {
        panic!("{observation:?}")
    };
    let at = |text: &str| text.parse::<chrono::DateTime<Utc>>().unwrap();
    let turns: Vec<_> = duties.iter().map(|d| (&*d.person, d.at.from, d.at.to)).collect();
    let ahead = now() + TimeDelta::days(60);
    assert_eq!(
        turns,
        [
            ("ana", at("2026-11-28T08:00:00Z"), at("2026-11-29T07:00:00Z")),
            ("ben", at("2026-11-29T07:00:00Z"), ahead),
        ]
    );
    let [warning, bad] = &*observation.warnings else { panic!("{:?}", observation.warnings) };
    assert_eq!(bad, "maintenance window PBAD is left out: it ends before it begins");
    assert!(warning.contains("\"Eve") && warning.contains("people = {"), "{warning}");
    assert!(!warning.contains('\u{1b}'), "{warning:?}");
    let [over, soon] = &planned[..] else { panic!("{planned:?}") };
    assert_eq!(&*soon.summary, "Change the disks");
    assert_eq!(soon.scope.services, [ServiceId::new("checkout")]);
    assert_eq!(soon.owner.as_deref(), Some("ana"));
    assert_eq!(over.recurrence.start, (now() - TimeDelta::hours(50)).naive_utc());
}

#[tokio::test]
async fn a_window_that_is_over_stays_and_one_that_was_called_off_goes() {
    let server = MockServer::start().await;
    listing(&server, "0", incidents(0, 0, false)).await;
    list(&server, "/oncalls", ("schedule_ids[]", "PSCHED1"), json!({ "oncalls": [] })).await;
    let filter = |name: &str| query_param("filter", name);
    let planned = |all: &[Value]| json!({ "maintenance_windows": all });
    let mount = async |name: &str, body: Value, times: u64| {
        let answer = ResponseTemplate::new(200).set_body_json(body);
        let mock = Mock::given(path("/maintenance_windows")).and(filter(name)).respond_with(answer);
        mock.up_to_n_times(times).mount(&server).await;
    };
    mount("open", planned(&[window("PW1", [-1, 1]), window("PW2", [2, 3])]), 1).await;
    mount("past", planned(&[]), 1).await;
    mount("open", planned(&[window("PW2", [2, 3])]), 1).await;
    mount("open", planned(&[]), 1).await;
    mount("past", planned(&[window("PW1", [-1, 1])]), 1).await;
    let settings = planning(&server);
    let mut source = registry(&settings, false, &Clients::default());
    let mut seen = Vec::new();
    for hours in [0, 1, 2] {
        let observation = source.poll(now() + TimeDelta::hours(hours)).await.unwrap();
        seen.push(windows(&observation).iter().map(|(id, _)| id.clone()).collect::<Vec<_>>());
    }
    assert_eq!(
        seen,
        [
            &["pagerduty#PW1", "pagerduty#PW2"][..],
            &["pagerduty#PW1", "pagerduty#PW2"],
            &["pagerduty#PW1"]
        ]
    );
}

#[tokio::test]
async fn calendars_that_are_refused_hide_no_incident() {
    let server = MockServer::start().await;
    listing(&server, "0", incidents(3, 0, false)).await;
    let refused = ResponseTemplate::new(403).set_body_json(json!({ "error": { "code": 2010 } }));
    for at in ["/oncalls", "/maintenance_windows"] {
        Mock::given(path(at)).respond_with(refused.clone()).mount(&server).await;
    }
    let observation = poll(&planning(&server)).await.unwrap();
    let (alerts, is_whole) = alerts(&observation);
    assert_eq!((alerts.len(), is_whole), (3, true));
    let [on_call, planned] = observation.warnings.as_slice() else { panic!("{observation:?}") };
    assert!(on_call.starts_with("who is on call could not be read: "), "{on_call}");
    assert!(planned.starts_with("its maintenance windows could not be read: "), "{planned}");
}

/// Refuses one part of the account.
async fn refusing(server: &MockServer, at: &str) {
    let refused = ResponseTemplate::new(403).set_body_json(json!({ "error": { "code": 2010 } }));
    Mock::given(path(at)).respond_with(refused).mount(server).await;
}

#[tokio::test]
async fn incidents_that_are_refused_cost_neither_shifts_nor_windows() {
    let server = MockServer::start().await;
    refusing(&server, "/incidents").await;
    list(&server, "/oncalls", ("schedule_ids[]", "PSCHED1"), json!({ "oncalls": [] })).await;
    for filter in ["open", "past"] {
        let all = json!({ "maintenance_windows": [window("PW1", [1, 3])] });
        list(&server, "/maintenance_windows", ("filter", filter), all).await;
    }
    let (status, observation) = poll_once(vec![planning(&server)]).await.remove(0);
    let SourceState::Failing { error, .. } = &status.state else { panic!("{status:?}") };
    assert!(error.contains("403"), "{error}");
    let observation = observation.unwrap();
    let [Fact::Shifts(_), Fact::Windows(planned)] = &*observation.facts else {
        panic!("{observation:?}")
    };
    assert_eq!(planned.len(), 1);
}

#[tokio::test]
async fn an_incident_that_makes_no_sense_is_left_out_and_named_and_absence_proves_nothing_then() {
    let server = MockServer::start().await;
    let mut body = incidents(9, 0, false);
    body["incidents"][1]["title"] = json!(5);
    for n in 2..8 {
        body["incidents"][n] = json!({ "id": "" });
    }
    body["incidents"][7] = json!("what");
    listing(&server, "0", body).await;
    let observation = poll(&source(&server, None)).await.unwrap();
    let (alerts, is_whole) = alerts(&observation);
    let ids: Vec<_> = alerts.iter().map(|a| a.fingerprint.as_str()).collect();
    assert_eq!((ids.as_slice(), is_whole), (&["P000000", "P000008"][..], false));
    assert_eq!(
        observation.warnings,
        [
            "incident P000001 is left out: its \"title\" makes no sense",
            "incident without an id is left out: it is not what PagerDuty describes",
            "incident without an id is left out: it is not what PagerDuty describes",
        ]
    );
}

#[tokio::test]
async fn a_list_that_never_ends_is_asked_for_as_long_as_it_brings_something_new() {
    let server = MockServer::start().await;
    // The same page for ever.
    let same = ResponseTemplate::new(200).set_body_json(incidents(3, 0, true));
    Mock::given(path("/incidents")).respond_with(same).mount(&server).await;
    let observation = poll(&source(&server, None)).await.unwrap();
    let (found, is_whole) = alerts(&observation);
    assert_eq!((found.len(), is_whole), (3, false));
    let why = "more than 3 incidents are listed; name services or teams";
    assert_eq!(observation.warnings, [why]);
    assert_eq!(server.received_requests().await.unwrap().len(), 2);

    // One more on each page, for ever.
    server.reset().await;
    let next = |request: &Request| {
        let offset = request.url.query_pairs().find(|(name, _)| name == "offset");
        let from: usize = offset.unwrap().1.parse().unwrap();
        ResponseTemplate::new(200).set_body_json(incidents(1, from, true))
    };
    Mock::given(path("/incidents")).respond_with(next).mount(&server).await;
    let observation = poll(&source(&server, None)).await.unwrap();
    let (found, is_whole) = alerts(&observation);
    assert_eq!((found.len(), is_whole), (100, false));
    assert_eq!(server.received_requests().await.unwrap().len(), 100);
}

#[tokio::test]
async fn a_window_without_a_description_mutes_as_one_with_it_and_one_without_a_time_is_named() {
    let server = MockServer::start().await;
    listing(&server, "0", incidents(0, 0, false)).await;
    list(&server, "/oncalls", ("schedule_ids[]", "PSCHED1"), json!({ "oncalls": [] })).await;
    let bare = |id: &str, description: Value, services: Value| {
        let mut bare = window(id, [-1, 1]);
        bare["description"] = description;
        bare["summary"] = Value::Null;
        bare["services"] = services;
        bare
    };
    let checkout = || json!({ "id": "PIJ90N7", "summary": "Checkout" });
    let mut timeless = window("PW4", [1, 2]);
    timeless["end_time"] = json!("soon\u{1b}[2J");
    let mut wrong = window("PW5", [1, 2]);
    wrong["services"] = json!(7);
    let open = json!({ "maintenance_windows": [
        bare("PW1", Value::Null, json!([checkout(), null])),
        bare("PW2", json!(" "), json!([checkout(), { "summary": "Search" }])),
        bare("PW3", json!(""), Value::Null),
        timeless,
        wrong,
    ] });
    list(&server, "/maintenance_windows", ("filter", "open"), open).await;
    let none = json!({ "maintenance_windows": [] });
    list(&server, "/maintenance_windows", ("filter", "past"), none).await;
    let mut settings = planning(&server);
    let Kind::PagerDuty(account) = &mut settings.kind else { panic!() };
    let terms = account.meaning.windows.as_mut().unwrap();
    terms.scope.services = vec![ServiceId::new("all")];
    let observation = registry(&settings, false, &Clients::default()).poll(now()).await.unwrap();
    let planned = observation.facts.iter().find_map(|fact| match fact {
        Fact::Windows(windows) => Some(windows),
        _ => None,
    });
    let called: Vec<_> = planned.unwrap().iter().map(|w| &*w.summary).collect();
    assert_eq!(
        called,
        ["maintenance of Checkout", "maintenance of Checkout and 1 more", "maintenance"]
    );
    let said: Vec<_> = observation.warnings.iter().filter(|w| w.contains("left out")).collect();
    assert_eq!(
        said,
        [
            "maintenance window PW5 is left out: its \"services\" makes no sense",
            "maintenance window PW4 is left out: its end_time \"soon\" is no time",
        ]
    );
}

#[tokio::test]
async fn the_user_in_whose_name_we_act_is_looked_up_by_address() {
    let server = MockServer::start().await;
    listing(&server, "0", incidents(1, 0, false)).await;
    let users = json!({ "users": [
        { "id": "PWRONG", "email": "noc@acme.example.org" },
        { "id": "PXPGF42", "email": "NOC@acme.example" },
    ] });
    Mock::given(path("/users"))
        .and(query_param("query", "noc@acme.example"))
        .respond_with(ResponseTemplate::new(200).set_body_json(users))
        .mount(&server)
        .await;
    let observation = poll(&source(&server, Some("noc@acme.example"))).await.unwrap();
    assert_eq!(observation.warnings, [""; 0]);
}

#[tokio::test]
async fn patience_is_asked_for_in_its_own_header() {
    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(429).insert_header("ratelimit-reset", "17");
    Mock::given(method("GET")).respond_with(busy).mount(&server).await;
    match poll(&source(&server, None)).await {
        Err(SourceError::Busy { retry_after, .. }) => {
            assert_eq!(retry_after, Some(Duration::from_secs(17)));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refused_token_is_not_shown() {
    let server = MockServer::start().await;
    let said = json!({ "error": { "message": "invalid token u+secret", "code": 2006 } });
    let denied = ResponseTemplate::new(401).set_body_json(said);
    Mock::given(method("GET")).respond_with(denied).mount(&server).await;
    let error = poll(&source(&server, None)).await.unwrap_err();
    assert!(matches!(error, SourceError::Denied(_)), "{error:?}");
    assert!(!error.to_string().contains("u+secret"), "{error}");
}

/// An order as an action here makes it.
fn order(action: &str, attempts: u32, values: &[(&str, &str)]) -> Order {
    let all = [&[("alert", "PT4KHLK")], values].concat();
    let values = all.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let what = Ordered {
        id: OrderId(3),
        source: "pagerduty".into(),
        incident: Some(IncidentId(7)),
        author: "ana".to_owned(),
        call: Call::Tell { action: action.to_owned(), values },
    };
    let at = "2026-11-27T18:40:00Z".parse().unwrap();
    let standing = Standing::Waiting { at };
    Order {
        what,
        at,
        by: "ana".to_owned(),
        session: String::new(),
        attempts,
        standing,
        made: None,
        failed: Vec::new(),
    }
}

async fn told(server: &MockServer, order: &Order) -> Ended {
    let settings = source(server, Some("noc@acme.example"));
    Clerk::new(&[settings]).carry_out(order).await
}

fn done(ended: &Ended) -> &str {
    match ended {
        Ended::Done { said, .. } => said,
        failed @ Ended::Failed { .. } => panic!("{failed:?}"),
    }
}

/// What was sent to change something: method, path, `From` and body.
async fn changes(server: &MockServer) -> Vec<(String, String, String, Value)> {
    let sent = server.received_requests().await.unwrap();
    let writes = sent.into_iter().filter(|r| r.method.as_str() != "GET");
    let read = writes.map(|r| {
        let from = r.headers.get("from").unwrap().to_str().unwrap().to_owned();
        let body = serde_json::from_slice(&r.body).unwrap();
        (r.method.to_string(), r.url.path().to_owned(), from, body)
    });
    read.collect()
}

async fn answering(status: u16, body: Value) -> MockServer {
    let server = MockServer::start().await;
    let users = json!({ "users": [{ "id": "PLUIS", "email": "luis@acme.example" }] });
    Mock::given(path("/users"))
        .respond_with(ResponseTemplate::new(200).set_body_json(users))
        .mount(&server)
        .await;
    for verb in ["PUT", "POST"] {
        Mock::given(method(verb))
            .respond_with(ResponseTemplate::new(status).set_body_json(body.clone()))
            .mount(&server)
            .await;
    }
    server
}

#[tokio::test]
async fn what_is_done_here_is_told_there_in_the_name_of_the_account() {
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, Value);
    let cases: [Case<'_>; 4] = [
        (
            "acknowledge",
            &[],
            "/incidents/PT4KHLK",
            json!({ "incident": { "type": "incident_reference", "status": "acknowledged" } }),
        ),
        (
            "resolve",
            &[("comment", "restarted")],
            "/incidents/PT4KHLK",
            json!({ "incident": { "type": "incident_reference", "status": "resolved",
                "resolution": "restarted" } }),
        ),
        (
            "assign",
            &[("to", "luis"), ("email", "luis@acme.example")],
            "/incidents/PT4KHLK",
            json!({ "incident": { "type": "incident_reference", "assignments": [
                { "assignee": { "id": "PLUIS", "type": "user_reference" } }] } }),
        ),
        (
            "note",
            &[("comment", "pool exhausted"), ("by", "ana")],
            "/incidents/PT4KHLK/notes",
            json!({ "note": { "content": "ana: pool exhausted [atalaya-order-3-1795804800000]" } }),
        ),
    ];
    for (action, values, at, expect) in cases {
        let server = answering(200, json!({})).await;
        assert_eq!(done(&told(&server, &order(action, 1, values)).await), "", "{action}");
        let sent = changes(&server).await;
        let [(_, path, from, body)] = sent.as_slice() else { panic!("{action}: {sent:?}") };
        assert_eq!((path.as_str(), from.as_str(), body), (at, "noc@acme.example", &expect));
    }
}

#[tokio::test]
async fn a_snooze_is_told_as_what_is_left_of_it() {
    let server = answering(201, json!({})).await;
    let until = (Utc::now() + chrono::TimeDelta::hours(2)).to_rfc3339();
    done(&told(&server, &order("snooze", 1, &[("until", &until)])).await);
    let sent = changes(&server).await;
    let seconds = sent[0].3["duration"].as_i64().unwrap();
    assert!((7_100..=7_200).contains(&seconds), "{seconds}");
    let over = told(&server, &order("snooze", 1, &[("until", "2026-01-01T00:00:00Z")])).await;
    assert_eq!(done(&over), "the snooze was over already");
    assert_eq!(changes(&server).await.len(), 1);
}

#[tokio::test]
async fn a_note_whose_first_try_had_arrived_is_not_written_twice() {
    let server = answering(200, json!({})).await;
    let notes = json!({ "notes": [{ "content": "ana: x [atalaya-order-3-1795804800000]" }] });
    Mock::given(path("/incidents/PT4KHLK/notes"))
        .and(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(notes))
        .mount(&server)
        .await;
    let ended = told(&server, &order("note", 2, &[("comment", "x")])).await;
    assert_eq!(done(&ended), "an earlier try had arrived");
    assert_eq!(changes(&server).await, []);
}

#[tokio::test]
async fn what_is_resolved_there_already_is_no_failure_and_what_is_wrong_is_given_up() {
    let refused = json!({ "error": { "message": "Incident Already Resolved", "code": 2015 } });
    let server = answering(400, refused).await;
    let resolved = json!({ "incident": { "id": "PT4KHLK", "status": "resolved" } });
    Mock::given(path("/incidents/PT4KHLK"))
        .and(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_json(resolved))
        .mount(&server)
        .await;
    let ended = told(&server, &order("resolve", 1, &[])).await;
    assert_eq!(done(&ended), "it was resolved there already");
    for (values, why) in [
        (&[("to", "luis"), ("email", "")][..], "has no mail address"),
        (&[("to", "mia"), ("email", "mia@acme.example")], "has no user with the address"),
        (&[("to", ""), ("email", "")], "no incident without an assignee"),
    ] {
        match told(&server, &order("assign", 1, values)).await {
            Ended::Failed { why: said, is_final: true, .. } => {
                assert!(said.contains(why), "{said}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_server_in_trouble_is_tried_again() {
    let server = answering(503, json!({})).await;
    match told(&server, &order("note", 1, &[("comment", "x")])).await {
        Ended::Failed { is_final: false, .. } => {}
        other => panic!("{other:?}"),
    }
}

/// A config with that server as its one source.
fn configure(home: &tempfile::TempDir, url: &str) {
    let config = format!(
        "[operator]\nname = \"ana\"\n[[sources]]\nname = \"pd\"\nkind = \"pagerduty\"\nurl = \"{url}\"\n\
         interval = \"1s\"\ntimeout = \"1s\"\nauth = {{ token = \"u+secret\" }}\n\
         from = \"noc@acme.example\"\nactions = [\"acknowledge\", \"note\"]\n",
    );
    std::fs::write(home.path().join("c.toml"), config).unwrap();
}

fn atalaya(home: &tempfile::TempDir, arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_atalaya"));
    let (config, store) = (home.path().join("c.toml"), home.path().join("a.db"));
    command.env("HOME", home.path()).arg("--config").arg(config).arg("--store").arg(store);
    command.args(arguments);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_tells_the_source_itself_and_says_so_where_it_could_not() {
    let server = answering(200, json!({})).await;
    Mock::given(path("/incidents"))
        .respond_with(ResponseTemplate::new(200).set_body_json(incidents(1, 0, false)))
        .mount(&server)
        .await;
    let home = tempfile::tempdir().unwrap();
    configure(&home, &server.uri());
    let mut agent = atalaya(&home, &["agent"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    for _ in 0..300 {
        let seen = atalaya(&home, &["incidents"]).output().unwrap();
        if String::from_utf8_lossy(&seen.stdout).contains("trouble 0") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    agent.kill().unwrap();
    agent.wait().unwrap();

    let told = atalaya(&home, &["incident", "ack", "1"]).output().unwrap();
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    let sent = changes(&server).await;
    assert_eq!(sent[0].3["incident"]["status"], "acknowledged");

    configure(&home, "http://127.0.0.1:1");
    let told = atalaya(&home, &["incident", "note", "1", "--text", "looking"]).output().unwrap();
    let said = String::from_utf8(told.stderr).unwrap();
    assert_eq!(told.status.code(), Some(3), "{said}");
    assert!(said.contains("pd is not told"), "{said}");
    assert!(String::from_utf8(told.stdout).unwrap().contains("INC-1  done  INC-1 noted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_names_why_shifts_and_windows_are_missing_of_a_source_that_answers() {
    let server = MockServer::start().await;
    let none = ResponseTemplate::new(200).set_body_json(incidents(0, 0, false));
    Mock::given(path("/incidents")).respond_with(none).mount(&server).await;
    let users = json!({ "users": [{ "id": "PNOC", "email": "noc@acme.example" }] });
    let users = ResponseTemplate::new(200).set_body_json(users);
    Mock::given(path("/users")).respond_with(users).mount(&server).await;
    refusing(&server, "/oncalls").await;
    refusing(&server, "/maintenance_windows").await;
    let home = tempfile::tempdir().unwrap();
    configure(&home, &server.uri());
    let config = home.path().join("c.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text
        + "windows = {}\nschedule = \"PSCHED1\"\n[[people]]\nid = \"ana\"\n\
                [[services]]\nid = \"checkout\"\nname = \"Checkout\"\n\
                [[schedules]]\nid = \"primary\"\n\
                [[schedules.layers]]\nname = \"there\"\nsource = \"pd\"\n";
    std::fs::write(&config, text).unwrap();
    let made = atalaya(&home, &["incident", "report", "--title", "-2+3"]).output().unwrap();
    assert_eq!(made.status.code(), Some(0), "a text may begin with a dash: {made:?}");
    for (command, why, missing) in [
        ("oncall", "who is on call could not be read: ", "are missing"),
        ("calendar", "its maintenance windows could not be read: ", "are missing"),
    ] {
        let told = atalaya(&home, &[command]).output().unwrap();
        let said = String::from_utf8(told.stderr).unwrap();
        assert!(said.contains("source pd: ") && said.contains(why), "{command}: {said}");
        assert!(said.contains("403") && said.contains(missing), "{command}: {said}");
        assert!(!said.contains("fresh"), "{command}: {said}");
    }
}
