#!/usr/bin/env python3
"""Somebody with the database file and Python: changes it past the product and asks `ledger verify`.

Usage: tamper.py BINARY DATA     DATA is a folder of a finished demonstration on SQLite; it is copied, not changed.
Every column of the first and the last row of every table that the log holds or binds, values of other types (with STRICT taken off),
rows that are deleted, added or exchanged, whole tables dropped, and a damaged file. Exit code 0 if each is found, named and no crash.
"""
import concurrent.futures
import json
import os
import queue
import shutil
import sqlite3
import subprocess
import sys
import tempfile

binary, source = sys.argv[1:3]
work = tempfile.mkdtemp()
desks = queue.SimpleQueue()
cases = []


class Desk:
    """A copy of the folder to do damage in, one for each core: each change waits for a verification of its own."""

    def __init__(self, name):
        self.data = os.path.join(work, name)
        shutil.copytree(source, self.data)
        self.file = os.path.join(self.data, "countermand.db")
        c = self.connect()
        c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        c.execute("PRAGMA journal_mode=DELETE")
        c.close()
        self.original = open(self.file, "rb").read()

    def connect(self):
        return sqlite3.connect(self.file, isolation_level=None)

    def put(self, content):
        for end in ("-wal", "-shm", "-journal"):
            if os.path.exists(self.file + end):
                os.unlink(self.file + end)
        with open(self.file, "wb") as f:
            f.write(content)

    def verify(self):
        done = subprocess.run([binary, "ledger", "verify", "--json", "--data", self.data], capture_output=True, timeout=60)
        if b"panicked" in done.stderr:
            return done.returncode, {"problems": []}, "a panic"
        return done.returncode, json.loads(done.stdout), done.stderr.decode(errors="replace")

    def changed(self, table, statements, loose):
        """Runs the statements; False where SQLite itself refuses them, so that they cannot happen."""
        self.put(self.original)
        c = self.connect()
        if loose:
            c.execute("PRAGMA writable_schema=ON")
            c.execute("UPDATE sqlite_master SET sql = replace(replace(sql, ') STRICT', ')'), 'NOT NULL', '') WHERE name = ?", (table,))
            c.close()
            c = self.connect()
        c.execute("PRAGMA foreign_keys=OFF")
        try:
            for sql, *values in statements:
                c.execute(sql, values)
        except sqlite3.Error:
            return False
        finally:
            c.close()
        return True


def case(what, table, *statements, loose=False):
    """A change after which exit code 1 is expected, with `table` named."""
    cases.append((what, table, statements, loose))


def tried(one):
    """None for what cannot happen; else what is wrong, or nothing."""
    what, table, statements, loose = one
    desk = desks.get()
    try:
        if not desk.changed(table, statements, loose):
            return None
        code, report, said = desk.verify()
        if code != 1 or not any(p["table"] == table for p in report.get("problems", [])):
            return ["%s: exit code %d, %s" % (what, code, (report.get("problems") or said)[:2])]
        return []
    finally:
        desks.put(desk)


desk = Desk("0")
connect = desk.connect
TABLES = {
    "log_events": None, "log_parts": None, "log_search": None, "log_tiles": None, "log_head": None, "log_checkpoints": None, "log_keys": None,
    "settings": None,
    # Other columns of these change in the course of work, and no event commits to them.
    "broadcasts": ["title_sealed", "content_sealed", "key_sealed", "content_salt", "commitment", "audience_sealed", "recipients_count", "recipients_root"],
    "recipients": ["platform_id", "salt"],
    "decisions": ["recall_id", "level", "decision", "decider_id", "event_id", "statement", "comment_sealed"],
    "recalls": ["number", "broadcast_id"],
    "bundles": ["sha256"],
}
c = connect()
rows = {}
for table, columns in TABLES.items():
    info = c.execute("PRAGMA table_info(%s)" % table).fetchall()
    names, keys = [i[1] for i in info], [i[1] for i in info if i[5]]
    found = c.execute("SELECT * FROM %s ORDER BY %s" % (table, ", ".join(keys))).fetchall()
    rows[table] = (names, keys, columns or names, [found[0], found[-1]] if len(found) > 1 else found)
