//! A fresh RSA key for the emulated authority, as most real ones have: it is gone with the process and signs nothing that counts. Keys that
//! count come from OpenSSL, or from a token; no key for evidence is made here.

use der::{
    Encode, SecretDocument, Sequence,
    asn1::{OctetString, UintRef},
};
use num_bigint::BigUint;
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::crypto::{random, timestamp::algorithm::RSA};

/// Bytes of each of the two primes.
const HALF: usize = 128;
const EXPONENT: u32 = 65_537;
/// Rounds of Miller and Rabin: a number of this length that chance chose passes five with less than 2^-112 if it is no prime
/// (FIPS 186-5, table B.1).
const ROUNDS: usize = 5;

/// RSAPrivateKey (RFC 8017, A.1.2).
#[derive(Sequence)]
struct RsaPrivateKey<'a> {
    version: u8,
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
    private_exponent: UintRef<'a>,
    prime1: UintRef<'a>,
    prime2: UintRef<'a>,
    exponent1: UintRef<'a>,
    exponent2: UintRef<'a>,
    coefficient: UintRef<'a>,
}

/// PrivateKeyInfo (RFC 5208, 5).
#[derive(Sequence)]
struct PrivateKeyInfo {
    version: u8,
    algorithm: AlgorithmIdentifierOwned,
    key: OctetString,
}

/// A new key of 2048 bits, in PKCS#8.
///
/// # Errors
/// It cannot be written down.
pub(super) fn fresh() -> der::Result<SecretDocument> {
    let (one, e) = (BigUint::from(1_u8), BigUint::from(EXPONENT));
    loop {
        let (a, b) = (prime(), prime());
        let (p, q) = if a > b { (a, b) } else { (b, a) };
        let (below_p, below_q) = (&p - &one, &q - &one);
        // Equal primes, or ones that share a factor with the exponent, have no inverse; one in tens of thousands.
        let (Some(d), Some(coefficient)) = (e.modinv(&(&below_p * &below_q)), q.modinv(&p)) else { continue };
        let numbers = [&p * &q, e, d.clone(), p, q, &d % below_p, d % below_q, coefficient].map(|n| n.to_bytes_be());
        let [modulus, public_exponent, private_exponent, prime1, prime2, exponent1, exponent2, coefficient] = &numbers;
        let key = RsaPrivateKey {
            version: 0,
            modulus: UintRef::new(modulus)?,
            public_exponent: UintRef::new(public_exponent)?,
            private_exponent: UintRef::new(private_exponent)?,
            prime1: UintRef::new(prime1)?,
            prime2: UintRef::new(prime2)?,
            exponent1: UintRef::new(exponent1)?,
            exponent2: UintRef::new(exponent2)?,
            coefficient: UintRef::new(coefficient)?,
        };
        let algorithm = AlgorithmIdentifierOwned { oid: RSA, parameters: Some(der::AnyRef::NULL.into()) };
        return SecretDocument::encode_msg(&PrivateKeyInfo { version: 0, algorithm, key: OctetString::new(key.to_der()?)? });
    }
}

/// A prime whose two highest bits are set, so that the product of two has its full length.
fn prime() -> BigUint {
    loop {
        let mut bytes = random::<HALF>();
        bytes[0] |= 0xC0;
        bytes[HALF - 1] |= 1;
        let number = BigUint::from_bytes_be(&bytes);
        if is_prime(&number) {
            return number;
        }
    }
}

/// Whether an odd number of the length of our primes is one, but for an error that nobody will see.
fn is_prime(number: &BigUint) -> bool {
    let zero = BigUint::ZERO;
    let divided = |by: u32| number % by == zero;
    if (3..2_000).step_by(2).any(divided) {
        return false;
    }
    let one = BigUint::from(1_u8);
    let below = number - &one;
    let twos = below.trailing_zeros().unwrap_or(0);
    let odd = &below >> twos;
    (0..ROUNDS).all(|_| {
        // Shorter than the number, and never 0.
        let base = BigUint::from_bytes_be(&random::<{ HALF - 1 }>()) | &one;
        let mut power = base.modpow(&odd, number);
        if power == one || power == below {
            return true;
        }
        for _ in 1..twos {
            power = power.modpow(&BigUint::from(2_u8), number);
            if power == below {
                return true;
            }
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::{BigUint, is_prime};

    #[test]
    fn primes_are_told_from_their_products() {
        // Mersenne's exponents, by Lucas and later hands.
        let mersenne = |bits: u32| (BigUint::from(1_u8) << bits) - 1_u8;
        assert!([521, 607, 1279].into_iter().all(|bits| is_prime(&mersenne(bits))));
        assert!(!is_prime(&(mersenne(521) * mersenne(607))) && !is_prime(&mersenne(523)));
    }
}
