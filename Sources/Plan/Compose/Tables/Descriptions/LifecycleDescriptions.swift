// A service: when it starts, stops and restarts, how its health is seen, where its output goes.

extension Descriptions {
  static let lifecycle: [String: String] = [
    "services.*.depends_on": """
    Services that are started before this one: a list of names, or a mapping with conditions.
    """,
    "services.*.depends_on.*.condition": """
    What to wait for: that it has started, that its health check passes, or that it has ended \
    with status 0. Default in the list form: `service_started`.
    """,
    "services.*.depends_on.*.required": """
    Whether this service fails when the other is not there. Default: `true`.
    """,
    "services.*.depends_on.*.restart": """
    Whether this service restarts after a command has restarted the other. Default: `false`.
    """,
    "services.*.restart": """
    When a container that has ended is started again: `no`, `always`, `unless-stopped`, \
    `on-failure`, or `on-failure:N` for at most N times. Default: `no`.
    """,
    "services.*.stop_signal": """
    Signal that asks the command to end: a name with or without `SIG`, or a number. Default: the \
    image's, else `SIGTERM`.
    """,
    "services.*.stop_grace_period": """
    How long a container may take to end before it is killed, such as `1m30s`. Default: `10s`.
    """,
    "services.*.healthcheck": """
    How to see whether a container is well. What is not set comes from the image.
    """,
    "services.*.healthcheck.test": """
    The check: text for the shell, or a list that begins with `CMD`, `CMD-SHELL` or `NONE`.
    """,
    "services.*.healthcheck.interval": "Time between checks, such as `10s`. Default: `30s`.",
    "services.*.healthcheck.timeout": "Time that one check may take. Default: `30s`.",
    "services.*.healthcheck.retries": """
    Number of failures in a row that make a container unhealthy. Default: 3.
    """,
    "services.*.healthcheck.start_period": """
    Time after the start in which failures do not count. Default: `0s`.
    """,
    "services.*.healthcheck.start_interval": """
    Time between checks during the start period. Default: `5s`.
    """,
    "services.*.healthcheck.disable": "Whether the image's check is off. Default: `false`.",
    "services.*.logging": "Where the output of the containers is kept.",
    "services.*.logging.driver": "What keeps the output. Default: `json-file`.",
    "services.*.logging.options": """
    Options of the driver by name: `max-size` of one file such as `10m`, and `max-file`, the \
    number of files.
    """,
    "services.*.pre_start": """
    Commands that run in containers of their own before the first container starts.
    """,
    "services.*.post_start": "Commands that run in a container after it has started.",
    "services.*.pre_stop": "Commands that run in a container before it is asked to end.",

    "hook.command": """
    What runs: a list, or text that is split into words without a shell.
    """,
    "hook.image": "Image of the container that it runs in. Default: the service's.",
    "hook.user": "Who runs the command. Default: the service's user.",
    "hook.privileged": "Whether the command has all privileges. Default: `false`.",
    "hook.working_dir": "Folder that the command starts in. Default: the service's.",
    "hook.environment": "Further variables: a mapping, or a list of `NAME=VALUE`.",
    "hook.per_replica": "Whether it runs for each container. Default: `false`, once for all.",

    "services.*.develop": "What to do when files change while the project is developed.",
    "services.*.develop.watch": "Rules, each for the files below one path.",
    "services.*.develop.watch.*.path": "File or folder that is watched.",
    "services.*.develop.watch.*.action": """
    What a change leads to: a new build, a copy into the container, a restart, or a copy and then \
    a restart or a command.
    """,
    "services.*.develop.watch.*.target": """
    Path in the container that changed files are copied to. Every action with `sync` needs it.
    """,
    "services.*.develop.watch.*.exec": "Command in the container after a `sync+exec`.",
    "services.*.develop.watch.*.include": """
    Pattern or patterns of files that count. Default: all.
    """,
    "services.*.develop.watch.*.ignore": """
    Pattern or patterns of files that do not count, as in `.dockerignore`.
    """,
    "services.*.develop.watch.*.initial_sync": """
    Whether all files are copied when watching begins. Default: `false`.
    """,
  ]
}
