"""The cache of builds: steps from elsewhere and for elsewhere, what it takes of the disk, and how it goes."""

import contextlib
import glob
import gzip
import hashlib
import json
import os
import re
import socket
import subprocess
import time

from world import IMAGE, TOP, scenario

COMPOSE = "services: {app: {build: {context: ., MORE}, stop_signal: SIGKILL}}"
# Each build of a step says another number.
NUMBERED = f"""\
FROM {IMAGE} AS tools
RUN : NAME; cat /proc/sys/kernel/random/uuid > /tool; echo > /rest
FROM {IMAGE}
COPY --from=tools /tool /tool
RUN cat /proc/sys/kernel/random/uuid > /number
"""


def project(box, more="", dockerfile=NUMBERED):
    box.file(COMPOSE.replace("MORE", more))
    box.write("Dockerfile", dockerfile.replace("NAME", box.name))


def build(box, *flags):
    """How each step that makes a layer ended, and all that was said."""
    said = box.berth("--progress", "plain", "build", *flags).err
    ends = {}
    for number, title in re.findall(r"^#(\d+) \[.*\] ((?:RUN|COPY) .*)$", said, re.MULTILINE):
        ends[title.split()[0] + str(sum(key.startswith(title.split()[0]) for key in ends))] = \
            "cached" if re.search(rf"^#{number} CACHED", said, re.MULTILINE) else "made"
    return ends, said


def image(box):
    return json.loads(box.berth("inspect", f"{box.name}-app").out)[0]["Id"]


def config_of(box):
    """The whole config of the image that is built."""
    build(box)
    with open(os.path.join(state(box), "blobs/sha256", image(box).removeprefix("sha256:"))) as file:
        return json.load(file)


def number(box):
    out = box.berth("run", "--rm", "-T", "app", "cat", "/tool", "/number").out
    box.berth("down", "-t", "0")
    return out


def state(box, name="images"):
    return os.path.join(box.environment["BERTH_STATE"], name)


def own_state(box):
    """A state of its own, as another machine would have."""
    # Networks of two states in one run folder would take each other's names away.
    box.environment |= {"BERTH_STATE": box.path("state"), "BERTH_RUN": box.path("run")}
    box.berth("load", "--quiet", "--input", os.path.join(box.world.folder, "image.tar"))
    box.berth("tag", box.berth("images", "--all", "--quiet").out.split()[0], IMAGE)


def emptied(box):
    """As a machine that has never built this."""
    box.berth("rmi", "-f", f"{box.name}-app", code=None)
    box.berth("builder", "prune", "-a", "-f")
    box.equal(os.listdir(state(box, "images/steps")), [], "records of steps after all were pruned")


ALL = {"RUN0", "COPY0", "RUN1"}


def shared(box, give, take):
    """What is given away with `give` is had again with `take`, for the same image."""
    own_state(box)
    project(box, give)
    ends, said = build(box)
    box.equal((set(ends), set(ends.values())), (ALL, {"made"}), said)
    first, numbers = image(box), number(box)
    emptied(box)
    project(box, take)
    ends, said = build(box)
    box.equal(ends, {name: "cached" for name in ALL}, said)
    box.equal((image(box), number(box)), (first, numbers), "the image and what is in it")
    # From now on they are this machine's own.
    project(box)
    ends, said = build(box)
    box.equal(set(ends.values()), {"cached"}, said)
    return said


