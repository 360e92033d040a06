//! The table of names that mean a tenant, from all names that look like one (RULES 12).

use super::findings::Findings;
use super::parameters::{self, Parameter};
use super::schemas::property_names;
use super::survey::Found;
use crate::head::{self, fold_key};
use crate::operation::ApiContext;
use crate::route::{
    BodyPlace, HeaderName, ReferenceIn, ReferenceKind, ReferenceRule, ReferenceTable, tenant_word,
};
use serde_json::{Value, json};

/// The longest name of a row.
const NAME_BYTES_MAX: usize = 100;
/// What a person's id is called on the platform.
const USER: &str = "userid";

/// The table.
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    pub(super) rules: Vec<ReferenceRule>,
    pub(super) names: ReferenceTable,
}

/// One name that means a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// `path`, `query`, `header` or `body`.
    pub(super) place: &'static str,
    pub(super) name: String,
    pub(super) kind: ReferenceKind,
    /// Where it stands first.
    pub(super) first: String,
}

/// The table of all operations. What of them cannot be held to it is changed so that it asks for more.
pub(super) fn of(found: &mut [Found], findings: &mut Findings) -> Table {
    let users = users_are_plain(found);
    let mut rows: Vec<Row> = Vec::new();
    for one in found.iter() {
        for parameter in &one.parameters {
            let place = ["path", "query", "header"];
            let place = place.into_iter().find(|place| *place == parameter.place);
            if let Some(place) = place {
                add(&mut rows, (place, &parameter.name), one, users);
            }
        }
        // A parameter that nobody declared is a reference all the same.
        for name in parameters::names(&one.template) {
            add(&mut rows, ("path", name), one, users);
        }
        let body = one
            .says
            .get("requestBody")
            .and_then(|body| body.get("content")?.as_object());
        let inline = body.into_iter().flat_map(|types| types.values());
        let inline = inline.filter_map(|media| media.get("schema"));
        for name in property_names(inline.chain(one.schemas.by_name.values())) {
            add(&mut rows, ("body", name), one, false);
        }
    }
    rows.sort_by(|a, b| (order(a.place), &a.name).cmp(&(order(b.place), &b.name)));
    let rules: Vec<ReferenceRule> = rows.iter().filter_map(rule).collect();
    let table = Table {
        names: ReferenceTable::new(&rules),
        rows,
        rules,
    };
    for one in found.iter_mut() {
        table.unread(one, findings);
        table.platform(one, findings);
    }
    table
}

fn order(place: &str) -> usize {
    ["path", "query", "header", "body"]
        .iter()
        .position(|known| *known == place)
        .unwrap_or_default()
}

/// A path that names a user and is about something of that user's, under the kind `users`, would say that the
/// other thing is the user, and the gate refuses two.
fn users_are_plain(found: &[Found]) -> bool {
    found.iter().all(|one| {
        let last = parameters::names(&one.template).last();
        let of_users = one.action.split('/').next() == Some("users");
        !of_users || last.is_none_or(|last| fold_key(last) == USER)
    })
}

