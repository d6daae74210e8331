use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::{Attempts, Call, CallError, Style, endpoint, error_code};
use crate::{Aws, AwsSettings};

/// A status, the header `x-amzn-errortype`, and a body.
type Planned = (u16, &'static str, &'static str);

/// Answers each request with the next planned answer, the last one for ever, and records what came.
#[derive(Clone)]
struct Service {
    plan: Arc<Mutex<Vec<Planned>>>,
    seen: Arc<Mutex<Vec<(String, HeaderMap)>>>,
}

impl Service {
    async fn start(plan: &[Planned]) -> (Self, Aws) {
        let mut plan = plan.to_vec();
        plan.reverse();
        let service = Self { plan: Arc::new(Mutex::new(plan)), seen: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut settings = AwsSettings::local(&url, &url, &url);
        settings.ssm_url = Some(url);
        (service, Aws::new(settings))
    }

    fn seen(&self) -> Vec<(String, HeaderMap)> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(State(service): State<Service>, request: Request) -> Response {
    service.seen.lock().unwrap().push((request.uri().path().to_owned(), request.headers().clone()));
    let mut plan = service.plan.lock().unwrap();
    let (status, code, body) = if plan.len() > 1 { plan.pop().unwrap() } else { plan[0] };
    let headers = if code.is_empty() { vec![] } else { vec![("x-amzn-errortype", code)] };
    let mut answer = (StatusCode::from_u16(status).unwrap(), body).into_response();
    answer.headers_mut().extend(
        headers.into_iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
        }),
    );
    answer
}

async fn parameter(aws: &Aws) -> Result<Value, CallError> {
    aws.ssm().call("GetParameter", &json!({"Name": "a"})).await
}

#[test]
fn the_signature_is_that_of_the_vector_get_vanilla_of_aws() {
    let mut settings = AwsSettings::local("", "", "");
    settings.region = "us-east-1".to_owned();
    let key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    settings.credentials = aws_credential_types::Credentials::new("AKIDEXAMPLE", key, None, None, "test");
    let call = Call {
        service: "service",
        style: Style::Standard,
        method: Method::GET,
        url: "https://example.amazonaws.com/".to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        attempts: Attempts::One,
        timeout: Duration::from_secs(1),
    };
    let signed = Aws::new(settings).signed(&call, UNIX_EPOCH + Duration::from_secs(1_440_938_160)).unwrap();
    assert_eq!(signed.headers()["x-amz-date"], "20150830T123600Z");
    assert_eq!(
        signed.headers()["authorization"],
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders=host;x-amz-date, \
         Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    );
}

#[tokio::test]
async fn throttling_and_server_errors_are_attempted_three_times_and_other_errors_once() {
    let (service, aws) = Service::start(&[
        (503, "", "busy"),
        (400, "ThrottlingException", "{}"),
        (200, "", r#"{"Value": 1}"#),
    ])
    .await;
    assert_eq!(parameter(&aws).await, Ok(json!({"Value": 1})));
    assert_eq!(service.seen().len(), 3);
    let (_, headers) = &service.seen()[2];
    assert_eq!(headers["x-amz-target"], "AmazonSSM.GetParameter");
    assert_eq!(headers["content-type"], "application/x-amz-json-1.1");
    assert!(headers["authorization"].to_str().unwrap().contains("/eu-central-1/ssm/aws4_request"));

    let (service, aws) = Service::start(&[(500, "", "")]).await;
    assert_eq!(parameter(&aws).await, Err(CallError::Refused { status: 500, code: String::new() }));
    assert_eq!(service.seen().len(), 3);

    let (service, aws) = Service::start(&[(400, "AccessDeniedException:http://internal/", "")]).await;
    let error = parameter(&aws).await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDeniedException"));
    assert_eq!(service.seen().len(), 1);
}

#[tokio::test]
async fn an_answer_of_another_form_is_an_error_that_does_not_quote_it() {
    let (_, aws) = Service::start(&[(200, "", r#"{"Parameter": {"Value": "hunter2"}"#)]).await;
    let error = parameter(&aws).await.unwrap_err();
    assert!(matches!(error, CallError::Unusable(_)), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("hunter2"));
}

#[tokio::test]
async fn a_closed_port_is_unreachable_and_a_silent_one_times_out() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let lambda = |url: &str| Aws::new(AwsSettings::local(url, url, url)).lambda();
    let waited = lambda(&url).invoke_and_wait("f", b"{}".to_vec(), Duration::from_millis(50)).await;
    assert_eq!(waited, Err(CallError::TimedOut));
    drop(silent);
    let refused = lambda(&url).invoke_and_wait("f", b"{}".to_vec(), Duration::from_secs(5)).await;
    assert_eq!(refused, Err(CallError::Unreachable));
}

#[tokio::test]
async fn a_function_is_named_by_its_arn_in_one_escaped_path_segment() {
    let (service, aws) = Service::start(&[(202, "", "")]).await;
    let arn = "arn:aws:lambda:eu-central-1:123456789012:function:execute";
    aws.lambda().invoke_event(arn, b"{}".to_vec()).await.unwrap();
    let (path, headers) = &service.seen()[0];
    let escaped = "arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Aexecute";
    assert_eq!(path, &format!("/2015-03-31/functions/{escaped}/invocations"));
    assert_eq!(headers["x-amz-invocation-type"], "Event");
}

#[test]
fn error_codes_are_read_from_every_documented_place_and_nothing_else_is_repeated() {
    let answer = |body: &'static str| http::Response::new(Bytes::from_static(body.as_bytes()));
    assert_eq!(
        error_code(&answer(r#"{"__type": "com.amazonaws.kms#NotFoundException"}"#)),
        "NotFoundException"
    );
    assert_eq!(error_code(&answer(r#"{"code": "InvalidKeyId"}"#)), "InvalidKeyId");
    assert_eq!(
        error_code(&answer("<Error><Code>AccessDenied</Code><Message>m</Message></Error>")),
        "AccessDenied"
    );
    assert_eq!(error_code(&answer("<html>proxy</html>")), "");
    assert_eq!(error_code(&answer(r#"{"__type": "a secret, quoted"}"#)), "");
}

#[test]
fn endpoints_are_those_of_the_region_s_partition() {
    assert_eq!(endpoint("ssm", "eu-central-1"), "https://ssm.eu-central-1.amazonaws.com");
    assert_eq!(endpoint("kms", "us-gov-west-1"), "https://kms.us-gov-west-1.amazonaws.com");
    assert_eq!(endpoint("lambda", "cn-north-1"), "https://lambda.cn-north-1.amazonaws.com.cn");
}
