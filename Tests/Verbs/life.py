"""A container's life: how it is stopped, how it starts again, and what the verbs say."""

import contextlib
import json
import os
import signal
import subprocess
import time

from world import IMAGE, TOP, Complaint, scenario

WARNING = "cannot receive SIGTERM: its first process has no handler; killed at once"
TRAP = "trap 'exit 6' TERM; while :; do sleep 0.02; done"


def shell(script):
    """A `command` that runs a script, whatever characters are in it."""
    return json.dumps(["sh", "-c", script])


def rows(box, *options):
    return [json.loads(line) for line in box.berth("ps", "-a", "--format", "json", *options).out.splitlines()]


def row(box, service):
    return next(row for row in rows(box) if row["Service"] == service)


def masks(box, service):
    """The signals that the first process has handlers for."""
    with open(f"/proc/{box.pid(service)}/status") as file:
        return int(next(line.split()[1] for line in file if line.startswith("SigCgt")), 16)


def handles_term(box, service):
    return bool(masks(box, service) & 1 << 14)


@scenario("S148", "F-24")
def deaf_to_the_stop_signal(box):
    """None is killed because its time is over: each has an hour."""
    box.file(f"""
      x-hour: &hour {{image: IMAGE, stop_grace_period: 1h}}
      services:
        deaf: {{<<: *hour, command: sleep 5000, deploy: {{replicas: 2}}}}
        shell: {{<<: *hour, command: {shell("sleep 5000; true")}}}
        init: {{<<: *hour, command: sleep 5000, init: true}}
        trap: {{<<: *hour, command: {shell(TRAP)}}}
        late: {{<<: *hour, command: {shell("while [ ! -e /go ]; do sleep 0.01; done; " + TRAP)}}}
        other: {{<<: *hour, command: {shell(TRAP.replace("TERM", "USR1"))}, stop_signal: USR1}}
        deaf-other: {{<<: *hour, command: {shell(TRAP)}, stop_signal: SIGUSR1}}
        host: {{<<: *hour, command: sleep 5000, pid: host}}
    """)
    box.berth("up", "-d")
    box.until(lambda: handles_term(box, "trap"), "no handler")
    box.until(lambda: masks(box, "other") & 1 << 9, "no handler")
    box.until(lambda: handles_term(box, "deaf-other"), "no handler")
    box.inside("late", "touch /go")
    outcome = box.berth("stop")
    box.equal(outcome.err.count(f"`deaf` {WARNING}"), 1, f"how often it is told of a service: {outcome.err}")
    box.true(f"`shell` {WARNING}" in outcome.err, outcome.err)
    box.true("`deaf-other` cannot receive SIGUSR1" in outcome.err, outcome.err)
    box.true("init: true" in outcome.err and "`exec`" in outcome.err, f"no word of what helps: {outcome.err}")
    box.equal(outcome.err.count("cannot receive"), 3, f"{outcome.err}")
    codes = {row["Name"].removeprefix(box.name + "-"): row["ExitCode"] for row in rows(box)}
    box.equal(codes, {"deaf-1": 137, "deaf-2": 137, "shell-1": 137, "init-1": 143, "trap-1": 6, "late-1": 6,
                      "other-1": 6, "deaf-other-1": 137, "host-1": 143})


@scenario("S148", "F-24")
def young_and_not_yet_ready(box):
    """A handler that comes a moment after the start is waited for."""
    box.file(f"""
      services:
        app: {{image: IMAGE, stop_grace_period: 1h, command: {shell("(sleep 0.3); " + TRAP)}}}
    """)
    for _ in range(3):
        box.berth("up", "-d")
        outcome = box.berth("stop")
        box.true("cannot receive" not in outcome.err, outcome.err)
        box.equal(row(box, "app")["ExitCode"], 6)


