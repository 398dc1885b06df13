"""S-75: a container says that it is its neighbour. Without `berth.antispoof` it gets what is its neighbour's, as with
docker."""

import contextlib
import json
import socket
import struct

from world import Complaint, Question, ask, scenario, standing_in

SERVER = 'image: IMAGE, volumes: ["ANSWER:/answer:ro"], command: /answer - 80, stop_signal: SIGKILL'
VICTIM = ("10.80.1.10", "fd80:1::10")
BROADCAST = b"\xff" * 6


class Thief:
    """Sends frames of its own making by `eth0` of a container."""

    def __init__(self, world, namespace):
        self.world, self.namespace = world, namespace
        with standing_in(namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
            self.socket.bind(("eth0", 0))
        self.own = hardware(world, namespace)
        # It takes what comes for its neighbour.
        for address, length in zip(VICTIM, (32, 128)):
            world.run(namespace, "ip", "address", "add", f"{address}/{length}", "dev", "eth0",
                      *(["nodad"] if ":" in address else []))

    def announce(self, client):
        """By ARP and by neighbour discovery: the victim's addresses are at the thief's place."""
        address = socket.inet_aton(VICTIM[0])
        arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + self.own + address + client + address
        self.socket.send(client + self.own + struct.pack("!H", 0x0806) + arp)
        source, everybody = (socket.inet_pton(socket.AF_INET6, each) for each in (VICTIM[1], "ff02::1"))
        body = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + source + b"\x02\x01" + self.own
        pseudo = source + everybody + struct.pack("!II", len(body), 58)
        body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
        header = struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + source + everybody
        self.socket.send(client + self.own + struct.pack("!H", 0x86DD) + header + body)

    def pose(self, victim):
        """With the victim's hardware address, for the bridge to learn that it is here."""
        frame = BROADCAST + victim + struct.pack("!H", 0x0806)
        frame += struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + victim + b"\0" * 4 + b"\0" * 6 + socket.inet_aton("10.80.1.99")
        self.socket.send(frame)

    def close(self):
        self.socket.close()


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def hardware(world, namespace):
    link = json.loads(world.run(namespace, "ip", "-j", "link", "show", "eth0"))[0]
    return bytes.fromhex(link["address"].replace(":", ""))


def steal(box, option):
    """How the client's questions are answered while the thief is at work: `{name: count}`."""
    box.up(f"""
      services:
        victim: {{{SERVER}, hostname: victim, networks: {{net: {{ipv4_address: {VICTIM[0]}, ipv6_address: "{VICTIM[1]}"}}}}}}
        thief: {{{SERVER}, hostname: thief, networks: [net]}}
        client: {{{SERVER}, hostname: client, networks: [net]}}
      networks:
        net: {{enable_ipv6: true, driver_opts: {{{option}}},
               ipam: {{config: [{{subnet: 10.80.1.0/24}}, {{subnet: "fd80:1::/64"}}]}}}}
    """)
    client, victim = box.namespace("client"), box.namespace("victim")
    answers = {}
    with contextlib.closing(Thief(box.world, box.namespace("thief"))) as thief:
        for _ in range(10):
            thief.announce(hardware(box.world, client))
            thief.pose(hardware(box.world, victim))
            questions = [Question(client, address, 80, "udp", hopeful=False) for address in VICTIM]
            ask(questions, patience=0.15)
            for each in questions:
                name = (each.answer or "nobody").split()[0]
                answers[name] = answers.get(name, 0) + 1
    heard = [Question(client, address, 80, "tcp") for address in VICTIM]
    ask(heard)
    return answers, [(each.answer or "nobody").split()[0] for each in heard]


@scenario("S-75")
def neighbours_can_be_robbed(box):
    """What the option is against: if this fails, the one below sees nothing."""
    answers, _ = steal(box, "")
    if answers.get("victim", 0) == 20:
        raise Complaint("the thief gets nothing, so that nothing is shown of the guard")


@scenario("S-75")
def guarded_neighbours_cannot(box):
    answers, heard = steal(box, 'berth.antispoof: "true"')
    box.equal(answers, {"victim": 20}, "who answered the client")
    box.equal(heard, ["victim", "victim"], "who answered in the end")
