//! `atalaya report service` and `atalaya report issue`: the report of a period.

use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

use super::{View, ask, write};
use crate::cli::args::{ReportIssue, ReportPeriod, ReportService};
use crate::cli::output::{Exit, complain};
use crate::cli::{Context, Failure, stored};
use crate::config::Config;
use crate::domain::health::ServiceId;
use crate::domain::report::periodic::LONGEST;
use crate::domain::report::{self, Coverage, Reports, Scope};
use crate::domain::time::{Instant, zone};
use crate::engine::reporting;

pub async fn draft(
    context: &Context,
    config: &Config,
    args: &ReportService,
) -> Result<Exit, Failure> {
    let coverage = coverage(&args.period, config, Utc::now())?;
    let store = stored::open_to_query(context, config).await?;
    let document = async {
        let view = View::open(config, &store).await?;
        Ok::<_, Failure>(reporting::service(&store, view.known(), &coverage, view.now).await?)
    };
    let document = document.await;
    store.close().await;
    write(context, config, &document?, &args.written)
}

pub async fn issue(
    context: &Context,
    config: &Config,
    args: &ReportIssue,
) -> Result<Exit, Failure> {
    let asked = match args.again {
        None => Some(coverage(&args.period, config, Utc::now())?),
        Some(_) => None,
    };
    let store = stored::open(config).await?;
    let issued = async {
        let view = View::open(config, &store).await?;
        let again = args.again.map(|id| {
            view.reports.report(id).cloned().ok_or_else(|| {
                Failure::Refused(format!(
                    "there is no report {id}; `atalaya report list` lists them"
                ))
            })
        });
        let again = again.transpose()?;
        let coverage = again.as_ref().map(|i| i.coverage.clone()).or(asked);
        let Some(coverage) = coverage else {
            return Err(Failure::Usage(
                "which period? give --month, --week or --from and --to".to_owned(),
            ));
        };
        let document = match &again {
            Some(known) => reporting::revision(&store, view.known(), known, view.now).await?,
            None => reporting::service(&store, view.known(), &coverage, view.now).await?,
        };
        let locale = args.locale.or(document.locale).unwrap_or(config.locale);
        let document = report::Document { locale: Some(locale), ..document };
        let over = args.again;
        if coverage.to > view.now {
            complain(
                "the period is not over: what is frozen is as of now; \
                 `report issue --again` with its number makes the next revision",
            );
        }
        let (coverage, document) = (Box::new(coverage), Box::new(document));
        let command = report::Command::Issue {
            coverage,
            over,
            plan: String::new(),
            document,
            force: args.force,
        };
        let id = |reports: &Reports| {
            let newest = || reports.issued().next().map(|i| i.id);
            over.or_else(newest).map(|id| id.to_string())
        };
        ask(context, config, &store, command, id).await
    };
    let issued = issued.await;
    store.close().await;
    issued
}

/// The period and the services that are asked about. Without any: the month before this one.
fn coverage(args: &ReportPeriod, config: &Config, now: Instant) -> Result<Coverage, Failure> {
    let site = config.plan.site.zone;
    let (from, to) = match (args.month, args.week, args.from, args.to) {
        (Some(month), ..) => days(month.0, month.0 + Months::new(1), site),
        (_, Some(week), ..) => days(week.0, week.0 + Days::new(7), site),
        (.., Some(from), Some(to)) => (from.at(site), to.at(site)),
        _ => {
            let today = zone::local(now, site).date();
            let this = today.with_day(1).unwrap_or(today);
            days(this - Months::new(1), this, site)
        }
    };
    if from >= to {
        return Err(Failure::Usage("--from is not before --to".to_owned()));
    }
    if from >= now {
        return Err(Failure::Usage(
            "that period has not begun; give one that has, as --month 2026-11".to_owned(),
        ));
    }
    if (to - from).num_days() > LONGEST {
        return Err(Failure::Usage(format!(
            "that is more than {LONGEST} days; ask for less at once"
        )));
    }
    let scope = match (&args.service, &args.team, &args.contract) {
        (Some(id), ..) => Scope::Service(ServiceId::new(id)),
        (_, Some(team), _) => Scope::Team(team.clone()),
        (.., Some(contract)) => Scope::Contract(contract.clone()),
        _ => Scope::All,
    };
    reporting::services_of(&config.plan, &scope).map_err(Failure::Usage)?;
    Ok(Coverage { from, to, scope })
}

/// From midnight to midnight of a zone.
fn days(from: NaiveDate, to: NaiveDate, site: Tz) -> (Instant, Instant) {
    let midnight = |day: NaiveDate| zone::hand_off(day.and_time(NaiveTime::MIN), site);
    (midnight(from), midnight(to))
}
