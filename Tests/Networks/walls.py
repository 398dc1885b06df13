"""The walls one by one: S-70 to S-78 of the attacks that berth is held to. Attackers change what they have in their hands:
a neighbour its routes, a container its own network namespace."""

import ipaddress
import os
import socket
import struct
import time

from world import Question, ask, lookup, read, scenario, standing_in, write

SERVER = 'image: IMAGE, volumes: ["ANSWER:/answer:ro"], command: /answer - 80, stop_signal: SIGKILL'
TRANSPORTS = ("tcp", "udp")


class Tap:
    """What passes an interface, seen from below."""

    def __init__(self, namespace, interface):
        with standing_in(namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)
            self.socket.bind((interface, 3))  # ETH_P_ALL
        self.socket.setblocking(False)

    def packets(self):
        """`(source, target, protocol, target port)` of what has passed since the last time."""
        found = []
        while True:
            try:
                data = self.socket.recv(65535)
            except BlockingIOError:
                return found
            if data[0] >> 4 == 4 and len(data) >= 20:
                size, protocol, places = (data[0] & 15) * 4, data[9], (data[12:16], data[16:20])
            elif data[0] >> 4 == 6 and len(data) >= 40:
                size, protocol, places = 40, data[6], (data[8:24], data[24:40])
            else:
                continue
            port = struct.unpack("!H", data[size + 2:size + 4])[0] if protocol in (6, 17) and len(data) >= size + 4 else 0
            found.append((*(str(ipaddress.ip_address(place)) for place in places), protocol, port))

    def close(self):
        self.socket.close()


def route_loopback(world, machine, gateway, interface="eth0"):
    """Lets a machine send packets for 127.0.0.0/8 out to that gateway, and take the answers."""
    with standing_in(machine if isinstance(machine, int) else world.namespaces[machine]):
        for name in (interface, "all"):
            write(f"/proc/sys/net/ipv4/conf/{name}/route_localnet", "1")
    for words in (["del", "local", "127.0.0.0/8", "table", "local"], ["del", "local", "127.0.0.1", "table", "local"]):
        world.run(machine, "ip", "route", *words)
    world.run(machine, "ip", "route", "add", "127.0.0.0/8", "via", gateway)


def silent(box, namespace, places, what, transports=TRANSPORTS):
    """Nobody answers at any of these `(address, port)`."""
    questions = [Question(namespace, *place, transport, hopeful=False) for place in places for transport in transports]
    ask(questions)
    for each in questions:
        box.equal(each.answer, None, f"{what}, {each.address} {each.port}/{each.transport}")


def heard(box, namespace, places, wanted, what, transports=TRANSPORTS):
    questions = [Question(namespace, *place, transport) for place in places for transport in transports]
    ask(questions)
    for each in questions:
        box.equal(each.answer, wanted, f"{what}, {each.address} {each.port}/{each.transport}")


@scenario("S-70")
def loopback_ports_are_closed_to_neighbours(box):
    """A neighbour routes 127.0.0.0/8 and the bridge's block to the host, and the host's switches are as bad as can be."""
    world = box.world
    world.serve("host", "127.0.0.1:9001", "[::1]:9001")
    box.up(f"""
      services:
        web: {{{SERVER}, hostname: web, networks: [net], ports: ["127.0.0.1:8081:80", "127.0.0.1:8081:80/udp"]}}
      networks: {{net: {{enable_ipv6: true, ipam: {{config: [{{subnet: 10.80.1.0/24}}]}}}}}}
    """)
    web = box.namespace("web")
    inside = box.addresses(web)["eth0"]
    write("/proc/sys/net/ipv4/conf/uplink/route_localnet", "1")
    route_loopback(world, "lan", "10.99.0.1")
    world.run("lan", "ip", "route", "add", "10.80.1.0/24", "via", "10.99.0.1")
    tap, own = Tap(web, "eth0"), Tap(world.namespaces["host"], "lo")
    places = [("127.0.0.1", 8081), ("127.0.0.1", 9001), *((address, 80) for address in inside)]
    silent(box, world.namespaces["lan"], places, "from the neighbour")
    # Answers may be lost on their way: what counts is what came in.
    seen = [each for each in tap.packets() + own.packets() if each[2] in (6, 17) and each[3] in (80, 8081, 9001)]
    box.equal(seen, [], "packets that came in")
    heard(box, world.namespaces["host"], [("127.0.0.1", 8081)], "web 10.80.1.1", "from the host")
    box.true(any(each[3] == 80 for each in tap.packets()), "the tap saw nothing of what came in")
    tap.close()
    own.close()


