//! The test vectors of the standard (Web Authentication level 3, §16.2 and §16.3), and everything that must not pass.

use super::*;

struct Vector {
    challenge: &'static str,
    client_data: &'static str,
    attestation: &'static str,
    later: &'static str,
    authenticator_data: &'static str,
    later_client_data: &'static str,
    signature: &'static str,
}

const NONE: Vector = Vector {
    challenge: "00c30fb78531c464d2b6771dab8d7b603c01162f2fa486bea70f283ae556e130",
    client_data: "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a22414d4d507434557878475453746e63647134313759447742466938767049612d7077386f4f755657345441222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a20426b5165446a646354427258426941774a544c453551227d",
    attestation: "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220",
    later: "39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408",
    authenticator_data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000",
    later_client_data: "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158756c5455506f334a5558543049393770767a7a59425039745a63685879617630314167222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
    signature: "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87",
};

const PACKED: Vector = Vector {
    challenge: "7869c2b772d4b58eba9378cf8f29e26cf935aa77df0da89fa99c0bdc0a76f7e5",
    client_data: "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a2265476e4374334c55745936366b336a506a796e6962506b31716e666644616966715a774c33417032392d55222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a205539685458764b453255526b4d6e625f307859485667227d",
    attestation: "a363666d74667061636b65646761747453746d74a263616c672663736967584630440220067a20754ab925005dbf378097c92120031581c73228d1fb4f5b881bcd7da98302207fc7b147558c7c0eba3af18bd9d121fa3d3a26d17fe3f220272178f473b6006d68617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b55d00000000df850e09db6afbdfab51697791506cfc0020455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58ca5010203262001215820eb151c8176b225cc651559fecf07af450fd85802046656b34c18f6cf193843c5225820927b8aa427a2be1b8834d233a2d34f61f13bfd44119c325d5896e183fee484f2",
    later: "4478a10b1352348dd160c1353b0d469b5db19eb91c27f7dfa6fed39fe26af20b",
    authenticator_data: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50900000000",
    later_client_data: "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a225248696843784e534e493352594d45314f7731476d3132786e726b634a5f6666707637546e2d4a71386773222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a206754623533727a36456853576f6d58477a696d433151227d",
    signature: "304402203310b9431903c401f1be2bdc8d23a4007682dbbddcf846994947b7f465daf84002204e94dd00047b316061b3b99772b7efd95994a83ef584b3b6b825ea3550251b66",
};

const fn at(challenge: &[u8]) -> Expected<'_> {
    Expected { challenge, origin: "https://example.org", rp_id: "example.org", verified: false }
}

fn bytes(hex_text: &str) -> Vec<u8> {
    hex::decode(hex_text).unwrap()
}

fn registered(v: &Vector) -> Result<Registered, Unfit> {
    register(at(&bytes(v.challenge)), &bytes(v.client_data), &bytes(v.attestation))
}

#[test]
fn the_vectors_of_the_standard_verify() {
    for v in [NONE, PACKED] {
        let known = registered(&v).unwrap();
        assert_eq!((known.key.algorithm(), known.counter, known.credential_id.len()), (Algorithm::Es256, 0, 32));
        let (data, client, signature) = (bytes(v.authenticator_data), bytes(v.later_client_data), bytes(v.signature));
        let given = Assertion { authenticator_data: &data, client_data: &client, signature: &signature };
        assert!(assert(at(&bytes(v.later)), &known.key, 0, given).is_ok());
        // A kept key is the same key.
        assert_eq!(Key::from_spki(known.key.spki()).unwrap(), known.key);
    }
    assert!(registered(&NONE).unwrap().synced);
}

