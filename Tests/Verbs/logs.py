"""What containers said, read back: in order, cut by time and number, chosen by pattern and level, whole."""

import json
import os
import re
import signal
import subprocess
import time

from attached import begin, file, service, states
from world import scenario


def raw(box, *arguments):
    """stdout of `berth logs`, as bytes."""
    return subprocess.run([box.world.berth, "logs", *arguments], cwd=box.folder, env=box.environment, check=True,
                          stdout=subprocess.PIPE, timeout=60).stdout


def done(box, *names):
    box.until(lambda: all(states(box)[name][0] == "exited" for name in names), "they do not end")


@scenario("C73", "S180", "S176", "S174")
def order(box):
    """One order of time over all services and replicas, both streams on stdout."""
    turn = ("sh -c 'for i in 1 2 3; do while [ x$$(cat /turn/now) != xNAME$$i ]; do sleep 0.01; done; "
            "echo NAME$$i OUT; echo > /turn/now NEXT; done'")
    os.makedirs(box.path("turn"))
    volume = ", volumes: ['./turn:/turn']"
    a = turn.replace("NAME", "a").replace("OUT", "").replace("NEXT", "b$$i")
    b = turn.replace("NAME", "b").replace("OUT", ">&2").replace("NEXT", "a$$((i+1))")
    box.write("turn/now", "a1\n")
    file(box, a=service(a, volume), b=service(b, volume))
    box.berth("up", "-d")
    done(box, "a", "b")
    outcome = box.berth("logs")
    box.equal(outcome.out, "".join(f"{name}-1  | {name}{i}\n" for i in (1, 2, 3) for name in "ab"))
    box.equal(outcome.err, "")
    box.equal(box.berth("logs", "--no-log-prefix", "b").out, "b1\nb2\nb3\n")
    elsewhere = subprocess.run([box.world.berth, "-p", box.name, "logs", "--no-log-prefix", "--tail", "1"], cwd="/",
                               env=box.environment, check=True, capture_output=True, text=True)
    box.equal(elsewhere.stdout, "a3\nb3\n")
    stamped = box.berth("logs", "-t", "--no-log-prefix").out.splitlines()
    times = [line.split(" ")[0] for line in stamped]
    form = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"
    box.true(times == sorted(times) and all(re.fullmatch(form, each) for each in times), f"{stamped}")
    box.equal(box.berth("logs", "--since", times[2], "--until", times[3], "--no-log-prefix").out, "a2\nb2\n")
    box.equal(box.berth("logs", "--since", "1h", "--no-log-prefix", "a").out, "a1\na2\na3\n")
    box.equal(box.berth("logs", "--until", "1h").out, "")
    box.equal(box.berth("logs", "--since", f"{time.time() + 60:.0f}").out, "")
    box.refused_verb("logs", "--since", "yesterday", saying="invalid --since")
    box.refused_verb("logs", "--tail", "few", saying="invalid --tail")
    box.refused_verb("logs", "nobody", saying="no such service: nobody")
    box.refused_verb("logs", "--index", "1", saying="`--index` needs exactly one service")
    box.equal(box.berth("logs", "--tail", "-1", "--no-log-prefix", "a").out, "a1\na2\na3\n")


@scenario("C73")
def who(box):
    """One-offs and services that are not attached are left out unless they are named; `--index` is one replica."""
    file(box, app=service("sh -c 'echo app of $$HOSTNAME'", ", deploy: {replicas: 2}"),
         quiet=service("echo quiet", ", attach: false"))
    box.berth("up", "-d")
    box.berth("run", "--name", "once", "app", "echo", "one-off")
    done(box, "app", "quiet")
    out = box.berth("logs").out
    box.true("one-off" not in out and "quiet" not in out, out)
    box.equal(box.berth("logs", "quiet").out, "quiet-1  | quiet\n")
    both = box.berth("logs", "--no-log-prefix", "app").out.splitlines()
    second = box.berth("logs", "--index", "2", "app").out
    box.true(second.startswith("app-2  | app of ") and second.strip().split("| ")[1] in both and len(both) == 2, second)
    box.refused_verb("logs", "--index", "3", "app", saying="has no container with index 3")


