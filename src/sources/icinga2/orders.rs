//! Downtimes and comments by hand. Icinga answers for each object by itself: that some of them cannot
//! be done is told, and only those are tried again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::SourceError;
use super::super::http_client::{Answer, Clients, Request, address, below};
use super::super::hygiene::CleanLine;
use super::super::mirror::within;
use super::super::orders::{Done, Refused};
use super::super::settings::{Icinga2 as Settings, SourceSettings};
use super::{Api, Results, seconds};
use crate::domain::text;
use crate::domain::upstream::{Call, Order, named};

/// How many objects are told of by name.
const MAX_TOLD: usize = 3;

/// The orders that one Icinga takes.
pub struct Orders {
    timeout: Duration,
    api: Api,
}

/// What Icinga says of one object.
#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    code: f64,
    #[serde(default)]
    status: CleanLine,
}

impl Orders {
    pub fn new(source: &SourceSettings, settings: &Settings, clients: &Clients) -> Self {
        Self { timeout: source.timeout, api: Api::new(source, settings, clients) }
    }

    pub(in super::super) async fn carry_out(&self, order: &Order) -> Result<Done, Refused> {
        // All of it within the time for which the try is claimed.
        let work = async {
            match &order.what.call {
                Call::Downtime { objects, until, comment } => {
                    let fields = json!({
                        "author": order.what.author,
                        "comment": order.tagged(comment),
                        "start_time": seconds(order.at),
                        "end_time": seconds(*until),
                        "fixed": true,
                    });
                    let made = self.made(order, "downtimes").await?;
                    self.each(order, "schedule-downtime", objects, &made, fields).await
                }
                Call::Comment { objects, comment } => {
                    let fields =
                        json!({ "author": order.what.author, "comment": order.tagged(comment) });
                    let made = self.made(order, "comments").await?;
                    self.each(order, "add-comment", objects, &made, fields).await
                }
                Call::EndDowntime { key } => self.end_downtimes(key).await,
                _ => Err(Refused::ForGood("Icinga has downtimes and comments only".to_owned())),
            }
        };
        let late = Err(Refused::ForNow(SourceError::TimedOut(self.timeout)));
        tokio::time::timeout(self.timeout, work).await.unwrap_or(late)
    }

    /// The objects for which a try before has done it.
    async fn made(&self, order: &Order, what: &str) -> Result<BTreeSet<String>, SourceError> {
        if order.attempts <= 1 {
            return Ok(BTreeSet::new());
        }
        let found = self.tagged(&order.key(), what).await?;
        Ok(found.into_values().collect())
    }

    /// The objects of the downtimes or comments with that key, by the name of each of those.
    async fn tagged(&self, key: &str, what: &str) -> Result<BTreeMap<String, String>, SourceError> {
        let (one, text) = match what {
            "comments" => ("comment", "text"),
            _ => ("downtime", "comment"),
        };
        let query = json!({
            "attrs": ["host_name", "service_name"],
            "filter": format!("match(key, {one}.{text})"),
            // Brackets are characters of their own only in classes.
            "filter_vars": { "key": format!("*{key}?") },
        });
        let all: Vec<Tagged> = self.api.objects(what, &query).await?;
        let read = |t: Tagged| {
            let object = match t.attrs.service_name.as_str() {
                "" => t.attrs.host_name,
                service => format!("{}!{service}", t.attrs.host_name),
            };
            (t.name, object)
        };
        Ok(all.into_iter().map(read).collect())
    }

    /// One action on those of these objects for which it is not done yet.
    async fn each(
        &self,
        order: &Order,
        action: &str,
        objects: &[String],
        made: &BTreeSet<String>,
        fields: Value,
    ) -> Result<Done, Refused> {
        let open: Vec<&String> = objects.iter().filter(|o| !made.contains(*o)).collect();
        let (services, hosts): (Vec<&String>, Vec<&String>) =
            open.iter().partition(|o| o.contains('!'));
        let mut done: BTreeSet<String> = made.clone();
        let mut failed: Vec<String> = Vec::new();
        for (kind, names) in [("Host", hosts), ("Service", services)] {
            if names.is_empty() {
                continue;
            }
            let one = kind.to_lowercase();
            let mut body = fields.clone();
            if let Some(body) = body.as_object_mut() {
                body.insert("type".to_owned(), kind.into());
                body.insert("filter".to_owned(), format!("{one}.__name in names").into());
                body.insert("filter_vars".to_owned(), json!({ "names": names }));
            }
            let answer = self.act(action, &body).await?;
            let told = outcomes(&answer)?;
            for name in names {
                // Each result names its object in quotes.
                let of = |o: &&Outcome| o.status.0.contains(&format!("'{name}'"));
                match told.iter().find(of) {
                    Some(o) if (200.0..300.0).contains(&o.code) => {
                        done.insert(name.clone());
                    }
                    Some(o) => failed.push(format!("{name}: {}", answer.words(&o.status.0, 120))),
                    None => failed.push(format!(
                        "{name}: there is no such object, or the account has no permission \
                         actions/{action}"
                    )),
                }
            }
        }
        let (all, missing) = (objects.len(), failed.len());
        if missing == 0 {
            let done: Vec<String> = done.into_iter().collect();
            return Ok(Done { said: format!("{action} for {}", named(&done)), made: None });
        }
        let more = missing.saturating_sub(MAX_TOLD);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        failed.truncate(MAX_TOLD);
        let why = format!("{missing} of {all} objects not done: {}{more}", failed.join("; "));
        let why = text::clean(&why, 300);
        tracing::warn!("{}: {why}", order.what.id);
        Err(Refused::ForNow(SourceError::BadAnswer(why)))
    }

    async fn end_downtimes(&self, key: &str) -> Result<Done, Refused> {
        let names: Vec<String> = self.tagged(key, "downtimes").await?.into_keys().collect();
        let count = names.len();
        for name in names {
            let answer = self.act("remove-downtime", &json!({ "downtime": name })).await?;
            // Not there any more: as good.
            if answer.status.as_u16() != 404 {
                super::done(&answer)?;
            }
        }
        if !self.tagged(key, "downtimes").await?.is_empty() {
            let why = format!(
                "{} removes no downtime: give the account the permission actions/remove-downtime",
                address(&self.api.url)
            );
            return Err(Refused::ForNow(SourceError::BadAnswer(why)));
        }
        Ok(Done { said: format!("{count} downtimes ended"), made: None })
    }

    async fn act(&self, action: &str, body: &Value) -> Result<Answer, SourceError> {
        let url = below(&self.api.url, &format!("v1/actions/{action}"));
        let request = Request::post_json(url, body).once();
        within(self.timeout, self.api.http.send(&request)).await
    }
}

/// What is said of each object; nothing where none was found.
fn outcomes(answer: &Answer) -> Result<Vec<Outcome>, SourceError> {
    match serde_json::from_slice::<Results<Outcome>>(&answer.body) {
        Ok(told) => Ok(told.results),
        Err(_) if answer.status.as_u16() == 404 => Ok(Vec::new()),
        Err(_) => Err(answer.unexpected()),
    }
}

#[derive(Deserialize)]
struct Tagged {
    name: String,
    attrs: TaggedAttrs,
}

#[derive(Deserialize)]
struct TaggedAttrs {
    host_name: String,
    #[serde(default)]
    service_name: String,
}
