//! The console itself: config, store, engine, sources and screen joined, in the order that lets the
//! first frame come before anything is asked of the network.

pub(super) mod edge;
mod mirror;
mod team;
mod tell;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use futures::future;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::args::Console as Args;
use super::duty::Duty;
use super::output::{Exit, complain};
use super::reporter::Reporter;
use super::{Context, Failure, log, orders, stored, themes};
use crate::config::{self, Colour, Config, Glyphs as Set, StoreAddress, Surroundings};
use crate::domain::command::Command;
use crate::domain::incident::views::{OwnChange, OwnViews};
use crate::domain::paging;
use crate::domain::report::Document;
use crate::domain::slo::Trouble;
use crate::domain::text;
use crate::domain::time::{Instant, Timescale};
use crate::domain::upstream::{self, Upstream, UpstreamKind};
use crate::engine::reporting::{self, Known};
use crate::engine::{Handle, Input, Snapshot, runtime};
use crate::notify::channels::Courier;
use crate::notify::{pager, spool};
use crate::sources::demo::{self as demo_world, Made};
use crate::sources::orders::Clerk;
use crate::sources::settings::{Demo, HttpSettings, Kind, SourceSettings};
use crate::store::Store;
use crate::ui::keymap::Keymap;
use crate::ui::overlay::Overlay;
use crate::ui::run::{AskAttainment, AskTroubles, MakeReport, SaveText};
use crate::ui::screens::Place;
use crate::ui::terminal::{Depth, Glyphs, InputEvent, Options, Terminal, Tui};
use crate::ui::theme::{self, Theme};
use crate::ui::{Model, Msg, Outside, Pending, Prefs, Settings, Tab};
use edge::{Edge, Started};

/// News for the screen that may wait to be read.
const NEWS: usize = 64;
/// The name of the made-up source.
const DEMO: &str = "demo";
/// How often it is asked, whatever the speed of its time.
const DEMO_INTERVAL: Duration = Duration::from_secs(2);
/// How long leaving waits for what is still to be stored.
const PATIENCE: Duration = Duration::from_secs(1);
/// Effects of the engine that may wait to be carried out.
const EFFECTS: usize = 256;

/// Opens the console and stays until it is left.
pub fn run(mut context: Context, args: &Args) -> Result<Exit, Failure> {
    context.around.read_only = args.read_only;
    let time = Timescale::new(Utc::now(), if args.demo { args.speed } else { 1.0 });
    let config = if args.demo { demo(&context, args, time)? } else { context.config()? };
    let _log = log::start(&context.around.state_dir);
    let runtime = super::threads()?;
    let mut opened = runtime.block_on(open(&context, args, config, time))?;
    // The screen has the main thread for itself: a terminal that does not read holds up the screen,
    // never the engine.
    let Opened { tui, input, model, outside, .. } = &mut opened;
    let outcome = crate::ui::run(tui, input, model, outside);
    let unanswered = runtime.block_on(opened.close());
    runtime.shutdown_timeout(Duration::from_millis(500));
    for command in &unanswered {
        for what in named(command) {
            complain(&format!(
                "{what} was not stored: the store did not answer within {} s; do it again",
                PATIENCE.as_secs()
            ));
        }
    }
    outcome
        .map(Exit::Code)
        .map_err(|e| Failure::Refused(format!("the terminal cannot be written to: {e}")))
}

/// The console, ready to be shown.
struct Opened {
    tui: Tui,
    input: mpsc::Receiver<InputEvent>,
    model: Model,
    outside: Outside,
    /// What works beside the screen.
    beside: [JoinHandle<()>; 7],
}

impl Opened {
    /// Gives the terminal back, since whoever left wants it now; then ends the rest. Returns what
    /// was asked and could not be done in time.
    async fn close(self) -> Vec<Command> {
        drop(self.tui);
        for task in self.beside {
            task.abort();
        }
        let Outside { handle, mut pending, .. } = self.outside;
        // What is still on its way to the engine goes before the end.
        let leaving = async {
            pending.finish().await;
            future::pending().await
        };
        tokio::select! {
            biased;
            unanswered = leaving => unanswered,
            unanswered = handle.stop_within(PATIENCE) => unanswered,
        }
    }
}