#[test]
fn an_answer_to_anything_else_is_refused() {
    let v = NONE;
    let known = registered(&v).unwrap();
    let (challenge, data, client, signature) = (bytes(v.later), bytes(v.authenticator_data), bytes(v.later_client_data), bytes(v.signature));
    let given = Assertion { authenticator_data: &data, client_data: &client, signature: &signature };
    let good = at(&challenge);
    let asked = |expected: Expected<'_>, counter: u32, given: Assertion<'_>| assert(expected, &known.key, counter, given).unwrap_err();
    assert_eq!(asked(Expected { challenge: &[7; 32], ..good }, 0, given), Unfit::Challenge);
    assert_eq!(asked(Expected { origin: "https://example.org:8443", ..good }, 0, given), Unfit::Origin);
    assert_eq!(asked(Expected { rp_id: "org", ..good }, 0, given), Unfit::RelyingParty);
    assert_eq!(asked(Expected { verified: true, ..good }, 0, given), Unfit::Verification);
    assert_eq!(asked(good, 1, given), Unfit::Counter);
    let other = registered(&PACKED).unwrap();
    assert_eq!(assert(good, &other.key, 0, given).unwrap_err(), Unfit::Signature, "another's key");
    // Every bit of the three pieces counts.
    for at_bit in [0, 32 * 8, data.len() * 8 - 1] {
        let mut data = data.clone();
        data[at_bit / 8] ^= 1 << (at_bit % 8);
        assert(good, &known.key, 0, Assertion { authenticator_data: &data, ..given }).unwrap_err();
    }
    for (longer, why) in [(&data, Unfit::Form), (&vec![0; LIMIT + 1], Unfit::Form)] {
        let longer = [longer.as_slice(), &[0]].concat();
        assert_eq!(asked(good, 0, Assertion { authenticator_data: &longer, ..given }), why);
    }
    let longer = [signature.as_slice(), &[0]].concat();
    assert_eq!(asked(good, 0, Assertion { signature: &longer, ..given }), Unfit::Signature);
    assert_eq!(asked(good, 0, Assertion { client_data: &vec![b' '; LIMIT + 1], ..given }), Unfit::Form);
    let said = |old: &str, new: &str| String::from_utf8(client.clone()).unwrap().replace(old, new).into_bytes();
    for (old, new, why) in [
        ("webauthn.get", "webauthn.create", Unfit::Type),
        ("\"crossOrigin\":false", "\"crossOrigin\":true", Unfit::CrossOrigin),
        ("\"crossOrigin\":false", "\"topOrigin\":\"https://evil.example\"", Unfit::CrossOrigin),
        ("\"crossOrigin\":false", "\"origin\":\"https://example.org\"", Unfit::Form),
        ("}", "}{", Unfit::Form),
        ("\"crossOrigin\":false", "\"crossOrigin\": false", Unfit::Signature),
    ] {
        assert_eq!(asked(good, 0, Assertion { client_data: &said(old, new), ..given }), why, "{new}");
    }
}

#[test]
fn a_passkey_that_is_none_is_not_enrolled() {
    let v = PACKED;
    let (challenge, client, attestation) = (bytes(v.challenge), bytes(v.client_data), v.attestation);
    let tried = |attestation: &str| register(at(&challenge), &client, &bytes(attestation)).err();
    assert_eq!(tried(attestation), None);
    for (old, new, why) in [
        // Bytes behind the end; the self-attestation by another algorithm and with another signature; a format that we do not know.
        ("84f2", "84f200", Unfit::Form),
        ("63616c6726", "63616c6727", Unfit::Attestation),
        ("067a20754a", "067a20754b", Unfit::Attestation),
        ("667061636b6564", "667061636b6565", Unfit::Attestation),
        // ES256 that claims to be EdDSA, another curve, a point that is not on the curve.
        ("a501020326", "a501020327", Unfit::Algorithm),
        ("0326200121", "0326200221", Unfit::Algorithm),
        ("215820eb15", "215820eb14", Unfit::Algorithm),
        // A byte of the credential's id too many, the counter's flag of backup without that of eligibility.
        ("0020455ef3", "0021455ef3", Unfit::Form),
        ("b55d000000", "b555000000", Unfit::Form),
        ("b55d000000", "b55c000000", Unfit::Presence),
    ] {
        let changed = attestation.replacen(old, new, 1);
        assert_ne!(changed, attestation, "{old}");
        assert_eq!(tried(&changed), Some(why), "{new}");
    }
    let (data, later, signature) = (bytes(v.authenticator_data), bytes(v.later_client_data), bytes(v.signature));
    let given = Assertion { authenticator_data: &data, client_data: &later, signature: &signature };
    assert_eq!(register(at(&bytes(v.later)), given.client_data, &bytes(attestation)).err(), Some(Unfit::Type));
}

#[test]
fn keys_of_the_other_kinds_verify_and_nothing_verifies_by_another_kind() {
    use ed25519_dalek::Signer;
    let secret = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let public = secret.verifying_key();
    let cose = Cbor::Map(
        vec![
            (Cbor::Int(1), Cbor::Int(1)),
            (Cbor::Int(3), Cbor::Int(-8)),
            (Cbor::Int(-1), Cbor::Int(6)),
            (Cbor::Int(-2), Cbor::Bytes(public.as_bytes())),
        ]
        .into_iter()
        .collect(),
    );
    let key = Key::from_cose(&cose).unwrap();
    assert_eq!((key.algorithm(), key.spki().len()), (Algorithm::EdDsa, 44));
    assert!(key.verifies(b"said", &secret.sign(b"said").to_bytes()));
    assert!(!key.verifies(b"unsaid", &secret.sign(b"said").to_bytes()));
    let mut long = vec![0xc1; 256];
    let rsa = |n: &[u8]| {
        let cose = [(1, Cbor::Int(3)), (3, Cbor::Int(-257)), (-1, Cbor::Bytes(n)), (-2, Cbor::Bytes(&[1, 0, 1]))];
        Key::from_cose(&Cbor::Map(cose.into_iter().map(|(k, v)| (Cbor::Int(k), v)).collect()))
    };
    let key = rsa(&long).unwrap();
    assert_eq!((key.algorithm(), key.spki().len()), (Algorithm::Rs256, 294), "as OpenSSL writes a key of 2048 bits");
    assert!(!key.verifies(b"said", &secret.sign(b"said").to_bytes()));
    long.truncate(128);
    assert!(rsa(&long).is_none(), "1024 bits are none");
}
