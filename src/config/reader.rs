//! Reading one table: each question registers its key, gives the value in the wanted form, or
//! reports why not and what is wanted. Keys that nobody asked for are unknown: the questions are
//! the schema.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use chrono::TimeDelta;
use url::Url;

use super::problem::{Place, Report};
use super::tree::{Node, Table, Value};
use crate::domain::matcher::Matchers;
use crate::domain::text::suggest;
use crate::domain::text::{duration, parse_duration};
use crate::sources::json_path;

/// A table that is being read.
pub struct Section<'a> {
    /// As in messages: `services.signals`.
    pub name: String,
    /// Where it begins.
    pub at: Place,
    table: &'a Table,
    report: &'a Report,
    asked: RefCell<Vec<&'static str>>,
    later: RefCell<Vec<&'static str>>,
}

/// A text and where it stands.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    pub value: &'a str,
    pub at: Place,
}

impl<'a> Section<'a> {
    pub fn new(name: &str, at: Place, table: &'a Table, report: &'a Report) -> Self {
        let (asked, later) = (RefCell::default(), RefCell::default());
        Self { name: name.to_owned(), at, table, report, asked, later }
    }

    pub fn report(&self) -> &'a Report {
        self.report
    }

    /// A number that changes with what the table says.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.table.hash(&mut hasher);
        hasher.finish()
    }

    /// The value of a key, in any form.
    pub fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.asked.borrow_mut().push(key);
        self.report.ask(&self.name, key);
        self.table.get(key).map(|e| &e.node)
    }

    /// Where a key's name stands, if it is set.
    pub fn key_place(&self, key: &str) -> Option<Place> {
        self.table.get(key).map(|e| e.at.0)
    }

    pub fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// Reports a key that must be there; `example` is a line that would do.
    pub fn missing(&self, key: &str, example: &str) {
        let message = format!("\"{key}\" is missing in {}", self.name);
        self.report.error(self.at, message, format!("add a line such as: {example}"));
    }

    /// Reports keys that only a later version reads.
    pub fn later(&self, keys: &[&'static str]) {
        for entry in self.table.0.iter().filter(|e| keys.contains(&e.key.as_str())) {
            let message = format!("section \"{}\" comes with a later version", entry.key);
            self.report.error(entry.at.0, message, "take it out for now");
        }
        self.later.borrow_mut().extend(keys);
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self) {
        let (asked, later) = (self.asked.into_inner(), self.later.into_inner());
        let unknown = |key: &str| !asked.contains(&key) && !later.contains(&key);
        for entry in self.table.0.iter().filter(|e| unknown(&e.key)) {
            let message = match self.name.as_str() {
                "" => format!("unknown section or key \"{}\"", entry.key),
                name => format!("unknown key \"{}\" in {name}", entry.key),
            };
            let meant = || suggest(&entry.key, &asked, "known here");
            self.report.error(entry.at.0, message, self.report.remedy(meant));
        }
    }

    fn wrong(&self, key: &str, node: &Node, wanted: &str) {
        let message = format!("{}{key} is {}", self.prefix(), node.value.what());
        self.report.error(self.inner(node), message, format!("it takes {wanted}"));
    }

    /// A key as it is called in messages: `services.signals.name`.
    pub fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix())
    }

    fn prefix(&self) -> String {
        if self.name.is_empty() { String::new() } else { format!("{}.", self.name) }
    }

    /// The place of a value; for a text what stands between the quotes.
    fn inner(&self, node: &Node) -> Place {
        match &node.value {
            Value::Text(_) => between_quotes(node.at.0, self.report),
            _ => node.at.0,
        }
    }

    pub fn text(&self, key: &'static str) -> Option<Text<'a>> {
        let node = self.node(key)?;
        let Value::Text(value) = &node.value else {
            self.wrong(key, node, "a text in quotes");
            return None;
        };
        Some(Text { value, at: self.inner(node) })
    }

    /// A text that must be there and not be empty.
    pub fn required_text(&self, key: &'static str, example: &str) -> Option<Text<'a>> {
        if !self.has(key) {
            self.node(key);
            self.missing(key, example);
            return None;
        }
        self.filled(key)
    }

    /// A text that is not empty, if it is there.
    pub fn filled(&self, key: &'static str) -> Option<Text<'a>> {
        let text = self.text(key)?;
        if text.value.trim().is_empty() {
            self.report.error(text.at, format!("{}{key} is empty", self.prefix()), "");
            return None;
        }
        Some(text)
    }

    /// The id of a thing, by which others refer to it; it must be there.
    pub fn id(&self, example: &str) -> Option<Text<'a>> {
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_./:".contains(c);
        self.required_text("id", example).filter(|id| {
            let usable = id.value.chars().all(fine);
            if !usable {
                let message = format!("the id \"{}\" is not usable", id.value);
                let remedy =
                    "use lower case letters, digits and - _ . / :, and put the rest into name";
                self.report.error(id.at, message, remedy);
            }
            usable
        })
    }

    /// A text, with or without quotes where it is a date.
    pub fn written(&self, key: &'static str) -> Option<Text<'a>> {
        let node = self.node(key)?;
        match &node.value {
            Value::Text(value) | Value::Date(value) => Some(Text { value, at: self.inner(node) }),
            _ => {
                self.wrong(key, node, "a date in quotes");
                None
            }
        }
    }

    /// One text, or a list of texts.
    pub fn texts(&self, key: &'static str) -> Option<Vec<Text<'a>>> {
        let node = self.node(key)?;
        let list = match &node.value {
            Value::List(list) => list.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut out = Vec::new();
        for item in list {
            match &item.value {
                Value::Text(value) => out.push(Text { value, at: self.inner(item) }),
                _ => self.wrong(key, item, "a list of texts in quotes"),
            }
        }
        Some(out)
    }

    /// A table of texts, such as `{ dashboard = "https://…" }`.
    pub fn pairs(&self, key: &'static str) -> Vec<(&'a str, Text<'a>)> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let Value::Table(table) = &node.value else {
            self.wrong(key, node, "a table of texts, as in { name = \"text\" }");
            return Vec::new();
        };
        let mut out = Vec::new();
        for entry in &table.0 {
            match &entry.node.value {
                Value::Text(value) => {
                    out.push((entry.key.as_str(), Text { value, at: self.inner(&entry.node) }));
                }
                _ => self.wrong(&format!("{key}.{}", entry.key), &entry.node, "a text in quotes"),
            }
        }
        out
    }

    pub fn flag(&self, key: &'static str) -> Option<bool> {
        let node = self.node(key)?;
        let Value::Bool(flag) = &node.value else {
            self.wrong(key, node, "true or false, without quotes");
            return None;
        };
        Some(*flag)
    }

    pub fn integer(&self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let node = self.node(key)?;
        self.integer_of(key, node, range)
    }

    /// As [`Self::integer`], of a value inside a list or table.
    pub fn integer_of(&self, key: &str, node: &Node, range: RangeInclusive<i64>) -> Option<i64> {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        match &node.value {
            Value::Integer(n) if range.contains(n) => return Some(*n),
            Value::Integer(n) => {
                let message = format!("{}{key} = {n} is out of range", self.prefix());
                self.report.error(node.at.0, message, format!("it takes {wanted}"));
            }
            _ => self.wrong(key, node, &wanted),
        }
        None
    }

    /// A finite number.
    pub fn number(&self, key: &'static str) -> Option<f64> {
        let node = self.node(key)?;
        let number = match &node.value {
            Value::Integer(n) => Some(*n as f64),
            Value::Float(text) => text.parse().ok().filter(|n: &f64| n.is_finite()),
            _ => None,
        };
        if number.is_none() {
            self.wrong(key, node, "a finite number, without quotes");
        }
        number
    }

    /// `90s 15m 2h 30d` within bounds.
    pub fn duration(
        &self,
        key: &'static str,
        range: RangeInclusive<TimeDelta>,
    ) -> Option<TimeDelta> {
        let node = self.node(key)?;
        self.duration_of(key, node, range)
    }

    /// As [`Self::duration`], of a value inside a list or table.
    pub fn duration_of(
        &self,
        key: &str,
        node: &Node,
        range: RangeInclusive<TimeDelta>,
    ) -> Option<TimeDelta> {
        let wanted = "a duration such as \"90s\", \"15m\", \"2h\" or \"30d\"";
        let Value::Text(text) = &node.value else {
            self.wrong(key, node, wanted);
            return None;
        };
        let at = self.inner(node);
        let Some(length) = parse_duration(text) else {
            self.report.error(at, format!("{text:?} is not a duration"), format!("write {wanted}"));
            return None;
        };
        if !range.contains(&length) {
            let message = format!("{}{key} = {text:?} is out of range", self.prefix());
            let (low, high) = (duration(*range.start()), duration(*range.end()));
            self.report.error(at, message, format!("it takes {low} to {high}"));
            return None;
        }
        Some(length)
    }

    /// One of a few words.
    pub fn word<T: Copy>(&self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text.value).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("{}{key} cannot be \"{}\"", self.prefix(), text.value);
            self.report.error(text.at, message, suggest(text.value, &known, "it takes one of"));
        }
        found
    }

    /// A table inside this one.
    pub fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let node = self.node(key)?;
        let Value::Table(table) = &node.value else {
            self.wrong(key, node, "a table, as in { key = \"value\" }");
            return None;
        };
        Some(self.child(key, self.key_place(key).unwrap_or(node.at.0), table))
    }

    /// The tables of a list: `[[key]]`, or `key = [{ … }]`.
    pub fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let Value::List(list) = &node.value else {
            let prefix = self.prefix();
            let wanted = format!("a list of tables: [[{prefix}{key}]] with two brackets");
            self.wrong(key, node, &wanted);
            return Vec::new();
        };
        let mut out = Vec::new();
        for item in list {
            match &item.value {
                Value::Table(table) => {
                    let mut at = item.at.0;
                    if self.report.raw(at).starts_with('{') {
                        at.end = at.start + 1;
                    }
                    out.push(self.child(key, at, table));
                }
                _ => self.wrong(key, item, "tables only"),
            }
        }
        out
    }

    fn child(&self, key: &str, at: Place, table: &'a Table) -> Section<'a> {
        Section::new(&format!("{}{key}", self.prefix()), at, table, self.report)
    }

    /// An address without credentials, of one of these schemes.
    pub fn url(&self, key: &'static str, schemes: &[&str]) -> Option<Url> {
        let text = self.filled(key)?;
        self.url_of(text, schemes)
    }

    /// As [`Self::url`], of a text that was read before.
    pub fn url_of(&self, text: Text<'_>, schemes: &[&str]) -> Option<Url> {
        match address(text.value, schemes) {
            Ok(url) => Some(url),
            Err((message, remedy)) => {
                self.report.error(text.at, message, remedy);
                None
            }
        }
    }

    /// Alertmanager-style matchers; the error points into the text.
    pub fn matchers_of(&self, text: Text<'_>) -> Option<Matchers> {
        match Matchers::parse(text.value) {
            Ok(matchers) => Some(matchers),
            Err(e) => {
                self.point(text, e.at, &one_line(&e.reason), "");
                None
            }
        }
    }

    pub fn matchers(&self, key: &'static str) -> Vec<Matchers> {
        let texts = self.texts(key).unwrap_or_default();
        texts
            .into_iter()
            .filter_map(|t| {
                if t.value.trim().is_empty() {
                    let message = format!("{}{key} would match every alert", self.prefix());
                    self.report.error(
                        t.at,
                        message,
                        "write at least one label, as in service=\"x\"",
                    );
                    return None;
                }
                self.matchers_of(t)
            })
            .collect()
    }

    /// RFC 9535; the error points into the text.
    pub fn json_path(&self, key: &'static str) -> Option<json_path::Path> {
        let text = self.filled(key)?;
        self.json_path_of(text)
    }

    pub fn json_path_of(&self, text: Text<'_>) -> Option<json_path::Path> {
        match json_path::Path::parse(text.value) {
            Ok(path) => Some(path),
            Err(e) => {
                let message = format!("this JSONPath is not usable: {}", one_line(&e.reason));
                self.point(text, e.at, &message, "as in $.jvm.mem.used or $.disks[0]['free']");
                None
            }
        }
    }

    /// A path: `~/` is the home folder, a relative one is relative to the file that names it.
    pub fn path(&self, key: &'static str) -> Option<PathBuf> {
        let text = self.filled(key)?;
        Some(self.path_of(text))
    }

    pub fn path_of(&self, text: Text<'_>) -> PathBuf {
        if let Some(rest) = text.value.strip_prefix("~/")
            && let Some(home) = std::env::home_dir()
        {
            return home.join(rest);
        }
        let folder = self.report.file(text.at).and_then(|f| f.path.parent());
        folder.map_or_else(|| PathBuf::from(text.value), |f| f.join(text.value))
    }

    /// Reports something at byte `at` of a decoded text.
    fn point(&self, text: Text<'_>, at: usize, message: &str, remedy: &str) {
        let raw = self.report.raw(text.at);
        let from = raw_offset(raw, text.value, at);
        let start = text.at.start + from.min(raw.len());
        let end = if start >= text.at.end { start + 1 } else { text.at.end };
        self.report.error(Place { start, end, ..text.at }, message, remedy);
    }
}

