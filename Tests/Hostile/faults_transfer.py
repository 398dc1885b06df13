"""Faults of the wire: broken connections, lengths and ranges that lie, states, waits, slowness."""

import gzip
import os
import socket
import time
from email.utils import formatdate

from faults import ALWAYS, EITHER, answer, at, changed, fault, on_the_wire
from oci import MANIFEST
from server import Gone, Reply

KINDS = ("manifest", "config", "small", "big")
BLOBS = ("config", "small", "big")
GAVE_UP = "broke off|cannot be reached|answers 5"


def reset(request, attempt):
    return lambda connection: connection.reset()


def hang_up(request, attempt):
    def work(connection):
        raise Gone
    return work


def partly(make):
    """Writes what `make(reply)` gives, then resets or does what the second part says."""
    def work(connection, reply):
        data, then = make(reply)
        connection.send(data)
        then(connection)
    return on_the_wire(work)


def end(connection):
    raise Gone


def cut_after(count, how):
    return partly(lambda reply: ((reply.head() + reply.body)[:count], how))


# Broken connections.

for kind in KINDS:
    fault(f"reset-{kind}-before", at(kind, reset))
    fault(f"reset-{kind}-before-always", at(kind, reset, ALWAYS), GAVE_UP, most={kind: 10})
    fault(f"reset-{kind}-in-head", at(kind, cut_after(20, lambda c: c.reset())))
    fault(f"reset-{kind}-in-body", at(kind, changed(cut=lambda body: len(body) // 2)))
    fault(f"close-{kind}-before", at(kind, hang_up))
    fault(f"close-{kind}-in-head", at(kind, cut_after(20, end)))
    fault(f"close-{kind}-in-body", at(kind, partly(lambda r: (r.head() + r.body[:len(r.body) // 2], end))))
for place in (1, 1000, 150_000, 262_144, -1):
    fault(f"reset-big-at-{place}", at("big", changed(cut=place)))
fault("reset-big-every-100k", at("big", changed(cut=100_000), ALWAYS))
fault("reset-big-every-1k", at("big", changed(cut=1000), ALWAYS), GAVE_UP, most={"big": 10})
fault("reset-big-after-head", at("big", changed(cut=0), ALWAYS), GAVE_UP, most={"big": 10})
fault("reset-big-after-all", at("big", partly(lambda r: (r.head() + r.body, lambda c: c.reset()))))
fault("reset-blobs-together", at("config small big", changed(cut=900)))
fault("reset-at-connect", at("none", reset), on_connect=lambda c, number: c.reset() if number == 1 else None)
fault("reset-at-connect-always", at("none", reset), "cannot be reached", on_connect=lambda c, number: c.reset(),
    gone=True)
fault("half-closed-before", at("small", lambda r, x: lambda c: (c.raw.shutdown(socket.SHUT_WR), c.stall(5))), bound=40)
fault("half-closed-in-body",
    at("big", partly(lambda r: (r.head() + r.body[:5000], lambda c: (c.raw.shutdown(socket.SHUT_WR), c.stall(5))))),
    bound=40)


def gone_after_manifest(request, attempt):
    if request.kind != "manifest":
        attempt.home.listener.close()
        return lambda connection: connection.reset()
    return None


fault("gone-after-manifest", gone_after_manifest, "broke off|cannot be reached", gone=True)

# Lengths.

for kind in KINDS:
    fault(f"length-short-{kind}", at(kind, changed(length=lambda body: len(body) - 7), ALWAYS), ".", most={kind: 10})
    fault(f"length-short-{kind}-once", at(kind, changed(length=lambda body: len(body) - 7)), EITHER)
    fault(f"length-long-{kind}", at(kind, partly(lambda r: (
        Reply(r.status, b"", length=len(r.body) + 7, headers=r.headers).head() + r.body, end))), EITHER)
    fault(f"length-none-{kind}", at(kind, changed(length=None, close=True), ALWAYS))
    fault(f"long-body-{kind}", at(kind, changed(body=lambda body: body + b" more", length=None), ALWAYS), ".")
    fault(f"short-body-{kind}", at(kind, changed(body=lambda body: body[:-5], length=None), ALWAYS), ".")
    fault(f"no-body-{kind}", at(kind, changed(body=b""), ALWAYS), ".")
for name, text in (("negative", "-5"), ("text", "many"), ("2e63", str(1 << 63)), ("2e64", str(1 << 64)),
    ("list", "5, 5"), ("plus", "+5"), ("empty", ""),
                   ("zero", "0"), ("twice", "5\r\nContent-Length: 6"), ("hex", "0x5000")):
    fault(f"length-{name}", at("small", lambda r, x, text=text: Reply(
        200, x.truth(r).body, length=None, headers=[("Content-Length", text)]), ALWAYS), EITHER)
    fault(f"length-{name}-once", at("big", lambda r, x, text=text: Reply(
        200, x.truth(r).body, length=None, headers=[("Content-Length", text)])), EITHER)
fault("body-without-end-big", at("big", lambda r, x: lambda c: (
    c.send(b"HTTP/1.1 200 OK\r\n\r\n"), [c.send(bytes(65536)) for _ in range(1 << 20)]), ALWAYS), "sent|broke off")
fault("body-without-end-config", at("config", lambda r, x: lambda c: (
    c.send(b"HTTP/1.1 200 OK\r\n\r\n"), [c.send(bytes(65536)) for _ in range(1 << 20)]), ALWAYS), "more than")

# Chunks.

fault("chunked", at("manifest config small big", changed(chunked=True), ALWAYS))
fault("chunked-and-length", at("small", changed(chunked=True, headers=[("Content-Length", "5")]), ALWAYS), EITHER)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
for name, chunk in (
        ("text", b"zz\r\nabc"), ("negative", b"-5\r\nhello\r\n"), ("huge", b"ffffffffffffffff\r\nhello"),
        ("huge-17", b"1" * 17 + b"\r\nx"),
        ("long-size", b"0" * 100_000 + b"5\r\nhello\r\n0\r\n\r\n"), ("no-end", b"5\r\nhello\r\n"), ("empty", b""),
        ("at-once-0", b"0\r\n\r\n"),
        ("extension", b"5;" + b"x" * 100_000 + b"\r\nhello\r\n0\r\n\r\n"),
        ("no-line-end", b"5\r\nhelloworld\r\n0\r\n\r\n"),
        ("trailer", b"0\r\nContent-Length: 5\r\nX: y\r\n\r\n"),
        ("trailers", b"0\r\n" + b"X: y\r\n" * 50_000 + b"\r\n")):
    fault(f"chunk-{name}", at("small", lambda r, x, chunk=chunk: lambda c: (c.send(CHUNKED + chunk), end(c)), ALWAYS),
        ".")
    fault(f"chunk-{name}-once", at("big", lambda r, x, chunk=chunk: lambda c: (c.send(CHUNKED + chunk), end(c))),
        EITHER)
fault("chunk-cut", at("big", partly(lambda r: (CHUNKED + b"%x\r\n" % len(r.body) + r.body[:-50], end))))
fault("chunk-cut-manifest", at("manifest", partly(lambda r: (CHUNKED + b"%x\r\n" % len(r.body) + r.body[:-50], end))))
fault("chunks-of-one", at("small", on_the_wire(lambda c, r: c.send(CHUNKED + b"".join(
    b"1\r\n%c\r\n" % byte for byte in r.body) + b"0\r\n\r\n"))))

# States.

for status in (408, 429, 500, 502, 503, 504):
    fault(f"status-{status}-once", at("manifest config small big", answer(Reply(status))))
    fault(f"status-{status}-twice", at("manifest big", answer(Reply(status)), 2))
    fault(f"status-{status}-always", at("small", answer(Reply(status)), ALWAYS),
        "limits" if status == 429 else f"answers {status}", most={"small": 5})
    fault(f"status-{status}-always-manifest", at("manifest", answer(Reply(status)), ALWAYS),
        "limits" if status == 429 else f"answers {status}", most={"manifest": 5})
for status, word in ((400, "400"), (402, "402"), (403, "refuses access"), (404, "has no"), (405, "405"), (410, "410"),
    (418, "418"), (451, "451"), (301, "redirect"),
                     (302, "redirect"), (300, "300"), (304, "304"), (204, "."), (201, "."), (203, "."), (205, "."),
                     (226, "."), (600, "600|cannot be reached"),
                     (999, "999|cannot be reached")):
    fault(f"status-{status}", at("small", answer(lambda s=status: Reply(s, b"")), ALWAYS), word,
        most={"small": 5 if status < 300 else 1})
    fault(f"status-{status}-manifest", at("manifest", answer(lambda s=status: Reply(s, b"")), ALWAYS), word,
        most={"manifest": 5 if status < 300 else 1})
fault("status-401-always", at("manifest", answer(Reply(401)), ALWAYS), "refuses access", most={"manifest": 2})

# What is no HTTP.

for name, data in (
        ("garbage", os.urandom(2000)), ("text", b"hello there\r\n\r\n"), ("nothing", b""), ("newlines", b"\r\n" * 5000),
        ("nul", bytes(5000)), ("ftp", b"220 ready\r\n"),
        ("ssh", b"SSH-2.0-OpenSSH_9.2\r\n"), ("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        ("icy", b"ICY 200 OK\r\n\r\nx"), ("version-9", b"HTTP/9.9 200 OK\r\n\r\nx"),
        ("no-status", b"HTTP/1.1\r\n\r\n"), ("status-text", b"HTTP/1.1 OK 200\r\n\r\nx"),
        ("status-huge", b"HTTP/1.1 99999999999999999999 OK\r\n\r\nx"),
        ("status-0", b"HTTP/1.1 000 X\r\n\r\nx"), ("http2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100)),
        ("line-1m", b"HTTP/1.1 200 " + b"x" * (1 << 20)),
        ("lf-alone", b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx"), ("html", b"<html><body>welcome</body></html>")):
    fault(f"no-http-{name}", at("manifest", lambda r, x, data=data: lambda c: (c.send(data), end(c)), ALWAYS), ".")
    fault(f"no-http-{name}-blob", at("big", lambda r, x, data=data: lambda c: (c.send(data), end(c))), EITHER)
fault("no-http-first", at("none", reset), EITHER, on_connect=lambda c,
    number: c.send(b"WELCOME\r\n") if number == 1 else None)

# Headers.

HEAD = b"HTTP/1.1 200 OK\r\n"
for name, head in (
        ("many", HEAD + b"X-A: y\r\n" * 20_000), ("long", HEAD + b"X-A: " + b"y" * 1_000_000 + b"\r\n"),
        ("long-name", HEAD + b"y" * 90_000 + b": x\r\n"),
        ("without-end", HEAD + b"X-A: y\r\n" * 400_000),
        ("interim-1000", b"HTTP/1.1 100 Continue\r\n\r\n" * 5000 + HEAD),
        ("early-hints", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3000 + HEAD),
        ("nul", HEAD + b"X-A: a\x00b\r\n"), ("fold", HEAD + b"X-A: a\r\n b\r\n\tc\r\n"),
        ("no-colon", HEAD + b"what is this\r\n"), ("no-name", HEAD + b": x\r\n"),
        ("space-before-colon", HEAD + b"X-A : x\r\n"), ("binary", HEAD + bytes(range(128, 256)) + b": x\r\n"),
        ("cr-alone", HEAD + b"X-A: a\rSet-Cookie: b=c\r\n"), ("cookie", HEAD + b"Set-Cookie: sid=sekret; Path=/\r\n"),
        ("upgrade", HEAD + b"Upgrade: h2c\r\nConnection: Upgrade\r\n"),
        ("escape", HEAD + b"Server: \x1b[2J\x1b]0;x\x07\r\n")):
    fault(f"header-{name}", at("manifest config small big", on_the_wire(lambda c, r, head=head: (
        c.send(head + b"Content-Length: %d\r\n" % len(r.body) + (b"Content-Type: " + MANIFEST.encode() + b"\r\n"
        if r.body[:1] == b"{" else b"") + b"\r\n" + r.body))), ALWAYS),
        EITHER)
fault("reason-escapes",
    at("manifest",
    answer(Reply(404, b'{"errors":[{"code":"\\u001b[2J","message":"\\u001b]0;x\\u0007\\u009b31m\\r\\nerror: fake"}]}')),
    ALWAYS), "has no")
fault("reason-escapes-raw", at("small", answer(Reply(403, b'{"errors":[{"message":"\x1b[2J\r\n"}]}')), ALWAYS),
    "refuses access")
fault("reason-long", at("manifest", answer(Reply(403, b'{"errors":[{"message":"' + b"x" * 60_000 + b'"}]}')), ALWAYS),
    "refuses access")
fault("reason-10m", at("manifest", answer(Reply(403, b'{"errors":[{"message":"' + b"x" * 10_000_000 + b'"}]}')),
    ALWAYS), "refuses access")
fault("reason-odd", at("manifest", answer(Reply(403, b'{"errors":{"message":[1,{}]},"details":5}')), ALWAYS),
    "refuses access")
fault("reason-html", at("manifest", answer(Reply(502, b"<html>" + b"gateway " * 50_000, "text/html")), ALWAYS),
    "answers 502")
fault("reason-deep", at("manifest", answer(Reply(403, b"[" * 60_000)), ALWAYS), "refuses access")

# Retry-After.

fault("retry-after-2", at("big", answer(Reply(429, headers=[("Retry-After", "2")]))), least=2)
fault("retry-after-2-manifest", at("manifest", answer(Reply(503, headers=[("Retry-After", "2")]))), least=2)
fault("retry-after-0", at("big", answer(Reply(429, headers=[("Retry-After", "0")]))))
fault("retry-after-date",
    at("big", lambda r, x: Reply(429, headers=[("Retry-After", formatdate(time.time() + 4, usegmt=True))])), least=2.5)
fault("retry-after-past", at("big", answer(Reply(429, headers=[("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT")]))))
fault("retry-after-61", at("big", answer(Reply(429, headers=[("Retry-After", "61")]))),
    "(?s)limits the rate.*61 seconds", most={"big": 1})
fault("retry-after-3600-manifest", at("manifest", answer(Reply(429, headers=[("Retry-After", "3600")]))),
    "(?s)limits the rate.*3600", most={"manifest": 1})
fault("retry-after-far-date", at("big", answer(Reply(429, headers=[("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT")])),
    ALWAYS), "limits the rate", most={"big": 1})
for name, text in (("2e63", str(1 << 63)), ("2e62", str(1 << 62)), ("negative", "-5"), ("half", "1.5"),
    ("text", "soon"), ("empty", ""), ("date-bad", "Fri, 99 Foo 9999 99:99:99 GMT")):
    fault(f"retry-after-{name}", at("big", answer(lambda text=text: Reply(503, headers=[("Retry-After", text)]))),
        EITHER)

# Ranges.


def cut_first(then):
    """Breaks off once; the rest is answered by `then`."""
    def handler(request, attempt):
        if request.kind != "big":
            return None
        return changed(cut=100_000)(request, attempt) if request.nth == 1 else then(request, attempt)
    return handler


def whole(request, attempt):
    body = attempt.image.layers[1].blob
    return Reply(200, body)


def ranged(text, body=lambda request, attempt: attempt.image.layers[1].blob[request.offset:]):
    return cut_first(lambda request, attempt: Reply(206, body(request, attempt),
        headers=[("Content-Range", text)] if text else []))


fault("range-ignored", cut_first(whole))
fault("range-ignored-and-cut", cut_first(lambda r, x: changed(cut=150_000 if r.nth < 3 else None)(r,
    x) if r.nth > 3 else Reply(
    200, x.image.layers[1].blob, cut=50_000 * r.nth)))
fault("range-416", cut_first(answer(Reply(416))), EITHER)
for name, text in (("missing", None), ("other-start", "bytes 5-300000/300000"), ("zero", "bytes 0-5/6"),
    ("text", "bytes x-y/z"), ("unit", "lines 100000-300000/300000"),
                   ("star", "bytes */300000"), ("huge", "bytes 99999999999999999999-5/6"),
                   ("negative", "bytes -5-5/6")):
    fault(f"range-{name}", ranged(text), EITHER if name == "missing" else "another range|broke off|wrong content")
fault("range-other-content", ranged("bytes 100000-", lambda r, x: bytes(len(x.image.layers[1].blob) - r.offset)),
    "wrong content|another range")
fault("range-of-another-blob", cut_first(lambda r, x: Reply(206, x.other_image.layers[1].blob[r.offset:], headers=[
    ("Content-Range",
    f"bytes {r.offset}-{len(x.other_image.layers[1].blob) - 1}/{len(x.other_image.layers[1].blob)}")])),
    "wrong content|sent|broke off")
fault("range-whole-of-another-blob", cut_first(lambda r, x: Reply(200, x.other_image.layers[1].blob)),
    "wrong content|sent|broke off")
fault("range-multipart",
    cut_first(lambda r, x: Reply(206, b"--b\r\nContent-Range: bytes 0-5/6\r\n\r\nhello\r\n--b--\r\n",
    "multipart/byteranges; boundary=b")), ".")
fault("range-unasked", at("big", changed(status=206, headers=[("Content-Range", "bytes 0-299/300")])), EITHER)
fault("range-too-much", cut_first(lambda r, x: Reply(206, x.image.layers[1].blob[r.offset:] + b"more", headers=[
    ("Content-Range", f"bytes {r.offset}-{len(x.image.layers[1].blob) - 1}/{len(x.image.layers[1].blob)}")])),
    "sent|announced")
fault("range-shrinks", cut_first(lambda r, x: Reply(200, x.image.layers[1].blob[:50_000])), "broke off")
fault("range-html", cut_first(lambda r, x: Reply(200, b"<html>moved</html>", "text/html")), "broke off|wrong content")

# Coding, connections kept and not.

for kind in ("manifest", "small"):
    fault(f"encoding-gzip-{kind}", at(kind, lambda r, x: Reply(200, gzip.compress(x.truth(r).body), MANIFEST,
        [("Content-Encoding", "gzip")]), ALWAYS), EITHER)
    fault(f"encoding-br-{kind}",
        at(kind, lambda r, x: Reply(200, x.truth(r).body, MANIFEST, [("Content-Encoding", "br")]), ALWAYS), EITHER)
    fault(f"encoding-transfer-gzip-{kind}",
        at(kind, lambda r, x: Reply(200, x.truth(r).body, MANIFEST, [("Transfer-Encoding", "gzip, chunked")]), ALWAYS),
        EITHER)
fault("encoding-bomb", at("manifest", lambda r, x: Reply(200, gzip.compress(bytes(100 << 20)), MANIFEST,
    [("Content-Encoding", "gzip")]), ALWAYS), ".")
fault("kept-not", at("manifest config small big", changed(close=True), ALWAYS))
fault("kept-closed-silently", at("manifest config small big", partly(lambda r: (r.head() + r.body, end)), ALWAYS))
fault("kept-reset-silently",
    at("manifest config small big", partly(lambda r: (r.head() + r.body, lambda c: (time.sleep(0.05), c.reset()))),
    ALWAYS))
fault("kept-more-behind", at("manifest config small", on_the_wire(lambda c, r: c.send(
    r.head() + r.body + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")), ALWAYS), EITHER)
fault("http-1.0", at("manifest config small big", lambda r, x: Reply(
    200, x.truth(r).body, head=b"HTTP/1.0 200 OK\r\nContent-Type: %s\r\n\r\n" % (x.truth(r).headers[0][1].encode()),
    length=None), ALWAYS))

# Slowness. Idle time is 30 s; each of these waits beside the others.

SLOW = {"bound": 50}
fault("stall-manifest-before", at("manifest", lambda r, x: lambda c: c.stall()), **SLOW)
fault("stall-manifest-in-head", at("manifest", partly(lambda r: (r.head()[:30], lambda c: c.stall()))), **SLOW)
fault("stall-manifest-in-body", at("manifest", partly(lambda r: (r.head() + r.body[:30], lambda c: c.stall()))), **SLOW)
fault("stall-config-before", at("config", lambda r, x: lambda c: c.stall()), **SLOW)
fault("stall-big-before", at("big", lambda r, x: lambda c: c.stall()), **SLOW)
fault("stall-big-in-body", at("big", partly(lambda r: (r.head() + r.body[:99_000], lambda c: c.stall()))), **SLOW)
fault("stall-big-at-end",
    at("big", partly(lambda r: (CHUNKED + b"%x\r\n" % len(r.body) + r.body + b"\r\n", lambda c: c.stall()))), **SLOW)
fault("stall-length-long",
    at("big", partly(lambda r: (Reply(200, b"", length=len(r.body) + 7).head() + r.body, lambda c: c.stall()))), EITHER,
    **SLOW)
fault("slow-head", at("small", on_the_wire(lambda c, r: c.dribble(r.head(), 1, 1))), **SLOW)
fault("slow-body-1", at("big", on_the_wire(lambda c, r: (c.send(r.head()), c.dribble(r.body, 1, 1)))), **SLOW)
fault("slow-headers-without-end",
    at("manifest", lambda r, x: lambda c: (c.send(HEAD), c.dribble(b"X-A: y\r\n" * 900, 8, 0.5))), **SLOW)
fault("slow-but-alive", at("small", on_the_wire(lambda c, r: (c.send(r.head()), c.dribble(r.body, 500, 0.2)))))
fault("stall-both-before-always", at("manifest", lambda r, x: lambda c: c.stall(), ALWAYS), "no answer in time|no data",
    bound=80)
fault("stall-big-always", at("big", partly(lambda r: (r.head() + r.body[:10], lambda c: c.stall())), ALWAYS),
    "no data for 30 seconds", bound=200)
for kind in KINDS:
    fault(f"interrupt-{kind}", at(kind, lambda r, x: lambda c: c.stall(), ALWAYS), "", interrupt=1, bound=6)
fault("interrupt-in-body", at("big", partly(lambda r: (r.head() + r.body[:99_000], lambda c: c.stall())), ALWAYS), "",
    interrupt=1, bound=6)
fault("interrupt-between-attempts", at("big", answer(Reply(503, headers=[("Retry-After", "50")])), ALWAYS), "",
    interrupt=1, bound=6)
