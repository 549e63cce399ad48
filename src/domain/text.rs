//! Text from outside, made harmless, and numbers made readable.
//!
//! Everything that a source, a plug-in or a database says passes [`clean`] before it becomes part
//! of the domain: no escape sequence, control character or bidirectional override gets further.

/// Longest text kept of one label value, title or message, in characters.
pub const MAX_LINE: usize = 1_000;
/// Longest multi-line text kept (annotations, notes), in characters.
pub const MAX_TEXT: usize = 16_384;
/// How many bytes of a text are read for each character that may stay.
const WORTH_READING: usize = 16;

/// One line of harmless text: whole escape sequences are dropped, line breaks and tabs become a
/// space, other control, bidi and invisible formatting characters vanish, the rest is cut with `…`
/// at `max` characters.
pub fn clean(text: &str, max: usize) -> String {
    sanitise(text, max, false)
}

/// As [`clean`], but keeps line breaks (`\r\n` and `\r` become `\n`).
pub fn clean_text(text: &str, max: usize) -> String {
    sanitise(text, max, true)
}

/// [`clean`] of what a person wrote, as long as nothing of it has to be cut.
///
/// # Errors
/// How long it is, and how long it may be; `what` names it.
pub fn fitting(what: &str, text: &str, max: usize) -> Result<String, String> {
    is_short(what, text, max).map(|()| clean(text, max))
}

/// [`clean_text`] in the same way.
///
/// # Errors
/// As [`fitting`].
pub fn fitting_text(what: &str, text: &str, max: usize) -> Result<String, String> {
    is_short(what, text, max).map(|()| clean_text(text, max))
}

fn is_short(what: &str, text: &str, max: usize) -> Result<(), String> {
    match text.trim().chars().count() {
        n if n > max => {
            Err(format!("the {what} has {n} characters, {max} are the most; shorten it"))
        }
        _ => Ok(()),
    }
}

fn sanitise(text: &str, max: usize, keep_lines: bool) -> String {
    // What vanishes must not cost more than what stays.
    let most = max.saturating_mul(WORTH_READING).saturating_add(MAX_LINE);
    let read = text.get(..text.floor_char_boundary(most)).unwrap_or_default();
    let mut out = String::with_capacity(read.len().min(max.saturating_mul(4)));
    let mut count = 0_usize;
    let mut chars = read.chars().peekable();
    let mut is_cut = read.len() < text.len();
    let mut may_end = true;
    while let Some(c) = chars.next() {
        let kept = match c {
            '\u{1b}' => {
                skip_escape(&mut chars, &mut may_end);
                continue;
            }
            '\u{9b}' => {
                skip_csi(&mut chars);
                continue;
            }
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => {
                skip_string(&mut chars, &mut may_end);
                continue;
            }
            '\r' if chars.peek() == Some(&'\n') => continue,
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                if keep_lines {
                    '\n'
                } else {
                    ' '
                }
            }
            '\t' => ' ',
            c if is_hostile(c) => continue,
            c => c,
        };
        if count == max {
            is_cut = true;
            break;
        }
        out.push(kept);
        count += 1;
    }
    if is_cut {
        if count == max {
            out.pop();
        }
        out.push('…');
    }
    if keep_lines { out } else { out.trim().to_owned() }
}

/// Control characters, bidirectional marks and overrides, and characters that take no cell but
/// could hide or reorder what surrounds them; and noncharacters, of which terminals do not agree how
/// wide they are. Joiners inside words (ZWJ, ZWNJ) stay.
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || u32::from(c) & 0xfffe == 0xfffe
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fdd0}'..='\u{fdef}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether nothing of a text can be seen: white space, joiners, characters that are drawn blank.
pub fn is_blank(text: &str) -> bool {
    let fills =
        ['\u{115f}', '\u{1160}', '\u{200c}', '\u{200d}', '\u{2800}', '\u{3164}', '\u{ffa0}'];
    text.chars().all(|c| c.is_whitespace() || fills.contains(&c))
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn skip_escape(chars: &mut Chars<'_>, may_end: &mut bool) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_csi(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            chars.next();
            skip_string(chars, may_end);
        }
        Some(' '..='/') => {
            while chars.next_if(|c| matches!(c, ' '..='/')).is_some() {}
            chars.next_if(|c| matches!(c, '0'..='~'));
        }
        Some('0'..='~') => {
            chars.next();
        }
        _ => {}
    }
}

