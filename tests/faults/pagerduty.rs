//! PagerDuty's API by recorded shapes: pages of a list, patience, a list without an end, a token that is
//! refused.

use std::time::Duration;

use atalaya::domain::incident::IncidentId;
use atalaya::domain::observation::{Alert, Fact, Observation};
use atalaya::domain::outbox::Standing;
use atalaya::domain::upstream::{Call, Ended, Order, OrderId, Ordered};
use atalaya::sources::http_client::Clients;
use atalaya::sources::orders::Clerk;
use atalaya::sources::settings::{Auth, HttpSettings, Kind, PagerDuty, Secret, SourceSettings};
use atalaya::sources::{SourceError, registry};
use chrono::Utc;
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn source(server: &MockServer, from: Option<&str>) -> SourceSettings {
    let kind = PagerDuty {
        url: server.uri().parse().unwrap(),
        from: from.map(str::to_owned),
        services: vec!["PIJ90N7".to_owned()],
        teams: Vec::new(),
        actions: ["acknowledge", "resolve", "snooze", "assign", "note"].map(str::to_owned).to_vec(),
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
