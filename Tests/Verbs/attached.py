"""`up` in front of the user: what is shown, and what ends it."""

import json
import os
import random
import re
import signal
import subprocess
import time

from world import scenario

ROWS = 40
# Ends at once for TERM, with 7.
HEARS = "sh -c 'trap \"exit 7\" TERM; echo ready; while :; do sleep 0.05; done'"
# Does not hear TERM.
DEAF = "sh -c 'trap : TERM; echo ready; while :; do sleep 0.05; done'"


def service(command, more=""):
    quoted = command.replace('"', '\\"')
    return f'{{image: IMAGE, command: "{quoted}"{more}}}'


def file(box, **services):
    box.file("services:\n" + "".join(f"  {name}: {text}\n" for name, text in services.items()))


def states(box):
    rows = [json.loads(line) for line in box.berth("ps", "-a", "--format", "json").out.splitlines()]
    return {row["Service"]: (row["State"], row["ExitCode"]) for row in rows}


def begin(box, *arguments, **more):
    """`berth` with pipes, in a session of its own."""
    return subprocess.Popen([box.world.berth, *arguments], cwd=box.folder, env=box.environment, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            start_new_session=True, **more)


@scenario("S158", "S174", "S176", "S179", "C128", "S153")
def lines(box):
    """Names before lines, the streams apart, ends told, and 0 at the end whatever the codes."""
    file(box, db=service("sh -c 'echo out; echo err >&2; exit 3'"), longer=service("sh -c 'sleep 0.3; printf half'"))
    outcome = box.berth("up", "--no-color")
    out = outcome.out.splitlines()
    box.equal(out[0], "Attaching to db-1, longer-1")
    box.equal(sorted(out[1:]), sorted(["db-1      | out", "longer-1  | half", "db-1 exited with code 3",
                                       "longer-1 exited with code 0"]))
    box.true(out.index("db-1 exited with code 3") > out.index("db-1      | out"), "the end before the last line")
    box.true("db-1      | err\n" in outcome.err, outcome.err)
    outcome = box.berth("up", "--no-log-prefix")
    box.equal(outcome.out.splitlines()[1:3], ["out", "db-1 exited with code 3"])
    stamped = box.berth("up", "--timestamps", "db").out.splitlines()
    box.true(re.fullmatch(r"db-1  \| \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z out", stamped[1]), f"{stamped}")


@scenario("S154", "C129", "C131", "C130")
def abort(box):
    file(box, job=service("sh -c 'sleep 0.3; exit 5'"), other=service(HEARS))
    outcome = box.berth("up", "--abort-on-container-exit", code=5)
    box.true("Aborting on container exit..." in outcome.text, outcome.text)
    box.equal(states(box), {"job": ("exited", 5), "other": ("exited", 7)})
    box.berth("up", "--exit-code-from", "job", code=5)
    box.berth("up", "--exit-code-from", "other", code=143)
    box.berth("up", "--abort-on-container-failure", code=5)
    box.refused_verb("up", "--exit-code-from", "nobody", saying="no such service: nobody")
    file(box, first=service("true"), job=service("sh -c 'sleep 0.5; exit 5'"))
    box.berth("up", "--abort-on-container-exit", "--remove-orphans", code=0)
    box.berth("up", "--abort-on-container-failure", code=5)


@scenario("S154", "S156")
def remade(box):
    """The end of a container that this call itself makes anew is not the end of its service."""
    file(box, web=service(HEARS), job=service("sh -c 'sleep 1; exit 5'"))
    box.berth("up", "-d", "web")
    outcome = box.berth("up", "--force-recreate", "--abort-on-container-exit", code=5)
    box.equal(outcome.out.count("web-1 exited"), 1)


@scenario("S154", "C129")
def abort_while_starting(box):
    """A job that fails while others wait for a service to become healthy ends it all; the wait is given up."""
    file(box, job=service("sh -c 'exit 9'"),
         slow=service("sleep 1000", ", healthcheck: {test: 'false', start_period: 600s, interval: 600s}"),
         web=service("sleep 1000", ", depends_on: {slow: {condition: service_healthy}}"))
    box.berth("up", "--abort-on-container-exit", "-t", "0", code=9)
    found = states(box)
    box.equal((found["job"], found["slow"][0], found["web"][0]), (("exited", 9), "exited", "created"))


