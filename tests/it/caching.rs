//! Decisions and tokens are remembered, and what is remembered answers only the same question.

use crate::support::gate::TestGate;
use palisade::reason::Reason;

const PATH: &str = "/app/v1/missions";

#[test]
fn the_second_same_question_is_answered_from_the_cache() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    for _ in 0..3 {
        gate.get(PATH).bearer(&token).send().allowed(200);
    }
    let metrics = gate.metrics();
    assert_eq!(
        metrics.sum("palisade_decision_cache_misses_total", &[]),
        1.0
    );
    assert_eq!(metrics.sum("palisade_decision_cache_hits_total", &[]), 2.0);
    assert_eq!(metrics.sum("palisade_token_cache_hits_total", &[]), 2.0);
    let cached: Vec<_> = gate
        .audit(3)
        .iter()
        .map(|record| record["cached"].clone())
        .collect();
    assert_eq!(cached, [false, true, true]);
}

#[test]
fn a_denial_is_remembered_as_a_denial() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").role("none").sign();
    for _ in 0..3 {
        gate.get(PATH)
            .bearer(&token)
            .send()
            .refused(Reason::PolicyDenied);
    }
    gate.upstream.saw_nothing();
}

#[test]
fn the_record_of_a_cached_answer_names_who_asked_and_not_who_asked_first() {
    let gate = TestGate::start();
    for name in ["ana", "ben"] {
        let token = gate.issuer.user(name).sign();
        gate.get(PATH).bearer(&token).send().allowed(200);
    }
    let records = gate.audit(2);
    for (record, name) in records.iter().zip(["ana", "ben"]) {
        assert!(
            record.to_string().contains(&format!("\"{name}\"")),
            "{record}"
        );
    }
}

#[test]
fn an_allow_for_one_role_workspace_or_account_never_answers_for_another() {
    let gate = TestGate::builder()
        .overlay(
            "globex",
            "@id(\"closed\")\nforbid (principal, action, resource);\n",
        )
        .start();
    let user = || gate.issuer.user("ana");
    for _ in 0..2 {
        gate.get(PATH).bearer(&user().sign()).send().allowed(200);
        let norole = user().role("none").sign();
        gate.get(PATH)
            .bearer(&norole)
            .send()
            .refused(Reason::PolicyDenied);
        let noscope = user().scope("app/write").sign();
        gate.get(PATH)
            .bearer(&noscope)
            .send()
            .refused(Reason::PolicyDenied);
        let globex = user().account("globex").workspace("globex-prod").sign();
        gate.get(PATH)
            .bearer(&globex)
            .send()
            .refused(Reason::PolicyDenied);
        gate.get(PATH)
            .bearer(&user().workspace("acme-two").sign())
            .send()
            .allowed(200);
    }
}
