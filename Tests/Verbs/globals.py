"""Flags before the verb, and the variables that stand for them."""

import json
import os
import re

from world import Complaint, scenario

TWO = ("services: {a: {image: busybox, environment: {V: '${V:-none}'}}, n: {image: busybox, profiles: [night]}}\n",
       "services: {b: {image: busybox, volumes: ['./data:/data']}}\n")


def files(box, name="shop"):
    box.write("a.yaml", f"name: {name}\n" + TWO[0])
    box.write("other/b.yaml", TWO[1])


def under(box, *arguments, code=0, folder=".", input=None, **variables):
    """berth with these variables, in a folder of the project."""
    before, home = dict(box.environment), box.folder
    box.environment.update(variables)
    box.folder = os.path.join(home, folder)
    # A shell's PWD would name the folder that the scenarios run in.
    box.environment.pop("PWD", None)
    try:
        return box.berth(*arguments, code=code, input=input)
    finally:
        box.environment, box.folder = before, home


def services(box, *flags, **variables):
    return sorted(under(box, *flags, "config", "--services", **variables).out.split())


def value(box, *flags, **variables):
    """What V is in service `a`."""
    out = under(box, *flags, "-f", "a.yaml", "config", "--format", "json", **variables).out
    return json.loads(out)["services"]["a"]["environment"]["V"]


def project(box, *flags, **variables):
    return json.loads(under(box, *flags, "config", "--format", "json", **variables).out)["name"]


@scenario("C1", "C57")
def compose_files(box):
    files(box)
    box.equal(services(box, "-f", "a.yaml", "-f", "other/b.yaml"), ["a", "b"])
    box.equal(services(box, "--file=other/b.yaml", "--file", "a.yaml"), ["a", "b"])
    box.equal(under(box, "-f", "-", "config", "--services", input=TWO[1]).out, "b\n")
    box.equal(services(box, "-f", "a.yaml", COMPOSE_FILE="other/b.yaml"), ["a"], "-f replaces COMPOSE_FILE")
    both = under(box, "-f", "a.yaml", "-f", "other/b.yaml", "config").out
    box.true(f"source: {box.path('data')}\n" in both, f"paths are the first file's: {both}")
    read = under(box, "-f", "-", "config", input=TWO[1], folder="other").out
    box.true(f"source: {box.path('other/data')}\n" in read, f"paths of a file from stdin are this folder's: {read}")
    for remote in ("oci://registry.lan/x:1", "https://github.com/a/b.git", "https://github.com/a/b.git#v1:sub",
                   "git@github.com:a/b.git"):
        box.refused_verb("-f", remote, "config", saying="is remote: compose files are read from this machine only")
    box.true(os.path.isfile(box.path("a.yaml")) and not os.path.exists(box.path("b")), "something was fetched")
    under(box, "--insecure-registry", "registry.lan", "-f", "a.yaml", "config", "-q")


@scenario("C2", "C21", "C54", "C55")
def names(box):
    files(box)
    box.write("My_Shop.v2/compose.yaml", TWO[0])
    box.equal(project(box, "-f", "a.yaml"), "shop")
    box.equal(project(box, "-p", "mine", "-f", "a.yaml", COMPOSE_PROJECT_NAME="theirs"), "mine")
    box.equal(project(box, "-f", "a.yaml", COMPOSE_PROJECT_NAME="theirs"), "theirs")
    box.equal(project(box, "-f", "My_Shop.v2/compose.yaml"), "my_shopv2")
    box.refused_verb("-p", "Shop", "-f", "a.yaml", "config", saying="project name `Shop` must be lower-case")
    box.true("`Shop`" in under(box, "-f", "a.yaml", "config", code=1, COMPOSE_PROJECT_NAME="Shop").err, "not said")
    box.write("c.yaml", "name: ${COMPOSE_PROJECT_NAME}-x\nservices: {a: {image: '${COMPOSE_PROJECT_NAME}'}}\n")
    seen = under(box, "-p", "set", "-f", "c.yaml", "config").out
    box.true("image: set\n" in seen, f"the name is a variable: {seen}")


