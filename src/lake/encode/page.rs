//! Pages put together into one column chunk: headers, compression, indexes, metadata.

use bytes::Bytes;
use parquet::basic::{Encoding, PageType};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::schema::types::ColumnDescPtr;

use super::bits::{put_varint, zigzag};
use super::bounds::{Bounds, statistics};
use super::compress::{Compressor, codec};
use super::levels::Span;
use crate::schema::processing_config::Compression;

/// A finished column of a row group. Offsets in `close` count from the start of `bytes`.
#[derive(Debug)]
pub(super) struct Chunk {
    pub bytes: Bytes,
    pub close: ColumnCloseResult,
}

/// How a chunk's pages are compressed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Squeeze {
    pub compression: Compression,
    pub level: i32,
}

/// Bytes that compression must save in a thousand, or readers are spared the work.
const WORTHWHILE: usize = 30;
/// What is compressed of a page to see whether it shrinks.
const PIECE: usize = 64 << 10;

pub(super) struct ChunkWriter<'a> {
    column: ColumnDescPtr,
    compressor: &'a mut Compressor,
    squeeze: Squeeze,
    /// Pages until it is clear whether compression pays: a dictionary and the first data page.
    waiting: Vec<Page>,
    decided: bool,
    out: Vec<u8>,
    compressed: Vec<u8>,
    uncompressed_bytes: usize,
    dictionary_offset: Option<usize>,
    data_offset: Option<usize>,
    column_index: ColumnIndexBuilder,
    offset_index: OffsetIndexBuilder,
    pages: Vec<PageEncodingStats>,
    entries: usize,
    rows: usize,
    nulls: usize,
}

pub(super) struct Page {
    kind: Kind,
    encoding: Encoding,
    /// Before compression.
    body: Vec<u8>,
}

enum Kind {
    Dictionary { values: usize },
    Data { span: Span, bounds: Option<Bounds> },
}

impl Page {
    pub fn dictionary(values: usize, body: Vec<u8>) -> Self {
        Self { kind: Kind::Dictionary { values }, encoding: Encoding::PLAIN, body }
    }

    pub fn data(span: Span, bounds: Option<Bounds>, encoding: Encoding, body: Vec<u8>) -> Self {
        Self { kind: Kind::Data { span, bounds }, encoding, body }
    }
}

impl<'a> ChunkWriter<'a> {
    pub fn new(column: ColumnDescPtr, squeeze: Squeeze, compressor: &'a mut Compressor) -> Self {
        Self {
            column_index: ColumnIndexBuilder::new(column.physical_type()),
            column,
            compressor,
            squeeze,
            waiting: Vec::new(),
            decided: matches!(squeeze.compression, Compression::None),
            out: Vec::new(),
            compressed: Vec::new(),
            uncompressed_bytes: 0,
            dictionary_offset: None,
            data_offset: None,
            offset_index: OffsetIndexBuilder::new(),
            pages: Vec::new(),
            entries: 0,
            rows: 0,
            nulls: 0,
        }
    }

    pub fn add(&mut self, page: Page) -> Result<(), ParquetError> {
        if self.decided {
            return self.append(page);
        }
        let first_data = matches!(page.kind, Kind::Data { .. });
        self.waiting.push(page);
        if first_data { self.decide() } else { Ok(()) }
    }

    /// A codec holds for the whole chunk, so a column that hardly shrinks is not compressed at all.
    fn decide(&mut self) -> Result<(), ParquetError> {
        self.decided = true;
        let waiting = std::mem::take(&mut self.waiting);
        let (mut before, mut after) = (0, 0);
        for page in &waiting {
            before += page.body.len();
            after += self.guess(&page.body)?;
        }
        if after * 1000 > before * (1000 - WORTHWHILE) {
            self.squeeze.compression = Compression::None;
        }
        waiting.into_iter().try_for_each(|page| self.append(page))
    }

    /// The size of a page after compression, judged by a piece from its middle.
    fn guess(&mut self, body: &[u8]) -> Result<usize, ParquetError> {
        let piece = match body.len() {
            0..=PIECE => body,
            length => &body[(length - PIECE) / 2..][..PIECE],
        };
        let Squeeze { compression, level } = self.squeeze;
        self.compressor.compress(compression, level, piece, &mut self.compressed)?;
        Ok((self.compressed.len() as u128 * body.len() as u128 / piece.len().max(1) as u128) as usize)
    }

    fn append(&mut self, page: Page) -> Result<(), ParquetError> {
        let Squeeze { compression, level } = self.squeeze;
        let mut compressed = std::mem::take(&mut self.compressed);
        let body = if compression == Compression::None {
            &page.body
        } else {
            self.compressor.compress(compression, level, &page.body, &mut compressed)?;
            &compressed
        };
        let offset = self.out.len();
        self.put_header(&page, body.len())?;
        let head = self.out.len() - offset;
        self.out.extend_from_slice(body);
        self.compressed = compressed;
        self.uncompressed_bytes += head + page.body.len();
        self.note(page, offset);
        Ok(())
    }

