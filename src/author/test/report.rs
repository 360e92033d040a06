//! What came of all cases: for people, for machines, and for build servers.

use super::http;
use super::{Coverage, Mutation, Outcome};
use crate::clock::Timestamp;
use crate::explain::shell_word;
use crate::x509::Identity;
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

/// What came of all cases.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// How many are as expected.
    pub passed: usize,
    /// How many are not.
    pub failed: usize,
    /// How long they took, in milliseconds.
    pub duration_ms: u64,
    /// Each of them, in the order of the files.
    pub cases: Vec<Outcome>,
    /// What they leave out, if that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// What they would not notice, if that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutation: Option<Mutation>,
}

/// A report in one of its forms.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    /// Failures, and a sum.
    Human,
    /// One object.
    Json,
    /// XML, as build servers read it.
    Junit,
}

impl Report {
    /// Of these outcomes, which took that long.
    pub fn new(cases: Vec<Outcome>, took: Duration) -> Self {
        let passed = cases.iter().filter(|case| case.passed).count();
        Self {
            passed,
            failed: cases.len() - passed,
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            cases,
            coverage: None,
            mutation: None,
        }
    }

    /// Whether all is well: no case failed, at least `percent` is covered, and no mutant survives.
    pub fn is_good(&self, percent: usize) -> bool {
        let covered = self.coverage.as_ref().map(Coverage::percent);
        let survivors = self.mutation.as_ref().map(|found| found.survivors.len());
        self.failed == 0
            && covered.is_none_or(|covered| covered >= percent)
            && survivors.unwrap_or(0) == 0
    }

    /// As text.
    pub fn show(&self, shown: Shown) -> String {
        match shown {
            Shown::Human => self.to_string(),
            Shown::Json => format!("{:#}\n", serde_json::json!(self)),
            Shown::Junit => self.junit(),
        }
    }

    fn junit(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let all = self.cases.len();
        let secs = seconds(self.duration_ms);
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "<testsuites name=\"palisade\" tests=\"{all}\" failures=\"{}\" time=\"{secs}\">",
            self.failed
        );
        let mut rest = self.cases.as_slice();
        while let Some(first) = rest.first() {
            let same = rest.iter().take_while(|case| case.file == first.file);
            let (suite, others) = rest.split_at(same.count());
            suite_of(&mut out, &first.file, suite);
            rest = others;
        }
        out.push_str("</testsuites>\n");
        out
    }
}

fn suite_of(out: &mut String, file: &str, cases: &[Outcome]) {
    let failed = cases.iter().filter(|case| !case.passed).count();
    let (file, all) = (xml(file), cases.len());
    let _ = writeln!(
        out,
        "  <testsuite name=\"{file}\" tests=\"{all}\" failures=\"{failed}\">"
    );
    for case in cases {
        let name = xml(&case.name);
        let head = format!("    <testcase classname=\"{file}\" name=\"{name}\"");
        if case.passed {
            let _ = writeln!(out, "{head}/>");
            continue;
        }
        let message = xml(&case.differences.join("; "));
        let text = xml(&case.to_string());
        let _ = writeln!(out, "{head} file=\"{file}\" line=\"{}\">", case.line);
        let _ = writeln!(out, "      <failure message=\"{message}\">{text}</failure>");
        let _ = writeln!(out, "    </testcase>");
    }
    let _ = writeln!(out, "  </testsuite>");
}

fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// As text and attributes of XML hold it; what no XML may hold is left out.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in self.cases.iter().filter(|case| !case.passed) {
            writeln!(f, "{case}")?;
        }
        if let Some(coverage) = &self.coverage {
            write!(f, "{coverage}")?;
        }
        if let Some(mutation) = &self.mutation {
            write!(f, "{mutation}")?;
        }
        let (passed, failed) = (self.passed, self.failed);
        writeln!(
            f,
            "{passed} passed, {failed} failed, {} ms",
            self.duration_ms
        )
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, file, line) = (&self.name, &self.file, self.line);
        writeln!(f, "FAILED     {name} ({file}:{line})")?;
        writeln!(f, "expected   {}", self.expected)?;
        writeln!(f, "got        {}", self.got)?;
        for difference in &self.differences {
            writeln!(f, "           {difference}")?;
        }
        if let Some(detail) = &self.detail {
            writeln!(f, "detail     {detail}")?;
        }
        for policy in &self.policies {
            writeln!(f, "{policy}")?;
        }
        if let Some(command) = &self.command {
            writeln!(f, "explain    {command}")?;
        }
        Ok(())
    }
}

/// The command that explains the request of a case.
pub(super) fn explain(case: &http::Case, now: Timestamp, config: &Path) -> String {
    let mut command = format!("palisade explain {}", shell_word(&case.request));
    let at = case.at().unwrap_or(now);
    for field in case.fields() {
        let _ = write!(command, " --header {}", shell_word(&field));
    }
    if let Some(body) = &case.body {
        let body = String::from_utf8_lossy(body);
        if body.starts_with(['{', '[']) {
            let _ = write!(command, " --body {}", shell_word(&body));
        } else {
            let _ = write!(command, " --body <(printf %s {})", shell_word(&body));
        }
    }
    match case.claims_at(at) {
        Some(claims) => {
            let _ = write!(command, " --claims {}", shell_word(&claims));
        }
        None => command.push_str(" --anonymous"),
    }
    if case.peer.address != IpAddr::V4(Ipv4Addr::LOCALHOST) {
        let _ = write!(command, " --what-if context.ip={}", case.peer.address);
    }
    if let Some(owner) = &case.peer.certificate {
        let _ = write!(
            command,
            " --client-certificate {}",
            shell_word(&names(owner))
        );
    }
    let config = config.display().to_string();
    let _ = write!(
        command,
        " --at {} --config {}",
        at.rfc3339(),
        shell_word(&config)
    );
    command
}

/// As `--client-certificate` takes them.
fn names(owner: &Identity) -> String {
    let (spiffe, dns) = owner.parts();
    let dns = dns.map(|name| format!("dns:{name}"));
    let all: Vec<String> = spiffe.map(str::to_owned).into_iter().chain(dns).collect();
    all.join(",")
}

/// The command that runs a case alone.
pub(super) fn alone(file: &str, name: &str, config: &Path) -> String {
    let config = config.display().to_string();
    let (file, name, config) = (shell_word(file), shell_word(name), shell_word(&config));
    format!("palisade test {file} --filter {name} --config {config}")
}