@scenario("C3", "C22")
def profiles(box):
    files(box)
    box.equal(services(box, "-f", "a.yaml"), ["a"])
    for flags, variables in ((["--profile", "night"], {}), (["--profile", "*"], {}), (["--profile", "x", "--profile=night"], {}),
                             ([], {"COMPOSE_PROFILES": " x , night "}), ([], {"COMPOSE_PROFILES": "*"})):
        box.equal(services(box, "-f", "a.yaml", *flags, **variables), ["a", "n"], f"{flags} {variables}")
    box.equal(services(box, "-f", "a.yaml", "--profile", "x", COMPOSE_PROFILES="night"), ["a"], "the flag alone holds")


@scenario("C4", "C23", "C24", "C56")
def environment_files(box):
    files(box)
    for number in ("1", "2"):
        box.write(f"e{number}", f"V=of e{number}\n")
    box.equal(value(box), "none")
    box.equal(value(box, "--env-file", "e1", "--env-file", "e2"), "of e2")
    box.equal(value(box, COMPOSE_ENV_FILES="e2,e1"), "of e1")
    box.equal(value(box, "--env-file", "e2", COMPOSE_ENV_FILES="e1"), "of e2")
    box.equal(value(box, "--env-file", "~/e1", HOME=box.folder), "of e1")
    box.equal(value(box, "--env-file", "e1", V="of the shell"), "of the shell")
    box.refused_verb("--env-file", "e3", "-f", "a.yaml", "config", saying="env file `e3` cannot be read")
    box.write(".env", "V=of .env\n")
    box.equal(value(box), "of .env")
    box.equal(value(box, "--env-file", "e1"), "of e1")
    box.equal(value(box, COMPOSE_DISABLE_ENV_FILE="true"), "none")
    box.equal(value(box, COMPOSE_DISABLE_ENV_FILE="0"), "of .env")
    failed = under(box, "-f", "a.yaml", "config", code=1, COMPOSE_DISABLE_ENV_FILE="perhaps").err
    box.true("COMPOSE_DISABLE_ENV_FILE is no boolean: `perhaps`" in failed, failed)


@scenario("C5", "C6", "C53")
def project_folder(box):
    files(box, name="")
    box.write("a.yaml", TWO[0])
    box.write("there/.env", "V=of there\n")
    box.equal(value(box, "--project-directory", "there"), "of there")
    box.equal(project(box, "--project-directory", "there", "-f", "a.yaml"), "there")
    box.equal(project(box, "-f", "other/b.yaml"), "other")
    outcome = under(box, "--workdir", "there", "-f", "a.yaml", "config", "--format", "json")
    box.equal(json.loads(outcome.out)["name"], "there")
    box.true("`--workdir` is deprecated" in outcome.err, f"nothing is said of the old name: {outcome.err}")
    box.refused_verb("--workdir", "there", "--project-directory", "there", "-f", "a.yaml", "config",
                     saying="`--workdir` and `--project-directory` are incompatible")


@scenario("C19", "C20", "C48")
def variables_for_files(box):
    files(box)
    box.equal(services(box, COMPOSE_FILE="a.yaml:other/b.yaml"), ["a", "b"])
    box.equal(services(box, COMPOSE_FILE="a.yaml;other/b.yaml", COMPOSE_PATH_SEPARATOR=";"), ["a", "b"])
    box.equal(under(box, "config", "--services", COMPOSE_FILE="-", input=TWO[1]).out, "b\n")
    failed = under(box, "config", code=1, COMPOSE_FILE="a.yaml:c.yaml").err
    box.true("`c.yaml` does not exist" in failed, failed)
    box.write(".env", "COMPOSE_FILE=a.yaml,other/b.yaml\nCOMPOSE_PATH_SEPARATOR=,\nCOMPOSE_PROFILES=night\n"
              "COMPOSE_PROJECT_NAME=named\n")
    box.equal(services(box), ["a", "b", "n"])
    box.equal(project(box), "named")
    box.equal(services(box, COMPOSE_PROFILES="x"), ["a", "b"], "the shell's own wins")
    box.write(".env", "COMPOSE_PROGRESS=json\nCOMPOSE_FILE=none.yaml\n")
    box.equal(json.loads(under(box, "config", code=1).err)["error"], True)


