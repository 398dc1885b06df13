"""Containers that do not want to go, and what is left when berth or a container is killed at any moment: nothing. Each
scenario is alone on its machine, whose mounts, links, rules, groups and processes it compares."""

import glob
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time

from namespaces import SLEEP, poll, services
from world import scenario

KILLS = 60
WRAPS = 3
ids = set()


def footprint(box):
    """What there is on this machine that berth could leave: one line for each thing."""
    found = set()
    with open("/proc/self/mountinfo") as file:
        found |= {"mount " + line.split(" - ")[0].split()[4] for line in file}
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    found |= {"link " + line.split(": ")[1].split("@")[0] for line in links.splitlines()}
    rules = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout
    found |= {"rules " + line for line in rules.splitlines()}
    run = box.environment["BERTH_RUN"]
    found |= {"running " + path for path in glob.glob(run + "/containers/*")}
    found |= {"name " + path for path in glob.glob(run + "/networks/*/names/*")}
    found |= {"lease " + path for path in glob.glob(box.environment["BERTH_STATE"] + "/networks/*/leases/*")}
    for process in glob.glob("/proc/[0-9]*"):
        try:
            with open(process + "/cmdline", "rb") as file:
                words = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if box.world.folder in words and "run.py" not in words:
            found.add(f"process {process.removeprefix('/proc/')} {words}")
    note_ids(box)
    for own in groups():
        # Others on this machine may use berth too.
        found |= {"group " + folder for folder in glob.glob(own + "/berth*/*/")
                  if os.path.basename(folder.rstrip("/")) in ids}
        found |= {"group " + folder for folder in glob.glob(own + "/berth-leaks*/")}
    return found


def note_ids(box):
    """Remembers the containers that there are: their groups must not outlive them."""
    ids.update(os.path.basename(folder) for folder in glob.glob(box.environment["BERTH_STATE"] + "/containers/*"))


def groups():
    """The groups that we stand in ourselves, below which berth makes its own."""
    with open("/proc/self/cgroup") as file:
        lines = [line.rstrip("\n").split(":", 2) for line in file]
    with open("/proc/self/mountinfo") as file:
        mounts = [(line.split()[4], line.split(" - ")[1].split()) for line in file]
    for folder, kind in mounts:
        for _, names, path in lines:
            if kind[0] == "cgroup" and names and set(names.split(",")) <= set(kind[2].split(",")):
                yield folder + path.rstrip("/")
            elif kind[0] == "cgroup2" and not names:
                yield folder


def nothing_left(box, before):
    end = time.monotonic() + 20
    while left := footprint(box) - before:
        box.true(time.monotonic() < end, "left behind:\n    " + "\n    ".join(sorted(left)[:20]))
        time.sleep(0.05)


SHARING = services(
    ("web", "ipc: shareable"),
    ("guest", "network_mode: service:web", "pid: service:web", "ipc: service:web"),
    ("seer", "pid: host", "cgroup_parent: berth-leaks", "ports: ['127.0.0.1::80']"))


@scenario("F-24", "E104", alone=True)
def ignores_sigterm(box):
    """Each stop ends in its grace and a second, however many there are."""
    box.up("services:\n  app:\n    image: IMAGE\n    scale: 6\n    stop_grace_period: 1s\n"
           "    command: ['sh', '-c', \"trap '' TERM INT HUP; while :; do sleep 1000; done\"]\n")
    begun = time.monotonic()
    box.berth("stop")
    spent = time.monotonic() - begun
    box.true(1 <= spent < 2, f"stopping took {spent:.1f} s, the grace is 1 s")
    out = box.berth("ps", "--all", "--format", "json").out
    box.equal(out.count('"ExitCode":137'), 6, "containers that were killed")


@scenario("F-25", "E101", alone=True)
def zombies(box):
    orphans = "i=0; while [ $$i -lt 2000 ]; do (true &); i=$$((i + 1)); done"
    box.up(f"services:\n  app:\n    image: IMAGE\n    init: true\n    stop_grace_period: 20s\n"
           f"    command: ['sh', '-c', \"trap 'exit 5' TERM; {orphans}; echo made; while :; do sleep 0.1; done\"]\n"
           f"  shared:\n    image: IMAGE\n    init: true\n    pid: service:app\n    stop_grace_period: 0s\n"
           f"    command: ['sh', '-c', \"{orphans}; echo made; sleep 1000\"]\n")
    for service in ["app", "shared"]:
        poll(box, f"all orphans of {service}", lambda: "made" in box.log(service), 40)
    poll(box, "no zombies", lambda: box.inside("app", "grep -l 'State:.Z' /proc/[0-9]*/status 2>/dev/null; true") == "")
    begun = time.monotonic()
    box.berth("stop")
    box.true(time.monotonic() - begun < 10, "the init did not pass the signal on")
    box.true('"ExitCode":5' in box.berth("ps", "--all", "--format", "json", "app").out, "exit code of the handler")


