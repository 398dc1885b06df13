"""The model of who reaches whom: networks, containers and ports as data, and rules that say why."""

from dataclasses import dataclass, field

LINKS = {"lan": ("10.99.0.1", "fd99::1"), "other": ("10.98.0.1", "fd98::1")}
MACHINES = {"host": LINKS["lan"], "lan": ("10.99.0.2", "fd99::2"), "other": ("10.98.0.2", "fd98::2")}
LOOPBACK = ("127.0.0.1", "::1")
# The host's own servers: on all addresses, on its loopback alone.
OPEN, PRIVATE = 9000, 9001


@dataclass(frozen=True)
class Net:
    number: int
    lines: str = ""
    has4: bool = True
    has6: bool = True
    internal: bool = False
    icc: bool = True
    routed: bool = False
    # Who has a route reaches everything.
    unprotected: bool = False
    # Who reaches published ports at the containers' own addresses.
    trusted: tuple = ()
    on_link: bool = False
    # Addresses by last part and family, where berth chooses them.
    chosen: dict = field(default_factory=dict, compare=False)
    is_shared: bool = False

    def address(self, last, family):
        """`last` 1 is the gateway's."""
        if self.is_shared:
            return self.chosen.get((last, family))
        if self.on_link:
            return (f"10.99.0.{last}", f"fd99::{last}")[family]
        if not (self.has6 if family else self.has4):
            return None
        return (f"10.80.{self.number}.{last}", f"fd80:{self.number}::{last}")[family]


NETS = {
    "front": Net(1),
    "back": Net(2),
    "plain": Net(3, has6=False),
    "inner": Net(4, "internal: true", internal=True),
    "lonely": Net(5, 'driver_opts: {com.docker.network.bridge.enable_icc: "false"}', icc=False),
    "open": Net(6, "driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: routed, "
                   "com.docker.network.bridge.gateway_mode_ipv6: routed}", routed=True),
    "cable": Net(7, "driver: macvlan, driver_opts: {parent: uplink}", on_link=True),
    "six": Net(9, "enable_ipv4: false", has4=False),
    "wide": Net(10, "driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: nat-unprotected, "
                    "com.docker.network.bridge.gateway_mode_ipv6: nat-unprotected}", unprotected=True),
    "trust": Net(11, "driver_opts: {com.docker.network.bridge.trusted_host_interfaces: uplink}", trusted=("lan",)),
    # That of `network_mode: bridge`, on which containers of several projects are.
    "shared": Net(0, has6=False, is_shared=True),
    # Of another project.
    "far": Net(8),
}
# Containers: their networks, the way out first, with the last part of their address there.
CONTAINERS = {
    "web": {"front": 10}, "twin": {"front": 11}, "data": {"back": 12}, "old": {"plain": 13}, "vault": {"inner": 14},
    "safe": {"inner": 15}, "both": {"front": 16, "inner": 16}, "lone": {"lonely": 17}, "solo": {"lonely": 18},
    "gate": {"open": 19}, "deck": {"cable": 20}, "away": {"far": 21}, "hex": {"six": 22}, "barn": {"wide": 23},
    "friend": {"trust": 24}, "tram": {"shared": 25}, "stop": {"shared": 26},
    # Replicas choose their own.
    "many-1": {"front": 0}, "many-2": {"front": 0}, "many-3": {"front": 0}, "any": {"back": 0},
}
ASKING = ["host", "lan", "other"] + [name for name in CONTAINERS if "-" not in name and name != "any"]
EVERYWHERE = ""


@dataclass
class Port:
    number: int
    host: str
    container: str
    # Of both, unless berth was to choose a number.
    transport: str = "tcp/udp"

    def is_on(self, address):
        if self.host == EVERYWHERE:
            return True
        if self.host in ("0.0.0.0", "::"):
            return (":" in self.host) == (":" in address)
        return self.host == address


PORTS = [
    Port(8080, EVERYWHERE, "web"), Port(8081, "0.0.0.0", "web"), Port(8082, "::", "web"),
    Port(8083, "127.0.0.1", "web"), Port(8084, "::1", "web"), Port(8085, "10.99.0.1", "web"),
    Port(8086, "fd99::1", "web"), Port(8087, "10.98.0.1", "web"),
    Port(8180, EVERYWHERE, "old"), Port(8181, "127.0.0.1", "old"), Port(8182, "::1", "old"),
    Port(8190, EVERYWHERE, "lone"),
    Port(8200, EVERYWHERE, "gate"), Port(8300, EVERYWHERE, "vault"), Port(8400, EVERYWHERE, "both"),
    Port(8500, EVERYWHERE, "away"), Port(8600, EVERYWHERE, "hex"), Port(8601, "0.0.0.0", "hex"),
    Port(8602, "127.0.0.1", "hex"), Port(8700, EVERYWHERE, "barn"), Port(8800, EVERYWHERE, "friend"),
    Port(8900, EVERYWHERE, "tram"),
]
RANGE = range(8100, 8103)

@dataclass(frozen=True)
class Target:
    """`kind`: container, gateway, host, machine or name."""
    kind: str
    label: str
    address: str
    port: int
    owner: tuple = ()

    @property
    def family(self):
        return int(":" in self.address)


