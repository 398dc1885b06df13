"""Commands that meet: several `up`s of one project, many projects at once, `down` while `up` is at work."""

import json
import os
import random
import re
import subprocess
import time

import ground
from world import Complaint, scenario

PROJECT = """
      services:
        db: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, volumes: [data:/data, /anonymous]}
        web:
          image: IMAGE
          command: sleep 1000
          stop_signal: SIGKILL
          scale: 3
          ports: ["80"]
          networks: [front, back]
          depends_on: [db]
        late: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, networks: [back], depends_on: [web]}
      networks: {front: , back: }
      volumes: {data: }
"""
NAMES = ["db-1", "late-1", "web-1", "web-2", "web-3"]


def begin(box, *arguments, folder=None):
    return subprocess.Popen([box.world.berth, *arguments], cwd=folder or box.folder, env=box.environment, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def ends(processes, limit=60):
    """What each has said and ended with."""
    found = []
    end = time.monotonic() + limit
    try:
        for process in processes:
            out, _ = process.communicate(timeout=max(0.1, end - time.monotonic()))
            found.append((process.returncode, out))
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
    return found


def running(box, *words):
    rows = [row for row in ground.rows(box, *words) if row["State"] == "running"]
    return sorted(row["Name"].removeprefix(box.name + "-") for row in rows)


def holder(box, project=None):
    """The verb of whoever holds the project, or did."""
    try:
        with open(os.path.join(box.environment["BERTH_RUN"], "projects", project or box.name, "lock")) as file:
            words = file.read().split()
    except OSError:
        return None
    return words[2] if len(words) == 3 else None


@scenario("F-12", alone=True)
def four_ups(box):
    """Four at once: none fails, each container is made once, and who came later has waited and said for whom."""
    box.file(PROJECT)
    before, waited, rounds = None, 0, 200 if box.world.is_long else 8
    for number in range(rounds):
        processes = [begin(box, "up", "-d", *(["--force-recreate"] if number % 4 == 3 else [])) for _ in range(4)]
        for code, out in ends(processes):
            box.equal(code, 0, f"what an `up` ended with in round {number}, which said {out}")
            waited += bool(re.search(r"waiting for `berth up` \(pid \d+\) on project", out))
        box.equal(running(box), NAMES, f"what runs in round {number}")
        folders = os.listdir(os.path.join(box.environment["BERTH_STATE"], "containers"))
        box.equal(len(folders), len(NAMES), f"containers on the disk in round {number}")
        box.berth("down", "-v")
        before = before or ground.lines(box)
        ground.compare(box, before)
    box.true(waited > rounds, f"only {waited} of {rounds * 4} have said that they wait")
    ground.figures(box, f"{rounds} rounds, {waited} waited")


@scenario("F-12", alone=True)
def no_wait(box):
    """`--no-wait` fails at once, says for whom, and changes nothing."""
    box.file("services: {app: {image: IMAGE, command: sleep 1000, "
             "healthcheck: {test: 'false', interval: 1s, retries: 99}}}")
    first = begin(box, "up", "-d", "--wait")
    try:
        box.until(lambda: running(box) == ["app-1"] and holder(box) == "up", "`up` does not begin")
        for verb in ["up", "-d"], ["stop"], ["down"], ["rm", "-f", "-s"]:
            outcome = box.berth("--no-wait", *verb, code=1)
            box.true(re.search(rf"`berth up` \(pid {first.pid}\) is at work on it", outcome.err), outcome.err)
        box.equal(running(box), ["app-1"])
    finally:
        first.terminate()
        ends([first])
    box.berth("--no-wait", "down", "-t", "0")


@scenario("F-13", alone=True)
def sixteen_projects(box):
    """At once, each with two networks: none fails, and no subnet, address or port is given twice."""
    box.file(PROJECT)
    box.berth("up", "-d")
    box.berth("down", "-v")
    folders = []
    for number in range(16):
        box.write(f"p{number}/compose.yaml", PROJECT.replace("IMAGE", "busybox:test"))
        folders.append(box.path(f"p{number}"))
    before, rounds = ground.lines(box), 50 if box.world.is_long else 1
    try:
        for number in range(rounds):
            begun = time.monotonic()
            for code, out in ends([begin(box, "up", "-d", folder=folder) for folder in folders], 300):
                box.equal(code, 0, f"what an `up` ended with in round {number}, which said {out}")
            spent = time.monotonic() - begun
            for kind, (found, wanted) in given(box).items():
                box.equal((len(found), len(set(found))), (wanted, wanted), f"{kind} given, and different")
            for code, out in ends([begin(box, "down", "-v", folder=folder) for folder in folders], 300):
                box.equal(code, 0, f"what a `down` ended with in round {number}, which said {out}")
            ground.compare(box, before)
        ground.figures(box, f"{rounds} rounds of 16 projects, the last `up`s took {spent:.1f} s")
    finally:
        for folder in folders:
            ends([begin(box, "down", "-v", "-t", "0", folder=folder)])


def given(box):
    """What is there but once on this machine, and how many of it 16 projects take: default networks are not used."""
    state = box.environment["BERTH_STATE"]
    addresses, ports = [], []
    for name in os.listdir(os.path.join(state, "networks")):
        if not name.startswith("."):
            addresses += os.listdir(os.path.join(state, "networks", name, "leases"))
    for folder in os.listdir(os.path.join(state, "containers")):
        with open(os.path.join(state, "containers", folder, "blueprint.json")) as file:
            ports += [port["hostPort"] for port in json.load(file)["network"]["ports"]]
    subnets = [line.split()[0] for line in ground.output(["ip", "-4", "route"])]
    return {"subnets": (subnets, 16 * 3), "addresses": (addresses, 16 * 8), "ports": (ports, 16 * 3)}


@scenario("F-14", alone=True)
def down_while_up(box):
    """`down` asks the `up` that is at work to stop, and then nothing is left, at whatever moment it came."""
    box.file(PROJECT)
    before, asked, rounds, chance = None, 0, 200 if box.world.is_long else 10, random.Random(14)
    begun = time.monotonic()
    box.berth("up", "-d")
    whole = time.monotonic() - begun
    box.berth("down", "-v")
    for number in range(rounds + 1):
        up = begin(box, "up", "-d")
        box.until(lambda: holder(box) == "up", "`up` does not take the lock")
        time.sleep(chance.random() * whole)
        down = begin(box, "down", "-v")
        (up_code, up_out), (down_code, down_out) = ends([up, down])
        box.equal(down_code, 0, f"what `down` ended with in round {number}, which said {down_out}")
        box.true(up_code in (0, 130, 143), f"`up` ended with {up_code} in round {number}: {up_out}")
        asked += "to stop" in down_out
        box.equal(ground.rows(box), [], f"what is there after round {number}")
        before = before or ground.lines(box)
        ground.compare(box, before)
    box.true(asked > rounds / 4, f"only {asked} of {rounds} `down`s have met an `up`")
    ground.figures(box, f"{rounds} rounds, {asked} `up`s were asked to stop")


@scenario("F-14", alone=True)
def down_while_up_waits(box):
    """An `up` that waits for what does not come is not waited for; and one that is attached ends by itself."""
    box.file("""
      services:
        sick: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, healthcheck: {test: "false", interval: 60s}}
        web: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, depends_on: {sick: {condition: service_healthy}}}
    """)
    up = begin(box, "up", "-d")
    box.until(lambda: "sick-1" in running(box), "`up` does not begin")
    (up_code, up_out), (code, out) = ends([up, begin(box, "down", "-v")])
    box.true(up_code in (130, 143), f"`up` ended with {up_code}: {up_out}")
    box.equal(code, 0, out)
    box.true(f"asking `berth up` (pid {up.pid}) on project `{box.name}` to stop" in out, out)
    box.file("services: {app: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL}}")
    up = begin(box, "up")
    box.until(lambda: running(box) == ["app-1"], "`up` does not begin")
    box.until(lambda: box.berth("--no-wait", "stop", "-t", "0", code=None).code == 0, "an attached `up` keeps it")
    (up_code, up_out), (code, out) = ends([up, begin(box, "down", "-v")])
    box.equal((up_code, code), (0, 0), f"{up_out} {out}")
    box.equal(ground.rows(box), [])


@scenario("F-14", "S-20")
def nobody_else_is_asked(box):
    """A record that names another process, whose number was given again, ends nobody."""
    box.file("services: {app: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL}}")
    box.berth("up", "-d")
    path = os.path.join(box.environment["BERTH_RUN"], "projects", box.name, "lock")
    bystander = subprocess.Popen(["sleep", "1000"])
    held = subprocess.Popen(["flock", path, "sh", "-c", "echo held; read -r line"], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    try:
        box.equal(held.stdout.readline(), "held\n")
        with open(path, "w") as file:
            file.write(f"{bystander.pid} 1 up")
        down = begin(box, "down", "-v")
        box.true("to stop" in down.stdout.readline(), "`down` does not ask")
        held.communicate("\n")
        ((code, out),) = ends([down])
        box.equal(code, 0, out)
        if bystander.poll() is not None:
            raise Complaint("a bystander was ended")
    finally:
        for process in (bystander, held):
            process.kill()
            process.wait()
