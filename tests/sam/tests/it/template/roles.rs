//! What the role of each function grants.

use serde_json::Value;

use crate::template::document::{functions, text};

/// Something that a function does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    /// The binary of the function.
    pub(crate) function: String,
    /// As IAM names it.
    pub(crate) action: String,
    /// The name of the resource with what is behind its ARN.
    pub(crate) resource: String,
    /// The partition of the table, where there is one.
    pub(crate) partition: Option<String>,
}

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    /// As IAM names it.
    pub(crate) action: String,
    /// May end in a star.
    pub(crate) resource: String,
    /// The patterns of partitions that it is held to; `None` is all.
    pub(crate) partitions: Option<Vec<String>>,
}

impl Grant {
    /// Whether this grant is one for that use.
    pub(crate) fn allows(&self, usage: &Use) -> bool {
        let partition_fits = match (&self.partitions, &usage.partition) {
            (None, _) => true,
            (Some(patterns), Some(partition)) => patterns.iter().any(|pattern| matches(pattern, partition)),
            (Some(_), None) => false,
        };
        self.action == usage.action && matches(&self.resource, &usage.resource) && partition_fits
    }
}

impl Grant {
    /// The same, apart for each pattern of partitions.
    pub(crate) fn by_partition(self) -> Vec<Self> {
        match &self.partitions {
            None => vec![self],
            Some(patterns) => patterns
                .iter()
                .map(|pattern| Self { partitions: Some(vec![pattern.clone()]), ..self.clone() })
                .collect(),
        }
    }
}

/// All that the role of a function grants.
pub(crate) fn grants(template: &Value, function: &str) -> Vec<Grant> {
    let (_, properties) = &functions(template)[function];
    let role = text(template, &properties["Role"]).unwrap();
    let role = &template["Resources"][role.strip_suffix(".Arn").unwrap()]["Properties"];
    let policies = role["Policies"].as_array().unwrap();
    let statements = policies.iter().flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
    statements
        .filter_map(|statement| present(&statement))
        .flat_map(|statement| grants_of(template, &statement))
        .collect()
}

/// A statement, unless a condition leaves it out: none holds with every parameter at its default.
fn present(statement: &Value) -> Option<Value> {
    match statement.get("Fn::If") {
        None => (statement.get("Ref").is_none()).then(|| statement.clone()),
        Some(branches) => present(&branches[2]),
    }
}

fn grants_of(template: &Value, statement: &Value) -> Vec<Grant> {
    assert_eq!(statement["Effect"], "Allow", "a refusal needs more of this test: {statement}");
    let partitions = match statement.get("Condition") {
        None => None,
        Some(condition) => partitions(condition),
    };
    let mut grants = Vec::new();
    for action in list(&statement["Action"]) {
        for resource in list(&statement["Resource"]) {
            grants.push(Grant {
                action: action.as_str().unwrap().to_owned(),
                resource: text(template, &resource).unwrap(),
                partitions: partitions.clone(),
            });
        }
    }
    grants
}

fn partitions(condition: &Value) -> Option<Vec<String>> {
    let conditions = condition.as_object().unwrap();
    assert_eq!(conditions.len(), 1, "{condition}");
    let (operator, operand) = conditions.iter().next().unwrap();
    match operator.as_str() {
        "ForAllValues:StringLike" | "ForAllValues:StringEquals" => {
            let patterns = list(&operand["dynamodb:LeadingKeys"]);
            Some(patterns.iter().map(|pattern| pattern.as_str().unwrap().to_owned()).collect())
        }
        // Which service a role may be passed to; not about the table.
        "StringEquals" if operand.get("iam:PassedToService").is_some() => None,
        other => panic!("a condition that this test does not understand: {other}"),
    }
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// IAM's pattern: a star is any number of characters.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.any(|at| text.get(at..).is_some_and(|text| matches(rest, text)))
        }),
    }
}

#[test]
fn every_function_may_use_a_key_of_ones_own_for_the_table() {
    let template = crate::template::document::template();
    let roles = &template["Resources"]["TableKeyPolicy"]["Properties"]["Roles"];
    let role = |role: &Value| text(&template, role).unwrap();
    let mut allowed: Vec<String> = list(roles).iter().map(role).collect();
    allowed.sort();
    let functions = functions(&template).into_values();
    let role =
        |(_, properties): (String, Value)| role(&properties["Role"]).trim_end_matches(".Arn").to_owned();
    let mut all: Vec<String> = functions.map(role).collect();
    all.sort();
    assert_eq!(allowed, all);
}

#[test]
fn a_star_is_any_number_of_characters() {
    assert!(matches("R#*", "R#01") && matches("a/*/c", "a/b/b/c") && matches("*", ""));
    assert!(!matches("R#*", "I#01") && !matches("A", "AB") && !matches("a/*/c", "a/c"));
}
