//! Who becomes whom: a table of claims, issuers and directories (RULES 3-7, 10).

mod lasting;
mod roles;

use super::support::{
    NOW, Signer, account_id, accounts, ana, client, cosmos, directory, issuers, keys_of, now, with,
};
use crate::clock::{Clock, Timestamp};
use crate::reason::Reason;
use crate::tenant::{Directory, Role, WorkspaceRole};
use crate::token::{
    Binding, Caller, Error, IssuerSettings, PlatformRole, PrincipalEntry, PrincipalGrant, User,
};
use serde_json::{Value, json};
use std::sync::Arc;

type Bound = Result<Arc<Caller>, Error>;

/// Signs, verifies and binds `claims`.
async fn bind(
    change: impl FnOnce(&mut IssuerSettings),
    directory: &Directory,
    claims: &Value,
) -> Bound {
    let signer = Signer::new("k1");
    let mut settings = cosmos(keys_of(&signer));
    change(&mut settings);
    let issuers = issuers(vec![settings], &Clock::manual(now()));
    let verified = issuers.verify(&signer.sign(claims), now()).await?;
    issuers.bind(&verified, directory, now())
}

async fn as_is(changes: Value) -> Bound {
    bind(|_| {}, &directory(), &with(ana(), &changes)).await
}

fn user(bound: Bound) -> User {
    match &*bound.unwrap() {
        Caller::User(user) => user.clone(),
        other => panic!("not a user: {other:?}"),
    }
}

fn reason(bound: Bound) -> Reason {
    bound.unwrap_err().reason()
}

#[tokio::test]
async fn a_user_is_what_its_claims_say() {
    let ana = user(
        as_is(json!({"email": "ana@acme.example", "lang": "it", "timezone": "Europe/Rome"})).await,
    );
    assert_eq!(
        (
            ana.account.as_str(),
            ana.workspace.as_str(),
            ana.user.as_str()
        ),
        ("acme", "acme-prod", "ana")
    );
    assert_eq!(&*ana.subject, "ana");
    assert_eq!(ana.principal_id.as_deref(), Some("p-1"));
    assert_eq!(ana.roles.len(), 2);
    assert!(ana.roles.contains(&Role::Workspace(WorkspaceRole::Viewer)));
    assert!(ana.roles.contains(&Role::AccountMember));
    assert_eq!(ana.scopes.iter().collect::<Vec<_>>(), ["app/read"]);
    assert_eq!(
        ana.contexts
            .iter()
            .map(crate::operation::ApiContext::label)
            .collect::<Vec<_>>(),
        ["app"]
    );
    assert_eq!((ana.mfa, ana.scopeless), (false, false));
    assert_eq!(ana.email.as_deref(), Some("ana@acme.example"));
    assert_eq!(
        (ana.notes.lang.as_deref(), ana.notes.timezone.as_deref()),
        (Some("it"), Some("Europe/Rome"))
    );
    assert_eq!(
        (
            &*ana.proof.issuer,
            &*ana.proof.subject,
            ana.proof.token_id.as_deref()
        ),
        ("cosmos", "sub-ana", Some("j-1"))
    );
    assert_eq!(ana.proof.client, Some(client("acme-web")));
    assert_eq!(ana.proof.expires, Timestamp::from_secs(NOW + 3600));
}

#[tokio::test]
async fn a_user_token_is_never_completed_nor_guessed_at() {
    for claim in ["accountId", "workspaceId", "userId", "sub"] {
        for value in [
            Value::Null,
            json!(""),
            json!(1),
            json!(["acme"]),
            json!({}),
            json!(true),
            json!("a/b"),
            json!("a b"),
            json!("\u{e9}"),
        ] {
            // In `with`, null takes the claim away; here it stands in the token.
            let mut absent = with(ana(), &json!({claim: null}));
            if value.is_null() {
                assert_eq!(
                    reason(bind(|_| {}, &directory(), &absent).await),
                    Reason::ClaimMissing,
                    "{claim} absent"
                );
            }
            absent[claim] = value.clone();
            if claim == "sub" && value == json!("a/b") {
                continue; // A subject is any visible text.
            }
            assert_eq!(
                reason(bind(|_| {}, &directory(), &absent).await),
                Reason::ClaimMissing,
                "{claim}: {value}"
            );
        }
    }
    for (claim, value) in [
        ("context", json!("App")),
        ("context", json!(["app"])),
        ("scope", json!(7)),
        ("role", json!(["admin"])),
        ("cognito:groups", json!("admins")),
        ("cognito:groups", json!([["x"]])),
        ("email", json!(1)),
        ("principalId", json!({})),
    ] {
        assert_eq!(
            reason(as_is(json!({claim: value})).await),
            Reason::ClaimMissing,
            "{claim}: {value}"
        );
    }
}

