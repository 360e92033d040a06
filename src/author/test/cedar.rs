//! Cases of Cedar's own `run-tests` form, unchanged: a request, entities, and what the policies say.
//!
//! They are put to the platform's policies, and to those of the account that the file is named after,
//! layer by layer as the gate asks them. So an erring forbid denies where Cedar alone would skip it.

use super::expected::{Got, listed, means};
use super::{ALLOW, DENY, Desk, Ran};
use crate::clock::Timestamp;
use crate::config::{self, Rules};
use crate::decision::{Asking, Put};
use crate::document::{Document, child};
use crate::explain;
use crate::fault::{Fault, nearest};
use crate::policy::{Consulted, Environment, PrincipalType, Ruling, Store, Whose, evaluate};
use crate::reason::Reason;
use crate::tenant::AccountId;
use cedar_policy::{Context, Entities, EntityUid, Request};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::of::<List>("cedar-test"));

/// A file of cases.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "list of cases")]
#[serde(transparent)]
struct List(Vec<Shape>);

/// One case, as written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Shape {
    /// What it shows.
    #[serde(default)]
    name: Option<String>,
    /// What is asked.
    request: Asked,
    /// Who and what there is: a list, or the file of one.
    entities: Whence,
    /// What must be answered.
    decision: Word,
    /// Policies that settle it; there may be more. Without the key, which Cedar's own form always has, whoever
    /// does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Vec<String>>,
    /// How many policies cannot be evaluated.
    num_errors: usize,
}

/// What is asked.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Who.
    principal: String,
    /// What for.
    action: String,
    /// Of what.
    resource: String,
    /// How.
    context: Map<String, Value>,
}

/// A list of entities, or the file of one.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Whence {
    File(String),
    Here(Vec<Value>),
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Word {
    Allow,
    Deny,
}

/// A question to be put to the policies.
#[derive(Clone, Debug)]
pub(super) struct Case {
    put: Arc<Put>,
    pub(super) expected: Expected,
}

/// What must be answered.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    allow: bool,
    /// `None`: whoever does.
    reason: Option<Vec<String>>,
    errors: usize,
}

/// Whether a list of JSON is one of entities: such a file is no test, but what tests read.
pub(super) fn are_entities(value: &Value) -> bool {
    let first = value.as_array().and_then(|all| all.first());
    first.is_some_and(|one| one.get("uid").is_some())
}

