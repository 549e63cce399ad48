//! Telling the person at this console: what the engine wants told becomes a notification on the
//! desktop or in the terminal, and a click on it becomes an acknowledgement.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::config::{NotifySettings, Switch};
use crate::domain::command::Command;
use crate::domain::incident::lifecycle::{Action, Target};
use crate::domain::incident::{Actor, IncidentId};
use crate::engine::core::{Notice, OrderNews, PageNews, Question};
use crate::engine::{Effect, Handle};
use crate::notify::{Channel, Notification, Notifier, Scope, Told, decide};
use crate::ui::Msg;
use crate::ui::screens::Tone;

/// News that comes within this time is told together.
const TOGETHER: Duration = Duration::from_millis(500);
/// How much may wait to be heard back.
const TOLD: usize = 16;

/// The incidents that the person sees anyway.
#[derive(Debug, Clone, Default)]
pub struct InView(Arc<Mutex<BTreeSet<IncidentId>>>);

impl InView {
    pub fn set(&self, ids: &[IncidentId]) {
        let seen = ids.iter().copied().collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    fn get(&self) -> BTreeSet<IncidentId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Who is told, and how.
pub struct Person {
    pub handle: Handle,
    pub actor: Actor,
    pub settings: watch::Receiver<NotifySettings>,
    pub in_view: InView,
    /// To the screen.
    pub news: mpsc::Sender<Msg>,
}

impl Person {
    /// Tells from now on; aborting the task ends it.
    pub fn start(self, effects: mpsc::Receiver<Effect>) -> JoinHandle<()> {
        tokio::spawn(self.run(effects))
    }

    async fn run(self, mut effects: mpsc::Receiver<Effect>) {
        let (heard, mut told) = mpsc::channel(TOLD);
        let mut chosen = channel(&self.settings.borrow());
        let mut notifier = Notifier::start(chosen, heard.clone());
        loop {
            tokio::select! {
                effect = effects.recv() => {
                    let Some(first) = effect else { break };
                    tokio::time::sleep(TOGETHER).await;
                    let (mut together, mut asked) = (Vec::new(), Vec::new());
                    let mut next = Some(first);
                    while let Some(effect) = next {
                        match effect {
                            Effect::Notify(notice) => together.push(notice),
                            Effect::Ask(question) => asked.push(question),
                            Effect::Paged(PageNews { text, is_good })
                            | Effect::Ordered(OrderNews { text, is_good }) => {
                                let tone = if is_good { Tone::Good } else { Tone::Bad };
                                let _ = self.news.try_send(Msg::Say(tone, text));
                            }
                        }
                        next = effects.try_recv().ok();
                    }
                    self.refresh(&mut together);
                    let now = channel(&self.settings.borrow());
                    if now != chosen {
                        (chosen, notifier) = (now, Notifier::start(now, heard.clone()));
                    }
                    self.notify(&notifier, &together);
                    for question in asked {
                        self.ask(&notifier, question);
                    }
                }
                Some(told) = told.recv() => self.heard(told).await,
            }
        }
    }

    /// What somebody did while news was being gathered: what is told of clocks is told of that.
    fn refresh(&self, together: &mut [Notice]) {
        let world = self.handle.snapshot();
        for notice in together.iter_mut().filter(|n| n.clock.is_some()) {
            if let Some(now) = world.incidents.get(notice.incident.id) {
                notice.incident = Arc::clone(now);
            }
        }
    }

    fn notify(&self, notifier: &Notifier, together: &[Notice]) {
        let settings = self.settings.borrow().clone();
        let scope = Scope {
            min_priority: settings.min_priority,
            started_at: self.handle.snapshot().started_at,
            operator: &self.actor.name,
            in_view: &self.in_view.get(),
        };
        let notifications = decide(together, &scope);
        // What is in view needs no notification, but still belongs among the messages.
        let news = decide(together, &Scope { in_view: &BTreeSet::new(), ..scope });
        for one in news {
            let text = format!("{}  {}", one.title, one.body);
            let _ = self.news.try_send(Msg::News(text));
        }
        if settings.bell && !notifications.is_empty() {
            // A full queue has rung already.
            let _ = self.news.try_send(Msg::Bell);
        }
        for notification in notifications {
            notifier.notify(notification);
        }
    }

    /// A window of this person's: whatever is urgent enough else, this waits for nobody but them.
    fn ask(&self, notifier: &Notifier, question: Question) {
        let settings = self.settings.borrow().clone();
        let _ = self.news.try_send(Msg::News(question.text.clone()));
        if settings.bell {
            let _ = self.news.try_send(Msg::Bell);
        }
        notifier.notify(Notification {
            title: "Your maintenance".to_owned(),
            body: question.text,
            priority: settings.min_priority,
            incident: None,
            actions: Vec::new(),
        });
    }

    async fn heard(&self, told: Told) {
        let msg = match told {
            Told::Terminal(n) => Msg::Notify(n.title, n.body),
            Told::Trouble(why) => Msg::Say(Tone::Bad, why),
            Told::Acknowledge(id) => {
                let targets = vec![Target { id, seen: 0 }];
                let command =
                    Command::Act { targets, action: Action::Acknowledge { lasting: None } };
                let outcomes = self.handle.ask(self.actor.clone(), command.clone()).await;
                Msg::Answered { command, outcomes }
            }
        };
        let _ = self.news.send(msg).await;
    }
}

/// The desktop where it is wanted and there is one, else the terminal where that is wanted.
fn channel(settings: &NotifySettings) -> Channel {
    let detected = Channel::detect(|name| std::env::var(name).ok());
    match (settings.desktop, settings.terminal) {
        (Switch::Off, Switch::Off) => Channel::Off,
        (Switch::On, _) => Channel::Desktop,
        (Switch::Auto, Switch::On) | (Switch::Off, _) => Channel::Terminal,
        (Switch::Auto, Switch::Off) if detected == Channel::Terminal => Channel::Off,
        (Switch::Auto, _) => detected,
    }
}
