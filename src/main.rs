//! The console on a made-up world, until the command line is here.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use atalaya::domain::incident::Actor;
use atalaya::engine::Handle;
use atalaya::ui::terminal::{Options, Terminal};
use atalaya::ui::theme::Theme;
use atalaya::ui::{Model, Outside};

#[path = "../tests/screens/support.rs"]
mod support;

fn main() -> io::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let env = |name: &str| std::env::var(name).ok();
        let options = Options {
            colour: env("ATALAYA_COLOUR").and_then(|c| c.parse().ok()),
            glyphs: env("ATALAYA_GLYPHS").and_then(|c| c.parse().ok()),
            escape_wait: None,
        };
        let (mut tui, input) = Terminal::take_over(options)?;
        let mut world = match env("CROWD").and_then(|c| c.parse().ok()) {
            Some(count) => support::crowd(count),
            None => support::world(),
        };
        if env("BLIND").is_some() {
            world.blind = Arc::new(vec![(
                "prom-dc1".into(),
                "alertname=\"Watchdog\"".into(),
                support::now() - chrono::TimeDelta::hours(2),
            )]);
        }
        let world = Arc::new(world);
        let (_tx, snapshots) = tokio::sync::watch::channel(world.clone());
        let (messages, _rx) = tokio::sync::mpsc::channel(9);
        let (depth, glyphs) = (tui.depth(), tui.glyphs());
        let name = env("THEME").unwrap_or_else(|| Theme::default_name(depth, None).to_owned());
        let mut prefs = support::prefs(support::DEFAULT);
        prefs.theme = Theme::built_in(&name, depth, glyphs);
        let model = Model::new(world, prefs, tui.size(), support::now());
        let start = std::time::Instant::now();
        let (_news, news) = tokio::sync::mpsc::channel(1);
        let outside = Outside {
            handle: Handle::new(messages, snapshots),
            clock: Box::new(move || {
                support::now() + start.elapsed().min(std::time::Duration::from_secs(99999))
            }),
            actor: Actor::person("ana"),
            refresh: Box::new(|| ()),
            theme: Box::new(move |name| Ok(Theme::built_in(name, depth, glyphs))),
            welcomed: Box::new(|| ()),
            news,
            in_view: Box::new(|_| ()),
        };
        let code = atalaya::ui::run(&mut tui, input, model, outside).await?;
        Ok(ExitCode::from(code))
    })
}
