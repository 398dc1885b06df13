"""What steps of a build see of the host, and what stays of a secret: nothing."""

import base64
import glob
import json
import os
import secrets
import socket
import subprocess
import threading

from world import IMAGE, scenario

# A step that says it has begun and waits for a file, both in a cache of its own.
WAITING = "--mount=type=cache,id=NAME,target=/go"
WAIT = "touch /go/begun; n=0; while [ ! -e /go/on ] && [ $n -lt 400 ]; do sleep 0.05; n=$((n+1)); done"


def leaks(box, words):
    """Files of berth, processes' arguments and environments in which one of the words is found."""
    needles = []
    for word in (word.encode() for word in words):
        needles += [word, base64.b64encode(word).rstrip(b"=")[:-2], word.hex().encode()]
    found = []
    for top in (box.environment["BERTH_STATE"], box.environment["BERTH_RUN"]):
        for folder, _, names in os.walk(top):
            for path in (os.path.join(folder, name) for name in names):
                if os.path.isfile(path) and not os.path.islink(path):
                    with open(path, "rb") as file:
                        content = file.read()
                    if any(needle in content or needle in path.encode() for needle in needles):
                        found.append(path)
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                content = file.read()
        except OSError:
            continue  # it has ended meanwhile
        if any(needle in content for needle in needles):
            found.append(path)
    return found


@scenario("S-49", "E51", "A152")
def secrets_stay_nowhere(box):
    """In memory while the step runs, for its user alone; in no layer, record, history, log or argument."""
    kept, told, poor = (secrets.token_hex(16) for _ in range(3))
    box.write("kept.txt", kept)
    box.environment["TOLD"] = told
    # What is built in must not be packed, or it could hide what is looked for.
    steps = f"""\
FROM {IMAGE} AS first
RUN {WAITING.replace("NAME", box.name)} --mount=type=secret,id=kept --mount=type=secret,id=told,env=WORD \\
    --mount=type=secret,id=told,target=/etc/told,mode=0440,uid=7 \\
    stat -c '%a %u %n' /run/secrets/kept /etc/told; \\
    echo "length $(cat /run/secrets/kept | wc -c) ${{#WORD}}"; {WAIT}
RUN test -z "$WORD" && ! test -e /run/secrets/kept && ls -a /run/secrets /etc/told; find / -xdev -name kept
FROM first
COPY --from=first / /all/
"""
    box.write("Dockerfile", steps)
    box.write(".dockerignore", "kept.txt\n")
    box.file("""
      services: {app: {build: {context: ., secrets: [kept, told]}, stop_signal: SIGKILL}}
      secrets: {kept: {file: kept.txt}, told: {environment: TOLD}}
    """)
    build = subprocess.Popen([box.world.berth, "--progress", "plain", "build"], cwd=box.folder, env=box.environment,
                             text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
    try:
        begun = os.path.join(box.environment["BERTH_STATE"], "builds/caches/*/data/begun")
        box.until(lambda: glob.glob(begun) or build.poll() is not None, "the step does not begin")
        if build.poll() is None:
            box.equal(leaks(box, [kept, told]), [], "where secrets are while the step runs")
            open(os.path.join(os.path.dirname(glob.glob(begun)[0]), "on"), "w").close()
        out, _ = build.communicate(timeout=40)
    finally:
        if build.poll() is None:
            build.kill()
            build.communicate()
    box.equal(build.returncode, 0, f"the build, which said: {out}")
    for line in ("400 0 /run/secrets/kept", "440 7 /etc/told", "length 32 32"):
        box.true(line in out, f"no `{line}`: {out}")
    box.equal([word for word in (kept, told) if word in out], [], "secrets that are shown")
    box.equal(leaks(box, [kept, told]), [], "where secrets are after the build")
    # A step that fails tells of itself, too.
    box.environment["TOLD"] = poor
    box.write("Dockerfile", f"FROM {IMAGE}\n"
              "RUN --mount=type=secret,id=told,env=WORD --mount=type=secret,id=kept cat /none\n")
    outcome = box.berth("build", code=1)
    box.true(poor not in outcome.text, outcome.text)
    box.equal(leaks(box, [kept, poor]), [], "where secrets are after a failure")


@scenario("S-49", "E52")
def agents_stay_nowhere(box):
    """The socket of an agent is there for one step, and what it is called on the host is in no image."""
    path = box.path("agent-" + secrets.token_hex(8))
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(8)

    def serve():
        while True:
            try:
                server.accept()[0].close()
            except OSError:
                return
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        box.environment["SSH_AUTH_SOCK"] = path
        box.write("Dockerfile", f"FROM {IMAGE}\nRUN : {box.name}\n"
                  "RUN --mount=type=ssh test -S $SSH_AUTH_SOCK && echo at $SSH_AUTH_SOCK\n"
                  "RUN test -z \"$SSH_AUTH_SOCK\" && ! test -e /run/buildkit && echo gone\n")
        box.file("services: {app: {build: {context: ., ssh: [default]}}}")
        said = box.berth("--progress", "plain", "build").err
        box.true(" at /run/buildkit/ssh_agent.0\n" in said and " gone\n" in said, said)
        box.equal(leaks(box, [os.path.basename(path)]), [], "where the socket is named")
    finally:
        server.close()


@scenario("S-50", "E29", "E30", "E36")
def environment_of_steps(box):
    """Exactly what the Dockerfile and the arguments say; nothing of the caller's environment."""
    box.environment |= {"LEAK": "leak", "LD_PRELOAD": "", "DOCKER_HOST": "leak", "no_proxy": "leak",
                        "http_proxy": "http://leak:1"}
    box.write(".env", "OTHER=leak\n")
    box.write("Dockerfile", f"""\
ARG GLOBAL=global
FROM {IMAGE} AS base
RUN : {box.name}
ENV KEPT=kept
ARG BEFORE=before
RUN ["env"]
FROM base
ARG GIVEN
ARG UNSET
ARG GLOBAL
ARG KEPT=hidden
ENV TWO="a b" PATH=/bin:/mine
USER 7:8
RUN ["env"]
""")
    box.file("services: {app: {build: {context: ., args: "
             "{GIVEN: given, HTTPS_PROXY: 'http://proxy:1', UNASKED: leak}}}}")
    said = box.berth("--progress", "plain", "build").err
    seen = {}
    for line in said.splitlines():
        number, _, rest = line.partition(" ")
        if "=" in rest and rest[0].isdigit():
            seen.setdefault(number, []).append(rest.split(" ", 1)[1])
    first, second = (sorted(each) for _, each in sorted(seen.items(), key=lambda item: int(item[0][1:])))
    box.equal(first, sorted(["PATH=/bin:/usr/bin:/sbin:/usr/sbin", "HOME=/root", "KEPT=kept",
                             "BEFORE=before", "HTTPS_PROXY=http://proxy:1"]))
    # An argument that comes after the variable is what a step sees, as with BuildKit.
    box.equal(second, sorted(["PATH=/bin:/mine", "HOME=/", "KEPT=hidden", "BEFORE=before", "GIVEN=given", "GLOBAL=global",
                              "TWO=a b", "HTTPS_PROXY=http://proxy:1"]))
    config = json.loads(box.berth("inspect", f"{box.name}-app").out)[0]["Config"]
    box.equal(config["Env"], ["PATH=/bin:/mine", "KEPT=kept", "TWO=a b"])
    # Later containers have nothing of it either.
    out = box.berth("run", "--rm", "-T", "app", "env").out
    box.true("GIVEN" not in out and "PROXY" not in out and "leak" not in out, out)
    box.berth("down", "-t", "0")
