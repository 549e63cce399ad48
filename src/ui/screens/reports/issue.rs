//! Service reports made on the screen: what of, shown as a preview, frozen under a number, written to a file.

use std::collections::BTreeMap;

use chrono::Months;
use chrono_tz::Tz;

use super::forms::days;
use crate::domain::calendar::Key;
use crate::domain::command::Command;
use crate::domain::incident::IncidentId;
use crate::domain::report::document::{self, Block, Document, Row};
use crate::domain::report::periodic::period_of;
use crate::domain::report::render::render;
use crate::domain::report::show::Style;
use crate::domain::report::{self, Coverage, Format, Issued, Locale, ReportId, Scope, Word};
use crate::domain::text::{clean, count};
use crate::domain::time::{Instant, near, zone};
use crate::engine::reporting::services_of;
use crate::ui::cmd::{Cmd, DraftAsk};
use crate::ui::overlay::{Confirm, Overlay};
use crate::ui::screens::{Ctx, Place, Step, Tone};
use crate::ui::theme::Role;
use crate::ui::widgets::form::{Beside, Submit, Told};
use crate::ui::widgets::{Form, FormField, Item, Picker};

/// How many months and weeks the form offers.
const OFFERED: u32 = 13;

fn show(overlay: Overlay) -> Vec<Step> {
    vec![Step::Show(Box::new(overlay))]
}

/// Asks for the preview of a report, and says so: a long period takes a while.
fn draft(ask: DraftAsk, what: &str) -> Vec<Step> {
    let said = Step::Say(Tone::Info, format!("making the report of {what}"));
    vec![said, Step::Do(Cmd::Draft(ask))]
}

/// Asks of which period, of whose services and in which language.
pub fn make(ctx: &Ctx<'_>) -> Vec<Step> {
    let site = ctx.world.site.zone;
    let today = zone::local(ctx.now, site).date();
    let month = |back: u32| today.checked_sub_months(Months::new(back));
    let months = (1..OFFERED).chain([0]).filter_map(month).map(|d| d.format("%Y-%m").to_string());
    let weeks = (1..=5).chain([0]).map(|back| today - chrono::Days::new(7 * back));
    let weeks = weeks.map(|day| day.format("%G-W%V").to_string());
    let periods: Vec<String> = months.chain(weeks).collect();
    let first = periods.first().cloned().unwrap_or_default();
    let scopes = scopes(ctx);
    let named: Vec<String> = scopes.iter().map(ToString::to_string).collect();
    let all = Scope::All.to_string();
    let locale = ctx.prefs.settings.locale.word();
    let languages = Locale::WORDS.map(|(word, _)| word.to_owned()).to_vec();
    let fields = vec![
        FormField::choose(
            "Period",
            &first,
            "↑ and ↓ choose; or write 2026-10, 2026-W44, 2026-10-01..2026-10-15",
            periods,
        ),
        FormField::choose("Services", &all, "↑ and ↓ choose: all, a contract, a team, one", named),
        FormField::choose("Language", locale, "↑ and ↓ choose; it is issued in that", languages),
    ];
    let read = move |texts: &[String], now: Instant| -> Result<DraftAsk, (usize, String)> {
        let text = |at: usize| texts.get(at).map_or("", String::as_str);
        let period = period_of(text(0), site, now).map_err(|why| (0, why))?;
        let scope = scopes.iter().find(|scope| scope.to_string() == text(1)).cloned();
        let scope = scope.ok_or_else(|| (1, format!("{:?} is none of the choices", text(1))))?;
        let locale = Locale::WORDS.into_iter().find(|(word, _)| *word == text(2));
        let locale = locale.ok_or_else(|| (2, "write en or es".to_owned()))?.1;
        let coverage = Coverage { from: period.from, to: period.to, scope };
        Ok(DraftAsk { coverage, locale, over: None })
    };
    let issued: Vec<(Coverage, ReportId)> =
        ctx.world.reports.issued().map(|i| (i.coverage.clone(), i.id)).collect();
    let told = read.clone();
    let beside: Beside = Box::new(move |texts, now| match told(texts, now) {
        Ok(ask) => means(&ask.coverage, &issued, site, now),
        Err((at, why)) => vec![Told { text: why, role: Role::Critical, wrong: Some(at) }],
    });
    let submit: Submit = Box::new(move |texts, now| {
        let ask = read(texts, now)?;
        let what = format!("{}, {}", days(&ask.coverage, site), ask.coverage.scope);
        Ok(draft(ask, &what))
    });
    let about = if ctx.world.site.read_only {
        "A preview only: this console is read-only and issues nothing."
    } else {
        "It is shown first; nothing is issued yet."
    };
    let form = Form::new("Service report", about, fields, submit).beside(beside, ctx.now);
    show(Overlay::Form(form))
}

