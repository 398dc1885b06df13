"""What `up` makes of a project that is there already, what `plan` says of it, and what `down` takes away."""

import hashlib
import json
import os
import subprocess

from world import scenario

PROJECT = "com.docker.compose.project"
ONE = """
      services:
        web: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s}
"""
DATA = """
      services:
        web: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, volumes: ["data:/data"]}
      volumes:
        data: {LABELS}
"""


def rows(box, *arguments):
    return [json.loads(line) for line in box.berth("ps", "-a", "--format", "json", *arguments).out.splitlines()]


def ids(box):
    """The containers of the project, by name."""
    return {row["Name"]: row["ID"] for row in rows(box)}


def labels(box, name):
    return blueprint(box, name)["labels"]


def blueprint(box, name):
    state = box.environment["BERTH_STATE"]
    id = os.readlink(os.path.join(state, "names", name)).split("/")[1]
    with open(os.path.join(state, "containers", id, "blueprint.json")) as file:
        return json.load(file)


def folder(box, name):
    state = box.environment["BERTH_STATE"]
    return os.path.join(state, "containers", os.readlink(os.path.join(state, "names", name)).split("/")[1])


def planned(box, *arguments, code=10):
    return json.loads(box.berth("plan", "--format", "json", *arguments, code=code).out)


def change(plan, name):
    found = [entry for entry in plan["changes"] if entry["name"] == name]
    return found[0] if found else None


def fields(plan, name):
    return {field["path"]: field for field in change(plan, name)["fields"]}


# MARK: what makes a container anew


@scenario("S123", "S124")
def the_hash(box):
    box.write("values.env", "COLOUR=red\n")
    box.write("note.txt", "one")
    box.up("""
      services:
        web:
          image: IMAGE
          command: sleep 1000
          stop_grace_period: 0s
          env_file: values.env
          volumes: ["./note.txt:/note.txt"]
          secrets: [word]
      secrets: {word: {file: ./note.txt}}
    """)
    hashed = box.berth("config", "--hash", "web").out.split()[1]
    box.equal(labels(box, f"{box.name}-web-1")["com.docker.compose.config-hash"], hashed)
    before = ids(box)
    for change_nothing in (
            lambda: box.write("note.txt", "two"),
            lambda: extend(box, "pull_policy: missing"), lambda: extend(box, "depends_on: {}"),
            lambda: extend(box, "scale: 1")):
        change_nothing()
        box.equal(box.berth("up", "--dry-run").out, "nothing to do\n")
        box.berth("plan")
    box.equal(ids(box), before, "containers")
    counts = [box.write(f"{count}.yaml", f"services: {{web: {{image: a, deploy: {{replicas: {count}}}}}}}") for count in (1, 2)]
    hashes = {box.berth("-f", path, "config", "--hash", "web").out for path in counts}
    box.equal(len(hashes), 1, "hashes with other numbers of replicas")
    box.write("values.env", "COLOUR=blue\n")
    plan = planned(box)
    field = fields(plan, f"{box.name}-web-1")["environment.COLOUR"]
    box.equal((field["old"], field["new"], os.path.basename(field["file"]), field["line"]),
              ("red", "blue", "values.env", 1))


def extend(box, line):
    """One more attribute of `web`."""
    with open(box.compose) as file:
        text = file.read()
    name = line.split(":")[0]
    kept = [row for row in text.splitlines() if not row.strip().startswith(name + ":")]
    kept.insert(kept.index("  web:") + 1, "    " + line)
    box.write("compose.yaml", "\n".join(kept) + "\n")


@scenario("S125", "S126")
def reasons(box):
    box.file(DATA.replace("LABELS", "").replace("command:", "labels: {a: b}, command:"))
    box.berth("up", "-d")
    name = f"{box.name}-web-1"
    first = ids(box)[name]
    box.berth("up", "-d")
    box.equal(ids(box)[name], first, "the container of an unchanged project")
    # An attribute.
    box.file(DATA.replace("LABELS", "").replace("command:", "labels: {a: c}, command:"))
    entry = change(planned(box), name)
    box.equal((entry["action"], entry["cause"], entry["fields"][0]["path"]),
              ("recreate", "its configuration changed", "labels.a"))
    box.berth("up", "-d")
    second = ids(box)[name]
    box.true(second != first, "it was not made anew")
    # Another volume under the same key.
    box.file(DATA.replace("LABELS", f"name: {box.name}-other").replace("command:", "labels: {a: c}, command:"))
    box.equal(change(planned(box), name)["cause"], f"volume {box.name}-other was missing")
    box.berth("up", "-d")
    box.true(ids(box)[name] != second, "it was not made anew")
    mounts = [list(step.values())[0].get("name") for step in blueprint(box, name)["mounts"]]
    box.equal(mounts, [f"{box.name}-other"])
    # One that stands still, one that has ended.
    third = ids(box)[name]
    box.berth("pause", "web")
    box.equal(box.berth("up", "--dry-run").out, "nothing to do\n")
    box.berth("up", "-d")
    box.equal((ids(box)[name], rows(box)[0]["State"]), (third, "paused"))
    box.berth("unpause", "web")
    box.berth("stop", "web")
    box.equal(box.berth("plan", code=10).out.split("\n")[0].split()[:4], ["▶", "container", name, "start"])
    box.berth("up", "-d")
    box.equal((ids(box)[name], rows(box)[0]["State"]), (third, "running"))
    box.berth("-p", f"{box.name}", "down", "-v", "-t", "0")


