"""What listings print: tables, JSON, ids, names and templates."""

import itertools
import json
import os
import re

from world import scenario

SHOP = """
      services:
        web:
          image: IMAGE
          command: sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done' with more words
          ports: ["PORT0:80", "127.0.0.1:PORT1-PORT3:9000-9002"]
          expose: [9000, "7000-7001", "53/udp"]
          labels: {com.example.tier: front}
          volumes: [data:/data, /anonymous]
        once: {image: IMAGE, command: sh -c 'exit 3'}
      volumes: {data: {labels: {com.example.kind: kept}}}
"""


# The first port of each project, for they stand beside one another.
PORTS = itertools.count(8000, 10)


def rows(box, *arguments):
    return [json.loads(line) for line in box.berth(*arguments, "--format", "json").out.splitlines()]


def up(box):
    box.port = next(PORTS)
    shop = SHOP
    for step in range(4):
        shop = shop.replace(f"PORT{step}", str(box.port + step))
    box.up(shop)
    box.until(lambda: [row["State"] for row in rows(box, "ps", "-a", "once")] == ["exited"], "`once` does not end")


@scenario("C102", "S182")
def ps_json(box):
    up(box)
    seen = rows(box, "ps", "-a")
    box.equal([row["Service"] for row in seen], ["once", "web"], "the order")
    wanted = ["Command", "CreatedAt", "Engine", "ExitCode", "Health", "ID", "Image", "Labels", "LocalVolumes",
              "Mounts", "Name", "Names", "Networks", "OOMKilled", "Ports", "Project", "Publishers", "RunningFor",
              "Service", "Size", "State", "Status"]
    for row in seen:
        box.equal(list(row), wanted)
    once, web = seen
    box.equal((once["ExitCode"], once["State"], once["Publishers"], once["Ports"]), (3, "exited", [], ""))
    box.true(re.fullmatch(r"Exited \(3\) .* ago", once["Status"]), once["Status"])
    box.equal(len(web["Command"].strip('"')), 20, "characters of a command")
    box.equal((web["LocalVolumes"], len(web["ID"]), web["Name"]), ("2", 12, f"{box.name}-web-1"))
    box.true("com.example.tier=front" in web["Labels"].split(","), web["Labels"])
    box.true({"URL": "0.0.0.0", "TargetPort": 80, "PublishedPort": box.port, "Protocol": "tcp"} in web["Publishers"],
             web["Publishers"])
    exposed = {"URL": "", "TargetPort": 7000, "PublishedPort": 0, "Protocol": "tcp"}
    box.true(exposed in web["Publishers"], web["Publishers"])
    full = rows(box, "ps", "--no-trunc", "web")[0]
    box.equal(len(full["ID"]), 64)
    box.true(full["Command"].endswith('with more words"'), full["Command"])
    box.berth("stop", "-t", "1", "web")
    box.equal(box.berth("ps", "--format", "json").out, "")


@scenario("C103", "S181")
def ps_table(box):
    up(box)
    head, line = box.berth("ps").out.splitlines()
    box.equal(head.split(), ["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"])
    cells = [line[head.index(word):].split("   ")[0] for word in ("NAME", "IMAGE", "SERVICE", "STATUS", "PORTS")]
    box.equal(cells[:3], [f"{box.name}-web-1", "busybox:test", "web"])
    box.true(re.fullmatch(r"Up .*", cells[3]), cells[3])
    port = box.port
    wanted = [f"0.0.0.0:{port}->80/tcp", f"127.0.0.1:{port + 1}-{port + 3}->9000-9002/tcp", f"[::]:{port}->80/tcp",
              "7000-7001/tcp", "53/udp"]
    box.equal(cells[4], ", ".join(wanted))
    box.berth("pause", "web")
    box.true("(Paused)" in box.berth("ps").out, "it is not said that it stands still")
    box.berth("unpause", "web")
    box.berth("down", "-t", "0")
    box.equal(box.berth("ps").out, "NAME      IMAGE     COMMAND   SERVICE   CREATED   STATUS    PORTS\n")


