//! A CalDAV collection (RFC 4791): one calendar in as many parts as it has events, asked for by
//! `REPORT`, and before that whether it changed.

use std::collections::BTreeSet;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use url::Url;

use super::super::SourceError;
use super::super::http_client::Request;
use crate::domain::time::Interval;

/// The longest mark of a version that is kept, in bytes.
const MAX_MARK: usize = 1_024;

/// Asks by what this version of the collection is told from the next.
pub fn version(url: &Url) -> Result<Request, SourceError> {
    let body = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
        <propfind xmlns=\"DAV:\" xmlns:cs=\"http://calendarserver.org/ns/\">\
        <prop><sync-token/><cs:getctag/></prop></propfind>";
    request(url, "PROPFIND", "0", body.to_owned())
}

/// Asks for the events that take place in an interval, wholly or in part.
pub fn events(url: &Url, within: Interval) -> Result<Request, SourceError> {
    let [from, to] = [within.from, within.to].map(|at| at.format("%Y%m%dT%H%M%SZ"));
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <c:calendar-query xmlns=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\">\
         <prop><c:calendar-data/></prop><c:filter><c:comp-filter name=\"VCALENDAR\">\
         <c:comp-filter name=\"VEVENT\"><c:time-range start=\"{from}\" end=\"{to}\"/>\
         </c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
    );
    request(url, "REPORT", "1", body)
}

fn request(
    url: &Url,
    method: &str,
    depth: &'static str,
    body: String,
) -> Result<Request, SourceError> {
    let mut request = Request::get(url.clone());
    request.method = Method::from_bytes(method.as_bytes())
        .map_err(|e| SourceError::Misconfigured(e.to_string()))?;
    let xml = HeaderValue::from_static("application/xml; charset=utf-8");
    request.headers.insert(CONTENT_TYPE, xml);
    request.headers.insert("depth", HeaderValue::from_static(depth));
    request.body = Some(body.into_bytes());
    Ok(request)
}

/// What tells a version, from the answer to [`version`]; `None` where the server offers nothing.
pub fn mark(xml: &str) -> Option<String> {
    let said = [texts(xml, "sync-token")?, texts(xml, "getctag")?].concat().join(" ");
    (!said.trim().is_empty() && said.len() <= MAX_MARK).then_some(said)
}

