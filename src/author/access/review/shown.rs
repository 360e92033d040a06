//! An access review for people and for spreadsheets.

use super::{Holder, Permission, Review};
use crate::author::access::office::May;
use crate::author::access::sheet::{Sheet, list};
use crate::author::access::usage::{Last, Seen, Use};
use std::collections::BTreeMap;
use std::fmt::Write as _;

impl Review {
    /// What stands above the tables.
    pub fn title(&self) -> String {
        format!(
            "access of account `{}` ({}), at {}",
            self.account, self.status, self.at
        )
    }

    /// For people: one table for workspaces that are alike, and one of who holds what.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (places, permissions) in self.alike() {
            // Writing to a String cannot fail.
            let _ = match closed(&permissions) {
                Some(code) => writeln!(text, "{places}: nobody may do anything ({code})\n"),
                None => writeln!(text, "{places}\n{}", matrix(&permissions)),
            };
        }
        let mut holders = Sheet::new(&[
            "kind",
            "who",
            "workspace",
            "gives",
            "status",
            "until",
            "last used",
        ]);
        for holder in &self.holders {
            holders.add(vec![
                holder.kind.to_owned(),
                holder.who.clone(),
                holder.workspace.clone().unwrap_or_default(),
                list(&holder.gives),
                holder.status.to_owned(),
                holder.until.clone().unwrap_or_default(),
                last(holder.last.as_ref()),
            ]);
        }
        let _ = writeln!(text, "who holds what\n{}", holders.table());
        if let Some(seen) = &self.audit {
            text.push_str(&told(seen));
        }
        text
    }

    /// Workspaces whose tables say the same, and the Portal.
    fn alike(&self) -> Vec<(String, Vec<&Permission>)> {
        let mut places: Vec<(Option<&str>, Vec<&Permission>)> = Vec::new();
        for permission in &self.permissions {
            let place = permission.workspace.as_deref();
            match places.iter_mut().find(|(known, _)| *known == place) {
                Some((_, all)) => all.push(permission),
                None => places.push((place, vec![permission])),
            }
        }
        let mut alike: Vec<(String, String, Vec<&Permission>)> = Vec::new();
        for (place, permissions) in places {
            let Some(place) = place else {
                alike.push(("the Portal".to_owned(), String::new(), permissions));
                continue;
            };
            let table = matrix(&permissions);
            match alike.iter_mut().find(|(_, known, _)| *known == table) {
                Some((names, ..)) => {
                    let _ = write!(names, ", `{place}`");
                }
                None => alike.push((format!("workspace `{place}`"), table, permissions)),
            }
        }
        alike
            .into_iter()
            .map(|(names, _, all)| (names, all))
            .collect()
    }

    /// For spreadsheets: a line for each permission, then one for each holder.
    pub fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&[
            "row",
            "workspace",
            "operation",
            "access",
            "who",
            "answer",
            "depends on",
            "policies",
            "gives",
            "status",
            "until",
            "last used",
            "usage",
        ]);
        for one in &self.permissions {
            sheet.add(row(one));
        }
        for one in &self.holders {
            sheet.add(held(one));
        }
        sheet
    }

    /// How many permissions and holders were not used.
    pub fn unused(&self) -> Option<(usize, usize)> {
        self.audit.as_ref()?;
        let unused =
            |last: &Option<Last>| last.as_ref().is_some_and(|one| one.usage == Use::Unused);
        let permissions = self.permissions.iter().filter(|one| unused(&one.last));
        let holders = self.holders.iter().filter(|one| unused(&one.last));
        Some((permissions.count(), holders.count()))
    }
}

/// The one reason for which everything is denied there.
fn closed(permissions: &[&Permission]) -> Option<&'static str> {
    let first = permissions.first()?.answer.code?;
    let all = |one: &&Permission| one.answer.answer == May::Deny && one.answer.code == Some(first);
    permissions.iter().all(all).then_some(first)
}

