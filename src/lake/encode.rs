//! Rows → the column chunks of one Parquet row group.
//!
//! Work for a core, with no file in it. Each column is taken apart into [`leaf`]s ([`nested`] does it for structs, lists and
//! maps), each leaf gets the form that [`choice`] finds best, and [`page`] puts the chunk together. Footer and metadata are the
//! library's, and so are the columns of types that have no encoder here.

mod bits;
mod bounds;
mod choice;
mod compress;
mod delta;
mod dictionary;
mod hybrid;
mod leaf;
mod levels;
mod nested;
mod page;
mod shelf;
#[cfg(test)]
mod tests;
mod values;

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{FieldRef, SchemaRef};
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::SchemaDescPtr;

use choice::Choices;
use leaf::Leaf;
use levels::Levels;
use page::Chunk;
pub(in crate::lake) use shelf::{Shelf, Tools};

use crate::schema::processing_config::Compression;

/// Encodes the row groups of files with one schema.
#[derive(Debug)]
pub(in crate::lake) struct Encoder {
    schema: SchemaRef,
    columns: SchemaDescPtr,
    properties: WriterPropertiesPtr,
    compression: Compression,
    choices: Arc<Choices>,
    library: ArrowRowGroupWriterFactory,
}

/// A row group in memory, ready to be appended to a file.
#[derive(Debug)]
pub(in crate::lake) struct RowGroup {
    columns: Vec<Column>,
    pub rows: u64,
    pub bytes: u64,
}

#[derive(Debug)]
enum Column {
    Own(Chunk),
    Library(ArrowColumnChunk),
}

impl Encoder {
    /// # Errors
    /// A schema that Parquet cannot hold.
    pub fn new(
        schema: SchemaRef,
        compression: Compression,
        choices: Arc<Choices>,
    ) -> Result<Self, ParquetError> {
        let mut properties = properties(compression);
        add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
        let properties = Arc::new(properties);
        let columns = Arc::new(ArrowSchemaConverter::new().convert(&schema)?);
        let nowhere =
            SerializedFileWriter::new(io::sink(), columns.root_schema_ptr(), Arc::clone(&properties))?;
        let library = ArrowRowGroupWriterFactory::new(&nowhere, Arc::clone(&schema));
        Ok(Self { schema, columns, properties, compression, choices, library })
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The writer of a file for this encoder's row groups.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn file<W: Write + Send>(&self, sink: W) -> Result<SerializedFileWriter<W>, ParquetError> {
        SerializedFileWriter::new(sink, self.columns.root_schema_ptr(), Arc::clone(&self.properties))
    }

    /// Encodes rows of this encoder's schema as one row group. Arrays are dropped as soon as they are encoded.
    ///
    /// # Errors
    /// Values that do not fit into the format.
    pub fn encode(&self, batches: Vec<RecordBatch>, tools: &mut Tools) -> Result<RowGroup, ParquetError> {
        let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        let mut columns = Vec::with_capacity(self.columns.num_columns());
        let mut library = None;
        for (field, arrays) in self.schema.fields().iter().zip(by_column(&self.schema, batches)?) {
            let from = columns.len();
            if nested::is_known(field.data_type()) {
                self.encode_field(field, arrays, tools, &mut columns)?;
            } else {
                let writers = match &mut library {
                    Some(writers) => writers,
                    empty => empty.insert(self.library_writers()?),
                };
                encode_by_library(field, &arrays, &mut writers[from..], &mut columns)?;
            }
        }
        let bytes = columns.iter().map(Column::bytes).sum();
        Ok(RowGroup { columns, rows, bytes })
    }

    fn encode_field(
        &self,
        field: &FieldRef,
        arrays: Vec<ArrayRef>,
        tools: &mut Tools,
        columns: &mut Vec<Column>,
    ) -> Result<(), ParquetError> {
        let leaves = if leaf::is_known(field.data_type()) {
            let levels = Levels::flat(&arrays, field.is_nullable());
            vec![(arrays, levels)]
        } else {
            let leaves = nested::leaves(field, &arrays)?;
            drop(arrays);
            leaves
        };
        for (chunks, levels) in leaves {
            let leaf = Leaf {
                column: self.columns.column(columns.len()),
                levels,
                compression: self.compression,
                choices: &self.choices,
                tools,
            };
            columns.push(Column::Own(leaf.encode(&chunks)?));
        }
        Ok(())
    }

    fn library_writers(&self) -> Result<Vec<Option<ArrowColumnWriter>>, ParquetError> {
        Ok(self.library.create_column_writers(0)?.into_iter().map(Some).collect())
    }
}

/// `writers` begin with those of this field's leaves.
fn encode_by_library(
    field: &FieldRef,
    arrays: &[ArrayRef],
    writers: &mut [Option<ArrowColumnWriter>],
    columns: &mut Vec<Column>,
) -> Result<(), ParquetError> {
    let mut leaves = 0;
    for array in arrays {
        let parts = compute_leaves(field, array)?;
        leaves = parts.len();
        for (writer, part) in writers.iter_mut().flatten().zip(&parts) {
            writer.write(part)?;
        }
    }
    for writer in writers.iter_mut().take(leaves).filter_map(Option::take) {
        columns.push(Column::Library(writer.close()?));
    }
    Ok(())
}

/// The arrays of each column, so that a column can be let go when it is done.
fn by_column(schema: &SchemaRef, batches: Vec<RecordBatch>) -> Result<Vec<Vec<ArrayRef>>, ParquetError> {
    let mut columns = vec![Vec::with_capacity(batches.len()); schema.fields().len()];
    for batch in batches {
        let (_, arrays, _) = batch.into_parts();
        let expected = schema.fields().iter().map(|field| field.data_type());
        if !expected.eq(arrays.iter().map(|array| array.data_type())) {
            return Err(ParquetError::General("rows of different schemas cannot share a file".into()));
        }
        columns.iter_mut().zip(arrays).for_each(|(column, array)| column.push(array));
    }
    Ok(columns)
}

impl RowGroup {
    /// Appends the row group to a file.
    ///
    /// # Errors
    /// Storage faults.
    pub fn append_to<W: Write + Send>(
        self,
        writer: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        self.columns.into_iter().try_for_each(|column| match column {
            Column::Own(chunk) => writer.append_column(&chunk.bytes, chunk.close),
            Column::Library(chunk) => chunk.append_to_row_group(writer),
        })
    }

    /// What the footer says of each column.
    pub fn metadata(&self) -> impl Iterator<Item = &ColumnChunkMetaData> {
        self.columns.iter().map(|column| match column {
            Column::Own(chunk) => &chunk.close.metadata,
            Column::Library(chunk) => &chunk.close().metadata,
        })
    }
}

impl Column {
    fn bytes(&self) -> u64 {
        match self {
            Column::Own(chunk) => chunk.bytes.len() as u64,
            Column::Library(chunk) => chunk.close().bytes_written,
        }
    }
}

fn properties(compression: Compression) -> WriterProperties {
    WriterProperties::builder()
        .set_created_by(format!("lakegate {}", env!("CARGO_PKG_VERSION")))
        .set_compression(compress::codec(compression))
        .set_statistics_enabled(EnabledStatistics::Page)
        .build()
}
