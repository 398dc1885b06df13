"""Namespaces and sharing: what containers have of their own, of the host's and of each other's, and that each takes away
what is its own."""

import os
import time

from world import scenario

SLEEP = "    image: IMAGE\n    command: sleep 1000\n    stop_grace_period: 0s\n"


def poll(box, what, probe, seconds=15):
    """Waits for `probe` to say yes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if probe():
            return
        time.sleep(0.05)
    box.true(False, f"not within {seconds} s: {what}")


def namespace(box, service, kind):
    return os.readlink(f"/proc/{box.pid(service)}/ns/{kind}")


def services(*parts):
    """A file from `(name, further lines…)`."""
    text = "services:\n"
    for name, *lines in parts:
        text += f"  {name}:\n{SLEEP}" + "".join(f"    {line}\n" for line in lines)
    return text


@scenario("E85")
def own_namespaces(box):
    box.up(services(("app",)))
    for kind in ["mnt", "net", "uts", "pid", "ipc", "cgroup"]:
        box.true(namespace(box, "app", kind) != os.readlink(f"/proc/self/ns/{kind}"), f"{kind} is the host's")
    box.equal(namespace(box, "app", "user"), os.readlink("/proc/self/ns/user"), "user namespace")
    box.equal(box.inside("app", "cat /proc/1/comm"), "sleep", "first process")


@scenario("A86")
def pid_host(box):
    box.up(services(("app", "pid: host")))
    box.equal(namespace(box, "app", "pid"), os.readlink("/proc/self/ns/pid"), "pid namespace")
    box.equal(box.inside("app", f"cat /proc/{box.pid('app')}/comm"), "sleep", "its own name in the host's /proc")
    box.equal(box.inside("app", f"cat /proc/{os.getpid()}/comm"), open("/proc/self/comm").read().strip(), "our name")
    masked = [name for name in ["kcore", "keys", "timer_list", "latency_stats"] if os.path.exists(f"/proc/{name}")]
    for name in masked:
        box.equal(box.inside("app", f"head -c 1 /proc/{name} | wc -c"), "0", f"masked /proc/{name} of the host")
    box.true(masked, "this kernel has nothing that is masked")


@scenario("A86", "S95", "S108")
def pid_of_service(box):
    box.up(services(("guest", "pid: service:host", "restart: 'no'"), ("host",)))
    box.equal(namespace(box, "guest", "pid"), namespace(box, "host", "pid"), "pid namespace")
    box.equal(box.inside("guest", "cat /proc/1/comm"), "sleep", "first process of the other")
    names = box.inside("guest", "cat /proc/[0-9]*/comm").split()
    box.true(names.count("sleep") == 2, f"two sleeps are seen: {names}")
    box.true(namespace(box, "guest", "net") != namespace(box, "host", "net"), "the network is shared too")
    # Its own end takes its own processes, however they were started, and no other's.
    box.inside("guest", "sleep 2001 >/dev/null 2>&1 & sleep 2002 >/dev/null 2>&1 &")
    before = box.id("host")
    box.berth("stop", "--timeout", "0", "guest")
    names = box.inside("host", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    box.true("2001" not in names and "2002" not in names, f"processes of the other are left: {names}")
    box.equal(box.id("host"), before, "the joined container")
    box.equal(box.inside("host", "cat /proc/1/comm"), "sleep", "its program")


@scenario("A86", "E114")
def pid_of_service_without_shim(box):
    """A shim that is killed takes all processes with it, also where the pid namespace is another's."""
    box.up(services(("guest", "pid: service:host"), ("host",)))
    for time_to_sleep in ["2003", "2004"]:
        box.berth("exec", "-d", "guest", "sleep", time_to_sleep)
    box.inside("guest", "sleep 2005 >/dev/null 2>&1 &")
    os.kill(box.shim("guest"), 9)

    poll(box, "the processes to go", lambda: "200" not in box.inside("host", "cat /proc/[0-9]*/cmdline"))
    poll(box, "it to be dead", lambda: '"State":"dead"' in box.berth("ps", "--all", "--format", "json", "guest").out)
    box.up()
    box.equal(box.inside("guest", "cat /proc/1/comm"), "sleep", "joined again")


@scenario("A86", "E116")
def pid_of_service_that_starts_again(box):
    """The joined processes die with the first of the joined namespace; the restart policy brings them back into the new."""
    box.up(services(("guest", "pid: service:host", "restart: always"), ("host", "restart: always")))
    old = namespace(box, "host", "pid")
    os.kill(box.pid("host"), 9)

    def both():
        try:
            new = namespace(box, "host", "pid")
            return new != old and namespace(box, "guest", "pid") == new
        except (OSError, KeyError, ValueError):
            return False

    poll(box, "both to be in a new namespace", both)


