//! What was just said: the outcome first, the way back second.

use chrono::TimeDelta;
use ratatui::layout::Rect;

use crate::domain::command::{Outcome, Verdict};
use crate::domain::time::Instant;
use crate::ui::keymap::Action;
use crate::ui::screens::{Ctx, Tone};
use crate::ui::theme::Role;
use crate::ui::widgets::paint::wrap;
use crate::ui::widgets::{Paint, width};

/// How long a command may take before the footer says that it is waiting.
pub const PATIENCE: TimeDelta = TimeDelta::milliseconds(100);
/// How long the offer to undo stays in the footer.
const UNDO_SHOWN: TimeDelta = TimeDelta::seconds(10);

fn stretched(reading: TimeDelta, speed: f64) -> TimeDelta {
    TimeDelta::milliseconds((reading.num_milliseconds() as f64 * speed) as i64)
}

/// A line in the footer for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct Toast {
    pub tone: Tone,
    pub text: String,
    pub until: Instant,
    /// Until when the action that it tells of can be undone.
    pub undo_until: Option<Instant>,
    /// What came of an own action: news waits until it was read.
    pub own: bool,
}

impl Toast {
    /// Bad news stay longer, long ones too. It is read at the same pace however fast time runs:
    /// `speed` seconds in a second.
    pub fn new(tone: Tone, text: String, now: Instant, speed: f64) -> Self {
        let seconds = match tone {
            Tone::Bad | Tone::News => 8,
            Tone::Good | Tone::Info => 4,
        };
        let reading = i64::try_from(text.len() / 20).unwrap_or(0).min(8);
        let until = now + stretched(TimeDelta::seconds(seconds + reading), speed);
        Self { tone, text, until, undo_until: None, own: false }
    }

    /// Stays for as long as the offer to undo does.
    pub fn offer_undo(&mut self, window: TimeDelta, now: Instant, speed: f64) {
        self.undo_until = Some(now + window);
        self.until = now + stretched(UNDO_SHOWN, speed);
    }

    /// How many lines of so many cells it takes, two at most. An offer to undo comes after few words.
    pub fn lines(&self, cells: u16) -> u16 {
        let long = width(&self.text) > cells.saturating_sub(2) && self.undo_until.is_none();
        1 + u16::from(long)
    }

    /// Draws it into as many lines as `area` has; what is still too long can be read in the messages.
    pub fn view(&self, ctx: &Ctx<'_>, area: Rect, paint: &mut Paint<'_>) {
        let symbols = paint.theme.symbols;
        let (glyph, role) = match self.tone {
            Tone::Good => (symbols.check, Role::ToastGood),
            Tone::News => (symbols.warning, Role::ToastInfo),
            Tone::Info => (symbols.dot, Role::ToastInfo),
            Tone::Bad => (symbols.critical, Role::ToastBad),
        };
        let footer = paint.of(Role::Footer);
        let style = footer.patch(paint.of(role));
        let mut x = area.x;
        x += paint.text(x, area.y, area.width, &format!("{glyph} "), style);
        let undo = self.undo_until.filter(|until| *until > ctx.now).map(|until| {
            let key =
                ctx.prefs.settings.keymap.shown(Action::Undo, symbols.ascii).unwrap_or_default();
            let left = (until - ctx.now).num_seconds();
            let still = ctx.prefs.settings.reduce_motion;
            (key, if still { " undo".to_owned() } else { format!(" undo ({left} s)") })
        });
        let reserve = if undo.is_some() { 18 } else { 0 };
        let room = area.right().saturating_sub(x + reserve);
        if area.height > 1 {
            let lines = wrap(&self.text, room);
            let (first, rest) = lines.split_first().map_or(("", &[] as &[_]), |(f, r)| (f, r));
            paint.text(x, area.y, room, first, style);
            paint.text(x, area.y + 1, room, &rest.join(" "), style);
            return;
        }
        x += paint.text(x, area.y, room, &self.text, style);
        if let Some((key, left)) = undo {
            let (key_style, hint) =
                (footer.patch(paint.of(Role::Key)), footer.patch(paint.of(Role::Hint)));
            let dot = format!(" {} ", symbols.dot);
            let room = area.right().saturating_sub(x);
            paint.spans(x, area.y, room, &[(&dot, hint), (&key, key_style), (&left, hint)]);
        }
    }
}

