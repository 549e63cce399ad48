//! That this process watches, told to the store: what nobody reports is good only while somebody would.

use std::time::Duration;

use chrono::Utc;

use crate::domain::slo::{WATCHED, Watching, begin, index};
use crate::domain::time::Timescale;
use crate::store::{Mode, Store};

/// How often it looks at the clock: a process that was stopped meanwhile did not watch.
const LOOK: Duration = Duration::from_secs(30);

/// Records it as long as it runs, with each bucket that is over.
pub async fn run(store: Store, time: Timescale) {
    let mut watching = Watching::default();
    loop {
        let now = time.at(Utc::now());
        let kept = watching.look(now).filter(|_| !matches!(store.mode(), Mode::ReadOnly { .. }));
        if let Some(kept) = kept {
            match store.roll_up(&[(WATCHED.to_owned(), kept.clone())]).await {
                Ok(()) => watching.kept(),
                // Next time.
                Err(e) => tracing::warn!("that somebody watches is not kept: {e}"),
            }
        }
        let next = (begin(index(now) + 1) - now).to_std().unwrap_or(LOOK);
        tokio::time::sleep(time.ours(next.min(LOOK)).max(Duration::from_millis(250))).await;
    }
}
