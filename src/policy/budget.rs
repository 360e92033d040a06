//! Bounds on Cedar text, held before any parser sees it (RULES 34).
//!
//! The scan knows strings and comments as Cedar's lexer does and nothing else of the grammar. What
//! it lets through cannot overflow the parser's stack; what it misreads, the parser refuses.

use crate::fault::Span;

/// How much one layer's text may hold at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Of all files together.
    pub(super) bytes: usize,
    /// Of all files together.
    pub(super) policies: usize,
    /// Nodes of all conditions together.
    pub(super) nodes: usize,
    /// Names of operations, of all policies together: each is one more that everything is validated for.
    pub(super) operations: usize,
    /// Nodes times the operations by name that they are validated for.
    pub(super) looks: usize,
}

impl Budget {
    /// The platform's own files, and schema fragments: written by who runs the gate.
    pub(super) const PLATFORM: Self = Self {
        bytes: 4 * 1024 * 1024,
        policies: 2_000,
        nodes: 200_000,
        operations: 20_000,
        looks: usize::MAX,
    };
    /// One account's overlay: written by anybody.
    pub(super) const OVERLAY: Self = Self {
        bytes: 64 * 1024,
        policies: 100,
        nodes: 2_000,
        operations: 100,
        looks: 40_000,
    };
}

/// Brackets open at once: each costs the parser some 13 KiB of stack.
pub(super) const NESTING_MAX: usize = 64;
/// `if`s of one policy. Cedar copies the branch of an `if` whose condition the schema settles, so that
/// checking the levels of thirty nested ones takes twenty seconds, and twice that for one more.
pub(super) const IFS_MAX: usize = 6;
/// Tokens of one policy: a chain of operators becomes a tree as deep as the chain is long.
pub(super) const TOKENS_MAX: usize = 4_000;
/// Wildcards of one `like` pattern: many of them cost milliseconds on a long string.
pub(super) const STARS_MAX: usize = 8;
/// Names of one `has a.b.c`: Cedar writes out what each of them stands behind, so that two thousand in a
/// row cost it seconds and a hundred megabytes.
pub(super) const NAMES_MAX: usize = 16;

/// One policy's place in the text: from its first token to behind its `;`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A bound that the text breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// Too deep.
    #[error("nested more than {NESTING_MAX} deep")]
    Nesting(usize),
    /// Too many alternatives.
    #[error("a policy with more than {IFS_MAX} `if`s")]
    Ifs(usize),
    /// Too long.
    #[error("a policy of more than {TOKENS_MAX} tokens")]
    Tokens(usize),
    /// Too many wildcards.
    #[error("a `like` pattern with more than {STARS_MAX} wildcards")]
    Stars(usize),
    /// Too far down.
    #[error("a `has` with more than {NAMES_MAX} names")]
    Names(usize),
}

impl Broken {
    /// Where.
    pub(super) fn span(self) -> Span {
        let (Self::Nesting(start)
        | Self::Ifs(start)
        | Self::Tokens(start)
        | Self::Stars(start)
        | Self::Names(start)) = self;
        Span { start, len: 1 }
    }
}

/// Walks the text once: its statements, or the first bound that it breaks.
pub(super) fn scan(text: &str) -> Result<Vec<Statement>, Broken> {
    let mut scan = Scan::default();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        at = match byte {
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                skip_while(bytes, at, |b| b != b'\n' && b != b'\r')
            }
            byte if is_space(byte) => at + 1,
            b'"' => {
                let end = string_end(bytes, at);
                scan.string(at, text.get(at..end).unwrap_or_default())?;
                end
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                let end = skip_while(bytes, at, |b| b.is_ascii_alphanumeric() || b == b'_');
                scan.word(at, bytes.get(at..end).unwrap_or_default())?;
                end
            }
            byte => {
                scan.sign(at, byte)?;
                at + 1
            }
        };
    }
    // What follows the last `;` is no policy; the parser says so better than we could.
    if let Some(start) = scan.start {
        scan.statements.push(Statement {
            start,
            end: text.len(),
        });
    }
    Ok(scan.statements)
}

