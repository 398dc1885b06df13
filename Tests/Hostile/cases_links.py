"""Names, links and whiteouts that lead out of a layer's folder, into another layer or to overlayfs."""

from cases import Is, either, kept, refused
from oci import Image, Layer
from tars import (GNU, block, char, fifo, file, folder, gnu_long, hard, header, member, pax, sym)

MARK = b"canary/hostile-mark"
DEEP = b"d/" * 2000

# Names.

refused("path-dotdot", lambda c: [file(c.up + MARK)], "upwards")
refused("path-dotdot-over-a-file", lambda c: [file(c.up + b"canary/file")], "upwards")
refused("path-dotdot-inside", lambda c: [file(b"a/../" + c.up + MARK)], "upwards")
refused("path-dotdot-after-dot", lambda c: [file(b"./" + c.up + MARK)], "upwards")
refused("path-dotdot-that-stays", lambda c: [folder("a"), file("a/../b")], "upwards")
refused("path-dotdot-alone", lambda c: [folder("..", mode=0o777)], "upwards")
refused("path-dotdot-at-end", lambda c: [folder("a"), folder("a/..", mode=0o777)], "upwards")
refused("path-absolute-dotdot", lambda c: [file(b"/" + c.up * 3 + b"tmp/hostile-mark")], "upwards")
refused("path-prefix-dotdot", lambda c: [header(c.up[:-1] + b"/hostile-mark", prefix=b"a/..")], "upwards")
refused("path-prefix-alone-dotdot", lambda c: [header("hostile-mark", prefix=c.up[:-1])], "upwards")
refused("path-gnu-long-dotdot", lambda c: [gnu_long(c.up + MARK), header("ok", magic=GNU)], "upwards")
refused("path-pax-dotdot", lambda c: [pax({"path": c.up + MARK}), header("ok")], "upwards")
refused("path-pax-over-gnu", lambda c: [gnu_long("ok"), pax({"path": c.up + MARK}), header("ok")], "upwards")
refused("path-sparse-name-dotdot", lambda c: [
    pax({"GNU.sparse.major": "0", "GNU.sparse.name": c.up + MARK, "GNU.sparse.size": "0"}), header("ok")], "upwards")
kept("path-pax-global", lambda c: [pax({"path": c.up + MARK}, b"g"), file("ok")], {"ok": "f"})
kept("path-absolute", lambda c: [file(c.canary + b"/hostile-mark")], lambda c: {c.canary[1:] + b"/hostile-mark": "f"})
kept("path-absolute-etc", lambda c: [file("/etc/hostile-mark")], {"etc/hostile-mark": "f"})
kept("path-slashes", lambda c: [file("//etc///x")], {"etc/x": "f"})
kept("path-dots", lambda c: [file("././a/./b")], {"a/b": "f"})
kept("path-three-dots", lambda c: [file(".../x")], {".../x": "f"})
kept("path-like-dotdot", lambda c: [file("․․/a"), file(".. /b"), file("%2e%2e/c"), file("..\\..\\d"), file(" ../e")],
     {"․․/a": "f", ".. /b": "f", "%2e%2e/c": "f", "..\\..\\d": "f", " ../e": "f"})
