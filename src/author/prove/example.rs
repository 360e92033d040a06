//! A question that breaks a claim, put to the code that serves before anybody is told of it.
//!
//! A solver's model is written down, read again as tests are, held to the schema, and evaluated: what the
//! formulas say counts only where the evaluator agrees.

use crate::clock::Timestamp;
use crate::policy::{Answer, Consulted, Ruling, Statements, Theory, Whose, evaluate};
use cedar_policy::{Context, Entities, EntityUid, Request, Schema};
use cedar_policy_symcc::Env;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fmt::{self, Display, Write as _};
use std::str::FromStr;

/// A question, and what the policies say to it.
#[derive(Clone, Debug, Serialize)]
pub struct Example {
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
    /// The policies that settle it.
    pub by: Vec<String>,
    /// Whether the policies that there are allow it, and not only one that somebody might write.
    pub open: bool,
    /// Whether a route has the operation.
    pub routed: bool,
}

/// What is asked, and what it must say for the claim to be broken.
pub(super) struct Side<'a> {
    layers: &'a [&'a Statements],
    says: Says<'a>,
}

/// What policies say to a question.
pub(super) enum Says<'a> {
    /// They allow it.
    Allowed,
    /// They do not.
    Refused,
    /// This policy cannot be evaluated.
    Errs(&'a str),
}

impl<'a> Side<'a> {
    /// Of the platform's policies, and then an account's.
    pub(super) fn new(layers: &'a [&'a Statements], says: Says<'a>) -> Self {
        Self { layers, says }
    }
}

impl Says<'_> {
    fn are(&self, answer: &Answer) -> bool {
        match self {
            Self::Allowed => answer.ruling == Ruling::Allow,
            Self::Refused => answer.ruling != Ruling::Allow,
            Self::Errs(id) => answer.errors.iter().any(|one| *one.policy == **id),
        }
    }
}

/// A world in which examples are easier to read: a moment of our time. Further ones are looked for where
/// there is none.
pub(super) fn plain(theory: &Theory) -> Option<Statements> {
    let text = "forbid (principal, action, resource) unless { context has now && \
        datetime(\"2026-01-01\") <= context.now && context.now < datetime(\"2030-01-01\") };";
    theory.made_up("plain", text)
}

/// Puts a model to the code that serves. `Err`: it says otherwise, or the model is none of our world.
pub(super) fn replay(schema: &Schema, model: &Env, sides: &[Side<'_>]) -> Result<Example, String> {
    let example = Example::of(model)?;
    let (request, entities) = example.read(schema)?;
    let now = example
        .moment()
        .ok_or("its moment is none that the gate can have")?;
    let mut by = Vec::new();
    for side in sides {
        let slices: Vec<_> = side.layers.iter().map(|layer| layer.slice()).collect();
        let consulted = slices.iter().enumerate().map(|(index, slice)| Consulted {
            slice,
            whose: if index == 0 {
                Whose::Platform
            } else {
                Whose::Owner
            },
            as_written: true,
        });
        let consulted: Vec<Consulted<'_>> = consulted.collect();
        let answer = evaluate(&consulted, &request, &entities, now);
        if !side.says.are(&answer) {
            let word = match answer.ruling {
                Ruling::Allow => "allow",
                Ruling::Deny => "deny",
                Ruling::Error => "err",
            };
            let ids = answer.determining.join(", ");
            return Err(format!(
                "put to the gate's own code, the policies {word} it ({ids})"
            ));
        }
        if by.is_empty() {
            by = answer.determining.iter().map(ToString::to_string).collect();
        }
    }
    Ok(Example { by, ..example })
}

impl Example {
    fn of(model: &Env) -> Result<Self, String> {
        let wrong = |what: &str| format!("its {what} cannot be written down");
        let request = &model.request;
        let uid =
            |uid: Option<&EntityUid>, what| uid.map(ToString::to_string).ok_or_else(|| wrong(what));
        let context = request
            .context()
            .and_then(|context| context.to_json_value().ok());
        let entities = model
            .entities
            .to_json_value()
            .map_err(|_| wrong("entities"))?;
        let Value::Array(mut entities) = entities else {
            return Err(wrong("entities"));
        };
        // As in the gate's own store: actions come from the schema, and of a name there is nothing to read.
        entities.retain(|entity| {
            let kind = entity.pointer("/uid/type").and_then(Value::as_str);
            kind != Some("Tenancy::Action") && says_something(entity)
        });
        entities.sort_by_cached_key(ToString::to_string);
        Ok(Self {
            principal: uid(request.principal(), "principal")?,
            action: uid(request.action(), "action")?,
            resource: uid(request.resource(), "resource")?,
            context: dated(context.ok_or_else(|| wrong("context"))?),
            entities: entities.into_iter().map(dated).collect(),
            by: Vec::new(),
            open: false,
            routed: false,
        })
    }

    /// As the gate would have it, held to the schema.
    fn read(&self, schema: &Schema) -> Result<(Request, Entities), String> {
        let odd = |error: &dyn Display| format!("it does not conform to the schema: {error}");
        let uid = |text: &str| EntityUid::from_str(text).map_err(|error| odd(&error));
        let action = uid(&self.action)?;
        let context = Context::from_json_value(self.context.clone(), Some((schema, &action)));
        let context = context.map_err(|error| odd(&error))?;
        let (principal, resource) = (uid(&self.principal)?, uid(&self.resource)?);
        let request = Request::new(principal, action, resource, context, Some(schema));
        let request = request.map_err(|error| odd(&error))?;
        let entities = Value::Array(self.entities.clone());
        let entities = Entities::from_json_value(entities, Some(schema));
        Ok((request, entities.map_err(|error| odd(&error))?))
    }

    /// What it is an example of, for people.
    pub(super) fn standing(&self) -> &'static str {
        match (self.open, self.routed) {
            (true, true) => {
                "a counterexample that the policies allow today, as the code that serves says"
            }
            (false, true) => {
                "a counterexample that the guards let through, as the code that serves says; a permit for it is all that lacks"
            }
            (_, false) => {
                "a counterexample, as the code that serves says, of an operation that no route has yet"
            }
        }
    }

    /// When it is asked.
    fn moment(&self) -> Option<Timestamp> {
        let now = self.context.get("now")?;
        moment(now.pointer("/__extn/arg").and_then(Value::as_str)?)
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "principal  {}", self.principal)?;
        writeln!(f, "action     {}", self.action)?;
        writeln!(f, "resource   {}", self.resource)?;
        let mut context = String::new();
        for (name, value) in self.context.as_object().into_iter().flatten() {
            let _ = write!(context, "\n           {name}: {}", short(value));
        }
        writeln!(f, "context    {}", context.trim_start())?;
        for entity in &self.entities {
            let part = |name: &str| entity.get(name).map(short).unwrap_or_default();
            writeln!(f, "entity     {}", part("uid"))?;
            for name in ["attrs", "parents", "tags"] {
                let said = part(name);
                if said.len() > 2 {
                    writeln!(f, "           {name} {said}")?;
                }
            }
        }
        write!(f, "settled by {}", self.by.join(", "))
    }
}

