//! Spans of time as people write them: `500ms`, `5s`, `10m`, `24h`, `7d`.

use std::time::Duration;

/// The shortest timeout that can be configured,
pub const TIMEOUT_MIN: Duration = Duration::from_millis(1);

/// and the longest.
pub const TIMEOUT_MAX: Duration = Duration::from_hours(1);

/// So that no product with a unit overflows.
const COUNT_DIGITS_MAX: usize = 9;

/// Reads a span. `None`: it is not spelt as one.
pub fn read_span(text: &str) -> Option<Duration> {
    let (count, unit) = count_and_unit(text)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return None,
    };
    Some(Duration::from_millis(u64::from(count) * millis))
}

/// A number without sign and at most nine digits, and the rest.
pub fn count_and_unit(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at_checked(digits)?;
    if !(1..=COUNT_DIGITS_MAX).contains(&digits) {
        return None;
    }
    Some((count.parse().ok()?, unit))
}
