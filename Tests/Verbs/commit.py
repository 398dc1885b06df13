"""`commit`: an image from what a container has changed."""

import json
import os
import shutil
import subprocess
import tarfile

from world import scenario

WEB = """
      services:
        web:
          image: IMAGE
          command: sleep 1000
          init: true
          environment: {GREETING: hello}
          labels: {com.example.tier: front}
          volumes: [data:/data, ./here:/bound, type: tmpfs]
          secrets: [key]
      volumes: {data: {}}
      secrets: {key: {file: ./key}}
"""


def ready(box):
    box.write("key", "secret")
    box.write("here/file", "of the host")
    box.up(WEB.replace(", type: tmpfs", ""))
    box.inside("web", "echo new > /new; mkdir /folder; echo a > /folder/a; ln -s /new /link; ln /new /hard;"
                      "mkfifo /pipe; rm /bin/ls; rm -r /home; mkdir /home; echo b > /home/b; chmod 4755 /new;"
                      "chown 7:8 /folder/a;"
                      "echo in > /data/volume; echo x > /tmp/x")


def config(box, name):
    return json.loads(box.berth("inspect", name).out)[0]["Config"]


@scenario("C91", "E177")
def layer(box):
    ready(box)
    out = box.berth("commit", "-a", "Jane Doe", "-m", "changed by hand", "web", "made:one").out
    box.true(out.startswith("sha256:") and len(out) == 72, out)
    box.equal(box.state("web")["status"], "running", "after the pause")
    box.berth("save", "-o", "made.tar", "made:one")
    with tarfile.open(box.path("made.tar")) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))[0]
        document = json.load(archive.extractfile(manifest["Config"]))
        with tarfile.open(fileobj=archive.extractfile(manifest["Layers"][-1])) as top:
            names = {member.name: member for member in top}
    for name in ("new", "folder/a", "link", "hard", "pipe", "home/b", "bin/.wh.ls", "home/.wh..wh..opq", "tmp/x"):
        box.true(name in names, f"no {name} in {sorted(names)}")
    left_out = ("data/volume", "bound/file", "run/secrets/key", "etc/hosts", "etc/resolv.conf", "proc", "dev", "bin/ls",
                "data")
    for name in left_out:
        box.true(name not in names, f"{name} is in {sorted(names)}")
    box.equal((names["new"].mode if names["new"].isreg() else names["hard"].mode) & 0o7777, 0o4755)
    box.equal((names["folder/a"].uid, names["folder/a"].gid), (7, 8))
    box.equal(sum(names[name].islnk() for name in ("new", "hard")), 1, "hard links")
    box.equal((document["author"], document["history"][-1]["comment"]), ("Jane Doe", "changed by hand"))
    box.true("sleep 1000" in document["history"][-1]["created_by"], document["history"])
    below = json.loads(box.berth("inspect", "busybox:test").out)[0]["RootFS"]["Layers"]
    box.equal(document["rootfs"]["diff_ids"][:-1], below, "the layers below")
    image = config(box, "made:one")
    box.equal((image["Cmd"], image["Labels"]["com.example.tier"]), (["sleep", "1000"], "front"))
    box.true("GREETING=hello" in image["Env"], image["Env"])
    box.true(not any(entry.startswith("HOSTNAME=") for entry in image["Env"]), image["Env"])
    box.true(not any(label.startswith("com.docker.compose.") for label in image["Labels"]), image["Labels"])


