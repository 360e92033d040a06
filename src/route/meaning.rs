//! What a declared route means: its action, access, kind, resource and account.

use super::template::{Segment, Template};
use super::{
    AccountOf, BodyRule, ReferenceKind, ReferenceTable, Route, RouteSet, Timeouts, ValuePattern,
};
use crate::fault::{Fault, Place};
use crate::head;
use crate::operation::{Access, ApiContext, CATALOG_USE, Operation, ResourceType};
use http::Method;
use std::sync::Arc;

/// The longest operation id, in bytes.
const OPERATION_BYTES_MAX: usize = 128;

/// A route as declared, by hand or in an OpenAPI file.
pub(super) struct Declared<'a> {
    pub(super) method: Method,
    /// With the base path.
    pub(super) template: String,
    /// `missions/list`; `.` is read as `/`.
    pub(super) action: &'a str,
    /// What overrides the access that the method gives.
    pub(super) access: Option<Access>,
    pub(super) platform: bool,
    /// May become a WebSocket, and where that stands.
    pub(super) websocket: Option<Place>,
    /// Its own; the set's hold where it says nothing.
    pub(super) timeouts: Timeouts,
    /// Path parameters with a pattern of their own, and where each is given.
    pub(super) patterns: Vec<(String, ValuePattern, Place)>,
    /// What may follow the head.
    pub(super) body: BodyRule,
    /// Declared outside of the path: what the parameters of query and headers mean.
    pub(super) parameters: Vec<ReferenceKind>,
    /// Where the path stands.
    pub(super) path_place: Place,
    /// Where the action stands.
    pub(super) action_place: Place,
    /// File and line, for messages.
    pub(super) line: String,
}

impl Declared<'_> {
    /// The route, or everything that is wrong with it.
    pub(super) fn route(
        self,
        set: &Arc<RouteSet>,
        references: &ReferenceTable,
    ) -> Result<Route, Vec<Fault>> {
        let mut faults = Vec::new();
        let action = action(self.action, &self.action_place)
            .map_err(|fault| faults.push(*fault))
            .ok();
        faults.extend(self.unfit_method());
        let template = Template::parse(&self.template)
            .map_err(|error| {
                let message = format!("template `{}`: {error}", self.template);
                faults.push(Fault::error(
                    "route_template",
                    self.path_place.clone(),
                    message,
                ));
            })
            .ok();
        for name in template.iter().flat_map(Template::parameters) {
            if references.of_path(name).is_none() {
                faults.extend(unlisted("path", name, &self.path_place));
            }
        }
        for (name, _, place) in &self.patterns {
            faults.extend(misplaced(name, place, template.as_ref(), references));
        }
        let (Some(action), Some(template)) = (action, template) else {
            return Err(faults);
        };
        let kinds = self.kinds(&template, references);
        let account_of = match self.account_of(set, &kinds) {
            Ok(account_of) => account_of,
            Err(fault) => {
                faults.push(*fault);
                AccountOf::Caller
            }
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        let kind = action.split('/').next().unwrap_or_default();
        let access = self
            .access
            .unwrap_or_else(|| default_access(&self.method, &template));
        Ok(Route {
            kind: kind.into(),
            operation: Arc::new(Operation {
                name: format!("{}/{action}", set.api_context.label()).into(),
                api_context: set.api_context,
                access,
                catalog: access == Access::Read && kinds.contains(&ReferenceKind::Catalog),
                resource: resource(&account_of, &kinds),
            }),
            id_parameter: id_parameter(&template, references),
            method: self.method,
            template: self.template.into(),
            account_of,
            body: self.body,
            websocket: self.websocket.is_some(),
            timeouts: self.timeouts.or(set.timeouts),
            patterns: self
                .patterns
                .into_iter()
                .map(|(name, pattern, _)| (name.into(), pattern))
                .collect(),
            set: Arc::clone(set),
            declared_at: self.line.into(),
        })
    }

    /// A method that no route has, or none that opens a WebSocket.
    fn unfit_method(&self) -> Option<Fault> {
        let method = &self.method;
        if *method == Method::TRACE || *method == Method::CONNECT {
            let message = format!("method `{method}` is always refused");
            let place = self.action_place.clone();
            return Some(Fault::error("route_method", place, message));
        }
        let marked = self.websocket.as_ref();
        let place = marked.filter(|_| *method != Method::GET)?;
        let message = format!("a WebSocket is opened by GET, never by {method}");
        let fault = Fault::error("route_websocket", place.clone(), message);
        Some(fault.help("remove the mark"))
    }

    fn kinds(&self, template: &Template, references: &ReferenceTable) -> Vec<ReferenceKind> {
        let path = template
            .parameters()
            .filter_map(|name| references.of_path(name));
        path.chain(self.parameters.iter().copied()).collect()
    }

    /// RULES 16: a Portal route names its account, or says that it has none.
    fn account_of(&self, set: &RouteSet, kinds: &[ReferenceKind]) -> Result<AccountOf, Box<Fault>> {
        let fault = |message: &str, help: &str| {
            let place = self.path_place.clone();
            Box::new(Fault::error("route_account", place, message).help(help))
        };
        let names_account = |kind: &ReferenceKind| {
            matches!(kind, ReferenceKind::Account | ReferenceKind::Workspace)
        };
        match (set.api_context, self.platform) {
            (ApiContext::App | ApiContext::Dashboard, false) => Ok(AccountOf::Caller),
            (ApiContext::App | ApiContext::Dashboard, true) => Err(fault(
                "`platform` on a route that is not of the portal",
                "remove it: app and dashboard act inside the caller's workspace",
            )),
            (ApiContext::Portal, true) if kinds.iter().any(names_account) => Err(fault(
                "a platform route that names an account or a workspace",
                "remove `platform: true`: the account that the request names holds",
            )),
            (ApiContext::Portal, true) => Ok(AccountOf::Platform),
            // Without a decision there is no account to decide in.
            (ApiContext::Portal, false) if set.public => Ok(AccountOf::Platform),
            (ApiContext::Portal, false) if kinds.iter().any(names_account) => {
                Ok(AccountOf::References)
            }
            (ApiContext::Portal, false) => Err(fault(
                "a portal route that names no account",
                "name it in the path by a parameter that `references:` lists as account or \
                 workspace, or say `platform: true` (`x-palisade-platform: true` in OpenAPI)",
            )),
        }
    }
}