fn skip_csi(chars: &mut Chars<'_>) {
    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    chars.next_if(|c| matches!(c, '@'..='~'));
}

/// Skips to the terminator (ST or BEL) if there is one; a string that never ends is only the
/// introducer, so that one stray byte cannot swallow the text. `may_end` remembers that no
/// terminator is ahead, so that it is looked for only once.
fn skip_string(chars: &mut Chars<'_>, may_end: &mut bool) {
    if !*may_end {
        return;
    }
    let mut ahead = chars.clone();
    while let Some(c) = ahead.next() {
        let ended = match c {
            '\u{7}' | '\u{9c}' => true,
            '\u{1b}' => ahead.next_if_eq(&'\\').is_some(),
            _ => false,
        };
        if ended {
            *chars = ahead;
            return;
        }
    }
    *may_end = false;
}

/// Whether a text is an address that a browser opens: `http` or `https`, without spaces.
pub fn is_web(text: &str) -> bool {
    let scheme = text.starts_with("https://") || text.starts_with("http://");
    scheme && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// A length of time in at most two units: `42s`, `5m`, `2h 10m`, `3d 4h`. Negative lengths carry a
/// minus sign.
pub fn duration(length: chrono::TimeDelta) -> String {
    let seconds = length.num_seconds();
    let sign = if seconds < 0 { "-" } else { "" };
    let s = seconds.unsigned_abs();
    let (d, h, m) = (s / 86_400, s / 3_600 % 24, s / 60 % 60);
    let two = |a: u64, ua: &str, b: u64, ub: &str| {
        if b == 0 { format!("{sign}{a}{ua}") } else { format!("{sign}{a}{ua} {b}{ub}") }
    };
    match s {
        0..60 => format!("{sign}{s}s"),
        60..3_600 => format!("{sign}{m}m"),
        3_600..86_400 => two(h, "h", m, "m"),
        _ => two(d, "d", h, "h"),
    }
}

/// As [`duration`], with the seconds of what is shorter than an hour: `21m 45s`.
pub fn two_units(length: chrono::TimeDelta) -> String {
    let (whole, seconds) = (duration(length), length.num_seconds() % 60);
    let is_short = length.num_seconds().abs() < 3_600 && length.num_minutes() != 0;
    if is_short && seconds != 0 { format!("{whole} {}s", seconds.abs()) } else { whole }
}

/// Reads `90s`, `15m`, `2h`, `30d`, `1w` and sums such as `1h30m`. `None` for anything else, for an
/// empty text and for more than 100 years.
pub fn parse_duration(text: &str) -> Option<chrono::TimeDelta> {
    let mut total = 0_i64;
    let mut digits = String::new();
    let mut any = false;
    for c in text.trim().chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if c == ' ' && digits.is_empty() {
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        let n: i64 = digits.parse().ok()?;
        total = total.checked_add(n.checked_mul(unit)?)?;
        digits.clear();
        any = true;
    }
    (any && digits.is_empty() && total <= 3_155_760_000).then(|| chrono::TimeDelta::seconds(total))
}

/// The first of them, and how many more there are.
pub fn abridged(mut list: Vec<String>, most: usize, several: &str) -> Vec<String> {
    let more = list.len().saturating_sub(most);
    if more > 0 {
        list.truncate(most);
        list.push(format!("and {more} more {several}"));
    }
    list
}

/// The alternatives, and the one that was probably meant.
pub fn suggest(wrong: &str, known: &[&str], lead: &str) -> String {
    if known.is_empty() {
        return String::new();
    }
    let near = nearest(wrong, known);
    let mut list: Vec<&str> = known.to_vec();
    list.sort_unstable();
    list.dedup();
    let more = list.len().saturating_sub(24);
    list.truncate(24);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let meant = near.map_or_else(String::new, |k| format!("; did you mean \"{k}\"?"));
    format!("{lead}: {}{more}{meant}", list.join(", "))
}

/// What was probably meant.
pub fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    let distances =
        known.iter().map(|k| (strsim::damerau_levenshtein(&lower, &k.to_lowercase()), *k));
    let near = distances
        .filter(|(distance, k)| *distance <= 1 + k.chars().count().min(lower.chars().count()) / 3);
    near.min().map(|(_, k)| k)
}

