"""What builds take from elsewhere: files of servers, commits of repositories, archives, images of layouts."""

import base64
import contextlib
import glob
import hashlib
import http.server
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import threading
import time

from build_cache import own_state
from world import IMAGE, scenario

MODIFIED = "Tue, 14 Nov 2023 22:13:20 GMT"
MODIFIED_SECONDS = 1700000000
GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
       "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b", "GIT_COMMITTER_DATE": "1600000000 +0000"}


class Server:
    """Files by path: bytes, or the status of an answer, or where it sends to. `asked` are the requests, with the status of
    each answer. `asks` are the name and the password that it wants."""

    def __init__(self, files, asks=None, host="127.0.0.1"):
        self.files, self.asked, self.host = files, [], host
        self.wanted = asks and "Basic " + base64.b64encode(asks.encode()).decode()

    def __enter__(self):
        self.http = http.server.ThreadingHTTPServer((self.host, 0), self.handler())
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,))
        self.thread.start()
        self.address = f"http://{self.host}:{self.http.server_address[1]}"
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    def handler(self):
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                found = server.files.get(self.path.split("?")[0], 404)
                tag = f'"{hashlib.sha256(found).hexdigest()[:16]}"' if isinstance(found, bytes) else None
                status = 200 if tag else 302 if isinstance(found, str) else found
                if server.wanted and self.headers["Authorization"] != server.wanted:
                    found, status, tag = b"", 401, None
                if tag and self.headers["If-None-Match"] == tag:
                    status = 304
                server.asked.append((self.path, status, self.headers["Authorization"]))
                self.send_response(status)
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="x"')
                if tag:
                    self.send_header("ETag", tag)
                    self.send_header("Last-Modified", MODIFIED)
                if isinstance(found, str):
                    self.send_header("Location", found)
                body = found if status == 200 else b""
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
        return Handler


@contextlib.contextmanager
def daemon(folder):
    """Repositories below `folder` by git's own protocol: the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        ["git", "daemon", f"--base-path={folder}", "--export-all", "--listen=127.0.0.1", f"--port={port}", "--reuseaddr",
         "--log-destination=none"], env=os.environ | GIT, start_new_session=True, stdin=subprocess.DEVNULL)
    try:
        yield f"git://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def git(folder, *arguments):
    done = subprocess.run(["git", "-C", folder, *arguments], check=True, env=os.environ | GIT, capture_output=True, text=True)
    return done.stdout.strip()


def repository(box, name, files):
    """A repository with one commit of these files on `main`: its folder and the commit."""
    folder = box.path("repositories", name)
    os.makedirs(folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    return folder, commit(box, folder, files)


def commit(box, folder, files):
    for path, content in files.items():
        box.write(os.path.join(os.path.relpath(folder, box.folder), path), content, 0o755 if path.endswith(".sh") else 0o644)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=x")
    return git(folder, "rev-parse", "HEAD")


def reachable(box, address):
    port = int(address.rsplit(":", 1)[1])

    def answers():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    box.until(answers, "the git daemon does not listen")


def project(box, dockerfile, build="."):
    box.file(f"services: {{web: {{build: {build}}}}}")
    box.write("Dockerfile", dockerfile)


def archive(files):
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o640
            tar.addfile(entry, io.BytesIO(content))
    return whole.getvalue()


def shown(box, script):
    """What a shell says in a container of the image."""
    return box.berth("run", "--rm", "-T", "web", "sh", "-c", script).out.strip()


def built(box, *arguments):
    """The image's id after a build."""
    box.berth("build", *arguments)
    return box.berth("images", "--all", "--quiet", "--no-trunc", "--filter", f"reference={box.name}-web").out.strip()


def failed(box, *words):
    outcome = box.berth("build", code=1)
    for word in words:
        box.true(word in outcome.err, f"no `{word}`: {outcome.err}")
    return outcome


