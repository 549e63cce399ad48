//! A CalDAV collection (RFC 4791): one calendar in as many parts as it has events, asked for by
//! `REPORT`, and before that whether it changed; of one that tells (RFC 6578), only what changed since.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use url::Url;

use super::super::SourceError;
use super::super::http_client::Request;
use super::xml::{Seen, encoded, walk};
use crate::domain::time::Interval;

/// The longest mark of a version, and the longest address of a part, in bytes.
const MAX_MARK: usize = 1_024;
const MAX_HREF: usize = 2_048;

/// Asks by what this version of the collection is told from the next.
pub fn version(url: &Url) -> Result<Request, SourceError> {
    let body = "<propfind xmlns=\"DAV:\" xmlns:cs=\"http://calendarserver.org/ns/\">\
        <prop><sync-token/><cs:getctag/></prop></propfind>";
    request(url, "PROPFIND", "0", body)
}

/// Asks for the events that take place in an interval, wholly or in part.
pub fn events(url: &Url, within: Interval) -> Result<Request, SourceError> {
    let [from, to] = [within.from, within.to].map(|at| at.format("%Y%m%dT%H%M%SZ"));
    let body = format!(
        "<c:calendar-query xmlns=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\">\
         <prop><c:calendar-data/></prop><c:filter><c:comp-filter name=\"VCALENDAR\">\
         <c:comp-filter name=\"VEVENT\"><c:time-range start=\"{from}\" end=\"{to}\"/>\
         </c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
    );
    request(url, "REPORT", "1", &body)
}

/// Asks for all events, with their versions.
pub fn all(url: &Url) -> Result<Request, SourceError> {
    let body = "<c:calendar-query xmlns=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\">\
         <prop><getetag/><c:calendar-data/></prop><c:filter><c:comp-filter name=\"VCALENDAR\">\
         <c:comp-filter name=\"VEVENT\"/></c:comp-filter></c:filter></c:calendar-query>";
    request(url, "REPORT", "1", body)
}

/// Asks which parts are others than when it told that token.
pub fn changes(url: &Url, token: &str) -> Result<Request, SourceError> {
    let token = encoded(token);
    let body = format!(
        "<sync-collection xmlns=\"DAV:\"><sync-token>{token}</sync-token>\
         <sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"
    );
    request(url, "REPORT", "0", &body)
}

/// Asks for some parts.
pub fn parts<'a>(url: &Url, hrefs: impl Iterator<Item = &'a str>) -> Result<Request, SourceError> {
    let hrefs: Vec<String> = hrefs.map(|href| format!("<href>{}</href>", encoded(href))).collect();
    let hrefs = hrefs.concat();
    let body = format!(
        "<c:calendar-multiget xmlns=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\">\
         <prop><c:calendar-data/></prop>{hrefs}</c:calendar-multiget>"
    );
    request(url, "REPORT", "1", &body)
}

fn request(
    url: &Url,
    method: &str,
    depth: &'static str,
    body: &str,
) -> Result<Request, SourceError> {
    let mut request = Request::get(url.clone());
    request.method = Method::from_bytes(method.as_bytes())
        .map_err(|e| SourceError::Misconfigured(e.to_string()))?;
    let xml = HeaderValue::from_static("application/xml; charset=utf-8");
    request.headers.insert(CONTENT_TYPE, xml);
    request.headers.insert("depth", HeaderValue::from_static(depth));
    let body = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{body}");
    request.body = Some(body.into_bytes());
    Ok(request)
}

/// What a server answers to any of these.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// What tells this version; empty where the server offers nothing.
    pub mark: String,
    /// `DAV:sync-token`, from which on changes are told.
    pub token: Option<String>,
    pub responses: Vec<Response>,
}

/// What is said of one part.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Response {
    pub href: String,
    /// `HTTP/1.1 404 Not Found`, of the part as a whole.
    pub status: String,
    pub calendar: Option<String>,
    /// `ETag`: its version.
    pub tag: Option<String>,
}

impl Response {
    pub fn has_status(&self, code: &str) -> bool {
        self.status.split_whitespace().nth(1) == Some(code)
    }
}

