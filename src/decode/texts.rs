//! The source texts of a chunk's rows: kept while a row may still be refused, so that a reject has its exact text and place.

/// One text for each row, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    bytes: Vec<u8>,
    rows: Vec<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    number: u64,
    offset: u64,
    start: usize,
    length: usize,
}

/// Where a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'t> {
    /// 1 for the first record of the file.
    pub number: u64,
    /// First byte of the record in the decompressed file.
    pub offset: u64,
    /// The record's exact bytes.
    pub raw: &'t [u8],
}

impl Texts {
    /// Adds the text of the next row.
    pub fn push(&mut self, origin: Origin<'_>) {
        let Origin { number, offset, raw } = origin;
        self.rows.push(Place { number, offset, start: self.bytes.len(), length: raw.len() });
        self.bytes.extend_from_slice(raw);
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn row(&self, at: usize) -> Origin<'_> {
        let Place { number, offset, start, length } = self.rows[at];
        Origin { number, offset, raw: &self.bytes[start..start + length] }
    }

    /// Memory, in bytes.
    pub fn weight(&self) -> usize {
        self.bytes.len() + size_of_val(self.rows.as_slice())
    }

    /// The last `count` rows were counted from the start of some text: it lies at `offset`, behind `records` records.
    pub fn place_last(&mut self, count: usize, records: u64, offset: u64) {
        let first = self.rows.len().saturating_sub(count);
        for row in &mut self.rows[first..] {
            row.number += records;
            row.offset += offset;
        }
    }

    /// All rows lie behind `records` more records.
    pub fn follow(&mut self, records: u64) {
        self.rows.iter_mut().for_each(|row| row.number += records);
    }

    /// Forgets all but the first rows.
    pub fn truncate(&mut self, rows: usize) {
        if let Some(first) = self.rows.get(rows) {
            self.bytes.truncate(first.start);
        }
        self.rows.truncate(rows);
    }

    /// Forgets the rows for which `keep` does not hold; their bytes stay until the rest goes, too.
    pub fn retain(&mut self, keep: &[bool]) {
        let mut keep = keep.iter();
        self.rows.retain(|_| keep.next().copied().unwrap_or(true));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(texts: &mut Texts, number: u64, offset: u64, raw: &str) {
        texts.push(Origin { number, offset, raw: raw.as_bytes() });
    }

    fn told(texts: &Texts) -> Vec<(u64, u64, String)> {
        let rows = (0..texts.len()).map(|at| texts.row(at));
        rows.map(|row| (row.number, row.offset, String::from_utf8_lossy(row.raw).into_owned())).collect()
    }

    #[test]
    fn rows_keep_their_texts_and_places() {
        let mut texts = Texts::default();
        push(&mut texts, 1, 0, "{\"a\":1}");
        push(&mut texts, 1, 2, "second");
        push(&mut texts, 2, 9, "third");
        texts.place_last(2, 1, 100);
        texts.follow(10);
        let (first, second) = ((11, 0, "{\"a\":1}".into()), (12, 102, "second".into()));
        assert_eq!(told(&texts), [first, second.clone(), (13, 109, "third".into())]);
        texts.truncate(2);
        push(&mut texts, 20, 200, "fourth");
        texts.retain(&[false, true, true]);
        assert_eq!(told(&texts), [second, (20, 200, "fourth".into())]);
    }
}
