//! No request leaves the account and workspace of its token.

use crate::support::gate::TestGate;
use palisade::reason::Reason;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn a_viewer_reads_its_own_workspace_and_the_upstream_is_told_which() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();

    gate.get("/app/v1/missions")
        .bearer(&token)
        .send()
        .allowed(200);

    let seen = gate.upstream.only();
    assert_eq!(seen.header("x-palisade-account"), Some("acme"));
    assert_eq!(seen.header("x-palisade-workspace"), Some("acme-prod"));
    assert_eq!(seen.header("x-palisade-user"), Some("ana"));
    assert_eq!(seen.header("x-palisade-role"), Some("viewer"));
    assert_eq!(seen.header("x-palisade-context"), Some("app"));
    assert_eq!(seen.header("x-palisade-platform"), Some("web"));
    assert_eq!(seen.header("x-palisade-lang"), Some("it"));
    assert_eq!(seen.header("x-palisade-timezone"), Some("Europe/Rome"));
    assert!(seen.header("x-palisade-request-id").is_some());
    assert_eq!(seen.header("x-palisade-actor"), None);
    assert_eq!(seen.header("authorization"), None);
}

#[test]
fn a_viewer_cannot_read_another_workspace() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let elsewhere = [
        "globex-prod",
        "acme-two",
        "acme-dev",
        "nowhere",
        "ACME-PROD",
        "",
    ];
    for workspace in elsewhere {
        let target = format!("/app/v1/missions?workspaceId={workspace}");
        gate.get(&target)
            .bearer(&token)
            .send()
            .refused(Reason::OutsideTenant);
    }
    gate.upstream.saw_nothing();
}

#[test]
fn a_reference_to_the_own_workspace_passes() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let target = "/app/v1/missions?workspaceId=acme-prod&accountId=acme";
    let reply = gate.get(target).header("x-workspace-id", "acme-prod");
    reply.bearer(&token).send().allowed(200);
    assert_eq!(gate.upstream.only().target(), target);
}

#[test]
fn another_account_in_the_query_or_a_header_is_outside() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let get = |target: &str| gate.get(target).bearer(&token);
    get("/app/v1/missions?accountId=globex")
        .send()
        .refused(Reason::OutsideTenant);
    let header = get("/app/v1/missions").header("x-workspace-id", "globex-prod");
    header.send().refused(Reason::OutsideTenant);
    gate.upstream.saw_nothing();
}

#[test]
fn every_spelling_of_a_reference_is_the_reference() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let spellings = [
        "workspaceId[]",
        "workspaceId[0]",
        "workspaceId%5B%5D",
        "workspace_id",
        "WORKSPACEID",
        "workspace-id",
        "work%73paceId",
        "workspace.id",
    ];
    for key in spellings {
        let target = format!("/app/v1/missions?{key}=globex-prod");
        let reply = gate.get(&target).bearer(&token).send();
        assert!(
            reply.status == 403 || reply.status == 400,
            "{key}: {} {}",
            reply.status,
            reply.text()
        );
    }
    gate.upstream.saw_nothing();
}

#[test]
fn a_suspended_workspace_or_account_serves_nobody() {
    let gate = TestGate::builder()
        .tenant("globex", "/status", json!("suspended"))
        .start();
    let dev = gate.issuer.user("dev").workspace("acme-dev").sign();
    gate.get("/app/v1/missions")
        .bearer(&dev)
        .send()
        .refused(Reason::WorkspaceSuspended);
    let bo = gate
        .issuer
        .user("bo")
        .account("globex")
        .workspace("globex-prod")
        .sign();
    gate.get("/app/v1/missions")
        .bearer(&bo)
        .send()
        .refused(Reason::AccountSuspended);
    gate.upstream.saw_nothing();
}

#[test]
fn the_refusal_is_the_same_whether_the_named_workspace_exists() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let ask = |workspace: &str| {
        let target = format!("/app/v1/missions?workspaceId={workspace}");
        let mut problem = gate.get(&target).bearer(&token).send().json();
        problem["request_id"] = json!("");
        problem
    };
    assert_eq!(ask("globex-prod"), ask("never-made"));
}

#[test]
fn a_shared_catalog_is_read_and_named_to_the_upstream() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let target = "/app/v1/quizzes?catalogWorkspaceId=catalog-01";
    gate.get(target).bearer(&token).send().allowed(200);
    let seen = gate.upstream.only();
    assert_eq!(seen.header("x-palisade-workspace"), Some("acme-prod"));
    assert_eq!(
        seen.header("x-palisade-catalog-workspace"),
        Some("catalog-01")
    );
}

#[test]
fn a_catalog_that_is_not_shared_is_refused() {
    let gate = TestGate::start();
    let bo = gate
        .issuer
        .user("bo")
        .account("globex")
        .workspace("globex-prod")
        .sign();
    let target = "/app/v1/quizzes?catalogWorkspaceId=catalog-01";
    gate.get(target)
        .bearer(&bo)
        .send()
        .refused(Reason::CatalogNotGranted);
    let ana = gate.issuer.user("ana").sign();
    let target = "/app/v1/quizzes?catalogWorkspaceId=globex-prod";
    gate.get(target)
        .bearer(&ana)
        .send()
        .refused(Reason::CatalogNotGranted);
    gate.upstream.saw_nothing();
}

