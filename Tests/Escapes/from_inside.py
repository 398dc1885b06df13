"""What a container's root tries by itself, once it runs."""

import ctypes
import os
import re

from attack import attack, service

UPCALLS = (
    "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug", "/proc/sys/kernel/poweroff_cmd",
    "/proc/sys/fs/binfmt_misc/register", "/proc/sys/vm/panic_on_oom", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper",
    "/sys/kernel/profiling", "/proc/sys/kernel/randomize_va_space", "/proc/sys/net/ipv4/ip_forward", "/proc/irq/default_smp_affinity",
    "/proc/1/oom_score_adj/../../sys/kernel/core_pattern", "/proc/self/../sys/kernel/modprobe", "/proc/mtrr", "/proc/kcore",
    "/proc/timer_stats", "/proc/latency_stats", "/sys/power/state", "/sys/module/kernel/parameters/panic",
)


@attack("S-01")
def programs_opened_during_exec(field):
    """A loop over the programs of all processes while commands are run. No program but the container's own shows at all."""
    field.up(service(field))
    field.equal(open_programs(field, [["true"]])[0], 0, "programs of the host that could be kept")


@attack("S-01")
def programs_that_are_berth(field):
    """The same while commands are run that are the program itself: that it shows does not make it writable."""
    field.up(service(field))
    field.berth("exec", "-T", "app", "sh", "-c", "printf '#!/proc/self/exe\\n' > /self; chmod 755 /self; ln -s /proc/self/exe /link")
    open_programs(field, [["/proc/self/exe", "--version"], ["/self"], ["/link"], ["/proc/1/exe"]])


def open_programs(field, commands):
    """How many foreign programs were kept to be opened later. None may open for writing."""
    rounds = field.many(60, 1000)
    loop = field.start("exec", "-T", "app", "/attacker", "programs", str(max(5, rounds // 12)))
    done = 0
    while loop.poll() is None and done < rounds:
        field.berth("exec", "-T", "app", *commands[done % len(commands)], code=None)
        done += 1
    text = loop.communicate(timeout=rounds)[0]
    found = re.search(r"tries (\d+) foreign (\d+) opened (\d+)", text)
    field.true(found, f"the loop said {text!r}")
    field.count(int(found[1]))
    field.equal(int(found[3]), 0, "programs opened for writing")
    return int(found[2]), done


@attack("S-17")
def groups_written(field):
    for lines in ([], ["cgroup: private"], ["cap_add: [SYS_ADMIN]", "security_opt: [seccomp=unconfined]"]):
        field.up(service(field, *lines))
        script = ("n=0; for f in $(find /sys/fs/cgroup -type f); do n=$((n+1)); (: >> $f) 2>/dev/null && echo $f; done; echo tried $n;"
                  "for d in $(find /sys/fs/cgroup -type d); do mkdir $d/new 2>/dev/null && echo $d/new; done; true")
        out = field.inside("app", script).splitlines()
        tried = [int(line.split()[1]) for line in out if line.startswith("tried ")]
        field.true(tried and tried[0] > 10, f"nothing there: {out}")
        field.count(tried[0])
        field.equal([line for line in out if not line.startswith("tried ")], [], "opened for writing or made")


@attack("S-18")
def upcalls_written(field):
    field.up(service(field))
    before = {path: read(path) for path in UPCALLS[:1]}
    script = "; ".join(f"(echo x > {path}) 2>/dev/null && echo {path}" for path in UPCALLS) + "; true"
    for options in ([], ["--user", "0:0"], ["--user", "1000"]):
        field.equal(field.inside("app", script, *options), "", "written")
        field.count(len(UPCALLS))
    field.equal({path: read(path) for path in before}, before, "the host's values")


def read(path):
    with open(path) as file:
        return file.read()


@attack("S-19")
def supervisor_seen(field):
    """A container in the host's pid namespace looks at its own shim and at the test's own process."""
    field.up(service(field, "pid: host"))
    pids = [str(field.shim("app")), str(os.getpid())]
    field.equal(field.inside("app", f"test -d /proc/{pids[0]} && echo there"), "there", "the shim in the list of processes")
    for options in ([], ["--user", "1000"]):
        out = field.inside("app", f"/attacker look {' '.join(pids[:1])}", *options)
        field.true(re.search(r"looked 8 seen 0$", out), f"of the shim: {out}")
        field.count(8)


@attack("S-22")
def devices_opened(field):
    nodes = {"c:1:1", "c:1:2", "c:1:4", "c:1:11", "b:1:0", "b:7:0", "b:8:0", "b:8:1", "b:252:0", "b:253:0", "b:254:0", "c:10:200",
             "c:10:229", "c:10:232", "c:10:237", "c:4:0", "c:4:64", "c:5:3", "c:9:0", "c:13:63", "c:226:0", "c:240:0", "b:259:0"}
    for folder, kind in (("/sys/dev/block", "b"), ("/sys/dev/char", "c")):
        nodes |= {f"{kind}:{name}" for name in os.listdir(folder)[:100]}
    allowed = {"c:1:3", "c:1:5", "c:1:7", "c:1:8", "c:1:9", "c:5:0", "c:5:1", "c:5:2"}
    chosen = sorted(node for node in nodes - allowed if not node.startswith("c:136:"))
    for lines in ([], ["user: nobody"], ["cap_add: [ALL]"]):
        field.up(service(field, *lines))
        out = field.inside("app", "/attacker nodes " + " ".join(chosen))
        field.true(out.endswith(f"nodes {len(chosen)} opened 0"), out)
        field.count(3 * len(chosen))


@attack("S-16")
def abstract_sockets(field):
    field.up(service(field, "network_mode: host"))
    for word in ("berth", field.id("app")[:12], "control"):
        out = field.inside("app", f"/attacker sockets {word}")
        field.equal(out, "named 0 connected 0", word)
        field.count(1)
    run = field.environment["BERTH_RUN"]
    sockets = [os.path.join(top, name) for top, _, names in os.walk(run) for name in names if name.endswith(".sock")]
    field.true(sockets, "no control socket is there")
    for path in (run, os.path.join(run, "containers"), *map(os.path.dirname, sockets)):
        field.equal(oct(os.stat(path).st_mode & 0o077), "0o0", f"what others may do in {path}")
        field.count(1)


@attack("S-25")
def keys_of_the_caller(field):
    """A key in the caller's session keyring is not found by a container, even where calls about keys are not filtered."""
    library = ctypes.CDLL(None, use_errno=True)
    add_key, keyctl = 248, 250
    if library.syscall(keyctl, 1, b"escapes") < 0:
        field.true(False, "no session keyring could be made")
    key = library.syscall(add_key, b"user", b"canary", b"secret", ctypes.c_size_t(6), -3)
    field.true(key > 0, "no key could be made")
    for lines in ([], ["security_opt: [seccomp=unconfined]"]):
        field.up(service(field, *lines))
        field.equal(field.inside("app", "/attacker key canary"), "found 0", "keys found")
        field.count(6)
    before = own_keys()
    for _ in range(field.many(12, 1000)):
        field.berth("run", "--rm", "-T", "app", "true")
        field.count(1)
    field.true(own_keys() <= before + 10, f"keys grew from {before} to {own_keys()}")


def own_keys():
    """How many keys root holds."""
    with open("/proc/key-users") as file:
        return next(int(line.split()[3].split("/")[0]) for line in file if line.split(":")[0].strip() == "0")
