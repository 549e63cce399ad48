//! The one table of actions. The keymap, the footer, the help, the palette, `atalaya keys` and the
//! README's table are views of it; an action that is not in it does not exist.
//!
//! One letter has one meaning in every pane. Nothing needs Ctrl, Alt or a function key, and Ctrl-a
//! and Ctrl-b belong to tmux and screen.

use crate::domain::calendar::Status;
use crate::domain::incident::IncidentState;

/// Where a key works. Several hold at a time: a screen's own, those of lists, the console's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// The list of services.
    Health,
    /// One service, full-screen.
    Service,
    /// The queue of incidents.
    Incidents,
    /// One incident, full-screen.
    Incident,
    /// Who is on call, and the team.
    OnCall,
    /// What is planned.
    Calendar,
    /// One window, full-screen.
    Window,
    /// What is silenced upstream.
    Silences,
    /// Error budgets, and what was promised.
    Sla,
    /// Handovers and reports.
    Reports,
    /// A question that wants yes or no.
    Confirm,
    /// Everything with a cursor or a scroll position.
    List,
    /// Everywhere but in overlays.
    Console,
    /// Everywhere.
    Always,
}

/// How the help sorts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Incidents,
    OnCall,
    Calendar,
    Reports,
    Look,
    Move,
    Console,
}

/// What `when` looks at: a few facts about the screen, taken at the time of the key.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Situation {
    /// Commands that change something are not sent at all.
    pub read_only: bool,
    /// Something is under the cursor.
    pub row: bool,
    /// The state of the incident under the cursor; with marks, of the first marked one.
    pub incident: Option<IncidentState>,
    /// The operator has acknowledged it.
    pub mine: bool,
    /// It was merged into another one, or another one into it.
    pub merged: bool,
    /// How many rows are marked.
    pub marked: usize,
    /// A schedule's time is under the cursor.
    pub shift: bool,
    /// How what is planned under the cursor stands.
    pub occurrence: Option<Status>,
    /// Somebody works on it already, or it is nothing that anybody could.
    pub started: bool,
    /// It is over, and nobody has said how it went.
    pub unclosed: bool,
    /// A turn that is to be handed over is under the cursor.
    pub turn: bool,
    /// A handover that waits to be accepted is under the cursor.
    pub acceptable: bool,
    /// A report is under the cursor that can be issued; again: it was before.
    pub issuable: Option<Issuable>,
    /// A document is on the screen.
    pub paper: bool,
    /// Where `Y` signs and approves nothing.
    pub signs: bool,
    /// A silence is under the cursor.
    pub silence: bool,
    /// An own action can still be taken back.
    pub undoable: bool,
    /// What is under the cursor has a link that can be opened or copied.
    pub link: bool,
    /// Something is promised, so that clocks run.
    pub clocks: bool,
    /// Time is across: of a chart, or of the roster.
    pub chart: bool,
    /// The next pane is out of sight until it has its turn.
    pub behind: bool,
    /// New rows that are not let in yet.
    pub waiting: usize,
    /// Nothing lies above the tab's root: `q` quits.
    pub root: bool,
    /// `Esc` has something to leave: an overlay, a filter, a mark, a detail.
    pub leavable: bool,
}

/// How a report can be issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuable {
    New,
    /// Its next revision is made first.
    Again,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub action: Action,
    /// As in the configuration and the palette: lower case with `_`.
    pub name: &'static str,
    /// Key sequences, the first is the one that is shown.
    pub keys: &'static [&'static str],
    /// Where it works.
    pub within: &'static [Context],
    pub group: Group,
    /// Its place in the footer, the highest first; 0: not in the footer.
    pub weight: u8,
    /// The word in the footer.
    pub hint: &'static str,
    /// Sends a command that changes something; refused when read-only.
    pub writes: bool,
    /// Asks before it touches many.
    pub dangerous: bool,
    pub when: fn(&Situation) -> bool,
    /// The line in the help.
    pub help: &'static str,
}

