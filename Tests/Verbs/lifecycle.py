"""Verbs on containers and projects that exist."""

import json
import os
import subprocess
import tarfile

from world import scenario

# Says what it gets, and ends with 7 for TERM.
HEARS = "sh -c 'trap \"echo hup\" HUP; trap \"exit 7\" TERM; echo ready; while :; do sleep 0.1; done'"
TWO = f"""
      services:
        db: {{image: IMAGE, command: "{HEARS.replace('"', chr(92) + '"')}", stop_grace_period: 5s}}
        web:
          image: IMAGE
          command: sleep 1000
          depends_on: {{db: {{condition: service_started, restart: true}}}}
          volumes: [data:/data, /anonymous]
        free: {{image: IMAGE, command: sleep 1000}}
      volumes: {{data: }}
"""


def row(box, service):
    rows = [json.loads(line) for line in box.berth("ps", "-a", "--format", "json").out.splitlines()]
    return next(row for row in rows if row["Service"] == service)


def started(box, service):
    return box.state(service)["startedAt"]


@scenario("C64")
def kill(box):
    box.up(TWO)
    box.until(lambda: "ready" in box.log("db"), "it does not begin")
    box.berth("kill", "-s", "SIGHUP", "db")
    box.until(lambda: "hup" in box.log("db"), "it does not hear the signal")
    box.berth("kill", "--signal", "15", "db")
    box.until(lambda: row(box, "db")["State"] == "exited", "it does not end")
    box.equal(row(box, "db")["ExitCode"], 7)
    box.berth("kill")
    box.until(lambda: all(row(box, name)["ExitCode"] == 137 for name in ("web", "free")), "they do not end")
    outcome = box.berth("kill")
    box.true("No container to kill" in outcome.text, outcome.text)
    box.refused_verb("kill", "nobody", saying="nobody")
    box.refused_verb("kill", "-s", "NONE", "db", saying="unknown signal `NONE`")


@scenario("C63")
def restart(box):
    box.up(TWO)
    before = {name: (box.id(name), started(box, name)) for name in ("db", "web", "free")}
    box.berth("restart", "-t", "5", "db")
    after = {name: (box.id(name), started(box, name)) for name in ("db", "web", "free")}
    box.equal([name for name in before if before[name] != after[name]], ["db", "web"], "who was restarted")
    box.true(all(before[name][0] == after[name][0] for name in before), "containers were made anew")
    box.berth("restart", "--no-deps", "-t", "5", "db")
    box.equal(started(box, "web"), after["web"][1], "the dependent's start")
    box.berth("stop", "-t", "0", "free")
    box.berth("restart", "free")
    box.equal(row(box, "free")["State"], "running")


@scenario("C67")
def remove(box):
    box.up(TWO)
    box.true("No stopped containers" in box.berth("rm", "-f").text, "nothing was stopped")
    box.berth("stop", "-t", "0", "web", "free")
    box.refused_verb("rm", "free", saying="use -f")
    box.berth("rm", "free", input="n\n", code=None)
    name = row(box, "free")["Name"]
    box.true(f"Going to remove {name}" in box.berth("rm", "-f", "free").out, "it is not said")
    names = [json.loads(line)["Service"] for line in box.berth("ps", "-a", "--format", "json").out.splitlines()]
    box.equal(sorted(names), ["db", "web"])
    volumes = set(box.berth("volumes", "-q").out.split())
    box.berth("rm", "-fsv")
    box.equal(box.berth("ps", "-aq").out, "")
    box.true(f"{box.name}_data" in volumes and f"{box.name}_data" in box.berth("volumes", "-q").out, "a named volume went")


@scenario("C68", "C69")
def create_and_scale(box):
    box.file(TWO)
    box.berth("create", "--scale", "free=2")
    states = [json.loads(line)["State"] for line in box.berth("ps", "-a", "--format", "json").out.splitlines()]
    box.equal(states, ["created"] * 4)
    box.berth("scale", "free=3")
    running = [json.loads(line)["Service"] for line in box.berth("ps", "--format", "json").out.splitlines()]
    box.equal(running, ["free"] * 3)
    box.berth("scale", "free=1", "web=1")
    running = sorted(json.loads(line)["Service"] for line in box.berth("ps", "--format", "json").out.splitlines())
    box.equal(running, ["db", "free", "web"])
    box.refused_verb("scale", "free", saying="SERVICE=NUM")


