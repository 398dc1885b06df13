"""Before = after: what `up` leaves on the host when `down` has ended, also when it was killed in its middle."""

import os
import re
import signal
import subprocess
import time

from world import Complaint, scenario

EVERYTHING = """
  services:
    web: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, networks: [both, plain],
          ports: ["8080:80", "8080:80/udp", "127.0.0.1:8081:80", "[::1]:8082:80", "80"]}
    many: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, networks: [plain], ports: ["8100-8102:80"],
           deploy: {replicas: 3}}
    vault: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, networks: [inner]}
    lone: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, networks: [lonely]}
    gate: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, networks: [open], ports: ["80:80"]}
    hex: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, networks: [six], ports: ["8083:80"]}
    deck: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, networks: [cable]}
    mast: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, networks: [nowhere]}
    flag: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, networks: [tagged]}
    here: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, network_mode: host}
    alone: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, network_mode: none}
  networks:
    both: {enable_ipv6: true, driver_opts: {berth.antispoof: "true"}}
    plain: {}
    inner: {internal: true, enable_ipv6: true}
    lonely: {driver_opts: {com.docker.network.bridge.enable_icc: "false", com.docker.network.bridge.name: lonely0}}
    open: {enable_ipv6: true, driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: routed}}
    six: {enable_ipv4: false, enable_ipv6: true}
    cable: {driver: macvlan, driver_opts: {parent: uplink},
            ipam: {config: [{subnet: 10.99.0.0/24, ip_range: 10.99.0.64/26}]}}
    nowhere: {driver: macvlan}
    tagged: {driver: macvlan, driver_opts: {parent: uplink.7}}
"""

# What changes by itself: kept by the kernel for everybody, or counting.
PASSING = re.compile(r"/(nf_conntrack_count|route/(flush|cache_flush))$|/neigh/[^/]+/gc_|/random")


def everything(world):
    """The project, with links of the kinds that this kernel has."""
    text = EVERYTHING
    for kind, service, network in (("dummy", "mast", "nowhere"), ("vlan", "flag", "tagged")):
        link = ["vlan0", "link", "uplink", "type", kind, "id", "9"] if kind == "vlan" else ["dummy0", "type", kind]
        try:
            world.run("host", "ip", "link", "add", *link)
            world.run("host", "ip", "link", "del", link[0])
        except Complaint:
            text = re.sub(rf"^ +({service}|{network}):.*\n", "", text, flags=re.M)
    return text


def snapshot(world):
    """Everything of the host's network that can be read, as lines."""
    lines = []
    for command in (["nft", "-s", "list", "ruleset"], *(["ip", family, *words] for family in ("-4", "-6") for words in (
            ["route", "show", "table", "all"], ["rule"], ["address"], ["neighbour", "show", "nud", "permanent"])),
            ["ip", "-d", "link"], ["ip", "netns"], ["bridge", "vlan"]):
        for line in world.run("host", *command).splitlines():
            # Of a link: how often it has been moved, and who is behind it.
            lines.append(f"{' '.join(command)}: " + re.sub(r"(promiscuity|allmulti) \d+", r"\1", line.strip()))
    for version in ("ipv4", "ipv6"):
        for folder, _, files in os.walk(f"/proc/sys/net/{version}"):
            for name in files:
                path = os.path.join(folder, name)
                if not PASSING.search(path):
                    lines.append(f"{path}: {value(path)}")
    for name in sorted(os.listdir("/proc/self/net")):
        if name in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6", "packet"):
            lines += [f"{name}: {line.split()[1]}" for line in open(f"/proc/self/net/{name}").read().splitlines()[1:]
                      if name[:3] != "tcp" or line.split()[3] == "0A"]
    return sorted(lines)


def value(path):
    try:
        with open(path) as file:
            return " ".join(file.read().split())
    except OSError:
        return "cannot be read"


def compare(box, before):
    """The kernel takes links down some time after their namespaces."""
    def differences():
        after = snapshot(box.world)
        return ["- " + line for line in before if line not in after] + ["+ " + line for line in after if line not in before]
    end = time.monotonic() + 10
    while found := differences():
        if time.monotonic() > end:
            raise Complaint(f"{len(found)} lines differ:\n" + "\n".join(found[:20]))
        time.sleep(0.1)


@scenario("S-71", "S-74", "E154")
def before_is_after(box):
    before = snapshot(box.world)
    box.true(len(before) > 500, f"only {len(before)} lines were read")
    box.up(everything(box.world))
    during = snapshot(box.world)
    for word in ("ip -d link: ", "nft -s list ruleset: ", "ip -6 address: ", "/proc/sys/net/ipv6/conf/all/forwarding: 1"):
        added = [line for line in during if line.startswith(word) and line not in before]
        box.true(added, f"nothing of `{word}` changes by `up`: the comparison would see nothing")
    box.berth("down", "--timeout", "0")
    compare(box, before)


@scenario("S-71", "S-74")
def before_is_after_for_a_router(box):
    """Where packets were sent on before, they are afterwards."""
    for path in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        with open(f"/proc/sys/net/{path}", "w") as file:
            file.write("1")
    before = snapshot(box.world)
    box.up(everything(box.world))
    box.berth("down", "--timeout", "0")
    compare(box, before)


@scenario("S-71", "S-74", "F-30")
def before_is_after_a_kill(box):
    """`kill -9` of the command at moments all over `up`, and then `down`."""
    before = snapshot(box.world)
    box.file(everything(box.world))
    begun = time.monotonic()
    box.berth("up", "-d")
    whole = time.monotonic() - begun
    box.berth("down", "--timeout", "0")
    compare(box, before)
    moments = 6
    for index in range(moments):
        process = subprocess.Popen(
            [box.world.berth, "up", "-d"], cwd=box.folder, env=box.environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        try:
            process.wait(whole * (index + 0.5) / moments)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        box.berth("down", "--timeout", "0")
        try:
            compare(box, before)
        except Complaint as complaint:
            raise Complaint(f"killed at {index + 0.5} of {moments} of `up`: {complaint}") from None
