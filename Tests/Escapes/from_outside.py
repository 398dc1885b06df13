"""What comes with the project, the image or the caller: descriptors that leak, targets of mounts, users, terminals, the store."""

import os
import pty
import random
import select
import subprocess
import time

from attack import attack, service

BAD_TARGETS = (
    "/proc", "/proc/", "/proc/self", "/proc/self/attr", "/proc/1/attr", "/proc/sys", "/proc/sys/kernel", "/proc/self/attr/exec",
    "/proc/sysrq-trigger", "/proc/../proc", "/tmp/../proc/sys", "/", "/.", "/tmp/..",
)


@attack("S-02")
def descriptors_that_leak(field):
    """The caller has descriptors 3 to 50 open on a folder of the host, for whoever inherits them."""
    field.file(service(field))
    folder = os.open(field.canary, os.O_RDONLY | os.O_DIRECTORY)
    numbers = [number for number in range(3, 51) if number != folder]
    saved = {number: os.dup2(folder, number, inheritable=True) for number in numbers if not is_open(number)}
    try:
        for command in (("up", "-d"), ("exec", "-T", "app", "ls", "-l", "/proc/self/fd"), ("run", "--rm", "-T", "app", "ls", "-l", "/proc/self/fd")):
            done = subprocess.run(
                [field.world.berth, *command], cwd=field.folder, env=field.environment, capture_output=True, text=True, timeout=60,
                close_fds=False, stdin=subprocess.DEVNULL)
            field.equal(done.returncode, 0, f"{command}: {done.stderr}")
            open_there = [line.split()[-3] for line in done.stdout.splitlines() if "->" in line]
            field.true(command[0] == "up" or sorted(open_there)[:3] == ["0", "1", "2"] and len(open_there) < 5, f"open in {command}: {done.stdout}")
            field.count(len(saved))
        out = field.inside("app", "ls -l /proc/1/fd | grep -c -- '->'")
        field.equal(out, "3", "descriptors of the first process")
        for number in range(3, 21):
            for command in (("exec", "-T", "-w", f"/proc/self/fd/{number}", "app"), ("run", "--rm", "-T", "-w", f"/proc/self/fd/{number}", "app")):
                if command[0] == "run" and number % 6 and not field.is_long:
                    continue
                done = subprocess.run(
                    [field.world.berth, *command, "sh", "-c", "pwd; ls; ls ../canary"], cwd=field.folder, env=field.environment,
                    capture_output=True, text=True, timeout=60, close_fds=False, stdin=subprocess.DEVNULL)
                field.true("owned" not in done.stdout and "program" not in done.stdout, f"{command} is outside: {done.stdout}")
                field.count(1)
    finally:
        for number in saved:
            os.close(number)
        os.close(folder)


def is_open(number):
    try:
        os.fstat(number)
        return True
    except OSError:
        return False


@attack("S-05", "S-09")
def mounts_over_proc(field):
    os.makedirs(field.path("given"))
    for number, target in enumerate(BAD_TARGETS):
        kinds = ("{type: bind, source: ./given, target: TARGET}", "{type: tmpfs, target: TARGET}", "{type: volume, source: some, target: TARGET}")
        for kind in kinds if field.is_long else [kinds[number % 3]]:
            mount = kind.replace("TARGET", target)
            outcome = field.refused(service(field, of=f"services:\n  app:\n    image: IMAGE\n    stop_grace_period: 0s\n    command: sleep 100\n    volumes: ['X']\n"
                                            .replace("['X']", f"[{mount}]") + "volumes: {some: {}}\n"))
            named = os.path.normpath(target)
            field.true(f"`{named}`" in outcome.err or f"`{target}`" in outcome.err, f"the message does not name {target}: {outcome.err}")
            field.count(1)


@attack("S-13")
def users_that_are_none(field):
    field.up(service(field))
    fixed = ["2147483648", "4294967295", "4294967296", "18446744073709551616", "-1", "+0", "0x0", "0.0", "1e0", " 0", "root ", "root:4294967295",
             "0:-1", ":0", "nobody:4294967296", "00000000000000000000000000000001", "٠", "root\n", "", "4294967294:4294967294"]
    generator = random.Random(7)
    letters = "0123456789-+:.x abcroot\t/é"
    fuzz = ["".join(generator.choice(letters) for _ in range(generator.randint(1, 12))) for _ in range(field.many(40, 10_000))]
    for user in fixed + fuzz:
        outcome = field.berth("exec", "-T", f"--user={user}", "app", "id", "-u", code=None)
        field.count(1)
        if outcome.code != 0:
            continue
        # Zero only for who is root by name, by nothing, or by noughts alone.
        name = user.split(":")[0]
        if outcome.out.strip() == "0":
            field.true(name == "root" or name.strip("0") == "" and name.isascii(), f"{user!r} runs as root")


