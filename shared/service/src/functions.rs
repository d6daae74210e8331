//! The functions as the platform invokes them.

use async_trait::async_trait;
use axum::Router;
use countersign_deliver::Deliver;
use countersign_dispatch::Dispatch;
use countersign_execute::Execute;
use countersign_expire::Expire;
use countersign_local::{Function, FunctionError};
use countersign_seal::Seal;
use serde_json::Value;

/// A function that answers HTTP.
pub(crate) struct Http(pub(crate) Router);

#[async_trait]
impl Function for Http {
    async fn invoke(&self, payload: Value) -> Result<Value, FunctionError> {
        countersign_http::lambda::invoke(&self.0, payload).await.map_err(|error| failed(&error))
    }
}

/// A function that handles events.
pub(crate) enum Events {
    Deliver(Deliver),
    Dispatch(Dispatch),
    Execute(Execute),
    Expire(Expire),
    Seal(Box<Seal>),
}

#[async_trait]
impl Function for Events {
    async fn invoke(&self, payload: Value) -> Result<Value, FunctionError> {
        match self {
            Self::Deliver(deliver) => deliver.handle(payload).await.map_err(|error| failed(&error)),
            Self::Dispatch(dispatch) => dispatch.handle(payload).await.map_err(|error| failed(&error)),
            Self::Execute(execute) => execute.handle(payload).await.map_err(|error| failed(&error)),
            Self::Expire(expire) => expire.handle(payload).await.map_err(|error| failed(&error)),
            Self::Seal(seal) => seal.handle(payload).await.map_err(|error| failed(&error)),
        }
    }
}

fn failed(error: &impl std::fmt::Display) -> FunctionError {
    FunctionError::new("Error", error.to_string())
}
