#!/usr/bin/env python3
"""The API by its OpenAPI description: the examples in it run for real, and schemathesis finds no answer that it does not tell of.

    tests/interop/api.py BINARY FOLDER SCHEMATHESIS
"""

import json
import os
import subprocess
import sys
import time
import urllib.request

from matrix_recall import House, call, code

# A valid request may still break a rule of the house (422, 409), which no schema can tell.
NOT_ASKED = "positive_data_acceptance"


class Installation(House):
    def emulated(self):
        """Answers the platform that was started, and the connection to it."""
        platform = subprocess.Popen([self.binary, "emulate", "wecom", "--json", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        access = json.loads(platform.stdout.readline())
        words = ["--name", "WeCom", "--platform", "wecom", "--base-url", access["base_url"], "--corp-id", access["corp_id"]]
        words += ["--agent-id", str(access["agent_id"]), "--secret-file", self.note(access["secret"])]
        return platform, self.run("connection", "add", *words)["id"]

    def service(self, *scopes):
        return self.run("token", "add", "--name", "interop", *[word for scope in scopes for word in ("--scope", scope)])["token"]


def examples(house, document, tokens, variables, reviewers):
    """Every example, in the order of the description; what one makes the next ones use."""
    ran = 0
    for path, methods in sorted_by_sample(document):
        for method, operation in methods:
            name, sample = operation["operationId"], operation["x-codeSamples"][0]["source"]
            scopes = {scope for need in operation["security"] for scope in need.get("token", [])}
            if scopes == {"recall.decide"}:
                # The level was passed on before it is decided.
                token, secret = reviewers[name == "decideRecall"]
                variables |= {"TOKEN": token, "CODE": code(secret, time.time())}
            else:
                variables["TOKEN"] = next(token for has, token in tokens if scopes & has or not scopes)
            done = subprocess.run(["sh", "-c", sample], env=os.environ | variables, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, f"{name}: {sample}\n{done.stdout}{done.stderr}"
            made = json.loads(done.stdout) if done.stdout.startswith("{") else {}
            if name == "sendBroadcast":
                variables["BROADCAST"] = made["id"]
                sent(house, variables)
            elif name == "requestRecall":
                variables["CASE"] = made["id"]
            elif name == "exportEvidence":
                variables["BUNDLE"] = made["number"]
            elif name == "verifyEvidence":
                assert made["result"] == "pass", made
            ran += 1
    return ran


def sorted_by_sample(document):
    """Paths with their methods, so that things are made before they are read."""
    order = [
        ("/api/v1/broadcasts", "post"), ("/api/v1/broadcasts/imports", "post"), ("/api/v1/reports", "post"), ("/api/v1/recalls", "post"),
        ("/api/v1/recalls/{id}/comments", "post"), ("/api/v1/recalls/{id}/reminders", "post"), ("/api/v1/recalls/{id}/questions", "post"),
        ("/api/v1/recalls/{id}/answers", "post"), ("/api/v1/recalls/{id}/transfers", "post"), ("/api/v1/recalls/{id}/decisions", "post"), ("/api/v1/recalls/{id}/resubmissions", "post"), ("/api/v1/recalls/{id}/withdrawal", "post"),
        ("/api/v1/evidence/exports", "post"), ("/api/v1/evidence/{number}/downloads", "post"), ("/api/v1/evidence/verification", "post"),
    ]
    rest = [(path, method) for path, methods in document["paths"].items() for method in methods if (path, method) not in order]
    return [(path, [(method, document["paths"][path][method])]) for path, method in order + rest]


def sent(house, variables):
    for _ in range(300):
        if call(f"{house.base}/broadcasts/{variables['BROADCAST']}", variables["TOKEN"])["state"] == "sent":
            return
        time.sleep(0.1)
    raise SystemExit("the broadcast is still being sent")


def tested(schemathesis, house, name, token, *words):
    line = [schemathesis, "run", f"{house.base}/openapi.json", "--header", f"Authorization: Bearer {token}", "--checks", "all"]
    line += ["--exclude-checks", NOT_ASKED, "--seed", "20261122", "--request-timeout", "20", *words]
    done = subprocess.run(line, cwd=house.folder, capture_output=True, text=True, env=os.environ | {"NO_COLOR": "1"})
    if done.returncode:
        raise SystemExit(f"{name}:\n{done.stdout[-20000:]}{done.stderr[-2000:]}")
    print("ok", name, flush=True)


def main(binary, folder, schemathesis):
    # What is tried in a minute here is more than a program's share.
    os.mkdir(os.path.join(folder, "data"))
    with open(os.path.join(folder, "data", "countermand.toml"), "w") as settings:
        settings.write("[api]\nrequests_per_minute = 1000000\n")
    house = Installation(binary, folder)
    platform = None
    try:
        platform, connection = house.emulated()
        names = (("zhouqiming", "周启明"), ("wuyue", "吴越"))
        reviewers = [house.person(user, name, "department_reviewer", ["recall.read", "recall.decide"]) for user, name in names]
        asks = {"broadcast.send", "broadcast.read", "recall.request", "recall.read"}
        keeps = {"broadcast.read", "content.read", "recall.read", "evidence.export", "audit.read", "audit.export"}
        everything = sorted(asks | keeps)
        service = house.service(*everything)
        house.serve()
        with urllib.request.urlopen(f"{house.base}/openapi.json", timeout=10) as answer:
            document = json.load(answer)
        variables = {
            "URL": house.base.removesuffix("/api/v1"), "CONNECTION": connection, "MESSAGE": "imported-1", "FILE": os.path.join(folder, "bundle.zip"),
            "PERSON": "wuyue", "NOW": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60)),
        }
        tokens = [(asks, house.requester), (set(everything), service)]
        print("ok", examples(house, document, tokens, variables, reviewers), "examples")
        tested(schemathesis, house, "all scopes", service, "--phases", "examples,coverage,fuzzing", "--max-examples", "8", "--continue-on-failure")
        for scope in sorted({scope for methods in document["paths"].values() for o in methods.values() for need in o["security"] for scope in need.get("token", [])}):
            if scope != "recall.decide":
                tested(schemathesis, house, scope, house.service(scope), "--phases", "fuzzing", "--mode", "positive", "--max-examples", "2")
        tested(schemathesis, house, "recall.decide", reviewers[0][0], "--phases", "fuzzing", "--include-path-regex", "decisions|approvals", "--max-examples", "10")
        house.run("ledger", "verify")
        print("ok the log verifies")
    finally:
        for process in (getattr(house, "server", None), platform):
            if process:
                process.terminate()
                process.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
