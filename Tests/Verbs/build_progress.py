"""How a build is shown: folding steps on a terminal, blocks of numbered lines, objects of BuildKit, and not at all."""

import base64
import json
import re

from screen import Screen
from world import IMAGE, scenario

# A line of a step: its number, then its name, what its program wrote, or how it ended.
LINE = re.compile(r"#(\d+) (.+)")
COMPOSE = "services: {app: {build: ., stop_signal: KILL}}"
LOUD = f"""\
FROM {IMAGE}
WORKDIR /app
RUN : NAME; for i in 1 2 3 4 5 6 7 8 9; do echo line $i; done; printf '10%%\\r50%%\\r100%%\\n'; echo oops >&2
"""
FAILING = f"""\
FROM {IMAGE}
RUN : NAME; for i in $(seq 40); do echo word $i; done; exit 3
"""


def project(box, dockerfile, compose=COMPOSE):
    """Two scenarios share a store: a step of the same words in another is known in this one."""
    box.file(compose)
    box.write("Dockerfile", dockerfile.replace("NAME", box.name))


def numbered(box, text):
    """The lines of each step that a build has printed, without their number; blocks are parted by one empty line."""
    steps = {}
    for line in text.splitlines():
        if line.startswith("#"):
            match = LINE.fullmatch(line)
            box.true(match, f"no line of a step: {line!r}")
            steps.setdefault(int(match[1]), []).append(match[2])
    return steps


def named(steps, word):
    """The lines of the step of which the name has this word."""
    return next((lines for lines in steps.values() if word in lines[0]), [])


@scenario("E81", "S184")
def build_as_lines(box):
    """Each line has its step's number; a bar is its last state; a second build says CACHED."""
    project(box, LOUD)
    text = box.berth("build").err
    box.true("\x1b" not in text and "\r" not in text, f"{text!r}")
    steps = numbered(box, text)
    box.equal(sorted(steps), list(range(1, len(steps) + 1)), "numbers of steps")
    run = named(steps, "] RUN :")
    said = [line.split(" ", 1)[1] for line in run[1:-1]]
    box.equal(sorted(said), sorted([f"line {number}" for number in range(1, 10)] + ["100%", "oops"]))
    box.true(re.fullmatch(r"DONE \d+\.\ds", run[-1]), f"{run}")
    again = numbered(box, box.berth("--progress", "plain", "build").err)
    box.equal(named(again, "] RUN :")[1:], ["CACHED"])
    box.equal(named(again, "] WORKDIR")[1:], ["CACHED"])


@scenario("E81", "S184")
def build_side_by_side(box):
    """Stages that go on together come in blocks, and nothing of either is lost."""
    count = 200
    loop = f"for i in $(seq {count}); do echo WORD $i; done"
    project(box, "".join(f"FROM {IMAGE} AS {name}\nRUN {loop.replace('WORD', name)} >&2; touch /{name}\n"
                         for name in ("one", "two"))
            + f"FROM {IMAGE}\nCOPY --from=one /one /\nCOPY --from=two /two /\n")
    text = box.berth("build").err
    steps = numbered(box, text)
    for name in ("one", "two"):
        said = [line.split(" ", 1)[1] for line in named(steps, f"echo {name}") if line[0].isdigit()]
        box.equal(said, [f"{name} {number}" for number in range(1, count + 1)])
    for block in text.strip().split("\n\n"):
        numbers = {line.split()[0] for line in block.splitlines() if line.startswith("#")}
        box.equal(len(numbers), 1, f"steps in one block: {block}")


@scenario("E81")
def build_that_fails(box):
    """As lines the step says ERROR; on a terminal its last twenty lines stay above the error."""
    project(box, FAILING)
    outcome = box.berth("build", code=None)
    box.true(outcome.code, "a build that fails succeeds")
    run = named(numbered(box, outcome.err), "] RUN :")
    box.equal([line.split(" ", 1)[1] for line in run[1:-1]], [f"word {number}" for number in range(1, 41)])
    box.true(run[-1].startswith("ERROR: "), f"{run}")
    with box.terminal("build", size=(40, 120)) as terminal:
        box.equal(terminal.exit(), outcome.code)
        screen = Screen(40, 120).feed(terminal.seen.decode())
    text = screen.text
    box.equal(screen.unknown, [])
    box.true(any(line.startswith(" ✘ ERROR [") and "RUN :" in line for line in text), f"{text}")
    first = text.index("word 21")
    box.equal(text[first - 2], "------")
    box.true(text[first - 1].startswith(" > ["), f"{text}")
    box.equal(text[first:first + 21], [f"word {number}" for number in range(21, 41)] + ["------"])
    box.true(any(line.startswith("error") for line in text[first + 21:]), f"no error below: {text}")


