//! HTTP/1.1 as bytes: reads one message from a stream and keeps it exactly as it came.

use std::io::{self, BufRead, BufReader, Read};
use std::net::TcpStream;

/// One message, request or reply.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// The first line, without its line end.
    pub(crate) start: String,
    /// Names and values in order, as they came.
    pub(crate) headers: Vec<(String, String)>,
    /// The body, unframed.
    pub(crate) body: Vec<u8>,
    /// Fields after a chunked body.
    pub(crate) trailers: Vec<(String, String)>,
    /// How many chunks the body came in; `None`: not chunked.
    pub(crate) chunks: Option<usize>,
}

/// How the end of a message without `Content-Length` and chunks is found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// A request: there is no body.
    Request,
    /// A reply: the body ends with the connection.
    Reply,
    /// A reply that has no body whatever its head says: to `HEAD`, 1xx, 204, 304.
    Bodiless,
}

impl Message {
    /// The value of a header that must not be there twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "`{name}` stands there {} times", all.len());
        all.first().copied()
    }

    /// Every value of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let same = |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .filter(same)
            .map(|field| field.1.as_str())
            .collect()
    }
}

/// A stream with a buffer for reading.
pub(crate) struct Wire {
    pub(crate) reader: BufReader<TcpStream>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            reader: BufReader::new(stream),
        }
    }

    /// The stream, to write to.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        self.reader.get_mut()
    }

    /// Start line and headers. `None`: the peer closed before a first byte.
    pub(crate) fn head(&mut self) -> io::Result<Option<Message>> {
        let Some(start) = self.line()? else {
            return Ok(None);
        };
        let headers = self.fields()?;
        Ok(Some(Message {
            start,
            headers,
            ..Message::default()
        }))
    }

    /// The body that `message`'s head announces.
    pub(crate) fn body(&mut self, message: &mut Message, side: Side) -> io::Result<()> {
        if side == Side::Bodiless {
            return Ok(());
        }
        let coding = message.header("transfer-encoding").map(str::to_owned);
        if coding.is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return self.chunks(message);
        }
        if let Some(length) = message.header("content-length") {
            let length: usize = length.parse().map_err(io::Error::other)?;
            message.body = vec![0; length];
            return self.reader.read_exact(&mut message.body);
        }
        if side == Side::Reply {
            self.reader.read_to_end(&mut message.body)?;
        }
        Ok(())
    }

    fn chunks(&mut self, message: &mut Message) -> io::Result<()> {
        let mut count = 0;
        loop {
            let size = self.line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let size = size.split(';').next().unwrap_or_default().trim().to_owned();
            let size = usize::from_str_radix(&size, 16).map_err(io::Error::other)?;
            if size == 0 {
                message.trailers = self.fields()?;
                message.chunks = Some(count);
                return Ok(());
            }
            let start = message.body.len();
            message.body.resize(start + size, 0);
            self.reader.read_exact(&mut message.body[start..])?;
            self.line()?;
            count += 1;
        }
    }

    fn fields(&mut self) -> io::Result<Vec<(String, String)>> {
        let mut fields = Vec::new();
        loop {
            let line = self.line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line.is_empty() {
                return Ok(fields);
            }
            let (name, value) = line.split_once(':').unwrap_or((line.as_str(), ""));
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        if self.reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        while line
            .last()
            .is_some_and(|byte| matches!(byte, b'\n' | b'\r'))
        {
            line.pop();
        }
        // Latin-1: every byte is kept, whatever it is.
        Ok(Some(line.into_iter().map(char::from).collect()))
    }
}