@scenario("A86")
def pid_of_container(box):
    box.up(services(("other", f"container_name: {box.name}-named"), ("app", f"pid: container:{box.name}-named",
                                                                      "depends_on: [other]")), "other")
    box.berth("up", "-d")
    box.equal(namespace(box, "app", "pid"), namespace(box, "other", "pid"), "pid namespace")


@scenario("A86")
def pid_refusals(box):
    box.refused(services(("app", "pid: everything")), "`services.app.pid` cannot be `everything`", "service:NAME")
    box.refused(services(("app", "pid: container:nobody")), "no container `nobody`")


@scenario("A87")
def ipc_shared(box):
    box.up(services(("guest", "ipc: service:host"), ("host", "ipc: shareable", "shm_size: 3m")))
    box.equal(namespace(box, "guest", "ipc"), namespace(box, "host", "ipc"), "ipc namespace")
    box.inside("host", "echo shared > /dev/shm/note")
    box.equal(box.inside("guest", "cat /dev/shm/note"), "shared", "/dev/shm")
    box.equal(box.inside("guest", "df -k /dev/shm | tail -1 | awk '{print $2}'"), "3072", "size of /dev/shm")
    options = box.inside("guest", "grep ' /dev/shm ' /proc/mounts")
    box.true("nosuid,nodev,noexec" in options, f"flags of /dev/shm: {options}")
    box.inside("guest", "ls /dev/mqueue")


@scenario("A87")
def ipc_private(box):
    box.up(services(("a",), ("b",)))
    box.inside("a", "echo mine > /dev/shm/note")
    box.equal(box.inside("b", "ls /dev/shm"), "", "/dev/shm of another")
    box.true(namespace(box, "a", "ipc") != namespace(box, "b", "ipc"), "one ipc namespace for both")


@scenario("A87")
def ipc_none(box):
    box.up(services(("app", "ipc: none")))
    box.equal(box.inside("app", "ls -d /dev/shm /dev/mqueue 2>/dev/null; true"), "", "/dev/shm")
    box.true(namespace(box, "app", "ipc") != os.readlink("/proc/self/ns/ipc"), "the ipc namespace is the host's")


@scenario("A87")
def ipc_host(box):
    box.up(services(("app", "ipc: host")))
    box.equal(namespace(box, "app", "ipc"), os.readlink("/proc/self/ns/ipc"), "ipc namespace")
    note = f"/dev/shm/berth-{os.getpid()}"
    try:
        with open(note, "w") as file:
            file.write("host")
        box.equal(box.inside("app", f"cat {note}"), "host", "the host's /dev/shm")
    finally:
        os.remove(note)
    box.berth("down")
    box.refused(services(("app", "ipc: host", "sysctls: {kernel.msgmax: 8193}")), "kernel.msgmax")


@scenario("A87")
def ipc_refusals(box):
    box.refused(services(("guest", "ipc: service:host"), ("host",)), "`host`, which keeps it to itself", "ipc: shareable")
    box.refused(services(("app", "ipc: open")), "`services.app.ipc` cannot be `open`", "shareable")


@scenario("A88")
def uts_host(box):
    box.up(services(("app", "uts: host")))
    box.equal(namespace(box, "app", "uts"), os.readlink("/proc/self/ns/uts"), "uts namespace")
    box.equal(box.inside("app", "hostname"), os.uname().nodename, "host name")
    box.equal(box.inside("app", "cat /etc/hostname"), os.uname().nodename, "/etc/hostname")
    name = os.uname().nodename
    box.berth("down")
    box.refused(services(("app", "uts: host", "hostname: mine")), "both `hostname` and `uts: host`")
    box.refused(services(("app", "uts: host", "domainname: mine")), "both `domainname` and `uts: host`")
    box.refused(services(("app", "uts: private")), "`services.app.uts` cannot be `private`")
    box.equal(os.uname().nodename, name, "the host's name afterwards")


@scenario("A89")
def cgroup_namespace(box):
    box.up(services(("own", "cgroup: private"), ("seen", "cgroup: host")))
    paths = {line.split(":", 2)[2] for line in box.inside("own", "cat /proc/1/cgroup").splitlines()}
    box.true("/" in paths and not any("berth" in path for path in paths), f"groups of the host are seen: {paths}")
    box.equal(namespace(box, "seen", "cgroup"), os.readlink("/proc/self/ns/cgroup"), "cgroup namespace")
    box.true(box.id("seen") in box.inside("seen", "cat /proc/1/cgroup"), "the whole path is not seen")
    mounts = box.inside("seen", "grep -c ' - cgroup.* ro' /proc/self/mountinfo; touch /sys/fs/cgroup/x 2>&1; true")
    box.true("Read-only" in mounts or "denied" in mounts, f"the groups can be written: {mounts}")


