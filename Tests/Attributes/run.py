#!/usr/bin/env python3
"""Shows of every attribute of a service what it does, as seen from inside a container and from the host.

  run.py --berth PROGRAM [--only NAME…] [--modules NAME…] [--jobs N] [--long] [--list]

Each scenario is a compose file, `berth up`, and what is seen then; nothing of berth is called but the program. Prints
what was not as it should be and a line with the counts. Ends with 1 when there was anything. `--long` kills more often.
"""

import sys

sys.dont_write_bytecode = True

from runner import main  # noqa: E402

MODULES = [
    "connections", "copying", "devices", "given", "groups", "leaks", "lost", "namespaces", "networks", "process",
    "resources", "security", "standing", "storage",
]

if __name__ == "__main__":
    sys.exit(main("attributes", __doc__, MODULES))