/// The comments of a text, without the space at their ends.
pub(super) fn comments(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        at = match byte {
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                let end = skip_while(bytes, at, |b| b != b'\n' && b != b'\r');
                found.extend(text.get(at..end).map(str::trim_end));
                end
            }
            b'"' => string_end(bytes, at),
            _ => at + 1,
        };
    }
    found
}

#[derive(Default)]
struct Scan {
    statements: Vec<Statement>,
    start: Option<usize>,
    depth: usize,
    ifs: usize,
    tokens: usize,
    after_like: bool,
    /// Of a `has`, so far.
    names: usize,
    /// The next word is one of them.
    name_next: bool,
}

impl Scan {
    fn token(&mut self, at: usize) -> Result<(), Broken> {
        self.start.get_or_insert(at);
        self.tokens += 1;
        if self.tokens > TOKENS_MAX {
            return Err(Broken::Tokens(at));
        }
        if self.depth > NESTING_MAX {
            return Err(Broken::Nesting(at));
        }
        if self.ifs > IFS_MAX {
            return Err(Broken::Ifs(at));
        }
        Ok(())
    }

    fn word(&mut self, at: usize, word: &[u8]) -> Result<(), Broken> {
        self.ifs += usize::from(word == b"if");
        self.after_like = word == b"like";
        self.names = if self.name_next { self.names + 1 } else { 0 };
        self.name_next = word == b"has";
        if self.names > NAMES_MAX {
            return Err(Broken::Names(at));
        }
        self.token(at)
    }

    fn string(&mut self, at: usize, literal: &str) -> Result<(), Broken> {
        self.name_next = false;
        if std::mem::take(&mut self.after_like) && wildcards(literal) > STARS_MAX {
            return Err(Broken::Stars(at));
        }
        self.token(at)
    }

    fn sign(&mut self, at: usize, sign: u8) -> Result<(), Broken> {
        self.after_like = false;
        self.name_next = sign == b'.' && self.names > 0;
        match sign {
            b'(' | b'[' | b'{' => self.depth += 1,
            b')' | b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.token(at)?;
        if sign == b';' {
            // The grammar has no `;` inside of a policy: whatever was open is a syntax error.
            let start = self.start.take().unwrap_or(at);
            self.statements.push(Statement { start, end: at + 1 });
            (self.depth, self.ifs, self.tokens) = (0, 0, 0);
        }
        Ok(())
    }
}

/// Cedar skips whatever Unicode calls a space, and knows nothing else beyond ASCII outside of strings and
/// comments.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b'\x0b' || !byte.is_ascii()
}

/// `\*` is a plain star. Other escapes are read before wildcards are: `\x2a` is one.
fn wildcards(pattern: &str) -> usize {
    let pattern = pattern.replace(r"\\", "").replace(r"\*", "");
    let escapes = pattern.split('\\').skip(1);
    pattern.matches('*').count() + escapes.filter(|escape| is_star(escape)).count()
}

/// Whether what follows the backslash is `x2a`, or `u{2a}` with any zeros before.
fn is_star(escape: &str) -> bool {
    let short = escape.strip_prefix('x').and_then(|rest| rest.get(..2));
    let long = escape.strip_prefix("u{");
    let long = long.and_then(|rest| rest.split('}').next());
    let code = short.or(long).map(|hex| hex.replace('_', ""));
    code.is_some_and(|hex| u32::from_str_radix(&hex, 16) == Ok(u32::from(b'*')))
}

fn skip_while(bytes: &[u8], from: usize, keep: impl Fn(u8) -> bool) -> usize {
    bytes
        .iter()
        .skip(from)
        .position(|byte| !keep(*byte))
        .map_or(bytes.len(), |length| from + length)
}

/// Behind the closing quote, or the end of the text.
fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut escaped = false;
    for (offset, byte) in bytes.iter().enumerate().skip(from + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return offset + 1,
            _ => {}
        }
    }
    bytes.len()
}
