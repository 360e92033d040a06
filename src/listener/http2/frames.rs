//! Follows the frames of one direction of an HTTP/2 connection, by their headers alone: whether one of
//! them is not whole, and which of them tell of mischief.

/// Every client begins with it (RFC 9113, section 3.4).
const PREFACE_BYTES: u32 = 24;

const HEADER_BYTES: usize = 9;

/// Types of frames (RFC 9113, section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

/// The request or reply ends here.
const END_STREAM: u8 = 1;
/// Its fields end here.
const END_HEADERS: u8 = 4;

/// Why a stream or a connection is ended: here, that nothing is wrong.
const NO_ERROR: u32 = 0;
/// Likewise: the other side broke the rules.
const PROTOCOL_ERROR: u32 = 1;

/// Where one direction stands.
#[derive(Debug)]
pub(super) struct Frames {
    preface_left: u32,
    header: [u8; HEADER_BYTES],
    header_read: usize,
    payload_left: u32,
    /// The last four bytes of the payload so far; of short frames, their code.
    tail: u32,
    /// Fields have begun, and not ended.
    in_fields: bool,
    /// Frames that were whole, and with the last of them its fields.
    whole: u64,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A stream was ended before its time.
    Reset,
    /// A stream or the connection was ended because of what the other side sent.
    Malformed,
    /// A part of a request or reply.
    Part,
    /// Anything else: it asks for nothing, and still has to be read.
    Bare,
}

impl Frames {
    /// Of what a client sends.
    pub(super) fn of_client() -> Self {
        Self {
            preface_left: PREFACE_BYTES,
            ..Self::of_server()
        }
    }

    /// Of what is sent to it.
    pub(super) fn of_server() -> Self {
        Self {
            preface_left: 0,
            header: [0; HEADER_BYTES],
            header_read: 0,
            payload_left: 0,
            tail: 0,
            in_fields: false,
            whole: 0,
        }
    }

    /// Frames that were whole so far.
    pub(super) fn whole(&self) -> u64 {
        self.whole
    }

    /// Whether something has begun that is short and should be whole soon: all but a body's data.
    pub(super) fn is_amid(&self) -> bool {
        let in_frame = match self.header_read {
            0 => false,
            HEADER_BYTES => self.kind() != DATA,
            _ => true,
        };
        self.preface_left > 0 || self.in_fields || in_frame
    }

    /// Follows the next bytes.
    pub(super) fn follow(&mut self, mut bytes: &[u8], mut found: impl FnMut(Found)) {
        while !bytes.is_empty() {
            bytes = if self.preface_left > 0 {
                let (taken, rest) = split(bytes, self.preface_left);
                self.preface_left = self.preface_left.saturating_sub(length(taken));
                rest
            } else if self.header_read < HEADER_BYTES {
                self.begin(bytes)
            } else {
                let (taken, rest) = split(bytes, self.payload_left);
                self.payload_left = self.payload_left.saturating_sub(length(taken));
                self.keep_tail(taken);
                rest
            };
            if self.header_read == HEADER_BYTES && self.payload_left == 0 {
                self.end(&mut found);
            }
        }
    }

    fn begin<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let room = self.header.get_mut(self.header_read..).unwrap_or_default();
        let taken = room.len().min(bytes.len());
        let (taken, rest) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
        for (to, from) in room.iter_mut().zip(taken) {
            *to = *from;
        }
        self.header_read += taken.len();
        if self.header_read == HEADER_BYTES {
            let [a, b, c, ..] = self.header;
            self.payload_left = u32::from_be_bytes([0, a, b, c]);
            self.tail = 0;
        }
        rest
    }

    /// Of frames that hold a code: a reset's is all there is, and comes second in a farewell, whose
    /// explanation nobody reads.
    fn keep_tail(&mut self, taken: &[u8]) {
        let wanted = match self.kind() {
            RST_STREAM => 4,
            GOAWAY => 8,
            _ => return,
        };
        let [a, b, c, ..] = self.header;
        let all = u32::from_be_bytes([0, a, b, c]);
        let before = all.saturating_sub(self.payload_left.saturating_add(length(taken)));
        let (taken, _) = split(taken, u32::saturating_sub(wanted, before));
        for byte in taken {
            self.tail = self.tail << 8 | u32::from(*byte);
        }
    }

    fn end(&mut self, found: &mut impl FnMut(Found)) {
        let [a, b, c, _, flags, ..] = self.header;
        let says_nothing = [a, b, c] == [0; 3] && flags & END_STREAM == 0;
        match self.kind() {
            HEADERS | CONTINUATION => {
                self.in_fields = flags & END_HEADERS == 0;
                found(Found::Part);
            }
            DATA if !says_nothing => found(Found::Part),
            RST_STREAM if self.tail == PROTOCOL_ERROR => found(Found::Malformed),
            RST_STREAM => found(Found::Reset),
            GOAWAY if self.tail != NO_ERROR => found(Found::Malformed),
            _ => found(Found::Bare),
        }
        self.header_read = 0;
        if !self.in_fields {
            self.whole += 1;
        }
    }

    fn kind(&self) -> u8 {
        let [_, _, _, kind, ..] = self.header;
        kind
    }
}

