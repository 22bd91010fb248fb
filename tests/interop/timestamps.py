#!/usr/bin/env python3
"""rfc3161ng asks the emulated authority and judges what it is told: good tokens, and each wrong one.

Usage: timestamps.py BINARY
"""
import json
import subprocess
import sys
import urllib.request

import rfc3161ng

DATA = b"recall.example/countermand/7c1e\n17\nAAAA\n"


def fault(base, mode):
    body = json.dumps({"mode": mode}).encode()
    urllib.request.urlopen(urllib.request.Request(base + "/_emulator/faults", data=body)).read()


server = subprocess.Popen([sys.argv[1], "emulate", "tsa", "--json"], stdout=subprocess.PIPE)
try:
    access = json.loads(server.stdout.readline())
    base = access["base_url"]
    assert "BEGIN CERTIFICATE" in access["root"] and set(access) == {"base_url", "root"}, access
    asker = rfc3161ng.RemoteTimestamper(base, certificate=b"", hashname="sha256", include_tsa_certificate=True)
    token = asker.timestamp(data=DATA, nonce=0x5A5A5A5A5A5A5A5A)
    assert asker.check(token, data=DATA, nonce=0x5A5A5A5A5A5A5A5A) is True
    print("a token is accepted, time", rfc3161ng.get_timestamp(token))

    def refused(what, work):
        try:
            work()
        except Exception as error:  # each library error is a refusal; which one is its own business
            print("refused:", what, "-", type(error).__name__, str(error)[:80])
        else:
            raise SystemExit("accepted although " + what)

    refused("the data are others", lambda: asker.check(token, data=DATA + b"x", nonce=0x5A5A5A5A5A5A5A5A))
    refused("the nonce is another", lambda: asker.check(token, data=DATA, nonce=1))
    for mode in ("rejected", "garbage", "wrong_imprint", "wrong_nonce", "bad_signature", "bad_digest"):
        fault(base, mode)
        refused(mode, lambda: asker.check(asker.timestamp(data=DATA, nonce=7), data=DATA, nonce=7))
    assert asker.check(asker.timestamp(data=DATA, nonce=7), data=DATA, nonce=7) is True, "the faults are over"
finally:
    server.terminate()
    server.wait()
print("every answer is judged as it should be")
