"""Three machines: `host`, on which berth runs, `lan`, a neighbour of it, and `other` behind another of its links.

Each is a network namespace; a scenario stands in the host's, which goes with it, as does its store.

    other ---- 10.98.0.0/24, fd98::/64 ---- host ---- 10.99.0.0/24, fd99::/64 ---- lan
     .2           link `second`         .1        .1          link `uplink`         .2

The host is the default route of both neighbours, and `lan` is the host's.
"""

import contextlib
import ctypes
import errno
import importlib.util
import ipaddress
import json
import os
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
FOLDER = "BERTH_NETWORKS_FOLDER"


def load_attributes():
    """The boxes of Tests/Attributes, whose module has the same name as this one."""
    path = os.path.join(TOP, "Tests/Attributes/world.py")
    specification = importlib.util.spec_from_file_location("attributes_world", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


attributes = load_attributes()
Complaint, IMAGE = attributes.Complaint, attributes.IMAGE
scenarios = []
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def scenario(*rows, needs=(), alone=False):
    """Marks a function as the scenario of these rows. It is called with a `Box`, in a host of its own. `needs` are
    programs that must be there; one that is `alone` runs when all others have ended."""
    def mark(function):
        if any(each[0] == function.__name__ for each in scenarios):
            raise ValueError(f"two scenarios are called {function.__name__}")
        scenarios.append((function.__name__, rows, needs, alone, function))
        return function
    return mark


def prepare(folder, berth):
    """What all scenarios share: the image as an archive, and the program that answers."""
    layout = os.path.join(folder, "layout")
    subprocess.run([os.path.join(TOP, "scripts/images/busybox"), layout, "test"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["tar", "-C", layout, "-cf", os.path.join(folder, "image.tar"), "."], check=True)
    compiler = ["gcc", "-O1", "-static", "-Wall", "-Wextra", "-o", os.path.join(folder, "answer")]
    subprocess.run(compiler + [os.path.join(HERE, "answer.c")], check=True)


def read(path):
    with open(path) as file:
        return file.read().strip()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


@contextlib.contextmanager
def standing_in(namespace):
    """This thread in the network namespace of that descriptor. Sockets made here stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter_namespace(namespace)
        yield
    finally:
        enter_namespace(home)
        os.close(home)


def enter_namespace(namespace):
    if LIBC.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class World:
    """The machines, and the store of berth on `host`. To be closed."""

    addresses = {"host": ["10.99.0.1", "fd99::1", "10.98.0.1", "fd98::1"], "lan": ["10.99.0.2", "fd99::2"],
                 "other": ["10.98.0.2", "fd98::2"]}

    def __init__(self, folder, berth, name):
        self.shared, self.folder, self.berth = folder, os.path.join(folder, "worlds", name), berth
        self.facts, self.servers, self.descriptors, self.upstreams = set(), [], [], []
        os.makedirs(self.folder)
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": self.folder, "BERTH_STATE": os.path.join(self.folder, "state"),
            "BERTH_RUN": os.path.join(self.folder, "run"), "LANG": "C.UTF-8",
        }
        self.paths = {"host": "/proc/self/ns/net"}
        self.namespaces = {"host": self.open_namespace("/proc/self/ns/net")}
        self.make_host()
        self.make_machine("lan", "uplink", "99")
        self.make_machine("other", "second", "98")
        for family in ("-4", "-6"):
            self.run("host", "ip", family, "route", "add", "default", "via", "10.99.0.2" if family == "-4" else "fd99::2")
        environment = {"env": self.environment, "cwd": self.folder}
        archive = os.path.join(folder, "image.tar")
        subprocess.run([berth, "load", "--quiet", "--input", archive], check=True, stdout=subprocess.DEVNULL, **environment)
        subprocess.run([berth, "tag", attributes.image_id(berth, self.environment), IMAGE], check=True, **environment)

    # MARK: machines

    def make_host(self):
        """As a machine begins on which nobody has run containers; a new namespace takes after the one before."""
        self.run("host", "ip", "link", "set", "lo", "up")
        write("/proc/sys/net/ipv4/ip_forward", "0")
        # Addresses that are still being looked for elsewhere would be there a second later.
        for name in ("all", "default"):
            write(f"/proc/sys/net/ipv6/conf/{name}/accept_dad", "0")
        self.bridges_filter(False)

    def bridges_filter(self, on):
        """br_netfilter: whether the rules of IP see what stays on a bridge. False when this kernel has none."""
        for name in ("iptables", "ip6tables"):
            path = f"/proc/sys/net/bridge/bridge-nf-call-{name}"
            if not os.path.exists(path):
                return False
            write(path, "1" if on else "0")
        return True

    def make_machine(self, name, link, number):
        path = os.path.join(self.folder, name)
        write(path, "")
        subprocess.run(["unshare", f"--net={path}", "true"], check=True)
        self.paths[name], self.namespaces[name] = path, self.open_namespace(path)
        self.run("host", "ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(self.holder(name)))
        with standing_in(self.namespaces[name]):
            write("/proc/sys/net/ipv4/ip_forward", "0")
        for machine, link, last in (("host", link, 1), (name, "lo", 0), (name, "eth0", 2)):
            self.run(machine, "ip", "link", "set", link, "up")
            for address in [f"10.{number}.0.{last}/24", f"fd{number}::{last}/64"] if last else []:
                self.run(machine, "ip", "address", "add", address, "dev", link, *(["nodad"] if ":" in address else []))
        for family, gateway in (("-4", f"10.{number}.0.1"), ("-6", f"fd{number}::1")):
            self.run(name, "ip", family, "route", "add", "default", "via", gateway)

    def holder(self, name):
        """A process in that machine, for commands that name namespaces by process."""
        process = subprocess.Popen(
            ["nsenter", f"--net={self.paths[name]}", os.path.join(self.shared, "answer"), name, "127.0.0.1:7"],
            stdout=subprocess.PIPE, text=True)
        self.servers.append(process)
        process.stdout.readline()
        return process.pid

    def open_namespace(self, path):
        self.descriptors.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        return self.descriptors[-1]

    def run(self, machine, *command, code=0, input=None):
        """A program to its end on that machine, or in the namespace of that descriptor; its output."""
        where = f"/proc/{os.getpid()}/fd/{machine}" if isinstance(machine, int) else self.paths[machine]
        prefix = [] if machine == "host" else ["nsenter", f"--net={where}"]
        done = subprocess.run([*prefix, *command], capture_output=True, text=True, timeout=30, input=input)
        if code is not None and done.returncode != code:
            raise Complaint(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def serve(self, machine, *places, name=None):
        """Lets `answer` answer on that machine; its name there is the machine's."""
        where = f"/proc/{os.getpid()}/fd/{machine}" if isinstance(machine, int) else self.paths[machine]
        process = subprocess.Popen(
            ["nsenter", f"--net={where}", os.path.join(self.shared, "answer"), name or machine, *places],
            stdout=subprocess.PIPE, text=True)
        self.servers.append(process)
        if process.stdout.readline() != "ready\n":
            raise Complaint(f"no server on {machine} at {places}")
        return process

    def resolvers(self, *servers):
        """The host's /etc/resolv.conf from now on."""
        path = os.path.join(self.folder, "resolv.conf")
        is_mounted = os.path.exists(path)
        write(path, "".join(f"nameserver {server}\n" for server in servers))
        if not is_mounted:
            subprocess.run(["mount", "--bind", path, "/etc/resolv.conf"], check=True)

    def upstream(self, machine="lan"):
        """A name server there which knows no name, and what it was asked."""
        self.upstreams.append(Upstream(self.namespaces[machine]))
        return self.upstreams[-1]

    def close(self):
        for upstream in self.upstreams:
            upstream.close()
        for process in self.servers:
            process.kill()
            process.wait()
        for descriptor in self.descriptors:
            os.close(descriptor)
        for path in ["/etc/resolv.conf", *self.paths.values()]:
            subprocess.run(["umount", path], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class Box(attributes.Box):
    """A scenario's project. `more` makes further ones beside it."""

    def __init__(self, world, name):
        super().__init__(world, name)
        self.others = []

    def more(self, name):
        self.others.append(Box(self.world, name))
        return self.others[-1]

    def file(self, compose):
        """`ANSWER` in the file is the program that answers, to be mounted."""
        super().file(compose.replace("ANSWER", os.path.join(self.world.shared, "answer")))

    def container(self, service, number=1):
        """Its id."""
        lease = os.path.join(self.environment["BERTH_STATE"], "names", f"{self.name}-{service}-{number}")
        return os.readlink(lease).split("/")[1]

    def namespace(self, service, number=1):
        """The network namespace of a container, as a descriptor that the world closes."""
        state = self.state_of(self.container(service, number))
        return self.world.open_namespace(f"/proc/{state['pid']}/ns/net")

    def addresses(self, namespace):
        """`{interface: [address…]}` without loopback and link-local ones."""
        found = {}
        for link in json.loads(self.world.run(namespace, "ip", "-j", "address")):
            for each in link["addr_info"]:
                if each["scope"] == "global":
                    found.setdefault(link["ifname"], []).append(each["local"])
        return found

    def publishers(self):
        """`{(transport, port): container}` and all rows of `ps`."""
        rows = [json.loads(line) for line in self.berth("ps", "--format", "json").out.splitlines()]
        return {(each["Protocol"], each["PublishedPort"]): row["Name"]
                for row in rows for each in row["Publishers"] or [] if each["PublishedPort"]}

    def close(self):
        left = [complaint for box in self.others for complaint in box.close()]
        return left + super().close()


# MARK: asking


class Question:
    """Who asks, and where. `hopeful`: an answer is expected, so it is waited for longer."""

    def __init__(self, namespace, address, port, transport, hopeful=True):
        self.namespace, self.address, self.port, self.transport = namespace, address, port, transport
        self.hopeful, self.answer, self.heard = hopeful, None, b""

    @property
    def is_open(self):
        return self.socket is not None

    def begin(self):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        kind = socket.SOCK_STREAM if self.transport == "tcp" else socket.SOCK_DGRAM
        self.socket, self.heard = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC), b""
        try:
            self.socket.connect((self.address, self.port))
        except BlockingIOError:
            return
        except OSError:
            self.end()

    def send(self):
        if self.transport == "udp" and self.is_open:
            with contextlib.suppress(OSError):  # what went wrong before is told here, and does not end it
                self.socket.send(b"who")

    def ready(self):
        """Reads; ends when it is known what the answer is."""
        try:
            piece = self.socket.recv(512)
        except BlockingIOError:
            return
        except OSError as error:
            # A datagram that was refused is asked again: the server may be on its way up.
            if self.transport == "tcp" or error.errno != errno.ECONNREFUSED:
                self.end()
            return
        self.heard += piece
        if self.transport == "udp" or not piece:
            self.answer = self.heard.decode().strip() or None
            self.end()

    def end(self):
        self.socket.close()
        self.socket = None


def ask(questions, patience=1.0, limit=8.0):
    """Asks all at once. Those that are to be answered have until `limit`, and are asked again when refused; the others are
    given `patience` after the last of these. Sets `answer` of each, or leaves it None."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    begin_all(questions)
    begun = last = time.monotonic()
    poll, asked = select.epoll(), begun
    by_number = watch_all(poll, questions)
    while time.monotonic() - begun < limit:
        for number, _ in poll.poll(0.05, 4096):
            by_number[number].ready()
        now = time.monotonic()
        waiting = [each for each in questions if each.hopeful and each.answer is None]
        if waiting:
            last = now
        elif now - last >= patience or not any(each.is_open for each in questions):
            break
        if now - asked > 0.3:
            asked = now
            again = [each for each in waiting if not each.is_open]
            begin_all(again)
            by_number.update(watch_all(poll, again))
            for each in questions:
                each.send()
    for each in questions:
        if each.is_open:
            each.end()
    poll.close()
    return [each.answer for each in questions]


def begin_all(questions):
    groups = {}
    for each in questions:
        groups.setdefault(each.namespace, []).append(each)
    for namespace, group in groups.items():
        with standing_in(namespace):
            for each in group:
                each.begin()
    for each in questions:
        each.send()


def watch_all(poll, questions):
    found = {}
    for each in questions:
        if each.is_open:
            found[each.socket.fileno()] = each
            poll.register(each.socket.fileno(), select.EPOLLIN | select.EPOLLERR | select.EPOLLHUP)
    return found


def lookup(namespace, name, kind="A", server="127.0.0.11", port=53, tries=4):
    """What a name server answers to one question by UDP: `(code, [address…])`, or None for silence."""
    number = {"A": 1, "AAAA": 28}[kind]
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    message = struct.pack("!6H", 0x1234, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", number, 1)
    with standing_in(namespace):
        client = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM)
    with client:
        client.settimeout(0.5)
        for _ in range(tries):
            try:
                client.connect((server, port))
                client.send(message)
                return code_and_addresses(client.recv(65535), len(message))
            except OSError:
                continue
    return None


def code_and_addresses(answer, place):
    """The records after the question, whose names are all compressed or short."""
    code, count, found = answer[3] & 15, struct.unpack("!H", answer[6:8])[0], []
    for _ in range(count):
        while answer[place] and answer[place] < 0xC0:
            place += 1 + answer[place]
        place += 2 if answer[place] >= 0xC0 else 1
        kind, _, _, size = struct.unpack("!2HIH", answer[place:place + 10])
        if kind in (1, 28):
            found.append(str(ipaddress.ip_address(answer[place + 10:place + 10 + size])))
        place += 10 + size
    return code, found


class Upstream:
    """A name server that answers each question with NXDOMAIN. `asked` are the names it got."""

    def __init__(self, namespace):
        self.asked = []
        with standing_in(namespace):
            self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.bind(("::", 53))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                question, client = self.socket.recvfrom(65535)
            except OSError:
                return
            if len(question) < 12:
                return
            place, parts = 12, []
            while place < len(question) and question[place]:
                parts.append(question[place + 1:place + 1 + question[place]].decode("latin1"))
                place += 1 + question[place]
            self.asked.append(".".join(parts))
            header = question[:2] + struct.pack("!5H", 0x8183, 1, 0, 0, 0)
            self.socket.sendto(header + question[12:place + 5], client)

    def close(self):
        # A word to itself ends the wait.
        self.socket.sendto(b"", ("::1", 53))
        self.thread.join(2)
        self.socket.close()


def ending(*_):
    raise SystemExit(143)


def heed_signals():
    signal.signal(signal.SIGTERM, ending)
