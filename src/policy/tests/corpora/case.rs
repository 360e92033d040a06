//! One test of Cedar's own corpora, as `tests/data/cedar/corpora` holds it.

use crate::policy::tests::bare;
use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, Policy, PolicyId, PolicySet, Request,
    Response, Schema, SlotId,
};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;

/// A set of policies, a store, and what is asked of them.
pub(super) struct Case {
    pub(super) name: String,
    /// Static all of them: links of templates are written out.
    pub(super) policies: Vec<Policy>,
    pub(super) entities: Entities,
    pub(super) questions: Vec<(Request, Expected)>,
}

/// What somebody else says the answer is.
pub(super) struct Expected {
    decision: Decision,
    /// Ids of the determining and of the erring policies, where the corpus says them.
    details: Option<(BTreeSet<String>, BTreeSet<String>)>,
}

/// What Cedar says of one set.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) decision: Decision,
    pub(super) reason: BTreeSet<String>,
    pub(super) errors: BTreeSet<String>,
}

impl Said {
    pub(super) fn by_cedar<'a>(
        policies: impl IntoIterator<Item = &'a Policy>,
        request: &Request,
        entities: &Entities,
    ) -> Self {
        let set = PolicySet::from_policies(policies.into_iter().cloned()).unwrap();
        let response = Authorizer::new().is_authorized(request, &set, entities);
        Self {
            decision: response.decision(),
            reason: response
                .diagnostics()
                .reason()
                .map(ToString::to_string)
                .collect(),
            errors: erring(&response),
        }
    }
}

fn erring(response: &Response) -> BTreeSet<String> {
    let errors = response.diagnostics().errors();
    errors
        .map(
            |cedar_policy::AuthorizationError::PolicyEvaluationError(error)| {
                error.policy_id().to_string()
            },
        )
        .collect()
}

impl Expected {
    pub(super) fn is_said_by(&self, said: &Said) -> bool {
        let details = self.details.as_ref();
        self.decision == said.decision
            && details
                .is_none_or(|(reason, errors)| *reason == said.reason && *errors == said.errors)
    }
}

/// All cases of one corpus.
pub(super) fn corpus(name: &str) -> Vec<Case> {
    let root = env!("CARGO_MANIFEST_DIR");
    let text = std::fs::read_to_string(format!("{root}/tests/data/cedar/corpora/{name}")).unwrap();
    let cases: Vec<Case> = text.lines().map(case).collect();
    assert!(!cases.is_empty(), "{name}");
    cases
}

fn case(line: &str) -> Case {
    let case: Value = serde_json::from_str(line).unwrap();
    let name = case["name"].as_str().unwrap().to_owned();
    let (schema, _) = Schema::from_cedarschema_str(case["schema"].as_str().unwrap()).unwrap();
    let questions = case["requests"].as_array().unwrap().iter();
    Case {
        policies: policies(&case),
        entities: entities(&case["entities"], &schema),
        questions: questions.map(|one| question(one, &schema)).collect(),
        name,
    }
}

/// With the schema's actions. Some examples do not conform to their own schema.
fn entities(given: &Value, schema: &Schema) -> Entities {
    Entities::from_json_value(given.clone(), Some(schema)).unwrap_or_else(|_| {
        let entities = Entities::from_json_value(given.clone(), None).unwrap();
        let actions = schema.action_entities().unwrap();
        entities.add_entities(actions, None).unwrap()
    })
}

fn question(one: &Value, schema: &Schema) -> (Request, Expected) {
    let action = uid(&one["action"]);
    let context = Context::from_json_value(one["context"].clone(), Some((schema, &action)));
    let request = Request::new(
        uid(&one["principal"]),
        action,
        uid(&one["resource"]),
        context.unwrap(),
        None,
    );
    let ids = |ids: &Value| {
        let ids = ids.as_array().unwrap().iter();
        ids.map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    let expected = Expected {
        decision: match one["decision"].as_str().unwrap() {
            "allow" => Decision::Allow,
            "deny" => Decision::Deny,
            other => panic!("{other} is no decision"),
        },
        details: one
            .get("reason")
            .map(|reason| (ids(reason), ids(&one["errors"]))),
    };
    (request.unwrap(), expected)
}

/// `User::"ana"`, or its two halves.
fn uid(value: &Value) -> EntityUid {
    match value.as_str() {
        Some(text) => EntityUid::from_str(text).unwrap(),
        None => EntityUid::from_json(value.clone()).unwrap(),
    }
}

fn policies(case: &Value) -> Vec<Policy> {
    let mut set = PolicySet::from_str(case["policies"].as_str().unwrap()).unwrap();
    for link in case["links"].as_array().into_iter().flatten() {
        let named = |template: &&cedar_policy::Template| {
            template.annotation("id") == link["template_id"].as_str()
        };
        let template = set.templates().find(named).unwrap().id().clone();
        let slots = [
            ("?principal", SlotId::principal()),
            ("?resource", SlotId::resource()),
        ];
        let values: HashMap<SlotId, EntityUid> = slots
            .into_iter()
            .filter_map(|(name, slot)| Some((slot, uid(link["args"].get(name)?))))
            .collect();
        let id = PolicyId::new(link["link_id"].as_str().unwrap());
        set.link(template, id, values).unwrap();
    }
    set.policies().map(bare::written_out).collect()
}