@scenario("C105", "C74")
def ps_selection(box):
    up(box)
    box.berth("run", "-d", "--no-deps", "once", "sleep", "1000")
    box.equal(box.berth("ps", "--services").out, "web\n")
    box.equal(box.berth("ps", "-a", "--services").out.split(), ["once", "web"])
    box.equal(box.berth("ps", "-q").out.strip(), box.id("web"))
    box.equal(len(box.berth("ps", "-aq").out.split()), 3, "with what `run` has made")
    box.equal(box.berth("ps", "-q", "--status", "exited").out.split(), [box.id("once").split()[0]])
    box.equal(box.berth("ps", "-q", "--filter", "status=exited").out.split(), [box.id("once").split()[0]])
    box.equal(len(box.berth("ps", "-q", "--status", "exited", "--status", "running").out.split()), 3)
    box.refused_verb("ps", "--status", "sleeping", saying="unknown status `sleeping`")
    box.refused_verb("ps", "nobody", saying="no such service: nobody")
    box.refused_verb("ps", "--format", "jsno", saying="unknown format `jsno`")
    box.file("services: {other: {image: IMAGE, command: sleep 1000}}")
    box.equal(box.berth("ps", "--services").out, "web\n")
    box.equal(box.berth("ps", "--orphans=false", "--services").out, "\n")
    box.equal(box.berth("ps", "--orphans=true", "--services").out, "web\n")


@scenario("C104", "C74")
def templates(box):
    up(box)
    name = f"{box.name}-web-1"
    box.equal(box.berth("ps", "--format", "{{.Name}}: {{.State}}").out, f"{name}: running\n")
    box.equal(box.berth("ps", "--format", '{{.Label "com.example.tier"}}').out, "front\n")
    box.equal(box.berth("ps", "--format", "{{len .ID}}", "--no-trunc").out, "64\n")
    table = box.berth("ps", "--format", "table {{.Service}}\\t{{.State}}").out
    box.equal(table, "SERVICE   STATE\nweb       running\n")
    box.equal(box.berth("ps", "--format", '{{range .Publishers}}{{if eq .TargetPort 80}}{{.URL}} {{end}}{{end}}').out,
              "0.0.0.0 :: \n")
    whole = json.loads(box.berth("ps", "--format", "{{json .}}").out)
    box.equal((list(whole), whole["Publishers"]), (list(rows(box, "ps")[0]), rows(box, "ps")[0]["Publishers"]))
    outcome = box.berth("ps", "--format", "{{.Nmae}}", code=1)
    for part in ("unknown field `.Nmae` in the template", "did you mean `.Name`?", "template:1:3"):
        box.true(part in outcome.err, outcome.err)
    box.refused_verb("ps", "--format", "{{foo}}", saying="unknown function `foo`")
    box.equal(box.berth("volumes", "--format", "{{.Name}} {{.Label \"com.example.kind\"}}").out.split("\n")[-2],
              f"{box.name}_data kept")
    box.equal(box.berth("ls", "--format", "{{.Name}}", "--filter", f"name=^{box.name}$").out, f"{box.name}\n")
    box.equal(box.berth("images", "--format", "{{.Repository}}:{{.Tag}}", "web").out, "busybox:test\n")
    box.equal(box.berth("images", "--all", "--format", "{{.Repository}}:{{.Tag}}").out.split()[-1], "busybox:test")
    box.equal(box.berth("network", "ls", "--filter", f"name={box.name}", "--format", "{{.Name}} {{.Driver}}").out,
              f"{box.name}_default bridge\n")
    box.equal(box.berth("stats", "--no-stream", "--format", "{{.Name}}").out, f"{name}\n")
    box.true(box.berth("inspect", "--format", "{{.Id}}", "busybox:test").out.startswith("sha256:"), "no id")
    box.equal(box.berth("network", "inspect", "-f", "{{.Name}}", f"{box.name}_default").out, f"{box.name}_default\n")
    box.equal(box.berth("history", "--format", "{{.Size}}", "busybox:test").out.count("\n"),
              len(rows(box, "history", "busybox:test")))


@scenario("C74", "C104")
def format_of_the_configuration(box):
    up(box)
    box.write("docker/config.json", json.dumps({"psFormat": "table {{.Name}}"}))
    box.environment["DOCKER_CONFIG"] = box.path("docker")
    box.equal(box.berth("ps").out, f"NAME\n{box.name}-web-1\n")
    box.equal(box.berth("ps", "--format", "{{.Service}}").out, "web\n")


