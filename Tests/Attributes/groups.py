"""Control groups beyond limits: that they are the container's own, that nothing of them stays, and what ends with them."""

import json
import os
import signal
import time

from world import scenario

SLEEPER = "services:\n  app:\n    image: IMAGE\n    command: sleep 1000\n"


def folders(box):
    """The container's groups on the host, one for each hierarchy."""
    if "v2" in box.world.facts:
        return [box.cgroup_folder("app", "memory")]
    return [box.cgroup_folder("app", controller) for controller in ("memory", "pids", "cpu", "devices", "freezer")]


def until(condition, seconds=10):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if condition():
            return True
        time.sleep(0.05)
    return False


@scenario()
def groups_end_with_the_container(box):
    box.up(SLEEPER)
    made = folders(box)
    box.true(all(os.path.isdir(folder) for folder in made), f"no folders {made}")
    box.berth("stop", "--timeout", "0")
    box.equal([folder for folder in made if os.path.exists(folder)], [], "groups after stop")
    box.berth("start")
    again = folders(box)
    box.berth("down", "--timeout", "0")
    box.equal([folder for folder in again if os.path.exists(folder)], [], "groups after down")


@scenario()
def groups_made_inside(box):
    box.up(SLEEPER + "    privileged: true\n")
    made = folders(box)
    if "v2" in box.world.facts:
        box.inside("app", "cd /sys/fs/cgroup && mkdir -p a/b first && echo 1 > first/cgroup.procs")
        # As systemd does it: from now on the group itself takes no process.
        box.inside("app", "cd /sys/fs/cgroup && for p in $(cat cgroup.procs); do echo $p > a/b/cgroup.procs; done; "
                          "echo +pids > cgroup.subtree_control; true")
        box.equal(box.inside("app", "cat /proc/self/cgroup"), "0::/first", "where a command goes")
    else:
        box.inside("app", "cd /sys/fs/cgroup/pids && mkdir -p a/b && echo 1 > a/b/cgroup.procs")
    box.equal(box.inside("app", "echo works"), "works")
    box.berth("down", "--timeout", "0")
    box.equal([folder for folder in made if os.path.exists(folder)], [], "groups after down")


@scenario()
def groups_are_the_containers_own(box):
    box.up(SLEEPER)
    paths = {line.split(":", 2)[2] for line in box.inside("app", "cat /proc/self/cgroup").splitlines()
             if line.split(":")[1] in ("", "memory", "pids", "cpu", "devices", "freezer")}
    box.equal(paths, {"/"}, "groups as seen inside")
    written = box.inside("app", "for f in $(find /sys/fs/cgroup -type f); do (: >> $f) 2>/dev/null && echo $f; done; true")
    box.equal(written, "", "files of groups that open for writing")


@scenario("E102")
def killed_for_memory(box):
    box.up("services:\n  app:\n    image: IMAGE\n    command: tail /dev/zero\n    mem_limit: 32m\n    memswap_limit: 32m\n")
    path = os.path.join(box.environment["BERTH_STATE"], "containers", box.id("app"), "exit.json")
    box.true(until(lambda: os.path.exists(path) and "finishedAt" in open(path).read()), "it did not end")
    with open(path) as file:
        record = json.load(file)
    box.equal((record["exitCode"], record["oomKilled"]), (137, True), "how it ended")


@scenario()
def lost_supervisor(box):
    box.up(SLEEPER)
    made, pid = folders(box), int(box.pid("app"))
    with open(f"/proc/{pid}/stat") as file:
        shim = int(file.read().rpartition(")")[2].split()[1])
    os.kill(shim, signal.SIGKILL)
    box.true(until(lambda: is_gone(pid)), "the container outlives its supervisor")
    box.berth("up", "-d")
    box.equal(box.inside("app", "echo works"), "works")
    box.equal([folder for folder in made if os.path.exists(folder) and box.id("app") not in folder], [], "groups of the lost one")


def is_gone(pid):
    """Whether the process has ended, waited for or not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
