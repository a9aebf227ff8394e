//! The modules that are fuzzed, and nothing else of the program.

#![allow(dead_code, reason = "only a part of each module is fuzzed")]

pub mod decode;
pub mod partition;
pub mod printable;
pub mod schedule;
pub mod schema;
pub mod zone;