macro_rules! actions {
    ($($action:ident $name:literal $keys:expr, $within:expr, $group:ident, $weight:literal $hint:literal,
       $writes:ident $dangerous:ident, $when:expr, $help:literal;)*) => {
        /// Everything that a key can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($action),* }

        /// All actions, in the order of the help.
        pub static TABLE: &[Entry] = &[$(Entry {
            action: Action::$action,
            name: $name,
            keys: &$keys,
            within: &$within,
            group: Group::$group,
            weight: $weight,
            hint: $hint,
            writes: flags::$writes,
            dangerous: flags::$dangerous,
            when: $when,
            help: $help,
        }),*];
    };
}

mod flags {
    pub const READS: bool = false;
    pub const WRITES: bool = true;
    pub const SAFE: bool = false;
    pub const ASKS: bool = true;
}

use Context::{
    Always, Calendar, Confirm, Console, Health, Incident, Incidents, List, OnCall, Reports,
    Service, Silences, Sla, Window,
};

actions! {
    // action        name             keys              where                      group      footer              flags         when             help
    Acknowledge    "acknowledge"      ["a"],            [Incidents, Incident],     Incidents, 100 "acknowledge",  WRITES SAFE,  acknowledgeable, "acknowledge: I have it";
    AcknowledgeFor "acknowledge_for"  [],               [Incidents, Incident],     Incidents, 0 "acknowledge for", WRITES SAFE, acknowledgeable, "acknowledge for longer than the priority gives, or shorter";
    Unacknowledge  "unacknowledge"    ["U"],            [Incidents, Incident],     Incidents, 60 "unack",         WRITES SAFE,  acknowledged,    "take an acknowledgement back";
    Assign         "assign"           ["A"],            [Incidents, Incident],     Incidents, 80 "assign",        WRITES SAFE,  open,            "assign to somebody";
    Classify       "classify"         ["c"],            [Incidents, Incident],     Incidents, 59 "classify",      WRITES SAFE,  unended,         "classify: impact, urgency, category";
    Hold           "hold"             ["H"],            [Incidents, Incident],     Incidents, 58 "hold",          WRITES SAFE,  open,            "hold: it waits for others; again: go on";
    Snooze         "snooze"           ["Z"],            [Incidents, Incident],     Incidents, 56 "snooze",        WRITES SAFE,  open,            "snooze: out of sight for a while; the clocks run on";
    Resolve        "resolve"          ["R"],            [Incidents, Incident],     Incidents, 78 "resolve",       WRITES SAFE,  open,            "resolve: the service works again";
    Note           "note"             ["n"],            [Incidents, Incident, Reports], Incidents, 76 "note",     WRITES SAFE,  notable,         "add a note to the timeline; write the notes to the next shift";
    EditNote       "edit_note"        ["E"],            [Incidents, Incident, Reports], Incidents, 0 "edit note", WRITES SAFE,  notable,         "write a note, or those to the next shift, in $EDITOR";
    NextStep       "next_step"        ["J"],            [Incidents, Incident, Reports], Incidents, 33 "next step", WRITES SAFE, open,            "the next step of an incident, for whoever has it next";
    Close          "close"            ["C"],            [Incidents, Incident, Calendar, Window], Incidents, 70 "close",      WRITES SAFE,  closable,        "close a resolved incident, or planned work with how it went";
    Rate           "feedback"         ["f"],            [Incidents, Incident],     Incidents, 48 "feedback",      WRITES SAFE,  rateable,        "what those say for whom it was done, 1 to 5";
    Reopen         "reopen"           ["B"],            [Incident],                Incidents, 69 "reopen",        WRITES SAFE,  ended,           "bring back a resolved or cancelled incident";
    Cancel         "cancel"           ["D"],            [Incident, OnCall, Calendar, Window, Silences], Incidents, 40 "cancel", WRITES ASKS, cancellable, "cancel: a false alarm, an override, planned work, a silence";
    Silence        "silence"          ["m"],            [Incidents, Incident],     Incidents, 48 "silence",       WRITES SAFE,  open,            "silence its alerts where they come from, with a preview";
    Explain        "explain"          ["x"],            [Incidents, Incident, Sla], Incidents, 55 "explain",      READS SAFE,   clocked,         "explain clocks, or a budget: what counted, what did not, and why";
    Merge          "merge"            [],               [Incidents, Incident],     Incidents, 0 "merge",          WRITES ASKS,  unended,         "merge into another incident: it is the same trouble";
    Split          "split"            [],               [Incidents, Incident],     Incidents, 0 "split",          WRITES SAFE,  merged,          "split off again what was merged";
    Correct        "correct"          [],               [Incidents, Incident],     Incidents, 0 "correct",        WRITES ASKS,  over,            "correct what was recorded wrong about one that is over";
    Report         "report"           ["N"],            [Incidents, Incident, Health, Service, Calendar, Window, Reports], Incidents, 35 "new", WRITES SAFE, always, "report a new incident by hand; plan new work; make a report";
    Undo           "undo"             ["u"],            [Console],                 Incidents, 95 "undo",          WRITES SAFE,  undoable,        "take the last own action back (30 s)";
    Mark           "mark"             ["space"],        [Incidents, Window],       Incidents, 50 "mark",          READS SAFE,   row,             "mark the row for a common action; tick an item off";
    MarkAll        "mark_all"         ["*"],            [Incidents],               Incidents, 0 "mark all",       READS SAFE,   row,             "mark all rows that are shown, or none";

    Override       "override"         ["O"],            [OnCall],                  OnCall, 100 "override",        WRITES SAFE,  shift,           "somebody else for this stretch of time";
    Take           "take"             ["T"],            [OnCall],                  OnCall, 90 "take",             WRITES SAFE,  shift,           "take this shift from whoever has it";
    Swap           "swap"             ["W"],            [OnCall],                  OnCall, 80 "swap",             WRITES SAFE,  shift,           "exchange this shift for one of somebody else";
    Page           "page"             ["p"],            [Incidents, Incident, OnCall], OnCall, 74 "page",         WRITES ASKS,  pageable,        "page a level or a person; on an incident, about it";
    Escalate       "escalate"         ["e"],            [Incidents, Incident],     OnCall, 12 "escalate",         WRITES ASKS,  open,            "page the next level of its policy now";
    TestPage       "test_page"        [],               [Console],                 OnCall, 0 "test page",         WRITES SAFE,  always,          "page yourself, to see whether it arrives";
    Present        "present"          ["."],            [OnCall, Calendar, Sla],   OnCall, 40 "now",              READS SAFE,   leavable,        "back to the present";
    Skills         "skills"           ["S"],            [OnCall],                  OnCall, 36 "skills",           READS SAFE,   always,          "the team: skills, certificates, responsibilities";

    Approve        "approve"          ["Y"],            [Calendar, Window, Reports], Calendar, 90 "approve",      WRITES SAFE,  approvable,      "approve planned work, so that it mutes; accept a handover";
    Start          "start"            [">"],            [Calendar, Window],        Calendar, 86 "start",          WRITES SAFE,  startable,       "start planned work by hand";
    Extend         "extend"           ["+"],            [Calendar, Window, Silences], Calendar, 88 "extend",      WRITES SAFE,  extendable,      "put the end of what is under way off, or of a silence";
    Reschedule     "reschedule"       ["w"],            [Calendar, Window],        Calendar, 46 "move",           WRITES SAFE,  ahead,           "move one occurrence to another time";
    Change         "change"           ["="],            [Calendar, Window],        Calendar, 45 "change",         WRITES SAFE,  planned,         "change planned work from now on, with all that recurs";
    Except         "except"           ["X"],            [Calendar, Window],        Calendar, 0 "except",          WRITES SAFE,  ahead,           "allow work in spite of a freeze, with reason and expiry";

    Issue          "issue_report"     ["I"],            [Reports],                 Reports, 91 "issue",           WRITES ASKS,  issuable,            "issue the report on the screen, or make the next revision";
    Export         "save_report"      ["P"],            [Reports],                 Reports, 41 "save",            READS SAFE,   papered,             "save the document to a file: md, html, csv or json";
    MakeReport     "service_report"   [],               [Console],                 Reports, 0 "report",           READS SAFE,   always,              "make the service report of a month, a week or other days";
    HandOver       "hand_over"        ["L"],            [Reports],                 Reports, 92 "hand over",       WRITES ASKS,  unsigned,            "hand the turn over: sign its document for the next to accept";
    Handover       "handover"         [],               [Console],                 Reports, 0 "handover",         READS SAFE,   always,          "the handover of the turn that runs, opened";

    Open           "open"             ["enter"],        [Health, Service, Incidents, Incident, List], Look, 70 "open", READS SAFE, row,            "open what is under the cursor full-screen";
    Filter         "filter"           ["/"],            [Health, Incidents],       Look, 66 "filter",             READS SAFE,   always,          "filter the rows";
    Sort           "sort"             ["s"],            [Health, Incidents],       Look, 34 "sort",               READS SAFE,   always,          "sort by the next column; the queue asks by which";
    View           "view"             ["v"],            [Health, Incidents, OnCall, Calendar, Sla], Look, 38 "view", READS SAFE,   always,          "next view: table, tree, tiles; queries; team; month";
    Arrange        "group"            ["z"],            [Health, Incidents],       Look, 32 "group",              READS SAFE,   always,          "group by tier, team, owner, cause and more";
    SaveView       "save_view"        [],               [Incidents],               Look, 0 "save view",           READS SAFE,   always,          "keep query, order, groups and columns under a name";
    DeleteView     "delete_view"      [],               [Incidents],               Look, 0 "delete view",         READS SAFE,   always,          "forget a saved view";
    Columns        "columns"          ["d"],            [Health, Incidents],       Look, 30 "columns",            READS SAFE,   always,          "choose the columns; in Health the next set of them";
    Shorter        "shorter"          ["["],            [Health, Service, OnCall, Calendar], Look, 28 "shorter",  READS SAFE,   chart,           "a shorter range on charts, roster and calendar";
    Longer         "longer"           ["]"],            [Health, Service, OnCall, Calendar], Look, 28 "longer",   READS SAFE,   chart,           "a longer range: charts up to 30 days, the others a month";
    Contract       "contract"         ["K"],            [Sla],                     Look, 64 "contract",           READS SAFE,   always,          "choose whose contract the figures are of";
    Month          "month"            [],               [Sla],                     Look, 0 "month",               READS SAFE,   always,          "choose the month that the figures are of";
    Follow         "follow"           ["F"],            [Incidents],               Look, 26 "follow",             READS SAFE,   always,          "let new rows in at once, instead of collecting them";
    OpenLink       "open_link"        ["o"],            [Health, Service, Incidents, Incident], Look, 44 "link",  READS SAFE,   link,            "open a link: dashboard, runbook, graph";
    Copy           "copy"             ["y"],            [Health, Service, Incidents, Incident, List], Look, 42 "copy",  READS SAFE,   row,             "copy what is under the cursor to the clipboard";
    TimeStyle      "time_style"       ["t"],            [Console],                 Look, 14 "time",               READS SAFE,   always,          "write times as ages, local or UTC";

    Down           "down"             ["j", "down"],    [List],                    Move, 0 "down",                READS SAFE,   always,          "down";
    Up             "up"               ["k", "up"],      [List],                    Move, 0 "up",                  READS SAFE,   always,          "up";
    Left           "left"             ["h", "left"],    [List],                    Move, 0 "left",                READS SAFE,   always,          "left: fold, or earlier in time";
    Right          "right"            ["l", "right"],   [List],                    Move, 0 "right",               READS SAFE,   always,          "right: unfold, or later in time";
    PageDown       "page_down"        ["pagedown"],     [List],                    Move, 0 "page down",           READS SAFE,   always,          "a page down";
    PageUp         "page_up"          ["pageup"],       [List],                    Move, 0 "page up",             READS SAFE,   always,          "a page up";
    HalfDown       "half_down"        ["ctrl-d"],       [List],                    Move, 0 "half down",           READS SAFE,   always,          "half a page down";
    HalfUp         "half_up"          ["ctrl-u"],       [List],                    Move, 0 "half up",             READS SAFE,   always,          "half a page up";
    Top            "top"              ["g g", "home"],  [List],                    Move, 0 "top",                 READS SAFE,   always,          "to the first row";
    Bottom         "bottom"           ["G", "end"],     [List],                    Move, 0 "bottom",              READS SAFE,   always,          "to the last row";
    NextPane       "next_pane"        ["tab"],          [Console],                   Move, 20 "pane",               READS SAFE,   always,          "to the next pane, or the next signal";
    PreviousPane   "previous_pane"    ["backtab"],      [Console],                   Move, 0 "pane back",           READS SAFE,   always,          "to the pane or the signal before";

    GoHealth       "health"           ["1", "g h"],     [Console],                 Console, 0 "Health",           READS SAFE,   always,          "the services and how well they are";
    GoIncidents    "incidents"        ["2", "g i"],     [Console],                 Console, 0 "Incidents",        READS SAFE,   always,          "the queue of incidents";
    GoOnCall       "oncall"           ["3", "g o"],     [Console],                 Console, 0 "On-call",          READS SAFE,   always,          "who is on call, who is next, where the gap is";
    GoCalendar     "calendar"         ["4", "g c"],     [Console],                 Console, 0 "Calendar",         READS SAFE,   always,          "what is planned, and what it collides with";
    GoSla          "sla"              ["5", "g l"],     [Console],                 Console, 0 "SLA",              READS SAFE,   always,          "error budgets, and what was promised and kept";
    GoReports      "reports"          ["7", "g r"],     [Console],                 Console, 0 "Reports",          READS SAFE,   always,          "what is handed over, and the reports that were issued";
    Sources        "sources"          ["i", "g s"],     [Console],                 Console, 16 "sources",         READS SAFE,   always,          "where the data comes from, and whether it still comes";
    ListSilences   "silences"         [],               [Console],                 Console, 0 "silences",         READS SAFE,   always,          "what is silenced upstream, and what ends soon";
    Messages       "messages"         ["M", "g m"],     [Console],                 Console, 0 "messages",         READS SAFE,   always,          "everything that this console has said";
    Refresh        "refresh"          ["r"],            [Console],                 Console, 0 "refresh",          READS SAFE,   always,          "ask every source now";
    Palette        "palette"          [":"],            [Console],                 Console, 62 "command",         READS SAFE,   always,          "find an action by name";
    Help           "help"             ["?", "f1"],      [Console],                 Console, 63 "help",            READS SAFE,   always,          "every key that works here";
    Theme          "theme"            [],               [Console],                 Console, 0 "theme",            READS SAFE,   always,          "choose the colours";
    Mouse          "mouse"            [],               [Console],                 Console, 0 "mouse",            READS SAFE,   always,          "turn the mouse on or off; off, text can be selected";
    Welcome        "welcome"          [],               [Console],                 Console, 0 "welcome",          READS SAFE,   always,          "what is watched, and what to do next";
    Yes            "yes"              ["y"],            [Confirm],                 Console, 90 "yes",             READS SAFE,   always,          "do it";
    No             "no"               ["n"],            [Confirm],                 Console, 89 "no",              READS SAFE,   always,          "do not";
    Back           "back"             ["esc"],          [Always],                  Console, 15 "back",            READS SAFE,   leavable,        "close, leave, clear; never quits";
    Quit           "quit"             ["q"],            [Always],                  Console, 13 "quit",            READS SAFE,   always,          "quit from a tab's root, leave everywhere else";
    Redraw         "redraw"           ["ctrl-l"],       [Always],                  Console, 0 "redraw",           READS SAFE,   always,          "draw the whole screen again";
    Suspend        "suspend"          ["ctrl-z"],       [Always],                  Console, 0 "suspend",          READS SAFE,   always,          "back to the shell; fg returns";
    Stop           "stop"             ["ctrl-c"],       [Always],                  Console, 0 "stop",             READS SAFE,   always,          "quit at once, from anywhere";
}