@scenario("S125")
def mounted_images(box):
    store = box.environment
    box.berth("tag", "busybox:test", "tools:one")
    box.up("""
      services:
        web:
          image: IMAGE
          command: sleep 1000
          stop_grace_period: 0s
          volumes: [{type: image, source: "tools:one", target: /tools}]
    """)
    name = f"{box.name}-web-1"
    digests = labels(box, name)["com.docker.compose.image-volume-digest"]
    box.true(digests.startswith("tools:one=sha256:"), digests)
    box.equal(labels(box, name)["com.docker.compose.config-hash"], box.berth("config", "--hash", "web").out.split()[1])
    before = ids(box)
    box.berth("up", "-d")
    box.equal(ids(box), before, "containers")
    # The same name for other content.
    container = folder(box, name)
    box.true(os.path.isdir(container), container)
    box.write("tree/file", "content")
    box.berth("rmi", "-f", "tools:one")
    archive = box.path("tree.tar")
    box.true(os.system(f"tar -C {box.path('tree')} -cf {archive} .") == 0, "tar")
    box.berth("import", archive, "tools:one")
    plan = planned(box)
    box.equal(change(plan, name)["cause"], "an image that it mounts changed")
    box.true("mounted images" in fields(plan, name), f"{plan}")
    box.berth("up", "-d")
    box.equal(box.inside("web", "cat /tools/file"), "content")
    box.berth("down", "-t", "0")
    box.berth("rmi", "tools:one")
    box.equal(store, box.environment)


@scenario("S127", "S128")
def strategies(box):
    box.up("""
      services:
        web: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, depends_on: [db], volumes: [/var]}
        db: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s}
    """)
    web, db = f"{box.name}-web-1", f"{box.name}-db-1"
    before = ids(box)
    box.berth("up", "-d", "--force-recreate", "web")
    after = ids(box)
    box.true(after[web] != before[web] and after[db] == before[db], f"{before} {after}")
    box.berth("up", "-d", "--force-recreate", "--always-recreate-deps", "web")
    box.true(ids(box)[db] != after[db], "the dependency was not made anew")
    # -V makes anew what it renews.
    before = ids(box)
    box.berth("up", "-d", "-V", "web")
    box.true(ids(box)[web] != before[web], "-V has not made it anew")
    for pair in (("--force-recreate", "--no-recreate"), ("-V", "--no-recreate"),
                 ("--always-recreate-deps", "--no-recreate"), ("--build", "--no-build")):
        box.refused_verb("up", "-d", *pair, saying="are incompatible")
    box.refused_verb("create", "--force-recreate", "--no-recreate", saying="are incompatible")
    box.refused_verb("plan", "--force-recreate", "--no-recreate", saying="are incompatible")
    box.file("""
      services:
        web: {image: IMAGE, command: sleep 2000, stop_grace_period: 0s}
        new: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s}
    """)
    before = ids(box)
    box.berth("up", "-d", "--no-recreate")
    after = ids(box)
    box.equal({name: after[name] for name in before}, before, "with --no-recreate")
    box.true(f"{box.name}-new-1" in after, f"{after}")


