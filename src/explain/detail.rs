//! The questions, what each policy says, and what would change a denial, as people read them.

use super::question::{Asked, Because, Entity, Question};
use super::remedy::{Remedy, Suggestion};
use super::state::{Bound, Cache, Limits};
use super::text::{one_line, shell_quoted};
use std::fmt;

/// The namespace that everything of ours stands in; people need not read it every time.
const NAMESPACE: &str = "Tenancy::";

fn short(text: &str) -> String {
    text.replace(NAMESPACE, "")
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "asked      principal {}", short(&self.principal))?;
        writeln!(f, "           action {}", short(&self.action))?;
        writeln!(f, "           resource {}", short(&self.resource))?;
        writeln!(f, "           the policies answer {}", self.answer)?;
        for entity in &self.entities {
            write!(f, "{entity}")?;
        }
        for (index, (name, value)) in self.context.iter().enumerate() {
            let label = if index == 0 { "context" } else { "" };
            writeln!(f, "{label:<11}{name}: {}", short(value))?;
        }
        let told = |one: &&Asked| one.outcome != "not" || one.lacks();
        for asked in self.policies.iter().filter(told) {
            write!(f, "{asked}")?;
        }
        let quiet = |applies: bool| {
            let quiet = self.policies.iter().filter(|one| !told(one));
            let quiet = quiet.filter(|one| one.applies == applies);
            quiet.map(|one| one.id.as_str()).collect::<Vec<_>>()
        };
        for (label, what, ids) in [
            ("not", "forbids that do not hold it back", quiet(true)),
            (
                "elsewhere",
                "policies for other actions, callers or resources",
                quiet(false),
            ),
        ] {
            if !ids.is_empty() {
                writeln!(f, "{label:<11}{} {what}: {}", ids.len(), ids.join(", "))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "entity     {}", short(&self.uid))?;
        if !self.parents.is_empty() {
            writeln!(f, "           in {}", short(&self.parents.join(", ")))?;
        }
        for (name, value) in &self.attributes {
            writeln!(f, "           {name}: {}", short(value))?;
        }
        for (name, value) in &self.tags {
            writeln!(f, "           tag {name}: {value}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            outcome,
            effect,
            id,
            file,
            line,
            ..
        } = self;
        writeln!(f, "{outcome:<11}{effect} {id} ({file}:{line})")?;
        for because in &self.because {
            let (line, condition, said) = (because.line, &because.condition, because.said);
            writeln!(f, "           {file}:{line}: `{condition}` is {said}")?;
            write!(f, "{because}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = &self.error {
            writeln!(f, "             {error}")?;
        }
        for (path, value) in &self.saw {
            let value = if value.is_empty() { "nothing" } else { value };
            writeln!(f, "             {path}: {}", short(value))?;
        }
        Ok(())
    }
}

impl fmt::Display for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.remembered {
            Some(true) => f.write_str("remembered")?,
            Some(false) => f.write_str("not remembered now")?,
            None => f.write_str("nothing is remembered here")?,
        }
        match (self.rememberable, &self.until) {
            (false, _) => f.write_str(
                "; the answer is for this request only: a policy says so, or uses the time",
            ),
            (true, Some(until)) => write!(f, "; the answer holds until {until}"),
            (true, None) => f.write_str("; the answer does not depend on the time"),
        }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.plan {
            Some(plan) => write!(f, "plan {plan}")?,
            None => f.write_str("of Principals")?,
        }
        for (whose, bound) in [
            ("account", &self.account),
            ("workspace", &self.per_workspace),
            ("caller", &self.per_caller),
        ] {
            if let Some(Bound { per_second, burst }) = bound {
                write!(f, ", {whose} {per_second}/s (burst {burst})")?;
            }
        }
        match self.concurrent {
            Some(concurrent) => write!(f, ", {concurrent} at once"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.not_sought {
            return writeln!(f, "remedy     {why}");
        }
        for id in &self.nearest {
            writeln!(f, "nearest    permit {id}")?;
        }
        for suggestion in &self.allowed_by {
            writeln!(f, "allowed    {suggestion}")?;
            writeln!(f, "           by {}", suggestion.permits.join(", "))?;
        }
        for suggestion in &self.still_forbidden {
            writeln!(f, "forbidden  {suggestion}")?;
            writeln!(
                f,
                "           {} would permit it; it is still denied by {}",
                suggestion.permits.join(", "),
                suggestion.forbids.join(", ")
            )?;
        }
        if self.allowed_by.is_empty() {
            writeln!(
                f,
                "remedy     no change of one or two things allows it ({} tried)",
                self.tried
            )?;
        }
        if self.bound_reached {
            let tried = self.tried;
            writeln!(f, "remedy     there were more changes to try than {tried}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changes.is_empty() {
            return f.write_str("as it is");
        }
        for (index, change) in self.changes.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}--what-if {}", shell_quoted(change))?;
        }
        write!(f, ": {}", one_line(&self.meaning.join(", and ")))
    }
}
