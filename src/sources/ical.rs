//! A calendar that states who is on call, or what is planned: an iCalendar file, on this machine or behind HTTP, or a
//! CalDAV collection.
//!
//! What did not change since the last poll is not sent again (`ETag`, `Last-Modified`; of a collection
//! its sync token or ctag; of a file its size and time), nor read again; of a collection that tells
//! (RFC 6578) only what changed is asked for. What fails changes nothing: the engine keeps the last
//! answer.

mod collection;
mod outgoing;
mod xml;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use chrono::TimeDelta;
use futures::future::BoxFuture;
use reqwest::StatusCode;
use reqwest::header::{
    ACCEPT, ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, SERVER,
};
use tokio::sync::Semaphore;
use url::Url;

use collection::{Parts, Response};

pub use outgoing::Collection;

use super::http_client::{Answer, Clients, Http, Request, address};
use super::secret::Hidden;
use super::settings::{CalendarAt, Ical, SourceSettings, discreet};
use super::{Source, SourceError};
use crate::domain::calendar::stated;
use crate::domain::ical::{self, Calendar};
use crate::domain::observation::{Fact, Observation, SourceName};
use crate::domain::roster;
use crate::domain::text::{self, clean};
use crate::domain::time::{Instant, Interval, before};

/// How far back and ahead shifts are worked out, and collections are asked.
const REACH: TimeDelta = TimeDelta::days(400);
/// After so long they are worked out anew although the calendar is the same.
const AGAIN: TimeDelta = TimeDelta::hours(12);
/// The most parts of a collection that are asked for one by one; of more, all are.
const AT_ONCE: usize = 200;

/// A calendar that is asked for with each poll.
pub struct IcalSource {
    name: SourceName,
    settings: Arc<Ical>,
    http: Http,
    max_body: usize,
    last: Option<Last>,
    /// Of a collection that tells what changed: what it had.
    synced: Option<Synced>,
    /// One calendar is read at a time, also where that takes longer than a poll may.
    turn: Arc<Semaphore>,
}

/// The last answer.
struct Last {
    mark: Mark,
    calendar: Arc<Calendar>,
    read: Reading,
    server: String,
}

/// What was read of a calendar.
#[derive(Clone)]
struct Reading {
    at: Instant,
    fact: Fact,
    warnings: Vec<String>,
}

/// By what a version of a calendar is told from the next.
#[derive(Clone, PartialEq, Eq)]
enum Mark {
    /// `ETag` and `Last-Modified`.
    Web(Option<HeaderValue>, Option<HeaderValue>),
    /// What tells the version of a collection; empty where nothing does.
    Collection(String),
    /// When a file was changed, and its length.
    File(Option<SystemTime>, u64),
}

/// A version of a calendar that was not there before.
struct Text {
    mark: Mark,
    bytes: Vec<u8>,
    server: String,
    hidden: Hidden,
    /// It was not all UTF-8.
    is_mended: bool,
}

/// A collection as it was when it told a token.
struct Synced {
    token: String,
    parts: Parts,
    /// When it was asked for as a whole.
    at: Instant,
}

