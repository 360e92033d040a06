//! Questions like those of a case, each different in a few things.

use super::case::Case;
use crate::random::Random;
use cedar_policy::{Context, Entities, EntityUid, Request};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a case's questions are made of.
pub(super) struct Parts {
    entities: Vec<Value>,
    contexts: Vec<Value>,
    /// Values by the attributes at which they stand somewhere.
    values: BTreeMap<String, Vec<Value>>,
}

impl Parts {
    pub(super) fn of(case: &Case) -> Self {
        let entities = case.entities.to_json_value().unwrap();
        let contexts = case.questions.iter().map(|(request, _)| {
            let context = request.context().unwrap();
            context.to_json_value().unwrap()
        });
        let mut parts = Self {
            entities: entities.as_array().unwrap().clone(),
            contexts: contexts.collect(),
            values: BTreeMap::new(),
        };
        let attributes = parts.entities.iter().map(|entity| &entity["attrs"]);
        for (name, value) in attributes.chain(&parts.contexts).flat_map(fields) {
            let values = parts.values.entry(name.clone()).or_default();
            values.push(value.clone());
        }
        parts
    }

    /// The question with up to four changes. Types stay: another type is another environment.
    pub(super) fn vary(&self, asked: &Request, random: &mut Random) -> (Request, Entities) {
        let mut entities = self.entities.clone();
        let mut context = asked.context().unwrap().to_json_value().unwrap();
        let mut principal = asked.principal().unwrap().clone();
        let mut resource = asked.resource().unwrap().clone();
        for _ in 0..random.below(5) {
            match random.below(8) {
                0 => principal = self.another(&principal, random),
                1 => resource = self.another(&resource, random),
                2 | 3 => self.change(&mut context, random),
                4 if !entities.is_empty() => {
                    let index = random.below(entities.len());
                    if !is_action(&entities[index]) {
                        entities.remove(index);
                    }
                }
                5 => self.move_to(&mut entities, random),
                _ if !entities.is_empty() => {
                    let index = random.below(entities.len());
                    self.change(&mut entities[index]["attrs"], random);
                }
                _ => {}
            }
        }
        let context = Context::from_json_value(context, None).unwrap();
        let action = asked.action().unwrap().clone();
        let request = Request::new(principal, action, resource, context, None);
        let entities = Entities::from_json_value(Value::Array(entities), None);
        (request.unwrap(), entities.unwrap())
    }

    /// Some entity of the same type, or one of which nothing is known.
    fn another(&self, uid: &EntityUid, random: &mut Random) -> EntityUid {
        if random.once_in(6) {
            let json = serde_json::json!({"type": uid.type_name().to_string(), "id": "nobody"});
            return EntityUid::from_json(json).unwrap();
        }
        let uids = self.entities.iter();
        let uids = uids.map(|entity| EntityUid::from_json(entity["uid"].clone()).unwrap());
        let like: Vec<EntityUid> = uids
            .filter(|other| other.type_name() == uid.type_name())
            .chain([uid.clone()])
            .collect();
        random.one(&like).clone()
    }

    /// Removes an attribute, or gives it a value that it has elsewhere.
    fn change(&self, attributes: &mut Value, random: &mut Random) {
        let names: Vec<&String> = self.values.keys().collect();
        let Some(attributes) = attributes.as_object_mut().filter(|_| !names.is_empty()) else {
            return;
        };
        let own: Vec<String> = attributes.keys().cloned().collect();
        let name = if own.is_empty() || random.once_in(8) {
            (*random.one(&names)).clone()
        } else {
            random.one(&own).clone()
        };
        if random.once_in(5) {
            attributes.remove(&name);
        } else if let Some(values) = self.values.get(&name) {
            attributes.insert(name, random.one(values).clone());
        }
    }

    /// Puts an entity where another one of its type is, or nowhere.
    fn move_to(&self, entities: &mut [Value], random: &mut Random) {
        if entities.is_empty() {
            return;
        }
        let index = random.below(entities.len());
        let kind = entities[index]["uid"]["type"].clone();
        let like: Vec<&Value> = self
            .entities
            .iter()
            .filter(|entity| entity["uid"]["type"] == kind)
            .collect();
        if is_action(&entities[index]) || like.is_empty() {
            return;
        }
        let parents = random.one(&like)["parents"].clone();
        let own = &entities[index]["uid"];
        // Not below itself: a hierarchy has no circles.
        let parents = parents.as_array().unwrap().iter();
        let parents = parents
            .filter(|parent| parent["type"] != own["type"])
            .cloned();
        let parents = if random.once_in(3) {
            Vec::new()
        } else {
            parents.collect()
        };
        entities[index]["parents"] = Value::Array(parents);
    }
}

fn fields(record: &Value) -> impl Iterator<Item = (&String, &Value)> {
    record.as_object().into_iter().flat_map(Map::iter)
}

/// Actions are the schema's, the same in every question.
fn is_action(entity: &Value) -> bool {
    let kind = entity["uid"]["type"].as_str().unwrap();
    kind == "Action" || kind.ends_with("::Action")
}
