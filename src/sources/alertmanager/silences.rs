//! What is silenced, and what is to be: maintenance, as one silence for each text of matchers by which
//! a service claims its alerts and for each of the window's own; acknowledgements, as a short one that
//! is renewed.
//!
//! The members of a cluster tell each other, so that the first one that answers is asked and told.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::super::http_client::{Answer, Clients, Http, Request, below};
use super::super::mirror::{About, Keeper, Wanted, World, within};
use super::super::orders::{Done, Refused};
use super::super::settings::{Alertmanager as Settings, SourceSettings};
use super::super::{SourceError, hygiene};
use super::blind;
use crate::domain::calendar::Occurrence;
use crate::domain::calendar::mirror::{AUTHOR, Change, Mirrored, Owner, Upstream, desired};
use crate::domain::health::Service;
use crate::domain::matcher::{Labels, Matcher, Matchers, Op};
use crate::domain::text;
use crate::domain::time::{Instant, Interval};
use crate::domain::upstream::silence::{self, Listed};
use crate::domain::upstream::{Call, Order, Silence, SilenceState, acks};

/// How many comparisons are made to count what silences would match that have not begun.
const MOST_COMPARED: usize = 1_000_000;
/// The longest text of matchers that is kept, in characters.
const MAX_MATCHERS: usize = 1_000;

/// The silences of one site in one cluster.
pub struct Silences {
    about: About,
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

impl Condition {
    fn op(&self) -> Op {
        match (self.is_equal, self.is_regex) {
            (true, false) => Op::Equal,
            (false, false) => Op::NotEqual,
            (true, true) => Op::Matches,
            (false, true) => Op::MatchesNot,
        }
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.op(), self.value)
    }
}

/// What a silence matches: all of them hold.
pub type Conditions = BTreeSet<Condition>;

