//! What the sources show right now: values, alerts, heartbeats, freshness. Not stored; it grows back
//! with the first polls after a start.
