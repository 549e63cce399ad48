//! `atalaya init`: a config to begin with, the commented example or one filled from what Prometheus
//! and Alertmanager know, and from a rota that is kept elsewhere.

mod draft;
pub(super) mod fetch;
mod promql;
mod rota;
mod write;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chrono::Utc;
use chrono_tz::Tz;
use serde::Serialize;
use url::Url;

use self::draft::{Candidate, DraftService, LeftOut};
use self::fetch::Server;
use self::rota::Rota;
use self::rota::fetch::Api;
use self::write::Upstreams;
use super::output::{self, Exit, complain, print};
use super::{Context, Failure, args};
use crate::config;
use crate::domain::matcher::{Labels, Matchers};
use crate::domain::text::count;
use crate::sources::SourceError;
use crate::sources::settings::{CalendarAt, discreet};

/// Most alert rules that are looked into.
const MAX_RULES: usize = 500;
/// Most commands that the summary shows; the file has all of them.
const MAX_COMMANDS: usize = 20;

#[derive(Default, Serialize)]
struct Document {
    /// `null`: printed to standard output.
    path: Option<String>,
    sources: usize,
    services: usize,
    signals: usize,
    people: usize,
    schedules: usize,
    escalations: usize,
    /// Schedules that were held against the shifts of their server and give the same.
    proven: Vec<String>,
    left_out: Vec<LeftOut>,
    /// Commands that make the overrides which the config cannot hold.
    commands: Vec<String>,
}

pub async fn run(context: &Context, args: &args::Init) -> Result<Exit, Failure> {
    let target = if args.stdout { None } else { Some(target(context, args)?) };
    let (text, document) = if args.is_plain() {
        (config::EXAMPLE.to_owned(), Document { sources: 1, ..Document::default() })
    } else {
        filled(context, args).await?
    };
    let Some(path) = target else {
        print(&text);
        for item in &document.left_out {
            complain(&format!("not carried over: {}: {}", item.what, item.why));
        }
        return Ok(Exit::Fine);
    };
    write_file(&path, &text, args.force)?;
    let shown = path.display().to_string();
    verify(context, &path)?;
    if context.output.json {
        output::document(&Document { path: Some(shown), ..document });
    } else {
        print(&said(&shown, &document));
    }
    Ok(Exit::Fine)
}

fn said(path: &str, document: &Document) -> String {
    use std::fmt::Write as _;
    let mut text = format!("wrote {path}");
    let mut parts = Vec::new();
    if document.services > 0 || document.sources > 1 {
        parts.push(count(document.sources, "source"));
        parts.push(count(document.services, "service"));
        parts.push(count(document.signals, "signal"));
    }
    if document.people + document.schedules + document.escalations > 0 {
        let people = document.people;
        parts.push(if people == 1 { "1 person".to_owned() } else { format!("{people} people") });
        parts.push(count(document.schedules, "schedule"));
        parts.push(count(document.escalations, "escalation"));
    }
    if !parts.is_empty() {
        let _ = write!(text, ": {}", parts.join(", "));
    }
    text.push('\n');
    if !document.proven.is_empty() {
        let _ = writeln!(text, "the same shifts as their server: {}", document.proven.join(", "));
    }
    if !document.left_out.is_empty() {
        text.push_str("not carried over:\n");
    }
    for item in &document.left_out {
        let _ = writeln!(text, "  {}: {}", item.what, item.why);
    }
    if !document.commands.is_empty() {
        text.push_str("overrides to come, each made by:\n");
    }
    for command in document.commands.iter().take(MAX_COMMANDS) {
        let _ = writeln!(text, "  {command}");
    }
    if document.commands.len() > MAX_COMMANDS {
        let more = document.commands.len() - MAX_COMMANDS;
        let _ = writeln!(text, "  and {more} more, which stand in the file");
    }
    text.push_str("next: atalaya check, then atalaya\n");
    text
}

/// Where it goes; refused where a file is, unless forced.
fn target(context: &Context, args: &args::Init) -> Result<PathBuf, Failure> {
    let around = &context.around;
    let user = around.config_dir.as_ref().map(|d| d.join("config.toml"));
    let path = args
        .output
        .clone()
        .or_else(|| around.config.clone())
        .or_else(|| around.config_variable.clone())
        .or(user)
        .ok_or_else(|| {
            Failure::Usage("there is no home folder; say where with --output FILE".to_owned())
        })?;
    if path.exists() && !args.force {
        let path = path.display();
        return Err(Failure::Refused(format!(
            "{path} is there already; nothing was written. --force replaces it, --stdout prints, \
             --output FILE writes elsewhere"
        )));
    }
    Ok(path)
}

