"""The same probe in containers of other engines, where Debian's packages of them are installed: what berth is compared with."""

import os
import subprocess
import sys
import time

WAYS = {
    "main": [], "terminal": ["--tty"], "user": ["--user", "user"],
    "no-new-privileges": ["--security-opt", "no-new-privileges"], "unconfined": ["--security-opt", "seccomp=unconfined"],
    "read-only": ["--read-only"], "host-network": ["--network", "host"],
}
EXECS = {"exec": [], "exec-user": ["--user", "user"], "exec-privileged": ["--privileged"]}


class Peer:
    """`docker` brings a daemon of its own up for the time being; `podman` runs runc, as crun refuses machines with both cgroups."""

    def __init__(self, name, folder, layout):
        self.name, self.folder, self.layout = name, folder, layout
        self.command = {
            "docker": ["/usr/bin/docker", "--host", f"unix://{folder}/docker.sock"],
            "podman": ["podman", "--root", f"{folder}/store", "--runroot", f"{folder}/runroot", "--runtime", "runc",
                       "--cgroup-manager", "cgroupfs", "--events-backend", "none"],
        }.get(name) or sys.exit(f"error: no peer {name}; docker and podman are known")

    def words(self):
        daemon = self.start() if self.name == "docker" else None
        try:
            archive = os.path.join(self.folder, "root.tar")
            self.run("import", "--change", 'CMD ["/probe"]', "--change", "ENV PATH=/bin", archive, "probe:sandbox")
            # What podman asks for by itself cannot be had where root may not raise limits.
            limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"] if self.name == "podman" else []
            found = {way: self.run("run", "--rm", *limits, *options, "probe:sandbox") for way, options in WAYS.items()}
            self.run("run", "--detach", "--name", "waits", *limits, "probe:sandbox", "/probe", "wait")
            for way, options in EXECS.items():
                # All capabilities cannot be had where root itself lacks one.
                found[way] = self.run("exec", *options, "waits", "/probe", may_fail=way == "exec-privileged") or found["main"]
            self.run("rm", "--force", "waits")
            return found
        finally:
            if daemon:
                daemon.terminate()
                daemon.wait(60)

    def run(self, *arguments, may_fail=False):
        done = subprocess.run(
            [*self.command, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        if done.returncode != 0 and not may_fail:
            sys.exit(f"error: {self.name} {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def start(self):
        folder = self.folder
        log = open(os.path.join(folder, "dockerd.log"), "w")
        daemon = subprocess.Popen(
            ["dockerd", "--host", f"unix://{folder}/docker.sock", "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec",
             "--pidfile", f"{folder}/pid", "--iptables=false", "--ip6tables=false"], stdout=log, stderr=log)
        for _ in range(300):
            if daemon.poll() is None and subprocess.run([*self.command, "version"], capture_output=True).returncode == 0:
                return daemon
            time.sleep(0.1)
        daemon.terminate()
        with open(log.name) as file:
            sys.exit(f"error: dockerd did not start: {file.read()[-2000:]}")