def nowhere(box, *secrets):
    """None of these is in a file that is kept."""
    for parent, _, names in os.walk(box.environment["BERTH_STATE"]):
        # Links lead to nothing that is kept; what other scenarios take away meanwhile is not this build's.
        for path in (os.path.join(parent, name) for name in names):
            if os.path.isfile(path) and not os.path.islink(path):
                with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
                    text = file.read()
                    for secret in secrets:
                        box.true(secret.encode() not in text, f"`{secret}` is in {path}")


@scenario("E63")
def files_of_a_server(box):
    with Server({"/a/x%20y.txt": b"from afar\n", "/t.tgz": archive({"in": b"in\n"}), "/moved": "/b", "/b": b"b\n"}) as server:
        at = server.address
        project(box, f"""\
FROM {IMAGE}
ADD {at}/a/x%20y.txt?v=1 /one
ADD {at}/a/x%20y.txt /two/
ADD --chmod=755 --chown=7:8 {at}/moved /three
ADD {at}/t.tgz /four/
ADD --unpack {at}/t.tgz /five/
""")
        first = built(box)
        seen = shown(box, "stat -c '%n %a %u:%g %Y' /one '/two/x y.txt' /three /four/t.tgz; cat /one /five/in").split("\n")
        time = MODIFIED_SECONDS
        box.equal(seen, [
            f"/one 600 0:0 {time}", f"/two/x y.txt 600 0:0 {time}", f"/three 755 7:8 {time}", f"/four/t.tgz 600 0:0 {time}",
            "from afar", "in"])
        # Each address is asked once in a build, and a second time only whether it has changed.
        box.equal(sorted(set(server.asked)), sorted(server.asked), "requests")
        box.equal(len(server.asked), 5, "requests")
        server.asked.clear()
        box.equal(built(box), first, "the image after a build of the same")
        box.equal(sorted(status for _, status, _ in server.asked), [302, 304, 304, 304, 304], "answers of the second build")
        # What counts is the content: a new one is one more layer, an old one that is back is known.
        server.files["/a/x%20y.txt"] = b"another\n"
        box.true(built(box) != first, "the content has changed, the image not")
        box.equal(shown(box, "cat /one"), "another")


@scenario("E63", "S-49")
def passwords_of_addresses(box):
    """They go to their server, and to nobody and nowhere else: not when it sends on, not into what is kept."""
    with Server({"/f": b"f\n"}) as other, Server({"/f": b"f\n"}) as server:
        server.files["/on"] = other.address + "/f"
        at = server.address.replace("//", "//me:hidden@")
        project(box, f"FROM {IMAGE}\nADD {at}/f /f\nADD {at}/on /on\n")
        outcome = box.berth("build")
        box.true("hidden" not in outcome.text and "xxxxx@127.0.0.1" in outcome.text, f"the password is told: {outcome.text}")
        box.equal({asked[2] for asked in server.asked}, {"Basic bWU6aGlkZGVu"}, "what the server was told")
        box.equal([asked[2] for asked in other.asked], [None], "what the other server was told")
        nowhere(box, "me:hidden")


@scenario("E63")
def checksums_of_files(box):
    content, other = b"right\n", hashlib.sha256(b"wrong\n").hexdigest()
    digest = hashlib.sha256(content).hexdigest()
    with Server({"/f": content}) as server:
        line = f"ADD --checksum=sha256:{digest} {server.address}/f /f"
        project(box, f"FROM {IMAGE}\n{line}\n")
        box.berth("build")
        server.asked.clear()
        box.berth("build")
        box.equal(server.asked, [], "requests for a file whose content is known")
        project(box, f"FROM {IMAGE}\nADD --checksum=sha256:{other} {server.address}/f /f\n")
        failed(box, f"sha256:{digest}", f"sha256:{other}", "Dockerfile:2:")
        project(box, f"FROM {IMAGE}\nADD --checksum=md5:1 {server.address}/f /f\n")
        failed(box, "`md5:1` is no checksum", "Dockerfile:2:")
        box.write("local", "x")
        project(box, f"FROM {IMAGE}\nADD --checksum=sha256:{digest} local /f\n")
        failed(box, "`--checksum` needs one source", "Dockerfile:2:16")


