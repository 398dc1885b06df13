"""Devices: the nodes that a container has, and which of them it may open."""

import json
import os
import stat

from world import Complaint, scenario


def service(box, *lines, prefix=()):
    box.file("services:\n  app:\n    image: IMAGE\n    command: sleep 1000\n" + "".join(f"    {line}\n" for line in lines))
    return box.berth("up", "-d", prefix=prefix)


def device():
    """A character device of the host that no container may use unasked, and that anyone can try: path, major, minor."""
    for name in ["fuse", "cpu_dma_latency", "loop-control", "vga_arbiter", "hpet", "snapshot"]:
        path = f"/dev/{name}"
        if os.path.exists(path) and stat.S_ISCHR(os.stat(path).st_mode):
            number = os.stat(path).st_rdev
            try:
                os.close(os.open(path, os.O_RDWR))
            except OSError:
                continue
            return path, os.major(number), os.minor(number)
    raise Complaint("no device to try here")


OPEN = "{{ true <> {0}; }} 2>&1 && echo open; true"
READ = "{{ true < {0}; }} 2>&1 && echo open; true"


def refused(box, path, script=OPEN):
    out = box.inside("app", script.format(path))
    box.true("not permitted" in out, f"{path} was not refused with EPERM: {out}")


@scenario("E88")
def nodes_by_default(box):
    service(box)
    nodes = "null zero full random urandom tty"
    out = box.inside("app", f"cd /dev; stat -c '%n %t:%T %a %u:%g' {nodes}")
    wanted = ["null 1:3", "zero 1:5", "full 1:7", "random 1:8", "urandom 1:9", "tty 5:0"]
    box.equal(out.splitlines(), [f"{line} 666 0:0" for line in wanted], "nodes")
    everything = set(box.inside("app", "ls /dev").split())
    box.equal(everything, set(nodes.split()) | {"fd", "stdin", "stdout", "stderr", "ptmx", "pts", "shm", "mqueue"}, "names in /dev")
    box.equal(box.inside("app", "head -c 3 /dev/urandom | wc -c; echo x > /dev/null; head -c 2 /dev/zero | wc -c").split(), ["3", "2"], "use")
    service(box, "tty: true")
    box.equal(box.inside("app", "stat -c '%F' /dev/console"), "character special file", "console of a container with a terminal")


@scenario("E88", "S-22")
def nodes_that_are_made(box):
    """Any node can be made; none but the usual can be opened."""
    service(box)
    for kind, numbers in [("c", "1 1"), ("c", "1 2"), ("b", "8 0"), ("c", "10 229"), ("c", "10 200"), ("b", "7 0"), ("c", "4 0")]:
        box.inside("app", f"mknod /node {kind} {numbers}")
        refused(box, "/node")
        refused(box, "/node", READ)
        box.inside("app", "rm /node")
    box.inside("app", "mknod /node c 1 3")
    box.equal(box.inside("app", OPEN.format("/node")), "open", "a null device of its own")


@scenario("A91", "E88")
def device_short(box):
    path, major, minor = device()
    service(box, f"devices: ['{path}']")
    box.equal(box.inside("app", f"stat -c '%t:%T' {path}"), f"{major:x}:{minor:x}", "numbers")
    box.equal(box.inside("app", OPEN.format(path)), "open", path)
    service(box, f"devices: ['{path}:/dev/other:rw']")
    box.equal(box.inside("app", OPEN.format("/dev/other")), "open", "/dev/other")
    service(box, f"devices: ['{path}:/dev/other:r']")
    refused(box, "/dev/other")
    box.equal(box.inside("app", READ.format("/dev/other")), "open", "/dev/other to read")


@scenario("A91")
def device_long(box):
    path, major, minor = device()
    service(box, "devices:", f"  - {{source: {path}, target: /devices/mine, permissions: r}}")
    box.equal(box.inside("app", "stat -c '%t:%T' /devices/mine"), f"{major:x}:{minor:x}", "numbers")
    refused(box, "/devices/mine")
    box.equal(box.inside("app", READ.format("/devices/mine")), "open", "to read")


