//! Lists that come in pages.

use serde_json::Value;

use super::{Call, Client};
use crate::error::CliError;

/// Reads pages until `limit` items are there or the list ends. Gives the items and whether the list
/// goes on.
///
/// # Errors
/// As [`Client::json`].
pub(crate) async fn pages(
    client: &Client,
    call: &Call,
    limit: usize,
) -> Result<(Vec<Value>, bool), CliError> {
    let mut items = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let size = limit.saturating_sub(items.len()).clamp(1, 200);
        let sized = call.clone().with("limit", size.to_string());
        let (page, next) = page(client, sized, cursor.as_deref()).await?;
        items.extend(page);
        if next.is_none() || items.len() >= limit {
            let more = next.is_some() || items.len() > limit;
            items.truncate(limit);
            return Ok((items, more));
        }
        cursor = next;
    }
}

/// Reads a whole list in large pages.
///
/// # Errors
/// As [`pages`].
pub(crate) async fn every_item(client: &Client, call: &Call) -> Result<Vec<Value>, CliError> {
    Ok(pages(client, call, usize::MAX).await?.0)
}

/// Reads a whole list in pages of the service's choice: for those that take no `limit`.
///
/// # Errors
/// As [`pages`].
pub(crate) async fn all_pages(client: &Client, call: &Call) -> Result<Vec<Value>, CliError> {
    let mut items = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let (page, next) = page(client, call.clone(), cursor.as_deref()).await?;
        items.extend(page);
        if next.is_none() {
            return Ok(items);
        }
        cursor = next;
    }
}

/// One page and the cursor of the next. A cursor that repeats itself ends the list: it would go on
/// for ever.
async fn page(
    client: &Client,
    call: Call,
    cursor: Option<&str>,
) -> Result<(Vec<Value>, Option<String>), CliError> {
    let mut body = client.json(&call.with_some("cursor", cursor)).await?;
    let Some(Value::Array(items)) = body.get_mut("items").map(Value::take) else {
        return Err(client.odd("a list without `items`"));
    };
    let next = body.get("next_cursor").and_then(Value::as_str).filter(|next| Some(*next) != cursor);
    Ok((items, next.map(str::to_owned)))
}
