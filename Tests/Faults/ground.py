"""What there is of berth on a machine, as lines, so that before can be compared with after."""

import glob
import json
import os
import subprocess
import time

from world import Complaint

# Ids of all containers that were seen: what bears one of them must be gone with it. Others on this machine use berth
# too.
ids = set()


def note_ids(box):
    for folder in (box.environment["BERTH_STATE"], box.environment["BERTH_RUN"]):
        ids.update(os.path.basename(path) for path in glob.glob(folder + "/containers/*"))


def lines(box):
    """One line for each mount, link, rule, route, socket, group, process and file that berth could leave."""
    note_ids(box)
    return kernel() | groups() | processes(box) | files(box)


def kernel():
    found = set()
    with open("/proc/self/mountinfo") as file:
        found |= {"mount " + line.split(" - ")[0].split()[4] for line in file}
    for name, command in (("link", ["ip", "-o", "link"]), ("route", ["ip", "-4", "route", "show", "table", "all"])):
        for line in output(command):
            found.add(f"{name} " + (line.split(": ")[1].split("@")[0] if name == "link" else line.strip()))
    # A rule may be there twice, or stand in two chains.
    chain = ""
    for number, line in enumerate(output(["nft", "-s", "list", "ruleset"])):
        chain = line.strip() if line.rstrip().endswith("{") else chain
        found.add(f"rule {chain} {line.strip()}")
    for name in ("tcp", "tcp6", "udp", "udp6"):
        with open(f"/proc/self/net/{name}") as file:
            for line in file.readlines()[1:]:
                words = line.split()
                if words[3] == "0A" or name[:3] == "udp":
                    found.add(f"socket {name} {words[1]}")
    for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        with open(f"/proc/sys/net/{name}") as file:
            found.add(f"switch {name} {file.read().strip()}")
    return found


def output(command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def groups():
    with open("/proc/self/mountinfo") as file:
        mounts = [line.split(" - ") for line in file]
    tops = {left.split()[4] for left, right in mounts if right.split()[0] in ("cgroup", "cgroup2")}
    return {"group " + folder for top in tops for folder, _, _ in os.walk(top) if os.path.basename(folder) in ids}


def processes(box):
    """By their words, their environment and their groups."""
    found, own = set(), box.world.environment["BERTH_RUN"].encode()
    for process in glob.glob("/proc/[0-9]*"):
        if process == f"/proc/{os.getpid()}":
            continue
        try:
            words = read(process + "/cmdline")
            stands = {part.rsplit("/", 1)[-1] for part in read(process + "/cgroup").decode().split("\n")}
            if words and (own in words or own in read(process + "/environ") or stands & ids):
                told = words.replace(bytes(1), b" ").decode(errors="replace")
                found.add(f"process {process.removeprefix('/proc/')} {told}")
        except OSError:
            continue  # it has ended meanwhile
    return found


def read(path):
    with open(path, "rb") as file:
        return file.read()


def files(box):
    found = set()
    state, run = box.environment["BERTH_STATE"], box.environment["BERTH_RUN"]
    for top in (state, run):
        for folder, folders, names in os.walk(top):
            # What stays by its nature: images, what has happened, what is known of contexts that do not change.
            for own, name in ((state, "images"), (run, "events"), (os.path.join(state, "builds"), "digests")):
                if folder == own and name in folders:
                    folders.remove(name)
            found |= {"file " + os.path.join(folder, name) for name in folders + names}
    return found


def compare(box, before, limit=10):
    """Complains of what is there that was not, and the other way round. The kernel takes links down some time after
    their namespaces, and shims end a moment after their containers."""
    end = time.monotonic() + limit
    while True:
        after = lines(box)
        if after == before:
            return
        if time.monotonic() > end:
            told = ["+ " + line for line in sorted(after - before)] + ["- " + line for line in sorted(before - after)]
            raise Complaint(f"{len(told)} lines differ:\n    " + "\n    ".join(told[:12]))
        time.sleep(0.03)


def rows(box, *words):
    """What `ps` says of each container."""
    return [json.loads(line) for line in box.berth("ps", "-a", "--format", "json", *words).out.splitlines()]


def figures(box, text):
    """Printed whether anything failed or not."""
    print(f"  {box.name}: {text}", flush=True)
