"""Storage: volumes, binds, images, memory, and whose they are."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from world import IMAGE, TOP, Complaint, scenario


def lived(box, volumes, *more, service="", top=""):
    """One service that sleeps with these lines of `volumes`."""
    lines = "".join(f"      - {line}\n" for line in volumes)
    head = "services:\n  app:\n    image: IMAGE\n    command: sleep 1000\n    stop_grace_period: 0s\n"
    box.up(head + service + ("    volumes:\n" + lines if volumes else "") + top, *more)


def volume_folder(box, name):
    return os.path.join(box.environment["BERTH_STATE"], "volumes", name, "data")


def mounts_of(box, service="app"):
    """Target → (flags, type) as the kernel tells them inside."""
    found = {}
    for line in box.inside(service, "cat /proc/self/mountinfo").splitlines():
        left, right = line.split(" - ")
        fields = left.split()
        found[fields[4]] = (set(fields[5].split(",")), right.split()[0], fields[6:])
    return found


def host_mounts():
    with open("/proc/self/mountinfo") as file:
        return file.read()


# Binds


@scenario("A119", "A120", "E163")
def bind_sources(box):
    os.makedirs(box.path("home"))
    box.environment["HOME"] = box.path("home")
    box.write("here/file", "relative")
    box.write("home/mine/file", "of home")
    box.write("single", "one file")
    lived(box, ["./here:/relative", "~/mine:/home-folder", "./single:/etc/single:ro", "./made:/made"])
    box.equal(box.inside("app", "cat /relative/file /home-folder/file /etc/single"), "relativeof homeone file")
    box.true(os.path.isdir(box.path("made")), "the missing source was not made")
    status = os.stat(box.path("made"))
    box.equal((status.st_uid, oct(status.st_mode & 0o7777)), (0, "0o755"), "owner and mode of what was made")


@scenario("A124", "E163")
def bind_source_missing(box):
    outcome = box.refused(
        """
        services:
          app:
            image: IMAGE
            volumes:
              - type: bind
                source: ./absent
                target: /x
                bind: {create_host_path: false}
        """, "bind source path does not exist", "compose.yaml:6")
    box.true(not os.path.exists(box.path("absent")), f"it was made all the same: {outcome.text}")


@scenario("A121", "A125", "E163")
def bind_recursive(box):
    os.makedirs(box.path("top/below"))
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", box.path("top/below")], check=True)
    try:
        box.write("top/below/file", "x")
        kinds = {
            "enabled": ("true", True, True), "disabled": ("false", False, False), "writable": ("true", True, False),
            "readonly": ("true", True, True),
        }
        lines = []
        for kind, (read_only, _, _) in kinds.items():
            lines.append(
                f"{{type: bind, source: ./top, target: /{kind}, read_only: {read_only}, bind: {{recursive: {kind}}}}}")
        lived(box, lines)
        found = mounts_of(box)
        for kind, (read_only, comes_along, below_read_only) in kinds.items():
            box.equal("ro" in found[f"/{kind}"][0], read_only == "true", f"ro of {kind}")
            box.equal(f"/{kind}/below" in found, comes_along, f"the mount below with {kind}")
            if comes_along:
                box.equal("ro" in found[f"/{kind}/below"][0], below_read_only, f"ro below with {kind}")
        box.equal(box.inside("app", "cat /disabled/below/file 2>&1 || true").endswith("No such file or directory"), True)
        box.inside("app", "echo y > /writable/below/new")
        box.berth("down", "--timeout", "0")
    finally:
        subprocess.run(["umount", "-l", box.path("top/below")], check=True)


@scenario("A125")
def bind_recursive_readonly_needs_read_only(box):
    box.refused(
        """
        services:
          app:
            image: IMAGE
            volumes: [{type: bind, source: ., target: /x, bind: {recursive: readonly}}]
        """, "needs `read_only: true`", "compose.yaml:5")


@scenario("A123", "E163")
def bind_propagation(box):
    os.makedirs(box.path("shared"))
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", box.path("shared")], check=True)
    try:
        subprocess.run(["mount", "--make-shared", box.path("shared")], check=True)
        kinds = ["private", "rprivate", "shared", "rshared", "slave", "rslave"]
        for kind in kinds:
            os.makedirs(box.path("shared", kind))
        lived(box, [f"./shared:/{kind}:{kind}" for kind in kinds])
        os.makedirs(box.path("shared/late"))
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", box.path("shared/late")], check=True)
        try:
            found = mounts_of(box)
            for kind in kinds:
                box.equal(f"/{kind}/late" in found, "private" not in kind, f"a later mount is seen with {kind}")
                words = " ".join(found[f"/{kind}"][2])
                box.equal("shared:" in words, "shared" in kind, f"shared of {kind} ({words})")
                box.equal("master:" in words, "slave" in kind, f"master of {kind} ({words})")
            box.berth("down", "--timeout", "0")
        finally:
            subprocess.run(["umount", "-l", box.path("shared/late")], check=True)
    finally:
        subprocess.run(["umount", "-l", box.path("shared")], check=True)


@scenario("A123")
def bind_propagation_of_private(box):
    os.makedirs(box.path("lonely"))
    for kind in ["shared", "rslave"]:
        box.refused(
            f"services: {{app: {{image: IMAGE, command: sleep 10, volumes: ['./lonely:/x:{kind}']}}}}",
            "is not on a shared", kind)
        box.berth("down", "--timeout", "0")


@scenario("A122", "A126", "E163")
def bind_words_without_effect(box):
    box.write("data/file", "x")
    lived(box, ["./data:/small:z", "./data:/large:Z",
                "{type: bind, source: ./data, target: /long, consistency: cached, bind: {selinux: Z}}"])
    box.equal(box.inside("app", "cat /small/file /large/file /long/file"), "xxx")


@scenario("E163")
def bind_owner_mapped(box):
    """Files made inside belong to the owner outside, whoever the container's user is."""
    for number, user in [(1, "0:0"), (2, "1000:1001"), (3, "www-data")]:
        folder = box.path(f"data{number}")
        os.makedirs(folder)
        os.chown(folder, 1234, 1235)
        os.chmod(folder, 0o755)
        box.up(f"""
            services:
              app:
                image: IMAGE
                user: "{user}"
                command: sleep 1000
                stop_grace_period: 0s
                volumes:
                  - {{type: bind, source: ./data{number}, target: /data, x-berth: {{bind_owner: map}}}}
            """)
        box.inside("app", "mkdir /data/sub && echo text > /data/sub/file && ln -s file /data/sub/link")
        for name in ["sub", "sub/file", "sub/link"]:
            status = os.lstat(os.path.join(folder, name))
            box.equal((status.st_uid, status.st_gid), (1234, 1235), f"owner outside of {name} made as {user}")
        seen = {"0:0": "0 0", "1000:1001": "1000 1001", "www-data": "33 33"}[user]
        box.equal(box.inside("app", "stat -c '%u %g' /data/sub/file"), seen, f"owner inside as {user}")
        box.berth("down", "--timeout", "0")


