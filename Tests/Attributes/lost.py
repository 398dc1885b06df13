"""Containers whose supervisor is killed: each is gone within two seconds, whatever has become of its processes, nothing of
it stays, and the next `up` starts it once."""

import glob
import json
import os
import random
import select
import shutil
import signal
import time

from leaks import footprint, note_ids, nothing_left
from namespaces import SLEEP, poll
from world import scenario

SECONDS = 2
# Who changes its user, or runs a set-uid file, does not get the signal of its parent's death any more.
OTHER_USER = "su -s /bin/sh nobody -c 'exec sleep 1000'"
DAEMONS = "for i in 1 2 3; do setsid sh -c 'sleep 1000 & sleep 1000 &'; done; exec " + OTHER_USER
# How many processes each has when it is up.
PROCESSES = {"plain": 1, "user": 1, "set-uid": 1, "daemons": 7, "terminal": 1, "init": 2, "guest": 7, "host": 7, "probed": 2,
             "again": 1, "port": 1}


def shell(text):
    return "command: " + json.dumps(["sh", "-c", text.replace("$", "$$")])


SERVICES = {
    "plain": ["command: sleep 1000"],
    "user": [shell("exec " + OTHER_USER)],
    "set-uid": ["user: '65534'", "volumes: ['./set-uid:/set-uid:ro']", "command: ['/set-uid/sleep', '1000']"],
    "daemons": [shell(DAEMONS)],
    "terminal": ["tty: true", "stdin_open: true", shell("exec " + OTHER_USER)],
    "init": ["init: true", shell("exec " + OTHER_USER)],
    "guest": ["pid: service:plain", shell(DAEMONS)],
    "host": ["pid: host", shell(DAEMONS)],
    "probed": ["healthcheck: {test: [CMD, su, '-s', /bin/sh, nobody, '-c', exec sleep 1000], timeout: 1000s}",
               shell("exec " + OTHER_USER)],
    "again": ["restart: always", shell("exec " + OTHER_USER)],
    "port": ["ports: ['127.0.0.1::80']", shell("exec " + OTHER_USER)],
}


def make_project(box):
    os.makedirs(box.path("set-uid"))
    os.chmod(shutil.copy(shutil.which("busybox"), box.path("set-uid", "sleep")), 0o4755)
    box.file("services:\n" + "".join(
        f"  {name}:\n    image: IMAGE\n    stop_grace_period: 0s\n" + "".join(f"    {line}\n" for line in lines)
        for name, lines in SERVICES.items()))


class Project:
    """The containers of the project as they stand between two kills."""

    def __init__(self, box):
        self.box = box
        self.ids = {service: box.id(service) for service in PROCESSES}
        self.folders = {}

    def wait_until_up(self, services=tuple(PROCESSES)):
        """Until each has its processes; more than that would be a second copy."""
        for service in services:
            self.folders[service] = self.box.cgroup_folder(service, "pids")
            self.box.until(lambda: self.is_up(service), f"{service} has not {PROCESSES[service]} processes")

    def is_up(self, service):
        pids = members(self.folders[service])
        return (len(pids) == PROCESSES[service] and set(pids) == self.everywhere(service)
                and not {name_and_parent(pid)[0] for pid in pids} & {"sh", "su", "setsid", "busybox", None})

    def everywhere(self, service):
        """All processes that are in a group of this container's name."""
        found = set()
        for process in glob.glob("/proc/[0-9]*"):
            try:
                with open(process + "/cgroup") as file:
                    if "/" + self.ids[service] in file.read():
                        found.add(int(process.removeprefix("/proc/")))
            except OSError:
                continue
        return found

    def shim(self, service):
        return self.box.state_of(self.ids[service])["shimPid"]

    def status(self):
        rows = map(json.loads, self.box.berth("ps", "--all", "--format", "json").out.splitlines())
        return {row["Service"]: (row["State"], row["ExitCode"]) for row in rows}


def members(folder):
    try:
        with open(folder + "/cgroup.procs") as file:
            return [int(line) for line in file]
    except OSError:
        return []


def guard_of(shim):
    """Its parent; when that was killed, a child."""
    parent = name_and_parent(shim)[1]
    if name_and_parent(parent)[0] == "berth-guard":
        return parent
    numbers = (int(process.removeprefix("/proc/")) for process in glob.glob("/proc/[0-9]*"))
    return next((pid for pid in numbers if name_and_parent(pid) == ("berth-guard", shim)), None)