@scenario("F-26", "A79", alone=True)
def fork_bomb(box):
    """With a limit, and without one of its own: no limit is berth's own doing, as with docker."""
    bomb = "    command: ['sh', '-c', 'b() { b | b & }; b; sleep 1000']\n    stop_grace_period: 0s\n"
    parent = f"berth-bomb-{os.getpid()}"
    limited = f"services:\n  app:\n    image: IMAGE\n    pids_limit: 200\n{bomb}"
    # What bounds the second one is not the container's: this machine has other guests.
    free = f"services:\n  app:\n    image: IMAGE\n    cgroup_parent: {parent}\n{bomb}"
    bound = [own + "/" + parent for own in groups() if os.path.exists(own + "/cgroup.procs") and is_of_pids(box, own)]
    for folder in bound:
        os.mkdir(folder)
        with open(folder + "/pids.max", "w") as file:
            file.write("1000")
    try:
        for compose, most in [(limited, 200), (free, 1000)]:
            box.up(compose)
            poll(box, "the bomb to go off", lambda: int(box.cgroup("app", "pids", "pids.current")) > most / 2)
            own = box.cgroup("app", "pids", "pids.max")
            box.equal(own, "200" if most == 200 else "max", "the container's own limit")
            end = time.monotonic() + 2
            while time.monotonic() < end:
                begun = time.monotonic()
                box.berth("ps")
                box.true(time.monotonic() - begun < 1, "berth ps took more than a second beside it")
            begun = time.monotonic()
            box.berth("down", "--timeout", "0")
            box.true(time.monotonic() - begun < 15, f"down took {time.monotonic() - begun:.0f} s")
    finally:
        for folder in bound:
            os.rmdir(folder)


def is_of_pids(box, folder):
    if "v2" in box.world.facts:
        with open(folder + "/cgroup.controllers") as file:
            if "pids" not in file.read().split():
                return False
        with open(folder + "/cgroup.subtree_control", "w") as file:
            file.write("+pids")
        return True
    return "/pids" in folder


@scenario("F-27", alone=True)
def few_descriptors(box):
    """With too few descriptors berth says so, whenever it runs out, and leaves nothing."""
    before = footprint(box)
    box.file(services(("app", "ports: ['127.0.0.1::80']")))
    failed = 0
    for limit in [4, 6, 9, 12, 16, 20, 26, 32, 64]:
        def lower(limit=limit):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

        done = subprocess.run([box.world.berth, "up", "-d"], cwd=box.folder, env=box.environment, capture_output=True,
                              text=True, timeout=60, preexec_fn=lower, stdin=subprocess.DEVNULL)
        box.true(0 <= done.returncode <= 125 or done.returncode == 127,
                 f"with {limit} descriptors it ended with {done.returncode}: {done.stderr}")
        if done.returncode == 127:
            box.true("error while loading shared libraries" in done.stderr, f"127 of its own: {done.stderr}")
        if done.returncode != 0:
            failed += 1
            box.true(done.stderr.strip(), f"with {limit} descriptors it failed and said nothing")
        box.berth("down", "--timeout", "0")
    box.true(failed > 3, "it was never short of descriptors")
    nothing_left(box, before)


