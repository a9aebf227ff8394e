//! The pages of one column chunk: found, held against limits, read, unpacked.
//!
//! In place of the reader of the `parquet` crate, which makes room for whatever a page says of its size.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type};
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ColumnChunkMetaData;

use super::budget::Budget;
use super::codec::decompressed;
use super::delta::Lengths;
use super::fault::{damaged, of_thrift, reading};
use super::footer::{named, range};
use super::page_header::{Header, Kind};
use super::thrift::Bad;
use crate::decode::error::DecodeError;
use crate::decode::input::Random;

/// Bytes of a page header that are read first, and at most: it may hold a value or two.
const FIRST_LOOK: u64 = 512;
const LONGEST_HEADER: u64 = 4 << 20;

/// The pages of a column chunk, one after the other.
pub(super) struct Pages {
    file: Random,
    budget: Arc<Budget>,
    column: Column,
    at: u64,
    end: u64,
    /// The header of the next page, when it was looked at before.
    ahead: Option<Header>,
}

/// What the footer says of a column.
struct Column {
    /// Its number among the columns of the file.
    number: usize,
    name: String,
    codec: Compression,
    kind: Type,
    /// Bytes of a value in memory; of texts, those besides the text.
    width: u64,
    /// Rows that are read at once.
    batch_rows: u64,
    max_repetition: i16,
    max_definition: i16,
}

impl Pages {
    /// # Errors
    /// `parquet.damaged`: the chunk lies nowhere.
    pub fn new(
        file: Random,
        budget: Arc<Budget>,
        chunk: &ColumnChunkMetaData,
        number: usize,
        batch_rows: usize,
    ) -> Result<Pages, DecodeError> {
        let name = named(chunk);
        let (at, length) = range(chunk).ok_or_else(|| damaged(format!("column {name} lies nowhere")))?;
        let descr = chunk.column_descr();
        let column = Column {
            number,
            name,
            codec: chunk.compression(),
            kind: chunk.column_type(),
            width: width(chunk.column_type(), descr.type_length()),
            batch_rows: batch_rows as u64,
            max_repetition: descr.max_rep_level(),
            max_definition: descr.max_def_level(),
        };
        Ok(Pages { file, budget, column, at, end: at + length, ahead: None })
    }

    /// The header of the next page that holds values.
    fn header(&mut self) -> Result<Option<Header>, DecodeError> {
        if let Some(header) = self.ahead.take() {
            return Ok(Some(header));
        }
        while self.at < self.end {
            let header = self.read_header()?;
            self.at += header.length as u64;
            if header.compressed as u64 > self.end - self.at {
                return Err(damaged(format!(
                    "a page of column {} goes on behind its column",
                    self.column.name
                )));
            }
            if header.kind != Kind::Other {
                return Ok(Some(header));
            }
            self.at += header.compressed as u64;
        }
        Ok(None)
    }

    fn read_header(&self) -> Result<Header, DecodeError> {
        let left = self.end - self.at;
        let mut wanted = FIRST_LOOK;
        loop {
            let bytes = self.file.read(self.at, wanted.min(left) as usize).map_err(reading)?;
            match Header::read(&bytes) {
                Err(Bad::End) if wanted < left.min(LONGEST_HEADER) => wanted *= 8,
                read => return read.map_err(|bad| of_thrift("a page header", bad)),
            }
        }
    }

    fn next_page(&mut self) -> Result<Option<Page>, DecodeError> {
        let Some(header) = self.header()? else { return Ok(None) };
        self.column.grant(&header, &self.budget)?;
        let packed = self.file.read(self.at, header.compressed).map_err(reading)?;
        self.at += header.compressed as u64;
        self.column.page(&header, packed, &self.budget).map(Some)
    }

    /// Faults travel beside the reader, which would make texts of them.
    fn noted<T>(&self, result: Result<T, DecodeError>) -> ParquetResult<T> {
        result.map_err(|fault| {
            let text = fault.to_string();
            self.budget.fail(fault);
            ParquetError::General(text)
        })
    }
}

impl Column {
    /// Asks for the memory that a page will take, and rules out counts that its bytes cannot hold.
    fn grant(&self, header: &Header, budget: &Budget) -> Result<(), DecodeError> {
        let values = header.values;
        // What was read is given back when it is unpacked.
        let bytes = header.compressed.max(header.uncompressed) as u64;
        if header.kind == Kind::Dictionary {
            let least = if self.kind == Type::BYTE_ARRAY { 4 } else { self.width.max(1) };
            if values.saturating_mul(least) > header.uncompressed as u64 {
                return Err(self.damaged(format!("a dictionary is said to hold {values} values")));
            }
            return budget.dictionary(self.number, &self.name, bytes + values.saturating_mul(self.width));
        }
        // A row of a repeated column may hold all values of the page; of others, a batch holds one for each row.
        let at_once = if self.max_repetition > 0 { values } else { values.min(self.batch_rows) };
        let levels = 4;
        budget.page(self.number, &self.name, bytes + at_once.saturating_mul(self.width + levels))
    }

