#!/usr/bin/env python3
"""Counsel places a legal hold on what was decided, a second counsel confirms it: over HTTP, as people do.

    tests/interop/hold.py BINARY FOLDER
"""

import base64
import hashlib
import hmac
import html
import os
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

from serve import form, free_port, opener, patiently, start, stop

PASSWORD = "a-long-passphrase-of-2026"


class Counsel:
    def __init__(self, binary, data, name):
        self.name, self.key = name, os.urandom(20)
        with tempfile.TemporaryDirectory() as folder:
            files = {"password": PASSWORD, "totp-secret": base64.b32encode(self.key).decode()}
            words = [word for kind, text in files.items() for word in (f"--{kind}-file", self.written(folder, kind, text))]
            subprocess.run([binary, "user", "add", "--username", name, "--display-name", name, "--role", "counsel", "--department", "法务部", *words, "--data", data],
                           check=True, stdout=subprocess.DEVNULL)

    @staticmethod
    def written(folder, name, text):
        path = os.path.join(folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def code(self, steps):
        """RFC 6238, so many steps from now; a code works once, and one step early or late."""
        digest = hmac.digest(self.key, struct.pack(">Q", int(time.time()) // 30 + steps), hashlib.sha1)
        at = digest[-1] & 15
        return "%06d" % ((struct.unpack(">I", digest[at:at + 4])[0] & 0x7FFFFFFF) % 1000000)

    def sign_in(self, base):
        self.base, (self.visitor, _) = base, opener()
        self.visitor.addheaders = [("Origin", base), ("Accept-Language", "en")]
        patiently(self.visitor, base + "/healthz")
        self.post("/sign-in", "/sessions", account=self.name, password=PASSWORD)
        self.post("/sessions/verification", "/sessions/verification", totp=self.code(-1))

    def post(self, page, to, **answers):
        shown = self.visitor.open(self.base + page).read().decode()
        fields = form(shown, to) | answers
        return self.visitor.open(self.base + to, urllib.parse.urlencode(fields).encode())


def main(binary, data):
    first, second = Counsel(binary, data, "counsel.one"), Counsel(binary, data, "counsel.two")
    port = free_port()
    server, _ = start(binary, "--data", data, "--listen", f"127.0.0.1:{port}")
    try:
        for counsel in (first, second):
            counsel.sign_in(f"http://localhost:{port}")
        placed = first.post("/holds/new", "/holds", action="recall.decided", reason="A claim about these decisions is expected.", totp=first.code(0))
        page = urllib.parse.urlparse(placed.geturl()).path
        confirmed = second.post(page, page + "/confirmations", totp=second.code(0)).read().decode()
        assert "hold" in html.unescape(confirmed), confirmed
    finally:
        stop(server)
    print("ok two counsels hold what was decided")


main(*sys.argv[1:])