@scenario("S180", "E131")
def follow(box):
    """Through restarts and with new replicas, until none runs."""
    file(box, web=service("sh -c 'trap \"exit 0\" TERM; echo begun; while :; do sleep 0.05; done'"))
    box.berth("up", "-d")
    box.until(lambda: "begun" in box.log("web"), "it does not begin")
    following = begin(box, "logs", "-f", "--tail", "0")
    box.until(lambda: watches(following.pid), "it does not follow")
    box.berth("restart", "web")
    box.berth("scale", "web=2")
    box.until(lambda: "begun" in box.berth("logs", "--index", "2", "web", code=None).out, "no second")
    box.berth("stop")
    out = following.communicate(timeout=30)[0]
    box.equal(following.returncode, 0)
    box.equal(sorted(out.splitlines()), ["web-1  | begun", "web-2  | begun"])
    following = begin(box, "logs", "-f")
    box.equal(len(following.communicate(timeout=30)[0].splitlines()), 3)


def watches(pid):
    folder = f"/proc/{pid}/fd"
    try:
        return any(os.readlink(f"{folder}/{name}") == "anon_inode:inotify" for name in os.listdir(folder))
    except FileNotFoundError:
        return False  # one was closed between the two looks


@scenario("E126")
def choice(box):
    """`--grep` and `--level`, over the forms that programs log in."""
    box.write("said", "\n".join([
        "2026-01-02 INFO begun", "2026-01-02 [warn] slow", '{"time":1,"level":"error","msg":"in json"}', "  its trace",
        'time=1 level=debug msg="a Needle"', "E0102 15:04:05.000000 1 file.go:1] glog failed", "  more of it",
        "<6>of syslog", "<2>grave", '{"level":30,"msg":"pino"}',
        '{"level":60,"msg":"pino dies"}', "\033[31mERROR\033[0m red",
        "a needle", "error: of a compiler", "NO_ERROR here", "2026-01-02 INFO the end with ERROR in it"]) + "\n")
    file(box, app=service("cat /said", ", volumes: ['./said:/said:ro']"))
    box.berth("up", "-d")
    done(box, "app")

    def shown(*arguments):
        lines = box.berth("logs", "--no-log-prefix", *arguments).out.splitlines()
        return [re.sub("\033\\[[0-9]*m", "", line) for line in lines]

    grave = ['{"time":1,"level":"error","msg":"in json"}', "  its trace",
             "E0102 15:04:05.000000 1 file.go:1] glog failed", "  more of it", "<2>grave", '{"level":60,"msg":"pino dies"}', "ERROR red", "a needle",
             "error: of a compiler", "NO_ERROR here"]
    box.equal(shown("--level", "error"), grave)
    box.equal(shown("--level", "WARN"), ["2026-01-02 [warn] slow"] + grave)
    box.equal(shown("--level", "critical"), ["<2>grave", '{"level":60,"msg":"pino dies"}'])
    box.equal(len(shown("--level", "trace")), 16)
    box.equal(shown("--grep", "needle"), ["a needle"])
    box.equal(shown("--grep", "needle", "--ignore-case"), ['time=1 level=debug msg="a Needle"', "a needle"])
    box.equal(shown("--grep", "^[a-z]+: ", "--grep", "gl.g"), ["E0102 15:04:05.000000 1 file.go:1] glog failed",
                                                                "error: of a compiler"])
    box.equal(shown("--grep", "its", "--level", "error"), ["  its trace"])
    box.equal(shown("--grep", "pino", "--tail", "1"), ['{"level":60,"msg":"pino dies"}'])
    box.equal(shown("--level", "error", "--tail", "2"), grave[-2:])
    box.equal(shown("--grep", "nothing of it"), [])
    box.refused_verb("logs", "--grep", "(", saying="`(` is no pattern")
    box.refused_verb("logs", "--level", "eror2", saying="unknown level `eror2`")
    out = box.berth("up", "--grep", "needle", "--no-log-prefix").out.splitlines()
    box.equal(out[1:], ["a needle", "app-1 exited with code 0"])


