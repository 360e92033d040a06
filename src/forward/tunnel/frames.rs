//! Where the frames of a WebSocket begin and end (RFC 6455, section 5.2), and nothing else of them: only
//! between two may the gate say something of its own.

/// Follows the bytes of one direction, however they are cut.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Bytes seen of the present frame's head; 0 between two frames.
    head: u8,
    /// Where its length ends, and where it ends itself, once its second byte is known.
    ends: (u8, u8),
    /// How long the payload is, as far as the head was seen.
    length: u64,
    /// Bytes of the payload that are still to come.
    payload: u64,
    /// A close frame has begun: nothing may follow it.
    closing: bool,
}

const CLOSE: u8 = 0x8;
const MASKED: u8 = 0x80;
const MASK_BYTES: u8 = 4;

impl Frames {
    /// These bytes were passed on.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        loop {
            let here = usize::try_from(self.payload)
                .map_or(bytes.len(), |payload| payload.min(bytes.len()));
            self.payload -= here as u64;
            let (_, rest) = bytes.split_at(here);
            let Some((byte, rest)) = rest.split_first() else {
                return;
            };
            self.head_byte(*byte);
            bytes = rest;
        }
    }

    /// Whether a frame of the gate's own may follow what was passed on.
    pub(super) fn may_close(&self) -> bool {
        self.head == 0 && self.payload == 0 && !self.closing
    }

    fn head_byte(&mut self, byte: u8) {
        self.head += 1;
        match self.head {
            1 => self.closing |= byte & 0xf == CLOSE,
            2 => {
                let mask = if byte & MASKED == 0 { 0 } else { MASK_BYTES };
                let (further, length) = match byte & !MASKED {
                    126 => (2, 0),
                    127 => (8, 0),
                    short => (0, short),
                };
                self.length = length.into();
                self.ends = (2 + further, 2 + further + mask);
            }
            at if at <= self.ends.0 => self.length = self.length << 8 | u64::from(byte),
            _mask => {}
        }
        if self.head >= 2 && self.head == self.ends.1 {
            self.head = 0;
            self.payload = self.length;
        }
    }
}

#[cfg(test)]
mod tests {
    //! Frames of every length, cut anywhere.

    use super::Frames;
    use proptest::prelude::*;

    /// A frame, and how long it is.
    fn frame(opcode: u8, length: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut frame = vec![0x80 | opcode];
        match length {
            0..126 => frame.push(mask | u8::try_from(length).unwrap()),
            126..65536 => {
                frame.push(mask | 0x7e);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(mask | 0x7f);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(std::iter::repeat_n(
            0x88,
            length + if masked { 4 } else { 0 },
        ));
        frame
    }

    proptest! {
        #[test]
        fn a_close_may_stand_between_frames_alone(
            sizes in prop::collection::vec((prop_oneof![0..3_usize, 124..128_usize, 65534..65540_usize], any::<bool>()), 1..5),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let frames: Vec<Vec<u8>> = sizes.iter().map(|(size, masked)| frame(2, *size, *masked)).collect();
            let ends: Vec<usize> = frames.iter().scan(0, |end, frame| { *end += frame.len(); Some(*end) }).collect();
            let bytes = frames.concat();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).chain(ends.clone()).collect();
            cuts.sort_unstable();
            let (mut seen, mut from) = (Frames::default(), 0);
            for cut in cuts {
                seen.pass(&bytes[from..cut]);
                prop_assert_eq!(seen.may_close(), cut == 0 || ends.contains(&cut), "at {} of {:?}", cut, ends);
                from = cut;
            }
        }
    }

    #[test]
    fn nothing_follows_a_close_frame() {
        let mut seen = Frames::default();
        seen.pass(&frame(1, 5, false));
        assert!(seen.may_close());
        seen.pass(&frame(8, 2, false));
        assert!(!seen.may_close());
    }

    #[test]
    fn a_length_that_nobody_sends_overflows_nothing() {
        let mut seen = Frames::default();
        seen.pass(&[0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3]);
        assert!(!seen.may_close());
    }
}
