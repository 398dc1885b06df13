"""What both attackers stand on: a private world, berth run in it under a limit, and what may not change.

The programs run themselves again in a network and mount namespace of their own, on a tmpfs: what berth
reaches there is what they made, and what it mounts is gone with them.
"""

import concurrent.futures
import hashlib
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time

MIB = 1 << 20
INSIDE = "BERTH_HOSTILE_INSIDE"
# What a crash of a Swift program, or of one below it, says.
CRASH = re.compile(r"Fatal error|Stack dump|Backtrace|crashed|Illegal instruction|SIG(ILL|TRAP|SEGV|ABRT)"
                   r"|Swift/\w+\.swift:\d+|signal (4|5|6|7|8|11)\b|stack smashing|\*\*\* ")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def enter(addresses=(), size="1500m"):
    """Runs the program again in namespaces of its own. Returns the working folder there."""
    if os.geteuid() != 0:
        print("hostile: not root, so nothing is tried")
        sys.exit(0)
    if INSIDE not in os.environ:
        folder = tempfile.mkdtemp(prefix="berth-hostile-")
        os.environ[INSIDE] = folder
        command = ["unshare", "--net", "--mount", "--ipc", "--propagation", "private", sys.executable, "-B"]
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            sys.exit(subprocess.call(command + sys.argv))
        except KeyboardInterrupt:
            sys.exit(130)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    folder = os.environ[INSIDE]
    call("ip", "link", "set", "lo", "up")
    for address in addresses:
        call("ip", "address", "add", address, "dev", "lo")
    # Attributes of users on tmpfs came with kernel 6.6; on older ones the disk is used.
    call("mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", folder)
    if not can_hold_attributes(folder):
        call("umount", folder)
    return folder


def call(*command, quiet=False):
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL if quiet else None)


def can_hold_attributes(folder):
    path = os.path.join(folder, "probe")
    open(path, "w").close()
    try:
        os.setxattr(path, "user.probe", b"1")
        return True
    except OSError:
        return False
    finally:
        os.unlink(path)


# What is there, field by field.


def attributes(path):
    names = os.listxattr(path, follow_symlinks=False)
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in sorted(names)}