@scenario("S129")
def the_old_one_stays_when_making_fails(box):
    box.up("""
      services:
        web: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, networks: {net: {ipv4_address: 10.231.7.5}}}
        other: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, networks: {net: {ipv4_address: 10.231.7.6}}}
      networks: {net: {ipam: {config: [{subnet: 10.231.7.0/24}]}}}
    """)
    name = f"{box.name}-web-1"
    before, started = ids(box), box.state("web")["startedAt"]
    with open(box.compose) as file:
        text = file.read()
    box.write("compose.yaml", text.replace("ipv4_address: 10.231.7.5", "ipv4_address: 10.231.7.6"))
    outcome = box.berth("up", "-d", code=None)
    box.true(outcome.code == 1 and "10.231.7.6" in outcome.err, outcome.text)
    box.equal(ids(box), before, "containers after a failure")
    box.equal(box.state("web")["startedAt"], started, "its start")
    names = os.listdir(os.path.join(box.environment["BERTH_STATE"], "names"))
    box.equal([entry for entry in names if "_" in entry and box.name in entry], [], "names of replacements")
    # With an address that can be had it is made anew, and keeps that.
    box.write("compose.yaml", text.replace("command: sleep 1000", "command: sleep 2000", 1))
    outcome = box.berth("up", "-d")
    box.true(f"Container {name} Recreated" in outcome.err, outcome.err)
    after = ids(box)
    box.true(after[name] != before[name], "it was not made anew")
    box.equal(blueprint(box, name)["network"]["endpoints"][0]["address"], "10.231.7.5")
    box.equal(labels(box, name)["com.docker.compose.replace"], name)
    lease = os.path.join(box.environment["BERTH_STATE"], "networks", f"{box.name}_net", "leases", "10.231.7.5")
    with open(lease) as file:
        box.true(file.read().startswith(after[name]), "the lease of its address is another's")
    box.true(box.inside("other", f"ping -c 1 -W 5 {name} >/dev/null && echo yes") == "yes", "it has lost its name")


@scenario("S129")
def a_network_with_room_for_one(box):
    """A replacement needs no second address."""
    compose = """
      services:
        web: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, networks: [net]}
      networks: {net: {ipam: {config: [{subnet: 10.231.8.0/30}]}}}
    """
    box.up(compose)
    before = blueprint(box, f"{box.name}-web-1")["network"]["endpoints"][0]["address"]
    box.up(compose.replace("1000", "2000"))
    box.equal(blueprint(box, f"{box.name}-web-1")["network"]["endpoints"][0]["address"], before)


@scenario("S129")
def a_new_name(box):
    """`container_name` is a new name for the old container's successor."""
    box.up(ONE)
    box.up(ONE.replace("command:", "container_name: renamed-one, command:"))
    box.equal(list(ids(box)), ["renamed-one"])
    box.up(ONE)
    box.equal(list(ids(box)), [f"{box.name}-web-1"])


@scenario("S129")
def killed_while_it_replaces(box):
    """Whatever instant it was, one container is left, and the next `up` or `down` repairs."""
    stubborn = '''
      services:
        web: {image: IMAGE, command: sh -c "trap '' TERM; echo ready; while :; do sleep 0.1; done", stop_grace_period: 30s}
    '''
    box.up(stubborn)
    box.until(lambda: "ready" in box.log("web"), "it does not begin")
    name = f"{box.name}-web-1"
    names = os.path.join(box.environment["BERTH_STATE"], "names")
    before = ids(box)
    address = blueprint(box, name)["network"]["endpoints"][0]["address"]
    box.file(stubborn.replace("ready;", "again;"))
    running = subprocess.Popen([box.world.berth, "up", "-d"], cwd=box.folder, env=box.environment, stderr=subprocess.DEVNULL)
    try:
        box.until(lambda: any(entry.endswith("_" + name) for entry in os.listdir(names)), "no replacement is made")
        box.equal(ids(box), before, "what is listed while it is replaced")
    finally:
        running.kill()
        running.wait()
    box.equal(ids(box), before, "what is listed after the kill")
    box.berth("up", "-d", "-t", "0")
    after = ids(box)
    box.true(list(after) == [name] and after[name] != before[name], f"{after}")
    box.equal(blueprint(box, name)["network"]["endpoints"][0]["address"], address)
    replacing = os.path.join(names, f"{before[name]}_{name}")
    box.true(not os.path.lexists(replacing), "a replacement's name is left")
    # Killed when the old one was gone and the new one had not taken its place.
    os.rename(os.path.join(names, name), replacing)
    box.equal(ids(box), after)
    box.equal(box.berth("up", "-d").err.count("Recreate"), 0)
    box.equal((ids(box), os.path.lexists(replacing)), (after, False))
    # Killed when it had both names.
    os.symlink(os.readlink(os.path.join(names, name)), replacing)
    box.equal(ids(box), after)
    box.berth("down", "-t", "0")
    box.equal([entry for entry in os.listdir(names) if name in entry], [])
    leases = os.path.join(box.environment["BERTH_STATE"], "networks", f"{box.name}_default")
    box.true(not os.path.exists(leases), "the network is still there")


