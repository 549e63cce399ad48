//! PagerDuty's API by recorded shapes: pages of a list, patience, a list without an end, a token that is
//! refused.

use std::time::Duration;

use atalaya::domain::observation::{Alert, Fact, Observation};
use atalaya::sources::http_client::Clients;
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