/// Reads an address; the error is a message and a remedy.
pub fn address(text: &str, schemes: &[&str]) -> Result<Url, (String, String)> {
    let example = match schemes.first() {
        Some(scheme) => format!("write it as {scheme}://host:port/path"),
        None => String::new(),
    };
    let url = Url::parse(text)
        .map_err(|e| (format!("this address cannot be read: {e}"), example.clone()))?;
    if !schemes.contains(&url.scheme()) {
        let message = format!("\"{}\" is not a scheme that is used here", url.scheme());
        return Err((message, format!("{} only; {example}", schemes.join(" or "))));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(("this address has no host".to_owned(), example));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let message = "credentials do not belong into an address".to_owned();
        return Err((
            message,
            "take them out and use auth = { basic = { user, password_file } }".to_owned(),
        ));
    }
    Ok(url)
}

/// The first line of a message, with the last one's reason if there are more.
fn one_line(message: &str) -> String {
    let mut lines = message.lines();
    let first = lines.next().unwrap_or_default();
    match lines.next_back().and_then(|l| l.trim().strip_prefix("error: ")) {
        Some(reason) => {
            let first = first.strip_suffix(": regex parse error:").unwrap_or(first);
            format!("{first}: {reason}")
        }
        None => first.to_owned(),
    }
}

