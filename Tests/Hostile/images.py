#!/usr/bin/env python3
"""Lets berth pull the worst images that are known, and holds it to what it promises.

    Tests/Hostile/images.py --berth PATH [--only NAME] [--jobs 4] [--list]

An in-process registry on loopback serves each image; berth pulls it for a project of its own, in its own
state, under a limit of time. Held for every case: it ends in time and by itself, a refusal says why in a
line and leaves nothing, what is accepted is what was meant, a canary beside the store does not change by
one bit, no process and no mount is left, and memory stays within 64 MiB of a small image's.
"""

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading

import cases_archives  # noqa: F401  each adds its cases
import cases_documents  # noqa: F401
import cases_links  # noqa: F401
import cases_running  # noqa: F401
from cases import CASES, Case, image_of, marks, tree_complaints
from harness import MIB, call, count, describe, enter, in_parallel, make_canary, mounts, run_berth, select
from oci import digest
from server import Server, Shelf
from tars import file

# Seconds of processors, and of the wall for what waits for ever or on a crowded machine.
BUSY, WAITING = 20, 100
MEMORY = 64 * 1024


class World:
    """The registry, a listener that nobody may speak to, and where the attempts are made."""

    def __init__(self, berth, folder):
        self.berth, self.folder = berth, folder
        self.shelf = Shelf()
        self.server = Server(self.shelf)
        self.trap = Server(lambda request: lambda connection: connection.reset())
        # Bombs fill a small disk, one at a time.
        self.small = os.path.join(folder, "small")
        self.bombs = threading.Lock()
        os.mkdir(self.small)
        call("mount", "-t", "tmpfs", "-o", "size=256m,mode=755", "tmpfs", self.small)
        self.mounts = mounts()
        self.floor = 0


class Attempt:
    """One case's folder, image and what came of it."""

    def __init__(self, world, case):
        self.world, self.case = world, case
        self.top = os.path.join(world.small if case.small else world.folder, case.name)
        # The canary stands at each height above the store, so that a way out of it meets one.
        self.place = os.path.join(self.top, "x/y/z")
        self.state = os.path.join(self.place, "state")
        self.canaries = [os.path.join(self.top, part, "canary") for part in ("", "x", "x/y", "x/y/z")]
        for canary in self.canaries:
            make_canary(canary)
        self.project = os.path.join(self.place, "project")
        os.mkdir(self.project)
        self.canary = os.path.join(self.place, "canary").encode()
        # From a layer's folder in a pull's session up to the canary's parent.
        self.up = b"../" * 6
        self.trap = world.trap.address
        self.name = re.sub("[^a-z0-9]+", "-", case.name.lower())
        self.reference = f"{world.server.address}/{self.name}"
        self.before = self.observe()

    def observe(self):
        return [describe(canary) for canary in self.canaries]

    def write(self, text):
        with open(os.path.join(self.project, "compose.yaml"), "w") as out:
            out.write(text)

    def berth(self, *arguments, limit=BUSY, **options):
        environment = {
            "PATH": os.environ["PATH"], "HOME": self.project, "NO_COLOR": "1", "BERTH_STATE": self.state,
            "BERTH_RUN": os.path.join(self.place, "run"),
        }
        return run_berth([self.world.berth, *arguments], self.project, environment, WAITING, busy=limit, **options)

    def layer(self, chain):
        return os.path.join(self.state, "images/layers", chain, "fs")


def compose(attempt, case):
    more = "".join(f"    {line}\n" for line in case.service or [])
    return f"services:\n  a:\n    image: {case.image or attempt.reference}\n    network_mode: none\n{more}"


def attempt(world, case):
    with world.bombs if case.small else contextlib.nullcontext():
        return attempt_now(world, case)


def attempt_now(world, case):
    one = Attempt(world, case)
    try:
        one.image = image_of(case.make(one))
        documents = world.shelf.put(one.image, one.name)
        one.write((case.compose or compose)(one, case))
        outcome = one.berth(*(case.arguments or ["pull"]), limit=case.limit or BUSY)
        found = outcome.faults() + verdict(one, case, outcome)
        if outcome.peak - world.floor > MEMORY:
            found.append(f"memory: {(outcome.peak - world.floor) // 1024} MiB above a small image's")
        case.options["peak"] = outcome.peak - world.floor
        if outcome.code == 0 and not outcome.hung:
            found += run(one, case)
        world.shelf.remove(documents)
        found += intact(one)
    finally:
        # Some trees are deeper than what Python removes.
        subprocess.run(["rm", "-rf", one.top], check=False)
    return found


def verdict(one, case, outcome):
    found = bad_blobs(one)
    if outcome.hung:
        return found
    if outcome.code == 0:
        if case.verdict == "refused":
            return found + [f"accepted, and not refused with `{case.word}`"]
        return found + accepted(one, case)
    if case.verdict == "kept":
        return found + [f"refused: {outcome.err.strip()[-300:]!r}"]
    word = case.word or "."
    if not re.search(word, outcome.err):
        found.append(f"refused without `{word}`: {outcome.err.strip()[-300:]!r}")
    return found + leftovers(one)


