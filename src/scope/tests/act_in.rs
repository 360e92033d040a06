//! Principals that read inside a workspace (RULES 17).

use super::{
    APP, APP_CATALOG, APP_CREATE, DASHBOARD, Kind, NOW, PORTAL, answer, head, principal, target,
    user,
};
use crate::clock::Timestamp;
use crate::head::Head;
use crate::route::ReferenceKind::{self, Account as A, Catalog as C, Workspace as W};
use crate::scope::admit;
use crate::tenant::AccountId;
use crate::token::Caller;

/// Support of `accounts`, where Principals act in.
fn support(accounts: &[&str]) -> Caller {
    with(principal(false, accounts, None, NOW + 60), |principal| {
        principal.grant.act_in = true;
    })
}

fn with(caller: Caller, change: impl FnOnce(&mut crate::token::Principal)) -> Caller {
    let Caller::Principal(mut principal) = caller else {
        unreachable!("it is a Principal")
    };
    change(&mut principal);
    Caller::Principal(principal)
}

/// Into that workspace, for a reason.
fn into(workspace: &str) -> Head {
    Head {
        act_in: Some(workspace.to_owned()),
        reason: Some("case 7".into()),
        ..head()
    }
}

#[track_caller]
fn is(caller: &Caller, kind: &Kind, head: &Head, expected: &str) {
    named(caller, kind, &[], head, expected);
}

#[track_caller]
fn named(
    caller: &Caller,
    kind: &Kind,
    references: &[(ReferenceKind, &str)],
    head: &Head,
    expected: &str,
) {
    assert_eq!(answer(caller, &target(kind, references), head), expected);
}

#[test]
fn a_principal_reads_inside_the_workspace_that_it_names() {
    let sue = support(&["acme"]);
    is(&sue, &APP, &into("acme-prod"), "acme/acme-prod");
    is(&sue, &DASHBOARD, &into("acme-prod"), "acme/acme-prod");
    let all = with(principal(true, &[], None, NOW + 60), |principal| {
        principal.grant.act_in = true;
    });
    is(&all, &APP, &into("globex-prod"), "globex/globex-prod");
}

#[test]
fn its_grant_names_the_account_and_ends() {
    let sue = with(support(&["acme"]), |principal| {
        principal.grant.until = Some(Timestamp::from_secs(NOW + 30));
    });
    let (target, directory) = (target(&APP, &[]), super::directory());
    let scope = admit(&sue, &target, &directory, &into("acme-prod")).unwrap();
    let grant = scope.grant().unwrap();
    assert_eq!(grant.account.as_ref().map(AccountId::as_str), Some("acme"));
    assert_eq!(grant.until, Timestamp::from_secs(NOW + 30));
    assert!(!grant.all);
    let over = with(sue, |principal| {
        principal.grant.until = Some(Timestamp::from_secs(NOW));
    });
    is(&over, &APP, &into("acme-prod"), "grant_missing");
}

#[test]
fn without_a_grant_nobody_learns_which_workspaces_exist() {
    let sue = support(&["acme"]);
    for workspace in ["globex-prod", "catalog-01", "nowhere", "no id", ""] {
        is(&sue, &APP, &into(workspace), "grant_missing");
    }
}

#[test]
fn what_the_request_names_is_the_workspace_acted_in() {
    let sue = support(&["acme", "globex"]);
    let home = into("acme-prod");
    named(
        &sue,
        &APP,
        &[(A, "acme"), (W, "acme-prod")],
        &home,
        "acme/acme-prod",
    );
    named(&sue, &APP, &[(W, "globex-prod")], &home, "outside_tenant");
    named(&sue, &APP, &[(A, "globex")], &home, "outside_tenant");
    named(
        &sue,
        &APP_CATALOG,
        &[(C, "catalog-01")],
        &home,
        "acme/acme-prod reads catalog-01",
    );
    named(
        &sue,
        &APP_CATALOG,
        &[(C, "catalog-01")],
        &into("globex-prod"),
        "catalog_not_granted",
    );
}

#[test]
fn a_suspended_workspace_or_account_is_closed_to_it_too() {
    let sue = support(&["acme", "closed"]);
    is(&sue, &APP, &into("acme-dev"), "workspace_suspended");
    is(&sue, &APP, &into("closed-prod"), "account_suspended");
}

#[test]
fn it_takes_a_read_a_second_factor_and_a_reason() {
    let sue = support(&["acme"]);
    is(&sue, &APP, &head(), "act_in_refused");
    is(&sue, &APP_CREATE, &into("acme-prod"), "act_in_refused");
    let without = Head {
        reason: None,
        ..into("acme-prod")
    };
    is(&sue, &APP, &without, "act_in_refused");
    let weak = with(sue, |principal| principal.mfa = false);
    is(&weak, &APP, &into("acme-prod"), "act_in_refused");
}

#[test]
fn unless_the_configuration_says_so_principals_stay_in_the_portal() {
    let sue = principal(false, &["acme"], None, NOW + 60);
    is(&sue, &APP, &into("acme-prod"), "portal_needs_principal");
    is(
        &sue,
        &DASHBOARD,
        &into("acme-prod"),
        "portal_needs_principal",
    );
}

#[test]
fn nobody_else_names_a_workspace_to_act_in() {
    let ana = user("acme", "acme-prod");
    is(&ana, &APP, &into("acme-prod"), "act_in_refused");
    is(&ana, &APP, &into("globex-prod"), "act_in_refused");
    // In the Portal a reference says where.
    let sue = support(&["acme"]);
    named(
        &sue,
        &PORTAL,
        &[(A, "acme")],
        &into("acme-prod"),
        "act_in_refused",
    );
    named(&sue, &PORTAL, &[(A, "acme")], &head(), "acme/-");
}
