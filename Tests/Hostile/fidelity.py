#!/usr/bin/env python3
"""Compares what berth makes of honest images with what skopeo and umoci make of the same, file by file.

    Tests/Hostile/fidelity.py --berth PATH [--only NAME] [--jobs 3]

Images made with GNU tar, umoci, buildah and by hand are pushed by skopeo to a real registry on loopback in
several forms (OCI and docker's schema 2; gzip, zstd, not compressed), pulled by berth, stacked by overlayfs
as a container has them, and compared with umoci's unpacking: type, mode, owner, size, content, times to
the nanosecond, links, groups of hard links, device numbers and extended attributes.
"""

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys

from harness import enter, in_parallel, run_berth
from honest import differences, make_sources, run, snapshot
from oci import MANIFEST, Image, Layer, chain_ids
from server import Server, Shelf

HERE = os.path.dirname(os.path.abspath(__file__))


# Forms in which an image is pushed.

MEMORY = "/var/lib/containers"
GZIP, ZSTD = "tar+gzip", "tar+zstd"
FORMS = {
    "oci-gzip": (["--format", "oci"], GZIP), "docker-gzip": (["--format", "v2s2"], "tar.gzip"),
    "oci-zstd": (["--format", "oci", "--dest-compress-format", "zstd"], ZSTD), "plain": (None, ".tar"),
}


class Case:
    def __init__(self, source, form):
        self.source, self.form = source, form
        self.name, self.peak = f"{source.name}-{form}", 0


class World:
    def __init__(self, berth, place, registry):
        self.berth, self.place, self.registry = berth, place, registry
        self.shelf = Shelf()
        self.server = Server(self.shelf)


def push(world, case):
    """The image's reference. Uncompressed layers skopeo would compress, so these are served from here."""
    arguments, wanted = FORMS[case.form]
    image = case.source.layout.image(case.source.tag)
    if arguments is None:
        plain = [Layer(b"", expand(layer.blob), layer.diff, MANIFEST.replace("manifest.v1+json", "layer.v1.tar"))
            for layer in image.layers]
        world.shelf.put(Image(*plain), case.name)
        return f"{world.server.address}/{case.name}"
    target = f"{world.registry}/{case.name}:latest"
    # With no memory of blobs pushed before: skopeo would use those in place of the form that is asked for.
    alone = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs "$0" && exec "$@"', MEMORY]
    run(*alone, "skopeo", "copy", "-q", "--dest-tls-verify=false", *arguments,
        f"oci:{case.source.layout.path}:{case.source.tag}", f"docker://{target}")
    kinds = json.loads(run("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{target}"))["layers"]
    assert all(layer["mediaType"].endswith(wanted) for layer in kinds), f"skopeo pushed {kinds}"
    return target


def expand(blob):
    return gzip.decompress(blob) if blob[:2] == b"\x1f\x8b" else blob


def compare(world, case):
    top = os.path.join(world.place, case.name)
    os.makedirs(f"{top}/project")
    try:
        reference = push(world, case)
        with open(f"{top}/project/compose.yaml", "w") as out:
            out.write(f"services:\n  a:\n    image: {reference}\n")
        environment = {"PATH": os.environ["PATH"], "HOME": top, "NO_COLOR": "1", "BERTH_STATE": f"{top}/state",
            "BERTH_RUN": f"{top}/run"}
        outcome = run_berth([world.berth, "pull"], f"{top}/project", environment, 60)
        if outcome.faults() or outcome.code != 0:
            return outcome.faults() + [f"not pulled: {outcome.err[-300:]!r}"]
        layers = [f"{top}/state/images/layers/{chain}/fs" for chain in chain_ids([
            layer.diff for layer in case.source.layout.image(case.source.tag).layers])]
        seen = snapshot(stacked(layers, top))
        if not case.source.names_root:
            # Its time is then nobody's.
            seen[b"."]["time"] = case.source.expected[b"."]["time"]
        found = differences(case.source.expected, seen)
        if case.source.name == "kinds":
            for name in ("sparse", "hole"):
                blocks = os.lstat(f"{layers[0]}/{name}").st_blocks
                if blocks > 512:
                    found.append(f"`{name}` takes {blocks} blocks: its holes are filled")
        return found[:8] + ([f"and {len(found) - 8} more"] if len(found) > 8 else [])
    finally:
        subprocess.run(["umount", f"{top}/merged"], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(top, ignore_errors=True)


def stacked(layers, top):
    """As a container has them: by overlayfs, read only."""
    os.mkdir(f"{top}/merged")
    os.mkdir(f"{top}/bottom")
    # Numbers in place of paths, since mount(8) takes a page of options; an empty folder below for images of one layer.
    os.mkdir(f"{top}/l")
    for number, layer in enumerate(layers):
        os.symlink(layer, f"{top}/l/{number}")
    lower = ":".join([f"l/{number}" for number in reversed(range(len(layers)))] + ["bottom"])
    run("mount", "-t", "overlay", "overlay", "-o", f"ro,lowerdir={lower}", f"{top}/merged", cwd=top)
    return f"{top}/merged"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--berth", required=True)
    parser.add_argument("--only", action="append", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=3)
    options = parser.parse_args()
    for program in ("skopeo", "docker-registry"):
        if not shutil.which(program):
            parser.error(f"no `{program}` in PATH")
    place = enter(size="4g") if "REGISTRY" not in os.environ else os.environ["BERTH_HOSTILE_INSIDE"]
    if "REGISTRY" not in os.environ:
        os.execv(os.path.join(HERE, "../../scripts/with-registry"), ["with-registry", sys.executable, "-B", *sys.argv])
    os.makedirs(MEMORY, exist_ok=True)
    sources = make_sources(place)
    world = World(os.path.abspath(options.berth), place, os.environ["REGISTRY"])
    cases = [Case(source, form) for source in sources for form in FORMS]
    if options.only:
        cases = [case for case in cases if any(case.name.startswith(name) for name in options.only)]
    results = in_parallel(options.jobs, lambda case: compare(world, case), cases)
    failed = [case.name for case, found in results if found]
    files = sum(len(case.source.expected) for case, _ in results)
    print(f"fidelity: {len(results)} images, {files} files compared, {len(failed)} images differ")
    if failed:
        sys.exit(f"error: not the same: {' '.join(failed)}")


if __name__ == "__main__":
    main()
