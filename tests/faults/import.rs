//! `atalaya init` and the servers of others that keep a rota: pages, refusals, patience, floods, and
//! answers that would lead the token elsewhere. What comes out is a config that `check` accepts.

use std::fs;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::matchers::{header, method, path, path_regex, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const TOKEN: &str = "s3cr3t-T0KEN";

/// A home with a token in a file.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(TempDir::new().unwrap());
        fs::write(home.path("token"), format!("{TOKEN}\n")).unwrap();
        home
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn config(&self) -> String {
        fs::read_to_string(self.path("config.toml")).unwrap()
    }

    async fn run(&self, line: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_atalaya"));
        command.env_clear().env("HOME", self.0.path()).args(line);
        command.env("ATALAYA_CONFIG", self.path("config.toml"));
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// Standard output of what must succeed.
    async fn says(&self, line: &[&str]) -> String {
        let output = self.run(line).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    async fn pagerduty(&self, server: &MockServer) -> Output {
        let (token, url) = (self.path("token"), server.uri());
        self.run(&["init", "--force", "--pagerduty-token-file", &token, "--pagerduty-url", &url])
            .await
    }

    async fn grafana(&self, url: &str) -> Output {
        let token = self.path("token");
        let line =
            ["init", "--grafana-oncall-url", url, "--grafana-oncall-token-file", &token, "--force"];
        self.run(&line).await
    }
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    let all = format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err));
    assert!(!all.contains(TOKEN), "the token is repeated: {all}");
    all
}

