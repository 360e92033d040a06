//! The log: what operators read on standard error, one event a line.

mod outlet;

use super::escape::{self, Quotes};
use outlet::Outlet;
use std::io;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How the log looks and what gets into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How it looks.
    pub format: Format,
    /// `info`, or directives such as `info,palisade::token=debug`.
    pub level: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// The log cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The level is not one.
    #[error("`{level}` is not a log level: {cause}")]
    Level {
        /// As given.
        level: String,
        /// What is wrong with it.
        cause: tracing_subscriber::filter::ParseError,
    },
    /// There is no thread for it.
    #[error("the log cannot be written: {0}")]
    Thread(io::Error),
    /// Somebody was first.
    #[error("the log is started already")]
    Started,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            format: Format::Text,
            level: "info".to_owned(),
        }
    }
}

/// The log of the whole process.
#[derive(Debug)]
pub struct Log(Outlet);

/// Sends the whole process's log to standard error. Whoever logs does not wait for its reader.
pub fn start(settings: &Settings) -> Result<Log, Error> {
    let outlet = Outlet::start(io::stderr()).map_err(Error::Thread)?;
    let subscriber = subscriber(settings, outlet.clone())?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| Error::Started)?;
    Ok(Log(outlet))
}

impl Log {
    /// Nothing more will be logged. Whether all of it was read: who reads no log reads no last word either.
    pub fn finish(self) -> bool {
        self.0.is_empty_soon()
    }
}

/// A log to `writer`, for whoever does not want the global one.
pub fn subscriber<W>(
    settings: &Settings,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, Error>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&settings.level).map_err(|cause| Error::Level {
        level: settings.level.clone(),
        cause,
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        // It would tell standard error that standard error is gone, and panic in whatever task logs.
        .log_internal_errors(false)
        .with_writer(Lines(writer));
    Ok(match settings.format {
        Format::Text => Box::new(builder.finish()),
        Format::Json => Box::new(builder.json().flatten_event(true).finish()),
    })
}

/// Keeps every event on one line and free of control characters: values in it come from strangers
/// (RULES 44).
#[derive(Debug)]
struct Lines<W>(W);

/// One event on its way out; it arrives in one piece.
struct Line<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Lines<W> {
    type Writer = Line<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(self.0.make_writer())
    }
}

impl<W: io::Write> io::Write for Line<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let mut line = Vec::with_capacity(event.len() + 16);
        escape::append(
            &mut line,
            text.strip_suffix('\n').unwrap_or(&text),
            Quotes::Kept,
        );
        line.push(b'\n');
        self.0.write_all(&line)?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests;
