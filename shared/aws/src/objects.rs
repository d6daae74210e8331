//! S3, as far as checkpoints need it: one small object at a time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use http::{HeaderMap, Method};
use sha2::{Digest as _, Sha256};

use crate::Aws;
use crate::call::{Attempts, Call, CallError, Style, endpoint};

/// An object was not stored. Holds S3's error code, never what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the object `{key}` cannot be stored in the bucket `{bucket}`: {why}")]
pub struct StoreObjectError {
    bucket: String,
    key: String,
    why: CallError,
}

impl Aws {
    /// Stores an object with a checksum of its content, which a bucket with Object Lock requires. The bucket's
    /// own default says how long the object is locked.
    ///
    /// # Errors
    /// [`StoreObjectError`].
    pub fn put_object<'a>(
        &'a self,
        bucket: &'a str,
        key: &'a str,
        body: &'a [u8],
    ) -> BoxFuture<'a, Result<(), StoreObjectError>> {
        Box::pin(async move {
            self.try_put(bucket, key, body).await.map_err(|why| StoreObjectError {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
                why,
            })
        })
    }

    async fn try_put(&self, bucket: &str, key: &str, body: &[u8]) -> Result<(), CallError> {
        let url = match &self.settings.s3_url {
            Some(base) => format!("{}/{bucket}/{key}", base.trim_end_matches('/')),
            None => {
                let endpoint = endpoint("s3", &self.settings.region);
                format!("{}/{key}", endpoint.replacen("://", &format!("://{bucket}."), 1))
            }
        };
        let mut call = Call {
            service: "s3",
            style: Style::S3,
            method: Method::PUT,
            url,
            headers: HeaderMap::new(),
            body: body.to_vec().into(),
            attempts: Attempts::One,
            timeout: self.settings.attempt_timeout,
        };
        call.header("content-type", "application/json")?;
        call.header("x-amz-sdk-checksum-algorithm", "SHA256")?;
        call.header("x-amz-checksum-sha256", &STANDARD.encode(Sha256::digest(body)))?;
        self.send(call).await?;
        Ok(())
    }
}
