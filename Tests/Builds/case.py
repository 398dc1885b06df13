"""One case: a compose file with one service `it` that is built, its context, and what must come of it.

    cases/NAME/compose.yaml    JSON, which is YAML too. `x-case` says which rows it shows (`rows`); who says what is
                               expected (`by`: `buildah`, or `hand` where Debian's buildah cannot do it); `fails`: words
                               of the message when it must fail; `commands`: the history's `created_by` where they are
                               compared; `layers`: what each layer changes is compared
    cases/NAME/prepare         makes of the copy what git cannot keep: modes, times, empty folders, archives
    cases/NAME/expected.json   what must come of it
"""

import json
import os
import shutil
import stat
import subprocess

from bases import OLD

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")


class Case:
    def __init__(self, name):
        self.name, self.source = name, os.path.join(CASES, name)
        with open(os.path.join(self.source, "compose.yaml")) as file:
            project = json.load(file)
        facts = project.get("x-case", {})
        self.build = project["services"]["it"]["build"]
        if isinstance(self.build, str):
            self.build = {"context": self.build}
        self.rows, self.by = facts["rows"], facts.get("by", "buildah")
        self.has_layers = facts.get("layers", False)
        self.fails, self.commands = facts.get("fails"), facts.get("commands")
        self.expectation = os.path.join(self.source, "expected.json")

    def expected(self):
        with open(self.expectation) as file:
            return json.load(file)

    def copy(self, folder):
        """The case in a folder of its own, the same on each machine."""
        target = os.path.join(folder, self.name)
        shutil.copytree(self.source, target, symlinks=True, ignore=shutil.ignore_patterns("expected.json"))
        for parent, _, files in os.walk(target, topdown=False):
            for name in files:
                path = os.path.join(parent, name)
                if not os.path.islink(path):
                    is_program = os.stat(path).st_mode & stat.S_IXUSR
                    os.chmod(path, 0o755 if is_program else 0o644)
                os.utime(path, (OLD, OLD), follow_symlinks=False)
            os.chmod(parent, 0o755)
            for name in os.listdir(parent):
                os.utime(os.path.join(parent, name), (OLD, OLD), follow_symlinks=False)
        prepare = os.path.join(target, "prepare")
        if os.path.exists(prepare):
            subprocess.run(["sh", "-eu", prepare], check=True, cwd=target, timeout=60)
        return target


def names():
    return sorted(name for name in os.listdir(CASES) if os.path.exists(os.path.join(CASES, name, "compose.yaml")))
