"""`run`, `exec`, `cp` and `export`: whom they are about, what they hand on, and how they end."""

import json
import os
import tarfile

from world import Terminal, scenario

SHOP = """
      services:
        web:
          image: IMAGE
          command: sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done'
          environment: {GREETING: from the file, KEPT: "yes"}
          ports: ["PORT:80"]
          networks: {default: {aliases: [front]}}
          volumes: [/anonymous, data:/data]
          restart: always
          depends_on: [db]
          container_name: named
        db: {image: IMAGE, command: sleep 1000, init: true}
      volumes: {data: {}}
"""


def shop(box, port):
    return SHOP.replace("PORT", str(port)).replace("named", f"{box.name}-named")


def rows(box, *arguments):
    out = box.berth("ps", "-a", "--no-trunc", "--format", "json", *arguments).out
    return [json.loads(line) for line in out.splitlines()]


def capabilities(box, *words):
    """The effective ones of a process that is started by these words."""
    return int(box.berth(*words, "sh", "-c", "grep CapEff /proc/self/status").out.split()[1], 16)


def volumes(box):
    return set(box.berth("volumes", "-q").out.split())


@scenario("S160", "S161", "S165")
def a_container_of_its_own(box):
    box.file(shop(box, 8400))
    out = box.berth("run", "-d", "web", "sleep", "1000").out
    one = next(row for row in rows(box) if row["Service"] == "web")
    box.equal(out, one["ID"] + "\n")
    labels = one["Labels"].split(",")
    box.true("com.docker.compose.oneoff=True" in labels, labels)
    box.true(not any(label.startswith("com.docker.compose.container-number=") for label in labels), "it has a number")
    box.true(one["Name"].startswith(f"{box.name}-web-run-"), one["Name"])
    box.equal(one["Ports"], "")
    box.equal([row["State"] for row in rows(box, "db")], ["running"], "its dependency")
    box.berth("exec", "-T", "db", "sh", "-c", "! nslookup front >/dev/null 2>&1")
    # Of a policy nothing is left: it ends and stays as it is.
    box.berth("kill", "web")
    box.until(lambda: [row["State"] for row in rows(box, "web")] == ["exited"], "it is started again")


@scenario("S160", "C70")
def names_and_ports(box):
    box.file(shop(box, 8410))
    box.berth("up", "-d", "db")
    box.berth("run", "-d", "--use-aliases", "--service-ports", "--name", f"{box.name}-mine", "web", "sleep", "1000")
    row = rows(box, "web")[0]
    box.equal(row["Name"], f"{box.name}-mine")
    box.true("0.0.0.0:8410->80/tcp" in row["Ports"], row["Ports"])
    address = box.berth("exec", "-T", "db", "sh", "-c", "nslookup front").out
    box.true("Address" in address.split("front", 1)[-1], address)
    box.berth("run", "-d", "-p", "8411:81", "web", "sleep", "1000")
    box.true(any("8411->81/tcp" in row["Ports"] for row in rows(box, "web")), "the port that was asked for")
    box.refused_verb("run", "-P", "-p", "1:1", "web", saying="incompatible")
    box.refused_verb("run", "-t", "-T", "web", saying="incompatible")
    box.refused_verb("run", "-l", "novalue", "web", saying="novalue")


@scenario("S163", "C134")
def commands_and_codes(box):
    box.file("""
      services:
        web: {image: IMAGE, entrypoint: [echo, entry], command: [of, the, file]}
    """)
    run = ("run", "--rm", "-T")
    box.equal(box.berth(*run, "web").out, "entry of the file\n")
    box.equal(box.berth(*run, "web", "given", "--flag", "-x").out, "entry given --flag -x\n")
    box.equal(box.berth(*run, "--entrypoint", "echo other", "web").out, "other\n")
    box.equal(box.berth(*run, "--entrypoint", "echo", "web", "x").out, "x\n")
    box.berth(*run, "--entrypoint", "sh", "web", "-c", "exit 7", code=7)
    box.berth(*run, "--entrypoint", "sh", "web", "-c", "sh -c 'kill -9 $$'; exit $?", code=137)
    box.berth(*run, "--entrypoint", "nothing-of-this-name", "web", code=None)
    box.equal(rows(box), [], "what --rm leaves")
    box.berth("run", "-T", "web")
    box.equal([row["State"] for row in rows(box)], ["exited"], "what stays without --rm")
    box.refused_verb("run", "nobody", saying="no such service")