def name_and_parent(pid):
    """(None, None) of one that has ended, reaped or not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            name, rest = file.read().split("(", 1)[1].rsplit(")", 1)
    except OSError:
        return None, None
    state, parent = rest.split()[:2]
    return (None, None) if state == "Z" else (name, int(parent))


def hold(pids):
    """Handles of processes: a number may be given to another one, a handle may not."""
    return {pid: os.pidfd_open(pid) for pid in pids}


def have_ended(box, held, what):
    """Each within two seconds of now; closes the handles."""
    end = time.monotonic() + SECONDS * (10 if "BERTH_ATTRIBUTES_LAYOUT" in os.environ else 1)
    try:
        for pid, handle in held.items():
            if not select.select([handle], [], [], max(0, end - time.monotonic()))[0]:
                with open(f"/proc/{pid}/cmdline") as file:
                    box.true(False, f"{what}: {file.read()!r} lives on")
    finally:
        for handle in held.values():
            os.close(handle)


@scenario("F-03", alone=True)
def lost_supervisors(box):
    """Shims killed one after the other, containers of every kind in turn; some paused, some with a command in them, some
    without the guard that they were born with."""
    before = footprint(box)
    with open("/proc/self/mountinfo") as file:
        mounts = file.read()
    make_project(box)
    box.berth("up", "-d")
    note_ids(box)
    project = Project(box)
    project.wait_until_up()
    chance = random.Random(3)
    kills = 500 if box.world.is_long else 100
    order = [service for _ in range(kills // len(PROCESSES) + 1) for service in chance.sample(sorted(PROCESSES), len(PROCESSES))]
    for number, service in enumerate(order[:kills]):
        kill_one(box, project, service, number)
    box.berth("down", "--volumes", "--timeout", "0")
    nothing_left(box, before)
    with open("/proc/self/mountinfo") as file:
        box.equal(file.read(), mounts, "the mount table")


def kill_one(box, project, service, number):
    victims = {service} | ({"guest"} if service == "plain" else set())
    others = {each: box.state_of(project.ids[each])["pid"] for each in set(PROCESSES) - victims}
    shim, pids = project.shim(service), {pid for each in victims for pid in members(project.folders[each])}
    if number % 3 == 1:
        box.berth("exec", "-d", service, *(["sh", "-c", OTHER_USER] if service != "set-uid" else ["sleep", "1000"]))
        pids |= set(members(project.folders[service]))
    if number % 4 == 2:
        box.berth("pause", service)
    if number % 5 == 3:
        guard = guard_of(shim)
        os.kill(guard, signal.SIGKILL)
        poll(box, "another guard", lambda: guard_of(shim) not in (None, guard))
    held = hold(pids | {shim, guard_of(shim)})
    os.kill(shim, signal.SIGKILL)
    have_ended(box, held, f"kill {number}, of {service}")
    box.true(not os.path.exists(project.folders[service]), f"the group of {service} has stayed")
    box.true(not glob.glob(f"{box.environment['BERTH_RUN']}/networks/*/*/{project.ids[service]}"), f"names of {service}")
    status = project.status()
    box.equal(status[service], ("dead", 137), f"{service} after kill {number}")
    if service == "plain":
        poll(box, "the end of the guest", lambda: project.status()["guest"] == ("exited", 137))
    box.berth("up", "-d")
    project.wait_until_up(victims)
    box.equal(set(project.status().values()), {("running", 0)}, f"all containers after kill {number}, of {service}, and `up`")
    box.equal({each: box.state_of(project.ids[each])["pid"] for each in others}, others, "processes of all others")


@scenario("F-04", alone=True)
def lost_with_their_guards(box):
    """Every process of berth killed at once: what no longer has anybody is ended by the next command, before it starts
    anything."""
    before = footprint(box)
    make_project(box)
    for number in range(20 if box.world.is_long else 4):
        box.berth("up", "-d")
        note_ids(box)
        project = Project(box)
        project.wait_until_up()
        # The guest before the one whose processes it shares: it would end with those.
        shims = [project.shim(service) for service in reversed(PROCESSES)]
        held = hold(pid for service in PROCESSES for pid in members(project.folders[service]))
        for guard, shim in [(guard_of(shim), shim) for shim in shims]:
            os.kill(guard, signal.SIGKILL)
            os.kill(shim, signal.SIGKILL)
        poll(box, "the end of all", lambda: set(project.status().values()) == {("dead", 137)})
        box.berth(*(["up", "-d"] if number % 2 else ["down", "--timeout", "0"]))
        have_ended(box, held, f"round {number}")
        if number % 2:
            project.wait_until_up()
    box.berth("down", "--timeout", "0")
    nothing_left(box, before)


@scenario("F-03", alone=True)
def commands_at_once_after_the_loss(box):
    """A command that meets guards at work waits for them: no container is ended that it has just started."""
    before = footprint(box)
    make_project(box)
    box.berth("up", "-d")
    for number in range(25 if box.world.is_long else 5):
        note_ids(box)
        project = Project(box)
        project.wait_until_up()
        held = hold(pid for service in PROCESSES for pid in members(project.folders[service]))
        # The guest before the one whose processes it shares: it would end with those.
        shims = [project.shim(service) for service in reversed(PROCESSES)]
        for shim in shims:
            os.kill(shim, signal.SIGKILL)
        if number % 2:
            box.equal(set(project.status().values()), {("dead", 137)}, "containers of killed shims")
        box.berth(*[["up", "-d"], ["start"], ["down"]][number % 3])
        have_ended(box, held, f"round {number}")
        if number % 3 == 2:
            nothing_left(box, before)
            box.berth("up", "-d")
    box.berth("down", "--timeout", "0")
    nothing_left(box, before)


@scenario("F-03", "C54", alone=True)
def lost_one_offs(box):
    """One that is to be removed at its end is removed, and nothing of it stays."""
    before = footprint(box)
    box.file("services:\n  app:\n" + SLEEP + "    ports: ['127.0.0.1::80']\n")
    for options in [["--rm"], []]:
        name = "one-off"
        box.berth("run", "-d", "--service-ports", "--name", name, *options, "app", "sh", "-c", OTHER_USER)
        note_ids(box)
        state = box.record(name)
        held = hold([state["pid"], state["shimPid"], guard_of(state["shimPid"])])
        os.kill(state["shimPid"], signal.SIGKILL)
        have_ended(box, held, "the one-off")
        rows = box.berth("ps", "--all", "--format", "json", "--orphans", code=None).out
        box.equal(name in rows, not options, f"whether it is listed, with {options}")
        box.true(not glob.glob(box.environment["BERTH_RUN"] + "/networks/*/ports/*"), "its port")
    box.berth("down", "--timeout", "0", "--remove-orphans")
    nothing_left(box, before)
