//! A CalDAV collection that is written to: what is there is read, and the difference to what is wanted
//! is sent, object by object, each on condition that nobody was faster.

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use url::Url;

use super::super::SourceError;
use super::super::http_client::{Http, Request, address};
use super::collection::{self, Answer, path};
use crate::domain::ical::upload::{Change, Stored, name};

/// A collection by its address.
#[derive(Debug)]
pub struct Collection {
    http: Http,
    url: Url,
}

impl Collection {
    /// With or without a `/` at the end of its address.
    pub fn new(http: Http, mut url: Url) -> Self {
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Self { http, url }
    }

    /// The objects with events that are there.
    ///
    /// # Errors
    /// It cannot be reached, may not be read, or is no collection.
    pub async fn list(&self) -> Result<Vec<Stored>, SourceError> {
        let answer = self.http.send(&collection::all(&self.url)?).await?;
        let is_told = answer.status == StatusCode::MULTI_STATUS;
        let told = Answer::read(&String::from_utf8_lossy(&answer.body)).filter(|_| is_told);
        let Some(told) = told else {
            let at = address(&answer.url);
            let code = answer.status.as_u16();
            return Err(SourceError::BadAnswer(match answer.status {
                StatusCode::NOT_FOUND => {
                    format!(
                        "{at} does not exist (404): make that calendar first, or check the address"
                    )
                }
                status if status.is_server_error() => return Err(answer.unexpected()),
                _ => format!(
                    "{at} does not answer as a CalDAV collection ({code}): use the address of the \
                     calendar itself"
                ),
            }));
        };
        let stored = told
            .responses
            .into_iter()
            .filter_map(|one| Some(Stored { href: one.href, tag: one.tag, text: one.calendar? }));
        Ok(stored.filter(|one| !one.href.is_empty()).collect())
    }

    /// Does one thing; the inner error is why this one could not be done.
    ///
    /// # Errors
    /// Nothing further can be done, either: it cannot be reached, or may not be written to.
    pub async fn change(&self, change: &Change) -> Result<Result<(), String>, SourceError> {
        let (uid, method, at, condition, text) = match change {
            Change::Create { uid, text } => {
                let at = self.url.join(&name(uid));
                (uid, Method::PUT, at, Some((IF_NONE_MATCH, "*")), Some(text))
            }
            Change::Replace { uid, stored, text } => {
                let at = self.url.join(&stored.href);
                (uid, Method::PUT, at, version(stored), Some(text))
            }
            Change::Remove { uid, stored } => {
                let at = self.url.join(&stored.href);
                (uid, Method::DELETE, at, version(stored), None)
            }
        };
        // What a server says that it has elsewhere is not ours to touch.
        let inside = |at: &Url| {
            let (here, at_path) = (path(self.url.path()), path(at.path()));
            at.origin() == self.url.origin()
                && at_path.starts_with(&here)
                && !at_path.split('/').any(|name| name == "..")
        };
        let Some(at) = at.ok().filter(inside) else {
            return Ok(Err(format!(
                "{uid} is said to be outside of this calendar; it stays as it is"
            )));
        };
        let Some((header, value)) = condition else {
            return Ok(Err(format!(
                "{uid} has no version (ETag), so that a change of somebody else could be lost; it stays"
            )));
        };
        let mut request = Request { method, writes: true, ..Request::get(at) };
        let value = HeaderValue::from_str(value);
        let value = value.map_err(|e| SourceError::BadAnswer(format!("{uid}: its ETag: {e}")))?;
        request.headers.insert(header, value);
        if let Some(text) = text {
            let kind = HeaderValue::from_static("text/calendar; charset=utf-8");
            request.headers.insert(CONTENT_TYPE, kind);
            request.body = Some(text.clone().into_bytes());
        }
        let answer = self.http.send(&request).await?;
        Ok(match answer.status {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::GONE if text.is_none() => Ok(()),
            StatusCode::PRECONDITION_FAILED => Err(format!(
                "{uid} was changed there just now; it stays as it is until the next time"
            )),
            status => {
                let body = String::from_utf8_lossy(&answer.body);
                let said = answer.words(&body, 200);
                Err(format!("{uid} was refused ({}): {said}", status.as_u16()))
            }
        })
    }
}

fn version(stored: &Stored) -> Option<(HeaderName, &str)> {
    stored.tag.as_deref().map(|tag| (IF_MATCH, tag))
}
