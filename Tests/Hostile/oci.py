"""Images as a registry serves them, true or false in any part."""

import hashlib
import json
import platform

from tars import archive, gz

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker.distribution.manifest."
MANIFEST, INDEX = OCI + "manifest.v1+json", OCI + "index.v1+json"
DOCKER_MANIFEST, DOCKER_LIST = DOCKER + "v2+json", DOCKER + "list.v2+json"
CONFIG, DOCKER_CONFIG = OCI + "config.v1+json", "application/vnd.docker.container.image.v1+json"
LAYER = OCI + "layer.v1.tar+gzip"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
FOREIGN = "arm64" if ARCHITECTURE != "arm64" else "amd64"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def encoded(value):
    """JSON documents are values or, where they must be broken, bytes."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


class Layer:
    """A layer: what it unpacks to and what is served. `tar` is an archive or a list of members."""

    def __init__(self, tar, blob=None, diff=None, kind=LAYER):
        tar = archive(*tar) if isinstance(tar, list) else tar
        self.blob = gz(tar) if blob is None else blob
        self.diff = diff or digest(tar)
        self.kind = kind


class Image:
    """Layers, config and manifest. `config` is merged into the document's `config`; the functions
    `on_config` and `on_manifest` may change a document or give bytes instead."""

    def __init__(self, *layers, config=None, on_config=None, on_manifest=None, kind=MANIFEST,
                 config_kind=CONFIG, content_type=None, blobs=None):
        self.layers = [layer if isinstance(layer, Layer) else Layer(layer) for layer in layers]
        document = {
            "created": "2024-01-01T00:00:00Z", "architecture": ARCHITECTURE, "os": "linux",
            "config": config or {},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff for layer in self.layers]},
        }
        self.config = encoded(changed(document, on_config))
        document = {
            "schemaVersion": 2, "mediaType": kind, "config": descriptor(self.config, config_kind),
            "layers": [descriptor(layer.blob, layer.kind) for layer in self.layers],
        }
        self.manifest = encoded(changed(document, on_manifest))
        self.content_type = content_type or kind
        self.other_blobs = blobs or {}

    @property
    def descriptor(self):
        return descriptor(self.manifest, self.content_type)

    def documents(self, name, tag="latest"):
        """`{path: (content type, bytes)}` below a registry's `/v2/`."""
        result = {f"{name}/blobs/{digest(self.config)}": (CONFIG, self.config)}
        for layer in self.layers:
            result[f"{name}/blobs/{digest(layer.blob)}"] = ("application/octet-stream", layer.blob)
        for at, blob in self.other_blobs.items():
            result[f"{name}/blobs/{at}"] = ("application/octet-stream", blob)
        for target in (tag, digest(self.manifest)):
            result[f"{name}/manifests/{target}"] = (self.content_type, self.manifest)
        return result

    @property
    def chains(self):
        """The names of the layers' folders in the store."""
        return chain_ids([layer.diff for layer in self.layers])


class Index:
    """Several images under one name. `entries` are descriptors; by default those of the images."""

    def __init__(self, *images, entries=None, kind=INDEX, on_index=None):
        self.images = images
        document = {
            "schemaVersion": 2, "mediaType": kind,
            "manifests": [image.descriptor for image in images] if entries is None else entries,
        }
        self.manifest = encoded(changed(document, on_index))
        self.content_type = kind
        self.layers = [layer for image in images for layer in image.layers]

    descriptor = Image.descriptor

    def documents(self, name, tag="latest"):
        result = {}
        for image in self.images:
            result |= image.documents(name, digest(image.manifest))
        for target in (tag, digest(self.manifest)):
            result[f"{name}/manifests/{target}"] = (self.content_type, self.manifest)
        return result

    @property
    def chains(self):
        return [chain for image in self.images for chain in image.chains]


def changed(document, change):
    if change is None:
        return document
    result = change(document)
    return document if result is None else result


def descriptor(data, kind, **fields):
    return {"mediaType": kind, "digest": digest(data), "size": len(data)} | fields


def entry(image, architecture=ARCHITECTURE, os="linux", **fields):
    """An index's entry for an image."""
    return image.descriptor | {"platform": {"os": os, "architecture": architecture}} | fields


def chain_ids(diffs):
    chains = []
    for diff in diffs:
        chains.append(digest(f"{chains[-1]} {diff}".encode()) if chains else diff)
    return [chain.split(":", 1)[-1] for chain in chains]
