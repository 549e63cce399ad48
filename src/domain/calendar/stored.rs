//! How the parts of a window that are not ours are written in events.

/// A recurrence in the words of iCalendar.
pub(super) mod recurrence {
    use chrono::NaiveDateTime;
    use chrono_tz::Tz;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use crate::domain::time::{Recurrence, Rule};

    #[derive(Serialize, Deserialize)]
    struct Stored {
        dtstart: NaiveDateTime,
        tzid: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rrule: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rdate: Vec<NaiveDateTime>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exdate: Vec<NaiveDateTime>,
    }

    pub fn serialize<S: Serializer>(value: &Recurrence, to: S) -> Result<S::Ok, S::Error> {
        let stored = Stored {
            dtstart: value.start,
            tzid: value.zone.name().to_owned(),
            rrule: value.rule.as_ref().map(ToString::to_string),
            rdate: value.also.clone(),
            exdate: value.except.clone(),
        };
        stored.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Recurrence, D::Error> {
        let stored = Stored::deserialize(from)?;
        let zone: Tz = stored.tzid.parse().map_err(de::Error::custom)?;
        let mut recurrence = Recurrence::once(stored.dtstart, zone);
        let rule = stored.rrule.map(|text| Rule::parse(&text)).transpose();
        recurrence.rule = rule.map_err(de::Error::custom)?;
        recurrence.also = stored.rdate;
        recurrence.except = stored.exdate;
        Ok(recurrence)
    }
}
