//! What came of a replay: counts, and groups of requests that would be answered otherwise.

use crate::clock::Timestamp;
use crate::decision::Unposed;
use serde::{Serialize, Serializer};
use std::collections::HashMap;
use std::fmt;

/// Groups that are told apart; what is in none of them is counted.
const GROUPS_MAX: usize = 2_000;
/// Requests of a group that are named.
const EXAMPLES_MAX: usize = 3;

/// How an answer differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// Denied by the old policies, allowed by the new ones.
    #[default]
    Opened,
    /// Allowed by the old ones, denied by the new ones.
    Closed,
    /// The same, and settled by others.
    OtherPolicies,
}

/// Requests whose answers differ in the same way.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Group {
    /// How.
    pub change: Change,
    /// The account in which the resource lies; empty: none.
    pub account: String,
    /// Method and template.
    pub route: String,
    /// The Cedar action.
    pub action: String,
    /// The policies that make it so; where a permit is gone, that permit.
    pub policies: Vec<String>,
    /// Whether their callers are of another account, or of none.
    pub across: bool,
    /// How many.
    pub count: u64,
    /// The first.
    pub first: String,
    /// The last.
    pub last: String,
    /// Ids of some of them.
    pub examples: Vec<String>,
}

/// What could not be asked.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Unanswered {
    /// How many requests.
    pub count: u64,
    /// Why the first of them could not.
    pub why: Option<String>,
    /// Which that is.
    pub example: Option<String>,
}

/// What came of a log.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Records of requests.
    pub records: u64,
    /// The first of them.
    pub first: Option<String>,
    /// The last of them.
    pub last: Option<String>,
    /// Those that were asked again.
    pub replayed: u64,
    /// Answered alike, by the same policies.
    pub same: u64,
    /// Denied by the old policies and allowed by the new ones.
    pub opened: u64,
    /// Of those, by callers of another account, or of none.
    pub opened_across: u64,
    /// Allowed by the old policies and denied by the new ones.
    pub closed: u64,
    /// Answered alike, by other policies.
    pub other_policies: u64,
    /// What the old policies say now is not what the record says: they are not those that answered.
    pub differs_already: u64,
    /// One of these.
    pub differs_example: Option<String>,
    /// Policies answered, and the record does not hold what was asked.
    pub without_questions: u64,
    /// No policy was asked: refused before, or public.
    pub not_asked: u64,
    /// Not to be asked of these policies.
    pub unanswered: Unanswered,
    /// Lines that are no records.
    pub torn: u64,
    /// The first of these.
    pub torn_at: Option<String>,
    /// Requests in more groups than are told apart.
    pub ungrouped: u64,
    /// Requests that would be answered otherwise.
    pub groups: Vec<Group>,
    #[serde(skip)]
    at: HashMap<Key, usize>,
    #[serde(skip)]
    span: Option<(Timestamp, Timestamp)>,
}

/// What makes a group.
type Key = (Change, bool, String, String, String, Vec<String>);

impl Change {
    /// `opened`, `closed`, `other_policies`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::OtherPolicies => "other_policies",
        }
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.label())
    }
}

impl Report {
    pub(super) fn torn(&mut self, name: &str, number: u64) {
        self.torn += 1;
        self.torn_at
            .get_or_insert_with(|| format!("{name}:{number}"));
    }

    pub(super) fn seen(&mut self, at: Timestamp) {
        self.records += 1;
        let (first, last) = self.span.unwrap_or((at, at));
        self.span = Some((first.min(at), last.max(at)));
    }

    /// `answered`: policies were asked then.
    pub(super) fn unasked(&mut self, answered: bool) {
        if answered {
            self.without_questions += 1;
        } else {
            self.not_asked += 1;
        }
    }

    pub(super) fn unanswered(&mut self, id: &str, why: &Unposed) {
        self.unanswered.count += 1;
        if self.unanswered.why.is_none() {
            self.unanswered.why = Some(why.to_string());
            self.unanswered.example = Some(id.to_owned());
        }
    }

    pub(super) fn differs(&mut self, id: &str) {
        self.differs_already += 1;
        self.differs_example.get_or_insert_with(|| id.to_owned());
    }

