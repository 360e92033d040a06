//! Moments and times of day that a policy writes out.

use cedar_policy::pst::{Expr, Literal, UnaryOp};
use cedar_policy::{Context, Entities, EntityUid, EvalResult, Expression, Request};
use std::str::FromStr;

/// The moment of `datetime("..")`, in milliseconds since 1970.
pub(super) fn datetime(expr: &Expr) -> Option<i64> {
    let text = literal_of(expr, UnaryOp::Datetime)?;
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b"TZ:.+-".contains(&b));
    let epoch = r#"durationSince(datetime("1970-01-01"))"#;
    millis(
        plain,
        &format!(r#"datetime("{text}").{epoch}.toMilliseconds()"#),
    )
}

/// The length of `duration("..")`, in milliseconds.
pub(super) fn duration(expr: &Expr) -> Option<i64> {
    let text = literal_of(expr, UnaryOp::Duration)?;
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b"dhms-".contains(&b));
    millis(plain, &format!(r#"duration("{text}").toMilliseconds()"#))
}

fn literal_of(expr: &Expr, constructor: UnaryOp) -> Option<&str> {
    match expr {
        Expr::UnaryOp { op, expr } if *op == constructor => match expr.as_ref() {
            Expr::Literal(Literal::String(text)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Cedar itself reads its literals, so that both mean the same moment.
fn millis(plain: bool, expression: &str) -> Option<i64> {
    if !plain {
        return None;
    }
    let expression = Expression::from_str(expression).ok()?;
    let nobody = EntityUid::from_str(r#"Tenancy::User::"nobody""#).ok()?;
    let request = Request::new(
        nobody.clone(),
        nobody.clone(),
        nobody,
        Context::empty(),
        None,
    )
    .ok()?;
    match cedar_policy::eval_expression(&request, &Entities::empty(), &expression) {
        Ok(EvalResult::Long(millis)) => Some(millis),
        _ => None,
    }
}
