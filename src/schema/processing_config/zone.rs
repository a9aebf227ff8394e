//! The key `timezone`.

use super::ConfigError;
use crate::schema::names;
use crate::schema::violation::named;
use crate::zone::Zone;

/// `Europe/Berlin`, `UTC`, `Z`, `+02:00`.
pub(super) fn parse(name: &str) -> Result<Zone, ConfigError> {
    Zone::parse(name).ok_or_else(|| {
        let known: Vec<_> = Zone::names().collect();
        let suggestion = match names::nearest(name, &known) {
            Some(nearest) => format!("did you mean \"{nearest}\"?"),
            None => "write a name like \"Europe/Berlin\", or an offset like \"+02:00\"".to_owned(),
        };
        ConfigError::Timezone { name: named(name), suggestion }
    })
}
