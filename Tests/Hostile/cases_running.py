"""Images whose harm would show only when a container is made from them: what overlayfs shows, what the
image's own files do to berth, and what its config says."""

import json
import re
import shutil

from cases import either, kept
from oci import Image, Layer
from tars import block, char, fifo, file, folder, pax_sparse, sym

LINKS = ("sh", "ls", "cat", "stat", "id", "find", "echo", "true", "env", "pwd", "sleep", "test", "touch", "head", "od",
    "tr", "wc", "sort")
made = []


def busybox():
    with open(shutil.which("busybox"), "rb") as program:
        return program.read()


def base():
    """A layer with a shell; made once."""
    if not made:
        made.append(Layer([folder("./"), folder("bin"), file("bin/busybox", busybox(), mode=0o755)]
                              + [sym(f"bin/{name}", "busybox") for name in LINKS]
                              + [folder("etc"), file("etc/passwd", b"root:x:0:0::/:/bin/sh\nuser:x:7:8::/:/bin/sh\n"),
                                 file("etc/group", b"root:x:0:\nstaff:x:9:user\n"), folder("tmp", mode=0o1777)]))
    return made[0]


def image(*layers, config=None):
    return Image(base(), *layers, config={"Env": ["PATH=/bin"], "Cmd": ["sh"]} | (config or {}))


def seen(name, members, command, wanted, **options):
    """Above the base layer and a few layers of files: what a container sees."""
    options.setdefault("partial", True)
    kept(f"run-{name}", lambda c: image(*(members(c) if callable(members) else members)), run=(command, wanted),
        **options)


LOWER = [folder("d"), file("d/a", b"lower a"), file("d/b", b"lower b"), folder("d/e"), file("d/e/f", b"lower f"),
    file("g", b"lower g")]

# Whiteouts and opaque folders as overlayfs shows them.

seen("nothing", [], "echo hello; id -u", "hello\n0")
seen("wh-file", [LOWER, [file("d/.wh.a", b"")]], "find /d /g | sort | tr '\\n' ' '", "/d /d/b /d/e /d/e/f /g",
    whiteouts=["d/a"])
seen("wh-folder", [LOWER, [file(".wh.d", b"")]], "ls /d /g", r"/g", whiteouts=["d"])
seen("wh-folder-then-made-again", [LOWER, [file(".wh.d"), folder("d"), file("d/new")]], "ls -A /d", "new", opaque=["d"])
seen("wh-folder-made-before", [LOWER, [folder("d"), file("d/new"), file(".wh.d")]], "ls -A /d", "new", opaque=["d"])
seen("wh-opaque", [LOWER, [folder("d"), file("d/.wh..wh..opq"), file("d/new")]], "ls -A /d", "new", opaque=["d"])
seen("wh-opaque-deep", [LOWER, [file("d/e/.wh..wh..opq")]], "find /d | wc -l", "4", opaque=["d/e"])
seen("wh-opaque-two-layers-up", [LOWER, [file("d/.wh..wh..opq"), file("d/m")], [file("d/n")]],
    "ls -A /d | tr '\\n' ' '", "m n")
seen("wh-two-layers-up", [LOWER, [file("d/.wh.a")], [file("d/a", b"again")]], "cat /d/a", "again")
seen("wh-file-becomes-folder", [LOWER, [folder("g"), file("g/x")]], "ls /g", "x")
seen("wh-folder-becomes-file", [LOWER, [file("d", b"now a file")]], "cat /d", "now a file")
seen("wh-folder-becomes-link", [LOWER, [sym("d", "g")]], "cat /d", "lower g")
seen("wh-link-becomes-folder", [LOWER, [sym("d", "tmp")], [file("d/x", b"x")]], "ls -A /d", "x")
seen("wh-invisible", [LOWER, [file("d/.wh.a"), file("d/.wh..wh.aufs")]], "find / -xdev -name '.wh*' | wc -l", "0",
    whiteouts=["d/a"])
seen("wh-non-utf8", [[file(b"d/\xff\xfe"), file(b"d/\xff")], [file(b"d/.wh.\xff\xfe")]], "ls -A /d | wc -l", "1",
    whiteouts=["d/\udcff\udcfe"])

# A layer that names no entry for a folder leaves what the layers below say of it.

