#!/usr/bin/env python3
"""Takes the power away while berth pulls, and fills its disk.

    Tests/Hostile/durability.py --berth PATH [--cuts 40] [--sizes 20]

Power: the store lies on ext4 on a file; while a pull is under way the file is copied in an instant (a
reflink of XFS), again and again. Each copy is what a disk holds whose machine was switched off then: it
must mount, all that the store shows must be whole to the last byte, the next pull must end well, and what
a pull had reported as done must be there.

Space: pulls into stores of many sizes. Each ends well or says that there is no space, and leaves nothing
half; with more space the next pull ends well.
"""

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time

from harness import call, enter, run_berth
from oci import Image
from server import Server, Shelf
from tars import file, folder, sym

LIMIT = 60


def content(dice, size):
    """Bytes that compress to a half."""
    return b"".join(bytes([dice.randrange(256)]) * 2 for _ in range(size // 2))


def make_layer(seed, files=250, size=24_000):
    dice = random.Random(seed)
    members = [folder(f"data-{seed}")]
    for number in range(files):
        if number % 25 == 0:
            members.append(folder(f"data-{seed}/{number // 25}"))
        members.append(
            file(f"data-{seed}/{number // 25}/{number}", content(dice, dice.randrange(size)), mode=0o640))
    members.append(sym(f"data-{seed}/link", "0/0"))
    return members


class Store:
    """A project that wants two images, and a state somewhere."""

    def __init__(self, berth, place, state, names):
        self.berth_program, self.place, self.state, self.names = berth, place, state, names
        os.makedirs(place, exist_ok=True)
        services = {f"s{number}": {"image": name} for number, name in enumerate(names)}
        with open(os.path.join(place, "compose.yaml"), "w") as out:
            json.dump({"services": services}, out)

    def environment(self):
        return {
            "PATH": os.environ["PATH"], "HOME": self.place, "NO_COLOR": "1", "BERTH_STATE": self.state,
            "BERTH_RUN": os.path.join(self.place, "run"),
        }

    def berth(self, *arguments):
        return run_berth([self.berth_program, *arguments], self.place, self.environment(), LIMIT)

    def images(self):
        """References that stand for an image here."""
        shown = self.berth("images", "--all", "--format", "json")
        if shown.code != 0:
            return None, [f"images: {shown.code} {shown.err.strip()[:300]}"]
        rows = [json.loads(line) for line in shown.out.splitlines() if line.strip()]
        rows = rows[0] if len(rows) == 1 and isinstance(rows[0], list) else rows
        return {f"{row['Repository']}:{row['Tag']}" for row in rows if row["Tag"] != "<none>"}, []

    def complaints(self, expected):
        """What is not whole among all that is published."""
        found = []
        for name in self.listing("blobs/sha256"):
            with open(os.path.join(self.state, "images/blobs/sha256", name), "rb") as data:
                if hashlib.sha256(data.read()).hexdigest() != name:
                    found.append(f"blob {name[:12]} is not what it is called")
        for chain in self.listing("layers"):
            if tree(os.path.join(self.state, "images/layers", chain, "fs")) != expected.get(chain):
                found.append(f"layer {chain[:12]} is not what was pulled")
        shown, more = self.images()
        for name in self.listing("names"):
            name = name.replace("%2F", "/")
            if "@" not in name and shown is not None and name not in shown:
                found.append(f"name {name} stands for nothing")
        return found + more

    def listing(self, part):
        path = os.path.join(self.state, "images", part)
        return sorted(name for name in os.listdir(path) if ".new" not in name) if os.path.isdir(path) else []

    def sessions(self):
        return [name for name in self.listing("ingest") if not name.endswith(".lock")]


def tree(top):
    """Every path below with its mode, owner, content and target."""
    lines = []
    for at, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(at, name)
            status = os.lstat(path)
            line = [os.path.relpath(path, top), status.st_mode, status.st_uid, status.st_mtime_ns]
            if os.path.islink(path):
                line.append(os.readlink(path))
            elif os.path.isfile(path):
                with open(path, "rb") as data:
                    line.append(hashlib.sha256(data.read()).hexdigest())
            lines.append(line)
    return hashlib.sha256(json.dumps(sorted(lines)).encode()).hexdigest()


class Disk:
    """An ext4 file system on a file that can be copied in an instant."""

    def __init__(self, top):
        self.top = top
        self.host = os.path.join(top, "host")
        self.mounted = os.path.join(top, "disk")
        os.makedirs(self.host)
        os.makedirs(self.mounted)
        image = os.path.join(top, "host.img")
        with open(image, "wb") as out:
            out.truncate(2 << 30)
        call("mkfs.xfs", "-q", "-m", "reflink=1", image)
        call("mount", "-o", "loop", image, self.host)
        self.file = os.path.join(self.host, "disk.img")

    def begin(self):
        with open(self.file, "wb") as out:
            out.truncate(192 << 20)
        call("mkfs.ext4", "-q", "-F", self.file)
        call("mount", "-o", "loop", self.file, self.mounted)

    def copy(self, number):
        path = os.path.join(self.host, f"cut-{number}.img")
        call("cp", "--reflink=always", self.file, path)
        return path

    def end(self):
        call("umount", self.mounted)
        os.remove(self.file)

    def close(self):
        call("umount", self.host)


def can_loop(top):
    """Whether this machine has loop devices and the tools, tried out."""
    try:
        disk = Disk(os.path.join(top, "try"))
        disk.close()
        return True
    except (subprocess.CalledProcessError, FileNotFoundError, PermissionError):
        return False


def pull_and_cut(disk, store, count, first, pause):
    """Pulls once and takes up to `count` copies meanwhile, and one after the end."""
    copies, done = [], threading.Event()

    def cut():
        while len(copies) < count and not done.is_set():
            time.sleep(pause * random.random())
            copies.append((disk.copy(first + len(copies)), False))

    disk.begin()
    cutter = threading.Thread(target=cut)
    cutter.start()
    outcome = store.berth("pull")
    done.set()
    cutter.join()
    copies.append((disk.copy(first + len(copies)), outcome.code == 0))
    disk.end()
    problem = [] if outcome.code == 0 else [f"pull: {outcome.code} {outcome.err.strip()[-300:]}"]
    return copies, problem


def inspect(copy, is_complete, disk, store, expected):
    call("mount", "-o", "loop", copy, disk.mounted)
    try:
        found = store.complaints(expected)
        shown, _ = store.images()
        if is_complete and shown != set(store.names):
            found.append(f"a pull that had ended well left {sorted(shown or [])}")
        again = store.berth("pull")
        if again.code != 0:
            found.append(f"the next pull: {again.code} {again.err.strip()[-300:]}")
        found += store.complaints(expected)
        if store.images()[0] != set(store.names):
            found.append("the next pull did not bring all")
        if store.sessions():
            found.append(f"left behind: {store.sessions()}")
        return found
    finally:
        call("umount", disk.mounted)
        os.remove(copy)


def power(top, berth, names, expected, cuts):
    if not can_loop(top):
        print("power loss: not tried, for want of loop devices or mkfs.xfs")
        return 0
    disk = Disk(os.path.join(top, "power"))
    store = Store(berth, os.path.join(top, "project"), os.path.join(disk.mounted, "state"), names)
    failures = tried = 0
    try:
        while tried < cuts:
            copies, problem = pull_and_cut(disk, store, 6, tried, 0.15)
            for complaint in problem:
                print(f"  {complaint}", flush=True)
            failures += len(problem)
            for copy, is_complete in copies:
                found = inspect(copy, is_complete, disk, store, expected)
                for complaint in found:
                    print(f"  cut {tried}: {complaint}", flush=True)
                failures += bool(found)
                tried += 1
    finally:
        disk.close()
    print(f"power loss: {tried} cuts, {failures} failures")
    return failures


def space(top, berth, names, expected, sizes, full):
    failures = refused = 0
    for number in range(sizes):
        size = 1 << 20 | (full * number // sizes) & ~4095
        place = os.path.join(top, f"space-{number}")
        os.makedirs(place)
        state = os.path.join(place, "disk")
        os.mkdir(state)
        call("mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", state)
        store = Store(berth, os.path.join(place, "project"), os.path.join(state, "state"), names)
        try:
            found = []
            outcome = store.berth("pull")
            refused += outcome.code != 0
            if outcome.code != 0 and "space" not in outcome.err:
                found.append(f"no word of space: {outcome.err.strip()[:300]}")
            found += store.complaints(expected)
            if store.sessions():
                found.append(f"left behind: {store.sessions()}")
            call("mount", "-o", f"remount,size={2 * full}", state)
            again = store.berth("pull")
            if again.code != 0:
                found.append(f"with space: {again.code} {again.err.strip()[-300:]}")
            found += store.complaints(expected)
        finally:
            call("umount", state)
        for complaint in found:
            print(f"  {size} bytes: {complaint}", flush=True)
        failures += bool(found)
    print(f"disk full: {sizes} sizes, {refused} too small, {failures} failures")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--berth", required=True)
    parser.add_argument("--cuts", type=int, default=40)
    parser.add_argument("--sizes", type=int, default=20)
    options = parser.parse_args()
    berth = os.path.abspath(options.berth)
    top = enter(size="4g")
    shelf = Shelf()
    server = Server(shelf)
    common = make_layer(1)
    names = []
    for number in range(2):
        image = Image(common, make_layer(10 + number), make_layer(20 + number))
        shelf.put(image, f"image{number}")
        names.append(f"{server.address}/image{number}:latest")
    reference = Store(berth, os.path.join(top, "reference"), os.path.join(top, "reference/state"), names)
    outcome = reference.berth("pull")
    if outcome.code != 0:
        sys.exit(f"error: the pull that all is compared with failed: {outcome.err}")
    layers = os.path.join(reference.state, "images/layers")
    expected = {chain: tree(os.path.join(layers, chain, "fs")) for chain in os.listdir(layers)}
    used = sum(
        os.lstat(os.path.join(at, name)).st_blocks * 512
        for at, folders, files in os.walk(reference.state) for name in folders + files)
    failures = power(top, berth, names, expected, options.cuts)
    failures += space(top, berth, names, expected, options.sizes, used * 5 // 4)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
