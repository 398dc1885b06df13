"""What is in an image's archive: its config, its layers and the tree that they make, as values that can be compared."""

import hashlib
import io
import json
import tarfile
import zlib

from bases import YOUNG

CONFIG_FIELDS = ["Env", "Cmd", "Entrypoint", "WorkingDir", "User", "ExposedPorts", "Volumes", "Labels", "StopSignal",
                 "Healthcheck", "Shell", "OnBuild"]
# Whatever is longer is compared by its digest.
LONGEST_TEXT = 80


class Image:
    """`tree` is path → line, `config` field → value, `history` one word for each entry, `commands` what stands in
    each, `changes` a set of paths for each layer."""

    def __init__(self, tree, config, history, changes, commands):
        self.tree, self.config, self.history, self.changes, self.commands = tree, config, history, changes, commands


def read(path):
    """The one image of an archive as docker or OCI writes them."""
    with tarfile.open(path) as tar:
        def member(name):
            return tar.extractfile(name).read()
        names = set(tar.getnames())
        if "manifest.json" in names:
            manifest = json.loads(member("manifest.json"))[0]
            config, layers = json.loads(member(manifest["Config"])), [member(name) for name in manifest["Layers"]]
        else:
            entry = json.loads(member("index.json"))["manifests"][0]
            manifest = json.loads(member("blobs/" + entry["digest"].replace(":", "/")))
            config = json.loads(member("blobs/" + manifest["config"]["digest"].replace(":", "/")))
            layers = [member("blobs/" + each["digest"].replace(":", "/")) for each in manifest["layers"]]
    layers = [plain(layer) for layer in layers]
    tree, changes = {}, []
    for layer in layers:
        changes.append(apply(layer, tree))
    complaints = inconsistencies(config, layers) + [
        f"{path} is in no folder" for path in tree
        if path != "/" and not tree.get(path.rpartition("/")[0] or "/", "dir ").startswith("dir ")]
    if complaints:
        raise ValueError("; ".join(complaints))
    history = config.get("history", [])
    # Docker makes a layer of what is only written down by buildah.
    is_empty = [each.get("empty_layer") and "#(nop) WORKDIR" not in each.get("created_by", "") for each in history]
    words = ["empty" if each else "layer" for each in is_empty]
    return Image(tree, values(config), words, changes, [each.get("created_by", "") for each in history])


def plain(layer):
    return zlib.decompress(layer, wbits=31) if layer[:2] == b"\x1f\x8b" else layer


def inconsistencies(config, layers):
    """What no image may have, whoever made it."""
    found = []
    if config["rootfs"]["diff_ids"] != ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]:
        found.append("the digests of the config are not those of the layers")
    if sum(not each.get("empty_layer") for each in config.get("history", [])) != len(layers):
        found.append("the history does not have one entry for each layer")
    if not config.get("created"):
        found.append("no time of creation")
    return found


def values(config):
    """The fields that count, without those that are empty, however that was written."""
    inner = config.get("config") or {}
    found = {field: inner[field] for field in CONFIG_FIELDS if inner.get(field)}
    # Compose's own say of whose service an image is.
    labels = {name: value for name, value in found.pop("Labels", {}).items()
              if not name.startswith("com.docker.compose.")}
    if labels:
        found["Labels"] = labels
    if found.get("WorkingDir") == "/":
        del found["WorkingDir"]
    for field in ["ExposedPorts", "Volumes"]:
        if field in found:
            found[field] = sorted(found[field])
    if "Healthcheck" in found:
        found["Healthcheck"] = {key: value for key, value in found["Healthcheck"].items() if value}
    for field in ["author", "os", "architecture"]:
        if config.get(field):
            found[field] = config[field]
    # What machine the tests run on does not matter.
    found.pop("architecture", None)
    return found


def apply(layer, tree):
    """Puts a layer on a tree. Returns the paths that are then others, those that are gone with a `-`. When a folder was
    last changed does not count."""
    before, fresh = dict(tree), set()
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        for entry in tar:
            path = clean(entry.name)
            folder, _, name = path.rpartition("/")
            if name == ".wh..wh..opq":
                for gone in [each for each in tree if each.startswith(folder + "/") and each not in fresh]:
                    del tree[gone]
            elif name.startswith(".wh."):
                gone = folder + "/" + name.removeprefix(".wh.")
                if gone not in fresh:
                    remove(tree, gone)
            else:
                line = describe(tar, entry, tree)
                if not entry.isdir():
                    remove(tree, path)
                tree[path] = line
                fresh.add(path)
    changed = {path for path, line in tree.items()
               if before.get(path) != line and not same_folder(before.get(path), line)}
    return changed | {"-" + path for path in before if path not in tree}


def same_folder(one, other):
    """Whether these are lines of folders that differ in their times alone."""
    return one is not None and one.startswith("dir ") and untimed(one) == untimed(other)


def clean(name):
    """The path that an entry's name means; the root is `/`."""
    return "/" + "/".join(part for part in name.split("/") if part not in ("", "."))


def remove(tree, path):
    for each in [each for each in tree if each == path or each.startswith(path + "/")]:
        del tree[each]


def untimed(line):
    return line.split(" @")[0]


def describe(tar, entry, tree):
    owner = f"{entry.uid}:{entry.gid}"
    time = f" @{int(entry.mtime)}" if entry.mtime < YOUNG else ""
    rights = f"{entry.mode & 0o7777:04o}"
    capability = entry.pax_headers.get("SCHILY.xattr.security.capability")
    if capability:
        rights += " cap=" + capability.encode("utf-8", "surrogateescape").hex()
    if entry.isdir():
        return f"dir {rights} {owner}{time}"
    if entry.issym():
        return f"link {owner} {entry.linkname}{time}"
    if entry.islnk():
        return tree[clean(entry.linkname)]
    if entry.isreg():
        return f"file {rights} {owner} {content(tar.extractfile(entry).read())}{time}"
    kind = "fifo" if entry.isfifo() else "char" if entry.ischr() else "block" if entry.isblk() else "odd"
    return f"{kind} {rights} {owner} {entry.devmajor}:{entry.devminor}{time}"


def content(data):
    """A short text as it is, the rest by digest. That of a program of the base would differ from machine to machine."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None and len(text) <= LONGEST_TEXT and all(each.isprintable() or each in "\n\t" for each in text):
        return json.dumps(text)
    if data.startswith(b"\x7fELF"):
        return "a program"
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}"
