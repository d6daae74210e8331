//! A stand-in for the webhook of a Teams workflow: it takes a message with one Adaptive Card of at most
//! 28 KB, behind a URL with a secret, and nothing else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use countersign_notify::teams::limits::check;
use reqwest::StatusCode;
use serde_json::Value;

use crate::serve::PATIENCE;

/// The secret in the URL.
const SIGNATURE: &str = "sig=5Tr3ngGeh31m";

#[derive(Debug, Default)]
struct Inner {
    cards: Vec<Value>,
    refusals: Vec<String>,
    gone: bool,
}

/// The stand-in, running. Cheap to clone.
#[derive(Clone)]
pub struct Teams {
    inner: Arc<Mutex<Inner>>,
    url: String,
}

impl Teams {
    /// Starts one.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url =
            format!("http://{}/workflows/1/triggers/manual/paths/invoke?{SIGNATURE}", listener.local_addr()?);
        let teams = Self { inner: Arc::default(), url };
        let path = "/workflows/1/triggers/manual/paths/invoke";
        let router = Router::new().route(path, post(take)).with_state(teams.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(teams)
    }

    /// Its whole URL, which is a secret.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Deletes the workflow.
    pub fn delete(&self) {
        self.inner().gone = true;
    }

    /// The cards that were taken.
    #[must_use]
    pub fn cards(&self) -> Vec<Value> {
        self.inner().cards.clone()
    }

    /// What was not taken, and why.
    #[must_use]
    pub fn refusals(&self) -> Vec<String> {
        self.inner().refusals.clone()
    }

    /// Waits for a card that holds a text.
    ///
    /// # Errors
    /// If none comes.
    pub async fn card(&self, text: &str) -> Result<Value> {
        let give_up_at = Instant::now() + PATIENCE;
        while Instant::now() < give_up_at {
            if let Some(card) = self.cards().into_iter().find(|card| card.to_string().contains(text)) {
                return Ok(card);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("no card with `{text}`: {:#?}; refused: {:?}", self.cards(), self.refusals())
    }
}

async fn take(State(teams): State<Teams>, RawQuery(query): RawQuery, body: Bytes) -> Response {
    let mut inner = teams.inner();
    if inner.gone {
        return StatusCode::NOT_FOUND.into_response();
    }
    if query.as_deref() != Some(SIGNATURE) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match check(&body) {
        Ok(card) => {
            inner.cards.push(card);
            StatusCode::ACCEPTED.into_response()
        }
        Err(wrong) => {
            inner.refusals.push(wrong.to_string());
            (StatusCode::BAD_REQUEST, wrong.to_string()).into_response()
        }
    }
}
