"""Archives and compressed streams that lie about themselves, or are made to grow, to hang or to fill."""

import os

from cases import Is, either, kept, refused
from oci import Image, Layer
from tars import (
    BLOCK, END, GNU, OLD, archive, base256, block, char, fifo, file, folder, gnu_long, gnu_sparse, gz, gz_member,
    gz_zeros, header, member, padded, pax, pax_sparse, record, sym, zstd_block, zstd_frame, zstd_raw,
    zstd_repeated, zstd_skippable)

GIB = 1 << 30
TIB = 1 << 40
SOME = "sha256:" + "0" * 64  # for what is refused before its digest can matter
GOOD = [file("a")]


def zstd(tar, **fields):
    return Layer(tar, zstd_frame(zstd_raw(tar), **fields), kind="application/vnd.oci.image.layer.v1.tar+zstd")


def blob(data, tar=None):
    """A layer whose compressed form is `data`."""
    return Image(Layer(archive(*GOOD) if tar is None else tar, data))


def bomb(before, zeros, after=b""):
    """Gzip: `before`, many zeros, `after`."""
    return Image(Layer(b"", gz(before) + gz_zeros(zeros) + gz(after), diff=SOME))


# Compression.

refused("gz-bomb-file", lambda c: bomb(header("a", size=8 * GIB - BLOCK), 4 * GIB), "larger than|no space left",
    small=True)
refused("gz-bomb-many-files", lambda c: Image(Layer(b"", b"".join(
    gz(header("f%d" % n, size=256 << 20)) + gz_zeros(256 << 20) for n in range(16)), diff=SOME)),
    "larger than|no space left", small=True)
refused("gz-bomb-many-layers", lambda c: Image(*[Layer(b"", gz(
    header("f%d" % n, size=8 * GIB - BLOCK)) + gz_zeros(2 * GIB), diff=SOME) for n in range(4)]),
    "larger than|no space left", small=True)
refused("gz-bomb-after-end", lambda c: bomb(archive(*GOOD), GIB), "the image says", limit=30)
kept("gz-zeros-after-end", lambda c: Image(Layer(
    archive(*GOOD) + bytes(64 << 20), gz(archive(*GOOD)) + gz_zeros(64 << 20))), {"a": "f"})
refused("gz-bomb-of-names", lambda c: Image(Layer(b"", gz(gnu_long("x" * 1_000_000)) * 2000, diff=SOME)),
    "4096|ends too early")
refused("gz-bomb-of-headers", lambda c: Image(Layer(b"", gz(header("g", b"g") * 2048, 9) * 1954, diff=SOME)),
        "4000000 entries", limit=40)
kept("gz-of-gz", lambda c: [file("a.gz", gz(gz_zeros(1 << 30)))], {"a.gz": "f"})
refused("gz-truncated", lambda c: blob(gz(archive(*GOOD))[:-12]), "gzip")
refused("gz-truncated-head", lambda c: blob(b"\x1f\x8b\x08"), "gzip|early|tar")
refused("gz-no-trailer", lambda c: blob(gz(archive(*GOOD))[:-8]), "gzip")
refused("gz-wrong-crc", lambda c: blob(gz_member(archive(*GOOD), crc=1)), "gzip")
refused("gz-wrong-length", lambda c: blob(gz_member(archive(*GOOD), size=1)), "gzip")
refused("gz-damaged", lambda c: blob(gz(archive(file("a", os.urandom(4000))))[:2000] + bytes(2000)), "gzip")
refused("gz-bad-block-type", lambda c: blob(gz(b"")[:10] + b"\x07" + bytes(40)), "gzip")
refused("gz-garbage-behind", lambda c: blob(gz(archive(*GOOD)) + b"garbage behind it"), "gzip")
either("gz-zeros-behind", lambda c: blob(gz(archive(*GOOD)) + bytes(512)))
either("gz-reserved-flags", lambda c: blob(gz_member(archive(*GOOD), flags=0xE0)))
kept("gz-all-fields", lambda c: blob(gz_member(
    archive(*GOOD), flags=0x1C, extra=b"\x03\x00abcname\x00comment\x00")), {"a": "f"})
