"""The language of Dockerfiles as a build sees it: faults all at once, here-documents, variables in words and mounts."""

import os
import re
import shutil
import subprocess

from world import IMAGE, scenario

FAULTY = """\
FROM scratch AS 1st
RNU make
COPY --form=x a b
RUN --mount=type=cahce,target=/c true
ENV A=${B:-
"""

# Place of each fault and words of its message or hint.
FAULTS = [
    ("Dockerfile:1:17", "invalid name for build stage: `1st`"), ("Dockerfile:2:1", "did you mean `RUN`?"),
    ("Dockerfile:3:6", "did you mean `--from`?"), ("Dockerfile:4:18", "did you mean `cache`?"),
    ("Dockerfile:5:7", "a `${` has no `}`"),
]


def project(box, dockerfile):
    box.file("services: {web: {build: .}}")
    box.write("Dockerfile", dockerfile)


@scenario("E22", "E25", "E27", "E33", "E49", "E56")
def faults_at_once(box):
    project(box, FAULTY)
    outcome = box.berth("build", code=1)
    at = -1
    for place, words in FAULTS:
        box.true(outcome.err.find(place) > at, f"{place} is not told in its turn: {outcome.err}")
        at = outcome.err.find(place)
        box.true(words in outcome.err, f"`{words}` is not said: {outcome.err}")
    box.true("COPY --form=x a b" in outcome.err, f"the line is not shown: {outcome.err}")


@scenario("E22")
def another_frontend(box):
    project(box, "# syntax=example/front:1\nFROM scratch\n")
    outcome = box.berth("build", code=1)
    box.true("the frontend `example/front:1` of `# syntax=` cannot be used" in outcome.err, outcome.err)
    box.true("Dockerfile:1:10" in outcome.err, outcome.err)


@scenario("E54")
def devices(box):
    project(box, f"FROM {IMAGE}\nRUN --device=gpu true\n")
    outcome = box.berth("build", code=1)
    box.true("flag `--device` of `RUN` is not supported" in outcome.err, outcome.err)


@scenario("E24", "E29", "E33")
def documents_and_variables(box):
    project(box, f"""\
ARG NAME=file
FROM {IMAGE}
ARG NAME
ENV DIR=/made WORDS="a  b" REST=${{NAME#f}}-${{NAME/i/o}}
RUN <<-EOF
	mkdir $DIR
	echo "$WORDS|$REST" > $DIR/run
	EOF
RUN cat > $DIR/two <<'A' && cat >> $DIR/two <<B
$DIR
A
$DIR
B
COPY <<one.txt <<'raw' ${{DIR}}/
$NAME
one.txt
$NAME
raw
RUN test "$(cat $DIR/run)" = "a  b|ile-fole"
RUN printf '$DIR\\n/made\\n' | cmp - $DIR/two
RUN test "$(cat $DIR/one.txt)" = file && test "$(cat $DIR/raw)" = '$NAME'
""")
    box.berth("build")


@scenario("E33", "E49")
def numbers_of_mounts(box):
    project(box, f"""\
FROM {IMAGE}
ARG U=7 M=0711
RUN --mount=type=cache,target=/c,uid=$U,gid=${{NO:-8}},mode=$M test "$(stat -c '%u %g %a' /c)" = "7 8 711"
""")
    box.berth("build")
    project(box, f"FROM {IMAGE}\nARG M=9\nRUN --mount=type=cache,target=/c,mode=$M true\n")
    outcome = box.berth("build", code=1)
    box.true("invalid value `9` for `mode`" in outcome.err and "Dockerfile:3:39" in outcome.err, outcome.err)


EARLY = f"""\
FROM {IMAGE} AS first
RUN echo it ran > /ran && sleep 60
EXPOSE abc
STOPSIGNAL SIGNONE
COPY a b c
RUN --network=host true
"""


@scenario("E37", "E42", "E53", "E55")
def faults_before_anything_runs(box):
    """What the text alone shows is told at once, not after an hour of RUN."""
    project(box, EARLY)
    outcome = box.berth("build", code=1)
    for place, words in [("Dockerfile:3", "`abc` is not a port"), ("Dockerfile:4", "`SIGNONE` is no signal"),
                         ("Dockerfile:6", "entitlement network.host is not allowed")]:
        box.true(place in outcome.err and words in outcome.err, f"`{words}` is not said: {outcome.err}")
    box.true("RUN echo it ran" not in outcome.err, f"a step has begun: {outcome.err}")


@scenario("E27", "E56")
def a_stage_mistyped(box):
    project(box, f"FROM {IMAGE} AS builder\nFROM {IMAGE}\nCOPY --from=buidler /a /b\n")
    outcome = box.berth("build", code=1)
    box.true("did you mean the stage `builder`?" in outcome.err, outcome.err)


