//! One HTML file that needs no other: style sheet and charts are in it, and it loads nothing. Light or dark
//! by what the reader prefers, and black on white on paper.

use std::fmt::Write as _;

use super::{chart, records, title};
use crate::domain::report::document::{Block, Datum, Document, KeyFigure, Table};
use crate::domain::report::show::Style;
use crate::domain::report::words::Word;

const SHEET: &str = "\
:root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--soft:#57606a;--line:#d0d7de;--head:#f6f8fa;\
--s0:#0969da;--s1:#bf8700;--s2:#8250df}\
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--soft:#9198a1;--line:#3d444d;\
--head:#151b23;--s0:#4493f8;--s1:#d29922;--s2:#ab7df8}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:62rem;\
margin:2rem auto;padding:0 1rem}\
h1{font-size:1.6rem;margin-bottom:.5rem}h2{font-size:1.2rem;margin:2rem 0 .5rem;\
border-bottom:1px solid var(--line)}h3{font-size:1rem;margin:1rem 0 .3rem}\
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\
th,td{border-bottom:1px solid var(--line);padding:.25rem .5rem;text-align:left;vertical-align:top;\
overflow-wrap:anywhere}th{background:var(--head);font-weight:600;overflow-wrap:normal}\
td.n,th.n{text-align:right;white-space:nowrap}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}dt{color:var(--soft)}dd{margin:0}\
.soft,.axis{color:var(--soft);fill:var(--soft)}details summary{cursor:pointer;color:var(--soft)}\
blockquote{margin:.5rem 0;padding-left:1rem;border-left:3px solid var(--line);white-space:pre-wrap}\
svg{width:100%;height:auto}.axis{font-size:11px}.grid{stroke:var(--line)}\
.s0{fill:var(--s0);stroke:var(--s0)}.s1{fill:var(--s1);stroke:var(--s1)}\
.s2{fill:var(--s2);stroke:var(--s2)}.line{fill:none;stroke-width:2}\
@media print{:root{color-scheme:light;--fg:#000;--bg:#fff;--soft:#444;--line:#bbb;--head:#eee}\
body{margin:0;max-width:none;font-size:11px}h2,h3{break-after:avoid}tr,svg{break-inside:avoid}}";

pub fn html(document: &Document, style: Style) -> String {
    let title = escape(&title(document, style));
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\">\n<title>{title}</title>\n<style>{SHEET}</style>\n</head>\n<body>\n\
         <h1>{title}</h1>\n<dl>\n",
        style.locale.word()
    );
    for fact in &document.head {
        let (label, value) = (style.text(&fact.label), style.datum(&fact.value));
        let _ = writeln!(out, "<dt>{}</dt><dd>{}</dd>", escape(&label), escape(&value));
    }
    out.push_str("</dl>\n");
    for section in &document.sections {
        let _ = writeln!(out, "<section>\n<h2>{}</h2>", escape(style.word(section.title)));
        section.blocks.iter().for_each(|b| block(&mut out, b, section.title, style));
        out.push_str("</section>\n");
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn block(out: &mut String, block: &Block, section: Word, style: Style) {
    match block {
        Block::Text(text) => {
            let _ = writeln!(out, "<p>{}</p>", escape(&style.text(text)));
        }
        Block::Quote(text) => {
            let _ = writeln!(out, "<blockquote>{}</blockquote>", escape(text));
        }
        Block::Figures(all) => figures(out, all, style),
        Block::Table(one) => {
            heading(out, one.title, section, style);
            table(out, one, style);
        }
        Block::Chart(one) => {
            heading(out, one.title, section, style);
            let _ = writeln!(out, "{}", chart::svg(one, style));
        }
        Block::List(items) => {
            out.push_str("<ul>\n");
            for item in items {
                let text = escape(&style.text(&item.text));
                let of = of(&item.records, 0, style);
                let _ = writeln!(out, "<li>{text} {of}</li>");
            }
            out.push_str("</ul>\n");
        }
    }
}

/// A heading of its own, where it says another thing than the section's.
fn heading(out: &mut String, title: Word, section: Word, style: Style) {
    if title != section {
        let _ = writeln!(out, "<h3>{}</h3>", escape(style.word(title)));
    }
}

fn figures(out: &mut String, figures: &[KeyFigure], style: Style) {
    let compared = figures.iter().any(|f| f.before.is_some());
    let head = |word| escape(style.word(word));
    let _ = write!(out, "<table>\n<tr><th>{}</th>", head(Word::Figure));
    let _ = write!(out, "<th class=\"n\">{}</th>", head(Word::Value));
    if compared {
        let _ = write!(out, "<th class=\"n\">{}</th>", head(Word::Before));
    }
    let _ = writeln!(
        out,
        "<th class=\"n\">{}</th><th>{}</th></tr>",
        head(Word::Count),
        head(Word::Records)
    );
    for figure in figures {
        let name = escape(style.word(figure.name));
        let _ = write!(out, "<tr><td>{name}</td>");
        let _ = write!(out, "<td class=\"n\">{}</td>", escape(&style.datum(&figure.value)));
        if compared {
            let before = figure.before.as_ref().map_or_else(String::new, |b| style.datum(b));
            let _ = write!(out, "<td class=\"n\">{}</td>", escape(&before));
        }
        let (n, of) = (style.count(figure.n as u64), of(&figure.records, figure.left_out, style));
        let _ = writeln!(out, "<td class=\"n\">{}</td><td>{of}</td></tr>", escape(&n));
    }
    out.push_str("</table>\n");
}

fn table(out: &mut String, table: &Table, style: Style) {
    if table.rows.is_empty() {
        let _ = writeln!(out, "<p class=\"soft\">{}</p>", escape(style.word(Word::Nothing)));
        return;
    }
    out.push_str("<table>\n<tr>");
    for (at, column) in table.columns.iter().enumerate() {
        let numbers = table.rows.iter().any(|r| r.cells.get(at).is_some_and(is_number));
        let class = if numbers { " class=\"n\"" } else { "" };
        let _ = write!(out, "<th{class}>{}</th>", escape(style.word(*column)));
    }
    out.push_str("</tr>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for cell in &row.cells {
            let class = if is_number(cell) { " class=\"n\"" } else { "" };
            let _ = write!(out, "<td{class}>{}</td>", escape(&style.datum(cell)));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n");
    if table.left_out > 0 {
        let more = style.said(Word::MoreRows, &[Datum::count(table.left_out)]);
        let _ = writeln!(out, "<p class=\"soft\">{}</p>", escape(&more));
    }
}

fn is_number(datum: &Datum) -> bool {
    !matches!(datum, Datum::Text(_) | Datum::None)
}

/// The records of a figure, folded where they are many.
fn of(all: &[String], beyond: usize, style: Style) -> String {
    const FEW: usize = 5;
    let text = escape(&records(all, beyond, usize::MAX, style));
    match all.len() {
        0 => String::new(),
        1..=FEW => format!("<span class=\"soft\">{text}</span>"),
        _ => {
            let summary = escape(&records(all, beyond, FEW - 2, style));
            format!("<details><summary>{summary}</summary>{text}</details>")
        }
    }
}

/// A text as it stands in an element or in quotes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
