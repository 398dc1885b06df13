"""Published ports: who has one, what is told of it, and that a conflict makes nothing and ends nothing."""

import concurrent.futures
import contextlib
import glob
import itertools
import os
import socket

from world import Question, ask, scenario

numbers = itertools.count(20000)
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
HOST = "127.0.0.1"
# What holds a port, and what cannot be had beside it. `dual` is the wildcard of IPv6 that takes IPv4 too.
CONFLICTS = {
    "0.0.0.0": ["", "0.0.0.0:", f"{HOST}:", "10.99.0.1:"],
    "::": ["", "[::]:", "[::1]:", "[fd99::1]:"],
    "dual": ["", "0.0.0.0:", "[::]:", f"{HOST}:", "[::1]:"],
    HOST: ["", "0.0.0.0:", f"{HOST}:"],
    "::1": ["", "[::]:", "[::1]:"],
    "10.99.0.1": ["", "0.0.0.0:", "10.99.0.1:"],
    "fd99::1": ["", "[::]:", "[fd99::1]:"],
}
PEACE = [
    ("0.0.0.0", "[::]:"), ("0.0.0.0", "[::1]:"), ("::", "0.0.0.0:"), ("::", f"{HOST}:"), (HOST, "10.99.0.1:"),
    (HOST, "[::1]:"), ("::1", "[fd99::1]:"), ("10.99.0.1", f"{HOST}:"), ("fd99::1", "[::1]:"),
]


def web(ports, *settings, name="web"):
    """A service that answers at its port 80, by TCP and UDP, with these ports."""
    wanted = ", ".join(f"'{port}'" for port in ports)
    lines = [f"{name}:", "  image: IMAGE", "  command: [/answer, '-', '80']", "  volumes: ['ANSWER:/answer']",
             "  stop_grace_period: 0s", f"  ports: [{wanted}]", *(f"  {line}" for line in settings)]
    return [f"  {line}" for line in lines]


def project(*services):
    return "\n".join(["services:", *itertools.chain(*services)]) + "\n"


@contextlib.contextmanager
def held(address, port, transport="tcp"):
    """A port of the host in the hands of this process."""
    with socket.socket(socket.AF_INET if "." in address else socket.AF_INET6, KINDS[transport]) as holder:
        if holder.family == socket.AF_INET6:
            holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address != "dual")
        if transport == "tcp":
            # As servers do: connections that have ended do not count.
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("::" if address == "dual" else address, port))
        if transport == "tcp":
            holder.listen()
        yield


def is_free(port, transport="tcp"):
    """Whether the port can be had on all addresses of both families."""
    try:
        with held("0.0.0.0", port, transport), held("::", port, transport):
            return True
    except OSError:
        return False


def footprint(box):
    """All that berth could have made: records, leases, names, links, rules, routes."""
    found = set()
    for root in (box.environment["BERTH_STATE"], box.environment["BERTH_RUN"]):
        for kind in ("containers/*", "networks/*", "networks/*/leases/*", "names/*", "networks/*/names/*", "volumes/*"):
            found |= {path for path in glob.glob(os.path.join(root, kind)) if not path.endswith("/lock")}
    found |= {line.split(": ")[1].split("@")[0] for line in box.world.run("host", "ip", "-o", "link").splitlines()}
    return found | set(box.world.run("host", "nft", "list", "ruleset").splitlines())


def refused(box, what, compose, words):
    """`up` fails, says these words, makes nothing, and what ran goes on."""
    before = footprint(box)
    box.file(compose)
    outcome = box.berth("up", "-d", code=None)
    box.true(1 <= outcome.code <= 125, f"{what}: it ended with {outcome.code}: {outcome.text}")
    for word in words:
        box.true(word in outcome.err, f"{what}: no `{word}` in the message: {outcome.err}")
    box.equal(footprint(box) ^ before, set(), f"{what}: what is there and was not, or was and is not")


