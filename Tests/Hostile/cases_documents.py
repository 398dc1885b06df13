"""Manifests, indexes, configs and digests that lie, confuse or grow."""

import json
import os

from cases import either, kept, refused
from oci import (
    ARCHITECTURE, DOCKER_CONFIG, DOCKER_LIST, DOCKER_MANIFEST, FOREIGN, INDEX, LAYER, MANIFEST, Image, Index,
    Layer, descriptor, digest, encoded, entry)
from server import Reply
from tars import archive, file, gz

GOOD = [file("a")]
HEX = "0123456789abcdef" * 4


def put(*path, value):
    """A change of a document: the value at a path of keys; None removes it."""
    def change(document):
        at = document
        for key in path[:-1]:
            at = at[key]
        if value is None:
            del at[path[-1]]
        else:
            at[path[-1]] = value
    return change


def manifest(*path, value, **options):
    return lambda c: Image(GOOD, on_manifest=put(*path, value=value), **options)


def config(*path, value, **options):
    return lambda c: Image(GOOD, on_config=put(*path, value=value), **options)


def text(change):
    """A change of a document's text."""
    return lambda document: change(encoded(document))


def nested(count):
    return b"[" * count + b"]" * count


class Served:
    """An image whose paths are answered otherwise: `change(documents, image, name)`."""

    def __init__(self, image, change):
        self.image, self.change = image, change
        self.chains, self.layers = image.chains, image.layers

    def documents(self, name, tag="latest"):
        documents = self.image.documents(name, tag)
        self.change(documents, self.image, name)
        return documents


def serving(kind, body):
    """The manifest is `body` whatever is asked for."""
    def change(documents, image, name):
        for path in documents:
            if "/manifests/" in path:
                documents[path] = (kind, body)
    return lambda c: Served(Image(GOOD), change)


def flipped(data, at):
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:]


def swapping(blob_of, change, image=None):
    """A blob is served changed under its own digest."""
    def swap(documents, image, name):
        path = f"{name}/blobs/{digest(blob_of(image))}"
        kind, body = documents[path]
        documents[path] = (kind, change(body))
    return lambda c: Served(image(c) if image else Image([file("a", os.urandom(5000))]), swap)


def layer_of(image):
    return image.layers[0].blob


def config_of(image):
    return image.config


# Manifests.

refused("manifest-both", manifest("manifests", value=[]), "both")
refused("manifest-confused", lambda c: Image(GOOD, on_manifest=lambda document: document | {
    "manifests": [entry(Image(GOOD))], "mediaType": INDEX}, content_type=INDEX), "both")
refused("manifest-mt-lie", lambda c: Image(GOOD, content_type=INDEX), "does not fit")
refused("manifest-mt-lie-inside", manifest("mediaType", value=INDEX, content_type=MANIFEST), "does not fit")
refused("manifest-mt-docker-and-oci", lambda c: Image(GOOD, content_type=DOCKER_MANIFEST), "the registry says")
refused("manifest-mt-html", lambda c: Image(GOOD, content_type="text/html"), "does not fit")
refused("manifest-mt-schema1", lambda c: Image(
    GOOD, content_type="application/vnd.docker.distribution.manifest.v1+prettyjws"), "does not fit")
kept("manifest-mt-upper-case", lambda c: Image(GOOD, content_type=MANIFEST.upper() + "; charset=utf-8"), {"a": "f"})
kept("manifest-mt-none", lambda c: Image(GOOD, on_manifest=put("mediaType", value=None)), {"a": "f"})
kept("manifest-docker", lambda c: Image(GOOD, kind=DOCKER_MANIFEST, config_kind=DOCKER_CONFIG), {"a": "f"})
refused("manifest-html", serving("text/html", b"<html>Please log in</html>"), "invalid manifest")
refused("manifest-empty", serving(MANIFEST, b""), "invalid manifest")
refused("manifest-null", serving(MANIFEST, b"null"), "invalid manifest")
refused("manifest-number", serving(MANIFEST, b"1e999"), "invalid manifest")
refused("manifest-list", serving(MANIFEST, b"[]"), "invalid manifest")
refused("manifest-nothing-in-it", serving(MANIFEST, b"{}"), "schemaVersion")
refused("manifest-random", serving(MANIFEST, os.urandom(5000)), "invalid manifest")
refused("manifest-utf16", lambda c: Image(GOOD, on_manifest=lambda d: json.dumps(d).encode("utf-16")),
    "invalid manifest")
