//! An HTTP client that reaches nothing but what a policy allows.

use crate::policy::{Blocked, Policy};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Resolves names by the system, and gives only addresses that may be reached.
#[derive(Debug, Clone)]
pub struct FilteredResolver {
    policy: Arc<Policy>,
}

impl FilteredResolver {
    /// A resolver under a policy.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { policy: Arc::new(policy) }
    }

    /// The addresses of a name that may be reached.
    ///
    /// # Errors
    /// What the system says, or a [`Blocked`] inside of an [`io::Error`] if none may be.
    pub async fn lookup(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let (mut open, mut blocked) = (Vec::new(), None);
        for found in tokio::net::lookup_host((name, 0)).await? {
            match self.policy.check(found.ip()) {
                Ok(()) => open.push(found),
                Err(error) => blocked = Some(error),
            }
        }
        match (open.is_empty(), blocked) {
            (false, _) => Ok(open),
            (true, Some(blocked)) => Err(io::Error::new(io::ErrorKind::PermissionDenied, blocked)),
            (true, None) => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
        }
    }
}

impl Resolve for FilteredResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let found = resolver.lookup(name.as_str()).await?;
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

/// The beginning of a client: filtered, without redirects, proxies or a referrer.
///
/// **The caller checks each URL by [`Policy::check_url`]**: an address written into it is not resolved.
pub fn client_builder(policy: &Policy) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .dns_resolver(Arc::new(FilteredResolver::new(policy.clone())))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .pool_max_idle_per_host(0)
}

/// The refusal somewhere among an error's causes.
#[must_use]
pub fn blocked_in<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Blocked> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(blocked) = error.downcast_ref::<Blocked>() {
            return Some(blocked);
        }
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inside {
            Some(inside) => Some(inside),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Answers one request, and says where it listens.
    async fn receiver(answer: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        port
    }

    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_refused_when_it_is_resolved() {
        let port = receiver(OK).await;
        let client = client_builder(&Policy::default()).build().unwrap();
        let error = client.get(format!("http://localhost:{port}/")).send().await.unwrap_err();
        assert!(matches!(blocked_in(&error), Some(Blocked::Address { .. })), "{error:?}");
        let open = Policy { loopback: true, ..Policy::default() };
        let client = client_builder(&open).build().unwrap();
        let answer = client.get(format!("http://localhost:{port}/")).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "ok");
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let port =
            receiver("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        let open = Policy { loopback: true, ..Policy::default() };
        let answer = client_builder(&open)
            .build()
            .unwrap()
            .get(format!("http://127.0.0.1:{port}/"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 302);
    }
}