kept("gz-comment-1m", lambda c: blob(gz_member(archive(*GOOD), flags=0x10, extra=b"c" * (1 << 20) + b"\x00")),
    {"a": "f"})
kept("gz-extra-bgzip", lambda c: blob(gz_member(archive(*GOOD), flags=4, extra=b"\x06\x00BC\x02\x00\x10\x00")),
    {"a": "f"})
kept("gz-extra-1k", lambda c: blob(gz_member(archive(*GOOD), flags=4, extra=b"\x00\x04" + bytes(1024))), {"a": "f"})
# ISA-L does not take what zlib takes here.
either("gz-extra-64k", lambda c: blob(gz_member(archive(*GOOD), flags=4, extra=b"\xff\xff" + bytes(65535))))
refused("gz-name-without-end", lambda c: blob(gz(b"")[:3] + b"\x08" + bytes(6) + b"n" * (4 << 20)), "gzip")
kept("gz-many-members", lambda c: blob(gz(b"") * 50_000 + gz(archive(*GOOD)) + gz(b"") * 50_000), {"a": "f"})
kept("gz-member-for-each-byte", lambda c: blob(b"".join(
    gz(bytes([byte])) for byte in archive(*GOOD))), {"a": "f"})
kept("gz-stored", lambda c: blob(gz(archive(*GOOD), 0)), {"a": "f"})
either("empty-blob", lambda c: Image(Layer(b"", b"")))
refused("random-blob", lambda c: blob(os.urandom(100_000)), "tar|checksum|compressed")
refused("html-blob", lambda c: blob(b"<html><body>Log in" + b" " * 600), "tar")
refused("xz-blob", lambda c: blob(b"\xfd7zXZ\x00" + os.urandom(1000)), "tar|xz")
refused("bz2-blob", lambda c: blob(b"BZh91AY&SY" + os.urandom(1000)), "tar|bz")
kept("plain-blob", lambda c: blob(archive(*GOOD)), {"a": "f"})

kept("zstd-good", lambda c: Image(zstd(archive(*GOOD))), {"a": "f"})
kept("zstd-window-32m", lambda c: Image(zstd(archive(*GOOD), window=25)), {"a": "f"})
kept("zstd-four-windows-32m", lambda c: Image(*[Layer(tar, zstd_frame(zstd_raw(tar), window=25)) for tar in [
    archive(file("f%d" % n, bytes([n]) * (40 << 20))) for n in range(4)]]), {"f3": "f"})
refused("zstd-window-64m", lambda c: Image(zstd(archive(*GOOD), window=26)), "zstd")
refused("zstd-window-2g", lambda c: Image(zstd(archive(*GOOD), window=31)), "zstd")
refused("zstd-window-2t", lambda c: Image(zstd(archive(*GOOD), window=41)), "zstd")
refused("zstd-single-segment-huge", lambda c: blob(zstd_frame(
    zstd_raw(archive(*GOOD)), descriptor=0xE0, extra=b"\xff" * 7 + b"\x3f")), "zstd")
refused("zstd-bomb", lambda c: Image(Layer(b"", zstd_frame(
    zstd_raw(header("a", size=8 * GIB - BLOCK), last=False) + zstd_repeated(0, 8192 * 4)), diff=SOME)),
    "larger than|no space left", small=True)
refused("zstd-size-lie", lambda c: blob(zstd_frame(zstd_raw(archive(*GOOD)), content_size=5)), "zstd")
refused("zstd-size-too-large", lambda c: blob(zstd_frame(zstd_raw(archive(*GOOD)), content_size=1 << 62)), "zstd")
refused("zstd-truncated", lambda c: blob(zstd_frame(zstd_raw(archive(*GOOD)))[:-700]), "zstd|early")
refused("zstd-not-last", lambda c: blob(zstd_frame(zstd_raw(archive(*GOOD), last=False))), "zstd")
refused("zstd-dictionary", lambda c: blob(zstd_frame(
    zstd_raw(archive(*GOOD)), descriptor=0x01, extra=b"\x38\x07")), "zstd")
