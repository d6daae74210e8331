//! The document is what the code says, and reads well.

use std::collections::BTreeSet;
use std::path::Path;

use countersign_openapi::scopes::{self, Needs};
use serde_json::{Value, json};

fn document() -> Value {
    serde_json::from_str(&countersign_openapi::document().unwrap()).unwrap()
}

#[test]
fn the_file_that_is_served_is_what_the_code_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(countersign_openapi::FILE);
    let served = std::fs::read_to_string(file).unwrap();
    assert!(
        served == countersign_openapi::document().unwrap(),
        "{} is older than the code: run `cargo run -p countersign-openapi`, look at what it changes, commit it",
        countersign_openapi::FILE
    );
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} is there twice");
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            let tags = operation["tags"].as_array().unwrap();
            let known = document["tags"].as_array().unwrap();
            assert!(
                tags.iter().all(|tag| known.iter().any(|known| known["name"] == *tag)),
                "{method} {path}: {tags:?}"
            );
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_everything_is_referred_to() {
    let document = document();
    let mut referred = BTreeSet::new();
    references(&document, &mut referred);
    for reference in &referred {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(
                referred.contains(&format!("#/components/{kind}/{name}")),
                "nobody refers to {kind}/{name}"
            );
        }
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                found.insert(reference.clone());
            }
            members.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn whoever_calls_is_asked_who_they_are_save_for_what_is_public() {
    let document = document();
    let public: BTreeSet<&str> = ["/healthz", "/v1/openapi.json"].into();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let asks_nobody = operation.get("security") == Some(&json!([{}]));
            // Slack has no token of ours: it signs, and is refused with 401 all the same.
            if path.starts_with("/slack/") {
                assert!(asks_nobody && operation["responses"].get("401").is_some());
                continue;
            }
            let open = asks_nobody;
            assert_eq!(open, public.contains(path.as_str()), "{method} {path}");
            let refuses = operation["responses"].get("401").is_some();
            assert_eq!(refuses, !open, "{method} {path}");
        }
    }
}

#[test]
fn every_operation_says_which_scope_it_needs_and_the_table_knows_no_other() {
    let document = document();
    let mut names = BTreeSet::new();
    for operation in
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values())
    {
        let name = operation["operationId"].as_str().unwrap();
        let needs = scopes::of(name).unwrap_or_else(|| panic!("{name} is not in the table of scopes"));
        let says = operation.pointer("/security/0/bearer").cloned();
        match needs {
            Needs::Scopes(scopes) => assert_eq!(says, Some(json!(scopes)), "{name}"),
            Needs::Runner | Needs::Nothing => assert_eq!(says, None, "{name}"),
        }
        names.insert(name);
    }
    let known: BTreeSet<&str> = scopes::NEEDS.iter().map(|(name, _)| *name).collect();
    assert_eq!(known, names);
}

/// Bodies are read strictly, so the schemas of what is read are closed.
#[test]
fn what_is_sent_may_have_no_other_members() {
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let Some(body) = operation.pointer("/requestBody/content/application~1json/schema") else {
                continue;
            };
            let mut names = BTreeSet::new();
            references(body, &mut names);
            assert!(!names.is_empty(), "{path}");
            for name in names {
                let schema = document.pointer(name.strip_prefix('#').unwrap()).unwrap();
                assert_eq!(schema["additionalProperties"], false, "{name}");
            }
        }
    }
}
