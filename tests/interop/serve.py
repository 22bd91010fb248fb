#!/usr/bin/env python3
"""`serve` as a stranger starts it: the one-time link works once, TLS by the flags with cookies that keep to it, no plain HTTP off loopback.

    tests/interop/serve.py BINARY FOLDER
"""

import html
import http.cookiejar
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def start(binary, *words):
    """A server and what it has said until it listens."""
    server = subprocess.Popen([binary, "serve", *words], stderr=subprocess.PIPE, text=True)
    said = server.stderr.readline()
    return server, said


def stop(server):
    server.send_signal(signal.SIGINT)
    said = server.stderr.read()
    assert server.wait() == 0, (server.returncode, said)
    return said


def opener(context=None):
    jar = http.cookiejar.CookieJar()
    return urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar), urllib.request.HTTPSHandler(context=context)), jar


def patiently(visitor, url):
    for _ in range(100):
        try:
            return visitor.open(url)
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError:
            time.sleep(0.1)
    raise SystemExit(f"{url} does not answer")


def form(page, action):
    inside = re.search(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', page, re.S)[1]
    named = [(re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)) for tag in re.findall(r"<input[^>]*>", inside)]
    return {name[1]: html.unescape(value[1]) if value else "" for name, value in named if name}


def set_up(binary, data):
    port = free_port()
    words = ["--data", data, "--listen", f"127.0.0.1:{port}"]
    server, _ = start(binary, *words)
    link = next(line.strip() for line in server.stderr if "/setup/" in line)
    base, path = re.match(r"(http://[^/]+)(/setup/\S+)$", link).groups()
    assert base == f"http://localhost:{port}", link
    visitor, _ = opener()
    visitor.addheaders = [("Origin", base), ("Accept-Language", "en")]
    fields = form(patiently(visitor, link).read().decode(), path)
    answers = {"username": "chengye", "display_name": "程野", "password": "a-long-passphrase-of-2026", "password_again": "a-long-passphrase-of-2026"}
    assert set(answers) <= set(fields), fields
    done = visitor.open(link, urllib.parse.urlencode(fields | answers).encode()).read().decode()
    assert len(set(re.findall(r"/invitations/[\w-]+", done))) == 2, "two single-use invitations for the two other administrations"
    try:
        visitor.open(link)
        raise SystemExit("the link works twice")
    except urllib.error.HTTPError as error:
        assert error.code == 404, error.code
    stop(server)
    print("ok the set-up link works once")
    server, said = start(binary, *words)
    patiently(opener()[0], base + "/healthz")
    assert "/setup/" not in said + stop(server), "an installation that is set up has no link"
    users = json.loads(subprocess.run([binary, "user", "list", "--json", "--data", data], capture_output=True, text=True, check=True).stdout)["users"]
    assert [(u["username"], u["roles"]) for u in users] == [("chengye", ["system_administrator"])], users
    print("ok it made the system administrator and nobody else")


def tls(binary, data, folder):
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    words = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run(["openssl", "req", *words, "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert], check=True, capture_output=True)
    port = free_port()
    server, said = start(binary, "--data", data, "--listen", f"127.0.0.1:{port}", "--tls-cert", cert, "--tls-key", key)
    base = f"https://localhost:{port}"
    assert base in said, said
    visitor, jar = opener(ssl.create_default_context(cafile=cert))
    answer = patiently(visitor, base + "/sign-in")
    assert answer.headers["Strict-Transport-Security"], answer.headers
    cookies = {cookie.name: cookie.secure for cookie in jar}
    assert "__Host-pre" in cookies and all(cookies.values()), cookies
    visitor.addheaders = [("Origin", base)]
    fields = form(answer.read().decode(), "/sessions") | {"account": "nobody", "password": "wrong"}
    try:
        visitor.open(base + "/sessions", urllib.parse.urlencode(fields).encode())
        raise SystemExit("nobody signed in")
    except urllib.error.HTTPError as error:
        # Not 403: the post came from the origin that is served, and the form is there again.
        again = error.read().decode()
        assert error.code in (401, 409, 422) and form(again, "/sessions")["csrf"], (error.code, again)
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" not in plain.recv(4096), "plain HTTP on the listener for TLS"
    stop(server)
    print("ok TLS, with cookies that keep to it")


def refused(binary, data):
    for words, named in [
        (["--listen", f"0.0.0.0:{free_port()}"], "trusted_proxies"),
        (["--tls-cert", "none.pem", "--tls-key", "none.pem"], "none.pem"),
        (["--tls-cert", "none.pem"], "--tls-key"),
    ]:
        done = subprocess.run([binary, "serve", "--data", data, *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and named in done.stderr, (words, done.returncode, done.stderr)
    print("ok what must not be served is refused, with the way out")


def main(binary, folder):
    data = os.path.join(folder, "data")
    set_up(binary, data)
    tls(binary, data, folder)
    refused(binary, data)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
