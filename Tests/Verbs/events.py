"""`events`: what is told, in which order, in which shape, and how long."""

import json
import re
import time

from world import Complaint, scenario

ONE = """
      services:
        web:
          image: IMAGE
          command: sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done'
          stop_grace_period: 5s
          labels: {com.example.tier: front}
        db: {image: IMAGE, command: sleep 1000, init: true}
"""


def told(box, *arguments):
    """Everything that is kept, one object for each event."""
    out = box.berth("events", "--json", "--since", "1h", "--until", "0s", *arguments).out
    return [json.loads(line) for line in out.splitlines()]


def actions(box, service):
    return [event["action"] for event in told(box, service)]


def after(box, service, *verb, code=0):
    """What a verb makes happen to a service."""
    before = len(actions(box, service))
    box.berth(*verb, code=code)
    return actions(box, service)[before:]


@scenario("S159", "C110")
def sequences(box):
    box.up(ONE)
    box.equal(actions(box, "web"), ["create", "start"])
    box.equal(after(box, "web", "stop", "web"), ["kill", "stop", "die"])
    box.equal(after(box, "web", "start", "web"), ["start"])
    box.equal(after(box, "web", "restart", "web"), ["kill", "stop", "die", "start", "restart"])
    box.equal(after(box, "web", "pause", "web"), ["pause"])
    box.equal(after(box, "web", "unpause", "web"), ["unpause"])
    before = len(actions(box, "db"))
    box.berth("kill", "db")
    box.until(lambda: "die" in actions(box, "db")[before:], "its end is not told")
    box.equal(actions(box, "db")[before:], ["kill", "die"])
    box.equal(after(box, "db", "rm", "-f", "db"), ["destroy"])
    box.equal(after(box, "web", "rm", "-fs", "web"), ["kill", "stop", "die", "destroy"])
    codes = [event["attributes"]["exitCode"] for event in told(box) if event["action"] == "die"]
    box.equal(codes, ["7", "7", "137", "7"])
    box.equal([event["attributes"]["signal"] for event in told(box, "db") if event["action"] == "kill"], ["9"])


@scenario("S159")
def grace_over(box):
    box.up("""
      services:
        deaf: {image: IMAGE, command: sh -c 'trap "" TERM; echo deaf; while :; do sleep 0.1; done'}
    """)
    box.until(lambda: "deaf" in box.log("deaf"), "it does not begin")
    box.equal(after(box, "deaf", "stop", "-t", "1"), ["kill", "kill", "stop", "die"])
    signals = [event["attributes"]["signal"] for event in told(box) if event["action"] == "kill"]
    box.equal(signals, ["15", "9"])


@scenario("S159")
def own_end_and_restarts(box):
    box.up("""
      services:
        once: {image: IMAGE, command: sh -c 'exit 3'}
        again: {image: IMAGE, command: sh -c 'exit 4', restart: "on-failure:2"}
    """)
    box.until(lambda: actions(box, "once") == ["create", "start", "die"], f"its end: {actions(box, 'once')}")
    box.until(lambda: actions(box, "again").count("die") == 3, f"its restarts: {actions(box, 'again')}")
    box.equal(actions(box, "again"), ["create"] + ["start", "die"] * 3)


@scenario("S159", "E172")
def health(box):
    box.up("""
      services:
        web:
          image: IMAGE
          command: sh -c 'touch /ok; sleep 1000'
          init: true
          healthcheck: {test: test -e /ok, interval: 50ms, retries: 1}
    """)
    box.until(lambda: "health_status: healthy" in actions(box, "web"), "its health is not told")
    box.inside("web", "rm /ok")
    box.until(lambda: "health_status: unhealthy" in actions(box, "web"), "its illness is not told")
    box.equal([action for action in actions(box, "web") if not action.startswith("exec_")],
              ["create", "start", "health_status: healthy", "health_status: unhealthy"])


