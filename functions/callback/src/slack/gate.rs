//! Whether a call is from Slack and from our workspace, and whose account it is.

use std::sync::{Arc, OnceLock};

use countersign_app::{App, Caller, errors};
use countersign_http::Problem;
use countersign_notify::SlackSettings;
use countersign_notify::slack::client::{API_URL, API_URL_VARIABLE, SlackClient, http_client};
use countersign_notify::slack::incoming::signature::{self, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use countersign_notify::slack::incoming::{Origin, Workspace};
use countersign_rules::Via;
use countersign_storage::{Found, Key, StorageError};
use countersign_targets::{FileSecrets, Secret, SecretRef};
use http::HeaderMap;

/// Where settings are looked up.
type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What this function needs to talk with Slack. Cheap to clone.
///
/// The signing secret and the bot token must be held by this very process (`env:`, and `file:` where
/// files are allowed): asking AWS for them would take longer than a cold button press may.
#[derive(Clone)]
pub struct Slack {
    lookup: Lookup,
    files: FileSecrets,
    http: Arc<OnceLock<reqwest::Client>>,
}

impl Slack {
    /// With what looks up `env:` references and [`API_URL_VARIABLE`].
    #[must_use]
    pub fn new(lookup: Lookup, files: FileSecrets) -> Self {
        Self { lookup, files, http: Arc::default() }
    }

    fn secret(&self, reference: &str) -> Result<Secret, String> {
        let reference = SecretRef::parse(reference, self.files).map_err(|error| error.to_string())?;
        countersign_targets::secret::resolve_secret(&reference, &*self.lookup)
            .map_err(|error| error.to_string())
    }

    /// A client with the bot's token; built here, at the first call that needs one.
    pub(crate) fn client(&self, settings: &SlackSettings) -> Result<SlackClient, String> {
        let token = self.secret(&settings.bot_token)?;
        let http = match self.http.get() {
            Some(http) => http.clone(),
            None => {
                // Slack waits for three seconds in all.
                let built = http_client().timeout(std::time::Duration::from_millis(2000)).build();
                let built = built.map_err(|_| "no HTTP client can be made".to_owned())?;
                self.http.get_or_init(|| built).clone()
            }
        };
        let base = (self.lookup)(API_URL_VARIABLE).filter(|url| !url.is_empty());
        Ok(SlackClient::new(http, base.as_deref().unwrap_or(API_URL), token.expose()))
    }
}

/// A call that is from Slack.
pub(crate) struct Entered {
    pub(crate) settings: SlackSettings,
    pub(crate) found: Found,
}

/// Reads the settings with everything in `also`, in one round trip, and checks the signature. Nothing
/// of the body counts before.
///
/// # Errors
/// 404 where Slack is not set up, 401 for a call that is not from Slack.
pub(crate) async fn enter(
    app: &App,
    slack: &Slack,
    headers: &HeaderMap,
    body: &[u8],
    also: &[Key],
) -> Result<Entered, Problem> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (timestamp, signed) = (header(TIMESTAMP_HEADER), header(SIGNATURE_HEADER));
    if timestamp.is_none() || signed.is_none() {
        return Err(unsigned(signature::Unsigned::Missing));
    }
    let mut keys = vec![Key::SlackSettings];
    keys.extend_from_slice(also);
    let found = app.store.read("slack", &keys).await.map_err(|error| errors::storage(&error))?;
    let settings = found.slack_settings().map_err(|error| errors::storage(&error))?;
    let settings = settings.filter(|settings| settings.enabled).ok_or_else(|| Problem::not_found("page"))?;
    let secret = slack.secret(&settings.signing_secret).map_err(|error| {
        tracing::error!(%error, "the signing secret of Slack");
        Problem::internal()
    })?;
    signature::verify(secret.expose(), timestamp, signed, body, app.now()).map_err(unsigned)?;
    Ok(Entered { settings, found })
}

fn unsigned(error: signature::Unsigned) -> Problem {
    tracing::warn!(%error, "a call that is not from Slack");
    Problem::unauthenticated(error.to_string())
}

/// Checks that somebody belongs to our workspace, and says to them why not.
pub(crate) fn check_origin(settings: &SlackSettings, origin: &Origin) -> Result<(), String> {
    let workspace = Workspace { app: settings.app_id.clone(), team: settings.team_id.clone() };
    origin.belongs_to(&workspace).map_err(|outsider| {
        tracing::warn!(%outsider, "slack");
        outsider.to_string()
    })
}

/// The account of a Slack user, as it is now: read with everything in `also`.
///
/// # Errors
/// What is to be said to them.
pub(crate) async fn account(
    app: &App,
    found: &Found,
    origin: &Origin,
    also: &[Key],
) -> Result<(Caller, Found), String> {
    let link = found.slack_link(&origin.user).map_err(|error| trouble(&error))?;
    let Some(link) = link.filter(|link| link.team == origin.team) else {
        return Err(not_linked(app));
    };
    let mut keys = vec![Key::User(link.user)];
    keys.extend_from_slice(also);
    let read = app.store.read("slack account", &keys).await.map_err(|error| trouble(&error))?;
    let user = read.user(link.user).map_err(|error| trouble(&error))?;
    // The account has the last word: it may have another Slack user by now.
    let linked = user.filter(|user| user.slack_user_id.as_deref() == Some(origin.user.as_str()));
    let user = linked.ok_or_else(|| not_linked(app))?;
    if user.disabled {
        return Err("your account is disabled".to_owned());
    }
    Ok((Caller::unlimited(user, Via::Slack), read))
}

fn not_linked(app: &App) -> String {
    format!(
        "Your Slack user is not linked to an account. Open {}/slack/link while you are signed in, and type here the command that it shows you.",
        app.config.public_url
    )
}

/// What is said when the table does not answer.
pub(crate) fn trouble(error: &StorageError) -> String {
    tracing::error!(%error, "slack");
    "Countersign has trouble and could not do that. Try again in a moment.".to_owned()
}
