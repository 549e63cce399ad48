//! A day of buckets as text, as the store keeps it: about 2 KB for a busy service, a few bytes where
//! nothing changes.
//!
//! Buckets are parted by commas, in order from midnight UTC; what is unknown at the end is left out.
//! `8342` is 300 s with 8,342 events or seconds and nothing bad, `12/8342` has 12 bad ones, `12/8342@240`
//! is known for 240 s, `-` is unknown; `x6` behind one repeats it. Amounts have up to six decimals.

use std::fmt::Write;

use super::series::{BUCKET, BUCKETS_A_DAY, Bucket, Day, MICRO, Series};

/// The text of a day.
pub fn write(day: &Day) -> String {
    let mut out = String::new();
    let mut run: Option<(Option<Bucket>, usize)> = None;
    let last = day.iter().last().map_or(0, |(place, _)| place + 1);
    for place in 0..last {
        let bucket = day.get(place);
        match &mut run {
            Some((same, n)) if *same == bucket => *n += 1,
            _ => {
                finish(&mut out, run);
                run = Some((bucket, 1));
            }
        }
    }
    finish(&mut out, run);
    out
}

/// Reads a day into a series. `None`: this is no such text, and nothing was taken over.
pub fn read(text: &str, day: i64, into: &mut Series) -> Option<()> {
    let mut place = 0_i64;
    let mut found = Vec::new();
    if text.is_empty() {
        return Some(());
    }
    for item in text.split(',') {
        let (item, times) = match item.split_once('x') {
            Some((item, times)) => (item, times.parse::<i64>().ok()?),
            None => (item, 1),
        };
        let end = place.checked_add(times)?;
        if times < 1 || end > BUCKETS_A_DAY {
            return None;
        }
        if item != "-" {
            let bucket = bucket(item)?;
            found.extend((place..end).map(|place| (place, bucket)));
        }
        place = end;
    }
    for (place, bucket) in found {
        into.set(day * BUCKETS_A_DAY + place, bucket);
    }
    Some(())
}

fn finish(out: &mut String, run: Option<(Option<Bucket>, usize)>) {
    let Some((bucket, times)) = run else { return };
    if !out.is_empty() {
        out.push(',');
    }
    match bucket {
        None => out.push('-'),
        Some(bucket) => {
            if bucket.bad() > 0 {
                amount(out, bucket.bad());
                out.push('/');
            }
            amount(out, bucket.total);
            if i64::from(bucket.seen) != BUCKET {
                let _ = write!(out, "@{}", bucket.seen);
            }
        }
    }
    if times > 1 {
        let _ = write!(out, "x{times}");
    }
}

fn amount(out: &mut String, micro: u64) {
    let _ = write!(out, "{}", micro / MICRO);
    let rest = micro % MICRO;
    if rest > 0 {
        let text = format!("{rest:06}");
        let _ = write!(out, ".{}", text.trim_end_matches('0'));
    }
}

fn bucket(text: &str) -> Option<Bucket> {
    let (amounts, seen) = match text.split_once('@') {
        Some((amounts, seen)) => (amounts, seen.parse().ok()?),
        None => (text, BUCKET as u16),
    };
    let (bad, total) = match amounts.split_once('/') {
        Some((bad, total)) => (micro(bad)?, micro(total)?),
        None => (0, micro(amounts)?),
    };
    let is_sound = (1..=BUCKET as u16).contains(&seen);
    is_sound.then_some(Bucket { good: total.checked_sub(bad)?, total, seen })
}

fn micro(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    if part.is_empty() || part.len() > 6 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part: u64 = format!("{part:0<6}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(MICRO)?.checked_add(part)
}