@scenario("S164", "C70")
def what_is_added(box):
    box.file(shop(box, 8420))
    box.write(".env", "FROM_DOTENV=dot\n")
    box.write("more.env", "GREETING=from a file\nQUOTED='a b'\nMADE=${FROM_DOTENV}-made\n")
    box.environment["MINE"] = "of the caller"
    out = box.berth(
        "run", "--rm", "-T", "--no-deps", "-e", "GREETING=typed", "-e", "MINE", "-e", "FROM_DOTENV", "-e", "NOT_SET",
        "-e", "EMPTY=", "--env-from-file", "more.env", "web", "env").out.splitlines()
    for part in ("GREETING=typed", "KEPT=yes", "MINE=of the caller", "FROM_DOTENV=dot", "EMPTY=", "QUOTED=a b",
                 "MADE=dot-made"):
        box.true(part in out, f"no {part} in {out}")
    box.true(not any(line.startswith("NOT_SET") for line in out), "one that is not set is passed on")
    box.refused_verb("run", "--env-from-file", "lacks.env", "web", saying="lacks.env")
    box.write("bad.env", "A=1\nB='open\n")
    box.true("bad.env:2" in box.berth("run", "--env-from-file", "bad.env", "web", code=1).err, "its place is not told")
    box.write("here/file", "of the host")
    out = box.berth(
        "run", "--rm", "-T", "--no-deps", "-u", "1000", "-w", "/data", "-v", "./here:/data:ro", "web",
        "sh", "-c", "id -u; pwd; cat /data/file").out
    box.equal(out, "1000\n/data\nof the host")
    box.berth("run", "-d", "--no-deps", "-l", "com.example.a=b", "--labels", "com.example.c=d", "web", "sleep", "1000")
    labels = rows(box, "web")[0]["Labels"].split(",")
    box.true("com.example.a=b" in labels and "com.example.c=d" in labels, labels)
    run = ("run", "--rm", "-T", "--no-deps")
    with_all = capabilities(box, *run, "--cap-add", "ALL", "web")
    without = capabilities(box, *run, "--cap-drop", "ALL", "web")
    box.true(bin(with_all).count("1") > 20 and without == 0, f"capabilities: {with_all:x}, {without:x}")


@scenario("S165")
def removal_takes_anonymous_volumes(box):
    box.file(shop(box, 8430))
    box.berth("up", "-d", "db")
    before = volumes(box)
    box.berth("run", "--rm", "-T", "web", "true")
    box.equal(volumes(box) - before, {f"{box.name}_data"}, "volumes that stay")
    box.berth("run", "-T", "web", "true")
    box.equal(len(volumes(box) - before), 2, "volumes of one that stays")


@scenario("S162")
def input_of_a_pipe(box):
    box.file("services: {web: {image: IMAGE}}")
    box.equal(box.berth("run", "--rm", "-T", "web", "cat", input="a\nb\n").out, "a\nb\n")
    box.equal(box.berth("run", "--rm", "web", "sh", "-c", "cat; test -t 1 && echo tty; true", input="x").out, "x")
    box.equal(box.berth("run", "--rm", "-T", "--interactive=false", "web", "cat", input="not read").out, "")


@scenario("S162", "S165")
def at_a_terminal(box):
    box.file("services: {web: {image: IMAGE}}")
    script = "test -t 0 && test -t 1 && echo is-one; read line; echo got $line"
    with box.terminal("run", "--rm", "web", "sh", "-c", script) as us:
        us.wait_for("is-one")
        us.type("words\n")
        us.wait_for("got words")
        box.equal(us.exit(), 0)
    with box.terminal("run", "--rm", "-T", "web", "sh", "-c", "test -t 1 || echo is-none") as us:
        us.wait_for("is-none")
        box.equal(us.exit(), 0)
    with box.terminal("run", "--rm", "--tty=false", "web", "sh", "-c", "test -t 1 || echo is-none") as us:
        us.wait_for("is-none")
        box.equal(us.exit(), 0)
    script = "trap 'echo heard; exit 9' INT; echo ready; while :; do sleep 0.1; done"
    with box.terminal("run", "--rm", "web", "sh", "-c", script) as us:
        us.wait_for("ready")
        us.type("\x03")
        us.wait_for("heard")
        box.equal(us.exit(), 9)


