"""The first process of a container: what it is, who it is, what it is told, and how it ends."""

import concurrent.futures
import io
import json
import os
import pty
import re
import struct
import subprocess
import tarfile
import termios
import time
import fcntl

from world import scenario

# Each word of the command in brackets.
SHOW = "for word; do printf '[%s]' \"$word\"; done; echo"
MEMBERS = "root:x:0:\nwww-data:x:33:\nmail:x:8:alice,bob\nvideo:x:44:alice\nstaff:x:50:\nnogroup:x:65534:\n"
USERS = ("root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1001:a:/home/alice:/bin/sh\nbob:x:2000:50:b::/bin/sh\n"
         "1234:x:77:77:digits:/digits:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")


def service(*lines, command="sleep 1000"):
    first = [f"command: {command}"] if command else []
    return "services:\n  app:\n    image: IMAGE\n" + "".join(f"    {line}\n" for line in [*first, *lines])


def image(box, *changes, files=()):
    """An image of the test image's files, with instructions and further files; its name. `files` are `tarfile` members."""
    name = f"{box.name}:{len(box.__dict__.setdefault('images', []))}"
    box.images.append(name)
    archive = io.BytesIO(base(box))
    with tarfile.open(fileobj=archive, mode="a") as tar:
        for member, content in files:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    path = box.path("image.tar")
    with open(path, "wb") as file:
        file.write(archive.getvalue())
    words = [word for change in changes for word in ("--change", change)]
    box.berth("import", *words, path, name)
    os.remove(path)
    return name


def base(box):
    """The files of the test image as a tar archive, without what would be there twice."""
    box.file(service(command="'true'"))
    box.berth("up", "-d")
    out = subprocess.run([box.world.berth, "cp", "app:/.", "-"], cwd=box.folder, env=box.environment, capture_output=True,
                         check=True, timeout=60)
    box.berth("down", "--timeout", "0")
    archive = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(out.stdout)) as old, tarfile.open(fileobj=archive, mode="w") as new:
        for member in old:
            if member.name.startswith(("./bin", "./tmp", "./root", "./home", "./var")):
                new.addfile(member, old.extractfile(member) if member.isreg() else None)
    return archive.getvalue()


def text(path, content, kind=tarfile.REGTYPE):
    member = tarfile.TarInfo(path)
    member.type, member.mode = kind, 0o644
    return member, content.encode()


def accounts(box, passwd=USERS, group=MEMBERS, changes=()):
    return image(box, *changes, files=[text("etc/passwd", passwd), text("etc/group", group)])


@scenario("A16", "A17", "E97")
def entrypoint_and_command(box):
    show = json.dumps(["sh", "-c", SHOW, "sh"])
    name = image(box, f"ENTRYPOINT {show}", 'CMD ["cmd", "x y"]')
    plain = image(box, f"CMD {json.dumps(['sh', '-c', 'echo cmd-alone'])}")
    forms = [
        (name, [], "[cmd][x y]"),
        (name, ["command: null"], "[cmd][x y]"),
        (name, ["command: []"], ""),
        (name, ["command: ''"], ""),
        (name, ["command: one 'two three' \"four five\" si\\ x"], "[one][two three][four five][si x]"),
        (name, ["command: ['one', '$$HOME', 'a  b']"], "[one][$HOME][a  b]"),
        (name, ["entrypoint: null"], "[cmd][x y]"),
        (name, [f"entrypoint: {json.dumps(['sh', '-c', SHOW.replace('$', '$$'), 'own'])}"], ""),
        (name, [f"entrypoint: {json.dumps(['sh', '-c', SHOW.replace('$', '$$'), 'own'])}", "command: [a, b]"], "[a][b]"),
        (name, ["entrypoint: []", "command: [echo, bare]"], "bare"),
        (name, ["entrypoint: echo 'a b'", "command: c"], "a b c"),
        (plain, ["entrypoint: []"], "cmd-alone"),
        (plain, ["entrypoint: ''"], "cmd-alone"),
    ]
    lines = ["services:"]
    for number, (name, settings, _) in enumerate(forms):
        lines += [f"  s{number}:", f"    image: {name}"] + [f"    {each}" for each in settings]
    box.up("\n".join(lines) + "\n")
    box.until(lambda: not box.berth("ps", "-q").out.strip(), "they did not end")
    for number, (_, settings, wanted) in enumerate(forms):
        box.equal(box.log(f"s{number}"), wanted, f"{settings}")