/// The same with a capital letter, as a title begins.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

/// `1 service`, `2 services`.
pub fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// A measured value with its unit, three significant digits, the unit scaled where that is usual
/// (seconds to ms, bytes to KiB…). Unit `%` is a number of percent, `ratio` a fraction shown as
/// percent; NaN and infinities are shown as such.
pub fn value(v: f64, unit: &str) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    match unit {
        "%" => format!("{} %", significant(v)),
        "ratio" => format!("{} %", significant(v * 100.0)),
        "s" => seconds(v),
        "ms" => seconds(v / 1_000.0),
        "B" | "bytes" => scaled(v, 1024.0, &BYTES),
        "B/s" => scaled(v, 1024.0, &BYTES_A_SECOND),
        "" => scaled(v, 1000.0, &COUNTS),
        "/s" => scaled(v, 1000.0, &COUNTS_A_SECOND),
        other => format!("{} {other}", significant(v)),
    }
}

/// The factor by which values of about that size are multiplied to be shown, and the unit that they
/// have then: `(1/1024², "MiB")` for some millions of bytes.
pub fn scale(about: f64, unit: &str) -> (f64, &str) {
    let (base, units): (f64, &[&str]) = match unit {
        "ratio" => return (100.0, "%"),
        "B" | "bytes" => (1024.0, &BYTES),
        "B/s" => (1024.0, &BYTES_A_SECOND),
        "" => (1000.0, &COUNTS),
        "/s" => (1000.0, &COUNTS_A_SECOND),
        other => return (1.0, other),
    };
    let mut factor = 1.0;
    for unit in units {
        if about * factor < base {
            return (factor, unit);
        }
        factor /= base;
    }
    (factor * base, units.last().copied().unwrap_or(unit))
}

const BYTES: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const BYTES_A_SECOND: [&str; 5] = ["B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s"];
const COUNTS: [&str; 5] = ["", "k", "M", "G", "T"];
const COUNTS_A_SECOND: [&str; 4] = ["/s", "k/s", "M/s", "G/s"];

fn seconds(v: f64) -> String {
    let a = v.abs();
    if a == 0.0 {
        "0 s".to_owned()
    } else if a < 1e-3 {
        format!("{} µs", significant(v * 1e6))
    } else if a < 1.0 {
        format!("{} ms", significant(v * 1e3))
    } else if a < 120.0 {
        format!("{} s", significant(v))
    } else if a < 1e11 {
        duration(chrono::TimeDelta::seconds(v as i64))
    } else {
        format!("{} s", significant(v))
    }
}

fn scaled(v: f64, base: f64, units: &[&str]) -> String {
    let mut v = v;
    let mut unit = 0;
    while v.abs() >= base && unit + 1 < units.len() {
        v /= base;
        unit += 1;
    }
    let name = units.get(unit).copied().unwrap_or_default();
    let gap = if name.is_empty() || (name.len() == 1 && base == 1000.0) { "" } else { " " };
    format!("{}{gap}{name}", significant(v))
}

