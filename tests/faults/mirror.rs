//! Upstreams that hang, lie, refuse and ask for patience while they are told of maintenance: a pass ends
//! in time and says what to do, and one thing that cannot be told keeps nothing else from being told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use atalaya::domain::calendar::mirror::{Owner, due};
use atalaya::domain::calendar::{Calendar, ChangeType, Kind as What, Length, Window};
use atalaya::domain::health::{Service, ServiceId};
use atalaya::domain::matcher::Matchers;
use atalaya::domain::time::Recurrence;
use atalaya::sources::http_client::Clients;
use atalaya::sources::mirror::{About, Mirror, Pass, World};
use atalaya::sources::settings::{Alertmanager, HttpSettings, Icinga2, Kind, SourceSettings};
use chrono::{TimeDelta, Utc};
use chrono_tz::Tz;
use rstest::rstest;
use serde_json::json;
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers};

/// One pass against a server, in which `checkout` and `search` are in maintenance.
async fn pass(server: &MockServer, kind: &str) -> Pass {
    let (url, mirror) = (server.uri().parse().unwrap(), Some(Owner::new("noc", "")));
    let kind = match kind {
        "icinga2" => Kind::Icinga2(Icinga2 {
            url,
            vars: Vec::new(),
            mirror,
            acknowledge: None,
            notes: false,
        }),
        _ => Kind::Alertmanager(Alertmanager {
            urls: vec![url],
            filter: Vec::new(),
            heartbeats: Vec::new(),
            origins: Vec::new(),
            mirror,
            acknowledge: None,
        }),
    };
    let settings = SourceSettings {
        name: "upstream".into(),
        interval: Duration::from_secs(1),
        timeout: Duration::from_millis(500),
        max_body: 64 * 1024,
        http: HttpSettings::default(),
        kind,
        asks: Vec::new(),
    };
    let services = ["checkout", "search"].map(|id| {
        let mut service = Service::new(id);
        service.matchers = vec![Matchers::parse(&format!("app={id}")).unwrap()];
        Arc::new(service)
    });
    let now = Utc::now();
    let once = Recurrence::once(now.naive_utc(), Tz::UTC);
    let mut window = Window::new("WIN-1", What::Update, once, Length::hours(1));
    window.change_type = ChangeType::Standard;
    window.scope.services = ["checkout", "search"].map(ServiceId::new).to_vec();
    let mut calendar = Calendar::default();
    calendar.set_plan(&[Arc::new(window)], now - TimeDelta::days(1));
    let due = due(&calendar, now);
    let mirror = Mirror::of(&settings, About::Maintenance, &Clients::default()).unwrap();
    mirror.pass(World { due: &due, services: &services, acknowledged: &[], now }).await
}

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(matchers::any()).respond_with(answer).mount(&server).await;
    server
}

#[rstest]
#[case(ResponseTemplate::new(200).set_delay(Duration::from_mins(1)), "no answer within 500 ms")]
#[case(ResponseTemplate::new(200).set_body_raw("<html>log in</html>", "text/html"), "a web page")]
#[case(ResponseTemplate::new(200).set_body_raw("{\"a\":".repeat(200), "application/json"), "JSON")]
#[case(ResponseTemplate::new(200).set_body_bytes(vec![b' '; 100_000]), "raise max_body")]
#[case(ResponseTemplate::new(401), "set auth for this source")]
#[case(ResponseTemplate::new(403), "the right to read")]
#[tokio::test]
async fn what_cannot_be_looked_at_is_left_alone_and_told_in_time(
    #[case] answer: ResponseTemplate,
    #[case] expect: &str,
    #[values("alertmanager", "icinga2")] kind: &str,
) {
    let server = answering(answer).await;
    let begun = Instant::now();
    let pass = pass(&server, kind).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(pass.busy && pass.changed == 0, "{pass:?}");
    let [trouble] = &pass.troubles[..] else { panic!("{pass:?}") };
    assert!(trouble.starts_with("maintenance is not mirrored: "), "{trouble}");
    assert!(trouble.contains(expect), "{trouble}");
    let requests = server.received_requests().await.unwrap();
    assert!(requests.iter().all(|r| !r.url.path().contains("actions")), "{requests:?}");
}

#[tokio::test]
async fn a_silence_that_is_refused_keeps_no_other_from_being_made() {
    let server = MockServer::start().await;
    let none = ResponseTemplate::new(200).set_body_json(json!([]));
    Mock::given(matchers::method("GET")).respond_with(none).mount(&server).await;
    let judge = |request: &Request| {
        if String::from_utf8_lossy(&request.body).contains("checkout") {
            ResponseTemplate::new(400).set_body_json("not this \u{1b}[2Jone")
        } else {
            ResponseTemplate::new(200).set_body_json(json!({ "silenceID": "1" }))
        }
    };
    Mock::given(matchers::method("POST")).respond_with(judge).mount(&server).await;
    let pass = pass(&server, "alertmanager").await;
    assert_eq!((pass.busy, pass.changed), (true, 1));
    let [trouble] = &pass.troubles[..] else { panic!("{pass:?}") };
    assert!(trouble.starts_with("mirror of WIN-1: "), "{trouble}");
    assert!(trouble.contains("status 400: not this one"), "{trouble}");
}

#[tokio::test]
async fn a_server_that_asks_for_patience_gets_it() {
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "120");
    let server = answering(busy).await;
    let pass = pass(&server, "alertmanager").await;
    assert_eq!(pass.wait, Some(Duration::from_mins(2)));
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_icinga_with_nonsense_for_times_and_names_costs_nothing() {
    let server = MockServer::start().await;
    let downtime = json!({ "name": "x!\u{202e}y", "attrs": {
        "author": "atalaya", "comment": "atalaya noc@811c9dc5 WIN-1 20261128T220000: x", "host_name": "",
        "service_name": "../..", "start_time": -1e300, "end_time": 1e300,
    }});
    let host =
        json!({ "name": "h", "attrs": { "name": "\u{1b}[2J", "groups": null, "vars": null }});
    for (path, results) in [
        ("/v1/objects/downtimes", json!([downtime])),
        ("/v1/objects/hosts", json!([host])),
        ("/v1/objects/services", json!([])),
    ] {
        let answer = ResponseTemplate::new(200).set_body_json(json!({ "results": results }));
        Mock::given(matchers::path(path)).respond_with(answer).mount(&server).await;
    }
    let pass = pass(&server, "icinga2").await;
    assert_eq!(pass.changed, 0, "{pass:?}");
}