@scenario("E97")
def nothing_to_run(box):
    name = image(box, "WORKDIR /")
    box.refused(f"services: {{app: {{image: '{name}'}}}}", "no command")
    box.refused(f"services: {{app: {{image: '{name}', entrypoint: [], command: []}}}}", "no command")


@scenario("E97")
def programs_that_cannot_be_run(box):
    box.write("data", "text", mode=0o644)
    for command, code, words in (("/nowhere", 127, "no such file"), ("nowhere", 127, "not found in $PATH"),
                                 ("/data", 126, "permission denied"), ("/etc", 126, "directory")):
        box.file(service("volumes: ['./data:/data']", command=command))
        outcome = box.berth("run", "--rm", "-T", "app", code=None)
        box.equal(outcome.code, code, f"status of {command}: {outcome.text}")
        box.true(words in outcome.err, f"{command}: {outcome.err}")
        box.true(box.berth("up", "-d", code=None).code in (1, code), "`up` succeeded")
        box.berth("down", "--timeout", "0")


@scenario("A21", "E96")
def environment_of_a_service(box):
    name = accounts(box, changes=["ENV FROM_IMAGE=image", "ENV BOTH=image"])
    box.environment["CALLER"] = "of-the-caller"
    box.up("""
        services:
          app:
            image: OWN
            command: sleep 1000
            user: alice
            environment: {BOTH: service, YES: true, NUMBER: 1.5, EMPTY: '', CALLER: null, UNSET: null, SPACES: 'a  b = c'}
          list:
            image: OWN
            command: sleep 1000
            environment: [BOTH=list, CALLER, UNSET, "EMPTY=", "EQUALS=a=b"]
          plain: {image: OWN, command: sleep 1000, user: "4321"}
          own: {image: OWN, command: sleep 1000, environment: {PATH: "/bin:/own", HOSTNAME: mine, HOME: /elsewhere}}
          terminal: {image: OWN, command: sleep 1000, tty: true}
    """.replace("OWN", name))

    def variables(service):
        raw = box.inside(service, "tr '\\0' '\\n' < /proc/1/environ")
        return dict(line.split("=", 1) for line in raw.splitlines())

    app = variables("app")
    wanted = {"FROM_IMAGE": "image", "BOTH": "service", "YES": "true", "NUMBER": "1.5", "EMPTY": "", "CALLER": "of-the-caller",
              "SPACES": "a  b = c", "HOME": "/home/alice", "HOSTNAME": box.id("app")[:12]}
    box.equal({key: app.get(key) for key in wanted}, wanted, "a mapping")
    box.true("UNSET" not in app and "TERM" not in app, f"too much: {app}")
    box.equal(app["PATH"], "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PATH")
    listed = variables("list")
    box.equal({key: listed.get(key) for key in ("BOTH", "CALLER", "UNSET", "EMPTY", "EQUALS", "HOME")},
              {"BOTH": "list", "CALLER": "of-the-caller", "UNSET": None, "EMPTY": "", "EQUALS": "a=b", "HOME": "/root"}, "a list")
    box.equal(variables("plain")["HOME"], "/", "HOME of a number that nobody has")
    own = variables("own")
    box.equal([own[key] for key in ("PATH", "HOSTNAME", "HOME")], ["/bin:/own", "mine", "/elsewhere"], "what was set")
    box.equal(variables("terminal")["TERM"], "xterm", "TERM of a terminal")
    box.equal(box.inside("app", "echo $BOTH $HOME"), "service /home/alice", "what `exec` gets")


@scenario("A21")
def environment_key_with_a_space(box):
    box.refused(service("environment: ['KEY =value']"), "KEY")


