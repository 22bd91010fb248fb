#!/usr/bin/env python3
"""The whole forced recall on a chat server that was not written here.

A real Synapse carries an announcement sent with matrix-nio; Countermand imports it, three people approve through the API, and matrix-nio
then reads an empty, redacted event whose reason names the case. The case must be `recalled`, every recipient `confirmed`.

    tests/interop/matrix_recall.py BINARY FOLDER
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
PEOPLE = [
    ("linyutong", "林雨桐", "requester", ["broadcast.send", "broadcast.read", "recall.request", "recall.read"]),
    ("zhouqiming", "周启明", "department_reviewer", ["recall.decide", "recall.read"]),
    ("hejing", "何婧", "legal_reviewer", ["recall.decide", "recall.read"]),
    ("chensiyuan", "陈思远", "final_approver", ["recall.decide", "recall.read"]),
]


def run(binary, data, *words):
    done = subprocess.run([binary, *words, "--data", data, "--json"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{words[:2]}: {done.stderr}")
    return json.loads(done.stdout)


def note(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def code(secret, now):
    """RFC 6238."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(now) // 30), hashlib.sha1).digest()
    at = digest[-1] & 15
    return "%06d" % ((struct.unpack(">I", digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000)


def ask(base, token, path, body=None):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(base + path, data, headers), timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{path}: {error.code} {error.read().decode()}") from None


def main(binary, folder):
    synapse = subprocess.Popen([os.path.join(HERE, "synapse"), "serve", os.path.join(folder, "synapse")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    server = None
    try:
        line = synapse.stdout.readline()
        assert line, "Synapse did not start"
        room = json.loads(line)
        data = os.path.join(folder, "data")
        tokens, keys = {}, {}
        for username, name, role, scopes in PEOPLE:
            keys[username] = base64.b32encode(secrets.token_bytes(20)).decode().rstrip("=")
            password = note(folder, "password", secrets.token_urlsafe(18))
            secret = note(folder, "secret", keys[username])
            run(binary, data, "user", "add", "--username", username, "--display-name", name, "--role", role, "--department", "人力资源部", "--password-file", password, "--totp-secret-file", secret)
            words = ["token", "add", "--name", "interop", "--user", username]
            tokens[username] = run(binary, data, *words, *[w for s in scopes for w in ("--scope", s)])["token"]
        os.environ["COUNTERMAND_ALLOW_PRIVATE_DESTINATIONS"] = "true"
        secret = note(folder, "matrix", room["token"])
        connection = run(binary, data, "connection", "add", "--name", "Matrix", "--platform", "matrix", "--base-url", room["base_url"], "--secret-file", secret)["id"]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        base = f"http://127.0.0.1:{port}"
        server = subprocess.Popen([binary, "serve", "--data", data, "--listen", f"127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                urllib.request.urlopen(base + "/healthz", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        imported = ask(base, tokens["linyutong"], "/api/v1/broadcasts/imports", {"connection": connection, "message_ids": [{"id": room["event"], "room": room["room"]}]})
        print("ok imported", imported["id"])
        case = ask(base, tokens["linyutong"], "/api/v1/recalls", {"broadcast": imported["id"], "category": "leak", "reason": "收件范围误选全体员工，附件含薪酬区间。"})
        print("ok requested", case["number"])
        for username in ("zhouqiming", "hejing", "chensiyuan"):
            body = {"decision": "approve", "comment": "情况属实，同意撤回。", "totp": code(keys[username], time.time())}
            ask(base, tokens[username], f"/api/v1/recalls/{case['id']}/decisions", body)
            print("ok approved by", username)
        for _ in range(600):
            state = ask(base, tokens["linyutong"], f"/api/v1/recalls/{case['id']}")
            if state["state"] not in ("reviewing", "approved", "executing"):
                break
            time.sleep(0.1)
        assert state["state"] == "recalled", state
        tally = state.get("recipients") or state.get("tally")
        assert tally["confirmed"] == tally["total"] > 0, state
        print("ok", state["state"], tally)
        check = subprocess.run([os.path.join(HERE, "synapse"), "--check", room["room"], room["event"], case["number"], line])
        assert check.returncode == 0, "matrix-nio does not read a redacted event that names the case"
        print("ok matrix-nio reads a redacted event whose reason names the case")
        return 0
    finally:
        if server:
            server.terminate()
            server.wait()
        synapse.stdin.close()
        synapse.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
