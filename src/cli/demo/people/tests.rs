//! Tests of the demo's `people`.

use super::*;

fn claims(person: Person, context: Context) -> Value {
    let moment = Moment {
        now: Timestamp::from_secs(1_000_000),
        token_id: "t".to_owned(),
        session_id: "s".to_owned(),
    };
    person.claims(context, &moment)
}

#[test]
fn every_token_is_an_access_token_of_the_issuer_with_an_end() {
    for person in Person::value_variants() {
        let claims = claims(*person, person.usual_context());
        assert_eq!(claims["iss"], ISSUER, "{person}");
        assert_eq!(claims["token_use"], "access", "{person}");
        assert_eq!(claims["iat"], 1_000_000, "{person}");
        assert_eq!(claims["exp"], 1_000_000 + TOKEN_SECS, "{person}");
        assert!(claims.get("aud").is_none(), "{person}");
    }
}

#[test]
fn members_carry_their_tenant_and_the_scopes_of_one_context() {
    let table = [
        (Person::Ana, "acme", "acme-prod", "viewer"),
        (Person::Edi, "acme", "acme-prod", "editor"),
        (Person::Adi, "acme", "acme-prod", "admin"),
        (Person::Bo, "globex", "globex-prod", "editor"),
    ];
    for (person, account, workspace, role) in table {
        let claims = claims(person, Context::Dashboard);
        assert_eq!(claims["accountId"], account);
        assert_eq!(claims["workspaceId"], workspace);
        assert_eq!(claims["role"], role);
        assert_eq!(claims["userId"], format!("u-{person}"));
        assert_eq!(claims["context"], "dashboard");
        assert_eq!(claims["scope"], "dashboard/read dashboard/write");
    }
}

#[test]
fn the_operator_has_no_tenant_and_a_second_factor() {
    let claims = claims(Person::Root, Person::Root.usual_context());
    for absent in ["accountId", "workspaceId", "userId", "role"] {
        assert!(claims.get(absent).is_none(), "{absent}");
    }
    assert_eq!(claims["context"], "portal");
    assert_eq!(claims["principalId"], "p-root");
    assert_eq!(claims["mfa"], true);
}

#[test]
fn the_machine_is_no_user() {
    let claims = claims(Person::HrSync, Context::App);
    for absent in [
        "username",
        "origin_jti",
        "userId",
        "principalId",
        "accountId",
        "workspaceId",
    ] {
        assert!(claims.get(absent).is_none(), "{absent}");
    }
    assert_eq!(claims["client_id"], "hr-sync");
    assert_eq!(
        claims["scope"],
        "app/read app/write dashboard/read dashboard/write"
    );
}

#[test]
fn the_files_of_the_demo_know_everyone() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo");
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let config = read("palisade.yaml");
    assert!(config.contains(ISSUER));
    assert!(config.contains(ROOT_SUB));
    for member in [ANA, EDI, ADI, BO] {
        let file = read(&format!("tenants/{}.yaml", member.account));
        assert!(file.contains(&format!("id: {}", member.workspace)));
        assert!(file.contains(&format!("[{}]", member.client)));
    }
}
