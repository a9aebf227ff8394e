//! What the values of a column mean: the logical types of Parquet, and the types of ours that hold them.
//!
//! The reader below gives values as they are stored, numbers and bytes; what they stand for is decided here, once, for
//! columns and for messages.

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::schema::types::Type;

use super::fault::unsupported;
use crate::decode::error::DecodeError;
use crate::schema::field::{Kind, Resolution};

/// Longest values of a fixed length.
const LONGEST_FIXED: i32 = 64 << 10;

/// What the stored values of a leaf stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing but null.
    Null,
    Boolean,
    /// Integers of so many bits.
    Signed(u8),
    /// Stored as signed ones of the same bits.
    Unsigned(u8),
    Float,
    Double,
    /// Two bytes, lowest first.
    Half,
    /// Integers, or big-endian bytes, that count units of 10 to the minus `scale`.
    Decimal {
        precision: u32,
        scale: u32,
    },
    /// Days since 1970-01-01.
    Date,
    /// Since midnight.
    Time(Unit),
    /// Since 1970-01-01T00:00:00, in UTC or by a wall clock.
    Timestamp {
        unit: Unit,
        in_utc: bool,
    },
    /// Nanoseconds of the day and the Julian day, 12 bytes, by a wall clock.
    Int96,
    Text,
    /// Text of a JSON value.
    Json,
    /// 16 bytes.
    Uuid,
    /// Months, days, milliseconds: three integers of 4 bytes, lowest first.
    Interval,
    Binary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Millis,
    Micros,
    Nanos,
}

impl Unit {
    /// Its length.
    pub fn nanos(self) -> i64 {
        match self {
            Unit::Millis => 1_000_000,
            Unit::Micros => 1_000,
            Unit::Nanos => 1,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Unit::Millis => "ms",
            Unit::Micros => "us",
            Unit::Nanos => "ns",
        }
    }
}

impl Meaning {
    /// The meaning of a leaf of the schema.
    ///
    /// # Errors
    /// `parquet.unsupported`: its types contradict each other.
    pub fn of(leaf: &Type) -> Result<Meaning, DecodeError> {
        let physical = leaf.get_physical_type();
        let length = match leaf {
            Type::PrimitiveType { type_length, .. } => *type_length,
            Type::GroupType { .. } => 0,
        };
        if physical == Physical::FIXED_LEN_BYTE_ARRAY && !(1..=LONGEST_FIXED).contains(&length) {
            return Err(unusable(leaf, &format!("values of {length} bytes")));
        }
        let info = leaf.get_basic_info();
        let logical = info.logical_type_ref();
        let meaning = match logical {
            Some(logical) => of_logical(logical, physical, length),
            None => of_converted(info.converted_type(), leaf, physical, length),
        };
        meaning.map_err(|said| unusable(leaf, &format!("{said} as {physical}")))
    }

    /// The type that holds all values of this meaning; of ours, the narrowest.
    pub fn kind(self) -> Kind {
        let micros = Kind::Timestamp { resolution: Resolution::Micros, epoch: None };
        match self {
            Meaning::Boolean => Kind::Boolean,
            Meaning::Signed(..=32) | Meaning::Unsigned(..=16) => Kind::Int,
            Meaning::Signed(_) | Meaning::Unsigned(..=32) => Kind::Long,
            Meaning::Unsigned(_) => Kind::Decimal { precision: 20, scale: 0 },
            Meaning::Float | Meaning::Half => Kind::Float,
            Meaning::Double => Kind::Double,
            Meaning::Decimal { precision: precision @ ..=38, scale } => {
                Kind::Decimal { precision: precision as u8, scale: scale as u8 }
            }
            Meaning::Date => Kind::Date,
            Meaning::Timestamp { unit: Unit::Nanos, .. } => {
                Kind::Timestamp { resolution: Resolution::Nanos, epoch: None }
            }
            // INT96 has both the range of microseconds and the digits of nanoseconds; no type of ours has, and those who
            // write it nearly always mean microseconds.
            Meaning::Timestamp { .. } | Meaning::Int96 => micros,
            Meaning::Text | Meaning::Uuid | Meaning::Time(_) | Meaning::Interval => Kind::String,
            Meaning::Binary => Kind::Binary,
            // Longer numbers than any column takes keep all of their digits as JSON text.
            Meaning::Json | Meaning::Null | Meaning::Decimal { .. } => Kind::Json,
        }
    }
}

fn unusable(leaf: &Type, said: &str) -> DecodeError {
    unsupported(
        format!("column {} has a type that is not understood: {said}", leaf.name()),
        "write the column with another type; text always works",
    )
}

