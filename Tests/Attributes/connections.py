"""Networks that no file makes: the predefined ones, `berth network …`, and containers that join and leave while they run."""

import json
import subprocess

from networks import SLEEPER, addresses, fetch, host, on, pair, published
from world import scenario

MODE = "network_mode: "


def rows(box, *arguments):
    out = box.berth("network", "ls", "--format", "json", *arguments).out
    return [json.loads(line) for line in out.splitlines()]


def inspected(box, name):
    return json.loads(box.berth("network", "inspect", name).out)[0]


def container(box, service):
    return json.loads(box.berth("ps", "-a", "--format", "json", service).out.splitlines()[0])["Name"]


@scenario("A94", "E156", alone=True)
def shared_bridge(box):
    box.up("services:\n" + pair(
        one=["network_mode: bridge"], two=["network_mode: default", "links: [\"one:first\"]"]))
    box.inside("two", f"ping -c 1 -W 2 {container(box, 'one')}")
    box.inside("two", "ping -c 1 -W 2 first")
    box.berth("exec", "-T", "two", "nslookup", "-type=a", "one", "127.0.0.11", code=1)
    row = next(row for row in rows(box) if row["Name"] == "bridge")
    box.equal(row["Driver"], "bridge")
    members = inspected(box, "bridge")["Containers"]
    box.equal(sorted(member["Name"] for member in members.values()), sorted(map(lambda name: container(box, name), ["one", "two"])))
    box.refused_verb("network", "rm", "bridge", saying="predefined")
    box.refused_verb("network", "lss", saying="did you mean `network ls`?")
    link = f"br-{row['ID']}"
    box.true(link in host("ip", "-br", "link"), "no bridge")
    box.berth("down", "-t", "0")
    box.true(link not in host("ip", "-br", "link"), "the shared bridge outlived its last container")
    box.true(any(row["Name"] == "bridge" for row in rows(box)), "it is not listed without containers")


@scenario("A94")
def network_by_mode(box):
    box.berth("network", "create", "--subnet", "10.78.1.0/24", f"{box.name}-lan")
    try:
        box.up("services:\n" + pair(one=[MODE + f"{box.name}-lan"], two=[MODE + f"{box.name}-lan"]))
        box.equal(addresses(box, "one")[0].split("/")[1], "24")
        box.inside("two", "ping -c 1 -W 2 one")
        box.refused_verb("network", "rm", f"{box.name}-lan", saying="in use by container")
    finally:
        box.berth("down", "-t", "0")
        box.berth("network", "rm", f"{box.name}-lan")
    box.refused("services: {app: {image: IMAGE, network_mode: nowhere}}", "nowhere")


@scenario("A193", "E156")
def external_network(box):
    name = f"{box.name}-out"
    text = on(["external: true", f"name: {name}"])
    box.refused(text, f"berth network create {name}")
    identity = box.berth(
        "network", "create", "--label", "who=me", "--ipv6", "--subnet", "10.78.2.0/24", "--gateway", "10.78.2.9",
        "--ip-range", "10.78.2.128/25", "--aux-address", "router=10.78.2.129", "--opt", "com.docker.network.driver.mtu=1400",
        name).out.strip()
    box.refused_verb("network", "create", name, saying="already exists")
    box.up(text)
    box.equal([each for each in addresses(box, "app") if "." in each], ["10.78.2.128/24"])
    box.up(text.replace(f"name: {name}", f"name: '{identity[:12]}'"))
    box.equal([each for each in addresses(box, "app") if "." in each], ["10.78.2.128/24"], "by its id")
    shown = inspected(box, identity[:10])
    box.equal(shown["Name"], name)
    box.equal(shown["Labels"], {"who": "me"})
    box.equal(shown["IPAM"]["Config"][0], {
        "Subnet": "10.78.2.0/24", "IPRange": "10.78.2.128/25", "Gateway": "10.78.2.9",
        "AuxiliaryAddresses": {"router": "10.78.2.129"}})
    box.equal([row["Name"] for row in rows(box, "--filter", "label=who=me", "--filter", "type=custom")], [name])
    box.equal([row["Name"] for row in rows(box, "--filter", f"name={name}", "--filter", "dangling=true")], [])
    box.berth("down", "-t", "0")
    box.true(name in box.berth("network", "prune", "--force", "--filter", "label=who=me").out, "not pruned")
    box.equal(rows(box, "--filter", f"name={name}"), [])


@scenario("A193")
def external_host(box):
    box.refused(on(["external: true", "name: host"]), "network_mode: host")


