"""Health, conditions, and what is said when something does not become what it was waited for."""

import json
import os

from world import scenario


def shell(script):
    return json.dumps(["sh", "-c", script])


def health(box, service):
    return box.state(service)["health"]


def status(box, service):
    return health(box, service)["status"]


@scenario("E121", "E122", "E123")
def transitions(box):
    """What the check says is what the file `/notes/word` says."""
    box.write("notes/word", "0\n")
    box.up("""
      services:
        app:
          image: IMAGE
          command: sleep 5000
          init: true
          volumes: ["./notes:/notes"]
          environment: {MINE: env}
          user: "12:13"
          working_dir: /tmp
          healthcheck:
            test: 'echo $$MINE $$(id -u) $$PWD; exit $$(cat /notes/word)'
            interval: 50ms
            retries: 3
    """)
    box.until(lambda: status(box, "app") == "healthy", "it is not healthy")
    box.equal(health(box, "app")["results"][-1]["output"], "env 12 /tmp\n", "what the probe has said")
    box.write("notes/word", "7\n")
    box.until(lambda: status(box, "app") == "unhealthy", "it does not become unhealthy")
    seen = health(box, "app")
    box.true(seen["failingStreak"] >= 3, f"{seen}")
    box.true(all(result["exitCode"] == 7 for result in seen["results"][-3:]), f"{seen}")
    box.true(len(seen["results"]) <= 5, f"{seen}")
    box.equal(box.state("app")["status"], "running", "nothing is done about it")
    box.write("notes/word", "0\n")
    box.until(lambda: status(box, "app") == "healthy" and health(box, "app")["failingStreak"] == 0, "one success is enough")
    # Frozen: no probe begins, and none fails.
    box.berth("pause")
    before = health(box, "app")
    box.write("notes/word", "9\n")
    # The probe that was running when it was frozen ends only afterwards.
    box.equal(health(box, "app"), before, "while it stands still")
    box.berth("unpause")
    box.until(lambda: status(box, "app") == "unhealthy", "it does not go on")
    box.berth("restart", "-t", "1")
    box.true(all(result["startedAt"] >= box.state("app")["startedAt"] for result in health(box, "app")["results"]),
             "results of the last run")


@scenario("E121", "E122")
def start_period(box):
    """Failures of the start do not count, and are probed at another pace."""
    box.up("""
      services:
        app:
          image: IMAGE
          command: sleep 5000
          init: true
          healthcheck: {test: test -e /tmp/ready, interval: 1h, retries: 1, start_period: 1h, start_interval: 20ms}
        done:
          image: IMAGE
          command: sleep 5000
          init: true
          healthcheck: {test: test ! -e /tmp/sick, interval: 20ms, retries: 1, start_period: 1h, start_interval: 1h}
    """)
    box.until(lambda: len(health(box, "app")["results"]) == 5, "it is not probed often")
    box.equal((status(box, "app"), health(box, "app")["failingStreak"]), ("starting", 0))
    box.inside("app", "touch /tmp/ready")
    box.until(lambda: status(box, "app") == "healthy", "it does not become healthy")
    box.until(lambda: status(box, "done") == "healthy", "it does not become healthy")
    box.inside("done", "touch /tmp/sick")
    box.until(lambda: status(box, "done") == "unhealthy", "after a success failures count in the start period too")


# Twelve checks that misbehave, with the exit code and the beginning of the output that are kept of each.
HOSTILE = {
    "hangs": ("sleep 6000", -1, "Health check exceeded timeout (150ms)"),
    "ignores": ("trap '' TERM INT HUP; while :; do sleep 0.01; done", -1, "Health check exceeded timeout (150ms)"),
    "says-and-hangs": ("echo so far; sleep 6000", -1, "Health check exceeded timeout (150ms): so far"),
    "floods": ("yes flood | head -c 3000000; exit 3", 3, "flood\nflood"),
    "floods-for-ever": ("yes flood", -1, "Health check exceeded timeout (150ms): flood"),
    "forks": ("sleep 6000 & sleep 6000 & sleep 6000", -1, "Health check exceeded timeout (150ms)"),
    "leaves": ("sleep 6000 & echo left; exit 4", 4, "left"),
    "kills-itself": ("kill -9 $$", 137, ""),
    "closes": ("exec >&- 2>&-; exit 5", 5, ""),
    "bytes": ("printf 'a\\377\\000b'; exit 6", 6, ""),
    "stops": ("kill -STOP $$", -1, "Health check exceeded timeout (150ms)"),
    "missing": (None, 127, ""),
}


