//! The metadata database: the same promises on SQLite and on PostgreSQL.

mod alerts;
mod bulk;
mod by_hand;
mod changes;
pub(crate) mod cluster;
mod compaction;
mod drift;
mod files;
pub(crate) mod fixture;
mod history;
mod jobs;
mod ledger;
mod loads;
mod outage;
mod rejects;
mod replay;
mod types;
