//! Queries that a framework may read otherwise than the gate.

use super::{Attack, Hostile, OWN, add_query, escaped, foreign, name, own, pick, snake};
use crate::support::random::Random;

/// Names tenants in the query.
pub(super) fn names(dice: &mut Random, made: &mut Hostile) {
    made.attack = Attack::Query;
    let mut pairs = Vec::new();
    for _ in 0..=dice.below(2) {
        let name = name(dice);
        pairs.push(format!("{}={}", key(dice, name), value(dice, name)));
    }
    if dice.once_in(3) {
        // Once as it should be, and once more.
        pairs.insert(
            dice.below(2) % pairs.len().max(1),
            format!("workspaceId={OWN}"),
        );
    }
    if dice.once_in(4) {
        pairs.insert(
            0,
            pick(dice, &["page=1", "", "q=a%26b", "q=a?b", "%"]).to_owned(),
        );
    }
    let joint = pick(
        dice,
        &["&", "&", "&", "&", ";", "&&", "&amp;", "%26", "?", "&;"],
    );
    add_query(made, &pairs.join(joint));
}

/// Names its own tenant, in a key that some readers take for an operator.
pub(super) fn operator(dice: &mut Random, made: &mut Hostile) {
    made.attack = Attack::Operator;
    let name = name(dice);
    let operator = pick(
        dice,
        &[
            "$ne",
            "$gt",
            "$regex",
            "not",
            "7",
            "globex-prod",
            "][$ne",
            "0][$ne",
        ],
    );
    let own = own(name);
    let pair = match dice.below(5) {
        0 => format!("filter[{name}][{operator}]={own}"),
        1 => format!("{name}%5B{operator}%5D={own}"),
        2 => format!("{name}[{operator}][]={own}"),
        _ => format!("{name}[{operator}]={own}"),
    };
    add_query(made, &pair);
}

/// A value that is the caller's own, someone else's, or nearly its own.
fn value(dice: &mut Random, name: &str) -> String {
    let own = own(name);
    let foreign = foreign(name);
    match dice.below(12) {
        0..4 => own.to_owned(),
        4 => own.to_ascii_uppercase(),
        5 => format!("{own},{foreign}"),
        6 => format!("{own}%20"),
        7 => format!("{own}%2500"),
        8 => own.replace('a', "%61"),
        9 => String::new(),
        10 => format!("+{own}"),
        _ => foreign.to_owned(),
    }
}

/// A spelling of a key that some reader takes for `name`.
fn key(dice: &mut Random, name: &str) -> String {
    let spelt = match dice.below(10) {
        0 => name.to_ascii_lowercase(),
        1 => name.to_ascii_uppercase(),
        2 => snake(name, '_'),
        3 => snake(name, '-'),
        4 => escaped(dice, name),
        // A long s and a Kelvin sign; a zero-width space and a soft hyphen.
        5 => name.replace('s', "%C5%BF").replace('k', "%E2%84%AA"),
        6 => format!("{name}%E2%80%8B%C2%AD"),
        _ => name.to_owned(),
    };
    match dice.below(14) {
        0 => format!("{spelt}[]"),
        1 => format!("{spelt}[0]"),
        2 => format!("{spelt}%5B%5D"),
        3 => format!("[{spelt}]"),
        4 => format!("filter[{spelt}]"),
        5 => format!("filter%5B{spelt}%5D[]"),
        6 => format!("a[b][c][d][e][f][g][{spelt}]"),
        7 => format!("filter.{spelt}"),
        8 => format!("{spelt}["),
        9 => format!("__proto__[{spelt}]"),
        10 => format!("{}{spelt}", pick(dice, &["+", "%20", "%EF%BB%BF", "%09"])),
        _ => spelt,
    }
}
