//! What may stand in a path parameter: an id, or what the route's own pattern says (RULES 14).

use regex::{Regex, RegexBuilder};

/// The longest value that a pattern is asked about, in bytes.
const VALUE_BYTES_MAX: usize = 256;
/// The most memory that a compiled pattern takes.
const PATTERN_BYTES_MAX: usize = 64 * 1024;

/// A route's own pattern. It is held against the whole value, in linear time.
#[derive(Clone, Debug)]
pub struct ValuePattern(Regex);

impl ValuePattern {
    /// Reads a regular expression; with `^` and `$` or without, the whole value has to fit. `Err`: what
    /// is wrong with it, in one line.
    pub fn read(text: &str) -> Result<Self, String> {
        // The last line of the parser's picture says what is wrong.
        let why = |error: regex::Error| {
            let text = error.to_string();
            let line = text.lines().last().unwrap_or_default();
            line.trim_start_matches("error: ").to_owned()
        };
        // Alone first: `a)|(b` would be one in brackets only.
        Regex::new(text).map_err(why)?;
        let whole = RegexBuilder::new(&format!("^(?:{text})$"))
            .size_limit(PATTERN_BYTES_MAX)
            .build();
        whole.map(Self).map_err(why)
    }

    /// Whether the value fits. One with an escape never does: it would be read twice.
    pub fn fits(&self, value: &str) -> bool {
        value.len() <= VALUE_BYTES_MAX && !value.contains('%') && self.0.is_match(value)
    }
}

impl PartialEq for ValuePattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    //! Whole values, and nothing else.

    use super::*;

    #[test]
    fn the_whole_value_fits_or_none_of_it() {
        let pattern = ValuePattern::read("[a-z0-9.-]+|x").unwrap();
        for good in ["a.b-c", "report-2026.pdf", "x"] {
            assert!(pattern.fits(good), "{good}");
        }
        let long = "a".repeat(VALUE_BYTES_MAX + 1);
        for bad in ["A", "a b", "a/b", "a%2eb", "", "a\n", &long] {
            assert!(!pattern.fits(bad), "{bad}");
        }
        assert!(ValuePattern::read("^a$").unwrap().fits("a"));
        assert!(!ValuePattern::read(".*").unwrap().fits("a%20b"));
    }

    #[test]
    fn what_is_no_pattern_says_so_in_one_line() {
        for bad in ["[", "(?=a)", "a{99999999}", "(", "a)|(b"] {
            let error = ValuePattern::read(bad).unwrap_err();
            assert!(!error.is_empty() && !error.contains('\n'), "{bad}: {error}");
        }
    }
}
