"""Dockerfiles and contexts that nobody has thought of, from a seed. What docker and buildah are known to do differently
is left out: `exceptions.py` has it, and buildah knows no ARG of the stage that one begins from."""

import os
import random

from bases import OLD

FILES = ["a", "b.txt", "c.md", ".hidden", "with blank", "dir/d", "dir/e.md", "dir/sub/f", "dir/sub/g.txt", "x/y/z.md",
         "x/y/w"]
LINKS = {"to-file": "dir/d", "dir/to-up": "../a", "x/to-none": "/none", "to-folder": "dir/sub"}
IGNORED = ["*.md", "**/*.md", "!dir/e.md", "dir", "!dir/sub", "*/sub", "**/f", "x/**", "!x/y", "a", "dir/*",
           "!dir/sub/g.txt", "?.txt", "[b-c]*", "x/y/", "**/y", "!**/w", "# nothing", "", "/b.txt", "./c.md"]
SOURCES = ["a", "b.txt", ".", "dir", "dir/sub", "dir/", "x", "x/y/w", "*.txt", "dir/*", "*/y", "d*", "to-file",
           "to-folder", "[a]*", "x/?/w", "./dir/./sub", "/a"]
TARGETS = ["/n1", "/n1/", "/n2/deep/", "/n2/deep/er", "/opt/tree", "/opt/tree/", "/data", "/data/", "/data/x", "rel",
           "./", ".", "../up/", "/srv/data/old", "/opt/tree/deep/", "/", "/usr/local/bin/"]
PLACES = ["/n1", "/n2", "/n2/deep", "/opt/tree", "/opt/tree/deep", "/data/new", "/srv/data", "/log", "/etc/hostname2",
          "/var/lib/x"]
OWNERS = ["7", "7:8", "app", "worker", "app:staff", "0:50", "1000:1000"]
VALUES = ["plain", "\"two words\"", "$A", "${B:-default}", "\"$A and ${C}\"", "'$A'", "a\\ b", "${A:+set}", "x$B",
          "\\$A", "\"\""]


class Invented:
    """As a `Case`, but made of a seed."""

    def __init__(self, seed):
        self.name, self.random = f"invented-{seed}", random.Random(seed)
        self.build, self.rows, self.by = {"context": "context"}, [], "hand"
        self.fails, self.commands, self.has_layers = None, None, False
        self.files = self.random.sample(FILES, self.random.randint(6, len(FILES)))
        self.links = [name for name in LINKS if self.random.random() < 0.4]
        self.modes = {name: self.random.choice([0o644, 0o644, 0o600, 0o755]) for name in self.files}
        self.ignored = self.random.sample(IGNORED, self.random.randint(1, 5)) if self.random.random() < 0.5 else None
        self.set, self.text = set(), None
        self.text = self.dockerfile()

    def copy(self, folder):
        target = os.path.join(folder, self.name)
        context = os.path.join(target, "context")
        os.makedirs(context)
        for name in self.files:
            os.makedirs(os.path.dirname(os.path.join(context, name)), exist_ok=True)
            self.write(os.path.join(context, name), name + "\n", self.modes[name])
        for name in self.links:
            os.makedirs(os.path.dirname(os.path.join(context, name)), exist_ok=True)
            os.symlink(LINKS[name], os.path.join(context, name))
        self.write(os.path.join(context, "Dockerfile"), self.text, 0o644)
        if self.ignored is not None:
            self.write(os.path.join(context, ".dockerignore"), "\n".join(self.ignored) + "\n", 0o644)
        for parent, folders, files in os.walk(context, topdown=False):
            for name in folders + files:
                os.utime(os.path.join(parent, name), (OLD, OLD), follow_symlinks=False)
        self.write(os.path.join(target, "compose.yaml"), '{"services": {"it": {"build": "context"}}}', 0o644)
        return target

    def write(self, path, text, mode):
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)

    def dockerfile(self):
        lines = []
        count = self.random.choice([1, 1, 2, 3])
        for stage in range(count):
            earlier = [f"s{number}" for number in range(stage)]
            lines.append(f"FROM {self.random.choice(['localhost/base:1', *earlier])} AS s{stage}")
            for _ in range(self.random.randint(2, 7)):
                lines += self.instruction(earlier, stage == count - 1)
        return "\n".join(lines) + "\n"

    def instruction(self, stages, is_last):
        kinds = ["COPY"] * 5 + ["RUN"] * 4 + ["ENV", "ARG" if is_last else "ENV", "LABEL", "WORKDIR", "FROM"]
        kind = self.random.choice(kinds)
        pick = self.random.choice
        if kind == "COPY":
            return [self.copying()]
        if kind == "FROM" and stages:
            source = pick(["/opt/tree", "/opt/tree/deep", "/srv/data", "/etc/passwd"])
            return [f"COPY --from={pick(stages)} {source} {pick(TARGETS)}"]
        if kind == "RUN":
            return ["RUN " + self.command()]
        if kind == "WORKDIR":
            # The command makes it be there: buildah waits for the next need of it.
            return [f"WORKDIR {pick(['/w', 'below', '../beside', '/data', '/w/x y'])}", "RUN pwd -P >> /log"]
        if kind == "FROM":
            return []
        name = pick("ABCD")
        # In buildah a variable of the environment hides every argument; in docker the later of the two counts.
        kind = "ENV" if name in self.set else kind
        if kind == "ENV":
            self.set.add(name)
        return [f"{kind} {name}={pick(VALUES)}"]

    def copying(self):
        flags = ""
        if self.random.random() < 0.3:
            flags += f" --chown={self.random.choice(OWNERS)}"
        if self.random.random() < 0.2:
            flags += f" --chmod={self.random.choice(['600', '0755', '1777'])}"
        # Where something is ignored, what a link leads to may be: buildah looks at the link's name alone.
        is_here = {*self.files, "."} if self.ignored else {*self.files, *self.links, "."}
        here = [name for name in SOURCES if name in is_here or "*" in name] + ["a"]
        choice = here if self.ignored or self.random.random() < 0.8 else SOURCES
        sources = self.random.sample(choice, self.random.choice([1, 1, 1, 2]))
        target = self.random.choice(TARGETS)
        if len(sources) > 1 and not target.endswith(("/", ".")):
            target += "/"
        return f"{self.random.choice(['COPY', 'COPY', 'ADD'])}{flags} {' '.join(sources)} {target}"

    def command(self):
        one, other = self.random.sample(PLACES, 2)
        return self.random.choice([
            f"rm -rf {one}", f"mkdir -p {one}; chmod 711 {one}",
            f"rm -rf {one}; mkdir {one} && echo new > {one}/new || true",
            f"rm -rf {one} && ln -s {other} {one} || true", f"mkdir -p {one} && cp -a /opt/tree/. {one}/ || true",
            f"rm -rf {one}; echo file > {one} || true", f"mv {one} {other} || true", f"chown -R 7:8 {one} || true",
            f"chmod -R go-rwx {one} || true", f"ln {one}/a {one}/hard || true", "echo \"$A|$B|$C|$D\" >> /log",
        ])
