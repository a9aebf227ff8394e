//! The key `expected_every`: when files of a type must come.

use super::ConfigError;
use crate::decode::value::{Node, Value};
use crate::schedule::Schedule;
use crate::schema::members::{Members, wrong};
use crate::zone::Zone;

const KEYS: [&str; 2] = ["cron", "grace_minutes"];
const GRACE_MINUTES: u64 = 60;
/// A grace of more than 31 days is a mistake.
const LONGEST_GRACE_MINUTES: u64 = 31 * 24 * 60;

/// A file is expected at each of these times, and may be late by the grace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedEvery {
    /// A cron expression that was found good, in the zone of the type.
    pub cron: String,
    pub grace_minutes: u64,
}

impl ExpectedEvery {
    /// `"0 6 * * *"`, or `{"cron": "0 6 * * *", "grace_minutes": 30}`.
    pub(super) fn parse(value: &Value<'_>, zone: Zone) -> Result<ExpectedEvery, ConfigError> {
        let expected = match &value.node {
            Node::String(cron) => ExpectedEvery { cron: cron.to_string(), grace_minutes: GRACE_MINUTES },
            Node::Object(_) => {
                let members = Members::of(value)?;
                members.only(&KEYS)?;
                let Some(cron) = members.text("cron")? else {
                    return Err(
                        wrong("expected_every", "a cron expression, or an object with one", value).into()
                    );
                };
                let grace_minutes = members.count("grace_minutes")?.unwrap_or(GRACE_MINUTES);
                if grace_minutes > LONGEST_GRACE_MINUTES {
                    let found = members.get("grace_minutes").unwrap_or(value);
                    return Err(wrong("grace_minutes", "at most 44640, 31 days", found).into());
                }
                ExpectedEvery { cron: cron.to_owned(), grace_minutes }
            }
            _ => {
                return Err(wrong("expected_every", "a cron expression, or an object with one", value).into());
            }
        };
        match Schedule::in_zone(&expected.cron, zone) {
            Ok(_) => Ok(expected),
            Err(fault) => Err(ConfigError::ExpectedEvery { fault: fault.to_string() }),
        }
    }
}
