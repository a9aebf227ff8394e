//! The buffers of flat columns.

use arrow::array::{
    ArrayData, ArrayRef, BinaryArray, BooleanArray, BooleanBufferBuilder, NullBufferBuilder, StringArray,
    make_array,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{ArrowNativeType, DataType};
use arrow::error::ArrowError;

/// Numbers of one width, with nulls.
#[derive(Debug)]
pub(in crate::decode) struct Numbers<T> {
    pub(super) values: Vec<T>,
    pub(super) nulls: NullBufferBuilder,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Numbers { values: Vec::new(), nulls: NullBufferBuilder::new(0) }
    }
}

impl<T: ArrowNativeType> Numbers<T> {
    pub fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    pub fn push(&mut self, value: T) {
        self.values.push(value);
        self.nulls.append_non_null();
    }

    pub fn last(&self) -> Option<T> {
        self.values.last().copied()
    }

    pub fn push_null(&mut self) {
        self.values.push(T::default());
        self.nulls.append_null();
    }

    pub fn truncate(&mut self, length: usize) {
        self.values.truncate(length);
        self.nulls.truncate(length);
    }

    /// `kind` has the width of `T`.
    pub fn finish(&mut self, kind: &DataType) -> ArrayRef {
        let room = Vec::with_capacity(self.values.len());
        let values = std::mem::replace(&mut self.values, room);
        let length = values.len();
        let data = ArrayData::builder(kind.clone())
            .len(length)
            .nulls(self.nulls.finish())
            .add_buffer(Buffer::from_vec(values))
            .build()
            .expect("numbers of the width of their type make an array");
        make_array(data)
    }
}

/// Booleans, with nulls.
#[derive(Debug)]
pub(in crate::decode) struct Bits {
    values: BooleanBufferBuilder,
    nulls: NullBufferBuilder,
}

impl Default for Bits {
    fn default() -> Self {
        Bits { values: BooleanBufferBuilder::new(0), nulls: NullBufferBuilder::new(0) }
    }
}

impl Bits {
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn push(&mut self, value: bool) {
        self.values.append(value);
        self.nulls.append_non_null();
    }

    pub fn last(&self) -> Option<bool> {
        Some(self.values.get_bit(self.values.len().checked_sub(1)?))
    }

    pub fn push_null(&mut self) {
        self.values.append(false);
        self.nulls.append_null();
    }

    pub fn truncate(&mut self, length: usize) {
        self.values.truncate(length);
        self.nulls.truncate(length);
    }

    pub fn finish(&mut self) -> BooleanArray {
        BooleanArray::new(self.values.finish(), self.nulls.finish())
    }
}

/// Texts or byte strings, one behind the other, with nulls.
#[derive(Debug)]
pub(in crate::decode) struct Bytes {
    data: Vec<u8>,
    /// Ends of the values, behind a leading zero.
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Default for Bytes {
    fn default() -> Self {
        Bytes { data: Vec::new(), ends: vec![0], nulls: NullBufferBuilder::new(0) }
    }
}

impl Bytes {
    pub fn len(&self) -> usize {
        self.ends.len() - 1
    }

    #[inline]
    pub fn push(&mut self, value: &[u8]) {
        self.data.extend_from_slice(value);
        self.close();
    }

    /// Room for a value that is made piece by piece; [`Bytes::close`] ends it.
    pub fn open(&mut self) -> &mut Vec<u8> {
        &mut self.data
    }

    /// Ends the value that was written through [`Bytes::open`].
    #[inline]
    pub fn close(&mut self) {
        self.ends.push(self.data.len() as i32);
        self.nulls.append_non_null();
    }

    pub fn push_null(&mut self) {
        self.ends.push(self.data.len() as i32);
        self.nulls.append_null();
    }

    pub fn last(&self) -> Option<&[u8]> {
        Some(self.value(self.len().checked_sub(1)?))
    }

    /// The value at this place.
    pub fn value(&self, at: usize) -> &[u8] {
        &self.data[self.ends[at] as usize..self.ends[at + 1] as usize]
    }

    /// Forgets the values from this one on, and what is open.
    pub fn truncate(&mut self, length: usize) {
        self.ends.truncate(length + 1);
        self.nulls.truncate(length);
        self.data.truncate(self.ends[self.ends.len() - 1] as usize);
    }

    /// # Errors
    /// The bytes are not UTF-8, which their writer has to rule out, or more than 2 GiB.
    pub fn finish_text(&mut self) -> Result<StringArray, ArrowError> {
        let (data, ends, nulls) = self.parts();
        if is_text(&data, &ends) {
            return Ok(unchecked(ends, data, nulls));
        }
        StringArray::try_new(ends, data, nulls)
    }

    /// # Errors
    /// More than 2 GiB.
    pub fn finish_binary(&mut self) -> Result<BinaryArray, ArrowError> {
        let (data, ends, nulls) = self.parts();
        BinaryArray::try_new(ends, data, nulls)
    }

    fn parts(&mut self) -> (Buffer, OffsetBuffer<i32>, Option<NullBuffer>) {
        let room = Vec::with_capacity(self.data.len());
        let data = std::mem::replace(&mut self.data, room);
        let mut next = Vec::with_capacity(self.ends.len());
        next.push(0);
        let ends = std::mem::replace(&mut self.ends, next);
        (Buffer::from_vec(data), OffsetBuffer::new(ends.into()), self.nulls.finish())
    }
}

/// True when all bytes are UTF-8, and no value begins or ends inside a character: what [`StringArray::try_new`] checks, which
/// takes several times as long.
fn is_text(data: &[u8], ends: &[i32]) -> bool {
    let starts_a_character = |at: &i32| match data.get(*at as usize) {
        Some(byte) => byte & 0xc0 != 0x80,
        None => *at as usize == data.len(),
    };
    simdutf8::basic::from_utf8(data).is_ok() && ends.iter().all(starts_a_character)
}

#[expect(unsafe_code, reason = "is_text has just checked what try_new would check again")]
fn unchecked(ends: OffsetBuffer<i32>, data: Buffer, nulls: Option<NullBuffer>) -> StringArray {
    debug_assert!(is_text(&data, &ends) && nulls.as_ref().is_none_or(|nulls| nulls.len() + 1 == ends.len()));
    unsafe { StringArray::new_unchecked(ends, data, nulls) }
}
