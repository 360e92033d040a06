//! Ids that are claimed twice over time.

use super::*;
use crate::tenant::{ClientId, NotBefore, OverlayMode, Status, Workspace, WorkspaceId};

/// `acme`, with a workspace `w` and client `c-w` for each letter.
fn account(id: &str, workspaces: &[&str]) -> Arc<Account> {
    let id = AccountId::parse(id).unwrap();
    let workspaces = workspaces.iter().map(|name| {
        Arc::new(Workspace {
            users: None,
            id: WorkspaceId::parse(name).unwrap(),
            account: id.clone(),
            status: Status::Active,
            kind: "custom".to_owned(),
            plan: None,
            features: Vec::new(),
            catalogs: Vec::new(),
            shared_with: Vec::new(),
            clients: vec![ClientId::parse(&format!("c-{name}")).unwrap()],
            machine_clients: Vec::new(),
        })
    });
    Arc::new(Account {
        status: Status::Active,
        plan: "standard".to_owned(),
        issuers: Vec::new(),
        overlay: OverlayMode::Forbid,
        not_before: NotBefore::default(),
        workspaces: workspaces.collect(),
        revision: [0; 32],
        id,
    })
}

fn directory(accounts: &[(&str, &[&str])]) -> Directory {
    let accounts = accounts
        .iter()
        .map(|(id, own)| Account::clone(&account(id, own)));
    let (directory, clashes) = Directory::build(accounts.collect());
    assert_eq!(clashes, []);
    directory
}

/// What serves after `former` when files say `now`: `id: workspaces`, sorted, and how many clashed.
fn after(former: &Directory, now: &[(&str, &[&str])]) -> (String, usize) {
    let candidates = now.iter().map(|(id, own)| Candidate {
        account: account(id, own),
        fallback: former.account(&AccountId::parse(id).unwrap()).cloned(),
    });
    let (next, clashes) = Directory::succeed(former, candidates.collect());
    let mut serving: Vec<String> = next
        .accounts()
        .map(|account| {
            let own = account.workspaces.iter().map(|one| one.id.as_str());
            format!("{}: {}", account.id, own.collect::<Vec<_>>().join(" "))
        })
        .collect();
    serving.sort();
    for account in next.accounts() {
        for own in &account.workspaces {
            assert_eq!(next.workspace(&own.id).unwrap().account, account.id);
            assert_eq!(next.client(&own.clients[0]).unwrap().account, account.id);
        }
    }
    (serving.join(", "), clashes.len())
}

#[test]
fn a_newcomer_loses_whatever_its_name_sorts_like() {
    let former = directory(&[("m", &["w1"])]);
    for name in ["a", "z"] {
        let now: [(&str, &[&str]); 2] = [(name, &["w1", "w2"]), ("m", &["w1"])];
        assert_eq!(after(&former, &now), ("m: w1".to_owned(), 1));
    }
}

#[test]
fn an_account_that_claims_what_another_still_has_keeps_what_it_had() {
    let former = directory(&[("a", &["a1"]), ("m", &["m1"])]);
    let grabs = after(&former, &[("a", &["a1", "m1"]), ("m", &["m1"])]);
    assert_eq!(grabs, ("a: a1, m: m1".to_owned(), 1));
    let each_other = after(&former, &[("a", &["a1", "m1"]), ("m", &["a1", "m1"])]);
    assert_eq!(each_other, ("a: a1, m: m1".to_owned(), 2));
}

#[test]
fn what_is_given_up_can_be_taken() {
    let former = directory(&[("a", &["a1"]), ("m", &["m1", "m2"])]);
    let moved = after(&former, &[("a", &["a1", "m2"]), ("m", &["m1"])]);
    assert_eq!(moved, ("a: a1 m2, m: m1".to_owned(), 0));
    let swapped = after(&former, &[("a", &["m1"]), ("m", &["a1", "m2"])]);
    assert_eq!(swapped, ("a: m1, m: a1 m2".to_owned(), 0));
    let gone = after(&former, &[("z", &["a1"]), ("m", &["m1", "m2"])]);
    assert_eq!(gone, ("m: m1 m2, z: a1".to_owned(), 0));
}

