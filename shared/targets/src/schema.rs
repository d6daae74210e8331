//! How `target` objects stand in the OpenAPI document: what [`TargetSpec::parse`] takes.

use crate::{Caps, TargetSpec};
use std::ops::RangeInclusive;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

impl ToSchema for TargetSpec {
    fn name() -> std::borrow::Cow<'static, str> {
        "Target".into()
    }
}

impl PartialSchema for TargetSpec {
    fn schema() -> RefOr<Schema> {
        let text =
            |most| ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(most));
        let sqlite = with_limits("What a `sqlite` connection needs.")
            .property("path", text(512).description(Some("Below the configured root, without `..`.")))
            .required("path");
        let postgres = with_limits("What a `postgres` connection needs; its URL is its secret.")
            .property("application_name", text(63).default(Some("countersign".into())))
            .property(
                "ca_pem",
                text(16 * 1024).description(Some("The certificates that alone may sign the server's.")),
            );
        let mysql = with_limits("What a `mysql` connection needs; its URL is its secret.").property(
            "ca_pem",
            text(16 * 1024).description(Some("The certificates that alone may sign the server's.")),
        );
        let http = with_limits("What an `http` connection needs; its secret, if any, goes into a header.")
            .property(
                "base_url",
                text(2048).description(Some("Scheme, host and the beginning of the path of every call.")),
            )
            .required("base_url")
            .property(
                "allow",
                ArrayBuilder::new()
                    .items(text(64))
                    .max_items(Some(20))
                    .description(Some("Private networks that may be reached, such as `10.1.0.0/16`.")),
            )
            .property(
                "headers",
                ObjectBuilder::new()
                    .additional_properties(Some(text(4096)))
                    .description(Some("Headers of every call; they are no secret.")),
            );
        let runner =
            with_limits("What a `runner` connection needs; a `countersign runner` starts the program.")
                .property("runner", text(64).description(Some("Which runner, for people.")))
                .property(
                    "program",
                    ArrayBuilder::new().items(text(1024)).min_items(Some(1)).max_items(Some(32)).description(
                        Some("The program and its arguments; the command is its standard input."),
                    ),
                )
                .required("program");
        AnyOfBuilder::new()
            .item(sqlite)
            .item(postgres)
            .item(mysql)
            .item(http)
            .item(runner)
            .description(Some("What the connection's kind needs to know, and the limits of a run."))
            .into()
    }
}

fn with_limits(description: &str) -> ObjectBuilder {
    let default = Caps::default();
    let limit = |range: &RangeInclusive<u64>, default: u64| {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::Integer))
            .minimum(Some(*range.start()))
            .maximum(Some(*range.end()))
            .default(Some(default.into()))
    };
    ObjectBuilder::new()
        .description(Some(description))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .property(
            "statement_timeout_seconds",
            limit(&Caps::TIMEOUT_SECONDS, default.statement_timeout_ms / 1000),
        )
        .property("max_rows", limit(&Caps::ROWS, default.max_rows))
        .property("max_bytes", limit(&Caps::BYTES, default.max_bytes))
}
