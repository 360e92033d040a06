//! What role claims and groups open, and what they do not (RULES 7).

use crate::support::client::Reply;
use crate::support::gate::TestGate;
use crate::support::issuer::Token;
use palisade::reason::Reason;
use serde_json::json;

const READ: &str = "/app/v1/missions";
const BOARD: &str = "/dashboard/v1/missions";

/// Keeps an operation of acme's to one of the account's roles.
const RANKS: &str = r#"
@id("members") forbid (principal, action == Tenancy::Action::"dashboard/missions/list", resource) unless { principal in resource.accountRole.member };
@id("admins") forbid (principal, action == Tenancy::Action::"dashboard/missions/create", resource) unless { principal in resource.accountRole.admin };
@id("owners") forbid (principal, action == Tenancy::Action::"dashboard/missions/publish", resource) unless { principal in resource.accountRole.owner };
"#;

/// Somebody whose groups alone give a role.
fn grouped(gate: &TestGate, groups: &[&str]) -> Token {
    let token = gate.issuer.user("uma").without("role");
    token.claim("cognito:groups", json!(groups))
}

#[track_caller]
fn read(gate: &TestGate, token: &Token) -> Reply {
    gate.get(READ).bearer(&token.sign()).send()
}

/// Which of listing, creating and publishing missions in the Dashboard is allowed.
#[track_caller]
fn may(gate: &TestGate, token: &Token) -> [bool; 3] {
    let token = token.clone().context("dashboard").sign();
    let publish = format!("{BOARD}/m-1/publish");
    let asked = [
        gate.get(BOARD),
        gate.post(BOARD, "{}"),
        gate.post(&publish, "{}"),
    ];
    asked.map(|request| {
        let reply = request.bearer(&token).send();
        if reply.status != 200 {
            reply.refused(Reason::PolicyDenied);
        }
        reply.status == 200
    })
}

#[test]
fn a_role_claim_means_what_the_issuers_table_says_to_the_letter() {
    let table = json!({"Boss": "account-owner", "reader": "viewer"});
    let gate = TestGate::builder().set("/issuers/0/roles", table).start();
    let uma = |role: &str| gate.issuer.user("uma").role(role);
    assert_eq!(may(&gate, &uma("Boss")), [true, true, true]);
    assert_eq!(may(&gate, &uma("reader")), [true, false, false]);
    let seen = gate.upstream.requests();
    let told: Vec<_> = seen
        .iter()
        .map(|one| one.header("x-palisade-role"))
        .collect();
    assert_eq!(
        told,
        [Some("owner"), Some("owner"), Some("owner"), Some("viewer")]
    );
    // The preset's names mean nothing beside a table of one's own.
    for unmapped in [
        "boss",
        "BOSS",
        "Boss ",
        "viewer",
        "admin",
        "account-owner",
        "",
    ] {
        assert_eq!(may(&gate, &uma(unmapped)), [false; 3], "{unmapped:?}");
    }
    let list = uma("reader").claim("role", json!(["reader"]));
    read(&gate, &list).refused(Reason::ClaimMissing);
}

#[test]
fn workspace_and_account_roles_each_imply_the_lower_and_not_one_another() {
    let gate = TestGate::start();
    for (group, expected) in [
        ("acme/acme-prod#viewer", [true, false, false]),
        ("acme/acme-prod#editor", [true, true, false]),
        ("acme/acme-prod#admin", [true, true, true]),
        ("acme#member", [false, false, false]),
        ("acme#admin", [true, true, true]),
        ("acme#owner", [true, true, true]),
    ] {
        assert_eq!(may(&gate, &grouped(&gate, &[group])), expected, "{group}");
    }
    let gate = TestGate::builder().overlay("acme", RANKS).start();
    for (group, expected) in [
        ("acme/acme-prod#viewer", [true, false, false]),
        // The highest role of a workspace is no role of its account but member.
        ("acme/acme-prod#admin", [true, false, false]),
        ("acme#admin", [true, true, false]),
        ("acme#owner", [true, true, true]),
    ] {
        assert_eq!(may(&gate, &grouped(&gate, &[group])), expected, "{group}");
    }
    // Not even a token that calls itself the owner: the preset maps it to the workspace.
    let owner = gate.issuer.user("uma").role("Owner");
    assert_eq!(may(&gate, &owner), [true, false, false]);
}

