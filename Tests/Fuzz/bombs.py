#!/usr/bin/env python3
"""Feeds `berth config` with the worst compose files that are known, and holds it to its bounds.

    Tests/Fuzz/bombs.py --berth PATH [--seconds 2] [--megabytes 256] [NAME…]

Each bomb is a folder of files. berth must end by itself with a status of 1 to 125 and a message that
names FILE:LINE:COL, or accept what is no fault, within the bounds of time and memory for the whole
process. Time is that of processors, which other programs on the machine lengthen least. Prints a
table; ends with status 1 when a bound or an expectation is missed.
"""

import argparse
import os
import re
import signal
import sys
import tempfile

MIB = 1 << 20
BOMBS = {}

# What is expected of a bomb: an error with a place, an error that has none, or that it is accepted.
PLACED, REFUSED, ACCEPTED = "placed", "refused", "accepted"


def bomb(expected=PLACED, arguments=("config", "-q")):
    """Takes a function that returns `{name: text}`, or a text for `compose.yaml` alone."""

    def add(function):
        BOMBS[function.__name__.replace("_", "-")] = (function, expected, arguments)
        return function

    return add


def service(body):
    return "services:\n  a:\n    image: b\n" + body


# Aliases and merge keys.


def laughs(width, depth):
    lines = ["x-0: &a0 [x]"]
    for level in range(1, depth + 1):
        items = ",".join([f"*a{level - 1}"] * width)
        lines.append(f"x-{level}: &a{level} [{items}]")
    return "\n".join(lines) + "\nservices: {a: {image: b}}\n"


@bomb()
def billion_laughs():
    return laughs(10, 12)


@bomb()
def wide_laughs():
    return laughs(500, 4)


@bomb()
def laughs_just_below_the_limit():
    return laughs(9, 6) + "x-again: [" + "*a5," * 9 + "]\n"


@bomb()
def alias_of_a_long_text():
    return "x-a: &a " + "x" * MIB + "\nx-b: [" + "*a," * 100_000 + "]\n"


@bomb()
def merge_keys_fanned_out():
    keys = ", ".join(f"k{n}: 1" for n in range(2_000))
    return f"x-a: &a {{{keys}}}\n" + "".join(f"x-{n}: {{<<: *a}}\n" for n in range(2_000))


@bomb()
def aliases_that_deepen_each_other():
    lines = ["x-0: &a0 " + "[" * 100 + "]" * 100]
    for level in range(1, 130):
        lines.append(f"x-{level}: &a{level} " + "[" * 100 + f"*a{level - 1}" + "]" * 100)
    return "\n".join(lines) + "\n"


# Depth.


@bomb()
def flow_lists_nested():
    return "x-a: " + "[" * 100_000


@bomb()
def flow_maps_nested():
    return "x-a: " + "{a: " * 100_000


@bomb()
def block_lists_nested():
    return "x-a:\n  " + "- " * 100_000


@bomb()
def block_maps_nested():
    return "".join(" " * n + "x-a:\n" for n in range(3_000))


@bomb()
def variables_nested():
    return service("    user: " + "${A:-" * 100_000 + "}" * 100_000 + "\n")


@bomb()
def variables_nested_in_15_mib():
    count = 15 * MIB // 6
    return service("    user: " + "${A:-" * count + "}" * count + "\n")


@bomb(ACCEPTED)
def variables_with_long_defaults():
    return service("    command:\n" + f"    - ${{A:-{'x' * 10_000}}}\n" * 1_000)


@bomb()
def variables_opened():
    return service("    user: " + "${A" * 300_000 + "\n")


# Numbers of things.


@bomb(ACCEPTED)
def services_10_000():
    return "services:\n" + "".join(f"  s{n}: {{image: b}}\n" for n in range(10_000))


@bomb()
def services_100_000():
    return "services:\n" + "".join(f"  s{n}: {{image: b}}\n" for n in range(100_000))


@bomb()
def services_that_extend_unknown_ones():
    return "services:\n" + "".join(f"  s{n}: {{extends: t{n}}}\n" for n in range(10_000))


@bomb()
def unknown_aliases():
    anchors = "".join(f"x-a{n}: &anchor{n} 1\n" for n in range(10_000))
    return anchors + "".join(f"x-b{n}: *anchar{n}\n" for n in range(10_000))


@bomb(ACCEPTED)
def unset_variables_in_one_text():
    return "x-a: |\n  " + "$A " * 80_000 + "\n" + service("")


@bomb(ACCEPTED, ("config", "--explain", "x-a"))
def variables_explained():
    return "x-a: \"" + "".join(f"${{V{n}:-}}" for n in range(60_000)) + "\"\n" + service("")


@bomb(ACCEPTED)
def variables_with_nested_defaults():
    value = "".join(f"${{V%d_{n}:-" for n in range(40)) + "}" * 40
    items = "".join("- '" + value.replace("%d", str(n)) + "'\n" for n in range(5_000))
    return "x-a:\n" + items + service("")


