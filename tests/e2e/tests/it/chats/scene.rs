//! A demo that is set up for the stand-in, with people who proved who they are there.

use countersign_e2e::slack::{CHANNEL, Message, Slack};
use countersign_e2e::{Answer, Database, Serve};
use serde_json::{Value, json};

pub(crate) struct Scene {
    pub(crate) serve: Serve,
    pub(crate) slack: Slack,
}

/// Somebody's Slack user.
pub(crate) fn user(who: &str) -> String {
    format!("U0{}", who.to_uppercase())
}

impl Scene {
    /// The demo, with Slack configured by `more` beside the usual.
    pub(crate) async fn begin(more: Value) -> Self {
        let slack = Slack::start().await.unwrap();
        let mut environment = slack.environment();
        environment.push(("COUNTERSIGN_RETRY_SCHEDULE".to_owned(), "300ms".to_owned()));
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let serve = Serve::start_at_a_fixed_address(Database::Embedded, &environment).await.unwrap();
        let mut settings = Slack::settings();
        settings.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        let saved = serve.call("root", "PUT", "/v1/integrations/slack", Some(settings)).await.unwrap();
        assert_eq!(saved.status, 200, "{saved:?}");
        Self { serve, slack }
    }

    /// Proves that somebody is their Slack user.
    pub(crate) async fn link(&self, who: &str) {
        let body = json!({ "slack_user_id": user(who) });
        let code = self.serve.post(who, "/v1/me/slack-links", body).await.unwrap();
        assert_eq!(code.status, 201, "{code:?}");
        let said = self.types(who, code.text("/command").trim_start_matches("/countersign ")).await;
        assert_eq!(said, format!("You are {who}@example.com from now on."));
    }

    pub(crate) async fn types(&self, who: &str, text: &str) -> String {
        self.slack.command(&self.serve, &user(who), text).await.unwrap()
    }

    pub(crate) async fn submit(&self, connection: &str, command: &str, more: Value) -> Answer {
        self.serve.submit("alice", connection, command, more).await.unwrap()
    }

    /// The message about a request in the channel, once it says that.
    pub(crate) async fn told(&self, request: &Answer, says: &str) -> Message {
        self.told_in(CHANNEL, request, says).await
    }

    pub(crate) async fn told_in(&self, channel: &str, request: &Answer, says: &str) -> Message {
        let code = request.text("/code");
        let is = |message: &Message| {
            message.below.is_none() && message.texts().contains(code) && message.texts().contains(says)
        };
        self.slack.message(channel, is).await.unwrap()
    }

    pub(crate) async fn state(&self, request: &Answer) -> Answer {
        self.serve.show("root", request).await.unwrap()
    }
}