@scenario("E163")
def bind_owner_of_who_called_sudo(box):
    box.environment.update(SUDO_UID="1500", SUDO_GID="1501")
    lived(box, ["{type: bind, source: ./data, target: /data, x-berth: {bind_owner: map}}"])
    box.inside("app", "touch /data/file")
    for name in ["data", "data/file"]:
        status = os.stat(box.path(name))
        box.equal((status.st_uid, status.st_gid), (1500, 1501), f"owner outside of {name}, made by berth or inside")


@scenario("E163")
def bind_owner_keeps_root_out(box):
    """The owner's number is nobody's inside: no user of the container can make files of root."""
    os.makedirs(box.path("data"))
    os.chown(box.path("data"), 1234, 1234)
    os.chmod(box.path("data"), 0o777)
    box.write("data/of-root", "x", 0o600)
    lived(box, ["{type: bind, source: ./data, target: /data, x-berth: {bind_owner: map}}"])
    tried = box.berth("exec", "-T", "-u", "1234:1234", "app", "sh", "-c", "touch /data/evil", code=None)
    box.true(tried.code != 0, "uid 1234 made a file")
    box.true(not os.path.exists(box.path("data/evil")), "a file was made by uid 1234")
    box.equal(box.inside("app", "stat -c %u /data/of-root"), "65534", "root's file as seen inside")
    box.true("of-root" in box.inside("app", "cat /data/of-root 2>&1 || true"), "root's file was read")
    box.berth("exec", "-T", "-u", "33:33", "app", "touch", "/data/of-www")
    box.equal(os.stat(box.path("data/of-www")).st_uid, 33, "another user's file")


@scenario("E163")
def bind_owner_refused_by_file_system(box):
    """proc, for one, has no owners that could be mapped."""
    box.refused(
        """
        services:
          app:
            image: IMAGE
            volumes: [{type: bind, source: /proc/sys, target: /data, x-berth: {bind_owner: map}}]
        """, "bind_owner: map", "file system cannot show")
    box.refused(
        "services: {app: {image: IMAGE, volumes: [{type: volume, target: /data, x-berth: {bind_owner: map}}]}}",
        "which is for a `bind` only")


# Volumes


@scenario("A117", "A118", "A199", "A203", "E158")
def volume_names_and_labels(box):
    lived(box, ["data:/data", "other:/other"],
          top="volumes:\n  data: {labels: {colour: blue}}\n  other: {name: very-own-name}\n")
    with open(os.path.join(volume_folder(box, f"{box.name}_data"), "..", "volume.json")) as file:
        text = file.read()
    for word in ['"colour":"blue"', '"com.docker.compose.volume":"data"', f'"com.docker.compose.project":"{box.name}"',
                 "com.docker.compose.version", "com.docker.compose.config-hash"]:
        box.true(word in text, f"no {word} in {text}")
    box.inside("app", "echo kept > /other/file")
    with open(os.path.join(volume_folder(box, "very-own-name"), "file")) as file:
        box.equal(file.read(), "kept\n")
    box.berth("down", "--timeout", "0")
    box.up()
    box.equal(box.inside("app", "cat /other/file"), "kept", "after down and up")
    box.berth("down", "--volumes", "--timeout", "0")
    box.true(not os.path.exists(volume_folder(box, "very-own-name")), "`down -v` left the volume")


@scenario("A117")
def volume_undefined(box):
    box.refused("services: {app: {image: IMAGE, volumes: ['nope:/x']}}", "undefined volume `nope`", "compose.yaml:1")


@scenario("A117", "E164")
def targets_taken_twice(box):
    for file in [
        "services: {app: {image: IMAGE, volumes: [/x], tmpfs: /x}}",
        "services: {app: {image: IMAGE, volumes: [/x], tmpfs: /x/}}",
        "services: {app: {image: IMAGE, tmpfs: [/x, '/y/../x:size=1m']}}",
    ]:
        box.refused(file, "mounts two things at")


@scenario("A200")
def volume_driver(box):
    box.refused(
        "services: {app: {image: IMAGE, volumes: ['data:/x']}}\nvolumes:\n  data:\n    driver: rexray\n",
        "`volumes.data.driver` cannot be `rexray`", "compose.yaml:4")
    lived(box, ["data:/x"], top="volumes: {data: {driver: local}}\n")


@scenario("A118", "E167")
def mounts_of_other_systems(box):
    for kind in ["npipe", "cluster"]:
        box.refused(
            f"services: {{app: {{image: IMAGE, volumes: [{{type: {kind}, source: a, target: /x}}]}}}}", kind)


@scenario("A202", "E158")
def volume_external(box):
    file = "services: {app: {image: IMAGE, command: sleep 1000, volumes: ['data:/x']}}\nvolumes: {data: {external: true"
    box.refused(file + "}}", 'external volume "data" not found')
    box.refused(file + ", name: shared-one}}", 'external volume "shared-one" not found')
    box.refused(file + ", labels: {a: b}}}", "cannot have `labels`")
    maker = box.path("maker.yaml")
    with open(maker, "w") as text:
        text.write(f"services: {{m: {{image: {IMAGE!r}, volumes: ['vol:/x'], command: 'touch /x/made'}}}}\n"
                   "volumes: {vol: {name: shared-one}}\n")
    box.berth("-p", "maker-" + box.name, "-f", maker, "up", "-d")
    try:
        box.up(file + ", name: shared-one}}")
        box.equal(box.inside("app", "ls /x"), "made")
        kept = box.berth("-p", "maker-" + box.name, "-f", maker, "down", "--volumes", "--timeout", "0")
        box.true("still in use" in kept.err, f"nothing was said of a volume in use: {kept.text}")
        box.berth("down", "--volumes", "--timeout", "0")
        box.true(os.path.exists(volume_folder(box, "shared-one")), "`down -v` took an external volume")
    finally:
        box.berth("-p", "maker-" + box.name, "-f", maker, "down", "--volumes", "--timeout", "0")


