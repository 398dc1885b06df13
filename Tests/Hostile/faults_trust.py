"""Faults of trust: redirects, token servers and challenges that fish for secrets, addresses that are nobody's
business, types and tags that change in between."""

import base64
import json

from faults import ALWAYS, EITHER, answer, at, fault
from oci import DOCKER_MANIFEST, INDEX, Index, digest, encoded, entry
from server import Reply

# Redirects. With a password in the request to see whether it goes along.


def basic(x):
    return "Basic " + x.secrets[1]


def guarded(then, challenge=lambda x: 'Basic realm="home"', wanted=None):
    """The registry wants a password, or what `wanted` gives; with it, `then` answers."""
    def handler(request, attempt):
        if request.kind == "token":
            return then(request, attempt)
        if request.header("authorization") != (wanted or basic)(attempt):
            return Reply(401, b"", headers=[("WWW-Authenticate", challenge(attempt))])
        return then(request, attempt)
    return handler


def to(location, kinds="config small big", status=307):
    def handler(request, attempt):
        if request.kind not in kinds.split():
            return None
        return Reply(status, headers=[("Location", location(request, attempt))])
    return handler


def elsewhere(request, attempt):
    return attempt.other_url + request.target


fault("basic", guarded(lambda r, x: None))
for status in (301, 302, 303, 307, 308):
    fault(f"redirect-{status}", guarded(to(elsewhere, status=status)))
fault("redirect-manifest", guarded(to(elsewhere, "manifest config small big")))
fault("redirect-without-scheme", guarded(to(lambda r, x: f"//{x.other_address}{r.target}")))
fault("redirect-home",
    guarded(lambda r, x: to(lambda r, x: r.target + "?again")(r, x) if "?" not in r.target else None))
fault("redirect-absolute-home", guarded(lambda r, x: to(lambda r, x: f"{x.url}{r.target}?again")(r,
    x) if "?" not in r.target else None))
fault("redirect-loop", to(lambda r, x: r.target, "small"), "more than 10 times", most={"small": 11})
fault("redirect-loop-of-two", to(lambda r, x: f"{x.other_url}{r.target}", "small"), "more than 10 times",
      elsewhere=lambda r, x: Reply(307, headers=[("Location", f"{x.url}{r.target}")]))
fault("redirect-chain-9", lambda r, x: Reply(307, headers=[("Location", r.path + f"?{int(r.query or 0) + 1}")])
      if r.kind == "small" and int(r.query or 0) < 9 else None)
fault("redirect-chain-50", lambda r, x: Reply(307, headers=[("Location", r.path + f"?{int(r.query or 0) + 1}")])
      if r.kind == "small" and int(r.query or 0) < 50 else None, "more than 10 times")
for name, location in (
        ("file", "file:///etc/passwd"), ("ftp", "ftp://127.0.0.1/x"), ("gopher", "gopher://127.0.0.1/x"),
        ("unix", "unix:///run/x.sock"), ("data", "data:,x"), ("dict", "dict://127.0.0.1:1/x"),
        ("script", "javascript:1"), ("ldap", "ldap://127.0.0.1/x"), ("tftp", "tftp://127.0.0.1/x"),
        ("smb", "smb://127.0.0.1/x"), ("scp", "scp://127.0.0.1/x"), ("empty", ""), ("no-host", "http://"),
        ("no-host-path", "http:///etc/passwd"), ("port-0", "http://127.0.0.1:0/x"),
        ("port-huge", "http://127.0.0.1:99999/x"), ("port-text", "http://127.0.0.1:x/"), ("spaces", "http://a b/x"),
        ("nul", "http://127.0.0.1\x00/x"), ("long", "http://127.0.0.1/" + "x" * 60_000), ("bracket", "http://[::1/x"),
        ("zone", "http://[fe80::1%25lo]/x"), ("unicode", "http://\xe9\xe8/x"),
        ("escape", "http://\x1b[2J/"), ("upper", "FILE:///etc/passwd"), ("missing-name", "http://nowhere.invalid/x")):
    fault(f"redirect-{name}", to(lambda r, x, location=location: location, "small"),
        "redirect|broke off|cannot be reached|no connection")
