//! One HTML file that needs no other: style sheet and charts are in it, and it loads nothing. Light or dark
//! by what the reader prefers, and black on white on paper.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{List, chart, lists, title};
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
a{color:inherit;text-decoration-color:var(--soft)}:target{background:var(--head)}\
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
    let mut page = Page { out, style, named: named(document), listed: Vec::new() };
    for section in &document.sections {
        let heading = escape(style.word(section.title));
        let _ = writeln!(page.out, "<section>\n<h2>{heading}</h2>");
        section.blocks.iter().for_each(|b| page.block(b, section.title));
        page.out.push_str("</section>\n");
    }
    page.counted();
    page.out.push_str("</body>\n</html>\n");
    page.out
}

/// The records that have a line of their own, to which their name leads from anywhere.
fn named(document: &Document) -> BTreeSet<&str> {
    let blocks = document.sections.iter().flat_map(|s| &s.blocks);
    let tables = blocks.filter_map(|b| match b {
        Block::Table(table) if table.title == Word::Records => Some(table),
        _ => None,
    });
    tables.flat_map(|t| &t.rows).flat_map(|r| &r.records).map(String::as_str).collect()
}

struct Page<'a> {
    out: String,
    style: Style,
    named: BTreeSet<&'a str>,
    /// What the figures of tables count: the first stands under `#c1`.
    listed: Vec<List<'a>>,
}

impl<'a> Page<'a> {
    fn block(&mut self, block: &'a Block, section: Word) {
        let style = self.style;
        match block {
            Block::Text(text) => {
                let _ = writeln!(self.out, "<p>{}</p>", escape(&style.text(text)));
            }
            Block::Quote(text) => {
                let _ = writeln!(self.out, "<blockquote>{}</blockquote>", escape(text));
            }
            Block::Figures(all) => self.figures(all),
            Block::Table(one) => {
                self.heading(one.title, section);
                self.table(one);
            }
            Block::Chart(one) => {
                self.heading(one.title, section);
                let _ = writeln!(self.out, "{}", chart::svg(one, style));
            }
            Block::List(items) => {
                self.out.push_str("<ul>\n");
                for item in items {
                    let text = escape(&style.text(&item.text));
                    let of = self.folded(&item.records, 0);
                    let _ = writeln!(self.out, "<li>{text} {of}</li>");
                }
                self.out.push_str("</ul>\n");
            }
        }
    }

    /// A heading of its own, where it says another thing than the section's.
    fn heading(&mut self, title: Word, section: Word) {
        if title != section {
            let _ = writeln!(self.out, "<h3>{}</h3>", escape(self.style.word(title)));
        }
    }

    fn figures(&mut self, figures: &[KeyFigure]) {
        let style = self.style;
        let compared = figures.iter().any(|f| f.before.is_some());
        let head = |word| escape(style.word(word));
        let _ = write!(self.out, "<table>\n<tr><th>{}</th>", head(Word::Figure));
        let _ = write!(self.out, "<th class=\"n\">{}</th>", head(Word::Value));
        if compared {
            let _ = write!(self.out, "<th class=\"n\">{}</th>", head(Word::Before));
        }
        let (count, records) = (head(Word::Count), head(Word::Records));
        let _ = writeln!(self.out, "<th class=\"n\">{count}</th><th>{records}</th></tr>");
        for figure in figures {
            let name = escape(style.word(figure.name));
            let value = escape(&style.datum(&figure.value));
            let _ = write!(self.out, "<tr><td>{name}</td><td class=\"n\">{value}</td>");
            if compared {
                let before = figure.before.as_ref().map_or_else(String::new, |b| style.datum(b));
                let _ = write!(self.out, "<td class=\"n\">{}</td>", escape(&before));
            }
            let n = escape(&style.count(figure.n as u64));
            let of = self.folded(&figure.records, figure.left_out);
            let _ = writeln!(self.out, "<td class=\"n\">{n}</td><td>{of}</td></tr>");
        }
        self.out.push_str("</table>\n");
    }

