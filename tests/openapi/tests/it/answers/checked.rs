//! Calls whose answers are compared with the document.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use countersign_e2e::{Answer, Serve};
use serde_json::{Map, Value, json};

/// A service, and what the document says of it.
pub(crate) struct Checked {
    pub(crate) serve: Serve,
    document: Value,
    client: reqwest::Client,
    /// The name of each operation with each status that it answered.
    seen: RefCell<BTreeSet<(String, u16)>>,
    /// Tokens of those who are none of the demo's people.
    tokens: BTreeMap<String, String>,
}

/// An operation of the document.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) says: Value,
}

impl Checked {
    pub(crate) fn new(serve: Serve) -> Self {
        let mut document: Value = serde_json::from_str(&countersign_openapi::document().unwrap()).unwrap();
        close_all(&mut document["components"]["schemas"]);
        Self {
            serve,
            document,
            client: reqwest::Client::new(),
            seen: RefCell::default(),
            tokens: BTreeMap::new(),
        }
    }

    pub(crate) fn operations(&self) -> Vec<Operation> {
        let paths = self.document["paths"].as_object().unwrap();
        let of_path = |(path, item): (&String, &Value)| -> Vec<Operation> {
            let operation = |(method, says): (&String, &Value)| Operation {
                name: says["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
                says: says.clone(),
            };
            item.as_object().unwrap().iter().map(operation).collect()
        };
        paths.iter().flat_map(of_path).collect()
    }

    /// Signs one of the demo's people in, in a browser.
    pub(crate) async fn sign_in(&self, who: &str) {
        let user = self.serve.id(who);
        let signed_in = self.client.post(format!("{}/sign-in/demo", self.serve.url()));
        let signed_in = signed_in.header("content-type", "application/x-www-form-urlencoded");
        let signed_in = signed_in.body(format!("user={user}&next=/v1/openapi.json")).send().await.unwrap();
        assert!(signed_in.status().is_success(), "{signed_in:?}");
    }

    /// Lets somebody call with a token that is none of the demo's.
    pub(crate) fn known_as(&mut self, who: &str, token: &str) {
        self.tokens.insert(who.to_owned(), token.to_owned());
    }

    /// Statuses that are documented and were never answered, as `name status`.
    pub(crate) fn unseen(&self) -> BTreeSet<String> {
        let seen = self.seen.borrow();
        let mut unseen = BTreeSet::new();
        for operation in self.operations() {
            for status in operation.says["responses"].as_object().unwrap().keys() {
                if !seen.contains(&(operation.name.clone(), status.parse().unwrap())) {
                    unseen.insert(format!("{} {status}", operation.name));
                }
            }
        }
        unseen
    }

    /// Calls with JSON, or nothing, and expects that status.
    pub(crate) async fn call(
        &self,
        who: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
        status: u16,
    ) -> Answer {
        let answer = match self.tokens.get(who) {
            None => self.serve.call_with(who, method, path, body.clone(), headers).await.unwrap(),
            Some(token) => {
                let token = format!("Bearer {token}");
                let mut headers =
                    vec![("content-type", "application/json"), ("authorization", token.as_str())];
                headers.retain(|(name, _)| *name != "content-type" || body.is_some());
                let bytes = body.as_ref().map(Value::to_string).unwrap_or_default();
                self.serve.send_plain(method, path, &headers, bytes).await.unwrap()
            }
        };
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        self.check(method, path, body.as_ref(), &answer);
        answer
    }

    /// What was called in some other way must be documented just the same.
    pub(crate) fn was(&self, method: &str, path: &str, answer: &Answer, status: u16) {
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        self.check(method, path, None, answer);
    }

    pub(crate) async fn get(&self, who: &str, path: &str, status: u16) -> Answer {
        self.call(who, "GET", path, None, &[], status).await
    }

    pub(crate) async fn post(&self, who: &str, path: &str, body: Value, status: u16) -> Answer {
        self.call(who, "POST", path, Some(body), &[], status).await
    }

    /// Calls with a body of that type.
    pub(crate) async fn call_raw(
        &self,
        who: &str,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
        status: u16,
    ) {
        let request = self
            .client
            .request(method.parse().unwrap(), format!("{}{path}", self.serve.url()))
            .bearer_auth(self.serve.token(who))
            .header("content-type", content_type)
            .body(body.to_owned());
        let response = request.send().await.unwrap();
        let (seen, headers) = (response.status().as_u16(), response.headers().clone());
        let answer = Answer { status: seen, headers, json: response.json().await.unwrap() };
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        self.check(method, path, None, &answer);
    }

    /// The answer, and where it was a success the body that was sent, must be what the document says.
    fn check(&self, method: &str, path: &str, sent: Option<&Value>, answer: &Answer) {
        let operation = self.operation(method, path);
        let context = format!("{method} {path} {answer:?}");
        let said = &operation.says["responses"][answer.status.to_string()];
        let said = self.resolved(said);
        assert!(said.is_object(), "{} is not documented: {context}", answer.status);
        self.seen.borrow_mut().insert((operation.name.clone(), answer.status));
        for name in said["headers"].as_object().into_iter().flat_map(Map::keys) {
            let may_be_absent = ["Retry-After", "Countersign-Next-Cursor", "Idempotency-Replayed"];
            let absent = answer.header(name).is_empty();
            assert!(!absent || may_be_absent.contains(&name.as_str()), "no {name}: {context}");
        }
        let content_type = answer.header("content-type").split(';').next().unwrap();
        match said["content"].as_object() {
            None => assert_eq!((content_type, &answer.json), ("", &json!("")), "a body: {context}"),
            Some(content) => {
                let media = content.get(content_type);
                let media = media.unwrap_or_else(|| panic!("`{content_type}` is not documented: {context}"));
                if content_type.ends_with("json") {
                    self.validate(&media["schema"], &answer.json, &context);
                }
            }
        }
        if let (Some(sent), true) = (sent, answer.status < 300) {
            let schema = &operation.says["requestBody"]["content"]["application/json"]["schema"];
            self.validate(schema, sent, &context);
        }
    }

    fn operation(&self, method: &str, path: &str) -> Operation {
        let path = path.split('?').next().unwrap();
        let fits = |template: &str| {
            let (said, called) = (template.split('/'), path.split('/'));
            said.clone().count() == called.clone().count()
                && said.zip(called).all(|(said, called)| said == called || said.starts_with('{'))
        };
        let mut all: Vec<_> =
            self.operations().into_iter().filter(|one| one.method == method && fits(&one.path)).collect();
        // A path without parameters counts before one with them.
        all.sort_by_key(|one| one.path.contains('{'));
        all.into_iter().next().unwrap_or_else(|| panic!("{method} {path} is not documented"))
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.document.pointer(&reference[1..]).unwrap(),
            None => value,
        }
    }