refused("zstd-reserved-block", lambda c: blob(zstd_frame(zstd_block(3, 5, b"xxxxx", True))), "zstd")
refused("zstd-reserved-bit", lambda c: blob(zstd_frame(zstd_raw(archive(*GOOD)), descriptor=0x08, extra=b"\x38")),
    "zstd")
refused("zstd-wrong-checksum", lambda c: blob(zstd_frame(
    zstd_raw(archive(*GOOD)), descriptor=0x04, extra=b"\x38") + b"\x00\x01\x02\x03"), "zstd")
refused("zstd-garbage-behind", lambda c: blob(zstd_frame(zstd_raw(archive(*GOOD))) + b"garbage behind"), "zstd")
kept("zstd-frames", lambda c: blob(b"".join(
    zstd_frame(zstd_raw(archive(*GOOD)[start:start + 100])) for start in range(0, len(archive(*GOOD)), 100))),
    {"a": "f"})
kept("zstd-skippable-between", lambda c: blob(
    zstd_frame(zstd_raw(archive(*GOOD)[:700])) + zstd_skippable(b"skipped" * 100) * 1000
    + zstd_frame(zstd_raw(archive(*GOOD)[700:]))), {"a": "f"})
kept("zstd-skippable-first", lambda c: blob(zstd_skippable(b"x") + zstd_frame(zstd_raw(archive(*GOOD)))), {"a": "f"})
refused("zstd-skippable-lie", lambda c: blob(
    zstd_frame(zstd_raw(archive(*GOOD))) + zstd_skippable(b"x", 0xFFFFFFFF)), "zstd|early")
kept("zstd-empty-blocks", lambda c: blob(zstd_frame(
    zstd_block(0, 0, b"") * 1_000_000 + zstd_raw(archive(*GOOD)))), {"a": "f"})

# Sparse files.

