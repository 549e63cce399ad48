//! `--into`: what is exported is brought to a CalDAV collection.

use serde::Serialize;

use super::args::Into;
use super::init::fetch::{self, PATIENCE};
use super::output::{self, Exit, complain, print};
use super::{Context, Failure};
use crate::config::Config;
use crate::domain::ical::Calendar;
use crate::domain::ical::upload::{Change, Mark, plan};
use crate::domain::text::count;
use crate::domain::time::{Instant, Interval};
use crate::sources::SourceError;
use crate::sources::http_client::address;
use crate::sources::ical::Collection;
use crate::sources::settings::{Auth, Secret, discreet};

/// Largest answer accepted, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// How many objects were written, and which could not be.
#[derive(Debug, Default, Serialize)]
struct Document {
    created: usize,
    replaced: usize,
    removed: usize,
    unchanged: usize,
    troubles: Vec<String>,
}

/// What is exported.
pub struct Export<'a> {
    pub calendar: &'a Calendar,
    /// Which export it is, with all that was left out of it.
    pub what: &'a str,
    /// The stretch that it is about; `None`: all.
    pub within: Option<Interval>,
    pub now: Instant,
}

pub async fn run(
    context: &Context,
    config: &Config,
    into: &Into,
    export: Export<'_>,
) -> Result<Exit, Failure> {
    let Some(url) = &into.into else { return Ok(Exit::Fine) };
    let auth = match (&into.user, &into.password_file) {
        (Some(user), Some(file)) => {
            Auth::Basic { user: user.clone(), password: Secret::File(file.clone()) }
        }
        _ => Auth::None,
    };
    let collection = Collection::new(fetch::http(auth, MAX_BODY), url.clone());
    let owner = crate::config::owner(&config.plan.site.name, &context.around.host, &config.store);
    let mark = Mark::new(&owner, export.what);
    let failed = |e: SourceError| {
        // The address of a private calendar is its secret.
        let e = e.reworded(|said| said.replace(&address(url), &discreet(url)));
        Failure::Unreachable(e.to_string())
    };
    let stored = timely(collection.list()).await.map_err(failed)?;
    let plan = plan(export.calendar, &mark, export.within, &stored, export.now);
    let foreign = |uid: &String| {
        format!(
            "{uid} is there already and was not written from here; it stays as it is: use a calendar \
             of its own"
        )
    };
    let mut done = Document {
        unchanged: plan.same,
        troubles: plan.foreign.iter().map(foreign).collect(),
        ..Document::default()
    };
    for change in &plan.changes {
        match timely(collection.change(change)).await.map_err(failed)? {
            Ok(()) => match change {
                Change::Create { .. } => done.created += 1,
                Change::Replace { .. } => done.replaced += 1,
                Change::Remove { .. } => done.removed += 1,
            },
            Err(why) => done.troubles.push(why),
        }
    }
    let is_fine = done.troubles.is_empty();
    tell(context, &discreet(url), &done);
    Ok(if is_fine { Exit::Fine } else { Exit::Problems })
}

async fn timely<T>(asked: impl Future<Output = Result<T, SourceError>>) -> Result<T, SourceError> {
    let outcome = tokio::time::timeout(PATIENCE, asked).await;
    outcome.unwrap_or(Err(SourceError::TimedOut(PATIENCE)))
}

fn tell(context: &Context, at: &str, done: &Document) {
    if context.output.json {
        output::document(done);
        return;
    }
    print(&format!(
        "{at}: {} created, {} replaced, {} removed, {} as they were\n",
        count(done.created, "object"),
        done.replaced,
        done.removed,
        done.unchanged
    ));
    for trouble in &done.troubles {
        complain(trouble);
    }
}