@scenario("E126", "E128", "E129", "E130")
def drivers(box):
    """What keeps the output, and what it may be told."""
    for driver in ("json-file", "local"):
        box.up(f"""
          services:
            app:
              image: IMAGE
              command: echo kept
              logging: {{driver: {driver}, options: {{max-size: 1m, max-file: "2"}}}}
        """)
        done(box, "app")
        box.equal(box.berth("logs").out, "app-1  | kept\n")
        box.berth("down")
    box.refused("services: {app: {image: IMAGE, logging: {driver: gelf}}}", "gelf")
    box.refused("services: {app: {image: IMAGE, logging: {driver: nope}}}",
                "logger: no log driver named 'nope' is registered")
    for driver, option in (("json-file", "size: 1m"), ("local", "labels: a"), ("syslog", "max-size: 1m")):
        name = option.split(":")[0]
        box.refused(f"services: {{app: {{image: IMAGE, logging: {{driver: {driver}, options: {{{option}}}}}}}}}",
                    f"unknown log opt '{name}' for {driver} log driver")
    box.refused("services: {app: {image: IMAGE, logging: {options: {max-size: big}}}}", "max-size")
    box.refused("services: {app: {image: IMAGE, logging: {options: {max-file: '0'}}}}", "max-file")
    box.refused("services: {app: {image: IMAGE, logging: {options: {mode: fast}}}}", "mode")
    box.refused("services: {app: {image: IMAGE, logging: {options: {env-regex: '('}}}}", "env-regex", "no regular expression")


@scenario("E128", "F-22")
def rotation(box):
    """The size is bounded, the newest lines stay, and who was overtaken is told."""
    box.write("say", "seq 1 60000; touch /turned; while [ ! -e /more ]; do sleep 0.05; done; seq 60001 120000;"
                     " touch /done; sleep 1000")
    box.file("""
      services:
        app:
          image: IMAGE
          command: sh /say
          volumes: ["./say:/say:ro"]
          logging: {options: {max-size: 64k, max-file: "3"}}
    """)
    box.berth("up", "-d")
    box.until(lambda: there(box, "/turned"), "it does not say it")
    following = begin(box, "logs", "-f", "--no-log-prefix", "--tail", "1")
    # It has found its place when it has said the last line.
    box.equal(following.stdout.readline(), "60000\n")
    box.until(lambda: watches(following.pid), "it does not follow")
    following.send_signal(signal.SIGSTOP)
    box.inside("app", "touch /more")
    box.until(lambda: there(box, "/done"), "a stopped reader holds it up")
    folder = os.path.join(box.environment["BERTH_STATE"], "containers", box.id("app"), "journal")
    sizes = [os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder) if name.endswith(".log")]
    box.true(len(sizes) <= 3 and sum(sizes) <= 3 * 65536, f"{sizes}")
    lines = box.log("app").split()
    box.equal(lines, [str(number) for number in range(120001 - len(lines), 120001)])
    following.send_signal(signal.SIGCONT)
    box.berth("stop", "-t", "0")
    out = following.communicate(timeout=30)[0].splitlines()
    box.equal(out[-1], "120000")
    box.equal(sum("lines of output are missing here" in line for line in out), 1, "gaps that are told")


def there(box, path):
    return box.berth("exec", "-T", "app", "test", "-e", path, code=None).code == 0


SAID = ", volumes: ['./say:/say:ro']"
WRITERS = {
    "partial": ("printf begin; sleep 0.2; printf end", b"beginend\n"),
    "many parts": ("for i in 1 2 3 4 5 6 7 8; do printf $i; sleep 0.02; done; echo", b"12345678\n"),
    "nul": (r"printf 'a\000b\n\000\n'", b"a\0b\n\0\n"),
    "carriage": (r"printf 'a\r\nb\rc\n'", b"a\r\nb\rc\n"),
    "empty lines": ("echo; echo; echo x", b"\n\nx\n"),
    "binary": (r"printf '\377\376\200\033[2J\n'", b"\xff\xfe\x80\x1b[2J\n"),
    "escape at the end": (r"printf 'x\033'", b"x\x1b\n"),
    "nothing": ("true", b""),
    "only a newline": ("echo", b"\n"),
    "long line": ("head -c 300000 /dev/zero | tr '\\0' y; echo; echo next", b"y" * 300000 + b"\nnext\n"),
    "over a mebibyte": ("head -c 1500000 /dev/zero | tr '\\0' z; echo; echo next", None),
    "stdout closed": ("echo before; exec >&-; sleep 0.2; echo after >&2", b"before\nafter\n"),
    "stderr closed": ("exec 2>&-; echo x; sleep 0.1; echo y", b"x\ny\n"),
    "both closed": ("echo x; exec >&- 2>&-; sleep 0.3; exit 5", b"x\n"),
    "streams in turn": ("for i in 1 2 3; do echo o$i; sleep 0.03; echo e$i >&2; sleep 0.03; done",
                        b"o1\ne1\no2\ne2\no3\ne3\n"),
    "cut by the other": ("printf one; sleep 0.05; echo err >&2; sleep 0.05; echo two", b"err\nonetwo\n"),
    "many short": ("seq 1 5000", b"".join(b"%d\n" % number for number in range(1, 5001))),
    "ends in a line": ("printf 'a\\nb'; exit 3", b"a\nb\n"),
    "grandchild": ("(sleep 1000 &) ; echo parent", b"parent\n"),
    "orphan that writes": ("(while :; do echo noise; sleep 0.05; done &) ; sleep 0.2; echo last", None),
}