@scenario("A128", "E162")
def volume_subpath(box):
    lived(box, ["data:/data"], top="volumes: {data: }\n")
    box.inside("app", "mkdir -p /data/a/b && echo deep > /data/a/b/file && ln -s a /data/inner && ln -s / /data/out"
               " && ln -s ../.. /data/a/up && ln -s /etc /data/etc")

    def file(subpath, more=""):
        return f"""
            services:
              app:
                image: IMAGE
                command: sleep 1000
                stop_grace_period: 0s
                volumes: [{{type: volume, source: data, target: /bin/../srv/part, volume: {{subpath: {subpath}}} {more}}}]
            volumes: {{data: }}
            """
    for subpath in ["a/b", "inner/b"]:
        box.up(file(subpath, ", read_only: true"))
        box.equal(box.inside("app", "cat /srv/part/file; ls /srv/part"), "deep\nfile", subpath)
        box.true("Read-only" in box.inside("app", "touch /srv/part/x 2>&1 || true"), "it could be written")
    for subpath, word in [("absent", "is not in volume"), ("out", "leads out of volume"), ("a/up", "leads out"),
                          ("etc", "leads out"), ("../data", "not below its source"), ("/a", "not below its source")]:
        box.file(file(subpath))
        outcome = box.berth("up", "-d", code=None)
        box.true(outcome.code != 0 and word in outcome.err, f"{subpath}: {outcome.code} {outcome.err}")
    box.file(file("a/b"))


@scenario("A117", "A127", "A129", "E160", "E161")
def anonymous_volumes(box):
    compose = """
        services:
          app:
            image: IMAGE
            command: sleep 1000
            stop_grace_period: 0s
            environment: {ROUND: "%s"}
            volumes:
              - /var/www
              - {type: volume, target: /bare, volume: {nocopy: true, labels: {colour: red}}}
        """

    def names():
        folder = os.path.join(box.environment["BERTH_STATE"], "volumes")
        found = {}
        for name in (name for name in os.listdir(folder) if not name.startswith(".")):
            with open(os.path.join(folder, name, "volume.json")) as file:
                text = file.read()
            if f'"{box.name}"' in text and len(name) == 64:
                found[name] = text
        return found
    box.up(compose % 1)
    first = names()
    box.equal(len(first), 2, "anonymous volumes")
    box.true(all("com.docker.volume.anonymous" in text for text in first.values()), "the label that marks them")
    box.equal(sum('"colour":"red"' in text for text in first.values()), 1, "volumes with the label that was asked for")
    box.inside("app", "echo kept > /var/www/note; echo kept > /bare/note")
    box.up(compose % 2)
    box.equal(box.inside("app", "cat /var/www/note /bare/note; echo $ROUND"), "kept\nkept\n2", "after a recreation")
    box.equal(set(names()), set(first), "volumes after a recreation")
    box.up(compose % 3, "--renew-anon-volumes")
    box.equal(box.inside("app", "ls /var/www /bare | grep note || echo none"), "none", "after -V")
    box.berth("down", "--timeout", "0")
    box.true(len(names()) >= 2, "a plain `down` took anonymous volumes")
    box.up(compose % 4)
    last = set(names()) - set(first)
    box.berth("down", "--volumes", "--timeout", "0")
    box.true(not last & set(names()) or len(last) > 2, "`down -v` left the container's anonymous volumes")


def blob(layout, digest):
    with open(os.path.join(layout, "blobs", *digest.split(":"))) as file:
        return json.load(file)


def manifest_of(layout):
    with open(os.path.join(layout, "index.json")) as file:
        return blob(layout, json.load(file)["manifests"][0]["digest"])


def derived(box, fill, name, config=None):
    """Loads an image of busybox and one layer more, which `fill` puts into the folder that it is given."""
    work = tempfile.mkdtemp(prefix="image-", dir=box.folder)
    base, over = os.path.join(work, "base"), os.path.join(work, "over")
    os.makedirs(over)
    scripts = os.path.join(TOP, "scripts", "images")
    subprocess.run([os.path.join(scripts, "busybox"), base, "base"], check=True, stdout=subprocess.DEVNULL)
    packed = os.path.join(base, "blobs", *manifest_of(base)["layers"][0]["digest"].split(":"))
    layers = [os.path.join(work, "base.tar"), os.path.join(work, "over.tar")]
    with gzip.open(packed) as source, open(layers[0], "wb") as target:
        shutil.copyfileobj(source, target)
    fill(over)
    subprocess.run(
        ["tar", "-C", over, "--xattrs", "--xattrs-include=*", "--numeric-owner", "-cf", layers[1], "."], check=True)
    layout = os.path.join(work, "layout")
    settings = {"Env": ["PATH=/bin:/usr/bin:/sbin:/usr/sbin"], "Cmd": ["sh"], **(config or {})}
    subprocess.run(
        [os.path.join(scripts, "pack"), layout, "test", json.dumps(settings), *layers], check=True, stdout=subprocess.DEVNULL)
    archive = os.path.join(work, "image.tar")
    subprocess.run(["tar", "-C", layout, "-cf", archive, "."], check=True)
    box.berth("load", "--quiet", "--input", archive)
    image = manifest_of(layout)["config"]["digest"]
    box.berth("tag", image, name)
    return image


