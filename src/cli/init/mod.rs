//! `atalaya init`: a config to begin with, the commented example or one filled from what Prometheus
//! and Alertmanager know.

mod draft;
mod fetch;
mod promql;
mod write;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chrono::Utc;
use serde::Serialize;
use url::Url;

use self::draft::{Candidate, DraftService, LeftOut};
use self::fetch::Server;
use self::write::Upstreams;
use super::output::{self, Exit, complain, print};
use super::{Context, Failure, args};
use crate::config;
use crate::domain::matcher::{Labels, Matchers};
use crate::domain::text::count;

/// Most alert rules that are looked into.
const MAX_RULES: usize = 500;

#[derive(Serialize)]
struct Document {
    /// `null`: printed to standard output.
    path: Option<String>,
    sources: usize,
    services: usize,
    signals: usize,
    left_out: Vec<LeftOut>,
}

pub async fn run(context: &Context, args: &args::Init) -> Result<Exit, Failure> {
    let target = if args.stdout { None } else { Some(target(context, args)?) };
    let (text, document) = if args.prometheus.is_none() && args.alertmanager.is_empty() {
        let document =
            Document { path: None, sources: 1, services: 0, signals: 0, left_out: Vec::new() };
        (config::EXAMPLE.to_owned(), document)
    } else {
        filled(args).await?
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
    if document.services > 0 || document.sources > 1 {
        let sources = count(document.sources, "source");
        let services = count(document.services, "service");
        let _ = write!(text, ": {sources}, {services}, {}", count(document.signals, "signal"));
    }
    text.push('\n');
    if !document.left_out.is_empty() {
        text.push_str("not carried over:\n");
    }
    for item in &document.left_out {
        let _ = writeln!(text, "  {}: {}", item.what, item.why);
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

async fn filled(args: &args::Init) -> Result<(String, Document), Failure> {
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
    let text = write::file(&upstreams, &services, &left_out);
    let document = Document {
        path: None,
        sources: usize::from(upstreams.prometheus.is_some()) + usize::from(!members.is_empty()),
        services: services.len(),
        signals: services.iter().map(|s| s.signals.len()).sum(),
        left_out,
    };
    Ok((text, document))
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