FOLDERS = [folder("./", mode=0o751), folder("t", mode=0o1777, uid=5, gid=6, records={"SCHILY.xattr.user.a": "b"}),
    folder("t/u", mode=0o700, uid=7)]
seen("implied-folders", [FOLDERS, [file("t/u/x")]], "stat -c '%a %u %g' / /t /t/u", "751 0 0\n1777 5 6\n700 7 0")
seen("implied-root", [FOLDERS, [folder("new")], [file("other")]], "stat -c %a /", "751")
seen("implied-root-for-a-user", [[file("x")]], "cat /x", "data", service=["user: '7:8'"])
kept("run-root-in-no-layer", lambda c: Image([file("busybox", busybox(), mode=0o755), sym("stat", "busybox"),
    sym("sh", "busybox")], config={
    "Env": ["PATH=/"]}), run=("stat -c '%a %u' /", "755 0"), service=["user: '7:8'"])
seen("implied-folder-above-file", [[file("a")], [file("a/b")]], "cat /a/b", "data")
seen("implied-folder-above-link", [[sym("a", "tmp")], [file("a/b")]], "stat -c '%F %a' /a; ls -A /tmp", "directory 755")

# Overlayfs must hear nothing from an image.

SECRET = [folder("secret", mode=0o700), file("secret/x", b"secret"), folder("shown")]
for where in ("trusted", "user"):
    seen(f"ovl-{where}-redirect",
        [SECRET, [folder("shown", records={f"SCHILY.xattr.{where}.overlay.redirect": "/secret"})]],
         "ls -A /shown | wc -l", "0")
    seen(f"ovl-{where}-opaque", [LOWER, [folder("d", records={f"SCHILY.xattr.{where}.overlay.opaque": "y"})]],
        "ls -A /d | wc -l", "3")
    seen(f"ovl-{where}-metacopy", [[file("f", b"lower")], [file("f", b"upper", records={
        f"SCHILY.xattr.{where}.overlay.metacopy": "", f"SCHILY.xattr.{where}.overlay.redirect": "/etc/passwd"})]],
        "cat /f", "upper")
    seen(f"ovl-{where}-whiteout", [[file("d/f", b"lower")], [
        folder("d", records={f"SCHILY.xattr.{where}.overlay.opaque": "x"}),
        file("d/f", b"", records={f"SCHILY.xattr.{where}.overlay.whiteout": ""})]], "ls /d", "f")

# Links at the places that berth itself fills.

for place in ("proc", "sys", "dev", "dev/shm", "dev/pts", "etc", "etc/hosts", "etc/hostname", "etc/resolv.conf", "tmp",
    "run"):
    for kind, target in (("canary", lambda c: c.canary), ("up", lambda c: b"../" * 12 + c.canary[1:]),
        ("self", lambda c: b"/" + place.encode())):
        either(f"run-link-at-{place.replace('/', '-')}-{kind}", lambda c, place=place, target=target: image(
            [file(".wh.etc"), folder("etc")] if place.startswith("etc") else [], [sym(place, target(c))]), partial=True,
            after=lambda one: started(one, "touch /etc/hostile-mark /dev/hostile-mark /tmp/hostile-mark; echo done"))
for place, members in (
        ("proc", [file("proc")]), ("dev", [file("dev")]), ("dev-null", [folder("dev"), file("dev/null", b"x")]),
        ("hosts-folder", [folder("etc/hosts")]), ("hosts-fifo", [fifo("etc/hosts")]),
        ("hosts-device", [char("etc/hosts", 1, 8)]),
        ("resolv-fifo", [fifo("etc/resolv.conf")]), ("etc-file", [file("etc", b"x")]),
        ("root-0", [folder("./", mode=0)])):
    either(f"run-odd-{place}", lambda c, members=members: image(members), partial=True,
        after=lambda one: started(one, "echo done"))


def started(one, command, *options):
    """`berth run`, whatever its end: in time, by itself, and with a message if it fails."""
    outcome = one.berth("run", "--rm", "-T", *options, "a", "sh", "-c", command)
    found = outcome.faults()
    if outcome.code >= 125 and "error" not in outcome.err:
        found.append(f"no message at status {outcome.code}: {outcome.text[-200:]!r}")
    return found


def with_user(members, user="user"):
    return lambda c: image([file("etc/.wh.passwd")] + members(c), config={"User": user})