@scenario("E74")
def given_to_a_folder(box):
    shared(box, 'cache_to: ["type=local,dest=./cache,mode=max"]', 'cache_from: ["type=local,src=./cache"]')
    with open(box.path("cache/index.json")) as file:
        box.equal(len(json.load(file)["manifests"]), 1)
    # `min` has what the image is made of, and not what it was copied from.
    emptied(box)
    project(box, 'cache_to: ["type=local,dest=./least"]')
    build(box)
    numbers = number(box)
    emptied(box)
    project(box, 'cache_from: ["type=local,src=./least"]')
    ends, said = build(box)
    box.equal(ends["RUN0"], "made", said)
    box.true(number(box).splitlines()[0] != numbers.splitlines()[0], "a step that was not kept is the same")
    # What was changed by somebody is found out, told, and made anew.
    emptied(box)
    for blob in glob.glob(box.path("cache/blobs/sha256/*")):
        with open(blob, "r+b") as file:
            if file.read(2) == b"\x1f\x8b":
                file.seek(4)
                file.write(b"spoilt")
    project(box, 'cache_from: ["type=local,src=./cache"]')
    ends, said = build(box)
    box.equal(ends["RUN0"], "made", said)
    box.true("cannot be had, and is made anew" in said and "is not what its name says" in said, said)
    number(box)


def blob_file(folder, descriptor):
    return os.path.join(folder, "blobs/sha256", descriptor["digest"].removeprefix("sha256:"))


def rewritten(folder, change):
    """Lets `change` have the manifest and the config of a layout's image, and names what it leaves. What it gets as well
    adds a layer: a descriptor for bytes."""
    def added(content, kind):
        descriptor = {"mediaType": kind, "digest": "sha256:" + hashlib.sha256(content).hexdigest(), "size": len(content)}
        with open(blob_file(folder, descriptor), "wb") as file:
            file.write(content)
        return descriptor

    def read(path):
        with open(path, "rb") as file:
            return json.load(file)
    index = read(os.path.join(folder, "index.json"))
    entry = index["manifests"][0]
    manifest = read(blob_file(folder, entry))
    config = read(blob_file(folder, manifest["config"]))
    change(manifest, config, added)
    manifest["config"] = added(json.dumps(config).encode(), manifest["config"]["mediaType"])
    entry.update(added(json.dumps(manifest).encode(), entry["mediaType"]))
    with open(os.path.join(folder, "index.json"), "w") as file:
        json.dump(index, file)


def manifests(box):
    """Media types of the layers in each manifest of the image that is built."""
    found = []
    for path in glob.glob(state(box, "images/blobs/sha256/*")):
        with open(path, "rb") as file:
            text = file.read(4 << 20)
        if text[:1] == b"{" and json.loads(text).get("config", {}).get("digest") == image(box):
            found.append([layer["mediaType"] for layer in json.loads(text)["layers"]])
    return found


@scenario("E74")
def layers_of_other_kinds(box):
    """What comes compressed otherwise than here stays so, under names that are true, from one build to the next."""
    own_state(box)
    project(box, 'cache_to: ["type=local,dest=./cache,mode=max"]')
    build(box)
    numbers = number(box)
    emptied(box)

    def change(manifest, _, added):
        kinds = ["application/vnd.docker.image.rootfs.diff.tar", "application/vnd.oci.image.layer.v1.tar+zstd"]
        for place, kind in enumerate(kinds, start=1):
            with open(blob_file(box.path("cache"), manifest["layers"][place]), "rb") as file:
                plain = gzip.decompress(file.read())
            # The second says what it is not.
            manifest["layers"][place] = added(plain if place == 1 else gzip.compress(plain), kind)
    rewritten(box.path("cache"), change)
    project(box, 'cache_from: ["type=local,src=./cache"], cache_to: ["type=local,dest=./on"]')
    ends, said = build(box)
    box.equal(set(ends.values()), {"cached"}, said)
    box.equal(number(box), numbers)
    kind = "application/vnd.oci.image.layer.v1.tar"
    wanted = [[kind, kind + "+gzip"]]
    box.equal([layers[-2:] for layers in manifests(box)], wanted, "kinds of layers")
    build(box)
    box.equal([layers[-2:] for layers in manifests(box)], wanted, "kinds of layers after a second build")
    # It is given on as it is.
    kinds = []
    rewritten(box.path("on"), lambda manifest, *_: kinds.extend(layer["mediaType"] for layer in manifest["layers"]))
    box.equal(sorted(kinds), sorted(wanted[0]), "kinds of layers that were given on")