c.close()
for table, (names, keys, columns, found) in rows.items():
    for row in found:
        cells = dict(zip(names, row))
        where = " AND ".join("%s = ?" % k for k in keys)
        key = [cells[k] for k in keys]
        case("%s %s deleted" % (table, key), table, ("DELETE FROM %s WHERE %s" % (table, where), *key))
        for column in columns:
            old = cells[column]
            if isinstance(old, int):
                new = [("?", old + 1), ("?", old ^ 1 << 40), ("?", -5)]
            elif old is None:
                new = [("?", "x"), ("?", "")]
            else:
                raw = old.encode() if isinstance(old, str) else old
                cast = "CAST(? AS TEXT)" if isinstance(old, str) else "?"
                flipped = [bytes([*raw[:i], raw[i] ^ bit, *raw[i + 1:]]) for i in {0, len(raw) // 2, len(raw) - 1} if raw for bit in (1, 0x80)]
                new = [(cast, value) for value in (*flipped, raw + b"\0", raw[:-1], b"") if value != raw]
            for expression, value in new:
                change = ("UPDATE %s SET %s = %s WHERE %s" % (table, column, expression, where), value, *key)
                case("%s.%s %s -> %r" % (table, column, key, value), table, change)
            for value in (None, 1.5, "text", b"bytes"):
                if type(value) is not type(old):
                    change = ("UPDATE %s SET %s = ? WHERE %s" % (table, column, where), value, *key)
                    case("%s.%s %s as %r" % (table, column, key, value), table, change, loose=True)
for table in TABLES:
    if table != "bundles":
        case(table + " emptied", table, ("DELETE FROM " + table,))
    if table.startswith("log_"):
        case(table + " dropped", table, ("DROP TABLE " + table,))
for table in ("log_events", "log_search"):
    swap = [("UPDATE %s SET idx = %s WHERE idx = %s" % (table, *pair),) for pair in ((-1, 3), (3, 4), (4, -1))]
    case(table + " exchanged", table, *swap)
case("a part twice", "log_parts", ("INSERT INTO log_parts SELECT '2099-01', event_id, name, salt, sealed, bucket FROM log_parts LIMIT 1",))
case("a part of nothing", "log_parts", ("INSERT INTO log_parts SELECT month, 'x', name, salt, sealed, bucket FROM log_parts LIMIT 1",))
for level, index in ((0, 9), (1, 0), (63, 0), (-1, 0), (0, -1)):
    case("a tile too many", "log_tiles", ("INSERT INTO log_tiles VALUES (?, ?, zeroblob(32))", level, index))
case("a pending event", "log_pending", ("INSERT INTO log_pending SELECT 1, 'x', leaf, zeroblob(32) FROM log_events LIMIT 1",))

cores = os.cpu_count() or 1
desks.put(desk)
for n in range(1, cores):
    desks.put(Desk(str(n)))
with concurrent.futures.ThreadPoolExecutor(cores) as pool:
    answers = [answer for answer in pool.map(tried, cases) if answer is not None]
problems = [problem for answer in answers for problem in answer]
cuts = (0, 100, 16384, len(desk.original) // 2, len(desk.original) - 1)
for cut in cuts:
    desk.put(desk.original[:cut])
    code, _, said = desk.verify()
    if code not in (1, 2) or not said.strip() or said == "a panic":
        problems.append("file cut at %d: exit code %d, %s" % (cut, code, said))
desk.put(desk.original)
code, report, said = desk.verify()
if code != 0:
    problems.append("put back: %s" % report)
shutil.rmtree(work)
for problem in problems:
    print("FAIL", problem)
count = len(answers) + len(cuts)
print("%d changes tried, %d not found" % (count, len(problems)))
sys.exit(1 if problems or count < 500 else 0)