@scenario("E133", "S158")
def while_starting(box):
    """What is said before everything has started is seen at once."""
    file(box, db=service("sh -c 'echo early; sleep 1000'",
                         ", healthcheck: {test: 'test -e /go', start_period: 600s, interval: 0.1s, "
                         "start_interval: 0.1s}"),
         web=service("sh -c 'echo late; sleep 1000'", ", depends_on: {db: {condition: service_healthy}}"))
    with box.terminal("up", "-t", "0") as terminal:
        terminal.wait_for("early")
        box.true(b"late" not in terminal.seen, "it did not wait")
        box.true(b"Attaching to db-1, web-1" in terminal.seen, "it does not attach first")
        box.inside("db", "touch /go")
        terminal.wait_for("late")
        terminal.type("\x03")
        box.equal(terminal.exit(), 130)


@scenario("E126", "S176")
def driver_none(box):
    """A service whose output is kept for nobody is still shown to who is in front of it."""
    file(box, app=service("echo shown", ", logging: {driver: none}"))
    box.true("app-1  | shown\n" in box.berth("up").out, "not shown")
    box.equal(box.berth("run", "--rm", "-T", "app", "echo", "one-off").out, "one-off\n")
    outcome = box.berth("logs")
    box.equal(outcome.out, "")
    box.true("configured logging driver does not support reading" in outcome.err, outcome.err)


@scenario("S155", "S156", "S179")
def follows(box):
    """Through restarts, through containers that take another's place, and with new ones."""
    file(box, again=service("sh -c 'echo run; sleep 0.1; exit 4'", ", restart: 'on-failure:2'"), web=service(HEARS))
    with box.terminal("up", "--no-color", size=(ROWS, 120)) as terminal:
        terminal.wait_for("again-1 exited with code 4\r\n")
        box.equal(terminal.seen.count(b"again-1 exited with code 4 (restarting)"), 2)
        box.equal(terminal.seen.count(b"again-1  | run"), 3)
        box.berth("scale", "web=2")
        terminal.wait_for("web-2")
        box.berth("up", "-d", "--force-recreate", "--no-deps", "-t", "0", "web")
        terminal.wait_for("web-1 has been recreated")
        terminal.type("\x03")
        box.equal(terminal.exit(), 130)


@scenario("C126")
def program_that_is_not_there(box):
    """A start that fails is an error of `up`, not a status of the container's."""
    for flags in ([], ["-d"]):
        box.file("services: {web: {image: IMAGE, command: [nothing-of-this-name]}}")
        outcome = box.berth("up", *flags, code=1)
        box.true("executable file not found" in outcome.err, outcome.err)


@scenario("S150", "C127", "S152")
def graceful(box):
    """^C and TERM stop with grace, in order; what was stopped stays."""
    file(box, db=service(HEARS), web=service(HEARS, ", depends_on: [db]"))
    for end in ("key", signal.SIGTERM, signal.SIGHUP):
        with box.terminal("up", size=(ROWS, 100)) as terminal:
            terminal.wait_for("web-1  | ")
            if end == "key":
                terminal.type("\x03")
            else:
                terminal.send(end)
            terminal.wait_for("Gracefully Stopping... press Ctrl+C again to force")
            box.equal(terminal.exit(), 130, f"the status after {end}")
            text = terminal.seen.decode()
            ends = [text.index(f"{name}-1 exited with code 7") for name in ("web", "db")]
            box.true(ends[0] < ends[1], f"the order: {text}")
        box.equal(states(box), {"db": ("exited", 7), "web": ("exited", 7)})


@scenario("S151")
def forced(box):
    file(box, web=service(DEAF, ", stop_grace_period: 600s"))
    with box.terminal("up") as terminal:
        terminal.wait_for("ready")
        terminal.type("\x03")
        terminal.wait_for("Gracefully Stopping")
        terminal.type("\x03")
        box.equal(terminal.exit(), 130)
    box.equal(states(box), {"web": ("exited", 137)})


@scenario("F-15", "S152")
def closed_terminal(box):
    """A window that is closed stops the project as TERM does."""
    file(box, web=service(HEARS))
    with box.terminal("up") as terminal:
        terminal.wait_for("ready")
        terminal.hang_up()
        box.equal(terminal.exit(), 130)
    box.equal(states(box), {"web": ("exited", 7)})


