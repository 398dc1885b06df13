"""What `COPY` takes and where it puts it, as BuildKit does, and what is said where nothing can be taken."""

import os
import socket
import tempfile

from world import IMAGE, scenario


def project(box, dockerfile):
    box.file("services: {web: {build: .}}")
    box.write("Dockerfile", dockerfile)


def shown(box, script):
    """What a shell says in a container of a new image."""
    return box.berth("run", "--build", "--rm", "-T", "web", "sh", "-c", script).out.strip()


def refused(box, dockerfile, *words):
    project(box, dockerfile)
    outcome = box.berth("build", code=1)
    for word in words:
        box.true(word in outcome.err, f"no `{word}`: {outcome.err}")
    return outcome


@scenario("E55", "E46")
def where_it_was_looked_for(box):
    box.write("requirements.txt", "x")
    box.write("kept/a", "a")
    box.write(".dockerignore", "# notes\n\nkept/*\n")
    refused(box, f"FROM {IMAGE}\nCOPY requirments.txt /\n", f"is not in the build context `{box.folder}`", "Dockerfile:2:6",
            "there is `/requirements.txt`")
    refused(box, f"FROM {IMAGE}\nCOPY ../far/off /\n", "`/far/off` is not in", "`..` does not lead out")
    refused(box, f"FROM {IMAGE}\nCOPY kept/a /\n", "left out by line 3 of the ignore file, `kept/*`", "!kept/a")
    refused(box, f"FROM {IMAGE}\nCOPY --exclude=*.txt requirements.txt /\n", "left out by `--exclude=*.txt`")
    refused(box, f"FROM {IMAGE} AS one\nFROM {IMAGE}\nCOPY --from=one /none /\n", "`/none` is not in `one`", "Dockerfile:3:17")
    refused(box, f"FROM {IMAGE}\nCOPY https://user:hidden@h/x /\n", "`COPY` fetches nothing: `https://xxxxx@h/x`", "write `ADD`")
    refused(box, f"FROM {IMAGE}\nCOPY requirements.txt /bin/sh/x\n", "Dockerfile:2:23")
    with tempfile.TemporaryDirectory(dir="/tmp") as short, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.join(short, "s"))
        os.rename(os.path.join(short, "s"), box.path("s"))
        refused(box, f"FROM {IMAGE}\nCOPY s /\n", "`/s` is a socket")


@scenario("E55")
def looked_for_before_programs_run(box):
    outcome = refused(box, f"FROM {IMAGE}\nRUN echo it ran\nCOPY nothing /\n", "`/nothing` is not in", "Dockerfile:3:6")
    box.true(" it ran" not in outcome.err.replace("RUN echo it ran", ""), f"a program has run: {outcome.err}")
    box.true("[internal] load build context" in outcome.err, outcome.err)
    # Not of stages that nothing needs.
    project(box, f"FROM {IMAGE} AS none\nCOPY nothing /\nFROM {IMAGE}\nRUN echo it ran > /it\n")
    box.equal(shown(box, "cat /it"), "it ran")


@scenario("E56", "E45")
def stages_that_are_not_there_yet(box):
    for dockerfile, words in [
            (f"FROM {IMAGE} AS me\nCOPY --from=me /a /b\n", "stage `me` cannot take from itself"),
            (f"FROM {IMAGE}\nCOPY --from=later /a /b\nFROM {IMAGE} AS later\n", "stage `later` is defined on line 3"),
            (f"FROM {IMAGE}\nRUN --mount=from=0,target=/m true\n", "`--from=0` names no stage before this one"),
            (f"FROM {IMAGE} AS a\nFROM {IMAGE}\nCOPY --from=7 /a /b\n", "`--from=7` names no stage before this one")]:
        refused(box, dockerfile, words)
        box.true(words in box.berth("build", "--check", code=1).err, f"`--check` does not say `{words}`")
    box.file(f"services: {{web: {{build: {{context: ., additional_contexts: {{later: 'docker-image://{IMAGE}'}}}}}}}}")
    box.write("Dockerfile", f"FROM {IMAGE}\nCOPY --from=later /bin/busybox /b\nFROM {IMAGE} AS later\n")
    box.berth("build")


@scenario("E55")
def patterns_and_places(box):
    box.write("a.txt", "a")
    box.write("b.txt", "b")
    project(box, f"""\
FROM {IMAGE}
WORKDIR /app
COPY a.txt b.txt /app
COPY none* /none/
COPY *.txt /one
""")
    box.equal(shown(box, "ls /app; test -e /none || echo none; cat /one"), "a.txt\nb.txt\nnone\nb")
    refused(box, f"FROM {IMAGE}\nCOPY a.txt b.txt /new\n", "the destination must be a folder: `/new` is none", "Dockerfile:2:18")


@scenario("E55")
def names_of_one_file(box):
    """A name that another source takes over is not the file that it was."""
    for name, content in [("d1/f", "I"), ("d2/f", "J")]:
        box.write(name, content)
    os.link(box.path("d1/f"), box.path("d2/g"))
    project(box, f"FROM {IMAGE}\nCOPY d1 d2 /d/\n")
    box.equal(shown(box, "cat /d/f /d/g"), "JI")