/// Who asks, in the model's words.
#[derive(Clone, Debug)]
enum Asker {
    User(&'static str, &'static str),
    Root,
    Support,
}

#[derive(Clone, Debug)]
struct Question {
    asker: Asker,
    context: &'static str,
    path: &'static str,
    account: Option<&'static str>,
    workspace: Option<&'static str>,
    /// What `x-palisade-act-in` names.
    inside: Option<&'static str>,
}

/// The ten lines: which account the request may reach, if any.
fn model(question: &Question) -> Option<&'static str> {
    let portal = portal(question);
    if let Some(workspace) = question.inside {
        return support(question, workspace).filter(|_| !portal);
    }
    match question.asker {
        Asker::User(account, workspace) => {
            let own = question.account.is_none_or(|named| named == account)
                && question.workspace.is_none_or(|named| named == workspace);
            let here = !portal
                && question
                    .path
                    .starts_with(&format!("/{}/", question.context));
            (own && here && workspace != "acme-dev").then_some(account)
        }
        Asker::Root | Asker::Support => {
            let inside = question.account.is_none_or(|named| named == "acme")
                && question
                    .workspace
                    .is_none_or(|named| named.starts_with("acme-"));
            (portal && inside).then_some("acme")
        }
    }
}

/// The account of the workspace that a Principal reads in, if it may.
fn support(question: &Question, workspace: &str) -> Option<&'static str> {
    let account = match workspace {
        "acme-prod" | "acme-two" => "acme",
        "globex-prod" => "globex",
        "catalog-01" => "catalog",
        _ => return None,
    };
    let granted = match question.asker {
        Asker::User(..) => false,
        Asker::Root => true,
        Asker::Support => account == "acme",
    };
    let own = question.account.is_none_or(|named| named == account)
        && question.workspace.is_none_or(|named| named == workspace);
    (granted && own).then_some(account)
}

fn portal(question: &Question) -> bool {
    question.path.starts_with("/portal/")
}

fn question() -> impl Strategy<Value = Question> {
    let asker = prop_oneof![
        Just(Asker::User("acme", "acme-prod")),
        Just(Asker::User("acme", "acme-two")),
        Just(Asker::User("acme", "acme-dev")),
        Just(Asker::User("globex", "globex-prod")),
        Just(Asker::Root),
        Just(Asker::Support),
    ];
    let context = prop_oneof![Just("app"), Just("dashboard"), Just("portal")];
    let path = prop_oneof![
        Just("/app/v1/missions"),
        Just("/dashboard/v1/missions"),
        Just("/portal/v1/accounts/acme"),
    ];
    let account = prop::option::of(prop_oneof![Just("acme"), Just("globex"), Just("none")]);
    let workspace = prop::option::of(prop_oneof![
        Just("acme-prod"),
        Just("acme-two"),
        Just("globex-prod"),
        Just("catalog-01"),
        Just("none"),
    ]);
    let inside = prop_oneof![
        Just("acme-prod"),
        Just("acme-two"),
        Just("acme-dev"),
        Just("globex-prod"),
        Just("catalog-01"),
        Just("none"),
    ];
    let inside = prop::option::of(inside);
    (asker, context, path, account, workspace, inside).prop_map(
        |(asker, context, path, account, workspace, inside)| Question {
            asker,
            context,
            path,
            account,
            workspace,
            inside,
        },
    )
}

#[test]
fn no_permit_ever_crosses_accounts_unless_a_principal_was_granted_them() {
    let both = json!({"roles": ["operator", "support"], "all_accounts": true});
    let gate = TestGate::builder()
        .set(
            "/principals",
            json!({"act_in": true, "requests": "10000/s"}),
        )
        .set("/issuers/0/principals/sub-root", both)
        .start();
    let run = |question: Question| {
        let token = match question.asker {
            Asker::User(account, workspace) => gate
                .issuer
                .user("uma")
                .account(account)
                .workspace(workspace)
                .role("admin")
                .context(question.context),
            Asker::Root => gate.issuer.principal("root"),
            Asker::Support => gate.issuer.principal("sue"),
        };
        let mut query = Vec::new();
        query.extend(
            question
                .account
                .map(|account| format!("accountId={account}")),
        );
        query.extend(
            question
                .workspace
                .map(|workspace| format!("workspaceId={workspace}")),
        );
        let target = format!("{}?{}", question.path, query.join("&"));
        let before = gate.upstream.requests().len();

        let mut request = gate.get(&target).bearer(&token.sign());
        if let Some(workspace) = question.inside {
            request = request.header("x-palisade-act-in", workspace);
            request = request.header("x-palisade-reason", "case 7");
        }
        let reply = request.send();

        let seen = gate.upstream.requests();
        let reached = seen.get(before).map(|request| {
            request
                .header("x-palisade-account")
                .unwrap_or("nobody")
                .to_owned()
        });
        let expected = model(&question);
        // A workspace named beside an account's own route may be refused for the kind of resource.
        let narrower = reached.is_none() && portal(&question) && question.workspace.is_some();
        prop_assert!(
            narrower || reached.as_deref() == expected,
            "{target} reached {reached:?}, the model says {expected:?}: {}",
            reply.text()
        );
        Ok(())
    };
    let config = ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(question in question())| { run(question)?; });
}
