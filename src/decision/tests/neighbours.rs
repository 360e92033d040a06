//! Questions that differ in one thing.

use super::history::certificate;
use super::world::{account_id, at, seal, sha, workspace_id};
use crate::decision::facts::Facts;
use crate::head::{CanonicalPath, Head};
use crate::operation::ApiContext;
use crate::random::Random;
use crate::scope::{Grant, Inside};
use crate::tenant::{Account, Member, Role, Status, Workspace, WorkspaceRole};
use crate::token::{Caller, ContextSet, PlatformRole, Principal, Scopes, Service, User};
use std::sync::Arc;

/// Lives as long as the test.
fn keep<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// The same question but for one thing: everything that a fact can be instead.
pub(super) fn neighbours<'a>(
    facts: &Facts<'a>,
    random: &mut Random,
    all: &[Facts<'a>],
) -> Vec<Facts<'a>> {
    let mut near = Vec::new();
    for caller in callers(facts.caller) {
        let caller = keep(caller);
        near.push(Facts {
            fingerprint: &caller.proof().unwrap().fingerprint,
            contexts: match caller {
                Caller::User(user) => user.contexts,
                Caller::Service(service) => service.contexts,
                Caller::Anonymous | Caller::Principal(_) => facts.contexts,
            },
            caller,
            ..facts.clone()
        });
    }
    for member in facts.acted_for.into_iter().flat_map(members) {
        let acted_for = Some(keep(member));
        near.push(Facts {
            acted_for,
            ..facts.clone()
        });
    }
    for inside in facts.from.into_iter().flat_map(insides) {
        let from = Some(keep(inside));
        near.push(Facts {
            from,
            ..facts.clone()
        });
    }
    let grants = facts.grant.into_iter().flat_map(grants);
    near.extend(grants.map(|grant| Facts {
        grant: Some(keep(grant)),
        ..facts.clone()
    }));
    near.extend(heads(facts.head).into_iter().map(|head| Facts {
        head: keep(head),
        ..facts.clone()
    }));
    for _ in 0..4 {
        let operation = random.one(all).operation;
        let own = facts.operation;
        if (operation.api_context, operation.resource) == (own.api_context, own.resource) {
            near.push(Facts {
                operation,
                ..facts.clone()
            });
        }
    }
    for reason in [None, Some("case 7"), Some("curious"), Some("")] {
        near.push(Facts {
            reason,
            ..facts.clone()
        });
    }
    near.extend(elsewhere(facts, random.one(all)));
    near.extend(other_resources(facts));
    near
}

/// With something of another question.
fn elsewhere<'a>(facts: &Facts<'a>, other: &Facts<'a>) -> Vec<Facts<'a>> {
    let mut near = Vec::new();
    near.push(Facts {
        grant: other.grant,
        ..facts.clone()
    });
    if facts.from.is_some() == other.from.is_some() {
        near.push(Facts {
            from: other.from,
            ..facts.clone()
        });
    }
    let same = std::mem::discriminant(&facts.place) == std::mem::discriminant(&other.place);
    if same {
        near.push(Facts {
            place: other.place,
            ..facts.clone()
        });
        let resource_account = facts.from.and(other.resource_account);
        near.push(Facts {
            resource_account,
            ..facts.clone()
        });
    }
    near
}

fn other_resources<'a>(facts: &Facts<'a>) -> Vec<Facts<'a>> {
    let captures = ["1", "2"].map(|id| vec![("missionId".into(), id.to_owned())]);
    let with_captures = captures.map(|captures| Facts {
        captures: keep(captures),
        ..facts.clone()
    });
    let unnamed = Facts {
        id: None,
        owner: None,
        ..facts.clone()
    };
    let uncaptured = Facts {
        captures: &[],
        ..facts.clone()
    };
    let owned = [None, Some("edi")].map(|owner| Facts {
        owner,
        ..facts.clone()
    });
    let all = with_captures.into_iter().chain(owned);
    all.chain([unnamed, uncaptured]).collect()
}

fn callers(caller: &Caller) -> Vec<Caller> {
    match caller {
        Caller::User(user) => users(user).into_iter().map(Caller::User).collect(),
        Caller::Service(service) => {
            let services = services(service).into_iter();
            services.map(Caller::Service).collect()
        }
        Caller::Principal(principal) => {
            let roles = [
                vec![],
                vec![PlatformRole::Support],
                vec![PlatformRole::Operator],
            ];
            let with = |roles| Principal {
                roles,
                ..principal.clone()
            };
            let mfa = Principal {
                mfa: !principal.mfa,
                ..principal.clone()
            };
            let all = roles.map(with).into_iter().chain([mfa]);
            all.map(|mut one| {
                one.proof.fingerprint = sha(&format!("{one:?}"));
                Caller::Principal(one)
            })
            .collect()
        }
        Caller::Anonymous => Vec::new(),
    }
}

/// Every scope left out in turn, and none at all.
fn scopes() -> Vec<Scopes> {
    let left = |out: usize| {
        let kept = Scopes::NAMES
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != out);
        kept.fold(Scopes::default(), |scopes, (_, name)| scopes.with(name))
    };
    (0..Scopes::NAMES.len())
        .map(left)
        .chain([Scopes::default()])
        .collect()
}

fn contexts() -> [ContextSet; 3] {
    let none = ContextSet::default();
    [
        none,
        none.with(ApiContext::App),
        none.with(ApiContext::Dashboard),
    ]
}

