//! The HTTP API.

use countersign_http::routes::{DECISIONS, HttpFunction, RUNNER_WORK, RUNNERS, SLACK, function_of};
use http::Method;
use serde_json::Value;

use crate::template::document::{functions, template, text};
use crate::template::roles::matches;

/// A route of the API.
#[derive(Debug)]
struct Route {
    /// In capitals, or `ANY`.
    method: String,
    /// With `{id}` in it, or `/$default`.
    path: String,
    /// The binary of the function.
    function: String,
}

const DEFAULT: &str = "/$default";

fn routes(template: &Value) -> Vec<Route> {
    let paths = &template["Resources"]["HttpApi"]["Properties"]["DefinitionBody"]["paths"];
    let mut routes = Vec::new();
    for (path, methods) in paths.as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let method = match method.as_str() {
                "x-amazon-apigateway-any-method" => "ANY".to_owned(),
                method => method.to_uppercase(),
            };
            let uri = text(template, &operation["x-amazon-apigateway-integration"]["uri"]).unwrap();
            let function =
                uri.strip_suffix("/invocations").and_then(|uri| uri.rsplit_once("AWS::StackName-"));
            let function = function.unwrap_or_else(|| panic!("{uri}")).1.to_owned();
            routes.push(Route { method, path: path.clone(), function });
        }
    }
    routes
}

/// The function that API Gateway takes: that of the route that fits whole, else the default one's.
fn deployed<'a>(routes: &'a [Route], method: &Method, path: &str) -> &'a str {
    let fits = |route: &&Route| {
        let (pattern, path): (Vec<_>, Vec<_>) = (route.path.split('/').collect(), path.split('/').collect());
        let same = |(pattern, part): (&&str, &&str)| pattern.starts_with('{') || pattern == part;
        [method.as_str(), "ANY"].contains(&route.method.as_str())
            && pattern.len() == path.len()
            && pattern.iter().zip(&path).all(same)
    };
    let default = || routes.iter().find(|route| route.path == DEFAULT);
    &routes.iter().find(fits).or_else(default).expect("a default route").function
}

#[test]
fn every_call_reaches_the_function_that_the_code_says() {
    let template = template();
    let routes = routes(&template);
    let mut paths: Vec<String> = DECISIONS.map(|verb| format!("/v1/requests/req_1/{verb}")).into();
    paths.extend(RUNNERS.map(|verb| format!("/v1/requests/req_1/{verb}")));
    paths.push(RUNNER_WORK.to_owned());
    paths.extend(SLACK.map(|verb| format!("/slack/{verb}")));
    paths.extend(routes.iter().map(|route| route.path.replace("{id}", "req_1")));
    let others = [
        "/",
        "/requests",
        "/requests/new",
        "/requests/req_1",
        "/connections/prod-db/save",
        "/sign-in/callback",
        "/healthz",
        "/v1/requests/req_1",
        "/v1/requests/export",
        "/v1/requests/req_1/events",
        "/v1/requests/req_1/output",
        "/v1/requests/req_1/approve/again",
        "/v1/connections/prod-db",
        "/v1/connections/prod-db/test",
        "/v1/connections/prod-db/check",
        "/v1/connections/prod-db/guardrails/test",
        "/v1/tokens",
        "/v1/runner/work/more",
        "/v1/runner",
        "/v2/requests",
        "/slack/events",
    ];
    paths.extend(others.map(str::to_owned));
    for path in &paths {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS]
        {
            let expected = function_of(&method, path).name();
            assert_eq!(deployed(&routes, &method, path), expected, "{method} {path}");
        }
    }
    // None is there that no call of the code's takes.
    for function in
        [HttpFunction::Intake, HttpFunction::Callback, HttpFunction::Runners, HttpFunction::Console]
    {
        let count = routes.iter().filter(|route| route.function == function.name()).count();
        // Of the API and of the pages; the console has the default.
        let expected = match function {
            HttpFunction::Callback => 2 * DECISIONS.len() + SLACK.len(),
            HttpFunction::Runners => RUNNERS.len() + 1,
            HttpFunction::Intake => 2,
            HttpFunction::Console => 1,
        };
        assert_eq!(count, expected, "{function:?}");
    }
}

#[test]
fn the_api_may_invoke_the_function_of_each_route() {
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    for route in routes(&template) {
        let (name, _) = &functions(&template)[&route.function];
        let mut permissions = resources
            .values()
            .filter(|resource| resource["Type"] == "AWS::Lambda::Permission")
            .map(|resource| &resource["Properties"])
            .filter(|permission| text(&template, &permission["FunctionName"]).as_ref() == Some(name));
        let method = if route.path == DEFAULT { "" } else { &format!("/{}", route.method) };
        let caller = format!(
            "arn:AWS::Partition:execute-api:AWS::Region:AWS::AccountId:HttpApi/$default{method}{}",
            route.path
        );
        assert!(
            permissions.any(|permission| {
                permission["Principal"] == "apigateway.amazonaws.com"
                    && permission["Action"] == "lambda:InvokeFunction"
                    && matches(&text(&template, &permission["SourceArn"]).unwrap(), &caller)
            }),
            "{caller} may not invoke {name}"
        );
    }
}
