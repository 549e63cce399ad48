//! The `icinga2` source, and maintenance made known to it, against Debian's Icinga.

use std::sync::Arc;
use std::time::Duration;

use atalaya::domain::calendar::Action;
use atalaya::domain::calendar::mirror::Owner;
use atalaya::domain::health::Service;
use atalaya::domain::matcher::Matchers;
use atalaya::domain::observation::{Alert, AlertSet, AlertStatus, Fact};
use atalaya::domain::upstream::{Call, Ended};
use atalaya::sources::http_client::{Clients, Http, Request, below};
use atalaya::sources::mirror::{About, Mirror, Pass};
use atalaya::sources::orders::Clerk;
use atalaya::sources::settings::{Auth, Icinga2, Kind, Secret, SourceSettings};
use atalaya::sources::{Source, SourceError};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::mirror::{SITE, Work, pass};
use crate::orders::{order, pass as pass_of, taken};
use crate::support::{Icinga, installed, settings, source, until};

const OBJECTS: &str = r#"
template Host "h" { check_command = "dummy"; check_interval = 1s; max_check_attempts = 1 }
template Service "s" { check_command = "dummy"; check_interval = 1s; max_check_attempts = 1 }
object HostGroup "web" { }
object Host "web01" { import "h"; groups = [ "web" ]; vars.team = "payments"; vars.password = "hunter2"; vars.dummy_state = 0 }
object Host "db01" { import "h"; vars.team = "data"; vars.dummy_state = 0 }
object Host "db02" { import "h"; vars.team = "data"; vars.dummy_state = 2 }
object Service "http" { host_name = "web01"; import "s"; vars.dummy_state = 0 }
object Service "disk /" { host_name = "web01"; import "s"; vars.dummy_state = 1; vars.dummy_text = "DISK ESC[31mWARNING" }
object Service "postgres" { host_name = "db01"; import "s"; vars.dummy_state = 2 }
object Service "postgres" { host_name = "db02"; import "s"; vars.dummy_state = 2 }
"#;

fn icinga() -> Option<Icinga> {
    installed(&["icinga2", "openssl"]).then(|| Icinga::start(&OBJECTS.replace("ESC", "\u{1b}")))
}

fn account(icinga: &Icinga, user: &str, mirror: bool) -> SourceSettings {
    let mut settings = settings(
        Kind::Icinga2(Icinga2 {
            url: icinga.url.parse().unwrap(),
            vars: vec!["team".to_owned()],
            mirror: mirror.then(|| Owner::new(SITE, "")),
            acknowledge: mirror.then(|| Owner::new(SITE, "").of_acknowledgements()),
            notes: false,
        }),
        &[],
    );
    let password = Secret::Inline("secret".to_owned().into());
    settings.http.auth = Auth::Basic { user: user.to_owned(), password };
    settings.http.insecure_skip_verify = true;
    settings.timeout = Duration::from_secs(5);
    settings
}

async fn alerts(source: &mut Box<dyn Source>) -> Result<AlertSet, SourceError> {
    let seen = source.poll(Utc::now()).await?;
    assert!(seen.server.starts_with("Icinga 2."), "{}", seen.server);
    let [Fact::Alerts(set)] = &seen.facts[..] else { panic!("{seen:?}") };
    Ok(set.clone())
}

fn named<'a>(set: &'a AlertSet, fingerprint: &str) -> Option<&'a Alert> {
    set.alerts.iter().find(|a| a.fingerprint == fingerprint)
}

/// What somebody asks of the API by hand.
async fn by_hand(icinga: &Icinga, path: &str, body: Value, writes: bool) -> Value {
    let settings = account(icinga, "lab", false);
    let http = Http::new(&settings, &Clients::default());
    let url = below(&icinga.url.parse().unwrap(), path);
    let request = if writes {
        Request::post_json(url, &body)
    } else {
        Request::ask_json(url, &body).header("x-http-method-override", "GET").unwrap()
    };
    http.send(&request).await.unwrap().checked().unwrap().json().unwrap()
}

/// The downtimes with their object, author, comment and end in seconds.
async fn downtimes(icinga: &Icinga) -> Vec<(String, String, String, f64)> {
    let told = by_hand(icinga, "v1/objects/downtimes", json!({}), false).await;
    let one = |d: &Value| {
        let text = |key: &str| d["attrs"][key].as_str().unwrap().to_owned();
        let object = format!("{}!{}", text("host_name"), text("service_name"));
        (object, text("author"), text("comment"), d["attrs"]["end_time"].as_f64().unwrap())
    };
    let mut all: Vec<_> = told["results"].as_array().unwrap().iter().map(one).collect();
    all.sort_by(|a, b| a.partial_cmp(b).unwrap());
    all
}

