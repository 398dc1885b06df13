# Machines of Benchmarks/network: network namespaces in which programs run. And the table that it prints.

import json
import os
import statistics
import subprocess
import time
from pathlib import Path


class Failed(Exception):
    pass


def run(command, limit=120, **options):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit, **options)
    if result.returncode != 0:
        said = (result.stderr or result.stdout).strip().splitlines()
        raise Failed(f"{command[0]}: {said[-1] if said else result.returncode}")
    return result.stdout


class Machine:
    """A network namespace: this one, one that is made, or that of a process."""

    def __init__(self, process=None, shim=None):
        self.process, self.shim = process, shim

    @staticmethod
    def new():
        # Goes with this program, however that ends.
        holder = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sleep", "infinity"])
        machine = Machine(holder.pid)
        own = os.readlink("/proc/self/ns/net")
        for _ in range(1000):
            if os.readlink(f"/proc/{holder.pid}/ns/net") != own:
                machine.run("ip", "link", "set", "lo", "up")
                return machine
            time.sleep(0.005)
        raise Failed("no network namespace")

    def words(self, command):
        return ["nsenter", "--target", str(self.process), "--net", *command] if self.process else list(command)

    def run(self, *command, **options):
        return run(self.words(command), **options)

    def start(self, *command, **options):
        return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.words(command)],
                                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True, **options)

    def cable(self, link, other, peer, address, peer_address):
        """A pair from here to `other`, each end with its address."""
        self.run("ip", "link", "add", link, "type", "veth", "peer", "name", peer, "netns", str(other.process))
        for machine, name, own in [(self, link, address), (other, peer, peer_address)]:
            if own:
                machine.run("ip", "address", "add", own, "dev", name)
            machine.run("ip", "link", "set", name, "up")

    def shim_seconds(self):
        """What its shim has used of the processors."""
        fields = Path(f"/proc/{self.shim}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def address(self):
        return json.loads(self.run("ip", "-j", "-4", "address", "show", "dev", "eth0"))[0]["addr_info"][0]["local"]


class Table:
    def __init__(self):
        self.rows = 0

    def head(self, title):
        title += f", load {os.getloadavg()[0]:.1f}"
        print(f"\n{title:60} {'figure':>2} {'floor':>12} {'ratio':>6}  promise")

    def row(self, name, figures, floors=(), unit="", promise="", note=""):
        figure = statistics.median(figures)
        digits = 0 if figure >= 1000 else 2
        floor = statistics.median(floors) if floors else None
        base = f"{floor:.{digits}f}" if floors else "-"
        ratio = f"{figure / floor:.2f}" if floor else "-"
        print(f"  {name:48} {figure:>9.{digits}f} {unit:4} {base:>10} {ratio:>6}  {promise}  {note}".rstrip(),
              flush=True)

    def failed(self, name, reason):
        print(f"  {name:48} {'failed':>9}  {reason}", flush=True)
