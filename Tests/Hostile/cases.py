"""A hostile image as a case: what is served, and what berth must make of it."""

import os
import stat

from oci import Image
from tars import as_bytes

CASES = []
TYPES = {"f": stat.S_ISREG, "d": stat.S_ISDIR, "l": stat.S_ISLNK, "c": stat.S_ISCHR, "b": stat.S_ISBLK,
    "p": stat.S_ISFIFO}


class Case:
    def __init__(self, name, make, verdict, **options):
        self.name, self.make, self.verdict = name, make, verdict
        self.options = options

    def __getattr__(self, name):
        return self.options.get(name)


def refused(name, make, word, **options):
    """Must be refused with a message that matches `word`."""
    CASES.append(Case(name, make, "refused", word=word, **options))


def kept(name, make, tree=None, **options):
    """Must be accepted. `tree` maps paths of the last layer to types or `Is`, None for what must not be
    there; `whiteouts` and `opaque` name all that is to be marked so. `run` is a shell command and what
    it must print, `after` a function of the attempt that gives complaints."""
    CASES.append(Case(name, make, "kept", tree=tree, **options))


def either(name, make, **options):
    """May be accepted or refused: only the rules for all hold."""
    CASES.append(Case(name, make, "either", **options))


class Is:
    """What a path must be: a type letter, and fields by name."""

    def __init__(self, kind, mode=None, uid=None, gid=None, content=None, target=None, links=None, size=None,
                 blocks=None, time=None, device=None, xattrs=None):
        self.kind = kind
        self.fields = {
            "mode": mode, "uid": uid, "gid": gid, "content": content, "target": target, "links": links,
            "size": size, "blocks": blocks, "time": time, "device": device, "xattrs": xattrs,
        }

    def complaints(self, top, name):
        path = os.path.join(as_bytes(top), as_bytes(name))
        try:
            status = os.lstat(path)
        except OSError as error:
            return [f"{name!r} is not there: {error.strerror}"]
        if not TYPES[self.kind](status.st_mode):
            return [f"{name!r} is {oct(status.st_mode)}, not {self.kind}"]
        found = []
        for field, wanted in self.fields.items():
            if wanted is None:
                continue
            value = self.read(field, path, status)
            if value > wanted if field == "blocks" else value != wanted:
                found.append(f"{name!r} has {field} {value!r}, not {wanted!r}")
        return found

    @staticmethod
    def read(field, path, status):
        match field:
            case "mode": return stat.S_IMODE(status.st_mode)
            case "uid": return status.st_uid
            case "gid": return status.st_gid
            case "content":
                with open(path, "rb") as file:
                    return file.read(1 << 20)
            case "target": return os.readlink(path)
            case "links": return status.st_nlink
            case "size": return status.st_size
            case "blocks": return status.st_blocks
            case "time": return status.st_mtime_ns
            case "device": return (os.major(status.st_rdev), os.minor(status.st_rdev))
            case "xattrs":
                names = os.listxattr(path, follow_symlinks=False)
                return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}


def image_of(made):
    """Cases give images, or just the members of one layer."""
    return Image(made) if isinstance(made, list) else made


def tree_complaints(top, tree):
    found = []
    for name, wanted in tree.items():
        if wanted is None:
            if os.path.lexists(os.path.join(as_bytes(top), as_bytes(name))):
                found.append(f"{name!r} is there")
            continue
        wanted = Is(wanted) if isinstance(wanted, str) else wanted
        found += wanted.complaints(top, name)
    return found


def marks(top):
    """Whiteouts, opaque folders and what else speaks to overlayfs below a layer's folder."""
    top = as_bytes(top)
    whiteouts, opaque, odd = set(), set(), []
    waiting = [b""]
    while waiting:
        name = waiting.pop()
        path = os.path.join(top, name) if name else top
        status = os.lstat(path)
        label = (name or b".").decode("utf-8", "surrogateescape")
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            whiteouts.add(label)
        for attribute in os.listxattr(path, follow_symlinks=False):
            if attribute == "trusted.overlay.opaque":
                opaque.add(label)
            elif attribute.startswith(("trusted.overlay.", "user.overlay.")):
                odd.append(f"{label!r} has {attribute}")
        if stat.S_ISDIR(status.st_mode):
            waiting += [os.path.join(name, child) for child in os.listdir(path)]
    return whiteouts, opaque, odd
