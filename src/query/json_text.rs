//! `json_get_text(json, pointer)`: one value out of a JSON column, which the lake keeps as text.

use std::any::Any;
use std::hash::Hash;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use serde_json::Value;

/// The function, ready to be registered.
pub fn json_get_text() -> ScalarUDF {
    ScalarUDF::new_from_impl(JsonGetText { signature: Signature::string(2, Volatility::Immutable) })
}

/// Text of the value at an RFC 6901 pointer: a string's own text, the JSON of anything else; null when the value is
/// absent or null, or the text is not JSON.
#[derive(Debug, PartialEq, Eq, Hash)]
struct JsonGetText {
    signature: Signature,
}

impl ScalarUDFImpl for JsonGetText {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn name(&self) -> &str {
        "json_get_text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let texts = cast(&columns[0], &DataType::Utf8)?;
        let pointers = cast(&columns[1], &DataType::Utf8)?;
        Ok(ColumnarValue::Array(get_all(&texts, &pointers)))
    }
}

fn get_all(texts: &ArrayRef, pointers: &ArrayRef) -> ArrayRef {
    let (texts, pointers) = (texts.as_string::<i32>(), pointers.as_string::<i32>());
    let mut found = StringBuilder::with_capacity(texts.len(), texts.len() * 16);
    for (text, pointer) in texts.iter().zip(pointers) {
        found.append_option(text.zip(pointer).and_then(|(text, pointer)| get(text, pointer)));
    }
    Arc::new(found.finish())
}

fn get(text: &str, pointer: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    match value.pointer(pointer)? {
        Value::Null => None,
        Value::String(inner) => Some(inner.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_at_a_pointer_keeps_its_digits() {
        let text = r#"{"a":{"b":[1.10,"x",null,{"c":12345678901234567890}]}}"#;
        let cases = [
            ("/a/b/0", Some("1.10")),
            ("/a/b/1", Some("x")),
            ("/a/b/2", None),
            ("/a/b/3", Some(r#"{"c":12345678901234567890}"#)),
            ("/nowhere", None),
            ("no pointer", None),
        ];
        for (pointer, expected) in cases {
            assert_eq!(get(text, pointer).as_deref(), expected, "{pointer}");
        }
        assert_eq!(get("not json", ""), None);
    }
}
