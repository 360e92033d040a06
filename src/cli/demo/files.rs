//! The files of the demo, as they are in the source tree, and what is theirs to change at each start.

use super::folder;
use super::{Error, Ports};
use std::path::Path;

/// The configuration's name in the demo's folder.
pub(super) const CONFIG_FILE: &str = "palisade.yaml";

/// The folder of audit records in the demo's folder, as the configuration says it.
pub(super) const AUDIT_FILE: &str = "audit/audit.ndjson";

/// The bearer token of the control listener, as the configuration says it.
pub(super) const CONTROL_TOKEN_FILE: &str = "control.token";

/// The policy that decides the role-denied command that is printed.
pub(super) const POLICY_FILE: &str = "policies/baseline.cedar";

/// Name in the demo's folder, and text.
pub(in crate::cli) const FILES: &[(&str, &str)] = &[
    (
        CONFIG_FILE,
        include_str!("../../../examples/demo/palisade.yaml"),
    ),
    (
        "README.md",
        include_str!("../../../examples/demo/README.md"),
    ),
    (
        "apis/app.openapi.json",
        include_str!("../../../examples/demo/apis/app.openapi.json"),
    ),
    (
        "apis/dashboard.openapi.json",
        include_str!("../../../examples/demo/apis/dashboard.openapi.json"),
    ),
    (
        "tenants/acme.yaml",
        include_str!("../../../examples/demo/tenants/acme.yaml"),
    ),
    (
        "tenants/acme.cedar",
        include_str!("../../../examples/demo/tenants/acme.cedar"),
    ),
    (
        "tenants/globex.yaml",
        include_str!("../../../examples/demo/tenants/globex.yaml"),
    ),
    (
        "tenants/catalog.yaml",
        include_str!("../../../examples/demo/tenants/catalog.yaml"),
    ),
    (
        POLICY_FILE,
        include_str!("../../../policies/baseline.cedar"),
    ),
    (
        "policies/operations.cedar",
        include_str!("../../../policies/operations.cedar"),
    ),
    (
        "policies/README.md",
        include_str!("../../../policies/README.md"),
    ),
    (
        "policies/tests/acme.json",
        include_str!("../../../policies/tests/acme.json"),
    ),
    (
        "policies/tests/acme.yaml",
        include_str!("../../../policies/tests/acme.yaml"),
    ),
    (
        "policies/tests/app.yaml",
        include_str!("../../../policies/tests/app.yaml"),
    ),
    (
        "policies/tests/dashboard.yaml",
        include_str!("../../../policies/tests/dashboard.yaml"),
    ),
    (
        "policies/tests/entities.json",
        include_str!("../../../policies/tests/entities.json"),
    ),
    (
        "policies/tests/guards.json",
        include_str!("../../../policies/tests/guards.json"),
    ),
    (
        "policies/tests/people.yaml",
        include_str!("../../../policies/tests/people.yaml"),
    ),
    (
        "policies/tests/portal.yaml",
        include_str!("../../../policies/tests/portal.yaml"),
    ),
    (
        "policies/tests/roles.json",
        include_str!("../../../policies/tests/roles.json"),
    ),
    (
        "schemas/config.schema.json",
        include_str!("../../../schemas/config.schema.json"),
    ),
    (
        "schemas/revocations.schema.json",
        include_str!("../../../schemas/revocations.schema.json"),
    ),
    (
        "schemas/tenant.schema.json",
        include_str!("../../../schemas/tenant.schema.json"),
    ),
    (
        "schemas/test.schema.json",
        include_str!("../../../schemas/test.schema.json"),
    ),
    (
        "schemas/core.cedarschema",
        include_str!("../../../schemas/core.cedarschema"),
    ),
];

/// Begins the comment of a line whose value belongs to the demo.
const MARK: &str = "# demo:";

/// Writes into `dir` what is not there yet, and the marked lines of the configuration anew. What was
/// there is kept, whoever changed it; the number of such files is returned.
pub(super) fn write(dir: &Path, ports: Ports) -> Result<usize, Error> {
    let mut kept = 0;
    for (name, shipped) in FILES {
        let path = dir.join(name);
        let there = folder::read_if_there(&path)?;
        if *name == CONFIG_FILE {
            let text = match &there {
                Some(bytes) => std::str::from_utf8(bytes)
                    .map_err(|_| Error::ConfigNotText { path: path.clone() })?,
                None => shipped,
            };
            folder::write_public(&path, &filled(text, ports))?;
        } else if there.is_none() {
            folder::write_public(&path, shipped)?;
        }
        kept += usize::from(there.is_some());
    }
    Ok(kept)
}

/// `text` with the value of every marked line set. A line without its mark is the user's.
fn filled(text: &str, ports: Ports) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match marked(line, ports) {
            Some(line) => out.push_str(&line),
            None => out.push_str(line),
        }
    }
    out
}

/// The line with its value set. `None`: it has no mark that is known.
fn marked(line: &str, ports: Ports) -> Option<String> {
    let (before, mark) = line.split_once(MARK)?;
    let (key, _) = before.split_once(": ")?;
    let value = value_of(mark.trim_end(), ports)?;
    Some(format!("{key}: {value} {MARK}{mark}"))
}

fn value_of(mark: &str, ports: Ports) -> Option<String> {
    Some(match mark {
        "proxy" => format!("127.0.0.1:{}", ports.proxy),
        "hosts" => format!(r#"["127.0.0.1:{0}", "localhost:{0}"]"#, ports.proxy),
        "metrics" => format!("127.0.0.1:{}", ports.metrics),
        "control" => format!("127.0.0.1:{}", ports.control),
        "upstream" => format!("http://127.0.0.1:{}", ports.upstream),
        "jwks" => format!(
            "http://127.0.0.1:{}{}",
            ports.issuer,
            super::server::JWKS_PATH
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
