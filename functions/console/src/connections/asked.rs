//! What the one function that knows secrets is asked about a connection, and waited for.

use countersign_app::app::InvokeError;
use countersign_app::catalogue::{CatalogueReport, RefreshEvent};
use countersign_app::probe::{TestEvent, TestReport};
use countersign_http::Problem;
use countersign_rules::ConnectionName;

use crate::Console;

impl Console {
    /// Has a connection tested.
    ///
    /// # Errors
    /// 503 if there is no answer.
    pub(crate) async fn test(&self, name: ConnectionName) -> Result<TestReport, Problem> {
        let event = TestEvent { test_connection: name };
        answered(&event.test_connection, self.invoker.test(&event)).await
    }

    /// Has the catalogue of a connection's database read.
    ///
    /// # Errors
    /// 503 if there is no answer.
    pub(crate) async fn read_catalogue(&self, name: ConnectionName) -> Result<CatalogueReport, Problem> {
        let event = RefreshEvent { refresh_catalogue: name };
        answered(&event.refresh_catalogue, self.invoker.refresh(&event)).await
    }
}

async fn answered<T>(
    connection: &ConnectionName,
    asked: impl Future<Output = Result<T, InvokeError>>,
) -> Result<T, Problem> {
    asked.await.map_err(|error| {
        tracing::error!(%error, %connection, "no answer about a connection");
        Problem::unavailable(2)
    })
}
