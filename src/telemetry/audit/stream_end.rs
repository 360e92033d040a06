//! What is recorded of a stream's end, beside the record of its request (RULES 41).

use super::Line;
use super::json::Object;
use crate::clock::Timestamp;
use crate::lease::Ended;
use crate::reason::Reason;
use std::time::Duration;

/// How a stream ended whose request was recorded when its reply began. The request's id joins the two.
#[derive(Clone, Copy, Debug)]
pub struct StreamEnd<'a> {
    /// When it ended.
    pub time: Timestamp,
    /// The id of its request.
    pub request_id: &'a str,
    /// Who ended it, and why.
    pub ended: Ended,
    /// The account that it was held to.
    pub account: Option<&'a str>,
    /// The workspace.
    pub workspace: Option<&'a str>,
    /// The caller's Cedar uid.
    pub subject: Option<&'a str>,
    /// How long it was open.
    pub duration: Duration,
}

impl Line for StreamEnd<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.time("time", self.time);
        object.text("event", "stream_end");
        object.text("request_id", self.request_id);
        object.text("ended", self.ended.label());
        let reason = match self.ended {
            Ended::Gate(reason) => Some(reason),
            Ended::Complete | Ended::Upstream | Ended::Client | Ended::Idle | Ended::Drain => None,
        };
        object.text_if("reason", reason.map(Reason::code));
        object.text_if("subject", self.subject);
        object.text_if("account", self.account);
        object.text_if("workspace", self.workspace);
        let ms = u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX);
        object.number("duration_ms", ms);
        object.close();
        out.push(b'\n');
    }
}
