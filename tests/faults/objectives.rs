//! Objectives while their server is away, refuses, or is asked by two consoles.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use atalaya::cli::measure::Feeder;
use atalaya::domain::calendar::Calendar;
use atalaya::domain::health::ServiceId;
use atalaya::domain::incident::{EventBody, Priority};
use atalaya::domain::paging::Pages;
use atalaya::domain::roster::shifts::Imported;
use atalaya::domain::sla::{Exclusion, NoData};
use atalaya::domain::slo::{
    BUCKET, Bucket, Events, Excluded, MICRO, Objective, Series, Sli, Status, Target, Uptime,
    WATCHED, Why, Window, default_rules, index, status,
};
use atalaya::domain::time::Instant;
use atalaya::engine::Plan;
use atalaya::engine::reporting::{self, Known};
use atalaya::sources::history::Histories;
use atalaya::sources::settings::{HttpSettings, Kind, Prometheus, SourceSettings};
use atalaya::store::{Location, Store};
use chrono::TimeDelta;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::contract::{Writer, at, opened, resolved};

/// A server that counts 300 requests in five minutes, 3 of which fail.
#[derive(Clone, Default)]
struct Counts {
    away: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    /// Steps beyond which it refuses.
    most: Arc<AtomicUsize>,
    queries: Arc<Mutex<Vec<String>>>,
    warnings: Arc<Mutex<Vec<&'static str>>>,
    /// What is asked for as `nowhere` is there after all.
    found: Arc<AtomicBool>,
}

impl Respond for Counts {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.away.load(Ordering::Relaxed) {
            return ResponseTemplate::new(503).set_body_string("<html>maintenance</html>");
        }
        let form: Vec<(String, String)> =
            url::form_urlencoded::parse(&request.body).into_owned().collect();
        let of = |key: &str| form.iter().find(|f| f.0 == key).unwrap().1.clone();
        let number = |key: &str| of(key).parse::<i64>().unwrap();
        let (start, end, step) = (number("start"), number("end"), number("step"));
        let query = of("query");
        self.queries.lock().unwrap().push(query.clone());
        let points = (end - start) / step + 1;
        let most = self.most.load(Ordering::Relaxed) as i64;
        if points > 11_000 || (most > 0 && points > most) || query.contains("broken") {
            let body = serde_json::json!({
                "status": "error", "errorType": "execution", "error": "too many samples",
            });
            return ResponseTemplate::new(422).set_body_json(body);
        }
        if query.contains("endless") {
            return ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
        }
        let said = self.warnings.lock().unwrap().clone();
        let parts: Vec<&str> = query.split(" or label_replace(").collect();
        let series = |(n, part): (usize, &&str)| {
            let value = if part.contains("bad") { "3" } else { "300" };
            let values: Vec<_> =
                (0..points).map(|i| serde_json::json!([start + i * step, value])).collect();
            let label = n.to_string();
            serde_json::json!({"metric": {"atalaya_question": label}, "values": values})
        };
        let found = self.found.load(Ordering::Relaxed);
        let is_there = |(_, part): &(usize, &&str)| found || !part.contains("nowhere");
        let result: Vec<_> = parts.iter().enumerate().filter(is_there).map(series).collect();
        ResponseTemplate::new(200).set_body_json(serde_json::json!({
            "status": "success", "data": {"resultType": "matrix", "result": result},
            "warnings": said,
        }))
    }
}

fn objective(n: usize, bad: &str) -> Arc<Objective> {
    let events = Events::Bad {
        bad: format!("sum(increase({bad}{{n=\"{n}\"}}[{{{{window}}}}]))"),
        total: "sum(increase(all[{{window}}]))".to_owned(),
    };
    Arc::new(Objective {
        id: Arc::from(format!("o{n}")),
        name: String::new(),
        service: ServiceId::new("shop"),
        target: Target::parse("99%").unwrap(),
        window: Window::Rolling(TimeDelta::days(2)),
        sli: Sli::Events { source: Arc::from("prom"), events },
        exclusion: Exclusion::Remove,
        no_data: NoData::Remove,
        rules: default_rules(),
    })
}

fn histories(server: &MockServer) -> Histories {
    histories_within(server, Duration::from_secs(5))
}

fn impatient(server: &MockServer) -> Histories {
    histories_within(server, Duration::from_millis(300))
}

fn histories_within(server: &MockServer, timeout: Duration) -> Histories {
    let kind = Kind::Prometheus(Prometheus {
        url: server.uri().parse().unwrap(),
        alerts: false,
        heartbeats: Vec::new(),
        backfill: Duration::ZERO,
    });
    Histories::of(&[SourceSettings {
        name: Arc::from("prom"),
        interval: Duration::from_secs(15),
        timeout,
        max_body: 64 << 20,
        http: HttpSettings::default(),
        kind,
        asks: Vec::new(),
    }])
}

