"""Limits: what the kernel was told, read back from the container's own group or from inside."""

import os
import subprocess

from world import Complaint, scenario

MIB = 1 << 20


def limited(box, *lines):
    return box.up("services:\n  app:\n    image: IMAGE\n    command: sleep 1000\n" + "".join(f"    {line}\n" for line in lines))


def is_v1(box):
    return "v1" in box.world.facts


def limit(box, controller, v1, v2):
    """What stands in the file of the version that this machine has."""
    return box.cgroup("app", controller, v1 if is_v1(box) else v2)


def placed(box, outcome, line):
    box.true(f"compose.yaml:{line}:" in outcome.err, f"no place at line {line}: {outcome.err}")


@scenario("A66", "A166", "E102")
def memory_limit(box):
    limited(box, "mem_limit: 64m")
    file = "memory.limit_in_bytes" if is_v1(box) else "memory.max"
    box.equal(box.cgroup("app", "memory", file), str(64 * MIB), file)
    inside = "/sys/fs/cgroup/memory/memory.limit_in_bytes" if is_v1(box) else "/sys/fs/cgroup/memory.max"
    box.equal(box.inside("app", f"cat {inside}"), str(64 * MIB), inside)


@scenario("A66")
def memory_limit_too_small(box):
    outcome = box.refused("services: {app: {image: IMAGE, mem_limit: 5m}}", "6 MiB")
    placed(box, outcome, 1)


@scenario("A66", "E102")
def memory_limit_is_enforced(box):
    limited(box, "mem_limit: 16m", "memswap_limit: 16m")
    outcome = box.berth("exec", "-T", "app", "sh", "-c", "tail /dev/zero", code=None)
    box.equal(outcome.code, 137, "exit of what took too much memory")


@scenario("A166", "A167", "A168")
def deployed_limits(box):
    limited(box, "deploy:", "  resources:", "    limits: {cpus: '0.5', memory: 64m, pids: 20}", "    reservations: {memory: 32m}")
    box.equal(limit(box, "memory", "memory.limit_in_bytes", "memory.max"), str(64 * MIB), "memory")
    box.equal(limit(box, "memory", "memory.soft_limit_in_bytes", "memory.low"), str(32 * MIB), "reservation")
    box.equal(limit(box, "pids", "pids.max", "pids.max"), "20", "pids")
    if is_v1(box):
        box.equal(box.cgroup("app", "cpu", "cpu.cfs_quota_us"), "50000", "quota")
    else:
        box.equal(box.cgroup("app", "cpu", "cpu.max"), "50000 100000", "cpu.max")


@scenario("A166")
def deployed_limits_that_differ(box):
    box.refused("""\
        services:
          app:
            image: IMAGE
            mem_limit: 32m
            deploy: {resources: {limits: {memory: 64m}}}
        """, "mem_limit", "differently", "compose.yaml:4:")


@scenario("A168")
def swarm_reservations_are_told(box):
    outcome = limited(box, "deploy: {resources: {reservations: {cpus: '0.1'}}}")
    box.true("reservations.cpus` has no effect" in outcome.err, f"no warning: {outcome.err}")


@scenario("A67")
def memory_reservation(box):
    limited(box, "mem_limit: 64m", "mem_reservation: 32m")
    box.equal(limit(box, "memory", "memory.soft_limit_in_bytes", "memory.low"), str(32 * MIB), "reservation")
    outcome = box.refused("services:\n  app:\n    image: IMAGE\n    mem_limit: 32m\n    mem_reservation: 64m\n", "reserves more memory")
    placed(box, outcome, 5)


@scenario("A68")
def memory_and_swap(box):
    limited(box, "mem_limit: 64m", "memswap_limit: 96m")
    if is_v1(box):
        box.equal(box.cgroup("app", "memory", "memory.memsw.limit_in_bytes"), str(96 * MIB), "together")
    else:
        box.equal(box.cgroup("app", "memory", "memory.swap.max"), str(32 * MIB), "swap alone")


@scenario("A68")
def swap_is_as_much_as_memory(box):
    limited(box, "mem_limit: 64m")
    if is_v1(box):
        box.equal(box.cgroup("app", "memory", "memory.memsw.limit_in_bytes"), str(128 * MIB), "together")
    else:
        box.equal(box.cgroup("app", "memory", "memory.swap.max"), str(64 * MIB), "swap alone")