/// `Err` with the annotation that does not belong to such values.
fn of_logical(logical: &LogicalType, physical: Physical, length: i32) -> Result<Meaning, String> {
    let is_bytes = physical == Physical::BYTE_ARRAY;
    let is_fixed = |wanted| physical == Physical::FIXED_LEN_BYTE_ARRAY && length == wanted;
    let bits = match physical {
        Physical::INT32 => 32,
        Physical::INT64 => 64,
        _ => 0,
    };
    Ok(match logical {
        LogicalType::Unknown => Meaning::Null,
        LogicalType::String | LogicalType::Enum if is_bytes => Meaning::Text,
        LogicalType::Json if is_bytes => Meaning::Json,
        LogicalType::Bson if is_bytes => Meaning::Binary,
        LogicalType::Uuid if is_fixed(16) => Meaning::Uuid,
        LogicalType::Float16 if is_fixed(2) => Meaning::Half,
        LogicalType::Date if bits == 32 => Meaning::Date,
        LogicalType::Integer { bit_width, is_signed } => {
            return integer(i64::from(*bit_width), *is_signed, bits).ok_or_else(|| format!("{logical:?}"));
        }
        LogicalType::Decimal { scale, precision } => return decimal(*precision, *scale, physical),
        LogicalType::Time { unit: TimeUnit::MILLIS, .. } if bits == 32 => Meaning::Time(Unit::Millis),
        LogicalType::Time { unit: TimeUnit::MICROS, .. } if bits == 64 => Meaning::Time(Unit::Micros),
        LogicalType::Time { unit: TimeUnit::NANOS, .. } if bits == 64 => Meaning::Time(Unit::Nanos),
        LogicalType::Timestamp { unit, is_adjusted_to_u_t_c } if bits == 64 => {
            let unit = match unit {
                TimeUnit::MILLIS => Unit::Millis,
                TimeUnit::MICROS => Unit::Micros,
                TimeUnit::NANOS => Unit::Nanos,
            };
            Meaning::Timestamp { unit, in_utc: *is_adjusted_to_u_t_c }
        }
        LogicalType::Geometry { .. } | LogicalType::Geography { .. } if is_bytes => Meaning::Binary,
        // Annotations that are yet to be invented: the values as they are stored.
        LogicalType::_Unknown { .. } => plain(physical),
        other => return Err(format!("{other:?}")),
    })
}

fn of_converted(
    converted: ConvertedType,
    leaf: &Type,
    physical: Physical,
    length: i32,
) -> Result<Meaning, String> {
    let logical = match converted {
        ConvertedType::NONE => return Ok(plain(physical)),
        ConvertedType::UTF8 => LogicalType::String,
        ConvertedType::ENUM => LogicalType::Enum,
        ConvertedType::JSON => LogicalType::Json,
        ConvertedType::BSON => LogicalType::Bson,
        ConvertedType::DATE => LogicalType::Date,
        ConvertedType::DECIMAL => {
            return decimal(leaf.get_precision(), leaf.get_scale().max(0), physical);
        }
        ConvertedType::TIME_MILLIS => {
            LogicalType::Time { unit: TimeUnit::MILLIS, is_adjusted_to_u_t_c: true }
        }
        ConvertedType::TIME_MICROS => {
            LogicalType::Time { unit: TimeUnit::MICROS, is_adjusted_to_u_t_c: true }
        }
        ConvertedType::TIMESTAMP_MILLIS => {
            LogicalType::Timestamp { unit: TimeUnit::MILLIS, is_adjusted_to_u_t_c: true }
        }
        ConvertedType::TIMESTAMP_MICROS => {
            LogicalType::Timestamp { unit: TimeUnit::MICROS, is_adjusted_to_u_t_c: true }
        }
        ConvertedType::INT_8 => LogicalType::Integer { bit_width: 8, is_signed: true },
        ConvertedType::INT_16 => LogicalType::Integer { bit_width: 16, is_signed: true },
        ConvertedType::INT_32 => LogicalType::Integer { bit_width: 32, is_signed: true },
        ConvertedType::INT_64 => LogicalType::Integer { bit_width: 64, is_signed: true },
        ConvertedType::UINT_8 => LogicalType::Integer { bit_width: 8, is_signed: false },
        ConvertedType::UINT_16 => LogicalType::Integer { bit_width: 16, is_signed: false },
        ConvertedType::UINT_32 => LogicalType::Integer { bit_width: 32, is_signed: false },
        ConvertedType::UINT_64 => LogicalType::Integer { bit_width: 64, is_signed: false },
        ConvertedType::INTERVAL if physical == Physical::FIXED_LEN_BYTE_ARRAY && length == 12 => {
            return Ok(Meaning::Interval);
        }
        other => return Err(other.to_string()),
    };
    of_logical(&logical, physical, length)
}

fn plain(physical: Physical) -> Meaning {
    match physical {
        Physical::BOOLEAN => Meaning::Boolean,
        Physical::INT32 => Meaning::Signed(32),
        Physical::INT64 => Meaning::Signed(64),
        Physical::INT96 => Meaning::Int96,
        Physical::FLOAT => Meaning::Float,
        Physical::DOUBLE => Meaning::Double,
        Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY => Meaning::Binary,
    }
}

fn integer(width: i64, is_signed: bool, bits: u8) -> Option<Meaning> {
    let fits = match bits {
        32 => matches!(width, 8 | 16 | 32),
        64 => width == 64,
        _ => false,
    };
    let width = u8::try_from(width).ok().filter(|_| fits)?;
    Some(if is_signed { Meaning::Signed(width) } else { Meaning::Unsigned(width) })
}

fn decimal(precision: i32, scale: i32, physical: Physical) -> Result<Meaning, String> {
    let is_number =
        !matches!(physical, Physical::BOOLEAN | Physical::FLOAT | Physical::DOUBLE | Physical::INT96);
    match (u32::try_from(precision), u32::try_from(scale)) {
        (Ok(precision @ 1..), Ok(scale)) if scale <= precision && is_number => {
            Ok(Meaning::Decimal { precision, scale })
        }
        _ => Err(format!("decimal({precision},{scale})")),
    }
}
