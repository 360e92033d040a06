//! Headers that are read, and headers that are not.

use super::header::{Malformed, length, version_1, version_2};
use super::*;
use proptest::prelude::*;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

fn v1(line: &str) -> Result<Option<String>, Malformed> {
    let source = version_1(line.as_bytes())?;
    Ok(source.map(|source| source.to_string()))
}

fn v2(command: u8, family: u8, rest: &[u8]) -> Result<Option<String>, Malformed> {
    let [high, low] = u16::try_from(rest.len()).unwrap().to_be_bytes();
    let fixed = [command, family, high, low];
    assert_eq!(length(fixed).map(Some), Ok(Some(rest.len())));
    Ok(version_2(fixed, rest)?.map(|source| source.to_string()))
}

fn four() -> Vec<u8> {
    vec![203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80]
}

#[test]
fn version_1_names_the_source() {
    let read = |line| v1(line).unwrap().unwrap();
    let four = "PROXY TCP4 203.0.113.7 10.0.0.1 56324 443\r\n";
    assert_eq!(read(four), "203.0.113.7");
    let six = "PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n";
    assert_eq!(read(six), "2001:db8::7");
    for line in [
        "PROXY UNKNOWN\r\n",
        "PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n",
    ] {
        assert_eq!(v1(line), Ok(None), "{line}");
    }
}

#[test]
fn version_1_is_read_to_the_letter() {
    for line in [
        "PROXY TCP4 203.0.113.7 10.0.0.1 56324 443\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 56324 443 \r\n",
        "PROXY TCP4  203.0.113.7 10.0.0.1 56324 443\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 56324\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 56324 65536\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 056324 443\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 +56 443\r\n",
        "PROXY TCP4 203.0.113.07 10.0.0.1 56324 443\r\n",
        "PROXY TCP4 ::1 ::2 56324 443\r\n",
        "PROXY TCP6 203.0.113.7 10.0.0.1 56324 443\r\n",
        "PROXY TCP4 203.0.113.7 ::1 56324 443\r\n",
        "PROXY TCP5 203.0.113.7 10.0.0.1 56324 443\r\n",
        "PROXY UNKNOWNX\r\n",
        "proxy TCP4 203.0.113.7 10.0.0.1 56324 443\r\n",
        "PROXY \r\n",
        "PROXY TCP4 localhost 10.0.0.1 56324 443\r\n",
    ] {
        assert_eq!(v1(line), Err(Malformed), "{line}");
    }
}

#[test]
fn version_2_names_the_source() {
    for family in [0x11, 0x12] {
        assert_eq!(v2(0x21, family, &four()), Ok(Some("203.0.113.7".into())));
    }
    let mut six = vec![0; 36];
    six[..4].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
    six[15] = 7;
    assert_eq!(v2(0x21, 0x21, &six), Ok(Some("2001:db8::7".into())));
}

#[test]
fn version_2_without_an_address_leaves_the_peers_own() {
    assert_eq!(v2(0x20, 0x00, &[]), Ok(None));
    assert_eq!(v2(0x20, 0x11, &four()), Ok(None));
    assert_eq!(v2(0x21, 0x00, &[1, 2, 3]), Ok(None));
    assert_eq!(v2(0x21, 0x31, &[b'/'; 216]), Ok(None));
}

#[test]
fn extensions_are_passed_over_and_must_add_up() {
    let with = |more: &[u8]| v2(0x21, 0x11, &[&four()[..], more].concat());
    assert!(with(&[4, 0, 0]).is_ok());
    assert!(with(&[4, 0, 2, 9, 9, 0xea, 0, 1, 7]).is_ok());
    for lie in [
        &[4][..],
        &[4, 0],
        &[4, 0, 1],
        &[4, 0xff, 0xff, 1],
        &[4, 0, 0, 9],
    ] {
        assert_eq!(with(lie), Err(Malformed), "{lie:?}");
    }
}

