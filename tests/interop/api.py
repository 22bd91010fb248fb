#!/usr/bin/env python3
"""The API by its OpenAPI description: the examples in it run for real, and schemathesis finds no answer that it does not tell of.

    tests/interop/api.py BINARY FOLDER SCHEMATHESIS
"""

import base64
import html
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request

from matrix_recall import House, call, code
from serve import form, opener

PASSWORD = "a-long-passphrase-of-2026"
# Things are made before they are read, a level is passed on before it is decided, and a case is answered for before it is withdrawn.
FIRST = [
    "sendBroadcast", "importBroadcast", "uploadTable", "checkTable", "discardTable", "confirmTable", "fileSelfRecall", "checkSelfRecall",
    "reportBroadcast", "requestRecall", "commentRecall", "remindReviewers", "remindOfSeveral", "orderRecall", "ratifyRecall",
    "askRequester", "answerReviewer", "addReviewer", "removeReviewer", "transferRecall", "decideRecall", "resubmitRecall", "withdrawRecall",
    "addRemediationStep", "completeRemediationStep", "dropRemediationStep", "readRemediationPlan",
    "exportEvidence", "downloadEvidence",
    "verifyEvidence", "addCapture", "haltRecall", "confirmCaptures",
]
# As shipped, the recall policy lets nothing be recalled first: these are answered by the rule that says so.
REFUSED = {"orderRecall": "not-on-duty", "ratifyRecall": "nothing-to-ratify"}
# Level 2 is asked; what is left out is not answered.
ANSWERS = {"dispute": "no", "offer": "yes", "offer_fixed": "no", "offer_irrevocable": "yes"}
EXPORTS = ["exportRecalls", "exportBroadcasts"]
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Installation(House):
    def __init__(self, binary, folder):
        # What is tried in a minute here is more than a program's share.
        os.mkdir(os.path.join(folder, "data"))
        with open(os.path.join(folder, "data", "countermand.toml"), "w") as settings:
            settings.write("[api]\nrequests_per_minute = 1000000\n")
        self.log = open(os.path.join(folder, "log"), "w")
        super().__init__(binary, folder)

    def emulated(self):
        """Answers the platform that was started, and the connection to it."""
        platform = subprocess.Popen([self.binary, "emulate", "wecom", "--json", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        access = json.loads(platform.stdout.readline())
        words = ["--name", "WeCom", "--platform", "wecom", "--base-url", access["base_url"], "--corp-id", access["corp_id"]]
        words += ["--agent-id", str(access["agent_id"]), "--secret-file", self.note(access["secret"])]
        return platform, self.run("connection", "add", *words)["id"]

    def service(self, *scopes):
        return self.run("token", "add", "--name", "interop", *[word for scope in scopes for word in ("--scope", scope)])["token"]

    def page(self):
        """The page of the API as somebody signed in sees it."""
        secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
        words = ["--username", "shenruochuan", "--display-name", "沈若川", "--role", "auditor", "--department", "审计部"]
        with open(os.path.join(self.folder, "password"), "w") as file:
            file.write(PASSWORD)
        self.run("user", "add", *words, "--password-file", file.name, "--totp-secret-file", self.note(secret))
        base, (visitor, _) = self.base.removesuffix("/api/v1"), opener()
        visitor.addheaders = [("Origin", base)]

        def post(page, to, **answers):
            fields = form(visitor.open(base + page).read().decode(), to) | answers
            visitor.open(base + to, urllib.parse.urlencode(fields).encode())

        post("/sign-in", "/sessions", account="shenruochuan", password=PASSWORD)
        post("/sessions/verification", "/sessions/verification", totp=code(secret, time.time()))
        return visitor.open(base + "/account/api").read().decode()


def approved(house, reviewers):
    """A case that three people have approved and no API can carry out."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    report = {"channel": "QQ 群", "sent_at": now, "audience": "经销商群", "title": "报价单", "text": "内部价九折"}
    broadcast = call(f"{house.base}/reports", house.requester, report)["id"]
    asked = {"broadcast": broadcast, "category": "wrong_audience", "reason": "报价单误发到经销商群。"}
    case = call(f"{house.base}/recalls", house.requester, asked)["id"]
    deciders = [reviewers[2]] + [house.person(role, role, role, ["recall.read", "recall.decide"]) for role in ("legal_reviewer", "final_approver")]
    for token, secret in deciders:
        said = {"decision": "approve", "comment": "情况属实，同意撤回。", "totp": code(secret, time.time())}
        if token == deciders[1][0]:
            said["answers"] = ANSWERS
        call(f"{house.base}/recalls/{case}/decisions", token, said)
    asked = [d["answers"] for d in call(f"{house.base}/recalls/{case}", house.requester)["decisions"]]
    unanswered = dict.fromkeys(["inside_information", "offer_accepted", "personal_data", "rule", "trade_secret"], "unanswered")
    assert asked == [None, {**unanswered, **ANSWERS}, None], "what level 2 was asked"
    return case


def examples(house, document, service, variables, reviewers):
    """Every example; what one makes the next ones use. They are those of the page."""
    # Each list is carried away by somebody else, for a code counts once.
    readers = [house.person(f"reader{n}", "法务", "legal_reviewer", ["recall.read", "broadcast.read"]) for n in (1, 2)]
    operators = [house.person(f"operator{n}", "操作员", "platform_operator", ["recall.read", "recall.execute"]) for n in (1, 2)]
    operations = {o["operationId"]: o for methods in document["paths"].values() for o in methods.values()}
    samples = {name: o["x-codeSamples"][0]["source"] for name, o in operations.items()}
    shown = [html.unescape(sample) for sample in re.findall(r'<pre class="cmd">(.*?)</pre>', house.page(), re.DOTALL)]
    assert sorted(shown) == sorted(samples.values()), "the page has the examples of the description"
    for name in FIRST + [name for name in operations if name not in FIRST]:
        scopes = {scope for need in operations[name]["security"] for scope in need.get("token", [])}
        variables["NOW"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if name in EXPORTS:
            token, secret = readers[EXPORTS.index(name)]
            variables |= {"TOKEN": token, "CODE": code(secret, time.time())}
        elif scopes == {"recall.decide"} or "role.manage" in scopes:
            # The level was passed on before it is decided.
            token, secret = reviewers[name == "decideRecall"]
            variables |= {"TOKEN": token, "CODE": code(secret, time.time())}
        elif "recall.execute" in scopes:
            token, secret = operators[name == "confirmCaptures"]
            variables |= {"TOKEN": token, "CODE": code(secret, time.time())}
            if name == "addCapture":
                variables["CASE"] = approved(house, reviewers)
        else:
            variables["TOKEN"] = house.requester if scopes & {"broadcast.send", "recall.request", "recall.read"} else service
        done = subprocess.run(["sh", "-c", samples[name]], env=os.environ | variables, capture_output=True, text=True, timeout=60)
        made = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        if name in REFUSED:
            assert (made["status"], made["type"]) == (409, f"urn:countermand:problem:{REFUSED[name]}"), f"{name}: {done.stdout}{done.stderr}"
            continue
        assert done.returncode == 0, f"{name}: {samples[name]}\n{done.stdout}{done.stderr}"
        if name == "sendBroadcast":
            variables["BROADCAST"] = made["id"]
            sent(house, variables)
        elif name == "requestRecall":
            variables["CASE"] = made["id"]
        elif name == "addRemediationStep":
            variables["STEP"] = made["id"]
        elif name == "completeRemediationStep":
            # Another one, for the one that is dropped.
            again = {"strategy": "clarification", "owner": variables["OWNER"]}
            made = call(f"{house.base}/recalls/{variables['CASE']}/remediations", house.requester, again)
            variables["STEP"] = made["id"]
        elif name == "readRemediationPlan":
            assert [step["state"] for step in made["steps"]] == ["done", "dropped"], made
        elif name == "fileSelfRecall":
            variables["FILING"] = made["id"]
        elif name == "remindOfSeveral":
            assert made["cases"][0]["problem"]["type"].endswith(":reminded-lately"), made
        elif name in ("uploadTable", "checkTable"):
            variables["IMPORT"] = made["id"]
            looked_at(house, variables)
        elif name == "discardTable":
            # Another one of the same lines, for the one that is confirmed.
            made = call(f"{house.base}/imports", house.requester, {"kind": "broadcasts", "data": variables["TABLE"]})
            variables["IMPORT"] = made["id"]
            looked_at(house, variables)
        elif name in EXPORTS:
            assert done.stdout.count("\n") > 1, done.stdout
        elif name == "makeDelegation":
            variables["DELEGATION"] = made["id"]
        elif name == "exportEvidence":
            variables["BUNDLE"] = made["number"]
        elif name == "verifyEvidence":
            assert made["result"] == "pass", made
    return len(samples)


def table(connection):
    """A table of one broadcast that was sent elsewhere, as it is uploaded."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
    return base64.b64encode(f"connection,message_id,sent_at,text,recipients\r\n{connection},table-1,{now},Text,a;b\r\n".encode()).decode()


def sent(house, variables):
    for _ in range(300):
        if call(f"{house.base}/broadcasts/{variables['BROADCAST']}", variables["TOKEN"])["state"] == "sent":
            return
        time.sleep(0.1)
    raise SystemExit("the broadcast is still being sent")


def looked_at(house, variables):
    for _ in range(300):
        known = call(f"{house.base}/imports/{variables['IMPORT']}", house.requester)
        if known["state"] != "checking":
            assert known["ready"], known
            return
        time.sleep(0.1)
    raise SystemExit("the table is still being looked at")


def tested(schemathesis, house, name, token, *words):
    # By its settings and not as a header of each request: it leaves the token out, too, and sees that nothing is answered then.
    with open(os.path.join(house.folder, "schemathesis.toml"), "w") as settings:
        settings.write(f'[auth.openapi.token]\nbearer = "{token}"\n')
    line = [schemathesis, "run", f"{house.base}/openapi.json", "--checks", "all"]
    line += ["--continue-on-failure", "--request-timeout", "20", "--suppress-health-check", "all", "--warnings", "off", *words]
    hooks = {"SCHEMATHESIS_HOOKS": "api_hooks", "PYTHONPATH": os.path.dirname(os.path.abspath(__file__))}
    done = subprocess.run(line, cwd=house.folder, capture_output=True, text=True, env=os.environ | hooks | {"NO_COLOR": "1"})
    if done.returncode:
        with open(os.path.join(house.folder, "log")) as log:
            raise SystemExit(f"{name}:\n{done.stdout[-30000:]}{done.stderr[-2000:]}\n{log.read()[-5000:]}")
    print("ok", name, *re.findall(r"^.*\d+ generated.*$", done.stdout, re.MULTILINE), flush=True)


def main(binary, folder, schemathesis):
    house = Installation(binary, folder)
    platform = None
    try:
        platform, connection = house.emulated()
        # Each code counts once, so each decides once.
        names = (("zhouqiming", "周启明"), ("wuyue", "吴越"), ("hejing", "何婧"))
        reviewers = [house.person(user, name, "department_reviewer", ["recall.read", "recall.decide"]) for user, name in names]
        house.serve()
        with urllib.request.urlopen(f"{house.base}/openapi.json", timeout=10) as answer:
            document = json.load(answer)
        scopes = {scope for methods in document["paths"].values() for o in methods.values() for need in o["security"] for scope in need.get("token", [])}
        service = house.service(*sorted(scopes - {"recall.decide", "recall.execute", "role.manage"} | {"content.read", "audit.export"}))
        variables = {
            "URL": house.base.removesuffix("/api/v1"), "CONNECTION": connection, "MESSAGE": "imported-1", "FILE": os.path.join(folder, "bundle.zip"),
            "PERSON": "wuyue", "OWNER": "linyutong", "PICTURE": PICTURE,
            "TABLE": table(connection), "INDEX": "3",
            "LATER": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)),
        }
        print("ok", examples(house, document, service, variables, reviewers), "examples", flush=True)
        seconds = int(os.environ.get("API_SECONDS", "60"))
        for seed in os.environ.get("API_SEEDS", "20261122").split():
            tested(schemathesis, house, f"seed {seed}", service, "--seed", seed, "--max-time", str(seconds))
        for name, token in (("a reviewer", reviewers[0][0]), ("a requester", house.requester)):
            tested(schemathesis, house, name, token, "--seed", "20261122", "--max-time", str(seconds // 5))
        house.run("ledger", "verify")
        print("ok the log verifies")
    finally:
        for process in (getattr(house, "server", None), platform):
            if process:
                process.terminate()
                process.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
