//! What policies allow and deny, platform's and account's own.

use crate::support::gate::TestGate;
use palisade::reason::Reason;

const MISSIONS: &str = "/dashboard/v1/missions";
const PUBLISH: &str = "/dashboard/v1/missions/m-1/publish";

#[test]
fn roles_climb_from_viewer_to_admin() {
    let gate = TestGate::start();
    let token = |role: &str| {
        gate.issuer
            .user("uma")
            .role(role)
            .context("dashboard")
            .sign()
    };
    let list = |role: &str| gate.get(MISSIONS).bearer(&token(role)).send();
    let create = |role: &str| gate.post(MISSIONS, "{}").bearer(&token(role)).send();
    let publish = |role: &str| gate.post(PUBLISH, "{}").bearer(&token(role)).send();

    list("viewer").allowed(200);
    create("viewer").refused(Reason::PolicyDenied);
    publish("viewer").refused(Reason::PolicyDenied);
    list("editor").allowed(200);
    create("editor").allowed(200);
    publish("editor").refused(Reason::PolicyDenied);
    list("admin").allowed(200);
    create("admin").allowed(200);
    publish("admin").allowed(200);
    assert_eq!(gate.upstream.requests().len(), 6);
}

#[test]
fn a_role_that_no_table_maps_is_no_role() {
    let gate = TestGate::start();
    for role in ["VIEWER", "ADMIN", "owner", "root", ""] {
        let token = gate.issuer.user("uma").role(role).sign();
        gate.get("/app/v1/missions")
            .bearer(&token)
            .send()
            .refused(Reason::PolicyDenied);
    }
    gate.upstream.saw_nothing();
}

#[test]
fn the_record_of_a_denial_names_the_policies_and_the_reply_does_not() {
    let gate = TestGate::builder()
        .overlay("acme", "@id(\"quiet\")\n@reason(\"a secret of acme\")\nforbid (principal, action, resource);\n")
        .start();
    let token = gate.issuer.user("ana").sign();
    let reply = gate.get("/app/v1/missions").bearer(&token).send();
    reply.refused(Reason::PolicyDenied);
    assert!(!reply.text().contains("secret") && !reply.text().contains("quiet"));
    let record = gate.only_record().to_string();
    assert!(record.contains("account/acme/quiet"), "{record}");
}

#[test]
fn an_overlay_binds_its_own_account_and_nobody_else() {
    let gate = TestGate::builder()
        .overlay(
            "acme",
            "@id(\"closed\")\nforbid (principal, action, resource);\n",
        )
        .start();
    let ana = gate.issuer.user("ana").sign();
    gate.get("/app/v1/missions")
        .bearer(&ana)
        .send()
        .refused(Reason::PolicyDenied);
    let bo = gate
        .issuer
        .user("bo")
        .account("globex")
        .workspace("globex-prod")
        .sign();
    gate.get("/app/v1/missions").bearer(&bo).send().allowed(200);
    let root = gate.issuer.principal("root").sign();
    gate.get("/portal/v1/accounts/acme")
        .bearer(&root)
        .send()
        .allowed(200);
}

#[test]
fn an_overlay_may_permit_only_where_the_directory_says_so() {
    let permit = "@id(\"open\")\npermit (principal, action, resource);\n";
    let gate = TestGate::builder().overlay("acme", permit).start();
    let viewer = gate.issuer.user("ana").context("dashboard").sign();
    gate.post(PUBLISH, "{}").bearer(&viewer).send().allowed(200);
    // Guards hold over it all the same.
    let other = format!("{MISSIONS}?workspaceId=globex-prod");
    gate.get(&other)
        .bearer(&viewer)
        .send()
        .refused(Reason::OutsideTenant);

    let gate = TestGate::builder().overlay("globex", permit).start();
    let bo = gate
        .issuer
        .user("bo")
        .account("globex")
        .workspace("globex-prod");
    let reply = gate.get("/app/v1/missions").bearer(&bo.sign()).send();
    reply.refused(Reason::OverlayUnavailable);
}

#[test]
fn a_broken_overlay_denies_its_own_account_only() {
    let gate = TestGate::builder()
        .overlay("acme", "permit (principal")
        .start();
    let ana = gate.issuer.user("ana").sign();
    gate.get("/app/v1/missions")
        .bearer(&ana)
        .send()
        .refused(Reason::OverlayUnavailable);
    let bo = gate
        .issuer
        .user("bo")
        .account("globex")
        .workspace("globex-prod")
        .sign();
    gate.get("/app/v1/missions").bearer(&bo).send().allowed(200);
}

#[test]
fn a_policy_of_a_thousand_parentheses_kills_nobody() {
    let deep = format!(
        "@id(\"deep\")\nforbid (principal, action, resource) when {{ {}true{} }};\n",
        "(".repeat(1000),
        ")".repeat(1000)
    );
    let gate = TestGate::builder().overlay("acme", &deep).start();
    let ana = gate.issuer.user("ana").sign();
    gate.get("/app/v1/missions")
        .bearer(&ana)
        .send()
        .refused(Reason::OverlayUnavailable);

    let (started, _) = TestGate::builder().policy("deep", &deep).try_start();
    let error = started
        .err()
        .expect("such a platform policy does not start");
    assert!(error.contains("deep.cedar"), "{error}");
}

#[test]
fn an_erring_forbid_denies() {
    let overflow = "@id(\"erring\")\nforbid (principal, action, resource)\n\
        when { 9223372036854775807 + 1 > 0 };\n";
    let gate = TestGate::builder().overlay("acme", overflow).start();
    let ana = gate.issuer.user("ana").sign();
    let reply = gate.get("/app/v1/missions").bearer(&ana).send();
    reply.refused(Reason::PolicyError);
    gate.upstream.saw_nothing();
}
