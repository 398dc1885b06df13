// A service: its image, what runs in it and as whom, and what is known about it.

extension Descriptions {
  static let process: [String: String] = [
    "services.*.image": """
    Image of the containers, as `[REGISTRY/]NAME[:TAG][@DIGEST]`. A service has an `image`, a \
    `build` or a `provider`.
    """,
    "services.*.pull_policy": """
    When the image is pulled: `always`, `never`, `missing`, `build`, `daily`, `weekly`, or when it \
    is older than an age such as `every_12h`. Default: `missing`.
    """,
    "services.*.pull_refresh_after": "Age after which the image is pulled anew. Nothing reads it.",
    "services.*.platform": """
    Platform of the image, as `OS[/ARCHITECTURE[/VARIANT]]`. Default: `DOCKER_DEFAULT_PLATFORM`, \
    else that of this machine.
    """,
    "services.*.container_name": """
    Name of the container, for services with one. Default: project, service and number, joined \
    by `-`.
    """,
    "services.*.command": """
    What runs, or the arguments of the entrypoint: a list, or text that is split into words \
    without a shell. Default: the image's.
    """,
    "services.*.entrypoint": """
    Program that gets the command as arguments: a list, or text that is split into words. It takes \
    the image's command away, too. Default: the image's.
    """,
    "services.*.working_dir": """
    Folder in the container that the command starts in, made when missing. Default: the image's, \
    else `/`.
    """,
    "services.*.user": """
    Who runs the command, as `USER[:GROUP]`, names or numbers of the container. Default: the \
    image's, else root.
    """,
    "services.*.group_add": "Further groups of the user: names or numbers of the container.",
    "services.*.environment": """
    Variables of the command: a mapping, or a list of `NAME=VALUE`. A name without a value is \
    taken from the caller's environment, and is left out when it is not set there.
    """,
    "services.*.env_file": """
    Files of `NAME=VALUE` lines: a path, or a list of paths and mappings. Later files win, and \
    `environment` wins over all.
    """,
    "services.*.env_file.*.path": "The file, relative to the folder of the project.",
    "services.*.env_file.*.required": "Whether a missing file is an error. Default: `true`.",
    "services.*.env_file.*.format": """
    `raw` takes values as they stand, without quotes and variables.
    """,
    "services.*.labels": "Labels of the containers: a mapping, or a list of `NAME=VALUE`.",
    "services.*.label_file": """
    Files of `NAME=VALUE` lines with labels: a path or a list of them. `labels` wins.
    """,
    "services.*.annotations": """
    Annotations of the containers for their runtime: a mapping, or a list of `NAME=VALUE`.
    """,
    "services.*.hostname": """
    Host name inside the containers. Default: the first twelve digits of the container's id.
    """,
    "services.*.domainname": "Domain name inside the containers.",
    "services.*.tty": "Whether the command has a terminal. Default: `false`.",
    "services.*.stdin_open": """
    Whether the command's input stays open while nobody is attached. Default: `false`.
    """,
    "services.*.init": """
    Whether a small first process passes signals on and reaps orphans. Default: `false`.
    """,
    "services.*.profiles": """
    Profiles that enable the service, by `--profile` or `COMPOSE_PROFILES`. A service with none is \
    always enabled.
    """,
    "services.*.extends": """
    Another service that this one is merged over: its name, or a mapping that names a file, too.
    """,
    "services.*.extends.service": "The service that is extended.",
    "services.*.extends.file": """
    Compose file that has the service, relative to the folder of the project. Default: this file.
    """,
    "services.*.scale": """
    Number of containers. Default: 1; it must agree with `deploy.replicas`.
    """,
    "services.*.attach": """
    Whether `up` and `logs` show its output when it is not asked for by name. Default: `true`.
    """,
    "services.*.runtime": "Name of the program that runs the containers.",
    "services.*.isolation": "How containers are kept apart, on Windows. Default: `default`.",
    "services.*.credential_spec": "Credentials of a managed service account, on Windows.",
    "services.*.credential_spec.config": "Config that holds the credentials.",
    "services.*.credential_spec.file": "File that holds the credentials.",
    "services.*.credential_spec.registry": "Value of the Windows registry with the credentials.",
    "services.*.use_api_socket": """
    Whether the containers reach the socket of a container engine. Default: `false`.
    """,
    "services.*.provider": "A program that provides the service in place of containers.",
    "services.*.provider.type": "The program, or a name that it is found by.",
    "services.*.provider.options": "Options of the program by name: a value, or a list of them.",
    "services.*.models": """
    Models of the top level that the service uses: a list of names, or a mapping.
    """,
    "services.*.models.*.endpoint_var": """
    Variable that gets the model's address. Default: the model's key in capitals and `_URL`.
    """,
    "services.*.models.*.model_var": """
    Variable that gets the model's name. Default: the model's key in capitals and `_MODEL`.
    """,
  ]
}
