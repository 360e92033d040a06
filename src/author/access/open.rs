//! What a question leaves open: the parts of conditions that read what nobody has said.
//!
//! A sample stands in for whole families of requests. Where a condition looks at what differs inside of
//! such a family, its answer to the sample is no answer for the family.

use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Literal, Var};
use std::collections::BTreeSet;

/// Something that a part of a condition reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Read {
    /// An attribute, from the variable on: `resource.id`.
    Attribute(String),
    /// Whether an attribute is there.
    Presence(String),
    /// A tag: `resource.getTag("missionId")`.
    Tag(Var, String),
    /// Which entity it is.
    Identity(Var),
    /// Membership in a group, by its id.
    Group(String),
}

/// What is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a part of the question, open or not, whatever the others are"
)]
pub(super) struct Open {
    /// Who exactly the caller is, with its groups, its mail address and its other claims.
    pub(super) person: bool,
    /// What its token says beside who it is: a second factor, a mail address, tags. Of a token that was made up
    /// nothing of that is known, whoever the caller is.
    pub(super) token: bool,
    /// Which resource it is: id, path and parameters.
    pub(super) resource: bool,
    /// Whose the resource is.
    pub(super) owner: bool,
    /// Why a Principal says it does it.
    pub(super) stated: bool,
    /// When it is asked.
    pub(super) moment: bool,
}

/// What every connection has of its own.
const OF_CONNECTIONS: [&str; 3] = ["context.ip", "context.certificate", "context.http.host"];
/// What tokens may say of a caller.
const OF_TOKENS: [&str; 2] = ["principal.email", "principal.principalId"];
/// What every question has, so that asking for it says nothing.
const ALWAYS_THERE: [&str; 8] = [
    "context.now",
    "context.ip",
    "context.http",
    "context.http.host",
    "context.http.path",
    "context.http.method",
    "principal.mfa",
    "principal.bearer",
];

impl Open {
    /// How the policy writes what is open of it; `None`: nothing is.
    pub(super) fn name(self, read: &Read) -> Option<String> {
        let open = match read {
            Read::Attribute(path) => self.covers(path),
            Read::Presence(path) => !ALWAYS_THERE.contains(&path.as_str()) && self.covers(path),
            Read::Tag(Var::Resource, _) | Read::Identity(Var::Resource) => self.resource,
            Read::Tag(..) => self.person || self.token,
            Read::Identity(Var::Principal) | Read::Group(_) => self.person,
            Read::Identity(Var::Context) => true,
            Read::Identity(Var::Action) => false,
        };
        open.then(|| match read {
            Read::Attribute(path) | Read::Presence(path) => path.clone(),
            Read::Tag(var, key) => format!("{var}.getTag({key})"),
            Read::Identity(var) => var.to_string(),
            Read::Group(id) => format!("principal in Group::\"{id}\""),
        })
    }

    fn covers(self, path: &str) -> bool {
        let lists: [(bool, &[&str]); 7] = [
            (true, &OF_CONNECTIONS),
            (self.person, &OF_TOKENS),
            (self.token, &OF_TOKENS),
            (self.token, &["principal.mfa"]),
            (self.resource, &["resource.id", "context.http.path"]),
            (self.owner, &["resource.owner"]),
            (self.stated, &["context.reason"]),
        ];
        let moment: &[&str] = &["context.now"];
        let lists = lists.into_iter().chain([(self.moment, moment)]);
        // A record is as open as what is in it.
        let one = |open: &str| is_below(path, open) || is_below(open, path);
        lists
            .filter(|(open, _)| *open)
            .any(|(_, paths)| paths.iter().any(|open| one(open)))
    }
}