@scenario("C70", "S161")
def images_and_orphans(box):
    box.up("""
      services:
        web: {image: IMAGE, command: sleep 1000}
        gone: {image: IMAGE, command: sleep 1000, init: true}
    """)
    box.file("""
      services:
        web: {image: IMAGE, command: sleep 1000, depends_on: [db]}
        db: {image: IMAGE, command: sleep 1000}
    """)
    box.berth("run", "--rm", "-T", "--pull", "never", "--quiet-pull", "--build", "web", "true")
    box.equal(sorted(row["Service"] for row in rows(box)), ["db", "gone", "web"])
    out = box.berth("run", "--rm", "-T", "-q", "--remove-orphans", "web", "true")
    box.equal(out.text, "")
    box.equal(sorted(row["Service"] for row in rows(box)), ["db", "web"])
    box.refused_verb("run", "--pull", "sometimes", "web", saying="sometimes")
    box.file("services: {other: {image: 'nothing.example/of-this-name:1'}}")
    box.berth("run", "--pull", "never", "-T", "other", "true", code=1)


@scenario("S166", "C71", "C135")
def exec_into(box):
    box.up("""
      services:
        web: {image: IMAGE, command: sleep 1000, init: true, scale: 2, environment: {KEPT: "yes"}}
        down: {image: IMAGE, command: "true"}
    """)
    run = ("exec", "-T")
    first, second = (box.berth(*run, "--index", index, "web", "hostname").out for index in ("1", "2"))
    box.true(box.berth(*run, "web", "hostname").out == first != second, "the index")
    box.refused_verb(*run, "--index", "3", "web", "true", saying="#3")
    box.environment["MINE"] = "of the caller"
    out = box.berth(*run, "-e", "A=b", "-e", "MINE", "-e", "NOT_SET", "web", "env").out.splitlines()
    box.true("A=b" in out and "MINE=of the caller" in out and "KEPT=yes" in out, out)
    box.true(not any(line.startswith("NOT_SET") for line in out), "one that is not set is passed on")
    out = box.berth(*run, "-u", "1000:1001", "-w", "/tmp", "web", "sh", "-c", "id -u; id -g; pwd").out
    box.equal(out, "1000\n1001\n/tmp\n")
    box.berth(*run, "web", "sh", "-c", "exit 9", code=9)
    box.berth(*run, "web", "nothing-of-this-name", code=127)
    box.berth(*run, "web", "/etc/passwd", code=126)
    box.true(capabilities(box, *run, "--privileged", "web") > capabilities(box, *run, "web"), "privileges")
    box.equal(box.berth(*run, "web", "cat", input="x").out, "x")
    box.equal(box.berth(*run, "--interactive=false", "web", "cat", input="not read").out, "")
    box.equal(box.berth("exec", "-d", "web", "sh", "-c", "echo done > /tmp/detached").out, "")
    box.until(lambda: box.inside("web", "cat /tmp/detached || true") == "done", "it is not run in the background")
    box.until(lambda: rows(box, "down")[0]["State"] == "exited", "it does not end")
    box.refused_verb(*run, "down", "true", saying='service "down" is not running')
    box.refused_verb(*run, "nobody", "true", saying="no such service: nobody")
    box.refused_verb("exec", "-t", "-T", "web", "true", saying="incompatible")


@scenario("S166")
def one_offs_come_last(box):
    box.file("services: {web: {image: IMAGE, command: sleep 1000, init: true}}")
    box.berth("run", "-d", "web", "sleep", "1000")
    inside = box.berth("exec", "-T", "web", "hostname").out.strip()
    box.true(rows(box)[0]["ID"].startswith(inside), "one that `run` has made is none to execute in")
    box.refused_verb("exec", "-T", "--index", "1", "web", "true", saying="#1")
    box.berth("up", "-d")
    box.true(not rows(box, "web")[1]["Name"] == "" and box.berth("exec", "-T", "web", "hostname").out.strip() != inside,
             "one that `run` has made comes first")