fn always(_: &Situation) -> bool {
    true
}

fn row(s: &Situation) -> bool {
    s.row
}

fn chart(s: &Situation) -> bool {
    s.chart
}

fn shift(s: &Situation) -> bool {
    s.shift
}

fn link(s: &Situation) -> bool {
    s.link
}

fn undoable(s: &Situation) -> bool {
    s.undoable
}

fn leavable(s: &Situation) -> bool {
    s.leavable
}

fn on_incident(s: &Situation) -> bool {
    s.incident.is_some()
}

fn clocked(s: &Situation) -> bool {
    s.clocks
}

fn open(s: &Situation) -> bool {
    s.incident.is_some_and(IncidentState::is_open)
}

fn cancellable(s: &Situation) -> bool {
    open(s)
        || s.shift
        || s.silence
        || matches!(s.occurrence, Some(Status::Planned | Status::Approved))
}

fn closable(s: &Situation) -> bool {
    resolved(s) || under_way(s) || s.unclosed
}

fn unsigned(s: &Situation) -> bool {
    s.turn && !s.acceptable
}

fn issuable(s: &Situation) -> bool {
    s.issuable.is_some()
}

fn papered(s: &Situation) -> bool {
    s.paper
}

fn notable(s: &Situation) -> bool {
    s.turn || on_incident(s)
}