@scenario("A68")
def swap_without_end(box):
    limited(box, "mem_limit: 64m", "memswap_limit: -1")
    if is_v1(box):
        box.true(int(box.cgroup("app", "memory", "memory.memsw.limit_in_bytes")) > 1 << 60, "swap is limited")
    else:
        box.equal(box.cgroup("app", "memory", "memory.swap.max"), "max", "swap alone")


@scenario("A68")
def swap_that_does_not_fit(box):
    box.refused("services: {app: {image: IMAGE, memswap_limit: 64m}}", "without `mem_limit`")
    box.refused("services: {app: {image: IMAGE, mem_limit: 64m, memswap_limit: 32m}}", "below its `mem_limit`")


@scenario("A69")
def swappiness(box):
    outcome = limited(box, "mem_swappiness: 7")
    if is_v1(box):
        box.equal(box.cgroup("app", "memory", "memory.swappiness"), "7", "swappiness")
    else:
        box.true("`mem_swappiness` is left out" in outcome.err, f"no warning: {outcome.err}")
    box.refused("services: {app: {image: IMAGE, mem_swappiness: 101}}", "between 0 and 100")


@scenario("A70")
def no_kill_for_want_of_memory(box):
    outcome = limited(box, "mem_limit: 64m", "oom_kill_disable: true")
    if is_v1(box):
        box.true("oom_kill_disable 1" in box.cgroup("app", "memory", "memory.oom_control"), "processes are killed")
    else:
        box.true("`oom_kill_disable` is left out" in outcome.err, f"no warning: {outcome.err}")


@scenario("A71", "E102")
def out_of_memory_score(box):
    limited(box, "oom_score_adj: 321", "healthcheck: {test: ['CMD-SHELL', 'cat /proc/self/oom_score_adj > /score'], interval: 1s}")
    box.equal(box.inside("app", "cat /proc/1/oom_score_adj"), "321", "score")
    box.equal(box.inside("app", "cat /proc/self/oom_score_adj"), "321", "score of an exec")
    box.equal(box.inside("app", "until [ -s /score ]; do usleep 10000; done; cat /score"), "321", "score of a probe")
    limited(box)
    box.equal(box.inside("app", "cat /proc/1/oom_score_adj"), "0", "score by default")


@scenario("A72")
def number_of_processes(box):
    limited(box, "pids_limit: 10")
    box.equal(box.cgroup("app", "pids", "pids.max"), "10", "pids.max")
    outcome = box.berth("exec", "-T", "app", "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done", code=None)
    box.true("can't fork" in outcome.text, f"more processes than allowed: {outcome.text}")
    limited(box, "pids_limit: -1")
    box.equal(box.cgroup("app", "pids", "pids.max"), "max", "pids.max")


@scenario("A60")
def processors(box):
    limited(box, "cpus: 0.25")
    if is_v1(box):
        box.equal(box.cgroup("app", "cpu", "cpu.cfs_quota_us"), "25000", "quota")
        box.equal(box.cgroup("app", "cpu", "cpu.cfs_period_us"), "100000", "period")
    else:
        box.equal(box.cgroup("app", "cpu", "cpu.max"), "25000 100000", "cpu.max")
    box.refused("services: {app: {image: IMAGE, cpus: 0.5, cpu_quota: 50000}}", "both `cpus` and `cpu_quota`")
    box.refused("services: {app: {image: IMAGE, cpus: 0.001}}", "at least 0.01")


@scenario("A61")
def processor_shares(box):
    limited(box, "cpu_shares: 2048")
    box.equal(limit(box, "cpu", "cpu.shares", "cpu.weight"), "2048" if is_v1(box) else "79", "shares")


@scenario("A62")
def processor_period(box):
    limited(box, "cpu_period: 50000", "cpu_quota: 20000")
    if is_v1(box):
        box.equal(box.cgroup("app", "cpu", "cpu.cfs_quota_us"), "20000", "quota")
        box.equal(box.cgroup("app", "cpu", "cpu.cfs_period_us"), "50000", "period")
    else:
        box.equal(box.cgroup("app", "cpu", "cpu.max"), "20000 50000", "cpu.max")
    box.refused("services: {app: {image: IMAGE, cpu_period: 500}}", "cpu_period", "between 1000 and 1000000")
    box.refused("services: {app: {image: IMAGE, cpu_quota: 999}}", "cpu_quota", "at least 1000")


@scenario("A63")
def processor_set(box):
    limited(box, "cpuset: '0'")
    box.equal(box.cgroup("app", "cpuset", "cpuset.cpus"), "0", "cpuset.cpus")
    box.equal(box.inside("app", "grep Cpus_allowed_list /proc/self/status | cut -f2"), "0", "processors inside")
    outcome = box.refused("services:\n  app:\n    image: IMAGE\n    cpuset: '0,900'\n", "`cpuset` asks for processors that are not here")
    placed(box, outcome, 4)
    box.refused("services: {app: {image: IMAGE, cpuset: 'x'}}", "is no list of processors")


