"""What a container may do: capabilities, system calls, masks, profiles, as its own processes see them."""

import ctypes
import json
import os
import pty
import re
import select
import shutil
import subprocess
import time

from world import Complaint, TOP, scenario

DEFAULT = 0xA80425FB
# Of every process of the container: the first one, one that `exec` started, and a health probe.
PROBED = "healthcheck: {test: ['CMD-SHELL', 'cat /proc/self/status > /tmp/probe'], interval: 1s}"
READERS = {"first process": "cat /proc/1/status", "exec": "cat /proc/self/status",
           "probe": "until grep -q ctxt /tmp/probe 2>/dev/null; do usleep 10000; done; cat /tmp/probe"}


def service(box, *lines):
    head = "services:\n  app:\n    image: IMAGE\n    command: sleep 1000\n    tmpfs: /tmp\n"
    return box.up(head + "".join(f"    {line}\n" for line in lines))


def statuses(box, options=()):
    """The fields of /proc/self/status of each kind of process."""
    for who, reader in READERS.items():
        text = box.inside("app", reader, *options)
        yield who, dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def sets(fields):
    return {name: int(fields[name], 16) for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]}


def own_bounds():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1], 16) for line in status if line.startswith("CapBnd"))


@scenario("A83", "E89", "S-15")
def capabilities_of_root(box):
    service(box, PROBED)
    wanted = {"CapInh": 0, "CapPrm": DEFAULT, "CapEff": DEFAULT, "CapBnd": DEFAULT, "CapAmb": 0}
    for who, fields in statuses(box):
        box.equal(sets(fields), wanted, f"capabilities of {who}")
        box.equal(fields["NoNewPrivs"], "0", f"no_new_privs of {who}")
        box.equal(fields["Seccomp"], "2", f"seccomp of {who}")


