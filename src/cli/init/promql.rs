//! As much of PromQL as is needed to turn an alert's expression into a signal with a threshold: find
//! the comparison, compute a constant, narrow selectors to one service. What it does not understand
//! it refuses; nothing is guessed.

/// `what OP limit`.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub what: String,
    pub op: Op,
    pub limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Above,
    Below,
    Equal,
}

/// A piece of an expression: its kind and its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    start: usize,
    end: usize,
    /// How many brackets are open around it.
    depth: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Number,
    Text,
    /// Brackets and operators.
    Sign,
}

/// Splits an expression; `None` where a text or a bracket is not closed. Comments are dropped.
fn tokens(expr: &str) -> Option<Vec<Token<'_>>> {
    let (mut out, mut at, mut depth) = (Vec::new(), 0, 0_usize);
    while let Some(c) = expr.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = expr.get(at..)?;
        let length = |pass: fn(char) -> bool| rest.find(|c| !pass(c)).unwrap_or(rest.len());
        let (kind, len) = match c {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '"' | '\'' | '`' => (Kind::Text, quoted(rest, c)?),
            c if c.is_alphabetic() || c == '_' || c == ':' => {
                (Kind::Word, length(|c| c.is_alphanumeric() || c == '_' || c == ':'))
            }
            c if c.is_ascii_digit() || c == '.' => (Kind::Number, number(rest)),
            _ => {
                let two =
                    rest.get(..2).filter(|t| matches!(*t, "==" | "!=" | ">=" | "<=" | "=~" | "!~"));
                (Kind::Sign, two.map_or(c.len_utf8(), str::len))
            }
        };
        let text = expr.get(at..at + len)?;
        if matches!(text, ")" | "]" | "}") {
            depth = depth.checked_sub(1)?;
        }
        out.push(Token { kind, text, start: at, end: at + len, depth });
        if matches!(text, "(" | "[" | "{") {
            depth += 1;
        }
        at += len;
    }
    (depth == 0).then_some(out)
}

fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (i, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            c if c == quote => return Some(i + 1),
            _ => {}
        }
    }
    None
}

/// A number or a duration: `0.5`, `1e-3`, `5m`, `1h30m`.
fn number(rest: &str) -> usize {
    let mut before = ' ';
    rest.find(|c: char| {
        let part = c.is_ascii_alphanumeric()
            || c == '.'
            || ((c == '-' || c == '+') && matches!(before, 'e' | 'E'));
        before = c;
        !part
    })
    .unwrap_or(rest.len())
}

/// Reads `expr > number` and its like; the number may be computed, and stand on either side.
pub fn comparison(expr: &str) -> Result<Comparison, &'static str> {
    let list = tokens(expr).ok_or("it cannot be read")?;
    let top = |t: &&Token<'_>| t.depth == 0;
    if list.iter().filter(top).any(|t| matches!(t.text, "and" | "or" | "unless")) {
        return Err("it joins several conditions");
    }
    let compares = |t: &&Token<'_>| {
        t.kind == Kind::Sign && matches!(t.text, ">" | "<" | ">=" | "<=" | "==" | "!=")
    };
    let mut found = list.iter().filter(top).filter(compares);
    let (Some(sign), None) = (found.next(), found.next()) else {
        return Err("it does not compare with one number");
    };
    if list.iter().any(|t| t.depth == 0 && t.text == "bool") {
        return Err("it compares with bool");
    }
    let side = |from: usize, to: usize| expr.get(from..to).unwrap_or_default().trim();
    let (left, right) = (side(0, sign.start), side(sign.end, expr.len()));
    let op = match sign.text {
        ">" | ">=" => Op::Above,
        "<" | "<=" => Op::Below,
        "==" => Op::Equal,
        _ => return Err("it compares by !="),
    };
    let (what, op, limit) = match (constant(left), constant(right)) {
        (None, Some(limit)) => (left, op, limit),
        (Some(limit), None) => (right, op.mirrored(), limit),
        (Some(_), Some(_)) => return Err("it compares two numbers"),
        (None, None) => return Err("it does not compare with a number"),
    };
    let what = strip_parentheses(what);
    if selectors(what).is_none_or(|s| s.is_empty()) {
        return Err("it looks at no metric");
    }
    let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(Comparison { what, op, limit })
}

