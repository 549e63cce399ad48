//! Maintenance as silences: one for each text of matchers by which a service claims its alerts, and
//! for each of the window's own.
//!
//! The members of a cluster tell each other, so that the first one that answers is asked and told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::super::http_client::{Answer, Clients, Http, Request, below};
use super::super::mirror::{Keeper, Wanted, World, within};
use super::super::settings::{Alertmanager as Settings, SourceSettings};
use super::super::{SourceError, hygiene};
use super::blind;
use crate::domain::calendar::Occurrence;
use crate::domain::calendar::mirror::{AUTHOR, Change, Mirrored, Owner, Upstream, desired};
use crate::domain::health::Service;
use crate::domain::matcher::{Labels, Matchers, Op};
use crate::domain::time::{Instant, Interval};

/// The silences of one site in one cluster.
pub struct Silences {
    settings: Settings,
    owner: Owner,
    timeout: Duration,
    http: Http,
}

/// One matcher as the API has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    name: String,
    value: String,
    is_regex: bool,
    #[serde(default = "yes")]
    is_equal: bool,
}

/// What a silence matches: all of them hold.
pub type Conditions = BTreeSet<Condition>;

impl Silences {
    pub fn new(
        source: &SourceSettings,
        settings: &Settings,
        owner: Owner,
        clients: &Clients,
    ) -> Self {
        Self {
            settings: settings.clone(),
            owner,
            timeout: source.timeout,
            http: Http::new(source, clients),
        }
    }

    /// Asks the first member that answers.
    async fn ask(&self, request: impl Fn(&Url) -> Request) -> Result<Answer, SourceError> {
        let mut failures = Vec::new();
        for url in &self.settings.urls {
            match within(self.timeout, self.http.send(&request(url))).await {
                Err(e @ (SourceError::Unreachable(_) | SourceError::TimedOut(_))) => {
                    failures.push((url, e));
                }
                answer => return answer,
            }
        }
        Err(blind(failures))
    }
}

impl Keeper for Silences {
    type Target = Conditions;

    async fn wanted(&self, world: World<'_>) -> Result<Wanted<Conditions>, SourceError> {
        let mut troubles = Vec::new();
        let filter: Vec<Matchers> =
            self.settings.filter.iter().filter_map(|f| Matchers::parse(f).ok()).collect();
        let mirrored = desired(&self.owner, world.due, |one| {
            let (conditions, empty) = conditions(one, world.services, &filter);
            if empty {
                troubles.push(format!(
                    "{} is not mirrored whole: Alertmanager takes no silence that also fits alerts \
                     without labels; let match name a label and its value",
                    one.key.window
                ));
            }
            conditions.into_iter().collect()
        });
        Ok(Wanted { mirrored, troubles })
    }

    async fn present(&self) -> Result<Vec<Upstream<Conditions>>, SourceError> {
        let answer =
            self.ask(|url| Request::get(below(url, "api/v2/silences"))).await?.checked()?;
        let owner = self.owner.clone();
        // A server keeps those that are over for days: not on the runtime's threads.
        tokio::task::spawn_blocking(move || {
            owned(&answer.body, &owner).map_err(|e| answer.not_json(&e))
        })
        .await
        .map_err(|e| SourceError::BadAnswer(format!("the answer could not be read: {e}")))?
    }

    async fn carry_out(&self, change: &Change<Conditions>) -> Result<(), SourceError> {
        let answer = match change {
            Change::Create(to) => self.ask(|url| post(url, None, to)).await?,
            Change::Adjust { id, to } => self.ask(|url| post(url, Some(id), to)).await?,
            Change::Remove(one) => {
                let answer = self.ask(|url| Request::delete(silence(url, &one.id))).await?;
                if answer.status.as_u16() == 404 {
                    return Ok(());
                }
                answer
            }
        };
        answer.checked().map(|_| ())
    }
}

/// A silence that is to be there; with an `id`, instead of that one.
fn post(url: &Url, id: Option<&str>, to: &Mirrored<Conditions>) -> Request {
    let mut body = json!({
        "matchers": to.target,
        "startsAt": to.at.from,
        "endsAt": to.at.to,
        "createdBy": AUTHOR,
        "comment": to.comment(),
    });
    if let (Some(id), Some(fields)) = (id, body.as_object_mut()) {
        fields.insert("id".to_owned(), id.into());
    }
    Request::post_json(below(url, "api/v2/silences"), &body)
}

