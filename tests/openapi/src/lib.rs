//! The OpenAPI document, joined from what each function says of its own routes.
//!
//! `cargo run -p countersign-openapi` writes it to [`FILE`], which `console` serves.

use countersign_http::Problem;
use countersign_http::openapi::problems;
use utoipa::openapi::schema::Ref;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, Content, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, RefOr,
    ServerBuilder, Tag,
};
use utoipa::{OpenApi as _, PartialSchema as _};

use scopes::Needs;

pub mod scopes;

/// Where the document stands, from the root of the repository.
pub const FILE: &str = "functions/console/openapi.json";

const ABOUT: &str = "\
A command runs only if the right people approved exactly those bytes, in time, and then it runs at most once.

Bodies are JSON in UTF-8; unknown members, members that are named twice and trailing bytes are refused. Times are \
RFC 3339 in UTC with `Z`. Every error that the service answers is `application/problem+json`; programs tell them \
apart by `type`. What you may not see answers 404. Other methods than those here answer 405 with `Allow`; HEAD is \
allowed wherever GET is. GET and HEAD change nothing. A parameter of a query that is empty counts as not given.

A token may be limited to scopes: `read`, `submit`, `decide`, `manage`. Each operation says which one it needs; any \
other token of yours answers `token-scope`, whatever is there. No scope gives what you may not do yourself.";

/// The document, as JSON for people to read.
///
/// # Errors
/// If it cannot be written, which no document of ours does.
pub fn document() -> anyhow::Result<String> {
    let components = problems()
        .into_iter()
        .fold(ComponentsBuilder::new(), |components, (name, answer)| components.response(name, answer))
        .schema("Problem", Problem::schema())
        .security_scheme("bearer", bearer());
    let document = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Countersign")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(ABOUT))
                .license(Some(
                    LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build(),
                )),
        )
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .security(Some([SecurityRequirement::new("bearer", [] as [&str; 0])]))
        .tags(Some(tags()))
        .components(Some(components.build()))
        .build()
        .merge_from(countersign_intake::Api::openapi())
        .merge_from(countersign_callback::Api::openapi())
        .merge_from(countersign_runners::Api::openapi())
        .merge_from(countersign_console::openapi::Api::openapi());
    Ok(with_scopes(with_optional_bodies(document)).to_pretty_json()? + "\n")
}

/// What a token must be for stands in each operation.
fn with_scopes(mut document: OpenApi) -> OpenApi {
    let of_path = |item: &mut PathItem| {
        let methods = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
        for operation in methods.into_iter().flatten() {
            let needs = operation.operation_id.as_deref().and_then(scopes::of);
            if let Some(Needs::Scopes(scopes)) = needs {
                operation.security = Some(vec![SecurityRequirement::new("bearer", scopes.iter().copied())]);
            }
        }
    };
    document.paths.paths.values_mut().for_each(of_path);
    document
}

/// Bodies that may as well not come: they say nothing, or nothing that must be said.
const OPTIONAL_BODIES: [&str; 3] = ["Nothing", "SlackTest", "Cancellation"];

/// What the macros cannot say.
fn with_optional_bodies(mut document: OpenApi) -> OpenApi {
    let optional = OPTIONAL_BODIES.map(|name| Some(RefOr::from(Ref::from_schema_name(name))));
    let says_nothing =
        |content: &RefOr<Content>| matches!(content, RefOr::T(content) if optional.contains(&content.schema));
    let posts = document.paths.paths.values_mut().filter_map(|item| item.post.as_mut());
    for body in posts.filter_map(|operation| operation.request_body.as_mut()) {
        match body {
            RefOr::T(body) if body.content.values().any(says_nothing) => body.required = None,
            RefOr::T(_) | RefOr::Ref(_) => {}
        }
    }
    document
}

fn bearer() -> SecurityScheme {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("cst_…").description(Some(
        "An API token, `cst_…`. What an operation asks for are scopes of the token, if it has any.",
    ));
    SecurityScheme::Http(scheme.build())
}

fn tags() -> Vec<Tag> {
    let tag = |(name, about)| TagBuilder::new().name(name).description(Some(about)).build();
    [
        (
            "requests",
            "Commands that somebody wants to run: submit them, look at them, read what came of them.",
        ),
        ("decisions", "What people decide about a request."),
        ("connections", "What commands run on, and whose approval that needs."),
        ("people", "Accounts and groups."),
        ("tokens", "API tokens."),
        ("runners", "What runners call: they find work, claim it, hand in output and report."),
        ("slack", "What Slack calls. Signed by Slack; people have no part in it."),
        ("notifications", "Who is told of what happens: webhooks, Slack, Teams, and what was delivered."),
        ("audit", "Numbers about requests, and the proof of everything that happened."),
        ("service", "The service itself."),
    ]
    .map(tag)
    .into()
}