fault("redirect-without-location", at("small", answer(Reply(307)), ALWAYS), "redirect")
# However the address is written: what the other listener gets must hold no secret.
for name, location in (
        ("userinfo", lambda r, x: f"http://someone:else@{x.other_address}{r.target}"),
        ("userinfo-home", lambda r, x: f"http://{x.address}@{x.other_address}{r.target}"),
        ("backslash", lambda r, x: f"http://{x.address}\\@{x.other_address}{r.target}"),
        ("backslash-behind", lambda r, x: f"http://{x.other_address}\\@{x.address}{r.target}"),
        ("fragment", lambda r, x: f"http://{x.other_address}#@{x.address}{r.target}"),
        ("query", lambda r, x: f"http://{x.other_address}?@{x.address}{r.target}"),
        ("two-ats", lambda r, x: f"http://a@{x.address}@{x.other_address}{r.target}"),
        ("upper-scheme", lambda r, x: f"HTTP://{x.other_address}{r.target}"),
        ("tab", lambda r, x: f"http://{x.address}\t@{x.other_address}{r.target}"),
        ("slashes", lambda r, x: f"http:////{x.other_address}{r.target}"),
        ("one-slash", lambda r, x: f"http:/{x.other_address}{r.target}"),
        ("no-slash", lambda r, x: f"http:{x.other_address}{r.target}"),
        ("encoded-at", lambda r, x: f"http://{x.address}%40{x.other_address}{r.target}"),
        ("semicolon", lambda r, x: f"http://{x.address};@{x.other_address}{r.target}"),
        ("twice", lambda r, x: f"{x.other_url}{r.target}\r\nLocation: {x.url}/x"),
        ("header-injection", lambda r, x: f"{x.other_url}{r.target}%0d%0aX-Evil:%201"),
        ("name-for-number", lambda r, x: f"http://localhost:{x.other.port}{r.target}"),
        ("ipv4-short", lambda r, x: f"http://127.1:{x.other.port}{r.target}"),
        ("same-host-other-port", elsewhere),
        ("home-by-other-name", lambda r, x: f"http://localhost:{x.home.port}{r.target}")):
    fault(f"redirect-trick-{name}", guarded(to(location)), EITHER)
fault("redirect-back-and-forth", guarded(to(elsewhere)), EITHER, elsewhere=lambda r,
    x: Reply(307, headers=[("Location", f"{x.url}{r.target}")]) if len(x.other.requests) < 4 else None)
for name, challenge in (("basic", lambda x: 'Basic realm="x"'),
    ("bearer-there", lambda x: f'Bearer realm="{x.other_url}/token",service="x"'),
    ("bearer-home", lambda x: f'Bearer realm="{x.url}/token"'),
                        ("digest", lambda x: 'Digest realm="x", nonce="y"'), ("negotiate", lambda x: "Negotiate"),
                        ("ntlm", lambda x: "NTLM")):
    fault(f"redirect-then-401-{name}", guarded(to(elsewhere)), "refuses access|answers 401",
          elsewhere=lambda r, x, challenge=challenge: Reply(401, headers=[("WWW-Authenticate", challenge(x))]))

# Tokens.


def bearer(x):
    return "Bearer " + x.token


def token_at(realm, token=None, **options):
    """The registry wants a token from `realm(x)`; asked at home, `token(r, x)` answers or the right one is given."""
    def then(request, attempt):
        if request.kind == "token":
            return (token(request, attempt) if token else None) or attempt.token_reply()
        return None
    extra = options.pop("extra", ',service="web",scope="repository:web:pull"')
    return guarded(then, lambda x: f'Bearer realm="{realm(x)}"{extra}', bearer)


def home_realm(x):
    return x.url + "/token"


def wants_password(request, attempt):
    return None if request.header("authorization") == basic(attempt) else Reply(401, b'{"details":"who are you"}')


fault("auth-token", token_at(home_realm, wants_password), needs=["token"])
fault("auth-identity-token",
    token_at(home_realm, lambda r, x: None if r.method == "POST" and b"sekret-7Qx" in r.body else Reply(401)),
      credentials={"auth": base64.b64encode(b"<token>:").decode(), "identitytoken": "sekret-7Qx"})
