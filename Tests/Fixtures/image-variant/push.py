"""Makes variants of an image that a registry has: push.py REGISTRY REPOSITORY VARIANT...

Each VARIANT is TAG=ARCHITECTURE[:LABEL], the same layers under another config, or
TAG=index:TAG,TAG, or TAG=program:ARCHITECTURE, whose only file `/app` is an ELF program for that machine.
"""

import hashlib
import io
import json
import struct
import sys
import tarfile
import urllib.request

MACHINES = {"s390x": (2, 22), "arm64": (1, 183)}
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class Repository:
    def __init__(self, registry, name):
        self.base = f"http://{registry}/v2/{name}"

    def ask(self, method, url, body=None, headers=None):
        request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
        return urllib.request.urlopen(request, timeout=10)

    def manifest(self, tag):
        return json.load(self.ask("GET", f"{self.base}/manifests/{tag}", headers={"Accept": MANIFEST}))

    def blob(self, digest):
        return self.ask("GET", f"{self.base}/blobs/{digest}").read()

    def add_blob(self, content):
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        place = self.ask("POST", f"{self.base}/blobs/uploads/", b"").headers["Location"]
        mark = "&" if "?" in place else "?"
        self.ask("PUT", f"{place}{mark}digest={digest}", content,
                 {"Content-Type": "application/octet-stream"})
        return {"digest": digest, "size": len(content)}

    def add_manifest(self, tag, kind, document):
        content = json.dumps({"schemaVersion": 2, "mediaType": kind, **document}).encode()
        self.ask("PUT", f"{self.base}/manifests/{tag}", content, {"Content-Type": kind})
        return {"mediaType": kind, "size": len(content),
                "digest": "sha256:" + hashlib.sha256(content).hexdigest()}


def program_layer(architecture):
    order, machine = MACHINES[architecture]
    sign = "<" if order == 1 else ">"
    header = b"\x7fELF" + bytes([2, order, 1]) + bytes(9) + struct.pack(sign + "HHI", 2, machine, 1)
    content = header + bytes(200)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("app")
        entry.mode, entry.size = 0o755, len(content)
        tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def push(repository, made, tag, what):
    kind, _, rest = what.partition(":")
    if kind == "index":
        entries = [{**made[part][0], "platform": {"os": "linux", "architecture": made[part][1]}}
                   for part in rest.split(",")]
        repository.add_manifest(tag, INDEX, {"manifests": entries})
        return
    manifest = repository.manifest("latest")
    config = json.loads(repository.blob(manifest["config"]["digest"]))
    config["architecture"] = rest if kind == "program" else kind
    if kind == "program":
        layer = program_layer(rest)
        manifest["layers"] = [{"mediaType": "application/vnd.oci.image.layer.v1.tar",
                               **repository.add_blob(layer)}]
        config["rootfs"]["diff_ids"] = ["sha256:" + hashlib.sha256(layer).hexdigest()]
        config["config"] = {"Cmd": ["/app"]}
    elif rest:
        config["config"]["Labels"] = {"variant": rest}
    described = {"mediaType": manifest["config"]["mediaType"],
                 **repository.add_blob(json.dumps(config).encode())}
    entry = repository.add_manifest(
        tag, MANIFEST, {"config": described, "layers": manifest["layers"]})
    made[tag] = (entry, config["architecture"])


def main():
    registry, name, *variants = sys.argv[1:]
    repository, made = Repository(registry, name), {}
    for variant in variants:
        push(repository, made, *variant.split("=", 1))


main()
