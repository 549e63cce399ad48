//! That this process watches, told to the store: what nobody reports is good only while somebody would.

use std::time::Duration;

use chrono::Utc;

use crate::domain::slo::{BUCKETS_A_DAY, WATCHED, Watching, begin, index};
use crate::domain::time::Timescale;
use crate::store::{Mode, Store};

/// How often it looks at the clock: a process that was stopped meanwhile did not watch.
const LOOK: Duration = Duration::from_secs(30);

/// Records it as long as it runs, whenever it looks at the clock: what it watched before it ends is kept but
/// for the last of that.
pub async fn run(store: Store, time: Timescale) {
    let now = index(time.at(Utc::now()));
    // Who could not read it begins with nothing; what is there is kept as long as it is more.
    let before = store.rollups(WATCHED, now.div_euclid(BUCKETS_A_DAY)).await.unwrap_or_default();
    let mut watching = Watching::resuming(now, before.get(now));
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
