//! The compact protocol of Thrift, in which footers and page headers are written: a walk that allocates nothing.
//!
//! Lengths and counts are data from strangers. Here they are held against the bytes that are left before anyone makes room
//! for them.

/// Structs and lists may nest this deep; those of Parquet nest less than ten.
const MAX_DEPTH: usize = 32;

/// Elements of a list. Whoever decodes it makes room for all of them at once.
const MAX_LIST: usize = 100_000;

/// The bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    /// They end too early.
    End,
    /// They break the rules of the protocol, or make no sense.
    Form,
    /// A list is longer than it may be, or structs nest deeper.
    TooMuch,
}

/// The type of a value on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// In a struct the type says the value; in a list it takes a byte.
    Bool(bool),
    Byte,
    Integer,
    Double,
    Binary,
    List,
    Map,
    Struct,
    Uuid,
}

/// Reads values one after the other.
#[derive(Debug, Clone)]
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    pub fn new(bytes: &'a [u8]) -> Walk<'a> {
        Walk { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub fn at(&self) -> usize {
        self.at
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn byte(&mut self) -> Result<u8, Bad> {
        let byte = *self.bytes.get(self.at).ok_or(Bad::End)?;
        self.at += 1;
        Ok(byte)
    }

    fn pass(&mut self, length: usize) -> Result<&'a [u8], Bad> {
        let passed = self.bytes[self.at..].get(..length).ok_or(Bad::End)?;
        self.at += length;
        Ok(passed)
    }

    pub fn varint(&mut self) -> Result<u64, Bad> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Bad::Form)
    }

    pub fn integer(&mut self) -> Result<i64, Bad> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// An integer that is no less than zero.
    pub fn count(&mut self) -> Result<u64, Bad> {
        u64::try_from(self.integer()?).map_err(|_| Bad::Form)
    }

    /// Reads a struct: `field` gets the number and type of each field, and returns false for one that it has not read.
    pub fn fields(
        &mut self,
        mut field: impl FnMut(&mut Walk<'a>, i16, Wire) -> Result<bool, Bad>,
    ) -> Result<(), Bad> {
        let mut number = 0_i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(());
            }
            number = match head >> 4 {
                0 => i16::try_from(self.integer()?).map_err(|_| Bad::Form)?,
                step => number.checked_add(i16::from(step)).ok_or(Bad::Form)?,
            };
            let wire = Wire::of(head & 0x0f)?;
            if !field(self, number, wire)? {
                self.skip_value(wire, MAX_DEPTH)?;
            }
        }
    }

    /// The head of a list: how many elements follow, each of at least one byte, and their type.
    pub fn list(&mut self) -> Result<(usize, Wire), Bad> {
        let head = self.byte()?;
        let size = match head >> 4 {
            15 => usize::try_from(self.varint()?).map_err(|_| Bad::Form)?,
            size => usize::from(size),
        };
        match size {
            size if size > self.left() => Err(Bad::End),
            size if size > MAX_LIST => Err(Bad::TooMuch),
            size => Ok((size, Wire::of(head & 0x0f)?)),
        }
    }

    /// Passes over one value; booleans are those of structs, which take no room.
    pub fn skip(&mut self, wire: Wire) -> Result<(), Bad> {
        self.skip_value(wire, MAX_DEPTH)
    }

    fn skip_value(&mut self, wire: Wire, depth: usize) -> Result<(), Bad> {
        let deeper = depth.checked_sub(1).ok_or(Bad::TooMuch)?;
        match wire {
            Wire::Bool(_) => {}
            Wire::Byte => drop(self.byte()?),
            Wire::Integer => drop(self.varint()?),
            Wire::Double => drop(self.pass(8)?),
            Wire::Uuid => drop(self.pass(16)?),
            Wire::Binary => {
                let length = usize::try_from(self.varint()?).map_err(|_| Bad::Form)?;
                self.pass(length)?;
            }
            Wire::List => {
                let (size, of) = self.list()?;
                for _ in 0..size {
                    self.skip_element(of, deeper)?;
                }
            }
            Wire::Map => {
                let size = usize::try_from(self.varint()?).map_err(|_| Bad::Form)?;
                if size > self.left() {
                    return Err(Bad::End);
                }
                let kinds = if size > 0 { self.byte()? } else { 0x11 };
                let (key, value) = (Wire::of(kinds >> 4)?, Wire::of(kinds & 0x0f)?);
                for _ in 0..size {
                    self.skip_element(key, deeper)?;
                    self.skip_element(value, deeper)?;
                }
            }
            Wire::Struct => self.fields(|walk, _, wire| walk.skip_value(wire, deeper).map(|()| true))?,
        }
        Ok(())
    }

    fn skip_element(&mut self, wire: Wire, depth: usize) -> Result<(), Bad> {
        match wire {
            Wire::Bool(_) => self.byte().map(drop),
            wire => self.skip_value(wire, depth),
        }
    }
}

impl Wire {
    fn of(code: u8) -> Result<Wire, Bad> {
        Ok(match code {
            1 => Wire::Bool(true),
            2 => Wire::Bool(false),
            3 => Wire::Byte,
            4..=6 => Wire::Integer,
            7 => Wire::Double,
            8 => Wire::Binary,
            9 | 10 => Wire::List,
            11 => Wire::Map,
            12 => Wire::Struct,
            13 => Wire::Uuid,
            _ => return Err(Bad::Form),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_struct_is_read_field_by_field() {
        // 1: i32 = 3, 2: list<i32> of two, 4: true, 5: struct {}, end.
        let bytes = [0x15, 6, 0x19, 0x25, 2, 4, 0x21, 0x1c, 0, 0];
        let mut seen = Vec::new();
        let mut walk = Walk::new(&bytes);
        let read = walk.fields(|walk, number, wire| {
            seen.push((number, wire));
            Ok(number == 1 && walk.integer()? == 3)
        });
        assert_eq!((read, walk.at()), (Ok(()), bytes.len()));
        assert_eq!(seen, [(1, Wire::Integer), (2, Wire::List), (4, Wire::Bool(true)), (5, Wire::Struct)]);
    }

    #[test]
    fn counts_and_depths_are_held_against_the_bytes() {
        let huge = [0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0];
        assert_eq!(Walk::new(&huge).skip(Wire::Struct), Err(Bad::End));
        assert_eq!(Walk::new(&[0x1c; 1000]).skip(Wire::Struct), Err(Bad::TooMuch));
        assert_eq!(Walk::new(&[0xff; 20]).varint(), Err(Bad::Form));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for wire in [Wire::Struct, Wire::List, Wire::Map, Wire::Binary] {
                let _ = Walk::new(&bytes).skip(wire);
            }
        }
    }
}
