//! The words that all routes share in the OpenAPI document.
//!
//! Each function describes its own routes beside their handlers; `tests/openapi` joins them. No
//! function calls what stands here, so no function's binary holds it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Ref, Schema, SchemaType, Type};
use utoipa::openapi::{ContentBuilder, RefOr, Required};
use utoipa::{IntoParams, IntoResponses, PartialSchema, ToSchema};

use crate::Problem;
use crate::json::List;
use crate::problem::TYPE_BASE;

/// The answers by name, as `components.responses`.
pub type Answers = BTreeMap<&'static str, Response>;

/// Makes a type for each answer that is a problem. As one of a route's `responses` it refers to the
/// answer in [`problems`]. Its documentation is its description there.
macro_rules! problem_answers {
    ($($(#[doc = $doc:literal])+ $name:ident = $status:literal $($header:literal)?;)+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone, Copy)]
            pub struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    let reference = Ref::from_response_name(stringify!($name));
                    BTreeMap::from([($status.to_owned(), reference.into())])
                }
            }
        )+

        /// Every answer that is a problem.
        #[must_use]
        pub fn problems() -> Answers {
            BTreeMap::from([
                $((stringify!($name), problem(concat!($($doc),+), &[$($header)?])),)+
            ])
        }
    };
}

problem_answers! {
    /// `bad-request`: the call is not what this document says; `errors` says where.
    Malformed = "400";
    /// `unauthenticated`: no token, or none that is valid.
    Unauthenticated = "401" "WWW-Authenticate";
    /// `forbidden`: you may not, or your account is disabled. `token-scope`: your token is not for this.
    Forbidden = "403";
    /// `not-a-reviewer`, `own-request`, or `forbidden`: you may not decide this request. `token-scope`: your
    /// token is not for this.
    MayNotDecide = "403";
    /// `not-found`: it is not there, or not for you.
    NotFound = "404";
    /// `wrong-status`, with `status_now`: the request is not, or no longer, in a state in which this is
    /// possible. `vote-not-needed`: the vote would fill no open place. `conflict`: too many changed it
    /// at once.
    WrongStatus = "409";
    /// `already-claimed`: another one has it, or the lease is over. `not-asked`: the requester has not asked
    /// for the run. `other-executor`: the service runs it. `wrong-status`, with `status_now`. `conflict`:
    /// the piece of output is not the next one, or came before with other rows.
    NotTheRunners = "409";
    /// `no-output`, with `status_now`: the request has not run.
    NoOutput = "409";
    /// `not-sealed`: its last event is not under a checkpoint yet; one is made each minute.
    NotSealed = "409";
    /// `exists`: it is there already; send its `ETag` in `If-Match` to change it.
    Exists = "409";
    /// `email-taken`, or `last-admin`.
    PersonConflict = "409";
    /// `too-many-tokens`: revoke one first.
    TooManyTokens = "409";
    /// `too-many-webhooks`: delete one first.
    TooManyWebhooks = "409";
    /// `not-configured`: put the settings first.
    NotConfigured = "409";
    /// `too-many-open-requests`: as many requests of yours are open as may be; cancel some, or wait until some
    /// have ended. `conflict`: the same `Idempotency-Key` is still in flight.
    NotTakenIn = "409";
    /// `digest-mismatch`: the request is not what you looked at.
    DigestMismatch = "412";
    /// `stale`: it has changed since you looked at it.
    Stale = "412";
    /// `too-large`: more than the service takes.
    TooLarge = "413";
    /// `unsupported-media-type`: send `application/json`.
    NotJson = "415";
    /// `invalid`: well-formed, but it cannot be; `errors` says why.
    Invalid = "422";
    /// `invalid`: well-formed, but it cannot be. `output-withheld`: a guardrail of the connection lets nobody
    /// see this output; report it so.
    OutputWithheld = "422";
    /// `invalid`; or `idempotency-key-reused`: the key came before, with another body.
    InvalidOrReused = "422";
    /// `precondition-required`: say what you looked at.
    PreconditionRequired = "428";
    /// `too-many-requests`: you call too often; come again after `Retry-After` seconds. `too-many-checks`: the same
    /// for dry runs.
    TooMany = "429" "Retry-After";
    /// `internal`: our fault.
    Internal = "500";
    /// `unavailable`: it may have happened; look again, or repeat it with the same `Idempotency-Key`.
    Unavailable = "503" "Retry-After";
}

