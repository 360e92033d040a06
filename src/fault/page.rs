//! A page for each code: what it means, an example, and what to do.

mod configuration;
mod files;
mod routes;
mod tenants;

use std::fmt;

/// What there is to say of a code.
#[derive(Debug)]
pub struct Page {
    /// Short, for people; it never changes and is never given to another code.
    pub number: &'static str,
    /// As faults carry it.
    pub code: &'static str,
    /// In one line.
    pub title: &'static str,
    /// What is wrong, and why it matters.
    pub meaning: &'static str,
    /// What gives it.
    pub example: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// The page of a code, by number or word in any case.
pub fn of(name: &str) -> Option<&'static Page> {
    let named = |page: &&Page| {
        page.number.eq_ignore_ascii_case(name) || page.code.eq_ignore_ascii_case(name)
    };
    all().find(named)
}

/// Every page, in the order of the reference.
pub fn all() -> impl Iterator<Item = &'static Page> {
    let policies = PAGES.iter();
    let routes = routes::PAGES.iter().chain(&tenants::PAGES);
    let files = files::FILES.iter().chain(&files::KEYS).chain(&files::RUNS);
    let others = configuration::PAGES.iter().chain(files);
    policies.chain(routes).chain(others)
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, code, title) = (self.number, self.code, self.title);
        write!(
            f,
            "{number} ({code}): {title}\n\n{}\n\nExample:\n\n",
            self.meaning
        )?;
        for line in self.example.lines() {
            writeln!(f, "    {line}")?;
        }
        write!(f, "\nRemedy: {}\n", self.remedy)
    }
}

