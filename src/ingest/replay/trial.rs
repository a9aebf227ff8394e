//! Judges rejected records again, by the type as it is now.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use super::original::Originals;
use crate::decode::{Again, Chunk, DecodeError, DecodeOptions, DecodePlan, Form, KeptRecord, Reject};
use crate::ingest::context::Context;
use crate::ingest::fault::Fault;
use crate::ingest::write::{Judge, SourceFile, decode_options, open_regular};
use crate::lake::Lake;
use crate::metadata::loads::ReplayedReject;
use crate::metadata::rejects::{Refusal, RejectRow};
use crate::registry::TypeSpec;

/// What became of the records.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub valid: Vec<ReplayedReject>,
    pub refusals: Vec<Refusal>,
    /// Neither: their bytes are not there any more as a whole.
    pub incomplete: u64,
}

impl Judged {
    pub fn tried(&self) -> u64 {
        (self.valid.len() + self.refusals.len()) as u64 + self.incomplete
    }

    /// Why records are still refused: by fingerprint, how many, with an example.
    pub fn causes(&self) -> BTreeMap<String, (u64, String)> {
        let mut causes: BTreeMap<String, (u64, String)> = BTreeMap::new();
        for refusal in &self.refusals {
            let cause = causes.entry(refusal.fingerprint.clone());
            cause.or_insert_with(|| (0, refusal.message.clone())).0 += 1;
        }
        causes
    }
}

/// What the ledger does not have: whole records, and the rows of the table.
#[derive(Debug, Clone)]
pub struct Sources {
    pub lake: Lake,
    /// Holds the rejects files of all types.
    pub errors: PathBuf,
    pub max_record_bytes: usize,
}

impl Sources {
    pub fn of(context: &Context) -> Self {
        Self {
            lake: context.lake.clone(),
            errors: context.places.error.clone(),
            max_record_bytes: context.max_record_bytes,
        }
    }
}

/// The judge.
pub(super) struct Trial {
    plan: Arc<DecodePlan>,
    again: Again,
    originals: Originals,
    /// How the records of the file in work are written; `None` when its source is needed to tell, and gone.
    form: Option<(i64, Option<Form>)>,
    judged: Judged,
    /// Valid records before those that were judged last.
    settled: usize,
}

impl Trial {
    pub fn new(sources: &Sources, spec: &TypeSpec) -> Result<Self, Fault> {
        let unusable =
            |error: DecodeError| Fault::Type { file_type: spec.file_type.clone(), reason: error.to_string() };
        // What was guessed about a file was told when it was loaded.
        let options = DecodeOptions { on_doubt: |_, _| {}, ..decode_options(spec, sources.max_record_bytes) };
        let plan = DecodePlan::new(options).map_err(unusable)?;
        let again = plan.again().map_err(unusable)?;
        let originals = Originals::new(sources.errors.join(&spec.folder));
        Ok(Self { plan, again, originals, form: None, judged: Judged::default(), settled: 0 })
    }

    fn take(&mut self, file: &SourceFile, reject: RejectRow) {
        let original = match &reject.fixed {
            Some(_) => None,
            None => self.originals.bytes(file, &reject),
        };
        let (Some(text), Some(form)) = (
            reject.fixed.as_deref().map(str::as_bytes).or(original.as_deref()),
            self.form_of(file, reject.fixed.as_deref()),
        ) else {
            self.judged.incomplete += 1;
            return;
        };
        let number = |value: i64| u64::try_from(value).unwrap_or(0);
        let record = KeptRecord { number: number(reject.record_number), tag: number(reject.id), text };
        match self.again.take(record, &form) {
            Ok(()) => {
                let RejectRow { id, file_id, fixed, .. } = reject;
                self.judged.valid.push(ReplayedReject { id, file_id, fixed });
            }
            Err(refused) => self.judged.refusals.push(refusal(*refused)),
        }
    }

    /// A repaired record may be a JSON object whatever its file is.
    fn form_of(&mut self, file: &SourceFile, fixed: Option<&str>) -> Option<Form> {
        let is_object = fixed.is_some_and(|text| text.trim_start().starts_with('{'));
        if is_object || !self.plan.reads_csv(file.name.shown()) {
            return Some(Form::Json);
        }
        if self.form.as_ref().is_none_or(|(of, _)| *of != file.id) {
            let source = open_regular(&file.path).ok();
            let read = |(source, _)| self.plan.csv_form(Box::new(source), file.name.shown()).ok();
            self.form = Some((file.id, source.and_then(read)));
        }
        self.form.as_ref().and_then(|(_, form)| form.clone())
    }

    pub fn end(self) -> Judged {
        self.judged
    }
}

impl Judge<RejectRow> for Trial {
    fn rows(&mut self, file: &SourceFile, rejects: Vec<RejectRow>) -> Result<Chunk, DecodeError> {
        self.settled = self.judged.valid.len();
        for reject in rejects {
            self.take(file, reject);
        }
        let mut chunk = self.again.chunk()?;
        chunk.records_read -= chunk.rejects.len() as u64;
        self.refuse(std::mem::take(&mut chunk.rejects));
        Ok(chunk)
    }

    fn refuse(&mut self, rejects: Vec<Reject>) {
        let mut refusals: HashMap<i64, Refusal> =
            rejects.into_iter().map(refusal).map(|refusal| (refusal.id, refusal)).collect();
        let judged = &mut self.judged;
        let refused = judged.valid.extract_if(self.settled.., |valid| refusals.contains_key(&valid.id));
        let ids: Vec<i64> = refused.map(|valid| valid.id).collect();
        judged.refusals.extend(ids.into_iter().filter_map(|id| refusals.remove(&id)));
    }
}

/// The record is known by its tag: the number of its row in the ledger.
fn refusal(refused: Reject) -> Refusal {
    let Reject { byte_offset: tag, pointer, rule, value, message, fingerprint, .. } = refused;
    let id = i64::try_from(tag).unwrap_or(0);
    Refusal { id, pointer, rule, value, message, fingerprint }
}
