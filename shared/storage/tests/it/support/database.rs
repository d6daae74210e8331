//! A database with a table of its own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use countersign_local::EmbeddedStore;
use countersign_storage::codec::Item;
use countersign_storage::{Store, schema};

/// Where the URL of a running DynamoDB Local is looked for.
pub const DYNAMODB_LOCAL_URL: &str = "COUNTERSIGN_TEST_DYNAMODB_LOCAL_URL";

/// Which database it is, where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Embedded,
    DynamoDbLocal,
}

/// A running database, and a table in it that nobody else uses.
pub struct Database {
    pub kind: Kind,
    pub url: String,
    pub table: String,
    pub client: Client,
    pub store: Store,
    embedded: Option<EmbeddedStore>,
}

impl Database {
    /// The database that `countersign serve` runs on, in a directory that vanishes.
    pub async fn embedded() -> Self {
        let embedded = EmbeddedStore::open(None).await.expect("the embedded database opens");
        // On a port, so that a proxy can stand before it.
        let url = embedded.listen().await.expect("a free port");
        Self::with_table(Kind::Embedded, url, Some(embedded)).await
    }

    /// AWS's own emulator, which somebody else must have started.
    pub async fn dynamodb_local() -> Self {
        let url = std::env::var(DYNAMODB_LOCAL_URL).unwrap_or_else(|_| {
            panic!("`{DYNAMODB_LOCAL_URL}` must name a running DynamoDB Local; ./tests/run starts one")
        });
        Self::with_table(Kind::DynamoDbLocal, url, None).await
    }

    async fn with_table(kind: Kind, url: String, embedded: Option<EmbeddedStore>) -> Self {
        let client = client(&url);
        let table = table_name();
        schema::create_table(&client, &table).await.expect("the table is made");
        let store = Store::new(client.clone(), table.clone());
        Self { kind, url, table, client, store, embedded }
    }

    /// The same table, reached through something else that speaks DynamoDB's API.
    pub fn store_at(&self, url: &str) -> Store {
        Store::new(client(url), self.table.clone())
    }

    /// An item as it stands in the table.
    pub async fn raw(&self, pk: &str, sk: &str) -> Option<Item> {
        use aws_sdk_dynamodb::types::AttributeValue::S;
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.key("pk", S(pk.to_owned())).key("sk", S(sk.to_owned()));
        get.send().await.expect("the item is read").item
    }

    /// Writes an item past the storage.
    pub async fn put_raw(&self, item: Item) {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.expect("the item is written");
    }

    pub async fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.shutdown().await;
        }
    }
}

/// A client as the functions have it: no retries of its own, the same time-outs.
pub fn client(url: &str) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .build();
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .http_client(countersign_aws::Aws::new(countersign_aws::AwsSettings::local("", "", "")).http_client())
        .endpoint_url(url);
    Client::from_conf(config.build())
}

/// DynamoDB Local keeps its tables as long as it runs: names must differ between runs, too.
fn table_name() -> String {
    static TABLES: AtomicU32 = AtomicU32::new(0);
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    let number = TABLES.fetch_add(1, Ordering::Relaxed);
    format!("test-{}-{}-{number}", since_epoch.as_nanos(), std::process::id())
}
