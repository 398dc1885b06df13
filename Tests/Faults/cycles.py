"""What many rounds leave: nothing. And networks that are full, and very many containers."""

import glob
import ipaddress
import os
import time

import ground
from crashes import FIRST, answer
from world import scenario


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def memory(pids):
    """Proportional memory in KiB."""
    found = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            found += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return found


def shims(box):
    """All processes of berth that run for containers of this store."""
    return [int(line.split()[1]) for line in ground.processes(box) if " berth-shim " in line]


@scenario("F-20", "F-28", "F-30", alone=True)
def rounds_leave_nothing(box):
    """Up and down, again and again: before is after, each time."""
    box.file(FIRST)
    before, rounds = None, 200 if box.world.is_long else 10
    for number in range(rounds + 1):
        box.berth("up", "-d")
        if number % 10 == 0:
            box.until(lambda: answer(18570) == "first", f"port 18570 says {answer(18570)} in round {number}")
        box.berth("down", "-v")
        before = before or ground.lines(box)
        ground.compare(box, before)
    ground.figures(box, f"{rounds} rounds, each with 4 containers, 2 networks, 2 volumes and 2 ports")


@scenario("F-20", alone=True)
def full_network(box):
    """Of ten containers on a network with room for five, five run; the message names the network."""
    small = """
      services:
        app:
          image: IMAGE
          command: sleep 1000
          stop_signal: SIGKILL
          scale: COUNT
          networks: [small]
          volumes: [/anonymous]
      networks: {small: {ipam: {config: [{subnet: 10.233.7.0/29}]}}}
    """
    box.file(small.replace("COUNT", "1"))
    box.berth("up", "-d")
    box.berth("down", "-v")
    before = ground.lines(box)
    box.file(small.replace("COUNT", "10"))
    for verb in (["create"], ["up", "-d"]):
        outcome = box.berth(*verb, code=1)
        box.true(outcome.err.count(f"{box.name}_small") >= 5, f"it does not name the network: {outcome.err}")
        rows = ground.rows(box)
        box.equal(len(rows), 5, "containers that were made")
        state = box.environment["BERTH_STATE"]
        leases = os.listdir(os.path.join(state, "networks", f"{box.name}_small", "leases"))
        subnet = list(ipaddress.ip_network("10.233.7.0/29").hosts())
        box.equal(sorted(leases), sorted(map(str, subnet[1:])), "addresses")
        box.equal(len(glob.glob(os.path.join(state, "volumes", "?" * 64))), 5, "volumes of those that were made")
    box.file(small.replace("COUNT", "5"))
    box.berth("up", "-d")
    box.equal([row["State"] for row in ground.rows(box)], ["running"] * 5)
    box.berth("down", "-v")
    ground.compare(box, before)


@scenario("F-21", alone=True)
def very_many(box):
    """`--long`: 500 containers of one project; else 60."""
    count = 500 if box.world.is_long else 60
    box.file(f"services: {{app: {{image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, scale: {count}}}}}")
    box.berth("create")
    before_start = set(shims(box))
    box.equal(before_start, set(), "shims of containers that do not run")
    begun = time.monotonic()
    box.berth("up", "-d", limit=300)
    up = time.monotonic() - begun
    running = [row for row in ground.rows(box) if row["State"] == "running"]
    box.equal(len(running), count, "containers that run")
    leases = os.path.join(box.environment["BERTH_STATE"], "networks", f"{box.name}_default", "leases")
    box.equal(len(os.listdir(leases)), count, "addresses")
    pids = shims(box)
    files = sum(open_files(pid) for pid in pids) / count
    kilobytes = memory(pids) / count
    begun = time.monotonic()
    box.berth("ps")
    ps = time.monotonic() - begun
    begun = time.monotonic()
    box.berth("down", "-t", "0", limit=300)
    down = time.monotonic() - begun
    box.equal(shims(box), [], "shims that are left")
    ground.figures(box, f"{count} containers: up {up:.2f} s, ps {ps * 1000:.0f} ms, down {down:.2f} s; "
                        f"{kilobytes:.0f} KiB and {files:.0f} descriptors each, in {len(pids)} processes")
