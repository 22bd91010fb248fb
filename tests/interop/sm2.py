"""A third judge of the profile "gm": Python's gmssl, which shares no code with OpenSSL or with us.

Usage: sm2.py PUBLIC.pem FILE SIGNATURE PAYLOAD.sm3     Exit code 0 if the signature is over the file and the small files have their hashes.
"""
import base64
import os
import sys

from gmssl import func, sm2, sm3

key, signed, signature, listed = sys.argv[1:]
der = base64.b64decode("".join(line for line in open(key) if "-----" not in line))
point = der[-64:].hex()
judge = sm2.CryptSM2(private_key=None, public_key=point, asn1=True)
# Its constructor takes a first 04 for a prefix, and any zeros and fours after it along.
judge.public_key = point
message = open(signed, "rb").read()
raw = open(signature, "rb").read()
assert judge.verify_with_sm3(raw.hex(), message) is True, "the signature is not over this file"
assert judge.verify_with_sm3(raw.hex(), message + b"\n") is not True, "the signature is over any file"
count = 0
for line in open(listed):
    digest, name = line.rstrip("\n").split("  ", 1)
    if os.path.getsize(name) <= 16384:
        assert sm3.sm3_hash(func.bytes_to_list(open(name, "rb").read())) == digest, name
        count += 1
assert count > 0
print("  the signature holds, and %d hashes do" % count)