async fn start() -> (MockServer, Counts, Store) {
    let (server, counts) = (MockServer::start().await, Counts::default());
    Mock::given(any()).respond_with(counts.clone()).mount(&server).await;
    (server, counts, Store::memory().await.unwrap())
}

fn now() -> Instant {
    "2026-11-28T12:00:30Z".parse().unwrap()
}

const LONG: Duration = Duration::from_mins(1);

/// How the only changed objective stands.
fn stands(feeder: &mut Feeder, objective: &Arc<Objective>, now: Instant) -> (Status, Series) {
    let measured = feeder.changed().pop().expect("it changed");
    let status = status(objective, &measured.series, &Excluded::nothing(), &measured.notes, now);
    (status, measured.series)
}

#[tokio::test]
async fn while_a_server_is_away_nothing_is_known_and_afterwards_what_it_remembers() {
    let (server, counts, store) = start().await;
    let objective = objective(0, "bad");
    let mut feeder = Feeder::new(store, histories(&server));
    feeder.set(std::slice::from_ref(&objective), now()).await;
    feeder.ask(now(), LONG).await;
    let (status, _) = stands(&mut feeder, &objective, now());
    assert_eq!((status.coverage_ppm(), status.budget.left_ppm()), (1_000_000, Some(0)));
    assert_eq!(status.tally.total, 576 * 300 * u128::from(MICRO));
    assert!(status.why.is_empty(), "{:?}", status.why);

    counts.away.store(true, Ordering::Relaxed);
    let later = now() + TimeDelta::hours(6);
    feeder.ask(later, LONG).await;
    let asked = counts.asked.load(Ordering::Relaxed);
    feeder.ask(later + TimeDelta::seconds(30), LONG).await;
    assert_eq!(counts.asked.load(Ordering::Relaxed), asked, "it is left alone for a minute");
    let (blind, _) = stands(&mut feeder, &objective, later);
    assert_eq!(blind.coverage_ppm(), 42 * 1_000_000 / 48);
    assert_eq!(blind.burn_over("1h"), None, "what is not known is not good");
    assert!(blind.why.iter().any(|w| matches!(w, Why::Source(said) if said.contains("503"))));

    counts.away.store(false, Ordering::Relaxed);
    let back = later + TimeDelta::minutes(2);
    feeder.ask(back, LONG).await;
    let (status, _) = stands(&mut feeder, &objective, back);
    assert_eq!(status.coverage_ppm(), 1_000_000, "{:?}", status.why);
    assert!(status.why.is_empty(), "{:?}", status.why);
}

#[tokio::test]
async fn two_consoles_on_one_store_count_nothing_twice() {
    let (server, _, store) = start().await;
    let objective = objective(0, "bad");
    let mut feeders = Vec::new();
    for _ in 0..2 {
        let mut feeder = Feeder::new(store.clone(), histories(&server));
        feeder.set(std::slice::from_ref(&objective), now()).await;
        feeder.ask(now(), LONG).await;
        feeders.push(feeder);
    }
    for minutes in [0, 5, 10] {
        let at = now() + TimeDelta::minutes(minutes);
        for feeder in &mut feeders {
            feeder.ask(at, LONG).await;
            feeder.save(at).await;
        }
    }
    let end = now() + TimeDelta::minutes(10);
    let mut third = Feeder::new(store, histories(&server));
    third.set(std::slice::from_ref(&objective), end).await;
    let (status, series) = stands(&mut third, &objective, end);
    assert_eq!(status.tally.total, 576 * 300 * u128::from(MICRO));
    assert_eq!(series.last(), Some(index(end) - 1));
}

#[tokio::test]
async fn many_objectives_are_asked_as_few_questions_and_a_wrong_one_spoils_only_itself() {
    let (server, counts, store) = start().await;
    let mut all: Vec<_> = (0..20).map(|n| objective(n, "bad")).collect();
    all.push(objective(20, "broken"));
    let mut feeder = Feeder::new(store, histories(&server));
    feeder.set(&all, now()).await;
    feeder.ask(now(), LONG).await;
    let first = feeder.changed();
    assert_eq!(first.len(), 21);
    let asked = counts.asked.load(Ordering::Relaxed);

    // A little before the broken one is asked again.
    let later = now() + TimeDelta::seconds(295);
    feeder.ask(later, LONG).await;
    // 20 of their own and one of all of them, in portions of 16; the broken one waits.
    assert_eq!(counts.asked.load(Ordering::Relaxed) - asked, 2);
    assert!(counts.queries.lock().unwrap().last().unwrap().contains("label_replace("));
    let good = feeder.changed();
    assert_eq!(good.len(), 20);
    for measured in &good {
        assert_eq!(measured.notes, []);
        assert_eq!(measured.series.last(), Some(index(later) - 1));
    }
    let broken = first.iter().find(|m| &*m.objective == "o20").unwrap();
    assert!(broken.series.is_empty());
    let said = broken.notes.iter().map(ToString::to_string).collect::<String>();
    assert!(said.contains("too many samples"), "{said}");
}