@scenario("E52", needs=["ssh-keygen", "ssh-agent"])
def keys_by_an_agent(box):
    """A key's file is given by an agent that is gone with the build; the key itself is not to be had."""
    for name, phrase in [("key", ""), ("locked", "pass")]:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", phrase, "-f", box.path(name)]
        subprocess.run(command, check=True, timeout=20)
    box.file("services: {web: {build: {context: ., ssh: ['deploy=./key', 'shut=./locked', 'none=./nothing']}}}")
    box.write("Dockerfile", f"FROM {IMAGE}\nRUN --mount=type=ssh,id=deploy test -S $SSH_AUTH_SOCK && ! test -e /key\n")
    box.berth("build")
    agents = os.path.join(box.environment["BERTH_RUN"], "agents")
    box.equal(os.listdir(agents), [], "sockets of agents")
    for name, words in [("shut", "cannot be used"), ("none", "cannot be read")]:
        box.write("Dockerfile", f"FROM {IMAGE}\nRUN --mount=type=ssh,id={name} true\n")
        outcome = box.berth("build", code=1)
        box.true(words in outcome.err and "Dockerfile:2" in outcome.err, f"`{words}` is not said: {outcome.err}")
    box.equal(os.listdir(agents), [], "sockets of agents")


@scenario("E53")
def own_name_without_a_network(box):
    project(box, f"FROM {IMAGE}\nRUN --network=none hostname -i > /address; cat /etc/hosts >&2\n")
    box.equal(box.berth("run", "--build", "--rm", "-T", "web", "cat", "/address").out.strip(), "127.0.0.1")


@scenario("E27", "E35")
def a_stage_of_another_machine(box):
    """Its files can be taken; its programs do not run here, and it is no image for here."""
    box.write("f", "f")
    other = "linux/s390x"
    project(box, f"FROM --platform={other} scratch AS far\nCOPY f /f\nFROM {IMAGE}\nCOPY --from=far /f /f\n")
    box.equal(box.berth("run", "--build", "--rm", "-T", "web", "cat", "/f").out, "f")
    project(box, f"FROM --platform={other} {IMAGE} AS far\nRUN true\nFROM {IMAGE}\nCOPY --from=far /f /f\n")
    outcome = box.berth("build", code=1)
    box.true("its programs do not run here" in outcome.err and "Dockerfile:2:" in outcome.err, outcome.err)
    project(box, f"FROM --platform={other} scratch\nCOPY f /f\n")
    box.true(f"the image would be for {other}" in box.berth("build", code=1).err, "it was built")


@scenario("E53", "E38")
def the_name_that_an_image_has(box):
    project(box, f"FROM {IMAGE}\nRUN echo kept > /etc/hostname\nFROM {IMAGE}\nCOPY --from=0 /etc/hostname /name\n")
    box.equal(box.berth("run", "--build", "--rm", "-T", "web", "cat", "/name").out, "kept\n")


@scenario("E47", "E48")
def mounts_without_a_target(box):
    """They are at the working directory, unless that is the root."""
    box.write("given", "given")
    project(box, f"FROM {IMAGE}\nWORKDIR /w\nRUN --mount=from=,readwrite cat given > /seen\nCOPY --from= given /copied\n")
    box.equal(box.berth("run", "--build", "--rm", "-T", "web", "cat", "/seen", "/copied").out, "givengiven")
    project(box, f"FROM {IMAGE}\nRUN --mount=type=cache true\n")
    outcome = box.berth("build", code=1)
    box.true("cannot have the root as its target" in outcome.err and "Dockerfile:2:" in outcome.err, outcome.err)


@scenario("E49")
def caches_of_other_owners(box):
    line = "RUN --mount=type=cache,target=/kept,id=" + box.name
    project(box, f"FROM {IMAGE}\n{line} touch /kept/root\nUSER 1000:1000\n"
            f"{line},uid=1000,gid=1000 touch /kept/x && ls /kept > /tmp/seen && stat -c %u:%g /kept >> /tmp/seen\n")
    box.equal(box.berth("run", "--build", "--rm", "-T", "web", "cat", "/tmp/seen").out.split(), ["x", "1000:1000"])


@scenario("E52", needs=["ssh-agent", "ssh-keygen"])
def agents_of_steps_that_are_not_root(box):
    """An agent answers root and its own user alone: what is between lets in whom the mount says."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", box.path("key")], check=True, timeout=20)
    program = shutil.which("ssh-add")
    for path in [program, *re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout)]:
        os.makedirs(os.path.dirname(box.path("root" + path)), exist_ok=True)
        shutil.copy(path, box.path("root" + path))
    box.file("services: {web: {build: {context: ., ssh: ['default=./key']}}}")
    box.write("Dockerfile", f"FROM {IMAGE}\nCOPY root /\nUSER 1000:1000\n"
              f"RUN --mount=type=ssh,uid=1000 (stat -c %u:%g:%a $SSH_AUTH_SOCK; {program} -l) > /tmp/seen 2>&1\n")
    seen = box.berth("run", "--build", "--rm", "-T", "web", "cat", "/tmp/seen").out.split()
    box.equal((seen[0], seen[-1]), ("1000:0:600", "(ED25519)"))
    box.equal(os.listdir(os.path.join(box.environment["BERTH_RUN"], "agents")), [], "sockets of agents")


@scenario("E48")
def one_copy_of_a_mount(box):
    """What several steps mount of the context is copied once, and what one of them writes is its own."""
    box.write("given", "given")
    step = "RUN --mount=type=bind,target=/m stat -c %i /m/given"
    project(box, f"FROM {IMAGE}\n{step} > /1\nRUN --mount=type=bind,target=/m,rw echo new > /m/given\n{step} > /2; cat /m/given > /3\n")
    one, two, three = box.berth("run", "--build", "--rm", "-T", "web", "cat", "/1", "/2", "/3").out.split()
    box.equal((one, three), (two, "given"))