fn silence(url: &Url, id: &str) -> Url {
    let mut url = below(url, "api/v2/silence");
    if let Ok(mut path) = url.path_segments_mut() {
        path.push(id);
    }
    url
}

/// What an occurrence mutes, as far as the source shows it, and whether some of it cannot be said:
/// what also fits an alert without labels.
fn conditions(
    one: &Occurrence,
    services: &[Arc<Service>],
    filter: &[Matchers],
) -> (BTreeSet<Conditions>, bool) {
    let scope = &one.window.scope;
    let mut empty = false;
    let mut all = BTreeSet::new();
    let mut add = |conditions: Conditions, fits_nothing: bool| {
        if fits_nothing && filter.iter().all(|f| f.matches(&Labels::new())) {
            empty = true;
        } else {
            let seen = filter.iter().flat_map(of_matchers);
            all.insert(conditions.into_iter().chain(seen).collect());
        }
    };
    let of_services = services.iter().filter(|s| scope.services.contains(&s.id));
    let (claiming, named): (Vec<_>, Vec<_>) = of_services.partition(|s| !s.matchers.is_empty());
    let claims = claiming.into_iter().flat_map(|s| &s.matchers).chain(&scope.matchers);
    for matchers in claims {
        add(of_matchers(matchers).collect(), matchers.matches(&Labels::new()));
    }
    for service in named {
        let name = Condition {
            name: "service".to_owned(),
            value: service.id.to_string(),
            is_regex: false,
            is_equal: true,
        };
        add(Conditions::from([name]), false);
    }
    (all, empty)
}

fn of_matchers(matchers: &Matchers) -> impl Iterator<Item = Condition> + '_ {
    matchers.iter().map(|m| Condition {
        name: m.name.clone(),
        value: m.value.clone(),
        is_regex: matches!(m.op, Op::Matches | Op::MatchesNot),
        is_equal: matches!(m.op, Op::Equal | Op::Matches),
    })
}

/// The silences of this owner in the body of `/api/v2/silences` that are not over.
fn owned(body: &[u8], owner: &Owner) -> Result<Vec<Upstream<Conditions>>, serde_json::Error> {
    let ours = ever_owned(body, owner)?;
    let lasting = ours.into_iter().filter(|(state, _)| state != "expired");
    Ok(lasting.map(|(_, silence)| silence).collect())
}

/// The ids of all silences that were this owner's, also of those that are over: an answer that was
/// given a moment before may still name them.
pub fn own_ids(body: &[u8], owner: &Owner) -> Result<BTreeSet<String>, serde_json::Error> {
    Ok(ever_owned(body, owner)?.into_iter().map(|(_, silence)| silence.id).collect())
}