kept("path-proc", lambda c: [file("proc/self/root/tmp/hostile-mark")], {"proc/self/root/tmp/hostile-mark": "f"})
refused("path-empty", lambda c: [header("")], "root must be a folder")
refused("path-nul", lambda c: [pax({"path": b"a\x00/../../x"}), header("ok")], "bad name")
kept("path-255", lambda c: [file("x" * 255)], {"x" * 255: "f"})
refused("path-256", lambda c: [file("x" * 256)], "(?i)name")
refused("path-4097", lambda c: [file("a/" * 2048 + "b")], "4096")
refused("path-1m", lambda c: [gnu_long("a/" * 500_000), header("ok", magic=GNU)], "4096")
kept("path-deep", lambda c: [file(DEEP + b"f")], unwalked=True)
kept("path-deep-two-layers", lambda c: Image([file(DEEP + b"f")], [file(DEEP + b"g")]), unwalked=True)
refused("path-deep-refused", lambda c: [file(DEEP + b"f"), file("../x")], "upwards")
kept("path-deep-replaced", lambda c: [file(DEEP + b"f"), file("d")], {"d": "f"})
either("path-deep-wide", lambda c: [file((b"%03d/" % n) * 1000 + b"f") for n in range(20)], unwalked=True)
refused("path-file-as-parent", lambda c: [file("a"), file("a/b")], "link or a file")
refused("path-file-as-deep-parent", lambda c: [file("a"), file("a/b/c/d")], "link or a file")
refused("path-fifo-as-parent", lambda c: [fifo("a"), file("a/b")], "link or a file")
refused("path-device-as-parent", lambda c: [char("a"), file("a/b")], "link or a file")
kept("path-control-characters", lambda c: [file("a\nb"), file("\x1b[2J\x07"), file("\tc\r")],
     {"a\nb": "f", "\x1b[2J\x07": "f", "\tc\r": "f"})
refused("path-control-characters-refused", lambda c: [file(b"\x1b]0;x\x07\x1b[2J\n\x9b31m/../x")], "upwards")
refused("path-bidi-refused", lambda c: [file("‮​/../x")], "upwards")
kept("names-non-utf8", lambda c: [file(b"\xff\xfe\xc0\x80"), folder(b"d\xe9"), file(b"d\xe9/\xa4")],
     {b"\xff\xfe\xc0\x80": "f", b"d\xe9": "d", b"d\xe9/\xa4": "f"})
kept("names-non-utf8-close", lambda c: [file(b"\xff", b"1"), file(b"\xfe", b"2"), file("�", b"3")],
     {b"\xff": Is("f", content=b"1"), b"\xfe": Is("f", content=b"2"), "�": Is("f", content=b"3")})
refused("names-non-utf8-refused", lambda c: [file(b"\xff\xfe/../\xc0")], "upwards")
kept("names-nfc-nfd", lambda c: [file("\u00e9", b"1"), file("e\u0301", b"2"), folder("\u00c5"), file("A\u030a", b"3")],
     {"\u00e9": Is("f", content=b"1"), "e\u0301": Is("f", content=b"2"), "\u00c5": "d",
     "A\u030a": Is("f", content=b"3")})
kept("names-nfc-nfd-parents", lambda c: [
    folder("\u00e9"), sym("e\u0301", "/etc"), file("\u00e9/x")], {"\u00e9/x": "f", "e\u0301": "l"})
kept("names-case", lambda c: [file("A/x"), file("a/x"), sym("ETC", "/etc"), file("etc/x")], {"A/x": "f", "etc/x": "f"})
kept("names-crlf", lambda c: [file("a\r\n", b"1"), file("a\n", b"2"), file("a\r", b"3")],
     {"a\r\n": Is("f", content=b"1"), "a\n": Is("f", content=b"2"), "a\r": Is("f", content=b"3")})
either("path-file-with-slash", lambda c: [file("x/", b"data")])

# Entries for the root itself.

kept("root-folder", lambda c: [folder("./", mode=0o711, uid=5, gid=6), file("a")],
    {".": Is("d", mode=0o711, uid=5, gid=6)})
kept("root-folder-slash", lambda c: [folder("/", mode=0o2755), file("a")], {".": Is("d", mode=0o2755)})
refused("root-as-file", lambda c: [file(".")], "root must be a folder")
refused("root-as-link", lambda c: [sym("./", c.canary), file("hostile-mark")], "root must be a folder")
refused("root-as-relative-link", lambda c: [sym(".", c.up + b"canary"), file("hostile-mark")], "root must be a folder")
refused("root-as-slash-link", lambda c: [sym("/", c.canary), file("hostile-mark")], "root must be a folder")
refused("root-as-hard-link", lambda c: [file("a"), hard(".", "a")], "root must be a folder")
refused("root-as-fifo", lambda c: [fifo("./.")], "root must be a folder")
refused("root-as-device", lambda c: [char("//")], "root must be a folder")
kept("root-opaque", lambda c: [file(".wh..wh..opq", b"")], {}, opaque=["."])
kept("root-attributes", lambda c: [folder("./", records={
    "SCHILY.xattr.trusted.overlay.opaque": "y", "SCHILY.xattr.user.kept": "1"})],
    {".": Is("d", xattrs={"user.kept": b"1"})})