/// Whether it is looked at for more than its name.
fn says_something(entity: &Value) -> bool {
    let holds = |name: &str| match entity.get(name) {
        Some(Value::Object(map)) => !map.is_empty(),
        Some(Value::Array(list)) => !list.is_empty(),
        _ => false,
    };
    holds("attrs") || holds("parents") || holds("tags")
}

fn moment(text: &str) -> Option<Timestamp> {
    let day = || Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"));
    Timestamp::parse_rfc3339(text).or_else(day)
}

/// The same with moments as people write them: models have them so many milliseconds after a day.
fn dated(value: Value) -> Value {
    match value {
        Value::Object(map) => match offset(&map).filter(|at| is_written(*at)) {
            Some(at) => json!({"__extn": {"fn": "datetime", "arg": at.rfc3339()}}),
            None => map
                .into_iter()
                .map(|(name, value)| (name, dated(value)))
                .collect(),
        },
        Value::Array(list) => list.into_iter().map(dated).collect(),
        other => other,
    }
}

/// Whether the year has four digits.
fn is_written(at: Timestamp) -> bool {
    let first = Timestamp::parse_rfc3339("0000-01-01T00:00:00Z");
    let last = Timestamp::parse_rfc3339("9999-12-31T23:59:59Z");
    first.is_some_and(|first| first <= at) && last.is_some_and(|last| at <= last)
}

fn offset(map: &Map<String, Value>) -> Option<Timestamp> {
    let call = map.get("__extn").filter(|_| map.len() == 1)?;
    if call.get("fn")? != "offset" {
        return None;
    }
    let [from, span] = call.get("args")?.as_array()?.as_slice() else {
        return None;
    };
    let argument = |value: &Value, function: &str| {
        let call = value.get("__extn").unwrap_or(value);
        let named = call.get("fn")? == function;
        named.then(|| call.get("arg")?.as_str().map(str::to_owned))?
    };
    let from = moment(&argument(from, "datetime")?)?;
    let millis: i64 = argument(span, "duration")?
        .strip_suffix("ms")?
        .parse()
        .ok()?;
    // What does not fit is not taken for what does.
    from.millis().checked_add(millis)?;
    Some(from.plus_millis(millis))
}

/// JSON of Cedar's as Cedar writes it.
fn short(value: &Value) -> String {
    let pair = |value: &Value| {
        let entity = value.get("__entity").unwrap_or(value);
        let kind = entity.get("type")?.as_str()?;
        let id = entity.get("id")?.as_str()?;
        Some(format!("{kind}::{}", Value::from(id)))
    };
    let call = || {
        let call = value.get("__extn")?;
        Some(format!(
            "{}({})",
            call.get("fn")?.as_str()?,
            call.get("arg")?
        ))
    };
    match value {
        Value::Object(map) => pair(value).or_else(call).unwrap_or_else(|| {
            let parts = map.iter();
            let parts: Vec<String> = parts
                .map(|(name, value)| format!("{name}: {}", short(value)))
                .collect();
            format!("{{{}}}", parts.join(", "))
        }),
        Value::Array(list) => {
            let parts: Vec<String> = list.iter().map(short).collect();
            format!("[{}]", parts.join(", "))
        }
        other => other.to_string(),
    }
}