@scenario("S159")
def out_of_memory(box):
    box.up("""
      services:
        eater: {image: IMAGE, mem_limit: 16m, memswap_limit: 16m, command: sh -c 'tail /dev/zero'}
    """)
    box.until(lambda: "die" in actions(box, "eater"), "its end is not told")
    seen = told(box)
    if seen[-1]["attributes"]["exitCode"] == "137":
        box.equal([event["action"] for event in seen], ["create", "start", "oom", "die"])
    else:
        # Its shell has outlived the one that was killed.
        box.true("oom" in [event["action"] for event in seen], f"no `oom`: {seen}")


@scenario("E172")
def commands(box):
    box.up(ONE)
    box.berth("exec", "-T", "web", "sh", "-c", "exit 5", code=5)
    box.equal(actions(box, "web")[2:], ["exec_create: sh -c exit 5", "exec_start: sh -c exit 5", "exec_die"])
    seen = told(box, "web")[2:]
    box.equal(seen[2]["attributes"]["exitCode"], "5")
    box.equal(len({event["attributes"]["execID"] for event in seen}), 1, "executions")
    box.berth("exec", "-d", "web", "true")
    box.until(lambda: actions(box, "web").count("exec_die") == 2, "the end of one in the background is not told")
    box.berth("exec", "-T", "web", "nothing-of-this-name", code=127)
    box.equal(told(box, "web")[-1]["attributes"]["exitCode"], "127")
    box.write("file", "content")
    box.equal(after(box, "web", "cp", "file", "web:/"), ["copy"])
    box.equal(after(box, "web", "export", "-o", "root.tar", "web"), ["export"])
    box.equal(after(box, "web", "top", "web"), ["top"])


@scenario("C78", "C110")
def shapes(box):
    box.up(ONE)
    ours = told(box, "web")[1]
    box.equal(list(ours), ["action", "attributes", "id", "service", "time", "type"])
    box.equal((ours["action"], ours["service"], ours["type"], ours["id"]), ("start", "web", "container", box.id("web")))
    box.equal(ours["attributes"], {"com.example.tier": "front", "image": "busybox:test", "name": f"{box.name}-web-1"})
    box.true(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", ours["time"]), f"time: {ours['time']}")
    text = box.berth("events", "--since", "1h", "--until", "0s", "web").out.split("\n\n")
    wanted = (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} container start " + box.id("web")
              + rf" \(com\.example\.tier=front, image=busybox:test, name={box.name}-web-1\)")
    box.true(re.fullmatch(wanted, text[1]), f"text: {text[1]}")
    box.refused_verb("events", "nobody", saying="no such service: nobody")
    box.refused_verb("events", "--since", "yesterday", saying="invalid --since `yesterday`")


@scenario("C78")
def one_offs_are_not_told(box):
    box.up(ONE)
    before = len(told(box))
    box.berth("run", "--rm", "-T", "--no-deps", "db", "true")
    box.equal([event["action"] for event in told(box)[before:]], [])


@scenario("C78")
def followed(box):
    box.up(ONE)
    with box.terminal("events", "--json", "web") as follower:
        end = time.monotonic() + follower.limit
        # What happens before it looks is not shown: things happen until it shows one.
        while b"pause" not in follower.seen:
            if time.monotonic() > end:
                raise Complaint(f"nothing is shown: {follower.seen!r}")
            box.berth("pause", "web")
            box.berth("unpause", "web")
            follower.read(0.1)
        box.berth("restart", "db")
        box.berth("down", "-t", "0")
        follower.wait_for("destroy")
        box.true(b'"service":"db"' not in follower.seen, "another service is shown")
        box.up()
        follower.wait_for('"action":"create"')
        follower.type("\x03")
        box.equal(follower.exit(), 130)


@scenario("C78")
def until_a_time_to_come(box):
    box.up(ONE)
    with box.terminal("events", "--until", str(time.time() + 1.5)) as follower:
        follower.wait_for("container start")
        box.equal(follower.exit(), 0)
    box.equal(box.berth("events", "--since", "0s", "--until", "0s").out, "")


@scenario("C78", "E172")
def kept_over_a_down(box):
    box.up(ONE)
    box.berth("down", "-t", "0")
    box.equal([event["action"] for event in told(box)][-1], "destroy")
    box.equal(told(box, "web")[0]["attributes"]["com.example.tier"], "front")
