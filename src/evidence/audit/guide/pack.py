

# A period: the run of leaves, its edges, and what is read off them again.
def rows(name):
    """A CSV file as dictionaries; the apostrophe that keeps spreadsheets from running a cell is taken away."""
    with open(path(name), encoding="utf-8-sig", newline="") as f:
        return [{k: v[1:] if v.startswith("'") else v for k, v in row.items()} for row in csv.DictReader(f)]


def instant(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)


class Frontier:
    """The complete subtrees that a tree is made of; what is appended changes only the last ones."""

    def __init__(self, size, peaks):
        self.size, self.peaks = size, list(peaks)

    def append(self, leaf):
        value, size = leaf, self.size
        while size & 1:
            value = sha256(b"\x01", self.peaks.pop(), value)
            size >>= 1
        self.peaks.append(value)
        self.size += 1

    def root(self):
        if not self.peaks:
            return sha256()
        value = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            value = sha256(b"\x01", peak, value)
        return value


payload = manifests()
facts = json.loads(read("data/audit.json"))
audit = facts["audit"]
begin, end = instant(audit["from"]), instant(audit["to"])
margin = datetime.timedelta(seconds=facts["margin_seconds"])
text = read("data/proofs/checkpoint.txt")
origin, size, root = text.decode().split("\n")[:3]
size, root = int(size), base64.b64decode(root, validate=True)
told = (facts["log"]["origin"], facts["log"]["size"], facts["log"]["root"])
check("checkpoint", ([] if read("data/proofs/checkpoint.note").startswith(text + b"\n") else ["checkpoint.txt is not the text of checkpoint.note"])
      + ([] if told == (origin, size, root.hex()) else ["audit.json speaks of another checkpoint"]), "%d events" % size)

renewals()
successions(origin, size, root)

# What opens the details of the events of cases.
details, bad_parts, withheld = {}, [], set()
for line in lines("data/parts.jsonl"):
    part = json.loads(line)
    if part["index"] in details:
        bad_parts.append("event %d: its detail comes twice" % part["index"])
    if sorted({"salt", "value", "withheld"} & set(part)) not in (["salt", "value"], ["withheld"]):
        bad_parts.append("event %d: its detail is both shown and withheld, or neither" % part["index"])
        continue
    if "withheld" in part:
        withheld.add(part["event"])
    details[part["index"]] = part
bad_parts += ["event %s: the tables stand in for a detail that is not withheld" % e for e in sorted(set(facts["fallback"]) - withheld)]
opened = {}


def detail(index, leaf):
    """The event's detail, if it is shown and opens its commitment."""
    part = details.get(index)
    if "detail" not in leaf.get("parts", {}):
        return {}
    if part is None:
        bad_parts.append("event %d: its detail is neither shown nor withheld" % index)
        return {}
    if "withheld" in part:
        return facts["fallback"].get(leaf["id"], {}) if part["event"] == leaf["id"] else {}
    value = part["value"].encode("utf-8")
    if part["event"] != leaf["id"] or base64.b64encode(sha256(bytes.fromhex(part["salt"]), value)).decode() != leaf["parts"].get("detail"):
        bad_parts.append("event %d: its detail does not open its commitment" % index)
        return {}
    opened[index] = True
    return json.loads(value)


# The run of leaves: every event of the log from before the period to after it.
proof = json.loads(read("data/proofs/range.json"))
run = Frontier(proof["first"], [bytes.fromhex(h) for h in proof["before"]])
if len(run.peaks) != bin(proof["first"]).count("1"):
    sys.exit("FAIL the hashes before the run are not those of a tree of %d leaves" % proof["first"])
notes = []
order_bad = []
first = last = latest = None
cases, closings, mine = {}, [], {}
counts, refused, kinds = {}, set(), {}
ONE = {"recall.resubmitted": "resubmitted", "recall.withdrawn": "withdrawn", "recall.transferred": "delegated", "recall.expired": "expired", "recall.halted": "halted", "recall.ordered": "recall_first"}