@scenario("E63")
def files_that_do_not_come(box):
    with Server({"/loop": "/loop", "/away": "file:///etc/passwd", "/": b"x", "/secret": 403}) as server:
        at = server.address
        for line, *words in [
                (f"ADD {at}/none /x", "the server answers 404", "Dockerfile:2:5"),
                (f"ADD {at}/loop /x", "redirects where berth does not go: more than 10 times"),
                (f"ADD {at}/away /x", "redirects where berth does not go: not to http or https"),
                (f"ADD {at}/ /x/", "does not say what the file is called"),
                (f"ADD http://me:hidden@{at[7:]}/secret /x", "the server answers 403", "http://xxxxx@127.0.0.1"),
                ("ADD http://127.0.0.1:1/x /x", "cannot be fetched: no connection"),
                ("ADD ssh://-oProxyCommand=touch$IFS/x/y /x", "begins with `-`", "Dockerfile:2:5"),
                ("ADD https://h/a.git#--upload-pack=x /x", "is no name of a branch")]:
            project(box, f"FROM {IMAGE}\n{line}\n")
            outcome = failed(box, *words)
            box.true("fetching http://me:" not in outcome.err, f"a password is told: {outcome.err}")
        told = [asked[2] for asked in server.asked if asked[0] == "/secret"]
        box.true(all(each == "Basic bWU6aGlkZGVu" for each in told) and told, f"the password was not sent: {told}")


@scenario("E64", needs=["git"])
def repositories(box):
    folder, first = repository(box, "one", {"a.txt": "a\n", "sub/run.sh": "#!/bin/sh\n", "sub/.dockerignore": "*"})
    git(folder, "tag", "--annotate", "--message=x", "v1")
    second = commit(box, folder, {"a.txt": "b\n"})
    git(folder, "branch", "side", first)
    with daemon(box.path("repositories")) as at:
        reachable(box, at)
        project(box, f"""\
FROM {IMAGE}
ADD {at}/one /whole
ADD {at}/one#v1 /tag
ADD {at}/one#side:sub /sub
ADD {at}/one?commit={first} /commit
ADD --keep-git-dir=true --chown=7:8 {at}/one#main /kept/
ADD --checksum={second} {at}/one#main /checked
""")
        image = built(box)
        seen = shown(box, """
            cat /whole/a.txt /tag/a.txt /commit/a.txt /checked/a.txt
            stat -c '%n %a %u:%g %Y' /sub/run.sh /tag/a.txt /kept/a.txt
            ls -a /whole /sub; test -d /kept/.git && cat /kept/.git/HEAD; cat /kept/.git/config""").split("\n")
        box.equal(seen[:7], [
            "b", "a", "a", "b", "/sub/run.sh 755 0:0 1600000000", "/tag/a.txt 644 0:0 1600000000",
            "/kept/a.txt 644 7:8 1600000000"])
        box.equal(seen[7:17], ["/sub:", ".", "..", ".dockerignore", "run.sh", "", "/whole:", ".", "..", "a.txt"])
        box.true(second in seen, f"the commit is not in `.git`: {seen}")
        box.equal(built(box), image, "the image after a build of the same")
    # What a commit is called was known, but not by whom.
    box.true("cannot be fetched" in failed(box, "Dockerfile:2:5").err, "")


