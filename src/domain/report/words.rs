//! The words of reports, in every language that they are written in: the one table.

use serde::{Deserialize, Serialize};

/// The language of a report and its way of writing numbers and dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Locale {
    #[default]
    #[serde(rename = "en")]
    English,
    #[serde(rename = "es")]
    Spanish,
}

impl Locale {
    /// By its word in the config and on the command line.
    pub const WORDS: [(&str, Self); 2] = [("en", Self::English), ("es", Self::Spanish)];

    pub fn word(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Spanish => "es",
        }
    }
}

macro_rules! words {
    ($($name:ident: $english:literal, $spanish:literal;)*) => {
        /// A text of reports. What stands in braces is filled in by its place. Stored by its name: none is
        /// ever taken out or given another meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Word { $($name),* }

        impl Word {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            pub fn text(self, locale: Locale) -> &'static str {
                match (self, locale) {
                    $((Self::$name, Locale::English) => $english,
                    (Self::$name, Locale::Spanish) => $spanish,)*
                }
            }
        }
    };
}

words! {
    // Frame
    Handover: "Shift handover", "Relevo de turno";
    ServiceReport: "Service report", "Informe de servicio";
    Draft: "draft", "borrador";
    Revision: "revision {0}", "revisión {0}";
    Site: "Site", "Centro";
    Schedule: "Schedule", "Turno de guardia";
    Period: "Period", "Periodo";
    Shift: "Shift", "Turno";
    Until: "{0} – {1}", "{0} – {1}";
    Pair: "{0}: {1}", "{0}: {1}";
    Both: "{0}, {1}", "{0}, {1}";
    Path: "{0}, {1}, {2}", "{0}, {1}, {2}";
    SoFar: "The period is not over: figures are as of {0}.", "El periodo no ha terminado: las cifras son a fecha de {0}.";
    KnownFrom: "Nothing is known before {0}: no figure is made of what lies before.",
        "No se sabe nada antes de {0}: de lo anterior no se hace ninguna cifra.";
    Unwatched: "Nobody watched for {0} of the period: of that only what was reported to be down is in a figure.",
        "Nadie vigiló durante {0} del periodo: de ese tiempo solo cuenta lo que se notificó caído.";
    MadeAt: "As of", "A fecha de";
    Records: "Records", "Registros";
    MoreRecords: "and {0} more", "y {0} más";
    MoreListed: "and {0} more, listed below", "y {0} más, en la lista de abajo";
    MoreUnnamed: "and {0} more that are not named here", "y {0} más que no se nombran aquí";
    CountedBy: "What the figures count", "Qué cuenta cada cifra";
    OpenedAt: "Opened at", "Abierta";
    ResolvedAt: "Resolved at", "Resuelta";
    MoreRows: "{0} more are not listed here.", "{0} más no figuran aquí.";
    Count: "n", "n";
    Figure: "Figure", "Indicador";
    Value: "Value", "Valor";
    Before: "Period before", "Periodo anterior";
    Change: "Change", "Variación";
    NoRecords: "no records", "sin registros";
    Nothing: "Nothing.", "Nada.";
    NotSeen: "Cannot be seen from here.", "No se puede ver desde aquí.";
    Nobody: "nobody", "nadie";
    Unassigned: "no service", "sin servicio";
    NoTeam: "no team", "sin equipo";
    NotKnown: "not recorded", "sin registrar";
    Whole: "all", "total";
    Services: "Services", "Servicios";
    All: "all services", "todos los servicios";

    // Columns
    Incident: "Incident", "Incidencia";
    Priority: "Priority", "Prioridad";
    Service: "Service", "Servicio";
    Team: "Team", "Equipo";
    Cause: "Closure code", "Código de cierre";
    Title: "What", "Qué";
    State: "State", "Estado";
    Since: "Since", "Desde";
    Owner: "Owner", "Responsable";
    By: "By", "Por";
    At: "At", "A las";
    Took: "Took", "Duración";
    NextStep: "Next step", "Siguiente paso";
    Age: "Age", "Antigüedad";
    Reason: "Reason", "Motivo";
    Window: "Window", "Ventana";
    Kind: "Kind", "Tipo";
    From: "From", "Desde";
    To: "To", "Hasta";
    Outcome: "Outcome", "Resultado";
    Source: "Source", "Fuente";
    Matches: "Matches", "Coincide con";
    Comment: "Comment", "Comentario";
    Person: "Person", "Persona";
    Contact: "Contact", "Contacto";
    Hours: "Hours on call", "Horas de guardia";
    OutOfHours: "Out of hours", "Fuera de horario";
    Nights: "Nights", "Noches";
    Weekends: "Weekends", "Fines de semana";
    Pages: "Pages", "Avisos";
    Shifts: "Shifts", "Turnos";
    Dimension: "Dimension", "Dimensión";
    Was: "Was", "Antes";
    Is: "Is", "Ahora";
    Week: "Week from", "Semana del";
    Day: "Day", "Día";
    What: "What", "Qué";

    // States of incidents
    New: "new", "nueva";
    Acknowledged: "acknowledged", "reconocida";
    OnHold: "on hold", "en espera";
    Resolved: "resolved", "resuelta";
    Closed: "closed", "cerrada";
    Cancelled: "cancelled", "cancelada";

    // States of services
    Ok: "ok", "bien";
    Warning: "warning", "aviso";
    Critical: "critical", "crítico";
    Unknown: "unknown", "desconocido";
    Maintenance: "maintenance", "mantenimiento";

    // Dimensions
    Performance: "performance", "rendimiento";
    Stability: "stability", "estabilidad";
    Security: "security", "seguridad";
    Availability: "availability", "disponibilidad";

    // Handover
    Outgoing: "Goes", "Sale";
    Incoming: "Comes", "Entra";
    SubmittedBy: "Handed over by", "Entregado por";
    AcceptedBy: "Accepted by", "Aceptado por";
    StateNow: "State now", "Estado actual";
    OpenNow: "Open incidents", "Incidencias abiertas";
    OpenUnowned: "Open and nobody's", "Abiertas y de nadie";
    NotOk: "Services that are not well", "Servicios que no están bien";
    AllOk: "Every service that is watched is well.", "Todos los servicios vigilados están bien.";
    Blind: "Cannot be trusted", "No es de fiar";
    SilentHeartbeat: "{0}: the heartbeat {1} is silent since {2}", "{0}: el latido {1} falta desde {2}";
    SourceFailing: "source {0}: {1}", "fuente {0}: {1}";
    OpenedInShift: "Opened in the shift", "Abiertas en el turno";
    AckedInShift: "Acknowledged in the shift", "Reconocidas en el turno";
    ResolvedInShift: "Resolved in the shift", "Resueltas en el turno";
    StillOpen: "Still open", "Siguen abiertas";
    StepMissing: "none written", "sin escribir";
    Forgotten: "Forgotten acknowledgements", "Reconocimientos olvidados";
    ForgottenMeans: "Acknowledged, and nothing was done about it for two hours.",
        "Reconocidas y sin ninguna acción desde hace dos horas.";
    Quiet: "Silences and windows", "Silencios y ventanas";
    SilencesNow: "Silences in force", "Silencios en vigor";
    WindowsNow: "Windows in force", "Ventanas en vigor";
    WindowsNext: "Windows of the next shift", "Ventanas del próximo turno";
    ChangesInShift: "Changes that ended in the shift", "Cambios terminados en el turno";
    PagesInShift: "Pages of the shift", "Avisos del turno";
    GapsNext: "Nobody is on call", "Sin nadie de guardia";
    Notes: "Notes to the next", "Notas para quien entra";
    NotesBy: "{0}, {1}", "{0}, {1}";
    Transferred: "Transferred by accepting", "Transferido al aceptar";
    TransferMeans: "Ownership goes to {0}; acknowledgements run anew from {1}.",
        "La responsabilidad pasa a {0}; los reconocimientos vuelven a contar desde {1}.";
    StillPaged: "{0} is on call and paged until {1}: the schedule is as it was.",
        "{0} sigue de guardia y recibe los avisos hasta el {1}: el cuadrante no cambia.";
    Despite: "Accepted in spite of", "Aceptado a pesar de";
    SinceSigned: "Since the signature", "Desde la firma";
    SinceMeans: "What changed after {0} handed over; the rest is what was signed.",
        "Lo que ha cambiado después de que {0} entregara; el resto es lo firmado.";
    Zone: "Times of", "Horas de";
    Expires: "Acknowledged until", "Reconocida hasta";

    // Service report
    Summary: "Summary", "Resumen";
    RunningState: "Running state", "Estado de funcionamiento";
    RunningMeans: "Incidents of the period by the dimension of the signal that raised them, as far as that is known.",
        "Incidencias del periodo por la dimensión de la señal que las originó, hasta donde se sabe.";
    OtherDimension: "other alerts and reports", "otras alertas y avisos";
    AvailabilityOf: "Availability", "Disponibilidad";
    IncidentsBy: "Incidents", "Incidencias";
    ByPriority: "By priority", "Por prioridad";
    ByService: "By service", "Por servicio";
    ByTeam: "By team", "Por equipo";
    ByCause: "By closure code", "Por código de cierre";
    ChangesOf: "Changes and maintenance", "Cambios y mantenimiento";
    WindowsOf: "Windows of the period", "Ventanas del periodo";
    OnCallLoad: "On-call load", "Carga de guardia";
    Trend: "Trend", "Tendencia";
    OpenedPerDay: "Incidents opened by day", "Incidencias abiertas por día";
    NotCounted: "Cancelled, merged and excluded", "Canceladas, fusionadas y excluidas";
    Reprioritised: "Reprioritised", "Repriorizadas";
    Definitions: "Definitions", "Definiciones";
    Urgent: "P1 and P2", "P1 y P2";
    Lesser: "less urgent", "menos urgentes";
    ReclassifiedTo: "Priority now", "Prioridad actual";
    Differences: "Differences to the revision before", "Diferencias con la revisión anterior";
    NoDifferences: "None of its figures changed.", "No ha cambiado ninguna cifra.";
    MergedInto: "merged into {0}", "fusionada en {0}";
    AckBefore: "acknowledged before it was opened: no time to acknowledge", "reconocida antes de abrirse: sin tiempo de reconocimiento";
    StartAfter: "began after it was opened: no time to detect", "empezó después de abrirse: sin tiempo de detección";
    ADrill: "a drill", "un simulacro";
    ExcludedBy: "excluded by a correction", "excluida por una corrección";
    CancelledBy: "cancelled: {0}", "cancelada: {0}";

    // Service levels
    Contract: "Contract", "Contrato";
    Clock: "Clock", "Reloj";
    Target: "Target", "Objetivo";
    Attained: "Kept", "Cumplido";
    Met: "Kept, n", "Cumplidos";
    Missed: "Missed", "Incumplidos";
    Running: "Still running", "En curso";
    Deadline: "Due", "Vence";
    Late: "Late by", "Retraso";
    Respond: "respond", "respuesta";
    Resolve: "resolve", "resolución";
    Update: "update", "información";
    WorkingDay: "1 working day", "1 día laborable";
    WorkingDays: "{0} working days", "{0} días laborables";
    Attainment: "Service levels: what was kept", "Niveles de servicio: cumplimiento";
    AttainedMeans: "Of the incidents whose clock began in the period, each counted once; what still runs is in no percentage. An incident has kept its promise of updates if each came in time; the breaches list each that did not.",
        "De las incidencias cuyo reloj empezó en el periodo, cada una una vez; lo que sigue en curso no entra en ningún porcentaje. Una incidencia cumple el compromiso de información si cada aviso llegó a tiempo; los incumplimientos enumeran cada uno que no.";
    Breaches: "Breaches", "Incumplimientos";
    Objectives: "Error budgets", "Presupuestos de error";
    ObjectivesMean: "Each over its own window, up to the instant of the report; burn 1 spends the budget in exactly that window.",
        "Cada uno sobre su propia ventana, hasta el momento del informe; un consumo de 1 gasta el presupuesto justo en esa ventana.";
    Objective: "Objective", "Objetivo de nivel";
    Achieved: "Achieved", "Logrado";
    BudgetLeft: "Budget left", "Presupuesto restante";
    BurnHour: "Burn 1h", "Consumo 1h";
    BurnDay: "Burn 1d", "Consumo 1d";
    Covered: "Coverage", "Cobertura";
    DueNext: "Due before the end of the next shift", "Vence antes del fin del próximo turno";

    // Service credits
    ServiceCredits: "Service credits", "Créditos por servicio";
    CreditsMean: "Availability of the period by the rules of each contract, compared with its tiers; where they count planned downtime or time without data otherwise than the availability of the summary, the figures differ. Where less than 1 % of the period is known there is none. Credits are of the fee of the service; they are not added up.",
        "Disponibilidad del periodo según las reglas de cada contrato, comparada con sus tramos; si tratan la parada planificada o el tiempo sin datos de otro modo que la disponibilidad del resumen, las cifras difieren. Si se conoce menos del 1 % del periodo no hay cifra. Los créditos son sobre la cuota del servicio; no se suman.";
    CreditRules: "Rules of the contracts", "Reglas de los contratos";
    Compared: "Compared as", "Se compara como";
    Tier: "Tier", "Tramo";
    TierGives: "Tier gives", "Crédito del tramo";
    Credit: "Credit", "Crédito";
    PlannedTime: "Planned", "Planificado";
    Presumed: "Unknown, as down", "Sin datos, como caída";
    TooThin: "less than 1 % is known", "se conoce menos del 1 %";
    Below: "<{0}", "<{0}";
    AtLeast: "≥{0}", "≥{0}";
    Between: "<{0} and ≥{1}", "<{0} y ≥{1}";
    NoTier: "no credits agreed", "sin créditos acordados";
    PlannedDowntime: "Planned downtime", "Parada planificada";
    Removed: "left out of the period (remove)", "fuera del periodo (remove)";
    Excused: "counts as available (excuse)", "cuenta como disponible (excuse)";
    NoDataTime: "Time without data", "Tiempo sin datos";
    NoDataRemoved: "left out of the period", "fuera del periodo";
    NoDataBad: "counts as down", "cuenta como caída";
    RoundingRule: "Rounding", "Redondeo";
    RoundNone: "none before it is compared", "ninguno antes de comparar";
    RoundHalfUp: "half up to {0} decimals, then compared", "al más próximo con {0} decimales, después se compara";
    RoundDown: "cut off to {0} decimals, then compared", "truncado a {0} decimales, después se compara";
    Tiers: "Tiers", "Tramos";
    Gives: "<{0}: {1}", "<{0}: {1}";
    Joined: "{0}; {1}", "{0}; {1}";
    Cap: "Cap", "Máximo";
    Minimum: "Minimum", "Mínimo";
    ValidFor: "{0} ({1} – {2})", "{0} ({1} – {2})";

    // Measures
    Opened: "Opened", "Abiertas";
    ResolvedIn: "Resolved", "Resueltas";
    OpenAtEnd: "Open at the end", "Abiertas al final";
    Mttd: "MTTD, detect", "MTTD, detección";
    Mtta: "MTTA, acknowledge", "MTTA, reconocimiento";
    Mttr: "MTTR, restore", "MTTR, restablecimiento";
    Mtbf: "MTBF", "MTBF";
    Downtime: "Unplanned downtime", "Caída no planificada";
    CoverageBefore: "Coverage before", "Cobertura anterior";
    AvailabilityFigure: "Availability", "Disponibilidad";
    Recurrence: "Recurring", "Recurrentes";
    Satisfaction: "Satisfaction (of 5)", "Satisfacción (de 5)";
    ChangeSuccess: "Successful changes", "Cambios con éxito";

    // Closure codes of changes
    Successful: "successful", "con éxito";
    WithIssues: "with issues", "con incidencias";
    BackedOut: "backed out", "revertido";
    Failed: "failed", "fallido";
    Planned: "planned", "planificada";
    Approved: "approved", "aprobada";
    InProgress: "in progress", "en curso";
    Completed: "completed", "completada";

    // Definitions
    DefDetect: "MTTD: mean of detected − started, over incidents opened in the period and not before they began.",
        "MTTD: media de detección − inicio, sobre las incidencias abiertas en el periodo y no antes de empezar.";
    DefAcknowledge: "MTTA: mean of first acknowledged − opened, over incidents opened in the period and acknowledged after that and before its end.",
        "MTTA: media de primer reconocimiento − apertura, sobre las incidencias abiertas en el periodo y reconocidas después de abrirse y antes de su fin.";
    DefRestore: "MTTR (restore): mean of resolved − started, over incidents resolved in the period.",
        "MTTR (restablecimiento): media de resolución − inicio, sobre las incidencias resueltas en el periodo.";
    DefBetween: "MTBF: (period − unplanned downtime) / failures; of several services, while any of them is down.",
        "MTBF: (periodo − caída no planificada) / fallos; de varios servicios, mientras alguno está caído.";
    DefOutage: "An outage is an incident of a service of P{0} or more urgent; it is down from its start until it is resolved. Windows that count as planned downtime are taken out; error budgets that burn are no outage.",
        "Una caída es una incidencia de un servicio de P{0} o más urgente; dura desde su inicio hasta que se resuelve. Se descuentan las ventanas que cuentan como parada planificada; un presupuesto de error que se agota no es una caída.";
    DefAvailability: "Availability: (period − unplanned downtime) / period; planned downtime counts as available, time without data is left out, and of a period of which less than 1 % is known there is none. It is cut off, never rounded up.",
        "Disponibilidad: (periodo − caída no planificada) / periodo; la parada planificada cuenta como disponible, el tiempo sin datos se descuenta, y si se conoce menos del 1 % del periodo no hay cifra. Se trunca, nunca se redondea hacia arriba.";
    DefCounts: "Cancelled and merged incidents count nowhere, excluded ones make no times; they are listed.",
        "Las incidencias canceladas y fusionadas no cuentan, las excluidas no aportan tiempos; figuran en su lista.";
    DefTime: "All times are elapsed time. n is the number of records that a figure counts.",
        "Todos los tiempos son tiempo transcurrido. n es el número de registros que cuenta una cifra.";
    DefChanges: "Successful changes: those closed as successful among all that were closed in the period.",
        "Cambios con éxito: los cerrados como tales entre todos los cerrados en el periodo.";
    DefZones: "Local times are of {0}; time zone data {1}.", "Las horas locales son de {0}; datos de zonas horarias {1}.";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<&str> {
        let mut places: Vec<&str> =
            text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        places.sort_unstable();
        places
    }

    #[test]
    fn both_languages_say_the_same_with_the_same_places() {
        for word in Word::ALL {
            let (english, spanish) = (word.text(Locale::English), word.text(Locale::Spanish));
            assert!(!english.is_empty() && !spanish.is_empty(), "{word:?}");
            assert_eq!(places(english), places(spanish), "{word:?}");
        }
    }
}
