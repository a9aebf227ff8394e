//! Why a run of a job failed.

use chrono::NaiveDate;
use thiserror::Error;

use super::definition::Unusable;
use crate::lake::LakeError;
use crate::metadata::{Kind, MetadataError};
use crate::query::QueryError;

#[derive(Debug, Error)]
pub enum JobError {
    #[error("there is no job '{name}'")]
    Unknown { name: String, near: Vec<String> },
    #[error("job '{job}' is running already, since {since}")]
    Busy { job: String, since: String },
    #[error("the job cannot be used: {0}")]
    Unusable(#[from] Unusable),
    #[error("the query of the job failed")]
    Query(#[from] QueryError),
    #[error("the result holds rows without a day")]
    NullDay,
    #[error("the result holds day {0}, which this run does not recompute")]
    OtherDay(NaiveDate),
    #[error("the result could not be stored in the lake")]
    Lake(#[from] LakeError),
    #[error("the result cannot be put into the form in which it is stored")]
    Shape(#[from] arrow::error::ArrowError),
    #[error("the metadata database did not take the run")]
    Metadata(#[from] MetadataError),
    #[error("the run was stopped from inside: {0}")]
    Stopped(String),
}

impl JobError {
    /// What decides retry, exit code and log level.
    pub fn kind(&self) -> Kind {
        match self {
            JobError::Unknown { .. } | JobError::Unusable(_) | JobError::NullDay | JobError::OtherDay(_) => {
                Kind::User
            }
            JobError::Busy { .. } => Kind::Conflict,
            JobError::Query(source) => source.kind(),
            JobError::Lake(_) => Kind::Transient,
            JobError::Shape(_) => Kind::Data,
            JobError::Metadata(source) => source.kind(),
            JobError::Stopped(_) => Kind::Internal,
        }
    }

    /// The stable code under which `job_runs` and alerts keep the failure.
    pub fn code(&self) -> &'static str {
        match self {
            JobError::Unknown { .. } => "job.unknown",
            JobError::Busy { .. } => "job.busy",
            JobError::Unusable(_) => "job.unusable",
            JobError::Query(_) => "job.query",
            JobError::NullDay | JobError::OtherDay(_) => "job.day",
            JobError::Lake(_) => "storage.unavailable",
            JobError::Shape(_) => "job.result",
            JobError::Metadata(_) => "metadata.unavailable",
            JobError::Stopped(_) => "job.internal",
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            JobError::Unknown { near, .. } if near.is_empty() => {
                Some("lakegate jobs list shows them all".into())
            }
            JobError::Unknown { near, .. } => Some(format!("did you mean {}?", near.join(" or "))),
            JobError::Busy { .. } => Some("wait for it; lakegate jobs show says how it ended".into()),
            JobError::Unusable(_) => Some("change its row: UPDATE jobs SET … WHERE name = …".into()),
            JobError::Query(source) => source.hint(),
            JobError::NullDay => Some("leave rows without a time out: WHERE … IS NOT NULL".into()),
            JobError::OtherDay(_) => Some(
                "a row's day must be the UTC day of its time column, so that a day can be recomputed alone"
                    .into(),
            ),
            JobError::Lake(_) => Some("look at free space and permissions of the datalake folder".into()),
            JobError::Metadata(source) => source.hint().map(str::to_string),
            JobError::Shape(_) | JobError::Stopped(_) => None,
        }
    }

    /// The message with its causes, for a column or a log line.
    pub fn whole_message(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(this) = cause {
            let more = this.to_string();
            if !text.contains(&more) {
                text = format!("{text}: {more}");
            }
            cause = this.source();
        }
        text
    }
}
