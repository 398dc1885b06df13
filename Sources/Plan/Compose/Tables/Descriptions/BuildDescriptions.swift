// `build` of a service.

extension Descriptions {
  static let build: [String: String] = [
    "services.*.build": "How the image is built: the folder to build from, or a mapping.",
    "services.*.build.context": """
    Folder, git repository or archive that the build gets its files from. Default: `.`.
    """,
    "services.*.build.dockerfile": """
    File with the instructions, relative to the context. Default: `Dockerfile`.
    """,
    "services.*.build.dockerfile_inline": "The instructions themselves. Not with `dockerfile`.",
    "services.*.build.entitlements": """
    Privileges that the build may use, such as `network.host` or `security.insecure`.
    """,
    "services.*.build.args": """
    Arguments of the build: a mapping, or a list of `NAME=VALUE`. A name without a value is taken \
    from the caller's environment.
    """,
    "services.*.build.provenance": """
    Whether, or how, a statement of the image's origin is added to it.
    """,
    "services.*.build.sbom": "Whether, or how, a list of the image's contents is added to it.",
    "services.*.build.ssh": """
    Keys or agents for the build: `default` or `ID=PATH`, as a list or a mapping.
    """,
    "services.*.build.labels": "Labels of the image: a mapping, or a list of `NAME=VALUE`.",
    "services.*.build.cache_from": "Where layers of earlier builds are looked for.",
    "services.*.build.cache_to": "Where layers are kept for later builds.",
    "services.*.build.no_cache": "Whether every step is run anew. Default: `false`.",
    "services.*.build.no_cache_filter": "Stage or stages whose steps are run anew.",
    "services.*.build.additional_contexts": """
    Further sources of files by name, such as folders or `service:NAME`: a mapping, or a list of \
    `NAME=SOURCE`.
    """,
    "services.*.build.pull": "Whether base images are looked up anew. Default: `false`.",
    "services.*.build.extra_hosts": """
    Lines of `/etc/hosts` during the build: a list of `HOST=ADDRESS`, or a mapping.
    """,
    "services.*.build.isolation": "How steps are kept apart, on Windows.",
    "services.*.build.network": """
    Network of the steps: `none`, `host` or a name. Default: `default`.
    """,
    "services.*.build.target": "Stage to build. Default: the last one.",
    "services.*.build.secrets": "Secrets of the top level for the build: names, or mappings.",
    "services.*.build.shm_size": """
    Size of `/dev/shm` during the build: bytes, or text such as `256m`. Default: `64m`.
    """,
    "services.*.build.tags": "Further names of the image.",
    "services.*.build.ulimits": """
    Limits of processes during the build by name: a number for both limits, or a mapping.
    """,
    "services.*.build.platforms": "Platforms to build for. Default: the service's.",
    "services.*.build.privileged": "Whether steps have all privileges. Default: `false`.",
  ]
}
