"""Tries to read in an old backup what was purged since, with libsodium: the envelope key of that time, and the keys of parts that today's
installation and its key copy still have. With the key copy of that time everything opens, which shows that the trying is done right."""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import zipfile

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt
from nacl.exceptions import CryptoError

backup, envelope, database, today, then = sys.argv[1:]
envelope = bytes.fromhex(open(envelope).read().strip())


def derive(purpose):
    return hmac.new(envelope, purpose.encode(), hashlib.sha256).digest()


def unseal(key, context, sealed):
    return decrypt(sealed[24:], context.encode(), sealed[:24], key)


def keys_of(rows):
    found = {}
    for bucket, sealed in rows:
        try:
            found[bucket] = unseal(derive("audit-part-keys"), f"part_keys/{bucket}", sealed)
        except CryptoError:
            pass
    return found


def copied(path):
    return keys_of((entry["bucket"], bytes.fromhex(entry["sealed"])) for entry in json.load(open(path))["keys"])


with zipfile.ZipFile(backup) as archive:
    names = archive.namelist()
    lines = [json.loads(line) for line in archive.read("tables/log_parts.jsonl").decode().splitlines()]
    leaves = [json.loads(line) for line in archive.read("tables/log_events.jsonl").decode().splitlines()]
assert not any("part_keys" in name for name in names), names
columns, rows = lines[0], [dict(zip(lines[0], row)) for row in lines[1:]]
commitments = {}
for row in leaves[1:]:
    leaf = json.loads(bytes.fromhex(dict(zip(leaves[0], row))["leaf"]))
    commitments |= {(leaf["id"], name): value for name, value in leaf.get("parts", {}).items()}

db = sqlite3.connect(database)
living = dict(keys_of(db.execute("SELECT bucket, sealed FROM part_keys WHERE sealed IS NOT NULL")))
kept = {(event, name) for event, name in db.execute("SELECT event_id, name FROM log_parts")}
everything = [envelope] + [derive(purpose) for purpose in ("audit-parts", "audit-part-keys")]


def opened(keys):
    """The parts of the old backup that open with any of these keys, and are what their leaf commits to."""
    found = set()
    for row in rows:
        # No salt lies open, with which a short value could be guessed from its commitment.
        assert row["salt"] == "", row
        for key in [*keys.values(), *everything]:
            try:
                plain = unseal(key, f"log_parts/{row['event_id']}/{row['name']}", bytes.fromhex(row["sealed"]))
            except CryptoError:
                continue
            assert base64.b64encode(hashlib.sha256(plain).digest()).decode() == commitments[row["event_id"], row["name"]]
            found.add((row["event_id"], row["name"]))
            break
    return found


purged = {(row["event_id"], row["name"]) for row in rows} - kept
assert len(purged) > 50, len(purged)
readable = opened(living | copied(today))
assert not readable & purged, f"{len(readable & purged)} purged parts can be read in the old backup"
assert purged <= opened(copied(then)), "the keys of that time do not open the parts of that time"
# Nothing of a destroyed key is left in the files of the database.
raw = b"".join(open(database + ending, "rb").read() for ending in ("", "-wal") if os.path.exists(database + ending))
for entry in json.load(open(then))["keys"]:
    assert bytes.fromhex(entry["sealed"]) not in raw, f"the wrapped key of {entry['bucket']} is still in the file"
print(f"{len(purged)} purged parts of {len(rows)} cannot be read in the old backup")
