# Measures how files are read and how an image is pulled, for Benchmarks/run: figure, floor, ratio, promise.
# A figure is the median of several runs; a step that fails is told in its row and the others go on.

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

class Failed(Exception):
    pass


def large_file(count):
    """A compose file of so many services, about 25 lines each, with every common attribute."""
    services = "".join(f"""\
  s{number}:
    image: registry.example.com/team/app{number}:${{TAG:-latest}}
    command: ["serve", "--port", "{8000 + number % 1000}"]
    environment:
      NAME: s{number}
      LEVEL: info
      URL: "http://s{max(0, number - 1)}:8000/path"
      TOKEN: ${{TOKEN:-none}}
    ports:
      - "{10000 + number}:80"
    volumes:
      - data{number % 20}:/var/lib/app
      - ./conf/{number}:/etc/app:ro
    networks: [front, back]
    restart: unless-stopped
    healthcheck:
      test: ["CMD", "true"]
      interval: 30s
      retries: 3
    labels:
      app: s{number}
    depends_on:
      {f"s{number - 1}" if number % 10 else "base"}:
        condition: service_started
""" for number in range(count))
    volumes = "".join(f"  data{number}: {{}}\n" for number in range(20))
    return (f"services:\n  base: {{image: base}}\n{services}"
            f"networks:\n  front: {{}}\n  back: {{}}\nvolumes:\n{volumes}")


def run(command, **options):
    """Runs a command and gives its milliseconds; Failed when it does not succeed."""
    begun = time.perf_counter()
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            stdout=options.pop("stdout", subprocess.DEVNULL), timeout=300, **options)
    milliseconds = (time.perf_counter() - begun) * 1000
    if result.returncode != 0:
        said = result.stderr.decode(errors="replace").strip().splitlines()
        raise Failed(said[0] if said else f"exit code {result.returncode}")
    return milliseconds


class Table:
    def __init__(self):
        self.rows = []

    def add(self, name, figures, floor=None, promise="", unit="ms", note=""):
        self.rows.append((name, statistics.median(figures), floor, promise, unit, note))

    def failed(self, name, reason):
        self.rows.append((name, None, None, "", "", reason))

    def show(self):
        print(f"\n{'what':34} {'figure':>12} {'floor':>10} {'ratio':>7}  promise")
        for name, figure, floor, promise, unit, note in self.rows:
            if figure is None:
                print(f"{name:34} {'failed':>12}  {note}")
                continue
            base = f"{floor:.2f}" if floor else "-"
            ratio = f"{figure / floor:.2f}" if floor else "-"
            print(f"{name:34} {figure:>9.2f} {unit:3}{base:>9} {ratio:>7}  {promise}  {note}".rstrip())


class Bench:
    def __init__(self, options):
        self.options = options
        self.registry = os.environ["REGISTRY"]
        self.work = Path(options.work)
        self.table = Table()
        self.runs = 2 if options.short else 7
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.work), "TERM": "dumb",
            "BERTH_STATE": str(self.work / "state"), "BERTH_RUN": str(self.work / "run"),
        }
        self.large = self.push(options.large, "nginx:latest")

    # --- pieces

    def push(self, layout, name):
        reference = f"{self.registry}/{name}"
        run(["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false",
             f"oci:{layout}", f"docker://{reference}"])
        return reference

    def berth(self, folder, *arguments, **options):
        return run([self.options.berth, *arguments], cwd=folder,
                   env={**self.environment, **options.pop("environment", {})}, **options)

    def manifest(self, layout):
        index = json.loads((Path(layout) / "index.json").read_text())
        return json.loads(Path(self.blob(layout, index["manifests"][0]["digest"])).read_text())

    @staticmethod
    def blob(layout, digest):
        return str(Path(layout) / "blobs" / digest.replace(":", "/"))

    # --- measurements

    def loading(self):
        """The whole process of `config`: few services, many, and ten times as many."""
        promises = {3: "≤ 8 ms", 200: "≤ 60 ms", 2000: "≤ 10 × that of 200"}
        last = None
        for count, promise in promises.items():
            folder = self.work / f"load{count}"
            folder.mkdir()
            text = large_file(count)
            (folder / "compose.yaml").write_text(text)
            name = f"config of {count}"

            def measure():
                nonlocal last
                runs = self.runs * (5 if count == 3 else 1)
                figures = [self.berth(folder, "config") for _ in range(runs)]
                ratio = f", {statistics.median(figures) / last:.1f} × that of 200" if count == 2000 and last else ""
                last = statistics.median(figures)
                self.table.add(name, figures, None, promise, note=f"{text.count(chr(10))} lines{ratio}")

            self.attempt(name, measure)

    def pulling(self):
        folder = self.work / "pull"
        folder.mkdir()
        (folder / "compose.yaml").write_text(f"services:\n  large:\n    image: {self.large}\n")
        figures, floors = [], []
        for number in range(max(2, self.runs // 2)):
            state = self.work / f"pull-state-{number}"
            floors.append(self.unpack_by_hand(self.work / f"by-hand-{number}"))
            figures.append(self.berth(folder, "pull", environment={"BERTH_STATE": str(state)}))
            shutil.rmtree(state)
        size = sum(layer["size"] for layer in self.manifest(self.options.large)["layers"])
        self.table.add("pull and unpack", figures, statistics.median(floors),
                       "≥ 0.8 of the floor's speed (0.5)", note=f"{size / 1e6:.0f} MB gzip")

    def unpack_by_hand(self, folder):
        folder.mkdir()
        repository = self.large.split("/", 1)[1].rsplit(":", 1)[0]
        milliseconds = 0
        for layer in self.manifest(self.options.large)["layers"]:
            url = f"http://{self.registry}/v2/{repository}/blobs/{layer['digest']}"
            milliseconds += run(["bash", "-o", "pipefail", "-c",
                                 f"curl -fsS {url} | igzip -d -c | tar -x -C {folder}"])
        shutil.rmtree(folder)
        return milliseconds

    # --- the whole

    def attempt(self, name, step):
        try:
            step()
        except (Failed, OSError, ValueError, subprocess.SubprocessError) as failure:
            self.table.failed(name, str(failure)[:200])

    def everything(self):
        try:
            self.attempt("loading of files", self.loading)
            self.attempt("pull and unpack", self.pulling)
        finally:
            self.take_down()
        self.table.show()

    def take_down(self):
        for folder in self.work.iterdir():
            if (folder / "compose.yaml").exists():
                subprocess.run([self.options.berth, "down", "-v", "-t", "0"], cwd=folder,
                               env=self.environment, stdin=subprocess.DEVNULL,
                               capture_output=True, timeout=120, check=False)


def main():
    parser = argparse.ArgumentParser()
    for name in ["berth", "work", "large"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--short", action="store_true")
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}, kernel {os.uname().release}")
    if load > 0.5 * (os.cpu_count() or 1):
        print("note: the machine is busy; these figures are worth little", file=sys.stderr)
    Bench(parser.parse_args()).everything()


main()
