"""Many containers, many networks, many projects at once, again and again; and networks that would overlap.

The counts are small unless `--long` is given. Nothing may be left of any of it.
"""

import concurrent.futures
import ipaddress
import itertools
import json
import os
import socket

from ports import footprint
from upstream import Asked, framed, question, resolver
from world import lookup, scenario, standing_in


def sleepers(count, *networks, prefix="s", each=()):
    """So many services, each on these networks."""
    lines = ["services:"]
    for number in range(1, count + 1):
        lines += [f"  {prefix}{number}:", "    image: IMAGE", "    command: sleep 1000", "    stop_grace_period: 0s"]
        lines += [f"    networks: [{', '.join(networks)}]"] if networks else []
        lines += [f"    {line}" for line in each]
    return lines


def records(box):
    """What is written down of networks, by name."""
    found, folder = {}, os.path.join(box.environment["BERTH_STATE"], "networks")
    for name in os.listdir(folder) if os.path.exists(folder) else []:
        if name.startswith("."):
            continue
        with open(os.path.join(folder, name, "network.json")) as file:
            found[name] = json.load(file)
    return found


def subnets(box):
    return {name: ipaddress.ip_network(record["ipv4"]["subnet"]) for name, record in records(box).items()}


def leases(box, network):
    folder = os.path.join(box.environment["BERTH_STATE"], "networks", network, "leases")
    return sorted(ipaddress.ip_address(name) for name in os.listdir(folder))


def distinct(box, blocks):
    ordered = sorted(blocks)
    for one, two in itertools.pairwise(ordered):
        box.true(not one.overlaps(two), f"{one} and {two} overlap")


def gone(box, before, what):
    """Of links the kernel takes some in its own time."""
    box.until(lambda: footprint(box) <= before, f"left after {what}", limit=30)
    box.equal(before - footprint(box), set(), f"gone with {what}")


def running(box):
    return len(box.berth("ps", "--quiet").out.split())


def ask_by_tcp(namespace, name):
    """All addresses of a name."""
    with standing_in(namespace):
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with client:
        client.settimeout(5)
        client.connect(("127.0.0.11", 53))
        client.sendall(framed(question(name)))
        answer = client.recv(int.from_bytes(client.recv(2, socket.MSG_WAITALL)), socket.MSG_WAITALL)
    place = Asked(question(name), "tcp", None).end
    return sorted(ipaddress.ip_address(answer[at + 12:at + 16]) for at in range(place, len(answer), 16))


