//! Rejected records that are tried again, and files whose rows are taken out again, on request.

use std::sync::Arc;

use super::{App, AppError};
use crate::ingest::replay::{self, Sources, TypeReport};
use crate::ingest::revert::{self, Reverted};
use crate::ingest::{Fault, reason_to_wait, vet};
use crate::metadata::rejects::RejectFilter;
use crate::registry::{Registry, TypeSpec};

/// What became of the rejected records of one type.
#[derive(Debug)]
pub enum Replayed {
    Tried(TypeReport),
    /// The type cannot be loaded into now.
    Left {
        file_type: String,
        why: String,
        hint: Option<String>,
    },
}

impl App {
    /// Tries the open rejects that match again, type by type, and loads those that are valid now; with `rehearse` it only
    /// says which.
    ///
    /// # Errors
    /// Storage or ledger are at fault; types before that one are done.
    pub async fn replay(&self, filter: &RejectFilter, rehearse: bool) -> Result<Vec<Replayed>, AppError> {
        let registry = Registry::build(self.metadata.types().await?, &Registry::default());
        let mut done = Vec::new();
        for file_type in self.metadata.types_with_rejects(filter).await? {
            done.push(match self.ready(&registry, &file_type).await? {
                Err(Left { why, hint }) => Replayed::Left { file_type, why, hint },
                Ok(spec) if rehearse => {
                    let sources = Sources::of(&self.context);
                    Replayed::Tried(
                        replay::rehearse(&self.metadata, &sources, &spec, filter, u64::MAX).await?,
                    )
                }
                Ok(spec) => match replay::replay(&self.context, &spec, filter).await {
                    Ok(report) => Replayed::Tried(report),
                    Err(fault) => return Err(self.undo(fault.into()).await),
                },
            });
        }
        Ok(done)
    }

    /// Takes the rows of a loaded file out of its table again; `None` when it is not loaded.
    ///
    /// # Errors
    /// Storage or ledger are at fault, or nobody can tell which rows are those of the file.
    pub async fn revert(&self, file_id: i64) -> Result<Option<Reverted>, AppError> {
        match revert::revert(&self.context, file_id).await {
            Ok(reverted) => Ok(reverted),
            Err(fault) => Err(self.undo(fault.into()).await),
        }
    }

    async fn ready(
        &self,
        registry: &Registry,
        file_type: &str,
    ) -> Result<Result<Arc<TypeSpec>, Left>, Fault> {
        let Some(known) = registry.get(file_type) else {
            let hint = "`lakegate types add` registers it again".to_owned();
            return Ok(Err(Left { why: "the type was deleted".to_owned(), hint: Some(hint) }));
        };
        let spec = match (reason_to_wait(known), &known.spec) {
            (None, Ok(spec)) => spec,
            (Some(problem), _) => return Ok(Err(Left { why: problem.message, hint: problem.hint })),
            (None, Err(reason)) => return Ok(Err(Left { why: reason.clone(), hint: None })),
        };
        let vetted = vet(&self.metadata, &self.context.lake, &known.row, spec).await?;
        Ok(vetted.map(|()| spec.clone()).map_err(|why| Left { why, hint: None }))
    }

    /// Resumes or undoes what a fault has left; what is not possible now, the next process does.
    async fn undo(&self, error: AppError) -> AppError {
        if let Err(left) = self.resume().await {
            tracing::warn!("what was begun is left for the next start: {left}");
        }
        error
    }
}

/// Why a type cannot be loaded into.
struct Left {
    why: String,
    hint: Option<String>,
}
