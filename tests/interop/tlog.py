"""Judges a published log with software that shares nothing with Countermand, and each with tampered input too.

    python tlog.py OLD NEW PROOFS KEYS

OLD and NEW are two folders that `ledger publish` wrote, one after the other; PROOFS holds `.tlog-proof` files over NEW's checkpoint, named by
index; KEYS holds the log's verifier keys, one a line.
"""

import base64
import hashlib
import importlib.util
import struct
import sys
from pathlib import Path
from types import SimpleNamespace

old, new, proofs = (Path(a) for a in sys.argv[1:4])
vkeys = Path(sys.argv[4]).read_text().split()
said = []


def refuses(what, check, *arguments):
    """The check must not accept this."""
    try:
        answer = check(*arguments)
    except Exception:
        return
    assert answer is False, f"{what} was accepted"


def flipped(data, at=-1):
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def key_of(kind):
    for text in vkeys:
        name, _, key = text.split("+", 2)
        key = base64.b64decode(key)
        if key[0] == kind:
            return text, name, key[1:]
    raise SystemExit(f"no key of type {kind}")


def note_lines(note):
    text, lines = note.rsplit("\n\n", 1)
    for line in lines.splitlines():
        _, name, blob = line.split(" ")
        blob = base64.b64decode(blob)
        yield name, blob[:4], blob[4:]


def parts(note):
    origin, size, root = note.split("\n\n")[0].split("\n")
    return origin, int(size), base64.b64decode(root)


def entries(folder, size):
    """The leaves of a small log, bundle by bundle."""
    found = []
    for index in range((size + 255) // 256):
        width = min(256, size - index * 256)
        assert index < 1000
        path = folder / "tile/entries" / (f"{index:03}" + ("" if width == 256 else f".p/{width}"))
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack(">H", data[:2])
            found.append(data[2:2 + length])
            data = data[2 + length:]
    assert len(found) == size
    return found


note = (new / "checkpoint").read_text()
origin, size, root = parts(note)
leaves = entries(new, size)


def proof_of(index):
    head, checkpoint = (proofs / f"{index}.tlog-proof").read_text().split("\n\n", 1)
    lines = head.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1" and lines[1] == f"index {index}", lines
    assert parts(checkpoint) == (origin, size, root), "the proof is over another checkpoint"
    return [base64.b64decode(line) for line in lines[2:]]


def mldsa():
    """The second signature, by two libraries: the empty context, the whole log from its first leaf."""
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
    from dilithium_py.ml_dsa import ML_DSA_44

    _, name, public = key_of(6)
    key_id = hashlib.sha256(name.encode() + b"\n\x06" + public).digest()[:4]
    ((_, _, blob),) = [line for line in note_lines(note) if line[:2] == (name, key_id)]
    at, signature = blob[:8], blob[8:]
    short = lambda text: bytes([len(text.encode())]) + text.encode()
    message = b"subtree/v1\n\0" + short(name) + at + short(origin) + struct.pack(">QQ", 0, size) + root
    by_cryptography = MLDSA44PublicKey.from_public_bytes(public).verify
    by_cryptography(signature, message)
    by_dilithium = lambda sig, msg: ML_DSA_44.verify(public, msg, sig, ctx=b"")
    assert by_dilithium(signature, message)
    for check in (by_cryptography, by_dilithium):
        refuses("another size", check, signature, message[:-33] + flipped(message[-33:-32]) + message[-32:])
        refuses("another root", check, signature, flipped(message))
        refuses("another signature", check, flipped(signature, 100), message)
    said.append("cryptography and dilithium-py: the ML-DSA-44 line")


def sigstore():
    from sigstore._internal.merkle import verify_merkle_inclusion
    from sigstore._internal.rekor.checkpoint import SignedCheckpoint
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    _, name, public = key_of(1)
    key_id = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()
    ring = SimpleNamespace(verify=lambda key_id, signature, data: Ed25519PublicKey.from_public_bytes(public).verify(signature, data))
    signed = SignedCheckpoint.from_text(note)
    signed.signed_note.verify(ring, key_id)
    assert (signed.checkpoint.origin, signed.checkpoint.log_size, signed.checkpoint.log_hash) == (origin, size, root.hex())
    refuses("another note", lambda: SignedCheckpoint.from_text(note.replace(f"\n{size}\n", f"\n{size + 1}\n")).signed_note.verify(ring, key_id))

    def included(index, leaf, hashes, under):
        proof = SimpleNamespace(log_index=index, tree_size=size, hashes=hashes, root_hash=under)
        verify_merkle_inclusion(SimpleNamespace(_inner=SimpleNamespace(inclusion_proof=proof, canonicalized_body=leaf)))

    for path in proofs.glob("*.tlog-proof"):
        index = int(path.stem)
        hashes = proof_of(index)
        included(index, leaves[index], hashes, root)
        refuses("another leaf", included, index, flipped(leaves[index]), hashes, root)
        refuses("another place", included, index ^ 1, leaves[index], hashes, root)
        refuses("another sibling", included, index, leaves[index], [flipped(hashes[0]), *hashes[1:]], root)
        refuses("another root", included, index, leaves[index], hashes, flipped(root))
    said.append("sigstore: checkpoint and inclusion")


def aics():
    import aics_tlog as tlog

    key = tlog.parse_vkey(key_of(1)[0])
    verified = tlog.verify_checkpoint(tlog.parse_note(note.encode()), key, expected_origin=origin)
    assert verified.ok, verified
    changed = note.replace(f"\n{size}\n", f"\n{size + 1}\n")
    refuses("another size", lambda: tlog.verify_checkpoint(tlog.parse_note(changed.encode()), key).ok)
    reader = tlog.FileSystemTileReader(new)
    assert tlog.tree_root_from_tiles(reader, size) == root
    for index in {0, 1, size // 2, size - 1}:
        hashes = tlog.inclusion_proof_from_tiles(reader, index, size)
        leaf = tlog.read_entry(reader, index, size)
        assert leaf == leaves[index] and tlog.verify_inclusion(tlog.leaf_hash(leaf), index, size, hashes, root)
        refuses("another leaf", tlog.verify_inclusion, tlog.leaf_hash(flipped(leaf)), index, size, hashes, root)
    for path in proofs.glob("*.tlog-proof"):
        index = int(path.stem)
        assert tlog.verify_inclusion(tlog.leaf_hash(leaves[index]), index, size, proof_of(index), root)
    _, before, root_before = parts((old / "checkpoint").read_text())
    assert 0 < before < size
    grown = tlog.consistency_proof_from_tiles(reader, before, size)
    assert tlog.verify_consistency(before, size, root_before, root, grown)
    refuses("another beginning", tlog.verify_consistency, before, size, flipped(root_before), root, grown)
    report = tlog.audit_tiles(reader, size, root)
    tile = next(path for path in (new / "tile/0").rglob("*") if path.is_file())
    data = tile.read_bytes()
    tile.write_bytes(flipped(data, 0))
    refuses("a tile with one bit changed", tlog.audit_tiles, tlog.FileSystemTileReader(new), size, root)
    tile.write_bytes(data)
    said.append(f"aics-tlog: checkpoint, proofs, growth from {before} to {size}, tiles ({report})")


mldsa()
sigstore()
if importlib.util.find_spec("aics_tlog"):
    aics()
else:
    said.append("skipped: PyPI's aics-tlog needs Python 3.12")
print("\n".join(said))
