//! What is put to the policies, as Cedar sees it, and what each of them says to it.

use super::decisive::{decisive, paths, written};
use crate::decision::Put;
use crate::policy::{self, Bench, Node, Panel, Ruling, Said, Subject, Whose};
use cedar_policy_core::ast::{
    self, BinaryOp, Effect, Entity as CedarEntity, EntityUID, Expr, ExprKind, Literal,
    PartialValue, Value, ValueKind,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// The longest value that is told, in characters: a set may hold anything.
const VALUE_CHARS_MAX: usize = 400;
/// How many attributes, parents or values are told of one thing.
const EACH_MAX: usize = 64;
/// How many leaves are told of one policy.
const LEAVES_MAX: usize = 24;

/// One question, and what each policy says to it. One request may come to several: all of them must be
/// allowed.
#[derive(Clone, Debug, Serialize)]
pub struct Question {
    /// The Cedar uid of who asks.
    pub principal: String,
    /// Of what it asks to do.
    pub action: String,
    /// Of what it asks for.
    pub resource: String,
    /// Everything that policies can look up; actions apart.
    pub entities: Vec<Entity>,
    /// The circumstances; values as Cedar writes them.
    pub context: BTreeMap<String, String>,
    /// `allow`, `deny`, `error` (a forbid that cannot be evaluated, which denies).
    pub answer: &'static str,
    /// Every policy of the layers that are asked.
    pub policies: Vec<Asked>,
}

/// An entity as policies see it.
#[derive(Clone, Debug, Serialize)]
pub struct Entity {
    /// Its uid.
    pub uid: String,
    /// What it is in, at any depth.
    pub parents: Vec<String>,
    /// Its attributes; values as Cedar writes them.
    pub attributes: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A policy, and what it says.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// Its id.
    pub id: String,
    /// `permit` or `forbid`.
    pub effect: &'static str,
    /// Its file.
    pub file: String,
    /// Its line there.
    pub line: usize,
    /// `satisfied`, `not`, `error`.
    pub outcome: &'static str,
    /// Whether its head is for this question at all.
    pub applies: bool,
    /// The smallest conditions that made it so.
    pub because: Vec<Because>,
}

/// A condition that settled a policy.
#[derive(Clone, Debug, Serialize)]
pub struct Because {
    /// Its line in the policy's file.
    pub line: usize,
    /// As written.
    pub condition: String,
    /// `true`, `false`, `error`.
    pub said: &'static str,
    /// Why it cannot be evaluated.
    pub error: Option<String>,
    /// What it looked at.
    pub saw: BTreeMap<String, String>,
}

impl Asked {
    /// Whether it is a permit that is not satisfied, though its head is for this.
    pub fn lacks(&self) -> bool {
        self.applies && self.effect == "permit" && self.outcome == "not"
    }
}

impl Question {
    /// Puts one question to every policy of the bench that is asked about it.
    pub fn of(put: &Put, bench: &Bench<'_>) -> Self {
        let request: &ast::Request = put.request.as_ref();
        let uid = |entry: &ast::EntityUIDEntry| entry.uid().map(ToString::to_string);
        let consulted: Vec<_> = put.layers.iter().map(|layer| layer.consulted()).collect();
        let answer = policy::evaluate(&consulted, &put.request, &put.entities, put.now);
        let panel = Panel::new(&put.request, &put.entities);
        let subjects = bench.subjects().iter().filter(|one| is_asked(put, one));
        let asked = subjects.map(|subject| asked(put, &panel, subject));
        Self {
            principal: uid(request.principal()).unwrap_or_default(),
            action: uid(request.action()).unwrap_or_default(),
            resource: uid(request.resource()).unwrap_or_default(),
            entities: entities(put),
            context: match request.context() {
                Some(ast::Context::Value(fields)) => {
                    let fields = fields.iter().take(EACH_MAX);
                    fields
                        .map(|(name, value)| (name.to_string(), shown(value)))
                        .collect()
                }
                Some(ast::Context::RestrictedResidual(_)) | None => BTreeMap::new(),
            },
            answer: match answer.ruling {
                Ruling::Allow => "allow",
                Ruling::Deny => "deny",
                Ruling::Error => "error",
            },
            policies: asked.collect(),
        }
    }
}

/// Ids of the permits that the question satisfies: what is left to be denied by is a forbid.
pub fn permits(put: &Put, bench: &Bench<'_>) -> Vec<String> {
    let panel = Panel::new(&put.request, &put.entities);
    let permits = bench.subjects().iter().filter(|one| {
        one.policy.effect() == Effect::Permit
            && is_asked(put, one)
            && !has_ended(put, one)
            && panel.says(&one.policy.condition()) == Said::True
    });
    permits.map(|one| one.id.to_string()).collect()
}

/// Of an account that only reads another's catalog, only what forbids is asked.
fn is_asked(put: &Put, subject: &Subject) -> bool {
    put.layers.iter().any(|layer| {
        let forbids = subject.policy.effect() == Effect::Forbid;
        layer.account == subject.account && (layer.whose != Whose::Reader || forbids)
    })
}

fn has_ended(put: &Put, subject: &Subject) -> bool {
    let ends = subject.policy.effect() == Effect::Permit;
    ends && subject.not_after.is_some_and(|end| end <= put.now)
}

fn asked(put: &Put, panel: &Panel<'_>, subject: &Subject) -> Asked {
    let because = |said, condition: String, expression: &Expr, line| Because {
        line,
        condition,
        said: word(said),
        error: match said {
            Said::Errs => Some(trouble(panel, expression)),
            Said::True | Said::False => None,
        },
        saw: saw(put, panel, expression),
    };
    let mut told = Asked {
        id: subject.id.to_string(),
        effect: match subject.policy.effect() {
            Effect::Permit => "permit",
            Effect::Forbid => "forbid",
        },
        file: subject.file.clone(),
        line: subject.line,
        outcome: "not",
        applies: false,
        because: Vec::new(),
    };
    for (text, part) in head(subject) {
        let said = panel.says(&part);
        if said != Said::True {
            told.because.push(because(said, text, &part, subject.line));
            return told;
        }
    }
    told.applies = true;
    if let Some(end) = subject.not_after.filter(|_| has_ended(put, subject)) {
        told.because.push(Because {
            line: subject.line,
            condition: format!("@not_after(\"{}\")", end.rfc3339()),
            said: "false",
            error: None,
            saw: BTreeMap::from([("context.now".to_owned(), put.now.rfc3339())]),
        });
        return told;
    }
    let Some(condition) = Node::of(subject) else {
        told.outcome = "satisfied";
        return told;
    };
    let (said, leaves) = decisive(&condition, panel);
    told.outcome = match said {
        Said::True => "satisfied",
        Said::False => "not",
        Said::Errs => "error",
    };
    let leaves = leaves.into_iter().take(LEAVES_MAX);
    told.because = leaves
        .map(|(leaf, said)| {
            let line = leaf.line().unwrap_or(subject.line);
            because(said, cut(leaf.text()), &leaf.expression, line)
        })
        .collect();
    told
}

/// The three parts of a policy's head, as written and as conditions.
fn head(subject: &Subject) -> [(String, Expr); 3] {
    let policy = &subject.policy;
    let (who, what, of) = (
        policy.principal_constraint(),
        policy.action_constraint(),
        policy.resource_constraint(),
    );
    [
        (cut(who.to_string()), who.as_expr()),
        (cut(what.to_string()), what.as_expr()),
        (cut(of.to_string()), of.as_expr()),
    ]
}

fn word(said: Said) -> &'static str {
    match said {
        Said::True => "true",
        Said::False => "false",
        Said::Errs => "error",
    }
}