/// What became of a command, in one line: `18 acknowledged, 2 refused: already resolved`. The rest
/// are the lines for the messages, one for each target that was not done.
pub fn outcome(outcomes: &[Outcome]) -> (Tone, String, Vec<String>) {
    let said = |o: &Outcome| o.verdict.to_string();
    let tone = |v: &Verdict| match v {
        Verdict::Done { .. } => Tone::Good,
        Verdict::Already { .. } => Tone::Info,
        Verdict::Refused { .. } | Verdict::Conflict { .. } | Verdict::Confirm { .. } => Tone::Bad,
    };
    let [first, ..] = outcomes else {
        return (Tone::Info, "nothing to do".to_owned(), Vec::new());
    };
    if outcomes.len() == 1 {
        return (tone(&first.verdict), said(first), Vec::new());
    }
    let count = |word: fn(&Verdict) -> bool| outcomes.iter().filter(|o| word(&o.verdict)).count();
    let done = count(Verdict::is_done);
    let already = count(|v| matches!(v, Verdict::Already { .. }));
    let asking = count(|v| matches!(v, Verdict::Confirm { .. }));
    let refused = count(|v| matches!(v, Verdict::Refused { .. } | Verdict::Conflict { .. }));
    let mut parts = Vec::new();
    // What was done stands after the id in what each one says: "INC-7 no longer acknowledged".
    let first = outcomes.iter().find(|o| o.verdict.is_done()).map(said).unwrap_or_default();
    let verb = first.split_once(' ').map_or("done", |(_, what)| what);
    let verb = verb.split([',', ';']).next().unwrap_or_default();
    if done > 0 {
        parts.push(format!("{done} {verb}"));
    }
    if already > 0 {
        parts.push(format!("{already} so already"));
    }
    if asking > 0 {
        parts.push(format!("{asking} to confirm"));
    }
    if refused > 0 {
        let why = outcomes
            .iter()
            .find(|o| matches!(o.verdict, Verdict::Refused { .. } | Verdict::Conflict { .. }))
            .map(said)
            .unwrap_or_default();
        parts.push(format!("{refused} refused: {why}"));
    }
    let tone = if refused + asking > 0 { Tone::Bad } else { Tone::Good };
    let rest = outcomes.iter().filter(|o| !o.verdict.is_done()).map(said).collect();
    (tone, parts.join(", "), rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::incident::IncidentId;

    fn done(n: u64) -> Outcome {
        let verdict = Verdict::Done { said: format!("INC-{n} acknowledged"), also: Vec::new() };
        Outcome { id: Some(IncidentId(n)), verdict }
    }

    fn refused(n: u64) -> Outcome {
        let verdict = Verdict::Refused { why: format!("INC-{n} was resolved by luis") };
        Outcome { id: Some(IncidentId(n)), verdict }
    }

    #[test]
    fn one_outcome_is_said_as_it_is() {
        assert_eq!(outcome(&[done(1)]).1, "INC-1 acknowledged");
        assert_eq!(outcome(&[refused(1)]).0, Tone::Bad);
    }

    #[test]
    fn many_outcomes_become_one_line_and_the_refused_ones_a_list() {
        let (tone, line, rest) = outcome(&[done(1), done(2), refused(3)]);
        assert_eq!(tone, Tone::Bad);
        assert_eq!(line, "2 acknowledged, 1 refused: INC-3 was resolved by luis");
        assert_eq!(rest, ["INC-3 was resolved by luis"]);
    }
}