@scenario("S157", "C33")
def keys(box):
    file(box, web=service(HEARS))
    with box.terminal("up") as terminal:
        terminal.wait_for("press d to detach")
        terminal.wait_for("ready")
        terminal.type("d")
        box.equal(terminal.exit(), 0)
    box.equal(states(box)["web"][0], "running")
    for arguments, environment in ((["--no-menu"], {}), ([], {"COMPOSE_MENU": "false"})):
        with box.terminal("up", *arguments, "-t", "0", **environment) as terminal:
            terminal.wait_for("Attaching to web-1")
            terminal.type("d\x03")
            box.equal(terminal.exit(), 130)
            box.true(b"press d" not in terminal.seen, "the keys are told of")
    box.berth("up", "-d", "-t", "0")
    running = begin(box, "up")
    box.until(lambda: running.stdout.readline().startswith("Attaching"), "it does not attach")
    running.send_signal(signal.SIGINT)
    box.true("press d" not in running.communicate(timeout=30)[1], "keys without a terminal")


@scenario("C59")
def whose_output(box):
    file(box, db=service("sh -c 'echo of db'"), web=service("sh -c 'sleep 0.2; echo of web'", ", depends_on: [db]"),
         quiet=service("sh -c 'echo of quiet'", ", attach: false"))

    def shown(*arguments):
        return sorted(re.findall(r"of (\w+)", box.berth("up", "--force-recreate", "-t", "0", *arguments).out))

    box.equal(shown(), ["db", "web"])
    box.equal(shown("web"), ["web"])
    box.equal(shown("--attach-dependencies", "web"), ["db", "web"])
    box.equal(shown("--attach", "quiet"), ["quiet"])
    box.equal(shown("--no-attach", "db"), ["web"])
    box.refused_verb("up", "--attach", "nobody", saying="no such service: nobody")
    for pair in (["-d", "--attach", "db"], ["-d", "--abort-on-container-exit"], ["-d", "--exit-code-from", "db"],
                 ["--wait", "--attach", "db"], ["--wait", "--abort-on-container-failure"], ["-d", "--watch"],
                 ["--attach", "db", "--attach-dependencies"], ["--no-build", "--watch"],
                 ["--abort-on-container-exit", "--abort-on-container-failure"]):
        box.refused_verb("up", *pair, saying="are incompatible")
    box.refused_verb("up", "--watch", saying="does not watch files")


@scenario("S175", "C30", "C7")
def colours(box):
    file(box, a=service("echo a"), b=service("echo b"))
    box.berth("create")

    def coloured(*arguments, flags=(), **environment):
        with box.terminal(*flags, "up", *arguments, **environment) as terminal:
            terminal.exit()
            return re.findall(rb"\x1b\[(\d+)m[ab]-1", terminal.seen)

    box.equal(sorted(coloured()), [b"33", b"36"])
    box.equal(coloured("--no-color"), [])
    box.equal(coloured(flags=["--ansi", "never"]), [])
    box.equal(coloured(NO_COLOR="1"), [])
    box.true("\x1b" not in box.berth("up").out, "colours in a pipe")
    box.true("\x1b[36m" in box.berth("--ansi", "always", "up").out, "no colours where they were asked for")


@scenario("S-60")
def escapes(box):
    """Containers on one screen do not move its cursor, name its window or fake another's lines."""
    script = (r"printf '\033]0;title\007 \033[31mred\033[0;1m \033[2Jx \033]52;c;aGk=\007 a\rweb-2 | fake \033[A\b\b"
              r" \302\233 \233z"
              r" \303\244 \303\n'; printf 'next\r\n'; head -c 20000 /dev/zero | tr '\0' y; echo")
    box.write("say", script)
    file(box, web=service("sh /say", ", volumes: ['./say:/say:ro']"), db=service("true"))
    box.berth("up", "-d")
    box.until(lambda: "yyy" in box.log("web"), "it has not said it")
    with box.terminal("logs", "--no-color", size=(ROWS, 100)) as terminal:
        box.equal(terminal.exit(), 0)
        seen = terminal.seen.replace(b"\r\n", b"\n")
    rest = re.sub(rb"\x1b\[[0-9;:]*m", b"", seen)
    box.equal(sorted(set(byte for byte in rest if byte < 32 or byte == 127)), [10], "control bytes")
    for words in (b"^[]0;title^G", b"\x1b[31mred\x1b[0;1m", b"^[[2Jx", b"a^Mweb-2 | fake ^[[A^H^H",
                  b"\\xc2\\x9b \\x9bz",
                  "ä \\xc3\x1b[0m\n".encode(), b"web-1  | next\n", b"yy \xe2\x80\xa6 (3616 more bytes)"):
        box.true(words in seen, f"no {words} in {seen}")
    raw = subprocess.run([box.world.berth, "logs", "--no-log-prefix", "web"], cwd=box.folder, env=box.environment,
                         capture_output=True, check=True).stdout
    box.true(b"\x1b]0;title\x07" in raw and b"\xc2\x9b \x9bz" in raw, "not raw in a pipe")
    with box.terminal("logs", "--no-log-prefix", "web") as terminal:
        terminal.exit()
        box.true(b"\x1b]0;title\x07" in terminal.seen, "not raw where one alone is shown bare")


