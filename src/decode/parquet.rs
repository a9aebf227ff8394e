//! Parquet: columns in row groups, written by any program that writes them.
//!
//! The way of a file: [`footer`] finds what it holds and refuses what cannot be, [`source`] and [`meaning`] say what its columns
//! mean, [`batches`] reads row group after row group, with [`pages`] below the reader of the `parquet` crate: every page asks
//! [`budget`] for memory before there is any. From there [`fitting`] takes over whole columns where their values are exactly
//! those of the fields. Any other row becomes, by [`as_json`], the JSON object that says the same, which is judged like any
//! other.
//!
//! A file is data from strangers: [`thrift`] walks over what is declared before anyone believes it, and [`contained`] turns what
//! is left of surprises into faults of the file.

mod as_json;
mod batches;
mod budget;
mod codec;
mod contained;
mod delta;
mod draft;
mod fault;
mod fitting;
mod footer;
mod leaf;
mod meaning;
mod page_header;
mod pages;
mod records;
mod source;
mod thrift;
mod values;
mod weight;

pub(super) use draft::draft;
pub(super) use records::{ParquetRecord, ParquetRecords};

#[cfg(test)]
mod tests;
