//! Acknowledgements in Icinga: those of problems that somebody has here, one for each host and
//! service; and whose the others are.
//!
//! An acknowledgement is known by its comment. One that somebody made there is left alone, and no
//! other is made beside it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::SourceError;
use super::super::http_client::{Answer, Clients, Request, address, below};
use super::super::mirror::{Keeper, Wanted, World, within};
use super::super::settings::{Icinga2 as Settings, SourceSettings};
use super::downtimes::Object;
use super::{Api, done, instant, seconds};
use crate::domain::calendar::mirror::{AUTHOR, Change, Mirrored, Owner, Upstream};
use crate::domain::text;
use crate::domain::time::Interval;
use crate::domain::upstream::acks;

/// As Icinga numbers the comment of an acknowledgement.
const ACKNOWLEDGEMENT: f64 = 4.0;

/// The acknowledgements of one site in one Icinga.
pub struct Acknowledgements {
    owner: Owner,
    timeout: Duration,
    api: Api,
}

/// An acknowledgement that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct There {
    pub object: Object,
    pub author: String,
    pub comment: String,
    at: Interval,
}

impl There {
    /// Made by this owner.
    pub fn is_of(&self, owner: &Owner) -> bool {
        self.author == AUTHOR && owner.name_in(&self.comment).is_some()
    }

    /// Made by this owner, if there is one.
    pub fn is_ours(&self, owner: Option<&Owner>) -> bool {
        owner.is_some_and(|owner| self.is_of(owner))
    }

    /// Who has it there, and what they said, for a person.
    pub fn words(&self) -> String {
        let said =
            if self.comment.is_empty() { String::new() } else { format!(": {}", self.comment) };
        text::clean(&format!("acknowledged by {}{said}", self.author), 200)
    }
}

/// All acknowledgements that are there, by their object.
pub(super) async fn all(api: &Api) -> Result<BTreeMap<Object, There>, SourceError> {
    let query = json!({
        "attrs": ["author", "text", "host_name", "service_name", "entry_time", "expire_time"],
        "filter": "comment.entry_type == kind",
        "filter_vars": { "kind": ACKNOWLEDGEMENT },
    });
    let all: Vec<WireComment> = api.objects("comments", &query).await?;
    let read = |c: WireComment| {
        let service = Some(c.attrs.service_name).filter(|s| !s.is_empty());
        let object = Object { host: c.attrs.host_name, service };
        let ends = match c.attrs.expire_time {
            at if at > 0.0 => instant(at),
            _ => acks::never(),
        };
        let at = Interval::new(instant(c.attrs.entry_time), ends);
        let there =
            There { object: object.clone(), author: c.attrs.author, comment: c.attrs.text, at };
        (object, there)
    };
    Ok(all.into_iter().map(read).collect())
}

impl Acknowledgements {
    pub fn new(
        source: &SourceSettings,
        settings: &Settings,
        owner: Owner,
        clients: &Clients,
    ) -> Self {
        let api = Api::new(source, settings, clients);
        Self { owner, timeout: source.timeout, api }
    }

    async fn act(&self, action: &str, body: &Value) -> Result<Answer, SourceError> {
        let url = below(&self.api.url, &format!("v1/actions/{action}"));
        within(self.timeout, self.api.http.send(&Request::post_json(url, body))).await
    }

    async fn acknowledge(&self, to: &Mirrored<Object>) -> Result<(), SourceError> {
        let mut body = about(&to.target);
        body.insert("author".to_owned(), AUTHOR.into());
        body.insert("comment".to_owned(), to.comment().into());
        // It ends when somebody takes it back here, or the problem is over.
        body.insert("sticky".to_owned(), true.into());
        if to.at.to < acks::never() {
            body.insert("expiry".to_owned(), seconds(to.at.to).into());
        }
        let answer = self.act("acknowledge-problem", &body.into()).await?;
        match answer.status.as_u16() {
            // Somebody was faster, or it is no problem any more: both are as good.
            409 => Ok(()),
            404 => Err(self.not_found("acknowledge-problem", &to.target)),
            _ => done(&answer),
        }
    }

    async fn remove(&self, object: &Object) -> Result<(), SourceError> {
        let answer = self.act("remove-acknowledgement", &about(object).into()).await?;
        if answer.status.as_u16() != 404 {
            return done(&answer);
        }
        // Gone already, or not allowed: that is answered alike.
        let present = within(self.timeout, all(&self.api)).await?;
        if present.get(object).is_some_and(|there| there.is_of(&self.owner)) {
            return Err(self.not_found("remove-acknowledgement", object));
        }
        Ok(())
    }

    /// A missing permission and a missing object are answered alike.
    fn not_found(&self, action: &str, object: &Object) -> SourceError {
        SourceError::BadAnswer(format!(
            "{} does not do {action} for {object} (404): give the account the permission \
             actions/{action}",
            address(&self.api.url)
        ))
    }
}

/// One object as an action takes it.
pub(super) fn about(object: &Object) -> serde_json::Map<String, Value> {
    let (kind, key) = match object.service {
        Some(_) => ("Service", "service"),
        None => ("Host", "host"),
    };
    let fields = [("type", Value::from(kind)), (key, Value::from(object.to_string()))];
    fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

impl Keeper for Acknowledgements {
    type Target = Object;

    async fn wanted(&self, world: World<'_>) -> Result<Wanted<Object>, SourceError> {
        let mut wanted = acks::objects(&self.owner, world.acknowledged, world.now);
        if !wanted.is_empty() {
            let there = within(self.timeout, all(&self.api)).await?;
            let of_others =
                |object: &Object| there.get(object).is_some_and(|t| !t.is_of(&self.owner));
            wanted.retain(|m| !of_others(&Object::parse(&m.target)));
        }
        let mirrored = |m: Mirrored<String>| Mirrored {
            tag: m.tag,
            title: m.title,
            target: Object::parse(&m.target),
            at: m.at,
        };
        let mirrored = wanted.into_iter().map(mirrored).collect();
        Ok(Wanted { mirrored, troubles: Vec::new() })
    }

    async fn present(&self) -> Result<Vec<Upstream<Object>>, SourceError> {
        let there = within(self.timeout, all(&self.api)).await?;
        let read = |t: There| {
            let tag = self.owner.name_in(&t.comment).filter(|_| t.author == AUTHOR)?;
            Some(Upstream { id: t.object.to_string(), tag, target: t.object, at: t.at })
        };
        Ok(there.into_values().filter_map(read).collect())
    }

    /// There is one at most of an object: it cannot be changed, and another cannot be beside it.
    async fn carry_out(&self, change: &Change<Object>) -> Result<(), SourceError> {
        match change {
            Change::Create(to) => self.acknowledge(to).await,
            Change::Adjust { to, .. } => {
                self.remove(&to.target).await?;
                self.acknowledge(to).await
            }
            Change::Remove(one) => self.remove(&one.target).await,
        }
    }
}

#[derive(Deserialize)]
struct WireComment {
    attrs: WireAttrs,
}

#[derive(Deserialize)]
struct WireAttrs {
    #[serde(default)]
    author: String,
    #[serde(default)]
    text: String,
    host_name: String,
    #[serde(default)]
    service_name: String,
    #[serde(default)]
    entry_time: f64,
    #[serde(default)]
    expire_time: f64,
}
