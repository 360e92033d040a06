//! Starter policies: what the roles of a workspace may do, by kind of access, and who runs the Portal.

use super::apis::Written;
use crate::fault::Fault;
use crate::operation::{Access, ApiContext};
use crate::policy::{self, Source};
use std::fmt::Write as _;

/// Where they stand.
pub(super) const FILE: &str = "policies/starter.cedar";

const HEAD: &str = "\
// What the roles of a workspace may do, by kind of access: a first answer, for you to change. Whatever is
// permitted here, the guards that are compiled in hold every request to the caller's own account and
// workspace. README.md says how to write more, and tests/ shows what these do.
";

/// The policies of the accesses that there are: one about what no operation does could never apply.
pub(super) fn text(written: &Written) -> Result<String, Vec<Fault>> {
    let has = |access: Access| {
        let mut scoped = written.routes.iter().map(|(_, route)| &route.operation);
        scoped.any(|one| one.api_context != ApiContext::Portal && one.access == access)
    };
    let mut text = HEAD.to_owned();
    let roles = [
        (
            "viewers-read",
            "viewer",
            "viewers of the workspace read",
            &[Access::Read][..],
        ),
        (
            "editors-write",
            "editor",
            "editors of the workspace create and update",
            &[Access::Create, Access::Update],
        ),
        (
            "admins-manage",
            "admin",
            "admins of the workspace delete, and do what is none of the others",
            &[Access::Delete, Access::Manage],
        ),
    ];
    for (id, role, reason, accesses) in roles {
        let there = accesses.iter().filter(|access| has(**access));
        let groups: Vec<String> = there
            .map(|access| format!("Tenancy::Action::\"{}\"", access.label()))
            .collect();
        let action = match groups.as_slice() {
            [] => continue,
            [one] => one.clone(),
            _ => format!("[{}]", groups.join(", ")),
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "@id(\"{id}\")\n@reason(\"{reason}\")\npermit (principal, action in {action}, resource is Tenancy::Resource)\n\
             when {{ principal in [resource.role.{role}, resource.accountRole.admin] }};\n\n"
        );
    }
    if written.contexts().contains(&ApiContext::Portal) {
        text.push_str(
            "@id(\"operators\")\n@reason(\"operators with a second factor do everything in the Portal\")\n\
             permit (principal in Tenancy::PlatformRole::\"operator\", action in Tenancy::Action::\"portal\", resource)\n\
             when { principal.mfa };\n",
        );
    }
    policy::format(&Source::new(FILE, text))
}