@scenario("S-71", needs=["iptables-nft"])
def rules_of_others_stay(box):
    """Tables of nft and of iptables-nft, beside a project with ports: not a line of them differs."""
    from beside import DOCKER, NATIVE, Stand
    stand = Stand(box)
    stand.restore(DOCKER.replace("FORWARD DROP", "FORWARD ACCEPT") + """*nat
:DOCKER -
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.31.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -p tcp --dport 9999 -j DNAT --to-destination 172.31.0.2:80
COMMIT
""", DOCKER.replace("FORWARD DROP", "FORWARD ACCEPT"))
    stand.world.run("host", "nft", "-f", "-", input=NATIVE.replace("policy drop", "policy accept")
                    + "table ip mine {\n set s {\n type ipv4_addr; elements = { 192.0.2.1 }\n }\n"
                    + " chain c {\n ip saddr @s drop\n }\n}\n")
    before = stand.rules()
    box.true(sum(len(table.splitlines()) for table in before) > 50, "the rules of others are not there")
    box.up(f"""
      services: {{web: {{{SERVER}, hostname: web, networks: [net], ports: ["8080:80"]}}}}
      networks: {{net: {{enable_ipv6: true}}}}
    """)
    heard(box, box.world.namespaces["lan"], [("10.99.0.1", 8080)], "web 10.99.0.2", "from the neighbour", ("tcp",))
    box.equal(stand.rules(), before, "rules of others while it is up")
    box.berth("down")
    box.equal(stand.rules(), before, "rules of others after `down`")
    box.true("berth" not in stand.world.run("host", "nft", "list", "ruleset"), "rules of berth are left")


@scenario("S-72")
def four_networks_of_four(box):
    """Sixteen containers, each asks each, and each network's published port by each gateway."""
    names = ("a", "b", "c", "d")
    lines = "".join(f'  {name}: {{{SERVER}, hostname: {name}, networks: [{name}], deploy: {{replicas: 4}}}}\n'
                    f'  p{name}: {{{SERVER}, hostname: p{name}, networks: [{name}], ports: ["{8080 + index}:80"]}}\n'
                    for index, name in enumerate(names))
    box.up("services:\n" + lines + "networks:\n" + "".join(f"  {name}: {{enable_ipv6: true}}\n" for name in names))
    spaces = {(name, number): box.namespace(name, number) for name in names for number in range(1, 5)}
    places = {key: box.addresses(space)["eth0"] for key, space in spaces.items()}
    gateways = {name: ways(box, spaces[name, 1]) for name in names}
    cells = []
    for asking, space in spaces.items():
        for asked, addresses in places.items():
            for own, address in zip(places[asking], addresses):
                answer = f"{asked[0]} {own}" if asking[0] == asked[0] else None
                cells += [(asking, answer, Question(space, address, 80, each, answer is not None)) for each in TRANSPORTS]
        for name in names:
            for index, other in enumerate(names):
                for gateway, seen in zip(gateways[name], gateways[other]):
                    answer = f"p{other} {seen}" if name == asking[0] else None
                    cells.append((asking, answer, Question(space, gateway, 8080 + index, "tcp", answer is not None)))
    ask([question for _, _, question in cells])
    wrong = [f"{asking} → {each.address} {each.port}/{each.transport}: {each.answer}, should be {answer}"
             for asking, answer, each in cells if each.answer != answer]
    box.true(len(cells) >= 16 * 16 * 4, f"only {len(cells)} cells")
    box.equal(wrong[:10], [], f"{len(wrong)} of {len(cells)} cells")


def ways(box, namespace):
    """The gateways of the default routes."""
    found = [box.world.run(namespace, "ip", family, "route", "show", "default").split() for family in ("-4", "-6")]
    return [words[2] for words in found if words]