fn add(rows: &mut Vec<Row>, (place, name): (&'static str, &str), one: &Found, users: bool) {
    let Some(kind) = kind(name, users && matches!(place, "path" | "query")) else {
        return;
    };
    let fold = |name: &str| match place {
        "header" => head::fold(name).into_owned(),
        _ => fold_key(name),
    };
    let known = |row: &Row| row.place == place && fold(&row.name) == fold(name);
    let is_header = || place != "header" || HeaderName::from_bytes(name.as_bytes()).is_ok();
    if name.len() > NAME_BYTES_MAX || !is_header() || rows.iter().any(known) {
        return;
    }
    rows.push(Row {
        place,
        name: name.to_owned(),
        kind,
        first: one.at.shown(),
    });
}

/// `catalogWorkspaceId` means a catalog, whatever else stands in its name.
fn kind(name: &str, users: bool) -> Option<ReferenceKind> {
    let folded = fold_key(name);
    let word = tenant_word(name);
    match word {
        Some(_) if folded.contains("catalog") => Some(ReferenceKind::Catalog),
        Some("workspace") => Some(ReferenceKind::Workspace),
        Some(_) => Some(ReferenceKind::Account),
        None if users && folded == USER => Some(ReferenceKind::User),
        None => None,
    }
}

fn rule(row: &Row) -> Option<ReferenceRule> {
    let name = row.name.as_str();
    let place = match row.place {
        "path" => ReferenceIn::Path(name.into()),
        "query" => ReferenceIn::Query(name.into()),
        "header" => ReferenceIn::Header(HeaderName::from_bytes(name.as_bytes()).ok()?),
        _ => ReferenceIn::Body {
            place: BodyPlace::Anywhere(fold_key(name)),
            spelt: name.into(),
        },
    };
    Some(ReferenceRule {
        place,
        kind: row.kind,
    })
}

impl Table {
    /// What a parameter means.
    pub(super) fn of(&self, place: &str, name: &str) -> Option<ReferenceKind> {
        match place {
            "path" => self.names.of_path(name),
            "query" => self.names.of_query(name),
            "header" => self.names.of_header(name),
            _ => None,
        }
    }

    /// Where bodies may name a tenant, one that cannot be read is not let through unseen.
    fn unread(&self, one: &mut Found, findings: &mut Findings) {
        let content = one
            .says
            .get("requestBody")
            .and_then(|body| body.get("content")?.as_object());
        let types: Vec<String> = content
            .into_iter()
            .flat_map(|types| types.keys().cloned())
            .collect();
        let essence = |kind: &String| {
            kind.split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase()
        };
        let reads = self.rows.iter().any(|row| row.place == "body");
        let marked = one.says.contains_key("x-palisade-body-references");
        let json = types.iter().any(|kind| essence(kind) == "application/json");
        if content.is_none() || !reads || marked || json {
            return;
        }
        let message = format!(
            "a body of `{}`, in which references cannot be read; requests with a body are refused",
            types.join(", ")
        );
        let help = "offer `application/json`, or say `x-palisade-body-references: { unchecked: <why> }` at the \
                    operation: the service then holds such bodies to the tenant itself";
        findings.warn(
            &one.at.child("requestBody"),
            "openapi_body_unread",
            &message,
            help,
        );
        one.says.remove("requestBody");
    }

    /// A Portal operation that names no account acts on the platform, and needs a grant on every account.
    fn platform(&self, one: &mut Found, findings: &mut Findings) {
        const MARK: &str = "x-palisade-platform";
        let marked = one.says.contains_key(MARK) || one.shared.contains_key(MARK);
        if one.context != ApiContext::Portal || marked {
            return;
        }
        let names_account = one
            .parameters
            .iter()
            .any(|parameter| self.names_account(&parameter.place, &parameter.name))
            || parameters::names(&one.template).any(|name| self.names_account("path", name));
        if !names_account {
            let message = "it names no account, so it acts on the platform: who calls it needs a grant on every account";
            let help = "if it is about one account, name that in the path: `/accounts/{accountId}`";
            findings.warn(&one.at, "route_account", message, help);
            one.says.insert(MARK.to_owned(), json!(true));
        }
    }

    fn names_account(&self, place: &str, name: &str) -> bool {
        let kind = self.of(place, name);
        matches!(
            kind,
            Some(ReferenceKind::Account | ReferenceKind::Workspace)
        )
    }
}

impl Found {
    /// As the gate reads it, its path item around it.
    pub(super) fn item(&self) -> Value {
        let mut operation = self.says.clone();
        operation.insert("operationId".to_owned(), self.action.as_str().into());
        let original = self.id.as_ref().filter(|id| **id != self.action);
        if let Some(id) = original {
            operation.insert("x-operation-id".to_owned(), id.as_str().into());
        }
        operation.insert("x-source".to_owned(), self.at.shown().into());
        let told = |one: &&Parameter| one.place != "path" || !one.says.is_empty();
        let parameters = self.parameters.iter().filter(told);
        let parameters: Vec<Value> = parameters.map(Parameter::value).collect();
        if !parameters.is_empty() {
            operation.insert("parameters".to_owned(), parameters.into());
        }
        let mut item = self.shared.clone();
        item.insert(self.method.to_owned(), Value::Object(operation));
        Value::Object(item)
    }
}
