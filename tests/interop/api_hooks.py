"""What no schema tells schemathesis: an `Idempotency-Key` stands for one request, so each request that would bring one brings one of its own."""

import re
import uuid

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    key = (case.headers or {}).get("Idempotency-Key")
    # One that is none stays as it is: it must be refused.
    if isinstance(key, str) and re.fullmatch("[!-~]{1,255}", key):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
