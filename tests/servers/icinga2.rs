//! The `icinga2` source, and maintenance made known to it, against Debian's Icinga.

use std::sync::Arc;
use std::time::Duration;

use atalaya::domain::calendar::Action;
use atalaya::domain::calendar::mirror::Owner;
use atalaya::domain::health::Service;
use atalaya::domain::matcher::Matchers;
use atalaya::domain::observation::{Alert, AlertSet, AlertStatus, Fact};
use atalaya::sources::http_client::{Clients, Http, Request, below};
use atalaya::sources::mirror::{Mirror, Pass};
use atalaya::sources::settings::{Auth, Icinga2, Kind, Secret, SourceSettings};
use atalaya::sources::{Source, SourceError};
use chrono::Utc;
use serde_json::{Value, json};

use crate::mirror::{SITE, Work, pass};
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
    let by = vec!["acknowledgement".to_owned()];
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
    let mirror = Mirror::of(&settings, &Clients::default()).unwrap();
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
    let reader = Mirror::of(&account(&icinga, "reader", true), &Clients::default()).unwrap();
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
