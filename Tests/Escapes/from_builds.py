"""What the steps of a build try: links where mounts are made and taken away, and links where files are taken from."""

import glob
import os
import re
import shutil

from attack import attack
from world import IMAGE

COMPOSE = """
services:
  app: {build: {context: ., secrets: [word]}}
  racer: {build: racer}
secrets: {word: {environment: WORD}}
"""
# What the canary's files say, not what they are called.
CONTENTS = re.compile("canary (file|program|linked|sub)")


def project(field, dockerfile):
    field.environment["WORD"] = "secret"
    field.file(COMPOSE)
    field.write("Dockerfile", f"FROM {IMAGE}\n{dockerfile}\n")


def build(field, *flags, service="app"):
    """A build may fail, but with a message, and says nothing that is the host's. Returns whether it went well."""
    outcome = field.berth("--progress", "plain", "build", *flags, service, code=None)
    field.true(outcome.code in (0, 1), f"ended with {outcome.code}: {outcome.text}")
    field.true(outcome.code == 0 or "error" in outcome.err, f"failed without a word: {outcome.text}")
    field.true(not CONTENTS.search(outcome.text), f"read from the host: {outcome.text}")
    field.count(1)
    return outcome.code == 0


def ways(field, name=""):
    """Ways to write where the canary, or a part of it, lies."""
    place = os.path.join(field.canary, name)
    return (place, "../" * 12 + place.lstrip("/"))


@attack("S-45")
def cache_swapped(field):
    """Two builds share a cache, and one swaps a folder of it for a link to the host while the other mounts into it."""
    mounts = ("type=tmpfs,target=/c/swap/empty", "type=secret,id=word,target=/c/swap/file",
              "type=bind,target=/c/swap/sub", "type=cache,id=other,target=/c/swap/sub/deep",
              "type=bind,from=tools,source=/bin,target=/c/swap/new",
              "type=cache,id=more,target=/c/swap")
    os.makedirs(field.path("racer"))
    shutil.copy(field.world.attacker, field.path("racer/attacker"))
    passed = 0
    for way in ways(field):
        project(field, "")
        cache = f"RUN --mount=type=cache,id={field.name},target=/c "
        field.write("racer/Dockerfile", f"FROM {IMAGE}\nCOPY attacker /\n{cache} mkdir -p /c/swap; rm -rf /c/link; "
                    f"ln -s {way} /c/link; : > /c/ready; exec /attacker swap /c/swap /c/link 1000\n")
        racer = field.start("build", "--no-cache", "racer")
        ready = os.path.join(field.environment["BERTH_STATE"], "builds/caches/*/data/ready")
        field.until(lambda: glob.glob(ready), "the other build does not begin")
        for number in range(field.many(2, 60)):
            for mount in mounts:
                field.write("Dockerfile", f"FROM {IMAGE} AS tools\nFROM {IMAGE}\n{cache} --mount={mount} "
                            f" find /c -type f -maxdepth 3 -exec cat {{}} + 2>/dev/null; true\n")
                passed += build(field, "--no-cache")
        field.true(racer.poll() is None, "the other build has ended")
        racer.send_signal(2)
        racer.communicate(timeout=20)
        for file in glob.glob(ready):
            os.remove(file)
    field.true(passed, "no build at all got as far as its program")


@attack("S-46")
def mount_point_replaced(field):
    """A step moves the folder of a mount away and puts a link to the host there: cleaning up follows none."""
    passed = 0
    for kind, name in (("tmpfs", "empty"), ("cache", "empty"), ("bind", "sub"), ("secret,id=word", "file"),
                       ("tmpfs", "sub/new"), ("secret,id=word", "sub/owned"),
                       ("bind,from=busybox:test,source=/bin", "empty")):
        deep = os.path.dirname(name)
        for way in ways(field, deep):
            at = os.path.join("/a", deep)
            move = f"RUN --mount=type={kind},target=/a/{name} mv {at} /moved && ln -s {way} {at}"
            project(field, move)
            passed += build(field, "--no-cache")
            # Over a folder that the image has.
            project(field, f"RUN mkdir -p {at}\n{move}")
            passed += build(field, "--no-cache")
    field.true(passed, "no step at all could move the folder")