@scenario("S130")
def anonymous_volumes(box):
    compose = """
      services:
        web: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, volumes: [/kept, /other]}
    """
    box.up(compose)
    box.inside("web", "echo one > /kept/file; echo two > /other/file")
    box.up(compose.replace("1000", "2000"))
    box.equal(box.inside("web", "cat /kept/file /other/file"), "one\ntwo")
    # An explicit mount wins where it stands.
    box.up(compose.replace("[/kept, /other]", '[/kept, "named:/other"]').rstrip() + "\n      volumes: {named: }\n")
    box.equal(box.inside("web", "cat /kept/file; ls /other"), "one")
    box.up(None, "-V")
    box.equal(box.inside("web", "ls /kept"), "")


@scenario("S131")
def a_changed_volume(box):
    box.up(DATA.replace("LABELS", ""))
    box.inside("web", "echo kept > /data/file")
    box.file(DATA.replace("LABELS", "labels: {a: b}"))
    volume = f"{box.name}_data"
    # Without a terminal the answer is no.
    outcome = box.berth("up", "-d")
    box.true(f"volume `{volume}` exists but doesn't match" in outcome.err, outcome.err)
    box.equal(box.inside("web", "cat /data/file"), "kept")
    box.true(volume in box.berth("plan", code=0).out, "plan does not tell of it")
    box.equal(planned(box, code=0)["kept"][0]["fields"][0]["path"], "labels.a")
    for answer in ("n", ""):
        with box.terminal("up", "-d") as terminal:
            terminal.wait_for(f'Volume "{volume}" exists but doesn\'t match configuration in compose file')
            terminal.wait_for("Recreate (data will be lost)?")
            terminal.type(answer + "\n")
            box.equal(terminal.exit(), 0)
        box.equal(box.inside("web", "cat /data/file"), "kept")
    with box.terminal("up", "-d") as terminal:
        terminal.wait_for("Recreate (data will be lost)?")
        terminal.type("y\n")
        box.equal(terminal.exit(), 0)
    box.equal(box.inside("web", "ls /data"), "")
    box.inside("web", "echo again > /data/file")
    box.file(DATA.replace("LABELS", "labels: {a: c}"))
    plan = planned(box, "--yes")
    box.equal([(entry["name"], entry["action"]) for entry in plan["changes"]],
              [(f"{box.name}-web-1", "recreate"), (volume, "recreate")])
    box.berth("up", "-d", "--y")
    box.equal(box.inside("web", "ls /data"), "")


@scenario("S132")
def a_changed_network(box):
    compose = """
      services:
        web: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, networks: [net]}
        off: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, networks: [other]}
      networks: {net: {labels: {a: b}}, other: }
    """
    box.up(compose)
    before = ids(box)
    box.file(compose.replace("a: b", "a: c"))
    plan = planned(box)
    box.equal(fields(plan, f"{box.name}_net")["labels.a"]["new"], "c")
    box.equal(change(plan, f"{box.name}_net")["action"], "recreate")
    box.berth("up", "-d")
    after = ids(box)
    box.true(after[f"{box.name}-web-1"] != before[f"{box.name}-web-1"], "the container on it was not made anew")
    box.equal(after[f"{box.name}-off-1"], before[f"{box.name}-off-1"], "a container that is not on it")
    # Somebody else's container is on it.
    other = box.write("other/compose.yaml", f"""
services: {{guest: {{image: "busybox:test", command: sleep 1000, stop_grace_period: 0s, networks: [net]}}}}
networks: {{net: {{external: true, name: {box.name}_net}}}}
""")
    box.berth("-f", other, "-p", "guests", "up", "-d")
    box.file(compose.replace("a: b", "a: d"))
    outcome = box.berth("up", "-d", code=1)
    box.true("in use by container `guests-guest-1`" in outcome.err, outcome.err)
    box.equal(ids(box), after, "containers after a refusal")
    box.berth("-f", other, "-p", "guests", "down", "-t", "0")
    box.berth("up", "-d")


@scenario("S133", "S134")
def what_others_made(box):
    box.berth("network", "create", f"{box.name}_net")
    other = box.write("other/compose.yaml", f"""
services: {{web: {{image: "busybox:test", command: "true", volumes: ["vol:/v"]}}}}
volumes: {{vol: {{name: {box.name}_data}}}}
""")
    box.berth("-f", other, "-p", "makers", "up", "-d")
    outcome = box.up("""
      services:
        web: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, networks: [net], volumes: ["data:/data"]}
      networks: {net: {labels: {a: b}}}
      volumes: {data: {labels: {a: b}}}
    """)
    box.true(f"a network with name `{box.name}_net` exists but was not created by this project" in outcome.err, outcome.err)
    box.true(f"volume `{box.name}_data` already exists but was not created by this project" in outcome.err, outcome.err)
    box.true("external: true" in outcome.err, outcome.err)
    box.berth("down", "-v", "-t", "0")
    box.true(f"{box.name}_net" in box.berth("network", "ls").out, "down took somebody else's network")
    box.berth("network", "rm", f"{box.name}_net")
    box.berth("-f", other, "-p", "makers", "down", "-v", "-t", "0")
    box.refused("""
      services: {web: {image: IMAGE, networks: [lost], volumes: ["gone:/gone"]}}
      networks: {lost: {external: true}}
      volumes: {gone: {external: true}}
    """, "network lost declared as external, but could not be found", 'external volume "gone" not found')