refused("manifest-bom", lambda c: Image(GOOD, on_manifest=text(lambda t: b"\xef\xbb\xbf" + t)), "invalid manifest")
refused("manifest-cut", lambda c: Image(GOOD, on_manifest=text(lambda t: t[:-20])), "invalid manifest")
refused("manifest-garbage-behind", lambda c: Image(GOOD, on_manifest=text(lambda t: t + b"{}")), "invalid manifest")
refused("manifest-nul-behind", lambda c: Image(GOOD, on_manifest=text(lambda t: t + b"\x00")), "invalid manifest")
kept("manifest-space-behind", lambda c: Image(GOOD, on_manifest=text(lambda t: t + b" \r\n\t" * 1000)), {"a": "f"})
either("manifest-bad-utf8", lambda c: Image(GOOD, on_manifest=text(lambda t: t.replace(b"{", b'{"\xff\xfe":1,', 1))))
refused("manifest-layers-twice", lambda c: Image(GOOD, on_manifest=text(
    lambda t: t.replace(b'"layers"', b'"layers": [], "layers"'))), "two members")
refused("manifest-config-twice", lambda c: Image(GOOD, on_manifest=text(
    lambda t: t.replace(b'"config"', b'"config": {}, "config"'))), "two members")
refused("manifest-key-twice-escaped", lambda c: Image(GOOD, on_manifest=text(
    lambda t: t.replace(b'"layers"', b'"l\\u0061yers": [], "layers"'))), "two members")
refused("manifest-deep", serving(MANIFEST, b'{"schemaVersion":2,"x":' + nested(100_000) + b"}"), "deeper")
refused("manifest-deep-maps", serving(MANIFEST, b'{"a":' * 200_000), "deeper")
refused("manifest-5m", lambda c: Image(GOOD, on_manifest=put("annotations", value={"a": "x" * (5 << 20)})),
    "more than 4194304|larger")
refused("manifest-64m", serving(MANIFEST, Reply(200, b" " * (64 << 20), MANIFEST)), "more than 4194304|larger")
refused("manifest-without-end", serving(MANIFEST, lambda connection: [
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: x\r\n\r\n"),
    [connection.send(b"[" * 65536) for _ in range(1 << 20)]]),
    "more than 4194304|larger")
refused("manifest-4m-of-numbers", serving(MANIFEST, b"[" + b"1," * 2_090_000 + b"1]"), "invalid manifest")
refused("manifest-4m-of-lists", serving(MANIFEST, b"[" + b"[]," * 1_390_000 + b"1]"), "invalid manifest")
refused("manifest-4m-of-maps", serving(MANIFEST, b'{"schemaVersion":2,"x":[' + b'{"":0},' * 590_000 + b"1]}"),
    "invalid manifest")
refused("manifest-4m-of-keys", serving(MANIFEST, b"{" + b",".join(b'"%x":1' % n for n in range(400_000)) + b"}"),
    "invalid manifest|schema")
either("manifest-4m-of-annotations", lambda c: Image(GOOD, on_manifest=put(
    "annotations", value={"%d" % n: "" for n in range(250_000)})))
refused("manifest-schema-1", manifest("schemaVersion", value=1), "schema 1")
refused("manifest-schema-1-layers", manifest("fsLayers", value=[]), "schema 1")
for name, value in (("3", 3), ("text", "2"), ("half", 2.5), ("huge", 10**40), ("negative", -2)):
    refused(f"manifest-schema-{name}", manifest("schemaVersion", value=value), "schemaVersion")