@scenario("A91")
def device_folder(box):
    path, major, minor = device()
    os.makedirs(box.path("nodes/deep"))
    os.mknod(box.path("nodes/one"), stat.S_IFCHR | 0o600, os.makedev(major, minor))
    os.mknod(box.path("nodes/deep/two"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
    box.write("nodes/text", "no device")
    service(box, f"devices: ['{box.path('nodes')}:/dev/all']")
    box.equal(box.inside("app", "cd /dev/all; find . -type c | sort").split(), ["./deep/two", "./one"], "nodes")
    box.equal(box.inside("app", OPEN.format("/dev/all/one")), "open", "a node of a folder")
    box.equal(box.inside("app", "ls /dev/all").split(), ["deep", "one"], "names")


@scenario("A91")
def device_missing(box):
    outcome = box.refused("services:\n  app:\n    image: IMAGE\n    devices:\n      - /dev/not-there\n", "`/dev/not-there` is not on this machine")
    box.true("compose.yaml:5:" in outcome.err, f"no place: {outcome.err}")
    box.refused("services: {app: {image: IMAGE, devices: ['/etc/passwd:/dev/x']}}", "is no device")
    box.refused("services: {app: {image: IMAGE, devices: ['/dev/null:/dev/x:rx']}}", "permissions")
    box.refused("services: {app: {image: IMAGE, devices: ['null']}}", "neither a path nor the name of a device")


@scenario("A92", "E88")
def device_rules(box):
    _, major, minor = device()
    script = f"mknod /node c {major} {minor}"
    for rule in [f"c {major}:{minor} rwm", f"c {major}:* rwm", "c *:* rwm", "a *:* rwm"]:
        service(box, f"device_cgroup_rules: ['{rule}']")
        box.inside("app", script)
        box.equal(box.inside("app", OPEN.format("/node")), "open", f"the device by {rule}")
    service(box, f"device_cgroup_rules: ['c {major}:{minor} r', 'b 7:* r']")
    box.inside("app", script)
    refused(box, "/node")
    box.equal(box.inside("app", READ.format("/node")), "open", "to read")
    service(box, f"device_cgroup_rules: ['a {major}:{minor} rwm']")
    box.inside("app", "mknod /node c 10 200; mknod /mem c 1 1")
    refused(box, "/mem")


@scenario("A92")
def device_rule_that_is_none(box):
    outcome = box.refused("services:\n  app:\n    image: IMAGE\n    device_cgroup_rules:\n      - c 1:3 rwx\n", "is no device rule", "`c 1:3 rwx`")
    box.true("compose.yaml:5:" in outcome.err, f"no place: {outcome.err}")
    for rule in ["d 1:3 r", "c 1 r", "c 1:3", "c -1:3 r", "c 1:3 rr"]:
        box.refused(f"services: {{app: {{image: IMAGE, device_cgroup_rules: ['{rule}']}}}}", "is no device rule")


def described(box, name, text):
    """Words before a command that give it an /etc/cdi of its own, in a mount namespace of its own."""
    os.makedirs(box.path("etc/upper/cdi"), exist_ok=True)
    os.makedirs(box.path("etc/work"), exist_ok=True)
    box.write(f"etc/upper/cdi/{name}", text)
    top = box.path("etc")
    script = (f"mount -t tmpfs none {top}/work && mkdir {top}/work/u {top}/work/w && cp -a {top}/upper/. {top}/work/u/ && "
              f"mount -t overlay -o lowerdir=/etc,upperdir={top}/work/u,workdir={top}/work/w overlay /etc && exec \"$@\"")
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


def description(box, **more):
    path, _, _ = device()
    box.write("tool", "of the vendor\n")
    return {
        "cdiVersion": "0.6.0", "kind": "example.com/thing", "containerEdits": {"env": ["VENDOR=yes"]},
        "devices": [{"name": "one", "containerEdits": {
            "env": ["THING=1"], "additionalGids": [4321],
            "deviceNodes": [{"path": "/dev/thing", "hostPath": path, "permissions": "rw", "fileMode": 0o640, "uid": 7, "gid": 8}],
            "mounts": [{"hostPath": box.path("tool"), "containerPath": "/opt/tool", "options": ["ro", "bind"]}], **more}}]}


def check_thing(box):
    box.equal(box.inside("app", "echo $VENDOR $THING; cat /opt/tool"), "yes 1\nof the vendor", "environment and mount")
    box.equal(box.inside("app", "stat -c '%a %u:%g' /dev/thing"), "640 7:8", "mode and owners of the node")
    box.equal(box.inside("app", OPEN.format("/dev/thing")), "open", "the device")
    box.true("4321" in box.inside("app", "id -G").split(), "the group lacks")
    box.true("Read-only" in box.inside("app", "{ echo x > /opt/tool; } 2>&1; true"), "the mount can be written")


@scenario("A91", "E112")
def device_by_name(box):
    prefix = described(box, "thing.json", json.dumps(description(box)))
    service(box, "devices: ['example.com/thing=one']", prefix=prefix)
    check_thing(box)


@scenario("A91", "E112")
def device_by_name_in_yaml(box):
    path, _, _ = device()
    box.write("tool", "of the vendor\n")
    prefix = described(box, "thing.yaml", f"""\
cdiVersion: "0.6.0"
kind: example.com/thing
containerEdits:
  env: [VENDOR=yes]
devices:
- name: one
  containerEdits:
    env:
    - THING=1
    additionalGids: [4321]
    deviceNodes:
    - path: /dev/thing
      hostPath: {path}
      fileMode: 416
      uid: 7
      gid: 8
    mounts:
    - {{hostPath: {box.path("tool")}, containerPath: /opt/tool, options: [ro]}}
""")
    service(box, "devices: ['example.com/thing=one']", prefix=prefix)
    check_thing(box)


@scenario("A91", "E112")
def device_by_name_that_cannot_be(box):
    box.refused("services:\n  app:\n    image: IMAGE\n    devices: ['example.com/thing=one']\n", "unresolvable CDI device `example.com/thing=one`", "compose.yaml:4:")
    prefix = described(box, "thing.json", json.dumps(description(box, intelRdt={"closID": "x"})))
    box.file("services: {app: {image: IMAGE, devices: ['example.com/thing=one']}}")
    outcome = box.berth("up", "-d", code=1, prefix=prefix)
    box.true("Intel RDT" in outcome.err and "thing.json" in outcome.err, f"message: {outcome.err}")
    prefix = described(box, "thing.json", '{"cdiVersion": "0.6.0",')
    outcome = box.berth("up", "-d", code=1, prefix=prefix)
    box.true("invalid JSON" in outcome.err, f"message: {outcome.err}")


NO_DRIVER = "could not select device driver \"\" with capabilities: [[gpu]]"


@scenario("A93", "A169", "E112")
def graphics_without_driver(box):
    outcome = box.refused("services:\n  app:\n    image: IMAGE\n    gpus: all\n", NO_DRIVER, "nvidia-ctk cdi generate")
    box.true("compose.yaml:4:" in outcome.err, f"no place: {outcome.err}")
    box.refused("""\
        services:
          app:
            image: IMAGE
            deploy: {resources: {reservations: {devices: [{capabilities: [gpu], count: 1}]}}}
        """, NO_DRIVER)


@scenario("A93", "A169")
def graphics_that_exclude_each_other(box):
    box.refused("services: {app: {image: IMAGE, gpus: [{count: 1, device_ids: ['0']}]}}", "exclude each other")
    box.refused("services: {app: {image: IMAGE, deploy: {resources: {reservations: {devices: [{capabilities: [gpu], count: 1, device_ids: ['0']}]}}}}}",
                "exclude each other")


@scenario("A93", "A169", "E112")
def graphics_by_description(box):
    content = {"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [
        {"name": name, "containerEdits": {"env": [f"GPU_{name.upper()}=yes"]}} for name in ["0", "1", "all"]]}
    prefix = described(box, "nvidia.json", json.dumps(content))
    seen = "env | grep ^GPU_ | sort | tr '\\n' ' '"
    for lines, wanted in [
        (["gpus: all"], "GPU_ALL=yes"), (["gpus: [{count: 2}]"], "GPU_0=yes GPU_1=yes"), (["gpus: [{device_ids: ['1']}]"], "GPU_1=yes"),
        (["deploy: {resources: {reservations: {devices: [{capabilities: [gpu], driver: nvidia, count: 1}]}}}"], "GPU_0=yes"),
        (["deploy: {resources: {reservations: {devices: [{capabilities: [x], driver: cdi, device_ids: ['nvidia.com/gpu=1']}]}}}"], "GPU_1=yes"),
    ]:
        service(box, *lines, prefix=prefix)
        box.equal(box.inside("app", seen), wanted, f"devices of {lines[0]}")