/// What every route answers that wants to know who calls.
#[derive(Debug, Clone, Copy)]
pub struct Signed;

impl IntoResponses for Signed {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut all = Unauthenticated::responses();
        all.extend(Forbidden::responses());
        all.extend(TooMany::responses());
        all.extend(Internal::responses());
        all.extend(Unavailable::responses());
        all
    }
}

/// What every route answers that takes a body.
#[derive(Debug, Clone, Copy)]
pub struct WithBody;

impl IntoResponses for WithBody {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut all = Malformed::responses();
        all.extend(TooLarge::responses());
        all.extend(NotJson::responses());
        all
    }
}

fn problem(description: &str, headers: &[&str]) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let answer =
        ResponseBuilder::new().description(description.trim()).content("application/problem+json", content);
    let header = || HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build();
    headers.iter().fold(answer, |answer, name| answer.header(*name, header())).build()
}

impl ToSchema for Problem {}

impl PartialSchema for Problem {
    /// The schema of [`Problem::body`], with `instance`, which the edge adds.
    fn schema() -> RefOr<Schema> {
        let text = |description: &str| {
            ObjectBuilder::new().schema_type(Type::String).description(Some(description)).build()
        };
        let pointer = text("RFC 6901: where in the body; empty for the whole.");
        let error = ObjectBuilder::new()
            .property("pointer", pointer)
            .property("message", text("What is wrong there."))
            .required("pointer")
            .required("message");
        let kind = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(format!("^{}[a-z][a-z-]*$", TYPE_BASE.replace('.', "\\."))))
            .description(Some("A fixed address that ends in a slug, by which programs tell problems apart."));
        let status = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(400))
            .maximum(Some(599))
            .description(Some("The status of the answer."));
        ObjectBuilder::new()
            .property("type", kind)
            .property("title", text("What kind of problem it is."))
            .property("status", status)
            .property("detail", text("What was expected, what came, and what to do next."))
            .property("instance", text("The path that was called."))
            .property("request_id", text("The request that it is about."))
            .property("status_now", text("The status that the request has."))
            .property("precondition", text("The header that is missing."))
            .property("errors", ArrayBuilder::new().items(error))
            .required("type")
            .required("title")
            .required("status")
            .required("detail")
            .required("instance")
            .description(Some("RFC 9457. More members may come."))
            .into()
    }
}

impl<T: ToSchema> ToSchema for List<T> {
    fn name() -> Cow<'static, str> {
        format!("{}List", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into(), T::schema()));
        T::schemas(schemas);
    }
}

impl<T: ToSchema> PartialSchema for List<T> {
    /// Derived it would hold its items' schema instead of referring to it.
    fn schema() -> RefOr<Schema> {
        let text_or_null = SchemaType::from_iter([Type::String, Type::Null]);
        let next = ObjectBuilder::new()
            .schema_type(text_or_null)
            .description(Some("The `cursor` of the next page; null at the end."));
        ObjectBuilder::new()
            .property("items", ArrayBuilder::new().items(Ref::from_schema_name(T::name())))
            .property("next_cursor", next)
            .required("items")
            .required("next_cursor")
            .description(Some("A page of a list."))
            .into()
    }
}

fn parameter(name: &str, place: ParameterIn, description: &str, schema: ObjectBuilder) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

/// The parameters `limit` and `cursor` of lists.
#[derive(Debug, Clone, Copy)]
pub struct Paging;

impl IntoParams for Paging {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let limit = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(200))
            .default(Some(50.into()));
        let cursor = ObjectBuilder::new().schema_type(Type::String);
        vec![
            parameter("limit", ParameterIn::Query, "How many items a page has at the most.", limit),
            parameter("cursor", ParameterIn::Query, "The `next_cursor` of the page before.", cursor),
        ]
    }
}

/// The header `Idempotency-Key`.
#[derive(Debug, Clone, Copy)]
pub struct IdempotencyKey;

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let key = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!-~]{1,255}$"));
        let description = "Any text of your own. The same key with the same body within 24 hours gives the first answer again.";
        vec![parameter("Idempotency-Key", ParameterIn::Header, description, key)]
    }
}

/// The header `If-Match`.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch;

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let tag = ObjectBuilder::new().schema_type(Type::String);
        let description = "The `ETag` of what you looked at. Without it, nothing that exists is changed.";
        vec![parameter("If-Match", ParameterIn::Header, description, tag)]
    }
}
