//! What every reader of files reports: a code, a place, a message and a remedy.

pub mod page;

use std::fmt;
use std::sync::Arc;

/// Something wrong in a file, or in what the files say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A stable name for machines: `config_unknown_key`, `policy_syntax`, `tenant_duplicate_id`.
    pub code: &'static str,
    /// Whether it stops a start, or is only reported.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What is wrong: lower case, one line, no final period, input in backticks.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// How bad a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration does not serve.
    Error,
    /// It serves; somebody should look.
    Warning,
}

/// Where a fault is: a file, and as much more as is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file as the user named it, or a word for what is not a file (`arguments`).
    pub file: String,
    /// The key path in it, `routes[2].upstream`; empty: the whole file.
    pub key: String,
    /// The bytes in the file's text.
    pub span: Option<Span>,
    /// The file's text, to underline the span in.
    pub text: Option<Arc<str>>,
    /// Of a long file, `text` may be a part only: how many lines of the file stand before it.
    pub lines_before: usize,
}

/// A range of bytes in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// How many bytes.
    pub len: usize,
}

impl Fault {
    /// An error at `place`.
    pub fn error(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            place,
            message: message.into(),
            help: None,
        }
    }

    /// A warning at `place`.
    pub fn warning(code: &'static str, place: Place, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, place, message)
        }
    }

    /// Adds the remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// For machines.
    pub fn json(&self) -> serde_json::Value {
        let (line, column) = self.place.line_column().unzip();
        let (end_line, end_column) = self.place.end_line_column().unzip();
        serde_json::json!({
            "code": self.code,
            "number": self.number(),
            "severity": if self.is_error() { "error" } else { "warning" },
            "file": self.place.file,
            "key": self.place.key,
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
            "message": self.message,
            "help": self.help,
        })
    }

    /// The number of the code's page, if it has one: `P012`.
    pub fn number(&self) -> Option<&'static str> {
        page::of(self.code).map(|page| page.number)
    }

    /// Whether it stops a start.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl Place {
    /// A whole file.
    pub fn file(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            ..Self::default()
        }
    }

    /// What to underline: a mapping of a hundred lines is shown by its first.
    fn first_line(&self) -> Option<Span> {
        let Span { start, len } = self.span?;
        let text = self.text.as_ref()?.get(start..)?.get(..len);
        let line = text.and_then(|text| text.lines().next());
        Some(Span {
            start,
            len: line.map_or(len, str::len),
        })
    }

    /// Line and column, both from 1; columns count characters. `None`: no span or no text.
    pub fn line_column(&self) -> Option<(usize, usize)> {
        self.position(self.span?.start)
    }

    /// Line and column behind the last character.
    pub fn end_line_column(&self) -> Option<(usize, usize)> {
        let span = self.span?;
        self.position(span.start + span.len)
    }

    fn position(&self, byte: usize) -> Option<(usize, usize)> {
        let before = self.text.as_ref()?.get(..byte)?;
        let line = self.lines_before + before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        Some((line, column))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.line_column() {
            write!(f, ":{line}:{column}")?;
        }
        if !self.key.is_empty() {
            write!(f, " ({})", self.key)?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        if let Some(help) = &self.help {
            write!(f, " (help: {help})")?;
        }
        Ok(())
    }
}

/// In the order in which a reader goes through the files: by file, and from the top of each.
pub fn sort(faults: &mut [Fault]) {
    let start = |fault: &Fault| fault.place.span.map(|span| span.start);
    faults.sort_by(|a, b| (&a.place.file, start(a)).cmp(&(&b.place.file, start(b))));
}

/// How many errors and how many warnings: `3 errors, 1 warning`.
pub fn summary(faults: &[Fault]) -> String {
    let errors = faults.iter().filter(|fault| fault.is_error()).count();
    let warnings = faults.len() - errors;
    let plural = |count| if count == 1 { "" } else { "s" };
    format!(
        "{errors} error{}, {warnings} warning{}",
        plural(errors),
        plural(warnings)
    )
}

/// Renders faults as Cedar renders its own: file, line, underlined source and help.
pub fn render(faults: &[Fault]) -> String {
    let handler =
        miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor());
    let mut out = String::new();
    for fault in faults {
        if handler.render_report(&mut out, &Report(fault)).is_err() {
            out.push_str(&fault.to_string());
        }
        out.push('\n');
    }
    out
}

/// The nearest of `known` to a misspelt `given`, if one is near.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(given, name), name))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

struct Report<'a>(&'a Fault);

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The place stands in the underlined source; without one it has to be said here.
        match (&self.0.place.span, &self.0.place.text) {
            (Some(_), Some(_)) if self.0.place.key.is_empty() => f.write_str(&self.0.message),
            (Some(_), Some(_)) => write!(f, "{}: {}", self.0.place.key, self.0.message),
            _ => write!(f, "{}: {}", self.0.place, self.0.message),
        }
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let code = self.0.code;
        Some(match self.0.number() {
            Some(number) => Box::new(format!("{code} [{number}]")),
            None => Box::new(code),
        })
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.0.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0
            .help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.0.place.span?;
        self.0
            .place
            .text
            .as_ref()
            .map(|_| self as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        let span = self.0.place.first_line()?;
        let label = miette::LabeledSpan::new(Some("here".to_owned()), span.start, span.len);
        Some(Box::new(std::iter::once(label)))
    }
}

impl miette::SourceCode for Report<'_> {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let text: &str = self.0.place.text.as_deref().unwrap_or_default();
        let contents = text.read_span(span, before, after)?;
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.0.place.file.clone(),
            contents.data(),
            *contents.span(),
            self.0.place.lines_before + contents.line(),
            contents.column(),
            contents.line_count(),
        )))
    }
}
