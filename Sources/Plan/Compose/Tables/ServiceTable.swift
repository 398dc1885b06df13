// The attributes of a service (reference 2.2 to 2.5), in the order in which `config` prints them.

enum Tables {
  static let service = Record([
    Attribute("profiles", .texts, unique: .value),
    Attribute("annotations", .pairs, merge: .pairs, unique: .key, form: .pairs),
    Attribute("attach", .flag, cast: .bool, printing: .omitUnset),
    Attribute(
      "build", .either([.text, .record(build)]), merge: .build, form: .build, printing: .omitUnset),
    Attribute("develop", .record(develop), printing: .omitUnset),
    Attribute("blkio_config", .record(blkio), printing: .omitUnset),
    Attribute("cap_add", .texts, unique: .value),
    Attribute("cap_drop", .texts, unique: .value),
    Attribute("cgroup_parent", .text),
    Attribute("cgroup", .word(["host", "private"])),
    Attribute("cpu_count", .integer, cast: .int, form: .range(0, .max)),
    Attribute("cpu_percent", .integer, cast: .float, form: .range(0, 100)),
    Attribute("cpu_period", .number, cast: .int),
    Attribute("cpu_quota", .number, cast: .int),
    Attribute("cpu_rt_period", .number, cast: .int),
    Attribute("cpu_rt_runtime", .number, cast: .int),
    Attribute("cpus", .number, cast: .float),
    Attribute("cpuset", .text),
    Attribute("cpu_shares", .number, cast: .int),
    Attribute(
      "command", .command, merge: .replace, form: .command, printing: .nullWhenUnset),
    Attribute("configs", grants, unique: .grant("/"), form: .grants),
    Attribute("container_name", .text, form: .containerName),
    Attribute("credential_spec", .record(credentialSpec), printing: .omitUnset),
    Attribute(
      "depends_on", .either([.texts, .map(.record(dependency), names: .resource)]),
      merge: .dependsOn, form: .dependsOn),
    Attribute("deploy", .record(deploy), printing: .omitUnset),
    Attribute("device_cgroup_rules", .texts),
    Attribute(
      "devices", .list(.either([.text, .record(device)]), unique: false), unique: .devicePath,
      form: .devices),
    Attribute("dns", .textOrTexts, merge: .texts, unique: .value, form: .filledTexts),
    Attribute("dns_opt", .texts, merge: .texts, unique: .value),
    Attribute("dns_search", .textOrTexts, merge: .texts, unique: .value, form: .texts),
    Attribute("domainname", .text),
    Attribute(
      "entrypoint", .command, merge: .replace, form: .command, printing: .nullWhenUnset),
    Attribute("provider", .record(provider), printing: .omitUnset),
    Attribute("environment", .pairs, merge: .pairs, unique: .key, form: .environment),
    Attribute(
      "env_file",
      .either([.text, .list(.either([.text, .record(envFile)]), unique: false)]),
      merge: .texts, unique: .path, form: .envFiles),
    Attribute("expose", .list(.scalar([.string, .number]), unique: true), unique: .value),
    Attribute("extends", .either([.text, .record(extends)]), form: .extends),
    Attribute("external_links", .texts),
    Attribute("extra_hosts", .hosts, merge: .hosts, form: .hosts),
    Attribute("group_add", .list(.scalar([.string, .number]), unique: true)),
    Attribute(
      "gpus", .either([.word(["all"]), .list(.record(deviceRequest), unique: false)]),
      form: .gpus),
    Attribute("hostname", .text),
    Attribute("healthcheck", .record(healthcheck), printing: .omitUnset),
    Attribute("image", .text),
    Attribute("init", .flag, cast: .bool, printing: .omitUnset),
    Attribute("ipc", .text),
    Attribute("isolation", .text),
    Attribute("labels", .pairs, merge: .pairs, unique: .key, form: .pairs),
    Attribute(
      "label_file", .textOrTexts, merge: .texts, unique: .value, form: .texts, printing: .never),
    Attribute("links", .texts, unique: .value),
    Attribute("logging", .record(logging), merge: .logging, printing: .omitUnset),
    Attribute("mem_limit", .number, form: .bytes),
    Attribute("mem_reservation", .integer, form: .bytes),
    Attribute("memswap_limit", .number, form: .bytes),
    Attribute("mem_swappiness", .integer, form: .bytes),
    Attribute("mac_address", .text),
    Attribute(
      "models", .either([.texts, .map(.record(serviceModel), names: .any)]),
      merge: .names, form: .models),
    Attribute("network_mode", .text),
    Attribute(
      "networks", .either([.texts, .map(.record(attachment), names: .resource)]),
      merge: .names, form: .names),
    Attribute("oom_kill_disable", .flag, cast: .bool),
    Attribute("oom_score_adj", .integer, cast: .int, form: .range(-1000, 1000)),
    Attribute("pid", .scalar([.string, .null])),
    Attribute("pids_limit", .number, cast: .int),
    Attribute("platform", .text),
    Attribute(
      "ports",
      .list(.either([.scalar([.number, .string]), .record(port)]), unique: true),
      unique: .port, form: .ports),
    Attribute("privileged", .flag, cast: .bool),
    Attribute("pull_policy", .text, form: .pullPolicy),
    Attribute("pull_refresh_after", .text, printing: .never),
    Attribute("read_only", .flag, cast: .bool),
    Attribute("restart", .text, form: .restart),
    Attribute("runtime", .text),
    Attribute("scale", .integer, cast: .int, printing: .omitUnset),
    Attribute("secrets", grants, unique: .grant("/run/secrets/"), form: .grants),
    Attribute("security_opt", .texts),
    Attribute("shm_size", .number, form: .bytes),
    Attribute("stdin_open", .flag, cast: .bool),
    Attribute("stop_grace_period", .text, form: .duration, printing: .omitUnset),
    Attribute("stop_signal", .text),
    Attribute("storage_opt", .map(.any, names: .any), form: .pairs),
    Attribute("sysctls", .pairs, merge: .pairs, unique: .key, form: .pairs),
    Attribute("tmpfs", .textOrTexts, merge: .texts, unique: .key, form: .texts),
    Attribute("tty", .flag, cast: .bool),
    Attribute("ulimits", ulimits, form: .ulimits),
    Attribute("use_api_socket", .scalar(.bool)),
    Attribute("user", .text),
    Attribute("userns_mode", .text),
    Attribute("uts", .text),
    Attribute(
      "volumes", .list(.either([.text, .record(mount)]), unique: true), unique: .mountTarget,
      form: .volumes),
    Attribute("volumes_from", .texts),
    Attribute("working_dir", .text),
    Attribute("pre_start", .list(.record(hook), unique: false)),
    Attribute("post_start", .list(.record(hook), unique: false)),
    Attribute("pre_stop", .list(.record(hook), unique: false)),
  ])