# The image's own user database is read before anything of it is trusted.

seen("user-by-name", [], "id", r"uid=7\(user\) gid=8 groups=8,9\(staff\)|uid=7.*gid=8.*", service=["user: user"])
for name, members in (
        ("link-to-canary", lambda c: [sym("etc/passwd", c.canary + b"/file")]),
        ("link-up", lambda c: [sym("etc/passwd", b"../" * 12 + b"etc/passwd")]),
        ("link-to-proc", lambda c: [sym("etc/passwd", "/proc/self/environ")]),
        ("link-loop", lambda c: [sym("etc/passwd", "passwd")]),
        ("fifo", lambda c: [fifo("etc/passwd")]), ("folder", lambda c: [folder("etc/passwd")]),
        ("zero", lambda c: [char("etc/passwd", 1, 5)]),
        ("random", lambda c: [char("etc/passwd", 1, 9)]), ("tty", lambda c: [char("etc/passwd", 5, 0)]),
        ("missing", lambda c: []),
        ("sparse", lambda c: [pax_sparse("etc/passwd", [(0, 5)], 1 << 40, b"user:")]),
        ("long-line", lambda c: [file("etc/passwd", b"user:" * 4_000_000)]),
        ("many-lines", lambda c: [file("etc/passwd", b"u:x:1:1::/:\n" * 1_000_000)]),
        ("nul", lambda c: [file("etc/passwd", bytes(1 << 20))]),
        ("odd-numbers", lambda c: [file("etc/passwd", b"user:x:-1:99999999999999999999::/:\n")]),
        ("max-number", lambda c: [file("etc/passwd", b"user:x:4294967295:4294967295::/:\n")]),
        ("short-lines", lambda c: [file("etc/passwd", b"user\nuser:\nuser:x\n::::\n:\n")]),
        ("group-fifo", lambda c: [file("etc/passwd", b"user:x:7:8::/:\n"), file("etc/.wh.group"), fifo("etc/group")]),
        ("group-many", lambda c: [file("etc/passwd", b"user:x:7:8::/:\n"), file("etc/group", b"".join(
            b"g%d:x:%d:user\n" % (n, n) for n in range(100_000)))])):
    either(f"run-passwd-{name}", with_user(members), partial=True, after=lambda one: started(one, "id"))
for number, user in enumerate(("-1", "4294967295", "4294967296", "99999999999999999999", "user:nogroup", ":", "::",
    "0:0:0", "../etc", "user\nroot", " ",
                               "root:staff:", "\x1b[2J", "0x0", "+0", "é", "u" * 100_000)):
    either(f"cfg-user-{number}", lambda c, user=user: image(config={"User": user}), partial=True,
        after=lambda one: started(one, "id"))

# What a config says about the process.

for number, folder_name in enumerate(("relative", "..", "../../../../tmp", "/../../../../../tmp", "/nope/new",
    "/etc/passwd", "/bin/sh/x", "/proc/self/fd/7",
                                      "/proc/self/cwd", "/a\nb", "/" + "x" * 300, "/" + "a/" * 3000, "\x1b[2J", "/é")):
    either(f"cfg-dir-{number}", lambda c, folder_name=folder_name: image(config={"WorkingDir": folder_name}),
        partial=True,
           after=lambda one: started(one, "pwd; touch hostile-mark"))
either("cfg-dir-link-to-canary", lambda c: image([sym("w", c.canary)], config={"WorkingDir": "/w/new"}), partial=True,
       after=lambda one: started(one, "touch hostile-mark"))
either("cfg-dir-link-up", lambda c: image([sym("w", b"../" * 14 + c.canary[1:])], config={"WorkingDir": "/w"}),
    partial=True,
       after=lambda one: started(one, "touch hostile-mark"))
for number, volume in enumerate(("/", "/..", "/../../../tmp/hostile-mark", "relative", "", ".", "/a:/b:rw", "/proc",
    "/sys/fs/cgroup", "/dev", "/etc", "/bin",
                                 "/proc/self/fd", "/a\nb", "/" + "x" * 300, "//", "/dev/shm", "/etc/hosts")):
    either(f"cfg-volume-{number}", lambda c, volume=volume: image(config={"Volumes": {volume: {}}}), partial=True,
           after=lambda one: started(one, "touch /hostile-mark /etc/hostile-mark; echo"))