# Symbolic links.

THROUGH = "link or a file"
refused("sym-absolute-then-write", lambda c: [sym("l", c.canary), file("l/hostile-mark")], THROUGH)
refused("sym-relative-then-write", lambda c: [sym("l", c.up + b"canary"), file("l/hostile-mark")], THROUGH)
refused("sym-chain-then-write", lambda c: [sym("a", "b"), sym("b", c.canary), file("a/hostile-mark")], THROUGH)
refused("sym-inside-then-write", lambda c: [folder("d"), sym("l", "d"), file("l/x")], THROUGH)
refused("sym-to-root-then-write", lambda c: [sym("l", "/"), file("l/tmp/hostile-mark")], THROUGH)
refused("sym-loop-then-write", lambda c: [sym("a", "b"), sym("b", "a"), file("a/x")], THROUGH)
refused("sym-magic-then-write", lambda c: [sym("l", "/proc/self/root"), file("l/tmp/hostile-mark")], THROUGH)
refused("sym-magic-fd-then-write", lambda c: [sym("l", "/proc/self/fd/3"), file("l/hostile-mark")], THROUGH)
refused("sym-magic-cwd-then-write", lambda c: [sym("l", "/proc/self/cwd"), file("l/hostile-mark")], THROUGH)
refused("sym-deep-then-write", lambda c: [folder("a/b"), sym("a/b/l", c.canary), file("a/b/l/sub/hostile-mark")],
    THROUGH)
refused("sym-then-folder-below", lambda c: [sym("l", c.canary), folder("l/hostile-mark")], THROUGH)
refused("sym-then-link-below", lambda c: [sym("l", c.canary), sym("l/hostile-mark", "x")], THROUGH)
refused("sym-then-device-below", lambda c: [sym("l", c.canary), char("l/hostile-mark")], THROUGH)
refused("sym-then-fifo-below", lambda c: [sym("l", c.canary), fifo("l/hostile-mark")], THROUGH)
refused("sym-then-hard-link-below", lambda c: [file("a"), sym("l", c.canary), hard("l/hostile-mark", "a")], THROUGH)
refused("sym-cached-folder-swapped", lambda c: [
    file("d/a"), sym("d", c.canary), file("d/hostile-mark")], THROUGH)
refused("sym-cached-deep-folder-swapped", lambda c: [
    file("d/e/f/a"), sym("d/e", c.canary), file("d/e/sub/hostile-mark")], THROUGH)
refused("sym-swapped-back-and-forth", lambda c: [
    folder("d"), file("d/a"), sym("d", c.canary), folder("d"), file("d/b"), sym("d", c.canary),
    file("d/hostile-mark")], THROUGH)
kept("sym-folder-over-it", lambda c: [sym("l", c.canary), folder("l", mode=0o777, uid=9), file("l/hostile-mark")],
     {"l": Is("d", mode=0o777, uid=9), "l/hostile-mark": "f"})
kept("sym-file-over-it", lambda c: [sym("l", c.canary + b"/file"), file("l", b"new", mode=0o600, uid=9)],
     {"l": Is("f", mode=0o600, uid=9, content=b"new")})
kept("sym-device-over-it", lambda c: [sym("l", c.canary + b"/file"), char("l", 1, 3, mode=0o666)],
    {"l": Is("c", device=(1, 3))})