@attack("S-22", "S-23")
def store_seen_by_others(field):
    """Another user of the machine walks the store and the run folder, made by a caller without a mask."""
    previous = os.umask(0)
    try:
        field.up(service(field, 'environment: {SECRET: "x"}'))
    finally:
        os.umask(previous)
    os.chmod(field.world.folder, 0o755)
    script = ("import os, sys\n"
              "for top in sys.argv[1:]:\n"
              "    print('tried', top)\n"
              "    for folder, names, files in os.walk(top):\n"
              "        for name in names + files:\n"
              "            print('seen', os.path.join(folder, name))\n"
              "    for way in (os.R_OK, os.W_OK, os.X_OK):\n"
              "        if os.access(top, way): print('opens', top)\n")
    tops = [field.environment["BERTH_STATE"], field.environment["BERTH_RUN"], "/run/berth", "/var/lib/berth"]
    done = subprocess.run(
        ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "python3", "-c", script, *tops], capture_output=True, text=True, timeout=60)
    field.equal(done.returncode, 0, done.stderr)
    lines = [line for line in done.stdout.splitlines() if not line.startswith("tried")]
    field.equal(lines, [], "what another user sees")
    field.count(len(done.stdout.splitlines()))
    # Folders that lie open behind a closed one would be open to whoever is handed a way in.
    loose = []
    for top in tops[:2]:
        for folder, names, _ in os.walk(top):
            if "/fs" in folder or "/upper" in folder or "/data" in folder or "/rootfs" in folder:
                continue
            loose += [os.path.join(folder, name) for name in names if os.lstat(os.path.join(folder, name)).st_mode & 0o002]
            field.count(len(names))
    field.equal([path for path in loose if not path.endswith(("/fs", "/upper", "/data", "/rootfs"))], [], "folders that anyone may write")


@attack("S-24")
def input_of_the_callers_terminal(field):
    """A container tries to type into the terminal of who called berth."""
    field.up(service(field))
    for arguments in (["exec", "-T", "app"], ["exec", "app"], ["run", "--rm", "-T", "app"], ["run", "--rm", "app"]):
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(field.folder)
            # Who stands behind berth at this terminal, and would get what was typed.
            script = '"$@"; echo CALLER; IFS= read -r -t 1 line; echo "GOT<$line>"'
            os.execvpe("bash", ["bash", "-c", script, "bash", field.world.berth, *arguments, "/attacker", "input", "evil\n"], field.environment)
        text, end = b"", time.monotonic() + 30
        while time.monotonic() < end and b"GOT<" not in text:
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    text += os.read(terminal, 4096)
                except OSError:
                    break
        os.close(terminal)
        os.waitpid(child, 0)
        field.true(b"put " in text, f"the attacker did not run: {text!r}")
        field.true(b"GOT<>" in text, f"typed into the caller's terminal by {arguments}: {text!r}")
        field.count(15)


@attack("S-10", "S-11")
def volumes_filled_from_links(field):
    """An image whose folder under a volume has links out, and programs and libraries that berth may never run."""
    root = field.path("root")
    for name in ("vol", "bin", "etc", "lib/x86_64-linux-gnu", "usr/bin", "usr/lib/x86_64-linux-gnu", "proc", "sys", "dev", "tmp"):
        os.makedirs(os.path.join(root, name))
    subprocess.run(["cp", subprocess.check_output(["sh", "-c", "command -v busybox"], text=True).strip(), f"{root}/bin/busybox"], check=True)
    os.symlink("busybox", f"{root}/bin/sh")
    for number, target in enumerate((field.canary, "../" * 12 + field.canary.lstrip("/"), "/proc/1/root", "/proc/self/root" + field.canary)):
        os.symlink(target, f"{root}/vol/link{number}")
        os.symlink(target, f"{root}/at{number}")
    trojan = "#!/bin/sh\nexec touch /tmp/ran\n"
    for name in ("tar", "gzip", "xz", "unpigz", "ps", "cp", "mount", "nft", "ldconfig", "modprobe", "newuidmap"):
        for folder in ("bin", "usr/bin"):
            with open(f"{root}/{folder}/{name}", "w") as file:
                file.write(trojan)
            os.chmod(f"{root}/{folder}/{name}", 0o755)
    for name in ("etc/ld.so.preload", "lib/x86_64-linux-gnu/libnss_files.so.2", "lib/x86_64-linux-gnu/libc.so.6", "etc/nsswitch.conf"):
        with open(f"{root}/{name}", "w") as file:
            file.write("/tmp/ran.so\n")
    subprocess.run(["tar", "-C", root, "--numeric-owner", "-cf", field.path("root.tar"), "."], check=True)
    field.berth("import", field.path("root.tar"), "escape:links")
    targets = "".join(f"      - v{number}:/at{number}\n" for number in range(4))
    compose = ("services:\n  app:\n    image: escape:links\n    stop_grace_period: 0s\n    command: [sh, -c, 'busybox sleep 1000']\n    environment: {PATH: /bin}\n"
               "    volumes:\n      - some:/vol\n" + targets + "volumes: {some: {}, v0: {}, v1: {}, v2: {}, v3: {}}\n")
    field.file(compose)
    outcome = field.berth("up", "-d", code=None)
    if outcome.code != 0:
        field.file(compose.replace(targets, ""))
        field.berth("up", "-d")
    for number in range(4):
        field.true(field.inside("app", f"busybox readlink /vol/link{number}") != "", f"link {number} was not copied as a link")
        field.count(2)
    field.inside("app", "echo mine > /vol/own; busybox rm /vol/link0")
    field.berth("up", "-d", "--force-recreate", "--timeout", "0")
    field.equal(field.inside("app", "busybox cat /vol/own; busybox ls /vol"), "mine\nlink1\nlink2\nlink3\nown", "filled a second time")
    field.equal(field.inside("app", "busybox ls /tmp"), "", "what ran")
    field.count(22)
