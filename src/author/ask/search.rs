//! The smallest changes that would turn a denial into an allow. Each is asked of the gate before it is told.

use super::candidates;
use super::change::{Change, Key};
use super::world::World;
use crate::decision::Pdp;
use crate::explain::{Question, Remedy, Suggestion, Told, permits};
use crate::policy::Bench;
use crate::scope::Scope;
use crate::tenant::AccountId;
use crate::token::Caller;

/// How often the gate is asked for one remedy.
const TRIES_MAX: usize = 200;
/// How many remedies are told, and how many permits that come near.
const TOLD_MAX: usize = 4;

/// Refusals that a role, a claim or an attribute may change. Others are for the directory, the
/// configuration or the request itself.
const CURABLE: [&str; 5] = [
    "policy_denied",
    "policy_error",
    "context_mismatch",
    "act_in_refused",
    "impersonation_refused",
];

/// What would have to be otherwise.
pub(super) fn remedy(
    world: &World,
    (told, questions): (&Told, &[Question]),
    bench: &Bench<'_>,
    pdp: &Pdp,
) -> Remedy {
    let decision = &told.story.decision;
    let code = decision.code.unwrap_or_default();
    if !CURABLE.contains(&code) {
        let why = match decision.step {
            Some("token") => "it is about the token: send one that holds, then ask again",
            Some("isolation") => {
                "no role, claim or attribute changes it without leaving the caller's tenant"
            }
            Some("policies") => "no policy could be asked",
            _ => "it is about the request itself, whoever sends it",
        };
        return Remedy {
            not_sought: Some(format!("nothing is tried for `{code}`: {why}")),
            ..Remedy::default()
        };
    }
    let all = candidates::of(world, told, bench);
    let mut search = Search {
        world,
        told,
        bench,
        pdp,
        remedy: Remedy {
            nearest: nearest(questions),
            ..Remedy::default()
        },
        before: None,
        moving: Vec::new(),
    };
    search.as_it_is();
    search.alone(&all);
    if search.remedy.allowed_by.is_empty() {
        search.in_pairs(&all);
    }
    search.remedy
}

/// Permits whose head is for this and that are not satisfied: the fewest failing conditions first.
fn nearest(questions: &[Question]) -> Vec<String> {
    let mut near: Vec<(usize, &str)> = questions
        .iter()
        .filter(|question| question.answer != "allow")
        .flat_map(|question| &question.policies)
        .filter(|policy| policy.lacks())
        .map(|policy| (policy.because.len(), policy.id.as_str()))
        .collect();
    near.sort_unstable();
    near.dedup_by(|one, other| one.1 == other.1);
    let near = near.into_iter().take(TOLD_MAX);
    near.map(|(_, id)| id.to_owned()).collect()
}

struct Search<'a> {
    world: &'a World,
    told: &'a Told,
    bench: &'a Bench<'a>,
    pdp: &'a Pdp,
    remedy: Remedy,
    /// What came of it as it is.
    before: Option<Suggestion>,
    /// Changes that alone make a difference, by their place.
    moving: Vec<usize>,
}

