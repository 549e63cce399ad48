//! Maintenance as downtimes: one for each host and service that a window mutes. An object is muted if
//! its alert would be: it belongs to a service of the window, or one of the window's matchers fits.
//! A severity is the alert's alone: to ask for one asks for no object.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::super::SourceError;
use super::super::http_client::{Answer, Clients, Request, address, below};
use super::super::mirror::{Keeper, Wanted, World, within};
use super::super::settings::{Icinga2 as Settings, SourceSettings};
use super::{Api, Row, done, instant, seconds};
use crate::domain::calendar::mirror::{AUTHOR, Change, Mirrored, Owner, Upstream, desired};
use crate::domain::health::claimant;
use crate::domain::time::Interval;

/// The downtimes of one site in one Icinga.
pub struct Downtimes {
    owner: Owner,
    timeout: Duration,
    api: Api,
}

/// A host, or a service of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    pub host: String,
    pub service: Option<String>,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.service {
            Some(service) => write!(f, "{}!{service}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

impl Object {
    /// `host`, or `host!service`.
    pub fn parse(text: &str) -> Self {
        match text.split_once('!') {
            Some((host, service)) => {
                Self { host: host.to_owned(), service: Some(service.to_owned()) }
            }
            None => Self { host: text.to_owned(), service: None },
        }
    }
}

impl Downtimes {
    pub fn new(
        source: &SourceSettings,
        settings: &Settings,
        owner: Owner,
        clients: &Clients,
    ) -> Self {
        let api = Api::new(source, settings, clients);
        Self { owner, timeout: source.timeout, api }
    }

    async fn act(&self, action: &str, body: &serde_json::Value) -> Result<Answer, SourceError> {
        let url = below(&self.api.url, &format!("v1/actions/{action}"));
        within(self.timeout, self.api.http.send(&Request::post_json(url, body))).await
    }

    async fn schedule(&self, to: &Mirrored<Object>) -> Result<(), SourceError> {
        let (kind, key) = match to.target.service {
            Some(_) => ("Service", "service"),
            None => ("Host", "host"),
        };
        let body = json!({
            "type": kind,
            key: to.target.to_string(),
            "author": AUTHOR,
            "comment": to.comment(),
            "start_time": seconds(to.at.from),
            "end_time": seconds(to.at.to),
            "fixed": true,
        });
        let answer = self.act("schedule-downtime", &body).await?;
        if answer.status.as_u16() == 404 {
            // A missing permission and a missing object are answered alike.
            return Err(SourceError::BadAnswer(format!(
                "{} schedules no downtime (404): give the account the permission \
                 actions/schedule-downtime for {}",
                address(&self.api.url),
                to.target
            )));
        }
        done(&answer)
    }

    async fn remove(&self, name: &str) -> Result<(), SourceError> {
        let answer = self.act("remove-downtime", &json!({ "downtime": name })).await?;
        if answer.status.as_u16() != 404 {
            return done(&answer);
        }
        // Gone already, or not allowed: that is answered alike.
        let present = within(self.timeout, owned(&self.api, &self.owner)).await?;
        if present.iter().any(|one| one.id == name) {
            return Err(SourceError::BadAnswer(format!(
                "{} removes no downtime (404): give the account the permission \
                 actions/remove-downtime",
                address(&self.api.url)
            )));
        }
        Ok(())
    }
}

impl Keeper for Downtimes {
    type Target = Object;

    async fn wanted(&self, world: World<'_>) -> Result<Wanted<Object>, SourceError> {
        let mut wanted = Wanted { mirrored: Vec::new(), troubles: Vec::new() };
        if world.due.is_empty() {
            return Ok(wanted);
        }
        let claimed = |row: Row| {
            let labels = row.clean_labels();
            let service = claimant(world.services, &labels).map(|s| s.id.clone());
            (row.object(), labels, service)
        };
        let rows = within(self.timeout, self.api.rows(&[], false)).await?;
        let objects: Vec<_> = rows.into_iter().map(claimed).collect();
        wanted.mirrored = desired(&self.owner, world.due, |one| {
            let scope = &one.window.scope;
            let muted = objects.iter().filter(|(_, l, s)| scope.covers(s.as_ref(), l));
            muted.map(|(object, ..)| object.clone()).collect()
        });
        Ok(wanted)
    }

    async fn present(&self) -> Result<Vec<Upstream<Object>>, SourceError> {
        within(self.timeout, owned(&self.api, &self.owner)).await
    }

    /// A downtime cannot be changed: another takes its place, and only then it goes.
    async fn carry_out(&self, change: &Change<Object>) -> Result<(), SourceError> {
        match change {
            Change::Create(to) => self.schedule(to).await,
            Change::Adjust { id, to } => {
                self.schedule(to).await?;
                self.remove(id).await
            }
            Change::Remove(one) => self.remove(&one.id).await,
        }
    }
}

/// The downtimes of this owner.
pub(super) async fn owned(api: &Api, owner: &Owner) -> Result<Vec<Upstream<Object>>, SourceError> {
    let query = json!({
        "attrs": ["author", "comment", "host_name", "service_name", "start_time", "end_time"],
        "filter": "downtime.author == author && match(comment, downtime.comment)",
        "filter_vars": { "author": AUTHOR, "comment": format!("{owner} *") },
    });
    let all: Vec<WireDowntime> = api.objects("downtimes", &query).await?;
    let read = |d: WireDowntime| {
        let service = Some(d.attrs.service_name).filter(|s| !s.is_empty());
        let tag = owner.tag_in(&d.attrs.comment).filter(|_| d.attrs.author == AUTHOR)?;
        let target = Object { host: d.attrs.host_name, service };
        let at = Interval::new(instant(d.attrs.start_time), instant(d.attrs.end_time));
        Some(Upstream { id: d.name, tag, target, at })
    };
    Ok(all.into_iter().filter_map(read).collect())
}

#[derive(Deserialize)]
struct WireDowntime {
    name: String,
    attrs: WireAttrs,
}

#[derive(Deserialize)]
struct WireAttrs {
    author: String,
    comment: String,
    host_name: String,
    #[serde(default)]
    service_name: String,
    start_time: f64,
    end_time: f64,
}
