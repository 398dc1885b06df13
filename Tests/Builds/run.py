#!/usr/bin/env python3
"""Builds the Dockerfiles of `cases` and compares what comes of them with what is expected, by file and field.

  run.py --berth PROGRAM [--only NAME…] [--jobs N]
  run.py --oracle [--write] [--only NAME…] [--jobs N]
  run.py --berth PROGRAM --invented N [--seed SEED] [--jobs N]
  run.py --list
  run.py --bases FOLDER

What is expected comes from Debian's buildah, or was written by hand where that cannot do it: the case says so.
`--oracle` builds by buildah and compares its work with what is expected; with `--write` that becomes what is expected.
`--bases` writes the images that the cases build on, for `berth load`: then a case can be built by hand in its folder.
`--invented` lets both build N Dockerfiles that are made up from the seed and those after it.
Prints what was not as expected and a line with the counts. Ends with 1 when there was anything.
"""

import argparse
import concurrent.futures
import functools
import http.server
import io
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time

sys.dont_write_bytecode = True

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "..", "Attributes"))

import bases  # noqa: E402
import image  # noqa: E402
from case import Case, names  # noqa: E402
from compare import Base, differences, expectation, write_expectation  # noqa: E402
from exceptions import EXCEPTIONS  # noqa: E402
from invented import Invented  # noqa: E402
from oracle import Oracle  # noqa: E402
from world import enter  # noqa: E402

LIMIT = 60
# What buildah says of a pattern that finds nothing, which BuildKit takes; of a name it says something else in berth as well.
NOTHING_FOUND = ["checking on sources", "no items matching glob"]
# In the Dockerfiles of cases that fetch.
REMOTE_PORT = 8711
REMOTE_TIME = 1700000000


class Berth:
    """Builds by berth, in a store of its own."""

    def __init__(self, folder, program, archives):
        self.program = program
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": folder, "BERTH_STATE": os.path.join(folder, "state"),
            "BERTH_RUN": os.path.join(folder, "run"), "LANG": "C.UTF-8",
        }
        for path in archives.values():
            done = self.run("load", "--quiet", "--input", path, folder=folder)
            if done.returncode != 0:
                raise RuntimeError(f"berth load: {done.stderr}")

    def run(self, *arguments, folder):
        return subprocess.run(
            [self.program, *arguments], cwd=folder, env=self.environment, capture_output=True, text=True,
            errors="replace", timeout=LIMIT, stdin=subprocess.DEVNULL, start_new_session=True)

    def build(self, case, folder):
        """`(archive, None)` or `(None, message)`."""
        project, archive = "case-" + case.name, os.path.join(folder, "berth.tar")
        # With a path, by which what a killed run leaves running is found.
        build = ["--file", os.path.join(folder, "compose.yaml"), "--project-name", project, "build"]
        done = self.run(*build, folder=folder)
        if done.returncode != 0:
            status = "" if 1 <= done.returncode <= 125 else f"status {done.returncode}"
            return None, done.stderr + done.stdout + status
        first = self.image_id(project, folder)
        again = self.run(*build, folder=folder)
        if again.returncode != 0 or self.image_id(project, folder) != first:
            raise RuntimeError(f"built again, it is another image: {again.stderr}{again.stdout}")
        saved = self.run("save", "--output", archive, project + "-it", folder=folder)
        if saved.returncode != 0:
            raise RuntimeError(f"berth save: {saved.stderr}")
        return archive, None

    def image_id(self, project, folder):
        return self.run("images", "--all", "--quiet", "--no-trunc", "--filter", f"reference={project}-it", folder=folder).stdout.strip()


