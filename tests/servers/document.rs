//! The `http` source against a server: what is asked, and what becomes of each kind of answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use atalaya::domain::health::{ServiceId, State};
use atalaya::domain::observation::{Fact, Observation};
use atalaya::sources::document::DocumentSource;
use atalaya::sources::http_client::Clients;
use atalaya::sources::json_path::Path;
use atalaya::sources::settings::{
    Ask, HttpDocument, HttpSettings, Kind, Method, SourceSettings, StatePath,
};
use atalaya::sources::{Source, SourceError};
use rstest::rstest;
use wiremock::matchers::{body_string, header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn document(server: &MockServer) -> HttpDocument {
    HttpDocument {
        url: format!("{}/health", server.uri()).parse().unwrap(),
        method: Method::Get,
        body: None,
        headers: BTreeMap::new(),
        states: vec![StatePath {
            service: ServiceId::new("app"),
            signal: Arc::from("health"),
            path: Path::parse("$.status").unwrap(),
            map: [("UP".to_owned(), State::Ok), ("DOWN".to_owned(), State::Critical)].into(),
            message: None,
        }],
        actions: Vec::new(),
        alerts: None,
    }
}

async fn look(document: HttpDocument) -> Result<Observation, SourceError> {
    let settings = settings(&document);
    let now = "2026-11-24T14:00:00Z".parse().unwrap();
    DocumentSource::new(&settings, &document, &Clients::default()).poll(now).await
}

fn settings(document: &HttpDocument) -> SourceSettings {
    let ask = Ask {
        service: ServiceId::new("app"),
        signal: Arc::from("connections"),
        query: "$.components.db.details.pool.active".to_owned(),
    };
    SourceSettings {
        name: Arc::from("app"),
        interval: Duration::from_secs(15),
        timeout: Duration::from_secs(5),
        max_body: 1 << 20,
        http: HttpSettings::default(),
        kind: Kind::Http(Box::new(document.clone())),
        asks: vec![ask],
    }
}

fn state(seen: &Observation) -> Option<State> {
    seen.facts.iter().find_map(|f| match f {
        Fact::States(states) => states.first().map(|s| s.state),
        _ => None,
    })
}

fn number(seen: &Observation) -> Option<f64> {
    seen.facts.iter().find_map(|f| match f {
        Fact::Signals(readings) => readings.first().map(|r| r.value),
        _ => None,
    })
}

const UP: &[u8] = include_bytes!("../fixtures/http/actuator_health.json");
const DOWN: &[u8] = include_bytes!("../fixtures/http/actuator_health_down.json");
const BAD_UTF8: &[u8] = include_bytes!("../fixtures/http/badutf8.json");

#[rstest]
#[case(200, UP, State::Ok, Some(3.0), 0)]
#[case(503, DOWN, State::Critical, Some(3.0), 0)]
#[case(200, BAD_UTF8, State::Ok, None, 2)]
#[tokio::test]
async fn a_document_is_read_also_when_it_tells_of_trouble(
    #[case] status: u16,
    #[case] body: &[u8],
    #[case] expect: State,
    #[case] value: Option<f64>,
    #[case] warnings: usize,
) {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_raw(body, "application/json");
    Mock::given(method("GET")).respond_with(answer).mount(&server).await;
    let seen = look(document(&server)).await.unwrap();
    assert_eq!((state(&seen), number(&seen)), (Some(expect), value));
    assert_eq!(seen.warnings.len(), warnings, "{:?}", seen.warnings);
}

#[rstest]
#[case(200, "{\"status\": \"UP\", \"components\": {,,, <html>", "JSON that is not understood")]
#[case(200, "<html>please log in</html>", "web page instead of JSON")]
#[case(500, "{\"error\": \"no heap left\"}", "failed (500: no heap left)")]
#[case(404, "", "does not exist (404)")]
#[tokio::test]
async fn an_answer_that_is_no_document_says_why(
    #[case] status: u16,
    #[case] body: &str,
    #[case] expect: &str,
) {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_string(body);
    Mock::given(method("GET")).respond_with(answer).mount(&server).await;
    let why = look(document(&server)).await.unwrap_err().to_string();
    assert!(why.contains(expect), "{why}");
}

#[tokio::test]
async fn a_question_is_posted_with_its_headers() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(body_string("{\"query\":\"health\"}"))
        .and(header("content-type", "application/json"))
        .and(header("x-tenant", "blue"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(UP, "application/json"))
        .expect(1)
        .mount(&server)
        .await;
    let mut document = document(&server);
    document.method = Method::Post;
    document.body = Some("{\"query\":\"health\"}".to_owned());
    document.headers.insert("X-Tenant".to_owned(), "blue".to_owned());
    let seen = look(document).await.unwrap();
    assert_eq!(state(&seen), Some(State::Ok));
}

#[tokio::test]
async fn a_document_that_takes_too_long_is_left_in_time_and_read_by_nobody_twice() {
    let server = MockServer::start().await;
    // Looking everywhere below everywhere, where everything is below everything.
    let depth = 110;
    let many = vec!["0"; 60_000].join(",");
    let body = format!("{}{many}{}", "[".repeat(depth), "]".repeat(depth));
    let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json");
    Mock::given(method("GET")).respond_with(answer).mount(&server).await;
    let mut document = document(&server);
    document.states[0].path = Path::parse("$..*..*").unwrap();
    let settings = settings(&document);
    let mut source = DocumentSource::new(&settings, &document, &Clients::default());
    let now = "2026-11-24T14:00:00Z".parse().unwrap();
    let begun = Instant::now();
    let seen = source.poll(now).await.unwrap();
    let whole = begun.elapsed();
    assert!(seen.warnings[1].contains("finds more than 100000 values"), "{:?}", seen.warnings);
    let begun = Instant::now();
    assert!(tokio::time::timeout(whole / 3, source.poll(now)).await.is_err(), "no answer yet");
    assert!(begun.elapsed() < whole * 2 / 3, "the runtime is not held up");
    let why = source.poll(now).await.unwrap_err().to_string();
    assert!(why.contains("still being read"), "{why}");
}

#[tokio::test]
async fn half_a_surrogate_pair_in_one_text_costs_that_character_only() {
    let server = MockServer::start().await;
    let body = r#"{"note": "\ud83d ", "path": "C:\\ud83d", "status": "UP"}"#;
    let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json");
    Mock::given(method("GET")).respond_with(answer).mount(&server).await;
    assert_eq!(state(&look(document(&server)).await.unwrap()), Some(State::Ok));
}
