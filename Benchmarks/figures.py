"""What Benchmarks/verbs and Benchmarks/build share: figures beside promises, one image, a store of their own."""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
INSIDE = "BERTH_BENCHMARK_INSIDE"
IMAGE = "busybox:bench"
# How often something short is run for each run of something long.
SHORT = 5


class Failed(Exception):
    pass


class Row:
    """A figure and what was promised for it: at most, or with `least` at least."""

    def __init__(self, name, figures, promise=None, unit="ms", floor=None, note="", least=False):
        self.name, self.figure, self.promise, self.unit = name, statistics.median(figures), promise, unit
        self.floor, self.note, self.least = floor, note, least

    def __str__(self):
        floor = f"{self.floor:.2f}" if self.floor else "-"
        verdict = ""
        if self.promise is not None:
            is_held = self.figure >= self.promise if self.least else self.figure <= self.promise
            verdict = f"{'≥' if self.least else '≤'} {self.promise:g}".ljust(9) + ("held" if is_held else "missed")
        return f"{self.name:38} {self.figure:>9.2f} {self.unit:8} {floor:>8}  {verdict:17} {self.note}".rstrip()


class Bench:
    """A benchmark: `suites` are steps by their names, each of which shows rows."""

    def __init__(self, options, work):
        self.options, self.work = options, work
        self.runs = options.runs or (2 if options.short else 7)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(work), "TERM": "dumb",
                            "BERTH_STATE": str(work / "state"), "BERTH_RUN": str(work / "run")}
        self.projects = set()
        self.floor_program = work / "floor"
        call(["gcc", "-O2", "-o", str(self.floor_program), str(HERE / "Benchmarks/floor.c")])
        layout = work / "layout"
        call([str(HERE / "scripts/images/busybox"), str(layout), "bench"])
        call(["tar", "-C", str(layout), "-cf", str(work / "image.tar"), "."])
        self.berth(work, "load", "--quiet", "--input", str(work / "image.tar"))
        self.berth(work, "tag", self.read(work, "images", "--all", "--quiet").decode().split()[0], IMAGE)

    # --- pieces

    def project(self, name, services):
        folder = self.work / name
        folder.mkdir(exist_ok=True)
        (folder / "compose.yaml").write_text("services:\n" + "".join(
            f"  {service}:\n    image: {IMAGE}\n    stop_signal: SIGKILL\n{body}"
            for service, body in services.items()))
        self.projects.add(folder)
        return folder

    def berth(self, folder, *arguments):
        """Milliseconds of one command."""
        return call([self.options.berth, *arguments], cwd=folder, env=self.environment)

    def read(self, folder, *arguments):
        return subprocess.run([self.options.berth, *arguments], cwd=folder, env=self.environment, check=True,
                              timeout=120, stdin=subprocess.DEVNULL, capture_output=True).stdout

    def begin(self, folder, *arguments):
        return subprocess.Popen([self.options.berth, *arguments], cwd=folder, env=self.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def repeat(self, name, folder, arguments, promise, floor=None):
        self.attempt(name, lambda: self.show(Row(
            name, [self.berth(folder, *arguments) for _ in range(self.runs * SHORT)], promise, floor=floor)))

    def show(self, row):
        print(row, flush=True)

    def attempt(self, name, step):
        try:
            step()
        except (Failed, OSError, ValueError, IndexError, subprocess.SubprocessError) as failure:
            print(f"{name:38} failed: {str(failure)[:200]}", flush=True)

    def floor(self, count):
        """Milliseconds that the kernel alone takes for so many containers, up and down."""
        root = self.work / "root"
        if not root.exists():
            root.mkdir()
            for layer in (self.work / "state/images/layers").glob("*/fs"):
                shutil.copytree(layer, root, symlinks=True, dirs_exist_ok=True)
        times = []
        for _ in range(self.runs):
            with tempfile.TemporaryDirectory(dir=self.work) as folder:
                output = subprocess.run([self.floor_program, str(count), root, folder], capture_output=True, check=True,
                                        timeout=60).stdout.split()
            times.append((float(output[0]), float(output[1])))
        return statistics.median(up for up, _ in times), statistics.median(down for _, down in times)

    def everything(self):
        print(f"{'what':38} {'figure':>18} {'floor':>8}  promise")
        try:
            for name, suite in self.suites():
                if not self.options.only or name.startswith(self.options.only):
                    self.attempt(name, suite)
        finally:
            for folder in self.projects:
                subprocess.run([self.options.berth, "down", "-v", "-t", "0"], cwd=folder, env=self.environment,
                               stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)


def call(command, **options):
    """Runs a command and gives its milliseconds."""
    begun = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          timeout=300, **options)
    milliseconds = (time.perf_counter() - begun) * 1000
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        errors = [line for line in said if line.startswith("error")]
        raise Failed((errors + said)[0] if said else f"exit code {done.returncode}")
    return milliseconds


def options(doc):
    """The command line that all of them have."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="each figure from few runs")
    parser.add_argument("--berth", default=str(HERE / ".build/release/berth"))
    parser.add_argument("--only", help="suites that begin with this")
    parser.add_argument("--runs", type=int, help="how often each figure is taken")
    return parser


def main(kind, parser):
    """Runs a benchmark of `kind` in a network namespace of its own."""
    options = parser.parse_args()
    options.berth = os.path.abspath(options.berth)
    if os.geteuid() != 0:
        sys.exit("error: the benchmark makes containers and needs root")
    if INSIDE not in os.environ:
        os.execvpe("unshare", ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, *sys.argv],
                   {**os.environ, INSIDE: "1"})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    call(["ip", "link", "set", "lo", "up"])
    name = Path(sys.argv[0]).name
    print(f"{name}: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, kernel {os.uname().release}")
    if os.getloadavg()[0] > 0.5 * (os.cpu_count() or 1):
        print("note: the machine is busy; these figures are worth little", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix=f"berth-{name}-") as work:
        run = os.path.join(work, "run")
        os.mkdir(run)
        # In memory, as /run is.
        call(["mount", "-t", "tmpfs", "-o", "mode=700", "tmpfs", run])
        try:
            kind(options, Path(work)).everything()
        finally:
            call(["umount", "--lazy", run])