@scenario("A83", "E89", "S-15")
def capabilities_of_a_user(box):
    service(box, "user: '1000'", "cap_add: [NET_ADMIN]", PROBED)
    bounds = DEFAULT | 1 << 12
    wanted = {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapBnd": bounds, "CapAmb": 0}
    for who, fields in statuses(box):
        box.equal(sets(fields), wanted, f"capabilities of {who}")
        box.equal(fields["Uid"].split(), ["1000"] * 4, f"user of {who}")
    root = dict(line.split(":\t", 1) for line in box.inside("app", "cat /proc/self/status", "-u", "0").splitlines() if ":\t" in line)
    box.equal(sets(root)["CapEff"], bounds, "capabilities of an exec as root")


@scenario("A83", "E89")
def capabilities_added_and_dropped(box):
    service(box, "cap_add: [SYS_PTRACE, cap_net_admin]", "cap_drop: [MKNOD, CAP_CHOWN]", PROBED)
    wanted = (DEFAULT | 1 << 19 | 1 << 12) & ~(1 << 27) & ~1
    for who, fields in statuses(box):
        box.equal(sets(fields)["CapEff"], wanted, f"capabilities of {who}")
    service(box, "cap_drop: [ALL]", "cap_add: [CHOWN]", PROBED)
    for who, fields in statuses(box):
        box.equal(sets(fields)["CapBnd"], 1, f"capabilities of {who}")
    service(box, "cap_add: [ALL]", "cap_drop: [SYS_ADMIN]", PROBED)
    for who, fields in statuses(box):
        box.equal(sets(fields)["CapEff"], own_bounds() & ~(1 << 21), f"capabilities of {who}")


@scenario("A83")
def capability_unknown(box):
    box.file("services:\n  app:\n    image: IMAGE\n    cap_add:\n      - NET_ADMIM\n")
    outcome = box.berth("check", code=1)
    for word in ["NET_ADMIM", "did you mean `NET_ADMIN`?", "compose.yaml:5:"]:
        box.true(word in outcome.text, f"no {word} in: {outcome.text}")
    box.refused("services: {app: {image: IMAGE, cap_drop: [FLY]}}", "`FLY`", "no capability")


@scenario("A83")
def capability_that_berth_lacks(box):
    if own_bounds() >> 24 & 1:
        return
    box.refused("services: {app: {image: IMAGE, command: 'true', cap_add: [SYS_RESOURCE]}}", "`SYS_RESOURCE`", "does not have")


@scenario("A82", "E93")
def privileged(box):
    service(box, "privileged: true", PROBED)
    for who, fields in statuses(box):
        box.equal(sets(fields)["CapEff"], own_bounds(), f"capabilities of {who}")
        box.equal(fields["Seccomp"], "0", f"seccomp of {who}")
    mounts = box.inside("app", "cat /proc/self/mounts")
    options = {line.split()[1]: line.split()[3].split(",") for line in mounts.splitlines()}
    box.true("rw" in options["/sys"], f"/sys is not writable: {options['/sys']}")
    groups = [path for path in options if path.startswith("/sys/fs/cgroup") and path != "/sys/fs/cgroup"] or ["/sys/fs/cgroup"]
    box.true(all("rw" in options[path] for path in groups), f"groups are not writable: {groups}")
    box.true("/proc/sys" not in options and "/proc/kcore" not in options, "paths are masked")
    host = {name for name in os.listdir("/dev") if not os.path.islink(f"/dev/{name}") and not os.path.isdir(f"/dev/{name}")}
    inside = set(box.inside("app", "ls /dev").split())
    box.true(host - {"console", "ptmx"} <= inside, f"devices of the host that lack: {sorted(host - inside)}")
    box.equal(box.inside("app", "mknod /node c 1 8 && head -c1 /node | wc -c"), "1", "a node of its own")


@scenario("A84", "E94")
def no_new_privileges(box):
    for text, wanted in [("no-new-privileges", "1"), ("no-new-privileges:true", "1"), ("no-new-privileges=true", "1"),
                         ("no-new-privileges:false", "0")]:
        service(box, f"security_opt: ['{text}']", PROBED)
        for who, fields in statuses(box):
            box.equal(fields["NoNewPrivs"], wanted, f"no_new_privs of {who} by {text}")
            box.equal(fields["Seccomp"], "2", f"seccomp of {who} by {text}")


@scenario("A84", "E90")
def seccomp_words(box):
    for text, wanted in [("seccomp=unconfined", "0"), ("seccomp:unconfined", "0"), ("seccomp=builtin", "2")]:
        service(box, f"security_opt: ['{text}']", PROBED)
        for who, fields in statuses(box):
            box.equal(fields["Seccomp"], wanted, f"seccomp of {who} by {text}")


def profile(**changes):
    content = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
                    {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],
        "syscalls": [
            {"names": ["mkdir", "mkdirat", "no_such_call"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28},
            {"names": ["symlink", "symlinkat"], "action": "SCMP_ACT_ERRNO", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"names": ["link", "linkat"], "action": "SCMP_ACT_ERRNO", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5,
             "args": [{"index": 1, "value": 10, "op": "SCMP_CMP_EQ"}]},
        ]}
    content.update(changes)
    return json.dumps(content, indent=2)


@scenario("A84", "E90")
def seccomp_file(box):
    box.write("profiles/own.json", profile())
    service(box, "security_opt: ['seccomp=profiles/own.json']",
            "healthcheck: {test: ['CMD-SHELL', 'mkdir /tmp/x 2> /tmp/said'], interval: 1s}")
    for who, reader in [("exec", "mkdir /tmp/y 2>&1; true"), ("probe", "until [ -s /tmp/said ]; do usleep 10000; done; cat /tmp/said")]:
        box.true("No space left" in box.inside("app", reader), f"mkdir of {who} was not refused as asked")
    box.equal(box.inside("app", "ln -s a /tmp/s && readlink /tmp/s"), "a", "a rule for SYS_ADMIN alone")
    box.true("not permitted" in box.inside("app", "ln /tmp/said /tmp/t 2>&1; true"), "a rule for all but SYS_ADMIN")
    out = box.inside("app", "kill -10 1 2>&1; true")
    box.true("I/O error" in out or "Input/output error" in out, f"a rule about an argument: {out}")
    box.equal(box.inside("app", "kill -0 1 && echo sent"), "sent", "another argument")
    box.equal(box.inside("app", "grep ^Seccomp: /proc/1/status | cut -f2"), "2", "seccomp of the first process")


@scenario("A84")
def seccomp_file_for_the_first_process(box):
    box.write("own.json", profile())
    box.file("services: {app: {image: IMAGE, command: [sh, -c, 'mkdir /tmp/x'], security_opt: ['seccomp:own.json']}}")
    box.berth("up", "-d")
    box.berth("wait", "app", code=None)
    box.true("No space left" in box.log("app"), f"mkdir was allowed: {box.log('app')}")


@scenario("A84")
def seccomp_file_that_is_wrong(box):
    compose = "services:\n  app:\n    image: IMAGE\n    security_opt:\n      - seccomp=own.json\n"
    box.refused(compose, "own.json", "cannot be read", "compose.yaml:4:")
    box.write("own.json", '{\n  "defaultAction": "SCMP_ACT_ALLOW",\n  syscalls: []\n}\n')
    box.refused(compose, "own.json:3:", "no JSON")
    box.write("own.json", profile(syscalls=[{"names": ["mkdir"], "action": "SCMP_ACT_FLY"}]))
    box.refused(compose, "`syscalls[0].action`", "`SCMP_ACT_FLY`")
    box.write("own.json", profile(defaultAction="SCMP_ACT_NOTIFY"))
    box.refused(compose, "`defaultAction`", "nobody listens")
    box.write("own.json", profile(syscalls=[{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 7, "op": "SCMP_CMP_EQ"}]}]))
    box.refused(compose, "`syscalls[0].args[0].index`")
    os.unlink(box.path("own.json"))
    os.mkfifo(box.path("own.json"))
    box.refused(compose, "cannot be read")