#[test]
fn an_account_that_falls_back_takes_its_former_ids_back() {
    let former = directory(&[("a", &["a1"]), ("m", &["m1"])]);
    // `a` gives up `a1` and grabs `m1`, which `m` keeps; `z` counted on `a1`.
    let now: [(&str, &[&str]); 3] = [("a", &["m1"]), ("m", &["m1"]), ("z", &["a1"])];
    assert_eq!(after(&former, &now), ("a: a1, m: m1".to_owned(), 2));
}

#[test]
fn of_a_new_id_the_one_that_serves_goes_first() {
    let former = directory(&[("m", &["m1"])]);
    let now: [(&str, &[&str]); 2] = [("a", &["new"]), ("m", &["m1", "new"])];
    assert_eq!(after(&former, &now), ("m: m1 new".to_owned(), 1));
}

#[test]
fn narrowing_reaches_every_index() {
    let whole = directory(&[("a", &["a1"]), ("m", &["m1"])]);
    let id = AccountId::parse("a").unwrap();
    let mut by = crate::tenant::Narrowing::of(whole.account(&id).unwrap());
    assert!(
        whole
            .narrowed(&HashMap::from([(id.clone(), by.clone())]))
            .is_none()
    );
    let place = WorkspaceId::parse("a1").unwrap();
    by.workspaces.insert(place.clone(), Status::Suspended);
    let next = whole.narrowed(&HashMap::from([(id, by)])).unwrap();
    let client = ClientId::parse("c-a1").unwrap();
    assert_eq!(next.workspace(&place).unwrap().status, Status::Suspended);
    assert_eq!(next.client(&client).unwrap().status, Status::Suspended);
    let other = AccountId::parse("m").unwrap();
    assert!(Arc::ptr_eq(
        next.account(&other).unwrap(),
        whole.account(&other).unwrap()
    ));
}

#[test]
fn who_is_as_before_is_carried_over_and_what_others_gave_up_is_free() {
    let former = directory(&[
        ("acme", &["a1", "a2"]),
        ("globex", &["g1"]),
        ("old", &["o1"]),
    ]);
    let same = Candidate {
        account: Arc::clone(former.account(&AccountId::parse("acme").unwrap()).unwrap()),
        fallback: None,
    };
    let changed = |id: &str, own: &[&str]| Candidate {
        account: account(id, own),
        fallback: None,
    };
    let twice = same.clone();
    let candidates = vec![
        changed("globex", &["g2", "o1"]),
        changed("new", &["g1"]),
        changed("thief", &["a2"]),
        same,
        twice,
    ];
    let (next, clashes) = Directory::succeed(&former, candidates);
    let owner = |id: &str| {
        let workspace = next.workspace(&WorkspaceId::parse(id).unwrap());
        workspace.map(|one| one.account.to_string())
    };
    let owners = ["a1", "a2", "g1", "g2", "o1"].map(|id| owner(id).unwrap_or_default());
    assert_eq!(owners, ["acme", "acme", "new", "globex", "globex"]);
    let clients = ["c-a1", "c-g1", "c-o1"];
    let clients = clients.map(|id| {
        next.client(&ClientId::parse(id).unwrap())
            .unwrap()
            .id
            .to_string()
    });
    assert_eq!(clients, ["a1", "g1", "o1"]);
    assert_eq!(next.accounts().count(), 3);
    let mut refused: Vec<String> = clashes.iter().map(ToString::to_string).collect();
    refused.sort();
    assert_eq!(
        refused,
        [
            "account `acme` is described twice",
            "workspace `a2` of account `thief` belongs to account `acme` already",
        ]
    );
}