const fn page(
    number: &'static str,
    code: &'static str,
    title: &'static str,
    text: [&'static str; 3],
) -> Page {
    let [meaning, example, remedy] = text;
    Page {
        number,
        code,
        title,
        meaning,
        example,
        remedy,
    }
}

/// Those of policies and schemas. New ones get the next number.
const PAGES: [Page; 25] = [
    page(
        "P001",
        "policy_syntax",
        "the text is no Cedar",
        [
            "Cedar's parser cannot read the file. None of its policies is loaded: a file is taken whole or not at all.",
            "permit (principal, action resource);",
            "Correct the text where it is underlined.",
        ],
    ),
    page(
        "P002",
        "policy_invalid",
        "a policy does not fit the schema",
        [
            "The policy names an attribute, a type or an operation that the schema lacks, or compares what cannot be\ncompared. The schema's operations come from the routes.",
            "permit (principal is Tenancy::User, action, resource) when { principal.acount == 1 };",
            "Take the name that is suggested; for an operation, look whether a route declares it; before an optional attribute, write `has`.",
        ],
    ),
    page(
        "P003",
        "policy_suspect",
        "a policy that is valid, and probably not meant so",
        [
            "The validator found what cannot happen: most often a policy whose head and conditions no request can meet, so\nthat it never applies.",
            "permit (principal is Tenancy::User, action, resource) when { principal is Tenancy::Service };",
            "Correct the head or the condition, or remove the policy.",
        ],
    ),
    page(
        "P004",
        "policy_lookalike",
        "text that is not what it looks like",
        [
            "A name or a string mixes scripts, or holds marks that turn the direction of writing. It may read as another name.\nIn policies of an account it is an error, elsewhere a warning.",
            "resource.kind == \"miss\\u{0456}ons\"   // typed as the Cyrillic letter itself",
            "Type the name anew in one script.",
        ],
    ),
    page(
        "P005",
        "policy_annotation",
        "an annotation that is missing, unknown or malformed",
        [
            "Policies are named by `@id`, and annotations steer what is told and remembered. One that is misspelt would be\npassed over unseen, so it is refused.",
            "@reviewby(\"2027-01-01\")\npermit (principal, action, resource);",
            "Take an annotation and a form that the guide `write-policies` lists.",
        ],
    ),
    page(
        "P006",
        "policy_duplicate_id",
        "two policies of one `@id`",
        [
            "Records, metrics and explanations name policies by their ids; two of one name could not be told apart.",
            "@id(\"a\") permit (principal, action, resource);\n@id(\"a\") forbid (principal, action, resource);",
            "Rename one of them; the fault says where the first is.",
        ],
    ),
    page(
        "P007",
        "policy_file_name",
        "a file's name that cannot be part of an id",
        [
            "The stem of the file becomes part of its policies' ids.",
            "policies/my rules.cedar",
            "Name the file with `A-Z a-z 0-9 . _ -` only.",
        ],
    ),
    page(
        "P008",
        "policy_empty",
        "a file without policies",
        [
            "A file that lost its text would otherwise lose its forbids unseen.",
            "// policies follow soon",
            "Delete the file, or finish writing it.",
        ],
    ),
    page(
        "P009",
        "policy_template",
        "a template",
        [
            "Policies with `?principal` or `?resource` are not loaded: what they say depends on links that no file holds.",
            "permit (principal == ?principal, action, resource);",
            "Write the ids out.",
        ],
    ),
    page(
        "P010",
        "policy_budget",
        "more than its bounds allow",
        [
            "A text is bounded before any parser sees it, so that nobody's policies make reading or deciding slow for others:\nbytes, policies, nodes, names of operations, brackets, wildcards, names of a `has`.",
            "permit (principal, action, resource) when { resource.kind like \"*a*b*c*d*e*f*g*h*i*\" };",
            "Split the policy, name groups of operations, or say the same with less. The guide `write-policies` lists the bounds.",
        ],
    ),
    page(
        "P011",
        "policy_layer",
        "a policy that its layer may not hold",
        [
            "The account's entry says what policies of its own it may have: none, forbids only, or permits too.",
            "overlay: forbid   # in tenants/acme.yaml, and a permit in tenants/acme.cedar",
            "Write it as a forbid, or change `overlay` in the account's entry.",
        ],
    ),
    page(
        "P012",
        "policy_foreign",
        "an account's policy that names another account's entity",
        [
            "Policies of an account speak of its own entities only. A foreign name is a mistake, or a try to find out about a\nneighbour.",
            "@id(\"a\")\nforbid (principal == Tenancy::User::\"globex/ana\", action, resource);   // in tenants/acme.cedar",
            "Name the account itself, or an id that begins with its own and `/` or `#`.",
        ],
    ),
    page(
        "P013",
        "policy_guard_form",
        "a guard that might err or be passed by",
        [
            "A guard must be asked about every request and be satisfied by positive evidence only: an open head, `unless`, and\na `has` before every attribute. Cedar skips a forbid that errs.",
            "@id(\"guard.mfa\")\nforbid (principal is Tenancy::User, action, resource) unless { principal.mfa };",
            "Write `forbid (principal, action, resource) unless { .. }` with a `has` before every attribute.",
        ],
    ),
    page(
        "P014",
        "policy_selftest",
        "a guard that does not hold in the self-test",
        [
            "Before rules serve, the guards are tried together with a policy that permits everything: on an empty store, and\nwith one violation each. One of them let something pass, or erred.",
            "@id(\"guard.mine\")\nforbid (principal, action, resource) unless { true };",
            "Give the guard the form that P013 shows.",
        ],
    ),
    page(
        "P015",
        "policy_operation",
        "an operation that contradicts itself",
        [
            "The routes declare operations; each has the form `<context>/<kind>/<verb>`, one context, one access and one\nresource.",
            "one operationId on two routes, of which one reads and one writes",
            "Look at `operationId` and `x-palisade-access` of its routes.",
        ],
    ),
    page(
        "P016",
        "policy_slow",
        "an account's policies that take too long",
        [
            "They computed for more than a millisecond ten times within a minute. The account is denied until their text\nchanges, so that nobody else waits for them.",
            "many `like` with many wildcards on long strings",
            "Say the same with fewer policies, or with fewer wildcards; a changed text is tried anew.",
        ],
    ),
    page(
        "P017",
        "policy_engine",
        "the policies could not be looked at",
        [
            "A thread with a large stack could not be started, or the policy engine failed on this text.",
            "a process that may not start another thread",
            "Give the process more memory or threads. If it is the text, reduce it, and report the part that fails.",
        ],
    ),
    page(
        "P018",
        "policy_format",
        "a file that `palisade fmt` leaves alone",
        [
            "The formatter would have lost a comment, or its result would not have stayed as it is.",
            "a comment at a place that the formatter does not keep",
            "Move comments to the beginning of their policy.",
        ],
    ),
    page(
        "P019",
        "policy_role",
        "a role that no mapping yields",
        [
            "No value of an issuer's role claim means the role, or a higher one that has it, and the directory gives it to nobody. It\nis had only by whoever is in a group of its name, as `acme/acme-prod#admin`; if nobody is, the condition is never true.",
            "principal in resource.role.admin   // where the `roles` of all issuers give viewers only",
            "Map a value to it in `roles` of an issuer, or ask for another role.",
        ],
    ),
    page(
        "S001",
        "schema_syntax",
        "the fragment is no Cedar schema",
        [
            "Cedar cannot read the deployment's own fragment of the schema.",
            "namespace Mine {\n  entity",
            "Correct the text where it is underlined.",
        ],
    ),
    page(
        "S002",
        "schema_invalid",
        "the fragments do not make one schema",
        [
            "A fragment names a type that none declares, or cannot be combined with the core schema.",
            "namespace Mine {\n  entity Thing { a: Missing };\n}",
            "Declare the type, or name an existing one.",
        ],
    ),
    page(
        "S003",
        "schema_action",
        "a fragment that declares an action",
        [
            "Actions and their groups come from the routes alone.",
            "namespace Mine {\n  action x appliesTo { principal: Thing, resource: Thing };\n}",
            "Declare a route, or remove the action.",
        ],
    ),
    page(
        "S004",
        "schema_reserved",
        "a fragment that declares a type of the core schema",
        [
            "The guards rest on the types of `Tenancy`; nobody else may say what they are.",
            "namespace Tenancy {\n  entity User;\n}",
            "Give the type another name, or a namespace of your own.",
        ],
    ),
    page(
        "S005",
        "schema_budget",
        "a fragment that is more than its bounds allow",
        [
            "A fragment is bounded before any parser sees it.",
            "a type of records inside records, seventy deep",
            "Say it with named types.",
        ],
    ),
    page(
        "S006",
        "schema_core",
        "a copy of the core schema that is not this version's",
        [
            "The core is part of the binary. A copy in the folder is for editors, and must say the same.",
            "the schemas/core.cedarschema of an older version",
            "Put this version's in its place (`palisade init` in an empty folder writes it), or remove the file.",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_codes_are_given_once() {
        for (index, page) in all().enumerate() {
            let same = |other: &Page| other.number == page.number || other.code == page.code;
            assert_eq!(all().position(same), Some(index), "{}", page.code);
            assert_eq!(of(&page.number.to_lowercase()).unwrap().code, page.code);
            assert_eq!(of(page.code).unwrap().number, page.number);
        }
    }
}
