#!/usr/bin/env python3
"""Our mails as a mail server (aiosmtpd) takes them and as Python's own parser reads them, in both languages.

    tests/interop/mail.py BINARY FOLDER
"""

import email
import email.policy
import html.parser
import os
import socket
import sqlite3
import sys
import time

from aiosmtpd.controller import Controller

from matrix_recall import House, call, code

TITLE = "华东报价单（内部）"


class Sink:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, _server, _session, envelope):
        self.mails.append((envelope.rcpt_tos, envelope.content))
        return "250 kept"

    def wait(self, count):
        for _ in range(300):
            if len(self.mails) >= count:
                return self.mails
            time.sleep(0.1)
        raise SystemExit(f"{len(self.mails)} mails came instead of {count}")


class Tags(html.parser.HTMLParser):
    """Every tag that is opened is closed, in order."""

    EMPTY = {"meta"}

    def __init__(self):
        super().__init__()
        self.open, self.links, self.lang = [], [], None

    def handle_starttag(self, tag, attrs):
        if tag not in self.EMPTY:
            self.open.append(tag)
        attrs = dict(attrs)
        self.lang = attrs.get("lang", self.lang)
        if tag == "a":
            self.links.append(attrs["href"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


def typed(body):
    return body.get("comment") or body["reason"]


def well_formed(raw, to, subject, words, link, lang, unsaid=TITLE):
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert not mail.defects and all(not part.defects for part in mail.walk()), [part.defects for part in mail.walk()]
    for header in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Auto-Submitted"):
        assert mail[header], f"{header} is missing"
        assert not mail[header].defects, (header, mail[header].defects)
    assert mail["To"].addresses[0].addr_spec == to, mail["To"]
    assert mail["From"].addresses[0].addr_spec == "countermand@example.com" and mail["From"].addresses[0].display_name == "撤回有据"
    assert subject in mail["Subject"], mail["Subject"]
    assert all(len(line) <= 998 for line in raw.split(b"\r\n")), "RFC 5322 §2.1.1"
    assert mail.get_content_type() == "multipart/alternative"
    plain, rich = mail.iter_parts()
    assert (plain.get_content_type(), rich.get_content_type()) == ("text/plain", "text/html")
    text, page = plain.get_content(), rich.get_content()
    tags = Tags()
    tags.feed(page)
    assert not tags.open and tags.links == [link] and tags.lang == lang, (tags.open, tags.links, tags.lang)
    assert link in text
    for word in words:
        assert word in text and word in page, word
    for word in (TITLE, unsaid):
        assert word not in raw.decode() + text + page, "what was written stays in the house"
    print("ok", lang, mail["Subject"])


def main(binary, folder):
    sink = Sink()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        os.environ |= {
            "COUNTERMAND_SMTP_HOST": "127.0.0.1",
            "COUNTERMAND_SMTP_PORT": str(port),
            "COUNTERMAND_SMTP_SECURITY": "none",
            "COUNTERMAND_SMTP_FROM": "撤回有据 <countermand@example.com>",
        }
        house = House(binary, folder)
        people = {}
        for username, name in (("zhouqiming", "周启明"), ("o.brien", 'Seán "O" Brien')):
            people[username] = house.person(username, name, "department_reviewer", ["recall.read", "recall.decide"])
        database = sqlite3.connect(os.path.join(house.data, "countermand.db"))
        for username, lang in (("zhouqiming", "zh-CN"), ("o.brien", "en")):
            database.execute("UPDATE users SET lang = ? WHERE username = ?", (lang, username))
            database.execute("INSERT INTO mail_addresses SELECT id, username || '@example.com' FROM users WHERE username = ?", (username,))
        database.commit()
        house.serve()
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
        report = {"channel": "QQ 群", "sent_at": now, "audience": "代理商群", "title": TITLE, "text": "内部价九折"}
        broadcast = call(f"{house.base}/reports", house.requester, report)
        case = call(f"{house.base}/recalls", house.requester, {"broadcast": broadcast["id"], "category": "leak", "reason": "报价单误发到客户群，含内部价。"})
        mails = {to[0]: raw for to, raw in sink.wait(2)}
        number = case["number"]
        link = f"{house.base.removesuffix('/api/v1').replace('127.0.0.1', 'localhost')}/recalls/{case['id']}"
        well_formed(mails["zhouqiming@example.com"], "zhouqiming@example.com", f"请您复核：{number}", ["部门复核", "林雨桐", number], link, "zh-CN")
        well_formed(mails["o.brien@example.com"], "o.brien@example.com", f"Your review is needed: {number}", ["Department review", number], link, "en")
        # What is said and done beside deciding: the mail tells that, never the words.
        (token, secret), other = people["zhouqiming"], people["o.brien"][0]
        to = {"to": "o.brien", "reason": "请从代理商一侧核对"}
        kinds = [
            ("comments", token, {"comment": "附件里有客户名单"}, "o.brien", "New comment on a case", ["concerns you"], "en"),
            ("comments", other, {"comment": "the list was downloaded twice"}, "zhouqiming", "案件有新留言", ["与您有关的撤回案件有新留言"], "zh-CN"),
            ("additions", token, to, "o.brien", "Your review is needed", ["Department review"], "en"),
            ("removals", token, to, "o.brien", "You were removed as an added reviewer", ["Department review"], "en"),
        ]
        for noun, by, body, who, subject, words, lang in kinds:
            before = len(sink.mails)
            call(f"{house.base}/recalls/{case['id']}/{noun}", by, body)
            came = sink.wait(before + 1)[before:]
            assert [address for address, _ in came] == [[f"{who}@example.com"]], came
            well_formed(came[0][1], f"{who}@example.com", f"{subject}: {number}" if lang == "en" else f"{subject}：{number}", words, link, lang, typed(body))
        call(f"{house.base}/recalls/{case['id']}/decisions", token, {"decision": "reject", "comment": "不是本部门的消息。", "totp": code(secret, time.time())})
        before = len(kinds) + 2
        ended = [raw for _, raw in sink.wait(before + 1)[before:]]
        well_formed(ended[0], "zhouqiming@example.com", f"案件已办结：{number}", ["已驳回"], link, "zh-CN")
        house.server.terminate()
        assert house.server.wait(20) == 0
    finally:
        controller.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
