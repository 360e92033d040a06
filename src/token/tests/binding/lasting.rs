//! How long a bound caller lasts, and what tells two callers apart (RULES 9, 10).

use super::{as_is, machine, reason, user};
use crate::clock::{Clock, Timestamp};
use crate::reason::Reason;
use crate::tenant::{Directory, UserId};
use crate::token::tests::support::{
    NOW, Signer, account, accounts, ana, cosmos, directory, issuers, keys_of, now, with, workspace,
};
use serde_json::{Value, json};
use std::sync::Arc;

#[tokio::test]
async fn a_token_from_before_not_before_is_void_at_once() {
    let signer = Signer::new("k1");
    let issuers = issuers(vec![cosmos(keys_of(&signer))], &Clock::manual(now()));
    let verify = async |changes: Value| {
        issuers
            .verify(&signer.sign(&with(ana(), &changes)), now())
            .await
            .unwrap()
    };
    let after = |secs: i64, user: Option<&str>| {
        let mut accounts = accounts();
        let at = Timestamp::from_secs(NOW + secs);
        match user {
            Some(user) => drop(
                accounts[0]
                    .not_before
                    .users
                    .insert(UserId::parse(user).unwrap(), at),
            ),
            None => accounts[0].not_before.account = Some(at),
        }
        // The revision stays: even then a bound caller must not outlive it.
        Directory::build(accounts).0
    };
    let held = verify(json!({})).await;
    assert!(issuers.bind(&held, &directory(), now()).is_ok());
    for voided in [after(1, None), after(1, Some("ana"))] {
        assert_eq!(
            reason(issuers.bind(&held, &voided, now())),
            Reason::TokenRevoked
        );
    }
    for fine in [after(0, None), after(0, Some("ana")), after(1, Some("edi"))] {
        assert!(issuers.bind(&held, &fine, now()).is_ok());
    }
    // A refreshed token is as old as the login behind it.
    let refreshed = verify(json!({"auth_time": NOW - 100, "iat": NOW})).await;
    assert_eq!(
        reason(issuers.bind(&refreshed, &after(-50, None), now())),
        Reason::TokenRevoked
    );
    let by_issue = verify(json!({"auth_time": null, "iat": NOW - 10})).await;
    assert!(issuers.bind(&by_issue, &after(-50, None), now()).is_ok());
    let undated = verify(json!({"auth_time": null, "iat": null})).await;
    assert_eq!(
        reason(issuers.bind(&undated, &after(-50, None), now())),
        Reason::TokenRevoked
    );
    assert!(issuers.bind(&undated, &directory(), now()).is_ok());
    // A machine's token too.
    let machine = issuers
        .verify(&signer.sign(&machine()), now())
        .await
        .unwrap();
    assert_eq!(
        reason(issuers.bind(&machine, &after(1, None), now())),
        Reason::TokenRevoked
    );
}

#[tokio::test]
async fn a_bound_caller_lasts_as_long_as_its_accounts_entry() {
    let signer = Signer::new("k1");
    let issuers = issuers(vec![cosmos(keys_of(&signer))], &Clock::manual(now()));
    let verified = issuers.verify(&signer.sign(&ana()), now()).await.unwrap();
    let first = issuers.bind(&verified, &directory(), now()).unwrap();
    assert!(Arc::ptr_eq(
        &first,
        &issuers.bind(&verified, &directory(), now()).unwrap()
    ));
    // Another account's entry changes: the same caller. The own one: a fresh one, or none.
    let mut changed = accounts();
    changed[1].revision = [2; 32];
    let same = issuers
        .bind(&verified, &Directory::build(changed.clone()).0, now())
        .unwrap();
    assert!(Arc::ptr_eq(&first, &same));
    changed[0].revision = [2; 32];
    changed[0].issuers.clear();
    let refused = issuers.bind(&verified, &Directory::build(changed).0, now());
    assert_eq!(reason(refused), Reason::IssuerNotForAccount);
    let moved = vec![account(
        "globex",
        vec![workspace("globex", "acme-prod", "acme-web", &[])],
    )];
    let refused = issuers.bind(&verified, &Directory::build(moved).0, now());
    assert_eq!(reason(refused), Reason::IssuerNotForAccount);
    // And never longer than the token.
    let late = Timestamp::from_secs(NOW + 3700);
    assert_eq!(
        reason(issuers.bind(&verified, &directory(), late)),
        Reason::TokenExpired
    );
}

#[tokio::test]
async fn fingerprints_tell_apart_whatever_policies_can() {
    let of = async |changes: Value| user(as_is(changes).await).proof.fingerprint;
    let plain = of(json!({})).await;
    // What annotates or identifies the token only does not count.
    for same in [
        json!({"jti": "j-2"}),
        json!({"lang": "de"}),
        json!({"iat": NOW - 1}),
        json!({"exp": NOW + 60}),
        json!({"scope": "app/read openid"}),
    ] {
        assert_eq!(of(same.clone()).await, plain, "{same}");
    }
    let different = [
        json!({"userId": "anb"}),
        json!({"principalId": "p-2"}),
        json!({"principalId": null}),
        json!({"role": "editor"}),
        json!({"role": null}),
        json!({"context": "dashboard"}),
        json!({"scope": "app/write"}),
        json!({"scope": null}),
        json!({"email": "a@b.c"}),
        json!({"cognito:groups": ["acme/x"]}),
        json!({"cognito:groups": ["acme/x", "acme/y"]}),
    ];
    let mut seen = vec![plain];
    for changes in different {
        let fingerprint = of(changes.clone()).await;
        assert!(!seen.contains(&fingerprint), "{changes}");
        seen.push(fingerprint);
    }
}
