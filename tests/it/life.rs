//! Schemas have a life: versions, evolution, changes of types, drift, promotion, dry runs.

mod drift;
mod dry_run;
mod evolving;
mod promotion;
mod second_chances;
mod typing;
mod versions;