@scenario("C106", "C80")
def projects(box):
    up(box)
    seen = json.loads(box.berth("ls", "--format", "json").out)
    ours = next(row for row in seen if row["Name"] == box.name)
    box.equal(list(ours), ["Name", "Status", "ConfigFiles"])
    box.equal((ours["Status"], ours["ConfigFiles"]), ("exited(1), running(1)", box.compose))
    box.equal(json.loads(box.berth("ls", "--format", "json", "--filter", "name=^nothing-of-this-name$").out), [])
    head, line = box.berth("ls", "--filter", f"name=^{box.name}$").out.splitlines()
    box.equal(head, "NAME".ljust(max(20, len(box.name) + 3)) + "STATUS".ljust(len(ours["Status"]) + 3) + "CONFIG FILES")
    box.equal(line.split(), [box.name, "exited(1),", "running(1)", box.compose])
    box.berth("stop", "-t", "1")
    box.true(box.name not in box.berth("ls", "-q").out.split(), "nothing of it runs")
    box.true(box.name in box.berth("ls", "-aq").out.split(), "it is there")
    box.refused_verb("ls", "argument", saying="argument")


@scenario("C107", "C79")
def images(box):
    up(box)
    seen = json.loads(box.berth("images", "--format", "json").out)
    box.equal([row["ContainerName"] for row in seen], [f"{box.name}-once-1", f"{box.name}-web-1"])
    box.equal(list(seen[0]), ["ID", "ContainerName", "Repository", "Tag", "Platform", "Size", "Created", "LastTagTime"])
    box.true(re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", seen[0]["LastTagTime"]), seen[0]["LastTagTime"])
    box.true(isinstance(seen[0]["Size"], int) and seen[0]["ID"].startswith("sha256:"), seen[0])
    box.equal((seen[0]["Repository"], seen[0]["Tag"]), ("busybox", "test"))
    box.equal(box.berth("images", "-q").out.split(), [seen[0]["ID"].removeprefix("sha256:")])
    head = box.berth("images").out.splitlines()[0]
    box.equal(re.split(r"\s{2,}", head), ["CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED"])


@scenario("C79")
def image_that_is_gone(box):
    name = "gone.example/busybox:1"
    box.berth("tag", "busybox:test", name)
    box.up(f"services: {{web: {{image: {name}, command: sleep 1000}}}}")
    box.berth("rmi", "-f", name)
    row = json.loads(box.berth("images", "--format", "json").out)[0]
    box.equal((row["Repository"], row["Tag"]), ("gone.example/busybox", "1"))
    box.true(box.berth("images", "-q").out.strip() != "", "no id")
    box.equal(len(box.berth("images").out.splitlines()), 2, "lines")


@scenario("C108", "C81")
def volumes(box):
    up(box)
    seen = rows(box, "volumes")
    box.equal(list(seen[0]), ["Availability", "Driver", "Group", "Labels", "Links", "Mountpoint", "Name", "Scope",
                              "Size", "Status"])
    ours = next(row for row in seen if row["Name"] == f"{box.name}_data")
    box.true(os.path.isdir(ours["Mountpoint"]), ours["Mountpoint"])
    box.true("com.example.kind=kept" in ours["Labels"], ours["Labels"])
    box.true(f"local     {box.name}_data\n" in box.berth("volumes").out, box.berth("volumes").out)
    box.true(box.berth("volumes").out.startswith("DRIVER    VOLUME NAME\n"), "the headings")
    box.equal(box.berth("volumes", "-q", "once").out, "")
    box.true(f"{box.name}_data" in box.berth("volumes", "-q", "web").out.split(), "it is mounted there")


@scenario("C109", "C76")
def stats(box):
    up(box)
    seen = rows(box, "stats", "--no-stream", "web")
    box.equal([list(row) for row in seen],
              [["BlockIO", "CPUPerc", "Container", "ID", "MemPerc", "MemUsage", "Name", "NetIO", "PIDs"]])
    row = seen[0]
    for key, form in (("CPUPerc", r"\d+\.\d\d%"), ("MemPerc", r"\d+\.\d\d%"), ("MemUsage", r"[\d.]+\w+ / [\d.]+\w+"),
                      ("NetIO", r"[\d.]+k?B / [\d.]+k?B"), ("BlockIO", r"\S+ / \S+"), ("PIDs", r"\d+"),
                      ("ID", r"\w{12}")):
        box.true(re.fullmatch(form, row[key]), f"{key}: {row[key]}")
    box.equal(len(rows(box, "stats", "--no-stream")), 1)
    box.equal(sorted(row["CPUPerc"] for row in rows(box, "stats", "--no-stream", "-a"))[0], "--")
    box.equal(len(rows(box, "stats", "--no-stream", "--no-trunc", "web")[0]["ID"]), 64)
    head = box.berth("stats", "--no-stream").out.splitlines()[0]
    box.equal(re.split(r"\s{2,}", head),
              ["CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS"])
    box.refused_verb("stats", "web", "once", saying="once")
    with box.terminal("stats") as live:
        live.wait_for("CONTAINER ID")
        before = live.seen.count(b"CONTAINER ID")
        box.until(lambda: live.read(0.05) and live.seen.count(b"CONTAINER ID") > before, "it is not drawn again")
        box.true(b"\x1b[H" in live.seen and b"\x1b[2J" not in live.seen, "it is not drawn over what stood there")
        live.type("\x03")
        box.equal(live.exit(), 130)


@scenario("C122", "C75")
def top(box):
    up(box)
    out = box.berth("top").out
    head = out.splitlines()[0]
    box.equal(head.split(), ["SERVICE", "#", "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"])
    box.true(head.startswith("SERVICE  #   UID "), head)
    box.true(re.search(r"^web      1   root  +\d+ +\d+ .* sh -c trap", out, re.M), out)
    box.berth("stop", "-t", "1")
    box.equal(box.berth("top").out, "")


@scenario("C121", "C77")
def port(box):
    up(box)
    box.equal(box.berth("port", "web", "80").out, f"0.0.0.0:{box.port}\n")
    box.equal(box.berth("port", "web", "9001").out, f"127.0.0.1:{box.port + 2}\n")
    outcome = box.berth("port", "web", "81", code=1)
    box.true(f"no port 81/tcp for container {box.name}-web-1" in outcome.err, outcome.err)
    box.true("no port 80/udp" in box.berth("port", "--protocol", "udp", "web", "80", code=1).err, "another protocol")
    box.refused_verb("port", "once", "80", saying='service "once" is not running')
    box.refused_verb("port", "nobody", "80", saying="no such service: nobody")
    box.refused_verb("port", "--index", "2", "web", "80", saying="#2")
    box.up(f"services: {{web: {{image: IMAGE, command: sleep 1000, ports: ['[::1]:{box.port}:80']}}}}")
    box.equal(box.berth("port", "web", "80").out, f"::1:{box.port}\n")


@scenario("C120", "C89")
def version(box):
    number = box.berth("version", "--short").out
    box.true(re.fullmatch(r"\d+\.\d+\.\d+\n", number), number)
    box.equal(json.loads(box.berth("version", "--format", "json").out), {"version": "v" + number.strip()})
    box.equal(box.berth("version", "-f", "json").out, box.berth("version", "--format", "json").out)
    box.true(box.berth("version").out.endswith(f" v{number}"), "the long form")
    box.refused_verb("version", "-f", "yaml", saying="unknown format `yaml`")
    box.write("compose.yaml", "no: [compose file")
    box.berth("version")


CONFIG = """
      name: shop
      services:
        web:
          image: "busybox:${TAG:-test}"
          command: echo $$HOME
          env_file: web.env
          depends_on: [db]
          volumes: [data:/data, ./here:/here]
          networks: [front]
          profiles: [full]
        db:
          image: IMAGE
          build: {context: .}
        worker: {build: {context: .}}
      volumes: {data: {}}
      networks: {front: {}}
      x-own: kept
"""


@scenario("C88", "C111", "C112", "C113", "C119")
def config(box):
    box.write("web.env", "FROM_FILE=1\n")
    box.write("compose.yaml", CONFIG.replace("IMAGE", "busybox:test").replace("\n      ", "\n"))
    text = box.berth("--profile", "full", "config").out
    box.true(text.startswith("name: shop\n"), text)
    for part in ("echo", "$$HOME", "FROM_FILE: \"1\"", "x-own: kept"):
        box.true(part in text, f"no {part} in {text}")
    box.true("env_file" not in text, "an env_file is not folded in")
    box.true(text == box.berth("--profile", "full", "-f", "-", "--project-directory", ".", "config", input=text).out,
             "it does not read what it wrote")
    document = json.loads(box.berth("--profile", "full", "config", "--format", "json").out)
    box.equal(document["services"]["web"]["environment"], {"FROM_FILE": "1"})
    box.equal(box.berth("convert", "-q").out, "")
    box.equal(box.berth("config", "--format", "json", "--quiet").out, "")
    lists = {"--services": ["db", "worker"], "--volumes": ["data"], "--networks": ["default", "front"],
             "--profiles": ["full"], "--images": ["busybox:test", "shop-worker"], "--models": []}
    for flag, wanted in lists.items():
        box.equal(sorted(box.berth("--all-resources", "config", flag).out.split()), wanted, flag)
    order = box.berth("--profile", "full", "config", "--services").out.split()
    box.equal(order.index("db") + 1, order.index("web"), "dependencies come first")
    hashes = box.berth("--profile", "full", "config", "--hash", "*").out
    box.true(re.fullmatch(r"(\w+ [0-9a-f]{64}\n){3}", hashes), hashes)
    box.equal(box.berth("--profile", "full", "config", "--hash", "web,db").out.split()[::2], ["web", "db"])
    box.berth("config", "-o", "out.yaml")
    with open(box.path("out.yaml")) as file:
        box.true(file.read().startswith("name: shop"), "the file")
    box.refused_verb("config", "--format", "toml", saying="unknown format `toml`")


@scenario("C113")
def hash_is_that_of_the_label(box):
    box.up("services: {web: {image: IMAGE, command: sleep 1000, environment: {A: b}}}")
    wanted = box.berth("config", "--hash", "web").out.split()[1]
    box.equal(box.berth("ps", "--format", '{{.Label "com.docker.compose.config-hash"}}').out.strip(), wanted)


@scenario("C114", "C115", "C118")
def config_variables(box):
    box.write("web.env", "")
    box.write("compose.yaml", CONFIG.replace("IMAGE", "${NEEDED:?say it}").replace("\n      ", "\n"))
    box.environment["NEEDED"] = "busybox:test"
    out = box.berth("config", "--environment").out.splitlines()
    box.equal(out, sorted(out), "the order")
    box.true("NEEDED=busybox:test" in out and f"HOME={box.environment['HOME']}" in out, out)
    table = [line.split() for line in box.berth("config", "--variables").out.splitlines()]
    box.equal(table[0], ["NAME", "REQUIRED", "DEFAULT", "VALUE", "ALTERNATE", "VALUE"])
    box.equal(sorted(table[1:]), [["NEEDED", "true"], ["TAG", "false", "test"]])
    values = json.loads(box.berth("config", "--variables", "--format", "json").out)
    box.equal(sorted(values), ["NEEDED", "TAG"])
    box.true("TAG:" in box.berth("config", "--variables", "--format", "yaml").out, "yaml")
    raw = box.berth("config", "--no-interpolate").out
    box.true("${TAG:-test}" in raw and "${NEEDED:?say it}" in raw, raw)
    outcome = box.berth("config", "--no-interpolate", "db")
    box.true("warning" in outcome.err, outcome.err)
    del box.environment["NEEDED"]
    box.true("say it" in box.berth("config", code=1).err, "it is not asked for")
    box.berth("config", "--no-interpolate", "-q")


@scenario("C88")
def config_as_written(box):
    box.write("web.env", "FROM_FILE=1\n")
    box.write("compose.yaml", CONFIG.replace("IMAGE", "busybox:test").replace("\n      ", "\n"))
    full = ("--profile", "full", "config")
    box.true("source: ./here" in box.berth(*full, "--no-path-resolution").out, "a path is resolved")
    box.true(f"source: {box.path('here')}" in box.berth(*full).out, "a path is not resolved")
    box.true("env_file" in box.berth(*full, "--no-env-resolution").out, "the variables are folded in")
    plain = box.berth(*full, "--no-normalize").out
    box.true("shop_data" not in plain, plain)
    box.true("shop_data" in box.berth(*full).out, "defaults are not filled in")
    box.write("compose.yaml", "services: {web: {image: a, networks: [nowhere]}}")
    box.refused_verb("config", saying="nowhere")
    box.berth("config", "--no-consistency")
