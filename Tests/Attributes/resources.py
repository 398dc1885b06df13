"""Limits: what the kernel was told, read back from the container's own group."""

from world import scenario


def limited(box, *lines):
    box.up("services:\n  app:\n    image: IMAGE\n    command: sleep 1000\n" + "".join(f"    {line}\n" for line in lines))


@scenario("A66", "A166", "E102")
def memory_limit(box):
    limited(box, "mem_limit: 64m")
    v1 = "v1" in box.world.facts
    file = "memory.limit_in_bytes" if v1 else "memory.max"
    box.equal(box.cgroup("app", "memory", file), str(64 << 20), file)
    inside = "/sys/fs/cgroup/memory/memory.limit_in_bytes" if v1 else "/sys/fs/cgroup/memory.max"
    box.equal(box.inside("app", f"cat {inside}"), str(64 << 20), inside)


@scenario("A66")
def memory_limit_too_small(box):
    box.refused("services: {app: {image: IMAGE, mem_limit: 5m}}", "6 MiB")