@scenario("S148", "F-24", "C62")
def grace(box):
    count = 100 if box.world.is_long else 4
    box.file(f"""
      services:
        ignores:
          image: IMAGE
          command: sh -c "trap '' TERM; echo ready; while :; do sleep 0.02; done"
          stop_grace_period: 300ms
          deploy: {{replicas: {count}}}
        image: {{image: IMAGE, command: sleep 5000, init: true}}
    """)
    box.berth("up", "-d")
    box.until(lambda: box.log("ignores").count("ready") == count, "they do not begin", limit=60)
    begun = time.monotonic()
    outcome = box.berth("stop", "ignores")
    box.true(time.monotonic() - begun >= 0.3, "it did not get its time")
    box.true("cannot receive" not in outcome.err, f"what ignores a signal on purpose hears it: {outcome.err}")
    codes = [row["ExitCode"] for row in rows(box) if row["Service"] == "ignores"]
    box.equal(codes, [137] * count, "how those end that ignore it")
    box.equal(row(box, "image")["State"], "running")
    box.berth("stop", "-t", "0", "image")
    box.equal(row(box, "image")["ExitCode"], 137, "without any time")
    box.berth("start", "image")
    box.berth("stop", "-t", "-1")
    box.equal(row(box, "image")["ExitCode"], 143, "with all the time")
    box.berth("start", "image")
    box.berth("stop", "--timeout=99999999999999")
    box.equal(row(box, "image")["ExitCode"], 143, "with more than can be counted")
    box.berth("stop")
    box.refused_verb("stop", "nobody", saying="no such service: nobody")


@scenario("S147", "C62")
def stop_in_reverse_order(box):
    """Each says when it ends, and none ends before those that need it."""
    says = "sh -c \"trap 'sleep 0.1; echo NAME >> /notes/said; exit 0' TERM; touch /notes/NAME; while :; do sleep 0.02; done\""
    needs = {"a": "[]", "b": "[a]", "c": "[b]", "d": "[a]"}
    box.file("services:\n" + "".join(
        f"  {name}: {{image: IMAGE, command: {json.dumps(says.replace('NAME', name))}, depends_on: {on}, "
        "volumes: ['./notes:/notes']}\n" for name, on in needs.items()))
    os.makedirs(box.path("notes"))
    box.berth("up", "-d")
    box.until(lambda: all(os.path.exists(box.path("notes", name)) for name in needs), "they do not begin")
    box.berth("stop")
    with open(box.path("notes/said")) as file:
        said = file.read().split()
    box.equal(sorted(said), sorted(needs))
    box.true(said.index("a") == 3 and said.index("c") < said.index("b"), f"{said}")


@scenario("F-25")
def orphans_and_zombies(box):
    """Thousands of orphans are reaped, and `init` passes signals on."""
    count = 10_000 if box.world.is_long else 1_000
    orphan = f"i=0; while [ $$i -lt {count} ]; do (true & exec true); i=$$((i+1)); done; echo made"
    box.file(f"""
      services:
        init: {{image: IMAGE, init: true, command: {shell("trap 'echo hup' HUP; " + orphan + "; " + TRAP)}}}
        exec: {{image: IMAGE, command: {shell(TRAP)}}}
    """)
    box.berth("up", "-d")
    box.until(lambda: "made" in box.log("init"), "they are not made", limit=120)
    box.inside("exec", f"i=0; while [ $i -lt {count // 10} ]; do (true & exec true); i=$((i+1)); done")
    box.berth("kill", "-s", "HUP", "init")
    box.until(lambda: "hup" in box.log("init"), "the signal is not passed on")
    for service in ("init", "exec"):
        box.until(lambda: not zombies(box, service), f"zombies of {service} stay")
    box.berth("stop", "init")
    box.equal(row(box, "init")["ExitCode"], 6)


def zombies(box, service):
    found = []
    for line in box.inside(service, "cat /proc/[0-9]*/stat 2>/dev/null; true").splitlines():
        if line[line.rindex(")") + 2] == "Z":
            found.append(line)
    return found


def starts(box, service):
    """Nanoseconds of the starts that the service's program has said."""
    return [int(word) for word in box.log(service).split() if word.isdigit()]


@scenario("E116", "F-35", alone=True)
def restart_delays(box):
    """100 ms, doubling. A long run goes on until the delay is a minute."""
    count = 12 if box.world.is_long else 6
    box.file("""
      services:
        loop: {image: IMAGE, restart: always, command: sh -c 'cut -d" " -f1 /proc/uptime | tr -d .; exit 1'}
    """)
    box.berth("up", "-d")
    box.until(lambda: len(starts(box, "loop")) > count, "it does not start so often", limit=400)
    times = [time * 10 for time in starts(box, "loop")]
    delays = [later - earlier for earlier, later in zip(times, times[1:])][:count]
    wanted = [min(60_000, 100 * 2 ** n) for n in range(count)]
    # Milliseconds; the clock has hundredths of a second, and a start takes its time too: on a busy machine long.
    for delay, due in zip(delays, wanted):
        box.true(due - 20 <= delay <= due * 1.1 + 5000, f"delays {delays}, not {wanted}")
    box.true(row(box, "loop")["State"] in ("restarting", "running"), "the state")


