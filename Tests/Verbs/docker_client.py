"""berth in docker's place: under the name docker-compose, and as the plugin of docker's client."""

import json
import os
import signal
import subprocess

from world import Outcome, Complaint, scenario

FILE = """
      services:
        web: {image: IMAGE, command: sh -c 'trap "exit 0" TERM; echo begun; while :; do sleep 0.1; done'}
        idle: {image: IMAGE, command: "true", profiles: [night]}
"""


def called_as(box, name):
    """The program under another name."""
    path = box.path("home", ".docker", "cli-plugins", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.islink(path):
        os.symlink(box.world.berth, path)
    return path


def run(box, *command, code=0):
    done = subprocess.run(command, cwd=box.folder, env=dict(box.environment, HOME=box.path("home")), capture_output=True,
                          text=True, timeout=60, stdin=subprocess.DEVNULL)
    if done.returncode != code:
        raise Complaint(f"{command} ended with {done.returncode}, not {code}: {done.stdout}{done.stderr}")
    return Outcome(done.returncode, done.stdout, done.stderr)


@scenario("C18", "C89")
def standalone(box):
    compose = called_as(box, "docker-compose")
    box.file(FILE)
    version = run(box, compose, "version", "--short").out.strip()
    box.true(int(version.split(".")[0]) >= 2, f"a script that asks for version 2 is told {version}")
    line = f"Docker Compose version v{version}\n"
    for words in (["version"], ["-v"], ["--version"], ["--context", "a", "-D", "version"], ["--host=tcp://b:1", "version"],
                  ["-H", "c", "--tls", "--tlsverify", "--tlscacert", "d", "--tlscert", "e", "--tlskey", "f", "version"],
                  ["--log-level", "debug", "--verbose", "version"]):
        box.equal(run(box, compose, *words).out, line, words)
    box.equal(json.loads(run(box, compose, "version", "-f", "json").out), {"version": f"v{version}"})
    box.equal(box.berth("--version").out.split()[:2], ["berth", "version"])
    box.true(run(box, compose, "-h").out == run(box, compose, "--help").out == box.berth("help").out, "help")
    traced = run(box, compose, "--context", "far", "--debug", "ps").err
    box.true("trace:" in traced and "`--context`" in traced, f"nothing of the daemon: {traced}")
    run(box, compose, "-p", "compose", "config", "-q")
    box.equal(run(box, compose, "--profile", "night", "config", "--services").out.split(), ["web", "idle"])
    run(box, compose, "up", "-d", "--wait")
    box.equal(run(box, compose, "ps", "--services").out, "web\n")
    run(box, compose, "exec", "-T", "web", "true")
    run(box, compose, "down")
    box.equal(run(box, compose, "ps", "-aq").out, "")
    box.true("unknown option `--host`" in box.berth("--host", "a", "ps", code=1).err, "berth itself has no daemon's flags")


@scenario("C18", needs=["docker"])
def as_a_plugin(box):
    plugin = called_as(box, "docker-compose")
    metadata = json.loads(run(box, plugin, "docker-cli-plugin-metadata").out)
    box.equal(metadata["SchemaVersion"], "0.1.0")
    box.true(metadata["Vendor"] and metadata["ShortDescription"], f"{metadata}")
    box.file(FILE)
    box.true(run(box, "docker", "compose", "version").out.startswith("Docker Compose version v"), "the version")
    run(box, "docker", "compose", "up", "-d")
    box.equal(run(box, "docker", "--context", "default", "compose", "ps", "--services").out, "web\n")
    box.equal(run(box, "docker", "compose", "exec", "-T", "web", "echo", "compose").out, "compose\n")
    box.equal(run(box, "docker", "compose", "exec", "-T", "web", "sh", "-c", "exit 7", code=7).out, "")
    offered = run(box, "docker", "__complete", "compose", "stop", "").out
    box.true(offered.startswith("web\t"), f"TAB: {offered}")
    box.true("up -d" in run(box, "docker", "help", "compose", "up").out, "help")
    box.true("did you mean `up`?" in run(box, "docker", "compose", "upp", code=1).err, "a mistyped verb")
    run(box, "docker", "compose", "--profile", "night", "down", "-t", "5")
    box.equal(box.berth("ps", "-aq").out, "")


@scenario("C18", "C127", needs=["docker"])
def a_signal_to_dockers_client(box):
    called_as(box, "docker-compose")
    box.file(FILE)
    client = subprocess.Popen(["docker", "compose", "up"], cwd=box.folder, env=dict(box.environment, HOME=box.path("home")),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        box.until(lambda: "begun" in box.berth("logs", "--no-color", code=None).out, "it does not begin")
        client.send_signal(signal.SIGTERM)
        client.communicate(timeout=30)
    finally:
        client.kill()
        client.wait()
    box.until(lambda: box.berth("ps", "-q").out == "", "it goes on when docker's client has been ended")
    box.equal(len(box.berth("ps", "-aq").out.split()), 1, "containers that stay")
