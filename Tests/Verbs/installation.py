"""scripts/install, scripts/package and the manual pages, in folders of their own."""

import glob
import gzip
import os
import re
import shutil
import subprocess

from world import TOP, Complaint, scenario

# What a page may be written with; where there is no `man` to ask, this is all that is checked.
REQUESTS = {".TH", ".SH", ".SS", ".PP", ".TP", ".br", ".nh", ".ad"}


def script(box, name, *arguments, code=0, **variables):
    done = subprocess.run([os.path.join(TOP, "scripts", name), *arguments], cwd=box.folder, capture_output=True, text=True,
                          env=dict(os.environ, **variables), timeout=240)
    if done.returncode != code:
        raise Complaint(f"scripts/{name} {arguments} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done


def programs(box):
    return os.path.dirname(os.path.realpath(box.world.berth))


def ran(box, *command):
    done = subprocess.run(command, cwd=box.folder, env=box.environment, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Complaint(f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def all_files(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)


@scenario("S174")
def manual_pages(box):
    os.mkdir(box.path("manual"))
    box.berth("internal", "manual", box.path("manual"))
    pages = {os.path.basename(path)[:-2]: path for path in glob.glob(box.path("manual", "*.1"))}
    shown = [line.split("\t") for line in box.berth("internal", "declarations").out.splitlines()]
    verbs = [row[0] for row in shown if row[1] == "verb" and row[3] == "shown"]
    box.equal(sorted(pages), sorted(["berth"] + ["berth-" + verb.replace(" ", "-") for verb in verbs]))
    for name, path in pages.items():
        with open(path) as file:
            text = file.read()
        used = {line.split()[0] for line in text.splitlines() if line.startswith((".", "'"))}
        box.true(used <= REQUESTS, f"{name}: {used - REQUESTS}")
        box.true(text.isascii() and "\n\n" not in text, f"{name}: an empty line, or what is no ASCII")
        for wanted in ("NAME", "SYNOPSIS", "DESCRIPTION", "SEE ALSO") + (("EXAMPLES",) if name != "berth" else ()):
            box.true(f"\n.SH {wanted}\n" in text, f"{name} has no {wanted}")
        for other in re.findall(r"\\fB([^\\ ]*(?:\\-[^\\ ]*)*)\\fR\(1\)", text):
            box.true(other.replace("\\-", "-") in pages, f"{name} names {other}, which has no page")
        if "man" in box.world.facts:
            done = subprocess.run(["man", "--warnings", "-l", path], capture_output=True, text=True,
                                  env=dict(box.environment, MANWIDTH="80", LC_ALL="C.UTF-8"))
            box.equal((done.returncode, done.stderr), (0, ""), name)
            if name == "berth-up":
                box.true("berth up --dry-run" in done.stdout and "-d, --detach" in done.stdout, done.stdout)


@scenario("C17", "C100")
def examples(box):
    """Each verb has two examples at least, with flags that it has."""
    rows = [line.split("\t") for line in box.berth("internal", "declarations").out.splitlines()]
    flags = {}
    for verb, kind, names, _ in rows:
        if kind != "verb":
            flags.setdefault(verb, set()).update(names.split())
    for verb in [row[0] for row in rows if row[1] == "verb" and row[3] == "shown"]:
        page = box.berth(*verb.split(), "--help").out
        lines = [line.strip() for line in page.split("\nExamples:\n")[-1].splitlines() if line.startswith("  berth ")]
        box.true(len(lines) >= 2 or verb not in flags and lines, f"`{verb}` has {len(lines)} examples")
        for line in lines:
            command = re.split(r"  # | \| | [<>]", line)[0].split("berth " + verb, 1)[-1].split()
            for word in command:
                if word.startswith("--"):
                    box.true(word.split("=")[0] in flags[verb], f"`{word}` of `{line}`")
                elif re.fullmatch("-[a-zA-Z]+", word):
                    missing = [letter for letter in word[1:] if "-" + letter not in flags[verb]]
                    box.true(not missing, f"`{word}` of `{line}`")
                elif verb in ("exec", "run") and not word.startswith("-"):
                    known = [names.split() for of, kind, names, _ in rows if of == verb and kind == "option"]
                    before = command[command.index(word) - 1]
                    if not any(before in names for names in known):
                        break  # the command in the container begins behind the service


@scenario("C99")
def install(box):
    prefix = box.path("prefix")
    script(box, "install", "--from", programs(box), prefix)
    berth = os.path.join(prefix, "bin", "berth")
    box.equal(ran(box, berth, "--version"), box.berth("--version").out)
    box.file("services: {a: {image: IMAGE, command: sleep 1000}}")
    ran(box, berth, "up", "-d")
    ran(box, berth, "down", "-t", "0")
    box.true(not os.path.lexists(os.path.join(prefix, "bin", "docker-compose")), "docker-compose that nobody asked for")
    with gzip.open(os.path.join(prefix, "share/man/man1/berth-up.1.gz"), "rt") as page:
        box.true(page.read().startswith('.TH "BERTH-UP" 1'), "the manual page")
    for place in ("bash-completion/completions/berth", "zsh/site-functions/_berth", "fish/vendor_completions.d/berth.fish"):
        box.true(os.path.getsize(os.path.join(prefix, "share", place)) > 500, place)
    script(box, "install", "--from", programs(box), "--docker-compose", "--docker-plugin", prefix)
    for place in ("bin/docker-compose", "lib/docker/cli-plugins/docker-compose"):
        box.true(ran(box, os.path.join(prefix, place), "version").startswith("Docker Compose version v"), place)
    for place, line in (("bash-completion/completions/docker-compose", "complete -F _berth docker-compose\n"),
                        ("zsh/site-functions/_docker-compose", "#compdef docker-compose\n"),
                        ("zsh/site-functions/_docker-compose", "  compdef _docker-compose docker-compose\n"),
                        ("fish/vendor_completions.d/docker-compose.fish", "complete -c docker-compose ")):
        with open(os.path.join(prefix, "share", place)) as file:
            box.true(line in file.read(), f"no `{line}` in {place}")
    if os.path.exists(os.path.join(TOP, "scripts/boot/berth-resume.service")):
        with open(os.path.join(prefix, "lib/systemd/system/berth-resume.service")) as file:
            box.true(f"{prefix}/bin/berth" in file.read(), "another berth is called after a boot")
    script(box, "install", "--remove", prefix)
    box.equal(all_files(prefix), [], "what is left")


@scenario("C99")
def install_beside_others(box):
    root = box.path("root")
    box.write("root/opt/x/bin/docker-compose", "another's")
    failed = script(box, "install", "--from", programs(box), "--docker-compose", "/opt/x", code=1, DESTDIR=root)
    box.true("is not berth's" in failed.stderr, failed.stderr)
    script(box, "install", "--remove", "/opt/x", DESTDIR=root)
    box.equal(all_files(root), ["opt/x/bin/docker-compose"], "what is left")
    other = "opt/y/share/bash-completion/completions/docker-compose"
    box.write(f"root/{other}", "another's")
    script(box, "install", "--from", programs(box), "--docker-compose", "/opt/y", code=1, DESTDIR=root)
    script(box, "install", "--from", programs(box), "/opt/y", DESTDIR=root)
    script(box, "install", "--remove", "/opt/y", DESTDIR=root)
    box.equal(all_files(box.path("root/opt/y")), [os.path.relpath(other, "opt/y")], "what is left beside another's")
    box.true("begin with a slash" in script(box, "install", "--from", programs(box), "here", code=1).stderr, "a relative prefix")
    with open(box.path("root/opt/x/bin/docker-compose")) as file:
        box.equal(file.read(), "another's")
    script(box, "install", "--from", box.folder, "/opt/x", code=1, DESTDIR=root)
    script(box, "install", "--form", "x", code=1, DESTDIR=root)


@scenario("C99", needs=["dpkg-deb"])
def package(box):
    path = script(box, "package", "--from", programs(box), box.folder, DPKG_DEB_COMPRESSOR_TYPE="gzip").stdout.strip()
    fields = ran(box, "dpkg-deb", "--field", path)
    for wanted in ("Package: berth\n", f"Version: {box.berth('version', '--short').out}", "libc6 (>= 2.", "libcurl4",
                   "libnftables1", "libseccomp2"):
        box.true(wanted in fields, f"no `{wanted}`: {fields}")
    root = box.path("root")
    os.makedirs(os.path.join(root, "var/lib/dpkg/info"))
    os.makedirs(os.path.join(root, "var/lib/dpkg/updates"))
    box.write("root/var/lib/dpkg/status", "")
    dpkg = ["dpkg", f"--root={root}", "--force-depends", "--force-script-chrootless"]
    ran(box, *dpkg, "--install", path)
    box.true(" berth " in ran(box, *dpkg, "--list", "berth"), "it is not installed")
    berth = os.path.join(root, "usr/bin/berth")
    box.equal(ran(box, berth, "--version"), box.berth("--version").out)
    box.file("services: {a: {image: IMAGE, command: sleep 1000}}")
    ran(box, berth, "up", "-d")
    box.true("Up " in ran(box, berth, "ps"), "its container does not run")
    ran(box, berth, "down", "-t", "0")
    ran(box, *dpkg, "--purge", "berth")
    box.equal([name for name in all_files(root) if not name.startswith("var/")], [], "what is left")
    if shutil.which("lintian"):
        said = subprocess.run(["lintian", "--allow-root", "--fail-on", "error", path], capture_output=True, text=True)
        tags = [line for line in said.stdout.splitlines() if line.startswith("E:") and "RUNPATH" not in line]
        box.equal(tags, [], "lintian")
