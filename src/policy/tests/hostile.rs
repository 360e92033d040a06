//! Hostile text: it costs its account its policies, never the process, never anybody else.

use super::support::{account, as_overlay, fault_of, operation, overlay, shipped};
use crate::clock::Timestamp;
use crate::operation::Access;
use crate::policy::{OverlayState, Store};
use crate::tenant::OverlayMode;

fn forbid(condition: &str) -> String {
    format!("@id(\"a\") forbid (principal, action, resource) when {{ {condition} }};")
}

#[track_caller]
fn quarantined(text: &str, code: &str) {
    let (faults, quarantined) = as_overlay(OverlayMode::Permit, text);
    assert!(quarantined, "{faults:?}");
    assert!(faults.iter().any(|fault| fault.code == code), "{faults:?}");
    assert!(faults.iter().all(|fault| !fault.is_error()), "{faults:?}");
}

#[test]
fn a_thousand_parentheses_are_refused_before_the_parser() {
    let nested = format!("{}true{}", "(".repeat(1000), ")".repeat(1000));
    quarantined(&forbid(&nested), "policy_budget");
    assert_eq!(fault_of(&forbid(&nested)).code, "policy_budget");
}

#[test]
fn the_368_byte_bomb_is_refused_before_the_parser() {
    let bomb = format!(
        "permit(principal,action,resource)when{{{}1{}}};",
        "(".repeat(160),
        ")".repeat(160)
    );
    assert!(bomb.len() <= 368, "{}", bomb.len());
    quarantined(&bomb, "policy_budget");
}

#[test]
fn brackets_in_strings_and_comments_do_not_count() {
    let text = format!(
        "// {}\n{}",
        "(".repeat(500),
        forbid(&format!("context.http.path like \"{}\"", "(".repeat(500)))
    );
    let (faults, quarantined) = as_overlay(OverlayMode::Forbid, &text);
    assert!(!quarantined, "{faults:?}");
}

#[test]
fn a_quote_in_a_comment_hides_no_brackets() {
    let nested = format!("{}true{}", "(".repeat(100), ")".repeat(100));
    quarantined(&format!("// it's \"\n{}", forbid(&nested)), "policy_budget");
    quarantined(
        &format!("// \"\r{} // \"", forbid(&nested)),
        "policy_budget",
    );
}

#[test]
fn the_deepest_text_that_is_let_through_is_parsed() {
    for deep in [
        format!("{}true{}", "(".repeat(60), ")".repeat(60)),
        format!(
            "{}true{}",
            "if true then ".repeat(6),
            " else false".repeat(6)
        ),
        format!("true{}", " && true".repeat(900)),
        format!("true{}", " || context.http.path == \"a\"".repeat(300)),
        format!("1{} == 2", " + 1".repeat(900)),
        format!("{}1{} == [1]", "[".repeat(60), "]".repeat(60)),
        format!("context{} == 1", ".http".repeat(900)),
        "!!!!true".to_owned(),
    ] {
        // Whatever Cedar makes of it, the process lives and the account is served or denied.
        as_overlay(OverlayMode::Permit, &forbid(&deep));
    }
    let long = format!("true{}", " && true".repeat(1_300));
    assert!(super::support::with_file("policies/extra.cedar", &forbid(&long)).is_ok());
}

#[test]
fn chains_and_ifs_have_bounds() {
    quarantined(
        &forbid(&format!("true{}", " && true".repeat(3_000))),
        "policy_budget",
    );
    let ifs = format!(
        "{}true{}",
        "if true then ".repeat(30),
        " else false".repeat(30)
    );
    quarantined(&forbid(&ifs), "policy_budget");
}

#[test]
fn many_wildcards_are_refused() {
    let stars = format!("context.http.path like \"{}\"", "*a".repeat(9));
    quarantined(&forbid(&stars), "policy_budget");
    let escaped = format!("context.http.path like \"{}\"", "\\*a".repeat(20));
    assert!(!as_overlay(OverlayMode::Forbid, &forbid(&escaped)).1);
}

#[test]
fn an_overlay_has_bytes_policies_and_nodes() {
    let one = |id: usize| format!("@id(\"p{id}\") forbid (principal, action, resource);\n");
    let many: String = (0..101).map(one).collect();
    quarantined(&many, "policy_budget");
    quarantined(
        &format!("{}// {}", one(1), "x".repeat(64 * 1024)),
        "policy_budget",
    );
    let nodes = forbid(&format!("true{}", " || true".repeat(1_100)));
    quarantined(&nodes, "policy_budget");
}

#[test]
fn an_overlay_without_policies_is_no_overlay() {
    quarantined("", "policy_empty");
    quarantined("// forbid (principal, action, resource);\n", "policy_empty");
}

#[test]
fn a_template_is_refused() {
    quarantined(
        "@id(\"t\") permit (principal == ?principal, action, resource);",
        "policy_template",
    );
}