either("cfg-volume-link-to-canary", lambda c: image([sym("v", c.canary)], config={"Volumes": {"/v": {}}}), partial=True,
       after=lambda one: started(one, "touch /v/hostile-mark"))
either("cfg-volume-through-link", lambda c: image([sym("v", c.canary)],
    config={"Volumes": {"/v/sub/hostile-mark": {}}}), partial=True,
       after=lambda one: started(one, "echo"))
either("cfg-volumes-300", lambda c: image(config={"Volumes": {"/v%d" % n: {} for n in range(300)}}), partial=True,
       after=lambda one: started(one, "echo"))
for number, ports in enumerate(({"-1/tcp": {}}, {"0/tcp": {}}, {"65536/tcp": {}}, {"80/evil": {}}, {"x": {}}, {"": {}},
    {"1-65535/tcp": {}}, {"65535-1/tcp": {}},
                                {"9" * 100: {}}, {"80/tcp\n": {}}, {"%d/udp" % n: {} for n in range(1, 60_000)},
                                {"80": "x"}, {"80": None})):
    either(f"cfg-ports-{number}", lambda c, ports=ports: image(config={"ExposedPorts": ports}), partial=True,
        after=lambda one: up_and_ps(one))
for number, environment in enumerate((["NOEQUALS"], ["=x"], [""], ["A=b\nC=d"], ["A=\x1b[2J"], ["PATH="],
    ["PATH=/nope"], ["A=" + "x" * 200_000],
                                      ["A%d=%s" % (n, "x" * 100) for n in range(50_000)],
                                      ["LD_PRELOAD=/evil.so", "BERTH_STATE=/tmp/hostile-mark", "BERTH_RUN=/x",
                                       "HOME=/nope", "TERM=x", "NOTIFY_SOCKET=/x"], ["A=1", "A=2"], ["é=ü"])):
    either(f"cfg-env-{number}", lambda c, environment=environment: image(config={"Env": environment}), partial=True,
           after=lambda one: started(one, "env | wc -c"))
for number, command in enumerate(([], [""], ["\n"], ["nope"], ["/etc"], ["/etc/passwd"], ["./sh"], ["../bin/sh"],
    ["/proc/self/exe"], ["/proc/self/exe", "--version"],
                                  ["/dev/fd/3"], ["sh", "-c", "x" * 200_000], ["sh"] + ["x"] * 100_000, ["\x1b[2J\x07"],
                                  ["-"], ["--help"])):
    either(f"cfg-entrypoint-{number}", lambda c,
        command=command: image(config={"Entrypoint": command, "Cmd": ["-c", "echo"]}), partial=True,
           after=lambda one: up_and_ps(one))
for number, stop in enumerate(("SIGNOPE", "9", "-9", "0", "65", "99999999999999999999", "", "KILL", "SIGRTMIN+1",
    "SIGRTMIN+99999999999999999999", "\x1b[2J",
                               "SIGSTOP")):
    either(f"cfg-stop-signal-{number}", lambda c, stop=stop: image(config={"StopSignal": stop, "Cmd": ["sleep", "30"]}),
        partial=True,
           after=lambda one: up_and_ps(one))
MAX = (1 << 63) - 1
for number, health in enumerate(({"Test": []}, {"Test": ["NONE"]}, {"Test": ["NOPE", "x"]}, {"Test": ["CMD"]},
    {"Test": ["CMD-SHELL"]}, {"Test": [""]},
                                 {"Test": ["CMD", "true"], "Interval": MAX, "Timeout": MAX, "StartPeriod": MAX,
                                 "StartInterval": MAX, "Retries": 1_000_000},
                                 {"Test": ["CMD", "true"], "Interval": 1, "Timeout": 1, "StartPeriod": 1,
                                 "StartInterval": 1, "Retries": 1},
                                 {"Test": ["CMD", "\n"], "Interval": MAX - 1}, {"Test": ["CMD-SHELL", "x" * 200_000]})):
    either(f"cfg-health-{number}", lambda c,
        health=health: image(config={"Healthcheck": health, "Cmd": ["sleep", "30"]}), partial=True,
           after=lambda one: up_and_ps(one))
