//! The class schema: what policies are validated against, whatever the number of operations.
//!
//! To the validator, operations of one context, access and resource differ by their names alone. So one
//! stands for all of its class, beside those that the policies name; what it says of them it says of
//! each, and a fault is neither lost nor invented (`tests/classes.rs` compares with the whole schema).

use super::operations;
use crate::operation::Operation;
use cedar_policy::{EntityUid, Policy, Schema, SchemaFragment, Validator};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Operations by name.
pub(super) type Named = BTreeMap<Arc<str>, Arc<Operation>>;

/// What policies are validated against.
#[derive(Debug)]
pub(super) struct Classes {
    operations: Named,
    principals_act_in: bool,
    /// Everything of the schema but the actions.
    fragments: Vec<SchemaFragment>,
    /// For policies that name no operation.
    plain: Validator,
    /// The whole schema, should one of classes not build.
    whole: Schema,
}

impl Classes {
    /// Of `whole`, which is made of `fragments` and all operations.
    pub(super) fn new(
        operations: Named,
        principals_act_in: bool,
        fragments: Vec<SchemaFragment>,
        whole: &Schema,
    ) -> Self {
        let mut classes = Self {
            plain: Validator::new(whole.clone()),
            operations,
            principals_act_in,
            fragments,
            whole: whole.clone(),
        };
        classes.plain = classes.build(&BTreeSet::new());
        classes
    }

    /// What to hold `policies` to.
    pub(super) fn validator<'a>(
        &self,
        policies: impl Iterator<Item = &'a Policy>,
    ) -> Cow<'_, Validator> {
        let literals: Vec<EntityUid> = policies.flat_map(Policy::entity_literals).collect();
        let named: BTreeSet<&str> = literals.iter().filter_map(|uid| self.named(uid)).collect();
        if named.is_empty() {
            Cow::Borrowed(&self.plain)
        } else {
            Cow::Owned(self.build(&named))
        }
    }

    /// Names of all operations.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.operations.keys().map(|name| &**name)
    }

    fn named<'a>(&self, uid: &'a EntityUid) -> Option<&'a str> {
        let id = uid.id().unescaped();
        let known = uid.type_name().basename() == "Action" && self.operations.contains_key(id);
        known.then_some(id)
    }

    fn build(&self, named: &BTreeSet<&str>) -> Validator {
        let kept = self.representatives(named);
        let text = operations::fragment(kept, self.principals_act_in);
        let fragment = SchemaFragment::from_cedarschema_str(&text).ok();
        let schema = fragment.and_then(|(fragment, _warnings)| {
            let fragments = self.fragments.iter().cloned().chain([fragment]);
            Schema::from_schema_fragments(fragments).ok()
        });
        // Fewer actions cannot make a schema worse; the whole one says the same, and takes longer.
        Validator::new(schema.unwrap_or_else(|| self.whole.clone()))
    }

    /// Those that are named, and of each class the first that is not: what a policy says of an action by
    /// its name is no word about its class.
    fn representatives(&self, named: &BTreeSet<&str>) -> impl Iterator<Item = &Arc<Operation>> {
        let mut seen = BTreeSet::new();
        self.operations.values().filter(move |operation| {
            named.contains(&*operation.name)
                || seen.insert(operations::declaration(operation, self.principals_act_in))
        })
    }
}