refused("manifest-no-config", manifest("config", value=None), "descriptor")
refused("manifest-no-layers", manifest("layers", value=None), "layers")
refused("manifest-layers-map", manifest("layers", value={"0": {}}), "layers")
refused("manifest-layers-null", lambda c: Image(GOOD, on_manifest=lambda d: d | {"layers": None}), "layers")
refused("manifest-layer-text", manifest("layers", value=["x"]), "descriptor")
refused("manifest-layer-list", manifest("layers", value=[[]]), "descriptor")
refused("manifest-artifact", lambda c: Image(GOOD, config_kind="application/vnd.cncf.helm.config.v1+json"),
    "not a container image")
refused("manifest-config-9m", manifest("config", "size", value=9 << 20), "larger than 8 MiB")
kept("manifest-subject", manifest("subject", value=descriptor(b"x", MANIFEST)), {"a": "f"})
refused("manifest-names-missing-blob", manifest("layers", 0, "digest", value="sha256:" + HEX), "has no")
for name, value in (("negative", -1), ("half", 1.5), ("text", "5"), ("null", [None]), ("2e63", 1 << 63),
    ("2e64", 1 << 64),
                    ("1e400", float("inf")), ("list", [1])):
    change = put("layers", 0, "size", value=value)
    refused(f"size-{name}", lambda c, change=change: Image(GOOD, on_manifest=lambda d: (
        change(d), json.dumps(d).replace("Infinity", "1e400").encode())[1]), "size of|invalid manifest")
    change_config = put("config", "size", value=value)
    refused(f"size-of-config-{name}", lambda c, change=change_config: Image(GOOD, on_manifest=lambda d: (
        change(d), json.dumps(d).replace("Infinity", "1e400").encode())[1]), "size of|invalid manifest")


def resized(difference, at="layers"):
    def change(document):
        one = document["layers"][0] if at == "layers" else document["config"]
        one["size"] = max(0, one["size"] + difference)
    return lambda c: Image([file("a", os.urandom(5000))], on_manifest=change)


refused("size-plus-1", resized(1), "broke off|announced")
refused("size-minus-1", resized(-1), "announced")
refused("size-0", resized(-(1 << 40)), "announced")
refused("size-plus-1t", resized(1 << 40), "broke off|announced")
refused("size-max", resized((1 << 63) - 1 - (1 << 20)), "broke off|announced")
refused("size-max-twice", lambda c: Image([file("a")], [file("b")], [file("c")], on_manifest=lambda d: [
    layer.update(size=(1 << 63) - 1) for layer in d["layers"]] and None), "broke off|announced")
refused("size-of-config-plus-1", resized(1, "config"), "announced|bytes for")
refused("size-of-config-minus-1", resized(-1, "config"), "announced|bytes")
refused("size-of-config-0", resized(-(1 << 40), "config"), "announced|bytes")

# Digests that are no digests, or paths.

BAD = {
    "path": "sha256:../../../../../../../../tmp/hostile-mark", "path-padded": "sha256:" + ("../" * 21 + "x"),
    "absolute": "/etc/passwd", "upper": "sha256:" + HEX.upper(), "63": "sha256:" + HEX[1:], "65": "sha256:" + HEX + "0",
    "algorithm-upper": "SHA256:" + HEX, "md5": "md5:" + HEX[:32], "none": "", "no-colon": HEX,
    "nul": "sha256:" + HEX[:63] + "\x00",
    "newline": "sha256:" + HEX + "\n", "wide": "sha256:" + "０" * 64, "escape": "sha256:\x1b[2J" + HEX[5:],
    "long": "sha256:" + "a" * 100_000,
    "query": "sha256:" + HEX[:58] + "?x=y/z", "null": None, "number": 5,
}
for name, bad in BAD.items():
    def change(document, place, bad=bad):
        at = document
        for key in place[:-1]:
            at = at[key]
        at[place[-1]] = bad
    refused(f"digest-{name}", lambda c, change=change: Image(
        GOOD, on_manifest=lambda d: change(d, ["layers", 0, "digest"])), "digest")
    refused(f"digest-{name}-config", lambda c, change=change: Image(
        GOOD, on_manifest=lambda d: change(d, ["config", "digest"])), "digest")
    refused(f"digest-{name}-diff-id", lambda c, change=change: Image(
        GOOD, on_config=lambda d: change(d, ["rootfs", "diff_ids", 0])), "digest|diff id")
    refused(f"digest-{name}-index", lambda c, change=change: Index(
        Image(GOOD), on_index=lambda d: change(d, ["manifests", 0, "digest"])), "digest")