/// Writes beside, then renames: a config is never half there. For the owner only, since secrets may
/// be written into it.
fn write_file(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let failed =
        |e: std::io::Error| Failure::Refused(format!("{} cannot be written: {e}", path.display()));
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let beside = path.with_extension(format!("toml.{:08x}", fastrand::u32(..)));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .map_err(failed)?;
    let done = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| {
        // Without force the file must still not be there: a link fails where a rename replaces.
        if force {
            fs::rename(&beside, path)
        } else {
            fs::hard_link(&beside, path).and_then(|()| fs::remove_file(&beside))
        }
    });
    done.map_err(|e| {
        let _ = fs::remove_file(&beside);
        failed(e)
    })
}

/// What was written must be readable by ourselves.
fn verify(context: &Context, path: &Path) -> Result<(), Failure> {
    let around = config::Surroundings { config: Some(path.to_owned()), ..context.around.clone() };
    config::load(&around, Utc::now()).map(|_| ()).map_err(Failure::Config)
}

async fn filled(context: &Context, args: &args::Init) -> Result<(String, Document), Failure> {
    let prometheus = args.prometheus.as_deref().map(address).transpose()?;
    let members: Vec<Url> =
        args.alertmanager.iter().map(|u| address(u)).collect::<Result<_, _>>()?;
    let mut sorted = draft::Sorted::default();
    let (mut services, mut left_out) = (Vec::new(), Vec::new());
    if let Some(url) = &prometheus {
        let server = Server::new(url.clone());
        sorted = draft::sort(&server.rules().await.map_err(Failure::Unreachable)?);
        left_out.append(&mut sorted.left_out);
        let series = server
            .series("group by (service, job, tier, team) (up)")
            .await
            .map_err(Failure::Unreachable)?;
        let (found, too_many) = draft::services(&series, &sorted.named);
        services = found;
        left_out.extend(too_many);
        thresholds(&server, &sorted.candidates, &mut services, &mut left_out).await;
        draft::availability(&mut services, &series);
        if members.is_empty() {
            left_out.extend(unnamed_alertmanagers(&server).await);
        }
    }
    let unowned = unowned(&members, &services, &sorted.heartbeats).await?;
    left_out.extend(unowned);
    let plain = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
    let upstreams = Upstreams {
        prometheus: prometheus.as_ref().map(plain),
        alertmanagers: members.iter().map(plain).collect(),
        heartbeats: sorted.heartbeats,
    };
    let rota = gather(context, args).await?;
    let text = write::file(&upstreams, &services, &rota, &left_out);
    left_out.extend(rota.left_out());
    let document = Document {
        path: None,
        sources: usize::from(upstreams.prometheus.is_some())
            + usize::from(!members.is_empty())
            + rota.calendars.len(),
        services: services.len(),
        signals: services.iter().map(|s| s.signals.len()).sum(),
        people: rota.people.len(),
        schedules: rota.schedules.len(),
        escalations: rota.policies.len(),
        proven: rota.proven(),
        left_out,
        commands: rota.commands(),
    };
    Ok((text, document))
}

/// The rota, from all that it is to be taken from.
async fn gather(context: &Context, args: &args::Init) -> Result<Rota, Failure> {
    let now = Utc::now();
    let mut rota = Rota::beside(&[write::PROMETHEUS, write::ALERTMANAGER]);
    if let Some(token) = &args.pagerduty_token_file {
        let base = address(&args.pagerduty_url)?;
        let api = Api::pagerduty(base, token).await.map_err(failed)?;
        let (documents, left_out) = rota::fetch::pagerduty(&api, now).await.map_err(failed)?;
        rota::pagerduty::add(&mut rota, documents, now);
        rota.notes.extend(left_out);
    }
    if let (Some(url), Some(token)) = (&args.grafana_oncall_url, &args.grafana_oncall_token_file) {
        let api = Api::grafana(address(url)?, token).await.map_err(failed)?;
        let (documents, left_out) = rota::fetch::grafana(&api, now).await.map_err(failed)?;
        rota::grafana::add(&mut rota, documents, now);
        rota.notes.extend(left_out);
    }
    let zone = context.around.zone.as_deref().and_then(|z| z.parse().ok()).unwrap_or(Tz::UTC);
    for from in &args.roster_ics {
        let (at, text) = calendar(from).await?;
        rota::calendar::add(&mut rota, at, &text, zone, now);
    }
    Ok(rota)
}

fn failed(error: SourceError) -> Failure {
    match error {
        SourceError::Misconfigured(why) => Failure::Usage(why),
        other => Failure::Unreachable(other.to_string()),
    }
}

