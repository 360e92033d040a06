//! `plans`, `annotate`, `audit`, `cache`, `log` and `reload`.

use crate::config::file::{
    Annotate, Audit, Cache, Log, LogFormat, LogLevel, Plan, Principals, Reload, Share,
};
use crate::config::findings::Findings;
use crate::config::units::{Duration, Size};
use crate::config::watch;
use crate::policy::OverlayBytes;
use crate::telemetry::{audit, log};
use crate::{decision, forward, limit};
use http::HeaderName;
use std::collections::{BTreeMap, HashMap};

/// Limits by the plan's name.
pub(super) fn plans(shape: &BTreeMap<String, Plan>) -> HashMap<String, limit::Plan> {
    let each = shape.iter().map(|(name, plan)| {
        let limits = limit::Plan {
            account: limit::Rate {
                per_second: plan.requests.0,
                burst: plan.burst.unwrap_or(plan.requests.0),
            },
            concurrent: plan.concurrent,
            workspace: plan.per_workspace.as_ref().map(rate),
            caller: plan.per_caller.as_ref().map(rate),
        };
        (name.clone(), limits)
    });
    each.collect()
}

/// A rate with its burst.
pub(super) fn rate(shape: &Share) -> limit::Rate {
    limit::Rate {
        per_second: shape.requests.0,
        burst: shape.burst.unwrap_or(shape.requests.0),
    }
}

/// The rate of each Principal.
pub(super) fn principals(shape: &Principals) -> limit::Rate {
    let (per_second, burst) = match &shape.requests {
        Some(requests) => (requests.0, requests.0),
        None => PRINCIPAL_RATE,
    };
    limit::Rate {
        per_second,
        burst: shape.burst.unwrap_or(burst),
    }
}

/// Of a Principal whose rate nobody configured: in a second, and at once.
const PRINCIPAL_RATE: (u32, u32) = (50, 100);

/// Prefix and strip list; names are header names.
pub(super) fn annotate(shape: &Annotate, findings: &mut Findings<'_>) -> Option<forward::Annotate> {
    for (at, name) in shape.strip.iter().enumerate() {
        let pointer = format!("/annotate/strip/{at}");
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            let message = format!("`{name}` is not the name of a header");
            findings.error(
                &pointer,
                "config_value",
                message,
                "write it like `x-legacy-tenant`",
            );
        } else if KEPT.contains(&name.to_ascii_lowercase().as_str()) {
            let message = format!("without `{name}` no request arrives whole");
            findings.error(&pointer, "config_value", message, "remove it from the list");
        }
    }
    let annotate = forward::Annotate::new(&shape.prefix, &shape.strip);
    if annotate.is_none() {
        let message = format!("`{}` does not begin the name of a header", shape.prefix);
        findings.error(
            "/annotate/prefix",
            "config_value",
            message,
            "write it like `x-palisade-`",
        );
    }
    annotate
}

/// Where records go, and how many may wait.
pub(super) fn audit(shape: &Audit, findings: &mut Findings<'_>) -> audit::Settings {
    let (min, max) = AUDIT_BYTES;
    if shape.bytes_max < min || shape.bytes_max > max {
        let message = format!("`{}` is not between {min} and {max}", shape.bytes_max);
        findings.error(
            "/audit/bytes_max",
            "config_value",
            message,
            "write a size like `100MiB`",
        );
    }
    let output = match &shape.file {
        None => audit::Output::Stdout,
        Some(text) => {
            let dir = findings.path(text);
            if dir.exists() && !dir.is_dir() {
                let message = format!("`{}` is not a folder", dir.display());
                findings.error(
                    "/audit/file",
                    "config_value",
                    message,
                    "name a folder, like `audit/`",
                );
            }
            audit::Output::File {
                dir,
                bytes_max: shape.bytes_max.0,
                keep: shape.keep,
            }
        }
    };
    audit::Settings {
        output,
        known_records_max: records(shape.records_max),
        strangers_records_max: records(shape.strangers_records_max),
        ..audit::Settings::default()
    }
}

fn records(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Memory for parsed policies of accounts.
pub(super) fn overlay_bytes(shape: &Cache, findings: &mut Findings<'_>) -> OverlayBytes {
    let (bytes, (min, max)) = (shape.overlay_bytes, OVERLAY_BYTES);
    if bytes < min || bytes > max {
        let message = format!("`{bytes}` is not between {min} and {max}");
        let help = "an account's policies take some 50KiB once they are parsed";
        findings.error("/cache/overlay_bytes", "config_value", message, help);
    }
    OverlayBytes(bytes.0)
}

/// Bounds of the decision cache.
pub(super) fn decision(shape: &Cache, findings: &mut Findings<'_>) -> decision::Settings {
    if shape.decision_ttl > DECISION_TTL_MAX {
        let message = format!("`{}` is more than {DECISION_TTL_MAX}", shape.decision_ttl);
        let help = "a decision that is kept longer outlives what it was made from";
        findings.error("/cache/decision_ttl", "config_value", message, help);
    }
    if shape.decision_bytes > DECISION_BYTES_MAX {
        let message = format!(
            "`{}` is more than {DECISION_BYTES_MAX}",
            shape.decision_bytes
        );
        let help = format!("write at most `{DECISION_BYTES_MAX}`");
        findings.error("/cache/decision_bytes", "config_value", message, help);
    }
    decision::Settings {
        ttl: shape.decision_ttl.0,
        bytes_max: shape.decision_bytes.0,
        audit_every: shape.decision_audit,
    }
}

/// What Palisade says of itself.
pub(super) fn log(shape: &Log) -> log::Settings {
    let level = match shape.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    log::Settings {
        level: level.to_owned(),
        format: match shape.format {
            LogFormat::Human => log::Format::Text,
            LogFormat::Json => log::Format::Json,
        },
    }
}

/// How changed files are noticed.
pub(super) fn reload(shape: &Reload, findings: &mut Findings<'_>) -> watch::Settings {
    let mut between = |key: &str, given: Duration, (min, max): (Duration, Duration)| {
        if given < min || given > max {
            let message = format!("`{given}` is not between {min} and {max}");
            let help = format!("write a time from `{min}` to `{max}`");
            let pointer = format!("/reload/{key}");
            findings.error(&pointer, "config_value", message, help);
        }
        given.0
    };
    watch::Settings {
        poll: between("poll", shape.poll, RELOAD_POLL),
        debounce: between("debounce", shape.debounce, RELOAD_DEBOUNCE),
    }
}

/// Headers whose absence would change what a request is.
const KEPT: [&str; 6] = [
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "trailer",
];
const DECISION_TTL_MAX: Duration = Duration::secs(60 * 60);
const DECISION_BYTES_MAX: Size = Size(4 << 30);
const OVERLAY_BYTES: (Size, Size) = (Size(1 << 20), Size(16 << 30));
const RELOAD_POLL: (Duration, Duration) = (Duration::millis(100), Duration::secs(60 * 60));
const RELOAD_DEBOUNCE: (Duration, Duration) = (Duration::millis(1), Duration::secs(10));
const AUDIT_BYTES: (Size, Size) = (Size(1 << 20), Size(100 << 30));