def said(result):
    output = result["output"]
    return output.encode() if isinstance(output, str) else bytes.fromhex(output["hex"])


@scenario("F-34", "E123")
def hostile_probes(box):
    lines = ["services:"]
    for name, (script, code, _) in HOSTILE.items():
        test = ["CMD", "/no/such/program"] if script is None else ["CMD", "sh", "-c", script.replace("$", "$$")]
        # What must come to its end gets the time that a busy machine takes for it.
        timeout = "150ms" if code == -1 else "20s"
        check = json.dumps({"test": test, "interval": "30ms", "timeout": timeout, "retries": 2})
        lines.append(f"  {name}: {{image: IMAGE, command: sleep 5000, init: true, healthcheck: {check}}}")
    box.up("\n".join(lines))
    for name, (_, code, beginning) in HOSTILE.items():
        box.until(lambda: status(box, name) == "unhealthy", f"`{name}` is not unhealthy")
        # On a busy machine a probe may be over before it has said anything.
        box.until(lambda: any(said(result).startswith(beginning.encode()) for result in health(box, name)["results"]),
                  f"the output of `{name}`: {health(box, name)['results']!r:.300}")
        seen = health(box, name)["results"]
        box.equal({result["exitCode"] for result in seen}, {code}, f"the exit codes of `{name}`")
        box.true(max(len(said(result)) for result in seen) <= 4096, f"too much of `{name}` is kept")
        box.true(len(seen) <= 5, f"{len(seen)} results of `{name}` are kept")
    # Of a probe that was ended nothing goes on but, for a moment, the next one.
    for name in ("hangs", "forks", "floods-for-ever"):
        running = sum("sleep 6000" in line or "yes flood" in line for line in box.inside(name, "ps -o args").splitlines())
        box.true(running <= 3, f"{running} processes of probes of `{name}`")
    box.berth("stop", "-t", "1")


@scenario("S145", "C132", "A15")
def dependency_that_is_unhealthy(box):
    box.file(f"""
      services:
        db:
          image: IMAGE
          command: {shell("for i in $$(seq 40); do echo log $$i; done; exec sleep 5000")}
          init: true
          healthcheck: {{test: "echo not accepting; exit 2", interval: 20ms, retries: 2}}
        web: {{image: IMAGE, command: sleep 5000, init: true, depends_on: {{db: {{condition: service_healthy}}}}}}
    """)
    outcome = box.berth("up", "-d", code=1)
    box.true(f"error: dependency failed to start: container {box.name}-db-1 is unhealthy" in outcome.err, outcome.err)
    box.true("its last probe, `echo not accepting; exit 2`, ended with 2:\n    not accepting\n" in outcome.err, outcome.err)
    box.true("    log 40\n" in outcome.err and "    log 21\n" in outcome.err, f"not the last lines: {outcome.err}")
    box.true("    log 20\n" not in outcome.err, f"more than 20 lines: {outcome.err}")
    states = {row["Service"]: row["State"] for row in map(json.loads, box.berth(
        "ps", "-a", "--format", "json").out.splitlines())}
    box.equal(states, {"db": "running", "web": "created"})
    outcome = box.berth("up", "-d", "--wait", "db", code=1)
    box.true(f"error: container {box.name}-db-1 is unhealthy" in outcome.err, outcome.err)
    box.true("its last probe" in outcome.err and "log 40" in outcome.err, outcome.err)


@scenario("C132", "E123")
def dependency_whose_probe_hangs(box):
    box.file("""
      services:
        db: {image: IMAGE, command: sleep 5000, init: true, healthcheck: {test: sleep 6000, interval: 20ms, timeout: 50ms, retries: 1}}
        web: {image: IMAGE, command: sleep 5000, init: true, depends_on: {db: {condition: service_healthy}}}
    """)
    outcome = box.berth("up", "-d", code=1)
    box.true("its last probe, `sleep 6000`, took longer than its time:\n    Health check exceeded timeout (50ms)\n" in outcome.err,
             outcome.err)