@scenario("E116", "E118", "A104")
def restart_policies(box):
    counts = "echo run >> /notes/NAME"
    box.file(f"""
      x-base: &base {{image: IMAGE, volumes: ["./notes:/notes"]}}
      services:
        never: {{<<: *base, command: sh -c '{counts.replace("NAME", "never")}; exit 1'}}
        twice: {{<<: *base, restart: "on-failure:2", command: sh -c '{counts.replace("NAME", "twice")}; exit 3'}}
        good: {{<<: *base, restart: on-failure, command: sh -c '{counts.replace("NAME", "good")}'}}
        deploy:
          <<: *base
          restart: always
          deploy: {{restart_policy: {{condition: on-failure, max_attempts: 1}}}}
          command: sh -c '{counts.replace("NAME", "deploy")}; exit 4'
        none: {{<<: *base, restart: always, deploy: {{restart_policy: {{condition: none}}}},
                command: sh -c '{counts.replace("NAME", "none")}; exit 5'}}
        again: {{<<: *base, restart: "on-failure:0", command: sh -c '{counts.replace("NAME", "again")}; exit 6'}}
    """)
    os.makedirs(box.path("notes"))
    box.berth("up", "-d")

    def ended():
        return {row["Service"]: row["ExitCode"] for row in rows(box) if row["State"] == "exited"}

    box.until(lambda: ended() == {"never": 1, "twice": 3, "good": 0, "deploy": 4, "none": 5}, "they do not end")
    runs = {}
    for name in ("never", "twice", "good", "deploy", "none"):
        with open(box.path("notes", name)) as file:
            runs[name] = len(file.readlines())
    box.equal(runs, {"never": 1, "twice": 3, "good": 1, "deploy": 2, "none": 1})

    def again():
        with open(box.path("notes/again")) as file:
            return len(file.readlines())

    box.until(lambda: again() > 2, "it does not start without limit")
    box.berth("kill", "again")
    box.until(lambda: row(box, "again")["State"] == "exited", "killing does not end it")
    box.berth("start", "again")
    before = again()
    box.until(lambda: again() > before + 1, "a start does not bring the policy back")
    box.berth("stop", "again")
    box.equal(row(box, "again")["State"], "exited", "stopping does not end it")


@scenario("C61")
def start(box):
    box.file("""
      services:
        db: {image: IMAGE, command: sleep 5000, init: true}
        web: {image: IMAGE, command: sleep 5000, init: true, depends_on: [db]}
        none: {image: IMAGE, scale: 0}
    """)
    box.refused_verb("start", saying='service "db" has no container to start')
    box.berth("create", "web")
    box.berth("start", "web")
    box.equal(sorted(row["Service"] for row in rows(box) if row["State"] == "running"), ["db", "web"])
    box.berth("stop", "-t", "0")
    os.rename(box.path("compose.yaml"), box.path("gone.yaml"))
    box.berth("-p", box.name, "start", "web")
    os.rename(box.path("gone.yaml"), box.path("compose.yaml"))
    box.equal(sorted(row["Service"] for row in rows(box) if row["State"] == "running"), ["db", "web"], "by labels")
    box.berth("rm", "-fs", "db")
    box.refused_verb("start", "web", saying='service "db" has no container to start')
    box.refused_verb("start", "nobody", saying="no such service: nobody")


@scenario("C65", "C66")
def pause(box):
    box.up("""
      services:
        app: {image: IMAGE, command: sleep 5000, init: true}
        done: {image: IMAGE, command: "true"}
    """)
    box.until(lambda: row(box, "done")["State"] == "exited", "it does not end")
    box.berth("pause")
    box.equal(row(box, "app")["State"], "paused")
    box.refused_verb("pause", "app", saying="is paused")
    box.refused_verb("pause", "done", saying='service "done" is not running')
    box.refused_verb("pause", "nobody", saying="no such service: nobody")
    box.berth("unpause", "app")
    box.equal(row(box, "app")["State"], "running")
    box.refused_verb("unpause", "app", saying="is not paused")
    box.refused_verb("unpause", "nobody", saying="no such service: nobody")
    box.berth("pause")
    box.berth("stop", "app")
    box.equal(row(box, "app")["ExitCode"], 143, "the end of what was paused")