    fn table(&mut self, table: &'a Table) {
        let style = self.style;
        if table.rows.is_empty() {
            let nothing = escape(style.word(Word::Nothing));
            let _ = writeln!(self.out, "<p class=\"soft\">{nothing}</p>");
            return;
        }
        self.out.push_str("<table>\n<tr>");
        for (at, column) in table.columns.iter().enumerate() {
            let numbers = table.rows.iter().any(|r| r.cells.get(at).is_some_and(is_number));
            let class = if numbers { " class=\"n\"" } else { "" };
            let _ = write!(self.out, "<th{class}>{}</th>", escape(style.word(*column)));
        }
        self.out.push_str("</tr>\n");
        for row in &table.rows {
            let anchor = row.records.first().filter(|_| table.title == Word::Records);
            let anchor = anchor.map_or_else(String::new, |id| format!(" id=\"{}\"", escape(id)));
            let _ = write!(self.out, "<tr{anchor}>");
            let first = self.listed.len() + 1;
            let lists = lists(table, row, style);
            for (at, cell) in row.cells.iter().enumerate() {
                let class = if is_number(cell) { " class=\"n\"" } else { "" };
                let text = escape(&style.datum(cell));
                let listed = lists.iter().position(|l| l.columns.contains(&at));
                let text = match listed {
                    Some(nth) => format!("<a href=\"#c{}\">{text}</a>", first + nth),
                    None => text,
                };
                let _ = write!(self.out, "<td{class}>{text}</td>");
            }
            self.listed.extend(lists);
            self.out.push_str("</tr>\n");
        }
        self.out.push_str("</table>\n");
        if table.left_out > 0 {
            let more = style.said(Word::MoreRows, &[Datum::count(table.left_out)]);
            let _ = writeln!(self.out, "<p class=\"soft\">{}</p>", escape(&more));
        }
    }

    /// The records of a figure, folded where they are many.
    fn folded(&self, all: &[String], beyond: usize) -> String {
        const FEW: usize = 5;
        let text = self.links(all, beyond);
        match all.len() {
            0 => String::new(),
            1..=FEW => format!("<span class=\"soft\">{text}</span>"),
            n => {
                let first =
                    escape(&all.iter().take(FEW - 2).cloned().collect::<Vec<_>>().join(", "));
                let more = Datum::count(n - (FEW - 2) + beyond);
                let more = escape(&self.style.said(Word::MoreRecords, &[more]));
                format!("<details><summary>{first} {more}</summary>{text}</details>")
            }
        }
    }

    /// The names of records, each leading to its line, where it has one.
    fn links(&self, all: &[String], beyond: usize) -> String {
        let link = |record: &String| {
            let name = escape(record);
            if self.named.contains(record.as_str()) {
                format!("<a href=\"#{name}\">{name}</a>")
            } else {
                name
            }
        };
        let mut parts = vec![all.iter().map(link).collect::<Vec<_>>().join(", ")];
        if beyond > 0 {
            let more = Datum::count(beyond);
            parts.push(escape(&self.style.said(Word::MoreUnnamed, &[more])));
        }
        parts.join(" ")
    }

    /// What the figures of tables count, each under its own name.
    fn counted(&mut self) {
        if self.listed.is_empty() {
            return;
        }
        let heading = escape(self.style.word(Word::CountedBy));
        let _ = writeln!(self.out, "<section>\n<h2>{heading}</h2>");
        for (at, list) in std::mem::take(&mut self.listed).iter().enumerate() {
            let (name, of) =
                (escape(&list.heading(self.style)), self.links(list.records, list.left_out));
            let _ = writeln!(self.out, "<p id=\"c{}\"><strong>{name}</strong>: {of}</p>", at + 1);
        }
        self.out.push_str("</section>\n");
    }
}

fn is_number(datum: &Datum) -> bool {
    !matches!(datum, Datum::Text(_) | Datum::None)
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
