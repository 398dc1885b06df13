"""Hooks: commands before the first start, after each start, and before a stop."""

import json
import os

from world import scenario

# Ends for TERM, and says so in its log.
HEARS = "sh -c 'trap \"exit 0\" TERM; while :; do sleep 0.05; done'"


def rows(box):
    return [json.loads(line) for line in box.berth("ps", "-a", "--format", "json").out.splitlines()]


def read(box, name):
    with open(box.path(name)) as file:
        return file.read().split()


def compose(box, hooks, more=""):
    box.file(f"""
      services:
        web:
          image: IMAGE
          command: {HEARS}
          volumes: [./notes:/notes, data:/data, /own]
          environment: {{MINE: service}}
          {more}
{hooks}
      volumes: {{data: }}
    """)
    os.makedirs(box.path("notes"), exist_ok=True)


@scenario("A53", "E125")
def post_start(box):
    compose(box, """
          user: "65534"
          post_start:
            - command: sh -c 'echo one >> /notes/said'
              user: root
            - command: [sh, -c, "echo $$(id -u) $$PWD $$MINE $$YOURS >> /notes/said; sleep 300 &"]
              user: "0:7"
              working_dir: /tmp
              environment: {YOURS: hook}
            - command: sh -c 'ip link set lo mtu 1400 && echo may >> /notes/said'
              user: root
              privileged: true
    """)
    box.berth("up", "-d")
    box.equal(read(box, "notes/said"), ["one", "0", "/tmp", "service", "hook", "may"])
    box.berth("up", "-d")
    box.equal(len(read(box, "notes/said")), 6, "words after an `up` that had nothing to do")
    box.berth("restart")
    box.equal(len(read(box, "notes/said")), 12, "words after a restart")
    box.berth("stop")
    box.berth("start")
    box.equal(len(read(box, "notes/said")), 18, "words after a new start")


@scenario("A53", "E125")
def post_start_that_fails(box):
    compose(box, """
          post_start:
            - command: sh -c 'for i in $$(seq 30); do echo line $$i >&2; done; echo q$$(echo uiet); exit 3'
            - command: touch /notes/second
    """)
    outcome = box.berth("up", "-d", code=1)
    box.true("service `web`: post_start hook `sh -c" in outcome.err and "exited with status 3" in outcome.err, outcome.err)
    box.true("compose.yaml:11:" in outcome.err, f"no place: {outcome.err}")
    box.true("line 30\n" in outcome.err and "line 21\n" in outcome.err, f"not the last ten lines: {outcome.err}")
    box.true("line 20\n" not in outcome.err and "quiet" not in outcome.err, f"more than that: {outcome.err}")
    box.true(not os.path.exists(box.path("notes/second")), "the next hook has run")
    box.equal(rows(box)[0]["State"], "running", "the container")
    compose(box, """
          post_start:
            - command: [no-such-program]
    """)
    outcome = box.berth("up", "-d", code=1)
    box.true("exited with status 127" in outcome.err and "no-such-program" in outcome.err, outcome.err)


@scenario("A54", "E125", "S148")
def pre_stop(box):
    hooks = """
          pre_stop:
            - command: sh -c 'echo stopping >> /notes/said; test ! -e /notes/stay || { echo not yet >&2; exit 4; }'
    """
    compose(box, hooks)
    box.berth("up", "-d")
    box.berth("stop")
    box.equal(read(box, "notes/said"), ["stopping"])
    box.equal(rows(box)[0]["ExitCode"], 0, "the exit code of a container that was asked to end")
    box.berth("stop")
    box.equal(read(box, "notes/said"), ["stopping"], "words after a stop of what was stopped")
    box.berth("start")
    box.berth("restart")
    box.equal(len(read(box, "notes/said")), 2, "words after a restart")
    box.berth("up", "-d", "--force-recreate")
    box.equal(len(read(box, "notes/said")), 2, "words after it was made anew")
    box.berth("kill")
    box.until(lambda: rows(box)[0]["State"] == "exited", "it does not end")
    box.equal(len(read(box, "notes/said")), 2, "words after a kill")
    box.berth("start")
    box.write("notes/stay", "")
    try:
        for verb in ("stop", "down", "restart"):
            outcome = box.berth(verb, code=1)
            box.true("pre_stop hook" in outcome.err and "exited with status 4" in outcome.err, outcome.err)
            box.true("    not yet\n" in outcome.err and "compose.yaml:11:" in outcome.err, outcome.err)
            box.equal(rows(box)[0]["State"], "running", f"after `{verb}`")
    finally:
        os.remove(box.path("notes/stay"))
    # Without the file, by what was written down when it was made.
    os.rename(box.path("compose.yaml"), box.path("gone.yaml"))
    before = len(read(box, "notes/said"))
    box.berth("-p", box.name, "stop")
    box.equal(len(read(box, "notes/said")), before + 1, "words after a stop without the file")
    os.rename(box.path("gone.yaml"), box.path("compose.yaml"))


@scenario("A52", "E125", "S149")
def pre_start(box):
    compose(box, """
          pre_start:
            - command: sh -c 'echo first $$MINE >> /notes/said; echo kept > /own/file; echo here > /data/file'
            - command: sh -c 'cat /own/file /data/file >> /notes/said; echo $$YOURS >> /notes/said; grep -c eth0 /proc/net/dev'
              environment: {YOURS: hook}
              working_dir: /tmp
    """, "deploy: {replicas: 2}")
    box.berth("up", "-d")
    said = ["first", "service", "kept", "here", "hook"]
    box.equal(read(box, "notes/said"), said)
    box.equal(sorted(row["Name"] for row in rows(box)), [f"{box.name}-web-1", f"{box.name}-web-2"], "the containers")
    box.equal(box.inside("web", "cat /own/file", "--index", "1"), "kept", "a volume of the first replica")
    box.equal(box.inside("web", "ls /own", "--index", "2"), "", "a volume of the second replica")
    box.berth("stop", "--timeout", "5")
    box.berth("start")
    box.equal(read(box, "notes/said"), said * 2, "words after a new start")
    box.berth("up", "-d", "--scale", "web=3")
    box.equal(read(box, "notes/said"), said * 2, "words after one more beside those that run")
    box.berth("restart")
    box.equal(read(box, "notes/said"), said * 2, "words after a restart")