@scenario("A84", "E91", needs=["not apparmor"])
def apparmor_absent(box):
    outcome = box.refused("services:\n  app:\n    image: IMAGE\n    security_opt: [apparmor=mine]\n", "AppArmor profile `mine`", "has no AppArmor")
    box.true("compose.yaml:4:" in outcome.err, f"no place: {outcome.err}")
    service(box, "security_opt: ['apparmor:unconfined']")


@scenario("A84", "E91", needs=["apparmor"])
def apparmor_present(box):
    box.refused("services: {app: {image: IMAGE, security_opt: [apparmor=not-there]}}", "`not-there` is not loaded")
    has_parser = any(os.access(f"{folder}/apparmor_parser", os.X_OK) for folder in ["/usr/sbin", "/sbin", "/usr/bin"])
    read = "cat /proc/self/attr/apparmor/current"
    service(box)
    wanted = "berth-default (enforce)" if has_parser else "unconfined"
    box.equal(box.inside("app", read), wanted, "profile of an exec")
    box.equal(box.inside("app", "cat /proc/1/attr/apparmor/current"), wanted, "profile of the first process")
    service(box, "security_opt: ['apparmor=unconfined']")
    box.equal(box.inside("app", read), "unconfined", "profile when unconfined")
    service(box, "privileged: true")
    box.equal(box.inside("app", read), "unconfined", "profile when privileged")


@scenario("A84", "E91")
def selinux_label(box):
    if os.path.exists("/sys/fs/selinux/enforce"):
        box.refused("services: {app: {image: IMAGE, security_opt: ['label=type:x_t']}}", "SELinux label")
    else:
        outcome = service(box, "security_opt: ['label=type:x_t', 'label:level:s0', 'label=disable']")
        box.true("`label=type:x_t` has no effect" in outcome.err, f"no warning: {outcome.err}")
        box.equal(outcome.err.count("`label=type:x_t` has no effect"), 1, "times that it is told")
        box.true("disable" not in outcome.err, f"a warning of what is so already: {outcome.err}")


