//! JSONPaths (RFC 9535) as they were configured: bounded in what they cost, and shown as written.

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::domain::text::clean;

/// Each `..` looks at everything below everything that was found before it.
const MAX_DESCENTS: usize = 2;
/// Longest path, in characters, and how deep it may be nested.
const MAX_PATH: usize = 1_000;
const MAX_DEPTH: usize = 32;
/// A path that finds more nodes than this is of no use.
pub const MAX_NODES: usize = 100_000;

/// A path with its own words: the parser's are not always a path again.
#[derive(Debug, Clone)]
pub struct Path {
    text: String,
    parsed: JsonPath,
}

/// Why a text is no usable path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unusable {
    /// Where in the text, in bytes.
    pub at: usize,
    pub reason: String,
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// It is no JSONPath, is too long or too deep, or has more than two `..`.
    pub fn parse(text: &str) -> Result<Self, Unusable> {
        is_parsable(text).map_err(|reason| Unusable { at: 0, reason })?;
        let parsed = JsonPath::parse(text).map_err(|e| {
            let before = text.char_indices().nth(e.position().saturating_sub(1));
            Unusable { at: before.map_or(text.len(), |c| c.0), reason: e.message().to_owned() }
        })?;
        if let Some(at) = descents(text).nth(MAX_DESCENTS) {
            let reason = format!("it has more than {MAX_DESCENTS} \"..\", which takes too long");
            return Err(Unusable { at, reason });
        }
        Ok(Self { text: text.to_owned(), parsed })
    }

    /// Everything at this path, in the order of the document.
    ///
    /// # Errors
    /// It is more than [`MAX_NODES`]; in words.
    pub fn find<'a>(&self, document: &'a Value) -> Result<Vec<&'a Value>, String> {
        let nodes = self.parsed.query(document);
        if nodes.len() > MAX_NODES {
            return Err(format!(
                "{} finds more than {MAX_NODES} values; make it more exact",
                self.shown()
            ));
        }
        Ok(nodes.all())
    }

    /// The first node at this path.
    pub fn first<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.find(document).ok()?.into_iter().next()
    }

    /// The longest beginning of this path that finds something, the rest of it, and the first node
    /// there.
    pub fn reach<'a>(&self, document: &'a Value) -> Option<(&str, &str, &'a Value)> {
        let cuts = self.text.char_indices().rev().filter(|(_, c)| matches!(c, '.' | '['));
        let mut cuts = cuts.filter_map(|(i, _)| {
            let beginning = self.text.get(..i)?.trim_end_matches(['.', ' ', '\t', '\r', '\n']);
            Some((beginning, self.text.get(beginning.len()..)?))
        });
        cuts.find_map(|(beginning, rest)| {
            // Cuts within a quoted name or a filter are no paths.
            Some((beginning, rest, Self::parse(beginning).ok()?.first(document)?))
        })
    }

    /// As it was written, cut for a message.
    pub fn shown(&self) -> String {
        clean(&self.text, 120)
    }
}

/// Where each `..` is, in bytes; quoted names do not count.
fn descents(text: &str) -> impl Iterator<Item = usize> {
    let mut quote = None;
    let mut escaped = false;
    let mut before = ' ';
    text.char_indices().filter_map(move |(i, c)| {
        let is_descent = quote.is_none() && before == '.' && c == '.';
        match quote {
            None if matches!(c, '\'' | '"') => quote = Some(c),
            Some(q) if c == q && !escaped => quote = None,
            _ => {}
        }
        escaped = quote.is_some() && c == '\\' && !escaped;
        before = c;
        is_descent.then(|| i - 1)
    })
}

/// Whether a JSONPath may be given to the parser, which calls itself for each bracket and each `!`.
fn is_parsable(path: &str) -> Result<(), String> {
    if path.chars().count() > MAX_PATH {
        return Err(format!("it is longer than {MAX_PATH} characters"));
    }
    let (mut open, mut deepest) = (0_usize, 0);
    for c in path.chars() {
        match c {
            '(' | '[' | '!' => open += 1,
            ')' | ']' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    if deepest > MAX_DEPTH {
        return Err(format!("it is nested more than {MAX_DEPTH} deep"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("$..a..b", None)]
    #[case("$..a..b..c", Some(7))]
    #[case("$['a..b']..c[\"..\\\"..\"]..d", None)]
    #[case("$..*[?@..x]..y", Some(11))]
    #[case("$.a[", Some(2))]
    fn a_path_looks_everywhere_twice_at_most(#[case] text: &str, #[case] wrong: Option<usize>) {
        assert_eq!(Path::parse(text).err().map(|e| e.at), wrong);
    }

    #[test]
    fn too_many_nodes_are_refused_in_words() {
        let path = Path::parse("$[*]").unwrap();
        assert_eq!(path.find(&json!(vec![0; MAX_NODES])).unwrap().len(), MAX_NODES);
        let why = path.find(&json!(vec![0; MAX_NODES + 1])).unwrap_err();
        assert_eq!(why, "$[*] finds more than 100000 values; make it more exact");
    }

    #[rstest]
    #[case("$..problems[*]", Some(("$..problems", "[*]")))]
    #[case("$.a.problems [*]", Some(("$.a.problems", " [*]")))]
    #[case("$.a.b.c", Some(("$.a", ".b.c")))]
    #[case("$['a']['x.y']", Some(("$['a']", "['x.y']")))]
    fn a_path_reaches_as_far_as_the_document_goes(
        #[case] text: &str,
        #[case] expect: Option<(&str, &str)>,
    ) {
        let document = json!({"a": {"problems": []}});
        let path = Path::parse(text).unwrap();
        assert_eq!(path.reach(&document).map(|r| (r.0, r.1)), expect);
    }

    #[rstest]
    #[case("$.a[?(@.b == 1 && (@.c[0] != ')' || !@.d))]".to_owned(), true)]
    #[case(format!("$[?{}@.a{}]", "(".repeat(5_000), ")".repeat(5_000)), false)]
    #[case(format!("$[?{}@.a{}]", "(".repeat(40), ")".repeat(40)), false)]
    #[case(format!("$[?{}@.a]", "!".repeat(400)), false)]
    #[case(format!("$.{}", "a".repeat(1_000)), false)]
    fn a_path_that_would_exhaust_its_parser_is_refused(#[case] path: String, #[case] fine: bool) {
        assert_eq!(Path::parse(&path).is_ok(), fine);
    }
}
