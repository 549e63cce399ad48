//! Reports that are issued by themselves: whoever pages issues what is due, once, and brings it where it is to
//! go. What was missed while nobody ran is caught up.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant as Moment};

use chrono::Utc;
use tokio::sync::watch;

use crate::config::{Destination, ReportPlan};
use crate::domain::command::Command;
use crate::domain::incident::{Actor, ActorKind};
use crate::domain::paging::Pager;
use crate::domain::report::event::document_name;
use crate::domain::report::periodic::file_name;
use crate::domain::report::render::{style, title};
use crate::domain::report::{self, Coverage, Document, Format, Issued, ReportId, render};
use crate::domain::time::Interval;
use crate::engine::reporting::{self, Known};
use crate::engine::{Handle, Snapshot, StoreState};
use crate::notify::channels::{Courier, Letter};
use crate::store::Store;

/// How often is looked what is due.
const EVERY: Duration = Duration::from_secs(30);
/// How long what could not be sent waits for the next try; twice as long after each, up to the last.
const BACK_OFF: [Duration; 2] = [Duration::from_mins(1), Duration::from_hours(1)];

/// How often is looked whether something was corrected that an issued report says, and in how many of them.
const CORRECTIONS: Duration = Duration::from_hours(1);
const LOOKED_AT: usize = 12;

/// What the task works with.
pub struct Reporter {
    pub handle: Handle,
    pub store: Store,
    pub actor: Actor,
    pub plans: watch::Receiver<Arc<[ReportPlan]>>,
    pub courier: watch::Receiver<Courier>,
}

/// What failed, and when it is tried again.
type Waiting = BTreeMap<(ReportId, u32), (Moment, Duration)>;