@scenario("E92")
def masked_paths(box):
    service(box)
    for path in ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/interrupts"]:
        if os.path.exists(path):
            box.equal(box.inside("app", f"head -c 1 {path} | wc -c"), "0", f"bytes of {path}")
    for path in ["/proc/acpi", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"]:
        if os.path.exists(path):
            box.equal(box.inside("app", f"ls {path}"), "", path)
    for path in ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"]:
        if os.path.exists(path):
            out = box.inside("app", f"{{ true >> {path}; }} 2>&1; true")
            box.true("Read-only file system" in out, f"{path} can be written: {out}")


@scenario("A84", "E92")
def unmasked_paths(box):
    service(box, "security_opt: ['systempaths=unconfined']", "cap_add: [NET_ADMIN]")
    mounts = box.inside("app", "cut -d' ' -f2 /proc/self/mounts").split()
    box.equal([path for path in mounts if path.startswith("/proc/") or path.startswith("/sys/firmware")], [], "masks")
    box.equal(box.inside("app", "echo 1 > /proc/sys/net/ipv4/ip_forward && cat /proc/sys/net/ipv4/ip_forward"), "1", "a setting of its network")


@scenario("A84", "S-17")
def writable_groups(box):
    script = "for d in /sys/fs/cgroup /sys/fs/cgroup/pids; do [ -e $d/cgroup.procs ] && mkdir $d/inner 2>&1 && rmdir $d/inner && echo made; done; true"
    service(box)
    out = box.inside("app", script)
    box.true("Read-only" in out and "made" not in out, f"groups can be written: {out}")
    service(box, "security_opt: ['writable-cgroups=true']")
    box.true("made" in box.inside("app", script), "groups cannot be written")


@scenario("A84")
def security_option_unknown(box):
    outcome = box.refused("services:\n  app:\n    image: IMAGE\n    security_opt:\n      - no-new-privilege\n", "invalid security-opt", "did you mean `no-new-privileges`?")
    box.true("compose.yaml:5:" in outcome.err, f"no place: {outcome.err}")
    for text in ["seccomp", "systempaths=none", "no-new-privileges=perhaps", "label=nothing", "fly=high"]:
        box.refused(f"services: {{app: {{image: IMAGE, security_opt: ['{text}']}}}}", "invalid security-opt")


# What a process may write of itself and of its own kind; nothing that is of the machine.
OF_PROCESSES = re.compile(r"/proc/(self|thread-self|\d+)/")
OF_THE_MACHINE = re.compile(r"/proc/(self|thread-self|\d+)/(task/\d+/)?(net|ns)/")


@scenario("S-17", "S-18")
def files_that_can_be_written(box):
    """Opens every file below /proc and /sys for writing, as the root of the container. Those whose mode lets nobody write
    have no writer in the kernel: opening them says nothing."""
    service(box)
    seen = box.inside("app", "find /proc /sys -type f -perm -200 2>/dev/null | wc -l")
    box.true(int(seen) > 1000, f"only {seen} files were found")
    out = box.inside(
        "app", 'find /proc /sys -type f -perm -200 2>/dev/null | while read -r f; do { true >> "$f"; } 2>/dev/null && echo "$f"; done; true')
    written = [path for path in out.splitlines() if not OF_PROCESSES.match(path) or OF_THE_MACHINE.match(path)]
    # Each is the null device that stands in a masked file's place, or a file that docker leaves open as well.
    masks = {"/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/timer_list", "/proc/timer_stats"}
    open_in_docker = {"/proc/mtrr", "/proc/pressure/cpu", "/proc/pressure/io", "/proc/pressure/memory", "/proc/slabinfo", "/proc/swaps"}
    box.equal(sorted(set(written) - masks - open_in_docker), [], "files of the machine that can be written")
    box.true(any(OF_PROCESSES.match(path) for path in out.splitlines()), "nothing at all could be written: the probe is broken")


def probe(box):
    """Puts a small program into the project's folder: what no shell can try."""
    compiler = next((name for name in ["cc", "gcc", "clang"] if shutil.which(name)), None)
    source = os.path.join(TOP, "Tests/Attributes/probe.c")
    subprocess.run([compiler, "-static", "-O1", "-o", box.path("probe"), source], check=True)


@scenario("S-25", "E90", needs=["compiler"])
def keyrings(box):
    """Keys of who calls `up` are out of reach, even of a container without a filter."""
    probe(box)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(248, b"user", b"berth-attributes", b"secret", 6, -3) < 0:
        return  # no keyrings in this kernel
    service(box, "volumes: ['./probe:/probe']", "security_opt: ['seccomp=unconfined']")
    for who in ["exec", "exec of root"]:
        box.equal(box.inside("app", "/probe search berth-attributes"), "ENOKEY", f"the caller's key from {who}")
    name = box.inside("app", "/probe keyring")
    box.true(box.id("app")[:12] in name, f"the keyring is not the container's own: {name}")
    service(box, "volumes: ['./probe:/probe']")
    box.equal(box.inside("app", "/probe search berth-attributes"), "EPERM", "keyctl with the default filter")


@scenario("S-24", needs=["compiler"])
def terminal_input(box):
    """Nothing in a container types into the caller's terminal."""
    probe(box)
    service(box, "volumes: ['./probe:/probe']", "tty: true")
    main, terminal = pty.openpty()
    try:
        for options in [["-T"], []]:
            done = subprocess.Popen(
                [box.world.berth, "exec", *options, "app", "/probe", "type"], cwd=box.folder, env=box.environment, stdin=terminal,
                stdout=terminal if not options else subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
            out = b""
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                if options:
                    out = done.communicate(timeout=30)[0]
                    break
                if select.select([main], [], [], 0.05)[0]:
                    out += os.read(main, 4096)
                elif done.poll() is not None:
                    break
            box.equal(done.wait(timeout=30), 0, f"end of the probe: {out}")
            answers = out.decode().split()
            box.equal(len(answers), 3, f"answers: {answers}")
            allowed = {"EIO", "EPERM", "ENOTTY", "ENXIO"}
            box.true(set(answers) <= allowed or not options, f"typing was possible: {answers}")
            # What was typed would wait to be read from the caller's terminal.
            box.equal(select.select([terminal], [], [], 0)[0], [], "input of the caller's terminal")
    finally:
        os.close(main)
        os.close(terminal)