/// Counts through the store, beside the screen and the engine: a month may be long.
fn attain(handle: Handle, store: Store) -> AskAttainment {
    let network = tokio::runtime::Handle::current();
    Box::new(move |period| {
        let (snapshot, store) = (handle.snapshot(), store.clone());
        let counting = network.spawn(async move {
            let Snapshot { plan, calendar, at, .. } = &*snapshot;
            let counted = reporting::attained(&store, plan, calendar, period, *at).await;
            counted.map(Box::new).map_err(|e| text::clean(&e.to_string(), text::MAX_LINE))
        });
        Box::pin(async move {
            counting.await.unwrap_or_else(|_| Err("the question was dropped".to_owned()))
        })
    })
}

/// Reads the trouble of a service from the store, beside the screen and the engine.
fn troubles(store: Store) -> AskTroubles {
    let network = tokio::runtime::Handle::current();
    Box::new(move |service, since| {
        let store = store.clone();
        let reading = network.spawn(async move {
            let mut found = Vec::new();
            let each = |incident| found.extend(Trouble::of(&incident, &service));
            let read = store.of_service(&service, since, each).await;
            read.map(|()| found).map_err(|e| text::clean(&e.to_string(), text::MAX_LINE))
        });
        Box::pin(async move {
            reading.await.unwrap_or_else(|_| Err("the question was dropped".to_owned()))
        })
    })
}

/// Makes a report as the snapshot is now, beside the screen and the engine as well.
fn draft(handle: Handle, store: Store) -> MakeReport {
    let network = tokio::runtime::Handle::current();
    Box::new(move |ask| {
        let (world, store) = (handle.snapshot(), store.clone());
        let making = network.spawn(async move {
            let overrides = world.book.overrides();
            let known = Known::of(&world, &overrides);
            let over = ask.over.and_then(|id| world.reports.report(id));
            let made = match over {
                Some(issued) => reporting::revision(&store, known, issued, world.at).await,
                None => reporting::service(&store, known, &ask.coverage, world.at).await,
            };
            made.map(|document| Box::new(Document { locale: Some(ask.locale), ..document }))
                .map_err(|e| text::clean(&e.to_string(), text::MAX_LINE))
        });
        Box::pin(async move {
            making.await.unwrap_or_else(|_| Err("the question was dropped".to_owned()))
        })
    })
}

/// Writes files where a slow disk holds up nobody.
fn save() -> SaveText {
    let network = tokio::runtime::Handle::current();
    Box::new(move |path, text| {
        let saving = network.spawn_blocking(move || super::reporter::save(&path, &text));
        Box::pin(async move {
            saving.await.unwrap_or_else(|_| Err("the writing was dropped".to_owned()))
        })
    })
}

/// What a command was about to do, a line for each incident.
fn named(command: &Command) -> Vec<String> {
    match command {
        Command::Report(report) => vec![format!("the report {:?}", report.title)],
        Command::Act { targets, action } => {
            targets.iter().map(|t| format!("{} {}", t.id, action.word())).collect()
        }
        Command::Undo { targets } => targets.iter().map(|id| format!("{id} undo")).collect(),
        Command::Roster(_) => vec!["the change of the roster".to_owned()],
        Command::Calendar(_) => vec!["the change of the calendar".to_owned()],
        Command::View(_) => vec!["the view".to_owned()],
        Command::Reports(_) => vec!["the report".to_owned()],
        Command::Paging(paging::Command::Page(_) | paging::Command::Test { .. }) => {
            vec!["the page".to_owned()]
        }
        Command::Escalate(request) => vec![format!("{} escalate", request.incident)],
        Command::Upstream(upstream::Command::Order(order)) => vec![order.call.words()],
        // What was claimed and not ended is claimed again.
        Command::Paging(_) | Command::Upstream(_) => Vec::new(),
    }
}