/// Three significant digits, no exponent between 0.001 and 10 million, no trailing zeros lost.
fn significant(v: f64) -> String {
    let a = v.abs();
    if a >= 1e7 || (a != 0.0 && a < 1e-3) {
        format!("{v:.1e}")
    } else if a >= 99.95 || v.fract() == 0.0 {
        format!("{v:.0}")
    } else if a >= 9.995 {
        format!("{v:.1}")
    } else {
        format!("{v:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("plain", "plain")]
    #[case("\u{1b}[31mred\u{1b}[0m", "red")]
    #[case("\u{1b}]0;title\u{7}after", "after")]
    #[case("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link")]
    #[case("\u{9b}2Jcleared", "cleared")]
    #[case("never\u{1b}]0;ended", "never0;ended")]
    #[case("a\u{202e}b\u{200b}c\u{7}", "abc")]
    #[case("a\u{fdd0}b\u{fffe}c\u{ffff}d\u{1fffe}e\u{10ffff}f", "abcdef")]
    #[case("\u{fdcf}\u{fdf0}\u{fffd}", "\u{fdcf}\u{fdf0}\u{fffd}")]
    #[case("two\r\nlines\tand tab", "two lines and tab")]
    #[case("\u{1b}", "")]
    fn hostile_text_becomes_one_harmless_line(#[case] given: &str, #[case] expect: &str) {
        assert_eq!(clean(given, 100), expect);
    }

    #[test]
    fn long_text_is_cut_with_an_ellipsis() {
        assert_eq!(clean("abcdef", 4), "abc…");
        assert_eq!(clean("abcd", 4), "abcd");
    }

    #[test]
    fn a_mebibyte_of_sequences_that_never_end_is_cleaned_at_once() {
        for pair in ["\u{1b}]", "\u{90}a", "\u{1b}\u{1b}X"] {
            let hostile = pair.repeat((1 << 20) / pair.len());
            let begun = std::time::Instant::now();
            // Without a limit, so that all of it is read.
            clean(&hostile, usize::MAX);
            assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{pair:?}");
        }
    }

    #[test]
    fn no_more_is_read_than_can_stay() {
        let hidden = "\u{200b}".repeat(1 << 20);
        assert_eq!(clean(&format!("a{hidden}b"), 10), "a…");
        assert_eq!(clean(&format!("{}{hidden}b", "a".repeat(10)), 10), "aaaaaaaaa…");
    }

    #[rstest]
    #[case("", true)]
    #[case(" \u{3164}\u{2800}\u{a0}\u{200d}", true)]
    #[case(" x ", false)]
    fn what_cannot_be_seen_is_blank(#[case] text: &str, #[case] expect: bool) {
        assert_eq!(is_blank(text), expect);
    }

    #[rstest]
    #[case(42, "42s")]
    #[case(300, "5m")]
    #[case(7_800, "2h 10m")]
    #[case(7_200, "2h")]
    #[case(273_600, "3d 4h")]
    #[case(-300, "-5m")]
    fn durations_have_at_most_two_units(#[case] seconds: i64, #[case] expect: &str) {
        assert_eq!(duration(chrono::TimeDelta::seconds(seconds)), expect);
    }

    #[rstest]
    #[case("90s", Some(90))]
    #[case("1h30m", Some(5_400))]
    #[case("2h 10m", Some(7_800))]
    #[case("", None)]
    #[case("10", None)]
    #[case("99999999999999999999d", None)]
    fn durations_are_read_as_written(#[case] text: &str, #[case] expect: Option<i64>) {
        assert_eq!(parse_duration(text).map(|d| d.num_seconds()), expect);
    }

    #[rstest]
    #[case(0.120, "s", "120 ms")]
    #[case(2.13, "s", "2.13 s")]
    #[case(4.2, "%", "4.20 %")]
    #[case(0.042, "ratio", "4.20 %")]
    #[case(1536.0, "B", "1.50 KiB")]
    #[case(812.0, "/s", "812 /s")]
    #[case(1e308, "s", "1.0e308 s")]
    #[case(1e308, "", "1.0e296T")]
    #[case(f64::NAN, "s", "NaN")]
    fn values_are_shown_with_their_unit(#[case] v: f64, #[case] unit: &str, #[case] expect: &str) {
        assert_eq!(value(v, unit), expect);
    }
}