def listed(box, folder):
    with open(box.path(folder, "index.json")) as file:
        return [entry.get("annotations", {}).get("org.opencontainers.image.ref.name") for entry in json.load(file)["manifests"]]


@scenario("E74")
def folders_of_several(box):
    """Services that write to one folder at once, each under a name of its own; what else lies there stays."""
    own_state(box)
    box.write("cache/index.json", json.dumps({"schemaVersion": 2, "manifests": [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:" + "0" * 64, "size": 2}]}))
    names = [f"s{number}" for number in range(8)]

    def file(more, numbers):
        file = f"FROM {IMAGE}\\nRUN : {box.name}-NAME; cat /proc/sys/kernel/random/uuid > /own"
        box.file("services:\n" + "".join(
            f'  {name}: {{build: {{dockerfile_inline: "{file.replace("NAME", name)}", {more.replace("NAME", name)}}}}}\n'
            for name in numbers))
    for _ in range(3):
        file('cache_to: ["type=local,dest=./cache,tag=NAME"]', names)
        box.berth("build", "--no-cache")
        box.equal(sorted(listed(box, "cache"), key=str), sorted([None] + names, key=str), "what the folder holds")
    file('cache_to: ["type=local,dest=./cache"]', names[:2])
    box.berth("build")
    box.equal(listed(box, "cache").count("latest"), 1, "caches called latest")
    left = [name for _, _, files in os.walk(box.path("cache")) for name in files if ".new-" in name]
    box.equal(left, [], "files half written")
    for name in names:
        box.berth("rmi", "-f", f"{box.name}-{name}")
    box.berth("builder", "prune", "-a", "-f")
    file('cache_from: ["type=local,src=./cache,tag=NAME"]', names)
    said = box.berth("--progress", "plain", "build").err
    box.equal(said.count("CACHED"), 16, said)
    # A place is waited for where a step is not known here.
    box.berth("rmi", "-f", f"{box.name}-{names[0]}")
    box.berth("builder", "prune", "-a", "-f")
    file('cache_from: ["type=local,src=./cache,tag=other"]', names[:1])
    box.true("there is no cache called `other` in it" in box.berth("build").err, "no word of a tag that is not there")
    file('cache_from: ["type=local,src=./cache,digest=sha256:1"]', names[:1])
    box.refused_verb("build", saying="`sha256:1` is no digest")


@contextlib.contextmanager
def registry():
    """The address of a registry that takes what is pushed, and ends with the block."""
    program = os.path.join(TOP, "scripts", "with-registry")
    process = subprocess.Popen([program, "sh", "-c", "echo $REGISTRY; read -r line"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.communicate("\n", timeout=20)


@scenario("E74", needs=["docker-registry"])
def given_to_a_registry(box):
    with registry() as address:
        name = f"{address}/cache:one"
        shared(box, f'cache_to: ["type=registry,ref={name},mode=max"]', f'cache_from: ["{name}"]')
        image = f"{address}/shop:one"
        # Beside the image itself; what is built on that has nothing of it.
        project(box, dockerfile=f"FROM {IMAGE}\nRUN cat /proc/sys/kernel/random/uuid > /tool; echo > /number\n")
        for more in ('cache_to: ["type=inline"]', 'args: {BUILDKIT_INLINE_CACHE: 1}'):
            box.file(COMPOSE.replace("MORE", more).replace("build:", f'image: "{image}", build:'))
            build(box, "--push", "--no-cache")
            numbers = number(box)
            box.berth("rmi", image)
            emptied(box)
            box.file(COMPOSE.replace("MORE", f'cache_from: ["type=registry,ref={image}"]'))
            ends, said = build(box)
            box.equal((ends, number(box)), ({"RUN0": "cached"}, numbers), said)
        project(box, f'cache_from: ["{image}"]', f"FROM {image}\nRUN : more\n")
        box.true("buildcache" not in json.dumps(config_of(box)), "an image has the records of the one below it")


@scenario("E74")
def given_nowhere(box):
    """Caches that are not there, or of other makers, are told, and no build fails for them."""
    box.write("odd/index.json", "{")
    box.write("image/index.json", json.dumps({"schemaVersion": 2, "manifests": []}))
    froms = ["type=local,src=./none", "type=local,src=./odd", "type=local,src=./image", "127.0.0.1:1/none",
             "type=gha,scope=a", "type=s3,bucket=b", "type=inline"]
    project(box, f'cache_from: {json.dumps(froms)}, cache_to: ["type=azblob,name=x"]')
    ends, said = build(box)
    box.equal(set(ends.values()), {"made"}, said)
    for place in froms[:4]:
        box.true(f"the cache `{place}` is left out" in said, f"no word of `{place}`: {said}")
    for kind in ("gha", "s3", "azblob"):
        box.true(f"caches of type `{kind}` are not known here" in said, f"no word of {kind}: {said}")
    # What cannot be written fails, unless that does not matter.
    project(box, 'cache_to: ["type=registry,ref=127.0.0.1:1/none"]')
    box.refused_verb("build", saying="the cache cannot be written to `type=registry,ref=127.0.0.1:1/none`")
    project(box, 'cache_to: ["type=registry,ref=127.0.0.1:1/none,ignore-error=true"]')
    ends, said = build(box)
    box.equal(set(ends.values()), {"cached"}, said)


@scenario("E74")
def places_that_do_not_answer(box):
    """Steps that are known here do not wait for them, others not for long; each is asked once, whoever names it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = f"127.0.0.1:{listener.getsockname()[1]}/none"
        listener.setblocking(False)
        file = f'dockerfile_inline: "FROM {IMAGE}\\nRUN : {box.name}; echo > /x"'
        box.file(f"services: {{a: {{build: {{{file}}}}}, b: {{build: {{{file}}}}}}}")
        box.berth("build")
        file += f', cache_from: ["{place}"]'
        box.file(f"services: {{a: {{build: {{{file}}}}}, b: {{build: {{{file}}}}}}}")
        said = box.berth("build").err
        box.true("is left out" not in said, f"a build that knows all has waited: {said}")
        box.file("services: " + json.dumps({name: {"build": {
            "dockerfile_inline": f"FROM {IMAGE}\nRUN : {box.name}; echo {name} > /x", "cache_from": [place]}} for name in "ab"}))
        said = box.berth("build").err
        box.equal(said.count("there is no answer within 10 seconds"), 1, said)


def cache_row(box):
    rows = [json.loads(line) for line in box.berth("du", "--format", "json").out.splitlines()]
    return {row["Type"]: row for row in rows}["Build Cache"]


@scenario("E75", "E178")
def pruned(box):
    own_state(box)
    project(box, dockerfile=f"FROM {IMAGE}\nRUN dd if=/dev/urandom of=/one bs=1M count=3\n"
            "RUN --mount=type=cache,target=/c dd if=/dev/urandom of=/c/kept bs=1M count=2; echo > /two\n")
    build(box)
    box.equal(cache_row(box)["TotalCount"], "3")
    # Nothing that the image needs goes.
    out = box.berth("builder", "prune", "-f").out
    box.equal(out, "Total reclaimed space: 0B\n")
    box.equal(set(build(box)[0].values()), {"cached"})
    box.berth("rmi", f"{box.name}-app")
    box.true(cache_row(box)["ReclaimableBytes"] > 7 << 20, cache_row(box))
    out = box.berth("builder", "prune", "-f", "--filter", "until=1h").out
    box.true(out.startswith("Total"), out)
    out = box.berth("builder", "prune", "-f", "--keep-storage", "1gb").out
    box.true(out.startswith("Total"), out)
    out = box.berth("builder", "prune", "-f", "--keep-storage", "1mb").out
    box.true(out.startswith("Deleted build cache objects:\n") and len(out.splitlines()) >= 4, out)
    ends, said = build(box)
    box.equal(ends["RUN0"], "made", said)
    kept = glob.glob(state(box, "builds/caches/*/data/kept"))
    box.equal(len(kept), 1, "folders of caches after all that")
    box.refused_verb("builder", "prune", saying="use -f not to be asked")
    box.refused_verb("builder", "prune", "-f", "--filter", "label=x", saying="unknown filter")
    box.refused_verb("builder", "prune", "-f", "--keep-storage", "much", saying="invalid size `much`")
    box.berth("builder", "prune", "-a", "-f")
    box.equal(glob.glob(state(box, "builds/caches/*")), [], "folders of caches")
    box.equal(cache_row(box)["TotalCount"], "0")
    box.berth("run", "--rm", "-T", "app", "true")
    box.berth("down", "-t", "0")


@scenario("E75")
def pruned_while_building(box):
    """A build at work keeps what it has found and the folders that it has mounted."""
    own_state(box)
    wait = "touch /go/begun; n=0; while [ ! -e /go/on ] && [ $n -lt 400 ]; do sleep 0.05; n=$((n+1)); done"
    project(box, dockerfile=f"FROM {IMAGE}\nRUN echo > /one\nRUN --mount=type=cache,target=/go {wait}; echo > /two\n")
    build_ = subprocess.Popen([box.world.berth, "build"], cwd=box.folder, env=box.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    begun = state(box, "builds/caches/*/data/begun")
    try:
        box.until(lambda: glob.glob(begun) or build_.poll() is not None, "the step does not begin")
        outcome = box.berth("builder", "prune", "-a", "-f")
        box.true("a build is at work" in outcome.err, outcome.text)
        box.equal(len(glob.glob(begun)), 1, "folders of caches while a build is at work")
        open(os.path.join(os.path.dirname(glob.glob(begun)[0]), "on"), "w").close()
        out, _ = build_.communicate(timeout=40)
        box.equal(build_.returncode, 0, out)
    finally:
        if build_.poll() is None:
            build_.kill()
            build_.communicate()
    box.berth("run", "--rm", "-T", "app", "ls", "/one", "/two")
    box.berth("down", "-t", "0")


@scenario("E75")
def bounded_by_age(box):
    """What was of no use for two weeks goes with the end of the next build that makes something; what is used stays."""
    own_state(box)
    project(box, dockerfile=f"FROM {IMAGE}\nRUN --mount=type=cache,id=old,target=/c echo > /one\n")
    build(box)
    box.berth("rmi", f"{box.name}-app")
    old = time.time() - 15 * 24 * 3600
    for path in glob.glob(state(box, "images/steps/*")) + glob.glob(state(box, "builds/caches/*")):
        os.utime(path, (old, old))
    before = set(glob.glob(state(box, "images/steps/*")))
    project(box, dockerfile=f"FROM {IMAGE}\nRUN echo > /other\n")
    build(box)
    box.equal(set(glob.glob(state(box, "images/steps/*"))) & before, set(), "steps of no use for 15 days")
    box.equal(glob.glob(state(box, "builds/caches/*")), [], "caches of no use for 15 days")
    for path in glob.glob(state(box, "images/steps/*")):
        os.utime(path, (old, old))
    project(box, dockerfile=f"FROM {IMAGE}\nRUN echo > /other\nRUN echo > /more\n")
    ends, said = build(box)
    box.equal(ends, {"RUN0": "cached", "RUN1": "made"}, said)
    box.equal(len(glob.glob(state(box, "images/steps/*"))), 2, "steps after one was used again")
