"""A world in which scenarios run: namespaces of its own, one store with one image, and a project folder for each scenario."""

import fcntl
import json
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import textwrap
import time

INSIDE = "BERTH_ATTRIBUTES_INSIDE"
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
IMAGE = "busybox:test"
scenarios = []
# Names of those that nothing else may run beside.
alone_ones = set()


class Complaint(Exception):
    """What a scenario did not see."""


def scenario(*rows, needs=(), alone=False):
    """Marks a function as the scenario of rows of the feature table. `needs` are words of `World.facts`: without one of
    them the scenario is passed over, and said so. A word with `not ` before it must not be one. One that is `alone` is run
    when all others have ended."""
    def mark(function):
        if alone:
            alone_ones.add(function.__name__)
        scenarios.append((function.__name__, rows, needs, function))
        return function
    return mark


def enter():
    """Runs the program again in namespaces of its own: bridges, mounts and rules end with them. Returns the folder there."""
    if os.geteuid() != 0:
        print("attributes: not root, so nothing is tried")
        sys.exit(0)
    if INSIDE not in os.environ:
        folder = tempfile.mkdtemp(prefix="berth-attributes-")
        os.environ[INSIDE] = folder
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        command = ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, "-B"]
        try:
            sys.exit(subprocess.call(command + sys.argv))
        except KeyboardInterrupt:
            sys.exit(130)
        finally:
            end_rest(folder)
            shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    # As a machine begins on which nobody has run containers; a new namespace takes after the host's.
    with open("/proc/sys/net/ipv4/ip_forward", "w") as file:
        file.write("0")
    return os.environ[INSIDE]


def end_rest(folder):
    """What a run that was killed has left running. Guards come last: they end by themselves when they have cleared up
    behind their shims."""
    for is_guard in (False, True):
        end = time.monotonic() + 10
        while rest := [pid for pid, guards in processes_of(folder) if guards == is_guard]:
            if not is_guard or time.monotonic() > end:
                for pid in rest:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
            if time.monotonic() > end + 2:
                break
            time.sleep(0.05)


def processes_of(folder):
    """Processes of berth that name this folder, and whether each is a guard."""
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if any(word.startswith(folder.encode() + b"/") for word in words):
            yield int(name), words[1:2] == [b"end"]


class World:
    """The store that all scenarios share, and what this machine has."""

    def __init__(self, folder, berth, is_long=False):
        self.folder, self.berth, self.is_long = folder, berth, is_long
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": folder, "BERTH_STATE": os.path.join(folder, "state"),
            "BERTH_RUN": os.path.join(folder, "run"), "LANG": "C.UTF-8",
        }
        self.facts = facts()
        # In the emulated machine making it takes as long as several scenarios.
        layout = os.environ.get("BERTH_ATTRIBUTES_LAYOUT")
        if not layout:
            layout = os.path.join(folder, "layout")
            subprocess.run([os.path.join(TOP, "scripts/images/busybox"), layout, "test"], check=True, stdout=subprocess.DEVNULL)
        archive = os.path.join(folder, "image.tar")
        subprocess.run(["tar", "-C", layout, "-cf", archive, "."], check=True)
        subprocess.run([berth, "load", "--quiet", "--input", archive], check=True, env=self.environment, cwd=folder)
        subprocess.run([berth, "tag", image_id(berth, self.environment), IMAGE], check=True, env=self.environment, cwd=folder)


def image_id(berth, environment):
    out = subprocess.run(
        [berth, "images", "--all", "--quiet"], check=True, env=environment, cwd="/", capture_output=True, text=True)
    return out.stdout.split()[0]


def facts():
    """Words for what a scenario may need: `v1` or `v2` (the cgroups that limits are set in), `swap`, `apparmor`,
    `compiler`, and programs by their names."""
    programs = ["bash", "zsh", "fish", "docker", "docker-registry", "git", "man", "dpkg-deb", "ssh-agent", "ssh-keygen"]
    found = {name for name in programs if shutil.which(name)}
    with open("/proc/self/mountinfo") as file:
        kinds = [line.split(" - ")[1].split() for line in file]
    found.add("v1" if any(kind[0] == "cgroup" and "memory" in kind[2] for kind in kinds) else "v2")
    if os.path.exists("/sys/module/apparmor/parameters/enabled"):
        with open("/sys/module/apparmor/parameters/enabled") as file:
            if file.read().strip() == "Y":
                found.add("apparmor")
    if any(shutil.which(name) for name in ["cc", "gcc", "clang"]):
        found.add("compiler")
    with open("/proc/swaps") as file:
        if len(file.readlines()) > 1:
            found.add("swap")
    release = os.uname().release.split(".")
    if (int(release[0]), int(release[1])) >= (6, 14):
        found.add("own pid_max")  # each pid namespace has its own
    if has_project_quotas():
        found.add("project quotas")
    return found


