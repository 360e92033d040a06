//! What good cases put to the policies, to be answered again by other policies.

use super::expected::Got;
use super::{Case, Kind};
use crate::decision::Put;
use crate::policy::{Panel, Said, Subject, Whose};
use crate::reason::Reason;
use cedar_policy_core::ast::{Effect, Expr};
use std::sync::Arc;

/// A case that is as expected, with everything that it puts to the policies.
pub(super) struct Trial<'a> {
    case: &'a Case,
    pub(super) questions: Vec<Question<'a>>,
}

/// One question, and what each policy says to it.
pub(super) struct Question<'a> {
    put: &'a Put,
    pub(super) panel: Panel<'a>,
    /// What does not say no.
    votes: Vec<Vote>,
}

/// What a policy says to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vote {
    /// Its number on the bench.
    pub(super) subject: usize,
    pub(super) effect: Effect,
    pub(super) said: Said,
}

impl<'a> Trial<'a> {
    pub(super) fn new(case: &'a Case, puts: &'a [Arc<Put>], subjects: &[Subject]) -> Self {
        let questions = puts.iter().map(|put| Question::new(put, subjects));
        Self {
            case,
            questions: questions.collect(),
        }
    }

    /// Whether it is still as expected where a policy is another one. `None` of a vote: the policy is gone.
    pub(super) fn holds(
        &self,
        subjects: &[Subject],
        changed: usize,
        vote: impl Fn(&Question<'_>) -> Option<Vote>,
    ) -> bool {
        let votes = self.questions.iter().map(vote);
        let votes = votes.map(|vote| vote.filter(|vote| vote.said != Said::False));
        let votes: Vec<Option<Vote>> = votes.collect();
        let old = |question: &Question<'_>| {
            let mut votes = question.votes.iter();
            votes.find(|vote| vote.subject == changed).copied()
        };
        let mut both = self.questions.iter().zip(&votes);
        if both.all(|(question, new)| old(question) == *new) {
            return true;
        }
        let both = self.questions.iter().zip(votes);
        let all = both.map(|(question, new)| {
            let others = question.votes.iter();
            let others = others.filter(|vote| vote.subject != changed).copied();
            others.chain(new).collect()
        });
        let all: Vec<Vec<Vote>> = all.collect();
        self.is_as_expected(&answered(&all, subjects))
    }

    fn is_as_expected(&self, got: &Got) -> bool {
        match &self.case.kind {
            Kind::Http(case) => case.expected.settled(got).is_empty(),
            Kind::Cedar(case) => case.expected.differences(got).is_empty(),
        }
    }
}

impl<'a> Question<'a> {
    fn new(put: &'a Put, subjects: &[Subject]) -> Self {
        let mut question = Self {
            put,
            panel: Panel::new(&put.request, &put.entities),
            votes: Vec::new(),
        };
        let votes = subjects.iter().enumerate().map(|(index, subject)| Vote {
            subject: index,
            effect: subject.policy.effect(),
            said: question.says(
                subject,
                subject.policy.effect(),
                &subject.policy.condition(),
            ),
        });
        let votes = votes.filter(|vote| vote.said != Said::False);
        question.votes = votes.collect();
        question
    }

    /// Whether that policy is asked at all.
    pub(super) fn asks(&self, subject: &Subject, effect: Effect) -> bool {
        let mut layers = self.put.layers.iter();
        layers.any(|layer| {
            let own = layer.account == subject.account;
            own && (layer.whose != Whose::Reader || effect == Effect::Forbid)
        })
    }

    /// What a policy with that effect and condition says, in the place of `subject`.
    pub(super) fn says(&self, subject: &Subject, effect: Effect, condition: &Expr) -> Said {
        let ended = subject.not_after.is_some_and(|end| end <= self.put.now);
        if !self.asks(subject, effect) || (ended && effect == Effect::Permit) {
            return Said::False;
        }
        self.panel.says(condition)
    }
}

/// What the gate would answer: the first question that is not allowed settles it (DESIGN 4).
fn answered(questions: &[Vec<Vote>], subjects: &[Subject]) -> Got {
    let mut policies: Vec<String> = Vec::new();
    let mut errors = 0;
    for votes in questions {
        let of = |effect, said| {
            let votes = votes.iter();
            let votes = votes.filter(move |vote| vote.effect == effect && vote.said == said);
            votes.filter_map(|vote| Some(subjects.get(vote.subject)?.id.to_string()))
        };
        errors += votes.iter().filter(|vote| vote.said == Said::Errs).count();
        let forbids: Vec<String> = of(Effect::Forbid, Said::True).collect();
        let permits: Vec<String> = of(Effect::Permit, Said::True).collect();
        let erring = of(Effect::Forbid, Said::Errs).next().is_some();
        let refused = |reason: Reason, policies| Got {
            code: Some(reason.code().to_owned()),
            policies,
            errors: Some(errors),
            ..Got::default()
        };
        if !forbids.is_empty() {
            return refused(Reason::PolicyDenied, forbids);
        }
        if erring {
            return refused(Reason::PolicyError, Vec::new());
        }
        if permits.is_empty() {
            return refused(Reason::PolicyDenied, Vec::new());
        }
        policies.extend(permits);
    }
    Got {
        allowed: true,
        policies,
        errors: Some(errors),
        ..Got::default()
    }
}