#[test]
fn version_2_with_lengths_or_codes_that_lie_is_refused() {
    assert_eq!(v2(0x21, 0x11, &four()[..11]), Err(Malformed));
    assert_eq!(v2(0x21, 0x21, &[0; 35]), Err(Malformed));
    assert_eq!(v2(0x21, 0x31, &[0; 215]), Err(Malformed));
    for command in [0x11, 0x22, 0x2f, 0x00, 0x31] {
        assert_eq!(v2(command, 0x11, &four()), Err(Malformed), "{command:#x}");
    }
    for family in [0x01, 0x10, 0x13, 0x41, 0xff] {
        assert_eq!(v2(0x21, family, &four()), Err(Malformed), "{family:#x}");
    }
    assert_eq!(length([0x21, 0x11, 0xff, 0xff]), Err(Malformed));
    assert_eq!(length([0x21, 0x11, 0x10, 0x00]), Ok(4096));
    assert_eq!(length([0x21, 0x11, 0x10, 0x01]), Err(Malformed));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), fixed: [u8; 4]) {
        let _ = version_1(&bytes);
        let _ = version_2(fixed, &bytes);
    }

    #[test]
    fn what_is_written_in_version_1_is_read(source: std::net::Ipv6Addr, port: u16) {
        let line = format!("PROXY TCP6 {source} ::1 {port} 443\r\n");
        prop_assert_eq!(version_1(line.as_bytes()), Ok(Some(source.into())));
    }

    #[test]
    fn what_is_written_in_version_2_is_read(source: [u8; 4], junk: [u8; 8], value in proptest::collection::vec(any::<u8>(), 0..100)) {
        let length = u8::try_from(value.len()).unwrap();
        let rest = [&source[..], &junk, &[0xee, 0, length], &value].concat();
        prop_assert_eq!(version_2([0x21, 0x11, 0, 0], &rest), Ok(Some(source.into())));
    }
}

/// What is read of `pieces`, sent one by one, and what the header leaves to the client.
async fn through(pieces: Vec<Vec<u8>>) -> (Result<IpAddr, ProxyFault>, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    client.set_nodelay(true).unwrap();
    let (mut stream, peer) = listener.accept().await.unwrap();
    let send = async move {
        for piece in pieces {
            client.write_all(&piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        client.shutdown().await.unwrap();
        client
    };
    let rules = ProxyProtocol {
        from: vec!["127.0.0.0/8".parse().unwrap()],
    };
    let receive = async {
        let read = read(&mut stream, peer.ip(), &rules, Duration::from_secs(5)).await;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        (read, rest)
    };
    let (_client, received) = tokio::join!(send, receive);
    received
}

#[tokio::test]
async fn a_header_is_read_to_its_last_byte_however_it_is_cut() {
    let line = b"PROXY TCP4 203.0.113.7 10.0.0.1 56324 443\r\n".to_vec();
    let mut binary = SIGNATURE.to_vec();
    binary.extend([0x21, 0x11, 0, 15]);
    binary.extend(four());
    binary.extend([4, 0, 0]);
    for header in [line, binary] {
        let whole = [&header[..], b"GET / HTTP/1.1\r\n"].concat();
        let bytes: Vec<Vec<u8>> = whole.iter().map(|byte| vec![*byte]).collect();
        for pieces in [vec![whole.clone()], bytes] {
            let (read, rest) = through(pieces).await;
            assert_eq!(read.unwrap().to_string(), "203.0.113.7");
            assert_eq!(rest, b"GET / HTTP/1.1\r\n");
        }
    }
}

#[tokio::test]
async fn a_second_header_is_left_to_whoever_reads_http() {
    let twice = "PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\nPROXY TCP4 198.51.100.9 10.0.0.1 1 2\r\n";
    let (read, rest) = through(vec![twice.into()]).await;
    assert_eq!(read.unwrap().to_string(), "203.0.113.7");
    assert_eq!(rest, b"PROXY TCP4 198.51.100.9 10.0.0.1 1 2\r\n");
}

#[tokio::test]
async fn something_else_is_missing_and_a_line_without_end_is_malformed() {
    let read = |bytes: &[u8]| {
        let pieces = vec![bytes.to_vec()];
        async { through(pieces).await.0.unwrap_err() }
    };
    assert_eq!(read(b"").await, ProxyFault::Missing);
    assert_eq!(read(b"GET / HTTP/1.1\r\n\r\n").await, ProxyFault::Missing);
    assert_eq!(read(b"PROXY UNKNOWN").await, ProxyFault::Malformed);
    // 107 bytes are a line at most, 108 are none.
    let line = |bytes: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(bytes - 16));
    assert_eq!(read(line(108).as_bytes()).await, ProxyFault::Malformed);
    let (longest, _) = through(vec![line(107).into()]).await;
    assert_eq!(longest.unwrap().to_string(), "127.0.0.1");
    let cut = [&SIGNATURE[..], &[0x21, 0x11, 0, 12, 1]].concat();
    assert_eq!(read(&cut).await, ProxyFault::Malformed);
}
