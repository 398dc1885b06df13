#!/usr/bin/env python3
"""Breaks berth at its own system calls, lets commands meet, and looks for what is left.

  run.py --berth PROGRAM [--only NAME…] [--modules NAME…] [--jobs N] [--long] [--list]

The worlds are those of Tests/Attributes. Prints what was not as it should be, the figures of each suite and a line with
the counts. Ends with 1 when there was anything. Without `--long` points and rounds are sampled.
"""

import os
import sys

sys.dont_write_bytecode = True

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "..", "Attributes"))

from runner import main  # noqa: E402

# Those that bring scenarios; the rest of this folder is what they share.
MODULES = ["crashes", "errors", "meetings", "orders", "cycles", "storms", "builds"]

if __name__ == "__main__":
    sys.exit(main("faults", __doc__, MODULES))