@scenario("A52", "S149")
def pre_start_that_fails(box):
    box.file("""
      services:
        web:
          image: IMAGE
          command: sleep 1000
          init: true
          pre_start:
            - command: sh -c 'test -e /notes/ready || { echo no $$(echo data)base >&2; echo a$$(echo side); exit 9; }'
            - command: touch /notes/second
          volumes: [./notes:/notes]
        later: {image: IMAGE, command: sleep 1000, init: true, depends_on: [web]}
    """)
    os.makedirs(box.path("notes"))
    name = f"{box.name}-web-pre_start-0"
    for _ in range(2):
        outcome = box.berth("up", "-d", code=1)
        box.true("service `web`: pre_start hook" in outcome.err and "exited with status 9" in outcome.err, outcome.err)
        box.true("no database" in outcome.err and "aside" not in outcome.err, outcome.err)
        box.true("compose.yaml:8:" in outcome.err and name in outcome.err, outcome.err)
        box.true(outcome.err.count("no database") == 1, f"told more than once: {outcome.err}")
        states = {row["Name"]: row["State"] for row in rows(box)}
        box.equal(states.get(f"{box.name}-web-1"), "created", "the service's container")
        box.equal(states.get(f"{box.name}-later-1"), "created", "what depends on it")
        lease = os.readlink(os.path.join(box.environment["BERTH_STATE"], "names", name)).split("/")[1]
        with open(os.path.join(box.environment["BERTH_STATE"], "containers", lease, "blueprint.json")) as file:
            box.equal(json.load(file)["labels"]["com.docker.compose.hook"], "pre_start")
    box.true(not os.path.exists(box.path("notes/second")), "the next hook has run")
    box.write("notes/ready", "")
    box.berth("up", "-d")
    box.true(os.path.exists(box.path("notes/second")), "the second hook has not run")
    box.true(not os.path.lexists(os.path.join(box.environment["BERTH_STATE"], "names", name)), "the hook's container stays")
    box.berth("down", "-t", "0")
    os.remove(box.path("notes/ready"))
    box.berth("up", "-d", code=1)
    box.berth("down")
    box.true(not os.path.lexists(os.path.join(box.environment["BERTH_STATE"], "names", name)), "`down` leaves it")


@scenario("A52")
def pre_start_refusals(box):
    box.refused("""
      services:
        web:
          image: IMAGE
          pre_start:
            - command: "true"
              per_replica: true
    """, "services.web.pre_start.0.per_replica", "not yet supported", "compose.yaml:7:")
    box.refused("""
      services:
        web:
          image: IMAGE
          pull_policy: never
          pre_start:
            - command: "true"
              image: nobody.invalid/has:this
    """, "nobody.invalid/has:this")


@scenario("S123")
def hooks_are_configuration(box):
    compose(box, "          post_start: [{command: \"true\"}]")
    box.berth("up", "-d")
    before = box.id("web")
    compose(box, "          post_start: [{command: \"sh -c true\"}]")
    box.berth("up", "-d")
    box.true(box.id("web") != before, "a changed hook did not make the container anew")


@scenario("A52", "A53", "S150")
def interrupted(box):
    """Ctrl-C ends a hook that takes its time, and leaves no lock and no container of it."""
    for kind in ("pre_start", "post_start"):
        compose(box, f"""
          {kind}:
            - command: sh -c 'touch /notes/{kind}; exec sleep 5000'
        """)
        with box.terminal("up") as terminal:
            box.until(lambda: os.path.exists(box.path("notes", kind)), f"the {kind} hook does not begin")
            terminal.type("\x03")
            box.equal(terminal.exit(), 130, f"the end of `up` in its {kind} hook")
        names = [name for name in os.listdir(os.path.join(box.environment["BERTH_STATE"], "names"))
                 if name.startswith(f"{box.name}-web-pre_start")]
        box.equal(names, [], "containers of hooks")
        box.berth("down", "-t", "0")


@scenario("A54", "E125", "S148")
def pre_stop_ends_the_container(box):
    """What asks the program itself to end, as `nginx -s quit`, goes with the container and is no failure."""
    compose(box, """
          pre_stop: [{command: [sh, -c, "kill -TERM 1; sleep 100"]}, {command: [touch, /notes/second]}]
    """)
    box.berth("up", "-d")
    box.berth("stop")
    box.equal([(row["State"], row["ExitCode"]) for row in rows(box)], [("exited", 0)])
    box.true(not os.path.exists(box.path("notes/second")), "a hook was run in a container that had ended")
    box.berth("start")
    box.berth("down")


@scenario("A54", "S150")
def failing_pre_stop_of_attached_up(box):
    """It is told at once, and nobody is left in front of a container that does not stop."""
    compose(box, "          pre_stop: [{command: [nothing-of-this-name]}]")
    try:
        with box.terminal("up") as us:
            us.wait_for("press d")
            box.until(lambda: [row["State"] for row in rows(box)] == ["running"], "it does not start")
            us.type("\x03")
            us.wait_for("berth kill web")
            box.equal(us.exit(), 1)
        box.equal(rows(box)[0]["State"], "running")
    finally:
        box.berth("kill")