    fn validate(&self, schema: &Value, instance: &Value, context: &str) {
        let root = json!({ "allOf": [schema], "components": self.document["components"] });
        let validator =
            jsonschema::draft202012::options().should_validate_formats(true).build(&root).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(instance)
            .map(|error| format!("{} at `{}`", error, error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}\n{context}");
    }
}

/// Answers may get more members in time, so their schemas are open. What is not documented now must
/// not be there all the same: here they are closed.
fn close_all(schemas: &mut Value) {
    let schemas = schemas.as_object_mut().unwrap();
    let mut parts = BTreeSet::new();
    for schema in schemas.values() {
        for part in schema["allOf"].as_array().into_iter().flatten() {
            parts.extend(part["$ref"].as_str().and_then(|name| name.rsplit('/').next()).map(str::to_owned));
        }
    }
    for (name, schema) in schemas {
        close(schema, parts.contains(name));
    }
}

/// `is_part`: other members come from the schema that this one is a part of.
fn close(schema: &mut Value, is_part: bool) {
    let Some(members) = schema.as_object_mut() else { return };
    let whole = members.contains_key("allOf");
    for variant in ["oneOf", "anyOf"] {
        for schema in members.get_mut(variant).and_then(Value::as_array_mut).into_iter().flatten() {
            close(schema, is_part);
        }
    }
    for schema in members.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
        close(schema, true);
    }
    for schema in members.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        close(schema.1, false);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(schema) = members.get_mut(inner) {
            close(schema, false);
        }
    }
    if whole && !is_part {
        members.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
    } else if members.contains_key("properties") && !is_part {
        members.entry("additionalProperties").or_insert(Value::Bool(false));
    }
}
