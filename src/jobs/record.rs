//! What is written down about jobs: how a run ended, why a row cannot be used, and the alerts about both.

use chrono::NaiveDate;

use super::definition::Unusable;
use super::error::JobError;
use super::run::RunReport;
use crate::metadata::alerts::{NewAlert, Severity};
use crate::metadata::jobs::{JobRow, RunOutcome};
use crate::metadata::{Kind, Metadata};

/// Where it is written.
pub struct Record<'a> {
    pub metadata: &'a Metadata,
}

impl Record<'_> {
    /// Writes down how a run ended; an error stays the caller's.
    pub async fn outcome(
        &self,
        job: &JobRow,
        run_id: i64,
        outcome: Result<RunReport, JobError>,
    ) -> Result<RunReport, JobError> {
        match outcome {
            Ok(report) => {
                let days = report.days.iter().map(NaiveDate::to_string).collect();
                let rows_written = i64::try_from(report.rows_written).unwrap_or(i64::MAX);
                let end = RunOutcome::Succeeded { days, rows_written, load_id: report.load_id };
                self.metadata.finish_run(run_id, &end).await?;
                self.metadata.resolve(&failure_fingerprint(&job.name)).await?;
                Ok(report)
            }
            Err(error) => {
                let message = error.whole_message();
                let end = RunOutcome::Failed { code: error.code().into(), message: message.clone() };
                tracing::error!(job = job.name, run_id, code = error.code(), cause = message, "a job failed");
                if let Err(unrecorded) = self.record_failure(job, run_id, &end, &error).await {
                    tracing::error!(job = job.name, run_id, cause = %unrecorded, "cannot record that a job failed");
                }
                Err(error)
            }
        }
    }

    async fn record_failure(
        &self,
        job: &JobRow,
        run_id: i64,
        end: &RunOutcome,
        error: &JobError,
    ) -> Result<(), JobError> {
        self.metadata.finish_run(run_id, end).await?;
        if error.kind() == Kind::Conflict {
            return Ok(());
        }
        let alert = NewAlert {
            code: error.code().into(),
            severity: Severity::Error,
            subject: job.name.clone(),
            cause: error.to_string(),
            message: format!("job {} failed: {}", job.name, error.whole_message()),
            hint: error.hint(),
            fingerprint: failure_fingerprint(&job.name),
            occurrences: 1,
        };
        self.metadata.raise(&alert).await?;
        Ok(())
    }

    /// Keeps `status_reason` and the alert about it as they should be.
    pub async fn usability(&self, job: &JobRow, reason: Option<&Unusable>) -> Result<(), JobError> {
        let text = reason.map(ToString::to_string);
        if job.status_reason == text {
            return Ok(());
        }
        self.metadata.set_job_reason(job.id, text.as_deref()).await?;
        let fingerprint = format!("job.unusable:{}", job.name);
        let Some(text) = text else {
            self.metadata.resolve(&fingerprint).await?;
            return Ok(());
        };
        tracing::warn!(job = job.name, reason = text, "a job cannot be used");
        let alert = NewAlert {
            code: "job.unusable".into(),
            severity: Severity::Warning,
            subject: job.name.clone(),
            cause: text.clone(),
            message: format!("job {} is not run: {text}", job.name),
            hint: Some("change its row: UPDATE jobs SET … WHERE name = …".into()),
            fingerprint,
            occurrences: 1,
        };
        self.metadata.raise(&alert).await?;
        Ok(())
    }
}

fn failure_fingerprint(job: &str) -> String {
    format!("job.failed:{job}")
}