def heard(box, port, transport="tcp", *addresses):
    """What answers there: the same one on all of these addresses."""
    places = addresses or (HOST, "::1")
    answers = ask([Question(box.world.namespaces["host"], each, port, transport) for each in places])
    names = {answer and answer.split()[0] for answer in answers}
    box.equal(len(names), 1, f"who answers at {port} of {places}: {answers}")
    return names.pop()


@scenario("E140", "F-18")
def conflicts_with_a_process(box):
    """Fifty of them: wildcards and single addresses of both families, by TCP and UDP, beside a container that runs."""
    keeper = project(web([], name="keeper"))
    box.up(keeper)
    pid, mine = box.pid("keeper"), f"(pid {os.getpid()})"
    count = 0
    for transport, (address, wishes) in itertools.product(KINDS, CONFLICTS.items()):
        port = next(numbers)
        with held(address, port, transport):
            for wish in wishes:
                what = f"{wish}{port}:80/{transport} beside {address}"
                refused(box, what, project(web([], name="keeper"), web([f"{wish}{port}:80/{transport}"])),
                        [str(port), mine])
                count += 1
        box.true(is_free(port, transport), f"{port} is still held after it was refused")
    box.true(count >= 50, f"only {count} conflicts")
    box.equal(box.pid("keeper"), pid, "the process that ran before")
    # Beside others there is room.
    for address, wish in PEACE:
        port = next(numbers)
        with held(address, port):
            box.up(project(web([], name="keeper"), web([f"{wish}{port}:80"])))
    for transport, other in (("tcp", "udp"), ("udp", "tcp")):
        port = next(numbers)
        with held("dual", port, other):
            box.up(project(web([], name="keeper"), web([f"{port}:80/{transport}"])))
    box.equal(box.pid("keeper"), pid, "the process that ran before")


@scenario("E140", "F-18")
def conflicts_with_containers(box):
    """Of another project, of the same one, and of the same service."""
    other, port, wide = box.more(f"{box.name}-far"), next(numbers), next(numbers)
    other.up(project(web([f"{HOST}:{port}:80", f"{wide}:80", f"{wide}:80/udp"])))
    holder, pid = f"`{other.name}-web-1`", other.pid("web")
    for wish in (f"{port}:80", f"{HOST}:{port}:80", f"0.0.0.0:{port}:80"):
        refused(box, wish, project(web([wish])), [str(port), holder])
    for wish in (f"{wide}:80", f"{HOST}:{wide}:80", f"[::1]:{wide}:80", f"[::]:{wide}:80", f"{wide}:80/udp",
                 f"10.99.0.1:{wide}:80/udp"):
        refused(box, wish, project(web([wish])), [str(wide), holder])
    box.equal(other.pid("web"), pid, "the other project's container")
    heard(other, wide)
    # One that asks for several has none of them when it cannot have all.
    free = [next(numbers) for _ in range(3)]
    refused(box, "the third of three", project(web([f"{free[0]}:80", f"{free[1]}:80/udp", f"{wide}:80"])),
            [str(wide), holder])
    refused(box, "the second service", project(web([f"{free[2]}:80"], name="one"), web([f"{wide}:80"], name="two")),
            [str(wide), holder])
    box.true(all(is_free(each) for each in free), "ports are held of what was refused")
    for what, place, holder, services in (
        ("two services", 0, "one-1", [web([f"{free[0]}:80"], name="one"), web([f"{free[0]}:80"], name="two")]),
        ("one on all, one on one", 0, "one-1",
         [web([f"{free[0]}:80"], name="one"), web([f"{HOST}:{free[0]}:80"], name="two")]),
        ("two replicas", 0, "web-1", [web([f"{free[0]}:80"], "scale: 2")]),
        ("four replicas of a range of three", 2, "web-3", [web([f"{free[0]}-{free[2]}:80"], "scale: 4")]),
    ):
        refused(box, what, project(*services), [str(free[place]), f"`{box.name}-{holder}`"])


