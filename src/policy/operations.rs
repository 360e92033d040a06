//! Operations become the action fragment of the schema, and are held to the form that the proof of
//! isolation is about: any operation that passes here is covered by it (`model`'s universe).

use crate::fault::{Fault, Place};
use crate::operation::{Access, ApiContext, Operation, ResourceType};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// The operations by name, each once; what is wrong with them.
pub(super) fn review(
    operations: &[Arc<Operation>],
) -> Result<BTreeMap<Arc<str>, Arc<Operation>>, Vec<Fault>> {
    let mut named: BTreeMap<Arc<str>, Arc<Operation>> = BTreeMap::new();
    let mut faults = Vec::new();
    for operation in operations {
        if let Some(message) = misfit(operation) {
            faults.push(fault(operation, message));
        }
        let first = named
            .entry(Arc::clone(&operation.name))
            .or_insert_with(|| Arc::clone(operation));
        if first != operation {
            faults.push(fault(
                operation,
                "two routes declare it with different access, catalog or resource",
            ));
        }
    }
    if faults.is_empty() {
        Ok(named)
    } else {
        Err(faults)
    }
}

fn fault(operation: &Operation, message: &str) -> Fault {
    let place = Place {
        key: operation.name.to_string(),
        ..Place::file("operations")
    };
    Fault::error("policy_operation", place, message)
        .help("an operation is `<context>/<kind>/<verb>`, of one context and one access; see `operationId` and `x-palisade-access` of its route")
}

fn misfit(operation: &Operation) -> Option<&'static str> {
    let context = operation.api_context;
    let scoped = context != ApiContext::Portal;
    let rest = operation
        .name
        .strip_prefix(context.label())
        .and_then(|rest| rest.strip_prefix('/'));
    if !rest.is_some_and(is_operation_id) {
        return Some("its name is not its context, `/` and parts of A-Z a-z 0-9 . _ -");
    }
    if operation.catalog && !(scoped && operation.access == Access::Read) {
        return Some("it may name a catalog, but is no read in App or Dashboard");
    }
    if scoped && operation.resource != ResourceType::Resource {
        return Some("outside the Portal every resource lies in a workspace");
    }
    None
}

fn is_operation_id(text: &str) -> bool {
    text.len() <= 200
        && text.split('/').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        })
}

/// One operation of each class that a route may declare, whether one does or not.
pub(super) fn every() -> Vec<Operation> {
    let resources = [
        ResourceType::Resource,
        ResourceType::AccountResource,
        ResourceType::PlatformResource,
    ];
    let mut all = Vec::new();
    for api_context in ApiContext::ALL {
        for access in Access::ALL {
            for (resource, catalog) in resources
                .map(|one| (one, false))
                .into_iter()
                .chain([(ResourceType::Resource, true)])
            {
                let catalog_word = if catalog { "-catalog" } else { "" };
                let (context, access_word) = (api_context.label(), access.label());
                let kind = type_name(resource);
                let operation = Operation {
                    name: format!("{context}/any/{access_word}-{kind}{catalog_word}").into(),
                    api_context,
                    access,
                    catalog,
                    resource,
                };
                all.extend(misfit(&operation).is_none().then_some(operation));
            }
        }
    }
    all
}

/// The action fragment in Cedar's schema syntax.
pub(super) fn fragment<'a>(
    operations: impl Iterator<Item = &'a Arc<Operation>>,
    principals_act_in: bool,
) -> String {
    let mut text = String::from(
        "// Generated from the routes: one action for each operation.\nnamespace Tenancy {\n",
    );
    for operation in operations {
        let declaration = declaration(operation, principals_act_in);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  action \"{}\" {declaration};", operation.name);
    }
    text.push_str("}\n");
    text
}

/// All that the schema says of an operation beside its name: equal for the operations of one class.
pub fn declaration(operation: &Operation, principals_act_in: bool) -> String {
    let context = operation.api_context;
    let catalog = if operation.catalog { ", catalog" } else { "" };
    let acts_in = principals_act_in && operation.access == Access::Read;
    let (principals, request) = match context {
        ApiContext::App | ApiContext::Dashboard if acts_in => {
            ("User, Service, Principal", "Scoped")
        }
        ApiContext::App | ApiContext::Dashboard => ("User, Service", "Scoped"),
        ApiContext::Portal => ("Principal", "Crossing"),
    };
    format!(
        "in [{}, {}{catalog}] appliesTo {{ principal: [{principals}], resource: [{}], context: {request} }}",
        context.label(),
        operation.access.label(),
        type_name(operation.resource),
    )
}

/// The entity type's name in the schema.
pub(super) fn type_name(resource: ResourceType) -> &'static str {
    match resource {
        ResourceType::Resource => "Resource",
        ResourceType::AccountResource => "AccountResource",
        ResourceType::PlatformResource => "PlatformResource",
    }
}
