"""berth killed where it is about to change something, at each such system call: the next `up` or the next `down` makes
it good, with no other help."""

import functools
import os
import subprocess
import sys
import urllib.request

import ground
from world import TOP, Complaint, scenario

sys.path.append(os.path.join(TOP, "Tests", "Hostile"))

from oci import Image  # noqa: E402
from server import Server, Shelf  # noqa: E402
from tars import file, folder  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
# Points of each suite without `--long`.
MANY, FEW = 25, 3
PROJECT = """
      services:
        db:
          image: IMAGE
          command: sleep 1000
          stop_signal: SIGKILL
          volumes: [data:/data, /anonymous]
          networks: [back]
          healthcheck: {test: "true", interval: 1s}
        job: {image: IMAGE, command: "true", networks: [back], depends_on: {db: {condition: service_healthy}}}
        web:
          image: IMAGE
          command: sh -c 'echo GREETING > /var/www/index.html; exec httpd -f -h /var/www'
          stop_signal: SIGKILL
          ports: ["127.0.0.1:18570:80", "18571:80"]
          networks: {front: {aliases: [shop]}, back: }
          depends_on: {db: {condition: service_healthy}, job: {condition: service_completed_successfully}}
        free: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, scale: SCALE, networks: [front]}
      networks: {front: , back: {internal: true}}
      volumes: {data: }
"""
FIRST = PROJECT.replace("GREETING", "first").replace("SCALE", "1")
# As somebody changes it later: two services anew, one grown.
SECOND = PROJECT.replace("GREETING", "second").replace("SCALE", "2").replace("interval: 1s", "interval: 2s")


@functools.cache
def breaker(folder):
    """The program that breaks others at their system calls."""
    program = os.path.join(folder, "breaker")
    subprocess.run(["gcc", "-O1", "-Wall", "-Wextra", "-o", program, os.path.join(HERE, "breaker.c")], check=True)
    return program


def broken(box, how, at, *arguments, limit=60):
    """Runs berth, broken at its call number `at`: what it ended with, how many calls there were, which one broke."""
    report = box.path("broken")
    outcome = box.berth(*arguments, code=None, limit=limit, prefix=(breaker(box.world.folder), report, how, str(at)))
    with open(report) as file:
        count, name = file.read().split()
    return outcome, int(count), name


def points(count, box, sample):
    """Which calls are broken: all, or so many, evenly."""
    if box.world.is_long or count <= sample:
        return list(range(1, count + 1))
    return sorted({1 + round(index * (count - 1) / (sample - 1)) for index in range(sample)})


def stands(box, greeting, free=1):
    """The project runs as its file says, and its port answers."""
    wanted = [("db", "running"), *[("free", "running")] * free, ("job", "exited"), ("web", "running")]
    # The job runs again where nobody waits for it, as its file says.
    box.until(lambda: states(box) == wanted, "`ps` does not say that all run", 5)
    for port in (18570, 18571):
        box.until(lambda: answer(port) == greeting, f"port {port} says {answer(port)!r}, not {greeting!r}")


def states(box):
    """Of each service's containers; one that `run` made is not in the file's count."""
    return sorted((row["Service"], row["State"]) for row in ground.rows(box) if "-run-" not in row["Name"])


