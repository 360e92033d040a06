//! An explanation as people read it: one line a step, in the order in which a request takes them.

use super::story::{Caller, Decision, Isolation, Policy, Route, Story};
use std::fmt;

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = &self.request;
        write!(f, "request    {} {}", request.method, request.path)?;
        if let Some(query) = &request.query {
            write!(f, "?{query}")?;
        }
        writeln!(f)?;
        for note in &self.notes {
            writeln!(f, "note       {note}")?;
        }
        for supposed in &self.supposed {
            writeln!(f, "what if    {supposed}")?;
        }
        if let Some(caller) = &self.caller {
            write!(f, "caller     ")?;
            tell_caller(f, caller)?;
        }
        if let Some(route) = &self.route {
            tell_route(f, route)?;
        }
        for reference in &self.references {
            let (kind, value, place) = (reference.kind, &reference.value, &reference.place);
            writeln!(f, "names      {kind} `{value}` ({place})")?;
        }
        tell_isolation(f, &self.isolation)?;
        tell_decision(f, &self.decision)?;
        for policy in &self.policies {
            writeln!(f, "{policy}")?;
        }
        if self.policies.is_empty() && self.decision.code == Some("policy_denied") {
            writeln!(f, "policies   none permits it")?;
        }
        for name in &self.removed {
            writeln!(f, "removed    {name}")?;
        }
        for (name, value) in &self.annotation {
            writeln!(f, "annotated  {name}: {value}")?;
        }
        for question in &self.questions {
            write!(f, "{question}")?;
        }
        if let Some(cache) = &self.cache {
            writeln!(f, "cache      {cache}")?;
        }
        if let Some(limits) = &self.limits {
            writeln!(f, "limits     {limits}")?;
        }
        match &self.remedy {
            Some(remedy) => write!(f, "{remedy}"),
            None => Ok(()),
        }
    }
}

fn tell_caller(f: &mut fmt::Formatter<'_>, caller: &Caller) -> fmt::Result {
    f.write_str(caller.kind)?;
    if let Some(id) = &caller.id {
        write!(f, " `{id}`")?;
    }
    if let Some(workspace) = &caller.workspace {
        write!(f, " in workspace `{workspace}`")?;
    }
    if let Some(account) = &caller.account {
        write!(f, " of account `{account}`")?;
    }
    if let Some(issuer) = &caller.issuer {
        write!(f, ", by issuer `{issuer}`")?;
    }
    if let Some(client) = &caller.client {
        write!(f, " through client `{client}`")?;
    }
    writeln!(f)?;
    for (what, names) in [("roles", &caller.roles), ("scopes", &caller.scopes)] {
        if !names.is_empty() {
            writeln!(f, "           {what}: {}", names.join(", "))?;
        }
    }
    Ok(())
}

fn tell_route(f: &mut fmt::Formatter<'_>, route: &Route) -> fmt::Result {
    let public = if route.public { ", public" } else { "" };
    let (template, at) = (&route.template, &route.declared_at);
    writeln!(
        f,
        "route      {template} ({at}), upstream `{}`",
        route.upstream
    )?;
    write!(
        f,
        "action     {}: {}{public}, on ",
        route.action, route.access
    )?;
    match &route.id {
        Some(id) => writeln!(f, "{} `{id}`", route.kind),
        None => writeln!(f, "{}", route.kind),
    }
}

fn tell_isolation(f: &mut fmt::Formatter<'_>, isolation: &Isolation) -> fmt::Result {
    let Isolation {
        held,
        account,
        workspace,
        catalog,
        grant_until,
    } = isolation;
    f.write_str("isolation  ")?;
    match (held, workspace, account) {
        (None, ..) => return writeln!(f, "not reached"),
        (Some(false), ..) => return writeln!(f, "leaves what the caller may touch"),
        (Some(true), Some(workspace), Some(account)) => {
            write!(f, "held to workspace `{workspace}` of account `{account}`")?;
        }
        (Some(true), None, Some(account)) => write!(f, "held to account `{account}`")?,
        (Some(true), _, None) => write!(f, "holds no tenant")?,
    }
    if let Some(catalog) = catalog {
        write!(f, ", reads catalog `{catalog}`")?;
    }
    if let Some(until) = grant_until {
        write!(f, ", under a grant until {until}")?;
    }
    writeln!(f)
}

fn tell_decision(f: &mut fmt::Formatter<'_>, decision: &Decision) -> fmt::Result {
    if decision.allowed {
        return writeln!(f, "decision   ALLOW");
    }
    let (status, code) = (decision.status.unwrap_or(0), decision.code.unwrap_or("-"));
    let step = decision.step.unwrap_or("-");
    writeln!(f, "decision   DENY {status} {code}, at step `{step}`")?;
    if let Some(detail) = &decision.detail {
        writeln!(f, "           {}", one_line(detail))?;
    }
    match decision.help {
        Some(help) => writeln!(f, "help       {help}"),
        None => Ok(()),
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = self.effect.unwrap_or("policy");
        write!(f, "policies   {effect} {}", self.id)?;
        if let Some(file) = &self.file {
            write!(f, " ({file}:{})", self.line.unwrap_or(1))?;
        }
        for text in [&self.reason, &self.description].into_iter().flatten() {
            write!(f, "\n           {}", one_line(text))?;
        }
        Ok(())
    }
}

/// Other people's text, where a line of it could look like one of ours.
pub(crate) fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).collect()
}

/// As one word of a shell's: what is shown to be pasted may hold other people's text.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    shell_quoted(text)
}

/// The same, always in quotes.
pub(crate) fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