impl Reporter {
    /// Until the engine is gone.
    pub async fn run(mut self) {
        let mut world = self.handle.watch();
        let mut waiting = Waiting::new();
        let mut looked = None::<Moment>;
        loop {
            let snapshot = world.borrow_and_update().clone();
            let plans = self.plans.borrow_and_update().clone();
            let on_duty = is_on_duty(&snapshot);
            if !plans.is_empty() && on_duty {
                let looks_again = looked.is_none_or(|at| at.elapsed() >= CORRECTIONS);
                if looks_again {
                    looked = Some(Moment::now());
                }
                for plan in plans.iter() {
                    if let Err(why) = self.look(plan, &snapshot, &mut waiting, looks_again).await {
                        tracing::warn!("report {}: {why}", plan.what.id);
                    }
                }
            }
            drop(snapshot);
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                changed = self.plans.changed() => if changed.is_err() { return },
                changed = world.wait_for(|s| is_on_duty(s) != on_duty) => {
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Issues what is due of one, and sends what has not arrived.
    async fn look(
        &self,
        plan: &ReportPlan,
        world: &Arc<Snapshot>,
        waiting: &mut Waiting,
        looks_again: bool,
    ) -> Result<(), String> {
        let site = world.site.zone;
        let of_plan = || world.reports.issued().filter(|i| *i.plan == *plan.what.id);
        let newest = of_plan().map(|i| i.coverage.from).max();
        let due = plan.what.every.due(newest, site, Utc::now());
        let begun = self.store.begun_at().await.map_err(|e| e.to_string())?;
        // Of what lies before the first event there is nothing to say.
        for period in due.into_iter().filter(|p| begun.is_some_and(|begun| begun < p.to)) {
            self.issue(plan, period, world).await?;
        }
        if looks_again {
            for issued in of_plan().take(LOOKED_AT) {
                self.reissue(issued, world).await?;
            }
        }
        // As they are now, with what was just issued.
        let world = self.handle.watch().borrow().clone();
        let issued = world.reports.issued().filter(|i| *i.plan == *plan.what.id);
        for one in issued.take(12).filter(|i| !has_arrived(i)) {
            let revision = u32::try_from(one.revisions.len()).unwrap_or(u32::MAX);
            let key = (one.id, revision);
            if waiting.get(&key).is_some_and(|(until, _)| Moment::now() < *until) {
                continue;
            }
            let sent = self.send(plan, one, revision, &world).await;
            match sent {
                Ok(to) => {
                    waiting.remove(&key);
                    let command = report::Command::Sent { id: one.id, revision, to };
                    self.ask(&plan.what.id, command).await;
                }
                Err(why) => {
                    let [first, last] = BACK_OFF;
                    let rest = waiting.get(&key).map_or(first, |(_, rest)| (*rest * 2).min(last));
                    waiting.insert(key, (Moment::now() + rest, rest));
                    return Err(format!("{} was not sent, is tried again: {why}", one.id));
                }
            }
        }
        Ok(())
    }

    async fn issue(
        &self,
        plan: &ReportPlan,
        period: Interval,
        world: &Snapshot,
    ) -> Result<(), String> {
        let coverage =
            Coverage { from: period.from, to: period.to, scope: plan.what.scope.clone() };
        let overrides = world.book.overrides();
        let known = Known::of(world, &overrides);
        let document = reporting::service(&self.store, known, &coverage, Utc::now()).await;
        let document = document.map_err(|e| e.to_string())?;
        let document = Box::new(Document { locale: Some(plan.what.locale), ..document });
        let command = report::Command::Issue {
            coverage: Box::new(coverage),
            over: None,
            plan: plan.what.id.to_string(),
            document,
            force: false,
        };
        self.ask(&plan.what.id, command).await;
        Ok(())
    }

    /// Issues a report again, if something that it says was corrected since.
    async fn reissue(&self, issued: &Issued, world: &Snapshot) -> Result<(), String> {
        let corrected = reporting::corrected(&self.store, &world.plan, issued, Utc::now()).await;
        if corrected.map_err(|e| e.to_string())?.is_empty() {
            return Ok(());
        }
        let overrides = world.book.overrides();
        let known = Known::of(world, &overrides);
        let document = reporting::revision(&self.store, known, issued, Utc::now()).await;
        let document = document.map_err(|e| e.to_string())?;
        let command = report::Command::Issue {
            coverage: Box::new(issued.coverage.clone()),
            over: Some(issued.id),
            plan: issued.plan.clone(),
            document: Box::new(document),
            force: false,
        };
        self.ask(&issued.plan, command).await;
        Ok(())
    }

    /// As the plan that asks, not as whoever has the console open.
    async fn ask(&self, plan: &str, command: report::Command) {
        let (kind, name) = (ActorKind::System, plan.to_owned());
        let actor = Actor { kind, name, ..self.actor.clone() };
        for outcome in self.handle.ask(actor, Command::Reports(command)).await {
            tracing::info!("{}", outcome.verdict);
        }
    }

    /// Brings it where it is to go; says where that is.
    async fn send(
        &self,
        plan: &ReportPlan,
        issued: &Issued,
        revision: u32,
        world: &Snapshot,
    ) -> Result<String, String> {
        let name = document_name(issued.id, revision);
        let document = self.store.document(&name).await.map_err(|e| e.to_string())?;
        let document = document.ok_or_else(|| format!("{name} is not in the store"))?;
        let period = Interval::new(issued.coverage.from, issued.coverage.to);
        let locale = document.locale.unwrap_or(plan.what.locale);
        let file = |format: Format| {
            let name = file_name(&plan.what.id, period, world.site.zone, format);
            (name, render(&document, format, locale))
        };
        let files: Vec<(String, String)> = plan.what.formats.iter().map(|f| file(*f)).collect();
        match &plan.to {
            Destination::Folder(folder) => {
                let place = folder.clone();
                let written = tokio::task::spawn_blocking(move || write(&place, &files)).await;
                written.map_err(|e| e.to_string())??;
                Ok(folder.display().to_string())
            }
            Destination::Mail { channel, recipients } => {
                let style = style(&document, locale);
                let letter = Letter {
                    key: format!("{name}.{}", period.from.timestamp()),
                    recipients: recipients.clone(),
                    subject: format!("{}: {}", world.site.name, title(&document, style)),
                    text: render(&document, Format::Markdown, locale),
                    files: with_types(files, &plan.what.formats),
                };
                let courier = self.courier.borrow().clone();
                courier.post(channel, &letter).await?;
                let to: Vec<String> = recipients.iter().map(|m| m.email.to_string()).collect();
                Ok(format!("mail {}", to.join(", ")))
            }
        }
    }
}

/// Whoever pages also reports.
fn is_on_duty(world: &Snapshot) -> bool {
    let writes = matches!(world.store, StoreState::Ready) && !world.site.read_only;
    writes && !world.site.demo && matches!(world.pager, Pager::Here { .. })
}

fn has_arrived(issued: &Issued) -> bool {
    issued.revisions.last().is_none_or(|r| !r.sent.is_empty())
}

fn with_types(
    files: Vec<(String, String)>,
    formats: &[Format],
) -> Vec<(String, &'static str, String)> {
    let mime = |format: &Format| match format {
        Format::Markdown => "text/markdown; charset=utf-8",
        Format::Html => "text/html; charset=utf-8",
        Format::Csv => "text/csv; charset=utf-8",
        Format::Json => "application/json",
    };
    files.into_iter().zip(formats).map(|((name, text), f)| (name, mime(f), text)).collect()
}

/// A file for somebody at the screen, who is not asked again: nothing that is there already is written over.
/// Says where it went.
///
/// # Errors
/// It cannot be written, or is there already.
pub fn save(path: &str, text: &str) -> Result<String, String> {
    let path = match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => Path::new(path).to_owned(),
    };
    let path = std::path::absolute(&path).unwrap_or(path);
    let file = OpenOptions::new().write(true).create_new(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => Ok(path.display().to_string()),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(format!("{} is there already; choose another name", path.display()))
        }
        Err(e) => Err(format!("{} cannot be written: {e}", path.display())),
    }
}

/// Each file whole or not at all: written beside its name, then moved there.
fn write(folder: &Path, files: &[(String, String)]) -> Result<(), String> {
    let failed =
        |path: &Path, e: std::io::Error| format!("{} cannot be written: {e}", path.display());
    fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
    for (name, text) in files {
        let number = fastrand::u64(..);
        let (path, beside) = (folder.join(name), folder.join(format!(".{name}.{number:x}")));
        // Never through a link that somebody has laid there, and on the disk before it has its name.
        let written =
            OpenOptions::new().write(true).create_new(true).open(&beside).and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            });
        let moved = written.and_then(|()| fs::rename(&beside, &path));
        if let Err(e) = moved {
            let _ = fs::remove_file(&beside);
            return Err(failed(&path, e));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_whole_and_again() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("new");
        for text in ["one", "two"] {
            write(&place, &[("a.md".to_owned(), text.to_owned())]).unwrap();
        }
        let names: Vec<_> = fs::read_dir(&place).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["a.md"]);
        assert_eq!(fs::read_to_string(place.join("a.md")).unwrap(), "two");
    }

    #[test]
    fn what_is_saved_from_the_screen_writes_nothing_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("SR-1.md");
        let name = path.to_str().unwrap();
        assert_eq!(save(name, "one").unwrap(), name);
        let why = save(name, "two").unwrap_err();
        assert!(why.ends_with("is there already; choose another name"), "{why}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        assert!(save(folder.path().join("none/a.md").to_str().unwrap(), "x").is_err());
    }

    #[test]
    fn nothing_is_written_through_a_link_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "mine").unwrap();
        for name in ["a.md", ".a.md.part"] {
            std::os::unix::fs::symlink(&victim, folder.path().join(name)).unwrap();
        }
        write(folder.path(), &[("a.md".to_owned(), "report".to_owned())]).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
        let made = folder.path().join("a.md");
        assert!(fs::symlink_metadata(&made).unwrap().is_file());
        assert_eq!(fs::read_to_string(made).unwrap(), "report");
    }
}