class Model:
    """What should come of a question: `(server, address it sees)`, or None for silence."""

    def __init__(self, ports, transport, bridges_filter):
        self.ports = [each for each in ports if transport in each.transport]
        self.bridges_filter = bridges_filter

    def answer(self, who, target):
        if target.kind == "container":
            return self.container(who, *target.owner, target.family, target.port)
        if target.kind == "gateway":
            return self.gateway(who, target)
        if target.kind == "machine":
            return self.machine(who, target)
        return self.host(who, target)

    def networks(self, who):
        return CONTAINERS.get(who, {})

    def own(self, who, network, family):
        return NETS[network].address(CONTAINERS[who][network], family)

    def way_out(self, who):
        """The network by which a container's packets leave; internal ones are no way (S-73)."""
        return next((name for name in self.networks(who) if not NETS[name].internal), None)

    def container(self, who, name, network, family, port):
        """To the address of a container."""
        net = NETS[network]
        if who == name:
            return name, net.address(CONTAINERS[who][network], family)
        if network in self.networks(who):
            # Neighbours reach each other, unless the file says that they may not.
            source = self.own(who, network, family)
            return (name, source) if net.icc and source else None
        if net.on_link:
            # A link on top of the host's: neighbours on the cable, and never the host itself.
            return (name, MACHINES["lan"][family]) if who == "lan" else None
        if who == "host":
            return name, net.address(1, family)
        # From outside of the network (S-70, S-72): never, unless the file opens it, and then its ports alone.
        is_published = port == 80 and any(each.container == name for each in self.ports)
        if net.unprotected or is_published and (net.routed or who in net.trusted):
            source = self.seen_from(who, net.address(1, family), family)
            return (name, source) if source else None
        return None

    def seen_from(self, who, leaving, family):
        """The address of `who` after it has left its own network; `leaving` is the host's where it leaves. None: no way."""
        if who in MACHINES:
            return MACHINES[who][family]
        network = self.way_out(who)
        if network is None or NETS[network].on_link or NETS[network].address(1, family) is None:
            return None
        return self.own(who, network, family) if NETS[network].routed else leaving

    def machine(self, who, target):
        """To a machine beside the host: with the host's address there (row 1), never from internal networks (S-73)."""
        name = target.owner[0]
        if who == name:
            return name, target.address
        if who == "host":
            return name, LINKS[name][target.family]
        if self.way_out(who) == "cable":
            return (name, self.own(who, "cable", target.family)) if name == "lan" else None
        source = self.seen_from(who, LINKS[name][target.family], target.family)
        return (name, source) if source else None

    def gateway(self, who, target):
        """To the address that the host has on a bridge: from there, and from nowhere else (S-70, S-72)."""
        network = target.owner[0]
        net = NETS[network]
        if who != "host" and not net.routed and not net.unprotected and who not in net.trusted:
            if network not in self.networks(who) or net.internal:
                return None
        return self.host(who, target, by=network)

    def host(self, who, target, by=None):
        """To an address of the host. `by`: the network whose gateway it is."""
        family, address = target.family, target.address
        if address in LOOPBACK and who != "host":
            return None
        if by is None or by not in self.networks(who):
            by = self.way_out(who)
        if who == "host":
            source = address
        elif who in MACHINES:
            source = MACHINES[who][family]
        elif by is None or NETS[by].on_link:
            return None
        else:
            source = self.own(who, by, family)
        if source is None:
            return None
        if target.port == OPEN:
            return "host", source
        if target.port == PRIVATE:
            return ("host", source) if address in LOOPBACK else None
        port = next((each for each in self.ports if each.number == target.port and each.is_on(address)), None)
        return self.published(who, port, address, source, family) if port else None

    def published(self, who, port, address, source, family):
        """By a published port. The client's address is kept (S-77), but where the answer would then go astray."""
        network = next(iter(CONTAINERS[port.container]))
        net = NETS[network]
        # No way in (S-73); and routed networks have nothing translated.
        if net.internal or net.routed:
            return None
        gateway = net.address(1, family)
        if gateway is None or address == "::1":
            # Taken by the shim, as the kernel cannot translate it: the host asks in the client's stead.
            return port.container, net.address(1, 0) or net.address(1, 1)
        if who == "host":
            return self.published_to_host(port, network, address, family)
        if network in self.networks(who):
            # With br_netfilter it is translated while on the bridge, where isolated ports cannot reach each other.
            return None if self.bridges_filter and not net.icc else (port.container, gateway)
        return port.container, self.seen_from(who, gateway, family)

    def published_to_host(self, port, network, address, family):
        """The host has the address as its own that it asks for, and goes by it."""
        gateway = NETS[network].address(1, family)
        by = next((name for name, net in NETS.items() if net.address(1, family) == address and not net.on_link), None)
        if address in LOOPBACK:
            return port.container, gateway
        if by is None or by == network:
            return port.container, address
        # From the address of another network: as whatever leaves that one, and never from an internal one.
        if NETS[by].internal:
            return None
        return port.container, address if NETS[by].routed else gateway
