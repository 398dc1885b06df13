"""Random mixes of faults: any request may break off, be refused, lie or go elsewhere, by a seed."""

import random

from faults import EITHER, Fault, changed
from server import Gone, Reply


def lie(body):
    return body[:len(body) // 2] + bytes([body[len(body) // 2] ^ 1]) + body[len(body) // 2 + 1:]


def gone(connection):
    raise Gone


def actions(dice):
    """What may happen to one request, with numbers thrown once."""
    place = dice.randrange(1, 320_000)
    return [
        (3, lambda r, x: lambda c: c.reset()),
        (3, lambda r, x: gone),
        (6, lambda r, x: changed(cut=place % max(1, len(x.truth(r).body)))(r, x)),
        (4, lambda r, x: Reply(dice.choice([408, 429, 500, 502, 503, 504]))),
        (1, lambda r, x: Reply(dice.choice([400, 401, 403, 404, 410, 416]))),
        (2, changed(length=None, close=True)),
        (2, changed(chunked=True)),
        (2, changed(close=True)),
        (2, changed(body=lie)),
        (2, changed(body=lambda body: body[:place % max(1, len(body))])),
        (1, changed(body=lambda body: body + b"more")),
        (1, changed(length=lambda body: len(body) + 3, close=True)),
        (1, lambda r, x: Reply(200, b"<html>log in</html>", "text/html")),
        (2, lambda r, x: Reply(307, headers=[("Location", x.other_url + r.target)])),
        (1, lambda r, x: Reply(307, headers=[("Location", x.url + r.target)])),
        (1, lambda r, x: x.shelf_of_other(r)),
        (2, lambda r, x: Reply(200, x.truth_whole(r))),
        (1, lambda r, x: lambda c: (c.send(b"\x00garbage\r\n\r\n"), gone(c))),
    ]


def mix(name, seed):
    dice = random.Random(seed)
    rate = dice.choice([0.15, 0.3, 0.5])

    def handler(request, attempt):
        # The same throw for the same request, in whatever order the threads come.
        own = random.Random(f"{seed} {request.kind} {request.nth}")
        if own.random() > rate:
            return None
        table = actions(own)
        weights, choices = zip(*table)
        return own.choices(choices, weights)[0](request, attempt)
    return Fault(name, handler, EITHER, bound=45)


def make(seed, count):
    return [mix(f"mix-{seed}-{number}", f"{seed} {number}") for number in range(count)]
