//! What the tests of the storage share: the databases, the people of the stories, the loop that
//! loads, decides and appends.

#![allow(dead_code, unreachable_pub, reason = "each test program uses its own part")]

pub mod database;
pub mod proxy;
pub mod story;

/// Runs every named async test on the embedded database and, with the feature
/// `dynamodb-local-tests`, on DynamoDB Local. A test takes the [`database::Database`].
macro_rules! on_every_database {
    ($($(#[$attribute:meta])* $test:ident),+ $(,)?) => {
        mod embedded {
            $($(#[$attribute])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let database = crate::support::database::Database::embedded().await;
                super::$test(&database).await;
                database.close().await;
            })+
        }

        #[cfg(feature = "dynamodb-local-tests")]
        mod dynamodb_local {
            $($(#[$attribute])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let database = crate::support::database::Database::dynamodb_local().await;
                super::$test(&database).await;
                database.close().await;
            })+
        }
    };
}
pub(crate) use on_every_database;
