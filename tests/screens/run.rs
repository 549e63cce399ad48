//! The console's loop on a terminal that is not there: keys in, cells and effects out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use atalaya::domain::command::{Command, Outcome, Verdict};
use atalaya::domain::incident::Actor;
use atalaya::engine::runtime::Message;
use atalaya::engine::{Handle, Snapshot};
use atalaya::ui::terminal::{Headless, Options, Terminal};
use atalaya::ui::{Model, Msg, Outside, Pending};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::support::{DEFAULT, now, prefs, world};

/// A console that runs, and every end of it.
struct Running {
    screen: Headless,
    /// Dropped: the engine has stopped.
    worlds: Option<watch::Sender<Arc<Snapshot>>>,
    engine: mpsc::Receiver<Message>,
    news: mpsc::Sender<Msg>,
    refreshed: Arc<AtomicUsize>,
    console: JoinHandle<u8>,
}

fn start() -> Running {
    let (mut tui, mut input, screen) = Terminal::headless(120, 35, Options::default()).unwrap();
    let first = Arc::new(world());
    let (worlds, snapshots) = watch::channel(Arc::clone(&first));
    let (messages, engine) = mpsc::channel(16);
    let (news, received) = mpsc::channel(16);
    let refreshed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refreshed);
    let mut outside = Outside {
        handle: Handle::new(messages, snapshots),
        // The time stands still: whatever is drawn was asked for.
        clock: Box::new(now),
        actor: Actor::person("ana"),
        refresh: Box::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        }),
        past: Box::new(|_| Box::pin(async { Ok(None) })),
        attain: Box::new(|_| Box::pin(async { Err("no store here".to_owned()) })),
        troubles: Box::new(|_, _| Box::pin(async { Err("no store here".to_owned()) })),
        draft: Box::new(|_| Box::pin(async { Err("no store here".to_owned()) })),
        save: Box::new(|_, _| Box::pin(async { Err("no disk here".to_owned()) })),
        theme: Box::new(|name| Err(format!("no theme {name}"))),
        views: Box::new(|_| Err("no views here".to_owned())),
        welcomed: Box::new(|| ()),
        news: received,
        in_view: Box::new(|_| ()),
        rests: Box::new(|| {}),
        pending: Pending::default(),
    };
    let mut model = Model::new(first, prefs(DEFAULT), tui.size(), now());
    let console = tokio::task::spawn_blocking(move || {
        atalaya::ui::run(&mut tui, &mut input, &mut model, &mut outside).unwrap()
    });
    Running { screen, worlds: Some(worlds), engine, news, refreshed, console }
}

impl Running {
    /// Waits until the screen shows a text.
    async fn shows(&self, text: &str) {
        for _ in 0..400 {
            if self.screen.text().contains(text) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{text:?} never came:\n{}", self.screen.text());
    }

    fn publish(&self, world: Snapshot) {
        self.worlds.as_ref().unwrap().send(Arc::new(world)).unwrap();
    }

    async fn press(&self, keys: &str) {
        self.screen.press(keys).await.unwrap();
    }
}

#[tokio::test]
async fn q_ends_it_with_success() {
    let console = start();
    console.shows("checkout").await;
    console.press("q").await;
    assert_eq!(console.console.await.unwrap(), 0);
}

#[tokio::test]
async fn a_terminal_that_is_gone_ends_it() {
    let console = start();
    drop(console.screen);
    let code = tokio::time::timeout(Duration::from_secs(5), console.console).await;
    assert_eq!(code.unwrap().unwrap(), 129);
}

#[tokio::test]
async fn what_is_copied_reaches_the_clipboard_and_is_said() {
    let console = start();
    console.press("y").await;
    console.shows("copied: checkout critical").await;
    assert_eq!(console.screen.copied().len(), 1);
}

#[tokio::test]
async fn a_command_goes_to_the_engine_and_its_answer_is_said_even_while_keys_go_on() {
    let mut console = start();
    console.press("N").await;
    console.screen.type_text("printer on fire").await;
    console.press("Ctrl-s").await;
    let Some(Message::Asked { command: Command::Report(report), reply, .. }) =
        console.engine.recv().await
    else {
        panic!("no report");
    };
    assert_eq!(report.title, "printer on fire");
    // The engine takes its time; the console does not wait for it.
    console.press("?").await;
    console.shows("╭ Keys").await;
    console.press("Esc").await;
    let said = "INC-7 reported".to_owned();
    reply
        .send(vec![Outcome { id: None, verdict: Verdict::Done { said, also: Vec::new() } }])
        .unwrap();
    console.shows("INC-7 reported").await;
}

#[tokio::test]
async fn a_new_world_is_drawn() {
    let console = start();
    let mut next = world();
    let mut site = (*next.site).clone();
    site.name = "elsewhere".to_owned();
    next.site = Arc::new(site);
    console.publish(next);
    console.shows("elsewhere").await;
}

#[tokio::test]
async fn a_flood_of_data_draws_few_frames_and_drops_no_key() {
    let console = start();
    console.shows("checkout").await;
    let before = console.screen.frames();
    let begun = std::time::Instant::now();
    for n in 0..200 {
        let mut next = world();
        let mut site = (*next.site).clone();
        site.name = format!("site {n}");
        next.site = Arc::new(site);
        console.publish(next);
        if n == 100 {
            console.press("i").await;
        }
        tokio::task::yield_now().await;
    }
    console.shows("SOURCE").await;
    console.shows("site 199").await;
    let frames = console.screen.frames() - before;
    // Four a second for data, however slow the machine, and a few for the key and its answer.
    let most = 10 + begun.elapsed().as_millis() as usize / 250;
    assert!(frames <= most && most < 200, "{frames} frames for 200 snapshots, {most} allowed");
}

#[tokio::test]
async fn refresh_polls_the_sources_and_news_from_the_edge_are_shown() {
    let console = start();
    console.press("r").await;
    console.shows("asking every source").await;
    assert_eq!(console.refreshed.load(Ordering::SeqCst), 1);
    let line = "config.toml:3:1  unknown key; the old one stays".to_owned();
    console.news.send(Msg::Say(atalaya::ui::screens::Tone::Bad, line)).await.unwrap();
    console.shows("unknown key").await;
}

#[tokio::test]
async fn a_theme_that_cannot_be_read_says_why_and_the_old_one_stays() {
    let console = start();
    console.press(":").await;
    console.screen.type_text("theme").await;
    console.press("Enter").await;
    console.screen.type_text("nord").await;
    console.press("Enter").await;
    console.shows("no theme nord").await;
}

#[tokio::test]
async fn an_engine_that_stopped_is_said_and_the_screen_stays() {
    let mut console = start();
    console.worlds = None;
    console.shows("the engine has stopped").await;
    console.press("q").await;
    assert_eq!(console.console.await.unwrap(), 0);
}
