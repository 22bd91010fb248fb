#!/usr/bin/env python3
"""Checks an unpacked evidence bundle with Python's standard library alone.

Usage: python3 data/tools/verify.py FOLDER

Covers manifests, leaf hashes, commitments, inclusion proofs (RFC 9162, section 2.1.3.2), the checkpoint's text, and whether stamped
checkpoints are of the same log (section 2.1.4.2). Signatures and timestamps need OpenSSL: see data/VERIFY.en.md. Exit code 0 if everything here holds, 1 otherwise.
"""
import base64
import hashlib
import json
import os
import sys

bag = sys.argv[1] if len(sys.argv) > 1 else "."
problems = []


def path(name):
    return os.path.join(bag, *name.split("/"))


def read(name):
    with open(path(name), "rb") as f:
        return f.read()


def lines(name):
    content = read(name)
    if content and not content.endswith(b"\n"):
        problems.append(name + ": the last line is cut")
    return content.split(b"\n")[:-1]


def sha256(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()


def manifest(name, algorithm):
    listed = set()
    for line in lines(name):
        digest, _, file = line.decode("utf-8").partition("  ")
        listed.add(file)
        try:
            actual = hashlib.new(algorithm, read(file)).hexdigest()
        except OSError:
            problems.append(file + ": missing")
            continue
        if actual != digest:
            problems.append(file + ": " + algorithm + " differs")
    return listed


def stamped(token):
    """The file that a timestamp is over: beside it, without the ending and the number of a second token."""
    stem, number = os.path.splitext(token[: -len(".tsr")])
    return stem if number[1:].isdigit() else stem + number


def root_from(index, size, leaf, proof):
    """The root that an inclusion proof leads to, or None if the proof has the wrong length."""
    if index >= size:
        return None
    node, last, value = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if node & 1 or node == last:
            value = sha256(b"\x01", sibling, value)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            value = sha256(b"\x01", value, sibling)
        node >>= 1
        last >>= 1
    return value if last == 0 else None


def consistent(old, old_root, new, new_root, proof):
    """Whether the log of `new` events begins with the log of `old` events."""
    if old == 0 or old == new:
        return not proof and (old == 0 or old_root == new_root)
    path = [old_root] + proof if old & (old - 1) == 0 else proof
    if not path:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node >>= 1
        last >>= 1
    of_old = of_new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            of_old, of_new = sha256(b"\x01", sibling, of_old), sha256(b"\x01", sibling, of_new)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            of_new = sha256(b"\x01", of_new, sibling)
        node >>= 1
        last >>= 1
    return last == 0 and of_old == old_root and of_new == new_root


manifest("tagmanifest-sha256.txt", "sha256")
payload = manifest("manifest-sha256.txt", "sha256")
if manifest("manifest-sha512.txt", "sha512") != payload:
    problems.append("the two payload manifests list different files")
found = set()
for folder, _, files in os.walk(path("data")):
    for file in files:
        found.add(os.path.relpath(os.path.join(folder, file), bag).replace(os.sep, "/"))
for file in sorted(found - payload):
    problems.append(file + ": not in the manifest")

added = {os.path.relpath(os.path.join(folder, file), bag).replace(os.sep, "/") for folder, _, names in os.walk(path("signatures")) for file in names}

checkpoint = lines("data/proofs/checkpoint.txt")
size, root = int(checkpoint[1]), base64.b64decode(checkpoint[2], validate=True)
note = read("data/proofs/checkpoint.note")
if not note.startswith(read("data/proofs/checkpoint.txt") + b"\n"):
    problems.append("checkpoint.txt is not the text of checkpoint.note")

roots = {size: root}
anchors = sorted(name for name in payload if name.startswith("data/proofs/anchors/") and name.endswith(".txt"))
for name in anchors:
    text = lines(name)
    if text[0] != checkpoint[0]:
        problems.append(name + ": a checkpoint of another log")
    if roots.setdefault(int(text[1]), base64.b64decode(text[2], validate=True)) != base64.b64decode(text[2]):
        problems.append(name + ": two roots at one size")
proven = [json.loads(line) for line in lines("data/proofs/consistency.jsonl")] if anchors else []
if len(proven) != len(anchors):
    problems.append("consistency.jsonl and the stamped checkpoints differ in number")
led = {size}
for line in proven:
    old, new = line["old"], line["new"]
    if size not in (old, new) or not {old, new} <= set(roots):
        problems.append("consistency.jsonl speaks of checkpoints that are not here")
    elif not consistent(old, roots[old], new, roots[new], [bytes.fromhex(h) for h in line["proof"]]):
        problems.append("the checkpoints of %d and %d events are not of one log" % (old, new))
    else:
        led |= {old, new}
for other in sorted(set(roots) - led):
    problems.append("no line of consistency.jsonl shows that the checkpoint of %d events is of this log" % other)

renewals = 0
for folder in ("data/proofs/renewal", "signatures/renewal"):
    for name in sorted(os.listdir(path(folder))) if os.path.isdir(path(folder)) else []:
        if name.endswith(".sha256"):
            listed = {line[:64].decode() for line in lines(folder + "/" + name)}
            tokens = [t for t in payload | added if t.endswith(".tsr")]
            if not any(hashlib.sha256(read(t)).hexdigest() in listed and hashlib.sha256(read(stamped(t))).hexdigest() in listed for t in tokens):
                problems.append(folder + "/" + name + ": renews no timestamp of this bundle")
            renewals += 1

events = lines("data/events.jsonl")
proofs = [json.loads(line) for line in lines("data/proofs/inclusion.jsonl")]
if len(events) != len(proofs):
    problems.append("events.jsonl and inclusion.jsonl differ in length")
leaves = {}
previous = -1
for number, (event, proof) in enumerate(zip(events, proofs), 1):
    leaf = sha256(b"\x00", event)
    if leaf.hex() != proof["leaf_hash"]:
        problems.append("event on line %d: leaf hash differs" % number)
    if root_from(proof["index"], size, leaf, [bytes.fromhex(h) for h in proof["proof"]]) != root:
        problems.append("event on line %d: not in the log of the checkpoint" % number)
    if proof["index"] <= previous:
        problems.append("event on line %d: out of order" % number)
    previous = proof["index"]
    leaves[proof["index"]] = json.loads(event)

opened = withheld = 0
seen = set()
for line in lines("data/parts.jsonl"):
    part = json.loads(line)
    leaf = leaves.get(part["index"])
    seen.add((part["index"], part["name"]))
    if leaf is None or leaf["id"] != part["event"]:
        problems.append("a part belongs to no event: %s" % line[:80])
    elif "withheld" in part:
        withheld += 1
    else:
        text = part["value"]
        value = base64.b64decode(text, validate=True) if part.get("encoding") == "base64" else text.encode("utf-8")
        if base64.b64encode(sha256(bytes.fromhex(part["salt"]), value)).decode() != leaf["parts"].get(part["name"]):
            problems.append("event %d: part %s does not open its commitment" % (part["index"], part["name"]))
        opened += 1
for index, leaf in leaves.items():
    for name in leaf["parts"]:
        if (index, name) not in seen:
            problems.append("event %d: part %s is neither shown nor named as withheld" % (index, name))

for problem in problems:
    print("FAIL", problem)
print("%d files, %d events, %d parts opened, %d withheld, %d renewals of timestamps, log size %d" % (len(payload), len(events), opened, withheld, renewals, size))
print("FAIL" if problems else "OK, apart from signatures and timestamps, which OpenSSL checks")
sys.exit(1 if problems else 0)