@scenario("A90")
def cgroup_parent(box):
    parent = f"berth-test-{os.getpid()}/{box.name}"
    box.up(services(("app", f"cgroup_parent: /{parent}", "mem_limit: 64m")))
    folder = box.cgroup_folder("app", "memory")
    box.true(folder.endswith(f"/{parent}/{box.id('app')}"), f"the group is at {folder}")
    v1 = "v1" in box.world.facts
    box.equal(box.cgroup("app", "memory", "memory.limit_in_bytes" if v1 else "memory.max"), str(64 << 20), "its limit")
    box.inside("app", "true")
    box.equal(box.inside("app", "cat /proc/self/cgroup | grep -c berth-test; true"), "0", "parents seen from inside")
    box.berth("down")
    box.true(not os.path.exists(os.path.dirname(os.path.dirname(folder))), "the parent that was made is left")
    # One that was there before stays.
    made = os.path.dirname(os.path.dirname(folder))
    os.mkdir(made)
    try:
        box.up()
        box.berth("down")
        box.true(os.path.isdir(made), "a parent that somebody else made was removed")
    finally:
        os.rmdir(made)
    for bad in ["../x", "a/../../b", "berth", "a b"]:
        box.refused(services(("app", f"cgroup_parent: '{bad}'")), f"`services.app.cgroup_parent` cannot be `{bad}`")


@scenario("A90", "F-30")
def cgroup_parent_of_lost(box):
    """What a killed shim leaves in a parent of the user's goes with the next command."""
    parent = f"berth-lost-{os.getpid()}"
    box.up(services(("app", f"cgroup_parent: {parent}")))
    folder = os.path.dirname(box.cgroup_folder("app", "memory"))
    os.kill(box.shim("app"), 9)
    box.berth("down")
    box.true(not os.path.exists(folder), f"{folder} is left")


@scenario("A92")
def userns_host(box):
    box.up(services(("app", "userns_mode: host")))
    box.equal(namespace(box, "app", "user"), os.readlink("/proc/self/ns/user"), "user namespace")
    box.berth("down")
    box.refused(services(("app", "userns_mode: keep-id")), "userns_mode")


@scenario("A94", "E152", "S95", "S108")
def network_of_service(box):
    box.up(services(("guest", "network_mode: service:web"),
                    ("web", "hostname: shown", "extra_hosts: ['far:10.1.2.3']")))
    box.equal(namespace(box, "guest", "net"), namespace(box, "web", "net"), "network namespace")
    box.equal(box.inside("guest", "hostname"), "shown", "host name")
    for file in ["hosts", "resolv.conf", "hostname"]:
        box.equal(box.inside("guest", f"cat /etc/{file}"), box.inside("web", f"cat /etc/{file}"), file)
    box.true("10.1.2.3" in box.inside("guest", "cat /etc/hosts"), "extra_hosts of the other")
    box.inside("guest", "nslookup web 127.0.0.11")
    box.inside("web", "mkdir -p /tmp/www; echo hello > /tmp/www/x; httpd -p 127.0.0.1:8000 -h /tmp/www")
    box.equal(box.inside("guest", "wget -qO- http://127.0.0.1:8000/x"), "hello", "by loopback")


@scenario("A94", "E116")
def network_outlives_restarts(box):
    """The network is of the container, not of one run of its program: a restart keeps it for all who share it."""
    box.up(services(("guest", "network_mode: service:web"), ("web", "restart: always")))
    net, pid = namespace(box, "web", "net"), box.pid("web")
    os.kill(pid, 9)
    poll(box, "a new run", lambda: box.state("web").get("pid") not in (None, pid))
    box.equal(namespace(box, "web", "net"), net, "network after the restart")
    box.equal(namespace(box, "guest", "net"), net, "network of the guest")
    box.true("eth0" in box.inside("guest", "ip link"), "the interface is gone")


@scenario("S125", "S94", "A94")
def guests_follow(box):
    """A container that shares is made anew with the one that it shares with, and joins the new one."""
    file = services(("guest", "network_mode: service:web", "pid: service:web"), ("web", "environment: {A: '1'}"))
    box.up(file)
    web, guest = box.id("web"), box.id("guest")
    box.up()
    box.equal((box.id("web"), box.id("guest")), (web, guest), "containers after an `up` without change")
    box.up(file.replace("A: '1'", "A: '2'"))
    box.true(web != box.id("web") and guest != box.id("guest"), "not both were made anew")
    box.equal(namespace(box, "guest", "net"), namespace(box, "web", "net"), "network namespace")
    box.equal(namespace(box, "guest", "pid"), namespace(box, "web", "pid"), "pid namespace")
    guest = box.id("guest")
    box.berth("stop", "web")
    box.up()
    box.equal(box.id("guest"), guest, "the guest of one that was started again")
    box.equal(namespace(box, "guest", "net"), namespace(box, "web", "net"), "network namespace after a new start")


