"""Where docker, and berth after it, differ from Debian's buildah. Each row changes one field of what buildah has made;
a row that is not needed fails."""

NO_RIGHTS = "buildah drops set-user-id"
RANGE = "buildah writes a range down as one port"
SHELL = "buildah keeps to /bin/sh"
VOLUME = "buildah drops what a RUN writes to a volume"
LINK = "a link that is the target is followed; buildah replaces it"
LINKS = "links that a copied folder meets are followed, as the classic builder did; buildah replaces, BuildKit refuses"
DOT = "the `./` of an archive says nothing of the folder that it is unpacked into"
EARLY = "a WORKDIR is made where it is said; buildah lets the next COPY make it, as its own"
OWNER = "a WORKDIR that is made belongs to the USER"
TIME = "a folder keeps its time, also when something that it holds is left out or hidden"

PACKED = ["a", "l", "sub", "sub/b"]
DATA = [["/srv/data/new"], ["/srv/data/g", "/srv/data/sub", "/srv/data/sub/h"]]

# (case, field, what is wanted, why). A field is `tree PATH`, `config FIELD`, `history` or `layers`. None: there must be
# nothing.
EXCEPTIONS = [
    ("add-archive", "tree /one", "dir 0755 0:0", DOT),
    ("add-archive", "tree /two", "dir 0755 0:0", DOT),
    ("add-archive", "tree /opt/tree", "dir 0755 0:0 @1704067200", DOT),
    ("add-archive", "layers", [
        ["/one", *(f"/one/{name}" for name in PACKED)], ["/two", *(f"/two/{name}" for name in PACKED)],
        [f"/opt/tree/{name}" for name in PACKED]], DOT),
    ("add-archive-of-links", "tree /un", "dir 0755 0:0", DOT),
    *(("add-archives", f"tree /{name}", "dir 0755 0:0", DOT) for name in ["bzip2", "gzip", "xz", "zstd"]),
    ("copy-from-image", "tree /tree/deep", "dir 0755 0:0 @1704067200", TIME),
    ("copy-into-scratch", "tree /w", "dir 0755 0:0", EARLY),
    ("copy-modes-and-times", "tree /suid", 'file 4711 0:0 "s\\n" @1012709106', NO_RIGHTS),
    ("copy-modes-and-times", "tree /tree/suid", 'file 4711 0:0 "s\\n" @1012709106', NO_RIGHTS),
    ("copy-over-links", "tree /opt/tree/link", "link 0:0 deep/two @1704067200", LINK),
    ("copy-over-links", "tree /opt/tree/deep/two", 'file 0644 0:0 "f\\n" @1704067200', LINK),
    ("copy-over-links", "layers", [*DATA, ["/usr/bin/new"], ["/away2"], ["/opt/tree/deep/two"]], LINK),
    ("copy-tree-over-links", "tree /bin", "link 0:0 usr/bin @1704067200", LINKS),
    ("copy-tree-over-links", "tree /bin/tool", None, LINKS),
    ("copy-tree-over-links", "tree /usr/bin/tool", 'file 0755 0:0 "#!/bin/sh\\n" @1704067200', LINKS),
    ("copy-tree-over-links", "tree /data", "link 0:0 /srv/data @1704067200", LINKS),
    ("copy-tree-over-links", "tree /data/g", None, LINKS),
    ("copy-tree-over-links", "tree /srv/data/g", 'file 0644 0:0 "g\\n" @1704067200', LINKS),
    ("copy-the-same-twice", "tree /three/deep", "dir 0755 0:0 @1704067200", TIME),
    ("expansion-everywhere", "tree /made", "dir 0755 1000:1000", OWNER),
    ("expose", "config ExposedPorts",
     ["443/tcp", "5000/udp", "5001/udp", "5002/udp", "53/udp", "80/tcp", "81/tcp"], RANGE),
    ("ignore-all-but", "tree /all/dir", "dir 0755 0:0 @1704067200", TIME),
    ("ignore-re-included", "tree /all/other", "dir 0755 0:0 @1704067200", TIME),
    ("shell", "config Cmd", ["/bin/ash", "-ec", "run me"], SHELL),
    ("shell", "config Entrypoint", ["/bin/ash", "-ec", "enter me"], SHELL),
    ("volume-written-later", "tree /v/after", 'file 0644 0:0 "2\\n"', VOLUME),
]