impl IcalSource {
    pub fn new(source: &SourceSettings, settings: &Ical, clients: &Clients) -> Self {
        Self {
            name: Arc::clone(&source.name),
            settings: Arc::new(settings.clone()),
            http: Http::new(source, clients),
            max_body: source.max_body,
            last: None,
            synced: None,
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    async fn look(&mut self, now: Instant) -> Result<Observation, SourceError> {
        let turn = Arc::clone(&self.turn).try_acquire_owned().map_err(|_| {
            let why = "the calendar before is still being read: export less of it";
            SourceError::BadAnswer(why.to_owned())
        })?;
        let settings = Arc::clone(&self.settings);
        let text = match &settings.from {
            CalendarAt::Web(url) => self.fetch(url).await.map_err(|e| discreetly(e, url))?,
            CalendarAt::Collection(url) => {
                self.collect(url, now).await.map_err(|e| discreetly(e, url))?
            }
            CalendarAt::File(path) => self.open(path.clone()).await?,
        };
        if text.is_none()
            && let Some(last) = self.last.as_ref().filter(|last| now - last.read.at < AGAIN)
        {
            return Ok(observation(&self.name, last, now));
        }
        let before = self.last.as_ref().map(|last| last.read.fact.clone());
        let name = Arc::clone(&self.name);
        let (mark, server, known) = match (&text, &self.last) {
            (Some(text), _) => (text.mark.clone(), text.server.clone(), None),
            (None, Some(last)) => {
                (last.mark.clone(), last.server.clone(), Some(Arc::clone(&last.calendar)))
            }
            // Nothing can be the same as nothing.
            (None, None) => return Err(SourceError::BadAnswer("no calendar came".to_owned())),
        };
        // Not on the runtime's threads: a calendar can be made to take long, and the poll still ends
        // in time.
        let reading = tokio::task::spawn_blocking(move || {
            let outcome = read(known, text, (&name, &settings), before, now);
            drop(turn);
            outcome
        });
        let (calendar, read) = reading.await.unwrap_or_else(|e| {
            Err(SourceError::BadAnswer(format!("the calendar could not be read: {e}")))
        })?;
        let last = self.last.insert(Last { mark, calendar, read, server });
        Ok(observation(&self.name, last, now))
    }

    /// What a server has; `None`: the same as last time.
    async fn fetch(&self, url: &Url) -> Result<Option<Text>, SourceError> {
        let mut request = Request::get(url.clone());
        let accept = HeaderValue::from_static("text/calendar, */*;q=0.5");
        request.headers.insert(ACCEPT, accept);
        let asked = match self.last.as_ref().map(|last| &last.mark) {
            Some(Mark::Web(tag, modified)) => {
                let tag = tag.clone().map(|tag| request.headers.insert(IF_NONE_MATCH, tag));
                let since = modified.clone();
                let since = since.map(|at| request.headers.insert(IF_MODIFIED_SINCE, at));
                tag.is_some() || since.is_some()
            }
            _ => false,
        };
        let answer = self.http.send(&request).await?;
        if answer.status == StatusCode::NOT_MODIFIED && asked {
            return Ok(None);
        }
        Ok(Some(Text::of(answer.checked()?)))
    }

    /// What a collection has; `None`: the same as not long ago.
    async fn collect(&mut self, url: &Url, now: Instant) -> Result<Option<Text>, SourceError> {
        // Asked first: what is changed in between is seen the next time.
        let answer = self.http.send(&collection::version(url)?).await?;
        let is_told = answer.status == StatusCode::MULTI_STATUS;
        let version = if is_told { told(answer.body).await.0 } else { None }.unwrap_or_default();
        let mark = Mark::Collection(version.mark);
        let same = |last: &Last| {
            last.mark == mark
                && mark != Mark::Collection(String::new())
                && now - last.read.at < AGAIN
        };
        if self.last.as_ref().is_some_and(same) {
            return Ok(None);
        }
        if version.token.is_some()
            && let Some(text) = self.catch_up(url, &mark, now).await?
        {
            return Ok(Some(text));
        }
        self.synced = None;
        let answer = self.http.send(&collection::events(url, around(now))?).await?;
        let status = answer.status;
        if status == StatusCode::NOT_FOUND
            || (status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED)
        {
            return Err(answer.unexpected());
        }
        let at = address(&answer.url);
        let mut text = Text { mark, ..Text::of(answer) };
        let (told, is_mended) = match status {
            StatusCode::MULTI_STATUS => told(std::mem::take(&mut text.bytes)).await,
            _ => (None, false),
        };
        let Some(told) = told else {
            return Err(SourceError::BadAnswer(format!(
                "{at} does not answer as a CalDAV collection ({}): use the address of the calendar \
                 itself, or take collection out where it is a feed",
                status.as_u16()
            )));
        };
        let calendars = told.responses.iter().filter_map(|one| one.calendar.as_deref());
        let text = Text { bytes: collection::joined(calendars).into_bytes(), is_mended, ..text };
        let parts = Parts::of(told.responses);
        self.synced =
            version.token.zip(parts).map(|(token, parts)| Synced { token, parts, at: now });
        Ok(Some(text))
    }

    /// The whole of a collection, of which only what changed was asked for; `None`: that is not known,
    /// or the server does not tell.
    async fn catch_up(
        &mut self,
        url: &Url,
        mark: &Mark,
        now: Instant,
    ) -> Result<Option<Text>, SourceError> {
        // What is asked for as a whole goes along with time.
        let Some(synced) = self.synced.as_mut().filter(|synced| now - synced.at < AGAIN) else {
            return Ok(None);
        };
        let answer = match self.http.send(&collection::changes(url, &synced.token)?).await {
            // A token that is too old is answered with 403 as well.
            Err(SourceError::Denied(_)) => return Ok(None),
            answer => answer?,
        };
        if answer.status != StatusCode::MULTI_STATUS {
            return Ok(None);
        }
        let mut text = Text { mark: mark.clone(), ..Text::of(answer) };
        let changes = told(std::mem::take(&mut text.bytes)).await.0;
        let Some(changes) = changes else { return Ok(None) };
        let Some(token) = changes.token else { return Ok(None) };
        // 507: there are more than it tells at once.
        let is_cut = changes.responses.iter().any(|one| one.has_status("507"));
        if is_cut || changes.responses.len() > AT_ONCE {
            return Ok(None);
        }
        let (gone, changed): (Vec<_>, Vec<_>) = changes
            .responses
            .into_iter()
            .filter(|one| !one.href.ends_with('/'))
            .partition(|one| one.has_status("404"));
        let mut found = Vec::new();
        if !changed.is_empty() {
            let hrefs = changed.iter().map(|one| one.href.as_str());
            let answer = self.http.send(&collection::parts(url, hrefs)?).await?;
            if answer.status != StatusCode::MULTI_STATUS {
                return Ok(None);
            }
            let (told, is_mended) = told(answer.body).await;
            let Some(told) = told else { return Ok(None) };
            (found, text.is_mended) = (told.responses, is_mended);
        }
        // What it says changed and then does not show is gone.
        let changed = changed.into_iter().map(|one| Response { calendar: None, ..one });
        let mut all = gone.into_iter().chain(changed).chain(found);
        let is_named = all.all(|one| synced.parts.take(one));
        if !is_named || synced.parts.size() > self.max_body {
            return Ok(None);
        }
        synced.token = token;
        text.bytes = synced.parts.text().into_bytes();
        Ok(Some(text))
    }

    /// What a file has; `None`: the same as last time.
    async fn open(&self, path: PathBuf) -> Result<Option<Text>, SourceError> {
        let known = self.last.as_ref().map(|last| last.mark.clone());
        let most = self.max_body;
        let shown = clean(&path.display().to_string(), 200);
        let reading = tokio::task::spawn_blocking(move || file(&path, known.as_ref(), most));
        let outcome = reading.await.map_err(std::io::Error::other).and_then(|outcome| outcome);
        outcome.map_err(|e| {
            SourceError::BadAnswer(format!(
                "{shown} cannot be read: {e}; check file in this source, and the rights of it"
            ))
        })
    }
}

impl Source for IcalSource {
    fn poll(&mut self, now: Instant) -> BoxFuture<'_, Result<Observation, SourceError>> {
        Box::pin(self.look(now))
    }
}

impl Text {
    fn of(answer: Answer) -> Self {
        let header =
            |name| answer.headers.get(name).filter(|v: &&HeaderValue| is_short(v)).cloned();
        Self {
            mark: Mark::Web(header(ETAG), header(LAST_MODIFIED)),
            server: server(&answer.headers),
            bytes: answer.body,
            hidden: answer.hidden,
            is_mended: false,
        }
    }
}

/// What a collection answered, and whether it was not all UTF-8. Not on the runtime's threads: it can
/// be long.
async fn told(body: Vec<u8>) -> (Option<collection::Answer>, bool) {
    let reading = tokio::task::spawn_blocking(move || {
        let said = String::from_utf8_lossy(&body);
        (collection::Answer::read(&said), matches!(said, std::borrow::Cow::Owned(_)))
    });
    reading.await.unwrap_or_default()
}

/// The same error without the secret of the address.
fn discreetly(error: SourceError, url: &Url) -> SourceError {
    error.reworded(|said| said.replace(&address(url), &discreet(url)))
}

/// Whether a header may be kept and sent back.
fn is_short(value: &HeaderValue) -> bool {
    value.len() <= 1_024
}

fn server(headers: &HeaderMap) -> String {
    let server = headers.get(SERVER).and_then(|v| v.to_str().ok()).unwrap_or_default();
    clean(server, 80)
}

fn observation(source: &SourceName, last: &Last, now: Instant) -> Observation {
    Observation {
        source: Arc::clone(source),
        at: now,
        server: last.server.clone(),
        facts: vec![last.read.fact.clone()],
        warnings: last.read.warnings.clone(),
    }
}

/// The content of a regular file; `None` if its mark is known.
fn file(path: &Path, known: Option<&Mark>, most: usize) -> std::io::Result<Option<Text>> {
    // Before it is opened: opening a pipe would wait for somebody to write.
    let about = std::fs::metadata(path)?;
    if !about.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    let mark = Mark::File(about.modified().ok(), about.len());
    if known == Some(&mark) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        let most = text::value(most as f64, "B");
        return Err(std::io::Error::other(format!("it has more than {most}: raise max_body")));
    }
    Ok(Some(Text {
        mark,
        bytes,
        server: String::new(),
        hidden: Hidden::default(),
        is_mended: false,
    }))
}