/// The made-up world: the looks of the config, nothing else of it.
fn demo(context: &Context, args: &Args, time: Timescale) -> Result<Config, Failure> {
    let own = config::load(&context.around, Utc::now()).ok();
    let mut config = config::built_in(&context.around);
    if let Some(own) = own {
        (config.ui, config.operator) = (own.ui, own.operator);
        config.plan.site.zone = own.plan.site.zone;
        config.plan.policy.zone = own.plan.site.zone;
    }
    config.plan.site.demo = true;
    config.store = StoreAddress::Memory;
    config.sources = vec![SourceSettings {
        name: Arc::from(DEMO),
        interval: time.made_up(DEMO_INTERVAL),
        timeout: Duration::from_secs(10),
        max_body: 0,
        http: HttpSettings::default(),
        kind: Kind::Demo(Demo {
            seed: args.seed,
            speed: args.speed,
            start: time.start(),
            made: Made::default(),
        }),
        asks: Vec::new(),
    }];
    config.plan.stale_after = config::stale_after(&config.sources);
    // As if it were one.
    let (kind, timeout) = (UpstreamKind::Alertmanager, TimeDelta::seconds(10));
    config.plan.upstreams =
        [(Arc::from(DEMO), Upstream { kind, timeout, actions: BTreeMap::new() })].into();
    let team = team::team(&context.around, time.start()).map_err(Failure::Config)?;
    config.plan.objectives = demo_world::objectives(&Arc::from(DEMO), config.plan.site.zone);
    (config.plan.roster, config.plan.windows) = (team.plan.roster, team.plan.windows);
    config.plan.service_levels = team.plan.service_levels;
    config.plan.channels = team.plan.channels;
    (config.plan.person, config.person) = (team.person.clone(), team.person);
    Ok(config)
}

