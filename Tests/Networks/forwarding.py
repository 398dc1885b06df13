"""What a container's name service asks of others: whom, how often, and what becomes of it."""

import contextlib
import socket
import threading

from hostile import memory
from names import busy, up, with_dig
from upstream import Asked, Upstream, address_of, addresses, dig, own_etc, load_dig, question
from world import Complaint, scenario, standing_in

CROWD = [f"192.0.2.{number}" for number in range(1, 101)]


@scenario("E147")
@with_dig
def passed_on(box, upstream):
    """To the host's stub resolver on its loopback, which no container can reach."""
    up(box, busy("web"))
    dug = dig(box, "probe", "a.example")
    box.equal((dug.code, dug.contents, dug.by_tcp), ("NOERROR", ["192.0.2.53"], False))
    box.true("EDNS" in dug.text and upstream.seen[-1].extended, f"EDNS is not kept: {dug.text}")
    dug = dig(box, "probe", "a.example", "+noedns")
    box.true("EDNS" not in dug.text and not upstream.seen[-1].extended, "EDNS that nobody asked for")
    dug = dig(box, "probe", "a.example", "+tcp")
    box.equal((dug.contents, dug.by_tcp, upstream.seen[-1].transport), (["192.0.2.53"], True, "tcp"))
    for kind in ("AAAA", "MX", "TXT"):
        dug = dig(box, "probe", "a.example", kind)
        box.equal((dug.code, dug.records), ("NOERROR", []), kind)
    for name in ("a.invalid", "stranger", "web.example.invalid", "x" * 63 + ".invalid"):
        box.equal(dig(box, "probe", name).code, "NXDOMAIN", name)
        box.equal(upstream.seen[-1].name, name, "what was asked")
    # The number of the question and the port that it comes from are hard to guess.
    del upstream.seen[:]
    for number in range(12):
        dig(box, "probe", f"n{number}.example")
    for what in ({each.message[:2] for each in upstream.seen}, {each.client[1] for each in upstream.seen}):
        box.true(len(what) >= 11, f"the same numbers or ports again: {what}")
    box.equal({each.client[0] for each in upstream.seen}, {"127.0.0.1"}, "who asks")


@scenario("E147")
@with_dig
def answers_that_are_cut(box, upstream):
    """What does not fit in a datagram is asked for again over TCP, and given to the client as it can take it."""
    upstream.behaviour = lambda asked: asked.answer(
        records=CROWD if asked.transport == "tcp" else CROWD[:5], cut=asked.transport == "udp")
    up(box, [])
    wide = dig(box, "probe", "crowd.example", "+bufsize=4096")
    box.equal((sorted(wide.contents), wide.by_tcp, "tc" in wide.flags), (sorted(CROWD), False, False), "wide datagram")
    box.equal([each.transport for each in upstream.seen], ["udp", "tcp"])
    narrow = dig(box, "probe", "crowd.example", "+ignore")
    box.true("tc" in narrow.flags and not narrow.by_tcp, f"narrow datagram: {narrow.text}")
    for words in ([], ["+noedns"], ["+tcp"]):
        dug = dig(box, "probe", "crowd.example", *words)
        box.equal((sorted(dug.contents), dug.by_tcp), (sorted(CROWD), True), f"with {words}")
    # One that takes no connections: the client has the beginning, and knows that it is one.
    upstream.behaviour = lambda asked: asked.answer(records=CROWD[:5], cut=True) if asked.transport == "udp" else None
    box.equal(len(dig(box, "probe", "crowd.example", "+ignore").records), 5)


@contextlib.contextmanager
def servers(count):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Upstream(f"127.0.0.{60 + number}", f"192.0.2.{number}"))
               for number in range(1, count + 1)]


