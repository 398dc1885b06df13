#!/usr/bin/env python3
"""Holds what a container of berth may do to the committed table, line by line.

  sandbox.py --berth PROGRAM [--write]        compares with golden.txt, or writes it
  sandbox.py --peer docker|podman             prints the same table of another engine, where it is installed

A static program in an image of its own tries what can be tried (probe.c): as the service's main process, by `exec`, as a
health probe, with a terminal, as another user, without privileges to gain, without seccomp, with a read-only root, on the host's
network. Lines that depend on the machine are made alike first.
"""

import argparse
import difflib
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "Attributes"))

from table import alike, differences  # noqa: E402
from world import TOP, enter  # noqa: E402

GOLDEN = os.path.join(HERE, "golden.txt")
PASSWD = "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n"
GROUP = "root:x:0:\nuser:x:1000:\nteam:x:2000:user\n"

COMPOSE = """
name: sandbox
services:
  main: {image: IMAGE}
  exec:
    image: IMAGE
    command: [/probe, wait]
    healthcheck: {test: [CMD, /probe, --to, /health], interval: 600s, timeout: 100s, start_period: 600s, start_interval: 600s}
  terminal: {image: IMAGE, tty: true}
  user: {image: IMAGE, user: user}
  no-new-privileges: {image: IMAGE, security_opt: ["no-new-privileges:true"]}
  unconfined: {image: IMAGE, security_opt: ["seccomp=unconfined"]}
  read-only: {image: IMAGE, read_only: true}
  host-network: {image: IMAGE, network_mode: host}
"""


def make_image(folder):
    """An OCI layout with the probe and two users. Returns its folder."""
    root, layout = os.path.join(folder, "root"), os.path.join(folder, "layout")
    for name in ("dev", "etc", "home", "proc", "sys", "tmp"):
        os.makedirs(os.path.join(root, name))
    for name, text in (("passwd", PASSWD), ("group", GROUP)):
        with open(os.path.join(root, "etc", name), "w") as file:
            file.write(text)
    sources = [os.path.join(HERE, name) for name in ("probe.c", "probe_calls.c", "probe_files.c")]
    subprocess.run(["gcc", "-O1", "-static", "-Wall", "-Wextra", "-o", os.path.join(root, "probe"), *sources], check=True)
    os.chmod(os.path.join(root, "tmp"), 0o1777)
    archive = os.path.join(folder, "root.tar")
    subprocess.run(["tar", "-C", root, "--numeric-owner", "--owner=0", "--group=0", "-cf", archive, "."], check=True)
    config = '{"Env":["PATH=/bin"],"Cmd":["/probe"]}'
    subprocess.run([os.path.join(TOP, "scripts/images/pack"), layout, "sandbox", config, archive], check=True)
    return layout


class Berth:
    """The probe's words by berth, for each way of starting it."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": folder, "BERTH_STATE": os.path.join(folder, "state"),
            "BERTH_RUN": os.path.join(folder, "run"), "LANG": "C.UTF-8",
        }

    def run(self, *arguments, check=True):
        done = subprocess.run(
            [self.program, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True,
            errors="surrogateescape", timeout=120, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            sys.exit(f"error: berth {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def words(self):
        archive = os.path.join(self.folder, "image.tar")
        subprocess.run(["tar", "-C", make_image(self.folder), "-cf", archive, "."], check=True)
        self.run("load", "--quiet", "--input", archive)
        self.run("tag", self.run("images", "--all", "--quiet").split()[0], "probe:sandbox")
        with open(os.path.join(self.folder, "compose.yaml"), "w") as file:
            file.write(COMPOSE.replace("IMAGE", "probe:sandbox"))
        try:
            self.run("up", "-d")
            return self.collect()
        finally:
            self.run("down", "--timeout", "0", check=False)

    def collect(self):
        services = [line.strip().split(":")[0] for line in COMPOSE.splitlines() if line.startswith("  ") and line[2] != " "]
        found = {}
        for name in services:
            if name != "exec":
                found[name] = self.until_the_end("logs", "--no-log-prefix", "--no-color", name)
        found["exec"] = self.run("exec", "-T", "exec", "/probe")
        found["exec-user"] = self.run("exec", "-T", "--user", "user", "exec", "/probe")
        found["exec-privileged"] = self.run("exec", "-T", "--privileged", "exec", "/probe")
        found["health"] = self.until_the_end("exec", "-T", "exec", "/probe", "show", "/health")
        return found

    def until_the_end(self, *arguments):
        """What the command prints as soon as that is whole."""
        limit = time.monotonic() + 120
        while time.monotonic() < limit:
            text = self.run(*arguments, check=False)
            if "\nend:" in text:
                return text
            time.sleep(0.2)
        sys.exit(f"error: the probe did not end: {' '.join(arguments)}: {text[-500:]!r}")


def render(found):
    """The table: `main` whole, and of the others what differs from it."""
    base = alike(found.pop("main"))
    lines = ["[main]", *base]
    for name, text in found.items():
        lines += ["", f"[{name}]", *differences(base, alike(text))]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--berth", type=os.path.abspath)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--peer")
    options = parser.parse_args()
    if not options.berth and not options.peer:
        parser.error("--berth or --peer is needed")
    folder = enter()
    if options.peer:
        from peers import Peer
        sys.stdout.write(render(Peer(options.peer, folder, make_image(folder)).words()))
        return
    seen = render(Berth(options.berth, folder).words())
    if options.write:
        with open(GOLDEN, "w") as file:
            file.write(seen)
        return
    with open(GOLDEN) as file:
        wanted = file.read()
    rows = list(difflib.unified_diff(wanted.splitlines(), seen.splitlines(), "golden.txt", "berth", lineterm="", n=0))
    for row in rows:
        print(row)
    print(f"sandbox: {len(wanted.splitlines())} lines of {wanted.count('[')} ways to start, "
          f"{sum(row[:1] in '+-' and row[:3] not in ('+++', '---') for row in rows)} differ")
    sys.exit(1 if rows else 0)


if __name__ == "__main__":
    main()
