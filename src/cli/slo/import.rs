//! `atalaya slo import FILE…`: definitions that people already have become `[[slos]]`.
//!
//! Plain functions make them of documents ([`openslo`], [`sloth`], [`pyrra`]); what cannot be carried
//! over is a comment above its objective and a line on standard error.

mod openslo;
mod pyrra;
mod query;
mod sloth;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde_json::Value;

use crate::cli::args::SloImport as Args;
use crate::cli::output::{Exit, complain, print};
use crate::cli::{Context, Failure};
use crate::config::{self, Severity, Surroundings};
use crate::domain::slo::Target;
use crate::domain::text::{MAX_LINE, clean};
use crate::sources::settings::Kind;

/// No definition is larger than this, in bytes.
const MOST: u64 = 4 << 20;

/// An objective on its way into the config.
#[derive(Debug, Clone, Default, PartialEq)]
struct Draft {
    id: String,
    name: String,
    service: String,
    target: Option<Target>,
    /// `"30d"`, or an inline table.
    window: String,
    method: &'static str,
    /// Key and value, as TOML.
    keys: Vec<(&'static str, String)>,
    /// What could not be carried over, and what to look at.
    notes: Vec<String>,
    /// The config could not be loaded with it: it becomes a comment.
    is_off: bool,
}

/// What came of a file.
#[derive(Debug, Default)]
struct Drafts {
    drafts: Vec<Draft>,
    /// About documents as a whole.
    notes: Vec<String>,
}

pub fn run(context: &Context, args: &Args) -> Result<Exit, Failure> {
    let source = args.source.clone().unwrap_or_else(|| usual_source(context));
    let (mut out, mut found, mut is_whole) = (String::new(), 0, true);
    let mut ids = BTreeSet::new();
    for file in &args.files {
        let name = file.display().to_string();
        let text = read(file).map_err(|e| Failure::Unreachable(format!("{name}: {e}")))?;
        let documents = parse(&text).map_err(|why| Failure::Refused(format!("{name}: {why}")))?;
        let Drafts { mut drafts, notes } = drafts(&documents);
        for draft in &mut drafts {
            check(draft, &mut ids, &context.around);
        }
        for note in &notes {
            complain(&format!("{name}: {}", clean(note, MAX_LINE)));
        }
        for draft in &drafts {
            for note in &draft.notes {
                complain(&format!("{name}: {}: {}", draft.id, clean(note, MAX_LINE)));
            }
        }
        is_whole &= notes.is_empty() && drafts.iter().all(|d| d.notes.is_empty());
        found += drafts.len();
        out += &write::toml(&name, &drafts, &source);
    }
    print(&out);
    if found == 0 {
        let why = "no objective was found; it reads OpenSLO v1, Sloth prometheus/v1 and Pyrra \
                   ServiceLevelObjective";
        return Err(Failure::Refused(why.to_owned()));
    }
    Ok(if is_whole { Exit::Fine } else { Exit::Problems })
}

/// Makes its id the only one, and sees whether the config can be loaded with it.
fn check(draft: &mut Draft, ids: &mut BTreeSet<String>, around: &Surroundings) {
    let wanted = draft.id.clone();
    let mut number = 1_u32;
    while !ids.insert(draft.id.clone()) {
        number = number.saturating_add(1);
        draft.id = format!("{wanted}-{number}");
    }
    if number > 1 {
        draft.notes.push(format!("another one is called {wanted}, too"));
    }
    let source =
        "[[sources]]\nname = \"it\"\nkind = \"prometheus\"\nurl = \"http://localhost\"\n\n";
    let text = format!("{source}{}", write::toml("it", std::slice::from_ref(draft), "it"));
    if let Err(problems) = config::of_text("it", text, around, chrono::Utc::now()) {
        draft.is_off = true;
        let errors = problems.0.iter().filter(|p| p.severity == Severity::Error);
        draft.notes.extend(errors.map(|p| format!("not loaded: {}; {}", p.message, p.remedy)));
    }
}

/// The only source that can be asked, if the config has one; else a name to be replaced.
fn usual_source(context: &Context) -> String {
    let config = config::load(&context.around, chrono::Utc::now()).ok();
    let sources = config.into_iter().flat_map(|c| c.sources);
    let mut able = sources.filter(|s| matches!(s.kind, Kind::Prometheus(_))).map(|s| s.name);
    match (able.next(), able.next()) {
        (Some(only), None) => only.to_string(),
        _ => "prometheus".to_owned(),
    }
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        io::stdin().lock().take(MOST + 1).read_to_string(&mut text)?
    } else {
        File::open(file)?.take(MOST + 1).read_to_string(&mut text)?
    };
    if read as u64 > MOST {
        return Err(io::Error::other(format!("larger than {} MiB", MOST >> 20)));
    }
    Ok(text)
}

/// The documents of a file. What one may cost is bounded by the reader.
fn parse(text: &str) -> Result<Vec<Value>, String> {
    serde_saphyr::from_multiple::<Value>(text)
        .map_err(|e| format!("this YAML cannot be read: {}", clean(&e.to_string(), 300)))
}

/// What is made of all documents of a file.
fn drafts(documents: &[Value]) -> Drafts {
    let mut found = Drafts::default();
    for document in documents {
        let text = |key| document.get(key).and_then(Value::as_str).unwrap_or_default();
        let (api, kind, version) = (text("apiVersion"), text("kind"), text("version"));
        if version == "prometheus/v1" {
            sloth::file(document, &mut found);
        } else if api.starts_with("sloth.slok.dev/") {
            sloth::resource(document, &mut found);
        } else if api.starts_with("pyrra.dev/") {
            pyrra::resource(document, kind, &mut found);
        } else if api.starts_with("openslo/") {
            openslo::document(document, kind, documents, &mut found);
        } else if !document.is_null() {
            let what = if api.is_empty() { "without apiVersion or version" } else { api };
            found.notes.push(format!("a document {what} is no definition that is known here"));
        }
    }
    found
}

/// A text of a document, by its path.
fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    find(value, path)?.as_str().map(str::trim).filter(|t| !t.is_empty())
}

fn find<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key)).filter(|v| !v.is_null())
}

fn list<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    find(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A target that is written as a number or as a text, in parts of `whole` (1 or 100).
fn target(value: &Value, whole: f64, notes: &mut Vec<String>) -> Option<Target> {
    let number = match value {
        Value::Number(n) => n.as_f64()?,
        Value::String(text) => text.trim().trim_end_matches('%').trim().parse().ok()?,
        _ => return None,
    };
    let ppm = number / whole * 1e6;
    let rounded = ppm.round();
    if (ppm - rounded).abs() > 1e-4 {
        notes.push(format!("the target {number} was rounded to a millionth"));
    }
    if !(1.0..=1e6).contains(&rounded) {
        return None;
    }
    Target::new(rounded as u32)
}

/// An id as the config wants it; `otherwise` where nothing of it remains.
fn slug(parts: &[&str], otherwise: &str, notes: &mut Vec<String>) -> String {
    let mut slug = String::new();
    let whole = parts.join("-");
    if whole.chars().any(|c| c.is_alphanumeric() && !c.is_ascii()) {
        notes.push(format!("{whole} has letters that no {otherwise} has here: choose another"));
    }
    for c in whole.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' | '_' | '.' => slug.push(c),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.truncate(100);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { otherwise } else { slug }.to_owned()
}