async fn open(
    context: &Context,
    args: &Args,
    config: Config,
    time: Timescale,
) -> Result<Opened, Failure> {
    let around = &context.around;
    let store = if args.read_only && !args.demo {
        stored::open_to_read(&config).await?
    } else {
        stored::open(&config).await?
    };
    if args.demo {
        runtime::remember(config.plan.clone(), &store, past(args.seed, time.start())?).await?;
    }
    let (effects, told) = mpsc::channel(EFFECTS);
    let clock = Arc::new(runtime::ScaledClock(time));
    let measured = store.clone();
    let handle = runtime::start_with(config.plan.clone(), store.clone(), effects, clock).await?;
    let actor = stored::operator(context, &config);

    let (mut tui, input) = Terminal::take_over(options(context, args, &config)).map_err(|e| {
        let remedy = "the console needs a terminal; `atalaya health` and `incidents` do not";
        Failure::Usage(format!("no terminal: {e}; {remedy}"))
    })?;
    let looks = Looks {
        folder: around.config_dir.as_ref().map(|d| d.join("themes")),
        depth: tui.depth(),
        glyphs: tui.glyphs(),
    };
    let background = tui.capabilities().background;
    let over = Over { theme: args.theme.clone(), reduce_motion: args.reduce_motion };
    let settings = over.settings(&config);
    let name = settings
        .theme
        .clone()
        .unwrap_or_else(|| Theme::default_name(looks.depth, background).to_owned());
    // A name on the command line may be wrong; the shipped ones always load.
    let (theme, unknown) = match looks.load(&name) {
        Ok(theme) => (theme, None),
        Err(why) => {
            let fallback = Theme::default_name(looks.depth, background);
            (Theme::built_in(fallback, looks.depth, looks.glyphs), Some(why))
        }
    };
    let mouse = settings.mouse;
    let prefs = Prefs {
        theme,
        depth: looks.depth,
        follows: settings.theme.is_none(),
        themes: themes::names(around.config_dir.as_deref()),
        operator: config.operator.clone(),
        person: config.person.clone(),
        settings,
    };
    let mut model = Model::new(handle.snapshot(), prefs, tui.size(), time.at(Utc::now()));
    model.speed = args.speed;
    let welcomed = around.state_dir.join("welcomed");
    if config.files.is_empty() && !args.demo && !welcomed.exists() {
        model.overlays.push(Overlay::Welcome);
    }
    if mouse {
        // Without it the keys still work.
        let _ = tui.set_mouse(true);
    }

    let (news, received) = mpsc::channel(NEWS);
    if let Some(id) = args.incident {
        let _ = news.try_send(Msg::Go(Place::Incident(id)));
    }
    let warnings = config.warnings.present().0.into_iter().map(|w| w.message);
    for line in unknown.into_iter().chain(warnings) {
        let _ = news.try_send(Msg::Say(crate::ui::screens::Tone::Bad, line));
    }
    let own_views = (!args.demo).then(|| config::views::file(around));
    if let Some(file) = own_views.clone() {
        follow_views(file, news.clone())?;
    }
    let watched: Option<Surroundings> = (!args.demo).then(|| around.clone());
    let in_view = tell::InView::default();
    let (notify, settings) = watch::channel(config.notify.clone());
    let person = tell::Person {
        handle: handle.clone(),
        actor: actor.clone(),
        settings,
        in_view: in_view.clone(),
        news: news.clone(),
    };
    let telling = person.start(told);
    let courier = if args.demo { Courier::AsIf } else { Courier::new(&config.channels) };
    let (courier, couriers) = watch::channel(courier);
    let spooling = spool::run(handle.clone(), actor.clone(), couriers.clone(), time);
    let spooling = tokio::spawn(spooling);
    let (reports, plans) = watch::channel(config.reports.clone().into());
    let reporter = Reporter {
        handle: handle.clone(),
        store: store.clone(),
        actor: actor.clone(),
        plans,
        courier: couriers.clone(),
    };
    let reporting = tokio::spawn(reporter.run());
    let paging = tokio::spawn(pager::run(handle.clone(), actor.clone(), couriers, time));
    let duty = Duty::new(context, &config, false);
    let on_duty = tokio::spawn(duty.clone().run(handle.clone()));
    let clerk = Clerk::new(&config.sources);
    let (clerk, clerks) = watch::channel(Arc::new(clerk));
    let ordering = tokio::spawn(orders::run(handle.clone(), actor.clone(), clerks, time));
    let edge = Edge {
        handle: handle.clone(),
        store: measured,
        news,
        courier,
        reports,
        clerk,
        notify,
        over,
        time,
    };
    let Started { refresh, histories, running } = edge.start(config, watched);
    let network = tokio::runtime::Handle::current();
    let outside = Outside {
        handle: handle.clone(),
        clock: Box::new(move || time.at(Utc::now())),
        actor,
        refresh: Box::new(move || {
            let _ = refresh.try_send(());
        }),
        past: Box::new(move |ask| {
            let histories = histories.clone();
            // Where the network is: the screen's own thread waits for news and nothing else.
            let asking = network.spawn(async move {
                let past = histories.past(&ask.source, &ask.query, ask.stretch).await;
                past.map_err(|e| text::clean(&e.to_string(), text::MAX_LINE))
            });
            Box::pin(async move {
                asking.await.unwrap_or_else(|_| Err("the question was dropped".to_owned()))
            })
        }),
        attain: attain(handle.clone(), store.clone()),
        troubles: troubles(store.clone()),
        draft: draft(handle.clone(), store),
        save: save(),
        theme: Box::new(move |name| looks.load(name)),
        views: Box::new(change_views(own_views)),
        welcomed: Box::new(move || remember(&welcomed)),
        news: received,
        in_view: Box::new(move |ids| in_view.set(ids)),
        rests: Box::new(move || duty.rest()),
        pending: Pending::default(),
    };
    let beside = [running, telling, paging, spooling, reporting, ordering, on_duty];
    Ok(Opened { tui, input, model, outside, beside })
}

