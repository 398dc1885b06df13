// The image config: what a container made from the image runs, and which layers it stands on.

import JSON

/// The parts of the OCI image config that berth uses. Absent lists and maps are empty.
package struct ImageConfig: Hashable, Sendable {
  package var platform: Platform
  /// RFC 3339, as written; nil when the image does not say.
  package var created: String?
  package var author: String?
  /// `NAME=value`.
  package var env: [String] = []
  package var entrypoint: [String] = []
  package var cmd: [String] = []
  package var workingDir: String = ""
  package var user: String = ""
  /// `80/tcp`, in byte order.
  package var exposedPorts: [String] = []
  /// Paths, in byte order.
  package var volumes: [String] = []
  package var labels: [String: String] = [:]
  package var stopSignal: String?
  package var healthcheck: ImageHealthcheck?
  package var shell: [String] = []
  package var onBuild: [String] = []
  /// Digests of the uncompressed layers, lowest first.
  package var diffIDs: [Digest] = []

  package init(platform: Platform) { self.platform = platform }

  /// Chain ids: what names a layer together with all below it.
  package var chainIDs: [Digest] { chainIDsOf(diffIDs) }
}

/// Intervals are in nanoseconds; 0 means what the engine's default is.
package struct ImageHealthcheck: Hashable, Sendable {
  /// `["NONE"]`, `["CMD", …]`, `["CMD-SHELL", text]`, or empty: inherited.
  package var test: [String]
  package var interval: Int64
  package var timeout: Int64
  package var startPeriod: Int64
  package var startInterval: Int64
  package var retries: Int

  package init(
    test: [String], interval: Int64 = 0, timeout: Int64 = 0, startPeriod: Int64 = 0,
    startInterval: Int64 = 0, retries: Int = 0
  ) {
    self.test = test
    self.interval = interval
    self.timeout = timeout
    self.startPeriod = startPeriod
    self.startInterval = startInterval
    self.retries = retries
  }
}

/// OCI image spec, "Layer ChainID": the first is the diff id, each next one the digest of
/// `chain diff`.
package func chainIDsOf(_ diffIDs: [Digest]) -> [Digest] {
  var chains: [Digest] = []
  for diff in diffIDs {
    chains.append(chains.last.map { Digest(of: Array("\($0) \(diff)".utf8)) } ?? diff)
  }
  return chains
}

extension ImageConfig {
  package init(parsing bytes: [UInt8]) throws(ImageFault) {
    let value: JSONValue
    do throws(JSONError) {
      value = try JSONValue(
        parsing: bytes,
        limits: JSONLimits(
          bytes: ImageLimits.configBytes, depth: ImageLimits.jsonDepth,
          values: ImageLimits.jsonValues))
    } catch { throw fault(error.description) }
    guard value.object != nil else { throw fault("it is not an object") }
    self.init(platform: try Platform(value, in: "image config"))
    created = value["created"]?.string
    author = value["author"]?.string
    try readRootFS(value["rootfs"])
    if let config = value["config"], !config.isNull {
      guard config.object != nil else { throw fault("`config` is not an object") }
      try read(config)
    }
  }

  private mutating func readRootFS(_ value: JSONValue?) throws(ImageFault) {
    guard let value, value["type"]?.string == "layers" else {
      throw fault("`rootfs.type` is not `layers`")
    }
    guard let items = value["diff_ids"]?.array ?? (value["diff_ids"]?.isNull ?? true ? [] : nil),
      items.count <= ImageLimits.layers
    else { throw fault("`rootfs.diff_ids` is no list or too long") }
    for item in items {
      guard let text = item.string else { throw fault("a diff id is not a string") }
      guard let digest = Digest(text) else { throw .invalidDigest(text) }
      diffIDs.append(digest)
    }
  }

  private mutating func read(_ config: JSONValue) throws(ImageFault) {
    env = try strings(config, "Env")
    entrypoint = try strings(config, "Entrypoint")
    cmd = try strings(config, "Cmd")
    shell = try strings(config, "Shell")
    onBuild = try strings(config, "OnBuild")
    workingDir = try string(config, "WorkingDir") ?? ""
    user = try string(config, "User") ?? ""
    stopSignal = try string(config, "StopSignal").flatMap { $0.isEmpty ? nil : $0 }
    exposedPorts = try names(config, "ExposedPorts")
    volumes = try names(config, "Volumes")
    for member in try object(config, "Labels") {
      guard let text = member.value.string else { throw fault("a label is not a string") }
      guard !hasNUL(member.name), !hasNUL(text) else { throw fault("a label holds a NUL") }
      labels[member.name] = text
    }
    if let health = config["Healthcheck"], !health.isNull {
      healthcheck = try ImageHealthcheck(health)
    }
  }
}

extension ImageHealthcheck {
  fileprivate init(_ value: JSONValue) throws(ImageFault) {
    func number(_ name: String) throws(ImageFault) -> Int64 {
      guard let member = value[name], !member.isNull else { return 0 }
      guard let number = member.number?.integer(Int64.self), number >= 0 else {
        throw fault("`Healthcheck.\(name)` is not a whole number from 0")
      }
      return number
    }
    let retries = try number("Retries")
    guard retries <= 1_000_000 else { throw fault("`Healthcheck.Retries` is too large") }
    self.init(
      test: try strings(value, "Test"), interval: try number("Interval"),
      timeout: try number("Timeout"), startPeriod: try number("StartPeriod"),
      startInterval: try number("StartInterval"), retries: Int(retries))
  }
}

private func fault(_ reason: String) -> ImageFault {
  .invalidDocument("image config", reason: reason)
}

/// A NUL cannot reach exec(2) or mount(2): it would cut the value short.
private func hasNUL(_ text: String) -> Bool { text.utf8.contains(0) }

private func string(_ value: JSONValue, _ name: String) throws(ImageFault) -> String? {
  guard let member = value[name], !member.isNull else { return nil }
  guard let text = member.string, !hasNUL(text) else {
    throw fault("`\(name)` is not a string without NUL")
  }
  return text
}

private func strings(_ value: JSONValue, _ name: String) throws(ImageFault) -> [String] {
  guard let member = value[name], !member.isNull else { return [] }
  // Docker wrote a single string for Entrypoint and Cmd once upon a time.
  if let text = member.string, !hasNUL(text) { return [text] }
  guard let items = member.array else { throw fault("`\(name)` is not a list") }
  var result: [String] = []
  for item in items {
    guard let text = item.string, !hasNUL(text) else {
      throw fault("`\(name)` holds something else than strings without NUL")
    }
    result.append(text)
  }
  return result
}

private func object(_ value: JSONValue, _ name: String) throws(ImageFault)
  -> [JSONObject.Member]
{
  guard let member = value[name], !member.isNull else { return [] }
  guard let object = member.object else { throw fault("`\(name)` is not an object") }
  return object.members
}

/// The names of a set written as an object of empty objects.
private func names(_ value: JSONValue, _ name: String) throws(ImageFault) -> [String] {
  let names = try object(value, name).map(\.name)
  guard !names.contains(where: hasNUL) else { throw fault("`\(name)` holds a NUL") }
  return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}
