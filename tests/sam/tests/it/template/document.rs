//! The file as CloudFormation understands it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The template as JSON: aliases expanded, `!Ref X` as `{"Ref": "X"}`.
pub(crate) fn template() -> Value {
    let text = std::fs::read_to_string(root().join("infra/template.yaml")).unwrap();
    let documents = Yaml::load_from_str(&text).unwrap();
    assert_eq!(documents.len(), 1);
    to_json(&documents[0])
}

fn to_json(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => json!(value),
        Yaml::Value(Scalar::Integer(value)) => json!(value),
        Yaml::Value(Scalar::FloatingPoint(value)) => json!(value.into_inner()),
        Yaml::Value(Scalar::String(value)) => json!(value),
        Yaml::Sequence(items) => items.iter().map(to_json).collect(),
        Yaml::Mapping(members) => {
            let member = |(key, value): (&Yaml<'_>, &Yaml<'_>)| {
                (key.as_str().expect("a name").to_owned(), to_json(value))
            };
            Value::Object(members.iter().map(member).collect())
        }
        Yaml::Tagged(tag, value) => {
            let name = match tag.suffix.as_str() {
                plain @ ("Ref" | "Condition") => plain.to_owned(),
                function => format!("Fn::{function}"),
            };
            Value::Object(Map::from_iter([(name, to_json(value))]))
        }
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => panic!("no YAML: {node:?}"),
    }
}

/// The same where `AdminFourEyes` is `on`.
pub(crate) fn with_second_admin(mut template: Value) -> Value {
    template["Parameters"]["AdminFourEyes"]["Default"] = json!("on");
    fn choose(value: &mut Value) {
        if value["Fn::If"][0] == "NeedsSecondAdmin" {
            *value = value["Fn::If"][1].take();
        }
        match value {
            Value::Array(items) => items.iter_mut().for_each(choose),
            Value::Object(members) => members.values_mut().for_each(choose),
            _ => {}
        }
    }
    choose(&mut template);
    template
}

/// A value as one text: a resource stands for its own name, a parameter for its default. `None` where
/// CloudFormation leaves the member out.
pub(crate) fn text(template: &Value, value: &Value) -> Option<String> {
    let Some((function, argument)) = value.as_object().and_then(|members| members.iter().next()) else {
        return Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    };
    match (function.as_str(), argument) {
        ("Ref", Value::String(name)) if name == "AWS::NoValue" => None,
        ("Ref", Value::String(name)) => Some(match template["Parameters"].get(name) {
            Some(parameter) => text(template, &parameter["Default"])?,
            None => name.clone(),
        }),
        ("Fn::GetAtt", Value::String(attribute)) => Some(attribute.clone()),
        // `${X}` is what `!Ref X` or `!GetAtt X` would be.
        ("Fn::Sub", Value::String(pattern)) => {
            let mut parts = pattern.split("${");
            let mut result = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                let (name, rest) = part.split_once('}').expect("a closed brace");
                result.push_str(&text(template, &json!({ "Ref": name }))?);
                result.push_str(rest);
            }
            Some(result)
        }
        // No condition holds with every parameter at its default.
        ("Fn::If", Value::Array(branches)) => text(template, &branches[2]),
        _ => panic!("cannot be written as text: {value}"),
    }
}

/// The functions by their binary: name of the resource and its properties.
pub(crate) fn functions(template: &Value) -> BTreeMap<String, (String, Value)> {
    let resources = template["Resources"].as_object().unwrap();
    let functions = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function");
    let by_binary = functions.map(|(name, resource)| {
        let binary = resource["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap();
        (binary.to_owned(), (name.clone(), resource["Properties"].clone()))
    });
    by_binary.collect()
}

/// The variables of a function, the global ones included.
pub(crate) fn variables(template: &Value, function: &str) -> BTreeMap<String, String> {
    let global = &template["Globals"]["Function"]["Environment"]["Variables"];
    let (_, properties) = &functions(template)[function];
    let own = &properties["Environment"]["Variables"];
    let all = [global, own].into_iter().filter_map(Value::as_object).flatten();
    all.filter_map(|(name, value)| Some((name.clone(), text(template, value)?))).collect()
}

#[test]
fn every_function_of_the_workspace_is_deployed_under_its_name() {
    let template = template();
    let mut folders: Vec<String> = std::fs::read_dir(root().join("functions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let functions = functions(&template);
    assert_eq!(folders, functions.keys().cloned().collect::<Vec<_>>());
    for (binary, (_, properties)) in functions {
        assert_eq!(properties["FunctionName"], json!({ "Fn::Sub": format!("${{AWS::StackName}}-{binary}") }));
    }
}
