"""A faulty registry as a case: what is answered instead of the truth, and what berth must make of it."""

import re

FAULTS = []


class Fault:
    def __init__(self, name, handler, expect, **options):
        self.name, self.handler, self.expect = name, handler, expect
        self.options = options

    def __getattr__(self, name):
        return self.options.get(name)


PULLED, EITHER = "pulled", "either"


def fault(name, handler, expect=PULLED, **options):
    """`handler(request, attempt)` gives a Reply, a function of the connection, or None for the truth.
    Requests have a `kind` (manifest, config, small, big, token, other) and an `nth` of their kind.
    `expect` is PULLED, EITHER or what the message must match. Options: `bound` in seconds, `most` as
    `{kind: requests}`, `least` seconds, `credentials` for config.json, `tls`, `on_connect`,
    `interrupt` after seconds, `secret_elsewhere` where the other host may get the password."""
    FAULTS.append(Fault(name, handler, expect, **options))


def at(kinds, action, times=1):
    """Does `action(request, attempt)` the first `times` times that one of `kinds` is asked for."""
    kinds = kinds.split()

    def handler(request, attempt):
        return action(request, attempt) if request.kind in kinds and request.nth <= times else None
    return handler


ALWAYS = 1 << 30


def changed(**fields):
    """The true answer with fields of its Reply changed; functions get the true body."""
    def action(request, attempt):
        reply = attempt.truth(request)
        for name, value in fields.items():
            setattr(reply, name, value(reply.body) if callable(value) else value)
        return reply
    return action


def answer(make):
    """`make()` or a Reply that does not depend on the request."""
    return lambda request, attempt: make() if callable(make) else make


def on_the_wire(work):
    """`work(connection, reply)` writes by itself; it gets the true reply."""
    return lambda request, attempt: lambda connection: work(connection, attempt.truth(request))


def secrets_in(text, secrets):
    return [secret for secret in secrets if secret and re.search(re.escape(secret), text)]