either("digest-sha512", manifest("layers", 0, "digest", value="sha512:" + HEX * 2))

# Content that is not what its name says.

refused("config-bitflip", swapping(config_of, lambda body: flipped(body, 40)), "wrong content")
refused("layer-bitflip-first", swapping(layer_of, lambda body: flipped(body, 0)), "wrong content")
refused("layer-bitflip-middle", swapping(layer_of, lambda body: flipped(body, 2500)), "wrong content")
refused("layer-bitflip-last", swapping(layer_of, lambda body: flipped(body, -1)), "wrong content")
refused("layer-of-another-image", swapping(layer_of, lambda body: gz(archive(file("other")))),
    "wrong content|bytes for|broke off")
refused("layer-is-html", swapping(layer_of, lambda body: b"<html>" + bytes(len(body) - 6)), "wrong content")
refused("manifest-bitflip", lambda c: Served(Index(Image(GOOD)), lambda documents, index, name: documents.update({
    f"{name}/manifests/{digest(index.images[0].manifest)}": (MANIFEST, index.images[0].manifest.replace(b'"config"',
    b'"Config"'))})),
    "wrong content")
refused("bad-diffid", lambda c: Image(Layer(GOOD, diff="sha256:" + HEX)), "the image says")
refused("bad-diffid-of-compressed", lambda c: Image(Layer(GOOD, diff=digest(gz(archive(*GOOD))))), "the image says")
refused("bad-diffid-second", lambda c: Image([file("z")], Layer(GOOD, diff="sha256:" + HEX)), "the image says")
refused("bad-diffid-after-end", lambda c: Image(Layer(
    archive(*GOOD), gz(archive(*GOOD) + b"more"))), "the image says")
refused("diffids-swapped", lambda c: Image([file("b")], GOOD, on_config=lambda d: d["rootfs"]["diff_ids"].reverse()),
    "the image says")
refused("diffids-missing", config("rootfs", "diff_ids", value=[]), "1 layers in its manifest, 0")
refused("diffids-extra", config("rootfs", "diff_ids", value=["sha256:" + HEX] * 2), "1 layers in its manifest, 2")
refused("diffids-map", config("rootfs", "diff_ids", value={}), "diff_ids")
refused("diffids-numbers", config("rootfs", "diff_ids", value=[1]), "diff id")
refused("diffids-501", config("rootfs", "diff_ids", value=["sha256:" + HEX] * 501), "diff_ids")
refused("diffids-100000", config("rootfs", "diff_ids", value=["sha256:" + HEX] * 100_000), "diff_ids|values")
refused("rootfs-missing", config("rootfs", value=None), "rootfs")
refused("rootfs-other", config("rootfs", "type", value="windows"), "rootfs")

# Layers.

either("layers-0", lambda c: Image())
kept("layers-127", lambda c: Image(*[[file("f%d" % n)] for n in range(127)]), {"f126": "f"})
kept("layers-500", lambda c: Image(*[[file("f%d" % n)] for n in range(500)]), {"f499": "f"})
refused("layers-501", lambda c: Image(*[[file("f%d" % n)] for n in range(501)]), "layers|diff_ids")
refused("layers-10000", manifest("layers", value=[descriptor(b"x", LAYER)] * 10_000), "longer than 500")
kept("layers-same-twice", lambda c: Image(GOOD, GOOD, GOOD), {"a": "f"})
kept("layers-same-content-other-blob", lambda c: Image(
    Layer(GOOD), Layer(GOOD, gz(archive(*GOOD), 9)), Layer(GOOD, archive(*GOOD))), {"a": "f"})
refused("layers-two-uses-of-a-blob", lambda c: Image(Layer(GOOD), Layer(GOOD, diff="sha256:" + HEX)), "the image says")
kept("layers-foreign-urls", lambda c: Image(Layer(
    GOOD, kind="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), on_manifest=put(
        "layers", 0, "urls", value=[f"http://{c.trap}/layer", "file:///etc/passwd"])), {"a": "f"})