@scenario("S135", "S136", "C69")
def scaling(box):
    box.up(ONE, "--scale", "web=3")
    name = f"{box.name}-web-"
    box.berth("rm", "-sf", "web", code=None)
    box.up(ONE, "--scale", "web=3")
    box.equal(sorted(ids(box)), [name + "1", name + "2", name + "3"])
    # A gap stays, the next number is behind the highest.
    box.berth("scale", "web=2")
    box.equal(sorted(ids(box)), [name + "1", name + "2"])
    box.berth("scale", "web=4")
    box.equal(sorted(ids(box)), [name + str(number) for number in range(1, 5)])
    # What does not fit any more goes before what is highest.
    with open(box.compose) as file:
        text = file.read()
    box.berth("scale", "web=1")
    box.write("compose.yaml", text.replace("1000", "2000"))
    box.berth("up", "-d", "--no-recreate", "--scale", "web=2")
    fitting = [label for label in (name + "1", name + "2")
               if labels(box, label)["com.docker.compose.config-hash"] == box.berth("config", "--hash", "web").out.split()[1]]
    box.equal(fitting, [name + "2"])
    box.berth("up", "-d")
    box.equal(list(ids(box)), [name + "2"])
    box.refused_verb("scale", "web=many", saying="web=many")
    box.file(ONE.replace("command:", "depends_on: [db], command:")
             + "        db: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s}\n")
    box.berth("scale", "--no-deps", "web=1")
    box.true(f"{box.name}-db-1" not in ids(box), "it has started what it depends on")
    box.berth("scale", "web=2")
    box.true(f"{box.name}-db-1" in ids(box), "it has not started what it depends on")
    box.refused_verb("scale", "nobody=1", saying="nobody")
    box.file(ONE.replace("command:", "container_name: only, command:"))
    box.refused_verb("up", "-d", "--scale", "web=2", saying="cannot have 2 containers")


@scenario("C12", "C29", "S136", "S137", "S138")
def compatibility(box):
    box.file(ONE)
    box.berth("--compatibility", "up", "-d", "--scale", "web=2")
    box.equal(sorted(ids(box)), [f"{box.name}_web_1", f"{box.name}_web_2"])
    box.environment["COMPOSE_COMPATIBILITY"] = "true"
    box.equal(box.berth("up", "--dry-run", "--scale", "web=2").out, "nothing to do\n")
    made = box.berth("run", "-d", "web", "sleep", "1000").out.strip()
    box.true(any(name.startswith(f"{box.name}_web_run_") for name in ids(box)), f"{made} {ids(box)}")
    box.true("web_1" in box.berth("logs").out + box.berth("ps").out, "")
    box.berth("down", "-t", "0")
    box.write("built.yaml", "services: {web: {build: .}}")
    box.equal(box.berth("-f", "built.yaml", "config", "--images").out.strip(), f"{box.name}_web")
    del box.environment["COMPOSE_COMPATIBILITY"]
    box.equal(box.berth("-f", "built.yaml", "config", "--images").out.strip(), f"{box.name}-web")


@scenario("S139", "S140")
def all_labels(box):
    box.write("one.env", "A=b\n")
    box.file("""
      services:
        web:
          image: IMAGE
          command: sleep 1000
          stop_grace_period: 0s
          depends_on: {db: {condition: service_started, restart: true}, late: {condition: service_completed_successfully}}
          volumes: ["data:/data"]
        db: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s}
        late: {image: IMAGE, command: "true"}
      volumes: {data: }
    """)
    box.berth("--env-file", "one.env", "up", "-d")
    own = labels(box, f"{box.name}-web-1")
    version = box.berth("version", "--short").out.strip().lstrip("v")
    wanted = {
        PROJECT: box.name, "com.docker.compose.service": "web", "com.docker.compose.container-number": "1",
        "com.docker.compose.oneoff": "False",
        "com.docker.compose.config-hash": box.berth("config", "--hash", "web").out.split()[1],
        "com.docker.compose.depends_on":
            "db:service_started:true,late:service_completed_successfully:false",
        "com.docker.compose.project.working_dir": box.folder,
        "com.docker.compose.project.config_files": box.path("compose.yaml"),
        "com.docker.compose.project.environment_file": box.path("one.env"), "com.docker.compose.version": version,
    }
    box.equal({key: own.get(key) for key in wanted}, wanted)
    box.true(own["com.docker.compose.image"].startswith("sha256:"), f"{own}")
    box.berth("run", "--name", "single", "db", "true")
    one = labels(box, "single")
    box.equal(one["com.docker.compose.oneoff"], "True")
    box.equal(len(one["com.docker.compose.slug"]), 12)
    box.true("com.docker.compose.container-number" not in one, f"{one}")
    state = box.environment["BERTH_STATE"]
    for kind, name, key in (("network", f"{box.name}_default", "default"), ("volume", f"{box.name}_data", "data")):
        with open(os.path.join(state, kind + "s", name, kind + ".json")) as file:
            found = json.load(file)["labels"]
        box.equal((found[PROJECT], found[f"com.docker.compose.{kind}"], found["com.docker.compose.version"]),
                  (box.name, key, version))
        with open(os.path.join(state, kind + "s", name, "definition.json"), "rb") as file:
            box.equal(found["com.docker.compose.config-hash"], hashlib.sha256(file.read()).hexdigest())


