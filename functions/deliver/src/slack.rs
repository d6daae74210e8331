//! One message a request and place in Slack, which shows the newest state.
//!
//! Whoever is at a message claims it first, so that two invocations neither post two nor bring it back
//! to an older state. A claim lapses: an invocation that died holds nothing up for longer.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use countersign_app::App;
use countersign_notify::notice::Notice;
use countersign_notify::sender::About;
use countersign_notify::slack::client::SlackClient;
use countersign_notify::slack::failure::SlackFailure;
use countersign_notify::slack::message::{Message, Reader, message, notes, reminder};
use countersign_notify::{Attempt, EndpointId, Outcome, Place, Posted, Sender, SlackSettings, Work};
use countersign_rules::{Status, Timestamp};
use countersign_storage::StorageError;

use crate::chats::{ChatSecrets, Said};

/// How long a claim holds: longer than everything that is done under it.
const CLAIM_SECONDS: u32 = 40;
/// How often it is looked again whether somebody else is done, and how long after.
const LOOKS: u32 = 20;
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Posts to Slack.
pub struct SlackSender {
    app: App,
    secrets: ChatSecrets,
}

/// How a message stands before anything is done.
enum Claim {
    /// It is ours to do.
    Mine(Posted),
    /// There is nothing to do.
    Nothing(Posted),
}

impl SlackSender {
    /// On these use cases.
    #[must_use]
    pub fn new(app: App, secrets: ChatSecrets) -> Self {
        Self { app, secrets }
    }

    async fn bring(&self, work: &Work, target: &str) -> Result<Said, StorageError> {
        let Some((settings, _)) = self.app.store.integrations().await?.slack else {
            return Ok(Said::new(Outcome::Refused, "Slack is not set up"));
        };
        let client = match self.secrets.slack(&settings).await {
            Ok(client) => client,
            Err(why) => return Ok(Said::failed(why)),
        };
        let Some(about) = &work.about else {
            return Ok(self.test(&client, target).await);
        };
        let Some(reader) = self.reader(about, target).await? else {
            return Ok(Said::new(Outcome::Delivered, "they are not asked any more, so nothing was posted"));
        };
        match self.claim(work, about, &settings).await? {
            None => Ok(Said::failed("another invocation is at this message")),
            Some(Claim::Nothing(posted)) => {
                Ok(self.next(&settings, about, reader, &posted, "it is there already"))
            }
            Some(Claim::Mine(posted)) => self.show(&client, &settings, about, reader, target, posted).await,
        }
    }

    /// For whom a message there is; `None` for somebody who is not asked, or not any more.
    async fn reader(&self, about: &About, target: &str) -> Result<Option<Reader>, StorageError> {
        if !is_person(target) {
            return Ok(Some(Reader::Reviewer));
        }
        let Some(link) = self.app.store.slack_link(target).await? else { return Ok(None) };
        let Some(account) = self.app.store.user(link.user).await? else { return Ok(None) };
        let person = account.user.person();
        if person.disabled {
            return Ok(None);
        }
        if person.human == about.request.requester.human {
            return Ok(Some(Reader::Requester));
        }
        let reviews = about.request.policy.groups.iter().any(|group| person.groups.contains(group));
        Ok(reviews.then_some(Reader::Reviewer))
    }

