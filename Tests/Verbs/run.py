#!/usr/bin/env python3
"""Shows of the verbs what they do, print and end with, as who types them sees it.

  run.py --berth PROGRAM [--only NAME…] [--modules NAME…] [--jobs N] [--long] [--list]

Each scenario is a compose file and commands; the worlds are those of Tests/Attributes. Prints what was not as it should be
and a line with the counts. Ends with 1 when there was anything. `--long` goes through more rounds.
"""

import os
import sys

sys.dont_write_bytecode = True

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "..", "Attributes"))

from runner import main  # noqa: E402

MODULES = sorted(name.removesuffix(".py") for name in os.listdir(HERE) if name.endswith(".py") and name != "run.py")

if __name__ == "__main__":
    sys.exit(main("verbs", __doc__, MODULES))