@scenario("C80", "C81")
def listings(box):
    box.up(TWO)
    box.berth("stop", "-t", "0", "free")
    listed = json.loads(box.berth("ls", "--format", "json").out)
    mine = next(project for project in listed if project["Name"] == box.name)
    box.equal(mine, {"Name": box.name, "Status": "exited(1), running(2)", "ConfigFiles": box.path("compose.yaml")})
    box.equal(box.berth("ls", "-q", "--filter", f"name=^{box.name}$").out.split(), [box.name])
    table = box.berth("ls").out
    box.true(table.startswith("NAME ") and "CONFIG FILES" in table, table)
    box.berth("stop", "-t", "0")
    box.true(box.name not in box.berth("ls", "-q").out.split(), "listed though nothing runs")
    box.true(box.name in box.berth("ls", "-aq").out.split(), "not listed with -a")
    volumes = [json.loads(line) for line in box.berth("volumes", "--format", "json", "web").out.splitlines()]
    box.true({"Name": f"{box.name}_data", "Driver": "local"}.items() <= next(
        volume for volume in volumes if volume["Name"].endswith("_data")).items(), f"{volumes}")
    box.equal(box.berth("volumes", "-q", "free").out, "")


@scenario("C77")
def port(box):
    box.up("""
      services:
        web: {image: IMAGE, command: sleep 1000, ports: ["18571:80", "127.0.0.1:18572:53/udp"]}
    """)
    box.equal(box.berth("port", "web", "80").out, "0.0.0.0:18571\n")
    box.equal(box.berth("port", "--protocol", "udp", "web", "53").out, "127.0.0.1:18572\n")
    box.refused_verb("port", "web", "81", saying="no port 81/tcp for container")
    box.berth("stop", "-t", "0")
    box.refused_verb("port", "web", "80", saying="is not running")


@scenario("C83")
def wait(box):
    ends = "sh -c 'while [ ! -e /go ]; do sleep 0.05; done; exit CODE'"
    box.up("services:\n" + "".join(
        f"  {name}: {{image: IMAGE, command: {json.dumps(ends.replace('CODE', code))}}}\n"
        for name, code in (("first", "3"), ("last", "4"))))
    ids = {name: box.id(name) for name in ("first", "last")}
    waiting = begin_waiting(box, "first", "last")
    box.berth("exec", "-T", "first", "touch", "/go")
    box.until(lambda: row(box, "first")["State"] == "exited", "it does not end")
    box.berth("exec", "-T", "last", "touch", "/go")
    out = waiting.communicate(timeout=30)[0].splitlines()
    box.equal(waiting.returncode, 4)
    box.equal(out, [f'container "{ids[name]}" exited with status code {code}' for name, code in (("first", 3), ("last", 4))])
    box.refused_verb("wait", "first", saying="no containers for project")
    box.berth("up", "-d", "--force-recreate", "-t", "0")
    waiting = begin_waiting(box, "--down-project", "first")
    box.berth("exec", "-T", "first", "touch", "/go")
    waiting.communicate(timeout=30)
    box.equal(waiting.returncode, 3)
    box.equal(box.berth("ps", "-aq").out, "")