fault("auth-foreign-realm", token_at(lambda x: x.other_url + "/token"))
fault("auth-foreign-realm-by-name", token_at(lambda x: f"http://localhost:{x.other.port}/token"))
fault("auth-foreign-realm-identity", token_at(lambda x: x.other_url + "/token"), EITHER,
    credentials={"auth": base64.b64encode(b"<token>:").decode(), "identitytoken": "sekret-7Qx"})
fault("auth-home-by-other-name", token_at(lambda x: f"http://localhost:{x.home.port}/token"), EITHER)
for name, realm in (
        ("userinfo", lambda x: f"http://someone:else@{x.address}/token"),
        ("userinfo-elsewhere", lambda x: f"http://{x.address}@{x.other_address}/token"),
        ("backslash", lambda x: f"http://{x.address}\\@{x.other_address}/token"),
        ("backslash-escaped", lambda x: f"http://{x.address}\\\\@{x.other_address}/token"),
        ("backslash-behind", lambda x: f"http://{x.other_address}\\\\@{x.address}/token"),
        ("fragment", lambda x: f"http://{x.other_address}#@{x.address}/token"),
        ("query", lambda x: f"http://{x.other_address}?@{x.address}/token"),
        ("query-slash", lambda x: f"http://{x.other_address}/?@{x.address}/token"),
        ("two-ats", lambda x: f"http://a@{x.address}@{x.other_address}/token"),
        ("semicolon", lambda x: f"http://{x.address};@{x.other_address}/token"),
        ("encoded-at", lambda x: f"http://{x.address}%40{x.other_address}/token"),
        ("tab", lambda x: f"http://{x.address}\t@{x.other_address}/token"),
        ("space", lambda x: f"http://{x.address} @{x.other_address}/token"),
        ("slashes", lambda x: f"http:////{x.other_address}/token"),
        ("one-slash", lambda x: f"http:/{x.other_address}/token"),
        ("upper", lambda x: f"HTTP://{x.other_address}/token"),
        ("port-twice", lambda x: f"http://{x.address}:{x.other.port}/token"),
        ("port-text", lambda x: f"http://127.0.0.1:{x.home.port}@/token"),
        ("comma", lambda x: f"http://{x.other_address}/token,x"),
        ("dot", lambda x: f"http://127.0.0.1.:{x.other.port}/token"),
        ("bracket", lambda x: f"http://[{x.address}]@{x.other_address}/token"),
        ("bracket-behind", lambda x: f"http://{x.other_address}]:{x.home.port}/token"),
        ("wide-dots", lambda x: "http://127\xb70\xb70\xb71/token"), ("file", lambda x: "file:///etc/passwd"),
        ("unix", lambda x: "unix:///x"), ("none", lambda x: ""), ("relative", lambda x: "/token"),
        ("no-scheme", lambda x: f"{x.other_address}/token"),
        ("long", lambda x: x.url + "/token?" + "x" * 50_000),
        ("injection", lambda x: x.url + "/token?scope=a&account=b#c"),
        ("crlf-encoded", lambda x: x.other_url + "/token%0d%0aX-Evil: 1"),
        ("escape", lambda x: "http://\x1b[2J/token"),
        ("link-local", lambda x: "http://169.254.169.254/latest/meta-data"),
        ("closed-port", lambda x: "http://127.0.0.1:1/token")):
    fault(f"auth-realm-{name}", token_at(realm), EITHER)
for name, reply in (
        ("huge", lambda x: {"token": "sekret-token-" + "x" * 50_000}),
        ("1m", lambda x: {"token": "sekret-token-" + "x" * 1_000_000}),
        ("crlf", lambda x: {"token": x.token + "\r\nX-Evil: 1"}),
        ("lf", lambda x: {"token": x.token + "\nX-Evil: 1"}), ("nul", lambda x: {"token": x.token + "\0"}),
        ("space", lambda x: {"token": "a b"}), ("empty", lambda x: {"token": ""}), ("null", lambda x: {"token": None}),
        ("number", lambda x: {"token": 5}), ("list", lambda x: {"token": ["x"]}), ("missing", lambda x: {}),
        ("array", lambda x: []), ("unicode", lambda x: {"token": "\u00e9\u2028"}),
        ("wrong", lambda x: {"token": "wrong"})):
    fault(f"auth-token-{name}", token_at(home_realm, lambda r, x, reply=reply: Reply(200, json.dumps(reply(x)).encode(),
        "application/json")), "refuses access|token|cannot be reached",
          most={"token": 2})
