//! A stream record, from dynoxide's row to Lambda's event JSON.

use crate::{ACCOUNT, REGION};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// dynoxide shows its sequence numbers with this added, 21 digits as DynamoDB's have; so do
/// we, so that a record has one number wherever it is seen.
const SEQUENCE_OFFSET: i128 = 100_000_000_000_000_000_000;

/// Where records come from.
#[derive(Debug, Clone, Default)]
pub(super) struct Source {
    arn: Arc<str>,
    view_type: Arc<str>,
}

impl Source {
    pub(super) fn new(table: &str, view_type: Option<String>, label: Option<String>) -> Self {
        let label = label.unwrap_or_default();
        Self {
            arn: format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/stream/{label}").into(),
            view_type: view_type.unwrap_or_else(|| "NEW_AND_OLD_IMAGES".to_owned()).into(),
        }
    }
}

/// A row of the stream table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) sequence: i64,
    source: Source,
    event_id: Option<String>,
    event_name: String,
    keys: String,
    new_image: Option<String>,
    old_image: Option<String>,
    created_at: i64,
    user_identity: Option<String>,
}

impl Row {
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sequence: row.get(0)?,
            source: Source::default(),
            event_id: row.get(1)?,
            event_name: row.get(2)?,
            keys: row.get(3)?,
            new_image: row.get(4)?,
            old_image: row.get(5)?,
            created_at: row.get(6)?,
            user_identity: row.get(7)?,
        })
    }

    pub(super) fn with_source(mut self, source: &Source) -> Self {
        self.source = source.clone();
        self
    }

    /// The record for the function, if its new image passes the filter.
    pub(super) fn into_record(self, filter: &dyn Fn(&Value) -> bool) -> Option<Record> {
        let new_image = parse(self.sequence, self.new_image.as_deref()?)?;
        if !filter(&new_image) {
            return None;
        }
        let keys = parse(self.sequence, &self.keys)?;
        let size = self.keys.len()
            + self.new_image.as_ref().map_or(0, String::len)
            + self.old_image.as_ref().map_or(0, String::len);
        let number = (SEQUENCE_OFFSET + i128::from(self.sequence)).to_string();
        let item = item_key(&keys);
        let mut change = Map::new();
        change.insert("ApproximateCreationDateTime".into(), self.created_at.into());
        change.insert("Keys".into(), keys);
        change.insert("NewImage".into(), new_image);
        if let Some(old_image) = self.old_image.as_deref() {
            change.insert("OldImage".into(), parse(self.sequence, old_image)?);
        }
        change.insert("SequenceNumber".into(), number.clone().into());
        change.insert("SizeBytes".into(), size.into());
        change.insert("StreamViewType".into(), (*self.source.view_type).into());
        let mut json = json!({
            "eventID": self.event_id.unwrap_or_else(|| number.clone()),
            "eventName": self.event_name,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": REGION,
            "dynamodb": change,
            "eventSourceARN": &*self.source.arn,
        });
        let identity = self.user_identity.as_deref().map(serde_json::from_str);
        if let (Some(Ok(identity)), Some(members)) = (identity, json.as_object_mut()) {
            let identity: Value = identity;
            members.insert("userIdentity".into(), identity);
        }
        Some(Record { item, number, json })
    }
}

/// dynoxide wrote this JSON; if it cannot be read, the record says nothing to anybody.
fn parse(sequence: i64, text: &str) -> Option<Value> {
    serde_json::from_str(text)
        .inspect_err(|_| {
            tracing::error!(sequence, "a stream record is unreadable; it is passed");
        })
        .ok()
}

/// The item's identity: its keys in one order, since dynoxide's differs from row to row.
fn item_key(keys: &Value) -> String {
    let sorted: BTreeMap<&String, &Value> = keys.as_object().into_iter().flatten().collect();
    let parts: Vec<String> = sorted.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    parts.join("\n")
}

/// A record for the function.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// Which item it is about; records of one item stay in order.
    pub(super) item: String,
    /// The sequence number as the function sees it.
    pub(super) number: String,
    /// The record as an element of `Records`.
    pub(super) json: Value,
}

/// The event of one invocation.
pub(super) fn of_records(records: &[Record]) -> Value {
    let records: Vec<&Value> = records.iter().map(|record| &record.json).collect();
    json!({"Records": records})
}

#[cfg(test)]
impl Record {
    /// A record of `item` for the tests of the submodules.
    pub(super) fn for_test(item: &str, number: u32) -> Self {
        let number = number.to_string();
        Self {
            item: item.to_owned(),
            json: json!({"item": item, "dynamodb": {"SequenceNumber": number}}),
            number,
        }
    }
}
