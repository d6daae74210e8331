//! S3, as far as checkpoints need it: one small object at a time.
//!
//! Signed by `aws-sigv4`, which every SDK client uses, and sent through the connection pool that they
//! share. The client crate of S3 is larger than all the others together, for one call.

use std::time::SystemTime;

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::aws::Aws;

/// An object was not stored. Says what S3 said, never what was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the object `{key}` cannot be stored in the bucket `{bucket}`: {why}")]
pub struct NotStored {
    bucket: String,
    key: String,
    why: String,
}

impl Aws {
    /// Stores an object. What a bucket with Object Lock demands is there: a checksum of the content; the
    /// time for which it is locked is the bucket's own.
    ///
    /// # Errors
    /// [`NotStored`].
    pub async fn put_object(&self, bucket: &str, key: &str, body: &[u8]) -> Result<(), NotStored> {
        self.try_put(bucket, key, body).await.map_err(|why| NotStored {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            why,
        })
    }

    async fn try_put(&self, bucket: &str, key: &str, body: &[u8]) -> Result<(), String> {
        let region = &self.settings.region;
        let url = match &self.settings.s3_url {
            Some(base) => format!("{}/{bucket}/{key}", base.trim_end_matches('/')),
            None => format!("https://{bucket}.s3.{region}.amazonaws.com/{key}"),
        };
        let request = http::Request::put(&url)
            .header("content-type", "application/json")
            .header("x-amz-sdk-checksum-algorithm", "SHA256")
            .header("x-amz-checksum-sha256", STANDARD.encode(Sha256::digest(body)));
        let mut request = request.body(SdkBody::from(body)).map_err(|error| error.to_string())?;
        let identity = self.settings.credentials.clone().into();
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let params = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("s3")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let headers: Vec<(String, String)> = request
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let signable = SignableRequest::new("PUT", &url, headers, SignableBody::Bytes(body))
            .map_err(|error| error.to_string())?;
        let signed = sign(signable, &params).map_err(|error| error.to_string())?;
        signed.into_parts().0.apply_to_request_http1x(&mut request);
        let request = HttpRequest::try_from(request).map_err(|error| error.to_string())?;
        let answer = self.connector.call(request).await.map_err(|error| error.to_string())?;
        if answer.status().is_success() {
            return Ok(());
        }
        let status = answer.status().as_u16();
        let body = ByteStream::new(answer.into_body()).collect().await.map_err(|error| error.to_string())?;
        // S3 says `<Code>AccessDenied</Code>`; more of its answer is not needed.
        let text = String::from_utf8_lossy(&body.into_bytes()).into_owned();
        let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        Err(format!("{status} {}", code.map_or("", |(code, _)| code)))
    }
}