#[test]
fn a_group_that_grants_names_the_very_account_and_workspace_of_the_token() {
    let gate = TestGate::start();
    for group in [
        "acme/acme-two#admin",
        "globex/acme-prod#admin",
        "globex/globex-prod#admin",
        "globex#owner",
        "ACME/acme-prod#admin",
        "acme/ACME-PROD#admin",
        "acme/acme-prod#Admin",
        "acme/acme-prod#admin#x",
        "acme/acme-prod/#admin",
        "/acme-prod#admin",
        "acme-prod#admin",
        "acme-prod:admin",
        "acme/acme-prod",
        "admin",
        "#admin",
    ] {
        read(&gate, &grouped(&gate, &[group])).refused(Reason::PolicyDenied);
    }
    gate.upstream.saw_nothing();
    let many = [
        "globex#owner",
        "acme/acme-two#admin",
        "acme/acme-prod#viewer",
    ];
    read(&gate, &grouped(&gate, &many)).allowed(200);
    assert_eq!(may(&gate, &grouped(&gate, &many)), [true, false, false]);
}

#[test]
fn bare_groups_grant_only_where_the_issuer_speaks_for_one_account() {
    let bare = ["acme-prod:editor", "editor"];
    let other = ["acme-two:admin", "globex-prod:admin", "Editor"];
    let one = |accounts: serde_json::Value| {
        TestGate::builder()
            .set("/issuers/0/accounts", accounts)
            .start()
    };
    for accounts in [json!("directory"), json!(["acme", "globex"])] {
        let gate = one(accounts);
        for group in bare.iter().chain(&other) {
            read(&gate, &grouped(&gate, &[group])).refused(Reason::PolicyDenied);
        }
    }
    let gate = one(json!(["acme"]));
    for group in bare {
        let told = may(&gate, &grouped(&gate, &[group]));
        assert_eq!(told, [true, true, false], "{group}");
    }
    for group in other {
        read(&gate, &grouped(&gate, &[group])).refused(Reason::PolicyDenied);
    }
}

#[test]
fn an_account_names_its_own_groups_in_its_own_policies() {
    let policies = "@id(\"contractors\")\nforbid (principal in Tenancy::Group::\"acme/contractors\", action, resource);\n";
    let gate = TestGate::builder().overlay("acme", policies).start();
    let ana = |groups: &[&str]| {
        let token = gate.issuer.user("ana");
        token.claim("cognito:groups", json!(groups))
    };
    read(&gate, &ana(&[])).allowed(200);
    read(&gate, &ana(&["acme/contractors"])).refused(Reason::PolicyDenied);
    let both = ["acme/nurses", "acme/contractors"];
    read(&gate, &ana(&both)).refused(Reason::PolicyDenied);
    for elsewhere in ["globex/contractors", "contractors", "acme/Contractors"] {
        read(&gate, &ana(&[elsewhere])).allowed(200);
    }
    let globex = ana(&["acme/contractors"]).account("globex");
    read(&gate, &globex.workspace("globex-prod")).allowed(200);
}

#[test]
fn a_bare_group_is_the_accounts_where_the_issuer_speaks_for_no_other() {
    let policies = "@id(\"contractors\")\nforbid (principal in Tenancy::Group::\"acme/contractors\", action, resource);\n";
    let gate = TestGate::builder()
        .set("/issuers/0/accounts", json!(["acme"]))
        .overlay("acme", policies)
        .start();
    let ana = gate.issuer.user("ana");
    read(&gate, &ana).allowed(200);
    let bare = ana.claim("cognito:groups", json!(["contractors"]));
    read(&gate, &bare).refused(Reason::PolicyDenied);
}

#[test]
fn a_principal_has_no_groups_and_no_roles_from_its_token() {
    let open = "@id(\"open\")\npermit (principal in Tenancy::Group::\"acme/contractors\", action, resource);\n\
        @id(\"owners\")\npermit (principal in Tenancy::Role::\"acme#owner\", action, resource);\n";
    let auditor = json!({"roles": ["auditor"], "accounts": ["acme"]});
    let gate = TestGate::builder()
        .set("/principals", json!({"act_in": true}))
        .set("/issuers/0/principals/sub-aud", auditor)
        .overlay("acme", open)
        .start();
    let groups = json!(["acme/contractors", "acme#owner", "operator", "support"]);
    let with_groups = |token: Token| token.claim("cognito:groups", groups.clone());
    let aud = with_groups(gate.issuer.principal("aud").role("operator")).sign();
    let inside = gate
        .get(READ)
        .bearer(&aud)
        .header("x-palisade-act-in", "acme-prod")
        .header("x-palisade-reason", "case 7");
    inside.send().refused(Reason::PolicyDenied);
    let portal = gate.get("/portal/v1/accounts/acme").bearer(&aud);
    portal.send().refused(Reason::PolicyDenied);
    gate.upstream.saw_nothing();
    // The same groups of somebody of the account open what the account says.
    let ana = with_groups(gate.issuer.user("ana").without("role"));
    read(&gate, &ana).allowed(200);
}
