"""Honest images with everything in them: made with GNU tar, umoci and buildah, and by hand."""

import hashlib
import json
import os
import shutil
import stat
import subprocess

from harness import attributes
from oci import MANIFEST, Image, Layer, descriptor, digest
from tars import file, folder, sym

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
            "attributes": {key: value for key,
            value in attributes(path).items() if not key.startswith("trusted.overlay.")},
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
        index["manifests"].append(descriptor(image.manifest, MANIFEST,
            annotations={"org.opencontainers.image.ref.name": tag}))
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
    run("tar", "--create", "--file", tar, "--format=pax", "--xattrs", "--xattrs-include=*", "--sparse", "--sort=name",
        "--numeric-owner",
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
            folder("dir", mode=0o711, mtime=77), file("dir/.wh..wh..opq", b""), file("dir/only", b"only", mtime=78),
            file(".wh.big", b""),
            folder("sticky", mode=0o1777, mtime=79), file("sticky/.wh.nothing", b""), sym("closed", "dir", mtime=80),
            folder("./", mode=0o755, mtime=81)])
        layout.tag(Image(*base.layers, opaque, [file("dir/above", b"above", mtime=82),
            folder("dir", mode=0o755, mtime=83)]), "opaque")
        sources.append(Source("opaque", layout, "opaque", unpacked(layout, "opaque", f"{place}/opaque-by-umoci"),
            names_root=False))
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
