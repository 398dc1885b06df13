"""Runs scenarios and says which failed: what the programs `run.py` of this folder and of Tests/Verbs have in common."""

import argparse
import concurrent.futures
import importlib
import os
import subprocess
import time

from world import Box, Complaint, World, alone_ones, enter, scenarios


def attempt(world, name, needs, function):
    """Returns `(complaints, why it was passed over)`."""
    for need in needs:
        wanted = not need.startswith("not ")
        if (need.removeprefix("not ") in world.facts) != wanted:
            return [], need
    box = Box(world, name)
    complaints = []
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
    return complaints, None


def main(title, documentation, modules):
    """`title` is what the counts stand behind; `modules` bring the scenarios."""
    for module in modules:
        importlib.import_module(module)
    parser = argparse.ArgumentParser(description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--berth", required=True, type=os.path.abspath)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--modules", nargs="*", default=[])
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    chosen = [each for each in scenarios if not options.only or any(each[0].startswith(name) for name in options.only)]
    chosen = [each for each in chosen if not options.modules or each[3].__module__ in options.modules]
    if options.list:
        for name, rows, needs, _ in chosen:
            print(name, " ".join(rows), "".join(f" [{need}]" for need in needs))
        return 0
    begun = time.monotonic()
    world = World(enter(), options.berth, options.long)
    failed, passed_over = 0, []
    for jobs, group in [(options.jobs, [one for one in chosen if one[0] not in alone_ones]),
                        (1, [one for one in chosen if one[0] in alone_ones])]:
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            work = {pool.submit(attempt, world, name, needs, function): name for name, _, needs, function in group}
            for done in concurrent.futures.as_completed(work):
                complaints, need = done.result()
                if need:
                    passed_over.append(f"{work[done]} ({need})")
                failed += bool(complaints)
                for complaint in complaints:
                    print(f"  {work[done]}: {complaint}", flush=True)
    rows = {row for _, rows, needs, _ in chosen for row in rows}
    print(f"{title}: {len(chosen)} scenarios of {len(rows)} rows, {failed} failed, {len(passed_over)} passed over on "
          f"{' '.join(sorted(world.facts))}, {time.monotonic() - begun:.0f} s")
    if passed_over:
        print("  passed over: " + ", ".join(sorted(passed_over)))
    return 1 if failed or not chosen else 0
