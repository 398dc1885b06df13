"""`cp`: docker's rules, both ways, for containers that run and that do not, and against a container that cheats."""

import io
import os
import subprocess
import tarfile
import textwrap

from world import scenario

SERVICE = """
    services:
      app:
        image: IMAGE
        command: sleep 1000
        volumes: [data:/data]
    volumes: {data: {}}
"""

# What is on each side before: paths with a slash at the end are folders, `a -> b` is a link.
TREE = ["file", "folder/", "folder/inner", "folder/sub/", "folder/sub/deep", "empty/", "dest/", "dest/folder/", "dest/folder/old",
        "link -> file", "dirlink -> folder", "dangling -> nowhere"]

# Source, destination, and what is there after: a file's path and content, or the words of a refusal.
RULES = [
    ("file", "new", {"new": "file"}),
    ("file", "dest", {"dest/file": "file"}),
    ("file", "dest/", {"dest/file": "file"}),
    ("file", "dest/.", {"dest/file": "file"}),
    ("file", "dest/other", {"dest/other": "file"}),
    ("file", "missing/", "no such directory"),
    ("file", "missing/x", "no such file or directory"),
    ("file", "file/", "not a directory"),
    ("file/", "new", "not a directory"),
    ("file/.", "new", "not a directory"),
    ("nothing", "new", "no such file or directory"),
    ("folder", "new", {"new/inner": "folder/inner", "new/sub/deep": "folder/sub/deep"}),
    ("folder", "new/", {"new/inner": "folder/inner"}),
    ("folder/", "new", {"new/inner": "folder/inner"}),
    ("folder/.", "new", {"new/inner": "folder/inner", "new/sub/deep": "folder/sub/deep"}),
    ("folder", "dest", {"dest/folder/inner": "folder/inner", "dest/folder/old": "dest/folder/old"}),
    ("folder/", "dest", {"dest/folder/inner": "folder/inner"}),
    ("folder/.", "dest", {"dest/inner": "folder/inner", "dest/sub/deep": "folder/sub/deep"}),
    ("folder", "file", "cannot copy a directory"),
    ("folder/.", "file", "cannot copy a directory"),
    ("folder", "missing/x", "no such file or directory"),
    ("empty", "new", {"new/": None}),
    ("link", "new", {"new -> file": None}),
    ("link", "dest", {"dest/link -> file": None}),
    ("dangling", "new", {"new -> nowhere": None}),
    ("dirlink", "new", {"new -> folder": None}),
    ("dirlink/", "dest", {"dest/dirlink/inner": "folder/inner"}),
    ("dirlink/.", "dest", {"dest/inner": "folder/inner"}),
    ("file", "dirlink", {"folder/file": "file"}),
    ("file", "dangling", {"nowhere": "file", "dangling -> nowhere": None}),
    ("file", "link", {"file": "file", "link -> file": None}),
    ("-L link", "new", {"new": "file"}),
    ("-L link", "dest", {"dest/link": "file"}),
    ("-L dirlink", "new", {"new/inner": "folder/inner"}),
    ("-L dirlink", "dest", {"dest/dirlink/inner": "folder/inner"}),
    ("-L dangling", "new", "no such file or directory"),
    ("file", "dest/folder/old", {"dest/folder/old": "file"}),
    ("dest/folder/old", "folder/sub", {"folder/sub/old": "dest/folder/old"}),
]


def script(folder, prefix):
    """Makes the tree by a shell, each file with its own path as content."""
    lines = [f"rm -rf {folder}; mkdir -p {folder}; cd {folder}"]
    for entry in TREE:
        if " -> " in entry:
            name, target = entry.split(" -> ")
            lines.append(f"ln -s {target} {name}")
        elif entry.endswith("/"):
            lines.append(f"mkdir -p {entry}")
        else:
            lines.append(f"printf %s '{prefix}{entry}' > {entry}")
    return "; ".join(lines)


def seen(run, folder, wanted):
    """What of `wanted` is not there, as words."""
    for path, content in wanted.items():
        if " -> " in path:
            name, target = path.split(" -> ")
            answer = run(f"readlink {folder}/{name}")
            if answer != target:
                return f"{name} is a link to {answer!r}"
        elif path.endswith("/"):
            if run(f"test -d {folder}/{path} && echo yes") != "yes":
                return f"{path} is no folder"
        else:
            # What was there before and is to stay holds its own name.
            origin = "to-" if content == path == "dest/folder/old" else "from-"
            answer = run(f"cat {folder}/{path} 2>&1")
            if answer != origin + content:
                return f"{path} holds {answer!r}"
    return None