@scenario("E161", "A117", "A127")
def copy_up(box):
    """An empty volume gets what the image has there, as it is there; once."""
    def fill(over):
        top = os.path.join(over, "full")
        os.makedirs(os.path.join(top, "sub"))
        for name, mode in [("plain", 0o640), ("set-id", 0o4755), ("sub/deep", 0o600)]:
            path = os.path.join(top, name)
            with open(path, "w") as file:
                file.write(name)
            os.chown(path, 12, 34)
            os.chmod(path, mode)
        os.link(os.path.join(top, "plain"), os.path.join(top, "second-name"))
        os.symlink("/etc/passwd", os.path.join(top, "link"))
        os.mkfifo(os.path.join(top, "pipe"))
        os.setxattr(os.path.join(top, "plain"), "user.colour", b"blue")
        os.chown(os.path.join(top, "sub"), 56, 78)
        os.chmod(os.path.join(top, "sub"), 0o2750)
        for name in ["empty", "full"]:
            os.makedirs(os.path.join(over, name), exist_ok=True)
            os.chown(os.path.join(over, name), 1000, 1001)
            os.chmod(os.path.join(over, name), 0o1770)
    derived(box, fill, "copy-up:test", {"Volumes": {"/full/": {}, "/empty": {}}})
    box.up("""
        services:
          app:
            image: copy-up:test
            command: sleep 1000
            stop_grace_period: 0s
            volumes: ["full:/full", "empty:/empty", {type: volume, source: bare, target: /bare-full, volume: {nocopy: true}},
                      {type: volume, source: none, target: /etc, read_only: true}]
        volumes: {full: , empty: , bare: , none: }
        """)
    folder = volume_folder(box, f"{box.name}_full")

    def look(name):
        status = os.lstat(os.path.join(folder, name))
        return status.st_uid, status.st_gid, oct(status.st_mode)
    for name, wanted in [
        (".", (1000, 1001, "0o41770")), ("plain", (12, 34, "0o100640")), ("set-id", (12, 34, "0o104755")),
        ("sub", (56, 78, "0o42750")), ("sub/deep", (12, 34, "0o100600")), ("pipe", (0, 0, "0o10644")),
    ]:
        box.equal(look(name), wanted, f"owner and mode of {name}")
    box.equal(os.readlink(os.path.join(folder, "link")), "/etc/passwd", "the link")
    box.equal(os.getxattr(os.path.join(folder, "plain"), "user.colour"), b"blue", "the attribute")
    box.equal(os.lstat(os.path.join(folder, "plain")).st_nlink, 2, "names of a file with two")
    status = os.stat(volume_folder(box, f"{box.name}_empty"))
    box.equal((status.st_uid, status.st_gid, oct(status.st_mode)), (1000, 1001, "0o41770"), "the empty folder")
    box.equal(box.inside("app", "head -n 1 /etc/passwd"), "root:x:0:0:root:/root:/bin/sh", "a read-only volume")
    # What is gone stays gone, what was changed stays changed.
    box.inside("app", "rm /full/plain /full/second-name; echo changed > /full/set-id")
    box.berth("down", "--timeout", "0")
    box.up()
    box.equal(box.inside("app", "ls /full; cat /full/set-id"), "link\npipe\nset-id\nsub\nchanged", "after a second start")
    box.inside("app", "rm -r /full/*")
    box.berth("restart", "--timeout", "0", code=None)
    box.berth("down", "--timeout", "0")
    box.up()
    box.equal(box.inside("app", "ls -A /full"), "", "a volume that was emptied is filled again")


@scenario("E161")
def copy_up_through_links(box):
    """S-10: what the image has for links is the image's own, and nothing of the host gets into a volume."""
    secret = box.write("secret", "of the host")

    def fill(over):
        os.makedirs(os.path.join(over, "real"))
        with open(os.path.join(over, "real", "file"), "w") as file:
            file.write("of the image")
        os.symlink("/../../../../../.." + os.path.dirname(secret), os.path.join(over, "out"))
        os.symlink("/real", os.path.join(over, "in"))
        os.symlink(secret, os.path.join(over, "real", "secret"))
        os.symlink("/proc/self/root", os.path.join(over, "magic"))
    derived(box, fill, "links:test")
    box.up("""
        services:
          app: {image: links:test, command: sleep 1000, stop_grace_period: 0s, volumes: ["in:/in", "out:/out"]}
        volumes: {in: , out: }
        """)
    box.equal(sorted(os.listdir(volume_folder(box, f"{box.name}_in"))), ["file", "secret"], "what was copied")
    box.true(os.path.islink(os.path.join(volume_folder(box, f"{box.name}_in"), "secret")), "a link was followed")
    box.equal(os.listdir(volume_folder(box, f"{box.name}_out")), [], "what was copied from outside")
    box.berth("down", "--volumes", "--timeout", "0")
    box.refused("services: {app: {image: links:test, command: sleep 9, volumes: ['vol:/magic/x']}}\nvolumes: {vol: }", "magic")


@scenario("E164", "A117")
def mount_order(box):
    for name in ["outer", "inner"]:
        box.write(f"{name}/{name}-file", name)
    lived(box, ["./inner:/data/a/b", "middle:/data/a", "./outer:/data"], top="volumes: {middle: }\n")
    box.equal(box.inside("app", "cat /data/outer-file /data/a/b/inner-file; ls /data /data/a"),
              "outerinner/data:\na\nouter-file\n\n/data/a:\nb".replace("inner/data", "inner/data"))


@scenario("A130", "A132", "E165", "A118")
def memory_mounts(box):
    box.up("""
        services:
          app:
            image: IMAGE
            command: sleep 1000
            read_only: true
            stop_grace_period: 0s
            tmpfs:
              - /plain
              - /full:size=1m,mode=1750,uid=5,gid=6,exec,nr_inodes=64
              - /locked:ro,size=50%
              - /devices:dev,suid
            volumes:
              - {type: tmpfs, target: /long, tmpfs: {size: 2m, mode: 0700}}
              - {type: tmpfs, target: /long-ro, read_only: true}
              - data:/data
        volumes: {data: }
        """)
    found = mounts_of(box)
    inert = {"nosuid", "nodev", "noexec"}
    for target, wanted, lacking in [
        ("/plain", inert | {"rw"}, set()), ("/full", {"nosuid", "nodev", "rw"}, {"noexec"}),
        ("/locked", inert | {"ro"}, set()), ("/devices", {"noexec"}, {"nodev", "nosuid"}), ("/long", inert | {"rw"}, set()),
        ("/long-ro", inert | {"ro"}, set()),
    ]:
        flags, kind, _ = found[target]
        box.equal(kind, "tmpfs", target)
        box.true(wanted <= flags and not lacking & flags, f"flags of {target}: {flags}")
    box.equal(box.inside("app", "stat -c '%a %u %g' /plain /full /long"), "1777 0 0\n1750 5 6\n700 0 0")
    box.equal(box.inside("app", "df -k /full /long | awk 'NR>1 {print $2}'"), "1024\n2048", "sizes")
    box.equal(box.inside("app", "stat -f -c %c /full"), "64", "number of files")
    box.true("No space" in box.inside("app", "dd if=/dev/zero of=/full/x bs=64k count=32 2>&1 || true"), "no limit")
    box.equal(box.inside("app", "touch /plain/x /data/x /long/x; touch /x 2>&1 | grep -o Read-only"), "Read-only")
    box.refused("services: {app: {image: IMAGE, tmpfs: '/x:colour=blue'}}", "tmpfs option `colour=blue`")
    box.refused("services: {app: {image: IMAGE, tmpfs: 'relative'}}", "absolute")