@scenario("S-73")
def internal_networks_reach_nobody(box):
    """No name of outside is asked for, and with a route of its own making a container gets nowhere either."""
    world = box.world
    upstream = world.upstream("lan")
    world.resolvers("10.99.0.2")
    world.serve("lan", "80")
    box.up(f"""
      services:
        vault: {{{SERVER}, hostname: vault, networks: [inner]}}
        open: {{{SERVER}, hostname: open, networks: [net]}}
      networks:
        inner: {{internal: true, enable_ipv6: true, ipam: {{config: [{{subnet: 10.80.4.0/24}}, {{subnet: "fd80:4::/64"}}]}}}}
        net: {{}}
    """)
    vault = box.namespace("vault")
    box.equal(lookup(box.namespace("open"), "outside.example"), (3, []), "the answer in an open network")
    box.equal(upstream.asked, ["outside.example"], "what the upstream was asked from an open network")
    tap = Tap(world.namespaces["lan"], "eth0")
    for kind in ("A", "AAAA"):
        answer = lookup(vault, "inside.example", kind)
        box.true(answer in ((3, []), (5, [])), f"the answer in an internal network: {answer}")
    for family, gateway in (("-4", "10.80.4.1"), ("-6", "fd80:4::1")):
        world.run(vault, "ip", family, "route", "add", "default", "via", gateway)
    silent(box, vault, [(address, port) for address in ("10.99.0.2", "fd99::2") for port in (53, 80)], "from inside")
    box.equal(lookup(vault, "tunnel.example", server="10.99.0.2", tries=1), None, "the upstream's answer")
    box.equal(upstream.asked, ["outside.example"], "what the upstream was asked in the end")
    strays = [each for each in tap.packets() if each[0].startswith(("10.80.4.", "fd80:4:"))]
    box.equal(strays, [], "packets of the internal network at the neighbour")
    tap.close()


def advertisement(prefix):
    """A router advertisement for half an hour, with a prefix to take addresses from. The kernel fills in the checksum."""
    header = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    option = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 1800, 1800, 0) + socket.inet_pton(socket.AF_INET6, prefix)
    return header + option


def advertise(namespace, interface, prefix):
    with standing_in(namespace):
        number = socket.if_nametoindex(interface)
        sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    with sender:
        for option in (socket.IPV6_MULTICAST_HOPS, socket.IPV6_UNICAST_HOPS):
            sender.setsockopt(socket.IPPROTO_IPV6, option, 255)
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, number)
        sender.sendto(advertisement(prefix), ("ff02::1", 0, 0, number))


@scenario("S-74")
def routers_in_containers_are_not_heeded(box):
    """One in a container says that it is a router, and so does the real one on the host's link, who goes on to be heeded."""
    world = box.world
    world.run("host", "ip", "-6", "route", "del", "default")
    write("/proc/sys/net/ipv6/conf/uplink/accept_ra", "1")
    box.up(f"""
      services:
        web: {{{SERVER}, hostname: web, networks: [net]}}
        twin: {{{SERVER}, hostname: twin, networks: [net]}}
      networks: {{net: {{enable_ipv6: true, driver_opts: {{com.docker.network.bridge.name: taught0}}}}}}
    """)
    web, twin = box.namespace("web"), box.namespace("twin")
    box.equal(read("/proc/sys/net/ipv6/conf/taught0/accept_ra"), "0", "accept_ra of the bridge")
    before = box.addresses(twin)

    def taught():
        advertise(web, "eth0", "fd66::")
        advertise(world.namespaces["lan"], "eth0", "fd77::")
        return "fd77::" in world.run("host", "ip", "-6", "route")

    box.until(taught, "the host does not heed its own router any more")
    for _ in range(5):
        taught()
        time.sleep(0.05)
    for machine in ("host", twin):
        for what in ("route", "address"):
            box.true("fd66:" not in world.run(machine, "ip", "-6", what), f"a container's advertisement was heeded: {what}")
    box.equal(box.addresses(twin), before, "addresses of its neighbour")
    routes = world.run("host", "ip", "-6", "route", "show", "default")
    box.true("dev uplink" in routes and "taught0" not in routes, f"default routes of the host: {routes}")


