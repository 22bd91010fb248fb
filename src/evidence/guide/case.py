

# One case: its events, their parts, the checkpoints that were stamped.
payload = manifests()
tags = {line[66:].decode() for line in lines("tagmanifest-sha256.txt")}
checkpoint = list(lines("data/proofs/checkpoint.txt"))
size, root = int(checkpoint[1]), base64.b64decode(checkpoint[2], validate=True)
note = read("data/proofs/checkpoint.note")
if not note.startswith(read("data/proofs/checkpoint.txt") + b"\n"):
    problems.append("checkpoint.txt is not the text of checkpoint.note")

roots = {size: root}
anchors = sorted(name for name in payload if name.startswith("data/proofs/anchors/") and name.endswith(".txt"))
for name in anchors:
    text = list(lines(name))
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

# Whether a signature holds is for OpenSSL; that it is there where its certificate is listed, and only there, is told here.
for kind, signer in (("p7s", "trust/signer.pem"), ("sm2.sig", "trust/sm2-signer.pem")):
    signature = "signatures/tagmanifest-sha256.txt." + kind
    if (signer in tags) != os.path.exists(path(signature)):
        problems.append(signature + (" is missing" if signer in tags else " belongs to no certificate that is listed"))

renewals()
successions(checkpoint[0].decode(), size, root)

events = list(lines("data/events.jsonl"))
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
print("%d files, %d events, %d parts opened, %d withheld, log size %d" % (len(payload), len(events), opened, withheld, size))
print("FAIL" if problems else "OK, apart from signatures and timestamps, which OpenSSL checks")
sys.exit(1 if problems else 0)