def rules(box, inward):
    box.up(SERVICE)
    host, inside = box.path("tree"), "/data/tree"

    def on_host(text):
        return subprocess.run(["sh", "-c", text], capture_output=True, text=True).stdout.strip()

    def in_box(text):
        return box.inside("app", text + "; true")

    for number, (source, target, wanted) in enumerate(RULES):
        on_host(script(host, "from-" if inward else "to-"))
        in_box(script(inside, "to-" if inward else "from-"))
        options = ["-L"] if source.startswith("-L ") else []
        source = source.removeprefix("-L ")
        words = [f"{host}/{source}", f"app:{inside}/{target}"] if inward else [f"app:{inside}/{source}", f"{host}/{target}"]
        outcome = box.berth("cp", *options, *words, code=None)
        rule = f"rule {number}: cp {' '.join(options)} {source} {target}"
        if isinstance(wanted, str):
            box.true(outcome.code == 1 and wanted in outcome.err, f"{rule}: wanted `{wanted}`, saw {outcome.code}: {outcome.err}")
            continue
        box.true(outcome.code == 0, f"{rule}: {outcome.text}")
        wrong = seen(in_box if inward else on_host, inside if inward else host, wanted)
        box.true(wrong is None, f"{rule}: {wrong}")


@scenario("C82", "E171")
def copy_rules_into_a_container(box):
    rules(box, inward=True)


@scenario("C82", "E171")
def copy_rules_out_of_a_container(box):
    rules(box, inward=False)


@scenario("C82", "E171")
def copy_with_a_container_that_does_not_run(box):
    box.up(SERVICE)
    box.inside("app", "echo kept > /data/kept; echo root > /root-file")
    box.berth("stop", "--timeout", "0")
    box.write("new", "new-content")
    box.berth("cp", "new", "app:/data/")
    box.berth("cp", "new", "app:/etc/new")
    box.berth("cp", "app:/data/kept", "kept")
    box.berth("cp", "app:/root-file", "root-file")
    box.equal(open(box.path("kept")).read() + open(box.path("root-file")).read(), "kept\nroot\n", "what came out")
    box.true(not any("overlay" in line and box.id("app") in line for line in open("/proc/self/mountinfo")), "a mount was left")
    box.berth("start")
    box.equal(box.inside("app", "cat /data/new /etc/new"), "new-content" * 2, "what went in")


@scenario("C82", "E171")
def copy_before_the_first_start_and_while_paused(box):
    box.up(SERVICE.replace("command: sleep 1000", "command: 'true'"))
    box.until(lambda: "exited" in box.berth("ps", "--all", "--format", "json").out.lower(), "it did not end")
    box.write("new", "x")
    box.berth("cp", "new", "app:/new")
    box.berth("cp", "app:/new", "back")
    box.equal(open(box.path("back")).read(), "x", "what went in and out")


@scenario("C82", "E171")
def owners_and_modes_of_copies(box):
    box.up(SERVICE)
    path = box.write("mine", "x", mode=0o4751)
    os.chown(path, 1234, 2345)
    os.chmod(path, 0o4751)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    box.berth("cp", "mine", "app:/plain")
    box.berth("cp", "-a", "mine", "app:/kept")
    box.equal(box.inside("app", "stat -c '%a %u %g %Y' /plain /kept"), "4751 0 0 1000000000\n4751 1234 2345 1000000000", "in")
    box.berth("cp", "app:/kept", "out-plain")
    box.berth("cp", "-a", "app:/kept", "out-kept")
    status = [os.stat(box.path(name)) for name in ("out-plain", "out-kept")]
    box.equal([(oct(each.st_mode & 0o7777), each.st_uid, each.st_gid) for each in status],
              [("0o751", os.geteuid(), os.getegid()), ("0o4751", 1234, 2345)], "out")


@scenario("E171")
def capabilities_of_copies(box):
    box.up(SERVICE)
    path = box.write("program", "x", mode=0o755)
    value = bytes.fromhex("0100000200040000000000000000000000000000")
    os.setxattr(path, "security.capability", value)
    box.berth("cp", "-a", "program", "app:/with")
    box.berth("cp", "program", "app:/without")
    box.berth("cp", "-a", "app:/with", "back")
    box.berth("cp", "-a", "app:/without", "none")
    box.berth("cp", "app:/with", "plain")
    box.equal([os.listxattr(box.path(name)).count("security.capability") for name in ("back", "none", "plain")], [1, 0, 0],
              "files with capabilities")
    box.equal(os.getxattr(box.path("back"), "security.capability"), value, "the capabilities")


