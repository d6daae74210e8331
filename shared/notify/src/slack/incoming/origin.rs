//! Whose a call is, and whether they belong to the workspace.

/// Who did it, as Slack signed it. Names and addresses in a payload are not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The app that Slack means, where Slack says it: the signing secret is the app's own, so a call without
    /// it is no other app's.
    pub app: Option<String>,
    /// The workspace in which it happened.
    pub team: String,
    /// The user.
    pub user: String,
    /// The user's own workspace, where Slack says it.
    pub user_team: Option<String>,
}

/// The app and the workspace that the service is set up for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// The app's id.
    pub app: String,
    /// The workspace's id.
    pub team: String,
}

/// Why somebody may do nothing from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Outsider {
    /// Another app, whose secret happens to be ours.
    #[error(
        "this came through another Slack app than the one that Countersign is set up for; nothing was changed"
    )]
    OtherApp,
    /// Another workspace.
    #[error(
        "this came from another Slack workspace than the one that Countersign is set up for; nothing was changed"
    )]
    OtherWorkspace,
    /// A guest of a shared channel.
    #[error(
        "you are here from another Slack workspace; only members of this one may do that. Nothing was changed"
    )]
    Guest,
}

impl Origin {
    /// Whether it is from our app, in our workspace, by one of its own people.
    ///
    /// # Errors
    /// [`Outsider`].
    pub fn belongs_to(&self, workspace: &Workspace) -> Result<(), Outsider> {
        if self.app.as_ref().is_some_and(|app| *app != workspace.app) {
            return Err(Outsider::OtherApp);
        }
        if self.user_team.as_ref().is_some_and(|team| *team != self.team) {
            return Err(Outsider::Guest);
        }
        if self.team == workspace.team { Ok(()) } else { Err(Outsider::OtherWorkspace) }
    }
}
