//! What can be written, and what cannot.

use super::*;

#[test]
fn what_is_written_reads_as_it_is_shown() {
    for text in [
        "role=editor",
        "group=acme/night shift",
        "scope=app/write",
        "claims.custom:plan=\"x=y\"",
        "claims./realm/roles=[1]",
        "header.x-workspace-id=acme-prod",
        "principal.mfa=true",
        "principal.email=",
        "context.reason=case 7",
        "context.now=2026-12-31T12:00:00Z",
        "context.ip=::1",
        "context.tenant.plan=premium",
        "context.tenant.kind=edu",
        "context.tenant.features=a,b",
    ] {
        assert_eq!(Change::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn what_cannot_be_supposed_says_what_can() {
    let why = |text: &str| Change::parse(text).unwrap_err().to_string();
    assert!(why("role").contains("`role` is not KEY=VALUE"));
    assert!(why("rolle=editor").contains("did you mean `role`?"));
    assert!(why("context.tenant.feature=x").contains("did you mean `context.tenant.features`?"));
    // A tenant is nothing that one supposes.
    for key in [
        "principal.account",
        "resource.owner",
        "context.workspace",
        "claims.",
        "",
    ] {
        assert!(
            why(&format!("{key}=x")).contains("cannot be supposed"),
            "{key}"
        );
    }
    let long = format!("claims.x={}", "x".repeat(5_000));
    assert!(why(&long).contains("longer than 4096 bytes"));
}

#[test]
fn a_role_excludes_another_and_a_group_does_not() {
    let change = |text: &str| Change::parse(text).unwrap();
    assert!(change("role=a").excludes(&change("role=b")));
    assert!(!change("group=a").excludes(&change("group=b")));
    assert!(!change("claims.a=1").excludes(&change("claims.b=1")));
    assert!(change("claims.a=1").excludes(&change("claims.a=2")));
}