def take(index, line, leaf):
    """Cases, closings and the exceptions that a leaf alone tells."""
    at, case = instant(leaf["at"]), leaf.get("case")
    inside = begin <= at < end
    key = (leaf["action"], leaf["outcome"])
    if inside:
        counts.setdefault(key, []).append(index)
        if leaf["outcome"] == "refused":
            refused.add(index)
    if inside and key == ("recall.submitted", "success"):
        said = detail(index, leaf)
        cases[case] = {"index": index, "at": leaf["at"], "number": said.get("number", ""), "line": hashlib.sha256(line).hexdigest(), "leaves": []}
    if case not in cases or cases[case].get("closed") is not None:
        return
    if leaf["action"] == "case.closed":
        cases[case]["closed"] = index
        said = detail(index, leaf)
        of = [(i, h) for i, h in cases[case]["leaves"] if "last" not in said or i <= said["last"]]
        told = (len(of), of[0][0], of[-1][0], hashlib.sha256(b"".join(h for _, h in of)).hexdigest()) if of else None
        if "count" in said and told != (said["count"], said["first"], said["last"], said["leaf_hashes"]):
            closings.append("case %s: its events are not those that case.closed counts" % cases[case]["number"])
        return
    cases[case]["leaves"].append((index, sha256(b"\x00", line)))
    if leaf["outcome"] == "success" and leaf["action"] in ONE:
        kinds.setdefault(ONE[leaf["action"]], set()).add(index)


pieces = sorted(name for name in payload if name.startswith("data/leaves/") and name != "data/leaves/beyond.jsonl")
engagement, walked = None, set()
for name in pieces:
    for line in lines(name):
        index, leaf = run.size, json.loads(line)
        run.append(sha256(b"\x00", line))
        at = instant(leaf["at"])
        first = first or at
        last = at
        if latest and latest - at > margin:
            order_bad.append("event %d comes %s after a later one" % (index, latest - at))
        latest = max(latest or at, at)
        mine[index] = leaf["id"]
        if leaf.get("case") == facts.get("walk_case"):
            walked.add(index)
        if leaf["id"] == audit["opened_event"]:
            engagement = (index, leaf)
        take(index, line, leaf)
length = run.size - proof["first"]
whole = run.size == proof["end"] and consistent(run.size, run.root(), size, root, [bytes.fromhex(h) for h in proof["consistency"]])
check("the leaves are a run of the log without a gap", [] if whole and proof["size"] == size else ["leaves %d to %d do not lead to the checkpoint" % (proof["first"], run.size)], "%d leaves" % length)
check("the run begins before the period", [] if proof["first"] == 0 or (first and first < begin - margin) else ["the first leaf is of %s" % first])
check("the run ends after the period or with the log", [] if run.size == size or (last and last >= end + margin) else ["the last leaf is of %s" % last])
if run.size == size and not (last and last >= end + margin):
    notes.append("the checkpoint is of a time before the period had ended: it proves nothing of the rest")
check("places and times agree", order_bad + ([] if margin >= datetime.timedelta(seconds=600) else ["a margin of %s, and not of 600 s" % margin]))

bad = []
for line, told in zip(lines("data/leaves/beyond.jsonl"), lines("data/proofs/beyond.jsonl")):
    told, leaf = json.loads(told), json.loads(line)
    if root_from(told["index"], size, sha256(b"\x00", line), [bytes.fromhex(h) for h in told["proof"]]) != root:
        bad.append("event %d is not in the log" % told["index"])
    if proof["first"] <= told["index"] < proof["end"]:
        bad.append("event %d lies in the run" % told["index"])
    mine[told["index"]] = leaf["id"]
    if leaf.get("case") == facts.get("walk_case"):
        walked.add(told["index"])
    if leaf["id"] == audit["opened_event"]:
        engagement = (told["index"], leaf)
    if told["index"] >= proof["end"]:
        take(told["index"], line, leaf)
check("what happened to the cases afterwards", bad)
if proof["end"] < size:
    notes += ["case %s is not closed: nothing counts its events after the run" % (case["number"] or c) for c, case in cases.items() if case.get("closed") is None]

population = {row["case_id"]: row for row in rows("data/cases.csv")}
bad = ["case %s (event %d) is not in cases.csv" % (cases[c]["number"] or c, cases[c]["index"]) for c in cases if c not in population]
bad += ["case %s is in cases.csv and was not opened in the period" % population[c]["case_number"] for c in population if c not in cases]
for c in set(cases) & set(population):
    row, case = population[c], cases[c]
    told = (int(row["opened_index"]), row["opened_at_utc"], row["case_number"], row["leaf_sha256"], row["closed_index"], int(row["events"]))
    if told != (case["index"], case["at"], case["number"], case["line"], str(case.get("closed", "")), len(case["leaves"])):
        bad.append("case %s: cases.csv says otherwise than its leaves" % row["case_number"])