impl Answer {
    /// `None` if it is no such answer.
    pub fn read(xml: &str) -> Option<Self> {
        let (mut answer, mut is_one) = (Self::default(), false);
        let (mut token, mut tag) = (String::new(), String::new());
        walk(xml, |path, seen| {
            let last = answer.responses.last_mut();
            match (seen, path, last) {
                (Seen::Begin, ["multistatus"], _) => is_one = true,
                (Seen::Begin, ["multistatus", "response"], _) => {
                    answer.responses.push(Response::default());
                }
                (Seen::Text(text), [.., "sync-token"], _) => token.push_str(&text),
                (Seen::Text(text), [.., "getctag"], _) => tag.push_str(&text),
                (Seen::Text(text), [.., "response", "href"], Some(one)) => one.href += &text,
                (Seen::Text(text), [.., "response", "status"], Some(one)) => one.status += &text,
                (Seen::Text(text), [.., "calendar-data"], Some(one)) => {
                    one.calendar.get_or_insert_default().push_str(&text);
                }
                (Seen::Text(text), [.., "getetag"], Some(one)) => {
                    one.tag.get_or_insert_default().push_str(text.trim());
                }
                _ => {}
            }
        })?;
        let (token, tag) = (token.trim(), tag.trim());
        let is_short = token.len() + tag.len() <= MAX_MARK;
        if is_short {
            format!("{token} {tag}").trim().clone_into(&mut answer.mark);
            answer.token = Some(token.to_owned()).filter(|token| !token.is_empty());
        }
        is_one.then_some(answer)
    }
}

/// The parts of a collection as they were when it told a token.
#[derive(Debug, Default)]
pub struct Parts {
    /// Calendars by their path, however it is written.
    calendars: BTreeMap<String, String>,
}

impl Parts {
    /// Of an answer to [`events`]; `None` where it does not say where they are.
    pub fn of(responses: Vec<Response>) -> Option<Self> {
        let mut parts = Self::default();
        responses.into_iter().all(|one| parts.take(one)).then_some(parts)
    }

    /// Takes over what is said of a part; whether it says of which.
    pub fn take(&mut self, one: Response) -> bool {
        let is_named = !one.href.is_empty() && one.href.len() <= MAX_HREF;
        let path = path(&one.href);
        match one.calendar {
            Some(calendar) if is_named => drop(self.calendars.insert(path, calendar)),
            _ => drop(self.calendars.remove(&path)),
        }
        is_named
    }

    /// In bytes.
    pub fn size(&self) -> usize {
        self.calendars.values().map(String::len).sum()
    }

    pub fn text(&self) -> String {
        joined(self.calendars.values().map(String::as_str))
    }
}

