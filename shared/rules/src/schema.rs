//! How the newtypes of this crate, which are texts in JSON, stand in the OpenAPI document.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// The schema of a type that is a text in JSON: its pattern and an example.
macro_rules! text {
    ($name:ident: $pattern:expr, $example:expr) => {
        impl utoipa::ToSchema for $name {}

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::schema::matching($pattern, $example)
            }
        }
    };
}
pub(crate) use text;

pub(crate) fn matching(pattern: &str, example: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).examples([example]).into()
}
