"""Makes the peer's database: `seed.py READERS DECIDERS CASES`; prints who is signed in and which cases there are as one JSON object."""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "peer.settings")
django.setup()

import pyotp  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402

from peer.models import Case, Factor  # noqa: E402

readers, deciders, cases = map(int, sys.argv[1:4])
# First the tables that the peer's own refer to.
call_command("migrate", verbosity=0)
call_command("migrate", run_syncdb=True, verbosity=0)


def people(kind, n, staff):
    users = [User(username=f"{kind}-{i}", is_staff=staff, password="!") for i in range(n)]
    User.objects.bulk_create(users)
    users = list(User.objects.filter(username__startswith=f"{kind}-").order_by("pk"))
    secrets = [pyotp.random_base32() for _ in users]
    Factor.objects.bulk_create([Factor(user=u, secret=s) for u, s in zip(users, secrets)])
    signed = []
    for user, secret in zip(users, secrets):
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
        signed.append({"session": session.session_key, "secret": secret})
    return users, signed


with transaction.atomic():
    requester = User.objects.create(username="requester", password="!")
    _, reading = people("reader", readers, True)
    _, deciding = people("decider", deciders, False)
    text = "各位同事：现将年度薪酬调整方案（征求意见稿）发送各位审阅，请于 11 月 28 日前反馈意见。"
    made = [
        Case(number=f"FR-20261122-{i:04}", title="关于年度薪酬调整方案的通知", message=text, reason="原定仅发送薪酬委员会，因收件范围误选发出。", recipients=3, requester=requester)
        for i in range(cases)
    ]
    for case in made:
        case.save()
print(json.dumps({"readers": reading, "deciders": deciding, "cases": [c.pk for c in made]}))