kept("sparse-gnu-1tib", lambda c: [gnu_sparse("a", [(TIB // 32, 4)], TIB // 16, b"data"), file("b")],
     {"a": Is("f", size=TIB // 16, blocks=64), "b": "f"})
kept("sparse-1tib", lambda c: [pax_sparse("a", [(0, 4), (TIB - 4, 4)], TIB, b"headtail")],
     {"a": Is("f", size=TIB, blocks=64)})
kept("sparse-many-1tib", lambda c: [pax_sparse("f%d" % n, [(TIB - 4, 4)], TIB, b"tail") for n in range(100)],
     {"f99": Is("f", size=TIB, blocks=64)})
either("sparse-8eib", lambda c: [pax_sparse("a", [(0, 4)], (1 << 63) - 1, b"data")])
refused("sparse-16eib", lambda c: [pax_sparse("a", [(0, 4)], (1 << 64) - 1, b"data")], "size|sparse")
refused("sparse-beyond-number", lambda c: [pax_sparse("a", [(0, 4)], 1 << 64, b"data")], "real size")
either("sparse-at-the-end-of-numbers", lambda c: [pax_sparse("a", [((1 << 63) - 5, 4)], (1 << 63) - 1, b"data")])
refused("sparse-overflow", lambda c: [pax_sparse("a", [((1 << 64) - 2, 4)], 100, b"data")], "sparse map")
refused("sparse-overlap", lambda c: [pax_sparse("a", [(0, 8), (4, 8)], 100, b"d" * 16)], "sparse map")
refused("sparse-unordered", lambda c: [pax_sparse("a", [(50, 4), (0, 4)], 100, b"d" * 8)], "sparse map")
refused("sparse-past-the-end", lambda c: [pax_sparse("a", [(98, 4)], 100, b"data")], "sparse map")
refused("sparse-too-much-data", lambda c: [pax_sparse("a", [(0, 4)], 100, b"d" * 600)], "sparse map")
refused("sparse-too-little-data", lambda c: [pax_sparse("a", [(0, 4000)], 5000, b"data")], "sparse map")
refused("sparse-real-size-small", lambda c: [pax_sparse("a", [(0, 4)], 0, b"data")], "sparse map")
refused("sparse-no-map", lambda c: [pax_sparse("a", [], 100, b"", text=b"")], "sparse map")
refused("sparse-map-of-text", lambda c: [pax_sparse("a", [], 100, b"", text=b"x\n1\n2\n")], "sparse map")
refused("sparse-map-negative", lambda c: [pax_sparse("a", [], 100, b"", text=b"1\n-5\n5\n")], "sparse map")
refused("sparse-map-short", lambda c: [pax_sparse("a", [(0, 4)], 100, b"", count=3)], "sparse map|early")
refused("sparse-map-huge-count", lambda c: [pax_sparse("a", [], 100, b"", count=1 << 63)], "sparse map")
refused("sparse-map-70000", lambda c: [pax_sparse("a", [(n * 2, 1) for n in range(70_000)], 1 << 20, b"d" * 70_000)],
    "sparse")
kept("sparse-map-60000", lambda c: [pax_sparse("a", [(n * 2, 1) for n in range(60_000)], 1 << 20, b"d" * 60_000)],
     {"a": Is("f", size=1 << 20)})
refused("sparse-map-without-end", lambda c: [pax_sparse("a", [], 100, b"", text=b"60000\n" + b"1" * (2 << 20))],
    "sparse map")
kept("sparse-maps-of-many", lambda c: [pax_sparse("f%d" % n, [
    (m * 2, 1) for m in range(20_000)], 1 << 20, b"d" * 20_000) for n in range(120)], {"f119": "f"})
refused("sparse-old-odd-numbers", lambda c: [pax({
    "GNU.sparse.size": "100", "GNU.sparse.map": "0,4,5"}), file("a")], "sparse map")
refused("sparse-old-lone-length", lambda c: [pax({
    "GNU.sparse.size": "100", "GNU.sparse.numbytes": "4"}), file("a")], "sparse map")
either("sparse-folder", lambda c: [pax({"GNU.sparse.realsize": "100", "GNU.sparse.major": "1"}), folder("d")])
either("sparse-link", lambda c: [pax({"GNU.sparse.realsize": "100", "GNU.sparse.major": "1"}), sym("l", "x")])
refused("sparse-gnu-negative", lambda c: [header("a", b"S", magic=GNU, raw={386: base256(-1), 398: base256(5)})],
    "sparse|negative")
refused("sparse-gnu-past-the-end", lambda c: [gnu_sparse("a", [(0, 4)], 2, b"data")], "sparse map")
refused("sparse-gnu-extension-cut", lambda c: [gnu_sparse(
    "a", [(0, 1)], 9, b"", more=[[(1, 1)], [(2, 1)]])[:BLOCK * 2]], "early|sparse|checksum")
refused("sparse-gnu-70000", lambda c: [gnu_sparse("a", [(0, 0)] * 4, 1 << 30, b"", more=[
    [(0, 0)] * 21 for _ in range(3400)])], "65536 sparse")

# Extended headers.

refused("pax-huge", lambda c: [header("pax", b"x", size=GIB)], "names and attributes")
refused("pax-2m", lambda c: [pax({"comment": "x" * (2 << 20)}), file("a")], "names and attributes")
refused("pax-header-2e63", lambda c: [header("pax", b"x", size=base256((1 << 63) - 1))], "names and attributes")
refused("pax-header-negative", lambda c: [header("pax", b"x", size=base256(-1))], "negative")
kept("pax-1m", lambda c: [pax({"comment": "x" * 1_000_000}), file("a")], {"a": "f"})
for name, records in (
        ("length-0", b"0 a=b\n"), ("length-1", b"1 a=b\n"), ("length-short", b"3 a=b\n"), ("length-long", b"99 a=b\n"),
        ("length-text", b"x a=b\n"), ("length-negative", b"-6 a=b\n"), ("length-2e64", b"18446744073709551616 a=b\n"),
        ("length-2e63", b"9223372036854775807 a=b\n"), ("no-blank", b"123456"), ("no-equals", b"6 abc\n"),
        ("no-newline", b"6 a=bc"), ("nul", bytes(512)), ("uid-negative", record("uid", "-1")),
        ("uid-2e32", record("uid", str(1 << 32))), ("uid-text", record("uid", "root")),
        ("size-negative", record("size", "-1")), ("size-2e63", record("size", str(1 << 63))),
        ("size-2e64", record("size", str(1 << 64))), ("size-text", record("size", "4x")),
        ("time-text", record("mtime", "now")), ("time-2e64", record("mtime", str(1 << 64)))):
    refused(f"pax-{name}", lambda c, records=records: [pax(records), file("a")], "extended header|size out of range")
for name, text, nanoseconds in (
        ("fine", "1.123456789", 1123456789), ("too-fine", "1.9999999999999", 1999999999),
        ("negative", "-1.5", -1500000000),
        ("whole", "5.", 5 * 10**9)):
    kept(f"pax-time-{name}", lambda c, text=text: [file("a", records={"mtime": text})],
        {"a": Is("f", time=nanoseconds)})
either("pax-time-max", lambda c: [file("a", records={"mtime": str((1 << 63) - 1)}), sym("l", "x", records={
    "mtime": "-9223372036854775807.5"}), folder("d", records={"mtime": str((1 << 63) - 1)})])
either("pax-uid-max",
    lambda c: [file("a", mode=0o4755, records={"uid": str((1 << 32) - 1), "gid": str((1 << 32) - 1)})])
kept("pax-uid-large", lambda c: [file("a", records={"uid": str((1 << 32) - 2), "gid": "3000000000"})],
     {"a": Is("f", uid=(1 << 32) - 2, gid=3000000000)})
kept("pax-size-larger", lambda c: [pax({"size": "600"}), header("a", size=0), padded(b"d" * 600), file("b")],
     {"a": Is("f", size=600), "b": "f"})
kept("pax-size-smaller", lambda c: [pax({"size": "0"}), header("a", size=BLOCK), header("hidden"), file("b")],
     {"a": Is("f", size=0), "hidden": "f", "b": "f"})
kept("pax-twice", lambda c: [pax({"path": "first", "uid": "5"}), pax({"path": "second"}), header("x")],
    {"second": "f", "first": None})
kept("pax-record-twice", lambda c: [pax(record("path", "first") + record("path", "second")), header("x")],
    {"second": "f"})
kept("pax-unknown", lambda c: [pax({"VENDOR.x": "1", "charset": "BINARY", "": "empty key", "hdrcharset": "x"}),
    file("a")], {"a": "f"})
kept("pax-global", lambda c: [pax({"comment": "x", "size": "5", "uid": "7"}, b"g"), file("a")],
    {"a": Is("f", uid=0, size=4)})
either("pax-at-the-end", lambda c: [file("a"), pax({"path": "b"})])
either("pax-link-then-end", lambda c: [file("a"), gnu_long("b")])
either("pax-only", lambda c: [pax({"path": "b"})] * 3)
either("pax-many-attributes", lambda c: [file("a", records={"SCHILY.xattr.user.%d" % n: "1" for n in range(30_000)})])
refused("pax-attributes-of-many-links", lambda c: [
    pax({"SCHILY.xattr.user.%d" % n: "1" for n in range(30_000)}) + sym("l%d" % m, "x") for m in range(60)],
    "attributes")
refused("pax-attribute-70k", lambda c: [file("a", records={"SCHILY.xattr.user.a": b"x" * 70_000})],
    "(?i)xattr|attribute|space|large")
either("pax-attribute-no-name", lambda c: [file("a", records={"SCHILY.xattr.": b"x"})])
either("pax-attribute-long-name", lambda c: [file("a", records={"SCHILY.xattr.user." + "n" * 300: b"x"})])
either("pax-attribute-no-space", lambda c: [file("a", records={"SCHILY.xattr.user": b"x", "SCHILY.xattr.x.y": b"z"})])
either("pax-attribute-nul", lambda c: [file("a", records={b"SCHILY.xattr.user.a\x00trusted.overlay.opaque": b"x"})])
kept("pax-attributes",
    lambda c: [file("a", records={"SCHILY.xattr.user.a": b"\x00\xff\n=", "SCHILY.xattr.user.b": ""})],
     {"a": Is("f", xattrs={"user.a": b"\x00\xff\n=", "user.b": b""})})
CAPABILITY = b"\x01\x00\x00\x02\x00\x04" + bytes(14)
kept("pax-capability",
    lambda c: [file("a", mode=0o755, uid=5, records={"SCHILY.xattr.security.capability": CAPABILITY})],
     {"a": Is("f", mode=0o755, uid=5, xattrs={"security.capability": CAPABILITY})})
either("pax-capability-bad", lambda c: [file("a", records={"SCHILY.xattr.security.capability": b"x" * 33})])
either("pax-acl-bad", lambda c: [file("a", records={"SCHILY.xattr.system.posix_acl_access": b"x" * 33})])
either("pax-selinux",
    lambda c: [file("a", records={"SCHILY.xattr.security.selinux": b"system_u:object_r:etc_t:s0\x00"})])
either("pax-trusted", lambda c: [folder("d", records={"SCHILY.xattr.trusted.other": b"x"})])

# Numbers in headers.

for name, field, value in (
        ("size-octal-8g", "size", b"77777777777\x00"), ("size-max", "size", base256((1 << 63) - 1)),
        ("size-max-less-511", "size", base256((1 << 63) - 512)), ("size-2e63", "size", base256(1 << 63)),
        ("size-all-ones", "size", b"\xbf" + b"\xff" * 11), ("size-negative", "size", base256(-1)),
        ("size-min", "size", base256(-(1 << 63))), ("size-beyond-min", "size", base256(-(1 << 80))),
        ("size-text", "size", b"12345678xyz\x00"), ("size-minus", "size", b"-0000000004\x00"),
        ("size-hex", "size", b"0x000000004\x00"), ("uid-huge", "uid", base256(1 << 40, 8)),
        ("uid-minus-one", "uid", base256(-1, 8)),
        ("uid-text", "uid", b"rootroot"), ("gid-huge", "gid", base256(1 << 33, 8)), ("mode-text", "mode", b"rwxr-xr-"),
        ("time-text", "mtime", b"yesterday...")):
    refused(f"number-{name}", lambda c, field=field, value=value: [header("a", **{field: value}), padded(b"data")],
            "tar|larger than|no space|EFBIG|too large")
for name, field, value in (
        ("mode-huge", "mode", base256(1 << 50, 8)), ("mode-negative", "mode", base256(-1, 8)),
        ("mode-type-bits", "mode", b"0140777\x00"),
        ("time-negative", "mtime", base256(-5)), ("time-max", "mtime", base256((1 << 63) - 1)),
        ("time-min", "mtime", base256(-(1 << 63))), ("uid-blank", "uid", b"        "),
        ("size-unterminated", "size", b"000000000000")):
    either(f"number-{name}", lambda c, field=field, value=value: [header("a", **{field: value}), file("b")])
refused("number-device-major-huge", lambda c: [char("a", base256(1 << 31, 8))], "device number")
refused("number-device-major-4096", lambda c: [char("a", 4096)], "device number")
refused("number-device-minor-huge", lambda c: [char("a", 1, base256(1 << 40, 8))], "device number")
refused("number-device-negative", lambda c: [block("a", base256(-1, 8))], "device number")
refused("number-checksum-wrong", lambda c: [header("a", checksum=b"000001\x00 ")], "checksum")
refused("number-checksum-huge", lambda c: [header("a", checksum=b"\xff" * 8)], "checksum")
refused("number-checksum-text", lambda c: [header("a", checksum=b"checksum")], "checksum")

# The shape of the archive.

refused("tar-cut-in-header", lambda c: Image(Layer(file("a") + file("b")[:100])), "early")
refused("tar-cut-in-content", lambda c: Image(Layer(file("a", b"d" * 5000)[:3000])), "early")
refused("tar-cut-in-pax", lambda c: Image(Layer(pax({"path": "x" * 2000})[:1000])), "early")
kept("tar-no-end", lambda c: Image(Layer(file("a"))), {"a": "f"})
kept("tar-one-zero-block", lambda c: Image(Layer(file("a") + bytes(BLOCK))), {"a": "f"})
refused("tar-lone-zero-block", lambda c: Image(Layer(file("a") + bytes(BLOCK) + file("b") + END)), "zero block")
kept("tar-hidden-behind-end", lambda c: Image(Layer(archive(file("a")) + archive(file("hidden"), file("../x")))),
     {"a": "f", "hidden": None})
kept("tar-garbage-behind-end", lambda c: Image(Layer(archive(file("a")) + os.urandom(100_001))), {"a": "f"})
kept("tar-zeros-alone", lambda c: Image(Layer(bytes(10240))))
kept("tar-v7", lambda c: [header("a", b"\x00", size=4, magic=OLD), padded(b"data"), header("d/", b"\x00", magic=OLD)],
    {"a": "f", "d": "d"})
kept("tar-contiguous", lambda c: [member("a", b"data", kind=b"7")], {"a": Is("f", content=b"data")})
for kind in (b"V", b"M", b"D", b"N", b"X", b"A", b"8", b"9", b"\xff", b" ", b"s"):
    refused(f"tar-kind-{kind.hex()}", lambda c, kind=kind: [file("a"), member("b", kind=kind)], "unknown kind")
kept("tar-socket-as-file", lambda c: [member("s", kind=b"0", mode=b"0140755\x00")], {"s": Is("f", mode=0o755)})
kept("tar-modes", lambda c: [
    file("u", mode=0o4755), file("g", mode=0o2755, gid=5), folder("t", mode=0o1777), file("n", mode=0),
    folder("z", mode=0), file("z/x"),
    file("all", mode=0o7777, uid=1000, gid=1000), folder("sg", mode=0o2775, gid=7), file("sg/x", gid=8)],
    {"u": Is("f", mode=0o4755), "g": Is("f", mode=0o2755, gid=5), "t": Is("d", mode=0o1777), "n": Is("f", mode=0),
    "z": Is("d", mode=0),
     "z/x": "f", "all": Is("f", mode=0o7777, uid=1000), "sg": Is("d", mode=0o2775, gid=7), "sg/x": Is("f", gid=8)})
kept("tar-nodes", lambda c: [char("null", 1, 3, mode=0o666), block("disk", 8, 0, uid=6), char("mem", 1, 1),
    fifo("p", mode=0o622),
                             char("big", 4095, (1 << 20) - 1)],
     {"null": Is("c", mode=0o666, device=(1, 3)), "disk": Is("b", uid=6, device=(8, 0)), "mem": "c",
     "p": Is("p", mode=0o622),
      "big": Is("c", device=(4095, (1 << 20) - 1))})
kept("tar-same-name-again", lambda c: [
    file("a", b"1"), file("a", b"22", mode=0o600), folder("b"), file("b/x"), file("b", b"3"), file("c"), folder("c"),
    file("c/x"),
    sym("e", "1"), fifo("e"), char("e"), sym("e", "2"), folder("f", mode=0o700), file("f/x"), folder("f", mode=0o755)],
    {"a": Is("f", content=b"22", mode=0o600), "b": Is("f", content=b"3"), "c/x": "f", "e": Is("l", target=b"2"),
     "f": Is("d", mode=0o755), "f/x": "f"})
kept("tar-same-name-20000", lambda c: [file("a", b"%d" % n) for n in range(20_000)], {"a": Is("f", content=b"19999")})
kept("tar-folder-and-link-in-turn", lambda c: [
    part for n in range(5_000) for part in (folder("d"), file("d/x"), sym("d", "/etc"))], {"d": "l"})

# Many.

kept("many-files", lambda c: [file("d%d/f%d" % (n % 100, n), b"") for n in range(100_000)], {"d99/f99999": "f"},
    unwalked=True)
kept("many-folders", lambda c: [folder("d%d/e%d" % (n % 100, n)) for n in range(50_000)], {"d99/e49999": "d"},
    unwalked=True)
kept("many-folder-times", lambda c: Image(Layer(archive(*(
    [folder(("n" * 250 + "/") * 15)] * 30_000)))), unwalked=True)
either("many-implied-folders", lambda c: [file(("n" * 240 + "/") * 3 + "i%d/f" % n, b"") for n in range(30_000)],
    unwalked=True)
kept("many-links", lambda c: [sym("l%d" % n, "x" * 90) for n in range(50_000)], {"l49999": "l"}, unwalked=True)
kept("many-removals", lambda c: [part for n in range(200) for part in [
    file("d/" + "e/" * 50 + "%d" % m) for m in range(5)] + [file("d")] + [folder("d")]], {"d": "d"})