/// What is known of each objective, and what is said of it.
fn known(feeder: &mut Feeder) -> Vec<(String, bool, Vec<Why>)> {
    let measured = feeder.changed().into_iter();
    measured.map(|m| (m.objective.to_string(), !m.series.is_empty(), m.notes)).collect()
}

#[tokio::test]
async fn a_query_that_takes_too_long_spoils_only_itself_and_two_are_the_server() {
    let (server, _, store) = start().await;
    let all = [objective(0, "endless"), objective(1, "bad"), objective(2, "bad")];
    let mut feeder = Feeder::new(store, impatient(&server));
    feeder.set(&all, now()).await;
    feeder.ask(now(), LONG).await;
    let told = known(&mut feeder);
    let whether: Vec<_> = told.iter().map(|(id, is_known, _)| (id.as_str(), *is_known)).collect();
    assert_eq!(whether, [("o0", false), ("o1", true), ("o2", true)]);
    assert!(matches!(&told[0].2[..], [Why::Source(why)] if why.contains("no answer")), "{told:?}");

    let all = [objective(0, "endless"), objective(1, "endless"), objective(2, "bad")];
    let mut feeder = Feeder::new(Store::memory().await.unwrap(), impatient(&server));
    feeder.set(&all, now()).await;
    feeder.ask(now(), LONG).await;
    let told = known(&mut feeder);
    let [_, _, (_, false, why)] = told.as_slice() else { panic!("{told:?}") };
    assert!(matches!(&why[..], [Why::Source(why)] if why.contains("not asked")), "{why:?}");
    // The slow ones wait longer than the server does.
    feeder.ask(now() + TimeDelta::seconds(61), LONG).await;
    let told = known(&mut feeder);
    assert!(told.iter().any(|(id, is_known, _)| id == "o2" && *is_known), "{told:?}");
}

#[tokio::test]
async fn a_server_that_refuses_long_ranges_is_asked_for_short_ones() {
    let (server, counts, store) = start().await;
    counts.most.store(100, Ordering::Relaxed);
    let objective = objective(0, "bad");
    let mut feeder = Feeder::new(store, histories(&server));
    feeder.set(std::slice::from_ref(&objective), now()).await;
    feeder.ask(now(), LONG).await;
    let (status, series) = stands(&mut feeder, &objective, now());
    assert_eq!(status.coverage_ppm(), 1_000_000, "{:?}", status.why);
    // Three days, since burn rates reach so far.
    assert_eq!(series.first(), Some(index(now()) - 3 * 86_400 / BUCKET));
}

#[tokio::test]
async fn a_query_for_bad_ones_that_never_gave_anything_is_told_until_it_does() {
    let (server, counts, store) = start().await;
    let objective = objective(0, "nowhere");
    let mut feeder = Feeder::new(store, histories(&server));
    feeder.set(std::slice::from_ref(&objective), now()).await;
    feeder.ask(now(), LONG).await;
    let (status, _) = stands(&mut feeder, &objective, now());
    assert_eq!(status.sli_ppm(), Some(1_000_000));
    let said: Vec<String> = status.why.iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|w| w.starts_with("bad gave nothing so far")), "{said:?}");

    counts.found.store(true, Ordering::Relaxed);
    let later = now() + TimeDelta::minutes(5);
    feeder.ask(later, LONG).await;
    let (status, _) = stands(&mut feeder, &objective, later);
    assert!(status.why.is_empty(), "{:?}", status.why);
}

#[tokio::test]
async fn what_a_server_says_is_not_whole_is_not_known_and_told() {
    let (server, counts, store) = start().await;
    let objective = objective(0, "bad");
    let mut feeder = Feeder::new(store, histories(&server));
    feeder.set(std::slice::from_ref(&objective), now()).await;
    // A remark about the query takes nothing away.
    *counts.warnings.lock().unwrap() = vec!["PromQL warning: bucket label \"le\" is missing"];
    feeder.ask(now(), LONG).await;
    let (status, _) = stands(&mut feeder, &objective, now());
    assert_eq!(status.coverage_ppm(), 1_000_000, "{:?}", status.why);

    *counts.warnings.lock().unwrap() = vec!["partial response"];
    let later = now() + TimeDelta::hours(6);
    feeder.ask(later, LONG).await;
    let (blind, _) = stands(&mut feeder, &objective, later);
    assert_eq!(blind.coverage_ppm(), 42 * 1_000_000 / 48);
    let is_told = |w: &Why| matches!(w, Why::Source(said) if said.contains("partial response"));
    assert!(blind.why.iter().any(is_told), "{:?}", blind.why);

    counts.warnings.lock().unwrap().clear();
    let back = later + TimeDelta::minutes(6);
    feeder.ask(back, LONG).await;
    let (whole, _) = stands(&mut feeder, &objective, back);
    assert_eq!(whole.coverage_ppm(), 1_000_000, "{:?}", whole.why);
}