@scenario("E155")
def joining_live(box):
    name = f"{box.name}-live"
    box.up("services:\n" + pair(one=["hostname: first"]) + f"  far:\n    {SLEEPER}\n    networks: [other]\n"
           + f"networks:\n  net:\n  default:\n  other:\n    name: {name}\n    enable_ipv6: true\n")
    one, before = container(box, "one"), box.inside("one", "ip route")
    box.berth("exec", "-T", "one", "ping", "-c", "1", "-W", "1", "far", code=1)
    box.berth("network", "connect", "--alias", "guest", name, one)
    box.inside("one", "ping -c 1 -W 2 far")
    box.inside("far", "ping -c 1 -W 2 guest")
    box.inside("far", "ping -6 -c 1 -W 2 one")
    address = addresses(box, "one", "eth1")[0].split("/")[0]
    box.true(f"{address}\tfirst" in box.inside("one", "cat /etc/hosts"), "not in /etc/hosts")
    box.true(before.splitlines()[0] in box.inside("one", "ip route"), "another default route")
    box.refused_verb("network", "connect", name, one, saying="already")
    box.equal(len(inspected(box, name)["Containers"]), 2)
    box.berth("stop", "-t", "0", "one")
    box.berth("start", "one")
    box.equal(addresses(box, "one", "eth1")[0].split("/")[0], address, "after a new start")
    box.inside("far", "ping -c 1 -W 2 guest")
    box.berth("network", "disconnect", name, one)
    box.true("eth1" not in box.inside("one", "ip link"), "the interface stayed")
    box.true(address not in box.inside("one", "cat /etc/hosts"), "it stayed in /etc/hosts")
    box.berth("exec", "-T", "far", "nslookup", "-type=a", "guest", "127.0.0.11", code=1)
    box.refused_verb("network", "disconnect", name, one, saying="is not connected")


@scenario("E155", "E139")
def leaving_the_way_out(box):
    box.up("""
      services:
        web:
          image: IMAGE
          command: sh -c "mkdir -p /w; echo seen > /w/index.html; busybox httpd -p [::]:80 -h /w; sleep 1000"
          ports: ["0:80"]
          networks: [a, b]
      networks: {a: , b: }
    """)
    port, name = published(box), f"{box.name}_a"
    box.equal(fetch(box, f"http://127.0.0.1:{port}/"), "seen")
    first = box.inside("web", "ip route | grep default")
    box.berth("network", "disconnect", name, container(box, "web"))
    second = box.inside("web", "ip route | grep default")
    box.true(first != second, "the default route is the same")
    for address in ("127.0.0.1", "[::1]"):
        box.equal(fetch(box, f"http://{address}:{port}/"), "seen", f"by the other network, {address}")
    box.berth("up", "-d", "-t", "0")
    box.equal(len(inspected(box, name)["Containers"]), 1, "on the network again after `up`")


@scenario("E155")
def no_network_to_join(box):
    box.up("services:\n" + pair(one=["network_mode: none"]) + "networks: {net: }\n")
    box.refused_verb("network", "connect", f"{box.name}_net", container(box, "one"), saying="network_mode is `none`")
    box.refused_verb("network", "connect", "nowhere", container(box, "one"), saying="network ls")


@scenario("A186", "E138", alone=True)
def trusted_and_unprotected(box):
    """A neighbour with a route to the containers reaches what the network's options say, and nothing else."""
    box.up(PROTECTED)
    subnets = {key: inspected(box, f"{box.name}_{key}")["IPAM"]["Config"][0]["Subnet"] for key in ("shut", "trust", "open")}
    with neighbour(box, subnets.values()) as inside:
        reached = {}
        for key in subnets:
            address = addresses(box, key)[0].split("/")[0]
            reached[key] = [port for port in (80, 81) if knocks(inside, address, port)]
    box.equal(reached, {"shut": [], "trust": [80], "open": [80, 81]})


@scenario("A109", "E139", "E140", alone=True)
def sctp_port(box):
    """The kernel may have no sockets of SCTP: a packet made by hand is seen inside all the same."""
    box.up("""
      services: {app: {image: IMAGE, command: sleep 1000, ports: ["38412:3868/sctp"]}}
    """)
    box.true(":38412->3868/sctp" in box.berth("ps").out, "ps does not show the port")
    outcome = box.berth("-p", f"{box.name}-second", "up", "-d", code=None)
    box.true(outcome.code != 0 and f"container `{container(box, 'app')}`" in outcome.err, f"no conflict: {outcome.text}")
    box.berth("-p", f"{box.name}-second", "down")
    catch = ("import socket; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132); s.settimeout(10); print(flush=True)\n"
             "while True:\n p, a = s.recvfrom(200)\n if p[22:24] == (3868).to_bytes(2, 'big'): print(a[0]); break")
    catcher = subprocess.Popen(["nsenter", "-t", str(box.pid("app")), "-n", "python3", "-c", catch], stdout=subprocess.PIPE)
    catcher.stdout.readline()
    with neighbour(box, []) as inside:
        subprocess.run(inside + ["python3", "-c", INIT], check=True)
    box.equal(catcher.communicate(timeout=20)[0].decode().strip(), "10.79.0.2", "who sent the packet")


# An INIT chunk (RFC 9260, 3.3.2) with its CRC32c.
INIT = """
import socket, struct, time
def crc(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8): value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF
body = struct.pack('>HHII', 40000, 38412, 0, 0) + struct.pack('>BBHIIHHI', 1, 0, 20, 7, 65536, 1, 1, 1)
packet = body[:8] + struct.pack('<I', crc(body)) + body[12:]
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 132)
for _ in range(10):
    s.sendto(packet, ('10.79.0.1', 0))
    time.sleep(0.05)
"""

