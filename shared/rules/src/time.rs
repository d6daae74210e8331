//! Instants in UTC with millisecond precision.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};

/// An instant: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// As JSON it is the text that [`Timestamp::rfc3339`] gives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

impl Timestamp {
    /// Makes an instant of milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Whole minutes since the Unix epoch, rounded down.
    #[must_use]
    pub const fn unix_minutes(self) -> i64 {
        self.0.div_euclid(60_000)
    }

    /// The instant that many seconds later; the end of time instead of an overflow.
    #[must_use]
    pub fn plus_seconds(self, seconds: u32) -> Self {
        self.plus_millis(i64::from(seconds).saturating_mul(1000))
    }

    /// The instant that many milliseconds later (or earlier, if negative).
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// How many milliseconds this instant lies after `earlier`; negative if it lies before.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// RFC 3339 in UTC with `Z` and three digits after the second, so that texts sort as instants do.
    #[must_use]
    pub fn rfc3339(self) -> String {
        const FORMAT: &[time::format_description::BorrowedFormatItem<'static>] =
            format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0).saturating_mul(1_000_000))
            .ok()
            .and_then(|instant| instant.format(FORMAT).ok())
            // Outside of the years -9999 to 9999 there is no text; nothing of ours gets there.
            .unwrap_or_else(|| format!("{}ms", self.0))
    }

    /// Reads RFC 3339, any offset; finer than a millisecond is cut off.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let instant = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let millis = instant.unix_timestamp_nanos().div_euclid(1_000_000);
        i64::try_from(millis).ok().map(Self)
    }
}

/// A text that is no RFC 3339 instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an RFC 3339 instant such as `2026-11-23T04:05:06Z`, got `{0}`")]
pub struct InvalidTimestamp(String);

impl TryFrom<String> for Timestamp {
    type Error = InvalidTimestamp;
    fn try_from(text: String) -> Result<Self, InvalidTimestamp> {
        Self::parse_rfc3339(&text).ok_or_else(|| InvalidTimestamp(text.chars().take(64).collect()))
    }
}

impl From<Timestamp> for String {
    fn from(instant: Timestamp) -> Self {
        instant.rfc3339()
    }
}

impl utoipa::ToSchema for Timestamp {}

impl utoipa::PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("An instant: RFC 3339, in answers always UTC with `Z`."))
            .examples(["2026-11-23T04:05:06.789Z"])
            .into()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_is_utc_with_z_and_reads_back() {
        let instant = Timestamp::from_unix_millis(1_790_000_000_007);
        assert_eq!(instant.rfc3339(), "2026-09-21T14:13:20.007Z");
        assert_eq!(Timestamp::parse_rfc3339(&instant.rfc3339()), Some(instant));
        assert_eq!(Timestamp::parse_rfc3339("2026-09-21T16:13:20.007999+02:00"), Some(instant));
        assert_eq!(Timestamp::parse_rfc3339("2026-09-21"), None);
    }
}