@scenario("A64")
def real_time_share(box):
    text = "services: {app: {image: IMAGE, command: sleep 1000, cpu_rt_period: 1000000, cpu_rt_runtime: 20000}}"
    if is_v1(box) and os.path.exists("/sys/fs/cgroup/cpu/cpu.rt_runtime_us"):
        box.up(text)
        box.equal(box.cgroup("app", "cpu", "cpu.rt_runtime_us"), "20000", "runtime")
        box.equal(box.cgroup("app", "cpu", "cpu.rt_period_us"), "1000000", "period")
    else:
        box.refused(text, "`cpu_rt_period` cannot be set", "the kernel has no `cpu.rt_period_us`")


@scenario("A65")
def settings_of_windows(box):
    outcome = limited(box, "cpu_count: 2", "cpu_percent: 50")
    for name in ["cpu_count", "cpu_percent"]:
        box.true(f"{name}` has no effect" in outcome.err, f"no warning of {name}: {outcome.err}")


@scenario("A73", "A74")
def block_weights(box):
    disk = "/dev/loop0"
    if not os.path.exists(disk):
        disk = block_device(box)
    outcome = limited(box, "blkio_config:", "  weight: 300", f"  weight_device: [{{path: {disk}, weight: 400}}]")
    folder = box.cgroup_folder("app", "blkio") if is_v1(box) else box.cgroup_folder("app", "io")
    names = ["blkio.weight", "blkio.bfq.weight"] if is_v1(box) else ["io.bfq.weight", "io.weight"]
    there = [name for name in names if os.path.exists(os.path.join(folder, name))]
    if there:
        text = box.cgroup("app", "blkio" if is_v1(box) else "io", there[0])
        box.true("300" in text or "2930" in text, f"{there[0]}: {text}")
    else:
        box.true("`blkio_config.weight` is left out" in outcome.err, f"no warning: {outcome.err}")
        box.true("`blkio_config.weight_device` is left out" in outcome.err, f"no warning: {outcome.err}")
    box.refused("services: {app: {image: IMAGE, blkio_config: {weight: 5}}}", "between 10 and 1000")


def block_device(box):
    """The first disk of the host."""
    for name in sorted(os.listdir("/sys/block")):
        if os.path.exists(f"/dev/{name}"):
            return f"/dev/{name}"
    raise Complaint("no block device here")


@scenario("A75", "A76")
def block_rates(box):
    disk = block_device(box)
    number = open(f"/sys/block/{os.path.basename(disk)}/dev").read().strip()
    limited(
        box, "blkio_config:", f"  device_read_bps: [{{path: {disk}, rate: 1mb}}]", f"  device_write_bps: [{{path: {disk}, rate: 2mb}}]",
        f"  device_read_iops: [{{path: {disk}, rate: 30}}]", f"  device_write_iops: [{{path: {disk}, rate: 40}}]")
    if is_v1(box):
        for file, value in [("read_bps", MIB), ("write_bps", 2 * MIB), ("read_iops", 30), ("write_iops", 40)]:
            box.equal(box.cgroup("app", "blkio", f"blkio.throttle.{file}_device"), f"{number} {value}", file)
    else:
        box.equal(box.cgroup("app", "io", "io.max"), f"{number} rbps={MIB} wbps={2 * MIB} riops=30 wiops=40", "io.max")


@scenario("A75")
def block_device_missing(box):
    outcome = box.refused(
        "services:\n  app:\n    image: IMAGE\n    blkio_config:\n      device_read_bps: [{path: /dev/no-disk, rate: 1mb}]\n",
        "blkio_config.device_read_bps", "/dev/no-disk")
    placed(box, outcome, 5)
    box.refused("services: {app: {image: IMAGE, blkio_config: {device_read_bps: [{path: /dev/null, rate: 1mb}]}}}", "no block device")


@scenario("A77")
def shared_memory_size(box):
    limited(box, "shm_size: 8m")
    box.equal(box.inside("app", "df -k /dev/shm | tail -1 | awk '{print $2}'"), str(8 * 1024), "KiB of /dev/shm")
    limited(box)
    box.equal(box.inside("app", "df -k /dev/shm | tail -1 | awk '{print $2}'"), str(64 * 1024), "KiB of /dev/shm by default")


