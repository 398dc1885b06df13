"""A name service under attack from inside its container, and from those who should not reach it at all."""

import contextlib
import os
import random
import socket
import struct
import time

from names import busy, up, with_dig
from upstream import address_of, framed, question
from world import Complaint, scenario, standing_in

OPT = b"\0\0\x29\x10\0\0\0\0\0\0\0"


def header(id=7, flags=0x0100, *counts):
    return struct.pack("!6H", id, flags, *(counts or (1, 0, 0, 0)))


def datagrams():
    """`(what it is, message, whether anything may be said to it)`."""
    end = b"\0\1\0\1"
    yield "nothing", b"", False
    yield "one byte", b"\xff", False
    yield "most of a header", header()[:11], False
    yield "a header alone", header(), True
    yield "65,535 questions", question("web", count=65535), True
    yield "no question", header(7, 0x0100, 0, 0, 0, 0), True
    yield "an answer", question("web", flags=0x8180), False
    yield "an answer that fails", question("web", flags=0x8182), False
    yield "a name that is itself", header() + b"\xc0\x0c" + end, True
    yield "two names in a circle", header() + b"\xc0\x0e\xc0\x0c" + end, True
    yield "a label and a circle", header() + b"\x03web\xc0\x0c" + end, True
    yield "a pointer behind the end", header() + b"\xff\xff" + end, True
    yield "half a pointer", header() + b"\xc0", True
    yield "a label of 64", header() + b"\x40" + b"a" * 64 + b"\0" + end, True
    yield "a label of 191", header() + b"\xbf" + b"a" * 191 + b"\0" + end, True
    yield "a name of 300 bytes", header() + b"\1a" * 150 + b"\0" + end, True
    yield "a name without an end", header() + b"\x3f" + b"a" * 30, True
    yield "a name of 400 labels", header() + b"\1a" * 400, True
    yield "a question without a class", question("web")[:-2], True
    yield "an update", question("web", flags=0x2800), True
    yield "a notice", question("web", flags=0x2000), True
    yield "every flag but the answer's", question("web", flags=0x7FFF), True
    yield "65,535 records behind it", question("web", additional=65535), True
    yield "EDNS twice", question("web", more=OPT * 2, additional=2), True
    yield "EDNS that claims more", question("web", more=OPT[:-2] + b"\xff\xff", additional=1), True
    yield "EDNS of no bytes", question("web", more=b"\0\0\x29\0\0\0\0\0\0\0\0", additional=1), True
    yield "EDNS of 65,535 bytes", question("web", more=b"\0\0\x29\xff\xff\0\0\0\0\0\0", additional=1), True
    yield "eight circles behind it", question("web", more=(b"\xc0\x0c" + end + b"\0" * 6) * 8, additional=8), True
    yield "answers in a question", header(7, 0x0100, 1, 65535, 65535, 0) + question("web")[12:], True
    yield "the class CHAOS", question("web")[:-2] + b"\0\3", True
    yield "the type 0", question("web")[:-4] + b"\0\0\0\1", True
    yield "a zone transfer", question("web")[:-4] + b"\0\xfc\0\1", True
    yield "a name of zeros", header() + b"\x3f" + b"\0" * 63 + b"\0" + end, True
    yield "a name of dots and lines", header() + b"\x07web.\n\r\0" + b"\0" + end, True
    yield "4 KiB behind it", question("web", more=b"\0" * 4000), True
    yield "64 KiB", question("web", more=b"a" * 65400), True
    yield "64 KiB of pointers", header() + b"\xc0\x0c" * 32700, True


def noise():
    """Messages that are right but for some bytes, always the same."""
    numbers = random.Random(1035)
    for _ in range(400):
        message = bytearray(question("web", more=OPT, additional=1))
        for _ in range(numbers.randrange(1, 8)):
            message[numbers.randrange(len(message))] = numbers.randrange(256)
        yield bytes(message[:numbers.randrange(1, len(message) + 1)])


class Inside:
    """The container's own view: sockets in its namespace, and what is asked of them."""

    def __init__(self, box, service, address):
        self.box, self.namespace, self.wanted = box, box.namespace(service), socket.inet_aton(address)

    def socket(self, kind):
        with standing_in(self.namespace):
            made = socket.socket(socket.AF_INET, kind)
        made.settimeout(4)
        made.connect(("127.0.0.11", 53))
        return made

    def check(self, what):
        """A lookup of `web` by UDP and one by TCP are answered as ever."""
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with self.socket(kind) as client:
                try:
                    client.send(question("web") if kind == socket.SOCK_DGRAM else framed(question("web")))
                    answer = client.recv(4096)
                except OSError as error:
                    raise Complaint(f"after {what}: {error}")
                self.box.true(answer.endswith(self.wanted), f"after {what}: {answer.hex()}")


def memory(shim):
    """What it has of its own, in KiB: pages of the program are shared, and counted by how many share them."""
    with open(f"/proc/{shim}/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Anonymous:"))


def descriptors(shim):
    return len(os.listdir(f"/proc/{shim}/fd"))


@contextlib.contextmanager
def besieged(box):
    """Gives an `Inside`. At the end it is the same process, with as many descriptors, and not much larger."""
    up(box, busy("web"))
    inside = Inside(box, "probe", address_of(box, f"{box.name}-web-1"))
    inside.check("nothing")
    shim, began, open_then = box.shim("probe"), memory(box.shim("probe")), descriptors(box.shim("probe"))
    yield inside
    inside.check("all")
    box.equal(box.shim("probe"), shim, "the process that answers")
    box.until(lambda: descriptors(shim) <= open_then, f"more than {open_then} descriptors are open")
    grown = memory(shim) - began
    box.true(grown < 1024, f"the process has grown by {grown} KiB")