@scenario("S166")
def exec_at_a_terminal(box):
    box.up("services: {web: {image: IMAGE, command: sleep 1000, init: true}}")
    script = "test -t 0 && test -t 1 && echo is-one; echo $TERM; read line; exit 4"
    with box.terminal("exec", "web", "sh", "-c", script) as us:
        us.wait_for("is-one")
        us.wait_for("xterm")
        us.type("\n")
        box.equal(us.exit(), 4)
    with box.terminal("exec", "-T", "web", "sh", "-c", "test -t 1 || echo is-none") as us:
        us.wait_for("is-none")
        box.equal(us.exit(), 0)
    shell = ["sh", "-c", f"echo x | {box.world.berth} exec web cat"]
    with Terminal(shell, box.folder, box.environment, 30) as us:
        us.wait_for("cannot attach stdin to a TTY-enabled container because stdin is not a terminal")
        box.equal(us.exit(), 1)
    shell = ["sh", "-c", f"echo piped | {box.world.berth} exec -T web cat"]
    with Terminal(shell, box.folder, box.environment, 30) as us:
        us.wait_for("piped")
        box.equal(us.exit(), 0)


@scenario("S167", "C69")
def scaled(box):
    box.up("services: {web: {image: IMAGE, command: sleep 1000}, db: {image: IMAGE, command: sleep 1000}}")
    before = box.id("db"), box.id("web")
    box.berth("scale", "web=3")
    box.equal(len([row for row in rows(box) if row["Service"] == "web"]), 3)
    box.equal((box.id("db"), before[1] in box.id("web").split()), (before[0], True), "what was made anew")
    box.berth("scale", "web=1")
    box.equal(box.id("web"), before[1])
    box.refused_verb("scale", "web", saying="web")
    box.refused_verb("scale", "web=x", saying="web=x")


@scenario("C82")
def copied(box):
    box.up("services: {web: {image: IMAGE, command: sleep 1000, scale: 2}}")
    box.write("file", "one")
    box.berth("cp", "file", "web:/tmp/")
    box.equal([box.inside("web", "cat /tmp/file", "--index", str(index)) for index in (1, 2)], ["one", "one"])
    box.write("file", "two")
    box.berth("cp", "--index", "2", "file", "web:/tmp/file")
    box.equal([box.inside("web", "cat /tmp/file", "--index", str(index)) for index in (1, 2)], ["one", "two"])
    box.berth("cp", "web:/tmp/file", "back")
    with open(box.path("back")) as file:
        box.equal(file.read(), "one")
    box.refused_verb("cp", "web:/a", "web:/b", saying="between services")
    box.refused_verb("cp", "a", "b", saying="names a service")
    box.refused_verb("cp", "web:/nothing-there", ".", saying="nothing-there")


@scenario("C90")
def exported(box):
    box.up("services: {web: {image: IMAGE, command: sleep 1000, volumes: [data:/data]}}\nvolumes: {data: {}}")
    box.inside("web", "echo in > /data/file; echo out > /own")
    box.berth("export", "-o", "root.tar", "web")
    box.equal(os.stat(box.path("root.tar")).st_mode & 0o777, 0o600)
    with tarfile.open(box.path("root.tar")) as archive:
        names = archive.getnames()
    box.true("own" in names and "data" in names and "data/file" not in names, "what is in it")
    with box.terminal("export", "web") as us:
        us.wait_for("an archive is not written to a terminal")
        box.equal(us.exit(), 1)