for number, created in enumerate(("", "now", "9999999999-01-01T00:00:00Z", "-0001-01-01T00:00:00Z",
    "2024-13-45T99:99:99Z", "\x1b[2J", "x" * 100_000,
                                  "2024-01-01T00:00:00.99999999999999999999Z", "0000-00-00T00:00:00+99:99",
                                  "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2262-04-12T00:00:00Z",
                                  "-2147483648-01-01T00:00:00Z",
                                  "2024--2147483648-01T00:00:00Z", "5h", "999999999d", "1e300", "nan")):
    either(f"cfg-created-{number}", lambda c,
        created=created: Image(base(), on_config=lambda d: d.update(created=created), config={"Cmd": ["sleep", "30"]}),
           partial=True, after=lambda one: up_and_ps(one))


def up_and_ps(one):
    found = []
    for arguments in (["up", "-d"], ["ps", "-a"], ["ps", "-a", "--format", "json"], ["images"], ["stop", "-t", "0"]):
        outcome = one.berth(*arguments, may_leave=True)
        found += outcome.faults()
        if "\x1b" in outcome.out:
            found.append(f"control characters from the image in `{' '.join(arguments)}`")
    return found


# Labels of an image are no labels of berth.

SPOOFED = {
    f"com.docker.compose.{name}": value for name, value in {
        "project": "victim", "service": "db", "oneoff": "True", "container-number": "7", "config-hash": "x",
        "version": "9",
        "project.working_dir": "/tmp/hostile-mark", "project.config_files": "/etc/passwd", "depends_on": "x:y:z",
        "replace": "x", "image": "sha256:0",
        "network": "host", "volume": "v", "project.environment_file": "/etc/shadow"}.items()
} | {f"berth.{name}": "victim" for name in ("project", "service", "number", "hash", "id", "network", "image",
"oneoff")} | {
    f"io.berth.{name}": "victim" for name in ("project", "service")}


def not_spoofed(one):
    found = one.berth("up", "-d", may_leave=True).faults()
    mine = one.berth("ps", "-a", "--format", "json").out
    theirs = one.berth("-p", "victim", "ps", "-a", "-q").out
    if theirs.strip():
        found.append(f"escape: project `victim` holds a container by an image's label: {theirs!r}")
    down = one.berth("-p", "victim", "down", "-t", "0")
    found += down.faults()
    rows = [json.loads(line) for line in mine.splitlines()]
    if len(rows) != 1 or rows[0].get("Service") != "a" or not re.fullmatch(r"project-a-1", rows[0].get("Name", "")):
        found.append(f"escape: the container's own row is {mine!r}")
    if len(one.berth("ps", "-q").out.split()) != 1:
        found.append("escape: the container is gone with the project `victim`")
    return found


kept("cfg-labels-spoofed", lambda c: image(config={"Labels": SPOOFED, "Cmd": ["sleep", "30"]}), partial=True,
    after=not_spoofed)
seen("annotations-spoofed", [], "echo ok", "ok")

# Nodes and programs of an image, in a container.

seen("device-nodes", [[block("disk", 254, 0, mode=0o666), char("mem", 1, 1, mode=0o666),
    char("kmsg", 1, 11, mode=0o666)]],
     "for n in /disk /mem /kmsg; do head -c 1 $n >/dev/null 2>&1 && echo read $n; done; echo end", "end")
seen("device-null", [[char("null", 1, 3, mode=0o666)]], "echo x > /null; cat /null | wc -c", "0")
seen("setuid", [[file("su", b"#!/bin/sh\n", mode=0o6755, uid=0)]], "stat -c %a /su", "6755")
seen("cross-layer-write", lambda c: [[sym("d", c.canary)], [sym("e", b"../" * 12 + c.canary[1:])]],
     "touch /d/hostile-mark /e/hostile-mark 2>/dev/null; echo x > /d/file 2>/dev/null; echo end", "end")
seen("layers-120", [[file("f%d" % n)] for n in range(120)], "ls / | tr '\\n' ' ' | wc -w", r"12\d", limit=40)
seen("layers-450", [[file("d/f%d" % n)] for n in range(450)], "ls /d | wc -l", "450", limit=40)
seen("names", [[file(b"d/\xff\xfe"), file("d/\x1b[2J"), file("d/é"), file("d/é")]], "ls -A /d | wc -c", r"\d+")
either("run-no-layers", lambda c: Image(config={"Cmd": ["sh"]}), after=lambda one: started(one, "echo"))