def attempt(case, builder, base, folder, is_oracle, writes):
    """What was not as expected."""
    place = case.copy(folder)
    if any(value.startswith("oci-layout:") for value in case.build.get("additional_contexts", {}).values()):
        bases.write_layout(os.path.join(place, "layout"))
    try:
        archive, message = builder.build(case, place)
        if is_oracle and writes:
            built = None if archive is None else image.read(archive)
            if (built is None) != (case.fails is not None):
                return [f"buildah: {message or 'it did not fail'}"]
            write_expectation(case.expectation, {"fails": True} if built is None else expectation(case, built, base))
            return []
        if case.fails is not None:
            if message is None:
                return ["it did not fail"]
            return [] if is_oracle else [f"no `{words}` in the message: {message.strip()}" for words in case.fails
                                         if words not in message]
        if message is not None:
            return ["it failed: " + message.strip()]
        exceptions = [] if is_oracle else EXCEPTIONS
        return differences(case, image.read(archive), case.expected(), base, exceptions)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def beside(case, builder, oracle, base, folder):
    """How a Dockerfile that was made up differs when each of the two has built it."""
    place = case.copy(folder)
    try:
        wanted, complaint = oracle.build(case, place)
        seen, message = builder.build(case, place)
        if wanted is None and seen is not None and any(words in complaint for words in NOTHING_FOUND):
            found = []
        elif (wanted is None) != (seen is None):
            found = [f"buildah: {complaint or 'success'}; berth: {message or 'success'}"]
        elif wanted is None:
            found = []
        else:
            two = [image.read(archive) for archive in (wanted, seen)]
            for each in two:
                # buildah puts a variable that is set again last.
                each.config["Env"].sort()
            found = differences(case, two[1], expectation(case, two[0], base), base, [])
        return found + [case.text] if found else []
    finally:
        shutil.rmtree(place, ignore_errors=True)


def held(function, *arguments):
    """What the function complains of. A fault of ours must fail the run as well."""
    try:
        return function(*arguments)
    except subprocess.TimeoutExpired as error:
        return [f"hang: {error}"]
    except (OSError, ValueError, RuntimeError, KeyError, subprocess.CalledProcessError) as error:
        return [f"{type(error).__name__}: {error}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--berth", type=os.path.abspath)
    parser.add_argument("--oracle", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--invented", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--bases", type=os.path.abspath)
    options = parser.parse_args()
    cases = [Case(name) for name in names() if not options.only or any(name.startswith(each) for each in options.only)]
    if options.list:
        for case in cases:
            print(case.name, " ".join(case.rows), f"[{case.by}]", "fails" if case.fails else "")
        return 0
    if options.bases:
        os.makedirs(options.bases, exist_ok=True)
        bases.write_layout(os.path.join(options.bases, "layout"))
        print("\n".join(bases.write_archives(options.bases).values()))
        return 0
    if not options.oracle and not options.berth:
        parser.error("--berth or --oracle")
    return run(cases, options)


def serve(folder):
    """What cases fetch, at an address that is this run's own: it is alone in its network. Ends with the process."""
    served = os.path.join(folder, "served")
    os.makedirs(served)
    with open(os.path.join(served, "remote.txt"), "w") as file:
        file.write("from afar\n")
    with tarfile.open(os.path.join(served, "archive.tar"), "w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo("x")
        entry.size, entry.mode, entry.uid, entry.gid, entry.mtime = 1, 0o644, 7, 8, 1600000000
        tar.addfile(entry, io.BytesIO(b"x"))
    for name in os.listdir(served):
        os.utime(os.path.join(served, name), (REMOTE_TIME, REMOTE_TIME))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", REMOTE_PORT), functools.partial(Quiet, directory=served))
    threading.Thread(target=server.serve_forever, daemon=True).start()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def run(cases, options):
    begun, folder = time.monotonic(), enter()
    serve(folder)
    archives = bases.write_archives(folder)
    base = Base(archives["localhost/base:1"])
    place, failed = os.path.join(folder, "cases"), 0
    os.makedirs(place)
    if options.oracle:
        cases = [case for case in cases if case.by == "buildah"]
        builder = Oracle(folder, archives)
    else:
        builder = Berth(folder, options.berth, archives)
    work = (attempt, builder, base, place, options.oracle, options.write)
    if options.invented:
        cases = [Invented(options.seed + number) for number in range(options.invented)]
        work = (beside, builder, Oracle(folder, archives), base, place)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        work = {pool.submit(held, work[0], case, *work[1:]): case.name for case in cases}
        for done in concurrent.futures.as_completed(work):
            complaints = done.result()
            failed += bool(complaints)
            for complaint in complaints:
                print(f"  {work[done]}: {complaint}", flush=True)
    rows = {row for case in cases for row in case.rows}
    print(f"builds: {len(cases)} cases of {len(rows)} rows, {failed} failed, {time.monotonic() - begun:.0f} s")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
