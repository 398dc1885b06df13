"""What stands before and behind a container's name service: `dig` inside, servers, and the host's /etc."""

import contextlib
import fcntl
import os
import re
import select
import socket
import struct
import subprocess
import threading

from world import TOP, Complaint, write

DIG = "names:test"
TYPES = {"A": 1, "NS": 2, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "HTTPS": 65, "ANY": 255}


# MARK: asking from inside


def load_dig(box):
    """Brings Debian's dig into the store as `DIG`. The archive is made once for all scenarios."""
    world = box.world
    archive = os.path.join(world.shared, "names.tar")
    with open(archive + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(archive):
            cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
            cache = os.path.join(cache, "berth-test-images")
            subprocess.run([os.path.join(TOP, "scripts/images/names-cache"), cache], check=True)
            subprocess.run(["tar", "-C", os.path.join(cache, "names"), "-cf", archive + ".new", "."], check=True)
            os.rename(archive + ".new", archive)
    before = set(box.berth("images", "--all", "--quiet").out.split())
    box.berth("load", "--quiet", "--input", archive)
    loaded = set(box.berth("images", "--all", "--quiet").out.split()) - before
    box.berth("tag", loaded.pop(), DIG)


class Dug:
    """What dig says: the code, the flags, and `(name, seconds, type, content)` of each record."""

    def __init__(self, text):
        self.text = text
        code, flags = re.search(r"status: (\w+)", text), re.search(r";; flags: ([\w ]*);", text)
        self.code = code and code.group(1)
        self.flags = set(flags.group(1).split()) if flags else set()
        rows = [line.split(None, 4) for line in text.splitlines() if line and not line.startswith(";")]
        self.records = [(name, int(seconds), kind, content) for name, seconds, _, kind, content in rows]
        self.contents = [each[3] for each in self.records]
        self.by_tcp = "(TCP)" in text


def dig(box, service, *words):
    """dig in that container, asked once. A code of None: there was no answer."""
    outcome = box.berth("exec", "-T", service, "dig", "+time=5", "+tries=1", *words, code=None)
    if outcome.code not in (0, 9):
        raise Complaint(f"dig {' '.join(words)} ended with {outcome.code}: {outcome.text}")
    return Dug(outcome.out)


def addresses(box, service, name, *words):
    """The addresses that a name has there, in order of number; the code where it is not NOERROR."""
    dug = dig(box, service, name, *words)
    return sorted(dug.contents) if dug.code == "NOERROR" else dug.code


def is_known(box, service, name):
    return dig(box, service, name).records != []


def address_of(box, container, network=None):
    """What berth has written down of a container: its address on that network, or on its only one."""
    found = []
    networks = os.path.join(box.environment["BERTH_STATE"], "networks")
    id = os.readlink(os.path.join(box.environment["BERTH_STATE"], "names", container)).split("/")[1]
    for name in [network] if network else os.listdir(networks):
        leases = os.path.join(networks, name, "leases")
        for lease in os.listdir(leases) if os.path.exists(leases) else []:
            with open(os.path.join(leases, lease)) as file:
                if file.read() == id and "." in lease:
                    found.append(lease)
    if len(found) != 1:
        raise Complaint(f"{container} has the addresses {found}")
    return found[0]


# MARK: messages


def question(name, kind="A", id=0x1234, flags=0x0100, count=1, more=b"", additional=0):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part)
    header = struct.pack("!6H", id, flags, count, 0, 0, additional)
    return header + labels + b"\0" + struct.pack("!2H", TYPES[kind], 1) + more


def framed(message):
    return struct.pack("!H", len(message)) + message


