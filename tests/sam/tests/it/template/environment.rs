//! What the functions find in their environment.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use countersign_app::Config;
use countersign_app::aws::AwsSettings;
use serde_json::Value;

use crate::template::document::{functions, root, template, variables};

/// What Lambda sets itself, or what only somebody who runs the program elsewhere sets.
const NOT_OF_THE_TEMPLATE: [&str; 14] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CA_BUNDLE",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_KMS",
    "AWS_ENDPOINT_URL_LAMBDA",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SCHEDULER",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_SSM",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    // No `sqlite` targets in Lambda.
    "COUNTERSIGN_SQLITE_ROOT",
];

/// The names of all variables that the code looks up.
fn read_by_the_code() -> BTreeSet<String> {
    let names = RefCell::new(BTreeSet::from(["COUNTERSIGN_LOG".to_owned()]));
    let found = |name: &str| {
        names.borrow_mut().insert(name.to_owned());
        if name == "COUNTERSIGN_RETRY_SCHEDULE" {
            return Some("1s".to_owned());
        }
        if name == "COUNTERSIGN_ADMIN_FOUR_EYES" {
            return Some("on".to_owned());
        }
        if name == "COUNTERSIGN_SESSION_IDLE_MINUTES" {
            return Some("60".to_owned());
        }
        // Anything that lets the reading go on.
        (!["AWS_CA_BUNDLE", "AWS_REGION"].contains(&name) && !name.starts_with("AWS_ENDPOINT_URL"))
            .then(|| "1".to_owned())
    };
    Config::read(&found).unwrap();
    AwsSettings::read(&found).unwrap();
    names.into_inner()
}

/// The names of all variables that the template sets, whether or not they are left out by default.
fn set_by_the_template(template: &Value) -> BTreeSet<String> {
    let own = functions(template).into_values().map(|(_, properties)| properties);
    let all = own.chain([template["Globals"]["Function"].clone()]);
    let names = all.filter_map(|properties| properties["Environment"]["Variables"].as_object().cloned());
    names.flatten().map(|(name, _)| name).collect()
}

#[test]
fn the_template_sets_what_the_code_reads_and_nothing_else() {
    let mut expected = read_by_the_code();
    for name in NOT_OF_THE_TEMPLATE {
        assert!(expected.remove(name), "nobody reads `{name}`");
    }
    // What the settings of Slack and Teams refer to.
    expected.extend(["SLACK_SIGNING_SECRET", "SLACK_BOT_TOKEN", "TEAMS_WEBHOOK_URL"].map(str::to_owned));
    assert_eq!(set_by_the_template(&template()), expected);
}

fn config(variables: &BTreeMap<String, String>) -> Config {
    Config::read(&|name| variables.get(name).cloned()).unwrap()
}

#[test]
fn each_function_finds_what_it_cannot_start_without() {
    let template = template();
    for binary in functions(&template).keys() {
        let config = config(&variables(&template, binary));
        let main = std::fs::read_to_string(root().join(format!("functions/{binary}/src/main.rs"))).unwrap();
        let needs = |what: &str| main.contains(what);
        assert_eq!(config.execute_function.is_some(), needs("Invoker::new("), "{binary}");
        assert_eq!(config.timer.is_some(), needs("Timer::new("), "{binary}");
        assert_eq!(
            !config.public_url.is_empty(),
            needs("lambda::serve(") || binary == "deliver",
            "{binary} hands people links"
        );
        assert_eq!(
            config.deliver_function.is_some(),
            ["console", "dispatch", "expire"].contains(&binary.as_str()),
            "{binary} has people told"
        );
    }
}

#[test]
fn the_defaults_of_the_template_are_those_of_the_code() {
    let template = template();
    let code = config(&[("COUNTERSIGN_TABLE".to_owned(), "t".to_owned())].into());
    for binary in functions(&template).keys() {
        let deployed = config(&variables(&template, binary));
        let numbers = |config: &Config| {
            [
                config.epoch,
                config.review_timeout_sec,
                config.max_wait_seconds,
                config.open_requests_per_person,
                config.lease_margin_sec,
                config.delivery_timeout_sec,
                config.notify_grace_sec,
            ]
        };
        assert_eq!(numbers(&deployed), numbers(&code), "{binary}");
        assert_eq!(deployed.retries, code.retries, "{binary}");
        assert_eq!(deployed.admin_four_eyes, code.admin_four_eyes, "{binary}");
    }
}
