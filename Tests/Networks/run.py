#!/usr/bin/env python3
"""Who reaches whom: networks, names, published ports and walls, seen from three machines.

  run.py --berth PROGRAM [--only NAME…] [--modules NAME…] [--jobs N] [--list] [--table] [--times]

Each scenario stands on a host of its own (see world.py): compose files, `berth up`, and what is reached then. Nothing of
berth is called but the program. Prints what was not as it should be and a line with the counts. Ends with 1 when there
was anything. `--table` prints the tables of the matrix also when they are right.
"""

import argparse
import concurrent.futures
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

from world import FOLDER, HERE, Box, Complaint, World, heed_signals, prepare, scenarios  # noqa: E402

MODULES = ["matrix", "walls", "spoofing", "traces", "beside", "names", "forwarding", "hostile", "ports", "scale"]
PASSED_OVER = 77


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--berth", required=True, type=os.path.abspath)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--modules", nargs="*", default=[])
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--long", action="store_true", help="the full counts of the scenarios about scale")
    parser.add_argument("--times", action="store_true")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    return parser.parse_args()


def inside(options, name):
    """One scenario, in its own namespaces. Returns its status."""
    heed_signals()
    needs, function = next((each[2], each[4]) for each in scenarios if each[0] == name)
    missing = [need for need in needs if shutil.which(need) is None]
    if missing:
        print(" ".join(missing))
        return PASSED_OVER
    complaints, begun = [], time.monotonic()
    world = World(os.environ[FOLDER], options.berth, name)
    box = Box(world, name)
    box.shows_tables, box.is_long = options.table, options.long
    try:
        function(box)
    except Complaint as complaint:
        complaints.append(str(complaint))
    except subprocess.TimeoutExpired as error:
        complaints.append(f"hang: {error}")
    except Exception as error:  # a fault of ours must fail the run as well
        complaints.append(f"the scenario itself failed: {type(error).__name__}: {error}")
    finally:
        complaints += box.close()
        world.close()
    for complaint in complaints:
        print(complaint)
    if options.times:
        print(f"{time.monotonic() - begun:.1f} s")
    return 1 if complaints else 0


def attempt(name, limit):
    """Runs a scenario on a host of its own, so many seconds at the most. Returns `(status, output)`."""
    command = ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, "-B", *sys.argv]
    process = subprocess.Popen([*command, "--inside", name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate()
        output += f"hang: {name}\n"
    return process.returncode, output


def main():
    options = arguments()
    for module in MODULES:
        if os.path.exists(os.path.join(HERE, module + ".py")):
            importlib.import_module(module)
    if options.inside:
        return inside(options, options.inside)
    chosen = [each for each in scenarios if not options.only or any(each[0].startswith(name) for name in options.only)]
    chosen = [each for each in chosen if not options.modules or each[4].__module__ in options.modules]
    if options.list:
        for name, rows, needs, _, _ in chosen:
            print(name, " ".join(rows), "".join(f" [{need}]" for need in needs))
        return 0
    if os.geteuid() != 0:
        print("networks: not root, so nothing is tried")
        return 0
    heed_signals()
    folder = os.environ[FOLDER] = tempfile.mkdtemp(prefix="berth-networks-")
    try:
        return run_all(options, chosen, folder)
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_all(options, chosen, folder):
    begun, failed, passed_over = time.monotonic(), 0, []
    prepare(folder, options.berth)
    for jobs, group in [(options.jobs, [each for each in chosen if not each[3]]), (1, [each for each in chosen if each[3]])]:
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            work = {pool.submit(attempt, each[0], 1500 if options.long else 180): each[0] for each in group}
            for done in concurrent.futures.as_completed(work):
                status, output = done.result()
                if status == PASSED_OVER:
                    passed_over.append(f"{work[done]} ({output.strip()})")
                elif status != 0 and not output.strip():
                    output = f"it ended with {status}"
                failed += status not in (0, PASSED_OVER)
                for line in output.splitlines() if status != PASSED_OVER else []:
                    print(f"  {work[done]}: {line}", flush=True)
    print(f"networks: {len(chosen)} scenarios, {failed} failed, {len(passed_over)} passed over, "
          f"{time.monotonic() - begun:.0f} s")
    if passed_over:
        print("  passed over: " + ", ".join(sorted(passed_over)))
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
