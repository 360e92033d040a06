//! An event is one line, whatever stands in it.

use super::*;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(format: Format, level: &str, event: impl FnOnce()) -> String {
    let buffer = Buffer::default();
    let settings = Settings {
        format,
        level: level.to_owned(),
    };
    let writer = buffer.clone();
    let subscriber = subscriber(&settings, move || writer.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, event);
    String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn hostile_values_stay_on_their_line() {
    for format in [Format::Text, Format::Json] {
        let text = logged(format, "info", || {
            tracing::info!(path = %"/a\nERROR forged \u{1b}[2J\u{9b}1m\u{202e}", "refused");
        });
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let line = text.trim_end_matches('\n');
        assert!(
            !line.contains(|c: char| c.is_control() || c == '\u{202e}'),
            "{text}"
        );
        assert!(line.contains("forged"));
    }
}

#[test]
fn json_events_are_json() {
    let text = logged(Format::Json, "info", || {
        tracing::warn!(issuer = "cosmos", "keys \"x\"\n\u{9b} cannot be fetched");
    });
    let event: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(event["issuer"], "cosmos");
    assert_eq!(event["level"], "WARN");
    assert_eq!(event["message"], "keys \"x\"\n\u{9b} cannot be fetched");
}

#[test]
fn the_level_selects() {
    let text = logged(Format::Text, "warn", || {
        tracing::info!("not this");
        tracing::warn!("but this");
    });
    assert!(!text.contains("not this"));
    assert!(text.contains("but this"));
}

#[test]
fn a_bad_level_is_an_error_that_names_it() {
    let settings = Settings {
        level: "palisade=loud".to_owned(),
        ..Settings::default()
    };
    let Err(error) = subscriber(&settings, io::sink) else {
        unreachable!("accepted")
    };
    assert!(error.to_string().contains("palisade=loud"), "{error}");
}
