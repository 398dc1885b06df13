"""What the reference calls experimental, and what berth has not."""

import json
import shutil
import subprocess

from world import scenario

SHOP = """
      name: NAME
      services:
        web:
          image: IMAGE
          command: [sh, -c, 'echo "$$HOME"; sleep 1000']
          init: true
          scale: 2
          environment: {GREETING: hello, PRICE: "5$$"}
          labels: {com.example.tier: front}
          volumes: [data:/data, ./here:/here:ro, /anonymous]
          restart: on-failure:3
          depends_on: {db: {condition: service_started}, cache: {condition: service_started, required: false}}
        db: {image: IMAGE, command: sleep 1000, init: true, ports: ["127.0.0.1:PORT:80"], container_name: NAME-store}
        cache: {image: IMAGE, command: sleep 1000, init: true}
      volumes: {data: {}}
"""


def shop(box, port):
    return SHOP.replace("NAME", box.name).replace("PORT", str(port))


def up(box, port):
    box.write("here/file", "")
    box.up(shop(box, port))


@scenario("C96")
def generate(box):
    up(box, 8600)
    names = [f"{box.name}-web-1", f"{box.name}-web-2", f"{box.name}-store"]
    made = json.loads(box.berth("alpha", "generate", "--format", "json", "--name", "again", *names).out)
    box.equal((made["name"], sorted(made["services"])), ("again", ["db", "web"]))
    web, db = made["services"]["web"], made["services"]["db"]
    box.equal((web["scale"], web["environment"]), (2, {"GREETING": "hello", "PRICE": "5$$"}))
    box.equal((web["restart"], web["init"], web["labels"]), ("on-failure:3", True, {"com.example.tier": "front"}))
    box.equal(web["command"][-1], 'echo "$$HOME"; sleep 1000')
    box.true({"source": "data", "target": "/data", "type": "volume"} in web["volumes"], web["volumes"])
    bind = {"read_only": True, "source": box.path("here"), "target": "/here", "type": "bind"}
    box.true(bind in web["volumes"], web["volumes"])
    box.equal(db["container_name"], f"{box.name}-store")
    box.equal(db["ports"], [
        {"host_ip": "127.0.0.1", "mode": "ingress", "protocol": "tcp", "published": "8600", "target": 80}])
    box.equal(made["volumes"], {"data": {"name": f"{box.name}_data"}})
    # What is written is a compose file, and says what it was made from.
    text = box.berth("alpha", "generate", "--name", "again", *names).out
    again = json.loads(box.berth("-f", "-", "config", "--format", "json", input=text).out)
    box.equal(again["services"]["web"]["environment"], {"GREETING": "hello", "PRICE": "5$$"})
    everything = json.loads(box.berth("alpha", "generate", "--format", "json").out)
    box.true({"web", "db", "cache"} <= set(everything["services"]), everything["services"].keys())
    box.refused_verb("alpha", "generate", "nothing-of-this-name", saying="no such container: nothing-of-this-name")


@scenario("C97")
def viz(box):
    box.file(shop(box, 8620))
    text = box.berth("alpha", "viz", "--image", "--ports", "--networks", "--spaces", "--indentation-size", "2").out
    for line in [f'digraph "{box.name}" {{', '  "web" -> "db";', '  "web" -> "cache" [style=dashed];',
                 '  "cache" [label="cache\\nImage: busybox:test\\nNetwork: default"];',
                 '  "db" [label="db\\nImage: busybox:test\\nNetwork: default\\nPort: 8620:80/tcp"];']:
        box.true(line in text.splitlines(), f"no {line} in {text}")
    box.true('\t"web" -> "db";' in box.berth("alpha", "viz").out.splitlines(), "tabs")
    if shutil.which("dot"):
        done = subprocess.run(["dot", "-Tplain"], input=text, capture_output=True, text=True)
        box.equal(done.returncode, 0, done.stderr)


@scenario("C98")
def promoted(box):
    up(box, 8610)
    ids = box.berth("ps", "-q").out
    out = box.berth("alpha", "dry-run", "--", "up", "-d", "--force-recreate").text
    box.true("web" in out, out)
    box.equal(box.berth("ps", "-q").out, ids, "what a dry run did")
    box.berth("alpha", "scale", "cache=2")
    box.equal(len(box.berth("ps", "-q", "cache").out.split()), 2)


@scenario("C84", "C92", "C93", "C98")
def not_there(box):
    instead_of = {"watch": "bind the folder", "alpha watch": "bind the folder", "publish x": "oras",
                  "alpha publish x": "oras", "bridge convert": "berth config"}
    for line, instead in instead_of.items():
        words = line.split()
        outcome = box.berth(*words, code=1)
        box.true("berth has no" in outcome.err and instead in outcome.err, outcome.err)
    box.refused_verb("alpha", "nothing", saying="unknown command `alpha nothing`")
