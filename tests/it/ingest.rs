//! The main job from outside: files go in, tables come out, and every record is accounted for.

pub(crate) mod bench;
mod checks;
mod checks_again;
mod control;
mod csv;
mod formats;
mod inbox;
mod lenient;
mod many;
mod modes;
mod parquet;
mod readers;
mod redelivery;
mod rejects;
mod replay;
mod summary;