#[test]
fn a_permit_needs_permission() {
    let permit = "@id(\"all\") permit (principal, action, resource);";
    let (faults, quarantined) = as_overlay(OverlayMode::Forbid, permit);
    assert!(quarantined);
    assert_eq!(faults[0].code, "policy_layer");
    assert!(!as_overlay(OverlayMode::Permit, permit).1);
    let (faults, quarantined) = as_overlay(OverlayMode::None, &forbid("true"));
    assert!(quarantined, "{faults:?}");
}

#[test]
fn a_lookalike_letter_is_refused() {
    // The `о` of `dоcs` is Cyrillic: it will never match.
    let lookalike = forbid("resource has kind && resource.kind == \"d\u{43e}cs\"");
    quarantined(&lookalike, "policy_lookalike");
    // Marks of direction show a text in another order than it is read.
    let turned = forbid("resource has kind && resource.kind == \"\u{202e}scod\"");
    quarantined(&turned, "policy_lookalike");
    // A word of one script is what it looks like.
    let plain = forbid("resource has kind && resource.kind == \"\u{434}\u{43e}\u{43a}\"");
    assert_eq!(as_overlay(OverlayMode::Forbid, &plain), (Vec::new(), false));
    // The platform's own writer is warned.
    let (_, warnings) = super::support::with_file("more.cedar", &lookalike).unwrap();
    assert_eq!(warnings[0].code, "policy_suspect");
}

#[test]
fn an_account_names_its_own_entities_only() {
    let foreign = [
        "principal in Tenancy::Group::\"globex/staff\"",
        "principal in Tenancy::Role::\"globex/globex-prod#admin\"",
        "principal in Tenancy::Role::\"globex#owner\"",
        "principal == Tenancy::User::\"globex/ana\"",
        "principal == Tenancy::Service::\"globex/sync\"",
        "resource in Tenancy::Workspace::\"globex/globex-prod\"",
        "resource in Tenancy::Workspace::\"acme-prod\"",
        "resource in Tenancy::Account::\"globex\"",
        "resource in Tenancy::Account::\"Acme\"",
        "resource in [Tenancy::Account::\"acme\", Tenancy::Account::\"acme-2\"]",
    ];
    for condition in foreign {
        let text = format!("// of acme\n{}", forbid(condition));
        let (faults, quarantined) = as_overlay(OverlayMode::Permit, &text);
        assert!(quarantined, "{condition}");
        let fault = faults.iter().find(|fault| fault.code == "policy_foreign");
        let (line, column) = fault.unwrap().place.line_column().unwrap();
        assert_eq!(line, 2, "{condition}");
        assert!(column > 40, "{condition}: the literal, not the policy");
    }
    let own = [
        "principal in Tenancy::Group::\"acme/staff\"",
        "principal in Tenancy::Role::\"acme/acme-prod#admin\"",
        "principal in Tenancy::Role::\"acme#owner\"",
        "principal == Tenancy::User::\"acme/other|sub\"",
        "resource in [Tenancy::Account::\"acme\"]",
    ];
    for condition in own {
        let (faults, quarantined) = as_overlay(OverlayMode::Permit, &forbid(condition));
        assert!(!quarantined, "{condition}: {faults:?}");
    }
}

#[test]
fn a_policy_that_is_slow_again_and_again_is_set_aside_until_it_changes() {
    let with = |text: &str| {
        let mut settings = shipped();
        settings.overlays = vec![
            overlay("acme", OverlayMode::Forbid, text),
            overlay("globex", OverlayMode::Forbid, &forbid("true")),
        ];
        settings
    };
    let first = Store::build(with(&forbid("true"))).unwrap().0;
    let (acme, globex) = (account("acme"), account("globex"));
    let revision = first.revision().to_owned();
    // Nine in a minute, again and again.
    for minute in 0..3 {
        for _ in 0..9 {
            assert!(!first.was_slow(&acme, Timestamp(minute * 60_000)));
        }
    }
    assert_eq!(first.quarantined(), []);
    assert!(first.was_slow(&acme, Timestamp(2 * 60_000 + 1)));
    assert!(
        !first.was_slow(&acme, Timestamp(2 * 60_000 + 2)),
        "said once"
    );
    assert_eq!(first.quarantined(), [(&acme, false)]);
    assert!(matches!(first.overlay(&acme), OverlayState::Unavailable));
    assert!(matches!(first.overlay(&globex), OverlayState::Ready(_)));
    first.load(&acme);
    assert!(matches!(first.overlay(&acme), OverlayState::Unavailable));
    let report = first.overlay_report(&acme).unwrap();
    assert_eq!(report.faults[0].code, "policy_slow");
    assert_eq!(first.revision(), revision, "the files are what they were");
    // A reload that changes something else changes nothing of it.
    let mut wider = with(&forbid("true"));
    wider
        .operations
        .push(operation("app/badges/list", Access::Read, false));
    for same in [with(&forbid("true")), wider] {
        let same = Store::succeed(same, Some(&first)).unwrap().0;
        assert_eq!(same.quarantined(), [(&acme, false)]);
        // Nor is a slow text good enough to fall back to.
        let broken = Store::succeed(with("forbid ("), Some(&same)).unwrap().0;
        assert_eq!(broken.quarantined(), [(&acme, false)]);
        let mended = Store::succeed(with(&forbid("false")), Some(&same))
            .unwrap()
            .0;
        assert_eq!(mended.quarantined(), []);
        assert!(matches!(mended.overlay(&acme), OverlayState::Ready(_)));
    }
}

