"""Containers that stand still, that somebody attaches to, that run out of memory, and whose shim is lost."""

import os
import signal
import subprocess
import time

from namespaces import SLEEP, poll, services
from world import scenario

COUNTING = """
    services:
      app:
        image: IMAGE
        stop_grace_period: 0s
        command: ['sh', '-c', 'i=0; while :; do i=$$((i + 1)); echo $$i > /count; sleep 0.02; done']
"""


def status(box, service):
    out = box.berth("ps", "--all", "--format", "json", service).out
    return out.split('"State":"')[1].split('"')[0]


def freezer(box, service):
    """Whether the kernel says that the group stands still."""
    if "v1" in box.world.facts:
        return box.cgroup(service, "freezer", "freezer.state") == "FROZEN"
    return "frozen 1" in box.cgroup(service, "", "cgroup.events")


@scenario("C65", "C66", "E110")
def pause_and_unpause(box):
    box.up(COUNTING)
    root = f"/proc/{box.pid('app')}/root/count"

    def count():
        with open(root) as file:
            return file.read()

    poll(box, "it to count", lambda: os.path.exists(root) and count().strip())
    box.berth("pause", "app")
    box.true(freezer(box, "app"), "the group is not frozen")
    box.equal(status(box, "app"), "paused", "state")
    box.true("(Paused)" in box.berth("ps").out, "ps does not say paused")
    first = count()
    time.sleep(0.2)  # what stands still is seen only by its standing still for a while
    box.equal(count(), first, "the count of a paused program")
    again = box.berth("pause", "app", code=1)
    box.true("is paused" in again.err and f"{box.name}-app-1" in again.err, f"message: {again.err}")
    outcome = box.berth("exec", "-T", "app", "true", code=1)
    box.true("is paused" in outcome.err and "berth unpause app" in outcome.err, f"exec: {outcome.err}")
    before = box.id("app")
    box.up()
    box.equal((status(box, "app"), box.id("app")), ("paused", before), "after `up`")
    box.berth("unpause")
    box.equal(status(box, "app"), "running", "state")
    poll(box, "it to count on", lambda: count().strip() and count() != first)
    outcome = box.berth("unpause", "app", code=1)
    box.true("not paused" in outcome.err, f"message: {outcome.err}")
    box.true("no such service" in box.berth("pause", "nobody", code=1).err, "an unknown service")
    box.berth("stop")
    box.true("not running" in box.berth("pause", "app", code=1).err, "a stopped service")


@scenario("E110")
def stop_and_down_end_the_pause(box):
    box.up("services: {app: {image: IMAGE, command: sleep 1000, init: true, stop_grace_period: 30s}}")
    box.berth("pause")
    begun = time.monotonic()
    box.berth("stop")
    box.true(time.monotonic() - begun < 10, "a paused program did not take the signal")
    box.equal(status(box, "app"), "exited", "state")
    box.berth("start")
    box.berth("pause", "app")
    box.berth("down")
    box.equal(box.berth("ps", "--all", "--quiet").out, "", "containers")


@scenario("E110", "F-34")
def probes_stand_still_too(box):
    box.up(services(("app", "healthcheck: {test: 'echo x >> /probes; sleep 0.3', interval: 100ms, timeout: 1s, retries: 1}")))
    poll(box, "health", lambda: box.state("app").get("health", {}).get("status") == "healthy")
    box.berth("pause")
    file = f"/proc/{box.pid('app')}/root/probes"
    before = os.path.getsize(file)
    time.sleep(1.5)  # longer than a probe may take
    box.equal(os.path.getsize(file), before, "probes in a paused container")
    box.berth("unpause")
    poll(box, "more probes", lambda: os.path.getsize(file) > before + 4)
    box.equal(box.state("app")["health"]["status"], "healthy", "health after a pause")