  static let grants = Shape.list(.either([.text, .record(grant)]), unique: false)

  static let grant = Record([
    Attribute("source", .text),
    Attribute("target", .text),
    Attribute("uid", .text),
    Attribute("gid", .text),
    Attribute("mode", .integer, form: .mode, printing: .omitUnset),
  ])

  static let envFile = Record(
    required: ["path"],
    [
      Attribute("path", .text),
      Attribute("required", .flag, cast: .bool, printing: .omitUnset),
      Attribute("format", .text),
    ])

  static let extends = Record(
    required: ["service"],
    [
      Attribute("service", .text),
      Attribute("file", .text),
    ])

  static let dependency = Record(
    required: ["condition"],
    [
      Attribute(
        "condition",
        .word(["service_started", "service_healthy", "service_completed_successfully"])),
      Attribute("required", .scalar(.bool), printing: .omitUnset),
      Attribute("restart", .flag, cast: .bool),
    ])

  static let credentialSpec = Record([
    Attribute("config", .text),
    Attribute("file", .text),
    Attribute("registry", .text),
  ])

  static let provider = Record(
    required: ["type"],
    [
      Attribute("type", .text),
      Attribute(
        "options",
        .map(
          .either([
            .scalar([.string, .number, .bool]),
            .list(.scalar([.string, .number, .bool]), unique: false),
          ]), names: .any), form: .providerOptions),
    ])

  static let healthcheck = Record([
    Attribute(
      "test", .either([.text, .list(.text, unique: false)]), merge: .replace, form: .healthTest),
    Attribute("timeout", .text, form: .duration, printing: .omitUnset),
    Attribute("interval", .text, form: .duration, printing: .omitUnset),
    Attribute("retries", .number, cast: .int, form: .range(0, .max), printing: .omitUnset),
    Attribute("start_period", .text, form: .duration, printing: .omitUnset),
    Attribute("start_interval", .text, form: .duration, printing: .omitUnset),
    Attribute("disable", .flag, cast: .bool),
  ])

  static let logging = Record([
    Attribute("driver", .text),
    Attribute(
      "options", .map(.scalar([.string, .number, .null]), names: .any), form: .pairs),
  ])

  static let serviceModel = Record(
    nullable: true,
    [
      Attribute("endpoint_var", .text),
      Attribute("model_var", .text),
    ])

