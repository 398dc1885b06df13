"""What a container swaps under berth's hands: folders for links, while other containers are started and files are copied."""

import os

from attack import attack, service

PAIR = """
services:
  racer:
    image: IMAGE
    stop_grace_period: 0s
    command: sh -c 'mkdir -p /v/swap; ln -s CANARY /v/link; exec /attacker swap /v/swap /v/link 10000'
    volumes: ["ATTACKER:/attacker:ro", "shared:/v"]
  victim:
    image: IMAGE
    profiles: [victim]
    command: sleep 1000
    volumes: [shared:/v, MORE]
volumes: {shared: {}, other: {}}
"""


def pair(field, more, canary):
    return PAIR.replace("CANARY", canary).replace("ATTACKER", field.world.attacker).replace("MORE", more)


def start_often(field, rounds, check=None):
    """Starts the victim over and over; each start may fail, but only with a message. Returns how many did not."""
    started = 0
    for _ in range(rounds):
        outcome = field.berth("--profile", "victim", "run", "--rm", "-T", "victim", "sh", "-c", check or "true", code=None)
        field.true(0 <= outcome.code <= 127, f"ended with {outcome.code}: {outcome.text}")
        field.count(1)
        if check and outcome.code == 0:
            field.equal(outcome.out.strip(), "", "what the victim found")
        started += outcome.code == 0
    return started


@attack("S-07")
def mount_point_swapped(field):
    os.makedirs(field.path("given"))
    started = 0
    kinds = ("other:/v/swap", "./given:/v/swap/deep", "{type: tmpfs, target: /v/swap/sub}", "other:/v/swap/a/b")
    for kind in kinds:
        for way in (field.canary, "../" * 12 + field.canary.lstrip("/")):
            field.up(pair(field, kind, way))
            started += start_often(field, field.many(4, 63))
            field.berth("down", "--volumes", "--timeout", "0")
    field.true(started, "no start at all got as far as the program")


@attack("S-07")
def subpath_swapped(field):
    """A part of a volume is mounted while another container makes it a link out."""
    started = 0
    for way in (field.canary, "../" * 12 + field.canary.lstrip("/")):
        field.up(pair(field, "{type: volume, source: shared, target: /part, volume: {subpath: swap}}", way))
        started += start_often(field, field.many(8, 250), "ls /part | grep -E 'owned|program|empty|pipe'; true")
        field.berth("down", "--volumes", "--timeout", "0")
    field.true(started, "no start at all got as far as the program")


@attack("S-03")
def null_swapped(field):
    """Two containers share a volume at /dev and swap the node that masks would be made of."""
    compose = """
services:
  racer:
    image: IMAGE
    stop_grace_period: 0s
    command: sh -c 'mkdir -p /v; mknod /v/null c 1 3; ln -s /proc/sys/kernel/core_pattern /v/other; exec /attacker swap /v/null /v/other 10000'
    volumes: ["ATTACKER:/attacker:ro", "shared:/v"]
  victim:
    image: IMAGE
    profiles: [victim]
    command: sleep 1000
    volumes: [shared:/dev]
volumes: {shared: {}}
""".replace("ATTACKER", field.world.attacker)
    field.up(compose)
    check = ("for p in /proc/interrupts /proc/keys /proc/timer_list; do test -e $p || continue; head -c 1 $p | grep -q . && echo $p can be read; done;"
             "(echo x > /proc/sys/kernel/core_pattern) 2>/dev/null && echo core_pattern; (: > /proc/sysrq-trigger) 2>/dev/null && echo sysrq; true")
    field.true(start_often(field, field.many(20, 200), check), "no start at all got as far as the program")


@attack("S-12")
def copied_while_swapped(field):
    """Files are copied in and out through a folder that a container swaps for a link to the host."""
    os.makedirs(field.path("given"))
    with open(field.path("given/mine"), "w") as file:
        file.write("mine")
    for way in (field.canary, "../" * 12 + field.canary.lstrip("/")):
        field.up(pair(field, "other:/other", way))
        for number in range(field.many(12, 250)):
            field.berth("cp", field.path("given/mine"), "racer:/v/swap/mine", code=None)
            field.berth("cp", "racer:/v/swap/.", field.path(f"out{number}"), code=None)
            field.count(2)
            found = set(os.listdir(field.path(f"out{number}"))) if os.path.isdir(field.path(f"out{number}")) else set()
            field.true(found <= {"mine", "swap"}, f"copied from the host: {found}")
        field.berth("down", "--volumes", "--timeout", "0")


@attack("S-08")
def source_swapped(field):
    """Another user of the host swaps the source of a bind: what is mounted is one of the two, whole, and never anything else."""
    os.makedirs(field.path("place/one"))
    os.makedirs(field.path("two"))
    for folder, text in (("place/one", "one"), ("two", "two")):
        with open(field.path(folder, "name"), "w") as file:
            file.write(text)
    os.symlink(field.path("two"), field.path("place/link"))
    field.up(service(field, f"volumes: ['{field.world.attacker}:/attacker:ro', '{field.path('place')}:/place']",
                     of="services:\n  racer:\n    image: IMAGE\n    stop_grace_period: 0s\n    command: /attacker swap /place/one /place/link 10000\n") + f"""
  victim:
    image: IMAGE
    profiles: [victim]
    volumes: ['{field.path('place/one')}:/given']
""")
    started = 0
    for _ in range(field.many(10, 200)):
        outcome = field.berth("--profile", "victim", "run", "--rm", "-T", "victim", "cat", "/given/name", code=None)
        field.true(outcome.code != 0 or outcome.out.strip() in ("one", "two"), f"mounted {outcome.text}")
        started += outcome.code == 0
        field.count(1)
    field.true(started, "no start at all got as far as the program")