kept("sym-fifo-over-it", lambda c: [sym("l", c.canary + b"/pipe"), fifo("l", mode=0o666, uid=9)], {"l": Is("p", uid=9)})
kept("sym-link-over-it", lambda c: [sym("l", c.canary), sym("l", "elsewhere")], {"l": Is("l", target=b"elsewhere")})
kept("sym-owner-and-time", lambda c: [sym("l", c.canary + b"/file", uid=7, gid=8, mtime=1234)],
     {"l": Is("l", uid=7, gid=8, time=1234 * 10**9)})
kept("sym-attributes", lambda c: [sym("l", c.canary + b"/file", records={
    "SCHILY.xattr.user.x": "1", "SCHILY.xattr.trusted.x": "1"})], {"l": "l"})
kept("sym-folder-time-after-swap", lambda c: [
    folder("d", mtime=5), sym("d", c.canary + b"/sub", mtime=6)], {"d": Is("l", time=6 * 10**9)})
kept("sym-to-anything", lambda c: [
    sym("a", "../../../../etc/shadow"), sym("b", b"\xff\x01\n"), sym("c", "x" * 4095), sym("d", "/dev/sda")],
    {"a": "l", "b": Is("l", target=b"\xff\x01\n"), "c": Is("l", target=b"x" * 4095), "d": "l"})
refused("sym-to-nothing", lambda c: [sym("l", "")], "target is empty")
refused("sym-nul", lambda c: [pax({"linkpath": b"a\x00b"}), header("l", b"2", link="ok")], "bad name")
refused("sym-4097", lambda c: [sym("l", "x" * 4097)], "4096")
refused("sym-4096", lambda c: [sym("l", "x" * 4096)], "(?i)name")
refused("sym-slash-name-then-write", lambda c: [sym("l/", c.canary), file("l/hostile-mark")], THROUGH)

# Hard links.

kept("hard-inside", lambda c: [file("a"), hard("h", "a"), hard("i", "h")], {"a": Is("f", links=3), "i": "f"})
kept("hard-absolute-inside", lambda c: [file("a"), hard("h", "/a")], {"h": Is("f", links=2)})
refused("hard-outside", lambda c: [hard("h", c.up + b"canary/file")], "upwards")
refused("hard-outside-absolute", lambda c: [hard("h", c.canary + b"/file")], "not in this layer")
refused("hard-proc-root", lambda c: [hard("h", b"/proc/1/root" + c.canary + b"/file")], "not in this layer")
refused("hard-proc-exe", lambda c: [hard("h", "/proc/self/exe")], "not in this layer")
refused("hard-through-link", lambda c: [sym("l", c.canary), hard("h", "l/file"), file("h", b"x")], THROUGH)
refused("hard-through-relative-link", lambda c: [sym("l", c.up + b"canary"), hard("h", "l/file")], THROUGH)
kept("hard-to-link", lambda c: [sym("l", c.canary + b"/file"), hard("h", "l")], {"h": Is("l", links=2)})
kept("hard-to-link-then-written", lambda c: [
    sym("l", c.canary + b"/file"), hard("h", "l"), file("h", b"new", mode=0o4777)],
    {"h": Is("f", content=b"new"), "l": "l"})
refused("hard-to-link-then-through", lambda c: [
    sym("l", c.canary), hard("h", "l"), file("h/hostile-mark")], THROUGH)
kept("hard-written-again", lambda c: [file("a", b"old"), hard("h", "a"), file("h", b"new")],
     {"a": Is("f", content=b"old", links=1), "h": Is("f", content=b"new")})