def has_project_quotas():
    """Whether this kernel limits folders of an ext4. Where the state lies does not matter: a scenario makes its own."""
    with tempfile.TemporaryDirectory(prefix="berth-quotas-") as folder:
        disk = os.path.join(folder, "disk")
        with open(disk, "wb") as file:
            file.truncate(16 << 20)
        make = ["mkfs.ext4", "-q", "-O", "quota,project", "-E", "quotatype=prjquota", disk]
        if shutil.which("mkfs.ext4") is None or subprocess.run(make, capture_output=True).returncode != 0:
            return False
        if subprocess.run(["mount", "-o", "loop,prjquota", disk, folder], capture_output=True).returncode != 0:
            return False
        subprocess.run(["umount", folder], check=True)
        return True


class Outcome:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def text(self):
        return self.out + self.err


class Terminal:
    """A program at a pseudo-terminal. Used in a `with`; ended at its end."""

    def __init__(self, command, folder, environment, limit, size=(24, 80)):
        self.limit, self.seen = limit, b""
        ready, go = os.pipe()
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            try:
                os.close(go)
                os.read(ready, 1)
                os.close(ready)
                os.chdir(folder)
                os.execvpe(command[0], command, environment)
            finally:
                os._exit(127)
        os.close(ready)
        self.resize(*size)
        # Not by closing it: the children of other threads may have it open too.
        os.write(go, b"g")
        os.close(go)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.hang_up()

    def resize(self, rows, columns):
        """Gives the terminal another size; the program is told by the kernel."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, number):
        os.kill(self.pid, number)

    def hang_up(self):
        """Closes the terminal, as a window that is closed does."""
        if self.master is not None:
            os.close(self.master)
        self.master = None

    def is_raw(self):
        """Whether the program takes every key as it is typed."""
        return not termios.tcgetattr(self.master)[3] & termios.ICANON

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self, seconds):
        """Takes what comes in this time; False at the end."""
        if self.master is None:
            time.sleep(seconds)
        elif select.select([self.master], [], [], seconds)[0]:
            try:
                piece = os.read(self.master, 4096)
            except OSError:
                return False
            self.seen += piece
            return bool(piece)
        return True

    def wait_for(self, text):
        end = time.monotonic() + self.limit
        while text.encode() not in self.seen:
            if time.monotonic() > end or not self.read(0.1) and text.encode() not in self.seen:
                raise Complaint(f"no `{text}` at the terminal: {self.seen!r}")

    def exit(self):
        """Waits for the end; its status."""
        end = time.monotonic() + self.limit
        while time.monotonic() < end:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                while self.master is not None and self.read(0):
                    if not select.select([self.master], [], [], 0)[0]:
                        break
                return os.waitstatus_to_exitcode(status)
        raise Complaint(f"it did not end: {self.seen!r}")


class Box:
    """One scenario's project. Its folder is `path()`; what it makes is taken down by `close`."""

    def __init__(self, world, name):
        self.world, self.name = world, name.replace("_", "-")
        self.folder = os.path.join(world.folder, "projects", self.name)
        os.makedirs(self.folder)
        self.environment = dict(world.environment)
        self.compose = None

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, content, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb" if isinstance(content, bytes) else "w") as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def file(self, compose):
        """Writes the project's file. `IMAGE` in it is the test image."""
        self.compose = self.write("compose.yaml", textwrap.dedent(compose).replace("IMAGE", IMAGE))

    def berth(self, *arguments, code=0, limit=60, input=None, prefix=()):
        """Runs berth in the project. `code` is the status that it must end with, or None for any; `prefix` are words of a
        command that runs it."""
        done = subprocess.run(
            [*prefix, self.world.berth, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True,
            errors="surrogateescape", timeout=limit, input=input if input is not None else "", start_new_session=True)
        outcome = Outcome(done.returncode, done.stdout, done.stderr)
        if code is not None and outcome.code != code:
            raise Complaint(f"berth {' '.join(arguments)} ended with {outcome.code}, not {code}: {outcome.text.strip()}")
        return outcome

    def terminal(self, *arguments, limit=30, size=(24, 80), **environment):
        """berth at a terminal of its own, while it runs: a `Terminal`."""
        return Terminal([self.world.berth, *arguments], self.folder, self.environment | environment, limit, size)

    def up(self, compose=None, *arguments):
        """`berth up -d` of this file, or again of the last one."""
        if compose is not None:
            self.file(compose)
        return self.berth("up", "-d", *arguments)

    def refused(self, compose, *words):
        """`berth up -d` of this file must fail with a message that has all the words, and leave no container."""
        if self.compose:
            self.berth("down", "--volumes", "--timeout", "0", code=None)
        self.file(compose)
        outcome = self.berth("up", "-d", code=None)
        self.true(1 <= outcome.code <= 125, f"`up` was not refused, but ended with {outcome.code}: {outcome.text}")
        for word in words:
            self.true(word in outcome.err, f"no `{word}` in the message: {outcome.err}")
        running = self.berth("ps", "--quiet", code=None).out.split()
        self.equal(running, [], "containers that run after a refusal")
        return outcome

    def refused_verb(self, *arguments, saying):
        """This command must fail with a message that has these words."""
        outcome = self.berth(*arguments, code=None)
        self.true(1 <= outcome.code <= 125, f"{arguments} was not refused, but ended with {outcome.code}: {outcome.text}")
        self.true(saying in outcome.err, f"no `{saying}` in the message: {outcome.err}")

    def inside(self, service, script, *options):
        """What a shell says in the service's container."""
        return self.berth("exec", "-T", *options, service, "sh", "-c", script).out.strip()

    def log(self, service):
        """What the service's program has said, without prefixes."""
        return self.berth("logs", "--no-log-prefix", "--no-color", service).out.strip()

    def id(self, service):
        """The id of the service's container."""
        return self.berth("ps", "--all", "--quiet", "--no-trunc", service, code=None).out.strip()

    def cgroup(self, service, controller, file):
        """A file of the container's group as the host sees it. On v2 `controller` does not matter."""
        with open(os.path.join(self.cgroup_folder(service, controller), file)) as content:
            return content.read().strip()

    def cgroup_folder(self, service, controller):
        pid = int(self.pid(service))
        with open(f"/proc/{pid}/cgroup") as file:
            lines = [line.rstrip("\n").split(":", 2) for line in file]
        with open("/proc/self/mountinfo") as file:
            mounts = [(line.split(" - ")[0].split(), line.split(" - ")[1].split()) for line in file]
        for _, names, path in lines:
            for left, right in mounts:
                is_v1 = right[0] == "cgroup" and controller in names.split(",") and controller in right[2].split(",")
                if is_v1 or "v2" in self.world.facts and names == "" and right[0] == "cgroup2":
                    root = left[3] if left[3] != "/" else ""
                    below = path[len(root):] if path.startswith(root) else path
                    return left[4] + below
        raise Complaint(f"no group of {controller} for {service}")

    def pid(self, service):
        """The first process of the service's container, as the host numbers it."""
        return self.state(service)["pid"]

    def shim(self, service):
        """The process that watches over the service's container."""
        return self.state(service)["shimPid"]

    def state(self, service):
        """What the shim has written down of the service's container."""
        return self.state_of(self.id(service))

    def record(self, name):
        """The same for one container, by name."""
        lease = os.readlink(os.path.join(self.environment["BERTH_STATE"], "names", name))
        return self.state_of(lease.split("/")[1])

    def state_of(self, id):
        with open(os.path.join(self.environment["BERTH_RUN"], "containers", id, "state.json")) as file:
            return json.load(file)

    def equal(self, seen, wanted, what="value"):
        if seen != wanted:
            raise Complaint(f"{what}: saw {seen!r}, wanted {wanted!r}")

    def true(self, fact, complaint):
        if not fact:
            raise Complaint(complaint)

    def until(self, fact, complaint, limit=20):
        """Waits until `fact()` holds."""
        end = time.monotonic() + limit
        while not fact():
            if time.monotonic() > end:
                raise Complaint(complaint)
            time.sleep(0.02)

    def close(self):
        """Takes everything down. Returns what was left."""
        left = []
        if self.compose:
            outcome = self.berth("down", "--volumes", "--timeout", "0", "--remove-orphans", code=None)
            if outcome.code != 0:
                # A file that was refused cannot be taken down by its contents.
                os.remove(self.compose)
                outcome = self.berth("-p", self.name, "down", "--volumes", "--timeout", "0", code=None)
            if outcome.code != 0:
                left.append(f"down ended with {outcome.code}: {outcome.text.strip()}")
        shutil.rmtree(self.folder, ignore_errors=True)
        return left