@scenario("C7", "C8", "C30")
def colours(box):
    box.up("services: {a: {image: IMAGE, command: echo hello}}")
    box.until(lambda: "hello" in box.log("a"), "it says nothing")

    def coloured(*flags, **variables):
        return "\x1b[" in under(box, *flags, "logs", **variables).out

    box.true(not coloured(), "colours in a pipe")
    box.true(coloured("--ansi", "always"), "none with --ansi always")
    box.true(coloured(COMPOSE_ANSI="always"), "none with COMPOSE_ANSI")
    box.true(not coloured("--ansi", "always", NO_COLOR="1"), "colours with NO_COLOR")
    box.true(coloured("--ansi", "always", NO_COLOR=""), "an empty NO_COLOR counts")
    box.true(not coloured("--ansi", "never", COMPOSE_ANSI="always"), "the variable beats the flag")
    for mode, seen in (((), True), (("--ansi", "never"), False), (("--no-ansi",), False)):
        with box.terminal(*mode, "logs") as terminal:
            terminal.exit()
            box.equal(b"\x1b[" in terminal.seen, seen, f"colours at a terminal with {mode}")
    box.true("`--no-ansi` is deprecated" in box.berth("--no-ansi", "ps").err, "nothing is said of the old flag")
    box.refused_verb("--no-ansi", "--ansi", "auto", "ps", saying="`--no-ansi` and `--ansi` are incompatible")
    box.refused_verb("--ansi", "sometimes", "ps", saying="`--ansi sometimes` is none of")


@scenario("C9", "C31")
def progress(box):
    box.file("services: {a: {image: IMAGE, command: sleep 1000}}")
    box.refused_verb("--progress", "fast", "ps", saying="`--progress fast` is none of")
    box.refused_verb("--progress", "tty", "--ansi", "never", "ps", saying="cannot be used with `--ansi never`")
    box.refused_verb("--progress", "plain", "--ansi", "always", "ps", saying="cannot be used with `--ansi always`")
    lines = box.berth("--progress", "json", "up", "-d").err.splitlines()
    box.true(any(json.loads(line)["id"] == f"Container {box.name}-a-1" for line in lines), f"{lines}")
    failed = box.berth("--progress", "json", "up", "-d", "b", code=1).err.splitlines()[-1]
    box.true(json.loads(failed)["error"] is True and "b" in json.loads(failed)["message"], failed)
    for kind in ("quiet", "none"):
        box.equal(box.berth("--progress", kind, "stop", "-t", "0").err, "", kind)
        box.berth("start")
    plain = under(box, "stop", "-t", "0", COMPOSE_PROGRESS="plain").err
    box.true(re.search(rf"Container {box.name}-a-1 +Stopped", plain) and "\x1b" not in plain, plain)
    box.true(under(box, "ps", code=1, COMPOSE_PROGRESS="fast").err.startswith("error:"), "the variable is not looked at")


@scenario("C10", "C26")
def parallel(box):
    files(box)
    for flags, variables in ((["--parallel", "2"], {}), (["--parallel=-1"], {}), ([], {"COMPOSE_PARALLEL_LIMIT": "3"})):
        under(box, *flags, "-f", "a.yaml", "config", "-q", **variables)
    box.refused_verb("--parallel", "some", "ps", saying="the value `some` is invalid")
    failed = under(box, "-f", "a.yaml", "config", "-q", code=1, COMPOSE_PARALLEL_LIMIT="some").err
    box.true("COMPOSE_PARALLEL_LIMIT is no number: `some`" in failed, failed)
    under(box, "--parallel", "1", "-f", "a.yaml", "config", "-q", COMPOSE_PARALLEL_LIMIT="some")


