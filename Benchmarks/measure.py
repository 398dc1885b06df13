# Runs the measurements of Benchmarks/run and prints one table: figure, floor, ratio, promise.
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

LINES = 1_000_000
LINE = b"x" * 99 + b"\n"


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
        self.small = self.push(options.small, "busybox:latest")
        self.large = self.push(options.large, "nginx:latest")

    # --- pieces

    def push(self, layout, name):
        reference = f"{self.registry}/{name}"
        run(["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false",
             f"oci:{layout}", f"docker://{reference}"])
        return reference

    def project(self, name, services, extra=""):
        folder = self.work / name
        folder.mkdir(exist_ok=True)
        text = "services:\n" + "".join(
            f"  {service}:\n    image: {self.small}\n{body}" for service, body in services.items())
        (folder / "compose.yaml").write_text(text + extra)
        return folder

    def sleepers(self, count):
        return self.project(f"sleep{count}", {
            f"s{number}": "    command: sleep 600\n" for number in range(count)})

    def berth(self, folder, *arguments, **options):
        return run([self.options.berth, *arguments], cwd=folder,
                   env={**self.environment, **options.pop("environment", {})}, **options)

    def read(self, folder, *arguments):
        return subprocess.run([self.options.berth, *arguments], cwd=folder, env=self.environment,
                              capture_output=True, timeout=120, check=True).stdout

    def root_folder(self):
        """The small image unpacked, for the raw floor."""
        root = self.work / "root"
        if not root.exists():
            root.mkdir()
            manifest = self.manifest(self.options.small)
            for layer in manifest["layers"]:
                run(["tar", "-xzf", self.blob(self.options.small, layer["digest"]), "-C", str(root)])
        return str(root)

    def manifest(self, layout):
        index = json.loads((Path(layout) / "index.json").read_text())
        return json.loads(Path(self.blob(layout, index["manifests"][0]["digest"])).read_text())

    @staticmethod
    def blob(layout, digest):
        return str(Path(layout) / "blobs" / digest.replace(":", "/"))

    def floor(self, count):
        """Medians of the raw floor: milliseconds up and down."""
        ups, downs = [], []
        for _ in range(self.runs):
            folder = self.work / "floor-work"
            folder.mkdir()
            output = subprocess.run(
                [self.options.floor, str(count), self.root_folder(), str(folder)],
                capture_output=True, check=True, timeout=60).stdout.split()
            ups.append(float(output[0]))
            downs.append(float(output[1]))
            shutil.rmtree(folder)
        return statistics.median(ups), statistics.median(downs)

    # --- measurements

    def starting(self):
        folder = self.sleepers(10)
        floor = statistics.median(run(["busybox", "true"]) for _ in range(self.runs * 5))
        for name, arguments, promise in [
            ("--version", ["--version"], "≤ 5 ms"),
            ("config of 10", ["config", "--quiet"], "≤ 8 ms"),
        ]:
            self.attempt(name, lambda: self.table.add(
                name, [self.berth(folder, *arguments) for _ in range(self.runs * 5)], floor, promise))

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

    def many(self, count):
        folder = self.sleepers(count)
        promises = {1: ("≤ 60 ms", "≤ 100 ms"), 10: ("≤ 150 ms", "≤ 200 ms"),
                    50: ("≤ 500 ms", "≤ 500 ms")}[count]
        self.berth(folder, "pull")
        floor_up, floor_down = self.floor(count)
        ups, downs = [], []
        for _ in range(self.runs):
            try:
                ups.append(self.berth(folder, "up", "-d"))
                if not downs:
                    self.while_up(folder, count)
            finally:
                downs.append(self.berth(folder, "down", "-t", "0"))
        self.table.add(f"up -d of {count}", ups, floor_up, promises[0] + ", ≤ 3 × floor")
        self.table.add(f"down -t 0 of {count}", downs, floor_down, promises[1])

    def while_up(self, folder, count):
        if count == 1:
            self.verbs_on_one(folder)
        if count == 10:
            self.repeat("up -d of 10, nothing to do", folder, ["up", "-d"], "≤ 15 ms (30)")
            self.repeat("ps of 10", folder, ["ps"], "≤ 10 ms (15)")
        if count == 50:
            self.memory()

    def verbs_on_one(self, folder):
        self.repeat("exec true", folder, ["exec", "-T", "s0", "true"], "≤ 12 ms (25)")
        self.repeat("run --rm true", folder, ["run", "--rm", "-T", "s0", "true"], "≤ 40 ms")

    def repeat(self, name, folder, arguments, promise):
        self.attempt(name, lambda: self.table.add(
            name, [self.berth(folder, *arguments) for _ in range(self.runs * 3)], None, promise))

    def memory(self):
        """Proportional memory of all that runs of berth now, for each container: shims and their guards."""
        # At rest: a shim gives back what it touched a second after its last event.
        time.sleep(2)
        sizes, shims = [], 0
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
                if not words[0].endswith(b"berth-shim") or str(self.work).encode() not in b" ".join(words):
                    continue
                shims += words[1] == b"run"
                for line in (process / "smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        sizes.append(int(line.split()[1]) / 1024)
            except OSError:
                continue  # it ended meanwhile
        if shims:
            self.table.add("memory per container at 50", [sum(sizes) / shims], None, "≤ 0.3 MiB",
                           "MiB", f"{len(sizes)} processes")
        else:
            self.table.failed("memory per container at 50", "no shim found")

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

    def logging(self):
        source = self.work / "lines"
        source.write_bytes(LINE * LINES)
        copy = self.work / "copy"
        floor_write = statistics.median(
            run(["bash", "-c", f"busybox cat {source} | cat >{copy}"]) for _ in range(3))
        floor_read = statistics.median(
            run(["bash", "-c", f"cat {copy} | cat >/dev/null"]) for _ in range(3))
        script = ("read a b < /proc/uptime; cat /lines; read c d < /proc/uptime; "
                  "echo elapsed $$a $$c")
        folder = self.project("lines-project", {"writer": (
            f"    command: ['sh', '-c', '{script}']\n"
            f"    volumes: ['{source}:/lines:ro']\n"
            "    logging: {driver: local, options: {max-size: 200m, max-file: '3'}}\n")})
        writes, reads = [], []
        for _ in range(3):
            try:
                self.berth(folder, "up", "-d")
                writes.append(self.written(folder))
                reads.append(self.berth(folder, "logs", "--no-log-prefix"))
                count = self.read(folder, "logs", "--no-log-prefix").count(b"\n")
            finally:
                self.berth(folder, "down", "-t", "0")
        note = f"{count - 1} lines kept"
        self.table.add("1 M log lines written", writes, floor_write, "≤ 300 ms (600)", note=note)
        self.table.add("1 M log lines read", reads, floor_read, "≤ 400 ms")
        source.unlink()
        copy.unlink()

    def written(self, folder):
        """Milliseconds by the container's own clock, which ticks every 10."""
        for _ in range(300):
            last = self.read(folder, "logs", "--no-log-prefix", "--tail", "1").split()
            if last and last[0] == b"elapsed":
                return (float(last[2]) - float(last[1])) * 1000
            time.sleep(0.02)
        raise Failed("the writer did not end")

    # --- the whole

    def attempt(self, name, step):
        try:
            step()
        except (Failed, OSError, ValueError, subprocess.SubprocessError) as failure:
            self.table.failed(name, str(failure)[:200])

    def everything(self):
        try:
            self.attempt("start of the command", self.starting)
            self.attempt("loading of files", self.loading)
            for count in [1, 10, 50]:
                self.attempt(f"up -d of {count}", lambda: self.many(count))
            self.attempt("pull and unpack", self.pulling)
            self.attempt("log lines", self.logging)
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
    for name in ["berth", "floor", "work", "small", "large"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--short", action="store_true")
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}, kernel {os.uname().release}")
    if load > 0.5 * (os.cpu_count() or 1):
        print("note: the machine is busy; these figures are worth little", file=sys.stderr)
    Bench(parser.parse_args()).everything()


main()
