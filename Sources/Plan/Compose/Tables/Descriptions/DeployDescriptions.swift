// `deploy` of a service, most of which is for swarms.

extension Descriptions {
  static let deploy: [String: String] = [
    "services.*.deploy": "How many containers there are, and what they may use.",
    "services.*.deploy.mode": "How containers are spread over a swarm. Nothing reads it.",
    "services.*.deploy.replicas": "Number of containers. Default: 1; it must agree with `scale`.",
    "services.*.deploy.labels": """
    Labels of the service in a swarm, not of its containers: a mapping, or a list of `NAME=VALUE`.
    """,
    "services.*.deploy.update_config": "How a swarm replaces containers. Nothing reads it.",
    "services.*.deploy.rollback_config": "How a swarm goes back. Nothing reads it.",
    "update.parallelism": "Number of containers that are replaced at once.",
    "update.delay": "Time between replacements, such as `10s`.",
    "update.failure_action": "What to do when a replacement fails.",
    "update.monitor": "Time after a replacement in which a failure counts.",
    "update.max_failure_ratio": "Part of the replacements that may fail, from 0 to 1.",
    "update.order": "Whether the new container starts before the old one stops, or after it.",
    "services.*.deploy.resources": "What containers may use, and what is kept for them.",
    "services.*.deploy.resources.limits": "What containers may use.",
    "services.*.deploy.resources.limits.cpus": """
    Number of CPUs that a container may use, such as `0.5`. Default: no limit.
    """,
    "services.*.deploy.resources.limits.memory": """
    Memory that a container may use, such as `512m`. Default: no limit.
    """,
    "services.*.deploy.resources.limits.pids": """
    Number of processes in a container. Default: no limit.
    """,
    "services.*.deploy.resources.reservations": "What is kept for containers.",
    "services.*.deploy.resources.reservations.cpus": """
    Number of CPUs that a swarm keeps for a container. Nothing reads it.
    """,
    "services.*.deploy.resources.reservations.memory": """
    Memory that is left to a container when memory is scarce, such as `256m`.
    """,
    "services.*.deploy.resources.reservations.devices": "Devices that containers need.",
    "services.*.deploy.resources.reservations.devices.*.capabilities": """
    What the devices must be able to do, such as `gpu`.
    """,
    "services.*.deploy.resources.reservations.devices.*.driver": """
    Driver that provides the devices, such as `nvidia`.
    """,
    "services.*.deploy.resources.reservations.devices.*.count": """
    Number of devices, or `all`, the default. Not with `device_ids`.
    """,
    "services.*.deploy.resources.reservations.devices.*.device_ids": """
    The devices by id. Not with `count`.
    """,
    "services.*.deploy.resources.reservations.devices.*.options": """
    Options of the driver: a mapping, or a list of `NAME=VALUE`.
    """,
    "services.*.deploy.resources.reservations.generic_resources": """
    Resources of a swarm's own. Nothing reads them.
    """,
    "services.*.deploy.resources.reservations.generic_resources.*.discrete_resource_spec": """
    A resource that is counted.
    """,
    "services.*.deploy.resources.reservations.generic_resources.*.discrete_resource_spec.kind": """
    Name of the resource.
    """,
    "services.*.deploy.resources.reservations.generic_resources.*.discrete_resource_spec.value": """
    How many of it.
    """,
    "services.*.deploy.restart_policy": "When containers are started again, in place of `restart`.",
    "services.*.deploy.restart_policy.condition": """
    `none`, `on-failure`, `any` or `unless-stopped`. Default: `any`.
    """,
    "services.*.deploy.restart_policy.delay": "Time before a restart. Nothing reads it.",
    "services.*.deploy.restart_policy.max_attempts": "Most restarts. Default: no limit.",
    "services.*.deploy.restart_policy.window": """
    Time after which a restart counts as a success. Nothing reads it.
    """,
    "services.*.deploy.placement": "Where a swarm runs containers. Nothing reads it.",
    "services.*.deploy.placement.constraints": "What machines must be like.",
    "services.*.deploy.placement.preferences": "How containers are spread over machines.",
    "services.*.deploy.placement.preferences.*.spread": "Label whose values they are spread over.",
    "services.*.deploy.placement.max_replicas_per_node": "Most containers on one machine.",
    "services.*.deploy.endpoint_mode": "How a swarm finds containers. Nothing reads it.",
  ]
}
