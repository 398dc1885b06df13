"""Builds that are killed, interrupted, out of space or meet others: the next one makes the same image, and nothing else
is left of them."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

import ground
from crashes import broken, points
from errors import HARMLESS, POINTS, check
from meetings import begin, ends
from world import IMAGE, Complaint, scenario

# Calls of a build that are broken without `--long`.
MANY = 12
COMPOSE = "services: {app: {build: {context: ., args: {SOURCE_DATE_EPOCH: '1000000000'}}, stop_signal: SIGKILL}}"
# Nothing in it depends on the time: two builds of it make the same bytes.
DOCKERFILE = f"""\
FROM {IMAGE} AS tools
RUN mkdir /made && echo NAME > /made/one && touch -d @0 /made/one /made /
FROM {IMAGE}
RUN --mount=type=cache,target=/cache echo > /cache/used; mkdir /more; seq 20000 > /more/two; touch -d @0 /more/* /more /
COPY given /given
COPY --from=tools /made /made
RUN cat /made/one /given > /more/three && touch -d @0 /more/three /more /
CMD ["cat", "/more/three"]
"""
STEPS = 5


def project(box, dockerfile=DOCKERFILE):
    box.file(COMPOSE)
    box.write("Dockerfile", dockerfile.replace("NAME", box.name))
    os.utime(box.write("given", "given\n"), (0, 0))


def image(box):
    return json.loads(box.berth("inspect", f"{box.name}-app").out)[0]["Id"]


def forget(box):
    """Takes the image away and all that would be found again of its steps."""
    box.berth("rmi", "-f", f"{box.name}-app", code=None)
    folder = os.path.join(box.environment["BERTH_STATE"], "images", "steps")
    for name in os.listdir(folder):
        os.remove(os.path.join(folder, name))


def remains(box):
    """What commands have in the store only while they run."""
    top = os.path.join(box.environment["BERTH_STATE"], "images")
    found = set(os.listdir(os.path.join(top, "leases"))) | set(os.listdir(os.path.join(top, "trash")))
    return found | {name for name in os.listdir(os.path.join(top, "ingest")) if not name.endswith(".lock")}


class Undisturbed:
    """What a build makes that nobody disturbs, and what there is of berth when it has ended."""

    def __init__(self, box):
        self.box = box
        box.berth("build")
        self.image = image(box)
        box.equal(box.berth("run", "--rm", "-T", "app").out, f"{box.name}\ngiven\n")
        # What stays for good is made by the first commands that ever run here.
        box.berth("down")
        self.store, self.lines = self.rest(), ground.lines(box)

    def rest(self):
        """What the store has when the image and its steps are forgotten."""
        forget(self.box)
        self.box.berth("prune", "-f")
        top = os.path.join(self.box.environment["BERTH_STATE"], "images")
        return {kind: set(os.listdir(os.path.join(top, kind))) for kind in ("layers", "blobs/sha256", "names", "trash")}

    def check(self, *flags):
        """The next build makes good what was broken."""
        box = self.box
        box.berth("build", *flags)
        box.equal(image(box), self.image, "the image after the next build")
        box.equal(remains(box), set(), "what is left in the store")
        box.equal(box.berth("run", "--rm", "-T", "app").out, f"{box.name}\ngiven\n")
        box.berth("down")
        ground.compare(box, self.lines)
        box.equal(self.rest(), self.store, "the store without the image")


@scenario("F-01", "F-02", "F-28", needs=["compiler"], alone=True)
def killed_build(box):
    """At its own calls: with what it had kept, and anew."""
    project(box)
    good = Undisturbed(box)
    _, count, _ = broken(box, "count", 0, "build")
    box.true(count > 100, f"`build` makes {count} calls that could be broken")
    good.check()
    hit, complaints = 0, []
    tried = points(count, box, MANY)
    for index, at in enumerate(tried):
        outcome, _, name = broken(box, "kill", at, "build")
        hit += name != "nothing"
        try:
            box.true(outcome.code == 137 or name == "nothing", f"it ended with {outcome.code}: {outcome.text}")
            good.check(*(["--no-cache"] if index % 3 == 2 else []))
        except (Complaint, subprocess.TimeoutExpired) as complaint:
            complaints.append(f"killed at {name} (call {at} of {count}): {complaint}")
            if len(complaints) >= 4:
                break
            box.berth("build", code=None)
            good.rest()
    if complaints:
        raise Complaint("\n  ".join(complaints))
    box.true(hit * 2 > len(tried), f"only {hit} of {len(tried)} were killed")
    ground.figures(box, f"{hit} points of {count} calls")


@scenario("F-27", needs=["compiler"], alone=True)
def failing_build(box):
    """Calls of a build that fail: it says so or goes on, and is never ended by a signal."""
    project(box)
    good = Undisturbed(box)
    tried, succeeded, complaints = 0, 0, []
    for fault in ("ENOSPC", "EIO", "EMFILE", "ENOMEM", HARMLESS):
        _, count, _ = broken(box, fault, 10**9, "build")
        good.check()
        for at in points(count, box, POINTS):
            try:
                outcome, _, name = broken(box, fault, at, "build")
                tried += name != "nothing"
                succeeded += outcome.code == 0
                check(box, outcome, fault)
                good.check()
            except (Complaint, subprocess.TimeoutExpired) as complaint:
                complaints.append(f"{fault} at {name} (call {at} of {count}): {complaint}")
                box.berth("build", code=None)
                good.rest()
    ground.figures(box, f"{tried} calls failed, {succeeded} builds did their work all the same")
    if complaints:
        raise Complaint("\n  ".join(complaints))


@scenario("F-02", "E75", needs=["compiler"], alone=True)
def killed_prune(box):
    """The next pruning takes away the rest, and then a build is as good as ever."""
    project(box)
    good = Undisturbed(box)
    box.berth("build")
    box.berth("rmi", f"{box.name}-app")
    _, count, _ = broken(box, "count", 0, "builder", "prune", "-a", "-f")
    good.check()
    hit = 0
    for at in points(count, box, MANY // 2):
        box.berth("build")
        box.berth("rmi", f"{box.name}-app")
        hit += broken(box, "kill", at, "builder", "prune", "-a", "-f")[2] != "nothing"
        box.berth("builder", "prune", "-a", "-f")
        try:
            good.check()
        except Complaint as complaint:
            raise Complaint(f"killed at call {at} of {count}: {complaint}") from complaint
    box.true(hit > 0, "it was never killed")
    ground.figures(box, f"{hit} points of {count} calls")


# Each `HALT` waits for good where the build is halted, and is nothing elsewhere.
HALTING = DOCKERFILE.replace("RUN ", "RUN --mount=type=bind,target=/context HALT ")


def halting(box, at):
    """The Dockerfile where the step `at` goes on for ever, and says so."""
    parts = HALTING.replace("NAME", box.name).split("HALT ")
    text = ""
    for number, part in enumerate(parts[1:]):
        text += "if [ -e /context/halt ]; then echo halted; sleep 31415 & sleep 31415; fi; " if number == at else ""
        text += part
    return parts[0] + text, len(parts) - 1


def inside(box):
    """Processes of steps."""
    found = []
    for process in os.listdir("/proc"):
        if process.isdigit():
            try:
                with open(f"/proc/{process}/cmdline", "rb") as file:
                    if file.read() == b"sleep\00031415\0":
                        found.append(int(process))
            except OSError:
                continue  # it has ended meanwhile
    return found


def halted(box, *flags):
    """A build at work in a step that does not end."""
    build = subprocess.Popen([box.world.berth, "--progress", "plain", "build", *flags], cwd=box.folder,
                             env=box.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
    said = ""
    while " halted\n" not in said:
        line = build.stdout.readline()
        if not line:
            build.wait()
            raise Complaint(f"the build ended with {build.returncode}: {said}")
        said += line
    return build


@scenario("F-01", "F-28", "E81", alone=True)
def ended_in_a_step(box):
    """By SIGKILL, SIGTERM and ^C, in each `RUN`: its processes end with it, at once or with the next build."""
    for at in range(3):
        text, count = halting(box, at)
        box.equal(count, 3)
        project(box, text)
        good = Undisturbed(box)
        before = set(inside(box))
        for number, codes in ((signal.SIGKILL, [-9]), (signal.SIGINT, [130]), (signal.SIGTERM, [130, 143])):
            box.write("halt", "")
            build = halted(box)
            try:
                box.until(lambda: set(inside(box)) - before, "the step does not run")
                build.send_signal(number)
                out, _ = build.communicate(timeout=20)
                box.true(build.returncode in codes, f"{number.name} in step {at}: {build.returncode}, {out}")
                box.until(lambda: not set(inside(box)) - before, f"processes of the step outlive {number.name}")
                if number != signal.SIGKILL:
                    box.equal(remains(box), set(), f"what {number.name} left in the store")
                    ground.compare(box, good.lines)
            finally:
                if build.poll() is None:
                    build.kill()
                    build.communicate()
            os.remove(box.path("halt"))
            good.check()


@scenario("F-12", "F-13", "E76", alone=True)
def builds_at_once(box):
    """Of one project: all make the same image, and each step is made by one of them."""
    project(box)
    good = Undisturbed(box)
    for many in (2, 8):
        for _ in range(10 if box.world.is_long else 1):
            outcomes = ends([begin(box, "--progress", "plain", "build") for _ in range(many)], 120)
            done = 0
            for code, out in outcomes:
                box.equal(code, 0, f"what one of {many} ended with, which said {out}")
                named = dict(re.findall(r"^#(\d+) (\[.*\] (?:RUN|COPY) .*)$", out, re.MULTILINE))
                box.equal(len(named), STEPS, f"steps of: {out}")
                done += sum(bool(re.search(rf"^#{number} DONE", out, re.MULTILINE)) for number in named)
            box.equal(done, STEPS, f"steps that {many} builds have made together")
            good.check()


@scenario("F-27", "S-06", alone=True)
def no_space(box):
    """On a disk that is too small: one sentence says so, the space is free again, and a smaller build goes well."""
    state = box.path("small")
    os.mkdir(state)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m,mode=700", "tmpfs", state], check=True)
    box.environment["BERTH_STATE"] = state
    try:
        box.berth("load", "--quiet", "--input", os.path.join(box.world.folder, "image.tar"))
        box.berth("tag", box.berth("images", "--all", "--quiet").out.split()[0], IMAGE)
        project(box)
        box.berth("build")
        free, lines = shutil.disk_usage(state).free, ground.lines(box)
        with open(box.path("large"), "wb") as file:
            for _ in range(64):
                file.write(os.urandom(1 << 20))
        for large in (
            "RUN dd if=/dev/zero of=/large bs=1M count=64",
            "RUN dd if=/dev/urandom of=/large bs=1M count=28",
            "COPY large /",
            "RUN --mount=type=bind,source=large,target=/large true",
        ):
            box.write("Dockerfile", f"FROM {IMAGE}\n{large}\n")
            outcome = box.berth("build", code=None)
            box.true(1 <= outcome.code <= 125, f"`{large}` ended with {outcome.code}: {outcome.text}")
            why = re.search("no space left|that may be used", outcome.err.lower())
            box.true(why, f"`{large}` does not say why it fails: {outcome.err}")
            box.equal(len(re.findall(r"^error", outcome.err, re.MULTILINE)), 1, f"errors of `{large}`: {outcome.err}")
            box.true("Dockerfile:2:1" in outcome.err, f"`{large}` is not shown: {outcome.err}")
            box.equal(remains(box), set(), f"what `{large}` leaves in the store")
            ground.compare(box, lines)
            lost = free - shutil.disk_usage(state).free
            box.true(lost < 1 << 20, f"`{large}` leaves {lost} bytes taken")
        project(box)
        box.berth("build", "--no-cache")
        box.berth("down")
    finally:
        end = time.monotonic() + 10
        while subprocess.run(["umount", state], capture_output=True).returncode and time.monotonic() < end:
            time.sleep(0.05)
        box.environment["BERTH_STATE"] = box.world.environment["BERTH_STATE"]