@scenario("E81", "S183", "C30")
def build_on_terminals(box):
    """What is over is one line, on terminals of every size; while it goes on the last lines of the program are seen."""
    project(box, LOUD.replace("oops >&2", "oops >&2; while [ ! -e /go/on ]; do sleep 0.05; done").replace(
        "RUN :", "RUN --mount=type=bind,target=/go :"))
    for rows, columns in ((24, 80), (24, 20), (6, 80), (4, 30)):
        # What is in the context is new, so nothing of the step is known.
        box.write("nonce", f"{rows} {columns}")
        with box.terminal("build", size=(rows, columns)) as terminal:
            if rows == 24:
                terminal.wait_for("│ oops"[:columns - 6])
                box.until(lambda: terminal.read(0.05) and terminal.seen.endswith(b"\x1b[?2026l"), "no whole frame")
                screen = Screen(rows, columns).feed(terminal.seen.decode())
                box.true(any(line.startswith("   │ 100%") for line in screen.text), f"{screen.text}")
                box.true(not any("line 1" in line or "50%" in line for line in screen.text[2:]), f"{screen.text}")
            terminal.wait_for(" RUN"[:columns - 2])
            terminal.send(2)
            box.equal(terminal.exit(), 130, f"{rows} x {columns}")
        screen = Screen(rows, columns).feed(terminal.seen.decode())
        box.equal(screen.unknown, [])
        box.true(not screen.is_hidden and not screen.is_synchronised, "the terminal is left changed")
    project(box, LOUD)
    for _ in ("cold", "cached"):
        with box.terminal("build", NO_COLOR="1") as terminal:
            box.equal(terminal.exit(), 0)
        screen = Screen(24, 80).feed(terminal.seen.decode())
        box.true(not re.search(rb"\x1b\[[0-9;]+m", terminal.seen), "colours despite NO_COLOR")
        box.true(re.fullmatch(r"\[\+\] build (\d+)/\1", screen.text[0]), screen.text[0])
        box.true(all(re.fullmatch(r" ✔ .+ \d+\.\ds", line) for line in screen.text[1:-1]), f"{screen.text}")
        box.true(not any("│" in line for line in screen.text), f"{screen.text}")
    box.true(any(line.startswith(" ✔ CACHED [") for line in screen.text), f"{screen.text}")


@scenario("E81", "S185", "C9")
def build_as_json(box):
    """An object of BuildKit's `rawjson` on each line: steps by their digests, output in base64."""
    project(box, LOUD)
    events = [json.loads(line) for line in box.berth("--progress", "json", "build").err.splitlines()]
    steps, logs = {}, {}
    for event in events:
        for vertex in event.get("vertexes", []):
            steps.setdefault(vertex["digest"], []).append(vertex)
        for log in event.get("logs", []):
            logs.setdefault((log["vertex"], log["stream"]), []).append(base64.b64decode(log["data"]))
    run = next(key for key, each in steps.items() if "] RUN :" in each[0]["name"])
    box.true("started" in steps[run][0] and "completed" not in steps[run][0], f"{steps[run]}")
    box.true("completed" in steps[run][-1] and "error" not in steps[run][-1], f"{steps[run]}")
    lines = "".join(f"line {number}\n" for number in range(1, 10)) + "10%\r50%\r100%\n"
    box.equal(b"".join(logs[run, 1]).decode(), lines)
    box.equal(b"".join(logs[run, 2]), b"oops\n")
    box.true(all(each[-1].get("completed") for each in steps.values()), f"{steps}")
    again = [json.loads(line) for line in box.berth("--progress", "json", "build").err.splitlines()]
    box.true(any(vertex.get("cached") and "] RUN :" in vertex["name"]
                 for event in again for vertex in event.get("vertexes", [])), f"{again}")
    project(box, FAILING)
    failed = [json.loads(line) for line in box.berth("--progress", "json", "build", code=None).err.splitlines()]
    box.true(any("error" in vertex for event in failed for vertex in event.get("vertexes", [])), f"{failed}")


@scenario("E81", "S186", "C9")
def build_quietly(box):
    """Nothing is told of a build that is well, and an error of one that is not."""
    project(box, LOUD)
    box.equal(box.berth("--progress", "quiet", "build").err, "")
    project(box, FAILING)
    outcome = box.berth("--progress", "quiet", "build", code=None)
    box.true(outcome.code and outcome.err.startswith("error") and "#" not in outcome.err.splitlines()[0], outcome.err)


@scenario("E81")
def build_neutralised(box):
    """Escapes of programs do nothing to a terminal, neither in lines nor in frames."""
    project(box, f"FROM {IMAGE}\nRUN printf 'a\\033[2J\\033[5;5H\\033]0;title\\007b\\n\\033[31mred\\n'; false\n")
    for flags in ((), ("--progress", "plain")):
        with box.terminal(*flags, "build", size=(30, 100)) as terminal:
            terminal.exit()
        screen = Screen(30, 100).feed(terminal.seen.decode())
        box.equal(screen.unknown, [], f"{flags}")
        box.true(any("a^[[2J^[[5;5H^[]0;title^Gb" in line for line in screen.text), f"{screen.text}")