    fn page(&self, header: &Header, packed: Bytes, budget: &Budget) -> Result<Page, DecodeError> {
        let buf = self.unpacked(header, packed)?;
        let num_values =
            u32::try_from(header.values).map_err(|_| self.damaged("a page has too many values"))?;
        let encoding = header.encoding;
        Ok(match header.kind {
            Kind::Dictionary => Page::DictionaryPage { buf, num_values, encoding, is_sorted: false },
            Kind::V1 { def_level_encoding, rep_level_encoding } => {
                self.check_lengths(header, &buf, budget)?;
                Page::DataPage {
                    buf,
                    num_values,
                    encoding,
                    def_level_encoding,
                    rep_level_encoding,
                    statistics: None,
                }
            }
            Kind::V2 { num_nulls, num_rows, def_levels_byte_len, rep_levels_byte_len, is_compressed } => {
                self.check_lengths(header, &buf, budget)?;
                Page::DataPageV2 {
                    buf,
                    num_values,
                    encoding,
                    num_nulls,
                    num_rows,
                    def_levels_byte_len,
                    rep_levels_byte_len,
                    is_compressed,
                    statistics: None,
                }
            }
            Kind::Other => return Err(self.damaged("a page is of no known kind")),
        })
    }

    /// The page without compression. The levels of newer pages are never compressed.
    fn unpacked(&self, header: &Header, packed: Bytes) -> Result<Bytes, DecodeError> {
        let levels = match header.kind {
            Kind::V2 { def_levels_byte_len, rep_levels_byte_len, is_compressed, .. } => {
                let levels = def_levels_byte_len as usize + rep_levels_byte_len as usize;
                if levels > packed.len() || levels > header.uncompressed {
                    return Err(self.damaged("the levels of a page are longer than the page"));
                }
                if !is_compressed {
                    return Ok(packed);
                }
                levels
            }
            _ => 0,
        };
        if self.codec == Compression::UNCOMPRESSED {
            return Ok(packed);
        }
        let values = decompressed(self.codec, &packed[levels..], header.uncompressed - levels)?;
        if levels == 0 {
            return Ok(values.into());
        }
        Ok([&packed[..levels], &values].concat().into())
    }

    /// Texts in deltas: what they unfold to is asked for, too.
    fn check_lengths(&self, header: &Header, page: &[u8], budget: &Budget) -> Result<(), DecodeError> {
        if !matches!(header.encoding, Encoding::DELTA_BYTE_ARRAY | Encoding::DELTA_LENGTH_BYTE_ARRAY) {
            return Ok(());
        }
        let broken = || self.damaged("the lengths of the texts of a page make no sense");
        let start = self.values_start(header, page).ok_or_else(broken)?;
        let values = page.get(start..).ok_or_else(broken)?;
        let first = Lengths::of(values, header.values).ok_or_else(broken)?;
        if header.encoding == Encoding::DELTA_LENGTH_BYTE_ARRAY {
            return Ok(());
        }
        let rest = values.get(first.encoded..).ok_or_else(broken)?;
        let second = Lengths::of(rest, header.values).ok_or_else(broken)?;
        if first.count != second.count {
            return Err(broken());
        }
        budget.more(self.number, &self.name, first.sum.saturating_add(second.sum))
    }

    /// Where the values of a data page begin, behind its levels.
    fn values_start(&self, header: &Header, page: &[u8]) -> Option<usize> {
        match header.kind {
            Kind::V2 { def_levels_byte_len, rep_levels_byte_len, .. } => {
                Some(def_levels_byte_len as usize + rep_levels_byte_len as usize)
            }
            Kind::V1 { def_level_encoding, rep_level_encoding } => {
                let mut at = 0_usize;
                for (level, encoding) in
                    [(self.max_repetition, rep_level_encoding), (self.max_definition, def_level_encoding)]
                {
                    if level == 0 {
                        continue;
                    }
                    at = at.checked_add(match encoding {
                        Encoding::RLE => {
                            let (length, _) = page.get(at..)?.split_first_chunk::<4>()?;
                            4 + u32::from_le_bytes(*length) as usize
                        }
                        _ => {
                            let bits = u64::from(16 - (level as u16).leading_zeros());
                            usize::try_from((header.values * bits).div_ceil(8)).ok()?
                        }
                    })?;
                }
                Some(at)
            }
            Kind::Dictionary | Kind::Other => None,
        }
    }

    fn damaged(&self, what: impl AsRef<str>) -> DecodeError {
        damaged(format!("column {}: {}", self.name, what.as_ref()))
    }
}

/// Bytes of a value in memory.
pub(super) fn width(kind: Type, type_length: i32) -> u64 {
    match kind {
        Type::BOOLEAN => 1,
        Type::INT32 | Type::FLOAT => 4,
        Type::INT64 | Type::DOUBLE => 8,
        Type::INT96 => 12,
        Type::BYTE_ARRAY => 16,
        Type::FIXED_LEN_BYTE_ARRAY => u64::try_from(type_length).unwrap_or(0),
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> ParquetResult<Option<Page>> {
        let page = self.next_page();
        self.noted(page)
    }

    fn peek_next_page(&mut self) -> ParquetResult<Option<PageMetadata>> {
        let header = self.header();
        self.ahead = self.noted(header)?;
        Ok(self.ahead.as_ref().map(|header| {
            let is_dict = header.kind == Kind::Dictionary;
            let num_rows = match header.kind {
                Kind::V2 { num_rows, .. } => Some(num_rows as usize),
                _ => None,
            };
            let num_levels = usize::try_from(header.values).ok().filter(|_| !is_dict);
            PageMetadata { num_rows, num_levels, is_dict }
        }))
    }

    fn skip_next_page(&mut self) -> ParquetResult<()> {
        let header = self.header();
        if let Some(header) = self.noted(header)? {
            self.at += header.compressed as u64;
        }
        Ok(())
    }
}

impl Iterator for Pages {
    type Item = ParquetResult<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

/// The one chunk of a column that a row group has.
pub(super) struct OneChunk(pub Option<Pages>);

impl Iterator for OneChunk {
    type Item = ParquetResult<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(|pages| Ok(Box::new(pages) as Box<dyn PageReader>))
    }
}

impl PageIterator for OneChunk {}
