//! How values become attributes: JSON, compressed where it would not be small.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use countersign_rules::{Event, Request};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StorageError;

/// An item as the SDK has it.
pub type Item = HashMap<String, AttributeValue>;

/// The version of the layout of every item; an item of a newer one fails closed.
pub const SCHEMA_VERSION: u32 = 1;
const SCHEMA: &str = "v";

/// Makes an item with its keys and its schema version.
pub(crate) fn item(pk: &str, sk: &str) -> Item {
    let mut item = key(pk, sk);
    item.insert(SCHEMA.to_owned(), number(SCHEMA_VERSION));
    item
}

/// The key of an item.
pub(crate) fn key(pk: &str, sk: &str) -> Item {
    HashMap::from([(crate::schema::PK.to_owned(), text(pk)), (crate::schema::SK.to_owned(), text(sk))])
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn binary(value: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

pub(crate) fn get_text<'a>(item: &'a Item, name: &str) -> Result<&'a str, StorageError> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.map(String::as_str).ok_or_else(|| StorageError::Corrupt(format!("attribute `{name}` is no text")))
}

pub(crate) fn get_number(item: &Item, name: &str) -> Result<u64, StorageError> {
    let value = item.get(name).and_then(|value| value.as_n().ok());
    value
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| StorageError::Corrupt(format!("attribute `{name}` is no number")))
}

pub(crate) fn get_binary<'a>(item: &'a Item, name: &str) -> Result<&'a [u8], StorageError> {
    let value = item.get(name).and_then(|value| value.as_b().ok());
    value
        .map(|blob| blob.as_ref())
        .ok_or_else(|| StorageError::Corrupt(format!("attribute `{name}` is no binary")))
}

/// Refuses an item that a newer version of ours wrote.
pub(crate) fn check_schema(item: &Item) -> Result<(), StorageError> {
    match get_number(item, SCHEMA)? {
        1 => Ok(()),
        other => Err(StorageError::Corrupt(format!(
            "schema version {other}, this program knows {SCHEMA_VERSION}; deploy the newer one"
        ))),
    }
}

/// Compresses bytes: zlib, RFC 1950.
///
/// # Errors
/// Never in practice: writing to memory does not fail.
pub fn compress(bytes: &[u8]) -> Result<Vec<u8>, StorageError> {
    compress_to(Compression::new(6), bytes)
}

/// The same in a sixth of the time, and a sixth larger: for what a command that runs waits for.
///
/// # Errors
/// As [`compress`].
pub fn compress_fast(bytes: &[u8]) -> Result<Vec<u8>, StorageError> {
    compress_to(Compression::fast(), bytes)
}

fn compress_to(level: Compression, bytes: &[u8]) -> Result<Vec<u8>, StorageError> {
    let mut encoder = ZlibEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).map_err(|error| StorageError::corrupt("compression", error))?;
    encoder.finish().map_err(|error| StorageError::corrupt("compression", error))
}

/// Turns back what [`compress`] or [`compress_fast`] made, up to 64 MiB.
///
/// # Errors
/// [`StorageError::Corrupt`] if it is no such thing.
pub fn decompress(bytes: &[u8]) -> Result<Vec<u8>, StorageError> {
    let mut plain = Vec::new();
    let mut decoder = ZlibDecoder::new(bytes).take(64 * 1024 * 1024);
    decoder.read_to_end(&mut plain).map_err(|error| StorageError::corrupt("compressed bytes", error))?;
    Ok(plain)
}

pub(crate) fn pack<T: Serialize>(what: &str, value: &T) -> Result<Vec<u8>, StorageError> {
    let json = serde_json::to_vec(value).map_err(|error| StorageError::corrupt(what, error))?;
    compress(&json)
}

pub(crate) fn unpack<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, StorageError> {
    serde_json::from_slice(&decompress(bytes)?).map_err(|error| StorageError::corrupt(what, error))
}

/// Reads the state of a request out of the bytes of a state item's attribute `doc`: what the
/// stream's records carry.
///
/// # Errors
/// [`StorageError::Corrupt`], also for a state that a newer version wrote.
pub fn decode_request(doc: &[u8]) -> Result<Request, StorageError> {
    unpack("the state of a request", doc)
}

pub(crate) fn decode_events(doc: &[u8]) -> Result<Vec<Event>, StorageError> {
    unpack("the events of a request", doc)
}