/// What stands between the quotes of a text value.
fn between_quotes(at: Place, report: &Report) -> Place {
    let raw = report.raw(at);
    let quotes = ["\"\"\"", "'''", "\"", "'"];
    let Some(quote) = quotes
        .iter()
        .find(|q| raw.len() >= 2 * q.len() && raw.starts_with(**q) && raw.ends_with(**q))
    else {
        return at;
    };
    let (start, end) = (at.start + quote.len(), at.end - quote.len());
    // An empty text has nothing between its quotes: underline the quotes.
    if start >= end { at } else { Place { start, end, ..at } }
}

/// Where byte `at` of the decoded text stands in the raw one: escapes are longer than what they
/// mean.
fn raw_offset(raw: &str, decoded: &str, at: usize) -> usize {
    if raw == decoded {
        return at;
    }
    let (mut done, mut chars) = (0, raw.char_indices().peekable());
    // A line break right after """ is not part of the text.
    chars.next_if(|c| c.1 == '\n');
    while let Some((i, c)) = chars.next() {
        if done >= at {
            return i;
        }
        if c != '\\' {
            done += c.len_utf8();
            continue;
        }
        let digits = match chars.next().map(|c| c.1) {
            Some('u') => 4,
            Some('U') => 8,
            Some('x') => 2,
            _ => 0,
        };
        let mut code = String::new();
        for _ in 0..digits {
            code.extend(chars.next().map(|c| c.1));
        }
        let meant = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
        done += meant.map_or(1, char::len_utf8);
    }
    raw.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(r#"service=\"x\" y"#, "service=\"x\" y", 12, 14)]
    #[case("plain", "plain", 3, 3)]
    #[case(r"\u00e9=x", "é=x", 2, 6)]
    fn a_place_in_the_text_is_found_in_the_file(
        #[case] raw: &str,
        #[case] decoded: &str,
        #[case] at: usize,
        #[case] expect: usize,
    ) {
        assert_eq!(raw_offset(raw, decoded, at), expect);
    }

    #[rstest]
    #[case("intervall", "known: interval, name, url; did you mean \"interval\"?")]
    #[case("zzz", "known: interval, name, url")]
    fn a_near_word_is_suggested_and_a_far_one_is_not(#[case] wrong: &str, #[case] expect: &str) {
        assert_eq!(suggest(wrong, &["name", "url", "interval"], "known"), expect);
    }

    #[rstest]
    #[case("ftp://host/")]
    #[case("http://user:pw@host/")]
    #[case("host:9090")]
    #[case("not an address")]
    fn an_address_must_be_plain_http(#[case] text: &str) {
        assert!(address(text, &["http", "https"]).is_err());
    }
}
