//! `plans`, `principals`, `audit`, `cache`, `log` and `reload`.

use crate::config::units::{Duration, Rate, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits of one plan. Each account has a bucket of its own.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// Requests in a second, sustained; more are refused with 429.
    pub(crate) requests: Rate,
    /// Requests at once, after a pause. Absent: as many as in a second.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) burst: Option<u32>,
    /// Requests in flight at once. Absent: no bound of its own.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) concurrent: Option<u32>,
    /// A part of it that each of the account's workspaces may take. Absent: all of it.
    #[serde(default)]
    pub(crate) per_workspace: Option<Share>,
    /// A part of it that each of the account's users and machine clients may take. Absent: all of it.
    #[serde(default)]
    pub(crate) per_caller: Option<Share>,
}

/// A rate and its burst.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Share {
    /// Requests in a second, sustained; more are refused with 429.
    pub(crate) requests: Rate,
    /// Requests at once, after a pause. Absent: as many as in a second.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) burst: Option<u32>,
}

/// What holds for all Principals.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Principals {
    /// Requests of each Principal in a second, sustained; more are refused with 429. It has no account
    /// whose plan would bind it. Absent: `50/s`, and 100 at once.
    pub(crate) requests: Option<Rate>,
    /// Requests at once, after a pause. Absent: as many as in a second.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) burst: Option<u32>,
    /// Whether Principals read in App and Dashboard too, inside the one workspace that
    /// `x-palisade-act-in` names: under a live grant for its account, with a second factor
    /// (`claims.mfa`) and a reason (`x-palisade-reason`), which the record keeps. Policies have to
    /// permit it, and the account's own may forbid it. All policies about reads then hold for
    /// Principals too, who have neither account nor scopes: run `palisade check` before.
    pub(crate) act_in: bool,
}

/// Where the record of every request goes: one JSON object a line.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Audit {
    /// A folder, made when absent, that gets `audit.ndjson`. Absent: stdout.
    #[schemars(length(min = 1), extend("examples" = ["audit/", "/var/log/palisade/"]))]
    pub(crate) file: Option<String>,
    /// A file of this size is put aside as `audit.ndjson.1` and a new one begun. 1MiB to 100GiB.
    pub(crate) bytes_max: Size,
    /// How many files are put aside before the oldest is deleted.
    #[schemars(range(min = 0, max = 1000))]
    pub(crate) keep: u32,
    /// Records of known callers that may wait to be written; at the bound, requests wait and are then
    /// refused or counted as dropped.
    #[schemars(range(min = 16, max = 1_000_000))]
    pub(crate) records_max: u32,
    /// The same for refusals of callers who proved nothing.
    #[schemars(range(min = 16, max = 1_000_000))]
    pub(crate) strangers_records_max: u32,
    /// Whether records hold what was asked of the policies (`questions`), so that `palisade diff --replay` can ask others
    /// the same: groups, scopes, and the mail address of a person among it. A record is 1 to 3 KiB longer by it, and is put
    /// together while the request is answered.
    pub(crate) questions: bool,
}

/// Bounds of the caches.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cache {
    /// The longest that a decision is kept; `0s` keeps none. At most 1h.
    pub(crate) decision_ttl: Duration,
    /// Memory for decisions, of which callers of one account fill an eighth at most; `0B` keeps none. At most 4GiB.
    pub(crate) decision_bytes: Size,
    /// Memory for parsed policies of accounts: those that were asked last stay parsed, of the others the text
    /// is kept. From 1MiB to 16GiB.
    pub(crate) overlay_bytes: Size,
    /// One in so many remembered decisions is asked for afresh and compared; 0: none. One that differs
    /// ends remembering, and raises `palisade_decision_cache_mismatch_total`.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub(crate) decision_audit: u32,
    /// Verified tokens that are remembered. One with very many claims counts as several.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub(crate) token_entries: u32,
}

/// What Palisade says of itself on stderr.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// The least important messages that are shown.
    pub(crate) level: LogLevel,
    /// For people or for machines.
    pub(crate) format: LogFormat,
}

/// How important a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

/// How a message is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    #[default]
    Human,
    Json,
}

/// How changed files are noticed while it serves. SIGHUP makes it look at once.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Reload {
    /// How often all files are compared, for file systems that do not tell of changes: by size, number and
    /// moments, and every 30th time by what they say. 100ms to 1h.
    pub(crate) poll: Duration,
    /// A change is believed once the files have been the same for this long: one that is being
    /// written has lost its end. 1ms to 10s.
    pub(crate) debounce: Duration,
}

impl Default for Reload {
    fn default() -> Self {
        Self {
            poll: Duration::secs(10),
            debounce: Duration::millis(100),
        }
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            file: None,
            bytes_max: Size(100 << 20),
            keep: 5,
            records_max: 16_384,
            strangers_records_max: 4096,
            questions: false,
        }
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            decision_ttl: Duration::secs(300),
            decision_bytes: Size(64 << 20),
            overlay_bytes: Size(64 << 20),
            decision_audit: 1_000,
            token_entries: 100_000,
        }
    }
}