@scenario("S142")
def without_a_file(box):
    box.up("""
      services:
        web: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, depends_on: [db], ports: ["18573:80"]}
        db: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, volumes: ["data:/data"]}
      volumes: {data: }
    """)
    os.rename(box.compose, box.path("kept"))

    def berth(*arguments, **more):
        return box.berth("-p", box.name, *arguments, **more)

    for verb in (["ps"], ["ls"], ["logs"], ["top"], ["port", "web", "80"], ["exec", "-T", "web", "true"],
                 ["cp", "web:/etc/hostname", box.path("hostname")], ["pause"], ["unpause"], ["stats", "--no-stream"],
                 ["images"], ["volumes"], ["stop", "-t", "0"], ["start"], ["restart", "-t", "0"],
                 ["kill"], ["rm", "-f"]):
        berth(*verb)
    for verb in (["up"], ["run", "web"], ["create"], ["pull"], ["config"], ["plan"]):
        outcome = berth(*verb, code=None)
        box.true(outcome.code == 1 and "no configuration file provided" in outcome.err, f"{verb}: {outcome.text}")
    os.rename(box.path("kept"), box.compose)
    box.berth("up", "-d")
    os.rename(box.compose, box.path("kept"))
    # What depends on it goes as well; what nobody has is passed over.
    berth("down", "-t", "0", "db", "nobody")
    box.equal(berth("ps", "-aq").out, "")
    berth("down", "-v")
    os.rename(box.path("kept"), box.compose)


@scenario("S143", "C27", "C28")
def orphans(box):
    two = ONE + "        old: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s}\n"
    box.up(two)
    box.berth("run", "web", "true")
    one_off = next(name for name in ids(box) if "-run-" in name)
    box.berth("run", "-d", "web", "sleep", "1000")
    running = next(row["Name"] for row in rows(box) if "-run-" in row["Name"] and row["State"] == "running")
    box.file(ONE)
    outcome = box.berth("up", "-d")
    box.true("found orphan containers" in outcome.err and f"{box.name}-old-1" in outcome.err, outcome.err)
    box.true(one_off in outcome.err and running not in outcome.err, outcome.err)
    box.true("--remove-orphans" in outcome.err, outcome.err)
    box.equal(set(planned(box, code=0)["orphans"]), {one_off, f"{box.name}-old-1"})
    box.write(".env", "COMPOSE_IGNORE_ORPHANS=1\n")
    box.true("found orphan" not in box.berth("up", "-d").err, "it is told of though it is to be ignored")
    for verb in (["up", "-d"], ["down"], ["create"], ["plan"], ["kill"]):
        box.refused_verb(*verb, "--remove-orphans", saying="are incompatible")
    box.write(".env", "COMPOSE_REMOVE_ORPHANS=1\n")
    box.equal(change(planned(box), one_off)["action"], "remove")
    box.berth("up", "-d")
    box.equal(sorted(ids(box)), sorted([running, f"{box.name}-web-1"]))
    os.remove(box.path(".env"))
    box.up(two)
    box.file(ONE)
    outcome = box.berth("down", "-t", "0")
    box.equal(list(ids(box)), [f"{box.name}-old-1"])
    box.true("Resource is still in use" in outcome.err, outcome.err)
    box.berth("down", "-t", "0", "--remove-orphans")
    box.equal(ids(box), {})


# MARK: plan and --dry-run