@scenario("A22")
def env_files(box):
    box.environment["OUTER"] = "outside"
    box.write("one.env", "A=one\nB=one\n# comment\nexport C='single $OUTER'\nD=\"double ${OUTER}\"\nE=${OUTER:-no} # tail\nBARE\nF=a=b\n")
    box.write("two.env", "B=two\nG=\"line\\nbreak\"\n")
    box.write("raw.env", "H=\"kept $OUTER\" # all\n")
    box.environment["BARE"] = "passed"
    box.up(service("environment: {A: service}",
                   "env_file: [one.env, {path: two.env}, {path: gone.env, required: false}, {path: raw.env, format: raw}]"))
    wanted = {"A": "service", "B": "two", "C": "single $OUTER", "D": "double outside", "E": "outside", "F": "a=b",
              "G": "line\nbreak", "H": '"kept $OUTER" # all', "BARE": "passed"}
    for key, value in wanted.items():
        box.equal(box.inside("app", f"printf %s \"${key}\""), value.strip(), key)


@scenario("A22")
def missing_env_file(box):
    box.refused(service("env_file: gone.env"), "gone.env")


@scenario("A23", "A24", "A25")
def labels_and_annotations(box):
    box.write("a.labels", "one=file\ntwo='of the file'\n")
    box.write("b.labels", "two=later\n")
    box.up(service("labels: {one: service, empty: null, number: 5, com.docker.compose.service: liar}",
                   "label_file: [a.labels, b.labels]", "annotations: {note: kept, one: annotation}"))
    path = os.path.join(box.world.environment["BERTH_STATE"], "containers", box.id("app"), "blueprint.json")
    with open(path) as file:
        blueprint = json.load(file)
    labels = blueprint["labels"]
    wanted = {"one": "service", "two": "later", "empty": "", "number": "5", "com.docker.compose.service": "app"}
    box.equal({key: labels.get(key) for key in wanted}, wanted, "labels")
    box.true("note" not in labels, "an annotation among the labels")
    box.equal(blueprint["annotations"], {"note": "kept", "one": "annotation"}, "annotations")
    shown = json.loads(box.berth("ps", "--format", "json").out.splitlines()[0])["Labels"]
    box.true("two=later" in shown.split(","), f"`ps` shows {shown}")


@scenario("A24")
def missing_label_file(box):
    box.refused(service("label_file: gone.labels"), "gone.labels")


@scenario("A26", "A27", "E100")
def host_and_domain_name(box):
    box.up("""
        services:
          plain: {image: IMAGE, command: sleep 1000}
          named: {image: IMAGE, command: sleep 1000, hostname: web, domainname: example.org}
    """)
    short = box.id("plain")[:12]
    box.equal(box.inside("plain", "hostname; cat /etc/hostname; cat /proc/sys/kernel/domainname"), f"{short}\n{short}\n(none)", "by default")
    box.equal(box.inside("named", "hostname; cat /etc/hostname; cat /proc/sys/kernel/domainname; echo $HOSTNAME"),
              "web\nweb\nexample.org\nweb", "as asked for")
    hosts = box.inside("named", "cat /etc/hosts")
    box.true(re.search(r"\sweb\.example\.org web$", hosts, re.M), f"hosts: {hosts}")
    box.true(box.inside("named", "grep ' /etc/hostname ' /proc/self/mountinfo"), "hostname is no mount of its own")


@scenario("A26")
def impossible_host_name(box):
    box.refused(service("hostname: 'not a name!'"), "hostname")


