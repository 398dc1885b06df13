#!/usr/bin/env python3
"""Tries to break out of containers by the ways that are known (S-01 to S-26, S-45 to S-48 of the list of attacks), and holds berth to none working.

  escapes.py --berth PROGRAM [--only NAME…] [--long] [--list]

An attack is a function with a count: how often it was tried. A canary beside the store, and the host's table of mounts, may not
change by one bit. `--long` tries as often as the list of attacks says, which takes long. Attacks that need an image of their own
are in Tests/Hostile/images.py (links at /dev, /proc and /sys, users, /etc/passwd as anything, device nodes in layers); what every
system call, path and device answers is in Tests/Sandbox.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for name in ("Attributes", "Hostile"):
    sys.path.insert(0, os.path.join(HERE, "..", name))

from harness import describe, make_canary, mounts  # noqa: E402
from world import Box, Complaint, World, enter  # noqa: E402

from attack import attacks  # noqa: E402
import from_builds  # noqa: E402,F401
import from_inside  # noqa: E402,F401  each module brings its attacks
import from_outside  # noqa: E402,F401
import races  # noqa: E402,F401


class Field(Box):
    """A project to attack from, with the attacker's program and a canary."""

    def __init__(self, world, name, is_long):
        super().__init__(world, name)
        self.is_long, self.tries, self.children = is_long, 0, []
        self.canary = os.path.join(world.folder, "canary")

    def many(self, short, long):
        """How often to try."""
        return long if self.is_long else short

    def count(self, tries):
        self.tries += tries

    def start(self, *arguments, **options):
        """A process of berth that goes on beside what follows."""
        child = subprocess.Popen(
            [self.world.berth, *arguments], cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="surrogateescape", start_new_session=True, **options)
        self.children.append(child)
        return child

    def close(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
        return super().close()


def digests(berth):
    found = {}
    for name in ("berth", "berth-shim", "berth-unpack"):
        with open(os.path.join(os.path.dirname(berth), name), "rb") as file:
            found[name] = hashlib.sha256(file.read()).hexdigest()
    return found


def observe(world):
    return {"canary": describe(os.path.join(world.folder, "canary")), "mounts": mounts(), "programs": digests(world.berth)}


def difference(before, after):
    old, new = ([f"{item}" for item in (side.items() if isinstance(side, dict) else side)] for side in (before, after))
    return [f"- {item}" for item in old if item not in new] + [f"+ {item}" for item in new if item not in old]


def attempt(world, attack, is_long):
    field = Field(world, attack.__name__, is_long)
    complaints, before = [], observe(world)
    try:
        attack(field)
        if not field.tries:
            complaints.append("nothing was tried")
    except Complaint as complaint:
        complaints.append(str(complaint))
    except subprocess.TimeoutExpired as error:
        complaints.append(f"hang: {error}")
    except Exception as error:  # a fault of ours must fail the run as well
        complaints.append(f"the attack itself failed: {type(error).__name__}: {error}")
    finally:
        complaints += field.close()
    after = observe(world)
    complaints += [f"escape: the {what} changed: {difference(before[what], after[what])}" for what in before if before[what] != after[what]]
    return field.tries, complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--berth", type=os.path.abspath)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    chosen = [each for each in attacks if not options.only or any(each[1].__name__.startswith(name) for name in options.only)]
    if options.list or not options.berth:
        for rows, attack in chosen:
            print(f"{' '.join(rows):12} {attack.__name__}")
        return 0
    begun = time.monotonic()
    world = World(enter(), options.berth)
    make_canary(os.path.join(world.folder, "canary"))
    world.attacker = os.path.join(world.folder, "attacker")
    subprocess.run(
        ["gcc", "-O1", "-static", "-Wall", "-Wextra", "-o", world.attacker, os.path.join(HERE, "attacker.c")], check=True)
    failed, tries = [], 0
    for rows, attack in chosen:
        start = time.monotonic()
        count, complaints = attempt(world, attack, options.long)
        tries += count
        print(f"  {' '.join(rows):10} {attack.__name__}: {count} tries, {len(complaints)} successes, {time.monotonic() - start:.0f} s", flush=True)
        for complaint in complaints:
            print(f"    {complaint}", flush=True)
        if complaints:
            failed.append(attack.__name__)
    rows = {row for rows, _ in chosen for row in rows}
    print(f"escapes: {len(chosen)} attacks of {len(rows)} rows, {tries} tries, {len(failed)} successes, {time.monotonic() - begun:.0f} s")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
