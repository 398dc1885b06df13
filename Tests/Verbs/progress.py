"""How work is shown: on terminals of every size, as lines, as JSON, and not at all."""

import json
import re

from screen import Screen
from world import scenario

FIVE = "services:\n" + "".join(
    f"  s{number}: {{image: IMAGE, command: sleep 1000, stop_signal: KILL}}\n" for number in range(5))
KEYS = {"id", "parent_id", "status", "text", "details", "current", "total", "percent", "dry-run"}


def shown(box, *arguments, size=(24, 80), flags=(), **environment):
    """The screen and the bytes of a command at a terminal."""
    with box.terminal(*flags, *arguments, size=size, **environment) as terminal:
        box.equal(terminal.exit(), 0, f"the status of {arguments}")
        return Screen(*size).feed(terminal.seen.decode()), terminal.seen


@scenario("S183", "C9", "S187")
def at_a_terminal(box):
    """A header and a line for each thing with its mark, its word and its time; nothing else stays on the screen."""
    box.file(FIVE)
    screen, seen = shown(box, "up", "-d")
    box.equal(screen.text[0], "[+] up 6/6")
    box.equal(len(screen.text), 7, f"lines of {screen.text}")
    for line in screen.text[1:]:
        box.true(re.fullmatch(r" ✔ (Network|Container) \S+ +(Created|Started) +\d+\.\ds", line), line)
        box.true(len(line) == 79, f"{len(line)} columns of {line!r}")
    box.equal(screen.unknown, [])
    box.true(not screen.is_hidden and not screen.is_synchronised, "the terminal is left changed")
    box.true(b"\x1b[32m" in seen, "no colours")
    screen, _ = shown(box, "down")
    box.equal(screen.text[0], "[+] down 6/6")
    box.true(all(line.startswith(" ✔ ") and " Removed " in line for line in screen.text[1:]), f"{screen.text}")


@scenario("S183")
def sizes(box):
    """No terminal is too narrow or too low; what does not fit is counted."""
    box.file(FIVE)
    for rows, columns in ((24, 20), (6, 80), (4, 30), (3, 10), (50, 200)):
        for verb in (["up", "-d"], ["down", "-t", "0"]):
            screen, _ = shown(box, *verb, size=(rows, columns))
            box.equal(screen.past, [], f"lines that scrolled out of {rows} x {columns}")
            box.equal(screen.unknown, [])
            box.true(screen.text[0].startswith(f"[+] {verb[0]} 6/6"[:columns - 2]), f"{screen.text}")
            if rows < 8:
                shows = max(1, rows - 2)
                more = f" ... {6 - shows + 1} more"[:columns - 2]
                box.true(screen.text[-1].startswith(more), f"{rows} x {columns}: {screen.text}")


@scenario("S183")
def resized(box):
    """A terminal that changes its size meanwhile ends with a whole picture."""
    box.file("""
      services:
        db:
          image: IMAGE
          command: sleep 1000
          stop_signal: KILL
          healthcheck: {test: "test -e /go", start_period: 600s, interval: 0.1s, start_interval: 0.1s}
        web: {image: IMAGE, command: sleep 1000, stop_signal: KILL, depends_on: {db: {condition: service_healthy}}}
    """)
    with box.terminal("up", "-d", size=(24, 100)) as terminal:
        terminal.wait_for("Waiting")
        terminal.resize(24, 50)
        begun = len(terminal.seen)
        box.until(lambda: terminal.read(0.05) and len(terminal.seen) > begun + 400, "it does not draw on")
        box.inside("db", "touch /go")
        box.equal(terminal.exit(), 0)
        frames = terminal.seen[begun:].decode().split("\x1b[?2026h")
    last = Screen(24, 50).feed("\n" * 12 + frames[-1])
    box.true(all(len(line) <= 49 for line in last.text), f"{last.text}")
    box.true(any("web-1" in line and "Started" in line for line in last.text), f"{last.text}")


@scenario("S184", "C124", "C30", "C7")
def plain(box):
    """One line for each change, no codes: in pipes, on terminals that are dumb, and where it is asked for."""
    box.file("services: {app: {image: IMAGE, command: sleep 1000, stop_signal: KILL}}")
    name = box.name
    wanted = [f" Network {name}_default {word}" for word in ("Creating", "Created")]
    wanted += [f" Container {name}-app-1 {word}" for word in ("Creating", "Created", "Starting", "Started")]

    def lines(text):
        return [line.rstrip() for line in text.splitlines()]

    box.equal(lines(box.berth("up", "-d").err), wanted)
    for flags, environment in ((["--progress", "plain"], {}), (["--ansi", "never"], {}), ([], {"TERM": "dumb"}),
                               ([], {"COMPOSE_PROGRESS": "plain"}), ([], {"COMPOSE_ANSI": "never"})):
        box.berth("down")
        _, seen = shown(box, "up", "-d", flags=flags, **environment)
        box.equal(lines(seen.decode()), wanted, f"{flags} {environment}")
    box.berth("down")
    screen, seen = shown(box, "up", "-d", NO_COLOR="1")
    is_bare = not re.search(rb"\x1b\[[0-9;]+m", seen)
    box.true(is_bare and screen.text[0].startswith("[+] up"), "colours despite NO_COLOR")
    box.refused_verb("--progress", "tty", "--ansi", "never", "ps", saying="cannot be used with")
    box.refused_verb("--progress", "plain", "--ansi", "always", "ps", saying="cannot be used with")
    box.refused_verb("--progress", "loud", "ps", saying="is none of")


@scenario("S185", "C124", "C9")
def as_json(box):
    """An object on each line of stderr, errors and warnings too."""
    box.file("services: {app: {image: IMAGE, command: sleep 1000, stop_signal: KILL}}")
    objects = [json.loads(line) for line in box.berth("--progress", "json", "up", "-d").err.splitlines()]
    box.true(all(set(each) <= KEYS for each in objects), f"{objects}")
    box.true(all(each["status"] in ("Working", "Done", "Warning", "Error") for each in objects), f"{objects}")
    box.equal([(each["status"], each["text"]) for each in objects if each["id"] == f"Container {box.name}-app-1"],
              [("Working", "Creating"), ("Done", "Created"), ("Working", "Starting"), ("Done", "Started")])
    failed = [json.loads(line) for line in box.berth("--progress", "json", "logs", "nobody", code=1).err.splitlines()]
    box.equal([(each["error"], each["message"]) for each in failed], [(True, "no such service: nobody")])
    box.file("services: {app: {image: IMAGE, command: sleep 1000, logging: {driver: none}}}")
    box.berth("--progress", "json", "up", "-d", "-t", "0")
    warned = [json.loads(line) for line in box.berth("--progress", "json", "logs").err.splitlines()]
    box.equal([each["level"] for each in warned], ["warning"])


@scenario("S186", "C9")
def quiet(box):
    box.file("services: {app: {image: IMAGE, command: sleep 1000, stop_signal: KILL}}")
    for word in ("quiet", "none"):
        box.equal(box.berth("--progress", word, "up", "-d").text, "")
        box.equal(box.berth("--progress", word, "down").text, "")
    outcome = box.berth("--progress", "quiet", "up", "-d", "nobody", code=1)
    box.true("no such service" in outcome.err and "nobody" in outcome.err, outcome.err)