/// `checkout` is what the payments team has.
fn services() -> Vec<Arc<Service>> {
    let mut checkout = Service::new("checkout");
    checkout.matchers = vec![Matchers::parse(r#"team="payments""#).unwrap()];
    vec![Arc::new(checkout)]
}

#[tokio::test]
async fn problems_are_alerts_and_what_stands_on_a_host_that_is_down_is_its_effect() {
    let Some(icinga) = icinga() else { return };
    let mut source = source(&account(&icinga, "reader", false), false);
    let set = until("four problems", async || {
        alerts(&mut source).await.ok().filter(|set| set.alerts.len() == 4)
    })
    .await;
    assert!(set.complete && set.authoritative);
    let disk = named(&set, "web01!disk / warning").unwrap();
    let label = |name: &str| disk.labels.get(name).map(String::as_str);
    assert_eq!((label("team"), label("hostgroups")), (Some("payments"), Some("web")));
    assert_eq!((label("host"), label("service")), (Some("web01"), Some("disk /")));
    assert_eq!(label("password"), None, "a variable that nobody named");
    assert_eq!(disk.annotations.get("summary").unwrap(), "web01!disk /: DISK WARNING");
    let by = vec!["db02 critical".to_owned()];
    assert_eq!(
        named(&set, "db02!postgres critical").unwrap().status,
        AlertStatus::Inhibited { by }
    );
    assert_eq!(named(&set, "db01!postgres critical").unwrap().status, AlertStatus::Active);

    let who = json!({ "type": "Service", "service": "db01!postgres", "author": "ana", "comment": "mine" });
    by_hand(&icinga, "v1/actions/acknowledge-problem", who, true).await;
    let set = alerts(&mut source).await.unwrap();
    let by = vec!["acknowledged by ana: mine".to_owned()];
    assert_eq!(named(&set, "db01!postgres critical").unwrap().status, AlertStatus::Silenced { by });
}

#[tokio::test]
async fn a_wrong_password_is_told_of() {
    let Some(icinga) = icinga() else { return };
    let mut source = source(&account(&icinga, "nobody", false), false);
    let error = source.poll(Utc::now()).await.unwrap_err();
    let SourceError::Denied(why) = &error else { panic!("{error:?}") };
    assert!(why.contains("refused the credentials (401)"), "{why}");
}

#[tokio::test]
async fn a_window_is_a_downtime_of_each_object_that_follows_it_and_goes_with_it() {
    let Some(icinga) = icinga() else { return };
    let by_ana = json!({
        "type": "Service", "service": "web01!disk /", "author": "ana", "comment": "mine",
        "start_time": Utc::now().timestamp(), "end_time": Utc::now().timestamp() + 3600,
    });
    by_hand(&icinga, "v1/actions/schedule-downtime", by_ana, true).await;
    let settings = account(&icinga, "lab", true);
    let mirror = Mirror::of(&settings, About::Maintenance, &Clients::default()).unwrap();
    let (services, mut work) = (services(), Work::began());

    let first = pass(&mirror, &work.calendar, &services).await;
    assert_eq!(first, Pass { busy: true, changed: 3, ..Pass::default() });
    let again = pass(&mirror, &work.calendar, &services).await;
    assert_eq!(again, Pass { busy: true, ..Pass::default() });
    let ours = async || {
        let mut all = downtimes(&icinga).await;
        all.retain(|d| d.1 == "atalaya");
        all
    };
    let objects =
        |all: &[(String, String, String, f64)]| all.iter().map(|d| d.0.clone()).collect::<Vec<_>>();
    let expect = ["web01!", "web01!disk /", "web01!http"];
    let made = ours().await;
    assert_eq!(objects(&made), expect);
    assert!(made.iter().all(|d| d.3 as i64 == work.end().timestamp()), "{made:?}");
    let comment = &made[0].2;
    assert!(comment.starts_with("atalaya acme%20noc@811c9dc5 WIN-3 "), "{comment}");
    assert!(comment.ends_with(": Patch kernels (CHG-7)"), "{comment}");

    // Ana's downtime mutes for good, ours is maintenance here.
    let mut source = source(&settings, false);
    let disk = until("the disk", async || {
        named(&alerts(&mut source).await.ok()?, "web01!disk / warning").cloned()
    })
    .await;
    assert_eq!(disk.status, AlertStatus::Silenced { by: vec!["downtime".to_owned()] });
    let ana = json!({ "type": "Downtime", "filter": "downtime.author == \"ana\"" });
    by_hand(&icinga, "v1/actions/remove-downtime", ana, true).await;
    let disk = named(&alerts(&mut source).await.unwrap(), "web01!disk / warning").cloned();
    assert_eq!(disk.unwrap().status, AlertStatus::Active);

    work.act(Action::Start);
    work.extend();
    let longer = pass(&mirror, &work.calendar, &services).await;
    assert_eq!(longer, Pass { busy: true, changed: 3, ..Pass::default() });
    let made = ours().await;
    assert_eq!(objects(&made), expect);
    assert!(made.iter().all(|d| d.3 as i64 == work.end().timestamp()), "{made:?}");

    // An account that may only look can neither end nor make them, and says so.
    let other = json!({
        "type": "Host", "host": "db01", "author": "atalaya", "comment": "by hand",
        "start_time": Utc::now().timestamp(), "end_time": Utc::now().timestamp() + 3600,
    });
    by_hand(&icinga, "v1/actions/schedule-downtime", other, true).await;
    let mut over = Work::began();
    over.act(Action::Start);
    over.finish();
    let reader =
        Mirror::of(&account(&icinga, "reader", true), About::Maintenance, &Clients::default())
            .unwrap();
    let refused = pass(&reader, &over.calendar, &services).await;
    assert_eq!((refused.busy, refused.changed), (true, 0));
    assert!(refused.troubles[0].contains("actions/remove-downtime"), "{refused:?}");

    let ended = pass(&mirror, &over.calendar, &services).await;
    assert_eq!(ended, Pass { busy: true, changed: 3, ..Pass::default() });
    assert_eq!(pass(&mirror, &over.calendar, &services).await, Pass::default());
    let left = downtimes(&icinga).await;
    assert_eq!(left.iter().map(|d| d.2.as_str()).collect::<Vec<_>>(), ["by hand"]);
    let refused = pass(&reader, &work.calendar, &services).await;
    assert!(refused.troubles[0].contains("actions/schedule-downtime"), "{refused:?}");
}

/// The comments of acknowledgements, by object.
async fn acknowledgements(icinga: &Icinga) -> Vec<(String, String, String, f64)> {
    let told = by_hand(icinga, "v1/objects/comments", json!({}), false).await;
    let one = |c: &Value| {
        let text = |key: &str| c["attrs"][key].as_str().unwrap().to_owned();
        let object = format!("{}!{}", text("host_name"), text("service_name"));
        (object, text("author"), text("text"), c["attrs"]["expire_time"].as_f64().unwrap())
    };
    let all = told["results"].as_array().unwrap().iter();
    let mut all: Vec<_> = all.filter(|c| c["attrs"]["entry_type"] == 4.0).map(one).collect();
    all.sort_by(|a, b| a.partial_cmp(b).unwrap());
    all
}

#[tokio::test]
async fn what_somebody_has_is_acknowledged_there_unless_somebody_else_has_it_and_taken_back_with_it()
 {
    let Some(icinga) = icinga() else { return };
    let settings = account(&icinga, "lab", true);
    let mut source = source(&settings, false);
    until("four problems", async || {
        alerts(&mut source).await.ok().filter(|set| set.alerts.len() == 4)
    })
    .await;
    let luis = json!({ "type": "Service", "service": "db01!postgres", "author": "luis", "comment": "mine" });
    by_hand(&icinga, "v1/actions/acknowledge-problem", luis, true).await;
    let mirror = Mirror::of(&settings, About::Acknowledgements, &Clients::default()).unwrap();
    let now = Utc::now();
    let until_then = now + TimeDelta::minutes(30);
    // One that is well by now and one that does not exist are among them.
    let objects = [
        "host=web01,service=disk /",
        "host=db01,service=postgres",
        "host=web01,service=http",
        "host=db02",
    ];
    let mine = taken(&objects, Some(until_then));
    let first = pass_of(&mirror, &[&mine], TimeDelta::zero()).await;
    assert_eq!(first.troubles, Vec::<String>::new());
    let there = acknowledgements(&icinga).await;
    let found: Vec<_> = there.iter().map(|a| (a.0.as_str(), a.1.as_str())).collect();
    assert_eq!(
        found,
        [("db01!postgres", "luis"), ("db02!", "atalaya"), ("web01!disk /", "atalaya")]
    );
    assert!(there[1].2.starts_with("atalaya-ack acme%20noc@811c9dc5 INC-7: acknowledged by ana"));
    assert_eq!(there[1].3 as i64, until_then.timestamp());
    let again = pass_of(&mirror, &[&mine], TimeDelta::zero()).await;
    assert_eq!(again.troubles, Vec::<String>::new());
    assert_eq!(acknowledgements(&icinga).await, there);

    // What ana has here is active here, what luis has there is told of as his.
    let set = alerts(&mut source).await.unwrap();
    assert_eq!(named(&set, "web01!disk / warning").unwrap().status, AlertStatus::Active);
    let by = vec!["acknowledged by luis: mine".to_owned()];
    assert_eq!(named(&set, "db01!postgres critical").unwrap().status, AlertStatus::Silenced { by });

    // For longer, since ana acknowledged again.
    let longer = taken(&objects[..1], None);
    let changed = pass_of(&mirror, &[&longer], TimeDelta::zero()).await;
    assert_eq!(changed, Pass { busy: true, changed: 2, ..Pass::default() });
    let there = acknowledgements(&icinga).await;
    assert_eq!(there.len(), 2);
    assert_eq!((there[1].0.as_str(), there[1].3 as i64), ("web01!disk /", 0));

    // An account that may only look says what it needs.
    let reader = account(&icinga, "reader", true);
    let reader = Mirror::of(&reader, About::Acknowledgements, &Clients::default()).unwrap();
    let refused = pass_of(&reader, &[], TimeDelta::zero()).await;
    assert!(refused.troubles[0].contains("actions/remove-acknowledgement"), "{refused:?}");

    let over = pass_of(&mirror, &[], TimeDelta::zero()).await;
    assert_eq!(over, Pass { busy: true, changed: 1, ..Pass::default() });
    let left = acknowledgements(&icinga).await;
    assert_eq!(left.iter().map(|a| a.1.as_str()).collect::<Vec<_>>(), ["luis"]);
}

#[tokio::test]
async fn an_order_is_done_for_each_object_that_is_there_and_those_that_are_not_are_named() {
    let Some(icinga) = icinga() else { return };
    let settings = account(&icinga, "lab", false);
    let clerk = Clerk::new(std::slice::from_ref(&settings));
    let until = Utc::now() + TimeDelta::hours(1);
    let downtime = |objects: &[&str]| {
        let objects = objects.iter().map(|o| (*o).to_owned()).collect();
        Call::Downtime { objects, until, comment: "INC-7: disk full".to_owned() }
    };
    let some = downtime(&["web01", "web01!disk /", "nowhere!http"]);
    for attempt in 1..=2 {
        let ended = clerk.carry_out(&order(1, attempt, some.clone())).await;
        let Ended::Failed { why, is_final: false, .. } = &ended else { panic!("{ended:?}") };
        assert!(why.contains("1 of 3 objects not done: nowhere!http: there is no such"), "{why}");
        // The second try makes no second ones.
        let made = downtimes(&icinga).await;
        let found: Vec<_> = made.iter().map(|d| (d.0.as_str(), d.1.as_str())).collect();
        assert_eq!(found, [("web01!", "ana"), ("web01!disk /", "ana")]);
    }
    let two = order(2, 1, downtime(&["web01", "web01!disk /"]));
    assert!(matches!(clerk.carry_out(&two).await, Ended::Done { .. }));
    assert_eq!(downtimes(&icinga).await.len(), 4);
    let end = Call::EndDowntime { key: two.key() };
    let ended = clerk.carry_out(&order(3, 1, end)).await;
    assert!(matches!(&ended, Ended::Done { said, .. } if said == "2 downtimes ended"), "{ended:?}");
    assert_eq!(downtimes(&icinga).await.len(), 2);

    let objects = vec!["db01!postgres".to_owned()];
    let comment = Call::Comment { objects, comment: "looking at it".to_owned() };
    for attempt in 1..=2 {
        let ended = clerk.carry_out(&order(4, attempt, comment.clone())).await;
        assert!(matches!(ended, Ended::Done { .. }), "{ended:?}");
    }
    let told = by_hand(&icinga, "v1/objects/comments", json!({}), false).await;
    let told: Vec<&Value> = told["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| {
            c["attrs"]["text"].as_str().unwrap().starts_with("looking at it [atalaya-order-4-")
        })
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");

    let reader = account(&icinga, "reader", false);
    let ended = Clerk::new(&[reader]).carry_out(&order(5, 1, downtime(&["web01"]))).await;
    let Ended::Failed { why, .. } = &ended else { panic!("{ended:?}") };
    assert!(why.contains("actions/schedule-downtime"), "{why}");
}