@scenario("E147", "A30")
@with_dig
def servers_in_order(box, upstream):
    """The first is asked; one that fails, refuses, is silent or is not there is passed over."""
    failing = lambda code: lambda asked: asked.answer(code=code)  # noqa: E731
    with servers(3) as (first, second, third):
        up(box, [], probe=["dns: [127.0.0.61, 127.0.0.62, 127.0.0.63]"])

        def told(what, name, wanted, *counts):
            for each in (first, second, third):
                del each.seen[:]
            box.equal(addresses(box, "probe", name), wanted, what)
            box.equal(tuple(len(each.seen) for each in (first, second, third)), counts, f"{what}: questions")

        told("all well", "a.example", ["192.0.2.1"], 1, 0, 0)
        told("no such name", "a.invalid", "NXDOMAIN", 1, 0, 0)
        first.behaviour = failing(2)
        told("the first fails", "b.example", ["192.0.2.2"], 1, 1, 0)
        first.behaviour, second.behaviour = failing(5), failing(2)
        told("two fail", "c.example", ["192.0.2.3"], 1, 1, 1)
        third.behaviour = failing(2)
        told("all fail", "d.example", "REFUSED", 1, 1, 1)
        first.behaviour, second.behaviour, third.behaviour = lambda asked: None, failing(5), lambda asked: True
        told("the first is silent", "e.example", ["192.0.2.3"], 1, 1, 1)
        first.behaviour = lambda asked: b"\x00" * 12
        other = Asked(question("other.example"), "udp", None)
        second.behaviour = lambda asked: asked.message[:2] + other.answer(records=["6.6.6.6"])[2:]
        flip = lambda message: bytes([message[0] ^ 1]) + message[1:]  # noqa: E731
        third.behaviour = lambda asked: flip(asked.answer(records=["6.6.6.6"]))
        dug = dig(box, "probe", "f.example")
        box.equal((dug.code, dug.records), ("SERVFAIL", []), "answers to what was not asked")
        lost = []
        first.behaviour = lambda asked: lost.append(1) if len(lost) < 1 else True
        second.behaviour = third.behaviour = lambda asked: None
        dug = dig(box, "probe", "g.example")
        box.true(dug.contents == ["192.0.2.1"] and lost, f"a lost datagram is not sent again: {dug.text}")
    # Nobody at all is there: that is known at once, not when patience ends.
    box.equal(addresses(box, "probe", "h.example"), "SERVFAIL", "no server is there")
    box.equal(upstream.names(), [], "the host's own server is asked beside those of the container")


@scenario("E147", "A30")
def server_elsewhere(box):
    """A server that is not on this host, named by the container, of IPv4 and of IPv6."""
    load_dig(box)
    with standing_in(box.world.namespaces["lan"]):
        one, two = Upstream("10.99.0.2", "192.0.2.1"), Upstream("fd99::2", "192.0.2.2")
    with one, two:
        up(box, [], probe=["dns: [10.99.0.2]"])
        box.equal(addresses(box, "probe", "a.example"), ["192.0.2.1"])
        up(box, [], probe=["dns: ['fd99::2']"])
        box.equal(addresses(box, "probe", "a.example"), ["192.0.2.2"])
        box.equal((one.names(), two.names()), (["a.example"], ["a.example"]))


@scenario("E143", "E150", "A30", "A31", "A32")
def resolver_files(box):
    """resolv.conf inside: whom to ask, where to look for short names, and how."""
    load_dig(box)
    content = "# made by hand\nnameserver 127.0.0.53\nsearch\tlan  corp.example\noptions timeout:3\noptions edns0\n"
    with own_etc(box, content) as put, Upstream("127.0.0.53", "192.0.2.53") as upstream:
        def wanted(what, lines, *settings):
            up(box, [], probe=settings)
            box.equal(sorted(box.inside("probe", "cat /etc/resolv.conf").splitlines()), sorted(lines), what)

        own = "nameserver 127.0.0.11"
        wanted("as the host", [own, "search lan corp.example", "options timeout:3 edns0 ndots:0"])
        # The name as it is, then in the domains.
        box.true("192.0.2.53" in box.inside("probe", "getent ahostsv4 short"), "no short name")
        found = [name for name in dict.fromkeys(upstream.names())]
        box.equal(found, ["short", "short.lan", "short.corp.example"])
        wanted("of its own", [own, "search my.example", "options ndots:2 timeout:1"],
               "dns_search: [my.example]", "dns_opt: ['ndots:2', 'timeout:1']", "dns: [127.0.0.53]")
        del upstream.seen[:]
        box.true("192.0.2.53" in box.inside("probe", "getent ahostsv4 web.a"), "no name with a dot")
        box.equal(upstream.names()[0], "web.a.my.example", "what is asked first")
        wanted("no search", [own, "options timeout:3 edns0 ndots:0"], "dns_search: ['.']")
        put("domain\tlab.example\nnameserver 127.0.0.53\n")
        wanted("domain", [own, "search lab.example", "options ndots:0"], "labels: {again: '1'}")
        put("nameserver 127.0.0.53\nsearch lan\n")
        wanted("the host's network", ["nameserver 127.0.0.53", "search lan"], "network_mode: host")
        put("")
        wanted("no servers", [own, "options ndots:0"], "labels: {again: '2'}")