#[test]
fn tenants_raise_no_alarm() {
    quarantined(
        "@id(\"a\") @isolation forbid (principal, action, resource);",
        "policy_annotation",
    );
}

#[test]
fn one_bad_overlay_leaves_the_others_alone() {
    let mut settings = shipped();
    settings.overlays = vec![
        overlay("acme", OverlayMode::Forbid, "forbid (principal"),
        overlay("globex", OverlayMode::Forbid, &forbid("true")),
    ];
    let (store, _) = Store::build(settings).unwrap();
    assert_eq!(store.quarantined(), [(&account("acme"), false)]);
    assert!(matches!(
        store.overlay(&account("acme")),
        OverlayState::Unavailable
    ));
    assert!(matches!(
        store.overlay(&account("globex")),
        OverlayState::Ready(_)
    ));
    assert!(matches!(
        store.overlay(&account("other-one")),
        OverlayState::Absent
    ));
}

#[test]
fn wildcards_cannot_be_hidden_from_the_count() {
    let many = "*a".repeat(9);
    let written = |star: &str| format!("\"{}\"", format!("{star}a").repeat(9));
    for pattern in [
        // Cedar skips whatever Unicode calls a space.
        format!("\u{a0}\"{many}\""),
        format!("\u{b}\"{many}\""),
        format!("\u{2028}\u{3000}\"{many}\""),
        format!(" // a comment\n \"{many}\""),
        // And reads escapes before wildcards.
        written("\\u{2a}"),
        written("\\u{00002A}"),
        written("\\x2a"),
        written("\\\\*"),
    ] {
        let condition = format!("context.http.path like{pattern}");
        quarantined(&forbid(&condition), "policy_budget");
    }
    let plain = written("\\\\\\*");
    let condition =
        format!("context.http.path like {plain} || context.http.path like \"\\u{{2b}}\"");
    assert!(!as_overlay(OverlayMode::Forbid, &forbid(&condition)).1);
}

#[test]
fn a_long_has_is_refused_before_the_parser() {
    let names = |count: usize| vec!["a"; count].join(" . ");
    quarantined(
        &forbid(&format!("context has {}", names(17))),
        "policy_budget",
    );
    // Written out, two thousand names are two million.
    let spaced = names(1_900).replace(' ', "\u{a0}// .\n");
    quarantined(&forbid(&format!("context has {spaced}")), "policy_budget");
    let short =
        "if context has certificate.spiffe then context has http.method else context has http.path";
    let (faults, quarantined) = as_overlay(OverlayMode::Forbid, &forbid(short));
    assert!(!quarantined, "{faults:?}");
}

#[test]
fn a_forbid_cannot_rest_on_what_is_not_in_the_store() {
    // It would read as if it forbade, and never forbid.
    for condition in [
        r#"Tenancy::User::"acme/ana" in Tenancy::Group::"acme/vip""#,
        r#"Tenancy::User::"acme/ana" has email"#,
        r#"Tenancy::Resource::"acme/acme-prod/missions/1" in Tenancy::Account::"acme""#,
        r#"resource has owner && resource.owner in Tenancy::Group::"acme/vip""#,
        r"resource has owner && resource.owner has email",
        r#"resource has owner && resource.owner.hasTag("vip")"#,
        r#"resource has owner && {"who": resource.owner}.who in Tenancy::Group::"acme/vip""#,
        r"resource.workspace in context.catalogs",
    ] {
        let text = format!(
            "@id(\"a\") forbid (principal, action in Tenancy::Action::\"scoped\", resource is Tenancy::Resource) when {{ {condition} }};"
        );
        quarantined(&text, "policy_invalid");
    }
}

#[test]
fn a_file_of_many_faults_has_the_first_of_them_told() {
    let unnamed = "forbid(principal,action,resource);".repeat(1_900);
    for text in [";".repeat(65_000), "x;".repeat(32_000), unnamed] {
        let (faults, quarantined) = as_overlay(OverlayMode::Forbid, &text);
        assert!(quarantined);
        assert!((100..120).contains(&faults.len()), "{}", faults.len());
    }
}
