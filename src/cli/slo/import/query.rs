//! Queries of others as ours: with a place for the window.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::slo::intake::{has_window, pieces, uncommented};

/// Ways of others to write the length of the window.
static WINDOW: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\{\{\s*\.?window\s*\}\}|\$__(?:rate_)?interval|\$\{window\}").ok()
});
/// A range of fixed length, without a subquery.
static RANGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\[\s*([0-9]+[smhdw])+\s*\]").ok());
/// A counter, plain or in a sum.
static COUNTER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let selector = r"[a-zA-Z_:][a-zA-Z0-9_:]*\s*(?:\{[^{}]*\})?";
    Regex::new(&format!(r"^(?:sum\s*\(\s*({selector})\s*\)|({selector}))$")).ok()
});

/// A query that counts over the window, and what was changed beyond the name of the window.
pub fn counting(query: &str) -> (String, Option<String>) {
    let query = in_one_line(query);
    let named = named(&query);
    if has_window(&named) {
        return (named, None);
    }
    if let (Some(range), Some(fixed)) = (RANGE.as_ref(), fixed(&named)) {
        let change = |(piece, is_text): (&str, bool)| {
            if is_text {
                return piece.to_owned();
            }
            range.replace_all(piece, "[{{window}}]").into_owned()
        };
        let changed = pieces(&named).map(change).collect();
        return (changed, Some(format!("{fixed} became [{{{{window}}}}]")));
    }
    let counter = COUNTER.as_ref().and_then(|counter| counter.captures(&named));
    if let Some(selector) = counter.and_then(|c| c.get(1).or_else(|| c.get(2))) {
        return (sum(selector.as_str().trim()), None);
    }
    (named, Some("this query has no window: count over [{{window}}]".to_owned()))
}

/// The first range of fixed length in it, with its brackets.
pub fn fixed(query: &str) -> Option<String> {
    let range = RANGE.as_ref()?;
    let mut code = pieces(query).filter(|(_, is_text)| !is_text);
    code.find_map(|(piece, _)| range.find(piece)).map(|found| found.as_str().to_owned())
}

/// A query whose value is taken as it is.
pub fn plain(query: &str) -> String {
    named(&in_one_line(query))
}

/// What a counter counted in the window.
pub fn sum(selector: &str) -> String {
    format!("sum(increase({selector}[{{{{window}}}}]))")
}

fn named(query: &str) -> String {
    WINDOW
        .as_ref()
        .map_or_else(|| query.to_owned(), |w| w.replace_all(query, "{{window}}").into_owned())
}

/// White space between words does not matter to PromQL, and comments end with their lines.
fn in_one_line(query: &str) -> String {
    let query = uncommented(query);
    let lines = query.lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
