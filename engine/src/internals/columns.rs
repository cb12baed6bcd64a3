//! Encoding and decoding one column.

use crate::chunk::{BytesColumn, Column, ColumnData};
use crate::column::{self, ColumnView, DictionaryBuilder, DictionaryView};
use crate::types::DataType;

/// Rows of a full column.
pub const ROWS: usize = column::ROWS_MAX;

/// Values of one column.
#[derive(Debug)]
pub struct Values {
    column: Column,
    data_type: DataType,
}

impl Values {
    /// Integers.
    pub fn ints(values: impl IntoIterator<Item = i64>) -> Self {
        let data = ColumnData::Int(values.into_iter().collect());
        Values { column: Column { data, validity: None }, data_type: DataType::Int64 }
    }

    /// Floats.
    pub fn floats(values: impl IntoIterator<Item = f64>) -> Self {
        let data = ColumnData::Float64(values.into_iter().collect());
        Values { column: Column { data, validity: None }, data_type: DataType::Float64 }
    }

    /// Booleans.
    pub fn bools(values: impl IntoIterator<Item = bool>) -> Self {
        let mut column = Column::new(DataType::Bool.physical());
        if let ColumnData::Bool(bits) = &mut column.data {
            values.into_iter().for_each(|value| bits.push(value));
        }
        Values { column, data_type: DataType::Bool }
    }

    /// Texts.
    pub fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut bytes = BytesColumn::default();
        values.into_iter().for_each(|text| bytes.push(text.as_bytes()));
        let data = ColumnData::Bytes(bytes);
        Values { column: Column { data, validity: None }, data_type: DataType::String }
    }

    /// The column in the encoding that it asks for. At most [`ROWS`] values.
    pub fn encode(&self) -> Encoded {
        let (mut builder, mut bytes) = (DictionaryBuilder::new(), Vec::new());
        let encoded = column::encode(&self.column, self.data_type, &mut builder, &mut bytes);
        let dictionary = builder.is_used().then(|| {
            let mut dictionary = Vec::new();
            builder.finish(&mut dictionary);
            dictionary
        });
        Encoded {
            encoding: encoded.encoding.code(),
            name: format!("{:?}", encoded.encoding),
            rows: self.column.len(),
            data_type: self.data_type,
            bytes,
            dictionary,
        }
    }
}

/// An encoded column.
#[derive(Debug)]
pub struct Encoded {
    encoding: u16,
    name: String,
    rows: usize,
    data_type: DataType,
    bytes: Vec<u8>,
    dictionary: Option<Vec<u8>>,
}

impl Encoded {
    /// The encoding's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of the column and its dictionary.
    pub fn bytes(&self) -> usize {
        self.bytes.len() + self.dictionary.as_ref().map_or(0, Vec::len)
    }

    /// To read from. `None` if the bytes are no such column, which would be a bug.
    pub fn view(&self) -> Option<View<'_>> {
        let physical = self.data_type.physical();
        let dictionary = match &self.dictionary {
            Some(bytes) => Some(DictionaryView::parse(bytes, physical).ok()?),
            None => None,
        };
        let (rows, data_type) = (self.rows, self.data_type);
        let view = ColumnView::parse(self.encoding, rows, data_type, &self.bytes, dictionary);
        Some(View { view: view.ok()?, rows, data_type })
    }
}

/// An encoded column, ready to be read.
#[derive(Debug)]
pub struct View<'a> {
    view: ColumnView<'a>,
    rows: usize,
    data_type: DataType,
}

impl View<'_> {
    /// Decodes one value. Whether that worked.
    pub fn get(&self, row: usize) -> bool {
        std::hint::black_box(self.view.get(row)).is_ok()
    }

    /// Decodes all values. How many there are.
    pub fn unpack(&self) -> usize {
        let mut out = Column::new(self.data_type.physical());
        let done = self.view.unpack(0..self.rows, &mut out);
        std::hint::black_box(&out);
        if done.is_ok() { out.len() } else { 0 }
    }
}