@scenario("A94", "E152")
def network_refusals(box):
    box.refused(services(("guest", "network_mode: service:web", "ports: ['8080:80']"), ("web",)),
                "both `ports` and `network_mode: service:web`")
    box.up(services(("guest", "network_mode: service:web"), ("web",)))
    outcome = box.berth("run", "--rm", "--publish", "8080:80", "guest", "true", code=1)
    box.true("`--publish` beside `network_mode`" in outcome.err, outcome.err)
    box.refused(services(("guest", "network_mode: service:web", "hostname: x", "dns: 1.1.1.1"), ("web",)),
                "both `hostname`", "both `dns`")
    box.refused(services(("app", "network_mode: container:nobody")), "no container `nobody`")
    box.refused(services(("app", "network_mode: bridged")), "joins network `bridged`", "did you mean `bridge`?")
    box.refused(services(("app", "network_mode: 'container:'")), "`services.app.network_mode` cannot be `container:`")
    outcome = box.up(services(("app", "network_mode: host", "ports: ['127.0.0.1:8099:80']")))
    box.true("has no effect with `network_mode: host`" in outcome.err, f"nothing is said of ports: {outcome.err}")


@scenario("A94", "S108")
def partner_does_not_run(box):
    box.up(services(("guest", f"network_mode: container:{box.name}-web-1"), ("web",)), "web")
    box.berth("up", "-d", "guest")
    box.berth("stop", "guest", "web")
    outcome = box.berth("start", "guest", code=None)
    box.true(outcome.code == 1 and f"`{box.name}-web-1`" in outcome.err and "is not running" in outcome.err,
             f"{outcome.code}: {outcome.err}")
    box.up(services(("guest", "network_mode: service:web"), ("web",)))
    box.berth("stop", "guest", "web")
    box.berth("start", "guest")
    box.equal(namespace(box, "guest", "net"), namespace(box, "web", "net"), "network namespace")


@scenario("S108", "A87")
def replicas_join_their_own(box):
    box.up(services(("guest", "ipc: service:host", "scale: 3"), ("host", "ipc: shareable", "scale: 2")))
    spaces = {}
    for service, count in [("guest", 3), ("host", 2)]:
        for number in range(1, count + 1):
            pid = box.record(f"{box.name}-{service}-{number}")["pid"]
            spaces[service, number] = os.readlink(f"/proc/{pid}/ns/ipc")
    box.equal(spaces["guest", 1], spaces["host", 1], "the first")
    box.equal(spaces["guest", 2], spaces["host", 2], "the second")
    box.equal(spaces["guest", 3], spaces["host", 1], "the third, which has no partner of its number")


@scenario("E109", "A86")
def exec_and_health_in_shared(box):
    box.up(services(
        ("guest", "pid: service:host", "network_mode: service:host", "ipc: service:host", "init: true", "mem_limit: 32m",
         "healthcheck: {test: 'readlink /proc/self/ns/pid > /tmp/probed', interval: 1s}"),
        ("host", "ipc: shareable")))
    poll(box, "a healthy guest", lambda: box.state("guest").get("health", {}).get("status") == "healthy")
    box.equal(box.inside("guest", "cat /tmp/probed"), namespace(box, "host", "pid"), "where the probe ran")
    for kind in ["pid", "net", "ipc"]:
        box.equal(box.inside("guest", f"readlink /proc/self/ns/{kind}"), namespace(box, "host", kind), f"exec: {kind}")
    file = "/sys/fs/cgroup/memory/memory.limit_in_bytes" if "v1" in box.world.facts else "/sys/fs/cgroup/memory.max"
    box.equal(box.inside("guest", f"cat {file}"), str(32 << 20), "group of the exec")


@scenario("S-19")
def shim_is_not_readable(box):
    box.up(services(("app", "pid: host")))
    shim = box.shim("app")
    descriptors = [f"fd/{name}" for name in os.listdir(f"/proc/{shim}/fd")]
    for what in ["exe", "root", "cwd", "ns/net", "ns/mnt", *descriptors]:
        seen = box.inside("app", f"readlink /proc/{shim}/{what} || echo no")
        box.equal(seen, "no", f"{what} of the shim")
    for what in ["environ", "mem", "maps", "stack", "auxv"]:
        seen = box.inside("app", f"head -c 100 /proc/{shim}/{what} 2>&1 || echo no")
        box.true("no" in seen or "ermission denied" in seen, f"{what} of the shim: {seen}")
    # Seen from the host with all rights the same places are there.
    box.true(os.readlink(f"/proc/{shim}/exe") != "", "the shim has no program")