@bomb()
def services_without_image():
    return "services:\n" + "".join(f"  s{n}: {{}}\n" for n in range(10_000))


@bomb(ACCEPTED)
def services_in_a_row():
    lines = [f"  s{n}: {{image: b, depends_on: [s{n + 1}]}}\n" for n in range(5_000)]
    return "services:\n" + "".join(lines) + "  s5000: {image: b}\n"


@bomb()
def services_in_a_circle():
    lines = [f"  s{n}: {{image: b, depends_on: [s{(n + 1) % 5_000}]}}\n" for n in range(5_000)]
    return "services:\n" + "".join(lines)


@bomb()
def services_that_need_unknown_ones():
    lines = [f"  s{n}: {{image: b, depends_on: [t{n}]}}\n" for n in range(9_000)]
    return "services:\n" + "".join(lines)


@bomb()
def services_that_all_need_all():
    names = ", ".join(f"s{n}" for n in range(900))
    lines = [f"  s{n}: {{image: b, depends_on: *all}}\n" for n in range(900)]
    return f"x-all: &all [{names}]\nservices:\n" + "".join(lines)


@bomb()
def unknown_keys():
    return service("".join(f"    imagee{n}: c\n" for n in range(100_000)))


@bomb(ACCEPTED)
def list_of_100_000():
    return service("    command:\n" + "    - x\n" * 100_000)


@bomb(ACCEPTED)
def variables_100_000():
    return service("    environment:\n" + "".join(f"    - A{n}=1\n" for n in range(100_000)))


@bomb(ACCEPTED)
def documents_250():
    return "".join(f"---\nservices: {{s{n}: {{image: b}}}}\n" for n in range(250))


@bomb()
def documents_of_many_services():
    services = "".join(f"  s{n}: {{image: b}}\n" for n in range(50_000))
    return "services:\n" + services + "---\nservices: {s1: {tty: true}}\n" * 250


@bomb()
def documents_20_000():
    return "".join(f"---\nservices: {{s{n}: {{image: b}}}}\n" for n in range(20_000))


@bomb()
def port_ranges():
    return service("    ports:\n" + "".join(
        f"    - 127.0.0.{n}:1-65535:1-65535\n" for n in range(1, 200)))


@bomb()
def port_ranges_of_many_services():
    lines = [f"  s{n}: {{image: b, ports: [1-65535]}}\n" for n in range(200)]
    return "services:\n" + "".join(lines)


@bomb()
def ports_of_no_sense():
    return service("    ports:\n" + "".join(f"    - 0-99999:{n}\n" for n in range(50_000)))


@bomb()
def containers_without_number():
    return service("    scale: 9223372036854775807\n")


# Lengths.


@bomb(ACCEPTED)
def comment_of_15_mib():
    return service("# " + "x" * 15 * MIB + "\n")


@bomb()
def value_of_15_mib():
    return service("    privileged: " + "x" * 15 * MIB + "\n")


