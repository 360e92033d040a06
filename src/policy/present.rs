//! What every question of an environment has, by the schema: whether it is there need not be looked at.

use super::reads::{Path, Root};
use cedar_policy::{RequestEnv, Schema};
use cedar_policy_core::validator::ValidatorSchema;
use cedar_policy_core::validator::types::{Attributes, Type};
use std::collections::BTreeSet;

/// Every attribute of principal, resource and context that is required, and every field of such a record.
pub(super) fn of(schema: &Schema, environment: &RequestEnv) -> BTreeSet<Path> {
    let schema: &ValidatorSchema = schema.as_ref();
    let mut present = BTreeSet::new();
    let entities = [
        (Root::Principal, environment.principal()),
        (Root::Resource, environment.resource()),
    ];
    for (root, name) in entities {
        if let Some(entity_type) = schema.get_entity_type(name.as_ref()) {
            add(&Path::root(root), entity_type.attributes(), &mut present);
        }
    }
    if let Some(Type::Record { attrs, .. }) = schema.context_type(environment.action().as_ref()) {
        add(&Path::root(Root::Context), attrs, &mut present);
    }
    present
}

fn add(base: &Path, attributes: &Attributes, present: &mut BTreeSet<Path>) {
    for (name, attribute) in attributes.iter() {
        if attribute.is_required() {
            let path = base.clone().attribute(name);
            if let Type::Record { attrs, .. } = attribute.attr_type.as_ref() {
                add(&path, attrs, present);
            }
            present.insert(path);
        }
    }
}
