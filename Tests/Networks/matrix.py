"""Everybody asks for everything: what they are answered, and with which address they are seen, beside a model of it.

What is right is said by the rules in model.py; what was seen is nowhere taken for it. A cell is one who asks, one target
and one transport.
"""

from dataclasses import dataclass, field

from model import ASKING, CONTAINERS, LINKS, LOOPBACK, MACHINES, NETS, OPEN, PORTS, PRIVATE, RANGE, Model, Port, Target
from world import Complaint, Question, ask, lookup, scenario

# MARK: the project

SERVER = '{image: IMAGE, volumes: ["ANSWER:/answer:ro"], command: /answer - 80 81, stop_signal: SIGKILL'


# Services of the other project.
AWAY = ["away", "stop"]


def service(name, ports):
    networks = "networks: {" + ", ".join(
        f"{net}: {{" + "".join(
            f'ipv{"46"[family]}_address: "{NETS[net].address(last, family)}", ' for family in (0, 1)
            if NETS[net].address(last, family)) + f"gw_priority: {1 - index}}}"
        for index, (net, last) in enumerate(CONTAINERS[name].items())) + "}"
    if "shared" in CONTAINERS[name]:
        networks = "network_mode: bridge"
    texts = []
    for port in ports:
        host = f"[{port.host}]:" if ":" in port.host else f"{port.host}:" if port.host else ""
        texts += [f'"{host}{port.number}:80{kind}"' for kind in ("", "/udp")]
    return f"  {name}: {SERVER}, hostname: {name}, {networks}, ports: [{', '.join(texts)}]}}\n"


def network(name):
    net = NETS[name]
    if net.on_link:
        # The neighbour is the way out; it sends nothing on.
        pools = '{subnet: 10.99.0.0/24, gateway: 10.99.0.2}, {subnet: "fd99::/64", gateway: "fd99::2"}'
    else:
        pools = ", ".join(f'{{subnet: "{net.address(0, family)}/{(24, 64)[family]}"}}' for family in (0, 1)
                          if net.address(0, family))
    six = ", enable_ipv6: true" if net.has6 else ""
    lines = f", {net.lines}" if net.lines else ""
    return f"  {name}: {{ipam: {{config: [{pools}]}}{six}{lines}}}\n"


def compose(services, networks, extra=""):
    text = "services:\n" + "".join(service(name, [port for port in PORTS if port.container == name]) for name in services)
    return text + extra + "networks:\n" + "".join(map(network, networks))


def bring_up(box):
    away = box.more("away")
    away.up(compose(AWAY, ["far"]))
    # As many as the range has ports; their addresses are their own choice. One more port is any that is free.
    many = (f'  many: {SERVER}, networks: [front], ports: ["8100-8102:80", "8100-8102:80/udp"], deploy: {{replicas: 3}}}}\n'
            f'  any: {SERVER}, hostname: any, networks: [back], ports: ["80", "80/udp"]}}\n')
    services = [name for name, places in CONTAINERS.items() if name not in AWAY and 0 not in places.values()]
    box.up(compose(services, [name for name in NETS if name not in ("far", "shared")], many))
    return away


# MARK: the cells

def targets(ports, addresses):
    """`addresses`: those of the containers that chose their own."""
    for name, places in CONTAINERS.items():
        for net in places:
            for family in (0, 1):
                address = addresses.get((name, family)) or NETS[net].address(places[net], family)
                for port in (80, 81) if address and places[net] else (80,) if address else ():
                    yield Target("container", f"{name} on {net}", address, port, (name, net))
    for net in NETS:
        for family in (0, 1):
            if NETS[net].address(1, family) and not NETS[net].on_link:
                for port in (OPEN, PRIVATE, 8080, 8083, 8180):
                    yield Target("gateway", f"gateway of {net}", NETS[net].address(1, family), port, (net,))
    for machine in ("lan", "other"):
        for family in (0, 1):
            yield Target("machine", machine, MACHINES[machine][family], 80, (machine,))
    for address in LOOPBACK + LINKS["lan"] + LINKS["other"]:
        for port in [OPEN, PRIVATE] + sorted({each.number for each in ports}):
            yield Target("host", "host", address, port)


@dataclass(eq=False)
class Row:
    """A target and what all who ask are to be answered, by who and transport."""
    target: Target
    wanted: dict = field(default_factory=dict)
    seen: dict = field(default_factory=dict)

    @property
    def differs(self):
        return any(self.seen[cell] != self.wanted[cell] for cell in self.wanted)


def asks(who, target):
    # A machine's own loopback, and what listens there, says nothing of the host.
    return not (target.address in LOOPBACK and who in ("lan", "other"))


def table(rows):
    letters = {}
    lines = ["target".ljust(46) + " ".join(name.rjust(5) for name in ASKING)]
    for row in rows:
        cells = []
        for who in ASKING:
            both = [row.seen.get((who, transport), 0) for transport in ("tcp", "udp")]
            wrong = any(row.seen[cell] != row.wanted[cell] for cell in row.wanted if cell[0] == who)
            texts = ["" if each == 0 else "." if each is None else letters.setdefault(each[1], f"{len(letters):x}")
                     for each in both]
            cells.append(((texts[0] if texts[0] == texts[1] else "/".join(texts)) + ("!" if wrong else "")).rjust(5))
        lines.append(f"{row.target.label} {row.target.address} {row.target.port}".ljust(46) + " ".join(cells))
    lines.append("seen as: " + ", ".join(f"{letter} {address}" for address, letter in letters.items()))
    lines.append(". is silence, ! is not what it should be; tcp/udp where they differ")
    return lines