@scenario("E140", "A108")
def ranges(box):
    """Replicas share a range in order; what is held of it is passed over."""
    first = next(numbers)
    for _ in range(9):
        next(numbers)
    box.up(project(web([f"{first}-{first + 4}:80"], "scale: 3")))
    box.equal(sorted(port for _, port in box.publishers()), [first, first + 1, first + 2])
    box.equal(len({heard(box, first + place) for place in range(3)}), 3, "containers behind three ports")
    box.berth("up", "-d", "--scale", "web=5", "--no-recreate")
    box.equal(sorted(port for _, port in box.publishers()), [first + place for place in range(5)], "after scaling up")
    outcome = box.berth("up", "-d", "--scale", "web=6", "--no-recreate", code=None)
    box.true(outcome.code != 0 and str(first + 4) in outcome.err, f"a sixth of five: {outcome.text}")
    box.equal(len(box.publishers()), 5, "ports after that")
    box.berth("up", "-d", "--scale", "web=1", "--no-recreate")
    box.true(is_free(first + 1) and is_free(first + 4) and not is_free(first), "ports after scaling down")
    box.berth("down", "--timeout", "0")
    with held("0.0.0.0", first), held("::1", first + 2):
        box.up(project(web([f"{first}-{first + 4}:80"], "scale: 3")))
        chosen = sorted(port - first for _, port in box.publishers())
        box.equal(chosen, [1, 3, 4], "places in the range beside two that are held")
        box.berth("down", "--timeout", "0")
        refused(box, "an exhausted range", project(web([f"{first}-{first}:80"])), [str(first)])
    # A range of both sides is a list of pairs.
    box.up(project(web([f"{first}-{first + 2}:80-82"])))
    box.equal(sorted(port for _, port in box.publishers()), [first, first + 1, first + 2], "a range to a range")
    heard(box, first)


@scenario("E141", "E139")
def random_ports(box):
    """One number for both families, told by `ps`, of the kernel's range, another for each replica."""
    box.up(project(web(["80", "80/udp", f"{HOST}::80"], "scale: 4")))
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        low, high = map(int, file.read().split())
    published = box.publishers()
    box.equal(len(published), 12, f"ports: {published}")
    box.true(all(low <= port <= high for _, port in published), f"outside of {low} to {high}: {published}")
    shown = box.berth("ps").out
    for (transport, port), container in published.items():
        box.true(f":{port}->80/{transport}" in shown, f"`ps` does not show {port}: {shown}")
        local = f"{HOST}:{port}->80" in shown
        heard(box, port, transport, HOST, *([] if local else ["::1", "10.99.0.1", "fd99::1"]))
    for number in range(1, 5):
        told = box.berth("port", "--index", str(number), "--protocol", "udp", "web", "80").out.strip()
        box.equal(published.get(("udp", int(told.rpartition(":")[2]))), f"{box.name}-web-{number}", f"`port`: {told}")
    by = {}
    for (_, port), container in published.items():
        by.setdefault(container, set()).add(port)
    box.equal(sorted(map(len, by.values())), [3, 3, 3, 3], f"ports of each container: {by}")