@scenario("C72", "E107", "C138")
def attach_shows_and_ends(box):
    box.up("services: {app: {image: IMAGE, stdin_open: true, command: ['sh', '-c', "
           "'echo before; while read line; do echo got $$line; [ $$line = end ] && exit 7; done']}}")
    poll(box, "its first line", lambda: "before" in box.log("app"))
    others = [subprocess.Popen([box.world.berth, "attach", "--no-stdin", "app"], cwd=box.folder, env=box.environment,
                               stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) for _ in range(2)]
    try:
        poll(box, "two who wait", lambda: all(waits(other.pid) for other in others))
        outcome = box.berth("attach", "app", code=7, input="one\nend\n")
        # What was said before is not said again.
        box.equal(outcome.out, "got one\ngot end\n", "what the attached sees")
        for other in others:
            box.equal(other.communicate(timeout=20)[0], "got one\ngot end\n", "what others see")
            box.equal(other.returncode, 7, "their status")
    finally:
        for other in others:
            other.kill()
            other.wait()
    box.true("got one" in box.log("app"), "the log does not have it")
    box.true("not running" in box.berth("attach", "app", code=1).err, "attaching to what has ended")


def waits(pid):
    """Whether a command follows a log: it has an inotify descriptor."""
    try:
        return any("inotify" in os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return False


@scenario("E108", "C72")
def input_stays_open(box):
    """The input of `stdin_open` outlives who attaches; without it there is none."""
    box.up("services: {app: {image: IMAGE, stdin_open: true, command: ['sh', '-c', "
           "'while read line; do echo got $$line; done; echo over; sleep 1000'], stop_grace_period: 0s}, "
           "mute: {image: IMAGE, command: ['sh', '-c', 'cat; sleep 1000'], stop_grace_period: 0s}}")
    for word in ["one", "two"]:
        attached = subprocess.Popen([box.world.berth, "attach", "app"], cwd=box.folder, env=box.environment,
                                    stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        try:
            attached.stdin.write(word + "\n")
            attached.stdin.close()
            poll(box, f"the program to get {word}", lambda: f"got {word}" in box.log("app"))
        finally:
            attached.kill()
            attached.wait()
            attached.stdout.close()
    box.true("over" not in box.log("app"), "the input has ended with who was attached")
    box.equal(os.readlink(f"/proc/{box.pid('mute')}/fd/0"), "/dev/null", "input of a service without stdin_open")


@scenario("E107", "C72", "C138")
def detach_keys(box):
    box.up("services: {app: {image: IMAGE, tty: true, stdin_open: true, command: cat, stop_grace_period: 0s}}")
    with box.terminal("attach", "app") as terminal:
        poll(box, "the terminal to be handed over", terminal.is_raw)
        terminal.type("hello\r")
        terminal.wait_for("hello")
        terminal.type("\x10x\x10\x11")
        box.equal(terminal.exit(), 0, "status after the keys")
        box.true(b"detached" in terminal.seen, f"it says nothing: {terminal.seen!r}")
    box.equal(status(box, "app"), "running", "state after detaching")
    with box.terminal("attach", "--detach-keys", "ctrl-a,q", "app") as terminal:
        poll(box, "the terminal to be handed over", terminal.is_raw)
        terminal.type("\x10\x11again\r")
        terminal.wait_for("again")
        terminal.type("\x01q")
        box.equal(terminal.exit(), 0, "status after keys of one's own")
    outcome = box.berth("attach", "--detach-keys", "ctrl-1", "app", code=1)
    box.true("invalid --detach-keys `ctrl-1`" in outcome.err, outcome.err)
    box.environment["DOCKER_CONFIG"] = box.path("docker")
    box.write("docker/config.json", '{"detachKeys": "ctrl-b"}')
    with box.terminal("attach", "app") as terminal:
        poll(box, "the terminal to be handed over", terminal.is_raw)
        terminal.type("\x10\x11more\r")
        terminal.wait_for("more")
        terminal.type("\x02")
        box.equal(terminal.exit(), 0, "status after the keys of docker's configuration")
    box.write("docker/config.json", '{"detachKeys": "ctrl-1"}')
    box.true("docker's configuration" in box.berth("attach", "app", code=1).err, "a fault of the configuration")


@scenario("E107", "C72")
def signals_of_the_attached(box):
    box.up("services: {app: {image: IMAGE, init: true, stop_grace_period: 0s, command: ['sh', '-c', "
           "'trap \"echo caught; exit 3\" INT; while :; do sleep 0.1; done']}}")
    for options, wanted in [(["--sig-proxy=false"], "running"), ([], "exited")]:
        attached = subprocess.Popen([box.world.berth, "attach", *options, "app"], cwd=box.folder, env=box.environment,
                                    stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        try:
            poll(box, "the follower", lambda: waits(attached.pid))
            attached.send_signal(signal.SIGINT)
            out = attached.communicate(timeout=20)[0]
        finally:
            attached.kill()
            attached.wait()
        poll(box, f"it to be {wanted}", lambda: status(box, "app") == wanted)
        box.equal((out, attached.returncode), ("caught\n", 3) if wanted == "exited" else ("", 0), "what came of SIGINT")


@scenario("E105", "A66", "F-06")
def out_of_memory(box):
    eat = "tail -c 300000000 /dev/zero"
    box.up("services:\n  app:\n    image: IMAGE\n    mem_limit: 20m\n    memswap_limit: 20m\n"
           f"    command: {eat}\n"
           "  again:\n    image: IMAGE\n    mem_limit: 20m\n    memswap_limit: 20m\n    restart: on-failure:2\n"
           f"    command: {eat}\n"
           "  well:\n    image: IMAGE\n    command: sh -c 'exit 137'\n")

    def row(service):
        return box.berth("ps", "--all", "--format", "json", service).out

    for service in ["app", "again", "well"]:
        poll(box, f"the end of {service}", lambda: '"State":"exited"' in row(service), 30)
        box.true('"ExitCode":137' in row(service), f"exit code: {row(service)}")
    box.true('"OOMKilled":true' in row("app") and '"OOMKilled":true' in row("again"), "it is not flagged")
    box.true('"OOMKilled":false' in row("well"), "one that ended by itself is flagged")


@scenario("E114", "S-20")
def lost_shim(box):
    """A shim that is killed takes its container with it; the next commands say so, and `up` brings it back."""
    box.up(services(("app", "restart: always", "cgroup_parent: berth-lost-shim")))
    pid, shim = box.pid("app"), box.shim("app")
    os.kill(shim, signal.SIGKILL)
    poll(box, "the container's end", lambda: not os.path.exists(f"/proc/{pid}/root/bin"))
    box.equal(status(box, "app"), "dead", "state")
    box.true("not running" in box.berth("exec", "-T", "app", "true", code=1).err, "exec into a dead one")
    before = box.id("app")
    box.up()
    box.equal((status(box, "app"), box.id("app")), ("running", before), "after `up`")
    box.equal(box.inside("app", "echo here"), "here", "what runs in it")


@scenario("S-21")
def nothing_runs_inside_for_views(box):
    """berth's own views run nothing of the image: programs of it that would tell are never started."""
    box.write("trojan", "#!/bin/busybox sh\necho run $0 >> /told\n", 0o755)
    names = "ps top cat ls sh tar df id env true"
    replace = f"for name in {names}; do rm -f /bin/$$name; cp /trojan /bin/$$name; done; touch /done"
    box.up(f"services:\n  app:\n    image: IMAGE\n    stop_grace_period: 0s\n    volumes: ['./trojan:/trojan']\n"
           f"    command: ['/bin/busybox', 'sh', '-c', '{replace}; exec /bin/busybox sleep 1000']\n")
    root = f"/proc/{box.pid('app')}/root"
    poll(box, "the trojans to be there", lambda: os.path.exists(root + "/done"))
    for verb in [["ps", "--all"], ["ps", "--format", "json"], ["logs"], ["images"], ["pause"], ["unpause"], ["du"]]:
        box.berth(*verb)
    box.true(not os.path.exists(root + "/told"), "a program of the image was started")
    box.berth("exec", "-T", "app", "ps")
    box.true(os.path.exists(root + "/told"), "the trojans do not tell")