@scenario("A131", "E166", "A118")
def image_mounts(box):
    def fill(over):
        os.makedirs(os.path.join(over, "tools/bin"))
        with open(os.path.join(over, "tools/bin/hello"), "w") as file:
            file.write("#!/bin/sh\necho hello\n")
        os.chmod(os.path.join(over, "tools/bin/hello"), 0o755)
        os.symlink("/", os.path.join(over, "tools/out"))
        os.symlink("bin", os.path.join(over, "tools/inner"))
    first = derived(box, fill, "tools:test")
    compose = """
        services:
          app:
            image: IMAGE
            command: sleep 1000
            stop_grace_period: 0s
            volumes:
              - {type: image, source: "tools:test", target: /all}
              - {type: image, source: "tools:test", target: /part, image: {subpath: tools/inner}}
              - {type: image, source: "tools:test", target: /file, image: {subpath: tools/bin/hello}}
              - {type: image, source: other, target: /of-service, read_only: false}
          other: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s}
        """
    box.up(compose)
    box.equal(box.inside("app", "/all/tools/bin/hello; /part/hello; /file; ls /of-service/etc"),
              "hello\nhello\nhello\ngroup\npasswd")
    for target in ["/all", "/part", "/of-service"]:
        box.true("Read-only" in box.inside("app", f"touch {target}/x 2>&1 || true"), f"{target} could be written")
        box.true("ro" in mounts_of(box)[target][0], f"{target} is not mounted ro")
    box.true(box.folder not in host_mounts(), "the host's mount table has a mount of the project")
    # Kept by the container, whatever is tidied up.
    box.berth("rmi", "tools:test", code=None)
    container = box.id("app")
    box.berth("restart", "--timeout", "0", code=None)
    box.equal(box.inside("app", "/part/hello"), "hello", "after its name was removed")

    def fill_again(over):
        fill(over)
        with open(os.path.join(over, "tools/bin/hello"), "w") as file:
            file.write("#!/bin/sh\necho bye\n")
    box.berth("tag", first, "tools:test", code=None)
    box.up()
    box.equal(box.id("app"), container, "recreated though nothing changed")
    second = derived(box, fill_again, "tools:test")
    box.true(first != second, "the second image is the first")
    box.up()
    box.true(box.id("app") != container, "not recreated though a mounted image changed")
    box.equal(box.inside("app", "/part/hello"), "bye")
    for subpath, word in [("tools/out/etc", "leads out"), ("absent", "is not in image"), ("../x", "not below its source")]:
        box.file(compose.replace("tools/inner", subpath))
        outcome = box.berth("up", "-d", code=None)
        box.true(outcome.code != 0 and word in outcome.err, f"{subpath}: {outcome.code} {outcome.err}")
    box.file(compose)


@scenario("A131")
def image_mount_missing(box):
    box.refused(
        """
        services:
          app:
            image: IMAGE
            pull_policy: never
            volumes: [{type: image, source: "nowhere:test", target: /x}]
        """, "no such image: nowhere:test")


@scenario("A133", "E168")
def volumes_from(box):
    box.write("bind/file", "bound")
    compose = """
        services:
          app:
            image: IMAGE
            command: sleep 1000
            stop_grace_period: 0s
            volumes_from: [source, "source2:ro"]
            volumes: [own:/taken]
          source:
            image: IMAGE
            command: sleep 1000
            stop_grace_period: 0s
            environment: {ROUND: "%s"}
            tmpfs: /memory
            volumes: ["named:/named", /anonymous, "./bind:/bind:ro", "theirs:/taken"]
          source2: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, volumes: ["second:/second"]}
        volumes: {named: , own: , theirs: , second: }
        """
    box.up(compose % 1)
    box.inside("source", "for i in named anonymous taken memory; do echo $i > /$i/file; done")
    box.inside("source2", "echo two > /second/file")
    box.equal(box.inside("app", "cat /named/file /anonymous/file /bind/file /second/file; ls /taken; ls -d /memory 2>&1 || true"),
              "named\nanonymous\nboundtwo\nls: /memory: No such file or directory")
    box.inside("app", "echo back > /named/back")
    box.equal(box.inside("source", "cat /named/back"), "back")
    for path in ["/bind/x", "/second/x"]:
        box.true("Read-only" in box.inside("app", f"touch {path} 2>&1 || true"), f"{path} could be written")
    before = box.id("app")
    box.up(compose % 2)
    box.true(box.id("app") != before, "not recreated with its source")
    box.equal(box.inside("app", "cat /anonymous/file"), "anonymous", "after a recreation of both")
    other = box.path("other.yaml")
    name = box.name + "-other"
    with open(other, "w") as text:
        text.write(f"services: {{a: {{image: {IMAGE!r}, command: sleep 1000, stop_grace_period: 0s, "
                   f"volumes_from: ['container:{box.name}-source-1:ro']}}}}\n")
    box.berth("-p", name, "-f", other, "up", "-d")
    try:
        seen = box.berth("-p", name, "-f", other, "exec", "-T", "a", "sh", "-c", "cat /named/file; touch /named/x 2>&1 || true")
        box.true(seen.out.startswith("named\n") and "Read-only" in seen.out, f"of another project: {seen.text}")
    finally:
        box.berth("-p", name, "-f", other, "down", "--volumes", "--timeout", "0")
    box.equal(box.inside("source", "cat /anonymous/file"), "anonymous", "`down -v` of who borrowed took the volume")
    box.berth("down", "--timeout", "0")
    box.refused("services: {x: {image: IMAGE, volumes_from: ['container:nobody']}}", "there is no container `nobody`")