check("population", bad, "%d cases" % len(population))
check("closing counts", closings)

numbers = {case["number"] for case in cases.values()}
bad = []
for d in facts["numbers"]:
    there = sum(n.split("-")[1:2] == [d["day"]] for n in numbers)
    if d["given"] > there + 1000:
        bad.append("%d numbers on %s, and %d cases" % (d["given"], d["day"], there))
        continue
    bad += ["FR-%s-%04d is missing" % (d["day"], n) for n in range(1, d["given"] + 1) if "FR-%s-%04d" % (d["day"], n) not in numbers]
bad += ["%s: a day without its count" % n for n in numbers if n.split("-")[1:2] not in [[d["day"]] for d in facts["numbers"]]]
check("case numbers without a gap", bad)

exceptions = rows("data/exceptions.csv")
bad = ["%s at event %s, which is not here" % (e["kind"], e["event_index"]) for e in exceptions if mine.get(int(e["event_index"])) != e["event_id"]]
kinds["refused"] = refused
for kind, indices in kinds.items():
    listed = {int(e["event_index"]) for e in exceptions if e["kind"] == kind}
    if kind in audit["exceptions"]:
        bad += ["%s at event %d is not listed" % (kind, i) for i in sorted(indices - listed)]
        bad += ["%s at event %d is none" % (kind, i) for i in sorted(listed - indices)]
check("exceptions", bad, "%d" % len(exceptions))

keys = sorted((hashlib.sha256((audit["seed"] + c).encode()).hexdigest(), c) for c in cases)[:audit["sample_size"]]
sample = [(row["key"], row["case_id"]) for row in rows("data/sample.csv")]
check("sample", [] if keys == sample else ["the seed draws %s" % [c for _, c in keys]], "%d of %d" % (len(sample), len(cases)))

bad = []
for row in rows("data/controls.csv"):
    of = counts.get((row["action"], row["outcome"]), [])
    told = (int(row["count"]), row["first_index"], row["last_index"])
    if told != (len(of), str(of[0]) if of else "", str(of[-1]) if of else "") or not {int(i) for i in row["samples"].split()} <= set(of):
        bad.append("%s %s: %d events in the run" % (row["action"], row["outcome"], len(of)))
check("controls", bad)

bad = []
if engagement is None:
    bad.append("the event that recorded the seed is not here")
else:
    said = detail(*engagement).get("after")
    if said is not None and any(said.get(k) != audit.get(k) for k in ("from", "to", "as_at", "seed", "sample_size", "exceptions", "walk")):
        bad.append("what was recorded when the audit was opened is not what audit.json says")
check("period, seed and sample were recorded in the log", bad)

if facts.get("walk_case"):
    bad, steps, there = [], 0, set()
    for line, told in zip(lines("data/walkthrough/events.jsonl"), lines("data/walkthrough/inclusion.jsonl")):
        told, steps = json.loads(told), steps + 1
        there.add(told["index"])
        if root_from(told["index"], size, sha256(b"\x00", line), [bytes.fromhex(h) for h in told["proof"]]) != root:
            bad.append("event %d is not in the log" % told["index"])
        if json.loads(line).get("case") != facts["walk_case"]:
            bad.append("event %d is of another case" % told["index"])
    closed = cases.get(facts["walk_case"], {}).get("closed")
    known = {i for i in walked ^ there if i >= proof["first"] and (i < proof["end"] or closed is None or i <= closed)}
    bad += ["event %d of the case is %s" % (i, "missing" if i in walked else "not among the leaves") for i in sorted(known)]
    check("walk-through", bad, "%d steps" % steps)
check("commitments", bad_parts, "%d opened" % len(opened))

for problem in problems:
    print("FAIL", problem)
if withheld:
    print("?    %d details are withheld; what the tables say in their place proves less" % len(withheld))
for note in notes:
    print("?   ", note)
print("FAIL" if problems else "OK, apart from signatures, which OpenSSL checks" + (", and from what is marked with ?" if withheld or notes else ""))
sys.exit(1 if problems else 0)
