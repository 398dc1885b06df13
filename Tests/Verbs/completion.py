"""TAB, in real shells at a pseudo-terminal, and what `berth __complete` answers them."""

import os
import shutil
import subprocess

from world import TOP, Terminal, scenario

COMPOSE = """
      services:
        web: {image: IMAGE, command: sh -c 'mkdir /srv; touch "/srv/two words"; sleep 1000', ports: ["80"]}
        worker: {image: IMAGE, command: sleep 1000}
        idle: {image: IMAGE, command: "true", profiles: [night]}
      volumes: {data: }
"""

# What is typed, with TAB at its end, and the words that the program then gets.
LINES = [
    ("berth unp", ["unpause"]),
    ("berth up --det", ["up", "--detach"]),
    ("berth up we", ["up", "web"]),
    ("berth up --pull ne", ["up", "--pull", "never"]),
    ("berth up --pull=mis", ["up", "--pull=missing"]),
    ("berth --profile ni", ["--profile", "night"]),
    ("berth --prog", ["--progress"]),
    ("berth --progress pl", ["--progress", "plain"]),
    ("berth -f here/othe", ["-f", "here/other.yaml"]),
    ("berth -f here/other.yaml up onl", ["-f", "here/other.yaml", "up", "only"]),
    ("berth network cre", ["network", "create"]),
    ("berth network create --driver mac", ["network", "create", "--driver", "macvlan"]),
    ("berth scale wor", ["scale", "worker="]),
    ("berth cp we", ["cp", "web:"]),
    ("berth cp web:/etc/hostn", ["cp", "web:/etc/hostname"]),
    ("berth cp web:/bi", ["cp", "web:/bin/"]),
    ("berth cp web:/srv/tw", ["cp", "web:/srv/two words"]),
    ("berth cp web:/srv/two\\ w", ["cp", "web:/srv/two words"]),
    ("berth cp here/other.y", ["cp", "here/other.yaml"]),
    ("berth kill -s SIGUSR1 wor", ["kill", "-s", "SIGUSR1", "worker"]),
    ("berth port web 8", ["port", "web", "80"]),
    ("berth completion fi", ["completion", "fish"]),
]


def bash(box, berth):
    box.write("home/.bashrc", f"PS1='ready> '\nsource {TOP}/completions/berth.bash\n")
    return ["bash", "--noprofile", "--rcfile", box.path("home/.bashrc"), "-i"]


def zsh(box, berth):
    box.write("home/.zshrc", f"PS1='ready> '\nfpath=({TOP}/completions $fpath)\nautoload -U compinit\ncompinit -u -D\n")
    return ["zsh", "-i"]


def fish(box, berth):
    box.write("home/.config/fish/config.fish", f"""
        set -g fish_greeting
        function fish_prompt; echo 'ready> '; end
        set -p fish_complete_path {TOP}/completions
    """)
    return ["fish", "--private", "-i"]


def shell(box, name):
    """The shell at a terminal. The `berth` it finds answers TAB, and of anything else prints its words."""
    berth = box.write("programs/berth", f"""#!/bin/sh
case $1 in __complete*) exec {box.world.berth} "$@" ;; esac
printf 'GOT'
printf '<%s>' "$@"
echo
""", 0o755)
    command = {"bash": bash, "zsh": zsh, "fish": fish}[name](box, berth)
    environment = dict(box.environment, PATH=box.path("programs") + ":" + box.environment["PATH"], TERM="xterm",
                       HOME=box.path("home"), ZDOTDIR=box.path("home"), INPUTRC="/dev/null")
    return Terminal(command, box.folder, environment, 30)


def tried(box, name):
    """Whether the shell is here. Each of LINES is typed in it."""
    box.write("here/other.yaml", "services: {only: {image: busybox}}\n")
    box.write("here/other.txt", "")
    box.up(COMPOSE)
    box.until(lambda: "two" in box.inside("web", "ls /srv"), "it does not begin")
    with shell(box, name) as terminal:
        terminal.wait_for("ready> ")
        for typed, words in LINES:
            terminal.seen = b""
            terminal.type(typed + "\t\n")
            terminal.wait_for("GOT")
            terminal.wait_for(">\r\n")
            got = terminal.seen.decode(errors="replace").split("GOT")[1].split("\r\n")[0]
            box.equal(got, "".join(f"<{word}>" for word in words), f"`{typed}` and TAB")
            box.true("rror" not in terminal.seen.decode(errors="replace"), f"a message behind TAB: {terminal.seen!r}")
        terminal.seen = b""
        terminal.type("berth u\t\t")
        terminal.wait_for("Let paused services go on")


@scenario("C99", needs=["bash"])
def bash_at_a_terminal(box):
    tried(box, "bash")


@scenario("C99", needs=["zsh"])
def zsh_at_a_terminal(box):
    tried(box, "zsh")


@scenario("C99", needs=["fish"])
def fish_at_a_terminal(box):
    tried(box, "fish")


def offered(box, *words, berth="__complete"):
    """What is offered for the last word, with the directive at the end; nothing may be said besides."""
    outcome = box.berth(berth, *words)
    box.equal(outcome.err, "", f"messages behind TAB of {words}")
    return [line.split("\t")[0] for line in outcome.out.splitlines()]