  static let attachment = Record(
    nullable: true,
    [
      Attribute("aliases", .texts, unique: .value),
      Attribute("driver_opts", .map(.scalar([.string, .number]), names: .any), form: .pairs),
      Attribute("gw_priority", .scalar(.number), form: .whole),
      Attribute("interface_name", .text),
      Attribute("ipv4_address", .text),
      Attribute("ipv6_address", .text),
      Attribute("link_local_ips", .texts, unique: .value),
      Attribute("mac_address", .text),
      Attribute("priority", .scalar(.number), form: .whole),
    ])

  static let port = Record([
    Attribute("name", .text),
    Attribute("mode", .text),
    Attribute("host_ip", .text),
    Attribute("target", .integer, cast: .int),
    Attribute("published", .integer),
    Attribute("protocol", .text),
    Attribute("app_protocol", .text),
  ])

  static let device = Record(
    required: ["source", "target"],
    [
      Attribute("source", .text, printing: .emptyInYAML),
      Attribute("target", .text, printing: .emptyInYAML),
      Attribute("permissions", .text),
    ])

  static let deviceRequest = Record([
    Attribute("capabilities", .texts),
    Attribute("driver", .text),
    Attribute("count", .integer),
    Attribute("device_ids", .texts),
    Attribute("options", .pairs, merge: .pairs, form: .pairs),
  ])

  static let blkio = Record([
    Attribute("weight", .integer, cast: .int),
    Attribute("weight_device", .list(.record(blkioWeight), unique: false)),
    Attribute("device_read_bps", .list(.record(blkioLimit), unique: false)),
    Attribute("device_read_iops", .list(.record(blkioLimit), unique: false)),
    Attribute("device_write_bps", .list(.record(blkioLimit), unique: false)),
    Attribute("device_write_iops", .list(.record(blkioLimit), unique: false)),
  ])

  static let blkioLimit = Record([
    Attribute("path", .text, printing: .always),
    Attribute("rate", .integer, form: .bytes, printing: .always),
  ])

  static let blkioWeight = Record([
    Attribute("path", .text, printing: .always),
    Attribute("weight", .integer, cast: .int, printing: .always),
  ])

  static let ulimits = Shape.map(
    .either([.integer, .record(ulimit)]), names: .lowercase)

  static let ulimit = Record(
    required: ["soft", "hard"],
    [
      Attribute("soft", .integer, cast: .int, printing: .emptyInYAML),
      Attribute("hard", .integer, cast: .int, printing: .emptyInYAML),
    ])

  static let hook = Record(
    required: ["command"],
    [
      Attribute("command", .command, merge: .replace, form: .command, printing: .nullWhenUnset),
      Attribute("image", .text),
      Attribute("user", .text),
      Attribute("privileged", .flag, cast: .bool),
      Attribute("working_dir", .text),
      Attribute("environment", .pairs, merge: .pairs, unique: .key, form: .environment),
      Attribute("per_replica", .flag, cast: .bool),
    ])

  static let mount = Record(
    required: ["type"],
    [
      Attribute("type", .word(["bind", "volume", "tmpfs", "cluster", "npipe", "image"])),
      Attribute("source", .text),
      Attribute("target", .text),
      Attribute("read_only", .flag, cast: .bool),
      Attribute("consistency", .text),
      Attribute("bind", .record(bindOptions), printing: .omitUnset),
      Attribute("volume", .record(volumeOptions), printing: .omitUnset),
      Attribute("tmpfs", .record(tmpfsOptions), printing: .omitUnset),
      Attribute("image", .record(imageOptions), printing: .omitUnset),
      // Printed with the other `x-` keys, not by this line.
      Attribute("x-berth", .record(mountExtension), printing: .never),
    ])

  /// What compose files have no word for.
  static let mountExtension = Record([
    Attribute("bind_owner", .word(["map"]))
  ])

  static let bindOptions = Record([
    Attribute("selinux", .word(["z", "Z"])),
    Attribute("propagation", .text),
    Attribute("create_host_path", .flag, cast: .bool, printing: .omitEmpty),
    Attribute("recursive", .word(["enabled", "disabled", "writable", "readonly"])),
  ])

  static let volumeOptions = Record([
    Attribute("labels", .pairs, merge: .pairs, unique: .key, form: .pairs),
    Attribute("nocopy", .flag, cast: .bool),
    Attribute("subpath", .text),
  ])

  static let tmpfsOptions = Record([
    Attribute("size", .integer, form: .size),
    Attribute("mode", .integer, form: .octalNumber),
  ])

  static let imageOptions = Record([
    Attribute("subpath", .text)
  ])
}
