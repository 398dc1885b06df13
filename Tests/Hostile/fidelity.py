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
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys

from harness import attributes, enter, in_parallel, run_berth
from oci import MANIFEST, Image, Layer, chain_ids, descriptor, digest
from server import Server, Shelf
from tars import file, folder, sym

HERE = os.path.dirname(os.path.abspath(__file__))
CAPABILITY = b"\x01\x00\x00\x02\x00\x04" + bytes(14)


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")
    return done.stdout


# What is compared.


def snapshot(top):
    """`{path: fields}`; paths that are one file name the first of them."""
    top = os.fsencode(top)
    found, groups = {}, {}
    waiting = [b"."]
    while waiting:
        waiting.sort()
        name = waiting.pop(0)
        path = os.path.join(top, name)
        status = os.lstat(path)
        kind = stat.S_IFMT(status.st_mode)
        fields = {
            "mode": oct(status.st_mode), "owner": (status.st_uid, status.st_gid), "time": status.st_mtime_ns,
            "attributes": {key: value for key, value in attributes(path).items() if not key.startswith("trusted.overlay.")},
        }
        if kind == stat.S_IFDIR:
            waiting += [os.path.join(name, child) for child in os.listdir(path)]
        elif status.st_nlink > 1:
            groups.setdefault((status.st_dev, status.st_ino), []).append(name)
        if kind == stat.S_IFLNK:
            fields["target"] = os.readlink(path)
        elif kind in (stat.S_IFCHR, stat.S_IFBLK):
            fields["device"] = status.st_rdev
        elif kind == stat.S_IFREG:
            fields["size"] = status.st_size
            with open(path, "rb") as content:
                fields["content"] = hashlib.file_digest(content, "sha256").hexdigest()
        found[name] = fields
    # Other names of a file may be hidden by a layer above: they count only where they are seen.
    for names in groups.values():
        if len(names) > 1:
            for name in names:
                found[name]["same as"] = names[0]
    return found


def differences(expected, seen):
    found = [f"{name!r} is missing" for name in sorted(expected.keys() - seen.keys())]
    found += [f"{name!r} is too much" for name in sorted(seen.keys() - expected.keys())]
    for name in sorted(expected.keys() & seen.keys()):
        for field in sorted(expected[name].keys() | seen[name].keys()):
            wanted, value = expected[name].get(field), seen[name].get(field)
            if wanted != value:
                found.append(f"{name!r} has {field} {value!r}, not {wanted!r}")
    return found


# Images.


