#!/usr/bin/env python3
"""Checks an unpacked evidence bundle, or an unpacked auditor's pack, with Python's standard library alone.

Usage: python3 FOLDER/data/…/verify.py FOLDER

Covers manifests, leaf hashes, commitments, proofs (RFC 9162, sections 2.1.3.2 and 2.1.4.2), how keys of the log followed each other and what
renewed timestamps, and what the contents say of each other. Signatures and timestamps need OpenSSL: see data/VERIFY.en.md. Exit code 0 if
everything here holds, 1 otherwise.
"""
import base64
import csv
import datetime
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
    with open(path(name), "rb") as f:
        for line in f:
            if not line.endswith(b"\n"):
                problems.append(name + ": the last line is cut")
            yield line.rstrip(b"\n")


def below(folder):
    """Every file below a folder of the bag."""
    return {os.path.relpath(os.path.join(at, file), bag).replace(os.sep, "/") for at, _, files in os.walk(path(folder)) for file in files}


def sha256(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()


def check(name, bad, about=""):
    bad = list(bad)
    problems.extend("%s: %s" % (name, b) for b in bad[:20])
    if len(bad) > 20:
        problems.append("%s: and %d more" % (name, len(bad) - 20))
    print("%-4s %s %s" % ("FAIL" if bad else "ok", name, about))


def manifest(name, algorithm):
    listed, bad = set(), []
    for line in lines(name):
        digest, _, file = line.decode("utf-8").partition("  ")
        listed.add(file)
        hasher = hashlib.new(algorithm)
        try:
            with open(path(file), "rb") as f:
                for piece in iter(lambda: f.read(1 << 20), b""):
                    hasher.update(piece)
        except OSError:
            bad.append(file + " is missing")
            continue
        if hasher.hexdigest() != digest:
            bad.append(file + " is another file")
    check(name, bad, "%d files" % len(listed))
    return listed


def manifests():
    """The files that both payload manifests list, each as it was; no other may be there."""
    manifest("tagmanifest-sha256.txt", "sha256")
    payload = manifest("manifest-sha256.txt", "sha256")
    if manifest("manifest-sha512.txt", "sha512") != payload:
        problems.append("the two payload manifests list different files")
    check("no other files", sorted(below("data") - payload))
    return payload


def root_from(index, size, leaf, proof):
    """The root that an inclusion proof leads to (RFC 9162, section 2.1.3.2), or None."""
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
    """Whether the log of `new` leaves begins with the log of `old` leaves (RFC 9162, section 2.1.4.2)."""
    if old == 0 or old == new:
        return not proof and (old == 0 or old_root == new_root)
    way = [old_root] + proof if old & (old - 1) == 0 else proof
    if not way:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node >>= 1
        last >>= 1
    of_old = of_new = way[0]
    for sibling in way[1:]:
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


def stamped(token):
    """The file that a timestamp is over: beside it, without the ending and the number of a second token."""
    stem, number = os.path.splitext(token[: -len(".tsr")])
    return stem if number[1:].isdigit() else stem + number


def renewals():
    """Each list that renews timestamps names one of this bag, and what that one is over."""
    tokens = [name for name in below("data") | below("signatures") if name.endswith(".tsr")]
    found = [name for name in below("data/proofs/renewal") | below("signatures/renewal") if name.endswith(".sha256")]
    bad = []
    for name in sorted(found):
        listed = {line[:64].decode("utf-8", "replace") for line in lines(name)}
        if not any({hashlib.sha256(read(t)).hexdigest(), hashlib.sha256(read(stamped(t))).hexdigest()} <= listed for t in tokens):
            bad.append(name + " renews no timestamp of this bag")
    if found:
        check("renewals of timestamps", bad, "%d lists" % len(found))


def successions(origin, size, root):
    """Each change of the log's keys is announced in this very log. Who signed its checkpoint is for OpenSSL."""
    for name in ("data/proofs/succession.jsonl", "signatures/succession.jsonl"):
        if not os.path.exists(path(name)):
            continue
        bad, count = [], 0
        for line in lines(name):
            link, count = json.loads(line), count + 1
            text = link["note"].split("\n")
            of, at, head = text[0], int(text[1]), base64.b64decode(text[2], validate=True)
            (old, old_root), (new, new_root) = sorted([(at, head), (size, root)])
            if of != origin or not consistent(old, old_root, new, new_root, [bytes.fromhex(h) for h in link["consistency"]]):
                bad.append("a checkpoint of another log")
            for key in link["keys"]:
                leaf, named = json.loads(key["leaf"]), "".join(k + "\n" for k in (key["vkey"], key.get("mldsa")) if k)
                if root_from(key["index"], at, sha256(b"\x00", key["leaf"].encode()), [bytes.fromhex(h) for h in key["proof"]]) != head:
                    bad.append("event %d is not in the log" % key["index"])
                if (leaf["action"], leaf["subject"]["id"]) != ("key.announced", hashlib.sha256(named.encode()).hexdigest()):
                    bad.append("event %d does not announce %s" % (key["index"], key["vkey"]))
        check(name, bad, "%d changes of keys" % count)
