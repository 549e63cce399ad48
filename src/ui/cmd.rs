//! What the console asks of the world: effects as data, carried out by [`super::run`].

use crate::domain::health::ServiceId;
use crate::domain::incident::IncidentId;
use crate::domain::incident::views::OwnChange;
use crate::domain::observation::SourceName;
use crate::domain::report::{Coverage, Document, Locale, ReportId};
use crate::domain::sla::attainment::Attainment;
use crate::domain::slo::Trouble;
use crate::domain::time::{Instant, Interval, Stretch};
use crate::engine::Command;

/// The past of a signal, for a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeAsk {
    pub source: SourceName,
    /// What the signal asks that source.
    pub query: String,
    pub stretch: Stretch,
}

/// The values, oldest first; `None`: the source has no past; or why it did not tell.
pub type RangeAnswer = Result<Option<Vec<(Instant, f64)>>, String>;

/// What was kept of a period, or why nobody can say.
pub type Attained = Result<Box<Attainment>, String>;

/// The trouble of a service, or why nobody can say.
pub type Troubled = Result<Vec<Trouble>, String>;
/// Which report is to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftAsk {
    pub coverage: Coverage,
    pub locale: Locale,
    /// The next revision of this one.
    pub over: Option<ReportId>,
}

/// A report that is not issued yet, or why there is none.
pub type Drafted = Result<Box<Document>, String>;

/// One effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Cmd {
    /// Ask the engine; the answer comes back as [`super::Msg::Answered`].
    Ask(Command),
    /// Fetch an incident's events; they come back as [`super::Msg::Timeline`].
    Timeline(IncidentId),
    /// Read a frozen document; it comes back as [`super::Msg::Document`].
    Document(String),
    /// Make a report; it comes back as [`super::Msg::Drafted`].
    Draft(DraftAsk),
    /// Write a text to a file that is not there yet; what came of it is said.
    Save { path: String, text: String },
    /// Make an old incident part of the snapshots; the answer is [`super::Msg::Loaded`].
    Load(IncidentId),
    /// Let the person change a text in an editor; it comes back as [`super::Msg::Edited`].
    Edit(String),
    /// Ask a source for the past of a signal; the answer is [`super::Msg::Range`].
    Range(RangeAsk),
    /// Count what was kept of a period; the answer is [`super::Msg::Attained`].
    Attain(Interval),
    /// Read the trouble of a service since an instant from the store; the answer is
    /// [`super::Msg::Troubles`].
    Troubles(ServiceId, Instant),
    /// Put a text into the clipboard.
    Copy(String),
    /// A text of many lines, and what it is called.
    CopyAs(String, String),
    /// Tell the person by means of the terminal: a title and a text.
    Notify(String, String),
    /// Ring the terminal's bell.
    Bell,
    /// Open a link on the person's machine, or copy it where there is none to open it with.
    OpenLink(String),
    /// Poll every source now.
    Refresh,
    /// Keep a view of the person's own, or forget it; what they are then comes back as
    /// [`super::Msg::Views`].
    OwnView(OwnChange),
    /// Read a theme; it comes back as [`super::Msg::Themed`].
    Theme(String),
    /// Turn mouse reports on, or off again.
    Mouse(bool),
    /// Remember that the welcome was read.
    Welcomed,
    /// Forget what the terminal shows and draw everything again.
    Redraw,
    /// Take the terminal again: a shell may have had it while the program was stopped.
    TakeAgain,
    /// Give the terminal back to the shell until `fg`.
    Suspend,
    /// End with this exit code.
    Quit(u8),
}
