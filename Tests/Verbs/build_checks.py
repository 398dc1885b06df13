"""What `build --check` tells of Dockerfiles, and what ignore files keep out of a build."""

import os

from world import IMAGE, scenario

POOR = """\
ARG VERSION=1
FROM scratch as Base
ENV PATH=$PAHT API_KEY=x
WORKDIR tmp
COPY docs/a /x
EXPOSE 80/TCP
LABEL version=$VERSION
CMD x
"""

# Place and name of each thing that is told of it.
TOLD = [
    (2, 14, "FromAsCasing"), (2, 17, "StageNameCasing"), (3, 10, "UndefinedVar"), (3, 16, "SecretsUsedInArgOrEnv"),
    (4, 9, "WorkdirRelativePath"), (5, 6, "CopyIgnoredFile"), (6, 8, "ExposeProtoCasing"), (7, 15, "UndefinedVar"),
    (8, 1, "JSONArgsRecommended"),
]


def project(box, dockerfile):
    box.file("services: {web: {build: .}}")
    box.write("Dockerfile", dockerfile)
    box.write("docs/a", "a")


def told(outcome):
    """`(line, column, name)` of each warning or error that points into the Dockerfile."""
    found = []
    for line in outcome.err.splitlines():
        kind, _, rest = line.partition("[")
        if kind in ("warning", "error") and "]" in rest:
            found.append([None, None, rest.split("]")[0]])
        elif line.strip().startswith("-->") and "Dockerfile:" in line and found:
            found[-1][:2] = [int(part) for part in line.split("Dockerfile:")[1].split(":")[:2]]
    return [tuple(one) for one in found]


@scenario("E45", "C85")
def all_at_once(box):
    project(box, POOR)
    box.write(".dockerignore", "docs\n")
    images = box.berth("images", "--all", "-q").out
    outcome = box.berth("build", "--check", code=1)
    box.equal(told(outcome), TOLD)
    box.true("did you mean `$PATH`?" in outcome.err, outcome.err)
    box.true("write `ARG VERSION` in this stage" in outcome.err, outcome.err)
    # It only looks: no image is made.
    box.equal(box.berth("images", "--all", "-q").out, images)


@scenario("E45", "C85")
def nothing_to_say(box):
    project(box, "FROM scratch\nCOPY docs /docs\nCMD [\"/x\"]\n")
    box.berth("build", "--check")


@scenario("E45", "E22")
def left_out_by_name(box):
    project(box, "# check=skip=FromAsCasing,StageNameCasing,UndefinedVar,SecretsUsedInArgOrEnv\n" + POOR)
    names = [name for _, _, name in told(box.berth("build", "--check", code=1))]
    box.equal(names, ["WorkdirRelativePath", "ExposeProtoCasing", "JSONArgsRecommended"])
    project(box, "# check=skip=all\n" + POOR)
    box.berth("build", "--check")


@scenario("E45", "E32")
def build_argument(box):
    project(box, "# check=skip=all\n" + POOR)
    outcome = box.berth("build", "--check", "--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=UndefinedVar", code=1)
    names = [name for _, _, name in told(outcome)]
    box.true("FromAsCasing" in names and "UndefinedVar" not in names, outcome.err)
    outcome = box.berth("build", "--check", "--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skp=all", code=1)
    box.true("invalid check option `skp=all`" in outcome.err, outcome.err)


@scenario("E45", "E22")
def warnings_that_fail(box):
    project(box, "# check=error=true\nFROM scratch\nCOPY docs /docs\nCMD x\n")
    outcome = box.berth("build", code=1)
    box.equal(told(outcome), [(4, 1, "JSONArgsRecommended")])
    box.true("error[JSONArgsRecommended]" in outcome.err, outcome.err)


@scenario("E65")
def ignore_file_with_faults(box):
    project(box, "FROM scratch\nCOPY docs /docs\n")
    box.write(".dockerignore", "# rules\n\n[a\nfine\n!\n")
    outcome = box.berth("build", "--check", code=1)
    for words in ("`[a` is not a pattern: its `[` is not closed", ".dockerignore:3:1",
                  "`!` is not a pattern: nothing follows its `!`", ".dockerignore:5:1"):
        box.true(words in outcome.err, outcome.err)