fn approvable(s: &Situation) -> bool {
    s.acceptable || s.occurrence == Some(Status::Planned)
}

fn startable(s: &Situation) -> bool {
    // What runs by itself can still be taken on by whoever works on it.
    s.occurrence == Some(Status::Approved) || under_way(s) && !s.started
}

fn under_way(s: &Situation) -> bool {
    s.occurrence == Some(Status::InProgress)
}

fn extendable(s: &Situation) -> bool {
    under_way(s) || s.silence
}

fn ahead(s: &Situation) -> bool {
    matches!(s.occurrence, Some(Status::Planned | Status::Approved))
}

fn planned(s: &Situation) -> bool {
    s.occurrence.is_some()
}

fn pageable(s: &Situation) -> bool {
    if s.incident.is_some() { open(s) } else { s.row }
}

/// Also when it is the operator's own already: the answer is then "already yours", not silence.
fn acknowledgeable(s: &Situation) -> bool {
    open(s)
}

fn acknowledged(s: &Situation) -> bool {
    s.incident == Some(IncidentState::Acknowledged)
}

fn merged(s: &Situation) -> bool {
    s.merged
}

fn over(s: &Situation) -> bool {
    matches!(s.incident, Some(IncidentState::Closed | IncidentState::Cancelled))
}

