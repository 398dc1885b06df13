"""Where docker, and berth after it, differ from Debian's buildah. Each row changes one field of what buildah has made;
a row that is not needed fails."""

# (case, field, what is wanted, why). A field is `tree PATH`, `config FIELD` or `history`. None: there must be nothing.
EXCEPTIONS = [
    ("copy-modes-and-times", "tree /suid", 'file 4711 0:0 "s\\n" @1012709106', "buildah drops set-user-id"),
    ("copy-modes-and-times", "tree /tree/suid", 'file 4711 0:0 "s\\n" @1012709106', "buildah drops set-user-id"),
    ("expose", "config ExposedPorts", ["443/tcp", "5000/udp", "5001/udp", "5002/udp", "53/udp", "80/tcp", "81/tcp"],
     "buildah writes a range down as one port"),
    ("shell", "config Cmd", ["/bin/ash", "-ec", "run me"], "buildah keeps to /bin/sh"),
    ("shell", "config Entrypoint", ["/bin/ash", "-ec", "enter me"], "buildah keeps to /bin/sh"),
    ("volume-written-later", "tree /v/after", 'file 0644 0:0 "2\\n"', "buildah drops what a RUN writes to a volume"),
]
