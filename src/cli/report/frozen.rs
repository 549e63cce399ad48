//! `atalaya report list` and `atalaya report show`: what was signed and issued.

use std::collections::BTreeMap;

use serde::Serialize;

use super::write;
use crate::cli::args::ReportShow;
use crate::cli::incidents::utc;
use crate::cli::output::{self, Cell, Exit, Table, print};
use crate::cli::{Context, Failure, stored};
use crate::config::Config;
use crate::domain::report::event::document_name;
use crate::domain::report::{Handover, HandoverId, Issued, ReportId};
use crate::domain::text::clean;
use crate::domain::time::near;
use crate::engine::reporting;

/// Of so many reports is looked whether something was corrected since.
const LOOKED_AT: usize = 12;

#[derive(Serialize)]
struct Document {
    handovers: Vec<HandoverFields>,
    reports: Vec<ReportFields>,
}

#[derive(Serialize)]
struct HandoverFields {
    id: String,
    schedule: String,
    from: String,
    to: String,
    outgoing: String,
    incoming: Option<String>,
    /// `draft submitted accepted`
    state: &'static str,
    submitted_by: Option<String>,
    accepted_by: Option<String>,
    accepted_at: Option<String>,
    /// What went over.
    incidents: Vec<String>,
}

#[derive(Serialize)]
struct ReportFields {
    id: String,
    from: String,
    to: String,
    scope: String,
    revisions: usize,
    issued_at: Option<String>,
    /// By whom its newest revision was issued.
    by: Option<String>,
    sent: Vec<String>,
    /// Incidents of it that were corrected since: `report issue --again` makes the next revision.
    corrected: Vec<String>,
}

pub async fn list(context: &Context, config: &Config) -> Result<Exit, Failure> {
    let store = stored::open_to_query(context, config).await?;
    let read = async {
        let reports = store.load().await?.reports;
        let mut corrected = BTreeMap::new();
        // Older ones are looked at when they are issued again.
        for issued in reports.issued().take(LOOKED_AT) {
            let now = chrono::Utc::now();
            let ids = reporting::corrected(&store, &config.plan, issued, now).await?;
            corrected.insert(issued.id, ids.iter().map(ToString::to_string).collect::<Vec<_>>());
        }
        Ok::<_, Failure>((reports, corrected))
    };
    let read = read.await;
    store.close().await;
    let (reports, corrected) = read?;
    let report = |i: &Issued| report(i, corrected.get(&i.id).cloned().unwrap_or_default());
    if context.output.json {
        output::document(&Document {
            handovers: reports.handovers().map(|h| handover(h)).collect(),
            reports: reports.issued().map(|i| report(i)).collect(),
        });
        return Ok(Exit::Fine);
    }
    let (zone, now) = (config.plan.site.zone, chrono::Utc::now());
    let mut table = Table::new(&["ID", "STATE", "FROM", "TO", "WHAT", "BY"]);
    for h in reports.handovers() {
        let f = handover(h);
        let by = h.accepted.as_ref().map(|s| s.by.shown(&config.plan.roster));
        let by = by.map_or(f.outgoing.clone(), |by| format!("{} → {by}", f.outgoing));
        table.row([
            Cell::text(f.id),
            Cell::text(f.state),
            Cell::text(near(h.turn.key.from, now, zone)),
            Cell::text(near(h.turn.to, now, zone)),
            Cell::text(f.schedule),
            Cell::text(by),
        ]);
    }
    for i in reports.issued() {
        let f = report(i);
        table.row([
            Cell::text(f.id),
            Cell::text(match f.corrected.as_slice() {
                [] => format!("revision {}", f.revisions),
                ids => format!("revision {}, corrected since: {}", f.revisions, ids.join(", ")),
            }),
            Cell::text(near(i.coverage.from, now, zone)),
            Cell::text(near(i.coverage.to, now, zone)),
            Cell::text(f.scope),
            Cell::text(f.by.unwrap_or_default()),
        ]);
    }
    if reports.handovers().next().is_none() && reports.issued().next().is_none() {
        print("nothing was handed over or issued yet\n");
    } else {
        print(&table.render(context.output));
    }
    Ok(Exit::Fine)
}

fn handover(h: &Handover) -> HandoverFields {
    let state = match (&h.submitted, &h.accepted) {
        (_, Some(_)) => "accepted",
        (Some(_), None) => "submitted",
        (None, None) => "draft",
    };
    HandoverFields {
        id: h.id.to_string(),
        schedule: h.turn.key.schedule.to_string(),
        from: utc(h.turn.key.from),
        to: utc(h.turn.to),
        outgoing: h.turn.outgoing.name.clone(),
        incoming: h.turn.incoming.as_ref().map(|p| p.name.clone()),
        state,
        submitted_by: h.submitted.as_ref().map(|s| s.by.name.clone()),
        accepted_by: h.accepted.as_ref().map(|s| s.by.name.clone()),
        accepted_at: h.accepted.as_ref().map(|s| utc(s.at)),
        incidents: h.incidents.iter().map(ToString::to_string).collect(),
    }
}

fn report(i: &Issued, corrected: Vec<String>) -> ReportFields {
    let last = i.revisions.last();
    ReportFields {
        id: i.id.to_string(),
        from: utc(i.coverage.from),
        to: utc(i.coverage.to),
        scope: i.coverage.scope.to_string(),
        revisions: i.revisions.len(),
        issued_at: last.map(|r| utc(r.at)),
        by: last.map(|r| r.by.clone()),
        sent: last.map(|r| r.sent.clone()).unwrap_or_default(),
        corrected,
    }
}

pub async fn show(context: &Context, config: &Config, args: &ReportShow) -> Result<Exit, Failure> {
    let store = stored::open_to_query(context, config).await?;
    let found = async {
        let reports = store.load().await?.reports;
        let name = name(&args.id, |id| reports.report(id).map_or(0, |i| i.revisions.len()))?;
        Ok::<_, Failure>(store.document(&name).await?)
    };
    let found = found.await;
    store.close().await;
    if let Some(document) = found? {
        return write(context, config, &document, &args.written);
    }
    let id = clean(&args.id, 40);
    Err(Failure::Refused(format!("there is no {id}; `atalaya report list` lists what there is")))
}

/// What a document is called: a handover by its number, a report by its number and revision.
fn name(text: &str, revisions: impl Fn(ReportId) -> usize) -> Result<String, Failure> {
    let wrong = |why: String| Failure::Usage(why);
    if text.to_ascii_uppercase().starts_with("HO") {
        return Ok(text.parse::<HandoverId>().map_err(wrong)?.to_string());
    }
    let (id, revision) = text.split_once('.').map_or((text, None), |(id, r)| (id, Some(r)));
    let id: ReportId = id.parse().map_err(wrong)?;
    let newest = || u32::try_from(revisions(id)).unwrap_or(u32::MAX);
    let revision = match revision {
        None => newest(),
        Some(text) => text.parse().map_err(|_| wrong(format!("{text:?} is no revision")))?,
    };
    Ok(document_name(id, revision))
}
