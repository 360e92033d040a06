//! The grammar of SPIFFE IDs (SPIFFE-ID, section 2): one spelling each, so that equal texts are equal
//! workloads and nothing else is.

/// The longest that everybody takes (section 2.3).
const BYTES_MAX: usize = 2048;

/// The longest name of a trust domain (section 2.1).
const DOMAIN_BYTES_MAX: usize = 255;

/// Whether a URI is meant to be one, however it is spelt.
pub(super) fn claims_to_be(uri: &str) -> bool {
    let scheme = uri.split(':').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("spiffe")
}

/// Whether it is one of a workload: a trust domain in lower case and a path that names something.
pub(super) fn is_workload(uri: &str) -> bool {
    let named = uri.strip_prefix("spiffe://");
    let Some((domain, path)) = named.and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    uri.len() <= BYTES_MAX
        && (1..=DOMAIN_BYTES_MAX).contains(&domain.len())
        && domain.bytes().all(in_domain)
        && path.split('/').all(is_segment)
}

fn in_domain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte)
}

/// Empty and relative segments would give one path two spellings.
fn is_segment(segment: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(plain)
}