impl Op {
    fn mirrored(self) -> Self {
        match self {
            Self::Above => Self::Below,
            Self::Below => Self::Above,
            Self::Equal => Self::Equal,
        }
    }
}

/// Takes away parentheses around the whole.
fn strip_parentheses(expr: &str) -> &str {
    let mut expr = expr.trim();
    loop {
        let Some(list) = tokens(expr) else { return expr };
        let whole = list.first().is_some_and(|t| t.text == "(")
            && list.iter().skip(1).find(|t| t.depth == 0).is_some_and(|t| t.end == expr.len());
        match expr.get(1..expr.len().saturating_sub(1)) {
            Some(inner) if whole => expr = inner.trim(),
            _ => return expr,
        }
    }
}

/// The value of an expression of numbers, `+ - * /` and parentheses.
pub fn constant(expr: &str) -> Option<f64> {
    let list = tokens(expr)?;
    let mut at = 0;
    let value = sum(&list, &mut at)?;
    (at == list.len() && value.is_finite()).then_some(value)
}

fn sum(list: &[Token<'_>], at: &mut usize) -> Option<f64> {
    let mut value = product(list, at)?;
    while let Some(sign) = list.get(*at).filter(|t| matches!(t.text, "+" | "-")) {
        *at += 1;
        let right = product(list, at)?;
        value = if sign.text == "+" { value + right } else { value - right };
    }
    Some(value)
}

fn product(list: &[Token<'_>], at: &mut usize) -> Option<f64> {
    let mut value = factor(list, at)?;
    while let Some(sign) = list.get(*at).filter(|t| matches!(t.text, "*" | "/")) {
        *at += 1;
        let right = factor(list, at)?;
        value = if sign.text == "*" { value * right } else { value / right };
    }
    Some(value)
}

fn factor(list: &[Token<'_>], at: &mut usize) -> Option<f64> {
    // Parentheses and signs nest only as deep as an expression that a person writes.
    let mut negative = false;
    while let Some(sign) = list.get(*at).filter(|t| matches!(t.text, "-" | "+")) {
        negative ^= sign.text == "-";
        *at += 1;
    }
    let token = list.get(*at)?;
    *at += 1;
    let value = match token.kind {
        Kind::Number => token.text.parse().ok()?,
        Kind::Sign if token.text == "(" && token.depth < 32 => {
            let value = sum(list, at)?;
            list.get(*at).filter(|t| t.text == ")")?;
            *at += 1;
            value
        }
        _ => return None,
    };
    Some(if negative { -value } else { value })
}

/// A metric's selector: its name, and where a further matcher goes.
#[derive(Debug, PartialEq, Eq)]
struct Selector<'a> {
    metric: &'a str,
    /// The byte at which to insert.
    at: usize,
    /// There are braces, and whether something stands in them.
    braces: Option<bool>,
}

/// Finds the selectors; `None` for what cannot be read.
fn selectors(expr: &str) -> Option<Vec<Selector<'_>>> {
    let list = tokens(expr)?;
    let (mut out, mut i) = (Vec::new(), 0);
    while let Some(token) = list.get(i) {
        let next = list.get(i + 1).map_or("", |t| t.text);
        match token.text {
            "by" | "without" | "on" | "ignoring" | "group_left" | "group_right" => {
                // A list of label names may follow.
                i += if next == "(" { closing(&list, i + 1)? - i } else { 0 };
            }
            "[" => i = closing(&list, i)?,
            "{" => {
                let end = closing(&list, i)?;
                let at = list.get(end)?.start;
                out.push(Selector {
                    metric: "",
                    at,
                    braces: Some(end > i + 1 && list.get(end - 1)?.text != ","),
                });
                i = end;
            }
            word if token.kind == Kind::Word => {
                let keyword = matches!(
                    word,
                    "and"
                        | "or"
                        | "unless"
                        | "offset"
                        | "bool"
                        | "atan2"
                        | "inf"
                        | "Inf"
                        | "nan"
                        | "NaN"
                );
                if keyword || matches!(next, "(" | "by" | "without") {
                    // An operator, or the name of a function.
                } else if next == "{" {
                    let end = closing(&list, i + 1)?;
                    let at = list.get(end)?.start;
                    let some = end > i + 2 && list.get(end - 1)?.text != ",";
                    out.push(Selector { metric: word, at, braces: Some(some) });
                    i = end;
                } else {
                    out.push(Selector { metric: word, at: token.end, braces: None });
                }
            }
            _ => {}
        }
        i += 1;
    }
    Some(out)
}

/// The index of the bracket that closes the one at `open`.
fn closing(list: &[Token<'_>], open: usize) -> Option<usize> {
    let depth = list.get(open)?.depth;
    list.iter().enumerate().skip(open + 1).find(|(_, t)| t.depth == depth).map(|(i, _)| i)
}

/// The metrics that an expression looks at.
pub fn metrics(expr: &str) -> Vec<&str> {
    let list = selectors(expr).unwrap_or_default();
    list.into_iter().map(|s| s.metric).filter(|m| !m.is_empty()).collect()
}

/// The same expression, every selector narrowed to `label="value"`.
pub fn narrow(expr: &str, label: &str, value: &str) -> Option<String> {
    let matcher = format!("{label}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    let mut out = expr.to_owned();
    for selector in selectors(expr)?.iter().rev() {
        let text = match selector.braces {
            Some(true) => format!(",{matcher}"),
            Some(false) => matcher.clone(),
            None => format!("{{{matcher}}}"),
        };
        out.insert_str(selector.at, &text);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("up == 0", "up", Op::Equal, 0.0)]
    #[case("a / b > 0.05", "a / b", Op::Above, 0.05)]
    #[case("(a{x=\">\"} / b) >= (2 * 1e3)", "a{x=\">\"} / b", Op::Above, 2_000.0)]
    #[case("14 * 86400 > x - time()", "x - time()", Op::Below, 1_209_600.0)]
    #[case("rate(a[5m]) < -1 # low", "rate(a[5m])", Op::Below, -1.0)]
    #[case("max(a > 5) > 3", "max(a > 5)", Op::Above, 3.0)]
    fn a_comparison_with_a_number_is_split(
        #[case] expr: &str,
        #[case] what: &str,
        #[case] op: Op,
        #[case] limit: f64,
    ) {
        let expect = Comparison { what: what.to_owned(), op, limit };
        assert_eq!(comparison(expr), Ok(expect));
    }

    #[rstest]
    #[case("a > 1 and b > 2", "it joins several conditions")]
    #[case("absent(up)", "it does not compare with one number")]
    #[case("a > b", "it does not compare with a number")]
    #[case("a > bool 1", "it compares with bool")]
    #[case("vector(0) > 1", "it looks at no metric")]
    #[case("a > (1", "it cannot be read")]
    #[case("a != 1", "it compares by !=")]
    fn anything_else_is_refused_with_the_reason(#[case] expr: &str, #[case] why: &str) {
        assert_eq!(comparison(expr), Err(why));
    }

    #[rstest]
    #[case("up", "up{s=\"x\"}")]
    #[case("up{}", "up{s=\"x\"}")]
    #[case("rate(a{code=~\"5..\"}[5m])", "rate(a{code=~\"5..\",s=\"x\"}[5m])")]
    #[case(
        "sum by (s, team) (a) / on (s) group_left (t) b offset 5m",
        "sum by (s, team) (a{s=\"x\"}) / on (s) group_left (t) b{s=\"x\"} offset 5m"
    )]
    #[case(
        "histogram_quantile(0.99, sum by (le) (rate(h[1m])))",
        "histogram_quantile(0.99, sum by (le) (rate(h{s=\"x\"}[1m])))"
    )]
    #[case("sum(a) by (s)", "sum(a{s=\"x\"}) by (s)")]
    #[case("time() - max_over_time(t[1h:5m])", "time() - max_over_time(t{s=\"x\"}[1h:5m])")]
    #[case("{__name__=~\"a|b\",}", "{__name__=~\"a|b\",s=\"x\"}")]
    fn every_selector_is_narrowed_and_nothing_else(#[case] expr: &str, #[case] expect: &str) {
        assert_eq!(narrow(expr, "s", "x").as_deref(), Some(expect));
    }

    #[test]
    fn metrics_are_named_without_functions_and_labels() {
        let expr = "sum by (job) (rate(http_total{code=\"500\"}[5m])) / count(up) > 0";
        assert_eq!(metrics(expr), ["http_total", "up"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z_ {}()\\[\\]\"'<>=!~,.0-9+*/#-]{0,60}|\\PC{0,30}") {
            let _ = (comparison(&text), narrow(&text, "s", "x"), constant(&text), metrics(&text));
        }
    }
}