@scenario("C82", "E171")
def copies_as_tar_streams(box):
    box.up(SERVICE)
    box.inside("app", script("/data/tree", "from-") + "; ln /data/tree/file /data/tree/hard; mkfifo /data/tree/pipe")

    def stream(path):
        done = subprocess.run([box.world.berth, "cp", f"app:{path}", "-"], cwd=box.folder, env=box.environment,
                              capture_output=True, timeout=60)
        box.equal(done.returncode, 0, f"cp of {path}: {done.stderr}")
        return tarfile.open(fileobj=io.BytesIO(done.stdout))

    tree = stream("/data/tree")
    names = set(tree.getnames())
    box.true({"tree", "tree/file", "tree/folder/sub/deep", "tree/link"} <= names, f"names: {sorted(names)}")
    box.equal(tree.getmember("tree/hard").type, tarfile.LNKTYPE, "a second name")
    box.equal(tree.getmember("tree/pipe").type, tarfile.FIFOTYPE, "a pipe")
    box.true("./file" in stream("/data/tree/.").getnames(), "names of contents")
    box.equal(stream("/data/tree/file").getnames(), ["file"], "names of a file")

    for mode in ("w", "w:gz"):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode=mode) as archive:
            for name, content in (("a/b/c", b"deep"), ("top", b"flat")):
                entry = tarfile.TarInfo(name)
                entry.size, entry.uid, entry.mode = len(content), 77, 0o600
                archive.addfile(entry, io.BytesIO(content))
        for options, owner in (([], "0"), (["-a"], "77")):
            box.inside("app", "rm -rf /in; mkdir /in")
            done = subprocess.run([box.world.berth, "cp", *options, "-", "app:/in"], input=data.getvalue(), cwd=box.folder,
                                  env=box.environment, capture_output=True, timeout=60)
            box.equal(done.returncode, 0, f"cp from a stream: {done.stderr}")
            box.equal(box.inside("app", "cat /in/a/b/c /in/top; stat -c ' %u' /in/top"), f"deepflat {owner}", mode)
    refused = box.berth("cp", "-", "app:/etc/passwd", code=None)
    box.true(refused.code == 1 and "directory" in refused.err, refused.text)


@scenario("S-12", "E171")
def hostile_streams_and_links(box):
    box.up(SERVICE)
    canary = box.write("canary", "untouched")
    folder = box.path()
    box.inside("app", f"mkdir -p /x; ln -s {folder} /x/abs; ln -s ../../../../../../../..{folder} /x/rel; ln -s /proc/1/root /x/magic")
    box.write("evil", "evil")
    for link in ("abs", "rel"):
        box.berth("cp", "evil", f"app:/x/{link}/canary", code=None)
        outcome = box.berth("cp", f"app:/x/{link}/canary", "stolen", code=None)
        box.true(outcome.code == 1, f"a link of the container led to a file of the host: {link}")
    outcome = box.berth("cp", "app:/x/magic/etc/passwd", "stolen", code=None)
    box.true(outcome.code == 1, "a magic link was followed")
    for name, kind, target in (("../up", tarfile.REGTYPE, ""), ("in/../../up", tarfile.REGTYPE, ""),
                               ("out", tarfile.SYMTYPE, folder), ("hard", tarfile.LNKTYPE, f"..{canary}")):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as archive:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            archive.addfile(entry)
            below = tarfile.TarInfo(name + "/canary")
            below.size = 4
            archive.addfile(below, io.BytesIO(b"evil"))
        subprocess.run([box.world.berth, "cp", "-", "app:/x"], input=data.getvalue(), cwd=box.folder, env=box.environment,
                       capture_output=True, timeout=60)
    box.equal(open(canary).read(), "untouched", "the file of the host")
    box.equal(box.inside("app", "test -e /up && echo up; true"), "", "a file above the folder")
    box.inside("app", "mkdir /dev-copy; cp -a /dev/null /dev-copy/; mknod /dev-copy/node c 1 3 2>/dev/null; true")
    box.berth("cp", "app:/dev-copy", "devices")
    box.equal([name for name in os.listdir(box.path("devices")) if os.path.exists(box.path("devices", name))], [], "devices of the host")