/// The cases of a document, each with its pointer, or everything that is wrong with it.
pub(super) fn read(
    document: &Document,
    path: &Path,
    desk: &Desk,
) -> Result<Vec<(String, String, Case)>, Vec<Fault>> {
    let List(shapes) = config::shape(document, &RULES)?;
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let mut reader = Reader {
        document,
        folder: path.parent().unwrap_or_else(|| Path::new("")),
        desk,
        account: stem.and_then(|stem| AccountId::parse(stem).ok()),
        files: HashMap::new(),
    };
    let mut cases = Vec::new();
    let mut faults = Vec::new();
    for (index, shape) in shapes.into_iter().enumerate() {
        let at = child("", &index.to_string());
        let name = shape.name.clone();
        let name = name.unwrap_or_else(|| format!("case {}", index + 1));
        match reader.case(&at, shape) {
            Ok(case) => cases.push((at, name, case)),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() {
        Ok(cases)
    } else {
        Err(faults)
    }
}

struct Reader<'a> {
    document: &'a Document,
    folder: &'a Path,
    desk: &'a Desk,
    /// Whose policies are asked beside the platform's, if it has any.
    account: Option<AccountId>,
    /// Entities of files, or that these are told to be faulty already.
    files: HashMap<String, Option<Entities>>,
}

impl Reader<'_> {
    fn fault(&self, pointer: &str, message: impl Into<String>, help: &str) -> Vec<Fault> {
        let place = self.document.place(pointer);
        vec![Fault::error("test_cedar", place, message).help(help)]
    }

    fn case(&mut self, at: &str, shape: Shape) -> Result<Case, Vec<Fault>> {
        let asked = child(at, "request");
        let place = |name| child(&asked, name);
        let principal = self.uid(&place("principal"), &shape.request.principal)?;
        let action = self.uid(&place("action"), &shape.request.action)?;
        let resource = self.uid(&place("resource"), &shape.request.resource)?;
        let store = Arc::clone(&self.desk.store);
        let environment = self.environment(&place("action"), &store, &principal, &action)?;
        let now = moment(&shape.request.context).unwrap_or(self.desk.now);
        let context = Value::Object(shape.request.context);
        let context = Context::from_json_value(context, Some((store.schema(), &action)));
        let wrong = |error: &dyn Display| cut(error);
        let context = context.map_err(|error| {
            self.fault(
                &place("context"),
                wrong(&error),
                "the schema says what a context holds",
            )
        })?;
        let request = Request::new(principal, action, resource, context, Some(store.schema()));
        let request = request.map_err(|error| {
            self.fault(&asked, wrong(&error), "the schema lists what may be asked")
        })?;
        let entities = self.entities(&child(at, "entities"), shape.entities)?;
        let put = Put {
            layers: self.layers(at, environment)?,
            request,
            entities,
            now,
        };
        Ok(Case {
            put: Arc::new(put),
            expected: Expected {
                allow: shape.decision == Word::Allow,
                reason: shape.reason.map(|ids| self.reason(at, ids)).transpose()?,
                errors: shape.num_errors,
            },
        })
    }

    fn uid(&self, pointer: &str, text: &str) -> Result<EntityUid, Vec<Fault>> {
        EntityUid::from_str(text).map_err(|error| {
            let help = r#"write it like `Tenancy::User::"acme/ana"`"#;
            self.fault(pointer, cut(&error), help)
        })
    }

    fn environment<'a>(
        &self,
        pointer: &str,
        store: &'a Store,
        principal: &EntityUid,
        action: &EntityUid,
    ) -> Result<&'a Environment, Vec<Fault>> {
        let kind = principal.type_name().basename();
        let kind = PrincipalType::ALL
            .into_iter()
            .find(|one| one.label() == kind);
        let of_action = || store.environments().filter(|one| one.action == *action);
        let found = of_action().find(|one| Some(one.principal) == kind);
        found.map(AsRef::as_ref).ok_or_else(|| {
            if of_action().next().is_some() {
                let message = format!("`{action}` is not for {}", principal.type_name());
                return self.fault(pointer, message, "the gate never asks this");
            }
            let known = store.environments().map(|one| one.action.id().unescaped());
            let help = match nearest(action.id().unescaped(), known) {
                Some(near) => format!("did you mean `Tenancy::Action::\"{near}\"`?"),
                None => "actions come from the routes".to_owned(),
            };
            self.fault(
                pointer,
                format!("no route has the action `{action}`"),
                &help,
            )
        })
    }

    fn entities(&mut self, pointer: &str, whence: Whence) -> Result<Entities, Vec<Fault>> {
        let name = match whence {
            Whence::Here(list) => {
                let found =
                    Entities::from_json_value(Value::Array(list), Some(self.desk.store.schema()));
                return found.map_err(|error| {
                    self.fault(pointer, cut(&error), "the schema says what an entity holds")
                });
            }
            Whence::File(name) => name,
        };
        if let Some(known) = self.files.get(&name) {
            // The first to name it has told what is wrong.
            return known.clone().ok_or_else(Vec::new);
        }
        let read = self.read(pointer, &name);
        self.files.insert(name, read.as_ref().ok().cloned());
        read
    }

    fn read(&self, pointer: &str, name: &str) -> Result<Entities, Vec<Fault>> {
        let path = self.folder.join(name);
        let text =
            config::read_file(&path, config::OPENAPI_BYTES_MAX).map_err(|fault| vec![*fault])?;
        let entities = Entities::from_json_str(&text, Some(self.desk.store.schema()));
        entities.map_err(|error| {
            let message = format!("`{}`: {}", path.display(), cut(&error));
            self.fault(pointer, message, "the schema says what an entity holds")
        })
    }

    fn layers(&self, pointer: &str, environment: &Environment) -> Result<Vec<Asking>, Vec<Fault>> {
        let mut layers = vec![Asking {
            account: None,
            slice: Arc::clone(&environment.platform),
            whose: Whose::Platform,
        }];
        // Portal requests consult the platform alone.
        let portal = environment.action.id().unescaped().starts_with("portal/");
        let account = self.account.as_ref().filter(|_| !portal);
        let Some(account) = account else {
            return Ok(layers);
        };
        let own = Asking::of(&self.desk.store, environment, account, Whose::Owner);
        layers.extend(
            own.map_err(|why| self.fault(pointer, why.to_string(), "see `palisade check`"))?,
        );
        Ok(layers)
    }

    fn reason(&self, at: &str, ids: Vec<String>) -> Result<Vec<String>, Vec<Fault>> {
        let mut faults = Vec::new();
        for (index, id) in ids.iter().enumerate() {
            if let Err(help) = self.desk.knows(id) {
                let pointer = child(&child(at, "reason"), &index.to_string());
                let place = self.document.place(&pointer);
                let message = format!("there is no policy `{id}`");
                faults.push(Fault::error("test_unknown_policy", place, message).help(help));
            }
        }
        if faults.is_empty() {
            Ok(ids)
        } else {
            Err(faults)
        }
    }
}

