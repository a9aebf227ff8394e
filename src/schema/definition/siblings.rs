//! Names within one level of a definition: their form, and who collides with whom.

use std::collections::HashMap;

use super::fault::{DefinitionError, FieldFault};
use crate::schema::field::Field;
use crate::schema::names;
use crate::schema::violation::named;

/// How a message names a field: `"address.city"`.
pub(super) fn place(parent: &str, name: &str) -> String {
    let name = named(name);
    if parent.is_empty() { name } else { format!("{parent}.{name}") }
}

pub(super) fn check_name(name: &str) -> Result<(), FieldFault> {
    if name.trim().is_empty() {
        return Err(FieldFault::EmptyName);
    }
    if name.len() > names::MAX_LENGTH {
        return Err(FieldFault::LongName { limit: names::MAX_LENGTH });
    }
    Ok(())
}

/// Two columns must differ in more than upper and lower case, and no key may lead to two fields.
pub(super) fn check(fields: &[Field], parent: &str) -> Result<(), DefinitionError> {
    let mut folded: HashMap<String, &str> = HashMap::new();
    for field in fields {
        if let Some(other) = folded.insert(names::folded(&field.name), &field.name) {
            let fault = if other == field.name {
                FieldFault::Twice
            } else {
                FieldFault::Collision { other: named(other) }
            };
            return Err(fault.at(&place(parent, &field.name)));
        }
    }
    let mut owners: HashMap<&str, &str> =
        fields.iter().map(|field| (field.name.as_str(), field.name.as_str())).collect();
    for field in fields {
        for alias in &field.aliases {
            match owners.insert(alias, &field.name) {
                Some(other) if other != field.name => {
                    let fault = FieldFault::AliasTaken { key: named(alias), other: named(other) };
                    return Err(fault.at(&place(parent, &field.name)));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Only columns can collide with Lakegate's own; nested members cannot.
pub(super) fn check_reserved(columns: &[Field]) -> Result<(), DefinitionError> {
    match columns.iter().find(|field| names::is_reserved(&field.name)) {
        None => Ok(()),
        Some(field) => Err(FieldFault::Reserved.at(&place("", &field.name))),
    }
}
