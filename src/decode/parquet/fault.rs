//! Why a Parquet file as a whole cannot be read.

use std::borrow::Cow;
use std::io;

use super::thrift::Bad;
use crate::decode::error::{DecodeError, sanitised};

const SEND_AGAIN: &str = "ask the sender for the file again; compare sizes or checksums with the original, and try it with another reader";

/// The bytes contradict the format or each other.
pub(super) fn damaged(what: impl AsRef<str>) -> DecodeError {
    DecodeError::new(
        "parquet.damaged",
        format!("the Parquet file is damaged: {}", sanitised(what.as_ref(), 300)),
        SEND_AGAIN,
    )
}

/// The file is a correct one, perhaps, but reading it could take more memory than a file may.
pub(super) fn too_large(what: impl Into<String>, hint: impl Into<Cow<'static, str>>) -> DecodeError {
    DecodeError::new("parquet.too_large", what, hint)
}

/// Something that the format allows and that is not read here.
pub(super) fn unsupported(what: impl Into<String>, hint: impl Into<Cow<'static, str>>) -> DecodeError {
    DecodeError::new("parquet.unsupported", what, hint)
}

pub(super) fn truncated(what: impl Into<String>) -> DecodeError {
    DecodeError::new(
        "parquet.truncated",
        what,
        "the copy was cut short: send the file again, and rename it in when it is complete",
    )
}

pub(super) fn encrypted() -> DecodeError {
    unsupported("the Parquet file is encrypted", "deliver it without encryption: no keys are kept here")
}

/// A read that ends too early contradicts the footer; any other failure says nothing about the file.
pub(super) fn reading(error: io::Error) -> DecodeError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => damaged("it names bytes behind its end"),
        _ => DecodeError::reading(error),
    }
}

/// What is wrong with a part that is written in Thrift.
pub(super) fn of_thrift(part: &str, bad: Bad) -> DecodeError {
    match bad {
        Bad::End => damaged(format!("{part} ends before it is complete")),
        Bad::Form => damaged(format!("{part} makes no sense")),
        Bad::TooMuch => too_large(
            format!("{part} nests deeper or lists more than any usual file"),
            "write the file again with fewer columns or fewer row groups",
        ),
    }
}