/// A pattern for no parameter of the path, or for one that names a tenant: those are ids.
fn misplaced(
    name: &str,
    place: &Place,
    template: Option<&Template>,
    references: &ReferenceTable,
) -> Option<Fault> {
    let known = template.is_none_or(|one| one.parameters().any(|known| **known == *name));
    let message = if !known {
        format!("the path has no parameter `{name}`")
    } else if references.of_path(name).is_some() {
        format!("`{name}` names a tenant or a user, and these are ids")
    } else {
        return None;
    };
    Some(Fault::error("route_pattern", place.clone(), message).help("remove the pattern"))
}

/// A parameter that looks like a tenant's name and is in no row of the table (RULES 12).
pub(super) fn unlisted(place: &str, name: &str, at: &Place) -> Option<Fault> {
    let is = tenant_word(name)?;
    let message =
        format!("{place} parameter `{name}` looks like a tenant and is not in `references`");
    let help = if place == "cookie" {
        "name it otherwise: references are not read from cookies".to_owned()
    } else {
        format!("add `- {{ in: {place}, name: {name}, is: {is} }}` to `references`, or rename it")
    };
    Some(Fault::error("route_reference", at.clone(), message).help(help))
}

/// What a name that looks like a tenant's probably means, as `references` says it.
pub fn tenant_word(name: &str) -> Option<&'static str> {
    let folded = head::fold_key(name);
    let words = [
        ("account", "account"),
        ("workspace", "workspace"),
        ("tenant", "account"),
        ("catalog", "catalog"),
    ];
    let found = words.into_iter().find(|(word, _)| folded.contains(word));
    found.map(|(_, is)| is)
}

/// The action that an operation id means, without its context: a kind, and at least one further part.
/// `None`: it means none.
pub fn operation_id(text: &str) -> Option<String> {
    let action = text.replace('.', "/");
    let part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    let whole = action.contains('/') && action.split('/').all(part);
    let free = whole && action != CATALOG_USE && action.len() <= OPERATION_BYTES_MAX;
    free.then_some(action)
}

fn action(text: &str, place: &Place) -> Result<String, Box<Fault>> {
    if let Some(action) = operation_id(text) {
        return Ok(action);
    }
    let action = text.replace('.', "/");
    if action == CATALOG_USE {
        let message =
            format!("`{CATALOG_USE}` is what a write does that names a catalog in its body");
        let fault = Fault::error("route_operation_id", place.clone(), message);
        return Err(Box::new(fault.help("give the operation another name")));
    }
    let shown: String = text.chars().take(OPERATION_BYTES_MAX).collect();
    let fault = Fault::error(
        "route_operation_id",
        place.clone(),
        format!("`{shown}` is not an operation: a kind and a verb, as in `missions/list`"),
    );
    Err(Box::new(
        fault.help(match suggestion(text) {
            Some(better) => format!("write `{better}`"),
            None => {
                "join kind and verb by `/` or `.`; use letters, digits, `_` and `-`, 128 in all"
                    .to_owned()
            }
        }),
    ))
}

/// `listMissions` as `missions/list`.
fn suggestion(text: &str) -> Option<String> {
    let at = text.find(|c: char| c.is_ascii_uppercase())?;
    let (verb, noun) = text.split_at_checked(at)?;
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if !plain(verb) || !plain(noun) {
        return None;
    }
    let (first, rest) = noun.split_at_checked(1)?;
    Some(format!("{}{rest}/{verb}", first.to_ascii_lowercase()))
}

/// What the method does where nobody says it. What is not known to be less is `manage` (RULES 19).
fn default_access(method: &Method, template: &Template) -> Access {
    match *method {
        Method::GET | Method::HEAD => Access::Read,
        Method::PUT | Method::PATCH => Access::Update,
        Method::DELETE => Access::Delete,
        Method::POST if is_collection(template) => Access::Create,
        _ => Access::Manage,
    }
}

/// It ends with a name that stands behind no parameter: `/missions`, not `/missions/{id}/publish`.
fn is_collection(template: &Template) -> bool {
    let mut last = template.segments.iter().rev();
    matches!(last.next(), Some(Segment::Literal(_)))
        && !matches!(last.next(), Some(Segment::Parameter(_)))
}

fn resource(account_of: &AccountOf, kinds: &[ReferenceKind]) -> ResourceType {
    match account_of {
        AccountOf::Platform => ResourceType::PlatformResource,
        AccountOf::References if !kinds.contains(&ReferenceKind::Workspace) => {
            ResourceType::AccountResource
        }
        AccountOf::Caller | AccountOf::References => ResourceType::Resource,
    }
}

/// The last parameter that is not itself a tenant; where all are, the last.
fn id_parameter(template: &Template, references: &ReferenceTable) -> Option<Arc<str>> {
    let is_tenant = |name: &Arc<str>| {
        references
            .of_path(name)
            .is_some_and(|kind| kind != ReferenceKind::User)
    };
    let own = template.parameters().rev().find(|name| !is_tenant(name));
    own.or_else(|| template.parameters().next_back())
        .map(Arc::clone)
}