@scenario("E63", "E64", "E75", needs=["git"])
def what_was_fetched_goes_with_its_age(box):
    """What a build has used counts as used, though nothing of it was new."""
    own_state(box)
    repository(box, "one", {"a": "a\n"})

    def kept():
        return [path for kind in ("downloads", "git") for path in glob.glob(box.path("state", "builds", kind, "*"))]

    def age():
        old = time.time() - 15 * 24 * 3600
        for path in kept():
            os.utime(path, (old, old))
    with Server({"/f": b"f\n"}) as server, daemon(box.path("repositories")) as at:
        reachable(box, at)
        for number in range(2):
            project(box, f"FROM {IMAGE}\nADD {server.address}/f /f\nADD {at}/one#main /one\nRUN : {number}; echo > /x\n")
            box.berth("build")
            box.equal(len(kept()), 2, "what was fetched and used")
            age()
        project(box, f"FROM {IMAGE}\nRUN echo > /y\n")
        box.berth("build")
        box.equal(kept(), [], "what was of no use for 15 days")


@scenario("E64", needs=["git"])
def repositories_that_do_not_come(box):
    _, first = repository(box, "one", {"a": "a\n"})
    with daemon(box.path("repositories")) as at:
        reachable(box, at)
        for line, *words in [
                (f"ADD {at}/one#gone /x", "has no `gone`", "Dockerfile:2:5"),
                (f"ADD {at}/two /x", "cannot be fetched", "Dockerfile:2:5"),
                (f"ADD {at}/one#:sub /x", "has no folder `sub`"),
                (f"ADD {at}/one#{'0' * 40} /x", f"has no `{'0' * 40}`"),
                (f"ADD --checksum={'1' * 40} {at}/one /x", f"has the commit `{first}` there, not `{'1' * 40}`"),
                (f"ADD {at}/one#:../.. /x", "is no folder inside of a repository")]:
            project(box, f"FROM {IMAGE}\n{line}\n")
            failed(box, *words)
        box.environment = box.environment | {"PATH": "/nonexistent"}
        project(box, f"FROM {IMAGE}\nADD {at}/one /x\n")
        failed(box, "needs the program git", "apt install git")


SSH = """\
#!/bin/sh
printf '%s\\n' "$@" >>"{log}"
echo $$ >"{log}.pid"
{hang}
for last; do :; done
eval "$last"
"""


def fake_ssh(box, hang=""):
    """A program `ssh` before all others, which notes what it is given and then is the other end itself."""
    box.write("bin/ssh", SSH.format(log=box.path("log"), hang=hang), 0o755)
    box.environment = box.environment | {"PATH": f"{box.path('bin')}:{os.environ['PATH']}", "SSH_AUTH_SOCK": box.path("agent")}


def ssh_log(box):
    with open(box.path("log")) as file:
        text = file.read()
    os.remove(box.path("log"))
    return text.split("\n")


@scenario("E64", "E66", needs=["git"])
def repositories_by_ssh(box):
    """Hosts must be known, nothing is asked, and an agent or a key is used only where the build was given it."""
    folder, _ = repository(box, "one", {"a": "a\n"})
    fake_ssh(box)
    agent = socket.socket(socket.AF_UNIX)
    agent.bind(box.path("agent"))
    box.write("a key", "x", 0o600)
    with contextlib.closing(agent):
        for flags, identity in [([], ["IdentityAgent=none", "IdentityFile=none"]),
                                (["--ssh", "default"], [f'IdentityAgent="{box.path("agent")}"', "IdentityFile=none"]),
                                (["--ssh", f"default={box.path('a key')}"],
                                 ["IdentityAgent=none", f'IdentityFile="{box.path("a key")}"', "IdentitiesOnly=yes"])]:
            project(box, f"FROM {IMAGE}\nADD git@far.example:{folder} /x\n")
            box.berth("build", *flags)
            words = ssh_log(box)
            for word in ["BatchMode=yes", "StrictHostKeyChecking=yes", "git@far.example", *identity]:
                box.true(word in words, f"no `{word}`: {words}")
            box.equal(words[words.index("-F") + 1], "none", "the settings of ssh")
    box.equal(shown(box, "cat /x/a"), "a")