impl Silences {
    pub fn new(
        source: &SourceSettings,
        settings: &Settings,
        (about, owner): (About, Owner),
        clients: &Clients,
    ) -> Self {
        Self {
            about,
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

/// The orders that one cluster takes.
pub struct Orders {
    settings: Settings,
    timeout: Duration,
    http: Http,
}

impl Orders {
    pub fn new(source: &SourceSettings, settings: &Settings, clients: &Clients) -> Self {
        let http = Http::new(source, clients);
        Self { settings: settings.clone(), timeout: source.timeout, http }
    }

    pub(in super::super) async fn carry_out(&self, order: &Order) -> Result<Done, Refused> {
        // All of it within the time for which the try is claimed.
        let work = async {
            match &order.what.call {
                Call::Silence { matchers, until, comment } => {
                    self.silence(order, matchers, (*until, comment)).await
                }
                Call::Extend { silence, until } => self.extend(silence, *until).await,
                Call::Expire { silence } => self.expire(silence).await,
                _ => Err(Refused::ForGood("Alertmanager has silences only".to_owned())),
            }
        };
        let late = Err(Refused::ForNow(SourceError::TimedOut(self.timeout)));
        tokio::time::timeout(self.timeout, work).await.unwrap_or(late)
    }

    async fn silence(
        &self,
        order: &Order,
        matchers: &Matchers,
        (until, comment): (Instant, &str),
    ) -> Result<Done, Refused> {
        let (member, made) = self.made_by(order).await?;
        if let Some(id) = made {
            return Ok(Done { said: format!("silence {id}"), made: Some(id) });
        }
        let body = json!({
            "matchers": of_matchers(matchers).collect::<Conditions>(),
            "startsAt": order.at,
            "endsAt": until,
            "createdBy": order.what.author,
            "comment": order.tagged(comment),
        });
        // To nobody else, should this one not answer: the next try looks first whether it did it.
        let id = self.post(&[member], &body).await?;
        Ok(Done { said: format!("silence {id}"), made: Some(id) })
    }

    /// The silence of a try before that nobody knows the end of, and the member that says so; one
    /// that somebody ended since, too.
    async fn made_by(&self, order: &Order) -> Result<(Url, Option<String>), SourceError> {
        let all = |url: &Url| Request::get(below(url, "api/v2/silences"));
        let (member, answer) = self.ask(&self.settings.urls, all).await?;
        let answer = answer.checked()?;
        let order = order.clone();
        let find = move || -> Result<Option<String>, SourceError> {
            let all: Vec<WireSilence> = answer.json()?;
            let mut own = all.into_iter().filter(|s| s.has_id() && order.is_of(&s.comment));
            Ok(own.next().map(|s| s.id.0))
        };
        let unread = |e| SourceError::BadAnswer(format!("the answer could not be read: {e}"));
        let made = tokio::task::spawn_blocking(find).await.map_err(unread)??;
        Ok((member, made))
    }

    async fn extend(&self, id: &str, until: Instant) -> Result<Done, Refused> {
        let Some((mut body, is_over)) = self.known(id).await? else {
            return Err(Refused::ForGood(format!("silence {id} does not exist any more")));
        };
        if is_over {
            let why = format!("silence {id} is over; make another one");
            return Err(Refused::ForGood(why));
        }
        if let Some(fields) = body.as_object_mut() {
            fields.insert("endsAt".to_owned(), json!(until));
            for told in ["status", "updatedAt"] {
                fields.remove(told);
            }
        }
        let id = self.post(&self.settings.urls, &body).await?;
        Ok(Done { said: format!("silence {id}"), made: Some(id) })
    }

    async fn expire(&self, id: &str) -> Result<Done, Refused> {
        let done = |said: &str| Done { said: said.to_owned(), made: Some(id.to_owned()) };
        match self.known(id).await? {
            None => return Ok(done("it was gone already")),
            Some((_, true)) => return Ok(done("it was over already")),
            Some(_) => {}
        }
        let delete = |url: &Url| Request::delete(silence(url, id));
        self.ask(&self.settings.urls, delete).await?.1.checked()?;
        Ok(done("expired"))
    }

    /// A silence with all that it has, and whether it is over.
    async fn known(&self, id: &str) -> Result<Option<(serde_json::Value, bool)>, SourceError> {
        let get = |url: &Url| Request::get(silence(url, id));
        let (_, answer) = self.ask(&self.settings.urls, get).await?;
        if answer.status.as_u16() == 404 {
            return Ok(None);
        }
        let answer = answer.checked()?;
        let known: WireSilence = answer.json()?;
        Ok(Some((answer.json()?, known.is_over())))
    }

    /// The id that the server gives.
    async fn post(&self, members: &[Url], body: &serde_json::Value) -> Result<String, Refused> {
        let post = |url: &Url| Request::post_json(below(url, "api/v2/silences"), body).once();
        let (_, answer) = self.ask(members, post).await?;
        if matches!(answer.status.as_u16(), 400 | 404 | 422) {
            return Err(Refused::ForGood(answer.unexpected().to_string()));
        }
        let made: Made = answer.checked()?.json()?;
        Ok(made.silence_id.0)
    }

    /// Asks the first of these members that answers.
    async fn ask(
        &self,
        members: &[Url],
        request: impl Fn(&Url) -> Request,
    ) -> Result<(Url, Answer), SourceError> {
        // One that hangs leaves time for the others.
        let each = self.timeout / u32::try_from(members.len() + 1).unwrap_or(2);
        let mut failures = Vec::new();
        for url in members {
            match within(each, self.http.send(&request(url))).await {
                Err(e @ (SourceError::Unreachable(_) | SourceError::TimedOut(_))) => {
                    failures.push((url, e));
                }
                answer => return Ok((url.clone(), answer?)),
            }
        }
        Err(blind(failures))
    }
}

#[derive(Deserialize)]
struct Made {
    #[serde(rename = "silenceID")]
    silence_id: hygiene::CleanLine,
}

impl Silences {
    fn of_acknowledgements(&self, world: World<'_>) -> Wanted<Conditions> {
        let (silences, unsaid) = acks::silences(&self.owner, world.acknowledged, world.now);
        let mirrored = |m: Mirrored<Matchers>| Mirrored {
            tag: m.tag,
            title: m.title,
            target: of_matchers(&m.target).collect(),
            at: m.at,
        };
        let trouble = |id| {
            format!(
                "{id} is not silenced there: its alerts have no label in common; silence them by \
                 hand"
            )
        };
        let troubles = unsaid.into_iter().map(trouble).collect();
        Wanted { mirrored: silences.into_iter().map(mirrored).collect(), troubles }
    }
}

impl Keeper for Silences {
    type Target = Conditions;

    async fn wanted(&self, world: World<'_>) -> Result<Wanted<Conditions>, SourceError> {
        let mut troubles = Vec::new();
        if self.about == About::Acknowledgements {
            return Ok(self.of_acknowledgements(world));
        }
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
        let (owner, about) = (self.owner.clone(), self.about);
        // A server keeps those that are over for days: not on the runtime's threads.
        tokio::task::spawn_blocking(move || {
            owned(&answer.body, &owner, about).map_err(|e| answer.not_json(&e))
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

pub fn of_matchers(matchers: &Matchers) -> impl Iterator<Item = Condition> + '_ {
    matchers.iter().map(|m| Condition {
        name: m.name.clone(),
        value: m.value.clone(),
        is_regex: matches!(m.op, Op::Matches | Op::MatchesNot),
        is_equal: matches!(m.op, Op::Equal | Op::Matches),
    })
}

/// The silences of this owner in the body of `/api/v2/silences` that are not over.
fn owned(
    body: &[u8],
    owner: &Owner,
    about: About,
) -> Result<Vec<Upstream<Conditions>>, serde_json::Error> {
    let all: Vec<WireSilence> = serde_json::from_slice(body)?;
    let read = |s: WireSilence| {
        let tag = match about {
            About::Maintenance => owner.tag_in(&s.comment),
            About::Acknowledgements => owner.name_in(&s.comment),
        };
        let tag = tag.filter(|_| s.created_by == AUTHOR && !s.is_over() && s.has_id())?;
        let at = Interval::new(s.starts_at, s.ends_at);
        Some(Upstream { id: s.id.0, tag, target: s.matchers, at })
    };
    Ok(all.into_iter().filter_map(read).collect())
}

/// A silence as one member tells it.
#[derive(Debug)]
pub struct Seen {
    silence: Silence,
    updated_at: Instant,
    /// As they are compared with alerts; `None`: not in a way that is known here.
    matchers: Option<Matchers>,
}

impl Seen {
    /// The newer word of two members counts.
    pub fn merge_into(self, known: &mut BTreeMap<String, Self>) {
        match known.entry(self.silence.id.clone()) {
            Entry::Vacant(place) => {
                place.insert(self);
            }
            Entry::Occupied(mut place) => {
                if place.get().updated_at < self.updated_at {
                    place.insert(self);
                }
            }
        }
    }
}

/// Reads the body of `/api/v2/silences`: the ids of all that were made by these owners, also of those
/// that are over, since an answer that was given a moment before may still name them; and those that
/// are not over.
pub fn read(
    body: &[u8],
    owners: &[Owner],
) -> Result<(BTreeSet<String>, Vec<Seen>), serde_json::Error> {
    // One that cannot be read costs only itself.
    let all: Vec<serde_json::Value> = serde_json::from_slice(body)?;
    let all = all.into_iter().filter_map(|one| serde_json::from_value::<WireSilence>(one).ok());
    let (mut own, mut seen) = (BTreeSet::new(), Vec::new());
    for wire in all.filter(WireSilence::has_id) {
        let is_of = |o: &Owner| o.tag_in(&wire.comment).or_else(|| o.name_in(&wire.comment));
        if wire.created_by == AUTHOR && owners.iter().any(|o| is_of(o).is_some()) {
            own.insert(wire.id.0.clone());
        }
        if !wire.is_over() {
            seen.push(Seen::from(wire));
        }
    }
    Ok((own, seen))
}

/// What is shown of them, the end that comes first before the others, with how many of these alerts
/// each matches: of one in force the server says that, of one to come its matchers.
pub fn listed<'a>(
    known: BTreeMap<String, Seen>,
    alerts: impl ExactSizeIterator<Item = &'a super::Seen> + Clone,
) -> Listed {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for alert in alerts.clone() {
        let ids: BTreeSet<&str> = alert.silenced_by.iter().map(String::as_str).collect();
        for id in ids {
            *counts.entry(id).or_default() += 1;
        }
    }
    let mut compared = 0;
    let mut silences = Vec::with_capacity(known.len());
    for seen in known.into_values() {
        let mut silence = seen.silence;
        silence.matches = match (silence.state, seen.matchers) {
            (SilenceState::Active, _) => {
                Some(counts.get(silence.id.as_str()).copied().unwrap_or(0))
            }
            (SilenceState::Pending, Some(matchers)) if compared < MOST_COMPARED => {
                compared += alerts.len();
                Some(alerts.clone().filter(|s| matchers.matches(&s.alert.labels)).count())
            }
            (SilenceState::Pending, _) => None,
        };
        silences.push(silence);
    }
    silences.sort_by(|a, b| (a.ends_at, &a.id).cmp(&(b.ends_at, &b.id)));
    let left_out = silences.len().saturating_sub(silence::MOST);
    silences.truncate(silence::MOST);
    Listed { silences: silences.into(), left_out }
}

impl WireSilence {
    fn is_over(&self) -> bool {
        self.status.state == "expired"
    }

    /// What cannot be an id is nothing that could be changed or taken away.
    fn has_id(&self) -> bool {
        let id = &self.id.0;
        !id.is_empty()
            && id.len() <= 128
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    }
}

impl From<WireSilence> for Seen {
    fn from(wire: WireSilence) -> Self {
        let one = |c: &Condition| Matcher::new(&c.name, c.op(), &c.value).ok();
        let matchers: Option<Matchers> = wire.matchers.iter().map(one).collect();
        let shown = matchers.as_ref().map_or_else(
            || wire.matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            ToString::to_string,
        );
        let pending = wire.status.state == "pending";
        let silence = Silence {
            id: wire.id.0,
            state: if pending { SilenceState::Pending } else { SilenceState::Active },
            matchers: text::clean(&shown, MAX_MATCHERS),
            created_by: text::clean(&wire.created_by, 80),
            comment: text::clean(&wire.comment, text::MAX_LINE),
            starts_at: wire.starts_at,
            ends_at: wire.ends_at,
            matches: None,
        };
        Self { silence, updated_at: wire.updated_at.unwrap_or(wire.starts_at), matchers }
    }
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
    #[serde(default)]
    updated_at: Option<Instant>,
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
    fn a_silence_that_cannot_be_read_hides_no_other() {
        let good = r#"{"id":"s1","status":{"state":"active"},"comment":"x","createdBy":"ana",
            "startsAt":"2026-11-27T10:00:00Z","endsAt":"2026-11-27T12:00:00Z",
            "updatedAt":"2026-11-27T10:00:00Z",
            "matchers":[{"name":"a","value":"b","isRegex":false,"isEqual":true}]}"#;
        let body = format!(r#"[{{"comment":"no id"}}, 7, {good}]"#);
        let (own, seen) = read(body.as_bytes(), &[]).unwrap();
        assert_eq!((own.len(), seen.len()), (0, 1));
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
        let ours = owned(body.to_string().as_bytes(), &owner, About::Maintenance).unwrap();
        let ids: Vec<_> = ours.iter().map(|o| o.id.as_str()).collect();
        assert_eq!(ids, ["1", "2"]);
        let (ever, seen) = read(body.to_string().as_bytes(), &[owner]).unwrap();
        assert_eq!(ever.into_iter().collect::<Vec<_>>(), ["1", "2", "3"]);
        assert_eq!(seen.len(), 5, "those of others are shown as well");
        assert_eq!(ours[0].tag.window(), "WIN-3");
        assert!(ours[0].target.iter().all(|c| c.is_equal), "isEqual may be left out");
    }

    #[test]
    fn an_id_from_outside_stays_one_segment_of_the_path() {
        let url = silence(&"http://am:9093/prefix".parse().unwrap(), "../status?x#y");
        assert_eq!(url.as_str(), "http://am:9093/prefix/api/v2/silence/..%2Fstatus%3Fx%23y");
    }
}