@scenario("A19", "A20", "E98")
def users_and_groups(box):
    name = accounts(box)
    cases = [  # user, group_add, uid, gid, supplementary groups, home
        (None, None, 0, 0, set(), "/root"),
        ("alice", None, 1000, 1001, {8, 44}, "/home/alice"),
        ("1000", None, 1000, 1001, {8, 44}, "/home/alice"),
        ("bob", None, 2000, 50, {8}, "/"),
        ("alice:staff", None, 1000, 50, set(), "/home/alice"),
        ("alice:5", None, 1000, 5, set(), "/home/alice"),
        ("4321", None, 4321, 0, set(), "/"),
        ("4321:8765", None, 4321, 8765, set(), "/"),
        (":staff", None, 0, 50, set(), "/root"),
        ("1234", None, 1234, 0, set(), "/"),
        ("alice", "[staff, '999', 44]", 1000, 1001, {8, 44, 50, 999}, "/home/alice"),
        ("4321:1", "[video]", 4321, 1, {44}, "/"),
    ]
    lines = ["services:"]
    for number, (user, groups, *_) in enumerate(cases):
        lines += [f"  s{number}:", f"    image: {name}", "    command: sleep 1000"]
        lines += [f"    user: '{user}'"] * (user is not None) + [f"    group_add: {groups}"] * (groups is not None)
    box.up("\n".join(lines) + "\n")
    for number, (user, groups, uid, gid, more, home) in enumerate(cases):
        status = box.inside(f"s{number}", "cat /proc/1/status")
        box.equal(re.findall(r"^[UG]id:\t(.*)$", status, re.M), ["\t".join([str(uid)] * 4), "\t".join([str(gid)] * 4)], f"user {user}")
        seen = {int(each) for each in re.search(r"^Groups:\t(.*)$", status, re.M)[1].split()}
        box.equal(seen - {gid}, more - {gid}, f"groups of {user} {groups}")
        box.equal(box.inside(f"s{number}", "tr '\\0' '\\n' < /proc/1/environ | grep ^HOME="), f"HOME={home}", f"home of {user}")
        box.equal(box.inside(f"s{number}", "id -u; id -g"), f"{uid}\n{gid}", f"`exec` as {user}")


@scenario("A19", "A20", "S-13")
def users_that_are_refused(box):
    name = accounts(box)
    for user, words in (("carol", "unable to find user carol"), ("alice:gone", "unable to find group gone"),
                        ("2147483648", "range"), ("4294967296", "range"), ("99999999999999999999", "range"),
                        ("-1", "unable to find user"), ("0x0", "unable to find user"), ("1000 ", "unable to find user"),
                        ("alice:4294967295", "range")):
        box.refused(f"services: {{app: {{image: '{name}', command: sleep 9, user: '{user}'}}}}", words)
    box.refused(f"services: {{app: {{image: '{name}', command: sleep 9, group_add: [gone]}}}}", "unable to find group gone")


@scenario("S-14")
def account_files_that_are_traps(box):
    out = tarfile.TarInfo("etc/passwd")
    out.type, out.linkname = tarfile.SYMTYPE, "/proc/1/root/etc/passwd"
    fifo = tarfile.TarInfo("etc/passwd")
    fifo.type = tarfile.FIFOTYPE
    folder = tarfile.TarInfo("etc/passwd")
    folder.type = tarfile.DIRTYPE
    traps = [(fifo, b""), (folder, b""), (out, b""), (tarfile.TarInfo("etc/passwd"), b"a:x:1:1::/:\n" * (1 << 17))]
    for number, trap in enumerate(traps):
        name = image(box, files=[trap])
        begun = time.monotonic()
        box.refused(f"services: {{app: {{image: '{name}', command: sleep 9, user: a}}}}")
        box.true(time.monotonic() - begun < 10, f"trap {number} held it up")


@scenario("A18", "E99")
def working_folders(box):
    name = image(box, "WORKDIR /var/image")
    box.up("""
        services:
          own: {image: NAME, command: sleep 1000, working_dir: /made/deep/er, user: "1000"}
          image: {image: NAME, command: sleep 1000}
          none: {image: IMAGE, command: sleep 1000}
    """.replace("NAME", name))
    box.equal(box.inside("own", "readlink /proc/1/cwd; pwd; stat -c '%u %g %a' /made /made/deep/er"),
              "/made/deep/er\n/made/deep/er\n0 0 755\n0 0 755", "one that was made")
    box.equal(box.inside("image", "readlink /proc/1/cwd"), "/var/image", "the image's")
    box.equal(box.inside("none", "readlink /proc/1/cwd"), "/", "none")


