//! When somebody watched, and when services were down by their incidents as far as somebody did.

use super::{Store, StoreError};
use crate::domain::health::ServiceId;
use crate::domain::incident::Priority;
use crate::domain::slo::record::{downtime, of_downtime};
use crate::domain::slo::{Series, WATCHED, Watched, begin};
use crate::domain::time::Instant;

impl Store {
    /// When a console or an agent watched.
    pub async fn watched(&self) -> Result<Watched, StoreError> {
        Ok(Watched::new(self.rollups(WATCHED, 0).await?, self.begun_at().await?))
    }

    /// When a service was up and down in the buckets from `from` on and before `to`, as its incidents
    /// of at least a priority have it. It follows from them and is kept nowhere: what is known of an
    /// incident may be corrected.
    pub async fn uptime(
        &self,
        (service, least): (&ServiceId, Priority),
        (from, to): (i64, i64),
        now: Instant,
    ) -> Result<Series, StoreError> {
        let watched = self.watched().await?;
        let mut down = Vec::new();
        let each = |incident| down.extend(downtime(&incident, service, least, now).iter());
        self.of_service(service, begin(from), each).await?;
        let down = down.into_iter().collect();
        let mut series = Series::default();
        for (number, bucket) in of_downtime(&down, (from, to), |number| watched.seconds(number)) {
            series.set(number, bucket);
        }
        Ok(series)
    }
}