/// The request's moment, as its context says it.
fn moment(context: &Map<String, Value>) -> Option<Timestamp> {
    let text = context.get("now")?.pointer("/__extn/arg")?.as_str()?;
    let day = || Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"));
    Timestamp::parse_rfc3339(text).or_else(day)
}

/// Cedar's words on one line.
fn cut(error: &dyn Display) -> String {
    let text = error.to_string();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(300).collect()
}

impl Case {
    /// Puts it to the policies, layer by layer.
    pub(super) fn run(&self, store: &Store, looks: bool) -> Ran {
        let put = &self.put;
        let consulted: Vec<Consulted<'_>> = put.layers.iter().map(Asking::consulted).collect();
        let answer = evaluate(&consulted, &put.request, &put.entities, put.now);
        let errors = answer.errors.iter();
        let errors: Vec<String> = errors
            .map(|error| format!("{}: {}", error.policy, error.message))
            .collect();
        let code = match answer.ruling {
            Ruling::Allow => None,
            Ruling::Deny => Some(Reason::PolicyDenied),
            Ruling::Error => Some(Reason::PolicyError),
        };
        let ids = answer.determining.iter();
        let policies = ids.map(|id| explain::Policy::of(id, store)).collect();
        Ran {
            got: Got {
                allowed: answer.ruling == Ruling::Allow,
                code: code.map(|reason| reason.code().to_owned()),
                policies: answer.determining.iter().map(ToString::to_string).collect(),
                errors: Some(answer.errors.len()),
                ..Got::default()
            },
            policies,
            detail: (!errors.is_empty()).then(|| errors.join("; ")),
            puts: if looks {
                vec![Arc::clone(put)]
            } else {
                Vec::new()
            },
            route: None,
        }
    }
}

impl Expected {
    /// What is different; empty: it is as expected.
    pub(super) fn differences(&self, got: &Got) -> Vec<String> {
        let mut found = Vec::new();
        if got.allowed != self.allow {
            found.push(format!("it is {}, not {}", got.word(), self.word()));
        }
        let there = |one: &&String| got.policies.iter().any(|id| means(one, id));
        let named = self.reason.as_deref().unwrap_or_default();
        let missing = named.iter().filter(|one| !there(one));
        found.extend(missing.map(|one| format!("`{one}` did not settle it")));
        // As Cedar has it, there may be more than these; but not where none is expected.
        let nobody = self.reason.as_ref().is_some_and(Vec::is_empty);
        if !self.allow && nobody && !got.policies.is_empty() {
            found.push(format!("{} settled it", listed(&got.policies)));
        }
        if let Some(errors) = got.errors.filter(|errors| *errors != self.errors) {
            found.push(format!("{errors} policies err, not {}", self.errors));
        }
        found
    }

    fn word(&self) -> &'static str {
        if self.allow { ALLOW } else { DENY }
    }

    /// For people.
    pub(super) fn words(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{} by {}", self.word(), listed(reason)),
            None => self.word().to_owned(),
        }
    }
}