@scenario("A30", "E101")
def init_reaps_and_forwards(box):
    box.up(service("init: true", "stop_grace_period: 30s",
                   command="[sh, -c, 'trap \"echo got-term; exit 7\" TERM; (sleep 0.05 &); echo ready; while :; do sleep 0.1; done']"))
    box.until(lambda: "ready" in box.log("app"), "it did not begin")
    box.true("sh" != box.inside("app", "cat /proc/1/comm"), "the program is PID 1")
    box.until(lambda: "Z" not in box.inside("app", "grep -h ^State /proc/[0-9]*/status | cut -f2 | tr -d '\\n'"), "an orphan stays a zombie")
    box.berth("stop")
    box.true("got-term" in box.log("app"), "the signal was not passed on")
    box.true('"ExitCode":7' in box.berth("ps", "--all", "--format", "json").out.replace(" ", ""), "the exit code is not the program's")


@scenario("A28", "E106")
def terminals(box):
    box.up(service("tty: true", command="[sh, -c, 'tty; echo out; echo err >&2; stty size; sleep 1000']"))
    box.until(lambda: "err" in box.log("app"), "nothing was said")
    said = box.berth("logs", "--no-log-prefix", "--no-color", "app").out
    box.true("/dev/pts/0" in said or "/dev/console" in said, f"no terminal: {said!r}")

    def ends_lines():
        with open_journal(box) as raw:
            return b"out\r\n" in raw and b"err\r\n" in raw

    # Words and the end of their line may come one after the other.
    box.until(ends_lines, "a terminal ends lines with CR LF")
    box.equal(box.inside("app", "for each in 0 1 2; do readlink /proc/1/fd/$each; done"), "\n".join(["/dev/pts/0"] * 3), "streams")


class open_journal:
    """The bytes of all segments of the service's journal."""

    def __init__(self, box):
        self.folder = os.path.join(box.world.environment["BERTH_STATE"], "containers", box.id("app"), "journal")

    def __enter__(self):
        return b"".join(open(os.path.join(self.folder, name), "rb").read() for name in sorted(os.listdir(self.folder)))

    def __exit__(self, *_):
        return False


@scenario("E106", "C72")
def size_of_the_terminal_of_a_one_off(box):
    box.file(service())
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    process = subprocess.Popen(
        [box.world.berth, "run", "--rm", "app", "sh", "-c", "read x; stty size; read x; stty size"], cwd=box.folder, env=box.environment, stdin=slave,
        stdout=slave, stderr=slave, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(slave)
    seen = b""
    try:
        os.set_blocking(master, False)

        def read():
            nonlocal seen
            try:
                seen += os.read(master, 4096)
            except OSError:
                pass
            return seen

        box.until(lambda: b"Starting" not in read() and running(box), "it does not run")
        os.write(master, b"\n")
        box.until(lambda: b"33 77" in read(), "the size of the terminal")
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 50, 0, 0))
        time_limit = time.monotonic() + 20
        os.write(master, b"\n")
        box.until(lambda: b"20 50" in read() or time.monotonic() > time_limit, "the new size")
        process.wait(timeout=20)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(master)


def running(box):
    return "running" in box.berth("ps", "--all", "--format", "json").out


@scenario("A29", "E108")
def input_of_a_service(box):
    box.up("""
        services:
          closed: {image: IMAGE, command: "sh -c 'cat; echo ended; sleep 1000'"}
          open: {image: IMAGE, command: "sh -c 'echo begun; cat; echo ended; sleep 1000'", stdin_open: true}
    """)
    box.until(lambda: "ended" in box.log("closed"), "an input that nobody gives did not end")
    box.until(lambda: "begun" in box.log("open"), "it did not begin")
    box.true(box.inside("open", "readlink /proc/1/fd/0").startswith("pipe:"), "an open input is no pipe")
    box.equal(box.log("open"), "begun", "the open input ended")
    box.equal(box.berth("run", "--rm", "-T", "closed", "cat", input="to the program").out, "to the program", "input of a one-off")


