//! Orders to upstreams that hang, lie and refuse: a try ends within the time for which it was claimed,
//! says what is wrong, and is given up at once only where trying again cannot help.

use std::time::{Duration, Instant};

use atalaya::domain::matcher::Matchers;
use atalaya::domain::outbox::Standing;
use atalaya::domain::upstream::template::Template;
use atalaya::domain::upstream::{Call, Ended, Order, OrderId, Ordered};
use atalaya::sources::orders::Clerk;
use atalaya::sources::settings::{
    ActionTemplate, Alertmanager, HttpDocument, HttpSettings, Icinga2, Kind, Method,
    SourceSettings, Verb,
};
use chrono::{TimeDelta, Utc};
use rstest::rstest;
use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

fn source(urls: &[String], kind: &str) -> SourceSettings {
    let urls: Vec<url::Url> = urls.iter().map(|u| u.parse().unwrap()).collect();
    let kind = match kind {
        "icinga2" => Kind::Icinga2(Icinga2 {
            url: urls[0].clone(),
            vars: Vec::new(),
            mirror: None,
            acknowledge: None,
            notes: false,
        }),
        _ => Kind::Alertmanager(Alertmanager {
            urls,
            filter: Vec::new(),
            heartbeats: Vec::new(),
            origins: Vec::new(),
            mirror: None,
            acknowledge: None,
        }),
    };
    SourceSettings {
        name: "upstream".into(),
        interval: Duration::from_secs(1),
        timeout: Duration::from_millis(600),
        max_body: 64 * 1024,
        http: HttpSettings::default(),
        kind,
        asks: Vec::new(),
    }
}

fn order(kind: &str) -> Order {
    let until = Utc::now() + TimeDelta::hours(1);
    let comment = "INC-7: disk full".to_owned();
    let call = match kind {
        "icinga2" => Call::Downtime { objects: vec!["db".to_owned()], until, comment },
        _ => Call::Silence { matchers: Matchers::parse("a=b").unwrap(), until, comment },
    };
    let what = Ordered {
        id: OrderId(1),
        source: "upstream".into(),
        incident: None,
        author: "ana".to_owned(),
        call,
    };
    Order {
        what,
        at: Utc::now(),
        by: "ana".to_owned(),
        session: String::new(),
        attempts: 2,
        standing: Standing::Waiting { at: Utc::now() },
        made: None,
        failed: Vec::new(),
    }
}

async fn carried_out(servers: &[&MockServer], kind: &str) -> Ended {
    let urls: Vec<String> = servers.iter().map(|s| s.uri()).collect();
    let begun = Instant::now();
    let ended = Clerk::new(&[source(&urls, kind)]).carry_out(&order(kind)).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    ended
}

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(matchers::any()).respond_with(answer).mount(&server).await;
    server
}

#[rstest]
#[case(ResponseTemplate::new(200).set_delay(Duration::from_mins(1)), "no answer within")]
#[case(ResponseTemplate::new(200).set_body_raw("<html>log in</html>", "text/html"), "a web page")]
#[case(ResponseTemplate::new(200).set_body_raw("{\"a\":".repeat(200), "application/json"), "JSON")]
#[case(ResponseTemplate::new(200).set_body_bytes(vec![b' '; 100_000]), "raise max_body")]
#[case(ResponseTemplate::new(500).set_body_string("\u{1b}[31mno"), "failed (500: no)")]
#[case(ResponseTemplate::new(307).insert_header("location", "http://127.0.0.1:1/"), "")]
#[case(ResponseTemplate::new(401), "set auth for this source")]
#[case(ResponseTemplate::new(403), "does not allow this (403)")]
#[tokio::test]
async fn what_may_get_better_is_said_in_time_and_tried_again(
    #[case] answer: ResponseTemplate,
    #[case] expect: &str,
    #[values("alertmanager", "icinga2")] kind: &str,
) {
    let server = answering(answer).await;
    let ended = carried_out(&[&server], kind).await;
    let Ended::Failed { why, is_final: false, .. } = &ended else { panic!("{ended:?}") };
    assert!(why.contains(expect), "{why}");
    assert!(!why.contains('\u{1b}'), "{why:?}");
}