impl Search<'_> {
    fn caller(&self) -> Option<&Caller> {
        self.told.learnt.caller.as_deref()
    }

    /// A permit may be satisfied already, and a forbid stand in its way.
    fn as_it_is(&mut self) {
        self.before = self.judged(&[], self.told);
        let held = |one: &&Suggestion| !one.permits.is_empty() && !one.forbids.is_empty();
        let held = self.before.as_ref().filter(held);
        self.remedy.still_forbidden.extend(held.cloned());
    }

    fn alone(&mut self, all: &[Change]) {
        for (index, change) in all.iter().enumerate() {
            // The least role that does is enough.
            if change.key == Key::Role && self.suggests(|one| one.key == Key::Role, all) {
                continue;
            }
            if !self.attempt(&[change], index) {
                return;
            }
        }
    }

    fn suggests(&self, is: impl Fn(&Change) -> bool, all: &[Change]) -> bool {
        let mut told = self.remedy.allowed_by.iter();
        let meant = |text: &String| all.iter().any(|one| is(one) && one.to_string() == *text);
        told.any(|one| one.changes.iter().any(meant))
    }

    /// Those that alone make a difference come first.
    fn in_pairs(&mut self, all: &[Change]) {
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|index| !self.moving.contains(index));
        for (at, one) in order.iter().enumerate() {
            for other in order.iter().skip(at + 1) {
                let (one, other) = (*one.min(other), *one.max(other));
                let (Some(first), Some(second)) = (all.get(one), all.get(other)) else {
                    continue;
                };
                if first.excludes(second) || self.has_less(first, second, all) {
                    continue;
                }
                if !self.attempt(&[first, second], one) {
                    return;
                }
            }
        }
    }

    /// Whether the same with a lower role is told already.
    fn has_less(&self, first: &Change, second: &Change, all: &[Change]) -> bool {
        let roles = [first, second].into_iter();
        let others = roles.filter(|one| one.key != Key::Role).collect::<Vec<_>>();
        let [other] = others.as_slice() else {
            return false;
        };
        let same = other.to_string();
        self.remedy.allowed_by.iter().any(|told| {
            let role = |text: &String| {
                all.iter()
                    .any(|one| one.key == Key::Role && one.to_string() == *text)
            };
            told.changes.contains(&same) && told.changes.iter().any(role)
        })
    }

    /// Asks the gate. `false`: there is nothing more to be asked.
    fn attempt(&mut self, changes: &[&Change], index: usize) -> bool {
        if self.remedy.tried >= TRIES_MAX {
            self.remedy.bound_reached = true;
            return false;
        }
        let caller = self.told.learnt.caller.clone();
        let world = self.world.with(changes.iter().copied(), caller.as_deref());
        let Ok(world) = world else { return true };
        self.remedy.tried += 1;
        let told = world.tell(self.pdp);
        if !self.stays(&told) {
            return true;
        }
        let Some(found) = self.judged(changes, &told) else {
            return true;
        };
        if changes.len() == 1 && self.differs(&told, &found) {
            self.moving.push(index);
        }
        if told.story.decision.allowed {
            self.remedy.allowed_by.push(found);
            return self.remedy.allowed_by.len() < TOLD_MAX;
        }
        let held = !found.permits.is_empty() && !found.forbids.is_empty();
        let before = &mut self.remedy.still_forbidden;
        let news = before.iter().all(|one| one.permits != found.permits);
        if held && news && before.len() < TOLD_MAX {
            before.push(found);
        }
        true
    }

    /// Whether it is the same caller in the same tenant: nothing else is ever suggested.
    fn stays(&self, after: &Told) -> bool {
        let is = |told: &Told| {
            let caller = told.learnt.caller.as_deref()?;
            let subject = caller.proof().map(|proof| proof.subject.clone());
            let place = (caller.account().cloned(), caller.workspace().cloned());
            Some((caller.kind(), subject, place))
        };
        let held = |told: &Told| {
            let scope = told.learnt.scope.as_ref()?;
            let owner = scope.resource_account().map(|account| account.id.clone());
            let at = (scope.account().cloned(), scope.workspace().cloned());
            Some((owner, at, scope.catalog().cloned()))
        };
        let own = |told: &Told| -> Option<bool> {
            let caller: &Caller = told.learnt.caller.as_deref()?;
            let account: Option<&AccountId> = told.learnt.scope.as_ref().and_then(Scope::account);
            Some(caller.account().is_none() || caller.account() == account)
        };
        let same = held(self.told).is_none_or(|before| held(after) == Some(before));
        let inside = after.learnt.scope.is_none() || own(after) == Some(true);
        is(self.told) == is(after) && same && inside
    }

    fn differs(&self, told: &Told, found: &Suggestion) -> bool {
        let same = |was: &Suggestion| was.permits == found.permits && was.forbids == found.forbids;
        told.story.decision.code != self.told.story.decision.code
            || !self.before.as_ref().is_some_and(same)
    }

    /// What came of it. `None`: the caller was not even known.
    fn judged(&self, changes: &[&Change], told: &Told) -> Option<Suggestion> {
        let caller = self.caller()?;
        let decision = &told.story.decision;
        let determining = told.learnt.determining.iter().map(ToString::to_string);
        let mut found = Suggestion {
            changes: changes.iter().map(ToString::to_string).collect(),
            meaning: changes
                .iter()
                .map(|one| one.meaning(Some(caller)))
                .collect(),
            permits: Vec::new(),
            forbids: Vec::new(),
            code: decision.code,
        };
        if decision.allowed {
            found.permits = determining.collect();
            return Some(found);
        }
        found.forbids = determining.collect();
        if let Some(question) = told.question() {
            let store = &self.world.generation.rules.store;
            let puts = self.pdp.put_of(store, &question);
            let each: Vec<Vec<String>> = puts.iter().map(|put| permits(put, self.bench)).collect();
            // All questions must be permitted, or none of it is.
            if each.iter().all(|permits| !permits.is_empty()) {
                found.permits = each.concat();
            }
        }
        Some(found)
    }
}