@scenario("F-28", "F-30", "F-01", alone=True)
def random_kills(box):
    """berth, shims, guards and programs, killed at random moments of `up` and `down`."""
    before = footprint(box)
    with open("/proc/self/mountinfo") as file:
        mounts = file.read()
    chance = random.Random(5)
    box.file(SHARING)
    for kill in range(KILLS):
        verb = ["up", "-d"] if kill % 4 else ["down", "--timeout", "0"]
        command = subprocess.Popen([box.world.berth, *verb], cwd=box.folder, env=box.environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        try:
            command.wait(chance.random() * 0.3)
        except subprocess.TimeoutExpired:
            pass
        note_ids(box)
        victims = [command.pid] if command.poll() is None and chance.random() < 0.6 else processes(box)
        if victims:
            try:
                os.kill(chance.choice(sorted(victims)), signal.SIGKILL)
            except ProcessLookupError:
                pass
        command.wait(60)
    box.up()
    note_ids(box)
    for service in ["web", "guest", "seer"]:
        poll(box, f"{service} to run", lambda: box.berth("exec", "-T", service, "true", code=None).code == 0)
    box.berth("down", "--timeout", "0")
    nothing_left(box, before)
    with open("/proc/self/mountinfo") as file:
        box.equal(file.read(), mounts, "the mount table")


def processes(box):
    """Shims of this project and the programs that they watch."""
    found = []
    for path in glob.glob(box.environment["BERTH_RUN"] + "/containers/*/state.json"):
        try:
            state = box.state_of(os.path.basename(os.path.dirname(path)))
        except (OSError, ValueError):
            continue
        found += [state[key] for key in ["pid", "shimPid"] if state.get(key)]
    return [pid for pid in found if is_ours(box, pid)]


def is_ours(box, pid):
    """The record may be of one that has ended: nobody else's process is to be killed."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().replace(b"\0", b" ")
    except OSError:
        return False
    return words == b"sleep 1000 " or words.startswith(b"berth-shim run") and box.world.folder.encode() in words


@scenario("F-29", alone=True)
def held_folders(box):
    """Somebody who holds a folder open does not keep it from being removed."""
    before = footprint(box)
    for _ in range(2):
        box.up("services:\n  app:\n" + SLEEP + "    volumes: ['data:/data']\nvolumes: {data: {}}\n")
        box.inside("app", "mkdir -p /data/deep /deep; echo x > /deep/file")
        state = box.environment["BERTH_STATE"]
        held = [os.path.join(state, "containers", box.id("app"), "upper", "deep"),
                os.path.join(state, "volumes", f"{box.name}_data", "data", "deep")]
        holders = [subprocess.Popen(["sleep", "1000"], cwd=folder) for folder in held]
        try:
            box.berth("down", "--volumes", "--timeout", "0")
            for folder in held:
                box.true(not os.path.exists(folder), f"{folder} is left")
        finally:
            for holder in holders:
                holder.kill()
                holder.wait()
    nothing_left(box, before)


@scenario("S-20", "F-30", needs=["own pid_max"], alone=True)
def reused_pids(box):
    """In a pid namespace of 400 numbers: after a shim was killed its number and its program's are given to bystanders,
    and nobody touches them."""
    box.file(SHARING)
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-B", __file__, box.world.berth],
        cwd=box.folder, env=box.environment, capture_output=True, text=True, timeout=120)
    box.equal((done.returncode, done.stdout.strip()), (0, f"{WRAPS} rounds"), f"what the inner side says ({done.stderr})")


def inner(berth):
    """The first process of the small pid namespace."""
    with open("/proc/sys/kernel/pid_max", "w") as file:
        file.write("400")
    # Numbers below 300 are given only once.
    while burn() < 300:
        pass
    bystanders = {}
    for _ in range(WRAPS):
        subprocess.run([berth, "up", "-d"], check=True, capture_output=True)
        numbers = set()
        for path in glob.glob(os.environ["BERTH_RUN"] + "/containers/*/state.json"):
            with open(path) as file:
                state = json.load(file)
            numbers |= {state["pid"], state["shimPid"]}
            os.kill(state["shimPid"], signal.SIGKILL)
        end = time.monotonic() + 20
        wanted = set(numbers)
        while wanted and time.monotonic() < end:
            # Orphans are ours to reap: this is the first process.
            other = subprocess.Popen(["sleep", "1000"])
            if other.pid in wanted:
                wanted.discard(other.pid)
                bystanders[other.pid] = other
            else:
                other.kill()
                other.wait()
            reap(bystanders)
        if wanted:
            sys.exit(f"the numbers {wanted} did not come round")
        for verb in [["ps", "--all"], ["up", "-d"], ["down", "--timeout", "0"]]:
            subprocess.run([berth, *verb], check=True, capture_output=True)
        gone = [pid for pid, other in bystanders.items() if other.poll() is not None]
        if gone:
            sys.exit(f"bystanders were ended: {gone}")
        for other in bystanders.values():
            other.kill()
            other.wait()
        bystanders.clear()
    print(f"{WRAPS} rounds")


def burn():
    """Uses up one number; which."""
    other = subprocess.Popen(["true"])
    other.wait()
    return other.pid


def reap(bystanders):
    """Takes ended orphans from the list of processes, which would keep their numbers."""
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as file:
                pid, rest = int(path.split("/")[2]), file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if rest[0] == "Z" and rest[1] == "1" and pid not in bystanders:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass


if __name__ == "__main__":
    inner(sys.argv[1])
