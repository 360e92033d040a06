//! Bodies that a framework may read otherwise than the gate.

use super::{Attack, Hostile, foreign, name, own, pick};
use crate::support::random::Random;

/// Gives the request a body.
pub(super) fn bend(dice: &mut Random, made: &mut Hostile) {
    made.attack = Attack::Body;
    let known = [
        ("POST", "/app/v1/missions"),
        ("PUT", "/app/v1/users/ana"),
        ("POST", "/dashboard/v1/missions"),
        ("PUT", "/dashboard/v1/missions/m-1"),
        ("GET", "/app/v1/missions"),
        ("DELETE", "/dashboard/v1/missions/m-1"),
    ];
    // Most often where a body belongs.
    let last = if dice.once_in(6) { known.len() } else { 4 };
    let (method, target) = known[dice.below(last)];
    (made.method, made.target) = (method.to_owned(), target.to_owned());
    made.body = Some(match dice.below(6) {
        0 => (form(dice), "application/x-www-form-urlencoded"),
        1 => (encoded(dice), kind(dice)),
        _ => (document(dice).into_bytes(), kind(dice)),
    })
    .map(|(body, kind)| (kind.to_owned(), body));
    if dice.once_in(12) {
        let coding = pick(dice, &["identity", "gzip", "utf-8"]);
        made.headers
            .push(("content-encoding".to_owned(), coding.to_owned()));
    }
}

fn kind(dice: &mut Random) -> &'static str {
    if dice.once_in(2) {
        return "application/json";
    }
    pick(
        dice,
        &[
            "application/json; charset=utf-8",
            "Application/JSON;charset=\"UTF-8\"",
            "application/json; charset=utf-16le",
            "application/json; charset=utf-16be",
            "application/json; charset=utf-7",
            "application/json; charset=utf-8; charset=utf-16le",
            "application/json;",
            "application/json, application/x-www-form-urlencoded",
            "application/vnd.api+json",
            "text/plain",
        ],
    )
}

/// The same in another form than plain UTF-8.
fn encoded(dice: &mut Random) -> Vec<u8> {
    let text = document(dice);
    match dice.below(5) {
        0 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        1 => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        2 => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        // A byte that is no UTF-8, inside the name or before the document.
        3 => text.replace("spaceId", "space\u{1}Id").into_bytes(),
        _ => [b"\xff", text.as_bytes()].concat(),
    }
}

fn form(dice: &mut Random) -> Vec<u8> {
    let name = name(dice);
    let pair = match dice.below(4) {
        0 => "_method=DELETE".to_owned(),
        1 => format!("{name}[$ne]={}", own(name)),
        2 => format!("{name}={}&{name}={}", own(name), foreign(name)),
        _ => format!("{name}={}", foreign(name)),
    };
    pair.into_bytes()
}

fn document(dice: &mut Random) -> String {
    let name = name(dice);
    let (own, foreign) = (own(name), foreign(name));
    let key = key(dice, name);
    match dice.below(20) {
        0 => format!(r#"{{"{name}":"{own}","{key}":"{foreign}"}}"#),
        1 => format!(r#"{{"{key}":"{foreign}","{name}":"{own}"}}"#),
        2 => format!(r#"{{"{key}":{{"$ne":"{own}"}}}}"#),
        3 => format!(r#"{{"{key}":["{own}","{foreign}"]}}"#),
        4 => format!(r#"{{"{key}":["{own}"]}}"#),
        5 => format!(r#"{{"a":{{"b":[{{"{key}":"{foreign}"}}]}}}}"#),
        6 => format!(r#"{{"__proto__":{{"{key}":"{foreign}"}}}}"#),
        7 => format!(r#"[{{"{key}":"{foreign}"}}]"#),
        8 => format!(r#"{{"{key}":"{own}"}}{{"{key}":"{foreign}"}}"#),
        9 => format!("/* \u{a0} */ {{\"{key}\":\"{foreign}\"}}"),
        10 => format!(r#"{{"{key}":"{own}",}}"#),
        11 => format!(
            "{}{{\"{key}\":\"{foreign}\"}}{}",
            r#"{"d":"#.repeat(40),
            "}".repeat(40)
        ),
        12 => format!(r#"{{"{key}":null,"n":1e400}}"#),
        13 => format!(r#"{{"{key}":"{own}\u0000"}}"#),
        14 => format!(r#"{{"{key}":"{}"}}"#, own.to_uppercase()),
        15 => r#"{"_method":"DELETE"}"#.to_owned(),
        16 => format!(
            r#"{{"{key}":"\u{:04x}{}"}}"#,
            u32::from(own.as_bytes()[0]),
            &own[1..]
        ),
        17 => format!(r#"{{"\ud800":1,"{key}":"{foreign}"}}"#),
        18 => format!("\u{feff}{{\"{key}\":\"{foreign}\"}}"),
        _ => format!(
            r#"{{"{key}":"{}"}}"#,
            if dice.once_in(2) { own } else { foreign }
        ),
    }
}

/// A spelling of a key.
fn key(dice: &mut Random, name: &str) -> String {
    let (first, rest) = name.split_at(1);
    match dice.below(10) {
        0 => name.to_ascii_uppercase(),
        1 => super::snake(name, '_'),
        2 => super::snake(name, '-'),
        3 => format!("\\u{:04x}{rest}", u32::from(first.as_bytes()[0])),
        4 => name.replace('s', "\u{17f}"),
        5 => format!("filter.{name}"),
        6 => format!("{name}[]"),
        7 => format!(" {name}"),
        _ => name.to_owned(),
    }
}
