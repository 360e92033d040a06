//! Hostile text: it costs its account its policies, never the process, never anybody else.

use super::support::{account, as_overlay, fault_of, overlay, shipped};
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
fn a_lookalike_letter_is_pointed_out() {
    // The `о` of `dоcs` is Cyrillic: it will never match.
    let (faults, quarantined) = as_overlay(
        OverlayMode::Forbid,
        &forbid("resource has kind && resource.kind == \"d\u{43e}cs\""),
    );
    assert!(!quarantined);
    assert!(
        faults.iter().any(|fault| fault.code == "policy_suspect"),
        "{faults:?}"
    );
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