/// Whether the attribute is `above` or stands in it.
fn is_below(path: &str, above: &str) -> bool {
    let rest = path.strip_prefix(above);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Everything that an expression reads.
pub(super) fn reads(expression: &Expr) -> BTreeSet<Read> {
    let mut found = BTreeSet::new();
    collect(expression, &mut found);
    // `now` against the end of a grant: the configuration says when that is, and so does the answer.
    let [now, until] = ["context.now", "context.grant.until"];
    let both = [now, until].map(|path| Read::Attribute(path.to_owned()));
    if found == BTreeSet::from(both) {
        found.remove(&Read::Attribute(now.to_owned()));
    }
    found
}

fn collect(expression: &Expr, found: &mut BTreeSet<Read>) {
    if let Some(path) = path(expression) {
        found.insert(match expression.expr_kind() {
            ExprKind::Var(var) => Read::Identity(*var),
            _ => Read::Attribute(path),
        });
        return;
    }
    match expression.expr_kind() {
        ExprKind::HasAttr { expr, attr } => present(expr, attr, found),
        ExprKind::ExtHasAttr { expr, attrs } => {
            let names: Vec<&str> = attrs.iter().map(AsRef::as_ref).collect();
            present(expr, &names.join("."), found);
        }
        ExprKind::BinaryApp {
            op: BinaryOp::GetTag | BinaryOp::HasTag,
            arg1,
            arg2,
        } => {
            match arg1.expr_kind() {
                ExprKind::Var(var) => {
                    found.insert(Read::Tag(*var, arg2.to_string()));
                }
                _ => collect(arg1, found),
            }
            collect(arg2, found);
        }
        ExprKind::BinaryApp {
            op: BinaryOp::In,
            arg1,
            arg2,
        } => within(arg1, arg2, found),
        // The type is settled with the question.
        ExprKind::Is { expr, .. } if path(expr).is_some() => {}
        _ => {
            for part in parts(expression) {
                collect(part, found);
            }
        }
    }
}

/// `context.grant.until`; `None`: it is no attribute of a variable, and no variable.
fn path(expression: &Expr) -> Option<String> {
    match expression.expr_kind() {
        ExprKind::Var(var) => Some(var.to_string()),
        ExprKind::GetAttr { expr, attr } => Some(format!("{}.{attr}", path(expr)?)),
        _ => None,
    }
}

fn present(expression: &Expr, name: &str, found: &mut BTreeSet<Read>) {
    match path(expression) {
        Some(path) => {
            found.insert(Read::Presence(format!("{path}.{name}")));
        }
        None => collect(expression, found),
    }
}

/// `in`: roles and places of a caller or a resource are settled, groups may be more, and what names a
/// single one asks which one it is.
fn within(one: &Expr, above: &Expr, found: &mut BTreeSet<Read>) {
    let ExprKind::Var(var @ (Var::Principal | Var::Resource)) = one.expr_kind() else {
        collect(one, found);
        collect(above, found);
        return;
    };
    for part in above.subexpressions() {
        let ExprKind::Lit(Literal::EntityUID(uid)) = part.expr_kind() else {
            continue;
        };
        let (kind, id) = (uid.entity_type().to_string(), uid.eid().escaped());
        match kind.rsplit("::").next().unwrap_or_default() {
            "Group" => found.insert(Read::Group(id.to_string())),
            "Role" | "PlatformRole" | "Workspace" | "Account" => false,
            _ => found.insert(Read::Identity(*var)),
        };
    }
    if let Some(path) = path(above) {
        found.insert(Read::Attribute(path));
    }
    for part in parts(above) {
        collect(part, found);
    }
}

/// What an expression is made of, one step down.
fn parts(expression: &Expr) -> Vec<&Expr> {
    match expression.expr_kind() {
        ExprKind::If {
            test_expr,
            then_expr,
            else_expr,
        } => vec![test_expr, then_expr, else_expr],
        ExprKind::And { left, right } | ExprKind::Or { left, right } => vec![left, right],
        ExprKind::UnaryApp { arg, .. } => vec![arg],
        ExprKind::BinaryApp { arg1, arg2, .. } => vec![arg1, arg2],
        ExprKind::ExtensionFunctionApp { args, .. } => args.iter().collect(),
        ExprKind::GetAttr { expr, .. }
        | ExprKind::HasAttr { expr, .. }
        | ExprKind::ExtHasAttr { expr, .. }
        | ExprKind::Like { expr, .. }
        | ExprKind::Is { expr, .. } => vec![expr],
        ExprKind::Set(elements) => elements.iter().collect(),
        ExprKind::Record(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