/// A calendar by its address or file, and what it says.
async fn calendar(from: &str) -> Result<(CalendarAt, String), Failure> {
    let shown = crate::domain::text::clean(from, 200);
    let (at, text) = if from.starts_with("http://") || from.starts_with("https://") {
        let url = address(from)?;
        let text = fetch::calendar(&url).await.map_err(failed)?;
        (CalendarAt::Web(url), text)
    } else {
        let refused = |why: String| Failure::Usage(format!("--roster-ics {shown}: {why}"));
        // The config may be anywhere, and is read from anywhere.
        let path = std::path::absolute(from).map_err(|e| refused(e.to_string()))?;
        let about = fs::metadata(&path).map_err(|e| refused(e.to_string()))?;
        if !about.is_file() || about.len() > fetch::MAX_CALENDAR as u64 {
            return Err(refused("is no file, or one of more than 8 MiB".to_owned()));
        }
        let bytes = fs::read(&path).map_err(|e| refused(e.to_string()))?;
        (CalendarAt::File(path), String::from_utf8_lossy(&bytes).into_owned())
    };
    let is_calendar = text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .get(.."BEGIN:VCALENDAR".len())
        .is_some_and(|start| start.eq_ignore_ascii_case("BEGIN:VCALENDAR"));
    if is_calendar {
        return Ok((at, text));
    }
    let where_ = match &at {
        CalendarAt::Web(url) | CalendarAt::Collection(url) => discreet(url),
        CalendarAt::File(_) => shown,
    };
    let why =
        "is no calendar, since it does not begin with BEGIN:VCALENDAR: give its iCalendar feed";
    Err(Failure::Refused(format!("{where_} {why}")))
}

fn address(text: &str) -> Result<Url, Failure> {
    config::address(text, &["http", "https"])
        .map_err(|(message, remedy)| Failure::Usage(format!("{text}: {message}; {remedy}")))
}

/// Asks which series each rule looks at, and gives their services signals. A rule that the server
/// refuses is left out, the others go on.
async fn thresholds(
    server: &Server,
    candidates: &[Candidate],
    services: &mut [DraftService],
    left_out: &mut Vec<LeftOut>,
) {
    for (n, candidate) in candidates.iter().enumerate() {
        let attached = if n < MAX_RULES {
            match server.series(&candidate.comparison.what).await {
                Ok(series) => draft::attach(services, candidate, &series).map(|_| ()),
                Err(why) => Err(format!("the server refuses its expression: {why}")),
            }
        } else {
            Err(format!("only the first {MAX_RULES} rules are looked into"))
        };
        if let Err(why) = attached {
            let what = format!("alert {}", candidate.rule);
            left_out.push(LeftOut { what, why: format!("no threshold: {why}") });
        }
    }
}

/// Prometheus knows where it sends alerts to; whoever runs `init` may not.
async fn unnamed_alertmanagers(server: &Server) -> Option<LeftOut> {
    let found = server.alertmanagers().await.ok().filter(|list| !list.is_empty())?;
    let options: Vec<String> = found.iter().map(|u| format!("--alertmanager {u}")).collect();
    Some(LeftOut {
        what: "silences and inhibition".to_owned(),
        why: format!("they are in the Alertmanager; run it again with {}", options.join(" ")),
    })
}

/// Alerts now firing that none of the services would claim, heartbeats left out. Fails only where no
/// member answers.
async fn unowned(
    members: &[Url],
    services: &[DraftService],
    heartbeats: &[String],
) -> Result<Option<LeftOut>, Failure> {
    let (mut alerts, mut errors) = (Vec::new(), Vec::new());
    for url in members {
        let server = Server::new(url.clone());
        match server.alerts().await {
            Ok(more) => alerts.extend(more),
            Err(why) => errors.push(why),
        }
    }
    if !members.is_empty() && errors.len() == members.len() {
        return Err(Failure::Unreachable(errors.join("\n")));
    }
    for why in &errors {
        complain(&format!("warning: {why}; the other members answered"));
    }
    let owned = |labels: &Labels| {
        services.iter().any(|s| labels.get(s.label).is_some_and(|v| *v == s.value))
    };
    let pulses: Vec<Matchers> = heartbeats.iter().flat_map(|m| Matchers::parse(m)).collect();
    let beats = |labels: &Labels| pulses.iter().any(|p| p.matches(labels));
    let lost: BTreeSet<String> = alerts
        .iter()
        .filter(|a| !owned(&a.labels) && !beats(&a.labels))
        .filter_map(|a| a.labels.get("alertname").map(|n| crate::domain::text::clean(n, 60)))
        .collect();
    if lost.is_empty() {
        return Ok(None);
    }
    let names: Vec<String> = lost.iter().take(5).cloned().collect();
    let more = if lost.len() > 5 { format!(" and {} more", lost.len() - 5) } else { String::new() };
    Ok(Some(LeftOut {
        what: format!("{} kinds of alerts firing now", lost.len()),
        why: format!("no service claims them: {}{more}", names.join(", ")),
    }))
}