class Asked:
    """A question as a server sees it."""

    def __init__(self, message, transport, client):
        self.message, self.transport, self.client, labels, place = message, transport, client, [], 12
        while message[place]:
            labels.append(message[place + 1:place + 1 + message[place]].decode())
            place += 1 + message[place]
        self.name, self.end = ".".join(labels), place + 5
        self.kind = struct.unpack("!H", message[place + 1:place + 3])[0]
        self.extended = struct.unpack("!H", message[10:12])[0] > 0

    def answer(self, code=0, records=(), cut=False):
        """`records` are addresses. EDNS is answered with EDNS."""
        extra = b"\0\0\x29\x04\xd0\0\0\0\0\0\0" if self.extended else b""
        flags = 0x8180 | code | (0x0200 if cut else 0)
        message = self.message[:2] + struct.pack("!5H", flags, 1, len(records), 0, 1 if extra else 0)
        message += self.message[12:self.end]
        for record in records:
            message += b"\xc0\x0c" + struct.pack("!2HIH", 1, 1, 60, 4) + socket.inet_aton(record)
        return message + extra


class Upstream:
    """A server that knows every name below `example`: they lead to `mark`. Other names there are none.
    `behaviour(asked)` may answer instead with bytes, with None to say nothing, or with True to go on as always."""

    def __init__(self, address, mark, port=53):
        self.address, self.mark, self.seen, self.behaviour = address, mark, [], lambda asked: True
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.datagrams = socket.socket(family, socket.SOCK_DGRAM)
        self.streams = socket.socket(family, socket.SOCK_STREAM)
        self.streams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for each in (self.datagrams, self.streams):
            each.bind((address, port))
        self.streams.listen(64)
        self.stopped, self.stop = os.pipe()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.stop)
        self.thread.join()
        os.close(self.stopped)
        self.datagrams.close()
        self.streams.close()

    def names(self):
        return [each.name for each in self.seen]

    def run(self):
        while True:
            ready = select.select([self.datagrams, self.streams, self.stopped], [], [])[0]
            if self.stopped in ready:
                return
            with contextlib.suppress(OSError):  # who asked may have gone
                if self.datagrams in ready:
                    message, client = self.datagrams.recvfrom(65535)
                    reply = self.reply(Asked(message, "udp", client))
                    if reply:
                        self.datagrams.sendto(reply, client)
                if self.streams in ready:
                    self.serve(*self.streams.accept())

    def serve(self, client, address):
        with client:
            client.settimeout(5)
            size = struct.unpack("!H", client.recv(2, socket.MSG_WAITALL))[0]
            reply = self.reply(Asked(client.recv(size, socket.MSG_WAITALL), "tcp", address))
            if reply:
                client.sendall(framed(reply))

    def reply(self, asked):
        self.seen.append(asked)
        reply = self.behaviour(asked)
        if reply is not True:
            return reply
        if not asked.name.lower().endswith("example"):
            return asked.answer(code=3)
        return asked.answer(records=[self.mark] if asked.kind == 1 else [])


# MARK: the host's resolv.conf


@contextlib.contextmanager
def resolver(box):
    """A server on the host's loopback that the host's resolv.conf names, as a stub resolver is."""
    with own_etc(box, "nameserver 127.0.0.53\n"), Upstream("127.0.0.53", "192.0.2.53") as upstream:
        yield upstream


@contextlib.contextmanager
def own_etc(box, content):
    """A copy of /etc for this scenario; gives a function that puts another resolv.conf in its place."""
    folder = box.world.folder + ".etc"
    os.makedirs(folder)
    subprocess.run(["mount", "-t", "tmpfs", "etc", folder], check=True)
    subprocess.run(["cp", "-a", "/etc/.", folder], check=True)
    subprocess.run(["mount", "--bind", folder, "/etc"], check=True)

    def put(content):
        write("/etc/resolv.conf.new", content)
        os.chmod("/etc/resolv.conf.new", 0o644)
        os.rename("/etc/resolv.conf.new", "/etc/resolv.conf")

    try:
        put(content)
        yield put
    finally:
        subprocess.run(["umount", "--lazy", "/etc"], check=True)
        subprocess.run(["umount", "--lazy", folder], check=True)
        os.rmdir(folder)