@scenario("E143", "E146", "S-76")
@with_dig
def hostile_datagrams(box, _):
    with besieged(box) as inside:
        for what, message, may_answer in datagrams():
            with inside.socket(socket.SOCK_DGRAM) as client:
                client.send(message)
                inside.check(what)
                # A lookup has been answered since: what there is to say to it has been said.
                client.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    answer = client.recv(65535)
                    box.true(may_answer, f"{what} is answered: {answer.hex()}")
                    box.true(answer[2] & 0x80 and answer[:2] == message[:2], f"{what}: no answer to it: {answer.hex()}")
                    box.true(len(answer) <= 4096, f"{what}: {len(answer)} bytes")
        with inside.socket(socket.SOCK_DGRAM) as client:
            for number, message in enumerate(noise()):
                client.send(message)
                if number % 20 == 0:
                    inside.check(f"noise {number}")


@scenario("E143", "S-76")
@with_dig
def hostile_streams(box, _):
    whole = framed(question("web"))

    def send(*pieces, reset=False):
        with inside.socket(socket.SOCK_STREAM) as client, contextlib.suppress(OSError):  # it may be closed on us
            for piece in pieces:
                client.sendall(piece)
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with besieged(box) as inside:
        for what, pieces in (
            ("nothing", []), ("half a length", [b"\0"]), ("no length", [b"\0\0"]), ("a length of 5", [b"\0\5hello"]),
            ("a length of 11", [framed(b"\0" * 11)]), ("a length without more", [b"\0\x20"]),
            ("64 KiB", [b"\xff\xff", b"a" * 65535]), ("1 MiB of noise", [os.urandom(1 << 20)]),
            ("half a message", [whole[:12]]), ("a message and half of one", [whole + whole[:9]]),
            ("an answer", [framed(question("web", flags=0x8180))]),
            ("a circle", [framed(header() + b"\xc0\x0c\0\1\0\1")]),
            ("65,535 questions", [framed(question("web", count=65535))]), ("5,000 bytes", [framed(b"\0" * 5000)]),
        ):
            for reset in (False, True):
                send(*pieces, reset=reset)
                inside.check(what)
        for client in [inside.socket(socket.SOCK_STREAM)]:
            with client:
                for byte in whole:
                    client.send(bytes([byte]))
                box.true(client.recv(4096).endswith(inside.wanted), "a byte at a time")
        with inside.socket(socket.SOCK_STREAM) as client:
            client.sendall(whole * 200)
            answers = b""
            while len(answers) < 200 * (len(whole) + 16):
                piece = client.recv(65536)
                box.true(piece, f"closed after {len(answers)} bytes")
                answers += piece
            box.equal(answers.count(inside.wanted), 200, "answers to 200 questions in one piece")
        many_connections(box, inside, whole)


def many_connections(box, inside, whole):
    """One that takes no answers, and more that say nothing than there is room for."""
    with contextlib.ExitStack() as stack:
        deaf = stack.enter_context(inside.socket(socket.SOCK_STREAM))
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(20000):
                deaf.send(whole)
        for number in range(100):
            with contextlib.suppress(OSError):  # those for which there is no room
                stack.enter_context(inside.socket(socket.SOCK_STREAM)).send(b"\0")
        with inside.socket(socket.SOCK_DGRAM) as client:
            client.send(question("web"))
            box.true(client.recv(4096).endswith(inside.wanted), "no answer beside 100 silent connections")
    end = time.monotonic() + 10
    while True:
        try:
            return inside.check("100 silent connections")
        except Complaint:
            # They are closed one by one.
            if time.monotonic() > end:
                raise


@scenario("S-76", "E143")
@with_dig
def reached_by_nobody_else(box, _):
    """Neither neighbours nor the host reach it, not even where 127.0.0.11 is routed and let in."""
    up(box, busy("web", "sysctls: {net.ipv4.conf.all.route_localnet: '1'}", "cap_add: [NET_ADMIN]"))
    web, world = address_of(box, f"{box.name}-web-1"), box.world
    neighbour, own = box.namespace("probe"), box.namespace("web")
    for place, address in ((neighbour, web), (world.namespaces["host"], web), (world.namespaces["host"], "127.0.0.11"),
                           (own, web), (own, "127.0.0.1")):
        box.equal(asked(place, address), None, f"an answer from {address}")
    world.run(neighbour, "sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1")
    world.run(neighbour, "ip", "route", "del", "table", "local", "127.0.0.0/8", "dev", "lo")
    for each in ("127.0.0.1", "127.0.0.11"):
        world.run(neighbour, "ip", "route", "del", "table", "local", each, "dev", "lo", code=None)
    world.run(neighbour, "ip", "route", "add", "127.0.0.11/32", "via", web)
    # That it gets there at all is shown by a server on all of its addresses.
    with standing_in(own):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with server:
        server.bind(("0.0.0.0", 5353))
        server.settimeout(4)
        asked(neighbour, "127.0.0.11", 5353, patience=0.1)
        box.equal(server.recv(64)[2:4], b"\1\0", "what gets to the container")
    box.equal(asked(neighbour, "127.0.0.11"), None, "an answer to a neighbour")
    box.equal(asked(own, "127.0.0.11")[-4:], socket.inet_aton(web), "the container's own question")


def asked(namespace, address, port=53, patience=0.7):
    """What is said to a question by UDP or else by TCP; None for silence."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with standing_in(namespace):
            client = socket.socket(socket.AF_INET, kind)
        with client, contextlib.suppress(OSError):
            client.settimeout(patience)
            client.connect((address, port))
            client.send(question("web") if kind == socket.SOCK_DGRAM else framed(question("web")))
            answer = client.recv(4096)
            if answer:
                return answer
    return None
