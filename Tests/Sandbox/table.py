"""Makes the probe's words of any machine alike: what hangs on the machine and not on the engine is named or left out."""

import collections
import re

ID = re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b")
# Numbers that kernels since 6.1 have added: an older one does not know them, whatever the profile says.
ADDED = range(451, 500)
# Limits that come from the machine's memory, or from what its root may raise.
OF_THE_MACHINE = {"nproc", "sigpending", "nofile", "memlock", "locks", "msgqueue"}


def alike(text):
    lines = []
    for line in text.replace("\r", "").splitlines():
        line = ID.sub("ID", line)
        subject, _, fact = line.partition(": ")
        line = one(subject, fact, line)
        if line and line not in lines:
            lines.append(line)
    return lines


def one(subject, fact, line):
    """The line as any machine would say it; None to leave it out."""
    kind, _, name = subject.partition(" ")
    if kind in ("end:", "end"):
        return None
    if subject == "status NStgid":
        return "status NStgid: " + ("1" if fact == "1" else "another")
    if fact.startswith("number "):
        return re.sub(r"number (?!1,)\d+", "number another", line)
    if kind == "limit" and name in OF_THE_MACHINE:
        return f"{subject}: of the machine" if name != "nofile" else f"{subject}: soft {fact.split()[0]}"
    if kind == "calls":
        numbers = [number for number in expand(fact or line.partition(":")[2]) if number not in ADDED]
        return f"{subject}: {fold(numbers)}".rstrip()
    if kind == "mount" and name:
        return mount(name, fact)
    if kind == "hidden" and fact == "absent" or name in ("Seccomp_filters", "Speculation_Store_Bypass"):
        return None
    if line.startswith("process: label"):
        return line if "berth" in line or "docker" in line else None
    if line.startswith("process: groups"):
        return "process: groups: " + " ".join(sorted({entry.split(":", 2)[2] for entry in fact.split(": ", 1)[-1].split()}))
    if kind == "environment" and fact.startswith("HOSTNAME="):
        return "environment: HOSTNAME=ID"
    if line.startswith("descriptor "):
        return re.sub(r"pipe|socket", "pipe", line)
    return line


def mount(name, fact):
    """The flags of a mount that an engine chose; not where its source lies."""
    if name.startswith("/sys/fs/cgroup/") or "thermal_throttle" in name:
        name = re.sub(r"/sys/fs/cgroup/.*", "/sys/fs/cgroup/…", re.sub(r"cpu\d+/", "cpuN/", name))
    parts = fact.split(", ")
    kind, flags, rest = parts[0], parts[1], parts[2].removeprefix("of ")
    kept = [option for option in rest.split(",") if re.match(r"(size|mode|gid|ptmxmode|ro$|rw$|noexec)", option)]
    if kind in ("overlay", "ext4", "xfs", "btrfs", "vfs", "9p") or kind.startswith("cgroup"):
        kind, kept = {"overlay": "overlay"}.get(kind, "cgroup" if kind.startswith("cgroup") else "disk"), []
    if kind == "tmpfs" and name not in ("/dev", "/dev/shm", "/run", "/tmp") and "thermal" not in name:
        kept = [option for option in kept if option in ("ro", "rw")]
    shared = [part for part in parts[3:]]
    return f"mount {name}: {kind}, {flags}, of {','.join(kept) or 'nothing more'}" + "".join(f", {part}" for part in shared)


def expand(text):
    for part in text.split():
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def fold(numbers):
    parts, numbers = [], sorted(numbers)
    while numbers:
        last = 0
        while last + 1 < len(numbers) and numbers[last + 1] == numbers[last] + 1:
            last += 1
        parts.append(str(numbers[0]) if last == 0 else f"{numbers[0]}-{numbers[last]}")
        numbers = numbers[last + 1:]
    return " ".join(parts)


def differences(base, other):
    """Lines of one that are not in the other, by subject."""
    lacking, added = collections.Counter(base) - collections.Counter(other), collections.Counter(other) - collections.Counter(base)
    return [f"- {line}" for line in base if line in lacking] + [f"+ {line}" for line in other if line in added]
