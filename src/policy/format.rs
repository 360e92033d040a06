//! Policies laid out as Cedar's formatter does it, and held against what was written.

use super::source::Source;
use super::{budget, parse, stack};
use crate::fault::{Fault, Place};
use cedar_policy_formatter::{Config, policies_str_to_pretty};

/// As the formatter of Cedar's own command line and editors has it.
const CONFIG: Config = Config {
    line_width: 80,
    indent_width: 2,
};

/// The text of a file of policies as it should look.
///
/// The formatter itself compares the policies of both texts. That every comment is kept, and that
/// formatting twice changes nothing more, is held here.
pub fn format(source: &Source) -> Result<String, Vec<Fault>> {
    let formatted = stack::run(|| formatted(source));
    formatted.unwrap_or_else(|error| Err(vec![failed(source, &error.to_string())]))
}

fn formatted(source: &Source) -> Result<String, Vec<Fault>> {
    // Bounds what the formatter recurses over, and tells what no parser takes.
    parse::parse(source)?;
    let pretty = policies_str_to_pretty(&source.text, &CONFIG);
    let pretty = pretty.map_err(|error| vec![failed(source, &error.to_string())])?;
    if sorted(&source.text) != sorted(&pretty) {
        return Err(vec![failed(source, "a comment would be lost or changed")]);
    }
    match policies_str_to_pretty(&pretty, &CONFIG) {
        Ok(again) if again == pretty => Ok(pretty),
        _ => Err(vec![failed(source, "the result would not stay as it is")]),
    }
}

fn failed(source: &Source, why: &str) -> Fault {
    let why = format!("cannot be formatted: {}", why.replace('\n', " "));
    Fault::error("policy_format", Place::file(source.file.clone()), why)
        .help("the file stays as it is; move comments to the beginning of their policy")
}

fn sorted(text: &str) -> Vec<&str> {
    let mut all = budget::comments(text);
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<String, Vec<Fault>> {
        let file = "a.cedar".to_owned();
        let text = text.into();
        format(&Source { file, text })
    }

    #[test]
    fn comments_stay_wherever_they_stand() {
        let text = "// top\n@id(\"a\") // id\npermit ( // head\n  principal, // who\n  action, // what\n\
            resource // where\n) // between\nwhen // when\n{ // open\n  // own line\n  principal == resource // end\n\
            && // and\n  resource == principal // last\n} // closed\n; // behind\n// bottom \"x\" // y\n";
        let pretty = of(text).unwrap();
        assert_eq!(sorted(&pretty), sorted(text), "{pretty}");
        assert_eq!(sorted(text).len(), 16, "{:?}", sorted(text));
        assert_eq!(of(&pretty).unwrap(), pretty);
    }

    #[test]
    fn strings_are_no_comments_and_stay_to_the_byte() {
        let text = "permit(principal,action,resource)when{resource has \"// no\" && \"a\n  b\" == \"\\u{1F600}\"};\r\n//yes\r\n";
        let pretty = of(text).unwrap();
        assert_eq!(sorted(&pretty), ["//yes"]);
        assert!(pretty.contains("\"// no\""), "{pretty}");
        assert!(pretty.contains("\"a\n  b\""), "{pretty}");
        assert!(pretty.ends_with(";\n//yes\n"), "{pretty:?}");
    }

    #[test]
    fn what_would_end_the_process_is_a_fault() {
        let text = format!(
            "permit(principal,action,resource) when {{ {}1 }};",
            "(".repeat(5000)
        );
        assert_eq!(of(&text).unwrap_err()[0].code, "policy_budget");
        assert_eq!(of("permit(").unwrap_err()[0].code, "policy_syntax");
        assert_eq!(of("// nothing\n").unwrap_err()[0].code, "policy_empty");
    }
}