@scenario("C18")
def tried_without_doing(box):
    box.up("services: {web: {image: IMAGE, command: sleep 1000, init: true}}")
    before = rows(box)[0]["ID"]
    for verb in (["run", "web", "touch", "/x"], ["exec", "web", "touch", "/x"], ["cp", "compose.yaml", "web:/x"],
                 ["rmi", "busybox:test"], ["kill"], ["pull"], ["push"], ["commit", "web", "tried:here"], ["rm", "-fs"]):
        outcome = box.berth("--dry-run", *verb, code=None)
        box.true(outcome.code in (0, 1), f"{verb}: {outcome.text}")
    box.equal([row["ID"] for row in rows(box)], [before])
    box.berth("exec", "-T", "web", "sh", "-c", "test ! -e /x")
    box.true("tried" not in box.berth("images", "--all").out, "an image was made")


@scenario("C70", "C71")
def words_with_dashes(box):
    """Values that begin with a dash, and commands with words that would be flags elsewhere."""
    box.up("services: {web: {image: IMAGE, command: sleep 1000}}")
    for words in (["---"], ["-=x"], ["-----BEGIN", "x"], ["--generate-completion-script", "bash"], ["-n1", "--a=b"]):
        box.equal(box.berth("exec", "-T", "web", "echo", "", *words).out, " ".join(["", *words]) + "\n")
    box.equal(box.berth("run", "--rm", "-T", "-e", "-X=1", "web", "echo", "", "---").out, " ---\n")
    box.equal(box.berth("run", "--rm", "-T", "-i=false", "web", "cat", input="not read").out, "")
    box.equal(box.berth("logs", "--grep", "--- FAIL").out, "")
    box.berth("--parallel", "-1", "ps")
    for flag in ("--bogus", "--verison", "--dryrun"):
        box.refused_verb(flag, saying="unknown option")
    box.refused_verb("up", "--generate-completion-script", "bash", saying="unknown option")
    box.refused_verb("logs", "--since=-8000000000s", saying="invalid --since")
    box.refused_verb("logs", "--since=-1e300s", saying="invalid --since")


@scenario("S161", "C132")
def optional_dependency(box):
    """Of a profile that is off, or that never gets well: the container starts all the same."""
    box.file("""
      services:
        web:
          image: IMAGE
          depends_on: {off: {condition: service_started, required: false}}
        other:
          image: IMAGE
          depends_on: {sick: {condition: service_healthy, required: false}}
        sick:
          image: IMAGE
          command: sleep 1000
          healthcheck: {test: [CMD, "false"], interval: 100ms, retries: 1}
        off: {image: IMAGE, profiles: [more]}
    """)
    box.equal(box.berth("run", "--rm", "-T", "web", "echo", "here").out, "here\n")
    outcome = box.berth("run", "--rm", "-T", "other", "echo", "here")
    box.equal(outcome.out, "here\n")
    box.true("without its optional dependency" in outcome.err, outcome.err)


@scenario("C62", "C70", "E120")
def stop_leaves_one_offs(box):
    box.file("services: {web: {image: IMAGE, command: sleep 1000, volumes: [/own]}}")
    box.berth("up", "-d")
    before = volumes(box)
    name = f"{box.name}-aside"
    box.berth("run", "-d", "--rm", "--name", name, "web")
    box.berth("stop", "-t", "0")
    states = {row["Name"]: row["State"] for row in rows(box)}
    box.equal(states, {f"{box.name}-web-1": "exited", name: "running"})
    box.berth("kill")
    box.until(lambda: len(rows(box)) == 1, "the one-off does not go")
    box.until(lambda: volumes(box) == before, f"volumes that stay: {volumes(box) - before}")


@scenario("C71", "S166")
def exec_beside_a_paused_replica(box):
    box.up("services: {web: {image: IMAGE, command: sleep 1000}}")
    box.berth("run", "-d", "--name", f"{box.name}-aside", "web", "sleep", "1000")
    box.berth("pause", "web")
    box.refused_verb("exec", "-T", "web", "true", saying="is paused")
    box.berth("unpause", "web")
    box.berth("exec", "-T", "web", "true")


@scenario("S181", "C102")
def state_of_one_that_ends_at_once(box):
    """Once `up` has said Started it is running or has exited."""
    box.file("services: {once: {image: IMAGE, command: echo hi}}")
    for _ in range(20):
        box.berth("up", "-d")
        state = box.berth("ps", "-a", "--format", "{{.State}}").out.strip()
        box.true(state in ("running", "exited"), f"it is {state}")