    fn put_header(&mut self, page: &Page, compressed: usize) -> Result<(), ParquetError> {
        let size = |bytes: usize| {
            i32::try_from(bytes).map_err(|_| {
                let column = self.column.path().string();
                ParquetError::General(format!(
                    "the values of column {column} are too long for a page of 2 GiB"
                ))
            })
        };
        let (body, compressed) = (size(page.body.len())?, size(compressed)?);
        match &page.kind {
            Kind::Dictionary { values } => {
                let mut header = Header::new(PageType::DICTIONARY_PAGE, body, compressed, &mut self.out);
                header.begin(7);
                header.number(1, size_of_page(*values));
                header.number(2, page.encoding as i32);
                header.end();
            }
            Kind::Data { span, .. } => {
                let mut header = Header::new(PageType::DATA_PAGE, body, compressed, &mut self.out);
                header.begin(5);
                header.number(1, size_of_page(span.entries.len()));
                header.number(2, page.encoding as i32);
                header.number(3, Encoding::RLE as i32);
                header.number(4, Encoding::RLE as i32);
                header.end();
            }
        }
        Ok(())
    }

    /// Remembers what the indexes and the footer say of a page.
    fn note(&mut self, page: Page, offset: usize) {
        let (page_type, encoding) = match page.kind {
            Kind::Dictionary { .. } => {
                self.dictionary_offset = Some(offset);
                (PageType::DICTIONARY_PAGE, page.encoding)
            }
            Kind::Data { span, bounds } => {
                self.data_offset.get_or_insert(offset);
                self.offset_index.append_offset_and_size(offset as i64, (self.out.len() - offset) as i32);
                self.offset_index.append_row_count(span.rows as i64);
                self.entries += span.entries.len();
                self.rows += span.rows;
                self.nulls += span.nulls();
                self.note_bounds(&span, bounds);
                (PageType::DATA_PAGE, page.encoding)
            }
        };
        match self.pages.iter_mut().find(|known| known.page_type == page_type) {
            Some(known) => known.count += 1,
            None => self.pages.push(PageEncodingStats { page_type, encoding, count: 1 }),
        }
    }

    fn note_bounds(&mut self, span: &Span, bounds: Option<Bounds>) {
        let nulls = span.nulls() as i64;
        match bounds.and_then(Bounds::into_pair) {
            _ if span.values.is_empty() => self.column_index.append(true, Vec::new(), Vec::new(), nulls),
            Some((low, high)) => self.column_index.append(false, low, high, nulls),
            // Only NaN, or texts that nothing short is above: an index must say all or nothing.
            None => self.column_index.to_invalid(),
        }
    }

    /// The chunk with the statistics of all its values.
    pub fn finish(self, bounds: Option<Bounds>) -> Result<Chunk, ParquetError> {
        let kind = self.column.physical_type();
        let mut encodings: Vec<Encoding> = self.pages.iter().map(|page| page.encoding).collect();
        if self.column.max_def_level() > 0 && !encodings.contains(&Encoding::RLE) {
            encodings.push(Encoding::RLE);
        }
        let metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(codec(self.squeeze.compression))
            .set_encodings(encodings)
            .set_page_encoding_stats(self.pages)
            .set_num_values(self.entries as i64)
            .set_total_compressed_size(self.out.len() as i64)
            .set_total_uncompressed_size(self.uncompressed_bytes as i64)
            .set_dictionary_page_offset(self.dictionary_offset.map(|offset| offset as i64))
            .set_data_page_offset(self.data_offset.unwrap_or(0) as i64)
            .set_statistics(statistics(kind, bounds, self.nulls as u64))
            .build()?;
        let column_index = self.column_index.valid().then(|| self.column_index.build()).transpose()?;
        let close = ColumnCloseResult {
            bytes_written: self.out.len() as u64,
            rows_written: self.rows as u64,
            metadata,
            bloom_filter: None,
            column_index,
            offset_index: Some(self.offset_index.build()),
        };
        Ok(Chunk { bytes: Bytes::from(self.out), close })
    }
}

/// A row group has far fewer values than that.
fn size_of_page(values: usize) -> i32 {
    i32::try_from(values).unwrap_or(i32::MAX)
}

/// A page header in Thrift's compact form, whose library type is private: fields of 32-bit numbers, and one struct.
/// Source: parquet.thrift, `PageHeader`, and the specification of the compact protocol.
struct Header<'a> {
    out: &'a mut Vec<u8>,
    last_field: u8,
}

const NUMBER: u8 = 5;
const STRUCT: u8 = 12;
const END: u8 = 0;

impl<'a> Header<'a> {
    fn new(kind: PageType, body: i32, compressed: i32, out: &'a mut Vec<u8>) -> Self {
        let mut header = Self { out, last_field: 0 };
        header.number(1, kind as i32);
        header.number(2, body);
        header.number(3, compressed);
        header
    }

    fn field(&mut self, id: u8, kind: u8) {
        self.out.push((id - self.last_field) << 4 | kind);
        self.last_field = id;
    }

    fn number(&mut self, id: u8, value: i32) {
        self.field(id, NUMBER);
        put_varint(zigzag(i64::from(value)), self.out);
    }

    /// Begins the one inner struct, the last field of the header.
    fn begin(&mut self, id: u8) {
        self.field(id, STRUCT);
        self.last_field = 0;
    }

    /// Ends the inner struct and the header.
    fn end(self) {
        self.out.extend_from_slice(&[END, END]);
    }
}