@scenario("E140", "E142")
def released_and_taken(box):
    """A port is free when its container stands still; who takes it then is told of at start, and nothing is lost."""
    port = next(numbers)
    box.up(project(web([f"{port}:80", f"{port}:80/udp", "81:80"], name="web"), web([], name="other")))
    for transport in KINDS:
        heard(box, port, transport, HOST, "::1", "10.99.0.1", "fd99::1")
    heard(box, 81)
    pid = box.pid("other")
    box.true(not is_free(port) and not is_free(port, "udp") and not is_free(81), "nothing holds the ports")
    box.berth("stop", "--timeout", "0", "web")
    box.true(is_free(port) and is_free(port, "udp") and is_free(81), "ports are held after stop")
    for address, transport in ((HOST, "tcp"), ("::1", "udp")):
        with held(address, port, transport):
            outcome = box.berth("start", "web", code=None)
            box.true(outcome.code != 0 and str(port) in outcome.err and f"(pid {os.getpid()})" in outcome.err,
                     f"start beside {address}: {outcome.text}")
            outcome = box.berth("up", "-d", code=None)
            box.true(outcome.code != 0 and str(port) in outcome.err, f"up beside {address}: {outcome.text}")
        box.true(is_free(81), "another port is held after that")
    box.equal(box.pid("other"), pid, "the process that ran on")
    box.berth("start", "web")
    heard(box, port)
    # New settings that cannot be met end nothing.
    pid, taken = box.pid("web"), next(numbers)
    with held("dual", taken):
        box.file(project(web([f"{taken}:80"], name="web"), web([], name="other")))
        outcome = box.berth("up", "-d", code=None)
        box.true(outcome.code != 0 and str(taken) in outcome.err, f"another port: {outcome.text}")
        box.equal(box.pid("web"), pid, "what ran before it was to have another port")
        heard(box, port)
    # The same port again, for a container that is made anew.
    box.up(project(web([f"{port}:80"], "labels: {again: '1'}", name="web"), web([], name="other")))
    box.true(box.pid("web") != pid, "it is not a new one")
    heard(box, port)
    # And for a service that has it under another name: the old one goes first, however long that takes.
    slow = "command: ['sh', '-c', 'trap : TERM; while :; do sleep 1; done']"
    lines = [line for line in web([f"{port}:80"], slow) if "answer" not in line and "grace" not in line]
    box.up(project([*lines, "    stop_grace_period: 1s"], web([], name="other")))
    box.file(project(web([f"{port}:80"], name="site"), web([], name="other")))
    box.berth("up", "-d", "--remove-orphans")
    heard(box, port)
    box.berth("down", "--timeout", "0")
    box.true(is_free(port) and is_free(81), "ports are held after down")


@scenario("E139", "A108")
def one_number_on_two_addresses(box):
    """Two projects may have the same number, each on an address of its own."""
    other, port = box.more(f"{box.name}-far"), next(numbers)
    box.up(project(web([f"{HOST}:{port}:80", f"[fd99::1]:{port}:80/udp"])))
    other.up(project(web([f"10.99.0.1:{port}:80", f"[::1]:{port}:80"])))
    names = [heard(box, port, transport, address) for transport, address in
             (("tcp", HOST), ("udp", "fd99::1"), ("tcp", "10.99.0.1"), ("tcp", "::1"))]
    box.true(names[0] == names[1] != names[2] == names[3], f"who answers: {names}")
    refused(other, "an address of the other project",
            project(web([f"{HOST}:{port}:80"], name="second"), web([], name="web")),
            [str(port), f"`{box.name}-web-1`"])
    refused(other, "an address of nobody", project(web([f"203.0.113.5:{port}:80"], name="second"), web([], name="web")),
            [str(port), "203.0.113.5"])


@scenario("F-13", "F-18")
def race_for_one_port(box):
    """Of eight projects that want the same port at the same time one gets it, and the others make nothing."""
    port = next(numbers)
    boxes = [box.more(f"{box.name}-{number}") for number in range(8)]
    for each in boxes:
        each.file(project(web([f"{port}:80", f"{port}:80/udp"])))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda each: each.berth("up", "-d", code=None), boxes))
    winners = [each for each, outcome in zip(boxes, outcomes) if outcome.code == 0]
    box.equal(len(winners), 1, f"projects that got it: {[outcome.text for outcome in outcomes]}")
    for each, outcome in zip(boxes, outcomes):
        if each not in winners:
            box.true(str(port) in outcome.err and "in use" in outcome.err, f"not told: {outcome.text}")
            box.equal(each.berth("ps", "--all", "--quiet").out, "", f"containers of {each.name}")
    for transport in KINDS:
        heard(box, port, transport)
    networks = os.listdir(os.path.join(box.environment["BERTH_STATE"], "networks"))
    box.equal([name for name in networks if not name.startswith(".")], [f"{winners[0].name}_default"], "networks")