fn split(bytes: &[u8], at: u32) -> (&[u8], &[u8]) {
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    bytes.split_at_checked(at).unwrap_or((bytes, &[]))
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let [_, a, b, c] = length(payload).to_be_bytes();
        let mut frame = vec![a, b, c, kind, flags, 0, 0, 0, 1];
        frame.extend_from_slice(payload);
        frame
    }

    /// What is found in `bytes`, cut into pieces of every size.
    fn found(bytes: &[u8]) -> Vec<Found> {
        let whole = pieces(bytes, bytes.len());
        for size in 1..bytes.len() {
            assert_eq!(pieces(bytes, size), whole, "in pieces of {size}");
        }
        whole
    }

    fn pieces(bytes: &[u8], size: usize) -> Vec<Found> {
        let (mut frames, mut all) = (Frames::of_server(), Vec::new());
        for piece in bytes.chunks(size) {
            frames.follow(piece, |found| all.push(found));
        }
        assert!(!frames.is_amid());
        all
    }

    #[test]
    fn resets_and_farewells_are_told_apart_by_their_code() {
        let mut bytes = frame(HEADERS, END_HEADERS, b"fields");
        bytes.extend(frame(DATA, 0, &[1; 300]));
        bytes.extend(frame(RST_STREAM, 0, &8_u32.to_be_bytes()));
        bytes.extend(frame(RST_STREAM, 0, &PROTOCOL_ERROR.to_be_bytes()));
        bytes.extend(frame(
            GOAWAY,
            0,
            &[0, 0, 0, 7, 0, 0, 0, 0, b'b', b'y', b'e'],
        ));
        bytes.extend(frame(
            GOAWAY,
            0,
            &[0, 0, 0, 7, 0, 0, 0, 9, b'b', b'y', b'e'],
        ));
        let parts = [Found::Part, Found::Part];
        let ends = [
            Found::Reset,
            Found::Malformed,
            Found::Bare,
            Found::Malformed,
        ];
        let expected = [&parts[..], &ends].concat();
        assert_eq!(found(&bytes), expected);
    }

    #[test]
    fn what_carries_nothing_is_told_from_parts_of_messages() {
        const PRIORITY: u8 = 2;
        const PING: u8 = 6;
        const WINDOW_UPDATE: u8 = 8;
        for (frame, expected) in [
            (
                frame(HEADERS, END_HEADERS | END_STREAM, b"fields"),
                Found::Part,
            ),
            (frame(DATA, 0, b"x"), Found::Part),
            (frame(DATA, END_STREAM, b""), Found::Part),
            (frame(DATA, 0, b""), Found::Bare),
            (frame(PRIORITY, 0, &[0; 5]), Found::Bare),
            (frame(PING, 0, &[0; 8]), Found::Bare),
            (frame(WINDOW_UPDATE, 0, &[0, 0, 0, 1]), Found::Bare),
            (frame(0xee, 0, b"unknown"), Found::Bare),
        ] {
            assert_eq!(found(&frame), [expected], "{frame:?}");
        }
    }

    #[test]
    fn fields_are_whole_at_their_last_frame_and_data_may_take_its_time() {
        let mut frames = Frames::of_client();
        let mut amid = |bytes: &[u8]| {
            frames.follow(bytes, |found| assert_eq!(found, Found::Part));
            (frames.is_amid(), frames.whole())
        };
        assert_eq!(amid(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"), (true, 0));
        assert_eq!(amid(b"\n"), (false, 0));
        assert_eq!(amid(&frame(HEADERS, 0, b"fie")), (true, 0));
        assert_eq!(amid(&frame(CONTINUATION, 0, b"ld")), (true, 0));
        assert_eq!(amid(&frame(CONTINUATION, END_HEADERS, b"s")), (false, 1));
        let data = frame(DATA, 0, b"body");
        assert_eq!(amid(&data[..3]), (true, 1));
        assert_eq!(amid(&data[3..10]), (false, 1));
        assert_eq!(amid(&data[10..]), (false, 2));
    }
}
