//! Frames of HTTP/2 as a [`Script`](super::script::Script) may send them: any, right or wrong.

use super::script::Line;

/// Types of frames, and flags (RFC 9113, section 6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RESET: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// The stream of a connection's first request.
pub(crate) const FIRST: u32 = 1;

/// One frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame");
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// `RST_STREAM` of the first stream.
pub(crate) fn reset(code: u32) -> Vec<u8> {
    frame(RESET, 0, FIRST, &code.to_be_bytes())
}

/// GOAWAY: streams up to `last` were looked at.
pub(crate) fn goaway(last: u32, code: u32) -> Vec<u8> {
    let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
    frame(GOAWAY, 0, 0, &payload)
}

/// Begins as a service does, and reads to the end of the first request's fields. `false`: there is none.
pub(crate) fn begin(line: &mut Line) -> bool {
    // What was read as a head is the first half of the preface.
    if !(line.take(6) && line.send(frame(SETTINGS, 0, 0, &[]))) {
        return false;
    }
    while let Some(header) = line.bytes(9) {
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        if !line.take(length.into()) {
            return false;
        }
        if header[3] == HEADERS {
            return true;
        }
    }
    false
}