# Volumes that are file systems of their own


@scenario("A201", "E159")
def volume_in_memory(box):
    """Two containers see the same files; it is gone with the last of them; nothing is mounted on the host."""
    def fill(over):
        os.makedirs(os.path.join(over, "cache"))
        with open(os.path.join(over, "cache/from-image"), "w") as file:
            file.write("x")
    derived(box, fill, "cached:test")
    service = "{image: cached:test, command: sleep 1000, stop_grace_period: 0s, volumes: ['cache:/cache%s', 'cache:/again']}"
    box.up(f"""
        services:
          a: {service % ""}
          b: {service % ""}
          c: {service % ":ro"}
        volumes:
          cache: {{driver_opts: {{type: tmpfs, device: tmpfs, o: "size=3m,uid=7,noexec"}}}}
        """)
    box.equal(box.inside("a", "stat -f -c %T /cache; df -k /cache | awk 'NR>1 {print $2}'; stat -c %u /cache; ls /cache"),
              "tmpfs\n3072\n0\nfrom-image")
    box.inside("a", "echo shared > /cache/file")
    for service in ["a", "b", "c"]:
        box.equal(box.inside(service, "cat /cache/file /again/file"), "shared\nshared", f"in {service}")
        box.true("noexec" in mounts_of(box, service)["/cache"][0], f"noexec in {service}")
    box.true("Read-only" in box.inside("c", "touch /cache/x 2>&1 || true"), "ro was lost")
    box.inside("b", "touch /cache/y")
    box.true("tmpfs " + box.folder not in host_mounts() and "cache" not in host_mounts(), "the host has a mount of it")
    box.equal(os.listdir(volume_folder(box, f"{box.name}_cache")), [], "the volume's folder on the disk")
    # The first goes and comes back: the others have kept it.
    for service in ["a", "c"]:
        box.berth("stop", "--timeout", "0", service)
    box.inside("b", "echo later > /cache/later")
    box.berth("start", "a")
    box.equal(box.inside("a", "cat /cache/later"), "later")
    box.berth("stop", "--timeout", "0")
    box.berth("start", "a")
    box.equal(box.inside("a", "ls /cache"), "from-image", "after the last of them went")
    box.berth("down", "--volumes", "--timeout", "0")
    left = os.path.join(box.environment["BERTH_RUN"], "volumes", f"{box.name}_cache")
    box.true(not os.path.exists(left), "something of it stays in the run folder")


@scenario("A201", "E159")
def volume_in_memory_raced(box):
    """Twelve containers that start at once share one memory."""
    box.up("""
        services:
          app:
            image: IMAGE
            scale: 12
            command: sh -c 'echo x > /m/$$(hostname); sleep 1000'
            stop_grace_period: 0s
            volumes: ["one:/m", "two:/n"]
        volumes:
          one: {driver_opts: {type: tmpfs, device: tmpfs}}
          two: {driver_opts: {type: tmpfs, device: tmpfs}}
        """)
    deadline = time.monotonic() + 20
    while (seen := box.inside("app", "ls /m | wc -l")) != "12":
        if time.monotonic() > deadline:
            raise Complaint(f"{seen} files of 12 containers")


@scenario("A201", "E159", "C58")
def volume_bound(box):
    box.write("real/file", "bound")
    lived(box, ["data:/data", "again:/again"], top="""volumes:
  data: {driver: local, driver_opts: {type: none, o: bind, device: ./real}}
  again: {driver_opts: {o: "bind,ro,nosuid", device: ./real}}
""")
    box.equal(box.inside("app", "cat /data/file /again/file"), "boundbound")
    box.inside("app", "touch /data/new")
    box.true(os.path.exists(box.path("real/new")), "what was made is not there")
    flags = mounts_of(box)["/again"][0]
    box.true({"ro", "nosuid"} <= flags, f"flags: {flags}")
    du = box.berth("du", code=None)
    box.equal(du.code, 0, f"du: {du.text}")
    box.berth("down", "--volumes", "--timeout", "0")
    box.equal(sorted(os.listdir(box.path("real"))), ["file", "new"], "`down -v` touched the device")
    box.true(not os.path.exists(os.path.dirname(volume_folder(box, f"{box.name}_data"))), "`down -v` left the record")
    box.refused("services: {app: {image: IMAGE, volumes: ['data:/x']}}\n"
                "volumes:\n  data: {driver_opts: {type: none, o: bind, device: ./absent}}\n",
                "device does not exist", "/absent", "compose.yaml:3")


def with_disk(box, kind, options=(), mount=()):
    """A loop device with a new file system; the caller takes it down by the function that comes back."""
    image = box.path(f"disk-{kind}")
    with open(image, "wb") as file:
        file.truncate((320 if kind == "xfs" else 128) << 20)
    subprocess.run([f"mkfs.{kind}", *options, image], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True, text=True).stdout.strip()