fault("auth-access-token",
    token_at(home_realm, lambda r, x: Reply(200, json.dumps({"access_token": x.token, "expires_in": -1}).encode())))
fault("auth-both-tokens",
    token_at(home_realm, lambda r, x: Reply(200, json.dumps({"token": x.token, "access_token": "other"}).encode())))
fault("auth-token-html", token_at(home_realm, answer(Reply(200, b"<html>", "text/html"))), "token")
fault("auth-token-deep", token_at(home_realm, answer(Reply(200, b'{"token":' + b"[" * 60_000))), "token")
fault("auth-token-without-end", token_at(home_realm, lambda r, x: lambda c: (c.send(b"HTTP/1.1 200 OK\r\n\r\n"),
    [c.send(b" " * 65536) for _ in range(1 << 20)])), "more than|token")
fault("auth-token-reset", token_at(home_realm, lambda r, x: (lambda c: c.reset()) if r.nth == 1 else None))
for status in (408, 429, 500, 503):
    fault(f"auth-token-{status}-once", token_at(home_realm, lambda r, x,
        status=status: Reply(status) if r.nth == 1 else None))
    fault(f"auth-token-{status}-always", token_at(home_realm, answer(Reply(status))), "token|limits|answers|refuses",
        most={"token": 6})
fault("auth-token-stall", token_at(home_realm, lambda r, x: (lambda c: c.stall()) if r.nth == 1 else None), bound=50)
fault("auth-token-redirect",
    token_at(home_realm, lambda r, x: Reply(307, headers=[("Location", x.other_url + r.target)])), EITHER)
fault("auth-token-401", token_at(home_realm, answer(Reply(401, headers=[("WWW-Authenticate", 'Basic realm="x"')]))),
    "refuses access", most={"token": 2})
fault("auth-token-401-echo",
    token_at(home_realm, lambda r, x: Reply(401, json.dumps({"details": "you sent " + str(r.headers)}).encode())),
    "refuses access")
fault("auth-echo-manifest",
    guarded(lambda r,
    x: Reply(403, json.dumps({"errors": [{"message": f"bad header {r.header('authorization')}"}]}).encode())),
    "refuses access")
fault("auth-token-echo", token_at(home_realm, lambda r, x: None, extra=""), needs=["token"])
fault("401-loop", at("manifest token", lambda r, x: x.token_reply() if r.kind == "token" else Reply(401,
    headers=[("WWW-Authenticate", f'Bearer realm="{x.url}/token"')]), ALWAYS),
      "refuses access", most={"manifest": 3, "token": 3})
fault("401-loop-with-new-realms", at("manifest token", lambda r, x: x.token_reply() if r.kind == "token" else Reply(
    401, headers=[("WWW-Authenticate", f'Bearer realm="{x.url}/token?{r.nth}"')]), ALWAYS), "refuses access",
    most={"manifest": 3, "token": 3})
fault("401-blob-realm", lambda r,
    x: Reply(401, headers=[("WWW-Authenticate", f'Bearer realm="{x.other_url}/token",service="x"')])
      if r.kind in ("config", "small", "big") and r.header("authorization") != bearer(x) else None)
fault("401-in-the-middle", lambda r,
    x: Reply(401, headers=[("WWW-Authenticate", 'Basic realm="x"')]) if r.kind == "big" and r.nth == 1 else None)
