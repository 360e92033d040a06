//! Finds RSA keys of the generator whose primes can be factored (CVE-2017-15361, "ROCA").
//!
//! Its primes are `k * M + 65537^a mod M` for a product `M` of small primes, so the modulus is a
//! power of 65537 modulo each of them. A random modulus passes all of these tests once in 2^27.

/// Small primes modulo which the powers of 65537 are a small part of all numbers.
const PRIMES: [u32; 17] = [
    11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
];

/// Whether `modulus` (big-endian) has that shape.
pub(super) fn has_fingerprint(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| {
        let rest = modulus
            .iter()
            .fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        is_power(rest, *prime)
    })
}

fn is_power(rest: u32, prime: u32) -> bool {
    let mut power = 1;
    for _ in 0..prime {
        if power == rest {
            return true;
        }
        power = power * 65537 % prime;
    }
    false
}
