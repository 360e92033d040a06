//! What was asked of the policies, written down: for whoever asks other policies the same later.
//!
//! Everything that a policy can read is in it and nothing else of the request; no token, and no entity that
//! comes from the routes, as the groups of actions do.

use super::facts::{self, Facts};
use super::layers::Layers;
use super::put::{Asking, Put};
use super::{Pdp, Question, question};
use crate::clock::Timestamp;
use crate::policy::{Environment, OverlayState, PrincipalType, Store, Whose};
use crate::tenant::AccountId;
use cedar_policy::{Context, Entities, EntityUid, Request};
use cedar_policy_core::ast;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

/// One question, in the JSON of Cedar's own tools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Who.
    pub principal: String,
    /// What for.
    pub action: String,
    /// Of what.
    pub resource: String,
    /// How.
    pub context: Value,
    /// Who and what there is.
    pub entities: Vec<Value>,
    /// The account in which the resource lies, whose policies are asked if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The account that reads another one's catalog, whose policies are asked too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<String>,
}

/// The question cannot be put to these policies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unposed {
    /// It was written by something else.
    #[error("it is no question: {0}")]
    Malformed(String),
    /// No route asks this any more, or not for such callers.
    #[error("no route has the action `{0}` for such a caller")]
    Unknown(String),
    /// Types have changed.
    #[error("it does not conform to the schema: {0}")]
    Misfit(String),
    /// An account's policies do not load.
    #[error("the policies of account `{0}` do not load")]
    Unavailable(AccountId),
}

impl Pdp {
    /// All questions of one request. `None`: one of them cannot be asked, or written down.
    pub fn recorded(&self, store: &Store, question: &Question<'_>) -> Option<Vec<Recorded>> {
        let all = facts::asked(question);
        all.map(|about| {
            let facts = Facts::read(question, about).ok()?;
            let layers = Layers::find(store, &facts).ok()?;
            let principal = self.principals.of(&facts).ok()?;
            let environment = layers.environment;
            let built = question::build(store, environment, &facts, &principal, false);
            let (request, entities) = built.ok()?;
            Recorded::of(environment, &facts, (&request, &entities))
        })
        .collect()
    }
}

impl Recorded {
    fn of(
        environment: &Environment,
        facts: &Facts<'_>,
        (request, entities): (&Request, &Entities),
    ) -> Option<Self> {
        let asked: &ast::Request = request.as_ref();
        let base = &environment.base;
        // Actions and their groups come from the routes.
        let own = entities
            .iter()
            .filter(|entity| base.get(&entity.uid()).is_none());
        Some(Self {
            principal: request.principal()?.to_string(),
            action: request.action()?.to_string(),
            resource: request.resource()?.to_string(),
            context: asked.context()?.to_json_value().ok()?,
            entities: own
                .map(|entity| entity.to_json_value().ok())
                .collect::<Option<_>>()?,
            owner: facts.overlay_of().map(ToString::to_string),
            reader: facts.reader().map(ToString::to_string),
        })
    }

    /// The account that the caller belongs to; `None`: it is of the platform.
    pub fn home(&self) -> Option<&str> {
        self.account_of(&self.principal)
    }

    /// The account in which the resource lies; `None`: it is of the platform.
    pub fn lies_in(&self) -> Option<&str> {
        let owner = self.owner.as_deref();
        owner.or_else(|| self.account_of(&self.resource))
    }

    /// Whether it asks for that operation, or for what goes with one.
    pub fn is_of(&self, operation: &str) -> bool {
        let action = EntityUid::from_str(&self.action);
        action.is_ok_and(|action| action.id().unescaped() == operation)
    }

    /// The attribute `account` of one of the entities.
    fn account_of(&self, uid: &str) -> Option<&str> {
        let uid = EntityUid::from_str(uid).ok()?;
        let kind = uid.type_name().to_string();
        let found = self.entities.iter().find(|entity| {
            let part = |name: &str| entity.pointer(name).and_then(Value::as_str);
            part("/uid/type") == Some(&kind) && part("/uid/id") == Some(uid.id().unescaped())
        });
        found?.pointer("/attrs/account/__entity/id")?.as_str()
    }

    /// As it was put, to the policies of `store`, at `now`. May parse policies of an account.
    pub fn put(&self, store: &Store, now: Timestamp) -> Result<Put, Unposed> {
        let uid = |text: &str| {
            let uid = EntityUid::from_str(text);
            uid.map_err(|error| Unposed::Malformed(line(&error)))
        };
        let (principal, action) = (uid(&self.principal)?, uid(&self.action)?);
        let unknown = || Unposed::Unknown(action.id().unescaped().to_owned());
        let environment = find(store, &principal, &action).ok_or_else(unknown)?;
        let schema = store.schema();
        let misfit = |error: &dyn Display| Unposed::Misfit(line(error));
        let context = Context::from_json_value(self.context.clone(), Some((schema, &action)));
        let context = context.map_err(|error| misfit(&error))?;
        let resource = uid(&self.resource)?;
        let request = Request::new(principal, action, resource, context, Some(schema));
        let request = request.map_err(|error| misfit(&error))?;
        let entities = environment.base.clone();
        let entities = entities
            .add_entities_from_json_value(Value::Array(self.entities.clone()), Some(schema))
            .map_err(|error| misfit(&error))?;
        let mut layers = vec![Asking {
            account: None,
            slice: Arc::clone(&environment.platform),
            whose: Whose::Platform,
        }];
        let others = [(&self.owner, Whose::Owner), (&self.reader, Whose::Reader)];
        for (account, whose) in others {
            if let Some(name) = account {
                let account = AccountId::parse(name);
                let account = account.map_err(|error| Unposed::Malformed(line(&error)))?;
                layers.extend(Asking::of(store, environment, &account, whose)?);
            }
        }
        Ok(Put {
            layers,
            request,
            entities,
            now,
        })
    }
}

impl Asking {
    /// The policies of an account, if it has any; they are parsed if need be.
    pub fn of(
        store: &Store,
        environment: &Environment,
        account: &AccountId,
        whose: Whose,
    ) -> Result<Option<Self>, Unposed> {
        store.load(account);
        match store.overlay(account) {
            OverlayState::Absent => Ok(None),
            OverlayState::Ready(overlay) => Ok(overlay.slice(environment).map(|slice| Self {
                account: Some(account.clone()),
                slice: Arc::clone(slice),
                whose,
            })),
            // Without its forbids the answer could only be too wide (RULES 33).
            OverlayState::Cold | OverlayState::Unavailable => {
                Err(Unposed::Unavailable(account.clone()))
            }
        }
    }
}

/// Where such a question is looked up.
fn find<'a>(
    store: &'a Store,
    principal: &EntityUid,
    action: &EntityUid,
) -> Option<&'a Environment> {
    let kind = principal.type_name().basename();
    let kind = PrincipalType::ALL
        .into_iter()
        .find(|one| one.label() == kind)?;
    let mut all = store.environments();
    let found = all.find(|one| one.action == *action && one.principal == kind);
    found.map(AsRef::as_ref)
}

/// Cedar's words on one line.
fn line(error: &dyn Display) -> String {
    let text = error.to_string();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(300).collect()
}