for name, header in (
        ("none", None), ("empty", ""), ("scheme-alone", "Bearer"), ("no-realm", 'Bearer service="x"'),
        ("unterminated", 'Bearer realm="http://x'), ("no-quotes", "Bearer realm=http://127.0.0.1:1/x"),
        ("equals", "Bearer ====,,,==="), ("long", 'Bearer realm="x",' + ",".join(f'p{n}="v"' for n in range(5000))),
        ("negotiate", "Negotiate"), ("digest", 'Digest realm="x",nonce="y",qop="auth"'),
        ("unknown", "Mystery x=y"), ("binary", "Bearer \xff\xfe=\x01"), ("backslash-at-end", 'Bearer realm="x\\'),
        ("only-blanks", "Bearer    "), ("comma", ","), ("aws", "AWS4-HMAC-SHA256 x")):
    fault(f"auth-challenge-{name}", at("manifest", lambda r, x, header=header: Reply(
        401, headers=[("WWW-Authenticate", header)] if header is not None else []), ALWAYS), ".", most={"manifest": 5})
fault("auth-challenge-many",
    at("manifest", lambda r, x: Reply(401, headers=[("WWW-Authenticate", f'Mystery n="{n}"') for n in range(500)]),
    ALWAYS), "refuses access")
fault("auth-realm-twice", token_at(home_realm, extra=',realm="http://127.0.0.1:1/other"'), EITHER)
fault("auth-realm-home-then-other", guarded(lambda r, x: x.token_reply() if r.kind == "token" else None,
    lambda x: f'Bearer realm="{x.url}/token",realm="{x.other_url}/token"', bearer), EITHER)
fault("auth-two-challenges", guarded(lambda r, x: x.token_reply() if r.kind == "token" else None,
    lambda x: f'Basic realm="x", Bearer realm="{x.other_url}/token"', basic), EITHER)
fault("auth-scope-injection", token_at(home_realm, extra=',scope="repository:other:push,pull&account=x\\r\\n"'))
fault("auth-scope-long", token_at(home_realm, extra=',scope="' + "x" * 20_000 + '"'))
fault("auth-basic-no-credentials", guarded(lambda r, x: None), "refuses access", credentials={"auth": ""},
    most={"manifest": 2}, gone=True)
fault("auth-credentials-of-longer-name", guarded(lambda r, x: None), "refuses access",
    before=lambda x: rename_credentials(x, x.address + "0"), most={"manifest": 2}, gone=True)
fault("auth-credentials-of-shorter-name", guarded(lambda r, x: None), "refuses access",
    before=lambda x: rename_credentials(x, x.address[:-1]), most={"manifest": 2}, gone=True)
fault("auth-credentials-of-host-alone", guarded(lambda r, x: None), "refuses access",
    before=lambda x: rename_credentials(x, "127.0.0.1"), most={"manifest": 2}, gone=True)


def rename_credentials(attempt, name):
    with open(f"{attempt.project}/config.json") as text:
        config = json.loads(text.read())
    with open(f"{attempt.project}/config.json", "w") as out:
        json.dump({"auths": {name: entry for entry in config["auths"].values()}}, out)


# Behind TLS and with a public name: what such a registry may not make berth do.

fault("tls", lambda r, x: None, tls=True)
fault("tls-basic", guarded(lambda r, x: None), tls=True)
fault("tls-redirect", guarded(to(elsewhere)), tls=True)
fault("tls-redirect-to-http", guarded(to(lambda r, x: f"http://{x.other_address}{r.target}")), "from https to http",
    tls="plain other")
fault("tls-redirect-to-http-home", guarded(to(lambda r, x: f"http://{x.address}{r.target}")), "from https to http",
    tls=True)
fault("tls-realm-elsewhere", token_at(lambda x: x.other_url + "/token"), tls=True, secret_elsewhere=True)
fault("tls-realm-http", token_at(lambda x: f"http://{x.other_address}/token"), "not behind TLS", tls="plain other")
fault("tls-realm-http-home", token_at(lambda x: f"http://{x.address}/token"), "not behind TLS", tls=True)
fault("tls-untrusted", lambda r, x: None, "certificate", tls=True,
    before=lambda x: x.write(f"203.0.113.11.nip.example:{x.home.port}/web") or add_host(x), gone=True)
fault("tls-speaks-plain", at("none", None), "TLS|cannot be reached", tls=True, on_connect=lambda c,
    n: (c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), c.reset()), gone=True)
