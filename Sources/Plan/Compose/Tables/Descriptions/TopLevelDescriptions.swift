// The top level: the project, and networks, volumes, secrets, configs and models that it defines.

extension Descriptions {
  static let topLevel: [String: String] = [
    "version": "Obsolete: it is read and ignored, with a warning.",
    "name": """
    Name of the project, put before the names of its containers, networks and volumes. Default: \
    the name of the folder; `-p` and `COMPOSE_PROJECT_NAME` win over it.
    """,
    "include": """
    Other compose files whose services and resources join this project. An item is a path, or a \
    mapping that says more.
    """,
    "include.*.path": """
    The file to include; of a list, later files are merged over earlier ones.
    """,
    "include.*.env_file": """
    Files with values for the variables of the included file; the caller's environment wins over \
    them. Default: `.env` in its project directory, if there is one.
    """,
    "include.*.project_directory": """
    Folder that relative paths of the included file start from. Default: the folder of the first \
    `path`.
    """,
    "services": """
    What the project runs: each key names a service, of which one or more containers are made.
    """,
    "networks": """
    Networks that services join. Services that name none are on `default`, which need not be \
    defined.
    """,
    "volumes": """
    Named volumes, which outlive the containers that mount them; `berth down -v` removes them.
    """,
    "secrets": "Secrets that services and builds are given as files.",
    "configs": "Configuration that services are given as files.",
    "models": "AI models that services use.",

    "external.name": """
    Name of the existing resource. An older form: write `external: true`, and `name` beside it.
    """,

    "networks.*.name": """
    Name of the network on this machine. Default: the project's name, `_` and the key; the key \
    alone when it is external.
    """,
    "networks.*.driver": "Kind of the network. Default: `bridge`.",
    "networks.*.driver_opts": """
    Options of the driver by name, such as `com.docker.network.driver.mtu`.
    """,
    "networks.*.ipam": "How addresses are given out.",
    "networks.*.ipam.driver": "What gives out addresses. Default: `default`.",
    "networks.*.ipam.config": "Pools of addresses. Default: a subnet that is free.",
    "networks.*.ipam.config.*.subnet": "Addresses of the network, such as `10.5.0.0/24`.",
    "networks.*.ipam.config.*.gateway": """
    Address of the way out of the network. Default: the first address of the subnet.
    """,
    "networks.*.ipam.config.*.ip_range": """
    Part of the subnet that containers get their addresses from. Default: the whole subnet.
    """,
    "networks.*.ipam.config.*.aux_addresses": """
    Addresses that no container gets, by the name of who has them.
    """,
    "networks.*.ipam.options": "Options of the address driver by name. Nothing reads them.",
    "networks.*.external": """
    `true` when the network is managed elsewhere: it must exist, and is neither made nor removed. \
    Default: `false`.
    """,
    "networks.*.internal": "Whether the network has no way out. Default: `false`.",
    "networks.*.attachable": """
    Whether containers outside the project may join a network of a swarm; on one machine it \
    changes nothing. Default: `false`.
    """,
    "networks.*.labels": "Labels of the network: a mapping, or a list of `NAME=VALUE`.",
    "networks.*.enable_ipv4": "Whether containers get IPv4 addresses. Default: `true`.",
    "networks.*.enable_ipv6": "Whether containers get IPv6 addresses. Default: `false`.",

    "volumes.*.name": """
    Name of the volume on this machine. Default: the project's name, `_` and the key; the key \
    alone when it is external.
    """,
    "volumes.*.driver": "What keeps the volume. Default: `local`.",
    "volumes.*.driver_opts": """
    Options of the driver by name; for `local` what is mounted: `type`, `o` and `device`.
    """,
    "volumes.*.external": """
    `true` when the volume is managed elsewhere: it must exist, and is neither made nor removed. \
    Default: `false`.
    """,
    "volumes.*.labels": "Labels of the volume: a mapping, or a list of `NAME=VALUE`.",

    "secrets.*.name": "Name of the secret. Default: the project's name, `_` and the key.",
    "secrets.*.file": "File with the secret, relative to the folder of the project.",
    "secrets.*.environment": "Variable of the caller's environment that holds the secret.",
    "secrets.*.external": "`true` when the secret is kept elsewhere. Default: `false`.",
    "secrets.*.labels": "Labels of the secret: a mapping, or a list of `NAME=VALUE`.",
    "secrets.*.driver": "What keeps the secret, for swarms.",
    "secrets.*.driver_opts": "Options of the driver by name, for swarms.",
    "secrets.*.template_driver": "What fills in the secret as a template, for swarms.",

    "configs.*.name": "Name of the config. Default: the project's name, `_` and the key.",
    "configs.*.file": "File with the content, relative to the folder of the project.",
    "configs.*.environment": "Variable of the caller's environment that holds the content.",
    "configs.*.content": "The content itself; its variables are put in.",
    "configs.*.external": "`true` when the config is kept elsewhere. Default: `false`.",
    "configs.*.labels": "Labels of the config: a mapping, or a list of `NAME=VALUE`.",
    "configs.*.template_driver": "What fills in the content as a template, for swarms.",

    "models.*.name": "Name of the model. Default: the project's name, `_` and the key.",
    "models.*.model": "The model as its registry names it.",
    "models.*.context_size": "Greatest size of the context, in tokens.",
    "models.*.runtime_flags": "Flags for the program that runs the model.",
  ]
}