RACER = r"""
    import ctypes, os
    libc = ctypes.CDLL(None, use_errno=True)
    folder = os.open(".", os.O_RDONLY)
    while True:
        libc.renameat2(folder, b"a", folder, b"b", 2)
"""


@scenario("S-12")
def copies_while_the_container_swaps_links(box):
    """A racer in a shared folder swaps a folder with a link to the host's: 300 copies, in both directions."""
    box.write("shared/a/file", "inside")
    target = box.path("host-only")
    os.makedirs(target)
    canary = box.write("host-only/file", "host-secret")
    os.symlink(target, box.path("shared", "b"))
    box.up("services:\n  app:\n    image: IMAGE\n    command: sleep 1000\n    volumes: [./shared:/shared]\n")
    racer = subprocess.Popen(["python3", "-c", textwrap.dedent(RACER)], cwd=box.path("shared"))
    stolen, written, done = 0, 0, 0
    box.write("evil", "evil")
    try:
        for number in range(150):
            if number == 100:
                # Now the root is put together where the host's own links would be followed.
                box.berth("stop", "--timeout", "0")
            out = box.path("out")
            outcome = box.berth("cp", "app:/shared/a/file", out, code=None)
            done += outcome.code == 0
            if os.path.exists(out):
                stolen += open(out).read() == "host-secret"
                os.remove(out)
            box.berth("cp", "evil", "app:/shared/a/new", code=None)
            written += os.path.exists(os.path.join(target, "new")) or open(canary).read() != "host-secret"
    finally:
        racer.terminate()
        racer.wait()
    box.true(done > 0, "no copy ever succeeded: the race was none")
    box.equal((stolen, written), (0, 0), "files of the host that were read, and written")


@scenario("S-11")
def copying_loads_and_starts_nothing(box):
    if subprocess.run(["sh", "-c", "command -v strace"], capture_output=True).returncode != 0:
        return
    box.up(SERVICE)
    trace = box.path("trace")
    subprocess.run(["strace", "-f", "-e", "trace=execve,open,openat,openat2", "-o", trace, box.world.berth, "cp", "app:/etc", "copy"],
                   cwd=box.folder, env=box.environment, check=True, capture_output=True, timeout=60)
    with open(trace) as file:
        lines = file.readlines()
    started = [line for line in lines if "execve(" in line]
    box.equal(len(started), 2, f"programs that were started: {started}")
    shim = started[1].split()[0]
    loaded = [line for line in lines if line.startswith(shim) and ".so" in line.split("=")[0]]
    box.equal(loaded, [], "libraries that the shim has opened")


@scenario("C82", "L7")
def copies_of_several_containers(box):
    box.up("services:\n  app:\n    image: IMAGE\n    command: sleep 1000\n    scale: 2\n")
    box.write("f", "all")
    box.berth("cp", "f", "app:/f")
    for index in ("1", "2"):
        box.equal(box.inside("app", "cat /f", "--index", index), "all", f"container {index}")
    box.write("f", "two")
    box.berth("cp", "--index", "2", "f", "app:/f")
    box.equal(box.inside("app", "cat /f", "--index", "1"), "all", "the other")
    box.berth("cp", "app:/f", "first")
    box.equal(open(box.path("first")).read(), "all", "the first's file")
    box.berth("cp", "--index", "2", "app:/f", "second")
    box.equal(open(box.path("second")).read(), "two", "the second's file")
    for words, said in ((["app:/f", "app:/g"], "between services"), (["f", "g"], "names a service"),
                        (["gone:/f", "g"], "no such service"), (["--index", "7", "app:/f", "g"], "#7"),
                        (["-", "app:/tmp"], "one container")):
        refused = box.berth("cp", *words, code=None)
        box.true(refused.code == 1 and said in refused.err, f"cp {words}: {refused.text}")


@scenario("A81", "E171")
def copies_into_what_is_read_only(box):
    box.up("services:\n  app:\n    image: IMAGE\n    command: sleep 1000\n    read_only: true\n"
           "    volumes: ['data:/data', 'data:/fixed:ro']\nvolumes: {data: {}}\n")
    box.write("f", "x")
    for running in (True, False):
        if not running:
            box.berth("stop", "--timeout", "0")
        box.berth("cp", "f", "app:/data/f")
        for place in ("/f", "/fixed/g"):
            refused = box.berth("cp", "f", f"app:{place}", code=None)
            box.true(refused.code == 1 and "read-only" in refused.err, f"{place}: {refused.text}")