/// The path of an address, decoded: one answer writes it with its server, another with `%40` for `@`.
pub fn path(href: &str) -> String {
    let after = href.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    let path = after.map_or(href, |(_, path)| path).trim_start_matches('/');
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let mut rest = bytes.clone();
        let mut digit = || char::from(rest.next()?).to_digit(16);
        match (byte, digit(), digit()) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                bytes = rest;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Calendars one after the other, with each time zone once.
pub fn joined<'a>(calendars: impl Iterator<Item = &'a str>) -> String {
    let mut zones: BTreeSet<String> = BTreeSet::new();
    let mut out = String::new();
    for calendar in calendars {
        let mut zone: Option<String> = None;
        for line in calendar.trim().lines() {
            let is = |border: &str| line.trim_end().eq_ignore_ascii_case(border);
            if is("BEGIN:VTIMEZONE") {
                out += &zone.take().unwrap_or_default();
                zone = Some(String::new());
            }
            let to = zone.as_mut().unwrap_or(&mut out);
            to.push_str(line.trim_end_matches('\r'));
            to.push_str("\r\n");
            if is("END:VTIMEZONE")
                && let Some(zone) = zone.take()
                && !zones.contains(&zone)
            {
                out += &zone;
                zones.insert(zone);
            }
        }
        out += &zone.unwrap_or_default();
    }
    if out.is_empty() {
        out += "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const ANSWER: &str = "<?xml version='1.0'?>\n<!-- a > b --><multistatus xmlns=\"DAV:\" \
        xmlns:C=\"urn:ietf:params:xml:ns:caldav\" x='>'><response><href>/a</href><propstat><prop>\
        <C:calendar-data a=\"/>\">BEGIN:VCALENDAR&#13;\nBEGIN:VTIMEZONE&#xD;\nTZID:X&#13;\n\
        END:VTIMEZONE&#13;\nSUMMARY:a &lt;b&gt; &amp;amp; c&d\nEND:VCALENDAR</C:calendar-data>\
        </prop><status>HTTP/1.1 200 OK</status></propstat></response><response><href>/b</href>\
        <propstat><prop><C:calendar-data><![CDATA[BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:X\n\
        END:VTIMEZONE\nSUMMARY:<two>\nEND:VCALENDAR]]></C:calendar-data></prop></propstat>\
        </response><response><href>/c</href><status>HTTP/1.1 404 Not Found</status></response>\
        <sync-token>http://x/4</sync-token></multistatus>";

    #[test]
    fn the_calendars_of_an_answer_become_one_text_with_each_zone_once() {
        let expect = "BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:X\r\nEND:VTIMEZONE\r\n\
            SUMMARY:a <b> &amp; c&d\r\nEND:VCALENDAR\r\nBEGIN:VCALENDAR\r\nSUMMARY:<two>\r\n\
            END:VCALENDAR\r\n";
        let answer = Answer::read(ANSWER).unwrap();
        assert_eq!(answer.token.as_deref(), Some("http://x/4"));
        assert!(answer.responses[2].has_status("404") && !answer.responses[0].has_status("200"));
        let parts = Parts::of(answer.responses).unwrap();
        assert_eq!(parts.text(), expect);
        let none = Answer::read("<d:multistatus xmlns:d=\"DAV:\"/>").unwrap();
        let none = Parts::of(none.responses).unwrap();
        assert_eq!(none.text(), "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n");
    }

    #[test]
    fn what_changed_takes_the_place_of_what_was_there() {
        let part = |href: &str, calendar: Option<&str>| Response {
            href: href.to_owned(),
            status: String::new(),
            calendar: calendar.map(str::to_owned),
            tag: None,
        };
        let mut parts = Parts::of(vec![part("/a", Some("A1")), part("/b", Some("B1"))]).unwrap();
        for one in [part("/a", None), part("/b", Some("B2")), part("/c", Some("C1"))] {
            assert!(parts.take(one));
        }
        assert_eq!((parts.text().as_str(), parts.size()), ("B2\r\nC1\r\n", 4));
        assert!(Parts::of(vec![part("", Some("x"))]).is_none());
        assert!(parts.take(part("http://x:80/%62", Some("B3"))));
        assert_eq!(parts.text(), "B3\r\nC1\r\n", "the same, written in another way");
        assert_eq!(path("/a%20b%2f%4/é%"), "a b/%4/é%");
    }

    #[rstest]
    #[case("")]
    #[case("BEGIN:VCALENDAR")]
    #[case("<html><body>log in</body></html>")]
    #[case("<!DOCTYPE x [<!ENTITY a \"b\">]><multistatus>&a;</multistatus>")]
    #[case("<multistatus a=\"")]
    #[case("<multistatus><![CDATA[")]
    fn what_is_no_such_answer_is_none(#[case] text: &str) {
        assert_eq!(Answer::read(text), None);
    }

    #[test]
    fn a_version_is_told_by_whatever_the_server_offers() {
        let answer = |inside: &str| {
            Answer::read(&format!("<a:multistatus><prop>{inside}</prop></a:multistatus>")).unwrap()
        };
        assert_eq!(answer("<cs:getctag>\"1\"</cs:getctag>").mark, "\"1\"");
        let both = answer("<getctag>2</getctag><sync-token>http://x/3</sync-token>");
        assert_eq!((&*both.mark, both.token.as_deref()), ("http://x/3 2", Some("http://x/3")));
        assert_eq!(answer("<getctag/>").mark, "");
        let long = answer(&format!("<getctag>{}</getctag>", "x".repeat(2_000)));
        assert_eq!((&*long.mark, long.token), ("", None));
    }
}
