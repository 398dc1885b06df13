"""Builds by Debian's buildah, in a store of its own and process ids that end with it."""

import os
import subprocess

LIMIT = 120


class Oracle:
    def __init__(self, folder, archives):
        self.folder = os.path.join(folder, "oracle")
        os.makedirs(self.folder)
        for name, path in archives.items():
            done = self.run("pull", "docker-archive:" + path)
            if done.returncode != 0:
                raise RuntimeError(f"buildah pull of {name}: {done.stderr}")

    def run(self, *arguments, folder="/"):
        command = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc",
                   "buildah", "--root", os.path.join(self.folder, "store"),
                   "--runroot", os.path.join(self.folder, "run"), "--storage-driver", "vfs", *arguments]
        environment = {"PATH": os.environ["PATH"], "HOME": self.folder, "LANG": "C.UTF-8", "TMPDIR": self.folder}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace",
                              timeout=LIMIT, stdin=subprocess.DEVNULL)

    def build(self, case, folder):
        """`(archive, None)` or `(None, message)`."""
        name, archive = "localhost/case-" + case.name + ":1", os.path.join(folder, "buildah.tar")
        done = self.run("bud", *arguments(case.build), "--tag", name, case.build["context"], folder=folder)
        if done.returncode != 0:
            return None, done.stderr + done.stdout
        pushed = self.run("push", "--quiet", name, "docker-archive:" + archive)
        if pushed.returncode != 0:
            raise RuntimeError(f"buildah push of {case.name}: {pushed.stderr}")
        return archive, None


def arguments(build):
    """The flags of `buildah bud` for what a compose file says."""
    words = ["--isolation", "chroot", "--format", "docker", "--layers", "--pull=false", "--identity-label=false"]
    if "dockerfile" in build:
        words += ["--file", os.path.join(build["context"], build["dockerfile"])]
    for key, flag in [("args", "--build-arg"), ("labels", "--label")]:
        for name, value in build.get(key, {}).items():
            words += [flag, f"{name}={value}"]
    for name, value in build.get("additional_contexts", {}).items():
        words += ["--build-context", f"{name}={value}"]
    if "target" in build:
        words += ["--target", build["target"]]
    return words
