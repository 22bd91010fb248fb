#!/usr/bin/env python3
"""Two WeCom clients that were not written here, against the emulator: PyPI's wecom-sdk and wechatpy.

Each gets a token, sends, recalls, and sees the documented errors. Needs `pip install wecom-sdk==1.0.0 wechatpy==2.0.0a26`.

    countermand emulate wecom --json | tests/interop/wecom.py
    tests/interop/wecom.py '{"base_url": …}'
    tests/interop/wecom.py --binary target/debug/countermand      (starts the emulator itself)
"""

import asyncio
import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request

HINT = re.compile(r"hint: \[\d+\], from ip: \S+, more info at https://open\.work\.weixin\.qq\.com/devtool/query\?e=(\d+)")
failed = 0


def check(name, good, told=""):
    """Prints one line a check."""
    global failed
    print("ok" if good else "FAILED", name, "" if good else told, flush=True)
    failed += not good


def inbox(access, user):
    url = f"{access['base_url']}/_emulator/inbox?format=json&user={urllib.parse.quote(user)}"
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)["messages"]


def seen(access, user, msgid):
    """The message as the recipient's client shows it now."""
    return next((m for m in inbox(access, user) if m["msgid"] == msgid), None)


def vanished(access, name, user, msgid, text, recall):
    """The text is there before the recall and gone after it."""
    before = seen(access, user, msgid)
    check(f"{name}: the recipient sees the message", before is not None and before["text"] == text, before)
    check(f"{name}: recall", recall())
    after = seen(access, user, msgid)
    check(f"{name}: the message has vanished", after["recalled"] and text not in json.dumps(after, ensure_ascii=False), after)


async def wecom_sdk(access):
    from wecom_sdk import Wecom
    from wecom_sdk.exceptions.general import SDKException
    from wecom_sdk.modules.base import WecomBaseClient
    from wecom_sdk.schemas.message import MessageParams, RecallMessageParams

    WecomBaseClient.BASE_URL = access["base_url"] + "/cgi-bin"
    name = "wecom-sdk"

    async def error(what, code, call):
        try:
            await call
            check(f"{name}: {what}", False, "no error")
        except SDKException as e:
            hint = HINT.search(e.message)
            check(f"{name}: {what} is {e.errcode}", code(int(e.errcode)) and hint and hint[1] == e.errcode, f"{e.errcode} {e.message}")

    def text(users, content):
        return MessageParams(touser="|".join(users), msgtype="text", agentid=access["agent_id"], text={"content": content})

    client = Wecom(access["corp_id"], access["secret"])
    token = await client.access_token
    check(f"{name}: token", token and len(token) <= 512, token)
    user = access["users"][0]
    msgid = await client.send_message(text(access["users"][:2], "wecom-sdk：十一月薪资条已发放"))
    check(f"{name}: send", bool(msgid), msgid)
    before = seen(access, user, msgid)
    check(f"{name}: the recipient sees the message", before is not None and before["text"] == "wecom-sdk：十一月薪资条已发放", before)
    check(f"{name}: recall", await client.recall_message(RecallMessageParams(msgid=msgid)))
    after = seen(access, user, msgid)
    check(f"{name}: the message has vanished", after["recalled"] and after["text"] is None, after)
    await error("a bad secret", lambda c: c == 40001, Wecom(access["corp_id"], "wrong").send_message(text([user], "x")))
    await error("a bad enterprise", lambda c: c == 40013, Wecom("wrong", access["secret"]).send_message(text([user], "x")))
    await error("a bad msgid", lambda c: c != 0, client.recall_message(RecallMessageParams(msgid="no-such-message")))
    await error("all receivers invalid", lambda c: c == 81013, client.send_message(text(["no-such-user"], "x")))
    await error("an empty text", lambda c: c == 44004, client.send_message(text([user], "")))
    client.access_token = "revoked"
    await error("a token that was never granted", lambda c: c == 40014, client.recall_message(RecallMessageParams(msgid=msgid)))


def wechatpy(access):
    from wechatpy.exceptions import WeChatClientException
    from wechatpy.work import WeChatClient

    name = "wechatpy"

    class Client(WeChatClient):
        """The token's address is hard-coded in the library."""

        API_BASE_URL = access["base_url"] + "/cgi-bin/"

        def fetch_access_token(self):
            return self._fetch_access_token(url=self.API_BASE_URL + "gettoken", params={"corpid": self.corp_id, "corpsecret": self.secret})

    def error(what, code, call):
        try:
            call()
            check(f"{name}: {what}", False, "no error")
        except WeChatClientException as e:
            hint = HINT.search(e.errmsg)
            check(f"{name}: {what} is {e.errcode}", code(e.errcode) and hint and hint[1] == str(e.errcode), f"{e.errcode} {e.errmsg}")

    client = Client(access["corp_id"], access["secret"])
    check(f"{name}: token", client.fetch_access_token()["expires_in"] > 0)
    user = access["users"][1]
    sent = client.message.send_text(access["agent_id"], [user, "No-Such-User"], "wechatpy：放假安排")
    check(f"{name}: send", sent["errcode"] == 0 and sent["msgid"], sent)
    check(f"{name}: the unknown receiver is named in lower case", sent.get("invaliduser") == "no-such-user", sent)
    recall = lambda msgid: client.post("message/recall", data={"msgid": msgid})
    vanished(access, name, user, sent["msgid"], "wechatpy：放假安排", lambda: recall(sent["msgid"]) == {"errcode": 0, "errmsg": "ok"})
    odd = client.message.send_text(str(access["agent_id"]), [user], "text instead of a number")
    check(f"{name}: a number as text is taken with a warning", odd["errcode"] == 0 and "Warning: wrong json format." in odd["errmsg"], odd)
    error("a bad secret", lambda c: c == 40001, lambda: Client(access["corp_id"], "wrong").fetch_access_token())
    error("a bad msgid", lambda c: c != 0, lambda: recall("no-such-message"))
    error("a second recall", lambda c: c != 0, lambda: recall(sent["msgid"]))
    error("all receivers invalid", lambda c: c == 81013, lambda: client.message.send_text(access["agent_id"], ["nobody"], "x"))
    error("a bad application", lambda c: c == 40056, lambda: client.message.send_text(1, [user], "x"))
    client.session.set(client.access_token_key, "revoked")
    sent = client.message.send_text(access["agent_id"], "@all", "wechatpy：全员")
    check(f"{name}: a revoked token is renewed by the client itself", sent["errcode"] == 0 and "invaliduser" not in sent, sent)
    check(f"{name}: everybody got it", all(seen(access, u, sent["msgid"]) for u in access["users"]))
    check(f"{name}: members", [u["userid"] for u in client.user.list(1, fetch_child=True)] == access["users"])
    check(f"{name}: parties", [str(d["id"]) for d in client.get("department/list")["department"]] == access["parties"])
    check(f"{name}: tags", [str(t["tagid"]) for t in client.tag.list()] == access["tags"])


def main(argv):
    server = None
    if argv[:1] == ["--binary"]:
        server = subprocess.Popen([argv[1], "emulate", "wecom", "--json"], stdout=subprocess.PIPE, text=True)
        line = server.stdout.readline()
    else:
        line = argv[0] if argv else sys.stdin.readline()
    try:
        access = json.loads(line)
        asyncio.run(wecom_sdk(access))
        wechatpy(access)
    finally:
        if server:
            server.terminate()
            server.wait()
    print("FAILED" if failed else "ok", "wecom interop")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