def differences(rows):
    for row in rows:
        for (who, transport), wanted in row.wanted.items():
            seen = row.seen[who, transport]
            if seen != wanted:
                yield (f"{who} → {row.target.label} {row.target.address} {row.target.port}/{transport}: "
                       f"{seen or 'silence'}, should be {wanted or 'silence'}")


# MARK: names

def name_cells(namespaces, addresses):
    """Each container asks for each service by name: `(who, name, kind, seen, wanted)`. Known are those of its
    networks; on the shared one there are names of containers alone."""
    services = sorted({name.split("-")[0] for name in CONTAINERS})
    for who in ASKING:
        if who in MACHINES:
            continue
        for name in services:
            for family, kind in enumerate(("A", "AAAA")):
                found = lookup(namespaces[who], name, kind)
                wanted = sorted(
                    addresses.get((each, family)) or NETS[net].address(last, family)
                    for each, places in CONTAINERS.items() if each.split("-")[0] == name
                    for net, last in places.items() if net in CONTAINERS[who] and NETS[net].address(1, family)
                    and not NETS[net].is_shared)
                yield who, name, kind, sorted(found[1]) if found else None, wanted


# MARK: scenarios

def published(box):
    """The ports that only `ps` knows: those of the range, and the one that was left to berth."""
    found = []
    for (transport, number), container in box.publishers().items():
        name = container.removeprefix(box.name + "-")
        if name.startswith(("many-", "any-")):
            found.append(Port(number, "", name if name.startswith("many") else "any", transport))
    ranged = sorted((each.transport, each.number) for each in found if each.container.startswith("many"))
    if ranged != [(transport, number) for transport in ("tcp", "udp") for number in RANGE]:
        raise Complaint(f"the range is not published as a range: {found}")
    return found


def look(box):
    """The namespaces of all who ask, the addresses that were chosen, and the names that servers answer with."""
    away = bring_up(box)
    namespaces, addresses, servers = dict(box.world.namespaces), {}, {}
    for name, places in CONTAINERS.items():
        service, _, number = name.partition("-")
        project = away if name in AWAY else box
        servers[project.container(service, number or 1)[:12]] = name
        namespaces[name] = project.namespace(service, number or 1)
        if "shared" in places:
            inside = project.addresses(namespaces[name])["eth0"]
            gateway = box.world.run(namespaces[name], "ip", "route", "show", "default").split()[2]
            NETS["shared"].chosen.update({(places["shared"], 0): inside[0], (1, 0): gateway})
        if 0 in places.values():
            for address in project.addresses(namespaces[name])["eth0"]:
                addresses[name, int(":" in address)] = address
    return namespaces, addresses, servers


def fill(rows, namespaces, servers):
    questions = {}
    for row in rows:
        for who, transport in row.wanted:
            hopeful = row.wanted[who, transport] is not None
            question = Question(namespaces[who], row.target.address, row.target.port, transport, hopeful)
            questions[row, who, transport] = question
    ask(list(questions.values()))
    for (row, who, transport), question in questions.items():
        server, _, seen = (question.answer or "").partition(" ")
        row.seen[who, transport] = (servers.get(server, server), seen) if server else None


def try_all(box, bridges_filter):
    world = box.world
    world.resolvers("10.99.0.2")
    world.upstream("lan")
    world.serve("host", str(OPEN), f"127.0.0.1:{PRIVATE}", f"[::1]:{PRIVATE}")
    for machine in ("lan", "other"):
        world.serve(machine, "80")
    namespaces, addresses, servers = look(box)
    ports = PORTS + published(box)
    models = {transport: Model(ports, transport, bridges_filter) for transport in ("tcp", "udp")}
    rows = []
    for target in targets(ports, addresses):
        row = Row(target)
        for who in filter(lambda who: asks(who, target), ASKING):
            for transport, model in models.items():
                row.wanted[who, transport] = model.answer(who, target)
        rows.append(row)
    fill(rows, namespaces, servers)
    names = list(name_cells(namespaces, addresses))
    wrong = [f"{who} → name {name} {kind}: {seen}, should be {wanted}"
             for who, name, kind, seen, wanted in names if seen != wanted]
    report(box, rows, names, wrong + list(differences(rows)))


def report(box, rows, names, wrong):
    shown = rows if box.shows_tables else [row for row in rows if row.differs]
    if shown:
        print("\n".join(table(shown)))
    count = sum(len(row.wanted) for row in rows)
    print(f"{len(rows)} targets, {count} cells and {len(names)} names, {len(wrong)} of them not as they should be")
    if wrong:
        raise Complaint("\n".join(wrong[:40] + ["…"][:len(wrong) > 40]))


@scenario("S-70", "S-72", "S-73", "S-77", "E134", "E139")
def matrix(box):
    try_all(box, bridges_filter=False)


@scenario("S-70", "S-72", "S-73", "S-77", "E134", "E139")
def matrix_with_bridge_filter(box):
    """br_netfilter lets the rules of IP see what neighbours say to each other."""
    if not box.world.bridges_filter(True):
        raise Complaint("this kernel has no br_netfilter")
    try_all(box, bridges_filter=True)