def begin_waiting(box, *arguments):
    """`berth wait`, which has asked each of its services' containers."""
    waiting = subprocess.Popen([box.world.berth, "wait", *arguments], cwd=box.folder, env=box.environment, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    wanted = sum(not word.startswith("-") for word in arguments)

    def asked():
        folder = f"/proc/{waiting.pid}/fd"
        return sum(os.readlink(f"{folder}/{name}").startswith("socket:") for name in os.listdir(folder)) >= wanted

    box.until(asked, "it does not wait")
    return waiting


@scenario("C90")
def export(box):
    box.up("""
      services:
        app:
          image: IMAGE
          command: sh -c 'echo mine > /etc/own; chmod 4750 /etc/own; ln /etc/own /etc/twin; ln -s own /etc/soft; sleep 1000'
          volumes: [data:/data, ./here:/here]
          tmpfs: /tmp
      volumes: {data: }
    """)
    box.until(lambda: "soft" in box.inside("app", "ls /etc"), "it does not begin")
    box.inside("app", "echo secret > /data/kept; echo gone > /tmp/gone; echo side > /here/side")
    box.berth("export", "-o", "whole.tar", "app")
    path = box.path("whole.tar")
    box.equal(os.stat(path).st_mode & 0o777, 0o600, "the mode of the file")
    running = members(path)
    box.equal(running["etc/own"][:2], ("0", 0o4750))
    box.true({running["etc/own"][0], running["etc/twin"][0]} == {"0", "1"}, f"two names: {running['etc/twin']}")
    box.equal(running["etc/soft"][0], "2")
    for folder in ("data", "tmp", "here", "proc", "sys", "dev"):
        box.equal(running[folder][0], "5", folder)
        box.equal([name for name in running if name.startswith(folder + "/")], [], f"below {folder}")
    box.equal(running["etc/hosts"][2], 0, "the size of /etc/hosts, which is mounted")
    box.berth("stop", "-t", "0")
    box.berth("export", "--index", "1", "--output", "stopped.tar", "app")
    box.equal(sorted(members(box.path("stopped.tar"))), sorted(running), "the same when it does not run")
    box.refused_verb("export", "nobody", saying="nobody")
    box.refused_verb("export", "-o", "no/such/folder/x.tar", "app", saying="no/such/folder")


def members(path):
    with tarfile.open(path) as archive:
        return {each.name: (each.type.decode(), each.mode, each.size) for each in archive}


@scenario("C75")
def top(box):
    box.up("""
      services:
        app: {image: IMAGE, command: sh -c 'sleep 5000 & sleep 5001', deploy: {replicas: 2}}
        done: {image: IMAGE, command: "true"}
    """)
    lines = box.berth("top").out.splitlines()
    box.equal(lines[0].split(), ["SERVICE", "#", "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"])
    rows = [line.split(None, 9) for line in lines[1:]]
    for number in ("1", "2"):
        commands = [row[9] for row in rows if row[:2] == ["app", number]]
        box.true({"sleep 5000", "sleep 5001"} <= set(commands), f"replica {number}: {commands}")
    box.true(all(row[2] == "root" and row[6].count(":") == 1 and row[7] == "?" for row in rows), f"{rows}")
    pid = next(row[3] for row in rows if row[9] == "sleep 5000")
    with open(f"/proc/{pid}/cmdline") as file:
        box.equal(file.read().split("\0")[:2], ["sleep", "5000"], "the process of that number on the host")
    box.equal(box.berth("top", "done").out, "")
    box.refused_verb("top", "nobody", saying="nobody")


@scenario("C76")
def stats(box):
    box.up("""
      services:
        busy: {image: IMAGE, command: sh -c 'while :; do :; done', mem_limit: 64m, cpus: 0.5}
        idle: {image: IMAGE, command: sleep 1000}
        done: {image: IMAGE, command: "true"}
    """)
    rows = [json.loads(line) for line in box.berth("stats", "--no-stream", "--format", "json").out.splitlines()]
    used = {row["Name"].split("-")[-2]: row for row in rows}
    box.equal(sorted(used), ["busy", "idle"])
    share = {name: float(row["CPUPerc"].rstrip("%")) for name, row in used.items()}
    box.true(5 < share["busy"] < 75 and share["idle"] < 5, f"{share}")
    box.true(used["busy"]["MemUsage"].endswith(" / 64MiB"), used["busy"]["MemUsage"])
    box.equal(used["idle"]["PIDs"], "1")
    box.true(used["idle"]["NetIO"] and used["idle"]["BlockIO"], "no traffic")
    table = box.berth("stats", "--no-stream", "-a", "done").out.splitlines()
    box.true(table[0].startswith("CONTAINER ID ") and table[1].split()[2:] == ["--"] * 6, f"{table}")


@scenario("S87")
def named_service_of_a_profile(box):
    """Naming a service turns its profiles on, for `run` as for `up`."""
    box.file("services: {app: {image: IMAGE, command: 'true'}, tool: {image: IMAGE, profiles: [tools], command: sleep 1000}}")
    box.equal(box.berth("run", "--rm", "tool", "echo", "here").out.strip(), "here")
    box.berth("up", "-d", "tool")
    box.equal(row(box, "tool")["State"], "running")
    box.refused_verb("run", "--rm", "tol", "true", saying="tol")