class Asker:
    """Asks for `name` again and again, from inside the container, each time until it is answered."""

    def __init__(self, namespace, name):
        with standing_in(namespace):
            self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.settimeout(3)
        self.client.connect(("127.0.0.11", 53))
        self.name, self.answered, self.faults, self.ended = name, 0, [], False
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()
        self.client.close()

    def run(self):
        number = 0
        while not self.ended and len(self.faults) < 5:
            number = number + 1 & 0xFFFF
            self.client.send(question(self.name, id=number))
            try:
                answer = self.client.recv(4096)
            except OSError as error:
                self.faults.append(f"lookup {self.answered}: {error}")
                continue
            if answer[:2] != number.to_bytes(2) or answer[3] & 15 or answer[6:8] == b"\0\0":
                self.faults.append(f"lookup {self.answered}: {answer.hex()}")
            self.answered += 1


@scenario("E147", "F-36")
def host_changes_its_servers(box):
    """Ten other resolv.confs while names are asked for: the next question goes to the new server, no lookup is lost."""
    load_dig(box)
    with own_etc(box, "nameserver 127.0.0.61\n") as put, servers(10) as all_ten:
        up(box, busy("web"))
        with Asker(box.namespace("probe"), "web") as local:
            for number, server in enumerate(all_ten, 1):
                put(f"nameserver {server.address}\n")
                found = addresses(box, "probe", f"n{number}.example")
                box.equal(found, [server.mark], f"after {number} changes")
            # Nobody to ask, no file, and a server that is silent: names of the project do not depend on any.
            put("# nobody\n")
            dig(box, "probe", "nobody.example")
            all_ten[0].behaviour = lambda asked: None
            put("nameserver 127.0.0.61\n")
            dig(box, "probe", "silent.example")
            put("nameserver 127.0.0.62\nnameserver bad\n")
            box.equal(addresses(box, "probe", "last.example"), ["192.0.2.2"])
        box.equal(local.faults, [], f"of {local.answered} lookups of `web`")
        box.true(local.answered >= 100, f"only {local.answered} lookups")
        if any("web" in server.names() for server in all_ten):
            raise Complaint("a name of the project was asked for elsewhere")


@scenario("E147")
@with_dig
def many_questions_wait(box, upstream):
    """Two thousand questions that nobody answers hold no other up, and take no more than there is room for."""
    up(box, busy("web"))
    web, shim = address_of(box, f"{box.name}-web-1"), box.shim("probe")
    began = memory(shim)
    upstream.behaviour = lambda asked: None if asked.name.startswith("wait") else True
    with standing_in(box.namespace("probe")):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        client.settimeout(6)
        client.connect(("127.0.0.11", 53))
        for number in range(2000):
            client.send(question(f"wait{number}.example", id=number))
            if number % 100 == 99:
                box.equal(addresses(box, "probe", "web"), [web], f"with {number} waiting")
        # Those that had no room are told so; none is answered otherwise.
        codes, numbers = set(), set()
        with contextlib.suppress(TimeoutError):
            while len(numbers) < 2000:
                answer = client.recv(4096)
                codes.add(answer[3] & 15)
                numbers.add(answer[:2])
        box.true(memory(shim) - began < 2048, f"the process has grown by {memory(shim) - began} KiB")
        box.equal(codes, {2}, "codes")
        box.true(len(numbers) >= 1000, f"only {len(numbers)} of 2000 were told anything")
    box.equal(addresses(box, "probe", "after.example"), ["192.0.2.53"])
