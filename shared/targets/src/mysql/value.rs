//! Columns and cells: names of types, and text.

use crate::{Column, ColumnSource};
use mysql_async::Value;
use mysql_async::consts::{ColumnFlags, ColumnType};
use std::fmt::Write;

/// The number of the character set of bytes that are no text.
const BINARY: u16 = 63;
const NOT_TEXT: &str = "[not valid UTF-8]";

pub(super) fn column(column: &mysql_async::Column) -> Column {
    let (table, origin) = (column.org_table_str(), column.org_name_str());
    let source = (!table.is_empty() && !origin.is_empty()).then(|| ColumnSource {
        table: format!("{}.{table}", column.schema_str()),
        column: origin.into_owned(),
    });
    Column { name: column.name_str().into_owned(), type_name: type_name(column), source }
}

/// NULL is `None`; bytes that are no text are `\x` and hexadecimal digits, as for the other kinds.
pub(super) fn text(value: &Value, binary: bool) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) if binary => Some(hexadecimal(bytes)),
        Value::Bytes(bytes) => {
            Some(std::str::from_utf8(bytes).map_or_else(|_| NOT_TEXT.to_owned(), str::to_owned))
        }
        // The text protocol has no others.
        other => Some(other.as_sql(true)),
    }
}

/// True if the cells of a column are bytes and no text.
pub(super) fn is_binary(column: &mysql_async::Column) -> bool {
    use ColumnType as T;
    match column.column_type() {
        T::MYSQL_TYPE_BIT | T::MYSQL_TYPE_GEOMETRY | T::MYSQL_TYPE_VECTOR => true,
        kind if is_string(kind) => column.character_set() == BINARY,
        _ => false,
    }
}

fn is_string(kind: ColumnType) -> bool {
    use ColumnType as T;
    matches!(
        kind,
        T::MYSQL_TYPE_STRING
            | T::MYSQL_TYPE_VAR_STRING
            | T::MYSQL_TYPE_VARCHAR
            | T::MYSQL_TYPE_TINY_BLOB
            | T::MYSQL_TYPE_BLOB
            | T::MYSQL_TYPE_MEDIUM_BLOB
            | T::MYSQL_TYPE_LONG_BLOB
    )
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("\\x");
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn type_name(column: &mysql_async::Column) -> String {
    use ColumnType as T;
    let flags = column.flags();
    let binary = column.character_set() == BINARY;
    let name = match column.column_type() {
        _ if flags.contains(ColumnFlags::ENUM_FLAG) => "ENUM",
        _ if flags.contains(ColumnFlags::SET_FLAG) => "SET",
        T::MYSQL_TYPE_TINY => "TINYINT",
        T::MYSQL_TYPE_SHORT => "SMALLINT",
        T::MYSQL_TYPE_INT24 => "MEDIUMINT",
        T::MYSQL_TYPE_LONG => "INT",
        T::MYSQL_TYPE_LONGLONG => "BIGINT",
        T::MYSQL_TYPE_FLOAT => "FLOAT",
        T::MYSQL_TYPE_DOUBLE => "DOUBLE",
        T::MYSQL_TYPE_DECIMAL | T::MYSQL_TYPE_NEWDECIMAL => "DECIMAL",
        T::MYSQL_TYPE_NULL => "NULL",
        T::MYSQL_TYPE_TIMESTAMP | T::MYSQL_TYPE_TIMESTAMP2 => "TIMESTAMP",
        T::MYSQL_TYPE_DATE | T::MYSQL_TYPE_NEWDATE => "DATE",
        T::MYSQL_TYPE_TIME | T::MYSQL_TYPE_TIME2 => "TIME",
        T::MYSQL_TYPE_DATETIME | T::MYSQL_TYPE_DATETIME2 => "DATETIME",
        T::MYSQL_TYPE_YEAR => "YEAR",
        T::MYSQL_TYPE_BIT => "BIT",
        T::MYSQL_TYPE_JSON => "JSON",
        T::MYSQL_TYPE_VECTOR => "VECTOR",
        T::MYSQL_TYPE_GEOMETRY => "GEOMETRY",
        T::MYSQL_TYPE_ENUM => "ENUM",
        T::MYSQL_TYPE_SET => "SET",
        T::MYSQL_TYPE_STRING if binary => "BINARY",
        T::MYSQL_TYPE_STRING => "CHAR",
        T::MYSQL_TYPE_VARCHAR | T::MYSQL_TYPE_VAR_STRING if binary => "VARBINARY",
        T::MYSQL_TYPE_VARCHAR | T::MYSQL_TYPE_VAR_STRING => "VARCHAR",
        T::MYSQL_TYPE_TINY_BLOB
        | T::MYSQL_TYPE_BLOB
        | T::MYSQL_TYPE_MEDIUM_BLOB
        | T::MYSQL_TYPE_LONG_BLOB
            if binary =>
        {
            "BLOB"
        }
        T::MYSQL_TYPE_TINY_BLOB
        | T::MYSQL_TYPE_BLOB
        | T::MYSQL_TYPE_MEDIUM_BLOB
        | T::MYSQL_TYPE_LONG_BLOB => "TEXT",
        T::MYSQL_TYPE_TYPED_ARRAY | T::MYSQL_TYPE_UNKNOWN => "",
    };
    let number = matches!(
        column.column_type(),
        T::MYSQL_TYPE_TINY
            | T::MYSQL_TYPE_SHORT
            | T::MYSQL_TYPE_INT24
            | T::MYSQL_TYPE_LONG
            | T::MYSQL_TYPE_LONGLONG
    );
    if number && flags.contains(ColumnFlags::UNSIGNED_FLAG) {
        format!("{name} UNSIGNED")
    } else {
        name.to_owned()
    }
}