def accepted(one, case):
    store = os.path.join(one.state, "images")
    found = []
    if case.arguments:
        return found
    if not any(name.startswith(one.name) or f"%2F{one.name}" in name for name in os.listdir(f"{store}/names")):
        found.append("accepted without a name in the store")
    missing = [chain for chain in one.image.chains if not os.path.isdir(one.layer(chain))]
    if missing and not case.partial:
        return found + [f"accepted without {len(missing)} of its layers"]
    found += [f"left in the store: {name}" for name in sessions(store)]
    if one.image.chains and not missing and not case.unwalked:
        top = one.layer(one.image.chains[-1])
        tree = case.tree(one) if callable(case.tree) else case.tree
        found += tree_complaints(top, tree or {})
        whiteouts, opaque, odd = marks(top)
        found += odd
        for label, seen, wanted in (("whiteouts", whiteouts, case.whiteouts), ("opaque", opaque, case.opaque)):
            if case.verdict == "kept" and seen != set(wanted or ()):
                found.append(f"{label} {sorted(seen)}, not {sorted(wanted or ())}")
    return found


def sessions(store):
    folder = os.path.join(store, "ingest")
    return [name for name in os.listdir(folder) if not name.endswith(".lock")] if os.path.isdir(folder) else []


def leftovers(one):
    """What a refused image left: nothing but whole layers below the bad one."""
    store = os.path.join(one.state, "images")
    if not os.path.isdir(store):
        return []
    found = [f"left in the store after a refusal: {name}" for name in sessions(store)]
    found += [f"name left after a refusal: {name}" for name in os.listdir(f"{store}/names")]
    for chain in os.listdir(f"{store}/layers"):
        if chain not in one.image.chains[:-1]:
            found.append(f"layer left after a refusal: {chain}")
    return found


def bad_blobs(one):
    folder = os.path.join(one.state, "images/blobs/sha256")
    found = []
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name)
        if os.path.getsize(path) > 64 * MIB:
            continue
        with open(path, "rb") as blob:
            if digest(blob.read()) != "sha256:" + name:
                found.append(f"blob in the store is not what its name says: {name}")
    return found


def run(one, case):
    found = []
    if case.run:
        command, wanted = case.run
        outcome = one.berth("run", "--rm", "-T", "a", "sh", "-c", command)
        found += outcome.faults()
        if not re.fullmatch(wanted, outcome.out.strip(), re.S):
            found.append(f"printed {outcome.out[-400:]!r} {outcome.err[-300:]!r}, not `{wanted}`")
    if case.after:
        found += case.after(one)
    if case.run or case.after:
        down = one.berth("down", "-t", "0", "-v")
        found += down.faults()
        if down.code != 0:
            found.append(f"cannot be taken down: {down.err[-300:]!r}")
    return found


def intact(one):
    """The canaries, what attacks would write elsewhere, and what is mounted."""
    found = []
    for canary, before, after in zip(one.canaries, one.before, one.observe()):
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                found.append(f"escape: {canary}: {name!r} {before.get(name)} became {after.get(name)}")
    for folder in ("/", "/etc", "/tmp", "/root", "/usr/bin", one.top, one.place, one.state, one.project):
        if os.path.isdir(folder):
            found += [f"escape: {folder}/{name}" for name in os.listdir(folder) if name.startswith("hostile-mark")]
    if mounts() != one.world.mounts:
        found.append(f"mounts left: {sorted(set(mounts()) - set(one.world.mounts))}")
    return found


def measure_floor(world):
    """What pulling a small good image takes."""
    peaks = []
    for number in range(3):
        case = Case(f"floor-{number}", lambda _: [file("a")], "kept", tree={"a": "f"})
        complaints = attempt(world, case)
        if complaints:
            sys.exit(f"error: a good image cannot be pulled: {complaints}")
        peaks.append(case.peak)
    world.floor = sorted(peaks)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--berth", help="the program; berth-shim is beside it")
    parser.add_argument("--only", action="append", metavar="NAME", help="cases whose names begin so")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    chosen = select(CASES, options.only)
    if options.list:
        print("\n".join(f"{case.name:32} {case.verdict}" for case in chosen))
        return
    if not options.berth or not shutil.which("unshare"):
        parser.error("--berth is needed" if not options.berth else "no `unshare` in PATH")
    names = [case.name for case in CASES]
    if len(set(names)) != len(names):
        sys.exit(f"error: two cases named {sorted(name for name in names if names.count(name) > 1)[0]}")
    world = World(os.path.abspath(options.berth), enter())
    measure_floor(world)
    results = in_parallel(options.jobs, lambda case: attempt(world, case), chosen)
    if world.trap.requests:
        results.append((Case("trap", None, "kept"), [f"escape: asked elsewhere for {world.trap.requests[0].target}"]))
    failed = [case.name for case, found in results if found]
    peak = max(case.peak or 0 for case, _ in results)
    print(
        f"hostile images: {len(chosen)} cases, {count(results, 'escape')} escapes, {count(results, 'hang')} hangs, "
        f"{count(results, 'crash')} crashes, peak +{peak // 1024} MiB" + (f", {len(failed)} failed" if failed else ""))
    if failed:
        sys.exit(f"error: not held: {' '.join(failed)}")


if __name__ == "__main__":
    main()
