//! Roles that policies ask for and no mapping yields: no value of a role claim means them, and the directory gives
//! them to nobody.

use super::place::{self, Texts};
use crate::fault::Fault;
use crate::policy::{Bench, Store};
use crate::tenant::{Directory, Role, WorkspaceRole};
use crate::token::IssuerSettings;
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind};
use std::collections::BTreeSet;

/// A warning for each policy of the platform and each role that it asks for in vain.
pub(super) fn warnings(
    issuers: &[IssuerSettings],
    directory: &Directory,
    store: &Store,
) -> Vec<Fault> {
    let tables: Vec<Role> = issuers.iter().flat_map(yielded).collect();
    // Where no table says anything, roles come by groups, whose names no file here has.
    if tables.is_empty() {
        return Vec::new();
    }
    let highest = tables.into_iter().chain(given(directory)).max();
    // Whoever has a higher role has the lower ones.
    let in_vain = |(_, asked): &(String, Role)| Some(*asked) > highest;
    let mut texts = Texts::new();
    let mut faults = Vec::new();
    let bench = Bench::serving(store, &[]);
    for subject in bench.subjects().iter().filter(|subject| !subject.guard) {
        let asked = roles(&subject.policy.condition());
        let asked = asked.into_iter().filter(|all| all.iter().all(in_vain));
        let lowest: BTreeSet<(Role, String)> = asked
            .filter_map(|all| all.into_iter().map(|(written, role)| (role, written)).min())
            .collect();
        for (role, written) in &lowest {
            let message = format!(
                "no issuer maps anything to `{}` or a higher role, which `{written}` asks for: only a group of that name \
                gives it",
                role.label()
            );
            let at = (subject.file.as_str(), subject.line);
            let place = place::of_words(at, written, &mut texts);
            let fault = Fault::warning("policy_role", place, message);
            faults.push(
                fault.help("map a value to it in `roles` of an issuer, or ask for another role"),
            );
        }
    }
    faults
}

/// The roles that values of the issuer's role claim mean.
fn yielded(issuer: &IssuerSettings) -> impl Iterator<Item = Role> {
    issuer.roles.iter().map(|(_, role)| *role)
}

/// The roles that the directory gives.
fn given(directory: &Directory) -> impl Iterator<Item = Role> {
    let workspaces = directory.accounts().flat_map(|one| &one.workspaces);
    workspaces.flat_map(|workspace| {
        let machines = workspace.machine_clients.iter();
        let machines = machines.filter_map(|client| client.role.map(Role::Workspace));
        let users = workspace.users.iter().flat_map(|users| users.values());
        machines.chain(users.flat_map(|user| user.roles.iter().copied()))
    })
}

/// What is asked in with `in`, where it is roles alone: each as written, and what it is. Where one of several is
/// something else, somebody may be in that.
fn roles(expression: &Expr) -> Vec<Vec<(String, Role)>> {
    let asked = expression.subexpressions().filter_map(|part| {
        let ExprKind::BinaryApp {
            op: BinaryOp::In,
            arg2,
            ..
        } = part.expr_kind()
        else {
            return None;
        };
        match arg2.expr_kind() {
            ExprKind::Set(all) => all.iter().map(role).collect::<Option<Vec<_>>>(),
            _ => Some(vec![role(arg2)?]),
        }
    });
    asked.filter(|all| !all.is_empty()).collect()
}

/// `resource.role.editor`
fn role(expression: &Expr) -> Option<(String, Role)> {
    let ExprKind::GetAttr { expr, attr } = expression.expr_kind() else {
        return None;
    };
    let ExprKind::GetAttr {
        expr: of,
        attr: kind,
    } = expr.expr_kind()
    else {
        return None;
    };
    let ExprKind::Var(var) = of.expr_kind() else {
        return None;
    };
    let role = match kind.as_str() {
        "role" => Role::Workspace(WorkspaceRole::parse(attr)?),
        "accountRole" => Role::parse(&format!("account-{attr}"))?,
        _ => return None,
    };
    Some((format!("{var}.{kind}.{attr}"), role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_found_wherever_they_are_asked_for() {
        let text = "principal in [resource.role.viewer, context.accountRole.owner] || \
            (resource.kind == \"role\" && !(principal in context.role.admin)) || principal in \
            [resource.role.editor, Tenancy::Group::\"acme/x\"] || principal in resource.workspace";
        let found = roles(&text.parse().unwrap());
        let mut found: Vec<Vec<&str>> = found
            .iter()
            .map(|all| all.iter().map(|(written, _)| written.as_str()).collect())
            .collect();
        found.sort_unstable();
        assert_eq!(
            found,
            [
                vec!["context.role.admin"],
                vec!["resource.role.viewer", "context.accountRole.owner"],
            ]
        );
    }
}