fn unended(s: &Situation) -> bool {
    open(s) || resolved(s)
}

fn rateable(s: &Situation) -> bool {
    matches!(s.incident, Some(IncidentState::Resolved | IncidentState::Closed))
}

fn resolved(s: &Situation) -> bool {
    s.incident == Some(IncidentState::Resolved)
}

fn ended(s: &Situation) -> bool {
    s.incident.is_some_and(|state| !state.is_open())
}

impl Entry {
    /// Its place in the footer now: what leads on from here comes before what is always there.
    pub fn weight_in(&self, s: &Situation) -> u8 {
        match self.action {
            Action::NextPane if s.behind => 92,
            Action::Follow if s.waiting > 0 => 98,
            Action::NextStep if s.turn => 80,
            Action::Back if s.leavable && !s.root => 61,
            _ => self.weight,
        }
    }
}

impl Entry {
    /// The word in the footer now.
    pub fn hint_in(&self, s: &Situation) -> &'static str {
        match self.action {
            Action::Quit if !s.root => "leave",
            Action::Approve if s.acceptable || s.signs => "accept",
            Action::Issue if s.issuable == Some(Issuable::Again) => "next revision",
            _ => self.hint,
        }
    }

    /// Where it stands in the help of a place.
    pub fn group_in(&self, contexts: &[Context]) -> Group {
        let own =
            [Action::Approve, Action::Note, Action::EditNote, Action::NextStep, Action::Report];
        if contexts.contains(&Context::Reports) && own.contains(&self.action) {
            return Group::Reports;
        }
        self.group
    }

    /// What it does, in the words of the place where that is asked.
    pub fn help_in(&self, contexts: &[Context]) -> &'static str {
        let reports = contexts.contains(&Context::Reports);
        match self.action {
            Action::Approve if reports => {
                "accept a handover: sign it, and take over what they hold"
            }
            Action::Note if reports => "write the notes to the next shift",
            Action::EditNote if reports => "write the notes to the next shift in $EDITOR",
            Action::Report if reports => "make the service report of a month, a week or other days",
            _ => self.help,
        }
    }
}