@scenario("F-23", "E127", "S177")
def twenty_writers(box):
    """Each way of writing comes back as it was written, and no end waits for who keeps a pipe."""
    names = {name: name.replace(" ", "-") for name in WRITERS}
    compose = "services:\n"
    for name, (script, _) in WRITERS.items():
        box.write(f"say/{names[name]}", script + "\n")
        compose += f"  {names[name]}: {service(f'sh /say/{names[name]}', SAID)}\n"
    box.file(compose)
    box.berth("up", "-d")
    done(box, *names.values())
    for name, (_, wanted) in WRITERS.items():
        said = raw(box, "--no-log-prefix", names[name])
        if wanted is not None:
            box.equal(said, wanted, name)
    pieces = raw(box, "--no-log-prefix", names["over a mebibyte"]).split(b"\n")
    box.equal((b"".join(pieces[:-2]), pieces[-2:]), (b"z" * 1500000, [b"next", b""]), "a line over a mebibyte")
    box.true(b"last\n" in raw(box, "--no-log-prefix", names["orphan that writes"]), "the last word")
    found = states(box)
    box.equal((found["both-closed"][1], found["ends-in-a-line"][1]), (5, 3))
    out = box.berth("up", "--no-color", names["grandchild"]).out.splitlines()
    box.equal(out[1:], ["grandchild-1  | parent", "grandchild-1 exited with code 0"])


@scenario("F-23")
def kept_pipe(box):
    """In the host's process namespace a child that lives on keeps the pipe; the end comes all the same."""
    file(box, app=service("sh -c '(sleep 1000 &) ; echo parent'", ", pid: host"))
    begun = time.monotonic()
    box.equal(box.berth("up", "--no-log-prefix").out.splitlines()[1:], ["parent", "app-1 exited with code 0"])
    box.true(time.monotonic() - begun < 30, "the end waited for a child")


@scenario("F-22")
def memory(box):
    """A reader that stops costs neither it nor the shim memory, whatever the container says meanwhile."""
    box.write("say", "while [ ! -e /go ]; do sleep 0.05; done;"
                     " yes 'line of some length that is said many times over' | head -n 400000; touch /done; sleep 1000")
    file(box, app=service("sh /say", ", volumes: ['./say:/say:ro']"))
    box.berth("up", "-d")
    following = begin(box, "logs", "-f")
    box.until(lambda: watches(following.pid), "it does not follow")
    box.until(lambda: box.state("app")["status"] == "running", "it does not run")
    before = {pid: resident(pid) for pid in (following.pid, box.shim("app"))}
    box.inside("app", "touch /go")
    box.until(lambda: there(box, "/done"), "a reader that does not read holds it up")
    for pid, kilobytes in before.items():
        box.true(resident(pid) < kilobytes + 8192, f"{pid} grew from {kilobytes} to {resident(pid)} KiB")
    box.berth("stop", "-t", "0")
    box.equal(following.communicate(timeout=60)[0].count("\n"), 400000)


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(next(line.split()[1] for line in status if line.startswith("VmRSS")))


@scenario("S188")
def apart(box):
    """Data on stdout, the rest on stderr."""
    file(box, app=service("echo said"))
    outcome = box.berth("up", "-d")
    box.equal(outcome.out, "")
    box.true("Container apart-app-1 Started" in outcome.err, outcome.err)
    done(box, "app")
    box.equal(box.berth("logs").err, "")
    outcome = box.berth("logs", "nobody", code=1)
    box.equal((outcome.out, len(re.findall("no such service: nobody", outcome.err))), ("", 1))
    rows = box.berth("ps", "-a", "--format", "json").out
    box.equal([json.loads(line)["Service"] for line in rows.splitlines()], ["app"])
