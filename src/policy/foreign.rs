//! Entities of other accounts in an account's own policies.

use super::parse::Parsed;
use crate::fault::Fault;
use crate::tenant::AccountId;
use cedar_policy::EntityUid;

/// Types whose ids begin with the account that they are of: `acme`, `acme/north`, `acme#owner`.
const OF_ACCOUNTS: [&str; 8] = [
    "Account",
    "AccountResource",
    "Group",
    "Resource",
    "Role",
    "Service",
    "User",
    "Workspace",
];

/// A fault for each literal that is of another account. Nothing of another account is ever decided by
/// these policies: whoever writes one has mistaken what they are for, or tries something.
pub(super) fn faults(parsed: &Parsed, account: &AccountId) -> Vec<Fault> {
    let mut literals = parsed.policy.entity_literals();
    literals.sort_by_cached_key(ToString::to_string);
    literals.dedup();
    let foreign = literals.iter().filter(|uid| is_foreign(uid, account));
    let fault = |uid: &EntityUid| {
        let message = format!("`{uid}` is not of account `{account}`");
        let place = parsed.literal(uid.id().unescaped());
        Fault::error("policy_foreign", place, message).help(format!(
            "policies of an account name its own entities only: write `{account}`, or an id that begins with `{account}/` or `{account}#`"
        ))
    };
    foreign.map(fault).collect()
}

fn is_foreign(uid: &EntityUid, account: &AccountId) -> bool {
    let kind = uid.type_name();
    let of_account = kind.namespace() == "Tenancy" && OF_ACCOUNTS.contains(&kind.basename());
    let owner = uid.id().unescaped().split(['/', '#']).next();
    of_account && owner != Some(account.as_str())
}
