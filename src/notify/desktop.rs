//! Notifications on the desktop, by D-Bus.

use std::collections::VecDeque;
use std::time::Duration;

use notify_rust::{NotificationHandle, NotificationResponse, Urgency};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{Action, Notification, Told};
use crate::domain::incident::{IncidentId, Priority};
use crate::domain::text::clean;

/// How long the bus and the notification daemon have to answer.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a click is waited for.
const CLICK: Duration = Duration::from_mins(15);
/// How many notifications are waited for at once; each holds a connection.
const WAITERS: usize = 8;
const MAX_TITLE: usize = 120;
const MAX_BODY: usize = 500;

/// The notifications that still wait for a click, oldest first.
#[derive(Default)]
pub(super) struct Desktop {
    waiters: VecDeque<Waiter>,
}

struct Waiter {
    incident: Option<IncidentId>,
    /// Dropped: nothing more can be clicked, the notification is closed.
    open: oneshot::Sender<()>,
}

impl Desktop {
    /// Shows a notification; a click on *acknowledge* is reported to `told`.
    ///
    /// # Errors
    /// Why it cannot be shown: no bus, no notification daemon, or no answer within two seconds.
    pub async fn show(
        &mut self,
        notification: &Notification,
        told: &mpsc::Sender<Told>,
    ) -> Result<(), String> {
        // A newer word on an incident replaces the older one, whose button would be out of date.
        self.waiters.retain(|waiter| {
            !waiter.open.is_closed()
                && (waiter.incident.is_none() || waiter.incident != notification.incident)
        });
        let late = || "the session bus did not answer within 2 s".to_owned();
        let message = message(notification);
        let handle = timeout(CONNECT, message.show_async()).await.map_err(|_| late())?;
        let handle = handle.map_err(|error| clean(&error.to_string(), MAX_BODY))?;
        while self.waiters.len() >= WAITERS {
            self.waiters.pop_front();
        }
        let (open, closed) = oneshot::channel();
        let incident = notification.incident;
        tokio::spawn(wait(handle, incident, closed, told.clone()));
        self.waiters.push_back(Waiter { incident, open });
        Ok(())
    }
}

/// Waits for a click until the notification is closed, replaced, or too old.
async fn wait(
    handle: NotificationHandle,
    incident: Option<IncidentId>,
    closed: oneshot::Receiver<()>,
    told: mpsc::Sender<Told>,
) {
    let mut clicked = None;
    let mut ended = false;
    tokio::select! {
        () = handle.wait_for_action_async(|response| {
            if let NotificationResponse::Action(key) = response {
                clicked = Some(key.clone());
            }
        }) => ended = true,
        _ = closed => {}
        () = tokio::time::sleep(CLICK) => {}
    }
    if clicked.as_deref() == Some(Action::Acknowledge.key())
        && let Some(incident) = incident
    {
        let _ = told.send(Told::Acknowledge(incident)).await;
    }
    if !ended {
        let _ = timeout(CONNECT, handle.close_async()).await;
    }
}

fn message(notification: &Notification) -> notify_rust::Notification {
    let mut message = notify_rust::Notification::new();
    message.appname("atalaya").summary(&clean(&notification.title, MAX_TITLE));
    message.body(&escape(&clean(&notification.body, MAX_BODY)));
    // A critical one stays until somebody has seen it.
    let critical = notification.priority <= Priority(1) && !notification.actions.is_empty();
    message.urgency(if critical { Urgency::Critical } else { Urgency::Normal });
    for action in &notification.actions {
        message.action(action.key(), action.label());
    }
    message
}

/// The body is markup by the desktop notification specification.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