@scenario("C132", "S146")
def dependency_that_ends(box):
    box.file(f"""
      services:
        db:
          image: IMAGE
          command: {shell("echo cannot begin >&2; exit 3")}
          healthcheck: {{test: "false", interval: 1h}}
        job: {{image: IMAGE, command: {shell("echo bad data; exit 4")}}}
        web: {{image: IMAGE, command: sleep 5000, init: true, depends_on: {{db: {{condition: service_healthy}}}}}}
        other:
          image: IMAGE
          command: sleep 5000
          init: true
          depends_on: {{job: {{condition: service_completed_successfully}}}}
        bare: {{image: IMAGE, command: sleep 5000, init: true}}
        needs: {{image: IMAGE, command: sleep 5000, init: true, depends_on: {{bare: {{condition: service_healthy}}}}}}
    """)
    outcome = box.berth("up", "-d", "other", code=1)
    box.true('error: service "job" didn\'t complete successfully: exit 4' in outcome.err, outcome.err)
    box.true("the last line of its log:\n    bad data\n" in outcome.err, outcome.err)
    outcome = box.berth("up", "-d", "needs", code=1)
    box.true(f"dependency failed to start: container {box.name}-bare-1 has no healthcheck configured" in outcome.err,
             outcome.err)
    outcome = box.berth("up", "--wait", "db", code=1)
    box.true(f"container {box.name}-db-1 exited (3)" in outcome.err and "cannot begin" in outcome.err, outcome.err)


@scenario("S146", "A15")
def conditions(box):
    box.file(f"""
      services:
        db: {{image: IMAGE, command: sleep 5000, init: true, volumes: ["./notes:/notes"],
             healthcheck: {{test: test -e /notes/ready, interval: 20ms, retries: 100000}}}}
        job: {{image: IMAGE, command: {shell("while [ ! -e /notes/go ]; do sleep 0.02; done")}, volumes: ["./notes:/notes"]}}
        sick: {{image: IMAGE, command: sleep 5000, init: true, healthcheck: {{test: "false", interval: 20ms, retries: 1}}}}
        web:
          image: IMAGE
          command: {shell("ls /notes > /notes/seen; exec sleep 5000")}
          volumes: ["./notes:/notes"]
          depends_on:
            db: {{condition: service_healthy}}
            job: {{condition: service_completed_successfully}}
            sick: {{condition: service_healthy, required: false}}
            absent: {{condition: service_started, required: false}}
        absent: {{image: IMAGE, profiles: [other]}}
    """)
    os.makedirs(box.path("notes"))
    with box.terminal("up", "-d") as terminal:
        box.write("notes/ready", "")
        box.write("notes/go", "")
        box.equal(terminal.exit(), 0)
        box.true(b"starts without its optional dependency" in terminal.seen, f"{terminal.seen}")

    def seen():
        if not os.path.exists(box.path("notes/seen")):
            return []
        with open(box.path("notes/seen")) as file:
            return file.read().split()

    box.until(lambda: {"ready", "go"} <= set(seen()), "it started too early, or not at all")


@scenario("C133", "S145")
def waiting(box):
    box.file("""
      services:
        app: {image: IMAGE, command: sleep 5000, init: true, healthcheck: {test: test -e /tmp/ready, interval: 20ms, retries: 100000}}
        plain: {image: IMAGE, command: sleep 5000, init: true}
        job: {image: IMAGE, command: "true"}
        web: {image: IMAGE, command: sleep 5000, init: true, depends_on: {job: {condition: service_completed_successfully}}}
    """)
    outcome = box.berth("up", "--wait", "--wait-timeout", "1", "app", code=1)
    box.true("error: application not healthy after 1s" in outcome.err, outcome.err)
    box.true(f"container {box.name}-app-1 is starting" in outcome.err and "its last probe, `test -e /tmp/ready`" in outcome.err,
             outcome.err)
    box.inside("app", "touch /tmp/ready")
    box.berth("up", "--wait", "--wait-timeout", "0")
    box.inside("app", "rm /tmp/ready")
    box.berth("stop", "-t", "1")
    box.berth("start", "--wait", "plain")
    outcome = box.berth("start", "--wait", "--wait-timeout", "1", "app", code=1)
    box.true("error: application not healthy after 1s" in outcome.err, outcome.err)


@scenario("C133")
def waiting_for_one_that_ends(box):
    """A program that ends in its first moments was not up."""
    for command, code in (("exit 1", 1), ("sleep 0.2; exit 3", 3)):
        box.file(f"""
          services: {{app: {{image: IMAGE, command: sh -c 'echo why; {command}'}}}}
        """)
        outcome = box.berth("up", "--wait", code=1)
        box.true(f"exited ({code})" in outcome.err and "why" in outcome.err, outcome.err)