refused("hard-to-folder", lambda c: [folder("d"), hard("h", "d")], "not in this layer")
refused("hard-to-root", lambda c: [hard("h", ".")], "no file")
refused("hard-to-nothing", lambda c: [hard("h", "")], "no file")
refused("hard-to-missing", lambda c: [hard("h", "a")], "not in this layer")
refused("hard-to-later", lambda c: [hard("h", "a"), file("a")], "not in this layer")
kept("hard-to-itself", lambda c: [file("a"), hard("a", "./a")], {"a": Is("f", links=1)})
refused("hard-to-whiteout", lambda c: [file(".wh.a"), hard("h", "a")], "not in this layer")
refused("hard-named-whiteout", lambda c: [file("a"), file(".wh.a"), hard("h", ".wh.a")], "no file")
kept("hard-is-whiteout", lambda c: [file("b"), hard(".wh.a", "b")], {"b": Is("f", links=1)}, whiteouts=["a"])
kept("hard-to-nodes", lambda c: [char("c"), block("b"), fifo("p"), hard("1", "c"), hard("2", "b"), hard("3", "p")],
     {"1": Is("c", links=2), "2": Is("b", links=2), "3": Is("p", links=2)})
kept("hard-does-not-change-mode", lambda c: [file("a", mode=0o600, uid=3), hard("h", "a", mode=0o4777)],
     {"a": Is("f", mode=0o600, uid=3)})
kept("hard-with-setuid", lambda c: [file("a", mode=0o4755), hard("h", "a")], {"h": Is("f", mode=0o4755, links=2)})
kept("hard-over-folder", lambda c: [file("a"), file("d/x"), hard("d", "a")], {"d": Is("f", links=2)})
either("hard-70000", lambda c: [file("a")] + [hard("h%d" % n, "a") for n in range(70_000)])
either("hard-with-data", lambda c: [file("a"), member("h", b"other", kind=b"1", link="a")])

# Between layers: each is unpacked where nothing of the others can be reached.

def over(c, *members):
    return Image([sym("d", c.canary)], list(members))


kept("cross-layer-write-through", lambda c: over(c, file("d/hostile-mark")), {"d/hostile-mark": "f"})
kept("cross-layer-folder-over", lambda c: over(c, folder("d", mode=0o777)), {"d": "d"})
kept("cross-layer-whiteout", lambda c: over(c, file("d/.wh.file")), {"d": "d"}, whiteouts=["d/file"])
kept("cross-layer-opaque", lambda c: over(c, file("d/.wh..wh..opq")), {"d": "d"}, opaque=["d"])
kept("cross-layer-device", lambda c: over(c, char("d/hostile-mark")), {"d/hostile-mark": "c"})
refused("cross-layer-hard-through", lambda c: over(c, hard("h", "d/file")), "not in this layer")
refused("cross-layer-hard", lambda c: Image([file("a")], [hard("h", "a")]), "not in this layer")
refused("cross-layer-second-bad", lambda c: Image([file("a")], [file("../x")]), "upwards")
refused("cross-layer-store-path", lambda c: Image(
    [file("a")], [file(b"../../../layers/" + Layer([file("a")]).diff[7:].encode() + b"/fs/a", b"changed")]), "upwards")

# Whiteouts.

kept("wh-plain", lambda c: [file(".wh.a", b"")], {"a": "c"}, whiteouts=["a"])
kept("wh-in-folder", lambda c: [folder("d"), file("d/.wh.a", b""), file("d/b")], {"d/b": "f"}, whiteouts=["d/a"])
kept("wh-with-data", lambda c: [file(".wh.a", b"some data"), file("b")], {"b": "f"}, whiteouts=["a"])
refused("wh-of-nothing", lambda c: [file(".wh.")], "whiteout of nothing")
refused("wh-of-dot", lambda c: [file(".wh..")], "whiteout of nothing")
refused("wh-of-dotdot", lambda c: [file("d/.wh...")], "whiteout of nothing")
refused("wh-as-folder-name", lambda c: [file(".wh.a/b")], "inside of a whiteout")
refused("wh-of-dotdot-as-folder", lambda c: [file(".wh.../b")], "inside of a whiteout")
kept("wh-is-folder", lambda c: [folder(".wh.a")], whiteouts=["a"])
kept("wh-is-link", lambda c: [sym(".wh.a", c.canary)], whiteouts=["a"])
kept("wh-is-device", lambda c: [char(".wh.a")], whiteouts=["a"])
kept("wh-after-file", lambda c: [file("a"), file(".wh.a")], {"a": "f"})
kept("wh-before-file", lambda c: [file(".wh.a"), file("a")], {"a": "f"})
kept("wh-before-folder", lambda c: [file(".wh.a"), folder("a"), file("a/b")], {"a/b": "f"}, opaque=["a"])
kept("wh-after-folder", lambda c: [file("a/b"), file(".wh.a")], {"a/b": "f"}, opaque=["a"])
kept("wh-before-parent", lambda c: [file(".wh.a"), file("a/b")], {"a/b": "f"}, opaque=["a"])
kept("wh-of-whiteout", lambda c: [file(".wh..wh.a")], {".wh.a": None, "a": None})
kept("wh-bookkeeping", lambda c: [file(".wh..wh.aufs"), file(".wh..wh.plnk/1.2"), folder(".wh..wh.orph")],
     {".wh..wh.aufs": None, ".wh..wh.plnk": None})