@scenario("E64", needs=["git"])
def a_fetch_is_given_up(box):
    folder, _ = repository(box, "one", {"a": "a\n"})
    fake_ssh(box, "exec sleep 1000")
    project(box, f"FROM {IMAGE}\nADD ssh://git@far.example{folder} /x\n")
    with box.terminal("build") as terminal:
        box.until(lambda: os.path.exists(box.path("log.pid")) and os.path.getsize(box.path("log.pid")), "ssh is not started")
        with open(box.path("log.pid")) as file:
            pid = int(file.read())
        terminal.type("\x03")
        box.equal(terminal.exit(), 130, "status")
    box.until(lambda: not os.path.exists(f"/proc/{pid}"), "what git has started runs on")


@scenario("E64", "E66", needs=["git"])
def hostile_repositories(box):
    """Links that lead out, and a repository within that names files of this machine."""
    box.write("canary", "canary\n")
    folder, _ = repository(box, "one", {"a": "a\n"})
    for name in ["Dockerfile", ".dockerignore"]:
        os.symlink(box.path("canary"), os.path.join(folder, name))
    os.symlink("/", os.path.join(folder, "root"))
    commit(box, folder, {})
    inner, _ = repository(box, "inner", {"x": "x\n"})
    outer, _ = repository(box, "outer", {"Dockerfile": f"FROM {IMAGE}\n"})
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "inner")
    commit(box, outer, {})
    with daemon(box.path("repositories")) as at:
        reachable(box, at)
        box.file(f"services: {{web: {{build: '{at}/one'}}}}")
        box.true("canary" not in failed(box, "Dockerfile").err.replace(box.path("canary"), ""), "a file of the host is shown")
        box.file(f"services: {{web: {{build: '{at}/one#:root/etc'}}}}")
        failed(box, "has no folder `root/etc`", "compose.yaml:1:")
        box.file(f"services: {{web: {{build: '{at}/outer'}}}}")
        failed(box, "transport 'file' not allowed")
        box.file(f"services: {{web: {{build: '{at}/outer?submodules=false'}}}}")
        box.berth("build")


def plain_files(folder, name):
    """A repository as files of a web server that knows nothing of git."""
    git(folder, "update-server-info")
    files = {}
    for parent, _, names in os.walk(os.path.join(folder, ".git")):
        for path in (os.path.join(parent, each) for each in names):
            with open(path, "rb") as file:
                files[f"/{name}/{os.path.relpath(path, os.path.join(folder, '.git'))}"] = file.read()
    return files


def noted_git(box):
    """A program `git` before all others, which writes down its words: what they were so far."""
    script = f"#!/bin/sh\nprintf '%s\\n' \"$@\" >>'{box.path('words')}'\nexec {shutil.which('git')} \"$@\"\n"
    box.write("bin/git", script, 0o755)
    box.environment = box.environment | {"PATH": f"{box.path('bin')}:{os.environ['PATH']}"}

    def words():
        with open(box.path("words")) as file:
            return file.read()
    return words


@scenario("E64", "E66", "S-49", needs=["git"])
def repositories_that_ask_who_it_is(box):
    """By a name and a password in the address, or by secrets: for their server alone, and nowhere else."""
    words = noted_git(box)
    inner, _ = repository(box, "inner", {"x": "x\n"})
    modules = '[submodule "inner"]\n\tpath = inner\n\turl = ../inner.git\n'
    outer, _ = repository(box, "outer", {".gitmodules": modules, "a": "a\n"})
    git(outer, "update-index", "--add", "--cacheinfo", "160000", git(inner, "rev-parse", "HEAD"), "inner")
    git(outer, "commit", "--quiet", "--message=x")
    files = plain_files(inner, "inner.git") | plain_files(outer, "outer.git")
    with Server(dict(files)) as other, Server(dict(files), asks="me:hid/den") as server:
        server.files["/moved.git/info/refs"] = other.address + "/outer.git/info/refs"
        at = server.address.replace("//", "//me:hid%2Fden@")
        project(box, f"""\
FROM {IMAGE}
ADD --keep-git-dir=true {at}/outer.git#main /kept
ADD {at}/moved.git#main /moved
RUN ! grep -r 'hid.*den' /kept /moved && cat /kept/inner/x /moved/inner/x >/seen
""")
        outcome = box.berth("build")
        box.equal(shown(box, "cat /seen; grep -h url /kept/.git/config").split(), [
            "x", "x", "url", "=", f"{server.address}/outer.git", "url", "=", f"{server.address}/inner.git"])
        box.true("me:" not in outcome.text and "hid/den" not in outcome.text, f"the password is told: {outcome.text}")
        box.true(other.asked and {asked[2] for asked in other.asked} == {None}, f"the other server was told: {other.asked}")
        box.true("hid" not in words(), f"git was given the password in words: {words()}")
        nowhere(box, "me:hid", base64.b64encode(b"me:hid/den").decode(), "password=hid")
        project(box, f"FROM {IMAGE}\nADD {server.address}/outer.git#main /x\n")
        failed(box, "cannot be fetched", "GIT_AUTH_TOKEN", "Dockerfile:2:")