@scenario("C11")
def plan(box):
    box.file("""
      services:
        web:
          image: IMAGE
          command: sleep 1000
          stop_grace_period: 0s
          ports:
            - "18574:80"
          environment:
            GONE: here
        db: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s}
    """)
    name = f"{box.name}-web-1"
    outcome = box.berth("plan", code=10)
    box.true(f"+ network {box.name}_default" in outcome.out and "3 to create" in outcome.out, outcome.out)
    box.equal(box.berth("ps", "-aq").out, "", "containers after plan")
    box.equal(os.path.exists(os.path.join(box.environment["BERTH_STATE"], "networks", f"{box.name}_default")), False)
    box.berth("up", "-d")
    box.equal(box.berth("plan").out, "nothing to do\n")
    box.equal(planned(box, code=0), {
        "project": box.name, "changed": False, "changes": [], "kept": [], "orphans": [], "summary": {}})
    with open(box.compose) as file:
        text = file.read()
    box.write("compose.yaml", text.replace("18574", "18575").replace("      GONE: here", "      COME: here"))
    wanted = f"""~ container {name}  recreate  (its configuration changed)
    environment.COME  none → "here"               compose.yaml:10:13
    environment.GONE  "here" → none
    ports.0           "18574:80" → "18575:80"     compose.yaml:8:9

1 to recreate
"""
    shown = box.berth("plan", code=10).out
    box.equal([line.split() for line in shown.splitlines()], [line.split() for line in wanted.splitlines()])
    field = fields(planned(box), name)["ports.0"]
    box.equal((field["old"], field["new"], field["line"], field["column"]), ("18574:80", "18575:80", 8, 9))
    box.true("\x1b[" in box.berth("--ansi", "always", "plan", code=10).out, "no colours")
    box.true("\x1b[" not in shown, "colours in a file")
    box.equal([entry["name"] for entry in planned(box, "--scale", "db=2")["changes"]],
              [name, f"{box.name}-db-2"])
    box.berth("plan", "db", code=0)
    box.berth("plan", "--no-recreate", code=0)
    box.refused_verb("plan", "nobody", saying="no such service")
    box.refused_verb("plan", "--format", "yaml", saying="unknown format")
    # What older records do not have is said, not guessed.
    os.remove(os.path.join(folder(box, name), "definition.json"))
    box.true("the earlier configuration is not recorded" in box.berth("plan", code=10).out, "")
    box.equal(change(planned(box), name)["recorded"], False)
    box.write("compose.yaml", text.replace("busybox:test", "busybox:none", 1))
    box.equal(change(planned(box), "busybox:none")["action"], "pull")
    box.write("compose.yaml", text + "nonsense: 1\n")
    box.berth("plan", code=1)
    box.write("compose.yaml", text)


@scenario("C11", "C59", "C60")
def dry_runs(box):
    box.file(ONE + "        db: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s}\n")
    name, db = f"{box.name}-web-1", f"{box.name}-db-1"
    outcome = box.berth("up", "--dry-run")
    box.true(f"create container {name} (it does not exist)" in outcome.out, outcome.out)
    box.true("there is no output to follow" in outcome.err, outcome.err)
    box.equal(box.berth("ps", "-aq").out, "")
    box.berth("up", "-d")

    def facts():
        return [(row["ID"], row["State"]) for row in rows(box)], started(box)

    def started(box):
        return [box.state_of(row) for row in box.berth("ps", "-q", "--no-trunc").out.split()]

    before = facts()
    tries = {
        ("down",): f"remove container {name}", ("down", "web"): f"remove container {name}",
        ("stop",): f"stop container {name}", ("restart",): f"start container {name}",
        ("kill", "-s", "INT"): f"send signal 2 to container {name}", ("pause",): f"pause container {name}",
        ("rm", "-sf"): f"remove container {name}", ("scale", "web=2"): f"create container {box.name}-web-2",
        ("create", "--force-recreate"): f"create container {name} beside the old one",
        ("up", "-d", "--force-recreate"): f"put the new container {name} in its place",
    }
    for verb, step in tries.items():
        for arguments in ((*verb, "--dry-run"), ("--dry-run", *verb)):
            outcome = box.berth(*arguments)
            box.true(step in outcome.out, f"{arguments}: {outcome.text}")
            box.equal(facts(), before, f"what is there after {arguments}")
    box.berth("stop", "-t", "0", "db")
    box.berth("pause", "web")
    before = facts()
    for verb, step in ((("start",), f"start container {db}"), (("unpause",), f"unpause container {name}")):
        box.true(step in box.berth(*verb, "--dry-run").out, f"{verb}")
        box.equal(facts(), before, f"what is there after {verb}")
    box.berth("unpause")


# MARK: down