impl Action {
    /// Its row in the table.
    pub fn entry(self) -> &'static Entry {
        // The macro writes the enum and the table in one order.
        TABLE.get(self as usize).unwrap_or(&FALLBACK)
    }
}

/// Never reached; it keeps [`Action::entry`] total without a panic.
static FALLBACK: Entry = Entry {
    action: Action::Redraw,
    name: "redraw",
    keys: &[],
    within: &[],
    group: Group::Console,
    weight: 0,
    hint: "",
    writes: false,
    dangerous: false,
    when: always,
    help: "",
};

impl Group {
    pub const ALL: [Self; 7] = [
        Self::Incidents,
        Self::OnCall,
        Self::Calendar,
        Self::Reports,
        Self::Look,
        Self::Move,
        Self::Console,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Incidents => "Incidents",
            Self::OnCall => "On-call",
            Self::Calendar => "Calendar",
            Self::Reports => "Reports",
            Self::Look => "Look",
            Self::Move => "Move",
            Self::Console => "Console",
        }
    }
}

impl Context {
    pub const ALL: [Self; 14] = [
        Health, Service, Incidents, Incident, OnCall, Calendar, Window, Silences, Sla, Reports,
        Confirm, List, Console, Always,
    ];

    /// As `atalaya keys` prints it.
    pub fn word(self) -> &'static str {
        match self {
            Health => "health",
            Service => "service",
            Incidents => "incidents",
            Incident => "incident",
            OnCall => "oncall",
            Calendar => "calendar",
            Window => "window",
            Silences => "silences",
            Sla => "sla",
            Reports => "reports",
            Confirm => "question",
            List => "lists",
            Console => "console",
            Always => "always",
        }
    }

    /// Every combination in which contexts hold together, the most particular first.
    pub const STACKS: [&'static [Self]; 12] = [
        &[Health, List, Console, Always],
        &[Service, List, Console, Always],
        &[Incidents, List, Console, Always],
        &[Incident, List, Console, Always],
        &[OnCall, List, Console, Always],
        &[Calendar, List, Console, Always],
        &[Window, List, Console, Always],
        &[Sla, List, Console, Always],
        &[Reports, List, Console, Always],
        &[List, Always],
        &[Silences, List, Always],
        &[Confirm, Always],
    ];
}