@scenario("E64", "E66", "S-49", needs=["git"])
def repositories_that_want_a_token(box):
    words = noted_git(box)
    folder, _ = repository(box, "one", {"a": "a\n"})
    files = plain_files(folder, "one.git")
    with Server(dict(files), asks="x-access-token:for-one") as one, \
            Server(dict(files), asks="x-access-token:for-all") as two, Server(dict(files)) as three:
        box.environment = box.environment | {"ONE": "for-one\n", "ALL": "for-all"}
        host = one.address.removeprefix("http://")
        box.write("Dockerfile", f"FROM {IMAGE}\n" + "".join(
            f"ADD {server.address}/one.git#main /{name}\n" for name, server in [("one", one), ("two", two), ("three", three)]))
        secrets = [{"source": "one", "target": f"GIT_AUTH_TOKEN.{host}"}, {"source": "all", "target": "GIT_AUTH_TOKEN"}]
        box.file(json.dumps({"services": {"web": {"build": {"context": ".", "secrets": secrets}}},
                             "secrets": {"one": {"environment": "ONE"}, "all": {"environment": "ALL"}}}))
        outcome = box.berth("build")
        box.equal(shown(box, "cat /one/a /two/a /three/a"), "a\na\na")
        box.true("for-" not in outcome.text + words(), f"a token is told: {outcome.text}{words()}")
        nowhere(box, "for-one", "for-all")
        box.true("for-one" not in str([base64.b64decode(asked[2][6:]) for server in (two, three) for asked in server.asked
                                       if asked[2]]), "a token of one server was sent to another")
        # For that server alone.
        secrets.pop()
        box.file(json.dumps({"services": {"web": {"build": {"context": ".", "secrets": secrets}}},
                             "secrets": {"one": {"environment": "ONE"}}}))
        two.asked.clear()
        failed(box, f"{two.address}/one.git", "GIT_AUTH_TOKEN")
        box.equal({asked[2] for asked in two.asked}, {None}, "what another server was told")


@scenario("E64", "S-49", needs=["git"])
def repositories_that_send_elsewhere(box):
    """Git goes where files are fetched from, and nowhere else."""
    folder, first = repository(box, "one", {"a": "a\n"})
    subprocess.run(["ip", "address", "replace", "203.0.113.5/32", "dev", "lo"], check=True)
    question = "/info/refs?service=git-upload-pack"
    with Server(plain_files(folder, "one.git")) as near, Server({}, host="203.0.113.5") as far:
        near.files["/moved.git/info/refs"] = near.address + "/one.git" + question
        near.files["/away.git/info/refs"] = "ftp://127.0.0.1/one.git" + question
        near.files["/loop.git/info/refs"] = near.address + "/loop.git" + question
        near.files["/page.git/info/refs"] = near.address + "/one.git/HEAD"
        project(box, f"FROM {IMAGE}\nADD {near.address}/moved.git#main /x\nADD {near.address}/moved.git#{first} /y\n")
        box.berth("build")
        box.equal(shown(box, "cat /x/a /y/a"), "a\na")
        near.asked.clear()
        far.files["/one.git/info/refs"] = near.address + "/one.git" + question
        for address, word in [(f"{far.address}/one.git", "to the local address `127.0.0.1`"),
                              (f"{near.address}/away.git", "not to http or https"),
                              (f"{near.address}/loop.git", "more than 10 times"),
                              (f"{near.address}/page.git", "it redirects to what is no repository")]:
            project(box, f"FROM {IMAGE}\nADD {address}#main /z\n")
            failed(box, word, "Dockerfile:2:5")
        box.equal([asked[0] for asked in near.asked if asked[0].startswith("/one.git/info")], [], "asked of the local server")