/// The calendars of the answer to [`events`], one after the other, with each time zone once; `None`
/// if it is no such answer.
pub fn calendars(xml: &str) -> Option<String> {
    texts(xml, "multistatus").filter(|found| !found.is_empty())?;
    let mut zones: BTreeSet<String> = BTreeSet::new();
    let mut out = String::new();
    for calendar in texts(xml, "calendar-data")? {
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
    Some(out)
}

/// The text right inside each element of that name, whatever its prefix; `None` if this is no XML, or
/// XML with a document type, which nobody needs who means well.
fn texts(xml: &str, name: &str) -> Option<Vec<String>> {
    let mut rest = xml.trim_start_matches('\u{feff}').trim_start();
    if !rest.starts_with('<') {
        return None;
    }
    let mut found: Vec<String> = Vec::new();
    // How deep one is inside such an element.
    let mut depth = 0_usize;
    let mut take = |depth: usize, text: &str| {
        if depth == 1
            && let Some(last) = found.last_mut()
        {
            last.push_str(text);
        }
        if depth == 0 {
            found.push(String::new());
        }
    };
    while let Some((text, tag)) = rest.split_once('<') {
        if depth > 0 {
            take(depth, &decoded(text));
        }
        if let Some(data) = tag.strip_prefix("![CDATA[") {
            let (data, after) = data.split_once("]]>")?;
            if depth > 0 {
                take(depth, data);
            }
            rest = after;
        } else if let Some(comment) = tag.strip_prefix("!--") {
            rest = comment.split_once("-->")?.1;
        } else if tag.starts_with('?') {
            rest = tag.split_once("?>")?.1;
        } else if tag.starts_with('!') {
            return None;
        } else {
            let end = end_of(tag)?;
            let (inside, after) = (tag.get(..end)?, tag.get(end + 1..)?);
            rest = after;
            let is_closed = inside.ends_with('/');
            let full = inside.trim_start_matches('/').split(['/', ' ', '\t', '\r', '\n']).next()?;
            let is_named = full.rsplit(':').next() == Some(name);
            match (inside.starts_with('/'), depth) {
                (false, 0) if is_named => {
                    take(0, "");
                    depth = usize::from(!is_closed);
                }
                (false, n) if n > 0 && !is_closed => depth += 1,
                (true, n) => depth = n.saturating_sub(1),
                _ => {}
            }
        }
    }
    Some(found)
}

/// Where a tag ends; in quotes it does not.
fn end_of(tag: &str) -> Option<usize> {
    let mut quote = None;
    tag.char_indices().find_map(|(at, c)| {
        match (quote, c) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
        None
    })
}

/// With what stands for characters replaced by them.
fn decoded(text: &str) -> String {
    let mut pieces = text.split('&');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let known = piece.split_once(';').and_then(|(code, rest)| {
            let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok();
            let c = match code {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                "quot" => '"',
                "apos" => '\'',
                _ => match (code.strip_prefix("#x"), code.strip_prefix('#')) {
                    (Some(hex), _) => char::from_u32(number(hex, 16)?)?,
                    (None, Some(digits)) => char::from_u32(number(digits, 10)?)?,
                    (None, None) => return None,
                },
            };
            Some((c, rest))
        });
        if let Some((c, rest)) = known {
            out.push(c);
            out += rest;
        } else {
            out.push('&');
            out += piece;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const ANSWER: &str = "<?xml version='1.0'?>\n<!-- a > b --><multistatus xmlns=\"DAV:\" \
        xmlns:C=\"urn:ietf:params:xml:ns:caldav\" x='>'><response><href>/a</href><propstat><prop>\
        <C:calendar-data a=\"/>\">BEGIN:VCALENDAR&#13;\nBEGIN:VTIMEZONE&#xD;\nTZID:X&#13;\n\
        END:VTIMEZONE&#13;\nSUMMARY:a &lt;b&gt; &amp;amp; c&d\nEND:VCALENDAR</C:calendar-data>\
        </prop></propstat></response><response><propstat><prop>\
        <C:calendar-data><![CDATA[BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:X\nEND:VTIMEZONE\n\
        SUMMARY:<two>\nEND:VCALENDAR]]></C:calendar-data><C:calendar-data/></prop></propstat>\
        </response></multistatus>";

    #[test]
    fn the_calendars_of_an_answer_become_one_text_with_each_zone_once() {
        let expect = "BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:X\r\nEND:VTIMEZONE\r\n\
            SUMMARY:a <b> &amp; c&d\r\nEND:VCALENDAR\r\nBEGIN:VCALENDAR\r\nSUMMARY:<two>\r\n\
            END:VCALENDAR\r\n";
        assert_eq!(calendars(ANSWER).as_deref(), Some(expect));
        let none = "<d:multistatus xmlns:d=\"DAV:\"/>";
        assert_eq!(calendars(none).as_deref(), Some("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"));
    }

    #[rstest]
    #[case("")]
    #[case("BEGIN:VCALENDAR")]
    #[case("<html><body>log in</body></html>")]
    #[case("<!DOCTYPE x [<!ENTITY a \"b\">]><multistatus>&a;</multistatus>")]
    #[case("<multistatus a=\"")]
    #[case("<multistatus><![CDATA[")]
    fn what_is_no_such_answer_is_none(#[case] text: &str) {
        assert_eq!(calendars(text), None);
    }

    #[test]
    fn a_version_is_told_by_whatever_the_server_offers() {
        let answer = |inside: &str| format!("<a:multistatus><prop>{inside}</prop></a:multistatus>");
        assert_eq!(mark(&answer("<cs:getctag>\"1\"</cs:getctag>")).as_deref(), Some("\"1\""));
        let both = answer("<getctag>2</getctag><sync-token>http://x/3</sync-token>");
        assert_eq!(mark(&both).as_deref(), Some("http://x/3 2"));
        assert_eq!(mark(&answer("<getctag/>")), None);
        assert_eq!(mark(&answer(&format!("<getctag>{}</getctag>", "x".repeat(2_000)))), None);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "[<>/!?\\[\\]&;#x\"' a-c:\\-é]{0,60}") {
            let _ = calendars(&format!("<multistatus><calendar-data>{text}"));
            let _ = mark(&text);
            let _ = decoded(&text);
        }
    }
}