    pub(super) fn count(&mut self, group: Group, at: Timestamp, id: &str) {
        match group.change {
            Change::Opened => {
                self.opened += 1;
                self.opened_across += u64::from(group.across);
            }
            Change::Closed => self.closed += 1,
            Change::OtherPolicies => self.other_policies += 1,
        }
        let key = (
            group.change,
            group.across,
            group.account.clone(),
            group.route.clone(),
            group.action.clone(),
            group.policies.clone(),
        );
        let next = self.groups.len();
        let index = match self.at.get(&key) {
            Some(index) => *index,
            None if next >= GROUPS_MAX => {
                self.ungrouped += 1;
                return;
            }
            None => {
                self.at.insert(key, next);
                self.groups.push(Group {
                    first: at.rfc3339(),
                    last: at.rfc3339(),
                    ..group
                });
                next
            }
        };
        let Some(group) = self.groups.get_mut(index) else {
            return;
        };
        let at = at.rfc3339();
        group.count += 1;
        group.first = at.clone().min(std::mem::take(&mut group.first));
        group.last = at.max(std::mem::take(&mut group.last));
        if group.examples.len() < EXAMPLES_MAX {
            group.examples.push(id.to_owned());
        }
    }

    /// What is opened first, and there what is most.
    pub(super) fn sort(&mut self) {
        self.at.clear();
        let (first, last) = self.span.unzip();
        (self.first, self.last) = (first.map(Timestamp::rfc3339), last.map(Timestamp::rfc3339));
        self.groups.sort_by(|one, other| {
            let rank =
                |group: &Group| (group.change, std::cmp::Reverse((group.across, group.count)));
            rank(one)
                .cmp(&rank(other))
                .then_with(|| one.account.cmp(&other.account))
                .then_with(|| one.action.cmp(&other.action))
                .then_with(|| one.policies.cmp(&other.policies))
        });
    }

    /// Whether more is opened or closed than may be, or anything across accounts.
    pub fn is_beyond(&self, opened_max: u64, closed_max: u64) -> bool {
        self.opened_across > 0 || self.opened > opened_max || self.closed > closed_max
    }

    /// Whether all that policies answered was asked again. A line that cannot be read may be what opens.
    pub fn is_whole(&self) -> bool {
        let unread = self.without_questions + self.unanswered.count + self.torn;
        self.replayed > 0 && unread == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.first.as_deref().zip(self.last.as_deref());
        let (first, last) = span.unwrap_or(("-", "-"));
        writeln!(
            f,
            "replayed   {} of {} records, {first} to {last}",
            self.replayed, self.records
        )?;
        let told = [
            (
                self.without_questions,
                "do not hold what was asked: `audit.questions: true` keeps it from then on",
            ),
            (
                self.not_asked,
                "were refused or answered before any policy was asked",
            ),
            (self.torn, "lines are no records"),
            (self.unanswered.count, "cannot be asked of these policies"),
            (
                self.differs_already,
                "were answered otherwise than OLD does: OLD is not what served then",
            ),
        ];
        for (count, what) in told.into_iter().filter(|(count, _)| *count > 0) {
            writeln!(f, "           {count} {what}")?;
        }
        if let (Some(why), Some(id)) = (&self.unanswered.why, &self.unanswered.example) {
            writeln!(f, "           the first is {id}: {}", shown(why))?;
        }
        if let Some(place) = &self.torn_at {
            writeln!(f, "           the first line that is none: {place}")?;
        }
        for group in &self.groups {
            write!(f, "\n{group}")?;
        }
        if self.ungrouped > 0 {
            writeln!(f, "\n{} more, in further groups", self.ungrouped)?;
        }
        let Self {
            opened,
            opened_across,
            closed,
            other_policies,
            same,
            ..
        } = self;
        writeln!(
            f,
            "\n{opened} opened ({opened_across} across accounts), {closed} closed, {other_policies} settled by other \
             policies, {same} the same"
        )
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.change {
            Change::Opened => "opened",
            Change::Closed => "closed",
            Change::OtherPolicies => "others",
        };
        let across = if self.across { ", across accounts" } else { "" };
        let account = if self.account.is_empty() {
            "the platform"
        } else {
            &self.account
        };
        writeln!(
            f,
            "{word:<10} {} x {} ({}) of {}{across}",
            self.count,
            shown(&self.route),
            shown(&self.action),
            shown(account)
        )?;
        let by = self.policies.join(", ");
        let what = match self.change {
            Change::Closed => "denied by, or lost with",
            Change::Opened | Change::OtherPolicies => "by",
        };
        writeln!(
            f,
            "           {what} {}",
            if by.is_empty() {
                "no policy".to_owned()
            } else {
                shown(&by)
            }
        )?;
        writeln!(
            f,
            "           {} to {}, as {}",
            self.first,
            self.last,
            shown(&self.examples.join(", "))
        )
    }
}

/// A log may hold anything: nothing of it moves a terminal's cursor.
fn shown(text: &str) -> String {
    let one = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(one).collect()
}
