#!/usr/bin/env python3
"""Decisions that passkeys signed, checked from a bundle with OpenSSL and Python's standard library alone: python3 passkey.py EVID.zip

Each statement is made again from the report (comment with its salt, deadline, recipients), hashed, found as the challenge in what the browser
says, and the signature over that is verified by OpenSSL. Then the comment, the deadline and the set of recipients are changed, and each must
be seen."""
import base64, copy, hashlib, json, pathlib, subprocess, sys, tempfile, zipfile


def canonical(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def statement(case, decision):
    """What the decision must have been about, from what the report says of the case and of the decision."""
    said = json.loads(decision["statement"])
    comment = bytes.fromhex(decision["comment_salt"]) + canonical({"comment": decision["comment"]})
    return canonical({
        "v": 1, "case": case["id"], "level": decision["level"], "decision": decision["decision"],
        "comment": base64.b64encode(hashlib.sha256(comment).digest()).decode(),
        "message": base64.b64encode(bytes.fromhex(case["message_commitment"])).decode(), "recipients": case["recipients"],
        "policy": {"id": case["policy_id"], "version": case["policy_version"]}, "deadline": case["cut_off"],
        "shown": hashlib.sha256(decision["shown"].encode()).hexdigest(), "decider": decision["decider"], "nonce": said["nonce"],
    })


def holds(case, decision, folder):
    signed = decision["passkey"]
    client = unpadded(signed["client_data"])
    told = json.loads(client)
    if told["type"] != "webauthn.get" or unpadded(told["challenge"]) != hashlib.sha256(statement(case, decision)).digest():
        return False
    data = unpadded(signed["authenticator_data"])
    # Made for this host, by somebody who was present and verified.
    if data[:32] != hashlib.sha256(signed["rp_id"].encode()).digest() or data[32] & 5 != 5:
        return False
    for name, content in {"key.pem": signed["public_key"].encode(), "signed": data + hashlib.sha256(client).digest(), "sig": unpadded(signed["signature"])}.items():
        (folder / name).write_bytes(content)
    if signed["algorithm"] == "EdDSA":
        command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key.pem", "-in", "signed", "-sigfile", "sig"]
    else:
        command = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "sig", "signed"]
    return subprocess.run(command, cwd=folder, capture_output=True).returncode == 0


bundle = zipfile.ZipFile(sys.argv[1])
report = json.loads(bundle.read(next(n for n in bundle.namelist() if n.endswith("/data/evidence.json"))))
case, decisions = report["case"], [d for d in report["decisions"] if d.get("passkey")]
assert decisions, "no decision was signed by a passkey"
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    for decision in decisions:
        assert holds(case, decision, folder), "level %s does not verify" % decision["level"]
        for what, lie in {
            "comment": lambda c, d: d.update(comment=d["comment"] + "。"),
            "deadline": lambda c, d: c.update(cut_off=c["cut_off"][:-2] + ("0Z" if c["cut_off"][-2] != "0" else "1Z")),
            "recipients": lambda c, d: c["recipients"].update(count=c["recipients"]["count"] + 1),
            "set of recipients": lambda c, d: c["recipients"].update(root="0" * 64),
            "signature": lambda c, d: d["passkey"].update(signature=decisions[0]["passkey"]["signature"][::-1]),
        }.items():
            other = copy.deepcopy((case, decision))
            lie(*other)
            assert not holds(*other, folder), "a changed %s was not seen" % what
print("ok   %d decisions signed by passkeys" % len(decisions))
