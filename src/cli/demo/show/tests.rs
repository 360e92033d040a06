//! Tests of the demo's `show`.

use super::*;

fn text(temporary: bool, kept: usize) -> String {
    let mut out = Vec::new();
    let about = Tour {
        proxy: "127.0.0.1:11".parse().unwrap(),
        metrics: "127.0.0.1:12".parse().unwrap(),
        control: "127.0.0.1:13".parse().unwrap(),
        control_token: "secret",
        program: "palisade",
        dir: Path::new("/demo"),
        temporary,
        kept,
        viewer_app: "ANA.APP",
        viewer_dashboard: "ANA.DASHBOARD",
        stranger_app: "BO.APP",
    };
    tour(&mut out, &about).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn proxy_metrics_and_control_stand_first_and_in_this_order() {
    let text = text(true, 0);
    let addresses: Vec<&str> = text
        .match_indices("127.0.0.1:")
        .map(|(at, found)| text.get(at..at + found.len() + 2).unwrap())
        .collect();
    assert_eq!(
        addresses[..3],
        ["127.0.0.1:11", "127.0.0.1:12", "127.0.0.1:13"]
    );
    assert!(text.contains("http://127.0.0.1:13  token secret"), "{text}");
}

#[test]
fn the_three_commands_stand_on_lines_of_their_own() {
    let text = text(true, 0);
    let commands: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("curl "))
        .collect();
    assert_eq!(
        commands,
        [
            "curl -i -H 'Authorization: Bearer ANA.APP' 'http://127.0.0.1:11/app/v1/missions'",
            "curl -i -X POST -H 'Authorization: Bearer ANA.DASHBOARD' \
             'http://127.0.0.1:11/dashboard/v1/missions/m-1/publish'",
            "curl -i -H 'Authorization: Bearer BO.APP' \
             'http://127.0.0.1:11/app/v1/missions?workspaceId=acme-prod'",
        ]
    );
}

#[test]
fn the_policy_the_audit_and_the_token_command_are_named() {
    let text = text(false, 3);
    assert!(text.contains("/demo/policies/baseline.cedar"), "{text}");
    assert!(text.contains("/demo/audit/audit.ndjson"), "{text}");
    assert!(
        text.contains("--user ana|edi|adi|bo|root|hr-sync [--context app|dashboard|portal]"),
        "{text}"
    );
    assert!(text.contains("3 were in /demo already"), "{text}");
    assert!(!text.contains("are gone"), "{text}");
}

#[test]
fn a_folder_with_spaces_is_one_word_of_the_command() {
    assert_eq!(quoted("/my/demo-1"), "/my/demo-1");
    assert_eq!(quoted("/my demo"), "'/my demo'");
    assert_eq!(quoted("it's"), r"'it'\''s'");
}

#[test]
fn temporary_files_are_said_to_go() {
    assert!(text(true, 0).contains("these files are gone when the demo ends"));
}
