//! What is known of what a command does, for those who decide. Never a reason to run it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RiskLevel {
    /// It only looks.
    Low,
    /// It changes something that it names.
    Medium,
    /// It changes very much, or the structure, or the rights, or it could not be understood.
    High,
}

/// What a command does, as far as it could be understood.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Risk {
    /// How much can go wrong.
    pub level: RiskLevel,
    /// The kinds of its statements, such as `DELETE`.
    #[serde(default)]
    pub statements: Vec<String>,
    /// The tables that it names.
    #[serde(default)]
    pub tables: Vec<String>,
    /// What somebody should know before they decide, in plain words.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What the guardrails say of a command at its submission.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// What it does, if anybody looked.
    pub risk: Option<Risk>,
    /// The rule that blocks it.
    pub block: Option<Block>,
    /// The rule that lets it through without votes; such a request runs read-only.
    pub ease: Option<String>,
}

/// A rule that said no.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Block {
    /// Its name.
    pub rule: String,
    /// What the requester is told.
    pub message: String,
}

/// What the guardrails say of a command at the claim, by the connection as it is then.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guard {
    /// The rule that blocks it now.
    pub blocked_by: Option<String>,
    /// Whether a rule would let it through without votes now.
    pub eased: bool,
}