/// Works out who is on call or what is planned, of a new version or of the one that is known.
fn read(
    known: Option<Arc<Calendar>>,
    text: Option<Text>,
    (source, settings): (&SourceName, &Ical),
    last: Option<Fact>,
    now: Instant,
) -> Result<(Arc<Calendar>, Reading), SourceError> {
    let mut warnings = Vec::new();
    let mut hidden = Hidden::default();
    let calendar = match (text, known) {
        (Some(text), _) => {
            hidden = text.hidden;
            let said = String::from_utf8_lossy(&text.bytes);
            if text.is_mended || matches!(said, std::borrow::Cow::Owned(_)) {
                warnings.push(
                    "the calendar is not UTF-8; what could not be read shows as \u{fffd}"
                        .to_owned(),
                );
            }
            let said = said.trim_start_matches('\u{feff}').trim_start();
            if !is_calendar(said) {
                return Err(SourceError::BadAnswer(no_calendar(said)));
            }
            Arc::new(ical::read(said, settings.zone))
        }
        (None, Some(known)) => known,
        (None, None) => Arc::new(Calendar::new("", settings.zone)),
    };
    let (fact, said) = if let Some(terms) = &settings.meaning.windows {
        let found = stated::stated(&calendar, source, terms, &settings.meaning.callings, now);
        (Fact::Windows(found.windows.into()), found.warnings)
    } else {
        let found = roster::stated::stated(&calendar, &settings.meaning.callings, around(now));
        (Fact::Shifts(found.duties.into()), found.warnings)
    };
    warnings.extend(said.iter().map(|w| hidden.hide(w)));
    // The same as before is told as the same.
    let fact = match (last, fact) {
        (Some(Fact::Shifts(last)), Fact::Shifts(now)) if last == now => Fact::Shifts(last),
        (Some(Fact::Windows(last)), Fact::Windows(now)) if last == now => Fact::Windows(last),
        (_, fact) => fact,
    };
    Ok((calendar, Reading { at: now, fact, warnings }))
}

/// The time for which shifts are worked out.
fn around(now: Instant) -> Interval {
    Interval::new(before(now, REACH), before(now, -REACH))
}

fn is_calendar(text: &str) -> bool {
    let begin = "BEGIN:VCALENDAR";
    text.get(..begin.len()).is_some_and(|start| start.eq_ignore_ascii_case(begin))
}

/// What was answered instead of a calendar, and what helps.
fn no_calendar(text: &str) -> String {
    if text.is_empty() {
        "it answered with nothing instead of a calendar: check url or file of this source"
            .to_owned()
    } else if text.starts_with('<') {
        "it answered with a web page instead of a calendar: is it a login page? Use the address of \
         the calendar's iCalendar (.ics) feed"
            .to_owned()
    } else {
        "it is no calendar, since it does not begin with BEGIN:VCALENDAR: use the address of the \
         calendar's iCalendar (.ics) feed"
            .to_owned()
    }
}