fn scopes(ctx: &Ctx<'_>) -> Vec<Scope> {
    let plan = &ctx.world.plan;
    let contracts = plan.service_levels.contracts.iter().map(|c| Scope::Contract(c.id.to_string()));
    let teams = plan.services.iter().filter_map(|s| s.team.clone()).map(Scope::Team);
    let services = plan.services.iter().map(|s| Scope::Service(s.id.clone()));
    let mut scopes = vec![Scope::All];
    for scope in contracts.chain(teams).chain(services) {
        if !scopes.contains(&scope) && services_of(plan, &scope).is_ok() {
            scopes.push(scope);
        }
    }
    scopes
}

/// What is asked for, in words.
fn means(
    coverage: &Coverage,
    issued: &[(Coverage, ReportId)],
    site: Tz,
    now: Instant,
) -> Vec<Told> {
    let told = |text: String, role| Told { text, role, wrong: None };
    let mut lines = vec![told(days(coverage, site), Role::Strong)];
    if coverage.to > now {
        let text = "The period is not over: figures are as of now.";
        lines.push(told(text.to_owned(), Role::Warning));
    }
    if let Some((_, id)) = issued.iter().find(|(known, _)| known == coverage) {
        let text = format!("{id} is of that already; on its row I makes the next revision.");
        lines.push(told(text, Role::Warning));
    }
    lines
}

/// The next revision of a report that was issued, as a preview with its differences.
pub fn again(issued: &Issued, locale: Locale, ctx: &Ctx<'_>) -> Vec<Step> {
    let ask = DraftAsk { coverage: issued.coverage.clone(), locale, over: Some(issued.id) };
    let site = ctx.world.site.zone;
    let next = issued.revisions.len() + 1;
    let what = format!("{}, revision {next} of {}", days(&issued.coverage, site), issued.id);
    draft(ask, &what)
}

/// Freezes what is on the screen under a number, after a question.
pub fn issue(ask: &DraftAsk, document: &Document, ctx: &Ctx<'_>) -> Vec<Step> {
    let site = ctx.world.site.zone;
    let of = format!("{}, {}", days(&ask.coverage, site), ask.coverage.scope);
    let mut lines = vec![
        of,
        format!("As of {}, as it is on the screen.", near(document.made_at, ctx.now, site)),
    ];
    if ask.coverage.to > document.made_at {
        lines.push("The period is not over: a later revision will say more.".to_owned());
    }
    let known = ctx.world.reports.issued().find(|i| i.coverage == ask.coverage);
    let (title, verb) = if let Some(id) = ask.over {
        lines.push(match differences(document) {
            0 => "None of its figures changed.".to_owned(),
            n => format!("{} otherwise than the revision before.", count(n, "figure")),
        });
        (format!("Issue {id} again?"), "issue again")
    } else {
        if let Some(id) = known.map(|known| known.id) {
            lines.push(format!(
                "{id} is of that period and those services already; on its row I makes its next revision."
            ));
        }
        ("Issue this report?".to_owned(), "issue")
    };
    lines.push(
        "It gets its number and stays as it is; what is corrected later is a new revision."
            .to_owned(),
    );
    let command = report::Command::Issue {
        coverage: Box::new(ask.coverage.clone()),
        over: ask.over,
        plan: String::new(),
        document: Box::new(document.clone()),
        // Of one that is issued meanwhile they have not read.
        force: known.is_some(),
    };
    let yes = vec![Step::Do(Cmd::Ask(Command::Reports(command)))];
    show(Overlay::Confirm(Confirm::new(&title, lines, verb, yes)))
}

/// How many figures a revision says otherwise.
fn differences(document: &Document) -> usize {
    let section = document.section(Word::Differences);
    let rows = section.into_iter().flat_map(|s| &s.blocks).map(|block| match block {
        Block::Table(table) => table.rows.len() + table.left_out,
        _ => 0,
    });
    rows.sum()
}