fault("tls-reset", at("none", None), tls=True, on_connect=lambda c, n: c.reset() if n == 1 else None)
fault("tls-stall", at("none", None), EITHER, tls=True, on_connect=lambda c, n: c.stall() if n == 1 else None, bound=50)
for index, (name, host) in enumerate((
        ("loopback", "127.0.0.1"), ("link-local", "169.254.169.254"), ("localhost", "localhost"),
        ("localhost-dot", "localhost."), ("sub-localhost", "x.localhost"), ("ipv6", "[::1]"),
        ("ipv6-long", "[0:0:0:0:0:0:0:1]"),
        ("ipv6-mapped", "[::ffff:127.0.0.1]"), ("ipv6-mapped-hex", "[::ffff:7f00:1]"),
        ("ipv6-mapped-link-local", "[::ffff:169.254.169.254]"), ("zero", "0.0.0.0"), ("zero-short", "0"),
        ("short", "127.1"), ("decimal", "2130706433"), ("hex", "0x7f000001"), ("octal", "0177.0.0.1"),
        ("mixed", "0x7f.1"), ("link-local-decimal", "2852039166"), ("link-local-hex", "0xa9.0xfe.0xa9.0xfe"),
        ("upper", "LOCALHOST"), ("any-loopback", "127.8.9.10"), ("name-of-loopback", "rebound.example"),
        ("name-of-link-local", "metadata.example"), ("dot-behind", "127.0.0.1."),
        ("userinfo", "registry.example@127.0.0.1"), ("wide", "%31%32%37.0.0.1"), ("ipv6-any", "[::]"),
        ("ipv6-link-local", "[fe80::1]"), ("ipv6-nat64", "[64:ff9b::7f00:1]"), ("ipv6-6to4", "[2002:7f00:1::]"))):
    place = 2 if "[" in host and "ffff" not in host else (1 if "link" in name and "ipv6-link" not in name else 0)
    fault(f"local-redirect-{name}",
        to(lambda r, x, host=host, place=place: f"https://{host}:{x.inner[place].port}{r.target}", "small"),
        "local address|redirect|cannot be reached|broke off|no connection", tls=True)
    fault(f"local-realm-{name}",
        token_at(lambda x, host=host, place=place: f"https://{host}:{x.inner[place].port}/token"),
        "local address|token|cannot be reached|no connection", tls=True)


def add_host(attempt):
    with open("/etc/hosts", "a") as out:
        out.write("203.0.113.10 203.0.113.11.nip.example\n")


# Types, digests and tags.

fault("manifest-type-lie", at("manifest", lambda r, x: Reply(200, x.image.manifest, INDEX), ALWAYS), "does not fit")
fault("manifest-type-docker", at("manifest", lambda r, x: Reply(200, x.image.manifest, DOCKER_MANIFEST), ALWAYS),
    "the registry says")
fault("manifest-type-html", at("manifest", lambda r, x: Reply(200, x.image.manifest, "text/html"), ALWAYS),
    "does not fit")
fault("manifest-type-none", at("manifest", lambda r, x: Reply(200, x.image.manifest), ALWAYS))
fault("manifest-type-twice",
    at("manifest", lambda r, x: Reply(200, x.image.manifest, INDEX, [("Content-Type", x.image.content_type)]), ALWAYS),
    EITHER)
fault("wrong-digest-header", at("manifest", lambda r, x: Reply(200, x.image.manifest, x.image.content_type,
    [("Docker-Content-Digest", digest(b"x"))]), ALWAYS), "wrong content")
for name, text in (("text", "hello"), ("path", "sha256:../../../x"), ("empty", ""), ("sha512", "sha512:" + "0" * 128),
    ("md5", "md5:00"), ("upper", "SHA256:" + "0" * 64)):
    fault(f"digest-header-{name}", at("manifest", lambda r, x, text=text: Reply(200, x.image.manifest,
        x.image.content_type, [("Docker-Content-Digest", text)]), ALWAYS), EITHER)
