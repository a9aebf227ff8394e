//! The one integration binary: Lakegate from outside.

mod alerts;
mod cli;
mod cli_ledger;
mod demo;
mod ingest;
mod json_suite;
mod life;
mod metadata;
mod postgres;
mod recovery;
