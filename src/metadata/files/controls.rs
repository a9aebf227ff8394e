//! What control files say of files in work.

use super::super::error::MetadataError;
use super::super::statement::{Batch, ROWS_PER_BATCH, Sql};
use super::super::{Metadata, commit};

impl Metadata {
    /// Remembers what the control files of claimed files say, given as (id, attempt, JSON). It stays with the file,
    /// whatever becomes of it.
    pub async fn remember_controls(&self, said: &[(i64, i64, String)]) -> Result<(), MetadataError> {
        const ACT: &str = "write down what control files say";
        if said.is_empty() {
            return Ok(());
        }
        let transaction = self.begin(ACT).await?;
        for part in said.chunks(ROWS_PER_BATCH) {
            let batch = Batch::of(
                ["id", "attempt", "control"],
                part.iter().map(|(id, attempt, control)| [(*id).into(), (*attempt).into(), control.into()]),
            );
            let text = "UPDATE files SET control = r.control FROM {rows}
                        WHERE files.id = r.id AND files.attempt = r.attempt AND files.state = 'processing'
                        RETURNING files.id";
            Sql::over(ACT, batch, text).column::<i64>(&transaction, "id").await?;
        }
        commit(ACT, transaction).await
    }
}