/// Writes a document to a file.
pub fn export(document: &Document, locale: Locale, name: &str) -> Vec<Step> {
    let formats = Format::WORDS.map(|(word, _)| word.to_owned()).to_vec();
    let languages = Locale::WORDS.map(|(word, _)| word.to_owned()).to_vec();
    let fields = vec![
        FormField::choose("Format", "html", "↑ and ↓ choose: md, html, csv, json", formats),
        FormField::choose("Language", locale.word(), "↑ and ↓ choose: en, es", languages),
        FormField::new(
            "File",
            name,
            "where atalaya was started, or a whole path; the format's ending is put behind it",
        )
        .kept(),
    ];
    let document = document.clone();
    let submit: Submit = Box::new(move |texts, _| {
        let text = |at: usize| texts.get(at).map_or("", String::as_str);
        let format = Format::WORDS.into_iter().find(|(word, _)| *word == text(0));
        let format = format.ok_or_else(|| (0, "write md, html, csv or json".to_owned()))?.1;
        let locale = Locale::WORDS.into_iter().find(|(word, _)| *word == text(1));
        let locale = locale.ok_or_else(|| (1, "write en or es".to_owned()))?.1;
        if text(2).is_empty() {
            return Err((2, "write where to".to_owned()));
        }
        let ending = format!(".{}", format.word());
        let name = text(2).strip_suffix(&ending).unwrap_or(text(2));
        let path = format!("{name}{ending}");
        Ok(vec![Step::Do(Cmd::Save { path, text: render(&document, format, locale) })])
    });
    show(Overlay::Form(Form::new("Save the document", "", fields, submit)))
}

/// What a file of a report is called: by its number, or by what it is of.
pub fn file_name(document: &Document, site: Tz) -> String {
    let first = zone::local(document.from, site).date();
    match (document.number.as_str(), document.revision) {
        ("", _) => format!("report-{first}"),
        (number, Some(revision)) if revision > 1 => format!("{number}.{revision}"),
        (number, _) => number.to_owned(),
    }
}

/// The records behind a figure, to choose one and go there.
pub fn records(
    ids: &[IncidentId],
    windows: &[Key],
    document: &Document,
    style: Style,
    ctx: &Ctx<'_>,
) -> Step {
    let named = document.sections.iter().filter(|s| s.title == Word::Records);
    let tables = named.flat_map(|s| &s.blocks).filter_map(|block| match block {
        Block::Table(table) => Some(table),
        _ => None,
    });
    let rows: BTreeMap<&str, &Row> = tables
        .flat_map(|table| &table.rows)
        .filter_map(|row| Some((row.records.first()?.as_str(), row)))
        .collect();
    let incident = |id: &IncidentId| {
        let name = id.to_string();
        let known = ctx.world.incidents.get(*id);
        let cell = |at: usize| rows.get(name.as_str())?.cells.get(at);
        let title = known.map(|i| i.title.clone());
        let title = title.or_else(|| cell(3).map(|title| style.datum(title))).unwrap_or_default();
        let service = known.map(|i| i.service.as_ref().map(|s| s.as_str().to_owned()));
        let service = service.unwrap_or_else(|| cell(2).map(|service| style.datum(service)));
        let opened = known.map(|i| near(i.opened_at, ctx.now, ctx.world.site.zone));
        let opened = opened.or_else(|| cell(4).map(|at| style.datum(at)));
        let detail: Vec<String> = service.into_iter().chain(opened).collect();
        let label = format!("{id} {}", clean(&title, 80)).trim_end().to_owned();
        Item { label, detail: detail.join("  "), then: vec![Step::Go(Place::Incident(*id))] }
    };
    let window = |key: &Key| Item {
        label: document::window(key),
        detail: String::new(),
        then: vec![Step::Go(Place::Window(key.clone()))],
    };
    let items = ids.iter().map(incident).chain(windows.iter().map(window)).collect();
    let title = match (ids.len(), windows.len()) {
        (n, 0) => count(n, "incident"),
        (0, n) => count(n, "window"),
        (n, m) => format!("{}, {}", count(n, "incident"), count(m, "window")),
    };
    Step::Show(Box::new(Overlay::Picker(Picker::new(&title, items))))
}