@scenario("C13")
def all_resources(box):
    box.file("""
      services: {a: {image: IMAGE, command: sleep 1000, networks: [used]}}
      networks: {used: , spare: }
      volumes: {kept: }
    """)
    box.equal(box.berth("config", "--networks").out.split(), ["used"])
    box.equal(sorted(box.berth("--all-resources", "config", "--networks").out.split()), ["spare", "used"])
    box.berth("--all-resources", "up", "-d")
    made = box.berth("network", "ls", "--format", "json").out
    box.true(f"{box.name}_spare" in made, made)
    box.true(f"{box.name}_kept" in box.berth("volumes", "-q").out, "the volume that no service mounts")


@scenario("C15", "C41")
def verbose(box):
    box.file("services: {a: {image: IMAGE, command: sleep 1000}}")
    seen = under(box, "--verbose", "up", "-d", DOCKER_HOST="tcp://far:2375")
    lines = [line for line in seen.err.splitlines() if line.startswith("trace: ")]
    box.true(all(re.match(r"trace: \d+\.\d ms  ", line) for line in lines), f"{lines}")
    said = "\n".join(lines)
    for word in (f"read {box.compose}", f"state in {box.environment['BERTH_STATE']}", f"project {box.name}",
                 f"Container {box.name}-a-1 Started", "DOCKER_HOST"):
        box.true(word in said, f"no `{word}`: {said}")
    box.equal(box.berth("--verbose", "ps", "-q").out, box.berth("ps", "-q").out, "what is on standard output")
    box.true("trace" not in box.berth("ps").err, "a trace that nobody asked for")


@scenario("C16", "C17", "C100")
def help_and_version(box):
    whole = box.berth("--help")
    for words in ([], ["-h"], ["help"]):
        box.equal(box.berth(*words).out, whole.out, words)
    box.equal(whole.err, "")
    box.true("\nMore:" not in whole.out, f"verbs without a subject: {whole.out}")
    box.equal(box.berth("-v").out, box.berth("--version").out)
    box.equal(box.berth("-v").out, box.berth("version").out)
    for verb in ("up", "network create", "cp"):
        words = verb.split()
        page = box.berth(*words, "--help").out
        box.true(f"\nUsage: berth {verb} " in page and "\nExamples:\n" in page and page.count(f"  berth {verb}") >= 2, page)
        box.equal(box.berth("help", *words).out, page)
        box.equal(box.berth(*words, "-h").out, page)
    box.true(max(len(line) for line in whole.out.splitlines()) <= 80, "a line of more than 80 columns")


@scenario("C17", "C126")
def mistyped(box):
    box.file("services: {web: {image: IMAGE}}")
    for words, summary, hint in (
            (["upp"], "unknown command `upp`", "did you mean `up`?"),
            (["help", "sotp"], "unknown command `sotp`", "did you mean `stop`?"),
            (["network", "creat"], "unknown command `network creat`", "did you mean `network create`?"),
            (["up", "--detatch"], "unknown option `--detatch`", "did you mean `--detach`?"),
            (["--profil", "x", "ps"], "unknown option `--profil`", "did you mean `--profile`?"),
            (["up", "wbe"], "no such service: `wbe`", "did you mean `web`?"),
            (["ps", "-f", "x"], "unknown option `-f`", "`-f` goes before the verb: `berth -f … ps`"),
            (["-d", "up"], "unknown option `-d`", "`-d` goes behind the verb: `berth up -d`"),
            (["up", "--pull"], "missing value for `--pull POLICY`", "see `berth up --help`"),
            (["exec", "web"], "missing expected argument `COMMAND…`", "see `berth exec --help`"),
            (["up", "--build"], "berth has no `--build`", "images are pulled, not built"),
            (["-f"], "`-f` has no value behind it", "see `berth --help`"),
            (["publish", "x"], "berth has no `publish`",
             "keep the files in a repository, or push them with a program such as oras")):
        outcome = box.berth(*words, code=1)
        box.equal(re.sub(r"^error\[B\d+\]", "error", outcome.err), f"error: {summary}\nhint: {hint}\n", f"{words}")
        box.equal(outcome.out, "", f"{words}")