@scenario("C91", "E177")
def runs(box):
    ready(box)
    changes = ['CMD ["sh", "-c", "cat /new; test -e /bin/ls || echo no ls; cat /home/b; exit 4"]', "ENV A=1 B=two",
               "USER 1000", "WORKDIR /folder", "EXPOSE 80 53/udp", "VOLUME /v", "LABEL x=y", "ONBUILD RUN true",
               "STOPSIGNAL SIGINT", "HEALTHCHECK --interval=5s --retries=2 CMD true"]
    box.berth("commit", *(word for change in changes for word in ("-c", change)), "web", "made:two")
    image = config(box, "made:two")
    box.equal((image["User"], image["WorkingDir"], image["StopSignal"]), ("1000", "/folder", "SIGINT"))
    box.equal(sorted(image["ExposedPorts"]), ["53/udp", "80/tcp"])
    box.equal((list(image["Volumes"]), image["OnBuild"], image["Labels"]["x"]), (["/v"], ["RUN true"], "y"))
    box.equal(image["Healthcheck"], {"Interval": 5_000_000_000, "Retries": 2, "Test": ["CMD-SHELL", "true"]})
    box.true("A=1" in image["Env"] and "B=two" in image["Env"] and "GREETING=hello" in image["Env"], image["Env"])
    box.berth("down", "-t", "0")
    box.file("services: {again: {image: 'made:two'}}")
    out = box.berth("run", "--rm", "-T", "again", code=4).out
    box.equal(out, "new\nno ls\nb\n")


@scenario("C91")
def which_container(box):
    box.up("services: {web: {image: IMAGE, command: sleep 1000, init: true, scale: 2}}")
    box.berth("exec", "-T", "--index", "2", "web", "sh", "-c", "echo second > /which")
    box.berth("commit", "--index", "2", "--pause=false", "web", "made:three")
    box.true("pause" not in box.berth("events", "--since", "1h", "--until", "0s", "web").out, "it was paused")
    box.berth("commit", "--index", "1", "-p", "web", "made:four")
    box.true("container pause" in box.berth("events", "--since", "1h", "--until", "0s", "web").out, "it was not paused")
    box.file("services: {two: {image: 'made:three'}, one: {image: 'made:four'}}")
    box.equal(box.berth("run", "--rm", "-T", "two", "cat", "/which").out, "second\n")
    box.equal(box.berth("run", "--rm", "-T", "one", "sh", "-c", "test -e /which || echo none").out, "none\n")
    box.file("services: {web: {image: IMAGE, command: sleep 1000, init: true, scale: 2}}")
    box.berth("stop", "-t", "0")
    id = box.berth("commit", "web").out.strip()
    box.true(id in box.berth("images", "--all", "-q", "--no-trunc").out.split(), "one without a name")
    box.refused_verb("commit", "--index", "3", "web", saying="no container #3")
    box.refused_verb("commit", "nobody", saying="no such service: nobody")
    box.refused_verb("commit", "web", "UPPER:x", saying="UPPER")
    box.refused_verb("commit", "-c", "RUN true", "web", saying="`RUN` is none of")
    box.refused_verb("commit", "-c", "HEALTHCHECK --every=5s CMD true", "web", saying="unknown flag")
    box.refused_verb("--dry-run", "commit", "web", saying="--dry-run")


@scenario("E177")
def name_that_no_layer_holds(box):
    box.up("services: {web: {image: IMAGE, command: sleep 1000, init: true}}")
    box.inside("web", "touch /etc/.wh.passwd")
    box.refused_verb("commit", "web", "made:five", saying="a layer of an image cannot hold `/etc/.wh.passwd`")
    box.true("made:five" not in box.berth("images", "--all", "--format", "{{.Repository}}:{{.Tag}}").out, "it is made")
    box.equal(box.state("web")["status"], "running", "after the pause")


@scenario("E177")
def read_by_others(box):
    if shutil.which("skopeo") is None:
        return
    ready(box)
    box.berth("commit", "web", "made:six")
    box.berth("save", "-o", "made.tar", "made:six")
    done = subprocess.run(["skopeo", "copy", "--insecure-policy", "oci-archive:made.tar", "dir:out"], cwd=box.folder,
                          capture_output=True, text=True, env={**os.environ, "HOME": box.folder, "TMPDIR": box.folder})
    box.equal(done.returncode, 0, done.stderr)