def answer(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as reply:
            return reply.read().decode().strip()
    except OSError as error:
        return str(error)


class Suite:
    """One verb, killed at many points. `prepare` brings the project where the verb starts from."""

    def __init__(self, box, sample):
        self.box, self.sample, self.complaints, self.tried = box, sample, [], 0
        box.file(FIRST)
        # What stays for good is made by the first command that ever runs here.
        box.berth("up", "-d")
        stands(box, "first")
        box.berth("down", "-v")
        self.before = ground.lines(box)

    def kill(self, arguments, prepare, after=None, undo=None, check=None, greeting="first", free=1):
        """`after` comes before the next `up` and `check` behind it, and `undo` before each `down`, where these alone
        cannot know of it."""
        box = self.box
        prepare()
        _, count, _ = broken(box, "count", 0, *arguments)
        box.true(count > 5, f"`{' '.join(arguments)}` makes {count} calls that could be broken")
        self.down(undo)
        tried = points(count, box, self.sample)
        hit = 0
        for index, at in enumerate(tried):
            prepare()
            ground.note_ids(box)
            outcome, _, name = broken(box, "kill", at, *arguments)
            hit += name != "nothing"
            ground.note_ids(box)
            try:
                # A zero says that there were fewer calls this time.
                box.true(outcome.code == 137 or name == "nothing", f"it ended with {outcome.code}: {outcome.text}")
                if index % 2 == 0:
                    if after:
                        after()
                    box.berth("up", "-d")
                    stands(box, greeting, free)
                    if check:
                        check()
                self.down(undo)
            except (Complaint, subprocess.TimeoutExpired) as complaint:
                self.complaints.append(f"{' '.join(arguments)} killed at {name} (call {at} of {count}): {complaint}")
                if box.world.is_long:
                    ground.figures(box, self.complaints[-1])
                self.start_anew()
        box.true(hit * 2 > len(tried), f"only {hit} of {len(tried)} were killed")
        self.tried += hit
        ground.figures(box, f"{' '.join(arguments)}: {hit} points of {count} calls")

    def down(self, undo):
        if undo:
            undo()
        self.box.berth("down", "-v")
        ground.compare(self.box, self.before)

    def start_anew(self):
        """After a complaint, so that the next point is not blamed for it."""
        if len(self.complaints) >= 6:
            raise Complaint("\n  ".join(self.complaints))
        self.box.berth("up", "-d", "--force-recreate", code=None)
        self.box.berth("down", "-v", "--remove-orphans", code=None)
        self.before = ground.lines(self.box)

    def end(self):
        if self.complaints:
            raise Complaint("\n  ".join(self.complaints))


@scenario("F-01", "F-28", "F-30", needs=["compiler"], alone=True)
def killed_up(box):
    """From nothing; and from what ran before the file was changed."""
    suite = Suite(box, MANY)
    suite.kill(["up", "-d"], lambda: None)

    def changed():
        box.file(FIRST)
        box.berth("up", "-d")
        box.inside("db", "echo kept > /anonymous/mark")
        box.file(SECOND)

    suite.sample = MANY // 2
    suite.kill(["up", "-d"], changed, greeting="second", free=2,
               check=lambda: box.equal(box.inside("db", "cat /anonymous/mark"), "kept", "its data"))
    suite.end()


@scenario("F-02", "F-28", "F-30", needs=["compiler"], alone=True)
def killed_down(box):
    suite = Suite(box, MANY)
    suite.kill(["down", "-v"], lambda: box.berth("up", "-d"))
    suite.end()


@scenario("F-02", needs=["compiler"], alone=True)
def killed_verbs(box):
    suite = Suite(box, FEW)

    def running():
        box.berth("up", "-d")

    def stopped():
        box.berth("up", "-d")
        box.berth("stop")

    for arguments, prepare in [
        (["restart"], running), (["stop"], running), (["start"], stopped), (["kill"], running),
        (["rm", "-f", "-s", "-v"], running), (["create"], lambda: None), (["scale", "free=3"], running),
        (["run", "--rm", "-T", "free", "true"], running), (["exec", "-T", "db", "true"], running),
        (["pause"], running), (["network", "create", "extra"], running),
    ]:
        # `up` does not wake the paused, and `down` knows nothing of what has no project.
        after = (lambda: box.berth("unpause", code=None)) if arguments == ["pause"] else None
        undo = (lambda: box.berth("network", "rm", "extra", code=None)) if arguments[0] == "network" else None
        suite.kill(arguments, prepare, after, undo)
    suite.end()


@scenario("F-02", needs=["compiler"], alone=True)
def killed_pull(box):
    """The next pull brings the image, and `prune` takes away with it all that the killed ones have left."""
    # `prune` spares the image that all scenarios use.
    box.file("services: {app: {image: IMAGE, command: sleep 1000}}")
    box.berth("create")
    shelf = Shelf()
    shelf.put(Image([folder("data"), *[file(f"data/{number}", bytes(2000)) for number in range(200)]],
                    [file("more", b"more" * 5000)]), "shop")
    server = Server(shelf)
    name = f"{server.address}/shop:latest"

    def pulled():
        box.berth("pull", name)

    try:
        pulled()
        box.berth("prune", "-a", "-f")
        before = images(box)
        for arguments, prepare in [
            (["pull", name], lambda: None), (["rmi", name], pulled), (["prune", "-a", "-f"], pulled),
        ]:
            box.berth("prune", "-a", "-f")
            prepare()
            _, count, _ = broken(box, "count", 0, *arguments)
            hit = 0
            for at in points(count, box, FEW * 2):
                box.berth("prune", "-a", "-f")
                prepare()
                hit += broken(box, "kill", at, *arguments)[2] != "nothing"
                pulled()
                box.equal(len(box.berth("images", "--all", "--quiet").out.split()), 2, "images after the next pull")
                box.berth("prune", "-a", "-f")
                left = images(box) - before
                box.true(not left, f"{arguments[0]} killed at call {at} of {count} left {sorted(left)[:10]}")
            box.true(hit > 0, f"{arguments[0]} was never killed")
            ground.figures(box, f"{arguments[0]}: {hit} points of {count} calls")
    finally:
        server.stop()


def images(box):
    """What the store has, down to single layers."""
    found = set()
    top = os.path.join(box.environment["BERTH_STATE"], "images")
    for where, folders, names in os.walk(top):
        if os.path.relpath(where, top).count("/") >= 2:
            folders.clear()
        found |= {os.path.relpath(os.path.join(where, name), top) for name in folders + names}
    return found
