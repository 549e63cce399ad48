//! What of a file must not be shown when one of its lines is quoted: the file may be full of
//! secrets, and be too broken to know where.
//!
//! In `[[sources]]`, `[[notify.channels]]` and in every table of credentials no value is shown at all; elsewhere none whose
//! key sounds like a secret, nor what an address carries. So it does not matter how the secret is
//! written, or that its key is misspelt.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Tables of which no value is shown, wherever they stand.
const TABLES: [&str; 5] = ["sources", "channels", "auth", "env", "headers"];
/// What opens and closes a text of several lines.
const TRIPLES: [&str; 2] = ["\"\"\"", "'''"];

/// The stretches of a TOML text that must not be shown, in order: values, and the comments beside
/// them. Reads what is not TOML as well as it can, and hides more where it cannot.
pub fn hidden(text: &str) -> Vec<Range<usize>> {
    let mut scan = Scan { text, at: 0, secret: false, hidden: Vec::new() };
    while scan.at < text.len() {
        scan.line();
    }
    scan.hidden.extend(doubtful(text));
    merged(scan.hidden)
}

/// Whether a key, or a header's path, holds what must not be shown.
fn is_secret(key: &str) -> bool {
    static SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let words = "pass|pwd|secret|token|bearer|credential|cookie|authori[sz]ation|signature";
        Regex::new(&format!("(?i){words}|(?:api|access|private)[-_]?key")).ok()
    });
    let is_table = |part: &str| {
        TABLES.contains(&part.trim_matches(|c: char| c.is_whitespace() || "\"'[]".contains(c)))
    };
    key.split('.').any(is_table) || SECRET.as_ref().is_none_or(|s| s.is_match(key))
}

/// What addresses outside the tables carry: who, and everything that is asked.
fn carried(text: &str) -> impl Iterator<Item = Range<usize>> {
    static CARRIED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"://(?:([^/@\s"']+)@)?[^?\s"']*(?:\?([^\s"']+))?"#).ok());
    let found = CARRIED.iter().flat_map(|c| c.captures_iter(text));
    found.flat_map(|c| [1, 2].map(|n| c.get(n).map(|g| g.range()))).flatten()
}

/// The lines of secret tables where the quotes of long texts do not pair: one that is missing turns
/// texts inside out, and then keys and values cannot be told apart.
fn doubtful(text: &str) -> Vec<Range<usize>> {
    if TRIPLES.iter().all(|quote| text.matches(quote).count() % 2 == 0) {
        return Vec::new();
    }
    let (mut out, mut at, mut secret) = (Vec::new(), 0, false);
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with('[') {
            secret = is_secret(line.split(['#', '=']).next().unwrap_or_default());
        } else if secret {
            out.push(at..at + line.trim_end().len());
        }
        at += line.len();
    }
    out
}

fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.retain(|r| !r.is_empty());
    ranges.sort_by_key(|r| r.start);
    let mut out: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match out.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

/// Goes through a text once.
struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// The table under whose header this is must not be shown.
    secret: bool,
    hidden: Vec<Range<usize>>,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn of(&self, range: &Range<usize>) -> &'a str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    fn skip(&mut self, of: impl Fn(char) -> bool) -> Range<usize> {
        let (rest, start) = (self.rest(), self.at);
        self.at += rest.find(|c| !of(c)).unwrap_or(rest.len());
        start..self.at
    }

    fn step(&mut self) {
        self.at += self.rest().chars().next().map_or(0, char::len_utf8);
    }

    /// A header, a comment, or a key with all of its value.
    fn line(&mut self) {
        self.skip(char::is_whitespace);
        match self.rest().chars().next() {
            None => {}
            Some('[') => {
                let header = self.skip(|c| c != '\n' && c != '#');
                self.secret = is_secret(self.of(&header));
                self.comment(self.secret);
            }
            Some('#') => self.comment(self.secret),
            Some(_) => {
                let key = self.skip(|c| c != '=' && c != '\n');
                let secret = self.secret || is_secret(self.of(&key));
                if self.rest().starts_with('=') {
                    self.step();
                    self.value(secret);
                } else if secret {
                    self.hidden.push(key);
                }
            }
        }
    }

    /// What is behind a `#`, up to the end of the line.
    fn comment(&mut self, secret: bool) {
        if self.rest().starts_with('#') {
            self.step();
            let text = self.skip(|c| c != '\n');
            self.hide(text, secret);
        }
    }

    /// A value to its end: that of the line, unless brackets or quotes are open. The keys of tables
    /// inside it stay.
    fn value(&mut self, secret: bool) {
        // What the brackets that are open say of what is in them, and what the newest key says.
        let (mut open, mut here): (Vec<bool>, bool) = (Vec::new(), secret);
        loop {
            self.skip(|c| c == ' ' || c == '\t' || c == '\r');
            match self.rest().chars().next() {
                None => return,
                Some('\n') if open.is_empty() => return,
                Some('#') => self.comment(here),
                Some('=') => self.step(),
                Some('[' | '{') => {
                    open.push(here);
                    self.step();
                }
                Some(']' | '}') => {
                    here = open.pop().unwrap_or(secret);
                    self.step();
                }
                Some(',' | '\n') => {
                    here = open.last().copied().unwrap_or(secret);
                    self.step();
                }
                Some(_) => {
                    let token = self.token();
                    self.skip(|c| c == ' ' || c == '\t');
                    if !open.is_empty() && self.rest().starts_with('=') {
                        here |= is_secret(self.of(&token));
                    } else {
                        // One that never ends has swallowed what is not its own.
                        self.hide(token.clone(), here || is_endless(self.of(&token)));
                    }
                }
            }
        }
    }

    fn hide(&mut self, range: Range<usize>, secret: bool) {
        if secret {
            self.hidden.push(range);
        } else {
            let carried = carried(self.of(&range));
            self.hidden.extend(carried.map(|r| r.start + range.start..r.end + range.start));
        }
    }

    /// A text in quotes, or whatever stands there without any.
    fn token(&mut self) -> Range<usize> {
        let (start, rest) = (self.at, self.rest());
        let quotes = TRIPLES.into_iter().chain(["\"", "'"]);
        let Some(quote) = quotes.into_iter().find(|q| rest.starts_with(*q)) else {
            let bare = self.skip(|c| !"\n#,=[]{}".contains(c));
            return start..start + self.of(&bare).trim_end().len();
        };
        self.at += quote.len();
        while !self.rest().is_empty() {
            if self.rest().starts_with(quote) {
                self.at += quote.len();
                // Two more quotes may stand right before the closing three.
                if quote.len() == 3 {
                    self.skip(|c| quote.starts_with(c));
                }
                break;
            }
            if quote.len() == 1 && self.rest().starts_with('\n') {
                break;
            }
            if quote.starts_with('"') && self.rest().starts_with('\\') {
                self.step();
            }
            self.step();
        }
        start..self.at
    }
}

