// A service: limits, privileges, namespaces and devices.

extension Descriptions {
  static let resources: [String: String] = [
    "services.*.cpus": "Number of CPUs that a container may use, such as `1.5`. Default: no limit.",
    "services.*.cpu_shares": """
    Share of the CPU against other containers when it is scarce, from 2 to 262144. Default: 1024.
    """,
    "services.*.cpu_period": """
    Period that `cpu_quota` counts in, in microseconds from 1000 to 1000000. Default: 100000.
    """,
    "services.*.cpu_quota": """
    CPU time in each `cpu_period`, in microseconds, at least 1000. Default: no limit.
    """,
    "services.*.cpuset": "CPUs that a container may use, such as `0-3` or `0,2`. Default: all.",
    "services.*.cpu_rt_period": "Period of the real-time scheduler, in microseconds.",
    "services.*.cpu_rt_runtime": "Real-time CPU time in each period, in microseconds.",
    "services.*.cpu_count": "Number of CPUs, on Windows.",
    "services.*.cpu_percent": "Share of all CPUs in per cent, on Windows.",
    "services.*.mem_limit": """
    Memory that a container may use: a number of bytes, or text such as `512m`, at least `6m`. \
    Default: no limit.
    """,
    "services.*.mem_reservation": """
    Memory that is left to a container when memory is scarce: bytes, or text such as `256m`.
    """,
    "services.*.memswap_limit": """
    Memory and swap together: bytes, or text such as `1g`; -1 is no limit. Default: twice \
    `mem_limit`.
    """,
    "services.*.mem_swappiness": """
    How readily memory is swapped out, from 0 to 100; cgroup v1 only.
    """,
    "services.*.oom_kill_disable": """
    Whether the kernel spares a container that has used up its memory; cgroup v1 only. Default: \
    `false`.
    """,
    "services.*.oom_score_adj": """
    How soon the kernel ends the container when memory is short, from -1000 to 1000. Default: 0.
    """,
    "services.*.pids_limit": "Number of processes in a container; -1 is no limit, the default.",
    "services.*.blkio_config": "Limits of block devices.",
    "services.*.blkio_config.weight": """
    Share of input and output against other containers, from 10 to 1000. Default: 500.
    """,
    "services.*.blkio_config.weight_device": "Shares for single devices.",
    "services.*.blkio_config.weight_device.*.path": "The device, such as `/dev/sda`.",
    "services.*.blkio_config.weight_device.*.weight": "Share on this device, from 10 to 1000.",
    "services.*.blkio_config.device_read_bps": "Bytes read in each second, by device.",
    "services.*.blkio_config.device_read_iops": "Read operations in each second, by device.",
    "services.*.blkio_config.device_write_bps": "Bytes written in each second, by device.",
    "services.*.blkio_config.device_write_iops": "Write operations in each second, by device.",
    "device_rate.path": "The device, such as `/dev/sda`.",
    "device_rate.rate": "Bytes, also as text such as `1m`, or operations in each second.",
    "services.*.shm_size": """
    Size of `/dev/shm`: a number of bytes, or text such as `256m`. Default: `64m`.
    """,
    "services.*.ulimits": """
    Limits of single processes by name, such as `nofile`: a number for both limits, or a mapping.
    """,
    "ulimit.soft": "The limit that holds; -1 is none.",
    "ulimit.hard": "What a process may raise its soft limit to; -1 is no limit.",
    "services.*.sysctls": """
    Kernel parameters of the container's own namespaces, such as `net.core.somaxconn`: a mapping, \
    or a list of `NAME=VALUE`.
    """,
    "services.*.storage_opt": "Options of the container's root by name, such as `size`.",
    "services.*.read_only": """
    Whether the container's root cannot be written; volumes and tmpfs can. Default: `false`.
    """,
    "services.*.privileged": """
    Whether the container has all capabilities and devices, and nothing is hidden from it. \
    Default: `false`.
    """,
    "services.*.cap_add": "Capabilities beyond the usual ones, such as `NET_ADMIN`, or `ALL`.",
    "services.*.cap_drop": """
    Capabilities that the container does not have, or `ALL`; `cap_add` comes after it.
    """,
    "services.*.security_opt": """
    Rules as `NAME=VALUE`, such as `no-new-privileges` or `seccomp=unconfined`.
    """,
    "services.*.userns_mode": "User namespace: `host` for that of this machine.",
    "services.*.pid": """
    Whose processes are seen: `host`, `service:NAME` or `container:NAME`. Default: only its own.
    """,
    "services.*.ipc": """
    Shared memory and queues: `none`, `private`, `shareable`, `host`, `service:NAME` or \
    `container:NAME`. Default: `private`.
    """,
    "services.*.uts": "`host` gives the container the host name of this machine.",
    "services.*.cgroup": "Whose cgroups are seen: `host` or `private`. Default: `private`.",
    "services.*.cgroup_parent": "Cgroup that the containers are placed below.",
    "services.*.devices": """
    Devices of this machine, as `HOST[:CONTAINER[:PERMISSIONS]]` or mappings.
    """,
    "services.*.devices.*.source": "The device on this machine.",
    "services.*.devices.*.target": "Its path in the container. Default: the same.",
    "services.*.devices.*.permissions": """
    What is allowed of reading, writing and making nodes: letters of `rwm`. Default: all.
    """,
    "services.*.device_cgroup_rules": """
    Devices that may be used, as type, numbers and permissions: `c 1:3 mr`.
    """,
    "services.*.gpus": "Graphics cards: `all`, or a list of requests.",
    "services.*.gpus.*.capabilities": "What the cards must be able to do.",
    "services.*.gpus.*.driver": "Driver that provides the cards, such as `nvidia`.",
    "services.*.gpus.*.count": "Number of cards, or `all`, the default. Not with `device_ids`.",
    "services.*.gpus.*.device_ids": "The cards by id. Not with `count`.",
    "services.*.gpus.*.options": "Options of the driver: a mapping, or a list of `NAME=VALUE`.",
  ]
}
