//! Entries that only ever become stricter.

use super::*;
use crate::clock::Timestamp;
use crate::tenant::{AccountId, OverlayMode, UserId};

fn ana() -> UserId {
    UserId::parse("ana").unwrap()
}

fn member(status: Status) -> Member {
    Member {
        id: ana(),
        status,
        subject: "ana".into(),
        roles: Vec::new(),
        groups: Vec::new(),
    }
}

fn account(status: Status, not_before: Option<i64>, workspace: Status) -> Account {
    let id = AccountId::parse("acme").unwrap();
    Account {
        id: id.clone(),
        status,
        plan: "standard".to_owned(),
        issuers: vec!["cosmos".to_owned()],
        overlay: OverlayMode::Forbid,
        not_before: NotBefore {
            account: not_before.map(Timestamp),
            users: HashMap::new(),
        },
        workspaces: vec![Arc::new(Workspace {
            users: Some(BTreeMap::from([(ana(), Arc::new(member(workspace)))])),
            id: WorkspaceId::parse("acme-prod").unwrap(),
            account: id,
            status: workspace,
            kind: "custom".to_owned(),
            plan: None,
            features: Vec::new(),
            catalogs: Vec::new(),
            shared_with: Vec::new(),
            clients: Vec::new(),
            machine_clients: Vec::new(),
        })],
        revision: [1; 32],
    }
}

#[test]
fn the_stricter_status_and_the_later_moment_win() {
    let all = [Status::Active, Status::Suspended, Status::Closed];
    let moments = [None, Some(10), Some(20)];
    for own in all {
        for other in all {
            for (mine, theirs) in moments.into_iter().zip(moments.into_iter().rev()) {
                let entry = account(own, mine, other);
                let by = Narrowing::of(&account(other, theirs, own));
                let next = entry.narrowed(&by).unwrap_or_else(|| entry.clone());
                assert_eq!(next.status, own.max(other));
                assert_eq!(next.workspaces[0].status, own.max(other));
                let users = next.workspaces[0].users.as_ref().unwrap();
                assert_eq!(users[&ana()].status, own.max(other));
                assert_eq!(next.not_before.account, mine.max(theirs).map(Timestamp));
                assert_eq!(next.narrowed(&by), None, "narrowed twice");
            }
        }
    }
}

#[test]
fn what_is_narrowed_has_a_revision_of_its_own_and_what_is_not_keeps_its_own() {
    let entry = account(Status::Active, None, Status::Active);
    assert_eq!(entry.narrowed(&Narrowing::of(&entry)), None);
    let mut by = Narrowing::of(&entry);
    by.not_before.users.insert(ana(), Timestamp(5));
    let by_user = entry.narrowed(&by).unwrap();
    by.status = Status::Suspended;
    let by_both = entry.narrowed(&by).unwrap();
    assert_ne!(entry.revision, by_user.revision);
    assert_ne!(by_user.revision, by_both.revision);
}