@scenario("A201", "E159")
def volume_on_device(box):
    """A block device: mounted at the first use, let go with the last; seen by no one on the host."""
    device = with_disk(box, "ext4", ["-q"])
    try:
        service = "{image: IMAGE, command: sleep 1000, stop_grace_period: 0s, volumes: ['disk:/disk%s']}"
        box.up(f"""
            services:
              a: {service % ""}
              b: {service % ""}
            volumes: {{disk: {{driver_opts: {{type: ext4, device: {device}, o: "noatime,nodev"}}}}}}
            """)
        box.inside("a", "echo kept > /disk/file")
        box.equal(box.inside("b", "cat /disk/file; stat -f -c %T /disk"), "kept\next2/ext3")
        flags, kind, _ = mounts_of(box, "a")["/disk"]
        box.true(kind == "ext4" and {"noatime", "nodev"} <= flags, f"{kind} {flags}")
        box.true(device not in host_mounts(), "the host has it mounted")
        box.true("not permitted" in box.inside("a", f"mknod /root/d b 7 {device[9:]} && cat /root/d 2>&1 || true"),
                 "the device itself can be read inside")
        box.berth("down", "--timeout", "0")
        box.up()
        box.equal(box.inside("a", "cat /disk/file"), "kept", "after down and up")
        box.berth("down", "--volumes", "--timeout", "0")
        # Free again: the kernel lets go of a file system a moment after its last process.
        deadline = time.monotonic() + 10
        while subprocess.run(["e2fsck", "-n", device], capture_output=True).returncode not in (0, 4, 1):
            if time.monotonic() > deadline:
                raise Complaint("the device stays in use")
        part = f"""
            services:
              a:
                image: IMAGE
                command: sleep 1000
                stop_grace_period: 0s
                volumes: [{{type: volume, source: disk, target: /x, volume: {{subpath: sub%s}}}}]
            volumes: {{disk: {{driver_opts: {{type: ext4, device: {device}}}}}}}
            """
        box.file(part % "")
        outcome = box.berth("up", "-d", code=None)
        box.true("`sub` is not in volume" in outcome.err, outcome.err)
        box.berth("down", "--volumes", "--timeout", "0")
    finally:
        box.berth("down", "--volumes", "--timeout", "0", code=None)
        subprocess.run(["losetup", "--detach", device], check=True)


@scenario("A201", "E159")
def volume_options_refused(box):
    head = "services: {app: {image: IMAGE, command: sleep 9, volumes: ['data:/x']}}\nvolumes:\n  data:\n    driver_opts:\n"
    for options, words in [
        ("colour: blue", ["has no option `colour`", "compose.yaml:5"]),
        ("type: ext4", ["has no `device`", "compose.yaml:5"]),
        ("device: /dev/x", ["has no `type`", "compose.yaml:5"]),
        ("o: bind", ["has no `device`"]),
        ("size: lots", ["has no size", "compose.yaml:5"]),
        ("{size: 1m, type: tmpfs, device: tmpfs}", ["has both `size` and"]),
        ("{type: ext4, device: /dev/not-there}", ["mounting volume", "/dev/not-there", "no such file"]),
        ("{type: nosuchfs, device: x}", ["this kernel has no file system `nosuchfs`"]),
        ("{type: tmpfs, device: tmpfs, o: colour=blue}", ["option `colour` of tmpfs"]),
        ("{type: nfs, device: ':/x', o: 'addr=no-such-host.invalid,rw'}", ["server `no-such-host.invalid` has no address"]),
        ("{type: cifs, device: //h/s, o: 'addr=127.0.0.1,password=hunter2'}", ["mounting volume"]),
    ]:
        outcome = box.refused(head + "      " + options.strip("{}").replace(", ", "\n      ", 2) + "\n"
                              if options.startswith("{") else head + "      " + options + "\n", *words)
        box.true("hunter2" not in outcome.text, f"a password was shown: {outcome.text}")
        box.berth("-p", box.name, "down", "--volumes", "--timeout", "0", code=None)
    box.file("services: {}")


@scenario("A201", "A203", "S131")
def volume_changed(box):
    """A volume whose definition changed is kept unless somebody says yes."""
    file = "volumes: {data: {labels: {round: '%s'}}}\n"
    lived(box, ["data:/data"], top=file % 1)
    box.inside("app", "echo kept > /data/file")
    lived(box, ["data:/data"], top=file % 2)
    box.equal(box.inside("app", "cat /data/file"), "kept", "without a yes")
    box.true("doesn't match" in box.up().err, "nothing was said of it")
    lived(box, ["data:/data"], "--yes", top=file % 2)
    box.equal(box.inside("app", "ls /data"), "", "with a yes")


# Limits on what is written


@scenario("A201", "E170", needs=("project quotas",))
def sizes_limited(box):
    for kind, options in [("ext4", ["-q", "-O", "quota,project", "-E", "quotatype=prjquota"]), ("xfs", ["-q"])]:
        if shutil.which(f"mkfs.{kind}") is None:
            continue
        device = with_disk(box, kind, options)
        place = box.path("mounted-" + kind)
        os.makedirs(place)
        try:
            subprocess.run(["mount", "-o", "prjquota", device, place], check=True)
            state = box.environment["BERTH_STATE"]
            box.environment["BERTH_STATE"] = os.path.join(place, "state")
            try:
                limited(box, kind)
            finally:
                box.environment["BERTH_STATE"] = state
                box.berth("down", "--volumes", "--timeout", "0", code=None)
        finally:
            subprocess.run(["umount", "-l", place], check=False)
            subprocess.run(["losetup", "--detach", device], check=True)


def limited(box, kind):
    box.berth("load", "--quiet", "--input", os.path.join(box.world.folder, "image.tar"))
    box.berth("tag", box.berth("images", "--all", "--quiet").out.split()[0], IMAGE)
    box.up("""
        services:
          app:
            image: IMAGE
            command: sleep 1000
            stop_grace_period: 0s
            storage_opt: {size: 8m}
            volumes: ["data:/data"]
          free: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s}
        volumes: {data: {driver_opts: {size: 4m}}}
        """)
    try:
        for place, fits, bursts in [("/root", 6, 12), ("/data", 3, 8)]:
            box.inside("app", f"dd if=/dev/zero of={place}/a bs=1M count={fits} && sync")
            over = box.inside("app", f"dd if=/dev/zero of={place}/b bs=1M count={bursts} 2>&1 && sync || true")
            box.true("No space" in over or "quota" in over, f"{place} on {kind} has no limit: {over}")
        box.inside("free", "dd if=/dev/zero of=/root/a bs=1M count=20")
        # Renames from the one folder to the other stay possible.
        box.inside("app", "rm /root/a /root/b; cp /etc/passwd /root/p; echo x >> /etc/passwd; mv /root/p /etc/group")
    finally:
        box.berth("down", "--volumes", "--timeout", "0", code=None)


