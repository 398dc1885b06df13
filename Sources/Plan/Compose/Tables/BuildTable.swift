// `build`, `deploy` and `develop` of a service (reference 2.6 to 2.8).

extension Tables {
  static let build = Record([
    Attribute("context", .text, printing: .emptyInYAML),
    Attribute("dockerfile", .text, printing: .emptyInYAML),
    Attribute("dockerfile_inline", .text, printing: .emptyInYAML),
    Attribute("entitlements", .list(.text, unique: false)),
    Attribute("args", .pairs, merge: .pairs, unique: .key, form: .environment),
    Attribute("provenance", .flag, form: .text),
    Attribute("sbom", .flag, form: .text),
    Attribute("ssh", .pairs, merge: .pairs, form: .ssh),
    Attribute("labels", .pairs, merge: .pairs, unique: .key, form: .pairs),
    Attribute("cache_from", .list(.text, unique: false)),
    Attribute("cache_to", .list(.text, unique: false)),
    Attribute("no_cache", .flag, cast: .bool),
    Attribute("no_cache_filter", .textOrTexts, merge: .texts, form: .texts),
    Attribute("additional_contexts", .pairs, merge: .pairs, unique: .key, form: .contexts),
    Attribute("pull", .flag, cast: .bool),
    Attribute("extra_hosts", .hosts, merge: .hosts, form: .hosts),
    Attribute("isolation", .text),
    Attribute("network", .text),
    Attribute("target", .text),
    Attribute("secrets", grants, form: .grants),
    Attribute("shm_size", .integer, form: .bytes),
    Attribute("tags", .list(.text, unique: false), unique: .value),
    Attribute("ulimits", ulimits, form: .ulimits),
    Attribute("platforms", .list(.text, unique: false)),
    Attribute("privileged", .flag, cast: .bool),
  ])

  static let deploy = Record(
    nullable: true,
    [
      Attribute("mode", .text),
      Attribute("replicas", .integer, cast: .int, printing: .omitUnset),
      Attribute("labels", .pairs, merge: .pairs, unique: .key, form: .pairs),
      Attribute("update_config", .record(updateConfig), printing: .omitUnset),
      Attribute("rollback_config", .record(updateConfig), printing: .omitUnset),
      Attribute("resources", .record(resources), printing: .emptyWhenUnset),
      Attribute("restart_policy", .record(restartPolicy), printing: .omitUnset),
      Attribute("placement", .record(placement), printing: .emptyWhenUnset),
      Attribute("endpoint_mode", .text),
    ])

  static let updateConfig = Record([
    Attribute("parallelism", .integer, cast: .int, printing: .omitUnset),
    Attribute("delay", .text, form: .duration),
    Attribute("failure_action", .text),
    Attribute("monitor", .text, form: .duration),
    Attribute("max_failure_ratio", .number, cast: .float),
    Attribute("order", .word(["start-first", "stop-first"])),
  ])

  static let resources = Record([
    Attribute("limits", .record(limits), printing: .omitUnset),
    Attribute("reservations", .record(reservations), printing: .omitUnset),
  ])

  static let limits = Record([
    Attribute("cpus", .number, cast: .float),
    Attribute("memory", .text, form: .bytes),
    Attribute("pids", .integer, cast: .int),
  ])

  static let reservations = Record([
    Attribute("cpus", .number, cast: .float),
    Attribute("memory", .text, form: .bytes),
    Attribute("devices", .list(.record(reservedDevice), unique: false), form: .gpus),
    Attribute("generic_resources", .list(.record(genericResource), unique: false)),
  ])

  static let reservedDevice = Record(required: ["capabilities"], deviceRequest.attributes)

  static let genericResource = Record([
    Attribute("discrete_resource_spec", .record(discreteResource), printing: .omitUnset)
  ])

  static let discreteResource = Record([
    Attribute("kind", .text, printing: .always),
    Attribute("value", .number, cast: .int, printing: .always),
  ])

  static let restartPolicy = Record([
    Attribute("condition", .text),
    Attribute("delay", .text, form: .duration, printing: .omitUnset),
    Attribute("max_attempts", .integer, cast: .int, printing: .omitUnset),
    Attribute("window", .text, form: .duration, printing: .omitUnset),
  ])

  static let placement = Record([
    Attribute("constraints", .list(.text, unique: false)),
    Attribute("preferences", .list(.record(preference), unique: false)),
    Attribute("max_replicas_per_node", .integer, cast: .int),
  ])

  static let preference = Record([Attribute("spread", .text)])

  static let develop = Record(
    nullable: true,
    [
      Attribute("watch", .list(.record(watch), unique: false), form: .watch)
    ])

  static let watch = Record(
    required: ["path", "action"],
    [
      Attribute("path", .text),
      Attribute(
        "action", .word(["rebuild", "sync", "restart", "sync+restart", "sync+exec"])),
      Attribute("target", .text),
      Attribute("exec", .record(hook), printing: .emptyWhenUnset),
      Attribute("include", .textOrTexts, merge: .texts, form: .texts),
      Attribute("ignore", .textOrTexts, merge: .texts, form: .texts),
      Attribute("initial_sync", .scalar(.bool)),
    ])
}