/// What the demo's people and alerts did before the console was opened.
fn past(seed: u64, start: Instant) -> Result<Vec<(Instant, Input)>, Failure> {
    let past = demo_world::past(&Arc::from(DEMO), seed, start).map_err(Failure::Refused)?;
    let input = |step| match step {
        demo_world::Step::Observed(observation) => Input::Observed(observation),
        demo_world::Step::Asked { actor, command } => Input::Asked { actor, command },
    };
    Ok(past.into_iter().map(|p| (p.at, input(p.step))).collect())
}

/// What the command line says over the config, also over one that is read later.
#[derive(Default)]
pub(super) struct Over {
    theme: Option<String>,
    reduce_motion: bool,
}

impl Over {
    fn settings(&self, config: &Config) -> Settings {
        let ui = &config.ui;
        let named = |name: &String| Tab::ALL.into_iter().find(|tab| tab.name() == name);
        let tabs: Vec<Tab> = ui.tabs.iter().filter_map(named).collect();
        Settings {
            theme: self.theme.clone().or_else(|| ui.theme.clone()),
            keymap: Keymap::with(&ui.keys).0,
            times: ui.times,
            mouse: ui.mouse,
            reduce_motion: self.reduce_motion || ui.reduce_motion,
            tabs: if tabs.is_empty() { Tab::ALL.to_vec() } else { tabs },
            locale: config.locale,
        }
    }
}

/// What a theme has to be fit for.
struct Looks {
    folder: Option<PathBuf>,
    depth: Depth,
    glyphs: Glyphs,
}

impl Looks {
    fn load(&self, name: &str) -> Result<Theme, String> {
        let lookup = |name: &str| theme::in_folder(self.folder.as_deref(), name);
        Theme::load(name, &lookup, self.depth, self.glyphs).map_err(|e| e.to_string())
    }
}

/// How often the views that the person keeps are looked at.
const VIEWS_EVERY: Duration = Duration::from_secs(5);

/// Reads the views that the person keeps, and again when their file is another one.
fn follow_views(file: PathBuf, news: mpsc::Sender<Msg>) -> Result<(), Failure> {
    let mut seen = config::views::stamp(&file);
    let _ = news.try_send(Msg::Views(config::views::read(&file)));
    let follow = move || {
        while !news.is_closed() {
            std::thread::sleep(VIEWS_EVERY);
            let now = config::views::stamp(&file);
            if now != seen {
                seen = now;
                let _ = news.blocking_send(Msg::Views(config::views::read(&file)));
            }
        }
    };
    let thread = std::thread::Builder::new().name("views".to_owned()).spawn(follow);
    thread.map(|_| ()).map_err(|e| Failure::Unreachable(format!("no thread: {e}")))
}

/// Changes them in their file; the made-up world keeps none.
fn change_views(file: Option<PathBuf>) -> impl Fn(&OwnChange) -> Result<OwnViews, String> {
    move |change| match &file {
        Some(file) => config::views::change(file, change),
        None => Err("the demo keeps no views of your own; save it for everybody".to_owned()),
    }
}

fn remember(marker: &std::path::Path) {
    let folder = marker.parent().map(std::fs::create_dir_all);
    if let (Some(Err(e)), _) | (_, Err(e)) = (folder, std::fs::write(marker, "")) {
        tracing::warn!("the welcome will show again: {} cannot be written: {e}", marker.display());
    }
}

/// The command line before the config, both before what the terminal says.
fn options(context: &Context, args: &Args, config: &Config) -> Options {
    let colour = match context.colour.unwrap_or(config.ui.colour) {
        Colour::Auto => None,
        Colour::Off => Some(Depth::Off),
        Colour::Eight => Some(Depth::Ansi8),
        Colour::Sixteen => Some(Depth::Ansi16),
        Colour::TwoFiftySix => Some(Depth::Indexed),
        Colour::All => Some(Depth::All),
    };
    let glyphs = match args.glyphs.unwrap_or(config.ui.glyphs) {
        Set::Auto => None,
        Set::Unicode => Some(Glyphs::Unicode),
        Set::Ascii => Some(Glyphs::Ascii),
    };
    Options { colour, glyphs, escape_wait: config.ui.escape }
}
