"""Tar archives and compressed streams by hand: whatever an honest writer would never write.

Members are bytes; an archive is their concatenation. Nothing here checks what it is told.
"""

import gzip
import struct
import zlib

BLOCK = 512
END = bytes(2 * BLOCK)
FIELDS = {
    "name": (0, 100), "mode": (100, 8), "uid": (108, 8), "gid": (116, 8), "size": (124, 12),
    "mtime": (136, 12), "checksum": (148, 8), "type": (156, 1), "link": (157, 100), "magic": (257, 8),
    "major": (329, 8), "minor": (337, 8), "prefix": (345, 155),
}
PAX, GNU, OLD = b"ustar\x0000", b"ustar  \x00", b""


def octal(value, width):
    return b"%0*o\x00" % (width - 1, value)


def number(value, width=12):
    return octal(value, width) if value < 8 ** (width - 1) else base256(value, width)


def base256(value, width=12):
    """GNU's form for numbers that octal digits cannot hold, negative ones too."""
    if value < 0:
        return (value + (1 << (8 * width))).to_bytes(width, "big")
    return bytes([0x80]) + value.to_bytes(width - 1, "big")


def as_bytes(text):
    return text.encode() if isinstance(text, str) else bytes(text)


def padded(data):
    return data + bytes(-len(data) % BLOCK)


def header(name, kind=b"0", size=0, mode=0o644, uid=0, gid=0, mtime=0, link=b"", major=0, minor=0,
           prefix=b"", magic=PAX, checksum=None, raw=None):
    """One header block. Numbers may be given as bytes, which are taken as they are; `raw` puts bytes at
    offsets after all else and before the checksum."""
    block = bytearray(BLOCK)
    values = {
        "name": name, "mode": mode, "uid": uid, "gid": gid, "size": size, "mtime": mtime, "type": kind,
        "link": link, "magic": magic, "major": major, "minor": minor, "prefix": prefix,
    }
    for field, value in values.items():
        start, width = FIELDS[field]
        data = octal(value, width) if isinstance(value, int) else as_bytes(value)
        assert len(data) <= width, f"{field} is too long: {data!r}"
        block[start:start + len(data)] = data
    for start, data in (raw or {}).items():
        block[start:start + len(data)] = data
    block[148:156] = b" " * 8
    block[148:156] = checksum or b"%06o\x00 " % sum(block)
    return bytes(block)


def member(name, data=b"", kind=b"0", records=None, **fields):
    """A member with its content; names and targets too long for the header go into a PAX header."""
    name, records = as_bytes(name), dict(records or {})
    link = as_bytes(fields.pop("link", b""))
    if len(name) > 100:
        records.setdefault("path", name)
    if len(link) > 100:
        records.setdefault("linkpath", link)
    fields.setdefault("size", len(data))
    before = pax(records) if records else b""
    return before + header(name[:100], kind, link=link[:100], **fields) + padded(data)


def file(name, data=b"data", **fields):
    return member(name, data, **fields)


def folder(name, mode=0o755, **fields):
    return member(name, kind=b"5", mode=mode, **fields)


def sym(name, target, **fields):
    return member(name, kind=b"2", link=target, mode=0o777, **fields)


def hard(name, target, **fields):
    return member(name, kind=b"1", link=target, **fields)


def char(name, major=1, minor=3, **fields):
    return member(name, kind=b"3", major=major, minor=minor, **fields)


def block(name, major=7, minor=0, **fields):
    return member(name, kind=b"4", major=major, minor=minor, **fields)


def fifo(name, **fields):
    return member(name, kind=b"6", **fields)


def record(key, value):
    """`length key=value\\n`, where length counts itself."""
    body = b" " + as_bytes(key) + b"=" + as_bytes(value) + b"\n"
    length = len(body)
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def pax(records, kind=b"x", **fields):
    """An extended header of records in their order: a map, or bytes taken as they are."""
    if isinstance(records, dict):
        records = b"".join(record(key, value) for key, value in records.items())
    fields.setdefault("size", len(records))
    return header("pax", kind, **fields) + padded(records)


def gnu_long(name, kind=b"L"):
    data = as_bytes(name) + b"\x00"
    return header("././@LongLink", kind, size=len(data), magic=GNU) + padded(data)


def archive(*members):
    return b"".join(members) + END


def gnu_sparse(name, regions, real, data=b"", more=(), **fields):
    """A member of GNU's old sparse format: four regions in the header, 21 in each block of `more`."""
    def packed(regions):
        return b"".join(number(offset) + number(length) for offset, length in regions)
    raw = {386: packed(regions), 482: b"\x01" if more else b"\x00", 483: number(real)}
    fields.setdefault("size", len(data))
    result = header(name, b"S", magic=GNU, raw=raw, **fields)
    for index, part in enumerate(more):
        extension = bytearray(BLOCK)
        extension[:24 * len(part)] = packed(part)
        extension[504] = index + 1 < len(more)
        result += bytes(extension)
    return result + padded(data)


def pax_sparse(name, regions, real, data=b"", count=None, text=None, records=None, **fields):
    """A member of GNU's PAX format 1.0, whose map stands before the data."""
    if text is None:
        numbers = [len(regions) if count is None else count]
        numbers += [number for region in regions for number in region]
        text = b"".join(b"%d\n" % number for number in numbers)
    known = {
        "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name,
        "GNU.sparse.realsize": str(real),
    }
    return member("GNUSparseFile.0/x", padded(text) + data, records=known | (records or {}), **fields)


# Gzip.


def gz(data, level=1):
    return gzip.compress(data, level, mtime=0)


def gz_zeros(count):
    """Gzip members that inflate to `count` zeros; whole MiB only. A thousandth of it in size."""
    return gz(bytes(1 << 20), 9) * (count >> 20)


def gz_member(data, flags=0, extra=b"", crc=None, size=None):
    """One member with everything settable."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = compressor.compress(data) + compressor.flush()
    crc = zlib.crc32(data) if crc is None else crc
    size = len(data) if size is None else size
    head = b"\x1f\x8b\x08" + bytes([flags]) + bytes(5) + b"\xff" + extra
    return head + body + struct.pack("<II", crc, size & 0xFFFFFFFF)


# Zstandard (RFC 8878), of blocks that need no entropy coding.


def zstd_block(kind, size, data, last=False):
    return (size << 3 | kind << 1 | last).to_bytes(3, "little") + data


def zstd_raw(data, last=True):
    """Raw blocks that hold `data`."""
    parts = [data[start:start + 131072] for start in range(0, len(data), 131072)] or [b""]
    return b"".join(
        zstd_block(0, len(part), part, last and index == len(parts) - 1)
        for index, part in enumerate(parts))


def zstd_repeated(byte, blocks, last=True):
    """Blocks of 128 KiB of one byte each, in four bytes."""
    one = zstd_block(1, 131072, bytes([byte]))
    return one * (blocks - 1) + zstd_block(1, 131072, bytes([byte]), last)


def zstd_frame(blocks, window=17, content_size=None, descriptor=None, extra=b""):
    """A frame with a window of 2^`window` bytes."""
    head = b"\x28\xb5\x2f\xfd"
    if descriptor is not None:
        return head + bytes([descriptor]) + extra + blocks
    if content_size is not None:
        return head + bytes([0xC0, (window - 10) << 3]) + struct.pack("<Q", content_size) + blocks
    return head + bytes([0x00, (window - 10) << 3]) + blocks


def zstd_skippable(data, length=None):
    return struct.pack("<II", 0x184D2A50, len(data) if length is None else length) + data