@scenario("A201", "E170")
def sizes_refused(box):
    """Where the file system has no quotas of projects, or they are off, it is said, with its name."""
    device = with_disk(box, "ext4", ["-q"])
    place = box.path("mounted")
    os.makedirs(place)
    try:
        subprocess.run(["mount", device, place], check=True)
        state = box.environment["BERTH_STATE"]
        box.environment["BERTH_STATE"] = os.path.join(place, "state")
        try:
            box.berth("load", "--quiet", "--input", os.path.join(box.world.folder, "image.tar"))
            box.berth("tag", box.berth("images", "--all", "--quiet").out.split()[0], IMAGE)
            box.refused("services: {app: {image: IMAGE, command: sleep 9, storage_opt: {size: 1G}}}",
                        "`storage_opt.size` cannot be limited", "ext4, is mounted without quotas")
            box.refused("services: {app: {image: IMAGE, command: sleep 9, volumes: ['vol:/d']}}\n"
                        "volumes: {vol: {driver_opts: {size: 1g}}}", f"volume `{box.name}_vol` cannot be limited", "ext4")
        finally:
            box.berth("down", "--volumes", "--timeout", "0", code=None)
            box.environment["BERTH_STATE"] = state
    finally:
        subprocess.run(["umount", "-l", place], check=False)
        subprocess.run(["losetup", "--detach", device], check=True)
    box.refused("services: {app: {image: IMAGE, storage_opt: {colour: blue}}}", "knows `size` only", "compose.yaml:1")
    box.refused("services: {app: {image: IMAGE, storage_opt: {size: lots}}}", "has no size")


# What nobody may mount


@scenario("A120", "E163")
def targets_refused(box):
    """S-09: what would replace the container's own tables, whatever it is called."""
    def fill(over):
        os.symlink("/", os.path.join(over, "to-root"))
        os.symlink("/proc", os.path.join(over, "to-proc"))
        os.symlink("/proc/sys", os.path.join(over, "to-sys"))
    derived(box, fill, "targets:test")
    os.makedirs(box.path("d"))
    targets = ["/", "//", "/..", "/a/..", "/proc", "/proc/", "/proc/sys/kernel", "/proc/self/attr", "/sys", "/to-root",
               "/to-proc", "/to-sys", "/to-proc/1", "relative"]
    for target in targets:
        box.refused(
            f"services: {{app: {{image: 'targets:test', command: sleep 9, volumes: ['./d:{target}']}}}}", "")
        box.berth("-p", box.name, "down", "--timeout", "0", code=None)
    # Names with `..` that stay inside are as good as others.
    box.up("services: {app: {image: IMAGE, command: sleep 1000, stop_grace_period: 0s, volumes: ['./d:/../../x/../y']}}")
    box.true("/y" in mounts_of(box), "/y is not mounted")
    box.equal(os.listdir(box.path("d")), [], "something was made in the source")


SWAPPER = r"""
import ctypes, os, sys
folder, seconds = os.fsencode(sys.argv[1]), float(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)
import time
end, swaps = time.monotonic() + seconds, 0
while time.monotonic() < end:
    for _ in range(200):
        if libc.renameat2(-100, folder + b"/dir", -100, folder + b"/link", 2) == 0:
            swaps += 1
print(swaps)
"""


@scenario("A128", "E162", "A117")
def mounts_raced(box):
    """S-07: a folder and a link on a shared volume change places all the time, while containers start whose mounts are
    below it or are it."""
    canary = box.path("canary")
    os.makedirs(os.path.join(canary, "sub"))
    lived(box, ["shared:/shared"], top="volumes: {shared: }\n")
    data = volume_folder(box, f"{box.name}_shared")
    os.makedirs(os.path.join(data, "dir", "sub"))
    # Through as many folders as it takes to be the host's own root, from wherever it is looked at.
    os.symlink("../" * 24 + canary.lstrip("/"), os.path.join(data, "link"))
    before = set(host_mounts().splitlines())
    swapper = subprocess.Popen([sys.executable, "-c", SWAPPER, data, "10"], stdout=subprocess.PIPE, text=True)
    files = []
    # What is mounted, and how its one line in the container's table is known.
    kinds = [
        ("['shared:/shared', './mine:/shared/dir/sub']", lambda line: line.split()[3].endswith("/mine")),
        ("['shared:/shared', 'other:/shared/dir']", lambda line: line.split()[3].endswith("_other/data")),
        ("[{type: volume, source: shared, target: /x, volume: {subpath: dir/sub}}]",
         lambda line: line.split()[3].endswith(("_shared/data/dir/sub", "_shared/data/link/sub"))),
        ("['shared:/shared'], tmpfs: '/shared/dir/sub:size=5m'", lambda line: "size=5120k" in line),
    ]
    for number, (volumes, _) in enumerate(kinds):
        path = box.path(f"race{number}.yaml")
        with open(path, "w") as file:
            file.write(
                f"services: {{r: {{image: {IMAGE!r}, command: 'cat /proc/self/mountinfo', volumes: {volumes}}}}}\n"
                f"volumes: {{shared: {{external: true, name: {box.name}_shared}}, other: }}\n")
        files.append(path)
    os.makedirs(box.path("mine"))
    starts = refusals = 0
    try:
        while swapper.poll() is None:
            outcome = box.berth("-p", box.name + "-race", "-f", files[starts % len(files)], "run", "--rm", "-T", "r", code=None)
            starts += 1
            refusals += outcome.code != 0
            if outcome.code == 0:
                lines = [line for line in outcome.out.splitlines() if " - " in line]
                found = sum(map(kinds[(starts - 1) % len(kinds)][1], lines))
                box.equal(found, 1, f"mounts in the container of {files[(starts - 1) % len(kinds)]}: {outcome.out}")
                box.true(not any(canary in line.split()[3] for line in lines), f"the canary is mounted: {outcome.out}")
        ours = [line for line in set(host_mounts().splitlines()) - before if f"/{box.name}" in line or "/run/" in line]
        box.equal(ours, [], "mounts of the host")
        box.equal(sorted(os.listdir(canary)), ["sub"], "what is in the canary's folder")
        box.equal(os.listdir(os.path.join(canary, "sub")), [], "what is in the canary's inner folder")
        swaps = int(swapper.communicate()[0])
        box.true(swaps > 1000 and starts >= len(files) and starts > refusals, f"{swaps} swaps, {starts} starts, {refusals} refused")
    finally:
        swapper.kill()
        swapper.wait()
        box.berth("-p", box.name + "-race", "-f", files[0], "down", "--volumes", "--timeout", "0", code=None)
