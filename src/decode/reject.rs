//! One refused record, with everything that someone needs to understand and to repair it.

/// A record that failed to parse or to validate. Data, not an error: its neighbours load.
#[derive(Debug, Clone, PartialEq)]
pub struct Reject {
    /// 1 for the first record of the file.
    pub record_number: u64,
    /// First byte of the record in the decompressed file.
    pub byte_offset: u64,
    /// The record's exact bytes.
    pub raw: Vec<u8>,
    /// RFC 6901 pointer to the value that failed, from the record's root; empty for the record itself.
    pub pointer: String,
    /// Stable code, for instance `record.type`, `record.required`, `record.syntax`.
    pub rule: String,
    /// The offending value as JSON text, shortened to 200 characters; `None` when it is absent.
    pub value: Option<String>,
    /// One sentence that stands alone: what was found, what was expected.
    pub message: String,
    /// The same for records that fail for the same cause (rule, pointer without array positions, shape of the
    /// value): 16 hex digits.
    pub fingerprint: String,
}