@scenario("C60", "S149")
def down(box):
    compose = """
      services:
        web: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, networks: [front, back], volumes: [/anonymous]}
        db: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, networks: [back], volumes: ["data:/data"]}
      networks: {front: , back: }
      volumes: {data: }
    """
    box.up(compose)
    box.refused_verb("down", "--rmi", "some", saying="invalid --rmi `some`")
    box.refused_verb("down", "nobody", saying="no such service")
    outcome = box.berth("down", "-t", "0", "web")
    box.equal(list(ids(box)), [f"{box.name}-db-1"])
    box.true(f"Network {box.name}_back Resource is still in use" in outcome.err, outcome.err)
    networks = box.berth("network", "ls", "-q", "--no-trunc").out + box.berth("network", "ls").out
    box.true(f"{box.name}_front" not in networks and f"{box.name}_back" in networks, networks)
    box.berth("up", "-d")
    outcome = box.berth("down", "-t", "0")
    box.true("Removed" in outcome.err, outcome.err)
    left = box.berth("volumes", "-q").out.split()
    box.true(f"{box.name}_data" in left, f"{left}")
    outcome = box.berth("down")
    box.true(f'no resource found to remove for project "{box.name}"' in outcome.err, outcome.err)
    box.up(compose)
    box.berth("down", "-t", "0", "--volume")
    box.equal([name for name in os.listdir(os.path.join(box.environment["BERTH_STATE"], "volumes"))
               if name == f"{box.name}_data"], [])
    box.true("--volume " not in box.berth("down", "--help").out.replace("--volumes", ""), "the alias is shown")


@scenario("C60", "S149", alone=True)
def removed_images(box):
    box.berth("tag", "busybox:test", f"{box.name}:mine")
    box.up(ONE.replace("IMAGE", f"{box.name}:mine"))
    box.berth("down", "-t", "0", "--rmi", "local")
    images = box.berth("images", "--all").out
    box.true(box.name in images, images)
    # Another container uses it.
    box.up()
    other = box.write("other/compose.yaml", f"services: {{web: {{image: '{box.name}:mine', command: sleep 1000, init: true}}}}")
    box.berth("rmi", "busybox:test")
    box.berth("-f", other, "-p", "users", "up", "-d")
    outcome = box.berth("down", "-t", "0", "--rmi", "all")
    box.true(f"Image {box.name}:mine Resource is still in use" in outcome.err, outcome.err)
    box.berth("-f", other, "-p", "users", "down", "-t", "0")
    box.berth("tag", f"{box.name}:mine", "busybox:test")
    box.berth("up", "-d")
    outcome = box.berth("down", "-t", "0", "--rmi", "all")
    box.true(f"Image {box.name}:mine Removed" in outcome.err, outcome.err)
    box.true(box.name not in box.berth("images", "--all").out, "the image is still there")


@scenario("C60")
def networks_in_use(box):
    box.up(ONE)
    other = box.write("other/compose.yaml", f"""
services: {{guest: {{image: "busybox:test", command: sleep 1000, stop_grace_period: 0s, networks: [net]}}}}
networks: {{net: {{external: true, name: {box.name}_default}}}}
""")
    box.berth("-f", other, "-p", "visitors", "up", "-d")
    outcome = box.berth("down", "-t", "0")
    box.true(f"Network {box.name}_default Resource is still in use" in outcome.err, outcome.err)
    box.berth("-f", other, "-p", "visitors", "down", "-t", "0")
    box.berth("down")


# MARK: flags of up and create


@scenario("C59", "C68")
def flags(box):
    box.file(ONE)
    box.berth("up", "-d", "--build", "--quiet-build", "--quiet-pull", "-y")
    box.berth("create", "--build", "-y")
    box.equal(len(ids(box)), 1)
    outcome = box.berth("up", "-d", "nobody", code=1)
    box.true("no such service" in outcome.err, outcome.err)
    box.file("services: {web: {image: IMAGE, profiles: [off]}}")
    box.refused_verb("up", "-d", saying="no service selected")
    box.refused_verb("up", "-d", "--pull", "sometimes", saying="invalid --pull")
    box.file(ONE)


@scenario("S143", "C59", "C68", "C69")
def services_that_were_not_named_are_no_orphans(box):
    box.file("""
      services:
        db: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s}
        web: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, depends_on: [db]}
        tool: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, profiles: [tools]}
    """)
    box.berth("--profile", "tools", "up", "-d")
    before = ids(box)
    for command in (["up", "-d", "db"], ["create", "db"], ["scale", "db=1"], ["plan", "db"], ["run", "--rm", "-T", "db", "true"]):
        box.true("found orphan" not in box.berth(*command, code=None).err, f"{command} tells of orphans")
    box.berth("up", "-d", "--remove-orphans", "db")
    box.berth("run", "--rm", "-T", "--remove-orphans", "db", "true")
    box.equal(ids(box), before, "containers after those of one service were brought up")