/// Operations down, roles across.
fn matrix(permissions: &[&Permission]) -> String {
    let mut roles: Vec<&str> = Vec::new();
    let mut rows: Vec<(&str, &str, BTreeMap<&str, String>)> = Vec::new();
    let mut notes = String::new();
    for one in permissions {
        if !roles.contains(&one.who.as_str()) {
            roles.push(&one.who);
        }
        let known = rows.iter_mut().find(|(name, ..)| *name == one.operation);
        let cell = cell(one);
        match known {
            Some((_, _, cells)) => {
                // Two routes of one operation that differ: each says its own.
                let both = cells.entry(&one.who).or_insert_with(|| cell.clone());
                if *both != cell {
                    *both = format!("{both} or {cell}");
                }
            }
            None => rows.push((
                &one.operation,
                one.access,
                [(one.who.as_str(), cell)].into(),
            )),
        }
        if !one.answer.depends_on.is_empty() {
            let on = list(&one.answer.depends_on);
            let _ = writeln!(notes, "  {} for {} depends on {on}", one.operation, one.who);
        }
    }
    let mut out = table(&roles, &rows);
    out.push_str(&notes);
    out
}

type Row<'a> = (&'a str, &'a str, BTreeMap<&'a str, String>);

fn table(roles: &[&str], rows: &[Row<'_>]) -> String {
    let head = ["operation".to_owned(), "access".to_owned()];
    let head = head
        .into_iter()
        .chain(roles.iter().map(|role| (*role).to_owned()));
    let mut sheet = Sheet::of(head.collect());
    for (operation, access, cells) in rows {
        let mut row = vec![(*operation).to_owned(), (*access).to_owned()];
        row.extend(
            roles
                .iter()
                .map(|role| cells.get(role).cloned().unwrap_or_default()),
        );
        sheet.add(row);
    }
    sheet.table()
}

fn cell(one: &Permission) -> String {
    let may = match one.answer.answer {
        May::Allow => "yes",
        May::Depends => "depends",
        May::Deny => return "-".to_owned(),
    };
    match one.last.as_ref().map(|last| last.usage) {
        Some(Use::Unused) => format!("{may}, unused"),
        Some(Use::Used | Use::Unknown) | None => may.to_owned(),
    }
}

fn last(last: Option<&Last>) -> String {
    match last {
        None => String::new(),
        Some(Last {
            last_used: Some(at),
            usage: Use::Used,
        }) => at.clone(),
        Some(Last {
            last_used: Some(at),
            ..
        }) => format!("{at}, unused since"),
        Some(Last {
            usage: Use::Unknown,
            ..
        }) => "not in this log".to_owned(),
        Some(_) => "unused".to_owned(),
    }
}

fn told(seen: &Seen) -> String {
    let mut text = format!("audit log: {} records", seen.records);
    if let (Some(first), Some(last)) = (&seen.first, &seen.last) {
        let _ = write!(text, " from {first} to {last}");
    }
    text.push('\n');
    if !seen.covers {
        let _ = writeln!(
            text,
            "audit log: it does not go back to {} ({} days): what it does not show is not known to be unused",
            seen.since, seen.days
        );
    }
    if seen.torn > 0 {
        let at = seen.torn_at.as_deref().unwrap_or_default();
        let _ = writeln!(
            text,
            "audit log: {} lines are no records, the first at {at}",
            seen.torn
        );
    }
    if seen.without_roles > 0 {
        let count = seen.without_roles;
        let _ = writeln!(
            text,
            "audit log: {count} records name no roles: each counts as a use by every role"
        );
    }
    text
}

fn used(last: Option<&Last>) -> [String; 2] {
    let usage = |usage| match usage {
        Use::Used => "used",
        Use::Unused => "unused",
        Use::Unknown => "unknown",
    };
    [
        last.and_then(|last| last.last_used.clone())
            .unwrap_or_default(),
        last.map_or("", |last| usage(last.usage)).to_owned(),
    ]
}

fn row(one: &Permission) -> Vec<String> {
    let answer = &one.answer;
    let [at, usage] = used(one.last.as_ref());
    vec![
        "permission".to_owned(),
        one.workspace.clone().unwrap_or_default(),
        one.operation.clone(),
        one.access.to_owned(),
        one.who.clone(),
        answer.answer.label().to_owned(),
        list(&answer.depends_on),
        list(&answer.policies),
        String::new(),
        answer.code.unwrap_or_default().to_owned(),
        String::new(),
        at,
        usage,
    ]
}

fn held(one: &Holder) -> Vec<String> {
    let [at, usage] = used(one.last.as_ref());
    vec![
        one.kind.to_owned(),
        one.workspace.clone().unwrap_or_default(),
        String::new(),
        String::new(),
        one.who.clone(),
        String::new(),
        String::new(),
        String::new(),
        list(&one.gives),
        one.status.to_owned(),
        one.until.clone().unwrap_or_default(),
        at,
        usage,
    ]
}