def crowd(box, count, network, options):
    box.file("\n".join([
        "services:", "  web:", "    image: IMAGE", "    command: sleep 1000", f"    scale: {count}",
        "    stop_grace_period: 0s", "    networks: [net]", f"networks: {{net: {options}}}"]) + "\n")
    box.berth("up", "-d", limit=120)
    box.equal(running(box), count, "containers that run")
    held = leases(box, network)
    box.equal(len(set(held)), count, "addresses")
    block = subnets(box)[network]
    box.true(all(address in block for address in held), f"addresses outside of {block}")
    first, last = box.namespace("web", 1), box.namespace("web", count)
    box.equal(ask_by_tcp(first, "web"), held, "what `web` leads to")
    for number in {1, 2, count // 2, count - 1, count}:
        code, found = lookup(last, f"{box.name}-web-{number}")
        box.equal((code, len(found)), (0, 1), f"lookup of number {number}")
        box.true(ipaddress.ip_address(found[0]) in held, f"a stranger: {found}")


@scenario("E134", "E135", "E145", alone=True)
def two_hundred_containers(box):
    """On one network, of the default pools and of one that has just room for them."""
    before = footprint(box)
    for options in ["{}", "{ipam: {config: [{subnet: 10.60.0.0/24}]}}"][:2 if box.is_long else 1]:
        crowd(box, 200, f"{box.name}_net", options)
        box.berth("down", "--timeout", "0", limit=120)
        gone(box, before, "200 containers")


@scenario("E134", "F-13", alone=True)
def hundred_networks(box):
    """One project with a hundred networks, of which each container is on eleven and meets its neighbour on one."""
    before, count = footprint(box), 100 if box.is_long else 50
    services = []
    for number in range(count // 10):
        nets = ", ".join(f"n{(number * 10 + place) % count}" for place in range(11))
        services += [line.replace("s1:", f"s{number}:") for line in sleepers(1, nets)[1:]]
    networks = [f"  n{number}: {{}}" for number in range(count)]
    box.file("\n".join(["services:", *services, "networks:", *networks]) + "\n")
    box.berth("up", "-d", limit=120)
    blocks = subnets(box)
    box.equal((len(blocks), running(box)), (count, count // 10), "networks and containers")
    distinct(box, blocks.values())
    bridges = json.loads(box.world.run("host", "ip", "-j", "link", "show", "type", "bridge"))
    bridges = {each["ifname"] for each in bridges}
    box.equal(bridges, {record["bridge"] for record in records(box).values()}, "bridges")
    with resolver(box):
        meet_neighbours(box, blocks, [box.namespace(f"s{number}") for number in range(count // 10)])
    box.berth("down", "--timeout", "0", limit=120)
    gone(box, before, f"{count} networks")


def meet_neighbours(box, blocks, ring):
    """Each knows the next one, by the network that both are on, and not the one after."""
    for number, namespace in enumerate(ring):
        after, far = (number + 1) % len(ring), (number + 2) % len(ring)
        code, found = lookup(namespace, f"s{after}")
        shared = blocks[f"{box.name}_n{after * 10}"]
        box.true(code == 0 and len(found) == 1 and ipaddress.ip_address(found[0]) in shared, f"s{after}: {found}")
        for name in (f"s{far}", f"s{far}.{box.name}_n{far * 10 + 5}"):
            box.equal(lookup(namespace, name), (3, []), f"{name}, asked for by s{number}")
        box.equal(len(json.loads(box.world.run(namespace, "ip", "-j", "link"))), 12, "interfaces with lo")


@scenario("E135", "F-20")
def full_network(box):
    """Five addresses for ten containers: those that have none are told so by name, what runs goes on."""
    before = footprint(box)
    net = ["networks: {net: {ipam: {config: [{subnet: 10.61.0.0/29}]}}}"]
    box.up("\n".join(sleepers(5, "net") + net) + "\n")
    box.equal(len(leases(box, f"{box.name}_net")), 5, "addresses")
    pids = [box.pid(f"s{number}") for number in range(1, 6)]
    box.file("\n".join(sleepers(10, "net") + net) + "\n")
    outcome = box.berth("up", "-d", code=None)
    box.true(1 <= outcome.code <= 125, f"ten on five addresses: {outcome.text}")
    box.true("is full" in outcome.err and f"`{box.name}_net`" in outcome.err, f"not told which: {outcome.err}")
    box.equal([box.pid(f"s{number}") for number in range(1, 6)], pids, "those that ran before")
    box.equal((running(box), len(leases(box, f"{box.name}_net"))), (5, 5), "containers that run, and addresses")
    # An address that is given back is there for another.
    box.file("\n".join(sleepers(4, "net") + sleepers(1, "net", prefix="other")[1:] + net) + "\n")
    box.berth("up", "-d", "--remove-orphans")
    box.equal((running(box), len(leases(box, f"{box.name}_net"))), (5, 5), "after one has made room")
    box.berth("down", "--timeout", "0")
    # All at once: five are made, the five others are told of, and nothing is started without them.
    box.file("\n".join(sleepers(10, "net") + net) + "\n")
    outcome = box.berth("up", "-d", code=None)
    box.true(1 <= outcome.code <= 125, f"ten at once: {outcome.text}")
    rows = [json.loads(line) for line in box.berth("ps", "--all", "--format", "json").out.splitlines()]
    made = [row["Name"] for row in rows if row["State"] == "created"]
    lacking = [f"{box.name}-s{number}-1" for number in range(1, 11)]
    lacking = [name for name in lacking if f"creating `{name}`" in outcome.err]
    box.equal((len(made), len(lacking), set(made) & set(lacking)), (5, 5, set()), "made, and told to have no address")
    box.equal((outcome.err.count("is full"), running(box)), (5, 0), "faults told, and containers that run")
    box.equal(len(leases(box, f"{box.name}_net")), 5, "addresses")
    box.berth("down", "--timeout", "0")
    gone(box, before, "a full network")


@scenario("F-13", alone=True)
def projects_at_once(box):
    """Sixteen at the same time: no failure, no block and no address twice."""
    before, count = footprint(box), 50 if box.is_long else 6
    boxes = [box.more(f"{box.name}-{number}") for number in range(16)]
    for number, each in enumerate(boxes):
        half = count // 2
        services = sleepers(half, "one") + sleepers(count - half, "one", "two", prefix="t")[1:]
        each.file("\n".join([*services, "networks: {one: {}, two: {}}"]) + "\n")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for outcome in pool.map(lambda each: each.berth("up", "-d", code=None, limit=150), boxes):
            box.equal(outcome.code, 0, f"up: {outcome.text}")
        blocks = subnets(box)
        box.equal(len(blocks), 32, "networks")
        distinct(box, blocks.values())
        for name in blocks:
            held = leases(box, name)
            box.equal(len(held), count if name.endswith("_one") else count - count // 2, f"addresses of {name}")
        box.equal([running(each) for each in boxes], [count] * 16, "containers that run")
        for outcome in pool.map(lambda each: each.berth("down", "--timeout", "0", code=None, limit=150), boxes):
            box.equal(outcome.code, 0, f"down: {outcome.text}")
    gone(box, before, "sixteen projects")


@scenario("F-20", "E157", alone=True)
def again_and_again(box):
    """Up and down: no lease, link, name, rule or record is left, and the block is always the same."""
    before, seen = footprint(box), set()
    box.file("\n".join(sleepers(2, each=["ports: ['80']"])) + "\n")
    for number in range(200 if box.is_long else 25):
        box.berth("up", "-d")
        seen |= set(subnets(box).values())
        box.berth("down", "--timeout", "0")
        if number % 10 == 0:
            gone(box, before, f"{number + 1} times")
    gone(box, before, "the last time")
    box.equal(len(seen), 1, f"blocks of one network: {seen}")


# What the host has, a block that a file asks for, and words of the refusal; no words: there is room.
LAYOUTS = [
    (["route", "10.62.0.0/16"], "10.62.0.0/16", ["10.62.0.0/16", "route"]),
    (["route", "10.62.0.0/16"], "10.62.5.0/24", ["10.62.5.0/24", "route 10.62.0.0/16"]),
    (["route", "10.62.7.0/24"], "10.62.0.0/16", ["10.62.0.0/16", "route 10.62.7.0/24"]),
    (["route", "10.62.7.9/32"], "10.62.7.0/24", ["10.62.7.0/24", "route 10.62.7.9/32"]),
    (["route", "10.62.0.0/17"], "10.62.128.0/17", []),
    (["route", "10.62.8.0/24"], "10.62.9.0/24", []),
    (["address", "10.62.0.1/16"], "10.62.0.0/16", ["10.62.0.0/16"]),
    (["address", "10.62.3.1/24"], "10.62.0.0/20", ["10.62.0.0/20", "10.62.3.0/24"]),
    (["address", "10.62.3.1/32"], "10.62.3.0/24", ["10.62.3.0/24", "10.62.3.1/32"]),
    (["address", "10.62.3.1/24"], "10.62.4.0/24", []),
    (["network", "10.63.0.0/16"], "10.63.0.0/16", ["10.63.0.0/16", "network"]),
    (["network", "10.63.0.0/16"], "10.63.200.0/24", ["10.63.200.0/24", "network"]),
    (["network", "10.63.4.0/24"], "10.63.0.0/20", ["10.63.0.0/20", "network"]),
    (["network", "10.63.4.0/24"], "10.63.5.0/24", []),
    (["nothing", ""], "10.99.0.0/24", ["10.99.0.0/24"]),
    (["nothing", ""], "10.98.0.128/25", ["10.98.0.128/25"]),
    (["nothing", ""], "10.96.0.0/13", ["10.96.0.0/13"]),
    (["nothing", ""], "127.1.0.0/16", ["127.1.0.0/16"]),
    (["route", "fd62::/48"], "fd62::/64", ["fd62::/64", "route"]),
    (["address", "fd62:0:0:5::1/64"], "fd62::/48", ["fd62::/48"]),
    (["network", "fd63::/64"], "fd63::/64", ["fd63::/64", "network"]),
    (["network", "fd63::/64"], "fd63:0:0:1::/64", []),
    (["nothing", ""], "fd99::/64", ["fd99::/64"]),
    (["route", "default"], "10.64.0.0/16", []),
    (["blackhole", "10.65.0.0/16"], "10.65.1.0/24", ["10.65.1.0/24", "route 10.65.0.0/16"]),
    (["table", "10.66.0.0/16"], "10.66.1.0/24", ["10.66.1.0/24", "route 10.66.0.0/16"]),
]


def on_block(block):
    six = ":" in block
    options = f"{{enable_ipv6: {str(six).lower()}, ipam: {{config: [{{subnet: '{block}'}}]}}}}"
    return "\n".join(sleepers(1, "net") + [f"networks: {{net: {options}}}"]) + "\n"


def change(box, what, block):
    """Brings about a layout; gives what undoes it."""
    family = "-6" if ":" in block else "-4"
    by = "fd99::2" if ":" in block else "10.99.0.2"
    words = {
        "route": [family, "route", "add", block, "via", by],
        "address": [family, "address", "add", block, "dev", "second"],
        "blackhole": [family, "route", "add", "blackhole", block],
        "table": [family, "route", "add", block, "via", by, "table", "99"],
    }.get(what)
    if what == "network":
        other = box.more(f"{box.name}-other-{len(box.others)}")
        other.up(on_block(block))
        return lambda: other.berth("down", "--timeout", "0")
    if words is None or block == "default":
        return lambda: None
    box.world.run("host", "ip", *words)
    undo = ["delete" if word == "add" else word for word in words]
    return lambda: box.world.run("host", "ip", *undo)


@scenario("F-19", "E134", "E135")
def overlaps(box):
    """With routes, addresses and networks that are there: a clear refusal that makes nothing."""
    for (what, block), wanted, words in LAYOUTS:
        undo = change(box, what, block)
        before = footprint(box)
        box.file(on_block(wanted))
        outcome = box.berth("up", "-d", code=None)
        case = f"{wanted} beside {what} {block}"
        if words:
            box.true(1 <= outcome.code <= 125, f"{case}: it ended with {outcome.code}: {outcome.text}")
            for word in [*words, f"`{box.name}_net`"]:
                box.true(word in outcome.err, f"{case}: no `{word}` in the message: {outcome.err}")
            box.equal(footprint(box) ^ before, set(), f"{case}: what was made or lost")
        else:
            box.equal(outcome.code, 0, f"{case}: {outcome.text}")
            box.berth("down", "--timeout", "0")
        undo()


@scenario("F-19", "E134")
def pools_avoid_what_is_there(box):
    """Blocks that berth chooses: not where the host's routes lead, and none when they lead everywhere."""
    plain = "\n".join(sleepers(1)) + "\n"
    before = footprint(box)
    for routes, inside in (([], "172.16.0.0/12"), (["172.16.0.0/12"], "192.168.0.0/16"),
                           (["192.168.0.0/17"], "192.168.128.0/17"), (["192.168.128.0/17"], "10.192.0.0/11")):
        for route in routes:
            box.world.run("host", "ip", "route", "add", route, "via", "10.99.0.2")
        box.up(plain)
        (block,) = subnets(box).values()
        box.true(block.subnet_of(ipaddress.ip_network(inside)), f"{block} beside {routes}, not in {inside}")
        box.berth("down", "--timeout", "0")
    box.world.run("host", "ip", "route", "add", "10.192.0.0/11", "via", "10.99.0.2")
    outcome = box.berth("up", "-d", code=None)
    box.true(outcome.code != 0 and f"`{box.name}_default`" in outcome.err and "subnet" in outcome.err, outcome.text)
    gone(box, before, "all of it")
