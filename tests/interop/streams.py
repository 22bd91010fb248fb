#!/usr/bin/env python3
"""Other people's software receives our streams: rsyslog over TLS, standardwebhooks behind a small server, and the published schema of OCSF.
Beside that what goes wrong: a receiver that answers 500, one that hangs, one that is down, and the product killed in the middle.

Usage: streams.py BINARY FOLDER
"""
import atexit
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import jsonschema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

BINARY, WORK = sys.argv[1:3]
DATA = f"{WORK}/data"
ENV = dict(os.environ, RUST_LOG="error", COUNTERMAND_ALLOW_PRIVATE_DESTINATIONS="true")


started = []


@atexit.register
def end():
    for process in started:
        process.kill()


def run(*arguments):
    out = subprocess.run([BINARY, *arguments, "--data", DATA], env=ENV, capture_output=True, text=True)
    assert out.returncode == 0, (arguments, out.stdout, out.stderr)
    return out.stdout


def streams():
    return {s["name"]: s for s in json.loads(run("stream", "list", "--json"))}


def until(what, done, seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        found = done()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {seconds} s: {json.dumps(streams(), indent=1)}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def serve():
    server = subprocess.Popen([BINARY, "serve", "--data", DATA, "--listen", "127.0.0.1:0"], env=ENV, stderr=subprocess.PIPE, text=True)
    started.append(server)
    for line in server.stderr:
        if "listening on" in line:
            break
    threading.Thread(target=server.stderr.read, daemon=True).start()
    return server


# A server that believes nothing whose signature standardwebhooks does not verify.
class Receiver(http.server.BaseHTTPRequestHandler):
    secret = None
    say = 204
    hang = threading.Event()
    got, ids, wrong = [], [], []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.hang.is_set():
            while self.hang.is_set():
                time.sleep(0.2)
            return
        try:
            for secret in self.secret:
                told = Webhook(secret).verify(body, dict(self.headers))
        except WebhookVerificationError as e:
            self.wrong.append(str(e))
            return self.send_error(401)
        assert told["type"] == "audit.events", told
        self.send_response(self.say)
        self.end_headers()
        if self.say < 300:
            self.ids.append(self.headers["webhook-id"])
            self.got.extend(event for event in told["data"] if "test" not in event)

    def log_message(self, *_):
        pass


def once(events, index):
    """The indexes without repetitions; they must be ascending then, without a gap."""
    seen = list(dict.fromkeys(index(e) for e in events))
    assert seen == list(range(seen[0], seen[0] + len(seen))), seen
    return seen


def certificates():
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=WORK)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test CA")
    for name, usage in (("server", "serverAuth"), ("client", "clientAuth")):
        with open(f"{WORK}/{name}.ext", "w") as ext:
            ext.write(f"subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage={usage}\nbasicConstraints=CA:FALSE\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile", f"{name}.ext")


def rsyslog(port):
    """TLS with a client certificate asked for; writes what it parsed as JSON, one message a line."""
    fields = ["pri", "syslogfacility-text", "syslogseverity-text", "timereported:::date-rfc3339", "hostname", "app-name", "msgid", "structured-data", "msg"]
    template = " ".join(f'constant(value=",") property(name="{f.split(":")[0]}" outname="{f.split(":")[0]}" format="jsonf"{" dateFormat=" + chr(34) + "rfc3339" + chr(34) if ":" in f else ""})' for f in fields).replace('constant(value=",") ', "", 1)
    with open(f"{WORK}/rsyslog.conf", "w") as conf:
        conf.write(f"""
global(workDirectory="{WORK}" maxMessageSize="64k" defaultNetstreamDriver="gtls"
       defaultNetstreamDriverCAFile="{WORK}/ca.pem" defaultNetstreamDriverCertFile="{WORK}/server.pem" defaultNetstreamDriverKeyFile="{WORK}/server.key")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/name" permittedPeer=["localhost", "client"])
template(name="parsed" type="list") {{ constant(value="{{") {template} constant(value="}}\\n") }}
ruleset(name="in") {{ action(type="omfile" file="{WORK}/syslog.jsonl" template="parsed") }}
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="in")
""")
    daemon = subprocess.Popen(["rsyslogd", "-n", "-f", f"{WORK}/rsyslog.conf", "-i", f"{WORK}/rsyslog.pid"], stderr=subprocess.PIPE, text=True)
    started.append(daemon)
    until("rsyslog", lambda: daemon.poll() is not None or listening(port), 20)
    assert daemon.poll() is None, daemon.stderr.read()
    return daemon


def listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def syslog_lines():
    try:
        with open(f"{WORK}/syslog.jsonl", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines if line.endswith("\n")]
    except FileNotFoundError:
        return []


def file_lines():
    folder = f"{DATA}/streams/siem"
    text = "".join(open(f"{folder}/{name}", encoding="utf-8").read() for name in sorted(os.listdir(folder)))
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