@scenario("E66", "E65", needs=["git"])
def contexts_of_git(box):
    folder, _ = repository(box, "one", {
        "sub/Dockerfile": f"FROM {IMAGE}\nCOPY . /all\n", "sub/.dockerignore": "out", "sub/in": "in\n", "sub/out": "out\n"})
    with daemon(box.path("repositories")) as at:
        reachable(box, at)
        box.file(f"services: {{web: {{build: {{context: '{at}/one#main:sub'}}}}}}")
        image = built(box)
        box.equal(shown(box, "ls /all"), "Dockerfile\nin")
        box.equal(built(box), image, "the image after a build of the same")
        commit(box, folder, {"sub/in": "more\n"})
        box.true(built(box) != image, "the branch has moved, the image not")
        box.equal(shown(box, "cat /all/in"), "more")
        box.file(f"services: {{web: {{build: {{context: '{at}/one', args: [BUILDKIT_CONTEXT_KEEP_GIT_DIR=1],"
                 f" dockerfile_inline: \"FROM {IMAGE}\\nCOPY .git/HEAD /\\n\"}}}}}}")
        box.true(len(built(box)) > 0 and len(shown(box, "cat /HEAD")) == 40, "there is no commit in `.git`")
        project(box, f"FROM {IMAGE}\nCOPY --from=far in /\nRUN --mount=from=far,target=/m cat /m/in >/mounted\n",
                f"{{context: ., additional_contexts: {{far: '{at}/one#:sub'}}}}")
        box.berth("build")
        box.equal(shown(box, "cat /in /mounted"), "more\nmore")


@scenario("E66")
def contexts_of_a_server(box):
    files = {"Dockerfile": f"FROM {IMAGE}\nCOPY . /all\n".encode(), "dir/in": b"in\n", ".dockerignore": b"Dockerfile"}
    with Server({"/c.tgz": archive(files), "/Dockerfile": f"FROM {IMAGE}\nRUN echo alone >/alone\n".encode()}) as server:
        box.file(f"services: {{web: {{build: '{server.address}/c.tgz'}}}}")
        image = built(box)
        box.equal(shown(box, "cat /all/dir/in; stat -c '%a %u' /all/dir/in; ls -a /all"), "in\n640 0\n.\n..\n.dockerignore\ndir")
        box.equal(built(box), image, "the image after a build of the same")
        box.file(f"services: {{web: {{build: '{server.address}/Dockerfile'}}}}")
        box.berth("build")
        box.equal(shown(box, "cat /alone"), "alone")
        box.file(f"services: {{web: {{build: '{server.address}/none'}}}}")
        failed(box, "404", "compose.yaml:1:")
        box.file("services: {web: {build: 'ftp://h/x'}}")
        failed(box, "cannot be fetched by `ftp`", "compose.yaml:1:")


