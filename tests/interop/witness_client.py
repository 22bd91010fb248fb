"""PyPI's aics-witness as a log's client of `witness serve`, and a witness that cosigned: what it remembers, and what it refuses.

    python witness_client.py URL VKEY OLD NEW

URL and VKEY are the witness's; OLD and NEW two folders that `ledger publish` wrote, one after the other.
"""

import sys
from pathlib import Path

import aics_tlog as tlog
from aics_witness.feeder import WitnessClient, WitnessConflict, WitnessRejected, merge_cosignatures

url, vkey = sys.argv[1:3]
old, new = (Path(a) for a in sys.argv[3:5])
reader = tlog.FileSystemTileReader(new)
client = WitnessClient(url, vkey)


size = int((new / "checkpoint").read_text().split("\n")[1])


def proof(before, after):
    # What claims to be larger than what was published has no proof of its own.
    return tlog.consistency_proof_from_tiles(reader, before, min(after, size), size)


def submit(note):
    lines = client.submit(note, proof)
    merged = merge_cosignatures(note, lines)
    key = tlog.parse_vkey(log)
    result = tlog.verify_checkpoint(tlog.parse_note(merged), key, [tlog.parse_vkey(vkey)], quorum=1)
    assert result.ok, result


log = (new / "vkey").read_text().strip()
first, second = ((folder / "checkpoint").read_bytes() for folder in (old, new))
submit(first)
submit(second)
try:
    client.submit(first, proof)
    raise SystemExit("a checkpoint behind the one that the witness has was cosigned")
except WitnessConflict:
    pass
lines = second.split(b"\n")
try:
    client.submit(b"\n".join([lines[0], str(int(lines[1]) + 1).encode(), *lines[2:]]), proof)
    raise SystemExit("a checkpoint that the log did not sign was cosigned")
except WitnessRejected as refusal:
    assert refusal.status == 403, refusal
print("aics-witness's client: cosigned twice, refused a rollback and a forgery")