@scenario("E65", "E61")
def what_is_left_out(box):
    box.file("services: {web: {build: ., command: [find, /x, /y, -type, f]}}")
    box.write("Dockerfile", f"FROM {IMAGE}\nCOPY . /x\nCOPY --exclude=**/*.c --exclude=!**/keep.c src /y\n")
    for name in ("a.md", "README.md", "docs/deep/b.md", "docs/keep.txt", "node_modules/x/y.js", "src/a.c", "src/keep.c",
                 "src/b.o", "src/deep/c.o", ".git/config", "secret", "Dockerfile.dockerignore"):
        box.write(name, name)
    box.write(".dockerignore", "*\n")
    box.write("Dockerfile.dockerignore", "\ufeff# own rules come first\r\n/.git\n**/*.md\n!README.md\n  src/**/*.o  \n"
              "docs\n!docs/keep.txt\n./node_modules/\nsec?et\nDockerfile*\ncompose*\n")
    box.berth("build")
    found = box.berth("run", "--rm", "web").out.split()
    box.equal(sorted(found), sorted([
        "/x/.dockerignore", "/x/README.md", "/x/docs/keep.txt", "/x/src/a.c", "/x/src/keep.c", "/y/keep.c"]))


@scenario("E37", "E42", "E58")
def what_no_build_could_do(box):
    project(box, "FROM scratch AS other\nEXPOSE x\nSTOPSIGNAL SIGFOO\nFROM scratch\nCOPY --chmod=9 docs /docs\n"
            "RUN --mount=type=cache ls\nRUNN x\n")
    for words in (["build", "--check"], ["build"]):
        outcome = box.berth(*words, code=1)
        places = [line.split("Dockerfile:")[1] for line in outcome.err.splitlines() if "-->" in line]
        box.equal(places, ["2:8", "3:12", "5:14", "6:13", "7:1"])


@scenario("E45")
def one_line_in_a_build(box):
    """A build says what the checks say on a line each, once for all services of a file, and nothing when it is quiet."""
    box.file("services: {web: {build: .}, other: {build: ., command: [/x]}}")
    box.write("Dockerfile", "FROM scratch\nCOPY docs /docs\nENV A x\nCMD x\n")
    box.write("docs/a", "a")
    lines = ["warning[LegacyKeyValueFormat]: `ENV` without `=` is an old form (Dockerfile:3)",
             "warning[JSONArgsRecommended]: `CMD` starts a shell, which keeps signals to itself (Dockerfile:4)"]
    for words in (["build"], ["--progress", "plain", "up", "--no-start", "--build"]):
        outcome = box.berth(*words)
        box.equal([line for line in outcome.err.splitlines() if "warning" in line or "Dockerfile" in line], lines)
    for words in (["build", "-q"], ["--progress", "quiet", "build"]):
        box.equal(box.berth(*words).err, "")
    outcome = box.berth("--progress", "plain", "up", "--no-start", "--build", "--quiet-build")
    box.true("warning" not in outcome.err, outcome.err)
    outcome = box.berth("--progress", "json", "build")
    box.equal(outcome.err.count('"level":"warning"'), 2)


@scenario("E22")
def what_is_no_file(box):
    """A fifo is refused, but what a shell hands on is read, also when it is written late."""
    dockerfile = "FROM scratch\\nCOPY docs /docs\\n"
    project(box, dockerfile)
    os.unlink(box.path("Dockerfile"))
    os.mkfifo(box.path("Dockerfile"))
    outcome = box.berth("build", code=1, limit=20)
    box.true("Dockerfile` is a fifo, and no file" in outcome.err, outcome.err)
    script = f"{{ sleep 1; printf '{dockerfile}'; }}"
    box.file("services: {web: {build: {context: ., dockerfile: /dev/stdin}}}")
    box.berth("build", prefix=["bash", "-c", f'{script} | "$@"', "_"])
    box.file("services: {web: {build: {context: ., dockerfile: \"${FILE}\"}}}")
    box.berth("build", prefix=["bash", "-c", f'exec 7< <({script}); FILE=/dev/fd/7 "$@"', "_"])