@scenario("C28", "C32", "C64")
def status_lines(box):
    box.up("""
      services:
        app: {image: IMAGE, command: sleep 5000, init: true}
        old: {image: IMAGE, command: sleep 5000, init: true}
    """)
    box.file("services: {app: {image: IMAGE, command: sleep 5000, init: true}}")
    outcome = box.berth("kill", "-s", "CONT")
    box.true("old" not in outcome.err, "an orphan got the signal")
    box.environment["COMPOSE_REMOVE_ORPHANS"] = "true"
    outcome = box.berth("kill", "-s", "9")
    box.true("old-1" in outcome.err and "app-1" in outcome.err, outcome.err)
    del box.environment["COMPOSE_REMOVE_ORPHANS"]
    box.until(lambda: all(row["State"] == "exited" for row in rows(box)), "they do not end")
    outcome = box.berth("kill")
    box.equal((outcome.out, "No container to kill" in outcome.err), ("", True))
    box.environment["COMPOSE_STATUS_STDOUT"] = "1"
    box.equal(box.berth("kill").out, "No container to kill\n")
    box.berth("rm", "-f")
    box.equal(box.berth("rm", "-f").out, "No stopped containers\n")


class Machine:
    """A machine that can be booted: each time with another boot id, an empty run folder and a network that knows nothing."""

    def __init__(self, box):
        self.box, self.holder, self.boots = box, None, 0
        self.state, self.run = box.path("machine-state"), box.path("machine-run")
        self.environment = dict(box.environment, BERTH=box.world.berth, BERTH_STATE=self.state, BERTH_RUN=self.run)

    def boot(self):
        self.down()
        self.boots += 1
        boot_id = self.box.write("boot-id", f"00000000-0000-4000-8000-{self.boots:012}\n")
        script = (f"ip link set lo up && mount --bind '{boot_id}' /proc/sys/kernel/random/boot_id && echo up && "
                  "exec sleep 100000")
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", script], stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "up\n":
            raise Complaint("the machine does not come up")

    def down(self):
        """The power goes: everything is killed, and the run folder with all in it is gone."""
        if self.holder is None:
            return
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.box.until(lambda: not self.processes(), "processes stay")
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
        self.holder = None
        subprocess.run(["rm", "-rf", self.run], check=True)

    def processes(self):
        """Supervisors, guards and first processes of this machine's containers."""
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/cmdline") as file:
                    words = file.read()
                with open(f"/proc/{name}/cgroup") as file:
                    groups = file.read()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if self.state in words and "berth-shim" in words or any(id in groups for id in self.ids()):
                found.append(int(name))
        return found

    def ids(self):
        folder = os.path.join(self.state, "containers")
        return os.listdir(folder) if os.path.isdir(folder) else []

    def script(self, verb):
        """The init script, as a boot and a shutdown call it."""
        self.command(os.path.join(TOP, "scripts/boot/berth-resume"), verb)

    def berth(self, *arguments, code=0, folder="/"):
        return self.command(self.box.world.berth, *arguments, code=code, folder=folder)

    def command(self, *words, code=0, folder="/"):
        # Who enters a mount namespace begins at its root.
        enter = ["nsenter", "--target", str(self.holder.pid), "--net", "--mount", "--", "sh", "-c", 'cd "$0" && exec "$@"']
        done = subprocess.run(
            [*enter, folder, *words], env=self.environment, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=60)
        if code is not None and done.returncode != code:
            raise Complaint(f"{' '.join(words)} ended with {done.returncode}, not {code}: {done.stderr}")
        return done

    def states(self, project):
        lines = self.berth("-p", project, "ps", "-a", "--format", "json").stdout.splitlines()
        return {row["Service"]: row["State"] for row in map(json.loads, lines)}


@contextlib.contextmanager
def machine(box):
    made = Machine(box)
    try:
        made.boot()
        made.berth("load", "--quiet", "--input", os.path.join(box.world.folder, "image.tar"))
        made.berth("tag", made.berth("images", "--all", "--quiet").stdout.split()[0], IMAGE)
        yield made
    finally:
        made.down()


FIRST = """
services:
  db:
    image: IMAGE
    command: sleep 5000
    init: true
    restart: always
    healthcheck: {test: "test -e /notes/db || { touch /notes/db; false; }", interval: 50ms}
    volumes: ["./notes:/notes"]
    ports: ["18651:80"]
    post_start: [{command: sh -c 'echo hook >> /notes/hooks'}]
  web:
    image: IMAGE
    command: sh -c 'ls /notes > /notes/seen; exec sleep 5000'
    restart: unless-stopped
    depends_on: {db: {condition: service_healthy}, once: {condition: service_completed_successfully}}
    volumes: ["./notes:/notes"]
  once: {image: IMAGE, command: "true"}
  never: {image: IMAGE, command: sleep 5000, init: true}
  failing: {image: IMAGE, command: sleep 5000, init: true, restart: on-failure}
  stopped: {image: IMAGE, command: sleep 5000, init: true, restart: unless-stopped}
  insists: {image: IMAGE, command: sleep 5000, init: true, restart: always}
  created: {image: IMAGE, command: sleep 5000, init: true, restart: always, profiles: [idle]}
"""
SECOND = """
services:
  secret:
    image: IMAGE
    command: sleep 5000
    init: true
    restart: always
    secrets: [word]
  plain: {image: IMAGE, command: sleep 5000, init: true, restart: always, depends_on: [secret]}
secrets: {word: {environment: THE_WORD}}
"""


