//! The OpenAPI document made readable: no script, and nothing of somebody else's.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use axum::extract::State;
use axum::response::Response;
use countersign_app::{App, Scope};
use countersign_http::Problem;
use countersign_web::Place;
use http::HeaderMap;
use maud::{Markup, PreEscaped, html};
use serde_json::Value;

use super::viewer::Viewer;
use crate::openapi::DOCUMENT;

/// Shows it to whoever is signed in.
pub(crate) async fn page(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "api", Scope::Read, &headers, &[]).await?;
    // The document changes with the program alone, so it is rendered once.
    static RENDERED: OnceLock<String> = OnceLock::new();
    let rendered = RENDERED.get_or_init(|| {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap_or_default();
        reference(&document).into_string()
    });
    Ok(viewer.page(&app, "API", Place::Nowhere, PreEscaped(rendered.clone())))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn members<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(name).and_then(Value::as_object).into_iter().flatten()
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// What a `$ref` leads to.
fn followed<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = text(value, "$ref").strip_prefix('#');
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

fn reference(document: &Value) -> Markup {
    let info = document.get("info").unwrap_or(&Value::Null);
    let mut by_tag: BTreeMap<&str, Vec<(&str, &str, &Value)>> = BTreeMap::new();
    for (path, methods) in members(document, "paths") {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let tag = items(operation, "tags").next().and_then(Value::as_str).unwrap_or("other");
            by_tag.entry(tag).or_default().push((path, method, operation));
        }
    }
    let schemas = document.get("components").unwrap_or(&Value::Null);
    html! {
        div.head { h1.grow { "API" } a.button.plain href="/v1/openapi.json" download="openapi.json" { "OpenAPI document" } }
        p.lead { "Version " (text(info, "version")) ". Send an API token as " code { "Authorization: Bearer …" } "; make one on " a href="/account#tokens" { "your account" } "." }
        @for paragraph in text(info, "description").split("\n\n") { p { (prose(paragraph)) } }
        nav.tabs aria-label="Parts of the API" {
            @for tag in by_tag.keys() { a href={ "#tag-" (tag) } { (tag) } }
            a href="#schemas" { "schemas" }
        }
        @for (tag, operations) in &by_tag {
            section.card aria-labelledby={ "tag-" (tag) } {
                h2 id={ "tag-" (tag) } { (tag) }
                @for (path, method, it) in operations { (operation(document, path, method, it)) }
            }
        }
        section.card aria-labelledby="schemas" {
            h2 #schemas { "schemas" }
            @for (name, schema) in members(schemas, "schemas") { (described(name, schema)) }
        }
    }
}

/// A description, where what stands between backticks is code.
fn prose(text: &str) -> Markup {
    html! {
        @for (number, part) in text.split('`').enumerate() {
            @if number % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// What a token must be for.
fn scopes(operation: &Value) -> Option<String> {
    let scopes = operation.pointer("/security/0/bearer")?.as_array()?;
    Some(scopes.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "))
}

fn operation(document: &Value, path: &str, method: &str, it: &Value) -> Markup {
    let parameters: Vec<&Value> =
        items(it, "parameters").map(|parameter| followed(document, parameter)).collect();
    html! {
        details.box id=(text(it, "operationId")) {
            summary { span.code { (method.to_uppercase()) } " " code { (path) } " " span.muted { (text(it, "summary")) } }
            @if !text(it, "description").is_empty() { p { (prose(text(it, "description"))) } }
            @if let Some(scopes) = scopes(it) { p.small.muted { "A token that is limited needs " code { (scopes) } "." } }
            @if !parameters.is_empty() {
                h3 { "Parameters" }
                dl.facts {
                    @for parameter in &parameters {
                        dt { code { (text(parameter, "name")) } " " span.small { (text(parameter, "in")) } }
                        dd {
                            (kind(parameter.get("schema").unwrap_or(&Value::Null)))
                            @if parameter.get("required") == Some(&Value::Bool(true)) { ", required" }
                            @if !text(parameter, "description").is_empty() { ". " (prose(text(parameter, "description"))) }
                        }
                    }
                }
            }
            @if let Some(body) = it.get("requestBody") { h3 { "Body" } p { (content(followed(document, body))) } }
            h3 { "Answers" }
            dl.facts {
                @for (status, response) in members(it, "responses") {
                    @let response = followed(document, response);
                    dt { (status) }
                    dd { (prose(text(response, "description"))) " " (content(response)) }
                }
            }
        }
    }
}

/// Media types and what is in them.
fn content(value: &Value) -> Markup {
    html! {
        @for (media, of) in members(value, "content") {
            span.small { (kind(of.get("schema").unwrap_or(&Value::Null))) " " span.muted { (media) } " " }
        }
    }
}

/// What a schema allows, in a few words.
fn kind(schema: &Value) -> Markup {
    let reference = text(schema, "$ref").rsplit('/').next().unwrap_or_default();
    if !reference.is_empty() {
        return html! { a href={ "#schema-" (reference) } { (reference) } };
    }
    let of_several = ["oneOf", "anyOf", "allOf"].into_iter().flat_map(|name| items(schema, name));
    let several: Vec<&Value> = of_several.collect();
    if !several.is_empty() {
        return html! { @for (number, one) in several.iter().enumerate() { @if number > 0 { " or " } (kind(one)) } };
    }
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let values: Vec<String> = items(schema, "enum").map(value_text).collect();
    html! {
        @if types.contains(&"array") { "list of " (kind(schema.get("items").unwrap_or(&Value::Null))) @if types.contains(&"null") { " or null" } }
        @else { (types.join(" or ")) }
        @if !text(schema, "format").is_empty() { " (" (text(schema, "format")) ")" }
        @if !values.is_empty() { ": " @for (number, value) in values.iter().enumerate() { @if number > 0 { ", " } code { (value) } } }
    }
}

fn value_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn described(name: &str, schema: &Value) -> Markup {
    let required: Vec<&str> = items(schema, "required").filter_map(Value::as_str).collect();
    // What is put together of others has members of its own beside them.
    let parts: Vec<&Value> = std::iter::once(schema).chain(items(schema, "allOf")).collect();
    let has_members = parts.iter().any(|part| part.get("properties").is_some());
    html! {
        details.box id={ "schema-" (name) } {
            summary { code { (name) } " " span.muted { (text(schema, "description").lines().next().unwrap_or_default()) } }
            @if !has_members { p { (kind(schema)) } }
            dl.facts {
                @for (member, of) in parts.iter().flat_map(|part| members(part, "properties")) {
                    dt { code { (member) } }
                    dd { (kind(of)) @if required.contains(&member.as_str()) { ", required" } @if !text(of, "description").is_empty() { ". " (prose(text(of, "description"))) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_and_every_schema_is_there() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let shown = reference(&document).into_string();
        let mut operations = 0;
        for (_, methods) in members(&document, "paths") {
            for operation in methods.as_object().unwrap().values() {
                assert!(shown.contains(&format!("id=\"{}\"", text(operation, "operationId"))));
                operations += 1;
            }
        }
        assert!(operations > 40);
        let schemas = document.pointer("/components/schemas").unwrap().as_object().unwrap();
        for name in schemas.keys() {
            assert!(shown.contains(&format!("id=\"schema-{name}\"")), "{name}");
        }
    }
}
