#!/usr/bin/env python3
"""Lets berth pull from registries that break off, stall, lie and send elsewhere.

    Tests/Hostile/registry.py --berth PATH [--only NAME] [--jobs 16] [--mixes 200] [--seed 1] [--long] [--list]

Each fault has a registry, a second listener on another port and a state of its own. Held for each: berth
ends in time and by itself; the image is here whole, or it is refused with a message and nothing is left;
no secret reaches the second listener or a message; and after it a good pull into the same state works.
Then random mixes of faults from a fixed seed.
"""

import argparse
import base64
import json
import os
import random
import re
import shutil
import ssl
import sys

import faults_mixed
import faults_transfer  # noqa: F401  each adds its faults
import faults_trust  # noqa: F401
from faults import EITHER, FAULTS, PULLED, secrets_in
from harness import call, count, enter, in_parallel, mounts, run_berth, select
from oci import Image, chain_ids, digest
from server import Reply, Server, Shelf
from tars import file, folder

PUBLIC, PUBLIC_OTHER, LINK_LOCAL = "203.0.113.10", "203.0.113.11", "169.254.169.254"
PASSWORD = "sekret-7Qx"
TOKEN = "sekret-token-"


def noise(seed, count):
    return random.Random(seed).randbytes(count)


class World:
    def __init__(self, berth, place):
        self.berth, self.folder = berth, place
        self.image = Image([folder("d"), file("d/small", noise(1, 5000))], [file("big", noise(2, 300_000))])
        self.other_image = Image([folder("d"), file("d/small", noise(3, 5000))], [file("big", noise(4, 300_000))])
        self.tls = self.certify()
        self.mounts = mounts()

    def certify(self):
        """Certificates for the names below, trusted in this mount namespace alone."""
        place = os.path.join(self.folder, "trusted by all")
        os.mkdir(place)
        names = f"DNS:registry.example,DNS:other.example,IP:{PUBLIC},IP:{PUBLIC_OTHER},IP:127.0.0.1,IP:{LINK_LOCAL}"
        key, certificate = os.path.join(place, "key"), os.path.join(place, "certificate")
        call("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-batch",
             "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=berth hostile", "-addext",
             f"subjectAltName={names}",
             quiet=True)
        call("mount", "--bind", certificate, "/etc/ssl/certs/ca-certificates.crt")
        hosts = os.path.join(place, "hosts")
        with open(hosts, "w") as out:
            out.write(f"127.0.0.1 localhost\n{PUBLIC} registry.example\n{PUBLIC_OTHER} other.example\n"
                      f"127.0.0.1 rebound.example\n{LINK_LOCAL} metadata.example\n")
        call("mount", "--bind", hosts, "/etc/hosts")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