#[tokio::test]
async fn a_user_stays_in_the_workspace_of_its_client() {
    // Another tenant's claims through the own client, own claims through another tenant's client.
    let cases = [
        (
            json!({"accountId": "globex", "workspaceId": "globex-prod"}),
            Reason::ClientNotBound,
        ),
        (json!({"client_id": "globex-web"}), Reason::ClientNotBound),
        (json!({"client_id": "acme-dev-web"}), Reason::ClientNotBound),
        (json!({"client_id": "nobody"}), Reason::ClientNotBound),
        (json!({"client_id": "hr-sync"}), Reason::ClientNotBound),
        (json!({"workspaceId": "globex-prod"}), Reason::OutsideTenant),
        (json!({"workspaceId": "nowhere"}), Reason::OutsideTenant),
        (json!({"accountId": "globex"}), Reason::OutsideTenant),
        (json!({"accountId": "nobody"}), Reason::IssuerNotForAccount),
        (json!({"client_id": null}), Reason::AudienceMismatch),
        (json!({"client_id": 7}), Reason::ClaimMissing),
    ];
    for (changes, expected) in cases {
        assert_eq!(reason(as_is(changes.clone()).await), expected, "{changes}");
    }
}

#[tokio::test]
async fn what_is_omitted_is_none_and_both_sides_must_agree() {
    let all = directory();
    let accounts_of =
        |binding: Binding<_>| move |issuer: &mut IssuerSettings| issuer.accounts = binding;
    assert_eq!(
        reason(bind(accounts_of(Binding::None), &all, &ana()).await),
        Reason::IssuerNotForAccount
    );
    let other = Binding::List(vec![account_id("globex")]);
    assert_eq!(
        reason(bind(accounts_of(other), &all, &ana()).await),
        Reason::IssuerNotForAccount
    );
    let own = Binding::List(vec![account_id("acme")]);
    assert!(bind(accounts_of(own.clone()), &all, &ana()).await.is_ok());
    // The account does not name the issuer.
    let mut strangers = accounts();
    strangers[0].issuers = vec!["other".to_owned()];
    let strangers = Directory::build(strangers).0;
    assert_eq!(
        reason(bind(accounts_of(own), &strangers, &ana()).await),
        Reason::IssuerNotForAccount
    );
    assert_eq!(
        reason(bind(|_| {}, &strangers, &ana()).await),
        Reason::IssuerNotForAccount
    );
    // Clients: none, others, and the audience in their place.
    let clients_of = |binding: Binding<_>| {
        move |issuer: &mut IssuerSettings| {
            issuer.clients = binding;
            issuer.audiences = vec!["api".to_owned()];
        }
    };
    let to_api = with(ana(), &json!({"aud": "api"}));
    assert_eq!(
        reason(bind(clients_of(Binding::None), &all, &to_api).await),
        Reason::ClientNotBound
    );
    let other = Binding::List(vec![client("globex-web")]);
    assert_eq!(
        reason(bind(clients_of(other), &all, &to_api).await),
        Reason::ClientNotBound
    );
    assert!(
        bind(clients_of(Binding::Directory), &all, &to_api)
            .await
            .is_ok()
    );
}

fn machine() -> Value {
    let person = json!({"accountId": null, "workspaceId": null, "userId": null, "principalId": null, "username": null,
        "role": null, "client_id": "hr-sync", "sub": "hr-sync", "platform": "m2m"});
    with(ana(), &person)
}

