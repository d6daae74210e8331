//! Receivers that fail in every way.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_app::Config;
use countersign_deliver::webhook::WebhookSender;
use countersign_notify::sign::SigningSecret;
use countersign_notify::{Attempt, Delivery, EndpointId, Outcome, Sender as _, Webhook, Work};
use countersign_rules::{DeliveryId, Timestamp, UserId, WebhookId};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const NOW: i64 = 1_790_000_000_000;

fn config() -> Config {
    let lookup = |name: &str| match name {
        "COUNTERSIGN_TABLE" => Some("t".to_owned()),
        "COUNTERSIGN_PUBLIC_URL" => Some("https://gate.example.com".to_owned()),
        "COUNTERSIGN_DELIVERY_TIMEOUT_SEC" => Some("1".to_owned()),
        _ => None,
    };
    let mut config = Config::read(&lookup).unwrap();
    config.loopback_webhooks = true;
    config
}

fn work(url: &str) -> Work {
    let now = Timestamp::from_unix_millis(NOW);
    let id = WebhookId::from_parts(now, 1);
    let webhook = Webhook {
        id,
        name: String::new(),
        url: url.to_owned(),
        events: [].into(),
        connections: [].into(),
        headers: BTreeMap::from([("authorization".to_owned(), "Bearer mine".to_owned())]),
        enabled: true,
        secret: SigningSecret::from_random([7; 32]),
        retiring: None,
        created_at: now,
        created_by: UserId::from_parts(now, 1),
        version: 1,
    };
    let delivery = Delivery::of_test(&EndpointId::Webhook(id), DeliveryId::from_parts(now, 2));
    Work { delivery, about: None, webhook: Some(webhook), now }
}

async fn send(url: &str) -> Attempt {
    WebhookSender::new(&config()).send(&work(url)).await
}

/// Reads a request whole: it says how long it is.
async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut text = Vec::new();
    let mut part = [0_u8; 4096];
    loop {
        let read = stream.read(&mut part).await.unwrap_or(0);
        text.extend_from_slice(&part[..read]);
        let seen = String::from_utf8_lossy(&text).into_owned();
        let whole = seen.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            length.and_then(|digits| digits.parse().ok()) == Some(body.len())
        });
        if whole || read == 0 {
            return seen;
        }
    }
}

/// A receiver that does `then` with each connection after it has read the request.
async fn receiver<F>(then: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            read_request(&mut stream).await;
            tokio::spawn(then(stream));
        }
    });
    url
}

async fn answering(answer: &'static str) -> String {
    receiver(move |mut stream| async move {
        let _ = stream.write_all(answer.as_bytes()).await;
    })
    .await
}

async fn forever<S: AsyncWrite + Unpin>(mut stream: S, head: &str, part: &[u8], pause_millis: u64) {
    let _ = stream.write_all(head.as_bytes()).await;
    while stream.write_all(part).await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(pause_millis)).await;
    }
}

const FAILED: Outcome = Outcome::Failed { retry_after: None };
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

#[tokio::test]
async fn what_arrives_is_signed_and_carries_the_headers_of_both() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?a=b", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tell.send(read_request(&mut stream).await).unwrap();
        let _ = stream.write_all(OK.as_bytes()).await;
    });
    let attempt = send(&url).await;
    assert_eq!(
        (attempt.outcome, attempt.status, attempt.answer.as_str()),
        (Outcome::Delivered, Some(200), "ok")
    );
    let request = told.recv().await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(attempt.bytes as usize, body.len());
    assert!(head.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{head}");
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": ")).filter(|(key, _)| *key == name);
        let value = lines.next().map(|(_, value)| value.to_owned());
        assert!(lines.next().is_none(), "`{name}` came twice");
        value.unwrap_or_default()
    };
    assert_eq!(header("authorization"), "Bearer mine");
    assert_eq!(header("content-type"), "application/json");
    assert!(header("user-agent").starts_with("countersign/"));
    let id = work(&url).delivery.id.to_string();
    assert_eq!((header("webhook-id"), header("webhook-timestamp")), (id.clone(), "1790000000".to_owned()));
    let expected = SigningSecret::from_random([7; 32]).sign(&id, 1_790_000_000, body.as_bytes());
    assert_eq!(header("webhook-signature"), expected);
}