class Layout:
    """An OCI image layout."""

    def __init__(self, path):
        self.path = path
        self.blobs = os.path.join(path, "blobs/sha256")
        os.makedirs(self.blobs, exist_ok=True)
        self.write("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        if not os.path.exists(os.path.join(path, "index.json")):
            self.write("index.json", b'{"schemaVersion":2,"manifests":[]}')

    def write(self, name, data):
        with open(os.path.join(self.path, name), "wb") as out:
            out.write(data)

    def put(self, data):
        self.write(f"blobs/sha256/{digest(data)[7:]}", data)

    def read(self, name):
        with open(os.path.join(self.blobs, name.removeprefix("sha256:")), "rb") as blob:
            return blob.read()

    def tag(self, image, tag):
        for data in [image.manifest, image.config, *[layer.blob for layer in image.layers]]:
            self.put(data)
        with open(os.path.join(self.path, "index.json")) as text:
            index = json.load(text)
        index["manifests"].append(descriptor(image.manifest, MANIFEST, annotations={"org.opencontainers.image.ref.name": tag}))
        self.write("index.json", json.dumps(index).encode())

    def image(self, tag):
        """The image with this tag, as far as its layers."""
        with open(os.path.join(self.path, "index.json")) as text:
            entries = json.load(text)["manifests"]
        name = "org.opencontainers.image.ref.name"
        chosen = next(entry for entry in entries if tag is None or entry.get("annotations", {}).get(name) == tag)
        manifest = json.loads(self.read(chosen["digest"]))
        diffs = json.loads(self.read(manifest["config"]["digest"]))["rootfs"]["diff_ids"]
        return Image(*[
            Layer(b"", self.read(layer["digest"]), diff) for layer, diff in zip(manifest["layers"], diffs)])


def stamp(path, seconds, nanoseconds=0):
    os.utime(path, ns=(0, seconds * 10**9 + nanoseconds), follow_symlinks=False)


def make_kinds(top):
    """One of everything that a layer can hold."""
    def path(name):
        return os.path.join(os.fsencode(top), name if isinstance(name, bytes) else name.encode())

    def write(name, data, mode=0o644, owner=(0, 0)):
        os.makedirs(os.path.dirname(path(name)), exist_ok=True)
        with open(path(name), "wb") as out:
            out.write(data)
        os.chown(path(name), *owner)
        os.chmod(path(name), mode)
        return path(name)

    write("dir/setuid", b"x", 0o4755, (1234, 4321))
    write("dir/all", b"x", 0o7777, (5, 6))
    write("dir/none", b"x", 0)
    write("large-owner", b"x", owner=(3000000000, 70000))
    write("big", bytes(range(256)) * 20_000)
    write(b"names/bad\xff\xfe", b"1")
    write("names/new\nline\t\\tab", b"2")
    write("names/e\u0301", b"3")
    write("names/\u00e9", b"4")
    write("/".join(["n" * 120] * 6) + "/deep", b"deep")
    os.link(write("dir/one", b"linked", 0o640, (7, 8)), path("dir/two"))
    os.link(path("dir/one"), path("three"))
    os.symlink("../nowhere", path("dir/link"))
    os.symlink("t" * 1000, path("long-link"))
    os.chown(path("dir/link"), 9, 10, follow_symlinks=False)
    os.link(path("dir/link"), path("dir/same-link"), follow_symlinks=False)
    os.mkfifo(path("pipe"), 0o620)
    os.mknod(path("null"), 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(path("disk"), 0o640 | stat.S_IFBLK, os.makedev(259, 70_000))
    for name, mode in (("sticky", 0o1777), ("setgid", 0o2770), ("closed", 0), ("empty", 0o755)):
        os.mkdir(path(name))
        os.chmod(path(name), mode)
    with open(path("sparse"), "wb") as out:
        out.truncate(64 << 20)
        out.seek(30 << 20)
        out.write(b"in the middle")
    with open(path("hole"), "wb") as out:
        out.truncate(8 << 20)
    os.setxattr(write("with-capability", b"x", 0o755, (1, 1)), "security.capability", CAPABILITY)
    os.setxattr(path("big"), "user.note", b"\x00\x01\n\xff=")
    os.setxattr(path("sticky"), "user.folder", b"yes")
    os.setxattr(path("dir/one"), "user.shared", b"by links")
    for number, (name, _) in enumerate(sorted(snapshot(top).items(), reverse=True)):
        stamp(path(name), 1_000_000_000 + number * 1000, 123456789 + number)
    stamp(path("dir/none"), -1000, 5)
    stamp(path("empty"), 0)


def change(root):
    """What a second layer does to the first, for umoci to find out."""
    shutil.rmtree(f"{root}/names")
    os.unlink(f"{root}/dir/two")
    os.unlink(f"{root}/pipe")
    os.mkdir(f"{root}/pipe")
    open(f"{root}/pipe/inside", "w").close()
    os.rmdir(f"{root}/empty")
    os.symlink("dir", f"{root}/empty")
    os.unlink(f"{root}/hole")
    os.chmod(f"{root}/dir/setuid", 0o600)
    os.chown(f"{root}/large-owner", 11, 12)
    os.setxattr(f"{root}/big", "user.note", b"other")
    os.removexattr(f"{root}/sticky", "user.folder")
    os.makedirs(f"{root}/new/deep")
    with open(f"{root}/new/deep/file", "w") as out:
        out.write("new")
    os.link(f"{root}/new/deep/file", f"{root}/new/again")
    stamp(f"{root}/closed", 1_500_000_000, 987654321)


class Source:
    """An image to compare: where it lies, and what umoci makes of it."""

    def __init__(self, name, layout, tag, expected, names_root=True):
        self.name, self.layout, self.tag = name, layout, tag
        self.expected, self.names_root = expected, names_root


def pack(top, tar):
    run("tar", "--create", "--file", tar, "--format=pax", "--xattrs", "--xattrs-include=*", "--sparse", "--sort=name", "--numeric-owner",
        "--directory", top, ".")
    with open(tar, "rb") as archive:
        data = archive.read()
    os.unlink(tar)
    return Layer(data)


def unpacked(layout, tag, place):
    run("umoci", "unpack", "--image", f"{layout.path}:{tag}", place)
    return snapshot(f"{place}/rootfs")


def make_sources(place):
    layout = Layout(f"{place}/layout")
    os.mkdir(f"{place}/kinds")
    make_kinds(f"{place}/kinds")
    layout.tag(Image(pack(f"{place}/kinds", f"{place}/kinds.tar")), "kinds")
    source = snapshot(f"{place}/kinds")
    sources = [Source("kinds", layout, "kinds", source)]
    if shutil.which("umoci"):
        said = differences(source, unpacked(layout, "kinds", f"{place}/kinds-by-umoci"))
        for line in said:
            print(f"  note: umoci's own unpacking differs from what was packed: {line}")
        change(f"{place}/kinds-by-umoci/rootfs")
        run("umoci", "repack", "--image", f"{layout.path}:changed", f"{place}/kinds-by-umoci")
        sources.append(Source("changed", layout, "changed", unpacked(layout, "changed", f"{place}/changed-by-umoci")))
        base = layout.image("changed")
        opaque = Layer([
            folder("dir", mode=0o711, mtime=77), file("dir/.wh..wh..opq", b""), file("dir/only", b"only", mtime=78), file(".wh.big", b""),
            folder("sticky", mode=0o1777, mtime=79), file("sticky/.wh.nothing", b""), sym("closed", "dir", mtime=80), folder("./", mode=0o755, mtime=81)])
        layout.tag(Image(*base.layers, opaque, [file("dir/above", b"above", mtime=82), folder("dir", mode=0o755, mtime=83)]), "opaque")
        sources.append(Source("opaque", layout, "opaque", unpacked(layout, "opaque", f"{place}/opaque-by-umoci"), names_root=False))
    else:
        print("fidelity: no umoci, so layers that change others are left out")
    sources += built(place) + cached(place)
    return sources


def built(place):
    """An image of three layers by buildah."""
    if not (shutil.which("buildah") and shutil.which("umoci")):
        print("fidelity: no buildah, so images made by it are left out")
        return []
    buildah = ["buildah", "--root", f"{place}/buildah", "--runroot", f"{place}/buildah-run", "--storage-driver", "vfs"]
    environment = dict(os.environ, TMPDIR=place, BUILDAH_ISOLATION="chroot")
    os.makedirs(f"{place}/more")
    with open(f"{place}/more/added", "w") as out:
        out.write("added")
    name, image = "scratch", None
    for step in range(3):
        container = run(*buildah, "from", name, env=environment).strip()
        if step == 0:
            run(*buildah, "copy", "--chown", "5:6", container, f"{place}/kinds/dir", "/first", env=environment)
        elif step == 1:
            run(*buildah, "add", container, f"{place}/more", "/first", env=environment)
        else:
            root = run(*buildah, "mount", container, env=environment).strip()
            os.unlink(f"{root}/first/setuid")
            shutil.rmtree(f"{root}/first")
            os.mkdir(f"{root}/first")
            os.symlink("first", f"{root}/second")
        image = f"localhost/step{step}"
        run(*buildah, "commit", "-q", "--format", "oci", container, image, env=environment)
        name = image
    run(*buildah, "push", "-q", image, f"oci:{place}/built:latest", env=environment)
    layout = Layout(f"{place}/built")
    return [Source("built", layout, "latest", unpacked(layout, "latest", f"{place}/built-by-umoci"), names_root=False)]


def cached(place):
    """The images of Debian's packages, if the scenarios have made them here before."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    found = []
    for name in ("nginx", "busybox"):
        path = os.path.join(cache, "berth-test-images", name)
        if os.path.exists(os.path.join(path, "index.json")) and shutil.which("umoci"):
            shutil.copytree(path, f"{place}/{name}")
            layout = Layout(f"{place}/{name}")
            found.append(Source(name, layout, "latest", unpacked(layout, "latest", f"{place}/{name}-by-umoci")))
        else:
            print(f"fidelity: no image `{name}` in the cache, so it is left out")
    return found


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
        plain = [Layer(b"", expand(layer.blob), layer.diff, MANIFEST.replace("manifest.v1+json", "layer.v1.tar")) for layer in image.layers]
        world.shelf.put(Image(*plain), case.name)
        return f"{world.server.address}/{case.name}"
    target = f"{world.registry}/{case.name}:latest"
    # With no memory of blobs pushed before: skopeo would use those in place of the form that is asked for.
    alone = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs "$0" && exec "$@"', MEMORY]
    run(*alone, "skopeo", "copy", "-q", "--dest-tls-verify=false", *arguments, f"oci:{case.source.layout.path}:{case.source.tag}", f"docker://{target}")
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
        environment = {"PATH": os.environ["PATH"], "HOME": top, "NO_COLOR": "1", "BERTH_STATE": f"{top}/state", "BERTH_RUN": f"{top}/run"}
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
