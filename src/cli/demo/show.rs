//! What the demo prints.

use super::files::{AUDIT_FILE, POLICY_FILE};
use super::people::{Context, Person};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

/// What there is to tell once the gate serves.
pub(super) struct Tour<'a> {
    /// Where requests go.
    pub(super) proxy: SocketAddr,
    /// Where metrics are.
    pub(super) metrics: SocketAddr,
    /// Where the gate is controlled.
    pub(super) control: SocketAddr,
    /// What the control listener wants to see.
    pub(super) control_token: &'a str,
    /// How the program was called.
    pub(super) program: &'a str,
    /// The folder of the files.
    pub(super) dir: &'a Path,
    /// Whether it is gone at the end.
    pub(super) temporary: bool,
    /// How many files were there already.
    pub(super) kept: usize,
    /// A viewer's token for the App.
    pub(super) viewer_app: &'a str,
    /// A viewer's token for the Dashboard.
    pub(super) viewer_dashboard: &'a str,
    /// Another account's editor's token for the App.
    pub(super) stranger_app: &'a str,
}

/// Writes the tour. Proxy, metrics and control stand first and in this order: programs read them too.
pub(super) fn tour(out: &mut impl Write, tour: &Tour<'_>) -> io::Result<()> {
    addresses(out, tour)?;
    commands(out, tour)?;
    further(out, tour)?;
    out.flush()
}

/// Writes one line, and it alone.
pub(super) fn line(out: &mut impl Write, text: &str) -> io::Result<()> {
    writeln!(out, "{text}")?;
    out.flush()
}

fn addresses(out: &mut impl Write, tour: &Tour<'_>) -> io::Result<()> {
    writeln!(out, "Palisade serves. Ctrl-C ends it.")?;
    writeln!(out)?;
    writeln!(out, "  proxy    http://{}", tour.proxy)?;
    writeln!(out, "  metrics  http://{}", tour.metrics)?;
    writeln!(
        out,
        "  control  http://{}  token {}",
        tour.control, tour.control_token
    )?;
    writeln!(out)
}

fn commands(out: &mut impl Write, tour: &Tour<'_>) -> io::Result<()> {
    let proxy = tour.proxy;
    writeln!(
        out,
        "# Allowed: {} is a viewer in acme-prod, and viewers read.",
        Person::Ana
    )?;
    writeln!(
        out,
        "curl -i -H 'Authorization: Bearer {}' 'http://{proxy}/app/v1/missions'",
        tour.viewer_app
    )?;
    writeln!(out)?;
    writeln!(
        out,
        "# Denied by role (403 policy_denied): publishing is for admins."
    )?;
    writeln!(
        out,
        "curl -i -X POST -H 'Authorization: Bearer {}' 'http://{proxy}/dashboard/v1/missions/m-1/publish'",
        tour.viewer_dashboard
    )?;
    writeln!(out)?;
    writeln!(
        out,
        "# Denied across tenants (403 outside_tenant): {} of globex asks for acme's workspace.",
        Person::Bo
    )?;
    writeln!(
        out,
        "curl -i -H 'Authorization: Bearer {}' 'http://{proxy}/app/v1/missions?workspaceId=acme-prod'",
        tour.stranger_app
    )?;
    writeln!(out)
}

fn further(out: &mut impl Write, tour: &Tour<'_>) -> io::Result<()> {
    let dir = tour.dir.display();
    writeln!(
        out,
        "policies  {dir}/{POLICY_FILE} decides what roles may do, {dir}/tenants/acme.cedar is acme's own"
    )?;
    if tour.temporary {
        writeln!(
            out,
            "          these files are gone when the demo ends; to change a policy and keep it:\n          \
             `{} demo --dir my-demo`, then edit my-demo/{POLICY_FILE}",
            quoted(tour.program)
        )?;
    } else {
        writeln!(out, "          edit it: the gate follows within a second")?;
    }
    if tour.kept > 0 {
        writeln!(
            out,
            "files     {} were in {dir} already and are kept as they are; only lines marked `demo:` \
             in palisade.yaml are written anew",
            tour.kept
        )?;
    }
    writeln!(
        out,
        "audit     {dir}/{AUDIT_FILE}: one JSON line for each request"
    )?;
    let dir_argument = if tour.temporary {
        String::new()
    } else {
        format!(" --dir {}", quoted(&dir.to_string()))
    };
    writeln!(
        out,
        "tokens    {} demo token --user {} [--context {}]{dir_argument}",
        quoted(tour.program),
        names::<Person>(),
        names::<Context>(),
    )
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn names<T: clap::ValueEnum>() -> String {
    let names: Vec<String> = T::value_variants()
        .iter()
        .filter_map(clap::ValueEnum::to_possible_value)
        .map(|value| value.get_name().to_owned())
        .collect();
    names.join("|")
}

#[cfg(test)]
mod tests;
