//! Tests that run on every database.

/// Makes of each `async fn NAME(database: Database)` in the file a test on the embedded database
/// and, with the feature `dynamodb-local-tests`, one on DynamoDB Local.
#[macro_export]
macro_rules! on_every_database {
    ($($name:ident),* $(,)?) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name($crate::Database::Embedded).await;
                }
            )*
        }

        #[cfg(feature = "dynamodb-local-tests")]
        mod dynamodb_local {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name($crate::Database::DynamoDbLocal).await;
                }
            )*
        }
    };
}