fn users(user: &User) -> Vec<User> {
    use WorkspaceRole::{Admin, Editor, Viewer};
    let mut all: Vec<User> = Vec::new();
    let mut with = |change: &dyn Fn(&mut User)| {
        let mut user = user.clone();
        change(&mut user);
        seal(&mut user);
        all.push(user);
    };
    for scopes in scopes() {
        with(&|user| user.scopes = scopes);
        with(&|user| (user.scopes, user.scopeless) = (scopes, true));
    }
    for contexts in contexts() {
        with(&|user| user.contexts = contexts);
    }
    for role in [Viewer, Editor, Admin] {
        with(&|user| user.roles = vec![Role::Workspace(role)]);
        with(&|user| user.roles.push(Role::Workspace(role)));
    }
    with(&|user| user.roles.clear());
    with(&|user| user.roles = vec![Role::AccountAdmin]);
    with(&|user| user.mfa = !user.mfa);
    with(&|user| user.email = None);
    with(&|user| user.email = Some("x@acme.example".into()));
    with(&|user| user.principal_id = None);
    with(&|user| user.principal_id = Some("p-bo".into()));
    with(&|user| user.groups = vec!["acme/contractors".into()]);
    with(&|user| user.groups.clear());
    with(&|user| user.subject = "edi".into());
    with(&|user| user.account = account_id("globex"));
    with(&|user| user.workspace = workspace_id("acme-dev"));
    all
}

fn services(service: &Service) -> Vec<Service> {
    let mut all: Vec<Service> = Vec::new();
    let mut with = |change: &dyn Fn(&mut Service)| {
        let mut service = service.clone();
        change(&mut service);
        let sealed = format!("{service:?}");
        service.proof.fingerprint = sha(&sealed);
        all.push(service);
    };
    for scopes in scopes() {
        with(&|service| service.scopes = scopes);
        with(&|service| (service.scopes, service.scopeless) = (scopes, true));
    }
    for contexts in contexts() {
        with(&|service| service.contexts = contexts);
    }
    for role in WorkspaceRole::ALL {
        with(&|service| service.role = Some(role));
    }
    with(&|service| service.role = None);
    with(&|service| service.account = account_id("globex"));
    with(&|service| service.workspace = workspace_id("acme-dev"));
    all
}

fn members(member: &Member) -> Vec<Member> {
    let roles = WorkspaceRole::ALL.map(|role| vec![Role::Workspace(role)]);
    let roles = roles.into_iter().chain([vec![Role::AccountAdmin]]);
    let roles = roles.map(|roles| Member {
        roles,
        ..member.clone()
    });
    let groups = Vec::new();
    let subject = "edi".into();
    let groups = Member {
        groups,
        ..member.clone()
    };
    roles
        .chain([
            groups,
            Member {
                subject,
                ..member.clone()
            },
        ])
        .collect()
}

fn insides(inside: &Inside) -> Vec<Inside> {
    let mut all: Vec<Inside> = Vec::new();
    let mut with = |change: &dyn Fn(&mut Account, &mut Workspace)| {
        let (mut account, mut workspace) = (
            Account::clone(&inside.account),
            Workspace::clone(&inside.workspace),
        );
        change(&mut account, &mut workspace);
        let (account, workspace) = (account.into(), workspace.into());
        all.push(Inside {
            account,
            workspace,
            ..inside.clone()
        });
    };
    with(&|account, _| account.status = Status::Suspended);
    with(&|_, workspace| workspace.status = Status::Closed);
    for plan in ["enterprise", "standard"] {
        with(&|account, _| account.plan = plan.to_owned());
    }
    with(&|_, workspace| workspace.features.clear());
    with(&|_, workspace| workspace.features = vec!["other".to_owned()]);
    with(&|_, workspace| workspace.features = vec!["editors-publish".to_owned()]);
    with(&|_, workspace| workspace.id = workspace_id("acme-dev"));
    with(&|account, _| account.id = account_id("globex"));
    let catalogs = Vec::new();
    all.push(Inside {
        catalogs,
        ..inside.clone()
    });
    let mut other = inside.clone();
    other.catalogs = vec![Arc::clone(&inside.workspace)];
    all.push(other);
    all
}

fn grants(grant: &Grant) -> Vec<Grant> {
    let accounts = [None, Some(account_id("acme")), Some(account_id("globex"))];
    let accounts = accounts.map(|account| Grant {
        account,
        ..grant.clone()
    });
    let all = Grant {
        all: !grant.all,
        ..grant.clone()
    };
    let ends = [
        "2026-11-23T11:00:00Z",
        "2026-11-23T19:00:00Z",
        "2026-11-23T23:00:00Z",
    ];
    let ends = ends.map(|until| Grant {
        until: at(until),
        ..grant.clone()
    });
    accounts.into_iter().chain([all]).chain(ends).collect()
}

fn heads(head: &Head) -> Vec<Head> {
    let mut all: Vec<Head> = (0..6)
        .map(|which| Head {
            certificate: certificate(which),
            ..head.clone()
        })
        .collect();
    let paths = ["/app/v1/1", "/app/v1/2"].map(|path| CanonicalPath::read(path).unwrap());
    all.extend(paths.map(|path| Head {
        path,
        ..head.clone()
    }));
    for client in ["198.51.100.7", "203.0.113.9", "127.0.0.1", "2001:db8::1"] {
        all.push(Head {
            client: client.parse().unwrap(),
            ..head.clone()
        });
    }
    for authority in ["api.example.com", "evil.example.com"] {
        all.push(Head {
            authority: authority.into(),
            ..head.clone()
        });
    }
    for method in [http::Method::GET, http::Method::PATCH] {
        all.push(Head {
            method,
            ..head.clone()
        });
    }
    all
}
