// The top level of a compose file and its resources (reference 2.1, 2.9 and 2.10).

extension Tables {
  static let file = Record([
    Attribute("version", .text, printing: .never),
    Attribute("name", .text),
    Attribute(
      "include", .list(.either([.text, .record(include)]), unique: false), printing: .never),
    Attribute("services", .map(.record(service), names: .resource), printing: .omitUnset),
    Attribute("networks", .map(.record(network), names: .any)),
    Attribute("volumes", .map(.record(volume), names: .resource)),
    Attribute("secrets", .map(.record(secret), names: .resource)),
    Attribute("configs", .map(.record(config), names: .resource)),
    Attribute("models", .map(.record(model), names: .any)),
  ])

  static let include = Record([
    Attribute("path", .textOrTexts),
    Attribute("env_file", .textOrTexts),
    Attribute("project_directory", .text),
  ])

  static let external = Shape.either([.flag, .record(externalResource)])

  static let externalResource = Record([Attribute("name", .text)])

  static let driverOptions = Shape.map(.scalar([.string, .number]), names: .any)

  static let network = Record(
    nullable: true,
    [
      Attribute("name", .text),
      Attribute("driver", .text),
      Attribute("driver_opts", driverOptions, form: .pairs),
      Attribute("ipam", .record(ipam), printing: .emptyWhenUnset),
      Attribute("external", external, cast: .bool, form: .external),
      Attribute("internal", .flag, cast: .bool),
      Attribute("attachable", .flag, cast: .bool),
      Attribute("labels", .pairs, merge: .pairs, unique: .key, form: .pairs),
      Attribute("enable_ipv4", .flag, cast: .bool, printing: .omitUnset),
      Attribute("enable_ipv6", .flag, cast: .bool, printing: .omitUnset),
    ])

  static let ipam = Record([
    Attribute("driver", .text),
    Attribute("config", .list(.record(pool), unique: false), merge: .pools),
    Attribute("options", .map(.text, names: .any), form: .pairs, printing: .never),
  ])

  static let pool = Record([
    Attribute("subnet", .text),
    Attribute("gateway", .text),
    Attribute("ip_range", .text),
    Attribute("aux_addresses", .map(.text, names: .any), form: .pairs),
  ])

  static let volume = Record(
    nullable: true,
    [
      Attribute("name", .text),
      Attribute("driver", .text),
      Attribute("driver_opts", driverOptions, form: .pairs),
      Attribute("external", external, cast: .bool, form: .external),
      Attribute("labels", .pairs, merge: .pairs, unique: .key, form: .pairs),
    ])

  static let secret = Record(fileResource.filter { $0.name != "content" })
  static let config = Record(
    fileResource.filter { $0.name != "driver" && $0.name != "driver_opts" })

  private static let fileResource = [
    Attribute("name", .text),
    Attribute("file", .text),
    Attribute("environment", .text),
    Attribute("content", .text),
    Attribute("external", external, cast: .bool, form: .external),
    Attribute("labels", .pairs, merge: .pairs, unique: .key, form: .pairs),
    Attribute("driver", .text),
    Attribute("driver_opts", driverOptions, form: .pairs),
    Attribute("template_driver", .text),
  ]

  static let model = Record(
    required: ["model"],
    [
      Attribute("name", .text),
      Attribute("model", .text),
      Attribute("context_size", .scalar(.integer)),
      Attribute("runtime_flags", .list(.text, unique: false)),
    ])
}