LIMITS = {
    "as": ("Max address space", 1 << 40), "core": ("Max core file size", 0), "cpu": ("Max cpu time", 1000),
    "data": ("Max data size", 1 << 40), "fsize": ("Max file size", 1 << 40), "locks": ("Max file locks", 100),
    "memlock": ("Max locked memory", 65536), "msgqueue": ("Max msgqueue size", 4096), "nice": ("Max nice priority", 0),
    "nofile": ("Max open files", 512), "nproc": ("Max processes", 1000), "rss": ("Max resident set", 1 << 40),
    "rtprio": ("Max realtime priority", 0), "rttime": ("Max realtime timeout", 1000000),
    "sigpending": ("Max pending signals", 100), "stack": ("Max stack size", 4 * MIB),
}


@scenario("A78", "E103")
def process_limits(box):
    lines = [f"{name}: {{soft: {value}, hard: {value}}}" for name, (_, value) in LIMITS.items()]
    limited(box, "ulimits:", *[f"  {line}" for line in lines])
    for reader in ["/proc/1/limits", "/proc/self/limits"]:
        table = box.inside("app", f"cat {reader}")
        for name, (title, value) in LIMITS.items():
            row = next(line for line in table.splitlines() if line.startswith(title))
            box.equal(row[len(title):].split()[:2], [str(value), str(value)], f"{name} in {reader}")


@scenario("A78", "E103")
def process_limits_soft_and_hard(box):
    limited(box, "ulimits:", "  nofile: {soft: 100, hard: 200}", "  nproc: 300")
    box.equal(box.inside("app", "ulimit -Sn; ulimit -Hn; grep processes /proc/self/limits | awk '{print $3}'").split(), ["100", "200", "300"], "limits")


@scenario("E103")
def process_limits_by_default(box):
    limited(box)
    own = int(subprocess.run(["sh", "-c", "ulimit -Hn"], capture_output=True, text=True).stdout)
    box.equal(box.inside("app", "ulimit -Sn; ulimit -Hn").split(), ["1024", str(min(own, 1048576))], "open files")


@scenario("A78")
def process_limits_that_cannot_be(box):
    outcome = box.refused("services:\n  app:\n    image: IMAGE\n    ulimits:\n      nofile: {soft: 20, hard: 10}\n", "above its hard limit")
    placed(box, outcome, 5)
    box.refused("services: {app: {image: IMAGE, ulimits: {nofiles: 10}}}", "has no limit `nofiles`", "did you mean `nofile`?")
    with open("/proc/self/status") as status:
        bounds = next(int(line.split()[1], 16) for line in status if line.startswith("CapBnd"))
    if not bounds >> 24 & 1:
        box.refused("services: {app: {image: IMAGE, ulimits: {nofile: 100000000}}}", "ulimits.nofile", "the hard limit that berth itself has here is")


@scenario("A79", "E95")
def kernel_settings(box):
    limited(box, "sysctls:", "  net.core.somaxconn: 321", "  kernel.shmmni: 99", "  fs.mqueue.msg_max: 5", "  kernel.msgmax: 4096")
    seen = box.inside("app", "cat /proc/sys/net/core/somaxconn /proc/sys/kernel/shmmni /proc/sys/fs/mqueue/msg_max /proc/sys/kernel/msgmax")
    box.equal(seen.split(), ["321", "99", "5", "4096"], "settings")
    seen = box.inside("app", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range")
    box.equal(seen.split(), ["0", "0", "2147483647"], "settings of an own network")


@scenario("A79")
def kernel_settings_of_the_host(box):
    outcome = box.refused("services:\n  app:\n    image: IMAGE\n    sysctls:\n      kernel.panic: 1\n", "`kernel.panic`", "would change the host")
    placed(box, outcome, 5)
    box.refused("services: {app: {image: IMAGE, sysctls: [vm.swappiness=1]}}", "`vm.swappiness`")
    box.refused("services: {app: {image: IMAGE, network_mode: host, sysctls: [net.core.somaxconn=1]}}", "the network is the host's")


@scenario("E102")
def refusals_name_the_attribute(box):
    """A value that only the kernel refuses is told by the name that stands in the file."""
    if not is_v1(box):
        return
    outcome = box.refused("services: {app: {image: IMAGE, cpu_rt_runtime: 990000, cpu_rt_period: 1000000}}", "`cpu_rt_runtime` cannot be set to `990000`")
    box.true("cpu.rt_runtime_us" in outcome.err, f"the kernel's file is not named: {outcome.err}")
