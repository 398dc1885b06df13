"""The images that the cases build on, made of Debian's busybox-static, with the same bytes each time."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile

# Files of a base are as old as this; what a build makes is younger than `YOUNG`.
OLD = 1704067200
YOUNG = 1735689600

PASSWD = """root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
app:x:1000:1000:app:/home/app:/bin/sh
worker:x:1001:50:worker:/home/worker:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false
"""
GROUP = """root:x:0:
daemon:x:1:
staff:x:50:app
app:x:1000:
nogroup:x:65534:
"""
FOLDERS = {
    "dev": 0o755, "etc": 0o755, "home": 0o755, "home/app": 0o700, "opt": 0o755, "opt/tree": 0o755,
    "opt/tree/deep": 0o755, "proc": 0o755, "root": 0o700, "run": 0o755, "srv": 0o755, "srv/data": 0o755, "sys": 0o755,
    "tmp": 0o1777, "usr": 0o755, "usr/bin": 0o755, "usr/sbin": 0o755, "var": 0o755, "var/lib": 0o2775,
}
FILES = {
    "etc/passwd": (0o644, PASSWD), "etc/group": (0o644, GROUP), "etc/hosts": (0o644, "127.0.0.1 base\n"),
    "etc/hostname": (0o644, "base\n"), "etc/resolv.conf": (0o644, "nameserver 127.0.0.1\n"),
    "etc/shadow": (0o640, "root:*:19000::::::\n"), "opt/tree/one": (0o644, "1\n"), "opt/tree/deep/two": (0o640, "2\n"),
    "srv/data/old": (0o644, "old\n"), "usr/bin/rights": (0o4755, "suid\n"),
}
LINKS = {
    "bin": "usr/bin", "sbin": "usr/sbin", "data": "/srv/data", "loop": "loop", "opt/tree/link": "deep/two",
    "away": "/nowhere",
}
OWNERS = {"home/app": (1000, 1000), "opt/tree/deep/two": (1000, 50), "var/lib": (0, 50), "etc/shadow": (0, 50)}


def root_layer():
    """The tar stream of the root file system."""
    with open(shutil.which("busybox"), "rb") as file:
        busybox = file.read()
    listed = subprocess.run([shutil.which("busybox"), "--list"], check=True, capture_output=True, text=True)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        def add(name, kind, mode, content=b"", target=""):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.mtime, entry.size, entry.linkname = kind, mode, OLD, len(content), target
            entry.uid, entry.gid = OWNERS.get(name, (0, 0))
            tar.addfile(entry, io.BytesIO(content))
        for name, mode in sorted(FOLDERS.items()):
            add(name, tarfile.DIRTYPE, mode)
        for name, (mode, text) in sorted(FILES.items()):
            add(name, tarfile.REGTYPE, mode, text.encode())
        add("usr/bin/busybox", tarfile.REGTYPE, 0o755, busybox)
        for applet in sorted(listed.stdout.split()):
            if applet != "busybox":
                add("usr/bin/" + applet, tarfile.SYMTYPE, 0o777, target="busybox")
        for name, target in sorted(LINKS.items()):
            add(name, tarfile.SYMTYPE, 0o777, target=target)
    return stream.getvalue()


def child_layer():
    """A second layer: a file goes, a folder is emptied, one is new."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in [("opt/tree/.wh.one", b""), ("opt/tree/deep/.wh..wh..opq", b""),
                              ("opt/tree/deep/new", b"new\n"), ("usr/bin/serve", b"#!/bin/sh\nexec sleep \"$@\"\n")]:
            entry = tarfile.TarInfo(name)
            entry.mode, entry.mtime, entry.size = 0o755 if "serve" in name else 0o644, OLD, len(content)
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


PLAIN = {
    "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "BASE=plain"], "Cmd": ["sh"],
    "Labels": {"base": "plain", "kept": "yes"},
}
FULL = {
    "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "BASE=full", "EMPTY=", "SPACED=a b"],
    "Entrypoint": ["/usr/bin/serve"], "Cmd": ["60"], "WorkingDir": "/srv", "User": "app", "StopSignal": "SIGQUIT",
    "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/srv/data": {}}, "Labels": {"base": "full", "kept": "yes"},
    "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 5000000000, "Retries": 2},
    "Shell": ["/bin/ash", "-ec"],
}
TRIGGERED = {
    "Env": PLAIN["Env"], "Cmd": ["sh"],
    "OnBuild": ["COPY payload /payload", "RUN cat /payload > /seen", "ENV TRIGGERED=yes", "ARG CHOICE=none",
                "RUN echo $CHOICE > /choice"],
}
IMAGES = {
    "localhost/base:1": (PLAIN, ["root"]), "localhost/full:1": (FULL, ["root", "child"]),
    "localhost/triggers:1": (TRIGGERED, ["root"]),
}


def write_archives(folder):
    """One docker archive for each image, and one OCI layout `layout` with the base: {name: path}."""
    layers = {"root": root_layer(), "child": child_layer()}
    paths = {}
    for name, (config, parts) in IMAGES.items():
        path = os.path.join(folder, name.split("/")[1].split(":")[0] + ".tar")
        with tarfile.open(path, "w") as tar:
            def add(member, content):
                entry = tarfile.TarInfo(member)
                entry.size, entry.mode = len(content), 0o644
                tar.addfile(entry, io.BytesIO(content))
            whole = image_config(config, [layers[part] for part in parts])
            config_name = hashlib.sha256(whole).hexdigest() + ".json"
            add(config_name, whole)
            for part in parts:
                add(part + ".tar", layers[part])
            manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [part + ".tar" for part in parts]}]
            add("manifest.json", json.dumps(manifest).encode())
        paths[name] = path
    return paths


def write_layout(folder):
    """An OCI layout with `localhost/base:1` in it."""
    config, parts = IMAGES["localhost/base:1"]
    layer = root_layer()
    os.makedirs(os.path.join(folder, "blobs", "sha256"))

    def blob(content, kind):
        name = hashlib.sha256(content).hexdigest()
        with open(os.path.join(folder, "blobs", "sha256", name), "wb") as file:
            file.write(content)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": "sha256:" + name, "size": len(content)}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": blob(image_config(config, [layer]), "config.v1+json"),
                "layers": [blob(layer, "layer.v1.tar")]}
    entry = blob(json.dumps(manifest).encode(), "manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    index = {"schemaVersion": 2, "manifests": [entry]}
    for name, content in [("index.json", index), ("oci-layout", {"imageLayoutVersion": "1.0.0"})]:
        with open(os.path.join(folder, name), "w") as file:
            json.dump(content, file)


def image_config(config, layers):
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    created = "2024-01-01T00:00:00Z"
    return json.dumps({
        "architecture": architecture, "os": "linux", "created": created, "config": config,
        "history": [{"created": created, "created_by": f"layer {number}"} for number in range(len(layers))],
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]},
    }).encode()
