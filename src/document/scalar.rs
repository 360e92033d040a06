//! What a plain scalar means: the YAML 1.2 core schema (section 10.3.2), as far as JSON can hold it.

use serde_json::{Number, Value};

/// A plain scalar's value. `Err`: it is a number that JSON cannot hold exactly or at all.
pub(super) fn plain(text: &str) -> Result<Value, &'static str> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        ".nan" | ".NaN" | ".NAN" => return Err("not a finite number"),
        _ => {}
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return Err("not a finite number");
    }
    if is_all(digits, |b| b.is_ascii_digit()) {
        // `007` is 7 to YAML, an octal number to older readers and a text to the eye: say which.
        if digits.len() > 1 && digits.starts_with('0') {
            return Err("a number with leading zeros");
        }
        return integer(negative, digits, 10);
    }
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(digits) = text.strip_prefix(prefix)
            && is_all(digits, |b| char::from(b).is_digit(radix))
        {
            return integer(false, digits, radix);
        }
    }
    if is_float(digits) {
        let number = text.parse().ok().and_then(Number::from_f64);
        return number.map(Value::Number).ok_or("not a finite number");
    }
    Ok(Value::String(text.to_owned()))
}

fn integer(negative: bool, digits: &str, radix: u32) -> Result<Value, &'static str> {
    const TOO_LARGE: &str = "an integer beyond 64 bits";
    let magnitude = u64::from_str_radix(digits, radix).map_err(|_| TOO_LARGE)?;
    if negative {
        let value = 0_i64.checked_sub_unsigned(magnitude).ok_or(TOO_LARGE)?;
        return Ok(value.into());
    }
    Ok(magnitude.into())
}

fn is_all(text: &str, is: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(is)
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`, the sign cut.
fn is_float(text: &str) -> bool {
    let digit = |b: u8| b.is_ascii_digit();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        is_all(exponent.strip_prefix(['-', '+']).unwrap_or(exponent), digit)
    });
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => is_all(fraction, digit),
        Some((whole, fraction)) => is_all(whole, digit) && fraction.bytes().all(digit),
        None => is_all(mantissa, digit),
    };
    exponent_fits && mantissa_fits
}