#[tokio::test]
async fn a_machine_is_its_client_and_nothing_a_person_says() {
    let bound = bind(|_| {}, &directory(), &machine()).await.unwrap();
    let Caller::Service(service) = &*bound else {
        panic!("{bound:?}")
    };
    assert_eq!(
        (
            service.account.as_str(),
            service.workspace.as_str(),
            service.client.as_str()
        ),
        ("acme", "acme-prod", "hr-sync")
    );
    assert_eq!(service.role, Some(WorkspaceRole::Editor));
    let same = json!({"accountId": "acme", "workspaceId": "acme-prod"});
    assert!(
        bind(|_| {}, &directory(), &with(machine(), &same))
            .await
            .is_ok()
    );
    let cases = [
        (json!({"accountId": "globex"}), Reason::ClientNotBound),
        (json!({"workspaceId": "acme-dev"}), Reason::ClientNotBound),
        (json!({"accountId": ["acme"]}), Reason::ClaimMissing),
        // A person in any form: the directory completes nothing.
        (json!({"username": "ana"}), Reason::ClaimMissing),
        (json!({"userId": "ana"}), Reason::ClaimMissing),
        (json!({"username": 0}), Reason::ClaimMissing),
        // A user's client, and one that nobody knows.
        (json!({"client_id": "acme-web"}), Reason::ClaimMissing),
        (json!({"client_id": "nobody"}), Reason::ClaimMissing),
    ];
    for (changes, expected) in cases {
        let bound = bind(|_| {}, &directory(), &with(machine(), &changes)).await;
        assert_eq!(reason(bound), expected, "{changes}");
    }
    let unlisted =
        |issuer: &mut IssuerSettings| issuer.clients = Binding::List(vec![client("acme-web")]);
    assert!(bind(unlisted, &directory(), &machine()).await.is_err());
}

fn root() -> Value {
    with(
        machine(),
        &json!({"client_id": "portal-web", "context": "portal", "sub": "root", "username": "root", "principalId": "p-9"}),
    )
}

fn portal(issuer: &mut IssuerSettings) {
    issuer.portal = true;
    issuer.portal_clients = vec![client("portal-web")];
    issuer.principals = vec![PrincipalEntry {
        who: "root".to_owned(),
        roles: vec![PlatformRole::Operator],
        grant: PrincipalGrant {
            all: true,
            ..PrincipalGrant::default()
        },
    }];
}

#[tokio::test]
async fn a_principal_needs_issuer_client_context_and_no_account() {
    let bound = bind(portal, &directory(), &root()).await.unwrap();
    let Caller::Principal(principal) = &*bound else {
        panic!("{bound:?}")
    };
    assert_eq!(
        (&*principal.subject, principal.principal_id.as_deref()),
        ("cosmos|root", Some("p-9"))
    );
    assert_eq!(principal.roles, [PlatformRole::Operator]);
    assert!(principal.grant.all);
    // Somebody of the Portal whom nobody granted anything.
    let other = bind(
        portal,
        &directory(),
        &with(root(), &json!({"sub": "mallory"})),
    )
    .await
    .unwrap();
    let Caller::Principal(other) = &*other else {
        panic!("{other:?}")
    };
    assert!(other.roles.is_empty() && other.grant == PrincipalGrant::default());
    for claim in ["accountId", "workspaceId", "userId"] {
        for value in [
            Value::Null,
            json!(""),
            json!("acme"),
            json!(1),
            json!([]),
            json!({}),
        ] {
            let mut claims = root();
            claims[claim] = value.clone();
            assert_eq!(
                reason(bind(portal, &directory(), &claims).await),
                Reason::ClaimMissing,
                "{claim}: {value}"
            );
        }
    }
    for changes in [
        json!({"context": "app"}),
        json!({"context": null}),
        json!({"context": "dashboard"}),
        json!({"client_id": "acme-web"}),
    ] {
        let bound = bind(portal, &directory(), &with(root(), &changes)).await;
        assert_eq!(reason(bound), Reason::ClaimMissing, "{changes}");
    }
    // An issuer that is not the Portal's.
    let bound = bind(|_| {}, &directory(), &root()).await;
    assert_eq!(reason(bound), Reason::ClaimMissing);
    // A user of the Portal context stays a user.
    assert_eq!(
        user(as_is(json!({"context": "portal"})).await)
            .user
            .as_str(),
        "ana"
    );
}