@scenario("S-76")
def name_services_serve_their_container_alone(box):
    """Names of a project are its own, and nobody else may ask a container's name service, whatever the route."""
    box.world.upstream("lan")
    box.world.resolvers("10.99.0.2")
    text = f"""
      services: {{db: {{{SERVER}, hostname: db}}, app: {{{SERVER}, hostname: app}}}}
      networks: {{default: {{enable_ipv6: true}}}}
    """
    beside = box.more("beside")
    box.up(text)
    beside.up(text)
    db, app, other = box.namespace("db"), box.namespace("app"), beside.namespace("app")
    inside = box.addresses(db)["eth0"]
    own = [address for address in inside if ":" not in address]
    box.equal(lookup(app, "db"), (0, own), "the project's own `db`")
    elsewhere = lookup(other, "db")
    box.true(elsewhere[0] == 0 and elsewhere[1] != own, f"`db` of the project beside it: {elsewhere}")
    for name in (f"{box.name}-db-1", box.container("db")[:12]):
        box.equal(lookup(other, name), (3, []), f"`{name}` in the other project")
    for asking, namespace in [("neighbour", app), ("stranger", other), *box.world.namespaces.items()]:
        for address in inside:
            box.equal(lookup(namespace, "db", server=address, tries=1), None, f"answer of {address} to {asking}")
    route_loopback(box.world, app, own[0])
    with standing_in(db):
        for name in ("eth0", "all"):
            write(f"/proc/sys/net/ipv4/conf/{name}/route_localnet", "1")
    box.equal(lookup(app, "db", tries=2), None, "an answer by a route for 127.0.0.11 to its neighbour")
    box.equal(lookup(db, "db"), (0, own), "its own name in the end")


@scenario("S-77")
def servers_see_their_clients(box):
    """Six paths from outside, by which a server sees who asks."""
    box.up(f"""
      services: {{web: {{{SERVER}, hostname: web, networks: [net], ports: ["8080:80", "8080:80/udp"]}}}}
      networks: {{net: {{enable_ipv6: true}}}}
    """)
    for machine, address, client in (
            ("lan", "10.99.0.1", "10.99.0.2"), ("lan", "fd99::1", "fd99::2"), ("lan", "10.98.0.1", "10.99.0.2"),
            ("other", "10.98.0.1", "10.98.0.2"), ("other", "fd98::1", "fd98::2"), ("host", "10.99.0.1", "10.99.0.1")):
        heard(box, box.world.namespaces[machine], [(address, 8080)], f"web {client}", f"from {machine}")


@scenario("S-78")
def the_hosts_loopback_is_its_own(box):
    """What listens on the host's 127.0.0.1 and ::1 is reached from no container, by whatever address and route."""
    world = box.world
    world.serve("host", "127.0.0.1:9001", "[::1]:9001")
    world.upstream("lan")
    world.resolvers("10.99.0.2")
    box.up(f"""
      services: {{web: {{{SERVER}, hostname: web, networks: [net], cap_add: [NET_ADMIN]}}}}
      networks: {{net: {{enable_ipv6: true, ipam: {{config: [{{subnet: 10.80.1.0/24}}, {{subnet: "fd80:1::/64"}}]}}}}}}
    """)
    web = box.namespace("web")
    heard(box, world.namespaces["host"], [("127.0.0.1", 9001)], "host 127.0.0.1", "from the host")
    heard(box, world.namespaces["host"], [("::1", 9001)], "host ::1", "from the host")
    box.true("host-gateway" not in box.inside("web", "cat /etc/hosts"), "a name for the host that nobody asked for")
    for name in ("host.docker.internal", "gateway.docker.internal"):
        box.berth("exec", "-T", "web", "nslookup", "-type=a", name, "127.0.0.11", code=1)
    world.run(web, "ip", "route", "add", "169.254.0.0/16", "via", "10.80.1.1")
    route_loopback(world, web, "10.80.1.1")
    for name in os.listdir("/proc/sys/net/ipv4/conf"):
        write(f"/proc/sys/net/ipv4/conf/{name}/route_localnet", "1")
    tap = Tap(world.namespaces["host"], "lo")
    places = ["10.80.1.1", "fd80:1::1", "10.99.0.1", "fd99::1", "10.98.0.1", "169.254.0.1", "169.254.1.1", "169.254.1.2",
              "169.254.169.254", "127.0.0.1", "127.0.0.53"]
    silent(box, web, [(address, 9001) for address in places], "from the container")
    box.equal([each for each in tap.packets() if each[3] == 9001], [], "packets on the host's loopback")
    tap.close()
