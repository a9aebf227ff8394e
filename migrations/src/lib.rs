//! The one numbered history of the metadata database, for SQLite and PostgreSQL.
//!
//! A migration is a pair of a number and a text. The text is written once; [`now`] and its neighbours in
//! `dialect.rs` fill in what the two databases spell differently. Who applies the history, under which lock
//! and in which transaction, is the business of the caller.

mod dialect;
mod m0001_ledger;
mod m0002_compaction;
mod m0003_indexes;
mod m0004_second_chances;
mod m0005_drift;
mod m0006_alerts;
mod m0007_control;

use sea_orm_migration::prelude::*;

pub use dialect::now;
pub use sea_orm_migration::MigratorTrait;

/// The history, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_ledger::Ledger),
            Box::new(m0002_compaction::Compaction),
            Box::new(m0003_indexes::Indexes),
            Box::new(m0004_second_chances::SecondChances),
            Box::new(m0005_drift::Drift),
            Box::new(m0006_alerts::Alerts),
            Box::new(m0007_control::Control),
        ]
    }
}

/// The names of all migrations, oldest first.
pub fn names() -> Vec<String> {
    Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect()
}
