"""Very many commands in a container that runs, and more output than anybody reads."""

import concurrent.futures
import json
import os
import signal
import subprocess
import time

import ground
from cycles import memory, open_files
from world import scenario

AT_ONCE = 16
LINE = 100


@scenario("F-33", alone=True)
def execs(box):
    """The shim has the descriptors and the memory of before, and nothing of them is left anywhere."""
    count = 2000 if box.world.is_long else 160
    box.file("services: {app: {image: IMAGE, command: sleep 1000, stop_signal: SIGKILL, init: true}}")
    box.berth("up", "-d")
    shim = box.shim("app")

    def run(number):
        # Some are at a pipe, some end badly, some leave a process behind that ends by itself.
        script = ["true", "exit 7", "cat", "sleep 0.05 & true"][number % 4]
        return box.berth("exec", "-T", "app", "sh", "-c", script, code=None, input="x" * 10).code

    def storm(rounds):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(run, range(rounds)))

    # Who has begun once keeps what it has learnt.
    storm(AT_ONCE * 2)
    box.until(lambda: len(box.berth("top", "app").out.splitlines()) <= 3, "commands do not end")
    before, files = ground.lines(box), open_files(shim)
    at_rest(box, shim)
    kilobytes = memory([shim])
    begun = time.monotonic()
    codes = storm(count)
    spent = time.monotonic() - begun
    box.equal({code: codes.count(code) for code in set(codes)}, {0: count * 3 // 4, 7: count // 4}, "exit codes")
    ground.compare(box, before)
    box.equal(open_files(shim), files, "descriptors of the shim")
    at_rest(box, shim)
    after = memory([shim])
    box.true(after <= kilobytes + 64, f"the shim had {kilobytes} KiB and has {after}")
    ground.figures(box, f"{count} commands, {AT_ONCE} at once: {spent / count * 1000:.1f} ms each; the shim has "
                        f"{files} descriptors, and {after} KiB after {kilobytes}")


def at_rest(box, shim):
    """A shim gives back what it touched some time after its last event: until it has, or does no more."""
    last, end = None, time.monotonic() + 5
    while time.monotonic() < end:
        now = memory([shim])
        if last is not None and now >= last and time.monotonic() > end - 2.5:
            return
        last = now
        time.sleep(0.25)


def flood(box, name, count, reader):
    """Milliseconds that a container takes to print so many lines, and its shim's memory meanwhile."""
    box.file(f"""
      services:
        {name}:
          image: IMAGE
          stop_signal: SIGKILL
          command: ["sh", "-c", "while [ ! -e /go ]; do sleep 0.02; done; read a b < /proc/uptime;
            yes {'x' * (LINE - 1)} | head -n {count}; read c d < /proc/uptime; echo $$a $$c > /times; echo last;
            sleep 1000"]
          logging: {{driver: local, options: {{max-size: 20m, max-file: "3"}}}}
    """)
    box.berth("up", "-d")
    follower = None
    if reader:
        follower = subprocess.Popen([box.world.berth, "logs", "-f", name], cwd=box.folder, env=box.environment,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        box.until(lambda: any("inotify" in os.readlink(f"/proc/{follower.pid}/fd/{fd}")
                              for fd in os.listdir(f"/proc/{follower.pid}/fd")), "`logs -f` does not follow")
        follower.send_signal(signal.SIGSTOP)
    try:
        shim, most = box.shim(name), 0
        box.inside(name, "touch /go")
        end = time.monotonic() + 300
        while not (times := box.inside(name, "cat /times 2>/dev/null; true")):
            most = max(most, memory([shim]))
            box.true(time.monotonic() < end, "the container does not come to an end: who does not read holds it up")
        begun, ended = map(float, times.split())
        kept = box.berth("logs", "--no-log-prefix", name).out.splitlines()
        box.equal(kept[-1], "last", "the last line")
        # The first one may be the end of a line that was cut when its file was full.
        box.equal(set(kept[1:-1]), {"x" * (LINE - 1)}, "all other lines")
        # What rotation keeps is two full files and one that is being written.
        wanted = min(count, 2 * (20 << 20) // (LINE + 40))
        box.true(len(kept) - 1 >= wanted, f"{len(kept) - 1} lines are kept, which could be {wanted}")
        return (ended - begun) * 1000, most, len(kept) - 1
    finally:
        if follower:
            follower.kill()
            follower.communicate()
        box.berth("down", "-t", "0")


@scenario("F-22", alone=True)
def stopped_reader(box):
    """A reader that stands still costs the container nothing: not its time, nor its lines, nor the shim's memory."""
    count = (1 << 30 if box.world.is_long else 64 << 20) // LINE
    alone, alone_memory, _ = flood(box, "alone", count, reader=False)
    beside, beside_memory, kept = flood(box, "beside", count, reader=True)
    box.true(beside_memory <= alone_memory + 2048,
             f"the shim had {beside_memory} KiB beside a reader, {alone_memory} without")
    box.true(alone_memory < 16 << 10, f"the shim had {alone_memory} KiB while it wrote")
    ground.figures(box, f"{count} lines in {alone:.0f} ms alone, in {beside:.0f} ms beside a stopped reader; the shim "
                        f"had {alone_memory} and {beside_memory} KiB; {kept} lines kept")