fn trouble(panel: &Panel<'_>, expression: &Expr) -> String {
    match panel.sees(expression) {
        Err(why) => cut(why),
        Ok(_) => "it is neither true nor false".to_owned(),
    }
}

/// The values that a condition looks at, and what an entity on the left of `in` lies in.
fn saw(put: &Put, panel: &Panel<'_>, expression: &Expr) -> BTreeMap<String, String> {
    let mut found = Vec::new();
    paths(expression, &mut found);
    let mut saw = BTreeMap::new();
    for path in found.into_iter().take(EACH_MAX) {
        let told = panel.sees(path).map_or_else(cut, |value| shown(&value));
        saw.insert(written(path), told);
    }
    for part in expression.subexpressions() {
        if let ExprKind::BinaryApp { op, arg1, .. } = part.expr_kind()
            && *op == BinaryOp::In
            && let Ok(value) = panel.sees(arg1)
            && let ValueKind::Lit(Literal::EntityUID(uid)) = &value.value
        {
            let parents = parents(put, uid).join(", ");
            saw.insert(format!("{} is in", written(arg1)), cut(parents));
        }
    }
    saw
}

fn parents(put: &Put, uid: &EntityUID) -> Vec<String> {
    let all: &cedar_policy_core::entities::Entities = put.entities.as_ref();
    let mut found = all
        .iter()
        .find(|one| one.uid() == uid)
        .map_or_else(Vec::new, |one: &CedarEntity| {
            one.ancestors().map(ToString::to_string).collect()
        });
    found.sort();
    found.truncate(EACH_MAX);
    found
}

/// Principal and resource first, then whatever else is there but actions.
fn entities(put: &Put) -> Vec<Entity> {
    let all: &cedar_policy_core::entities::Entities = put.entities.as_ref();
    let request: &ast::Request = put.request.as_ref();
    let ends = [request.principal().uid(), request.resource().uid()];
    let rank = |entity: &&CedarEntity| {
        let at = ends.iter().position(|end| *end == Some(entity.uid()));
        (at.unwrap_or(ends.len()), entity.uid().to_string())
    };
    let mut found: Vec<&CedarEntity> = all.iter().filter(|one| !one.uid().is_action()).collect();
    found.sort_by_cached_key(rank);
    found.iter().map(|entity| told(put, entity)).collect()
}

fn told(put: &Put, entity: &CedarEntity) -> Entity {
    fn texts<'a, N: ToString + 'a>(
        all: impl Iterator<Item = (&'a N, &'a PartialValue)>,
    ) -> BTreeMap<String, String> {
        let all = all.take(EACH_MAX);
        all.map(|(name, value)| {
            let text = match value {
                PartialValue::Value(value) => shown(value),
                PartialValue::Residual(expression) => cut(expression.to_string()),
            };
            (name.to_string(), text)
        })
        .collect()
    }
    Entity {
        uid: entity.uid().to_string(),
        parents: parents(put, entity.uid()),
        attributes: texts(entity.attrs()),
        tags: texts(entity.tags()),
    }
}

fn shown(value: &Value) -> String {
    cut(value.to_string())
}

fn cut(text: String) -> String {
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        None => text,
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
    }
}
