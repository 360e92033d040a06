//! Moments and addresses as Cedar's values.
//!
//! Cedar makes these from text alone, with regular expressions: 4 us each. So the second is read once,
//! and the milliseconds are added to it; an address is read once for each thread.

use super::entity::in_cedars_years;
use crate::clock::Timestamp;
use cedar_policy::RestrictedExpression;
use cedar_policy_core::ast::{self, Name, PartialValue, Value};
use cedar_policy_core::evaluator::RestrictedEvaluator;
use cedar_policy_core::extensions::Extensions;
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::LazyLock;

/// How many addresses each thread remembers.
const ADDRESSES_MAX: usize = 256;

thread_local! {
    /// The second of the last moment.
    static SECOND: RefCell<Option<(i64, Value)>> = const { RefCell::new(None) };
    static ADDRESSES: RefCell<HashMap<IpAddr, Value>> = RefCell::default();
}

/// `duration("0ms")` to `duration("999ms")`.
static MILLIS: LazyLock<Vec<Option<Value>>> = LazyLock::new(|| {
    let duration = |ms: u16| RestrictedExpression::new_duration(format!("{ms}ms"));
    (0..1000).map(|ms| read(&duration(ms)).ok()).collect()
});

static OFFSET: LazyLock<Option<Name>> =
    LazyLock::new(|| Name::parse_unqualified_name("offset").ok());

/// A moment.
pub(super) fn datetime(at: Timestamp) -> Result<Value, String> {
    let at = in_cedars_years(at).millis();
    let (start, beyond) = (at - at.rem_euclid(1000), at.rem_euclid(1000));
    let second = second(start)?;
    if beyond == 0 {
        return Ok(second);
    }
    let beyond = usize::try_from(beyond).ok().and_then(|ms| MILLIS.get(ms));
    let (Some(Some(beyond)), Some(offset)) = (beyond, OFFSET.as_ref()) else {
        return Err("cedar has no such duration".to_owned());
    };
    let offset = Extensions::all_available().func(offset);
    let moved = offset.map_err(|error| error.to_string())?;
    match moved.call(&[second, beyond.clone()]) {
        Ok(PartialValue::Value(moment)) => Ok(moment),
        Ok(PartialValue::Residual(_)) => Err("a moment is not known".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn second(start: i64) -> Result<Value, String> {
    let known = SECOND.with_borrow(|last| {
        let last = last.as_ref().filter(|(second, _)| *second == start);
        last.map(|(_, value)| value.clone())
    });
    if let Some(value) = known {
        return Ok(value);
    }
    let value = read(&RestrictedExpression::new_datetime(
        Timestamp(start).rfc3339(),
    ))?;
    SECOND.set(Some((start, value.clone())));
    Ok(value)
}

/// An address. An IPv4 client in IPv6 clothes would slip every range of IPv4 addresses.
pub(super) fn address(client: IpAddr) -> Result<Value, String> {
    let client = client.to_canonical();
    if let Some(known) = ADDRESSES.with_borrow(|all| all.get(&client).cloned()) {
        return Ok(known);
    }
    let value = read(&RestrictedExpression::new_ip(client.to_string()))?;
    ADDRESSES.with_borrow_mut(|all| {
        if all.len() >= ADDRESSES_MAX {
            all.clear();
        }
        all.insert(client, value.clone());
    });
    Ok(value)
}

fn read(expression: &RestrictedExpression) -> Result<Value, String> {
    let expression: &ast::RestrictedExpr = expression.as_ref();
    let evaluator = RestrictedEvaluator::new(Extensions::all_available());
    let value = evaluator.interpret(expression.as_borrowed());
    value.map_err(|error| error.to_string())
}