def describe(top):
    """`{path: fields}` of a folder and all below: all but the time of the last look."""
    top = os.fsencode(top)
    found = {}
    waiting = [b"."]
    while waiting:
        name = waiting.pop()
        path = os.path.join(top, name)
        status = os.lstat(path)
        content = None
        if stat.S_ISDIR(status.st_mode):
            waiting += [os.path.join(name, child) for child in os.listdir(path)]
        elif stat.S_ISLNK(status.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(status.st_mode):
            content = hashlib.sha256(open(path, "rb").read()).hexdigest()
        found[name] = (
            oct(status.st_mode), status.st_uid, status.st_gid, status.st_size, status.st_mtime_ns,
            status.st_ctime_ns, status.st_nlink, status.st_ino, status.st_rdev, attributes(path), content)
    return found


def make_canary(top):
    """A folder with one of everything that an attack may want to change."""
    os.makedirs(os.path.join(top, "sub"))

    def write(name, mode):
        path = os.path.join(top, name)
        with open(path, "w") as file:
            file.write("canary " + name)
        os.chmod(path, mode)
        os.utime(path, (1000, 2000))
        return path

    marked = write("file", 0o640)
    os.setxattr(marked, "user.mark", b"canary")
    write("program", 0o4755)
    os.chown(write("sub/owned", 0o600), 1234, 4321)
    os.link(write("linked", 0o644), os.path.join(top, "sub/again"))
    os.symlink("file", os.path.join(top, "link"))
    os.mkfifo(os.path.join(top, "pipe"), 0o600)
    os.mkdir(os.path.join(top, "empty"), 0o700)


def mounts():
    """What is mounted, without the numbers that only count."""
    with open("/proc/self/mountinfo") as file:
        return sorted(" ".join(line.split()[3:]) for line in file)


# Running berth.


class Outcome:
    def __init__(self, code, out, err, seconds, peak, hung, left):
        self.code, self.out, self.err = code, out, err
        self.seconds, self.peak, self.hung, self.left = seconds, peak, hung, left

    @property
    def text(self):
        return self.out + self.err

    def faults(self):
        """What no run may ever show."""
        found = []
        if self.hung:
            found.append("hang: not ended in time")
        elif self.code < 0 or self.code > 130 or CRASH.search(self.text):
            found.append(f"crash: status {self.code}: {first_line(CRASH, self.text)}")
        if CONTROL.search(self.err):
            found.append(f"control characters in its messages: {self.err[:200]!r}")
        if len(self.text) > 64 << 10:
            found.append(f"{len(self.text)} bytes of messages")
        if self.left:
            found.append(f"processes left: {self.left}")
        return found


def first_line(pattern, text):
    return next((line for line in text.splitlines() if pattern.search(line)), "")[:200]


def read_status(pid, *names):
    try:
        with open(f"/proc/{pid}/status") as file:
            found = dict(line.split(":", 1) for line in file)
        return [found.get(name, "0").split()[0] for name in names]
    except (OSError, IndexError):
        return None


def family(pid):
    """The process and all that descend from it."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/children") as file:
                    waiting += [int(child) for child in file.read().split()]
        except OSError:
            continue
    return found


def in_session(session):
    """Processes of a session, without those that have ended."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in "ZX" and int(fields[3]) == session:
            found.append(int(name))
    return found


def memory(pids):
    """The sum of what each of them held at most, in KiB, without the pages of program files: those are
    the same for all and can be dropped at any time."""
    marks = [read_status(pid, "VmHWM", "RssFile") for pid in pids]
    return sum(max(0, int(mark[0]) - int(mark[1])) for mark in marks if mark)


def processor_seconds(pids):
    """What they and their children that have ended took."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat") as file:
                total += sum(int(field) for field in file.read().rpartition(")")[2].split()[11:15])
        except OSError:
            continue  # ended meanwhile: its parent counts it
    return total / os.sysconf("SC_CLK_TCK")


def run_berth(command, folder, environment, limit, interrupt=None, may_leave=False, busy=None):
    """Runs in `folder` with its own session, for `limit` seconds at most; `busy` are seconds of processors,
    which a crowded machine lengthens least. `interrupt` sends SIGINT after so many seconds."""
    out, err = (tempfile.TemporaryFile() for _ in range(2))
    begun = time.monotonic()
    child = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
        start_new_session=True)
    peak, hung = 0, False
    while child.poll() is None:
        spent = time.monotonic() - begun
        all_of_it = family(child.pid)
        peak = max(peak, memory(all_of_it))
        if interrupt is not None and spent > interrupt:
            child.send_signal(signal.SIGINT)
            interrupt = None
        if spent > limit or (busy and spent > busy and processor_seconds(all_of_it) > busy):
            hung = True
            for pid in in_session(child.pid):
                kill(pid)
            child.wait()
            break
        time.sleep(0.004 if spent < 1 else 0.02)
    seconds = time.monotonic() - begun
    left = [] if may_leave else wait_for_end(child.pid)
    texts = []
    for file in (out, err):
        file.seek(0)
        texts.append(file.read(MIB).decode("utf-8", "surrogateescape"))
        file.close()
    return Outcome(child.returncode, *texts, seconds, peak, hung, left)


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has ended meanwhile


def wait_for_end(session):
    """Names of processes that outlive their leader by more than a moment; they are ended."""
    for _ in range(100):
        if not in_session(session):
            return []
        time.sleep(0.02)
    names = []
    for pid in in_session(session):
        names.append((read_status(pid, "Name") or ["?"])[0])
        kill(pid)
    return names


# Many cases at once.


def select(cases, names):
    """Those whose name begins so."""
    if not names:
        return cases
    chosen = [case for case in cases if any(case.name.startswith(name) for name in names)]
    if not chosen:
        sys.exit(f"error: no case `{names[0]}`; --list shows all")
    return chosen


def in_parallel(jobs, work, cases):
    """Calls `work(case)` for each, `jobs` at a time, and prints what it complains of as it comes.
    Returns `[(case, complaints)]`."""
    lock = threading.Lock()

    def one(case):
        begun = time.monotonic()
        try:
            found = work(case)
        except Exception as error:  # a fault of ours must fail the run as well
            found = [f"the case itself failed: {type(error).__name__}: {error}"]
            if os.environ.get("BERTH_HOSTILE_TRACE"):
                import traceback
                traceback.print_exc()
        with lock:
            for complaint in found:
                print(f"  {case.name}: {complaint}", flush=True)
            if os.environ.get("BERTH_HOSTILE_TIMES"):
                print(f"    {case.name} {time.monotonic() - begun:.1f} s, +{(case.peak or 0) // 1024} MiB", flush=True)
        return case, found

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, cases))


def count(results, word):
    return sum(any(complaint.startswith(word) for complaint in found) for _, found in results)