refused("layers-foreign-urls-alone", lambda c: Served(
    Image(GOOD, on_manifest=put("layers", 0, "urls", value=[f"http://{c.trap}/layer"])),
    lambda documents, image, name: documents.pop(f"{name}/blobs/{digest(image.layers[0].blob)}")), "has no")
either("layers-encrypted", lambda c: Image(Layer(os.urandom(1000), kind=LAYER + "+encrypted")))
either("layers-no-tar", lambda c: Image(Layer(b"{}", b"{}", kind="application/json")))

# Indexes.

kept("index-good", lambda c: Index(Image(GOOD), on_index=lambda d: d["manifests"][0].update(
    platform={"os": "linux", "architecture": ARCHITECTURE})), {"a": "f"})
kept("index-no-platform", lambda c: Index(Image(GOOD)), {"a": "f"})
kept("index-docker", lambda c: Index(Image(GOOD, kind=DOCKER_MANIFEST, config_kind=DOCKER_CONFIG), kind=DOCKER_LIST),
    {"a": "f"})
refused("index-empty", lambda c: Index(), "no matching manifest")
refused("index-nested", lambda c: Index(Index(Image(GOOD))), "no matching manifest|another index")


class Chain:
    """Indexes of indexes; the entries say that they are images."""

    def __init__(self, depth, kind):
        self.all = [Index(Image(GOOD), entries=[entry(Image(GOOD))])]
        for _ in range(depth):
            self.all.append(Index(entries=[entry(self.all[-1], mediaType=kind)]))
        self.chains = []

    def documents(self, name, tag="latest"):
        result = {}
        for index in self.all:
            result |= index.documents(name, tag)
        return result


refused("index-nested-deep", lambda c: Chain(100, INDEX), "no matching manifest|another index")
refused("index-nested-as-image", lambda c: Chain(100, MANIFEST), "another index|media type")
refused("index-of-itself", lambda c: Served(Index(Image(GOOD)), lambda documents, index, name: documents.update({
    f"{name}/manifests/{digest(index.images[0].manifest)}": (INDEX, index.manifest)})), "wrong content|another index")
refused("index-entry-is-layer",
    lambda c: Index(Image(GOOD), on_index=lambda d: d["manifests"][0].update(mediaType=LAYER)), "no matching")
refused("index-4097", lambda c: Index(entries=[entry(Image(GOOD))] * 4097), "too long")
kept("index-4096", lambda c: Index(Image(GOOD), entries=[entry(Image(GOOD))] * 4096), {"a": "f"})
refused("index-other-platforms", lambda c: Index(entries=[
    entry(Image(GOOD), FOREIGN), entry(Image(GOOD), os="windows"), entry(Image(GOOD), "unknown", os="unknown")]),
    "no matching manifest")
refused("index-attestation-alone", lambda c: Index(entries=[entry(Image(GOOD), "unknown", os="unknown")]),
    "no matching manifest")
refused("index-platform-lie", lambda c: Index(Image(
    GOOD, on_config=put("architecture", value=FOREIGN)), on_index=lambda d: d["manifests"][0].update(
        platform={"os": "linux", "architecture": ARCHITECTURE})), "is made for")
refused("index-platform-escape", lambda c: Index(entries=[
    entry(Image(GOOD), "\x1b[2J\x07\n" + "x" * 5000)]), "no matching manifest")
refused("index-platform-half",
    lambda c: Index(Image(GOOD), on_index=lambda d: d["manifests"][0].update(platform={"os": "linux"})), "platform")
refused("index-wrong-size", lambda c: Index(Image(GOOD), on_index=lambda d: d["manifests"][0].update(size=5)),
    "announced|bytes for")
refused("index-size-negative", lambda c: Index(Image(GOOD), on_index=lambda d: d["manifests"][0].update(size=-5)),
    "size of")
refused("index-4m-of-entries", serving(INDEX, encoded({
    "schemaVersion": 2, "mediaType": INDEX,
    "manifests": [{"mediaType": MANIFEST, "digest": "sha256:" + HEX, "size": 1}] * 24_000})), "too long")