def layout(folder, tag):
    """An OCI layout with an image that has one file: the manifest's digest."""
    blobs = os.path.join(folder, "blobs", "sha256")
    os.makedirs(blobs)

    def blob(content, kind):
        name = hashlib.sha256(content).hexdigest()
        with open(os.path.join(blobs, name), "wb") as file:
            file.write(content)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": "sha256:" + name, "size": len(content)}
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        entry = tarfile.TarInfo("of-a-layout")
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    layer = layer.getvalue()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    config = {"architecture": machine, "os": "linux", "config": {"Env": ["OF=layout"]},
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": blob(json.dumps(config).encode(), "config.v1+json"), "layers": [blob(layer, "layer.v1.tar")]}
    entry = blob(json.dumps(manifest).encode(), "manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
    for name, content in [("index.json", {"schemaVersion": 2, "manifests": [entry]}),
                          ("oci-layout", {"imageLayoutVersion": "1.0.0"})]:
        with open(os.path.join(folder, name), "w") as file:
            json.dump(content, file)
    return entry["digest"]


@scenario("E66", "E67")
def contexts_of_a_layout(box):
    digest = layout(box.path("kept"), "v1")
    for place in ["./kept:v1", f"./kept@{digest}", "./kept"]:
        project(box, f"FROM {IMAGE}\nCOPY --from=base:1 /of-a-layout /x\nRUN test $(cat /x) = x\n",
                f"{{context: ., additional_contexts: {{'base:1': 'oci-layout://{place}'}}}}")
        box.berth("build", "--no-cache")
    # Layers that are here are not read again.
    with open(box.path("kept/index.json")) as file:
        manifest = json.load(file)["manifests"][0]["digest"]
    with open(box.path("kept/blobs/sha256", manifest.split(":")[1])) as file:
        layer = json.load(file)["layers"][0]["digest"]
    with open(box.path("kept/blobs/sha256", layer.split(":")[1]), "r+b") as file:
        file.write(b"spoilt")
    project(box, "FROM base:1\n", "{context: ., additional_contexts: {'base:1': 'oci-layout://./kept:v1'}}")
    box.berth("build")
    # It has got no name by that.
    listed = box.berth("images", "--all").out
    box.true(not any(line.startswith("base") for line in listed.splitlines()), "the image of the layout has a name")
    for place, *words in [("./kept:v2", "has no image `v2`", "did you mean `v1`?"), ("./none", "cannot be had"),
                          (f"./kept@sha256:{'0' * 64}", "has no image `sha256:000"), (".", "is no OCI layout")]:
        project(box, "FROM base:1\n", f"{{context: ., additional_contexts: {{'base:1': 'oci-layout://{place}'}}}}")
        failed(box, *words, "Dockerfile:1:")


@scenario("E66", "E67")
def contexts_of_images(box):
    """They are meant by all names of what they replace; docker's empty image is empty."""
    project(box, "FROM docker.io/library/none:latest\nCOPY --from=nothing / /all\nRUN ls /all >/seen\n",
            f"{{context: ., additional_contexts: {{none: 'docker-image://{IMAGE}', nothing: 'docker-image://scratch'}}}}")
    box.berth("build")
    box.equal(shown(box, "cat /seen"), "")
    project(box, "FROM nothing\nCOPY Dockerfile /\n",
            "{context: ., additional_contexts: {nothing: 'docker-image://scratch'}}")
    box.berth("build")
    history = box.berth("history", "--quiet", f"{box.name}-web").out.split()
    box.equal(len(history), 1, "layers of an image on nothing")


@scenario("E66", "E67")
def contexts_of_other_builds(box):
    box.file("""
      services:
        web: {build: {dockerfile_inline: "FROM lib\\nRUN cat /made\\n", additional_contexts: {lib: "target:lib"}}}
        lib: {build: {dockerfile_inline: "FROM IMAGE\\nRUN echo x >/made\\n"}}
    """)
    box.berth("build", "web")
    box.equal(shown(box, "cat /made"), "x")
    box.file("services: {web: {build: {dockerfile_inline: 'FROM lib', additional_contexts: {lib: 'target:gone'}}}}")
    failed(box, "no service `gone` is built", "compose.yaml:1:")