def links(field):
    """Names and targets of links by which a source may lead out."""
    canary = field.canary
    out = "../" * 12
    return {
        "absolute": canary, "file": canary + "/file", "relative": out + canary.lstrip("/"), "up": out, "top": "/",
        "dots": "./." + "/.." * 12 + canary, "slashes": "/" * 40 + canary.lstrip("/") + "//",
        "process": "/proc/self/root" + canary, "first": "/proc/1/root" + canary, "descriptor": "/proc/self/fd/3",
        "folder": "/proc/self/cwd", "chain": "absolute",
        "chained": "chain/../sub", "through": "top" + canary, "above": "up/" + canary.lstrip("/"), "loop": "loop",
        "link": canary + "/link", "owned": canary + "/sub/owned", "state": field.environment["BERTH_STATE"],
        "dot": "absolute/.",
    }


@attack("S-47", "S-48")
def sources_are_links(field):
    """Sources of mounts and copies lead out of the stage or the context: nothing of the host is read."""
    made = links(field)
    stage = " && ".join(f"ln -s {target} /l/{name}" for name, target in made.items())
    see = "find /got -exec head -c 200 {} \\;; true"
    show = "RUN find /got* -exec head -c 200 {} \\; 2>/dev/null; ls -lR /got; true"
    tricks = []
    for name in made:
        for source in ("l/" + name, f"l/{name}/", f"l/{name}/file"):
            tricks += [
                f"RUN --mount=from=evil,source=/{source},target=/got {see}",
                f"RUN --mount=source={source},target=/got {see}",
                f"RUN --mount=type=cache,id={field.name}-{len(tricks)},from=evil,source=/{source},target=/got {see}",
                f"COPY --from=evil /{source} /got\n{show}",
                f"COPY {source} /got\n{show}",
                f"COPY --link --parents {source} /got/\n{show}",
                f"ADD {source} /got\n{show}",
            ]
    os.makedirs(field.path("l"))
    for name, target in made.items():
        os.symlink(target, field.path("l", name))
    # A number that has no factor in common with that of the ways, so that all ways are tried.
    step = field.many(11, 1)
    passed = 0
    for trick in tricks[::step]:
        project(field, "")
        field.write("Dockerfile", f"FROM {IMAGE} AS evil\nRUN mkdir /l && {stage}\nFROM {IMAGE}\n{trick}\n")
        passed += build(field)
    # What comes of it must not be the host's either when somebody else looks at it.
    project(field, "COPY l /got")
    field.true(build(field), "links cannot be copied as links")
    outcome = field.berth("run", "--rm", "-T", "app", "sh", "-c", "cat /got/*; find /got -type l | wc -l", code=None)
    field.equal(outcome.out.strip(), f"{len(made)}", "links in the image, and what can be read through them")
    field.berth("down", "-t", "0")


@attack("S-48")
def context_is_odd(field):
    """Pipes, devices, links and ignore files that point out of the context are refused or left out, and hang none."""
    os.makedirs(field.path("in"))
    os.mkfifo(field.path("in/pipe"))
    os.mknod(field.path("in/null"), 0o20666, os.makedev(1, 3))
    os.symlink(field.canary, field.path("in/link"))
    os.link(field.path(field.write("one", "one")), field.path("in/two"))
    passed = 0
    for ignored in ("", "!../../..\n", "*\n!../canary\n", "**/../..\n", "in/../../../\n", "!/proc\n",
                    "in/pipe\nin/null\n"):
        for copy in ("COPY . /got", "COPY in /got", "COPY in/* /got/", "COPY in/pipe /got", "COPY ../../.. /got",
                     "COPY in/../../.. /got", "COPY in/link/.. /got", "COPY in/link/file /got"):
            project(field, f"{copy}\nRUN find /got -type f -exec head -c 200 {{}} \\;")
            field.write(".dockerignore", ignored)
            passed += build(field)
    field.true(passed, "no context at all could be copied")
