//! What role claims and groups give, and what stays away when nobody says it (RULES 6, 7).

use super::{as_is, bind, user};
use crate::tenant::{Role, WorkspaceRole};
use crate::token::tests::support::{account_id, ana, directory, with};
use crate::token::{Binding, IssuerSettings};
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn roles_by(
    change: impl FnOnce(&mut IssuerSettings),
    role: Value,
    groups: Value,
) -> (BTreeSet<Role>, Vec<String>) {
    let claims = with(ana(), &json!({"role": role, "cognito:groups": groups}));
    let user = user(bind(change, &directory(), &claims).await);
    let roles: BTreeSet<Role> = user.roles.iter().copied().collect();
    assert_eq!(roles.len(), user.roles.len(), "a role stands twice");
    (roles, user.groups.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn the_role_claim_means_what_the_table_says_and_nothing_else() {
    use Role::{AccountMember, AccountOwner, Workspace};
    use WorkspaceRole::{Admin, Editor, Viewer};
    for (name, role) in [
        ("viewer", Viewer),
        ("Viewer", Viewer),
        ("Member", Viewer),
        ("editor", Editor),
        ("Manager", Editor),
        ("admin", Admin),
        ("Admin", Admin),
        ("Owner", Admin),
    ] {
        assert_eq!(
            roles_by(|_| {}, json!(name), json!([])).await.0,
            BTreeSet::from([Workspace(role), AccountMember]),
            "{name}"
        );
    }
    for name in ["ADMIN", "owner", "administrator", "admin ", ""] {
        assert_eq!(
            roles_by(|_| {}, json!(name), json!([])).await.0,
            BTreeSet::new(),
            "{name}"
        );
    }
    let table =
        |issuer: &mut IssuerSettings| issuer.roles = vec![("boss".to_owned(), AccountOwner)];
    assert_eq!(
        roles_by(table, json!("boss"), json!([])).await.0,
        BTreeSet::from([AccountMember, AccountOwner])
    );
}

#[tokio::test]
async fn a_group_counts_only_where_its_text_names_the_place() {
    use Role::{AccountAdmin, AccountMember, Workspace};
    use WorkspaceRole::Editor;
    let groups = [
        (
            "acme/acme-prod#editor",
            vec![Workspace(Editor), AccountMember],
            vec![],
        ),
        ("acme/acme-dev#admin", vec![], vec![]),
        ("globex/acme-prod#admin", vec![], vec![]),
        ("acme/acme-prod#Admin", vec![], vec![]),
        ("acme/acme-prod#admin#x", vec![], vec![]),
        ("acme#admin", vec![AccountMember, AccountAdmin], vec![]),
        ("acme#member", vec![AccountMember], vec![]),
        ("globex#owner", vec![], vec![]),
        ("acme/contractors", vec![], vec!["acme/contractors"]),
        ("globex/contractors", vec![], vec![]),
        ("acme/a/b", vec![], vec![]),
        ("acme-prod:admin", vec![], vec![]),
        ("admin", vec![], vec![]),
        ("", vec![], vec![]),
    ];
    for (group, roles, named) in groups {
        let given = roles_by(|_| {}, Value::Null, json!([group])).await;
        assert_eq!(
            (given.0, given.1.iter().map(String::as_str).collect()),
            (BTreeSet::from_iter(roles), named),
            "{group}"
        );
    }
}

#[tokio::test]
async fn bare_groups_mean_something_only_where_there_is_one_account() {
    use Role::{AccountMember, Workspace};
    use WorkspaceRole::{Admin, Editor};
    let one =
        |issuer: &mut IssuerSettings| issuer.accounts = Binding::List(vec![account_id("acme")]);
    assert_eq!(
        roles_by(one, Value::Null, json!(["acme-prod:editor"]))
            .await
            .0,
        BTreeSet::from([Workspace(Editor), AccountMember])
    );
    assert_eq!(
        roles_by(one, Value::Null, json!(["acme-dev:editor"]))
            .await
            .0,
        BTreeSet::new()
    );
    assert_eq!(
        roles_by(one, Value::Null, json!(["admin"])).await.0,
        BTreeSet::from([Workspace(Admin), AccountMember])
    );
    assert_eq!(
        roles_by(one, Value::Null, json!(["night shift", "nurses"]))
            .await
            .1,
        ["acme/nurses"]
    );
}

#[tokio::test]
async fn issuers_that_do_not_share_user_ids_never_share_a_uid() {
    let foreign = |issuer: &mut IssuerSettings| issuer.shares_user_ids = false;
    let ana = user(bind(foreign, &directory(), &ana()).await);
    assert_eq!(&*ana.subject, "cosmos|sub-ana");
}

#[tokio::test]
async fn a_second_factor_is_never_assumed() {
    assert!(!user(as_is(json!({"mfa": true, "amr": ["mfa"]})).await).mfa);
    let at = |pointer: &str| {
        let pointer = pointer.to_owned();
        move |issuer: &mut IssuerSettings| issuer.mapping.mfa = Some(pointer)
    };
    for (claims, expected) in [
        (json!({"mfa": true}), true),
        (json!({"mfa": "true"}), false),
        (json!({"mfa": 1}), false),
        (json!({}), false),
    ] {
        assert_eq!(
            user(bind(at("/mfa"), &directory(), &with(ana(), &claims)).await).mfa,
            expected,
            "{claims}"
        );
    }
    let amr = with(ana(), &json!({"amr": ["pwd", "mfa"]}));
    assert!(user(bind(at("/amr"), &directory(), &amr).await).mfa);
}