kept("wh-opaque", lambda c: [folder("d"), file("d/.wh..wh..opq", b""), file("d/a")], {"d/a": "f"}, opaque=["d"])
kept("wh-opaque-after-content", lambda c: [file("d/a"), file("d/.wh..wh..opq")], {"d/a": "f"}, opaque=["d"])
kept("wh-opaque-is-folder", lambda c: [folder("d/.wh..wh..opq")], opaque=["d"])
either("wh-opaque-as-parent", lambda c: [file("d/.wh..wh..opq/x")])
refused("wh-through-link", lambda c: [sym("l", c.canary), file("l/.wh.file")], THROUGH)
refused("wh-opaque-through-link", lambda c: [sym("l", c.canary), file("l/.wh..wh..opq")], THROUGH)
refused("wh-opaque-on-file", lambda c: [file("a"), file("a/.wh..wh..opq")], THROUGH)
refused("wh-device-0-0", lambda c: [char("a", 0, 0)], "0:0")
either("wh-block-0-0", lambda c: [block("a", 0, 0)])
kept("wh-255", lambda c: [file(".wh." + "x" * 251)], whiteouts=["x" * 251])
kept("wh-non-utf8", lambda c: [file(b".wh.\xff\xfe")], whiteouts=["\udcff\udcfe"])
kept("wh-newline", lambda c: [file(".wh.a\nb")], whiteouts=["a\nb"])

# Attributes by which an image would speak to overlayfs.

for attribute in ("opaque", "redirect", "metacopy", "origin", "impure", "upper", "nlink", "whiteout", "protattr",
                  "uuid", "overlay.opaque"):
    for space in ("trusted", "user"):
        kept(f"ovl-{space}-{attribute}", lambda c, name=f"SCHILY.xattr.{space}.overlay.{attribute}": [
            folder("d", records={name: "y"}), file("f", b"", records={name: "/etc"})],
            {"d": Is("d", xattrs={}), "f": Is("f", xattrs={})})
kept("ovl-twice", lambda c: [folder("d", records={
    "SCHILY.xattr.trusted.overlay.opaque": "y", "SCHILY.xattr.user.a": "b"}), folder("d")], {"d": "d"})
kept("ovl-libarchive", lambda c: [folder("d", records={"LIBARCHIVE.xattr.trusted.overlay.opaque": "eQ=="})],
    {"d": Is("d", xattrs={})})
kept("ovl-global", lambda c: [pax({"SCHILY.xattr.trusted.overlay.opaque": "y"}, b"g"), folder("d")],
    {"d": Is("d", xattrs={})})
kept("ovl-on-other-kinds", lambda c: [
    fifo("p", records={"SCHILY.xattr.trusted.overlay.opaque": "y"}),
    char("c", records={"SCHILY.xattr.trusted.overlay.redirect": "/x"}),
    sym("l", "x", records={"SCHILY.xattr.trusted.overlay.opaque": "y"})],
    {"p": Is("p", xattrs={}), "c": Is("c", xattrs={}), "l": Is("l", xattrs={})})
