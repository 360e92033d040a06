//! The class schema: what policies are validated against, whatever the number of operations.
//!
//! To the validator, operations of one context, access and resource differ by their names alone. So one
//! stands for all of its class, beside those that the policies name; what it says of them it says of
//! each, and a fault is neither lost nor invented (`tests/classes.rs` compares with the whole schema).

use super::operations;
use crate::operation::Operation;
use cedar_policy::{ActionConstraint, EntityUid, Policy, Schema, SchemaFragment, Validator};
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
        let named = self.named(policies);
        if named.is_empty() {
            Cow::Borrowed(&self.plain)
        } else {
            Cow::Owned(self.build(&named))
        }
    }

    /// The operations that the policies name.
    pub(super) fn named<'a>(&self, policies: impl Iterator<Item = &'a Policy>) -> BTreeSet<&str> {
        let literals = policies.flat_map(Policy::entity_literals);
        literals.filter_map(|uid| self.operation(&uid)).collect()
    }

    /// How many operations the policy names.
    pub(super) fn operations_of(&self, policy: &Policy) -> usize {
        self.named(std::iter::once(policy)).len()
    }

    /// For how many operations that are named the policy is looked at, where its head says which. `None`: for
    /// all that any policy names.
    pub(super) fn looks(&self, policy: &Policy) -> Option<usize> {
        let is_operation = |uid: &EntityUid| self.operation(uid).is_some();
        match policy.action_constraint() {
            ActionConstraint::Any => None,
            ActionConstraint::Eq(uid) => is_operation(&uid).then_some(1),
            ActionConstraint::In(uids) => uids.iter().all(is_operation).then_some(uids.len()),
        }
    }

    /// Names of all operations.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.operations.keys().map(|name| &**name)
    }

    /// The operation that it is the action of.
    fn operation(&self, uid: &EntityUid) -> Option<&str> {
        let known = self.operations.get_key_value(uid.id().unescaped());
        let known = known.filter(|_| uid.type_name().basename() == "Action");
        known.map(|(name, _)| &**name)
    }

    /// What is proved of `policies` is proved over this: one operation of each class, beside those that they
    /// name.
    pub(super) fn schema<'a>(&self, policies: impl Iterator<Item = &'a Policy>) -> Schema {
        self.validator(policies).schema().clone()
    }

    /// The same, and one operation of each class that no route has yet: what is proved over this holds for
    /// whatever a route may declare. `None`: it cannot be built.
    pub(super) fn universe<'a>(
        &self,
        policies: impl Iterator<Item = &'a Policy>,
    ) -> Option<Schema> {
        let named = self.named(policies);
        let kept: Vec<&Arc<Operation>> = self.representatives(&named).collect();
        // A policy that names an operation may treat it unlike others of its class: it stands for itself.
        let others = kept.iter().filter(|one| !named.contains(&*one.name));
        let mut seen: BTreeSet<String> = others.map(|one| self.class(one)).collect();
        let further = operations::every();
        let further: Vec<Arc<Operation>> = further
            .into_iter()
            .filter(|operation| seen.insert(self.class(operation)))
            .map(|operation| Arc::new(self.unlike(operation)))
            .collect();
        self.schema_of(kept.into_iter().chain(&further))
    }

    /// The operation under a name that no other has.
    fn unlike(&self, mut operation: Operation) -> Operation {
        while self.operations.contains_key(&operation.name) {
            operation.name = format!("{}_", operation.name).into();
        }
        operation
    }

    fn class(&self, operation: &Operation) -> String {
        operations::declaration(operation, self.principals_act_in)
    }

    fn build(&self, named: &BTreeSet<&str>) -> Validator {
        let schema = self.schema_of(self.representatives(named));
        // Fewer actions cannot make a schema worse; the whole one says the same, and takes longer.
        Validator::new(schema.unwrap_or_else(|| self.whole.clone()))
    }

    fn schema_of<'a>(&self, kept: impl Iterator<Item = &'a Arc<Operation>>) -> Option<Schema> {
        let text = operations::fragment(kept, self.principals_act_in);
        let (fragment, _warnings) = SchemaFragment::from_cedarschema_str(&text).ok()?;
        let fragments = self.fragments.iter().cloned().chain([fragment]);
        Schema::from_schema_fragments(fragments).ok()
    }

    /// Those that are named, and of each class the first that is not: what a policy says of an action by
    /// its name is no word about its class.
    fn representatives(&self, named: &BTreeSet<&str>) -> impl Iterator<Item = &Arc<Operation>> {
        let mut seen = BTreeSet::new();
        self.operations.values().filter(move |operation| {
            named.contains(&*operation.name) || seen.insert(self.class(operation))
        })
    }
}