@bomb()
def lines_of_15_mib():
    return service("    privileged: |\n" + "      x\n" * (15 * MIB // 8))


@bomb()
def items_of_15_mib():
    return service("    command: [" + "x," * (15 * MIB // 2) + "]\n")


@bomb()
def keys_of_15_mib():
    return service("    labels:\n" + "".join(f"      k{n:07}: v\n" for n in range(15 * MIB // 18)))


@bomb(REFUSED)
def file_of_17_mib():
    return service("# " + "x" * 17 * MIB + "\n")


@bomb()
def key_of_1_mib():
    return service(f"    ? {'x' * MIB}\n    : y\n")


@bomb()
def name_of_1_mib():
    return f"services:\n  ? {'x' * MIB}\n  : {{imag: b, depends_on: [{'y' * MIB}]}}\n"


@bomb()
def texts_that_are_each_a_fault():
    long = "x" * 100_000
    return service(f"    volumes: &v [{long}]\n") + "".join(
        f"  s{n}: {{image: b, privileged: {long}}}\n" for n in range(100))


# Growth.


@bomb(REFUSED)
def variables_that_double():
    lines = ["A0=" + "x" * 1000] + [f"A{n}=$A{n - 1}$A{n - 1}" for n in range(1, 60)]
    return {"compose.yaml": service("    user: $A59\n"), ".env": "\n".join(lines) + "\n"}


@bomb(REFUSED)
def variables_that_spread():
    lines = ["A=" + "x" * 500_000] + [f"B{n}=$A" for n in range(5_000)]
    return {"compose.yaml": service("    user: x\n"), ".env": "\n".join(lines) + "\n"}


@bomb()
def values_that_spread():
    return {
        "compose.yaml": service("    command:\n" + "    - $A\n" * 10_000),
        ".env": "A=" + "x" * 500_000 + "\n",
    }


@bomb()
def quotes_in_an_env_file():
    lines = "".join(f'A{n}="x"\n' for n in range(300_000))
    return {"compose.yaml": service("    env_file: a.env\n"), "a.env": lines + "B='\n"}


@bomb()
def env_file_of_many_services():
    lines = "".join(f"A{n}=x\n" for n in range(10_000))
    services = "".join(f"  s{n}: {{image: b, env_file: a.env}}\n" for n in range(1_000))
    return {"compose.yaml": "services:\n" + services, "a.env": lines}


@bomb()
def services_that_extend_a_large_one():
    labels = "".join(f"      k{n}: v\n" for n in range(2_000))
    services = "".join(f"  s{n}: {{extends: a}}\n" for n in range(2_000))
    return service("    labels:\n" + labels) + services


# Circles and fans of files.


@bomb()
def include_of_itself():
    return "include: [compose.yaml]\nservices: {a: {image: b}}\n"


@bomb()
def includes_in_a_row():
    files = {f"f{n}.yaml": f"include: [f{n + 1}.yaml]\n" for n in range(200)}
    return files | {"compose.yaml": "include: [f0.yaml]\n", "f200.yaml": "services: {}\n"}


@bomb()
def includes_that_double():
    files = {f"f{n}.yaml": f"include: [f{n + 1}.yaml, f{n + 1}.yaml]\n" for n in range(40)}
    return files | {"compose.yaml": "include: [f0.yaml]\n", "f40.yaml": "services: {}\n"}


@bomb()
def includes_of_a_large_file():
    return {
        "compose.yaml": "include: [" + "b.yaml," * 500 + "]\n",
        "b.yaml": "x-a: " + "x" * 10 * MIB + "\n",
    }


@bomb()
def includes_with_env_files():
    lines = "".join(f"A{n}=x\n" for n in range(200_000))
    files = {f"d{n}.yaml": "services: {}\n" for n in range(900)}
    includes = "".join(f"- {{path: d{n}.yaml, env_file: b.env}}\n" for n in range(900))
    return files | {"compose.yaml": "include:\n" + includes, ".env": lines, "b.env": "B=1\n"}


@bomb()
def extends_in_a_row():
    lines = "".join(f"  s{n}: {{extends: s{n + 1}}}\n" for n in range(2_000))
    return "services:\n" + lines + "  s2000: {image: b}\n"


@bomb()
def extends_over_two_files():
    other = "services: {o: {extends: {file: compose.yaml, service: a}}}\n"
    return {
        "compose.yaml": "services: {a: {extends: {file: other.yaml, service: o}}}\n",
        "other.yaml": other,
    }


def write(folder, function):
    """In a process of its own: what it takes must not be counted as berth's."""
    child = os.fork()
    if child == 0:
        files = function()
        if isinstance(files, str):
            files = {"compose.yaml": files}
        for name, text in files.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status != 0:
        sys.exit("error: a bomb could not be written")


def run(berth, folder, arguments, limit):
    """The status, seconds, MiB and the beginning of the message."""
    message = os.path.join(folder, "message")
    child = os.fork()
    if child == 0:
        out = os.open(message, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.chdir(folder)
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": folder, "NO_COLOR": "1"}
        os.execve(berth, [berth, "-p", "bomb", *arguments], environment)
    # Later than the bound, so that the table shows by how much it is missed.
    previous = signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, 10 * limit)
    _, status, usage = os.wait4(child, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)
    seconds = usage.ru_utime + usage.ru_stime
    with open(message, encoding="utf-8", errors="replace") as file:
        text = file.read(MIB)
    code = os.waitstatus_to_exitcode(status)
    return code, seconds, usage.ru_maxrss / 1024, text


def complaints(expected, code, seconds, size, text, bounds):
    found = []
    if seconds > bounds.seconds:
        found.append(f"longer than {bounds.seconds:g} s")
    if size > bounds.megabytes:
        found.append(f"more than {bounds.megabytes:g} MiB")
    if code < 0 or code > 125:
        found.append(f"ended by {code}")
    elif expected == ACCEPTED:
        if code != 0:
            found.append("refused: " + text.splitlines()[0][:100])
    elif code == 0:
        found.append("accepted")
    elif expected == PLACED and not re.search(r"--> [^\n:]+:\d+:\d+$", text, re.M):
        found.append("no place in the message")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--berth", required=True)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--megabytes", type=float, default=256)
    parser.add_argument("names", nargs="*")
    bounds = parser.parse_args()
    berth = os.path.abspath(bounds.berth)
    for name in bounds.names:
        if name not in BOMBS:
            sys.exit(f"error: no bomb `{name}`")
    missed = 0
    print(f"{'bomb':34} {'status':>6} {'seconds':>8} {'MiB':>6}")
    for name, (function, expected, arguments) in BOMBS.items():
        if bounds.names and name not in bounds.names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            write(folder, function)
            code, seconds, size, text = run(berth, folder, arguments, bounds.seconds)
        found = complaints(expected, code, seconds, size, text, bounds)
        missed += bool(found)
        note = "; ".join(found)
        print(f"{name:34} {code:6} {seconds:8.2f} {size:6.0f}  {note}".rstrip(), flush=True)
    if missed:
        sys.exit(f"error: {missed} bombs are not held")


if __name__ == "__main__":
    main()
