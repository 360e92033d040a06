//! What a gate in a process of its own tells: on its metrics port, and in its record.

use super::client::{Reply, Request};
use super::exposition::Scrape;
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

/// A GET on the metrics port.
pub(crate) fn admin(metrics: SocketAddr, target: &str) -> Reply {
    let request = Request::new(metrics, "GET", target);
    request.host(&metrics.to_string()).send_elsewhere()
}

/// One scrape.
pub(crate) fn scrape(metrics: SocketAddr) -> Scrape {
    Scrape::read(&admin(metrics, "/metrics").text())
}

/// The lines of a record so far: of requests, and of the ends of streams.
pub(crate) fn lines(record: &Path) -> Vec<Value> {
    let text = fs::read_to_string(record).unwrap_or_default();
    // The last line may be half written.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let read = |line| serde_json::from_str(line).expect("a record is one JSON object a line");
    whole.lines().map(read).collect()
}

/// Those of them that tell of a request.
pub(crate) fn requests(record: &Path) -> Vec<Value> {
    let lines = lines(record).into_iter();
    lines.filter(|line| line["event"].is_null()).collect()
}