@scenario("C1", "C2", "C126")
def spellings(box):
    """Values that stand right behind a letter, and truths that flags are given, as docker's parser takes them."""
    files(box)
    box.equal(services(box, "-fa.yaml", "-f=other/b.yaml"), ["a", "b"])
    box.equal(project(box, "-pmine", "-fa.yaml"), "mine")
    box.equal(services(box, "--all-resources=true", "-fa.yaml"), ["a"])
    box.file("services: {a: {image: IMAGE, command: sh -c 'echo one; echo two; sleep 1000'}}")
    box.berth("up", "-d=true", "--quiet-pull=1", "--no-deps=false")
    box.until(lambda: "two" in box.log("a"), "it says nothing")
    for words in (["-n1"], ["-n=1"], ["-tn1"], ["-t=false", "-n", "1"], ["--follow=false", "-n1"]):
        out = box.berth("logs", "--no-log-prefix", *words).out
        box.equal(out.split()[-1:], ["two"], f"{words}: {out}")
        box.equal(len(out.splitlines()), 1, f"{words}")
        box.equal("Z " in out, words == ["-tn1"], f"{words}: {out}")
    box.equal(box.berth("exec", "-T=true", "-w/etc", "-eA=b=c", "a", "sh", "-c", "echo $A; pwd", "-n1", "--x=true").out,
              "b=c\n/etc\n")
    box.equal(box.berth("exec", "-Tuguest", "a", "true", code=None).code in (0, 1), True)
    box.equal(box.berth("ps", "-aq", "--orphans=false").out, box.berth("ps", "-q").out)
    box.refused_verb("ps", "--all=perhaps", saying="`--all` does not take any value")
    box.refused_verb("logs", "-x1", saying="unknown option")
    box.equal(box.berth("run", "--rm=true", "-eA=1", "--no-deps=TRUE", "-T", "a", "printenv", "A").out, "1\n")
    box.berth("down", "-vt0")
    box.equal(box.berth("ps", "-aq").out, "")


@scenario("C32", "C34", "C35", "C36", "C37", "C38", "C42", "C43", "C44", "C33", "C40", "C47")
def variables_that_change_nothing(box):
    files(box)
    plain = under(box, "-f", "a.yaml", "config")
    for name, text in (
            ("COMPOSE_HTTP_TIMEOUT", "1"), ("COMPOSE_TLS_VERSION", "x"), ("COMPOSE_API_VERSION", "1.10"),
            ("COMPOSE_DOCKER_CLI_BUILD", "0"), ("COMPOSE_FORCE_WINDOWS_HOST", "1"), ("COMPOSE_INTERACTIVE_NO_CLI", "1"),
            ("COMPOSE_EXPERIMENTAL", "1"), ("COMPOSE_EXPERIMENTAL_GIT_REMOTE", "0"),
            ("COMPOSE_EXPERIMENTAL_OCI_REMOTE", "0"), ("COMPOSE_EXPERIMENTAL_WATCH_TAR", "0"), ("COMPOSE_BAKE", "1"),
            ("COMPOSE_MENU", "1"), ("DOCKER_BUILDKIT", "0"), ("BUILDX_BUILDER", "x"), ("BUILDKIT_PROGRESS", "plain"),
            ("DOCKER_CONTENT_TRUST", "1"), ("DOCKER_HOST", "tcp://far:1"), ("DOCKER_CONTEXT", "far"),
            ("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", "/none"), ("DOCKER_API_VERSION", "1.1"),
            ("DOCKER_CONFIG", "/none"), ("COMPOSE_STATUS_STDOUT", "1")):
        seen = under(box, "-f", "a.yaml", "config", **{name: text})
        box.equal((seen.out, seen.err), (plain.out, plain.err), name)
    box.write("pwd.yaml", "services: {a: {image: busybox, environment: {HERE: $PWD}}}\n")
    seen = under(box, "-f", "pwd.yaml", "config").out
    box.true(f"HERE: {os.path.realpath(box.folder)}\n" in seen, f"PWD: {seen}")


