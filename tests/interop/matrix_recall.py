#!/usr/bin/env python3
"""The whole forced recall on a chat server that was not written here, also where that server is in trouble.

A real Synapse carries an announcement sent with matrix-nio; Countermand imports it, three people approve through the API, and matrix-nio
then reads an empty, redacted event whose reason names the case. The case must be `recalled`, every recipient `confirmed`. The same then
with a server that is away for a while, loses an answer, asks for patience, or does not let us.

    tests/interop/matrix_recall.py BINARY FOLDER
"""

import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import secrets
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
DECIDERS = [("department_reviewer", "周启明"), ("legal_reviewer", "何婧"), ("final_approver", "陈思远")]
TERMINAL = ("recalled", "recall_accepted", "partly_recalled", "failed", "expired", "rejected", "withdrawn")


class Proxy:
    """Stands between Countermand and Synapse and can be away, lose the answer to a redaction, or ask for patience."""

    def __init__(self, behind):
        self.host = urllib.parse.urlsplit(behind).netloc
        self.trouble, self.redactions, self.port = None, 0, 0
        self.come_back()

    def come_back(self):
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body, headers=()):
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                redacts = "/redact/" in self.path
                trouble = proxy.trouble if redacts else None
                if trouble:
                    proxy.trouble = None
                if trouble == "limited":
                    told = {"errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": 1500}
                    return self.answer(429, json.dumps(told).encode(), [("Content-Type", "application/json")])
                onward = http.client.HTTPConnection(proxy.host, timeout=30)
                onward.request(self.command, self.path, body or None, {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")})
                got = onward.getresponse()
                text = got.read()
                proxy.redactions += redacts
                if trouble == "lost":
                    self.close_connection = True
                    return self.connection.shutdown(socket.SHUT_RDWR)
                self.answer(got.status, text, [("Content-Type", got.headers.get("Content-Type", "application/json"))])

            do_GET = do_PUT = do_POST = any

            def log_message(self, *_):
                pass

        http.server.ThreadingHTTPServer.daemon_threads = True
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base_url = f"http://127.0.0.1:{self.port}"

    def leave(self):
        self.server.shutdown()
        self.server.server_close()


def code(secret, now):
    """RFC 6238."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(now) // 30), hashlib.sha1).digest()
    at = digest[-1] & 15
    return "%06d" % ((struct.unpack(">I", digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000)


def call(url, token, body=None, method=None):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{url}: {error.code} {error.read().decode()}") from None


class House:
    """A Countermand on a folder of its own."""

    log = subprocess.DEVNULL

    def __init__(self, binary, folder):
        self.binary, self.folder, self.data = binary, folder, os.path.join(folder, "data")
        os.environ["COUNTERMAND_ALLOW_PRIVATE_DESTINATIONS"] = "true"
        self.requester = self.person("linyutong", "林雨桐", "requester", ["broadcast.send", "broadcast.read", "recall.request", "recall.read"])[0]

    def run(self, *words):
        done = subprocess.run([self.binary, *words, "--data", self.data, "--json"], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{words[:2]}: {done.stderr}")
        return json.loads(done.stdout)

    def note(self, text):
        path = os.path.join(self.folder, "secret")
        with open(path, "w") as file:
            file.write(text)
        return path

    def person(self, username, name, role, scopes):
        """Answers the person's token and the secret of their codes."""
        secret = base64.b32encode(secrets.token_bytes(20)).decode().rstrip("=")
        words = ["--username", username, "--display-name", name, "--role", role, "--department", "人力资源部"]
        self.run("user", "add", *words, "--totp-secret-file", self.note(secret))
        scopes = [word for scope in scopes for word in ("--scope", scope)]
        return self.run("token", "add", "--name", "interop", "--user", username, *scopes)["token"], secret

    def connect(self, name, base_url, secret):
        words = ["--name", name, "--platform", "matrix", "--base-url", base_url, "--secret-file", self.note(secret)]
        return self.run("connection", "add", *words)["id"]

    def serve(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}/api/v1"
        self.server = subprocess.Popen([self.binary, "serve", "--data", self.data, "--listen", f"127.0.0.1:{port}"], stderr=self.log)
        for _ in range(300):
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1)
            except OSError:
                time.sleep(0.1)
        raise SystemExit("Countermand does not answer")

    def story(self, name, connection, event, room, deciders, before_last=lambda: None, after_last=lambda: None):
        """Import, request, three approvals; answers the case in its final state, and the broadcast."""
        message = {"id": event, "room": room}
        imported = call(f"{self.base}/broadcasts/imports", self.requester, {"connection": connection, "message_ids": [message]})
        request = {"broadcast": imported["id"], "category": "leak", "reason": "收件范围误选全体员工，附件含薪酬区间。"}
        case = call(f"{self.base}/recalls", self.requester, request)
        for n, (token, secret) in enumerate(deciders):
            if n == 2:
                before_last()
            body = {"decision": "approve", "comment": "情况属实，同意撤回。", "totp": code(secret, time.time())}
            call(f"{self.base}/recalls/{case['id']}/decisions", token, body)
        after_last()
        for _ in range(900):
            state = call(f"{self.base}/recalls/{case['id']}", self.requester)
            if state["state"] in TERMINAL:
                break
            time.sleep(0.1)
        print("ok" if state["state"] in TERMINAL else "FAILED", name, state["number"], state["state"], state["tally"], flush=True)
        return state, call(f"{self.base}/broadcasts/{imported['id']}", self.requester)


def main(binary, folder):
    synapse = subprocess.Popen([os.path.join(HERE, "synapse"), "serve", os.path.join(folder, "synapse")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    house = None
    try:
        line = synapse.stdout.readline()
        assert line, "Synapse did not start"
        matrix = json.loads(line)
        room, people = matrix["room"], len(matrix["users"]) - 1
        proxy = Proxy(matrix["base_url"])
        house = House(binary, folder)
        # A code counts once, so each case has deciders of its own.
        sets = [[house.person(f"{role}{n}", name, role, ["recall.decide", "recall.read"]) for role, name in DECIDERS] for n in range(7)]
        direct = house.connect("Matrix", matrix["base_url"], matrix["token"])
        troubled = house.connect("Matrix, troubled", proxy.base_url, matrix["token"])
        powerless = house.connect("Matrix, powerless", matrix["base_url"], matrix["member_token"])
        house.serve()

        def told():
            url = f"{matrix['base_url']}/_matrix/client/v3/rooms/{room}/send/m.room.message/{secrets.token_hex(8)}"
            return call(url, matrix["token"], {"msgtype": "m.text", "body": "各位同事：请以本条为准。"}, "PUT")["event_id"]

        def redact(event, token, why):
            call(f"{matrix['base_url']}/_matrix/client/v3/rooms/{room}/redact/{urllib.parse.quote(event)}/{secrets.token_hex(8)}", token, {"reason": why}, "PUT")

        def ended(state, name, outcome):
            assert (state["state"], state["tally"][outcome]) == (name, state["tally"]["total"]) and state["tally"][outcome] > 0, state

        state, broadcast = house.story("announcement", direct, matrix["event"], room, sets.pop())
        ended(state, "recalled", "confirmed")
        assert state["tally"]["total"] == people, state
        reading = broadcast["reading"]
        assert reading["read"] >= len(matrix["read"]) and reading["unread"] >= len(matrix["unread"]) and sum(reading.values()) == people, reading
        check = subprocess.run([os.path.join(HERE, "synapse"), "--check", room, matrix["event"], state["number"], line])
        assert check.returncode == 0, "matrix-nio does not read a redacted event that names the case"

        def come_back():
            time.sleep(3)
            proxy.come_back()

        ended(house.story("the server is away for a while", troubled, told(), room, sets.pop(), proxy.leave, come_back)[0], "recalled", "confirmed")
        assert proxy.redactions == 1, proxy.redactions

        def set_trouble(kind):
            proxy.trouble, proxy.redactions = kind, 0

        ended(house.story("the answer is lost", troubled, told(), room, sets.pop(), lambda: set_trouble("lost"))[0], "recalled", "confirmed")
        assert proxy.redactions == 1, "it was read back as gone and not redacted again"
        ended(house.story("too many requests", troubled, told(), room, sets.pop(), lambda: set_trouble("limited"))[0], "recalled", "confirmed")
        assert proxy.redactions == 1, proxy.redactions
        event = told()
        before = lambda: redact(event, matrix["token"], "别人先撤回了")
        ended(house.story("taken back by somebody else before", direct, event, room, sets.pop(), before)[0], "recalled", "confirmed")
        ended(house.story("no power to redact", powerless, told(), room, sets.pop())[0], "failed", "failed")
        leave = lambda: call(f"{matrix['base_url']}/_matrix/client/v3/logout", matrix["token"], {}, "POST")

        def mend():
            """The case waits for credentials that the homeserver takes; somebody logs in again and gives the connection the new token."""
            time.sleep(3)
            token = call(f"{matrix['base_url']}/_matrix/client/v3/login", "", matrix["login"])["access_token"]
            house.run("connection", "change", direct, "--secret-file", house.note(token))

        ended(house.story("the token is revoked and replaced", direct, told(), room, sets.pop(), leave, mend)[0], "recalled", "confirmed")
        house.run("ledger", "verify")
        print("ok the log verifies")
        return 0
    finally:
        if house and getattr(house, "server", None):
            house.server.terminate()
            house.server.wait()
        synapse.stdin.close()
        synapse.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