#[tokio::test]
async fn a_server_that_asks_for_patience_is_given_it() {
    let server = answering(ResponseTemplate::new(429).insert_header("retry-after", "77")).await;
    let ended = carried_out(&[&server], "alertmanager").await;
    let Ended::Failed { wait: Some(wait), .. } = ended else { panic!("{ended:?}") };
    assert_eq!(wait, TimeDelta::seconds(77));
}

/// Knows no silences, and answers so to a new one.
async fn empty(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    let get = Mock::given(matchers::method("GET"));
    get.respond_with(ResponseTemplate::new(200).set_body_json(json!([]))).mount(&server).await;
    Mock::given(matchers::method("POST")).respond_with(answer).mount(&server).await;
    server
}

#[tokio::test]
async fn what_the_server_will_never_take_is_given_up_with_its_words() {
    let said = json!({ "code": 601, "message": "bad matcher" });
    let server = empty(ResponseTemplate::new(422).set_body_json(said)).await;
    let ended = carried_out(&[&server], "alertmanager").await;
    let Ended::Failed { why, is_final: true, .. } = &ended else { panic!("{ended:?}") };
    assert!(why.contains("bad matcher"), "{why}");
}

#[tokio::test]
async fn a_silence_whose_fate_nobody_knows_goes_to_no_second_member() {
    let late = ResponseTemplate::new(200).set_delay(Duration::from_mins(1));
    let (hangs, other) = (empty(late).await, empty(ResponseTemplate::new(200)).await);
    let ended = carried_out(&[&hangs, &other], "alertmanager").await;
    assert!(matches!(&ended, Ended::Failed { is_final: false, .. }), "{ended:?}");
    let posts = async |server: &MockServer| {
        let all = server.received_requests().await.unwrap();
        all.iter().filter(|r| r.method == "POST").count()
    };
    assert_eq!((posts(&hangs).await, posts(&other).await), (1, 0));
}

/// What a server that is told of an acknowledgement answers, and what it was sent.
async fn told(answer: ResponseTemplate) -> (Ended, wiremock::Request) {
    let server = answering(answer).await;
    let document = HttpDocument {
        url: format!("{}/x.json", server.uri()).parse().unwrap(),
        method: Method::Get,
        body: None,
        headers: [("X-Team".to_owned(), "noc".to_owned())].into(),
        states: Vec::new(),
        alerts: None,
        actions: vec![ActionTemplate {
            on: "acknowledge".to_owned(),
            verb: Verb::Put,
            url: Template::parse(&format!("{}/p/{{{{alert}}}}/ack", server.uri())).unwrap(),
            body: Some(Template::parse(r#"{"by": "{{by}}"}"#).unwrap()),
        }],
    };
    let source = SourceSettings {
        kind: Kind::Http(Box::new(document)),
        ..source(&[server.uri()], "alertmanager")
    };
    let values = [("alert", "a/b"), ("by", "ana \"x\"")];
    let values = values.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let mut order = order("alertmanager");
    order.what.call = Call::Tell { action: "acknowledge".to_owned(), values };
    let ended = Clerk::new(&[source]).carry_out(&order).await;
    (ended, server.received_requests().await.unwrap().remove(0))
}

#[tokio::test]
async fn an_action_is_told_by_its_template_with_a_key_that_stays_the_same() {
    let (ended, sent) = told(ResponseTemplate::new(204)).await;
    assert!(matches!(&ended, Ended::Done { said, .. } if said == "answered 204"), "{ended:?}");
    assert_eq!((sent.method.as_str(), sent.url.path()), ("PUT", "/p/a%2Fb/ack"));
    let body: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(body, json!({ "by": "ana \"x\"" }));
    let header = |name: &str| sent.headers.get(name).unwrap().to_str().unwrap();
    assert!(header("idempotency-key").starts_with("atalaya-order-1-"));
    assert_eq!((header("x-team"), header("content-type")), ("noc", "application/json"));
}

#[tokio::test]
async fn an_action_that_the_server_refuses_is_given_up_and_one_that_fails_there_is_not() {
    let (ended, _) = told(ResponseTemplate::new(404)).await;
    assert!(matches!(ended, Ended::Failed { is_final: true, .. }), "{ended:?}");
    let (ended, _) = told(ResponseTemplate::new(502)).await;
    assert!(matches!(ended, Ended::Failed { is_final: false, .. }), "{ended:?}");
}
