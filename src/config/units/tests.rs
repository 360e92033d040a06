//! Spellings that are read, and those that are not.

use super::*;

fn duration(text: &str) -> Result<Duration, BadUnit> {
    Duration::try_from(text.to_owned())
}

fn size(text: &str) -> Result<Size, BadUnit> {
    Size::try_from(text.to_owned())
}

fn rate(text: &str) -> Result<Rate, BadUnit> {
    Rate::try_from(text.to_owned())
}

fn secret(text: &str) -> Result<SecretRef, BadUnit> {
    SecretRef::try_from(text.to_owned())
}

#[test]
fn durations_are_read_and_written_alike() {
    for (text, millis) in [
        ("0s", 0),
        ("500ms", 500),
        ("5s", 5000),
        ("10m", 600_000),
        ("24h", 86_400_000),
    ] {
        assert_eq!(duration(text).unwrap(), Duration::millis(millis), "{text}");
    }
    for text in ["500ms", "5s", "10m", "23h", "7d", "1500ms", "90s"] {
        assert_eq!(duration(text).unwrap().to_string(), text);
    }
    assert_eq!(duration("1d").unwrap(), Duration::secs(86_400));
}

#[test]
fn misspelt_durations_are_refused() {
    for text in [
        "",
        "5",
        "s",
        "5 s",
        "5S",
        "-5s",
        "+5s",
        "5.5s",
        "5s ",
        "1234567890s",
        "5sec",
        "५s",
    ] {
        let error = duration(text).unwrap_err().to_string();
        assert!(
            error.contains("is not a duration; write it like `500ms`"),
            "{text}: {error}"
        );
    }
}

#[test]
fn sizes_are_read_and_written_alike() {
    for (text, bytes) in [
        ("0B", 0),
        ("512B", 512),
        ("64KiB", 65_536),
        ("6MiB", 6_291_456),
        ("1GiB", 1 << 30),
    ] {
        assert_eq!(size(text).unwrap(), Size(bytes), "{text}");
        assert_eq!(size(text).unwrap().to_string(), text);
    }
    for text in ["64", "64kb", "64KB", "64 KiB", "-1B", "1TiB", "9999999999B"] {
        assert!(size(text).is_err(), "{text}");
    }
}

#[test]
fn rates_are_read_and_written_alike() {
    assert_eq!(rate("50/s").unwrap(), Rate(50));
    assert_eq!(String::from(rate("1000/s").unwrap()), "1000/s");
    for text in ["50", "50/m", "/s", "50 /s", "-1/s", "1.5/s", "0/s", "05/s"] {
        assert!(rate(text).is_err(), "{text}");
    }
}

#[test]
fn a_secret_is_named_never_written() {
    assert_eq!(
        secret("file:/run/t").unwrap(),
        SecretRef::File("/run/t".to_owned())
    );
    assert_eq!(
        secret("env:TOKEN").unwrap(),
        SecretRef::Env("TOKEN".to_owned())
    );
    for text in ["hunter2", "file:", "env:", "File:x", ""] {
        let error = secret(text).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
        assert!(error.contains("file:"), "{error}");
    }
}

/// What the pattern in the schema accepts is what the reader accepts.
#[test]
fn patterns_and_readers_agree() {
    let schema = schemars::schema_for!(Duration);
    let validator = jsonschema::validator_for(schema.as_value()).unwrap();
    for text in [
        "5s",
        "500ms",
        "5",
        "5S",
        "123456789d",
        "1234567890s",
        "",
        "5s\n",
    ] {
        let by_schema = validator.is_valid(&serde_json::json!(text));
        assert_eq!(by_schema, duration(text).is_ok(), "{text:?}");
    }
}

#[test]
fn a_cap_is_a_rate_or_off() {
    let cap = |text: &str| Cap::try_from(text.to_owned());
    for text in ["off", "50/s"] {
        assert_eq!(String::from(cap(text).unwrap()), text);
    }
    assert_eq!(cap("off").unwrap(), Cap(None));
    for text in ["", "Off", "none", "0/s", "50"] {
        let error = cap(text).unwrap_err().to_string();
        assert!(error.contains("write it like `50/s` or `off`"), "{error}");
    }
}