@scenario("E43")
def triggers_that_need_a_stage(box):
    box.write("Dockerfile", f"FROM {IMAGE}\nONBUILD COPY --from=builder /x /x\n")
    box.file(f"services: {{web: {{build: ., image: 'localhost/{box.name}:on'}}}}")
    box.berth("build")
    box.write("Dockerfile", f"FROM {IMAGE} AS builder\nRUN exit 3\nFROM localhost/{box.name}:on\n")
    box.file("services: {web: {build: .}}")
    outcome = box.berth("build", code=1)
    for word in ("Dockerfile:2", "exit code: 3"):
        box.true(word in outcome.err, f"no `{word}`: {outcome.err}")


@scenario("E59")
def links_of_the_base(box):
    """A layer that is put over a link of its base is not the same on another base."""
    def image(tag, rest):
        box.write("Dockerfile", f"FROM {IMAGE}\nRUN mkdir -p /srv/data && ln -s /srv/data /data{rest}\n")
        box.file(f"services: {{web: {{build: ., image: 'localhost/{box.name}:{tag}'}}}}")
        box.berth("build")
    box.write("f", "f")
    image("link", "")
    image("folder", " && rm /data && mkdir -m 700 /data && chown 5:5 /data")
    seen = []
    for tag in ("link", "folder"):
        project(box, f"FROM localhost/{box.name}:{tag}\nCOPY --link f /data/f\n")
        seen.append(shown(box, "stat -c '%a %u' /data; cat /data/f"))
    box.equal(seen, ["755 0\nf", "700 5\nf"])


@scenario("E45", "E29")
def what_base_images_set(box):
    """Variables of an image that is here are known to the checks; of one that is not, names that are longer are let be."""
    box.write("Dockerfile", f"FROM {IMAGE}\nENV GOPATH=/go\n")
    box.file(f"services: {{web: {{build: ., image: 'localhost/{box.name}:go'}}}}")
    box.berth("build")
    project(box, f"FROM localhost/{box.name}:go\nWORKDIR $GOPATH/src\n")
    box.berth("build", "--check")
    project(box, f"FROM localhost/{box.name}:go\nWORKDIR $GOPTAH/src\n")
    box.true("did you mean `$GOPATH`?" in box.berth("build", "--check", code=1).err, "a mistyped variable is not told")
    project(box, "FROM example.invalid/go\nWORKDIR $GOPATH/src\n")
    box.berth("build", "--check")


@scenario("C85", "E45")
def without_rights(box):
    """What only reads files needs no root."""
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        os.chmod(home, 0o777)
        for name, content in [("compose.yaml", "services: {web: {build: .}}"), ("Dockerfile", "FROM scratch\nCOPY f /\n")]:
            with open(os.path.join(home, name), "w", encoding="utf-8") as file:
                file.write(content)
        box.environment |= {"HOME": home, "BERTH_STATE": home + "/state", "BERTH_RUN": home + "/run"}
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        file = ["-f", home + "/compose.yaml"]
        box.true("Check complete" in box.berth(*file, "build", "--check", prefix=user).err, "`--check` does not say so")
        box.true('"web"' in box.berth(*file, "build", "--print", prefix=user).out, "`--print` prints nothing")
        box.true("needs root" in box.berth(*file, "build", code=1, prefix=user).err, "`build` runs without root")


@scenario("A152", "C85")
def where_names_and_arguments_stand(box):
    box.write("Dockerfile", "FROM scratch\n")
    box.file("services:\n  web:\n    build: .\n    image: UPPER/Case\n")
    outcome = box.berth("build", code=1)
    box.true("compose.yaml:4:" in outcome.err and "names no image that there can be" in outcome.err, outcome.err)
    box.file("services:\n  web:\n    build:\n      context: .\n      tags: ['a b']\n")
    box.true("compose.yaml:5:" in box.berth("build", code=1).err, "the place of `tags` is not told")
    project(box, "FROM scratch\nLABEL a=b\n")
    outcome = box.berth("build", "--build-arg", "NOPE=1")
    box.true("[NOPE] were not consumed" in outcome.err and "compose.yaml:" not in outcome.err, outcome.err)
    outcome = box.berth("build", "--build-arg", "BUILDKIT_SYNTAX=example/front:1", code=1)
    box.true("the frontend `example/front:1` of `BUILDKIT_SYNTAX`" in outcome.err, outcome.err)
    outcome = box.berth("--dry-run", "build", code=None)
    box.true("build --print" in outcome.err, outcome.err)


@scenario("E23", "A152")
def lines_of_an_inline_dockerfile(box):
    box.file("services:\n  web:\n    build:\n      dockerfile_inline: |\n        FROM scratch\n        RUNN x\n")
    outcome = box.berth("build", code=1)
    lines = outcome.err.splitlines()
    at = next(i for i, line in enumerate(lines) if "RUNN x" in line and "|" in line)
    box.equal(lines[at + 1].index("^"), lines[at].index("RUNN"), f"the caret's column of {outcome.err}")
    box.equal(lines[at + 1].count("^"), 4, "the caret's width")
    box.file('services:\n  web:\n    build:\n      dockerfile_inline: "FROM scratch\\nRUNN x\\n"\n')
    outcome = box.berth("build", code=1)
    box.true("line 2 of it: `RUNN x`" in outcome.err and "compose.yaml:4:" in outcome.err, outcome.err)