/// Each with its state.
fn ever_owned(
    body: &[u8],
    owner: &Owner,
) -> Result<Vec<(String, Upstream<Conditions>)>, serde_json::Error> {
    let all: Vec<WireSilence> = serde_json::from_slice(body)?;
    let read = |s: WireSilence| {
        let tag = owner.tag_in(&s.comment).filter(|_| s.created_by == AUTHOR)?;
        let at = Interval::new(s.starts_at, s.ends_at);
        // What cannot be an id is nothing that could be changed or taken away.
        let is_id =
            s.id.0.len() <= 128 && s.id.0.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if s.id.0.is_empty() || !is_id {
            return None;
        }
        Some((s.status.state, Upstream { id: s.id.0, tag, target: s.matchers, at }))
    };
    Ok(all.into_iter().filter_map(read).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSilence {
    id: hygiene::CleanLine,
    status: WireStatus,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    created_by: String,
    starts_at: Instant,
    ends_at: Instant,
    matchers: Conditions,
}

#[derive(Deserialize)]
struct WireStatus {
    state: String,
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matchers(text: &str) -> Matchers {
        Matchers::parse(text).unwrap()
    }

    fn occurrence(services: &[&str], own: &[&str]) -> Occurrence {
        use crate::domain::calendar::{Calendar, ChangeType, Kind, Length, Window};
        use crate::domain::health::ServiceId;
        use crate::domain::time::Recurrence;
        let start = "2026-11-28T22:00:00".parse().unwrap();
        let once = Recurrence::once(start, chrono_tz::Tz::UTC);
        let mut window = Window::new("WIN-3", Kind::Update, once, Length::hours(2));
        window.change_type = ChangeType::Standard;
        window.scope.services = services.iter().map(|s| ServiceId::new(s)).collect();
        window.scope.matchers = own.iter().map(|m| matchers(m)).collect();
        let mut calendar = Calendar::default();
        let now = start.and_utc();
        calendar.set_plan(&[Arc::new(window)], now - chrono::TimeDelta::days(1));
        crate::domain::calendar::mirror::due(&calendar, now).remove(0)
    }

    fn services() -> [Arc<Service>; 3] {
        ["checkout", "db", "all"].map(|id| {
            let mut service = Service::new(id);
            service.matchers = match id {
                "checkout" => {
                    vec![matchers(r#"job=~"checkout-.*",env!="test""#), matchers("app=x")]
                }
                "all" => vec![matchers(r#"env!="test""#)],
                _ => Vec::new(),
            };
            Arc::new(service)
        })
    }

    fn shown(all: &BTreeSet<Conditions>) -> Vec<String> {
        let one = |c: &Condition| {
            let op = match (c.is_equal, c.is_regex) {
                (true, false) => "=",
                (false, false) => "!=",
                (true, true) => "=~",
                (false, true) => "!~",
            };
            format!("{}{op}{}", c.name, c.value)
        };
        all.iter().map(|c| c.iter().map(one).collect::<Vec<_>>().join(",")).collect()
    }

    #[test]
    fn a_window_is_a_silence_for_each_text_of_matchers_within_what_the_source_shows() {
        let one = occurrence(&["checkout", "db"], &[r#"instance=~"db-.*""#]);
        let (all, empty) = conditions(&one, &services(), &[]);
        let expect = ["app=x", "env!=test,job=~checkout-.*", "instance=~db-.*", "service=db"];
        assert_eq!((shown(&all), empty), (expect.map(str::to_owned).to_vec(), false));
        let (all, _) = conditions(&one, &services()[1..2], &[matchers("team=core")]);
        assert_eq!(shown(&all), ["instance=~db-.*,team=core", "service=db,team=core"]);
    }

    #[test]
    fn what_would_also_silence_alerts_without_labels_is_left_out_and_said() {
        let one = occurrence(&["all"], &[]);
        let (all, empty) = conditions(&one, &services(), &[]);
        assert_eq!((all.len(), empty), (0, true));
        // What the source shows has a label.
        let (all, empty) = conditions(&one, &services(), &[matchers("team=core")]);
        assert_eq!((shown(&all), empty), (vec!["env!=test,team=core".to_owned()], false));
    }

    #[test]
    fn only_silences_under_our_tag_by_our_hand_that_are_not_over_are_ours() {
        let owner = Owner::new("acme-noc", "");
        let silence = |id: &str, by: &str, comment: &str, state: &str| {
            json!({
                "id": id, "createdBy": by, "comment": comment, "status": {"state": state},
                "startsAt": "2026-11-28T22:00:00.000Z", "endsAt": "2026-11-29T00:00:00.000Z",
                "updatedAt": "2026-11-28T21:45:00.000Z",
                "matchers": [{"name": "a", "value": "b", "isRegex": false}],
            })
        };
        let tagged = "atalaya acme-noc@811c9dc5 WIN-3 20261128T220000: Patch";
        let body = json!([
            silence("1", "atalaya", tagged, "active"),
            silence("2", "atalaya", tagged, "pending"),
            silence("3", "atalaya", tagged, "expired"),
            silence("4", "ana", tagged, "active"),
            silence("5", "atalaya", "atalaya acme@811c9dc5 WIN-3 20261128T220000: Patch", "active"),
            silence("6", "atalaya", "by hand", "active"),
        ]);
        let ours = owned(body.to_string().as_bytes(), &owner).unwrap();
        let ids: Vec<_> = ours.iter().map(|o| o.id.as_str()).collect();
        assert_eq!(ids, ["1", "2"]);
        let ever = own_ids(body.to_string().as_bytes(), &owner).unwrap();
        assert_eq!(ever.into_iter().collect::<Vec<_>>(), ["1", "2", "3"]);
        assert_eq!(ours[0].tag.window(), "WIN-3");
        assert!(ours[0].target.iter().all(|c| c.is_equal), "isEqual may be left out");
    }

    #[test]
    fn an_id_from_outside_stays_one_segment_of_the_path() {
        let url = silence(&"http://am:9093/prefix".parse().unwrap(), "../status?x#y");
        assert_eq!(url.as_str(), "http://am:9093/prefix/api/v2/silence/..%2Fstatus%3Fx%23y");
    }
}
