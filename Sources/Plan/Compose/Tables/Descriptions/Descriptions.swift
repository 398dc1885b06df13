// What attributes are for, in one or two sentences: text for the schema. Keys are paths as in
// `Tables.up`, with `*` for every item; a record that stands at several places has its name under
// `$defs` in place of the path. What `up` refuses or ignores is not said here: `Tables.up` knows.

enum Descriptions {
  static let parts: [[String: String]] = [
    topLevel, process, lifecycle, resources, network, storage, build, deploy,
  ]

  static let all: [String: String] = parts.reduce(into: [:]) { all, part in
    all.merge(part) { first, _ in first }
  }

  /// Words that editors offer where any text may stand.
  static let examples: [String: [String]] = [
    "services.*.deploy.restart_policy.condition": ["any", "none", "on-failure", "unless-stopped"],
    "services.*.env_file.*.format": ["raw"],
    "services.*.ipc": ["private", "shareable"],
    "services.*.logging.driver": ["json-file", "local", "journald", "syslog", "none"],
    "services.*.network_mode": ["bridge", "host", "none"],
    "services.*.ports.*.protocol": ["tcp", "udp"],
    "services.*.pull_policy": [
      "always", "build", "daily", "every_12h", "missing", "never", "weekly",
    ],
    "services.*.restart": ["always", "no", "on-failure", "on-failure:5", "unless-stopped"],
    "services.*.volumes.*.bind.propagation": [
      "private", "rprivate", "rshared", "rslave", "shared", "slave",
    ],
    "networks.*.driver": ["bridge"],
    "volumes.*.driver": ["local"],
  ]
}