refused("index-deep", serving(INDEX, b'{"schemaVersion":2,"manifests":' + nested(50_000) + b"}"), "deeper")

# Platforms.

refused("wrong-platform", config("architecture", value=FOREIGN), "is made for")
refused("wrong-platform-os", config("os", value="windows"), "is made for")
kept("wrong-platform-asked-for", config("architecture", value=FOREIGN), {"a": "f"},
    service=[f"platform: linux/{FOREIGN}"])
refused("wrong-platform-escape", config("architecture", value="\x1b[2J\x07\n"), "is made for")
refused("wrong-platform-long", config("architecture", value="x" * 1_000_000), "is made for")
refused("wrong-platform-missing", config("os", value=None), "platform")
refused("wrong-platform-empty", config("architecture", value=""), "platform|is made for")
refused("wrong-platform-number", config("architecture", value=5), "platform")

# Configs.

refused("cfg-list", lambda c: Image(GOOD, on_config=lambda d: b"[]"), "image config")
refused("cfg-empty", lambda c: Image(GOOD, on_config=lambda d: b""), "image config")
refused("cfg-random", lambda c: Image(GOOD, on_config=lambda d: os.urandom(1000)), "image config")
refused("cfg-deep", config("config", value=json.loads(nested(500))), "deeper")
refused("cfg-deep-100000", lambda c: Image(GOOD, on_config=lambda d: b'{"os":' + nested(100_000) + b"}"), "deeper")
refused("cfg-key-twice", lambda c: Image(GOOD, on_config=text(lambda t: t.replace(b'"os"', b'"os": "x", "os"'))),
    "two members")
either("cfg-8m-of-history", lambda c: Image(GOOD, on_config=put("history", value=[{"created_by": "x" * 78}] * 80_000)))
either("cfg-8m-of-numbers", lambda c: Image(GOOD, on_config=put("history", value=[0] * 2_700_000)))
either("cfg-8m-of-lists",
    lambda c: Image(GOOD, on_config=text(lambda t: t[:-1] + b', "x": [' + b"[]," * 2_700_000 + b"1]}")))
kept("cfg-50000-labels", config("config", value={"Labels": {"l%d" % n: "v" * 20 for n in range(50_000)}}), {"a": "f"})
for name, value in (
        ("env-map", {"Env": {}}), ("env-number", {"Env": [5]}), ("env-nul", {"Env": ["A=b\x00C=d"]}),
        ("cmd-map", {"Cmd": {"a": "b"}}),
        ("cmd-nul", {"Cmd": ["sh\x00-c"]}), ("entrypoint-number", {"Entrypoint": 5}), ("user-number", {"User": 5}),
        ("user-nul", {"User": "a\x00b"}), ("dir-list", {"WorkingDir": ["/"]}), ("dir-nul", {"WorkingDir": "/a\x00b"}),
        ("ports-list", {"ExposedPorts": ["80/tcp"]}), ("ports-nul", {"ExposedPorts": {"80\x00": {}}}),
        ("volumes-list", {"Volumes": ["/v"]}), ("volumes-nul", {"Volumes": {"/v\x00": {}}}),
        ("labels-list", {"Labels": ["a"]}),
        ("labels-number", {"Labels": {"a": 1}}), ("labels-nul", {"Labels": {"a\x00": "b"}}),
        ("signal-number", {"StopSignal": 9}),
        ("text", "text"), ("health-text", {"Healthcheck": {"Test": ["CMD", "a\x00"]}}),
        ("health-list", {"Healthcheck": {"Test": {"a": 1}}}),
        ("health-negative", {"Healthcheck": {"Interval": -1}}), ("health-2e63", {"Healthcheck": {"Interval": 1 << 63}}),
        ("health-half", {"Healthcheck": {"Timeout": 1.5}}), ("health-retries", {"Healthcheck": {"Retries": 1 << 40}}),
        ("health-retries-negative", {"Healthcheck": {"Retries": -3}})):
    refused(f"cfg-{name}", config("config", value=value), "image config")
kept("cfg-null", lambda c: Image(GOOD, on_config=text(lambda t: t.replace(b'"config": {}', b'"config": null'))),
    {"a": "f"})