# An installation in which a whole recall has happened.
case = json.loads(run("demo", "--once", "--json"))["case"]
run("evidence", "export", "--case", case, "--out", f"{WORK}/case.zip")
certificates()
port = free_port()
daemon = rsyslog(port)
httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=httpd.serve_forever, daemon=True).start()
hook = f"http://127.0.0.1:{httpd.server_port}/in"
made = json.loads(run("stream", "add", "--name", "hook", "--kind", "webhook", "--destination", hook, "--format", "native", "--from-start", "--json"))
Receiver.secret = [made["secret"]]
run("stream", "add", "--name", "siem", "--kind", "file", "--destination", "siem", "--from-start")
tls = ["--ca", f"{WORK}/ca.pem", "--certificate", f"{WORK}/client.pem", "--client-key-secret", f"{WORK}/client.key"]
run("stream", "add", "--name", "rsyslog", "--kind", "syslog", "--destination", f"tls://localhost:{port}", "--from-start", *tls)
# A receiver whose certificate comes from nobody whom the system trusts is not spoken to.
run("stream", "add", "--name", "untrusted", "--kind", "syslog", "--destination", f"tls://localhost:{port}", "--from-start")
assert run("stream", "test", "rsyslog").strip() == "ok"
refused = subprocess.run([BINARY, "stream", "test", "untrusted", "--data", DATA], env=ENV, capture_output=True, text=True)
assert refused.returncode == 1 and "tls: " in refused.stderr, refused.stderr
run("stream", "remove", "untrusted")

server = serve()
until("everything delivered", lambda: all(s["state"] == "running" and s["lag"] <= 3 for s in streams().values()))

# standardwebhooks: every signature held, every event came, in order.
assert not Receiver.wrong, Receiver.wrong
indexes = once(Receiver.got, lambda e: e["index"])
assert indexes[0] == 0 and len(indexes) > 50, indexes
assert not any("shown" in e["parts"] for e in Receiver.got)

# OCSF's own schema judges every event in the file.
schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.6.0"))
validators, classes = {}, set()
events = file_lines()
for event in events:
    profiles = tuple(event["metadata"].get("profiles", []))
    key = (event["class_uid"], profiles)
    if key not in validators:
        name = schema.lookup_class_name_from_uid(class_uid=event["class_uid"])
        validators[key] = jsonschema.Draft202012Validator(schema.get_class_schema(class_name=name, profiles=list(profiles)))
    errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in validators[key].iter_errors(event)]
    assert not errors, (errors, json.dumps(event, ensure_ascii=False, indent=1))
    assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    classes.add(event["class_uid"])
assert {3001, 3002, 3004, 6001, 6002, 6003} == classes, classes
once(events, lambda e: e["metadata"]["sequence"])
print(f"OCSF 1.6.0: {len(events)} events of classes {sorted(classes)} are valid")

# rsyslog: what it parsed is what was meant.
lines = until("rsyslog has them", lambda: [l for l in syslog_lines()] if len(syslog_lines()) > 50 else None)
judged = 0
for line in lines:
    event = json.loads(line["msg"].lstrip("\ufeff \xef\xbb\xbf"))
    if event["unmapped"].get("test"):
        continue
    assert line["app-name"] == "countermand" and line["msgid"] == event["metadata"]["event_code"], line
    assert line["structured-data"].startswith('[origin software="Countermand" swVersion="'), line
    assert line["syslogseverity-text"] == {"Success": "info"}.get(event["status"], line["syslogseverity-text"]), line
    assert int(line["pri"]) // 8 == 13, line
    assert line["timereported"][:19] == event["metadata"]["original_time"][:19], line
    judged += 1
print(f"rsyslog: {judged} messages parsed")

# Two secrets are valid while the receiver changes over.
fresh = run("stream", "rotate", "hook").strip()
Receiver.secret = [made["secret"], fresh]
before = len(Receiver.got)
# What the change of the secret told may be there already: something that comes after it.
run("stream", "test", "hook")
until("a delivery under both secrets", lambda: len(Receiver.got) > before and streams()["hook"]["failures"] == 0)
assert not Receiver.wrong, Receiver.wrong

# 500, then hanging: what was not taken comes later, and writes go on at their speed meanwhile.
def writes(n):
    start = time.time()
    for _ in range(n):
        run("stream", "test", "siem")
    return time.time() - start


quick = writes(3)
Receiver.say = 500
until("a failure", lambda: streams()["hook"]["failures"] > 0)
Receiver.hang.set()
Receiver.say = 204
until("the first that hangs", lambda: streams()["hook"]["failures"] > 1, 90)
slow = writes(3)
assert slow < quick * 4 + 3, (quick, slow)
assert streams()["siem"]["failures"] == 0 and streams()["siem"]["state"] == "running"
until("stuck", lambda: streams()["hook"]["state"] == "stuck", 150)
Receiver.hang.clear()
until("recovered", lambda: streams()["hook"]["state"] == "running", 90)
once(Receiver.got, lambda e: e["index"])

# rsyslog goes away and comes back, the product is killed: at least once, no gap, in order.
daemon.terminate()
daemon.wait()
until("syslog fails", lambda: streams()["rsyslog"]["failures"] > 0)
server.send_signal(signal.SIGKILL)
server.wait()
daemon = rsyslog(port)
server = serve()
until("caught up", lambda: all(s["state"] == "running" and s["lag"] <= 3 for s in streams().values()), 90)
time.sleep(1)
sequence = [json.loads(l["msg"].lstrip("\ufeff \xef\xbb\xbf")) for l in syslog_lines()]
once([e for e in sequence if "sequence" in e["metadata"]], lambda e: e["metadata"]["sequence"])
once(Receiver.got, lambda e: e["index"])
once([e for e in file_lines() if "sequence" in e["metadata"]], lambda e: e["metadata"]["sequence"])
server.terminate()
assert server.wait(30) == 0
daemon.terminate()
verified = json.loads(run("ledger", "verify", "--json"))
assert verified["ok"], verified
print("ok streams")
