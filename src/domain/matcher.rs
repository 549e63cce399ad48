//! Label matchers in Alertmanager's own words: `name="v"`, `name!="v"`, `name=~"re"`, `name!~"re"`,
//! comma-separated and ANDed. A label that is absent equals the empty string; regular expressions
//! are anchored at both ends.

use std::fmt;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

pub use super::labels::Labels;

/// Largest compiled size of one regular expression, in bytes; a larger one is refused.
const REGEX_SIZE: usize = 256 * 1024;

/// Matchers that must all hold. Stored as their text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Matchers(Vec<Matcher>);

/// One condition on one label.
#[derive(Debug, Clone)]
pub struct Matcher {
    pub name: String,
    pub value: String,
    pub op: Op,
    regex: Option<Regex>,
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Equal,
    NotEqual,
    Matches,
    MatchesNot,
}

/// Why a matcher text could not be read, with the byte at which it went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct MatcherError {
    pub at: usize,
    pub reason: String,
}

impl Matchers {
    /// Reads `a="x", b=~"y.*"`, optionally in braces. An empty text matches everything.
    pub fn parse(text: &str) -> Result<Self, MatcherError> {
        let mut p = Parser { text, at: 0 };
        p.space();
        let braced = p.take("{");
        let mut list = Vec::new();
        loop {
            p.space();
            if p.rest().is_empty() || p.rest().starts_with('}') {
                break;
            }
            list.push(p.matcher()?);
            p.space();
            if !p.take(",") {
                break;
            }
        }
        p.space();
        if braced && !p.take("}") {
            return Err(p.error("expected \"}\" here"));
        }
        p.space();
        if !p.rest().is_empty() {
            return Err(p.error("expected \",\" between matchers here"));
        }
        Ok(Self(list))
    }

    /// Whether all of them hold for these labels.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|m| m.matches(labels))
    }

    /// No condition at all: they match everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The single conditions.
    pub fn iter(&self) -> impl Iterator<Item = &Matcher> {
        self.0.iter()
    }
}

impl FromIterator<Matcher> for Matchers {
    fn from_iter<I: IntoIterator<Item = Matcher>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

impl Matcher {
    /// A condition; refused if a regular expression does not compile or is too large.
    pub fn new(name: &str, op: Op, value: &str) -> Result<Self, String> {
        let regex = match op {
            Op::Equal | Op::NotEqual => None,
            Op::Matches | Op::MatchesNot => Some(
                RegexBuilder::new(&format!("^(?s:{value})$"))
                    .size_limit(REGEX_SIZE)
                    .build()
                    .map_err(|e| format!("the regular expression {value:?} is not usable: {e}"))?,
            ),
        };
        Ok(Self { name: name.to_owned(), value: value.to_owned(), op, regex })
    }

    /// Whether it holds for these labels.
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.name).map_or("", String::as_str);
        match self.op {
            Op::Equal => value == self.value,
            Op::NotEqual => value != self.value,
            Op::Matches => self.regex.as_ref().is_some_and(|r| r.is_match(value)),
            Op::MatchesNot => !self.regex.as_ref().is_some_and(|r| r.is_match(value)),
        }
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.value, self.op) == (&other.name, &other.value, other.op)
    }
}

impl Eq for Matcher {}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Matches => "=~",
            Self::MatchesNot => "!~",
        })
    }
}

impl fmt::Display for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, m) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            let value = m.value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            write!(f, "{comma}{}{}\"{value}\"", m.name, m.op)?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Matchers {
    type Error = MatcherError;

    fn try_from(text: String) -> Result<Self, MatcherError> {
        Self::parse(&text)
    }
}

impl From<Matchers> for String {
    fn from(matchers: Matchers) -> Self {
        matchers.to_string()
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, reason: &str) -> MatcherError {
        MatcherError { at: self.at, reason: reason.to_owned() }
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn matcher(&mut self) -> Result<Matcher, MatcherError> {
        let start = self.at;
        let name: String = self
            .rest()
            .chars()
            .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '.'))
            .collect();
        if name.is_empty() {
            return Err(self.error("expected a label name here, as in service=\"checkout\""));
        }
        self.at += name.len();
        self.space();
        let op = if self.take("=~") {
            Op::Matches
        } else if self.take("!~") {
            Op::MatchesNot
        } else if self.take("!=") {
            Op::NotEqual
        } else if self.take("=") {
            Op::Equal
        } else {
            return Err(self.error("expected =, !=, =~ or !~ here"));
        };
        self.space();
        let value = if self.take("\"") { self.quoted()? } else { self.bare() };
        Matcher::new(&name, op, &value).map_err(|reason| MatcherError { at: start, reason })
    }

    fn quoted(&mut self) -> Result<String, MatcherError> {
        let mut out = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += i + 1;
                    return Ok(out);
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => out.push('\n'),
                    Some((_, c @ ('"' | '\\'))) => out.push(c),
                    Some((_, c)) => {
                        out.push('\\');
                        out.push(c);
                    }
                    None => break,
                },
                c => out.push(c),
            }
        }
        Err(self.error("this quoted value never ends; close it with \""))
    }

    fn bare(&mut self) -> String {
        let value: String = self.rest().chars().take_while(|c| !matches!(c, ',' | '}')).collect();
        self.at += value.len();
        value.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[rstest]
    #[case(r#"service="checkout""#, true)]
    #[case(r#"{service=~"check.*", zone!="us"}"#, true)]
    #[case(r#"service=~"check""#, false)]
    #[case(r#"service!~"check.*""#, false)]
    #[case(r#"missing="""#, true)]
    #[case("service=checkout", true)]
    #[case("", true)]
    fn matchers_read_and_hold_as_in_alertmanager(#[case] text: &str, #[case] expect: bool) {
        let m = Matchers::parse(text).unwrap();
        assert_eq!(m.matches(&labels(&[("service", "checkout"), ("zone", "eu")])), expect);
    }

    #[rstest]
    #[case(r#"service="open"#, 9)]
    #[case("service", 7)]
    #[case(r#"a="b" c="d""#, 6)]
    #[case(r#"a=~"(""#, 0)]
    fn a_wrong_matcher_says_where(#[case] text: &str, #[case] at: usize) {
        assert_eq!(Matchers::parse(text).unwrap_err().at, at);
    }

    #[test]
    fn printing_and_reading_again_gives_the_same() {
        let m = Matchers::parse(r#"a="x\"y\\z",b!~"p|q""#).unwrap();
        assert_eq!(Matchers::parse(&m.to_string()).unwrap(), m);
    }
}
