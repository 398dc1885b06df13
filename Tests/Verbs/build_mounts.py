"""Mounts and copies of a build that others have a part in: caches that are filled from elsewhere, layers used again on
another base, and what is left of copying when a build is interrupted or killed."""

import os
import re
import signal
import subprocess

from world import IMAGE, scenario

SEEDED = f"""\
FROM {IMAGE} AS seed
COPY f /d/f
FROM {IMAGE}
RUN --mount=type=cache,id=NAME,from=seed,source=/d,target=/x cat /x/f > /out; echo >> /x/n; wc -l < /x/n >> /out
"""

LINKED = f"""\
FROM {IMAGE} AS link
RUN mkdir -p /srv/data; ln -s /srv/data /data
FROM {IMAGE} AS folder
RUN mkdir /data; chown 1000:1000 /data; chmod 700 /data
FROM link AS one
COPY --link f /data/f
FROM folder AS two
COPY --link f /data/f
RUN stat -c '%a %u %g' /data > /seen; cat /data/f >> /seen
"""


def project(box, dockerfile, more=""):
    box.file(f"services: {{app: {{build: {{context: ., {more}}}, stop_signal: SIGKILL}}}}")
    box.write("Dockerfile", dockerfile.replace("NAME", box.name))
    box.write(".dockerignore", "Dockerfile\n.dockerignore\ncompose.yaml\n")


def build(box, *flags):
    return box.berth("--progress", "plain", "build", *flags).err


def inside(box, path):
    out = box.berth("run", "--rm", "-T", "app", "cat", path).out
    box.berth("down", "-t", "0")
    return out


@scenario("E49")
def seeded_caches(box):
    """A cache that is filled from elsewhere is another one for other contents, and the step's key knows them."""
    project(box, SEEDED)
    for content, flags, seen in [("one", (), "one\n1\n"), ("two", (), "two\n1\n"), ("one", (), "one\n1\n"),
                                 ("one", ("--no-cache",), "one\n2\n"), ("two", ("--no-cache",), "two\n2\n")]:
        box.write("f", content + "\n")
        said = build(box, *flags)
        box.equal(inside(box, "/out"), seen, f"{content} {flags}: {said}")


@scenario("E59")
def linked_through_links(box):
    """What `COPY --link` puts behind a link of one base is no layer for a base that has a folder there."""
    box.write("f", box.name + "\n")
    project(box, LINKED, "target: one")
    build(box)
    project(box, LINKED, "target: two")
    said = build(box)
    box.equal(inside(box, "/seen"), f"700 1000 1000\n{box.name}\n", said)
    # On the same base it is found.
    said = build(box)
    number = re.search(r"^#(\d+) \[.*\] COPY --link", said, re.MULTILINE)
    box.true(number and f"#{number[1]} CACHED" in said, said)


def copiers(parent):
    """Processes that copy for `parent`."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                above = int(file.read().rpartition(")")[2].split()[1])
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except (OSError, ValueError):
            continue
        if above == parent and words[:2] == [b"berth-unpack", b"layer"]:
            yield int(name)


class Copying:
    """A build whose copier is there, and is stopped until the block ends or `go`."""

    def __init__(self, box, is_wanted=lambda pid: True):
        self.box, self.is_wanted, self.copier, self.watch = box, is_wanted, None, None

    def __enter__(self):
        box = self.box
        self.build = subprocess.Popen([box.world.berth, "build"], cwd=box.folder, env=box.environment,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            box.until(lambda: self.stop() or self.build.poll() is not None, "no copier is there")
            box.true(self.copier, "the build has ended before its copier was seen")
        except BaseException:
            self.__exit__()
            raise
        return self

    def stop(self):
        for pid in copiers(self.build.pid):
            self.watch = os.pidfd_open(pid)
            os.kill(pid, signal.SIGSTOP)
            if self.is_wanted(pid):
                self.copier = pid
                return True
            self.go()
        return False

    def go(self):
        """Lets the copier go on."""
        signal.pidfd_send_signal(self.watch, signal.SIGCONT)

    def is_over(self):
        try:
            signal.pidfd_send_signal(self.watch, 0)
        except ProcessLookupError:
            return True
        with open(f"/proc/{self.copier}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"

    def __exit__(self, *_):
        for end in ((lambda: signal.pidfd_send_signal(self.watch, signal.SIGKILL)) if self.watch else None,
                    self.build.kill if self.build.poll() is None else None):
            try:
                end and end()
            except ProcessLookupError:
                pass
        self.build.wait(20)


def large(box, size):
    with open(box.path("large"), "wb") as file:
        file.truncate(size)


@scenario("E48", "C30")
def interrupted_mount(box):
    """^C ends the copying of a context that is mounted, at once: its copier could not go on if it were not killed."""
    project(box, f"FROM {IMAGE}\nRUN --mount=target=/s : NAME\n")
    os.makedirs(box.path("many"))
    for number in range(3000):
        open(box.path(f"many/{number}"), "w").close()

    def mounts(pid):
        # One that looks for what would be copied needs no mounts of its own.
        return os.readlink(f"/proc/{pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt")

    with Copying(box, mounts) as copying:
        copying.build.send_signal(signal.SIGINT)
        box.equal(copying.build.wait(20), 130, "the status of an interrupted build")
        box.until(copying.is_over, "the copier is left")


@scenario("E181")
def killed_while_copying(box):
    """A build that is killed leaves no copier that goes on: here it would for minutes."""
    project(box, f"FROM {IMAGE}\nCOPY large /large\n")
    large(box, 1 << 40)
    with Copying(box) as copying:
        copying.build.kill()
        copying.build.wait(20)
        copying.go()
        box.until(copying.is_over, "the copier goes on")
    os.unlink(box.path("large"))
    project(box, f"FROM {IMAGE}\nRUN : after\n")
    build(box)