@scenario("E117", "C101", "F-16")
def resume_after_a_reboot(box):
    for name, text in (("first", FIRST), ("second", SECOND)):
        box.write(f"{name}/compose.yaml", text.replace("IMAGE", IMAGE))
    os.makedirs(box.path("first/notes"))
    with machine(box) as one:
        first, second = box.path("first"), box.path("second")
        one.berth("up", "-d", folder=first)
        one.berth("--profile", "idle", "create", "created", folder=first)
        one.environment["THE_WORD"] = "open"
        one.berth("up", "-d", folder=second)
        del one.environment["THE_WORD"]
        one.berth("stop", "stopped", "insists", folder=first)
        os.remove(box.path("first/notes/db"))
        one.boot()
        gone = one.states("first")
        box.equal({gone[name] for name in ("db", "web", "never", "failing", "once", "stopped", "insists")}, {"exited"},
                  "what ran before")
        box.equal(gone["created"], "created")
        planned = one.berth("--dry-run", "system", "resume").stdout.splitlines()
        box.equal(planned, [f"first: start container first-{name}-1" for name in ("db", "insists", "web")]
                  + [f"second: start container second-{name}-1" for name in ("plain", "secret")])
        outcome = one.berth("system", "resume", code=1)
        box.true("THE_WORD" in outcome.stderr and "second" in outcome.stderr, outcome.stderr)
        box.equal(outcome.stderr.count("error:"), 1, f"failures: {outcome.stderr}")
        box.equal(one.states("first"), {
            "db": "running", "web": "running", "insists": "running", "never": "exited", "failing": "exited",
            "once": "exited", "stopped": "exited", "created": "created"})
        box.equal(one.states("second"), {"secret": "exited", "plain": "running"})
        with open(box.path("first/notes/seen")) as file:
            box.true("db" in file.read().split(), "it started before what it depends on was healthy")
        with open(box.path("first/notes/hooks")) as file:
            box.equal(file.read().split(), ["hook"], "the hooks that ran")
        box.equal(one.berth("port", "db", "80", folder=first).stdout, "0.0.0.0:18651\n")
        box.equal(one.berth("system", "resume", code=1).stderr.count("error:"), 1, "failures of the next one")
        box.write("second/.env", "THE_WORD=open\n")
        one.berth("system", "resume")
        box.equal(one.states("second"), {"secret": "running", "plain": "running"}, "with a value in `.env`")
        one.berth("system", "resume")
        one.boot()
        box.equal(one.berth("up", "-d", folder=first).returncode, 0)
        box.true(all(one.states("first")[name] == "running" for name in ("db", "web", "never", "failing")),
                 "`up` brings all of it back")
        for folder in (first, second):
            one.berth("down", "-t", "0", "-v", folder=folder)


@scenario("E117", "F-16")
def machine_that_goes_down_in_good_order(box):
    """Who shuts a machine down ends the supervisors: that is not the user's will."""
    box.write("first/compose.yaml", f"""
services:
  web: {{image: {IMAGE}, command: sleep 5000, init: true, restart: unless-stopped}}
  own: {{image: {IMAGE}, command: sleep 5000, init: true, restart: unless-stopped}}
""")
    with machine(box) as one:
        folder = box.path("first")
        one.berth("up", "-d", folder=folder)
        one.berth("stop", "own", folder=folder)
        one.script("stop")
        box.equal(one.states("first"), {"web": "exited", "own": "exited"})
        rows = [json.loads(line) for line in one.berth("ps", "-a", "--format", "json", folder=folder).stdout.splitlines()]
        box.equal({row["ExitCode"] for row in rows}, {143}, "how they ended")
        one.boot()
        one.script("start")
        box.equal(one.states("first"), {"web": "running", "own": "exited"})
        one.berth("down", "-t", "0", folder=folder)