/// Whether a text of several lines is never closed.
fn is_endless(token: &str) -> bool {
    TRIPLES.iter().any(|q| token.starts_with(*q) && (token.len() < 6 || !token.ends_with(*q)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn show(text: &str) -> String {
        let (mut out, mut done) = (String::new(), 0);
        for h in hidden(text) {
            out = out + &text[done..h.start] + "…";
            done = h.end;
        }
        out + &text[done..]
    }

    #[rstest]
    #[case(
        "env = { DB_PASSWORD = \"hunter2\", A = 'hunter2' }",
        "env = { DB_PASSWORD = …, A = … }"
    )]
    #[case(
        "headers = [{ name = \"X\", value = \"hunter2\" }]",
        "headers = [{ name = …, value = … }]"
    )]
    #[case("auth = { bearer = \"hun\\\"ter2\" }", "auth = { bearer = … }")]
    #[case("auth = { bearer = hunter2 }", "auth = { bearer = … }")]
    #[case("auth = { bearer = 4711 }", "auth = { bearer = … }")]
    #[case("auth.basic.password = \"\"\"\nhunter2\n\"\"\"", "auth.basic.password = …")]
    #[case("url = \"http://h/?token=hunter2\" # hunter2", "url = … #…")]
    #[case(
        "argv = [\"mysql\",\n  \"-phunter2\", # hunter2\n]\nx = 1",
        "argv = […,\n  …, #…\n]\nx = …"
    )]
    #[case("passwd = \"hunter2", "passwd = …")]
    #[case("berer = 'hunter2' hunter2", "berer = … …")]
    #[case("hunter2", "…")]
    #[case("# old: hunter2", "#…")]
    #[case("url = 'http://ana:hunter2@host/'", "url = …")]
    fn of_a_source_no_value_is_shown(#[case] line: &str, #[case] expect: &str) {
        assert_eq!(show(&format!("[[sources]]\n{line}")), format!("[[sources]]\n{expect}"));
        if ["env", "headers", "auth"].iter().any(|table| line.starts_with(table)) {
            assert_eq!(show(&format!("[x.y]\n{line}")), format!("[x.y]\n{expect}"));
        }
    }

    #[rstest]
    #[case("source = \"prom\" # of dc2", "source = \"prom\" # of dc2")]
    #[case("keys = { acknowledge = \"a\" }", "keys = { acknowledge = \"a\" }")]
    #[case("Password = 'hunter2'", "Password = …")]
    #[case("x = { api_key = 'hunter2', y = 1 }", "x = { api_key = …, y = 1 }")]
    #[case("a = \"https://ana:hunter2@h/x?t=hunter2\"", "a = \"https://…@h/x?…\"")]
    #[case("[ui.env]\nx = 1\n[ui]\ny = 2", "[ui.env]\nx = …\n[ui]\ny = 2")]
    #[case("sources = [{ name = \"a\" }]\nx = 1", "sources = [{ name = … }]\nx = 1")]
    #[case("a = \"\"\"x\n[[sources]]\nbearer = 'hunter2'\n", "a = …")]
    #[case(
        "a = \"\"\"x\n[[sources]]\nb = \"\"\"\nhunter2\n\"\"\"\n[ui]\nx = 1",
        "a = \"\"\"x\n[[sources]]\n…\n…\n…"
    )]
    fn elsewhere_only_what_sounds_like_a_secret(#[case] text: &str, #[case] expect: &str) {
        assert!(show(text).starts_with(expect), "{}", show(text));
    }

    proptest::proptest! {
        #[test]
        fn however_a_source_is_broken_its_values_stay_hidden(
            before in "[a-z =\"'{}#,\\\\\n]{0,30}",
            key in "[a-z_]{1,8}",
            value in "[\"']{0,3}hunter2[ \"'\\\\]{0,3}",
        ) {
            let text = format!("x = 1\n[[sources]]\n{before}\n{key} = {value}\n");
            proptest::prop_assert!(!show(&text).contains("hunter2"), "{}", show(&text));
        }

        #[test]
        fn any_text_can_be_read(text in "([a-z=\\[\\]{}\"'#,\\\\\n é]|\"\"\"|'''){0,60}") {
            let mut last = 0;
            for h in hidden(&text) {
                proptest::prop_assert!(last <= h.start && h.start < h.end && h.end <= text.len());
                proptest::prop_assert!(text.get(h.clone()).is_some());
                last = h.end;
            }
        }
    }
}