#[tokio::test]
async fn what_the_command_asked_for_is_kept_where_there_is_a_store() {
    let (server, _, _) = start().await;
    let home = tempfile::TempDir::new().unwrap();
    let (config, store) = (home.path().join("config.toml"), home.path().join("a.db"));
    let text = format!(
        "[[sources]]\nname = \"prom\"\nkind = \"prometheus\"\nurl = \"{}\"\n\n[[slos]]\nid = \"a\"\n\
         service = \"shop\"\ntarget = \"99%\"\nwindow = \"2d\"\nmethod = \"events\"\nsource = \"prom\"\n\
         bad = \"sum(increase(bad[{{{{window}}}}]))\"\ntotal = \"sum(increase(all[{{{{window}}}}]))\"\n",
        server.uri()
    );
    std::fs::write(&config, text).unwrap();
    let run = async |line: Vec<String>| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_atalaya"));
        command.env_clear().env("HOME", home.path()).env("ATALAYA_CONFIG", &config).args(line);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    };
    let line = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<String>>();
    let (_, said) = run(line(&["slo"])).await;
    assert!(said.contains("what was measured is not kept: there is no store"), "{said}");

    Store::open(&Location::File(store.clone()), false).await.unwrap().close().await;
    let named = ["slo", "--json", "--store", store.to_str().unwrap()];
    let (_, said) = run(line(&named)).await;
    assert!(!said.contains("not kept"), "{said}");
    let (out, _) = run(line(&[&named[..], &["--offline"]].concat())).await;
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["slos"][0]["sli_ppm"], 990_000, "{out}");
}

#[tokio::test]
async fn an_objective_of_incidents_knows_nothing_of_time_that_nobody_watched() {
    let store = Store::memory().await.unwrap();
    let mut writer = Writer::on(store.clone()).await;
    // Down for a second at the begin of the story.
    writer.stored(vec![(1, opened("a")), (1, resolved())]).await;
    let first = index(at(0));
    let mut watched = Series::default();
    for number in (1..=100).chain(141..=200) {
        watched.set(first + number, Bucket::of_time(300, 0));
    }
    store.roll_up(&[(WATCHED.to_owned(), watched)]).await.unwrap();
    let objective = Arc::new(Objective {
        service: ServiceId::new("db-main"),
        sli: Sli::Uptime(Uptime::Incidents { least: Priority(2) }),
        window: Window::Rolling(TimeDelta::minutes(5 * 200)),
        ..Objective::clone(&objective(1, "bad"))
    });
    let mut feeder = Feeder::new(store.clone(), Histories::default());
    let now = at(201 * BUCKET);
    feeder.set(std::slice::from_ref(&objective), now).await;
    feeder.count(now).await;
    let (status, _) = stands(&mut feeder, &objective, now);
    assert_eq!(status.coverage_ppm(), 160 * 1_000_000 / 200);
    assert_eq!(status.sli_ppm(), Some(1_000_000));
    // What came to light later is down all the same, also where nobody watched.
    writer.stored(vec![(2, opened("b"))]).await;
    feeder.count(now + TimeDelta::minutes(5)).await;
    let (status, series) = stands(&mut feeder, &objective, now);
    assert_eq!((status.coverage_ppm(), status.sli_ppm()), (1_000_000, Some(0)));
    // A correction takes it back, and nothing of it stays.
    let merged = EventBody::Cancelled { reason: "never was".to_owned() };
    writer.stored(vec![(2, merged)]).await;
    feeder.count(now + TimeDelta::minutes(10)).await;
    let (status, again) = stands(&mut feeder, &objective, now);
    assert_eq!(status.sli_ppm(), Some(1_000_000));
    assert_ne!(again, series);
    feeder.save(now).await;
    assert!(
        store.rollups(&objective.kept_as(), 0).await.unwrap().is_empty(),
        "it follows from them"
    );
    // A report says of it what the screen says.
    let plan = Plan { objectives: vec![objective.clone()], ..Plan::empty() };
    let known = Known {
        plan: &plan,
        calendar: &Calendar::default(),
        overrides: &[],
        imported: &Imported::default(),
        pages: &Pages::default(),
    };
    let stood = reporting::objectives(&store, known, &[], now, now).await.unwrap();
    assert_eq!((stood[0].tally, stood[0].as_of), (status.tally, status.as_of));
    assert_eq!(stood[0].coverage_ppm(), 160 * 1_000_000 / 200);
}