@scenario("A31", "A32", "E104")
def stop_signals(box):
    trap = "[sh, -c, 'for each in TERM USR1 USR2 HUP QUIT INT 37; do trap \"echo got-$$each; exit 0\" $$each; done; echo ready; while :; do sleep 0.05; done']"
    names = {"SIGUSR1": "USR1", "usr2": "USR2", "1": "HUP", "SIGRTMIN+3": "37", "RTMIN+3": "37", "QUIT": "QUIT"}
    image_own = image(box, "STOPSIGNAL SIGINT")
    lines = ["services:"]
    for number, signal in enumerate(names):
        lines += [f"  s{number}:", "    image: IMAGE", f"    command: {trap}", f"    stop_signal: '{signal}'"]
    lines += ["  plain:", "    image: IMAGE", f"    command: {trap}", "  own:", f"    image: {image_own}", f"    command: {trap}"]
    services = [f"s{number}" for number in range(len(names))] + ["plain", "own"]
    box.up("\n".join(lines) + "\n")
    for service in services:
        box.until(lambda: "ready" in box.log(service), f"{service} did not begin")
    box.berth("stop", "--timeout", "20")
    for service, wanted in zip(services, [*names.values(), "TERM", "INT"]):
        box.equal(box.log(service).split()[-1], f"got-{wanted}", f"the signal of {service}")


@scenario("A31")
def impossible_stop_signal(box):
    box.refused(service("stop_signal: SIGNOTHING"), "stop_signal")


@scenario("A32", "E104")
def grace_of_a_program_that_does_not_listen(box):
    box.up(service("stop_grace_period: 1s", command="sh -c 'trap \"\" TERM; while :; do sleep 0.1; done'"))
    begun = time.monotonic()
    box.berth("stop")
    box.true(0.9 < time.monotonic() - begun < 9, f"stopping took {time.monotonic() - begun:.1f} s")
    box.true('"ExitCode":137' in box.berth("ps", "--all", "--format", "json").out.replace(" ", ""), "not killed")


@scenario("A14")
def foreign_platforms(box):
    box.refused(service("platform: windows/amd64"), "platform")
    foreign = "arm64" if os.uname().machine == "x86_64" else "amd64"
    # What is here is for another platform, so it is not here; and there is no registry to ask.
    box.refused(service(f"platform: linux/{foreign}"), "cannot be pulled")
    own = "amd64" if foreign == "arm64" else "arm64"
    box.up(service(f"platform: linux/{own}"))
    box.equal(box.inside("app", "uname -m"), os.uname().machine, "the machine")


@scenario("E84")
def ids_and_names(box):
    box.up(service("container_name: my.name-1"))
    full = box.id("app")
    box.true(re.fullmatch("[0-9a-f]{64}", full), f"id {full}")
    box.true("my.name-1" in box.berth("ps").out, "the name is not shown")
    box.true(full[:12] in box.berth("ps", "--format", "json").out, "the short id is not shown")
    other = os.path.join(box.folder, "other.yaml")
    with open(other, "w") as file:
        file.write(open(box.compose).read())
    taken = box.berth("-p", "another", "-f", other, "up", "-d", code=None)
    box.berth("-p", "another", "-f", other, "down", code=None)
    box.true(taken.code == 1 and "already in use" in taken.err, f"a name twice: {taken.text}")
    box.berth("down", "--timeout", "0")
    box.refused(service("container_name: 'no/name'"), "container_name")


@scenario("C72", "E107")
def output_of_the_shortest_programs(box):
    """200 programs that end at once, several at a time: no output may be lost, and no status."""
    box.file(service())
    box.berth("run", "--rm", "-T", "app", "true")

    def once(number):
        outcome = box.berth("run", "--rm", "-T", "app", "sh", "-c", f"echo out-{number}; exit {number % 100}", code=None)
        return number, outcome.code, outcome.out.strip(), outcome.err

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        wrong = [each for each in pool.map(once, range(200)) if each[1:3] != (each[0] % 100, f"out-{each[0]}")]
    box.equal(wrong, [], f"{len(wrong)} of 200 one-offs")