@scenario("C99")
def services_as_the_verb_wants(box):
    box.up(COMPOSE)
    box.berth("stop", "-t", "0", "worker")
    box.equal(offered(box, "up", ""), ["web", "worker", "idle", ":4"])
    box.equal(offered(box, "up", "web", ""), ["worker", "idle", ":4"])
    for verb in ("exec", "stop", "kill", "pause", "attach", "top", "port"):
        box.equal(offered(box, verb, ""), ["web", ":4"], verb)
    box.equal(offered(box, "logs", ""), ["web", "worker", ":4"])
    box.equal(offered(box, "logs", "-f", ""), ["web", ":4"])
    for verb in ("start", "rm"):
        box.equal(offered(box, verb, ""), ["worker", ":4"], verb)
    box.equal(offered(box, "unpause", ""), [":4"])
    box.berth("pause", "web")
    box.equal(offered(box, "unpause", ""), ["web", ":4"])
    box.berth("unpause", "web")
    box.true(box.name in offered(box, "-p", ""), "no project")
    box.equal(offered(box, "--profile", ""), ["night", "*", ":4"])
    box.true(f"{box.name}_default" in offered(box, "network", "inspect", ""), "no network")
    box.true(f"{box.name}-web-1" in offered(box, "network", "connect", "bridge", ""), "no container")
    box.true("busybox:test" in offered(box, "rmi", "busy"), "no image")
    box.equal(offered(box, "exec", "web", "-"), [":4"])
    box.true("-d" in offered(box, "up", "-") and "--dry-run" in offered(box, "up", "--d"), "no flags")
    box.true("--detach" not in offered(box, "up", "-d", "--de"), "a flag that is there already")


@scenario("C99")
def a_broken_file(box):
    box.up(COMPOSE)
    box.write("compose.yaml", "services: [\n")
    box.equal(offered(box, "un"), ["unpause", ":4"])
    box.equal(offered(box, "up", "--no-st"), ["--no-start", ":4"])
    box.equal(offered(box, "stop", ""), ["web", "worker", ":4"])
    box.equal(offered(box, "up", "wo"), ["worker", ":4"])
    box.equal(offered(box, "-f", "nothing.yaml", "up", ""), ["web", "worker", ":4"])
    for words in ([], [""], ["--no-such", ""], ["up", "--no-such", ""], ["no-such", ""], ["up", "--scale", "="], ["-"],
                  ["--progress", "bad", "up", ""], ["network", "bad", ""], ["cp", ":"], ["cp", "no/web:x"], ["help", "up", ""]):
        box.berth("__complete", *words)
        offered(box, *words)


@scenario("C99", "C82")
def paths_in_containers(box):
    box.up("""
      services:
        app:
          image: IMAGE
          command: sh -c 'mkdir -p /srv/.hidden /srv/one /srv/other; ln -s /srv /way; ln -s /../../.. /out; sleep 1000'
          volumes: [data:/data]
      volumes: {data: }
    """)
    box.until(lambda: "/out" in box.inside("app", "echo /ou*"), "it does not begin")
    box.inside("app", "touch /data/kept '/data/two words'; rm /etc/passwd; touch /etc/made")

    def paths(word):
        return offered(box, "cp", word)[:-1]

    box.equal(paths("app:/srv/o"), ["app:/srv/one/", "app:/srv/other/"])
    box.equal(paths("app:/srv/."), ["app:/srv/.hidden/"])
    box.equal(paths("app:srv/on"), ["app:srv/one/"])
    box.equal(paths("app:/way/o"), ["app:/way/one/", "app:/way/other/"])
    box.true("app:/out/srv/" in paths("app:/out/"), "a link out of the root")
    box.equal(paths("app:/out/proc/1/ro"), ["app:/out/proc/1/root"])
    box.equal(paths("app:/../../../dat"), ["app:/../../../data/"])
    box.equal(paths("app:/data/"), ["app:/data/kept", "app:/data/two words"])
    box.equal(offered(box, "exec", "app", "/bin/busyb"), ["/bin/busybox", ":6"])
    box.berth("stop", "-t", "0")
    box.equal(paths("app:/srv/o"), ["app:/srv/one/", "app:/srv/other/"], "of a stopped one")
    box.equal(paths("app:/etc/ma"), ["app:/etc/made"], "what it has made")
    box.equal(paths("app:/etc/passw"), [], "what it has removed")
    box.equal(paths("app:/bin/busyb"), ["app:/bin/busybox"], "what its image has")


@scenario("C99")
def the_scripts(box):
    for name, file in (("bash", "berth.bash"), ("zsh", "_berth"), ("fish", "berth.fish")):
        script = box.berth("completion", name).out
        with open(os.path.join(TOP, "completions", file)) as committed:
            box.true(script == committed.read(), f"completions/{file} is not what is printed: run scripts/completions")
        bare = box.berth("completion", name, "--no-descriptions").out
        box.true(bare == script.replace("__complete ", "__completeNoDesc "), f"{name} without descriptions: {bare}")
        if shutil.which(name):
            subprocess.run([name, "-n"], input=script, text=True, check=True)
    box.equal(box.berth("__completeNoDesc", "unp").out, "unpause\n:4\n")
    box.equal(box.berth("__complete", "unp").out, "unpause\tLet paused services go on\n:4\n")
    box.refused_verb("completion", "powershell", saying="no completion for powershell")
    box.refused_verb("completion", saying="missing expected argument")
