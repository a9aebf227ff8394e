//! The zone of times that carry no offset.

use std::fmt;

use chrono::FixedOffset;
use chrono_tz::{TZ_VARIANTS, Tz};

use super::ConfigError;
use crate::schema::names;
use crate::schema::violation::named;

/// A zone of the IANA database, or a fixed offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    Named(Tz),
    Fixed(FixedOffset),
}

impl Zone {
    pub const UTC: Zone = Zone::Named(Tz::UTC);

    /// `Europe/Berlin`, `UTC`, `Z`, `+02:00`.
    pub(super) fn parse(name: &str) -> Result<Zone, ConfigError> {
        if name == "Z" {
            return Ok(Zone::UTC);
        }
        if let Some(offset) = fixed(name) {
            return Ok(Zone::Fixed(offset));
        }
        let zone = TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name));
        zone.map(|zone| Zone::Named(*zone)).ok_or_else(|| unknown(name))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Zone::Named(zone) => f.write_str(zone.name()),
            Zone::Fixed(offset) => offset.fmt(f),
        }
    }
}

fn unknown(name: &str) -> ConfigError {
    let known: Vec<_> = TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
    let suggestion = match names::nearest(name, &known) {
        Some(nearest) => format!("did you mean \"{nearest}\"?"),
        None => "write a name like \"Europe/Berlin\", or an offset like \"+02:00\"".to_owned(),
    };
    ConfigError::Timezone { name: named(name), suggestion }
}

/// `±HH:MM`, less than a day.
fn fixed(text: &str) -> Option<FixedOffset> {
    let (sign, clock) = match text.split_at_checked(1)? {
        ("+", clock) => (1, clock),
        ("-", clock) => (-1, clock),
        _ => return None,
    };
    let (hours, minutes) = clock.split_once(':')?;
    let two = |digits: &str| {
        (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| digits.parse::<i32>().ok())?
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    if minutes > 59 {
        return None;
    }
    FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60))
}