class Attempt:
    """One fault's registry, second listener, state and counts."""

    def __init__(self, world, fault):
        self.world, self.fault = world, fault
        self.image, self.other_image = world.image, world.other_image
        self.shelf, self.counts, self.honest = Shelf(), {}, False
        self.shelf.put(self.image, "web")
        self.token = TOKEN + re.sub("[^a-z0-9]", "", fault.name)
        self.memory = {}
        if fault.tls:
            self.home = Server(self.answer, PUBLIC, world.tls, fault.on_connect)
            self.other = Server(self.answer_elsewhere, PUBLIC_OTHER, world.tls if fault.tls != "plain other" else None)
            self.address, self.other_address = f"registry.example:{self.home.port}", f"other.example:{self.other.port}"
            self.inner = [Server(self.answer_elsewhere, host, world.tls) for host in ("127.0.0.1", LINK_LOCAL, "::1")]
        else:
            self.home = Server(self.answer, on_connect=fault.on_connect)
            self.other = Server(self.answer_elsewhere)
            self.address, self.other_address, self.inner = self.home.address, self.other.address, []
        self.scheme = "https" if fault.tls else "http"
        self.url, self.other_url = f"{self.scheme}://{self.address}", f"{self.scheme}://{self.other_address}"
        self.top = os.path.join(world.folder, fault.name)
        self.state, self.project = os.path.join(self.top, "state"), os.path.join(self.top, "project")
        os.makedirs(self.project)
        self.write(f"{self.address}/web")
        pair = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
        self.secrets = [PASSWORD, pair, pair.rstrip("="), self.token]
        entry = fault.credentials or {"auth": pair}
        with open(os.path.join(self.project, "config.json"), "w") as out:
            json.dump({"auths": {self.address: entry}}, out)

    def write(self, reference):
        with open(os.path.join(self.project, "compose.yaml"), "w") as out:
            out.write(f"services:\n  a:\n    image: {reference}\n")

    def kind(self, path):
        if path.startswith("/token"):
            return "token"
        if "/manifests/" in path:
            return "manifest"
        blobs = {digest(self.image.config): "config", digest(self.image.layers[0].blob): "small",
                 digest(self.image.layers[1].blob): "big"}
        return blobs.get(path.rpartition("/")[2], "other")

    def answer(self, request):
        if self.honest:
            return self.truth(request)
        request.kind = self.kind(request.path)
        request.nth = self.counts[request.kind] = self.counts.get(request.kind, 0) + 1
        return self.fault.handler(request, self) or self.truth(request)

    def answer_elsewhere(self, request):
        """The second listener: it has the blobs and gives tokens to everybody."""
        request.kind, request.nth = self.kind(request.path), 0
        if not self.honest and self.fault.elsewhere:
            reply = self.fault.elsewhere(request, self)
            if reply:
                return reply
        return self.token_reply() if request.kind == "token" else self.truth(request)

    def truth(self, request):
        return self.shelf(request)

    def truth_whole(self, request):
        """The whole document, whatever range was asked for."""
        return self.shelf.documents.get(request.path.removeprefix("/v2/"), ("", b"none"))[1]

    def shelf_of_other(self, request):
        """Another image's answer."""
        image = self.other_image
        bodies = {"manifest": image.manifest, "config": image.config, "small": image.layers[0].blob,
            "big": image.layers[1].blob}
        return Reply(200, bodies.get(request.kind, b""), image.content_type if request.kind == "manifest" else None)

    def token_reply(self):
        return Reply(200, json.dumps({"token": self.token}).encode(), "application/json")

    def berth(self, *arguments, limit, **options):
        environment = {
            "PATH": os.environ["PATH"], "HOME": self.project, "NO_COLOR": "1", "BERTH_STATE": self.state,
            "BERTH_RUN": os.path.join(self.top, "run"), "DOCKER_CONFIG": self.project,
        }
        return run_berth([self.world.berth, *arguments], self.project, environment, limit, **options)

    def stop(self):
        for server in [self.home, self.other, *self.inner]:
            server.stop()
        shutil.rmtree(self.top, ignore_errors=True)


def attempt(world, fault):
    one = Attempt(world, fault)
    try:
        if fault.before:
            fault.before(one)
        mode = "json" if len(fault.name) % 2 else "plain"
        outcome = one.berth("--progress", mode, "pull", limit=fault.bound or 30, interrupt=fault.interrupt)
        found = outcome.faults() + verdict(one, outcome) + told(one, outcome) + asked(one, outcome)
        found += inconsistent(one)
        one.honest = True
        if not found and not fault.gone:
            again = one.berth("pull", limit=30)
            found += again.faults() + told(one, again)
            if again.code != 0:
                found.append(f"no good pull afterwards: {again.err[-300:]!r}")
            else:
                found += wrong_content(one, one.image if not fault.last_image else fault.last_image(one))
        if mounts() != world.mounts:
            found.append(f"mounts left: {sorted(set(mounts()) ^ set(world.mounts))}")
    finally:
        one.stop()
    return found


def verdict(one, outcome):
    fault, found = one.fault, []
    if outcome.hung:
        return found
    if fault.least and outcome.seconds < fault.least:
        found.append(f"ended after {outcome.seconds:.1f} s, and not after {fault.least} s")
    if fault.interrupt is not None:
        if outcome.code != 130:
            found.append(f"status {outcome.code} after an interrupt, not 130")
        return found + leftovers(one)
    if outcome.code == 0:
        if fault.expect not in (PULLED, EITHER):
            found.append(f"accepted, and not refused with `{fault.expect}`")
        return found + wrong_content(one, *([one.image, one.other_image] if fault.moves else [one.image]))
    if fault.expect == PULLED:
        found.append(f"refused: {outcome.err[-300:]!r}")
    elif fault.expect != EITHER and not re.search(fault.expect, outcome.err):
        found.append(f"refused without `{fault.expect}`: {outcome.err[-300:]!r}")
    if "cannot be pulled" not in outcome.err:
        found.append(f"refused without a message: {outcome.err[-300:]!r}")
    return found + leftovers(one)


def leftovers(one):
    store = os.path.join(one.state, "images")
    if not os.path.isdir(store):
        return []
    found = [f"left in the store: {name}" for name in os.listdir(f"{store}/ingest") if not name.endswith(".lock")]
    names = os.listdir(f"{store}/names")
    return found + ([] if one.fault.before else [f"name left after a refusal: {name}" for name in names])


