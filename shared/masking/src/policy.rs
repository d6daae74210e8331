//! What a connection's `masking` object says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_path_to_error::Segment;

use crate::Entity;

/// What to mask and how, as the `masking` object of a connection gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaskingPolicy {
    /// Off means that output is stored and shown as it is.
    pub enabled: bool,
    /// What to look for; empty means everything.
    pub entities: Vec<Entity>,
    /// Columns (`note`, `customers.note`) that are masked whole, besides those known by their name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Values, and names of columns (`customers.name`), that are not masked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// How values are masked.
    #[serde(skip_serializing_if = "Style::is_replace")]
    pub style: Style,
    /// How the values of single entities are masked.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub styles: BTreeMap<Entity, Style>,
}

impl Default for MaskingPolicy {
    fn default() -> Self {
        MaskingPolicy {
            enabled: true,
            entities: Vec::new(),
            columns: Vec::new(),
            allow: Vec::new(),
            style: Style::Replace,
            styles: BTreeMap::new(),
        }
    }
}

/// What takes the place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// `<EMAIL_ADDRESS>`.
    Replace,
    /// `**** **** **** 1111`: the last four letters and digits stay, if there are at least eight.
    KeepLast4,
    /// `<EMAIL_ADDRESS:6f2a9c04d81b77e3>`: a keyed hash, so that equal values stay equal within a connection.
    Hash,
}

impl Style {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
    fn is_replace(&self) -> bool {
        *self == Self::Replace
    }
}

/// Why a policy cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("masking{pointer}: {message}")]
pub struct PolicyError {
    /// Where, as a JSON pointer into the `masking` object; empty for the whole.
    pub pointer: String,
    /// What was expected and what came.
    pub message: String,
}

impl MaskingPolicy {
    /// Reads the `masking` object of a connection.
    ///
    /// # Errors
    /// Unknown members and entities, and values of another type.
    pub fn parse(value: &serde_json::Value) -> Result<MaskingPolicy, PolicyError> {
        serde_path_to_error::deserialize(value).map_err(|error| {
            let pointer = error.path().iter().map(pointer_of).collect();
            PolicyError { pointer, message: error.into_inner().to_string() }
        })
    }

    /// Whether masking needs the connection's key.
    #[must_use]
    pub fn needs_key(&self) -> bool {
        self.enabled && (self.style == Style::Hash || self.styles.values().any(|style| *style == Style::Hash))
    }

    /// Whether it can be used, with a key of the connection's or without. This builds no recogniser, so
    /// that whoever only saves policies holds none.
    ///
    /// # Errors
    /// A style that hashes, and no key.
    pub fn check(&self, has_key: bool) -> Result<(), PolicyError> {
        if self.needs_key() && !has_key {
            let message = "expected a key of this connection for the style `hash`; none came. Give the connection \
                           one, or choose `replace` or `keep_last4`";
            return Err(PolicyError { pointer: "/style".to_owned(), message: message.to_owned() });
        }
        Ok(())
    }

    pub(crate) fn style_of(&self, entity: Entity) -> Style {
        if entity.is_secret() {
            return Style::Replace;
        }
        self.styles.get(&entity).copied().unwrap_or(self.style)
    }
}

fn pointer_of(segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { variant } => format!("/{variant}"),
        Segment::Unknown => String::new(),
    }
}
