"""System calls of berth that fail: it says so or goes on, is never ended by a signal, and the next command makes it
good."""

import subprocess

import ground
from crashes import FIRST, broken, points, stands
from world import Complaint, scenario

# Points of each errno without `--long`.
POINTS = 4
# What a call that can be interrupted answers then is no failure.
HARMLESS = "EINTR"


def failing(box, arguments, prepare):
    box.file(FIRST)
    box.berth("up", "-d")
    stands(box, "first")
    box.berth("down", "-v")
    before, complaints, tried, succeeded = ground.lines(box), [], 0, 0
    for fault in ("ENOSPC", "EIO", "EMFILE", "ENOMEM", HARMLESS):
        prepare()
        # Counted where nothing is ever reached: which calls count depends on the fault.
        _, count, _ = broken(box, fault, 10**9, *arguments)
        box.berth("down", "-v")
        for at in points(count, box, POINTS):
            prepare()
            try:
                outcome, _, name = broken(box, fault, at, *arguments)
                ground.note_ids(box)
                tried += name != "nothing"
                succeeded += outcome.code == 0
                check(box, outcome, fault)
                box.berth("up", "-d")
                stands(box, "first")
                box.berth("down", "-v")
                ground.compare(box, before)
            except (Complaint, subprocess.TimeoutExpired) as complaint:
                complaints.append(f"{fault} at {name} (call {at} of {count}): {complaint}")
                box.berth("down", "-v", "--remove-orphans", code=None)
                before = ground.lines(box)
            if len(complaints) >= 12:
                raise Complaint("\n  ".join(complaints))
    verb = " ".join(arguments)
    ground.figures(box, f"{verb}: {tried} calls failed, {succeeded} commands did their work all the same")
    if complaints:
        raise Complaint("\n  ".join(complaints))


def check(box, outcome, fault):
    # The loader ends so where it cannot load.
    ours = 0 <= outcome.code <= 125 or outcome.code == 127 and "shared libraries" in outcome.err
    box.true(ours, f"it ended with {outcome.code}: {outcome.text}")
    box.true(outcome.code == 0 or "error" in outcome.err, f"it ended with {outcome.code} and said only: {outcome.text}")
    box.true(outcome.code == 0 or fault != HARMLESS, f"it was stopped by an interruption: {outcome.text}")


@scenario("F-27", needs=["compiler"], alone=True)
def failing_up(box):
    failing(box, ["up", "-d"], lambda: None)


@scenario("F-27", needs=["compiler"], alone=True)
def failing_down(box):
    failing(box, ["down", "-v"], lambda: box.berth("up", "-d"))