fn answer(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// Whatever no other mock answers.
async fn otherwise(server: &MockServer, pattern: &str, body: Value) {
    Mock::given(path_regex(pattern))
        .respond_with(answer(body))
        .with_priority(9)
        .mount(server)
        .await;
}

/// One that has nothing.
async fn empty_pagerduty() -> MockServer {
    let server = MockServer::start().await;
    for list in ["users", "schedules", "escalation_policies"] {
        let body = json!({list: [], "more": false, "limit": 100, "offset": 0});
        otherwise(&server, &format!("^/{list}$"), body).await;
    }
    server
}

/// The shifts of two people who change every day at 09:00 UTC, for the time that was asked.
fn rendered(request: &Request) -> ResponseTemplate {
    let asked = |name: &str| -> DateTime<Utc> {
        let query: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        query.iter().find(|(key, _)| key == name).unwrap().1.parse().unwrap()
    };
    let (since, until) = (asked("since"), asked("until"));
    let first: DateTime<Utc> = "2026-01-01T09:00:00Z".parse().unwrap();
    let mut entries = Vec::new();
    let mut at = since;
    while at < until {
        let turn = (at - first).num_days();
        let end = (first + TimeDelta::days(turn + 1)).min(until);
        let user = ["P0", "P150"][(turn % 2) as usize];
        entries.push(json!({"start": at, "end": end, "user": {"id": user}}));
        at = end;
    }
    answer(json!({"schedule": {
        "id": "PS1", "name": "Core", "time_zone": "Etc/UTC",
        "schedule_layers": [{
            "name": "Layer 1", "start": first, "end": null, "rotation_virtual_start": first,
            "rotation_turn_length_seconds": 86_400, "restrictions": [],
            "users": [{"user": {"id": "P0"}}, {"user": {"id": "P150"}}],
        }],
        "final_schedule": {"rendered_schedule_entries": entries},
    }}))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_read_with_the_token_and_the_result_is_checked_and_computed() {
    let server = empty_pagerduty().await;
    let user = |n: usize| {
        json!({"id": format!("P{n}"), "name": format!("User {n}"),
                                 "email": format!("u{n}@acme.example"), "time_zone": "Etc/UTC"})
    };
    for (offset, more) in [("0", true), ("100", false)] {
        let from: usize = offset.parse().unwrap();
        let users: Vec<Value> = (from..(from + 100).min(160)).map(user).collect();
        Mock::given(path("/users"))
            .and(query_param("include[]", "contact_methods"))
            .and(query_param("limit", "100"))
            .and(query_param("offset", offset))
            .and(header("authorization", format!("Token token={TOKEN}").as_str()))
            .and(header("accept", "application/vnd.pagerduty+json;version=2"))
            .respond_with(answer(json!({"users": users, "more": more})))
            .expect(1)
            .mount(&server)
            .await;
    }
    let listed = json!({"schedules": [{"id": "PS1", "name": "Core"}, {"id": "../users"}]});
    Mock::given(path("/schedules")).respond_with(answer(listed)).mount(&server).await;
    Mock::given(path("/schedules/PS1")).respond_with(rendered).expect(1).mount(&server).await;
    // After the weeks that are compared.
    let from = Utc::now() + TimeDelta::days(100);
    let over = json!({"overrides": [{"id": "O", "start": from, "end": from + TimeDelta::hours(2),
                                     "user": {"id": "P150"}}]});
    Mock::given(path("/schedules/PS1/overrides"))
        .respond_with(answer(over))
        .expect(1)
        .mount(&server)
        .await;

    let home = Home::new();
    let output = home.pagerduty(&server).await;
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("config.toml: 2 people, 1 schedule, 0 escalations\n"), "{said}");
    assert!(said.contains("158 other users: on no schedule and in no policy"), "{said}");
    assert!(said.contains("the same shifts as their server: Core\n"), "{said}");
    let config = home.config();
    assert!(config.contains("# The same shifts as PagerDuty says, "), "{config}");
    assert!(!config.contains(TOKEN));

    let check = home.run(&["check", "--offline"]).await;
    assert_eq!((check.status.code(), &*check.stderr), (Some(0), &b""[..]), "{check:?}");
    // The command that it prints does what it says.
    let command = said.lines().find(|l| l.contains("atalaya oncall override")).unwrap();
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    home.says(&words).await;
    let at = (from + TimeDelta::hours(1)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let now: Value =
        serde_json::from_str(&home.says(&["oncall", "--json", "--at", &at]).await).unwrap();
    assert_eq!(now["schedules"][0]["person"], "u150", "{now:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_exit_3_with_the_way_out_and_is_not_repeated() {
    let server = MockServer::start().await;
    let body = json!({"error": {"message": TOKEN, "code": 2010}});
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(401).set_body_json(body))
        .mount(&server)
        .await;
    let home = Home::new();
    let output = home.pagerduty(&server).await;
    let text = said(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    for part in ["refused the credentials (401)", "--pagerduty-token-file", "api.eu.pagerduty.com"]
    {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!fs::exists(home.path("config.toml")).unwrap());
    let other = said(&home.grafana(&server.uri()).await);
    assert!(other.contains("--grafana-oncall-token-file"), "{other}");
    // Without a file it is wrong usage.
    fs::remove_file(home.path("token")).unwrap();
    let output = home.pagerduty(&server).await;
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_patience_gets_it_and_whoever_asks_for_too_much_is_named() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let server = empty_pagerduty().await;
    Mock::given(path("/users"))
        .respond_with(|_: &Request| match ASKED.fetch_add(1, Ordering::Relaxed) {
            0 => ResponseTemplate::new(429).insert_header("retry-after", "1"),
            1 => ResponseTemplate::new(429).insert_header("ratelimit-reset", "1"),
            _ => answer(json!({"users": [], "more": false})),
        })
        .mount(&server)
        .await;
    let home = Home::new();
    let begun = Instant::now();
    let output = home.pagerduty(&server).await;
    assert!(output.status.success(), "{}", said(&output));
    assert!(begun.elapsed() >= Duration::from_secs(2));

    Mock::given(path("/users"))
        .respond_with(ResponseTemplate::new(429).insert_header("retry-after", "3000"))
        .with_priority(1)
        .mount(&server)
        .await;
    let output = home.pagerduty(&server).await;
    let text = said(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("asks for patience (429): run it again in 3000 s"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_and_one_of_something_else_are_refused() {
    let home = Home::new();
    let server = empty_pagerduty().await;
    let flood = ResponseTemplate::new(200).set_body_bytes(vec![b' '; 17 * 1024 * 1024]);
    Mock::given(path("/users")).respond_with(flood).mount(&server).await;
    let text = said(&home.pagerduty(&server).await);
    assert!(text.contains("/users answered with more than 16 MiB"), "{text}");

    for (body, why) in [
        (json!({"error": "x"}), "/users answered without users: is this the address of the API?"),
        (json!([]), "answered without users"),
        (json!("users"), "answered without users"),
    ] {
        let server = empty_pagerduty().await;
        Mock::given(path("/users")).respond_with(answer(body)).mount(&server).await;
        let output = home.pagerduty(&server).await;
        let text = said(&output);
        assert!(output.status.code() == Some(3) && text.contains(why), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_never_end_are_cut_and_said() {
    let server = empty_pagerduty().await;
    let policy = json!({"name": "x", "escalation_rules": []});
    let body = json!({"escalation_policies": [policy], "more": true});
    Mock::given(path("/escalation_policies"))
        .respond_with(answer(body))
        .expect(100)
        .mount(&server)
        .await;
    let home = Home::new();
    let text = said(&home.pagerduty(&server).await);
    assert!(text.contains("escalation policies: only the first 100 are read"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_page_is_asked_for_at_the_address_that_was_given_whatever_the_server_says() {
    let (server, elsewhere) = (MockServer::start().await, MockServer::start().await);
    let none = json!({"results": [], "next": null, "count": 0});
    otherwise(
        &server,
        "^/oncall/api/v1/(schedules|on_call_shifts|escalation_[a-z]+)/$",
        none.clone(),
    )
    .await;
    let user = |id: &str| json!({"id": id, "username": format!("user {id}"), "email": ""});
    let next = format!("{}/oncall/api/v1/users/?page=2", elsewhere.uri());
    Mock::given(path("/oncall/api/v1/users/"))
        .and(header("authorization", TOKEN))
        .respond_with(answer(json!({"results": [user("U1")], "next": next})))
        .mount(&server)
        .await;
    Mock::given(path("/oncall/api/v1/users/"))
        .and(query_param("page", "2"))
        .respond_with(answer(json!({"results": [user("U2")], "next": next})))
        .with_priority(1)
        .mount(&server)
        .await;
    let chain = json!({"results": [{"id": "F", "name": "Night"}], "next": null});
    let step = json!({"escalation_chain_id": "F", "position": 0, "type": "notify_persons",
                      "persons_to_notify": ["U2"]});
    let v1 = "/oncall/api/v1";
    for (at, body) in [
        ("escalation_chains", chain),
        ("escalation_policies", json!({"results": [step], "next": null})),
    ] {
        let mock = Mock::given(path(format!("{v1}/{at}/"))).respond_with(answer(body));
        mock.with_priority(2).mount(&server).await;
    }
    let home = Home::new();
    // Also with the path of the API, as its settings page shows it.
    for end in ["/oncall", "/oncall/api/v1/"] {
        let output = home.grafana(&format!("{}{end}", server.uri())).await;
        assert!(output.status.success(), "{}", said(&output));
        assert!(home.config().contains("notify = [\"person:user-u2\"]"), "{}", home.config());
    }
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
    let check = home.run(&["check", "--offline"]).await;
    assert_eq!((check.status.code(), &*check.stderr), (Some(0), &b""[..]), "{check:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_of_an_address_or_a_file_becomes_a_source_that_can_be_read() {
    let day = |days| (Utc::now() + TimeDelta::days(days)).format("%Y%m%d").to_string();
    let calendar = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Platform rota\r\nBEGIN:VEVENT\r\nUID:1\r\n\
         DTSTART;VALUE=DATE:{}\r\nDTEND;VALUE=DATE:{}\r\nSUMMARY:Ana Ruiz on call\r\nEND:VEVENT\r\n\
         END:VCALENDAR\r\n",
        day(-1),
        day(2)
    );
    let server = MockServer::start().await;
    Mock::given(path("/private-0123456789abcdef/rota.ics"))
        .respond_with(ResponseTemplate::new(200).set_body_string(calendar.clone()))
        .mount(&server)
        .await;
    let home = Home::new();
    let url = format!("{}/private-0123456789abcdef/rota.ics", server.uri());
    fs::write(home.path("local.ics"), calendar).unwrap();
    let file = home.path("local.ics");
    let said_ = home.says(&["init", "--roster-ics", &url, "--roster-ics", &file]).await;
    assert!(said_.contains("1 person, 2 schedules, 0 escalations"), "{said_}");
    let check = home.run(&["check"]).await;
    assert_eq!((check.status.code(), &*check.stderr), (Some(0), &b""[..]), "{check:?}");
    let now: Value = serde_json::from_str(&home.says(&["oncall", "--json"]).await).unwrap();
    for n in 0..2 {
        assert_eq!(now["schedules"][n]["person"], "ana-ruiz", "{now:#}");
    }

    let gone = format!("{}/private-fedcba9876543210/rota.ics", server.uri());
    let output = home.run(&["init", "--force", "--roster-ics", &gone]).await;
    let text = said(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(!text.contains("fedcba"), "the address of a private calendar is a secret: {text}");
    fs::write(home.path("page.ics"), "<html>").unwrap();
    let output = home.run(&["init", "--force", "--roster-ics", &home.path("page.ics")]).await;
    assert!(said(&output).contains("is no calendar, since"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rota_stands_beside_what_prometheus_knows_and_one_person_is_one() {
    let server = empty_pagerduty().await;
    let prometheus = |data: Value| json!({"status": "success", "data": data});
    let series = [json!({"metric": {"service": "checkout", "job": "web"}, "value": [0, "1"]})];
    for (at, data) in [
        ("/api/v1/rules", json!({"groups": []})),
        ("/api/v1/query", json!({"resultType": "vector", "result": series})),
        ("/api/v1/alertmanagers", json!({"activeAlertmanagers": []})),
    ] {
        Mock::given(path(at)).respond_with(answer(prometheus(data))).mount(&server).await;
    }
    let user = json!({"id": "P1", "name": "Ana Ruiz", "email": "ana@acme.example"});
    let rule = json!({"escalation_delay_in_minutes": 5,
                      "targets": [{"id": "P1", "type": "user_reference"}]});
    let policy = json!({"name": "Prometheus", "num_loops": 0, "escalation_rules": [rule]});
    for (at, body) in [
        ("/users", json!({"users": [user], "more": false})),
        ("/escalation_policies", json!({"escalation_policies": [policy], "more": false})),
    ] {
        Mock::given(path(at)).respond_with(answer(body)).mount(&server).await;
    }
    let home = Home::new();
    let event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n\
                 DTSTART:20260105T090000Z\r\nDTEND:20260106T090000Z\r\nRRULE:FREQ=DAILY\r\n\
                 SUMMARY:on call\r\nATTENDEE;CN=A. Ruiz:mailto:ANA@acme.example\r\nEND:VEVENT\r\n\
                 END:VCALENDAR\r\n";
    fs::write(home.path("prometheus.ics"), event).unwrap();
    let (token, url, file) = (home.path("token"), server.uri(), home.path("prometheus.ics"));
    let line = ["init", "--json", "--prometheus", &url, "--pagerduty-token-file", &token];
    let more = ["--pagerduty-url", &url, "--roster-ics", &file];
    let said = home.says(&[&line[..], &more].concat()).await;
    let document: Value = serde_json::from_str(&said).unwrap();
    let counts = ["sources", "services", "people", "schedules", "escalations"];
    assert_eq!(counts.map(|key| document[key].as_u64().unwrap()), [2, 1, 1, 1, 1], "{document:#}");
    let check = home.run(&["check", "--offline"]).await;
    assert_eq!((check.status.code(), &*check.stderr), (Some(0), &b""[..]), "{check:?}");
    let config = home.config();
    assert!(config.contains("# The rota, from PagerDuty and a calendar.\n"), "{config}");
    assert!(config.contains("name = \"prometheus-2\"\nkind = \"ical\"\n"), "{config}");
}
