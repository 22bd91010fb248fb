#!/usr/bin/env python3
"""A chat server that was not written here: starts Synapse on loopback, fills a room with matrix-nio, and reads events back with it.

Needs `pip install matrix-synapse==1.163.2 matrix-nio==0.26.0`; `tests/interop/synapse` does that and calls this file.

    matrix.py serve DIR                       starts Synapse with its files under DIR, prints one line of JSON, serves until its
                                              standard input closes or it is told to stop
    matrix.py --check ROOM EVENT CASE [JSON]  reads the event as a recipient: it must be empty, redacted, with a reason that names CASE;
                                              JSON is the line of `serve`, or comes from the environment as SYNAPSE_JSON
"""

import asyncio
import hashlib
import hmac
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

SERVER = "countermand.test"
SENDER, ADMIN, READER, LATER_READER, NON_READER = "linyutong", "records", "sumu", "guyuan", "bailu"
TEXT = "各位同事：2027 年度薪酬调整方案见附件，请于 11 月 28 日前反馈意见。"


def call(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def configure(directory, port, shared_secret):
    """Writes the configuration and the keys; answers the file's path."""
    generous = {"per_second": 1000, "burst_count": 10000}
    config = {
        "server_name": SERVER,
        "pid_file": f"{directory}/pid",
        "public_baseurl": f"http://127.0.0.1:{port}/",
        "listeners": [{"port": port, "type": "http", "tls": False, "bind_addresses": ["127.0.0.1"], "resources": [{"names": ["client"]}]}],
        "database": {"name": "sqlite3", "args": {"database": f"{directory}/homeserver.db"}},
        "media_store_path": f"{directory}/media",
        "signing_key_path": f"{directory}/signing.key",
        "log_config": f"{directory}/log.yaml",
        "registration_shared_secret": shared_secret,
        "macaroon_secret_key": secrets.token_hex(16),
        "form_secret": secrets.token_hex(16),
        "trusted_key_servers": [],
        "suppress_key_server_warning": True,
        "report_stats": False,
        "rc_message": generous,
        "rc_registration": generous,
        "rc_login": {"address": generous, "account": generous, "failed_attempts": generous},
        "rc_joins": {"local": generous, "remote": generous},
        "rc_invites": {"per_room": generous, "per_user": generous, "per_issuer": generous},
    }
    log = {
        "version": 1,
        "handlers": {"file": {"class": "logging.FileHandler", "filename": f"{directory}/homeserver.log"}},
        "root": {"level": "WARNING", "handlers": ["file"]},
    }
    # JSON is YAML.
    for name, content in (("homeserver.yaml", config), ("log.yaml", log)):
        with open(f"{directory}/{name}", "w") as file:
            json.dump(content, file)
    path = f"{directory}/homeserver.yaml"
    subprocess.run([sys.executable, "-m", "synapse.app.homeserver", "-c", path, "--generate-keys"], check=True, stdout=sys.stderr)
    return path


def wait_until_ready(base, server):
    for _ in range(300):
        if server.poll() is not None:
            sys.exit(f"Synapse ended with {server.returncode}")
        try:
            return call(base + "/_matrix/client/versions")
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    sys.exit("Synapse does not answer")


def register(base, shared_secret, user, password):
    """An account by the shared secret; answers its access token."""
    url = base + "/_synapse/admin/v1/register"
    nonce = call(url)["nonce"]
    mac = hmac.new(shared_secret.encode(), "\0".join([nonce, user, password, "notadmin"]).encode(), hashlib.sha1).hexdigest()
    return call(url, {"nonce": nonce, "username": user, "password": password, "admin": False, "mac": mac})["access_token"]


def client(base, user, token):
    from nio import AsyncClient

    c = AsyncClient(base, user)
    c.access_token, c.user_id, c.device_id = token, user, "interop"
    return c


async def fill(base, tokens):
    """A room of the administrator's, the announcement of somebody else in it, two recipients who read and one who does not."""
    from nio import RoomPreset

    clients = {user: client(base, f"@{user}:{SERVER}", token) for user, token in tokens.items()}
    try:
        others = [c.user_id for user, c in clients.items() if user != ADMIN]
        room = (await clients[ADMIN].room_create(name="全员公告", preset=RoomPreset.private_chat, invite=others)).room_id
        for user, c in clients.items():
            if user != ADMIN:
                await c.join(room)
        message = {"msgtype": "m.text", "body": TEXT}
        event = (await clients[SENDER].room_send(room, "m.room.message", message)).event_id
        later = (await clients[ADMIN].room_send(room, "m.room.message", {"msgtype": "m.text", "body": "请查收上一条公告。"})).event_id
        await clients[READER].update_receipt_marker(room, event)
        await clients[LATER_READER].update_receipt_marker(room, later)
        return room, event
    finally:
        for c in clients.values():
            await c.close()


def serve(directory):
    directory = os.path.abspath(directory)
    os.makedirs(directory, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base, shared_secret = f"http://127.0.0.1:{port}", secrets.token_hex(16)
    path = configure(directory, port, shared_secret)
    server = subprocess.Popen([sys.executable, "-m", "synapse.app.homeserver", "-c", path], stdin=subprocess.DEVNULL, stdout=sys.stderr)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        wait_until_ready(base, server)
        password = secrets.token_hex(8)
        tokens = {user: register(base, shared_secret, user, password) for user in (ADMIN, SENDER, READER, LATER_READER, NON_READER)}
        room, event = asyncio.run(fill(base, tokens))
        full = lambda user: f"@{user}:{SERVER}"
        line = {
            "base_url": base,
            "room": room,
            "event": event,
            "text": TEXT,
            "sender": full(SENDER),
            "admin": full(ADMIN),
            "token": tokens[ADMIN],
            "login": {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": ADMIN}, "password": password},
            "member_token": tokens[NON_READER],
            "users": [full(u) for u in tokens],
            "read": [full(READER), full(LATER_READER)],
            "unread": [full(NON_READER)],
        }
        print(json.dumps(line, ensure_ascii=False), flush=True)
        sys.stdin.read()
    except KeyboardInterrupt:
        pass
    finally:
        server.terminate()
        server.wait()


async def read(access, room, event):
    c = client(access["base_url"], access["unread"][0], access["member_token"])
    try:
        return (await c.room_get_event(room, event)).event
    finally:
        await c.close()


def check(room, event, case, access):
    from nio import RedactedEvent

    found = asyncio.run(read(access, room, event))
    checks = {
        "the event is redacted": isinstance(found, RedactedEvent),
        "its content is empty": found.source.get("content") == {},
        "the reason names the case": case in (getattr(found, "reason", None) or ""),
    }
    for name, good in checks.items():
        print("ok" if good else "FAILED", name, "" if good else found)
    return 0 if all(checks.values()) else 1


def main(argv):
    if argv[:1] == ["serve"] and len(argv) == 2:
        return serve(argv[1])
    if argv[:1] == ["--check"] and len(argv) in (4, 5):
        return check(*argv[1:4], json.loads(argv[4] if len(argv) == 5 else os.environ["SYNAPSE_JSON"]))
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
