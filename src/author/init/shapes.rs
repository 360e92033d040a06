//! Paths that answer the same requests: parameters get one name, and of two operations one stays.

use super::findings::{At, Findings};
use super::parameters::{name_of, names};
use super::survey::Found;
use crate::fault::Fault;
use crate::route::tenant_word;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What the id behind these segments names; in the document it may be called `id`.
const OWNERS: [(&str, &str); 8] = [
    ("account", "accountId"),
    ("accounts", "accountId"),
    ("tenant", "tenantId"),
    ("tenants", "tenantId"),
    ("workspace", "workspaceId"),
    ("workspaces", "workspaceId"),
    ("catalog", "catalogId"),
    ("catalogs", "catalogId"),
];

/// Gives parameters of one place one name, and leaves out what another operation answers.
pub(super) fn settle(found: &mut Vec<Found>, findings: &mut Findings) {
    for one in found.iter_mut() {
        say_tenant(one, findings);
    }
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, one) in found.iter().enumerate() {
        groups.entry(shape(&one.template)).or_default().push(index);
    }
    let mut out = BTreeSet::new();
    for group in groups.values() {
        one_name(found, group, findings);
        out.extend(rivals(found, group, findings));
    }
    let mut index = 0;
    found.retain(|_| {
        index += 1;
        !out.contains(&(index - 1))
    });
}

fn shape(template: &str) -> String {
    let part = |part| name_of(part).map_or(part, |_| "{}");
    template.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// `/workspaces/{id}` names a workspace, whatever the parameter is called: under its own name the gate holds
/// it to the caller's.
fn say_tenant(one: &mut Found, findings: &mut Findings) {
    let mut before = "";
    let mut renames = Vec::new();
    for part in one.template.split('/') {
        let name = name_of(part);
        let owner = OWNERS
            .iter()
            .find(|(word, _)| before.eq_ignore_ascii_case(word));
        if let (Some(name), Some((_, better))) = (name, owner)
            && tenant_word(name).is_none()
            && !names(&one.template).any(|known| known == *better)
        {
            renames.push((before.to_owned(), name.to_owned(), *better));
        }
        before = part;
    }
    for (before, name, better) in renames {
        let message = format!(
            "`{{{name}}}` behind `{before}` means a tenant: it becomes `{{{better}}}`, a reference that has to be the caller's own"
        );
        let help = format!(
            "if it is none, name it otherwise there and in `apis/`, or remove `{better}` from `references`"
        );
        findings.warn(&one.at, "route_reference", &message, &help);
        rename(one, &name, better);
    }
}

fn rename(one: &mut Found, from: &str, to: &str) {
    let part = |part: &str| {
        if part == format!("{{{from}}}") {
            format!("{{{to}}}")
        } else {
            part.to_owned()
        }
    };
    one.template = one
        .template
        .split('/')
        .map(part)
        .collect::<Vec<_>>()
        .join("/");
    let mut own = one.parameters.iter_mut();
    if let Some(own) = own.find(|one| one.place == "path" && one.name == from) {
        to.clone_into(&mut own.name);
    }
}

/// Operations of one path have their parameters under one name: the first, or the one that means a tenant.
fn one_name(found: &mut [Found], group: &[usize], findings: &mut Findings) {
    let mut templates: Vec<(String, At)> = Vec::new();
    for one in group.iter().filter_map(|index| found.get(*index)) {
        if !templates.iter().any(|(known, _)| *known == one.template) {
            templates.push((one.template.clone(), one.at.clone()));
        }
    }
    let tenants = |template: &String| {
        names(template)
            .filter(|name| tenant_word(name).is_some())
            .count()
    };
    let most = templates
        .iter()
        .map(|(template, _)| tenants(template))
        .max();
    let chosen = templates
        .iter()
        .find(|(template, _)| Some(tenants(template)) == most);
    let Some((chosen, first)) = chosen.cloned().filter(|_| templates.len() > 1) else {
        return;
    };
    for (template, at) in templates.iter().filter(|(template, _)| *template != chosen) {
        let message = format!(
            "`{template}` is `{chosen}` at {} with other parameter names; it gets those",
            first.shown()
        );
        let help = "give one path one template";
        findings.warn(at, "openapi_duplicate_template", &message, help);
    }
    let better: Vec<String> = names(&chosen).map(str::to_owned).collect();
    for one in group {
        let Some(one) = found.get_mut(*one) else {
            continue;
        };
        let own: Vec<String> = names(&one.template).map(str::to_owned).collect();
        // By way of names that nobody has: two may change places.
        for (index, name) in own.iter().enumerate() {
            rename(one, name, &format!("\0{index}"));
        }
        for (index, name) in better.iter().enumerate() {
            rename(one, &format!("\0{index}"), name);
        }
    }
}

/// Operations whose requests another of the group answers. Of equal ones the first stays; where the gate is
/// told different things of them, none does.
fn rivals(found: &[Found], group: &[usize], findings: &mut Findings) -> Vec<usize> {
    let mut out = Vec::new();
    let mut methods: BTreeMap<&str, Vec<(usize, &Found)>> = BTreeMap::new();
    for index in group {
        if let Some(one) = found.get(*index) {
            methods.entry(one.method).or_default().push((*index, one));
        }
    }
    let get = methods
        .get("get")
        .and_then(|all| all.first())
        .map(|(_, one)| one.at.shown());
    for (method, all) in &methods {
        let Some((_, first)) = all.first() else {
            continue;
        };
        if let (Some(get), true) = (&get, *method == "head") {
            for (index, one) in all {
                let why = fault(
                    &format!("HEAD takes the action of GET, at {get}"),
                    "remove it",
                );
                findings.left_out(&one.at, &why);
                out.push(*index);
            }
            continue;
        }
        let alike = |one: &Found| one.marks() == first.marks() && one.context == first.context;
        let same = all.iter().all(|(_, one)| alike(one));
        for (index, one) in all.iter().skip(usize::from(same)) {
            if all.len() == 1 {
                continue;
            }
            let rival = all.iter().find(|(other, _)| other != index);
            let rival = rival.map(|(_, one)| one.at.shown()).unwrap_or_default();
            let message = format!("it answers the same requests as {rival}");
            let help = if same {
                "remove one of the two"
            } else {
                "remove one of the two: the gate is told different things of them, and takes neither"
            };
            findings.left_out(&one.at, &fault(&message, help));
            out.push(*index);
        }
    }
    out
}

fn fault(message: &str, help: &str) -> Fault {
    Fault::error(
        "openapi_duplicate_template",
        crate::fault::Place::default(),
        message,
    )
    .help(help)
}

impl Found {
    /// What the gate is told of it beside its name.
    fn marks(&self) -> Vec<(&String, &Value)> {
        let all = self.shared.iter().chain(&self.says);
        all.filter(|(key, _)| key.starts_with("x-palisade-"))
            .collect()
    }
}