for kind in ("config", "small", "big"):
    fault(f"wrong-{kind}", at(kind, lambda r, x: x.shelf_of_other(r), ALWAYS), "wrong content|bytes for|sent|broke off")
    fault(f"wrong-{kind}-once", at(kind, lambda r, x: x.shelf_of_other(r)), EITHER)
    fault(f"wrong-{kind}-same-length", at(kind, lambda r, x: Reply(200, flipped(x.truth_whole(r))), ALWAYS),
        "wrong content")
    fault(f"html-{kind}", at(kind, answer(Reply(200, b"<html>log in</html>", "text/html")), ALWAYS),
        "wrong content|bytes for|broke off|sent")


def flipped(body):
    return body[:-9] + bytes([body[-9] ^ 1]) + body[-8:]


def tag_moves(request, attempt):
    """The first to ask for the tag gets one image, all later ones another."""
    by_tag = request.kind == "manifest" and request.path.endswith("/latest")
    if by_tag and attempt.memory.setdefault("asked", 0) >= 1:
        return Reply(200, attempt.other_image.manifest, attempt.other_image.content_type,
            [("Docker-Content-Digest", digest(attempt.other_image.manifest))])
    if by_tag:
        attempt.memory["asked"] += 1
    return None


def both(attempt):
    attempt.shelf.documents |= {path: body for path,
        body in attempt.other_image.documents("web").items() if not path.endswith("/latest")}


def pulled_before(attempt):
    """The store has the first image already, so that the tag is looked at first."""
    both(attempt)
    attempt.honest = True
    outcome = attempt.berth("pull", limit=30)
    assert outcome.code == 0, outcome.err
    attempt.honest = False


def head_says(value):
    """HEAD tells `value`, GET gives the other image."""
    def handler(request, attempt):
        if request.kind != "manifest" or not request.path.endswith("/latest"):
            return None
        if request.method == "HEAD":
            return Reply(200, b"", attempt.image.content_type, [("Docker-Content-Digest", value(attempt))])
        return Reply(200, attempt.other_image.manifest, attempt.other_image.content_type)
    return handler


fault("tag-moves", tag_moves, before=both, moves=True)
fault("tag-moves-between-head-and-get", head_says(lambda x: digest(b"third")), before=pulled_before, moves=True)
fault("tag-head-says-old", head_says(lambda x: digest(x.image.manifest)), before=pulled_before, moves=True)
fault("tag-head-says-new", head_says(lambda x: digest(x.other_image.manifest)), before=pulled_before, moves=True)
fault("tag-head-says-nothing", head_says(lambda x: "nothing"), before=pulled_before, moves=True)
fault("tag-head-404", lambda r, x: Reply(404) if r.method == "HEAD" else None, EITHER, before=pulled_before, moves=True)
fault("tag-head-405", lambda r, x: Reply(405) if r.method == "HEAD" else None, EITHER, before=pulled_before, moves=True)
fault("tag-head-with-body", lambda r, x: (lambda c: c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
    if r.method == "HEAD" else None, EITHER, before=pulled_before, moves=True)
fault("tag-mixed", lambda r, x: x.shelf_of_other(r) if r.kind == "config" else None, "wrong content|bytes for|sent",
    before=both)
fault("digest-pinned-other", at("manifest", lambda r, x: Reply(200, x.other_image.manifest, x.other_image.content_type),
    ALWAYS), "wrong content",
      before=lambda x: (both(x), x.write(f"{x.address}/web@{digest(x.image.manifest)}")))
fault("digest-pinned-header-lie",
    at("manifest", lambda r, x: Reply(200, x.other_image.manifest, x.other_image.content_type, [
    ("Docker-Content-Digest", digest(x.image.manifest))]), ALWAYS), "wrong content",
    before=lambda x: (both(x), x.write(f"{x.address}/web@{digest(x.image.manifest)}")))
fault("digest-and-tag", lambda r, x: None,
    before=lambda x: x.write(f"{x.address}/web:latest@{digest(x.image.manifest)}"))
fault("index-to-other-image",
    at("manifest", lambda r, x: Reply(200, x.other_image.manifest, x.other_image.content_type) if "sha256" in r.path
    else Reply(
    200, encoded(Index(entries=[entry(x.image)]).manifest), INDEX), ALWAYS), "wrong content|bytes for", before=both)