def wrong_content(one, *images):
    """The image in the store is one of these, whole."""
    found = []
    for image in images:
        complaints = []
        for chain, name, seed in zip(image.chains, ("d/small", "big"), (1, 2) if image is one.image else (3, 4)):
            path = os.path.join(one.state, "images/layers", chain, "fs", name)
            try:
                with open(path, "rb") as content:
                    if content.read() != noise(seed, 5000 if name == "d/small" else 300_000):
                        complaints.append(f"wrong: `{name}` has other content")
            except OSError as error:
                complaints.append(f"wrong: `{name}` is not there: {error.strerror}")
        if not complaints:
            return []
        found = found or complaints
    return found


def inconsistent(one):
    """Every name in the store stands for one whole image, and no blob is other than its name."""
    store = os.path.join(one.state, "images")
    found = []

    def blob(name):
        with open(f"{store}/blobs/sha256/{name.split(':')[1]}", "rb") as content:
            data = content.read()
        if digest(data) != name:
            found.append(f"wrong: blob {name} has other content")
        return data

    for name in os.listdir(f"{store}/names") if os.path.isdir(f"{store}/names") else []:
        try:
            with open(f"{store}/names/{name}") as text:
                record = json.loads(text.read())
            record = record.get("value", record)
            manifest = json.loads(blob(record["manifest"]))
            config = json.loads(blob(manifest["config"]["digest"]))
            chains = chain_ids(config["rootfs"]["diff_ids"])
            if not all(os.path.isdir(f"{store}/layers/{chain}/fs") for chain in chains):
                found.append(f"wrong: {name} lacks a layer")
            if "@" in name and not name.endswith(record["digest"]):
                found.append(f"wrong: {name} stands for {record['digest']}")
        except (OSError, KeyError, ValueError) as error:
            found.append(f"wrong: {name}: {error}")
    return found


def told(one, outcome):
    leaked = secrets_in(outcome.text, one.secrets)
    return [f"secret in a message: {leaked[0]} in {outcome.text[-400:]!r}"] if leaked else []


def asked(one, outcome):
    found = []
    for server in [one.other, *one.inner]:
        for request in server.requests:
            text = f"{request.method} {request.target} {request.headers} {request.body!r}"
            leaked = secrets_in(text, one.secrets)
            if leaked and not one.fault.secret_elsewhere:
                found.append(f"secret sent elsewhere: {text[:300]}")
    if one.fault.secret_elsewhere and not any(secrets_in(str(request.headers),
        one.secrets) for request in one.other.requests):
        found.append("no secret sent to the token server behind TLS, where it belongs")
    for server in one.inner:
        if server.connections:
            found.append(f"escape: reached the local address {server.address}")
    for request in one.home.requests:
        if request.header("cookie"):
            found.append(f"sends back a cookie: {request.header('cookie')}")
    for kind, most in (one.fault.most or {}).items():
        if one.counts.get(kind, 0) > most:
            found.append(f"asked {one.counts[kind]} times for {kind}, not {most}")
    for kind in one.fault.needs or []:
        if not one.counts.get(kind):
            found.append(f"did not ask for {kind}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--berth", help="the program; berth-shim is beside it")
    parser.add_argument("--only", action="append", metavar="NAME", help="faults whose names begin so")
    parser.add_argument("--jobs", type=int, default=16)
    parser.add_argument("--mixes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--long", action="store_true", help="also faults that take minutes")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    mixes = faults_mixed.make(options.seed, options.mixes)
    known = [fault for fault in FAULTS if options.long or (fault.bound or 0) < 90]
    chosen = select(known + mixes, options.only)
    if options.list:
        print("\n".join(f"{fault.name:36} {fault.expect}" for fault in chosen))
        return
    if not options.berth:
        parser.error("--berth is needed")
    names = [fault.name for fault in chosen]
    if len(set(names)) != len(names):
        sys.exit(f"error: two faults named {sorted(name for name in names if names.count(name) > 1)[0]}")
    world = World(os.path.abspath(options.berth), enter([f"{PUBLIC}/32", f"{PUBLIC_OTHER}/32", f"{LINK_LOCAL}/32"]))
    # The slowest first: they wait, the others work.
    chosen.sort(key=lambda fault: -(fault.bound or 0))
    results = in_parallel(options.jobs, lambda fault: attempt(world, fault), chosen)
    failed = [fault.name for fault, found in results if found]
    mixed = sum(fault in mixes for fault, _ in results)
    print(
        f"faulty registries: {len(results) - mixed} faults, {mixed} mixes, {count(results, 'wrong')} wrong images, "
        f"{count(results, 'secret')} secrets astray, {count(results, 'hang')} hangs, {count(results, 'crash')} crashes"
        + (f", {len(failed)} failed" if failed else ""))
    if failed:
        sys.exit(f"error: not held: {' '.join(failed)}")


if __name__ == "__main__":
    main()
