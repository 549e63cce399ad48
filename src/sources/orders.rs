//! Carrying out orders: one try of one call, and what came of it. What was made by a try that nobody
//! knows the end of is found again by the key in its comment.

use std::collections::BTreeMap;

use super::SourceError;
use super::alertmanager::silences::Orders as OfAlertmanager;
use super::demo::Made;
use super::document::orders::Orders as OfDocument;
use super::http_client::Clients;
use super::icinga2::orders::Orders as OfIcinga;
use super::pagerduty::orders::Orders as OfPagerDuty;
use super::settings::{Kind, SourceSettings};
use crate::domain::observation::SourceName;
use crate::domain::text;
use crate::domain::upstream::{Ended, Order};

/// Whoever carries orders out.
pub struct Clerk(BTreeMap<SourceName, Office>);

/// One source that takes orders.
pub enum Office {
    Alertmanager(OfAlertmanager),
    Icinga2(OfIcinga),
    PagerDuty(Box<OfPagerDuty>),
    Http(Box<OfDocument>),
    /// As if: nothing is sent.
    Demo(Made),
}

/// What was done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    pub said: String,
    /// The id of the silence that it made or left.
    pub made: Option<String>,
}

/// Why it was not.
#[derive(Debug)]
pub(super) enum Refused {
    /// By trying again it does not get better.
    ForGood(String),
    ForNow(SourceError),
}

impl From<SourceError> for Refused {
    fn from(error: SourceError) -> Self {
        Self::ForNow(error)
    }
}

impl Clerk {
    pub fn new(sources: &[SourceSettings]) -> Self {
        let clients = Clients::default();
        let office = |source: &SourceSettings| {
            let office = match &source.kind {
                Kind::Alertmanager(kind) => {
                    Office::Alertmanager(OfAlertmanager::new(source, kind, &clients))
                }
                Kind::Icinga2(kind) => Office::Icinga2(OfIcinga::new(source, kind, &clients)),
                Kind::Http(kind) if !kind.actions.is_empty() => {
                    Office::Http(Box::new(OfDocument::new(source, kind, &clients)))
                }
                Kind::PagerDuty(kind) if !kind.actions.is_empty() => {
                    Office::PagerDuty(Box::new(OfPagerDuty::new(source, kind, &clients)))
                }
                Kind::Demo(kind) => Office::Demo(kind.made.clone()),
                _ => return None,
            };
            Some((source.name.clone(), office))
        };
        Self(sources.iter().filter_map(office).collect())
    }

    /// One try.
    pub async fn carry_out(&self, order: &Order) -> Ended {
        let source = &order.what.source;
        let outcome = match self.0.get(source) {
            None => Err(Refused::ForNow(SourceError::Misconfigured(format!(
                "this console has no source {source}"
            )))),
            Some(Office::Demo(made)) => return made.carry_out(order),
            Some(Office::Alertmanager(office)) => office.carry_out(order).await,
            Some(Office::Icinga2(office)) => office.carry_out(order).await,
            Some(Office::Http(office)) => office.carry_out(order).await,
            Some(Office::PagerDuty(office)) => office.carry_out(order).await,
        };
        match outcome {
            Ok(Done { said, made }) => Ended::Done { said: text::clean(&said, 300), made },
            Err(Refused::ForGood(why)) => Ended::Failed { why, wait: None, is_final: true },
            Err(Refused::ForNow(error)) => {
                let wait = match &error {
                    SourceError::Busy { retry_after, .. } => *retry_after,
                    _ => None,
                };
                let wait = wait.and_then(|wait| chrono::TimeDelta::from_std(wait).ok());
                Ended::Failed { why: error.to_string(), wait, is_final: false }
            }
        }
    }
}
