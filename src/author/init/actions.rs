//! The actions in Cedar's schema syntax, grouped by access: for people and editors.

use super::apis::Written;
use crate::operation::Access;
use crate::policy;
use std::fmt::Write as _;

/// Where they stand. Not among the schemas: fragments there declare no actions (RULES 19).
pub(super) const FILE: &str = "apis/actions.cedarschema";

const HEAD: &str = "\
// The actions of the routes beside this file, by context and access, for people and for editors. The gate makes
// its own of the routes, and does not read this.
namespace Tenancy {
";

/// All of them.
pub(super) fn text(written: &Written) -> String {
    let mut text = HEAD.to_owned();
    for context in written.contexts() {
        for access in Access::ALL {
            let here = written.routes.iter().filter(|(_, route)| {
                let operation = &route.operation;
                operation.api_context == context && operation.access == access
            });
            let mut title = Some(format!("  // {}: {}\n", context.label(), access.label()));
            for (_, route) in here {
                text.extend(title.take());
                let operation = &route.operation;
                let declaration = policy::declaration(operation, false);
                // Writing to a String cannot fail.
                let _ = writeln!(
                    text,
                    "  // {} {}\n  action \"{}\" {declaration};",
                    route.method, route.template, operation.name
                );
            }
        }
    }
    text.push_str("}\n");
    text
}