    /// Claims the message, unless it shows the state and no reminder is due. `None` if somebody else
    /// holds it for too long.
    async fn claim(
        &self,
        work: &Work,
        about: &About,
        settings: &SlackSettings,
    ) -> Result<Option<Claim>, StorageError> {
        let endpoint = &work.delivery.endpoint;
        for _ in 0..LOOKS {
            let now = self.app.now();
            let known = self.app.store.posted(about.request.id).await?;
            let known = known.into_iter().find(|posted| posted.endpoint == *endpoint);
            let fresh = || Posted {
                request: about.request.id,
                endpoint: endpoint.clone(),
                place: None,
                claimed_until: now,
                shows: 0,
                reminders: 0,
                row: 0,
            };
            let mut posted = known.unwrap_or_else(fresh);
            let shown = posted.place.is_some() && posted.shows >= about.request.version;
            let due = self.due(settings, about, &posted).is_some_and(|due| due <= now);
            if shown && !due {
                return Ok(Some(Claim::Nothing(posted)));
            }
            if posted.claimed_until <= now {
                posted.row += 1;
                posted.claimed_until = now.plus_seconds(CLAIM_SECONDS);
                match self.app.store.put_posted(&posted).await {
                    Ok(()) => return Ok(Some(Claim::Mine(posted))),
                    Err(StorageError::Conflict) => continue,
                    Err(error) => return Err(error),
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(None)
    }

    /// When reviewers are asked again, if they are.
    fn due(&self, settings: &SlackSettings, about: &About, posted: &Posted) -> Option<Timestamp> {
        let request = &about.request;
        if request.status_at(self.app.now()) != Status::Pending {
            return None;
        }
        let reminders = settings.reminders_of(&request.connection);
        reminders.due(posted.reminders, request.created_at, request.expires_at)
    }

    /// Posts or updates, under the claim, and gives it back.
    async fn show(
        &self,
        client: &SlackClient,
        settings: &SlackSettings,
        about: &About,
        reader: Reader,
        target: &str,
        mut posted: Posted,
    ) -> Result<Said, StorageError> {
        let notice = Notice::new(&about.request, &about.created, self.app.now(), &self.app.config.public_url);
        let told = message(&notice, reader);
        let bytes = weight(&told);
        let done = self.put(client, &notice, &told, reader, target, &mut posted).await;
        let mut words = match &done {
            Ok(words) => words.clone(),
            Err(failure) => failure.to_string(),
        };
        if done.is_ok() {
            posted.shows = about.request.version;
            if reader == Reader::Reviewer
                && self.due(settings, about, &posted).is_some_and(|due| due <= self.app.now())
                && let Some(place) = &posted.place
            {
                // One that is lost is worth no error: the next one comes.
                words = match client.reply(place, &reminder(&notice)).await {
                    Ok(_) => "reminded".to_owned(),
                    Err(failure) => format!("the reminder was not taken: {failure}"),
                };
                posted.reminders += 1;
            }
        }
        posted.row += 1;
        posted.claimed_until = self.app.now();
        match self.app.store.put_posted(&posted).await {
            // The claim had lapsed, and somebody else went on: what they show is as new.
            Ok(()) | Err(StorageError::Conflict) => {}
            Err(error) => return Err(error),
        }
        let mut said = match done {
            Ok(_) => self.next(settings, about, reader, &posted, &words),
            Err(failure) => Said { words, ..of_failure(&failure) },
        };
        said.bytes = bytes;
        Ok(said)
    }

    /// Puts the message where it belongs; `posted` knows its place then.
    async fn put(
        &self,
        client: &SlackClient,
        notice: &Notice,
        told: &Message,
        reader: Reader,
        target: &str,
        posted: &mut Posted,
    ) -> Result<String, SlackFailure> {
        if let Some(place) = &posted.place {
            match client.update(place, told).await {
                Ok(()) => {
                    if reader == Reader::Requester && is_end(notice.status) {
                        // An update makes no sound, and this is what its reader waits for.
                        client.reply(place, &notes(notice)).await?;
                    }
                    return Ok("updated".to_owned());
                }
                Err(SlackFailure::MessageGone(code)) if notice.status != Status::Pending => {
                    return Ok(format!(
                        "the message was deleted in Slack ({code}), and nobody is asked any more"
                    ));
                }
                // Somebody deleted it, and it is still needed.
                Err(SlackFailure::MessageGone(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
        let channel =
            if is_person(target) { client.open_conversation(target).await? } else { target.to_owned() };
        let place: Place = client.post(&channel, told).await?;
        let words = format!("posted in {}", place.channel);
        posted.place = Some(place);
        Ok(words)
    }

    /// What follows: nothing, or a reminder.
    fn next(
        &self,
        settings: &SlackSettings,
        about: &About,
        reader: Reader,
        posted: &Posted,
        words: &str,
    ) -> Said {
        let due = self.due(settings, about, posted).filter(|_| reader == Reader::Reviewer);
        match due {
            None => Said::new(Outcome::Delivered, words),
            Some(due) => {
                let pause = due.millis_since(self.app.now()).max(0).saturating_add(999) / 1000;
                let after_seconds = u32::try_from(pause).unwrap_or(u32::MAX);
                Said::new(
                    Outcome::Again { after_seconds },
                    format!("{words}; reminder {} is due at {due}", posted.reminders + 1),
                )
            }
        }
    }

    async fn test(&self, client: &SlackClient, target: &str) -> Said {
        let text = "A test of Countersign. Nothing happened to any request.".to_owned();
        let told = Message { text, blocks: vec![countersign_notify::slack::message::words_of_ours()] };
        let channel =
            if is_person(target) { client.open_conversation(target).await } else { Ok(target.to_owned()) };
        let done = match channel {
            Ok(channel) => client.post(&channel, &told).await,
            Err(failure) => Err(failure),
        };
        match done {
            Ok(place) => Said::new(Outcome::Delivered, format!("posted in {}", place.channel)),
            Err(failure) => Said { words: failure.to_string(), ..of_failure(&failure) },
        }
    }
}

fn is_end(status: Status) -> bool {
    status == Status::Unknown || status.is_terminal()
}

/// Slack's ids of people begin with `U` or `W`; a channel's with `C` or `G`, and names are in small
/// letters.
fn is_person(target: &str) -> bool {
    target.starts_with(['U', 'W'])
        && target.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn weight(told: &Message) -> usize {
    countersign_notify::slack::limits::weight(&told.blocks)
}

fn of_failure(failure: &SlackFailure) -> Said {
    let retry_after =
        failure.retry_after().map(|pause| u32::try_from(pause.as_secs().max(1)).unwrap_or(u32::MAX));
    let outcome = if failure.may_pass() { Outcome::Failed { retry_after } } else { Outcome::Refused };
    let status = matches!(failure, SlackFailure::RateLimited(_)).then_some(429);
    Said { outcome, status, words: String::new(), bytes: 0 }
}

#[async_trait]
impl Sender for SlackSender {
    async fn send(&self, work: &Work) -> Attempt {
        let began = Instant::now();
        let EndpointId::Slack(target) = &work.delivery.endpoint else {
            return Attempt::not_sent(Outcome::Refused, "this is no place in Slack");
        };
        let said = self.bring(work, target).await.unwrap_or_else(|error| {
            tracing::error!(%error, "slack");
            Said::failed("the table did not answer")
        });
        said.attempt(began)
    }
}