#[tokio::test]
async fn only_2xx_is_success_and_a_redirection_is_not_followed() {
    for (answer, outcome, status) in [
        ("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n", Outcome::Delivered, 204),
        ("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", FAILED, 302),
        ("HTTP/1.1 304 Not Modified\r\n\r\n", FAILED, 304),
        ("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", FAILED, 400),
        ("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", Outcome::Gone, 410),
        ("HTTP/1.1 500 Oops\r\ncontent-length: 4\r\n\r\noops", FAILED, 500),
        (
            "HTTP/1.1 429 Slower\r\nretry-after: 77\r\ncontent-length: 0\r\n\r\n",
            Outcome::Failed { retry_after: Some(77) },
            429,
        ),
    ] {
        let attempt = send(&answering(answer).await).await;
        assert_eq!((attempt.outcome, attempt.status), (outcome, Some(status)), "{}", attempt.answer);
    }
}

#[tokio::test]
async fn a_receiver_that_does_not_end_is_given_up_in_time() {
    let silent = receiver(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    let slow_headers = receiver(|stream| forever(stream, "HTTP/1.1 200 OK\r\n", b"x-a: b\r\n", 50));
    let slow_body =
        receiver(|stream| forever(stream, "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", b"x", 50));
    for url in [silent.await, slow_headers.await, slow_body.await] {
        let attempt = send(&url).await;
        assert_eq!((attempt.outcome, attempt.status), (FAILED, None));
        assert_eq!(attempt.answer, "no whole answer within 1 s");
    }
}

#[tokio::test]
async fn of_an_endless_answer_20_kilobytes_are_read() {
    let url = receiver(|stream| forever(stream, "HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 8192], 0)).await;
    let attempt = send(&url).await;
    assert_eq!((attempt.outcome, attempt.answer.len()), (Outcome::Delivered, 20 * 1024));
}

#[tokio::test]
async fn a_connection_that_breaks_is_a_failure() {
    let closed = receiver(|stream| async move { drop(stream) }).await;
    let reset = receiver(|stream| async move {
        let stream = stream.into_std().unwrap();
        drop(stream);
    })
    .await;
    let broken = answering("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nonly so much").await;
    let nonsense = answering("no HTTP at all\r\n\r\n").await;
    // Bound, so that nobody else gets the port, and not listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let nobody = format!("http://{}/", socket.local_addr().unwrap());
    for url in [closed, reset, broken, nonsense, nobody] {
        let attempt = send(&url).await;
        assert_eq!(attempt.outcome, FAILED, "{url}: {}", attempt.answer);
        assert!(!attempt.answer.contains("hook"), "the URL may hold a secret: {}", attempt.answer);
    }
}

#[tokio::test]
async fn where_the_filter_says_no_nothing_is_sent() {
    let mut config = config();
    config.loopback_webhooks = false;
    let url = answering(OK).await;
    let port = url.rsplit(':').next().unwrap();
    for url in [&url, &format!("https://localhost:{port}"), "https://169.254.169.254/", "https://10.0.0.1/"] {
        let attempt = WebhookSender::new(&config).send(&work(url)).await;
        assert_eq!(attempt.outcome, FAILED);
        assert!(attempt.answer.starts_with("refused by the egress filter: "), "{}", attempt.answer);
    }
}

/// A TLS receiver with a certificate for these names, and its authority.
async fn tls_receiver(names: &[&str]) -> (u16, reqwest::Certificate) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let root = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            read_request(&mut stream).await;
            let _ = stream.write_all(OK.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (port, root)
}

#[tokio::test]
async fn a_certificate_must_be_of_a_known_authority_and_for_the_name() {
    let (port, root) = tls_receiver(&["localhost"]).await;
    let url = format!("https://localhost:{port}/");
    let attempt = send(&url).await;
    assert_eq!(attempt.outcome, FAILED, "nobody knows who issued it");
    let trusting = || WebhookSender::new(&config()).trusting(root.clone());
    let attempt = trusting().send(&work(&url)).await;
    assert_eq!(attempt.outcome, Outcome::Delivered, "{}", attempt.answer);
    let attempt = trusting().send(&work(&format!("https://127.0.0.1:{port}/"))).await;
    assert_eq!(attempt.outcome, FAILED, "it is for another name");
    let plain = answering(OK).await.replace("http:", "https:");
    assert_eq!(send(&plain).await.outcome, FAILED, "it speaks no TLS");
}