@scenario("F-22")
def stopped_reader(box):
    """`up` that is put aside by ^Z, or whose reader does not read, keeps no container from writing."""
    box.write("say", "yes 'line of some length that is said many times over' | head -n 20000; touch /done; sleep 1000")
    file(box, app=service("sh /say", ", volumes: ['./say:/say:ro']"))
    with box.terminal("up", "-t", "0", size=(ROWS, 100)) as terminal:
        terminal.wait_for("said many times")
        terminal.send(signal.SIGSTOP)
        box.until(lambda: box.berth("exec", "-T", "app", "test", "-e", "/done", code=None).code == 0, "it is held up")
        terminal.send(signal.SIGCONT)
        terminal.send(signal.SIGINT)
        box.equal(terminal.exit(), 130)


# A moment is a wait of up to so many seconds after the command was begun.
MOMENTS = 0.6


@scenario("F-15")
def any_instant(box):
    """Each signal at any instant of start, run and stop: then `down` leaves nothing, and no process is left."""
    file(box, db=service(HEARS, ", healthcheck: {test: 'true', interval: 0.1s}"),
         web=service(HEARS, ", depends_on: {db: {condition: service_healthy}}, stop_grace_period: 2s"),
         job=service("echo once"))
    rounds = 50 if box.world.is_long else 2
    chance = random.Random(7)
    for way in ("int", "twice", "term", "hup", "window", "pipe"):
        for _ in range(rounds):
            moment = chance.random() * MOMENTS
            status = interrupted(box, way, moment, chance)
            # Before `up` hears signals itself a hangup ends it as it ends any program.
            wanted = {"pipe": (0, 130), "hup": (129, 130), "window": (129, 130)}.get(way, (130,))
            box.true(status in wanted, f"{way} after {moment:.3f} s: it ended with {status}")
            running = [name for name, (state, _) in states(box).items() if state == "running"]
            box.true(way == "pipe" or not running, f"{way} after {moment:.3f} s: {running} run on")
            box.berth("down", "-t", "0")
            box.equal(box.berth("ps", "-aq").out, "", f"left after {way} at {moment:.3f} s")
            box.until(lambda: not processes(box), f"{way} after {moment:.3f} s: {processes(box)} are left")


def interrupted(box, way, moment, chance):
    if way == "pipe":
        running = begin(box, "up")
        until_it_hears(box, running.pid)
        time.sleep(moment)
        running.stdout.close()
        # What it next says finds nobody.
        running.send_signal(signal.SIGINT)
        running.stderr.read()
        return running.wait(timeout=60)
    with box.terminal("up", limit=60) as terminal:
        until_it_hears(box, terminal.pid)
        end = time.monotonic() + moment
        while time.monotonic() < end:
            terminal.read(0.005)
        if way in ("int", "twice"):
            terminal.send(signal.SIGINT)
        if way == "twice":
            time.sleep(chance.random() * 0.2)
            terminal.send(signal.SIGINT)
        if way == "term":
            terminal.send(signal.SIGTERM)
        if way == "hup":
            terminal.send(signal.SIGHUP)
        if way == "window":
            terminal.hang_up()
        return terminal.exit()


def until_it_hears(box, pid):
    """Waits until signals do not simply end the program any more."""
    def hears():
        with open(f"/proc/{pid}/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        # The first thing it does is to block them; other threads come behind that.
        return fields["Name"].strip() == "berth" and int(fields["Threads"]) > 1
    box.until(hears, "it does not begin")


def processes(box):
    """Processes of this box's state: those of berth and of containers."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as words:
                command = words.read()
        except OSError:
            continue
        if b"berth-shim" in command and box.world.folder.encode() in command:
            found.append(int(name))
    return found
