//! Making maintenance and acknowledgements known upstream: one pass looks at what is there under our tag, holds it against
//! what is due, and carries the difference out. What cannot be done now is found again by the next
//! pass, whatever happened in between.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::SourceError;
use super::alertmanager::silences::Silences;
use super::http_client::Clients;
use super::icinga2::acknowledgements::Acknowledgements;
use super::icinga2::downtimes::Downtimes;
use super::settings::{Kind, SourceSettings};
use crate::domain::calendar::Occurrence;
use crate::domain::calendar::mirror::{Change, Mirrored, Upstream, plan};
use crate::domain::health::Service;
use crate::domain::observation::SourceName;
use crate::domain::text;
use crate::domain::time::Instant;
use crate::domain::upstream::acks::Acknowledged;

/// After so many failures a pass ends: there is one reason for all.
const MAX_FAILURES: usize = 16;
/// How many of them are told.
const MAX_TOLD: usize = 4;

/// Of what an upstream is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    Maintenance,
    Acknowledgements,
}

/// One upstream that is told of something.
pub struct Mirror {
    pub source: SourceName,
    pub about: About,
    keeper: Keepers,
}

enum Keepers {
    Silences(Silences),
    Downtimes(Downtimes),
    Acknowledgements(Acknowledgements),
}

/// What is due, and what it is about.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    pub due: &'a [Occurrence],
    pub services: &'a [Arc<Service>],
    /// What somebody has.
    pub acknowledged: &'a [Acknowledged],
    pub now: Instant,
}

/// What one pass came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// Something is there, or should be: it has to be looked after.
    pub busy: bool,
    /// How many changes were carried out.
    pub changed: usize,
    /// What could not be done, with reason and remedy.
    pub troubles: Vec<String>,
    /// The server asked to be left alone for so long.
    pub wait: Option<Duration>,
}

/// One way of keeping maintenance upstream.
pub(super) trait Keeper: Sync {
    /// What can be muted there.
    type Target: Ord + Clone + Send + Sync;

    /// What should be there, and what cannot be.
    fn wanted(
        &self,
        world: World<'_>,
    ) -> impl Future<Output = Result<Wanted<Self::Target>, SourceError>> + Send;

    /// What is there under our tag.
    fn present(
        &self,
    ) -> impl Future<Output = Result<Vec<Upstream<Self::Target>>, SourceError>> + Send;

    fn carry_out(
        &self,
        change: &Change<Self::Target>,
    ) -> impl Future<Output = Result<(), SourceError>> + Send;
}

/// What should be upstream.
pub(super) struct Wanted<T> {
    pub mirrored: Vec<Mirrored<T>>,
    /// What of it cannot be said there, and why.
    pub troubles: Vec<String>,
}

impl Mirror {
    /// The mirror of something that a source is to have, if any.
    pub fn of(source: &SourceSettings, about: About, clients: &Clients) -> Option<Self> {
        let keeper = match (&source.kind, about) {
            (Kind::Alertmanager(kind), _) => {
                let owner = match about {
                    About::Maintenance => kind.mirror.clone()?,
                    About::Acknowledgements => kind.acknowledge.clone()?,
                };
                Keepers::Silences(Silences::new(source, kind, (about, owner), clients))
            }
            (Kind::Icinga2(kind), About::Maintenance) => {
                let owner = kind.mirror.clone()?;
                Keepers::Downtimes(Downtimes::new(source, kind, owner, clients))
            }
            (Kind::Icinga2(kind), About::Acknowledgements) => {
                let owner = kind.acknowledge.clone()?;
                let keeper = Acknowledgements::new(source, kind, owner, clients);
                Keepers::Acknowledgements(keeper)
            }
            _ => return None,
        };
        Some(Self { source: source.name.clone(), about, keeper })
    }

    /// Makes what is there as it is due.
    pub async fn pass(&self, world: World<'_>) -> Pass {
        let mut pass = match &self.keeper {
            Keepers::Silences(keeper) => reconcile(keeper, self.about, world).await,
            Keepers::Downtimes(keeper) => reconcile(keeper, self.about, world).await,
            Keepers::Acknowledgements(keeper) => reconcile(keeper, self.about, world).await,
        };
        if pass.changed > 0 {
            let (about, changes) = (self.about, pass.changed);
            tracing::info!(source = %self.source, changes, "{about:?} made known");
        }
        for trouble in &mut pass.troubles {
            *trouble = text::clean(trouble, text::MAX_LINE);
            tracing::warn!(source = %self.source, "{trouble}");
        }
        pass
    }
}

async fn reconcile<K: Keeper>(keeper: &K, about: About, world: World<'_>) -> Pass {
    let mut pass = Pass { busy: true, ..Pass::default() };
    let (wanted, present) = match known(keeper, world).await {
        Ok(known) => known,
        Err(error) => {
            let what = match about {
                About::Maintenance => "maintenance is not mirrored",
                About::Acknowledgements => "acknowledgements are not made known",
            };
            pass.failed(what.to_owned(), &error);
            return pass;
        }
    };
    pass.troubles = wanted.troubles;
    pass.busy = !wanted.mirrored.is_empty() || !present.is_empty();
    let mut failures = 0;
    for change in plan(&wanted.mirrored, &present, world.now) {
        match keeper.carry_out(&change).await {
            Ok(()) => pass.changed += 1,
            Err(error) => {
                let of = change.tag().window();
                let what = match about {
                    About::Maintenance => format!("mirror of {of}"),
                    About::Acknowledgements => format!("acknowledgement of {of}"),
                };
                pass.failed(what, &error);
                failures += 1;
                // What is wrong with one thing need not be with the next; what is wrong with the
                // server or with us is.
                if !matches!(error, SourceError::BadAnswer(_)) || failures >= MAX_FAILURES {
                    break;
                }
            }
        }
    }
    pass
}

async fn known<K: Keeper>(
    keeper: &K,
    world: World<'_>,
) -> Result<(Wanted<K::Target>, Vec<Upstream<K::Target>>), SourceError> {
    Ok((keeper.wanted(world).await?, keeper.present().await?))
}

impl Pass {
    fn failed(&mut self, what: String, error: &SourceError) {
        let told = format!("{what}: {error}");
        if self.troubles.len() < MAX_TOLD && !self.troubles.contains(&told) {
            self.troubles.push(told);
        }
        if let SourceError::Busy { retry_after, .. } = error {
            self.wait = *retry_after;
        }
    }
}

/// The answer, if it comes in time.
pub(super) async fn within<T>(
    timeout: Duration,
    ask: impl Future<Output = Result<T, SourceError>> + Send,
) -> Result<T, SourceError> {
    tokio::time::timeout(timeout, ask).await.unwrap_or(Err(SourceError::TimedOut(timeout)))
}