@scenario("A186")
def stolen_addresses(box):
    """A container that says it were another one: heard on an ordinary network, not on one that guards addresses."""
    services = "".join(
        f"  {name}_{net}:\n    {SLEEPER}\n    networks: [{net}]\n" for net in ("plain", "guarded")
        for name in ("client", "victim", "thief"))
    box.up("services:\n" + services + "networks:\n  plain: {enable_ipv6: true}\n"
           "  guarded: {enable_ipv6: true, driver_opts: {berth.antispoof: \"true\"}}\n")
    stolen = {}
    for net in ("plain", "guarded"):
        four, six = (next(each.split("/")[0] for each in addresses(box, f"victim_{net}") if test(each))
                     for test in (lambda each: "." in each, lambda each: each.startswith("fd")))
        for address in (four, six):
            box.inside(f"client_{net}", f"ping -c 1 -W 2 {address}")
        inside = ["nsenter", "-t", str(box.pid(f"thief_{net}")), "-n"]
        subprocess.run(inside + ["python3", "-c", THIEF, four, six], check=True)
        known = subprocess.run(["nsenter", "-t", str(box.pid(f"client_{net}")), "-n", "ip", "neigh"], capture_output=True,
                               text=True).stdout
        thief = box.inside(f"thief_{net}", "cat /sys/class/net/eth0/address")
        stolen[net] = [thief in line for address in (four, six) for line in known.splitlines() if line.startswith(address)]
        box.inside(f"thief_{net}", f"ping -c 1 -W 2 client_{net}")
        box.inside(f"thief_{net}", f"ping -6 -c 1 -W 2 client_{net}")
    box.equal(stolen, {"plain": [True, True], "guarded": [False, False]}, "addresses that the thief got")
    box.berth("down", "-t", "0")
    box.true("bridge" not in host("nft", "list", "tables"), "the guard outlived its network")


# An answer of ARP that nobody asked for, and an unsolicited, overriding advertisement of a neighbour.
THIEF = """
import socket, struct, sys
four, six = socket.inet_aton(sys.argv[1]), socket.inet_pton(socket.AF_INET6, sys.argv[2])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
own = s.getsockname()[4]
def sum16(data):
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
arp = b'\\xff' * 6 + own + b'\\x08\\x06' + struct.pack('>HHBBH', 1, 0x800, 6, 4, 2) + own + four + own + four
group = bytes.fromhex('ff020000000000000000000000000001')
body = struct.pack('>BBHI', 136, 0, 0, 0x20000000) + six + b'\\x02\\x01' + own
check = sum16(six + group + struct.pack('>II', len(body), 58) + body)
body = body[:2] + struct.pack('>H', check) + body[4:]
advert = b'\\x33\\x33\\0\\0\\0\\x01' + own + b'\\x86\\xdd' + struct.pack('>IHBB', 0x60000000, len(body), 58, 255) + six + group + body
for _ in range(3):
    s.send(arp)
    s.send(advert)
"""

SERVICE = """
        NAME:
          image: IMAGE
          command: sh -c "busybox httpd -p 81 -h /etc; busybox httpd -f -p 80 -h /etc"
          ports: ["0:80"]
          networks: [NAME]"""
PROTECTED = """
      services:""" + "".join(SERVICE.replace("NAME", name) for name in ("shut", "trust", "open")) + """
      networks:
        shut:
        trust: {driver_opts: {com.docker.network.bridge.trusted_host_interfaces: "lan9:lan8"}}
        open: {driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: nat-unprotected}}
"""


class neighbour:
    """Another machine at the end of `lan9`, with routes to `subnets`."""

    def __init__(self, box, subnets):
        self.subnets = subnets

    def __enter__(self):
        self.process = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; read line"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.process.stdout.readline()
        pid = str(self.process.pid)
        inside = ["nsenter", "-t", pid, "-n"]
        try:
            for command in [
                ["ip", "link", "add", "lan9", "type", "veth", "peer", "name", "lan0", "netns", pid],
                ["ip", "address", "add", "10.79.0.1/24", "dev", "lan9"], ["ip", "link", "set", "lan9", "up"],
                inside + ["ip", "address", "add", "10.79.0.2/24", "dev", "lan0"], inside + ["ip", "link", "set", "lan0", "up"],
            ] + [inside + ["ip", "route", "add", subnet, "via", "10.79.0.1"] for subnet in self.subnets]:
                subprocess.run(command, check=True)
        except BaseException:
            self.__exit__()
            raise
        return inside

    def __exit__(self, *_):
        self.process.communicate(b"\n")
        subprocess.run(["ip", "link", "delete", "lan9"], stderr=subprocess.DEVNULL)


def knocks(inside, address, port):
    probe = f"import socket; socket.create_connection(('{address}', {port}), 1)"
    return subprocess.run(inside + ["python3", "-c", probe], stderr=subprocess.DEVNULL).returncode == 0