@scenario("C25")
def windows_paths(box):
    box.write("compose.yaml", r"""
services: {a: {image: busybox, volumes: ['C:\Work\me:/y', {type: bind, source: 'D:\q', target: /r}, './z:/z']}}
""".replace("\\\\", "\\"))
    for variable, sources in (("1", ["/c/Work/me", "/d/q", box.path("z")]), ("0", ["C:\\Work\\me", "D:\\q", box.path("z")])):
        out = under(box, "config", "--format", "json", COMPOSE_CONVERT_WINDOWS_PATHS=variable).out
        box.equal([mount["source"] for mount in json.loads(out)["services"]["a"]["volumes"]], sources)


@scenario("C39")
def platform(box):
    box.file("services: {a: {image: IMAGE, command: sleep 1000}, b: {image: IMAGE, platform: linux/amd64, command: sleep 9}}")
    box.berth("up", "-d", "b")
    failed = under(box, "up", "-d", "--pull", "never", "a", code=1, DOCKER_DEFAULT_PLATFORM="linux/s390x").err
    box.true("no such image: busybox:test" in failed, failed)
    failed = under(box, "up", "-d", "a", code=1, DOCKER_DEFAULT_PLATFORM="none/at/all/known").err
    box.true("`DOCKER_DEFAULT_PLATFORM` cannot be used" in failed, failed)
    box.equal(under(box, "up", "-d", "--pull", "never", "b", DOCKER_DEFAULT_PLATFORM="linux/s390x").out, "", "its own")
    under(box, "up", "-d", "--pull", "never", "a", DOCKER_DEFAULT_PLATFORM="linux/amd64")


@scenario("C49", "C50", "C51", "C52")
def files_that_are_found(box):
    names = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"]
    for name in reversed(names):
        service = re.sub(r"\W", "", name)
        box.write(f"deep/{name}", f"services: {{{service}: {{image: busybox}}}}\n")
        seen = under(box, "config", "--services", folder="deep")
        box.equal(seen.out, service + "\n", name)
        box.equal("warning" in seen.err, name != names[-1], f"a warning of several files: {seen.err}")
    box.write("deep/er/still/x", "")
    box.equal(under(box, "config", "--services", folder="deep/er/still").out, "composeyaml\n", "from below")
    overrides = ["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml",
                 "docker-compose.override.yaml"]
    for name in reversed(overrides):
        service = re.sub(r"\W", "", name)
        box.write(f"deep/{name}", f"services: {{{service}: {{image: busybox}}}}\n")
        box.equal(under(box, "config", "--services", folder="deep").out.split(), ["composeyaml", service], name)
    box.equal(under(box, "-f", "compose.yaml", "config", "--services", folder="deep").out, "composeyaml\n", "-f alone")
    box.refused_verb("config", saying="no configuration file provided: not found")
    for verb in ("ps", "logs", "stop", "start", "down", "kill", "top", "pause", "restart", "images", "stats --no-stream", "volumes"):
        outcome = box.berth("-p", "nobody", *verb.split(), code=None)
        if "no configuration file" in outcome.err:
            raise Complaint(f"{verb} needs a file: {outcome.err}")
