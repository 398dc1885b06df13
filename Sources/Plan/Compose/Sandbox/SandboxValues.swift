// Values of limits, devices and security options that no container can have, each told with its
// place. `config` prints such files; `check` and `up` tell.

import Blueprint
import Diagnostics

extension Tables {
  /// Beside `up`, which says what is not acted on: what is said here is wrong anywhere.
  static let sandboxValues: [UpRow] =
    [
      wrong("services.*.cap_add.*", capabilityReason, capabilityAdvice),
      wrong("services.*.cap_drop.*", capabilityReason, capabilityAdvice),
      wrong("services.*.security_opt.*", securityReason, securityAdvice),
      wrong("services.*.device_cgroup_rules.*") { node in
        DeviceGrantRule(node.text ?? "") == nil
          ? "is no device rule: `\(node.text ?? "")`; write `c 1:3 rwm`, with `*` for any number"
          : nil
      },
      wrong("services.*.devices.*", deviceReason),
      wrong("services.*.ulimits", limitNameReason, limitNameAdvice),
      wrong("services.*.ulimits.*", limitReason),
      wrong("services.*.cpu_period") { outside(1_000...1_000_000, $0) },
      wrong("services.*.cpu_quota") { node in
        guard let quota = whole(node), quota > 0 else { return nil }
        return outside(1_000...Int.max, node)
      },
      wrong("services.*.cpus") { node in
        guard let cpus = node.text.flatMap({ Double($0) }) else { return nil }
        return cpus < 0 || cpus > 0 && cpus < 0.01 ? "must be at least 0.01" : nil
      },
      wrong("services.*.cpu_shares") {
        ($0.text.flatMap { Int($0) } ?? 0) < 0 ? "is below 0" : nil
      },
      wrong("services.*.mem_swappiness") { node in
        (0...100).contains(whole(node) ?? 0) ? nil : "must be between 0 and 100"
      },
      wrong("services.*.shm_size") { (whole($0) ?? 0) < 0 ? "is below 0" : nil },
      wrong("services.*.blkio_config.weight") { outside(10...1_000, $0) },
      wrong("services.*.blkio_config.weight_device.*.weight") { outside(10...1_000, $0) },
    ] + blockRates

  private static let blockRates = [
    "device_read_bps", "device_write_bps", "device_read_iops", "device_write_iops",
  ].map { name in
    wrong("services.*.blkio_config.\(name).*.rate") { node in
      (whole(node) ?? 0) < 0 ? "is below 0" : nil
    }
  }

  private static func wrong(
    _ path: String, _ reason: @escaping @Sendable (Node) -> String?,
    _ advice: (@Sendable (Node) -> String?)? = nil
  ) -> UpRow {
    UpRow(
      path: path.split(separator: ".").map(String.init), severity: .error,
      asks: { reason($0) != nil }, reason: reason, advice: advice)
  }
}

private func whole(_ node: Node) -> Int? { node.text.flatMap { Int($0) } }

/// Zero stands for nothing asked.
private func outside(_ range: ClosedRange<Int>, _ node: Node) -> String? {
  guard let number = whole(node), number != 0, !range.contains(number) else { return nil }
  return range.upperBound == .max
    ? "must be at least \(range.lowerBound), not \(number)"
    : "must be between \(range.lowerBound) and \(range.upperBound), not \(number)"
}

@Sendable private func capabilityReason(_ node: Node) -> String? {
  let text = node.text ?? ""
  return CapabilityNames.name(text) == nil ? "is no capability: `\(text)`" : nil
}

@Sendable private func capabilityAdvice(_ node: Node) -> String? {
  suggestion((node.text ?? "").uppercased(), CapabilityNames.all)
    ?? "see capabilities(7), or write ALL"
}

@Sendable private func securityReason(_ node: Node) -> String? {
  let text = node.text ?? ""
  if SecurityOption(text) != nil { return nil }
  let name = text.prefix { $0 != "=" && $0 != ":" }
  guard !SecurityOption.names.contains(String(name)) else {
    return "is an invalid security-opt: `\(name)` cannot be set so: `\(text)`"
  }
  return "is an invalid security-opt: `\(text)`"
}

@Sendable private func securityAdvice(_ node: Node) -> String? {
  let name = String((node.text ?? "").prefix { $0 != "=" && $0 != ":" })
  return suggestion(name, SecurityOption.names)
    ?? "it is one of " + SecurityOption.names.map { "`\($0)`" }.joined(separator: ", ")
}

@Sendable private func deviceReason(_ node: Node) -> String? {
  let permissions = node["permissions"]?.text ?? ""
  if !permissions.isEmpty, !DeviceGrantRule.arePermissions(permissions) {
    return "has permissions that there are not: `\(permissions)`; they are of `rwm`"
  }
  let source = node["source"]?.text ?? ""
  let target = node["target"]?.text ?? ""
  if isDeviceName(source) { return nil }
  if !source.hasPrefix("/") { return "is neither a path nor the name of a device: `\(source)`" }
  if !target.hasPrefix("/") { return "has a target that is no absolute path: `\(target)`" }
  if target.split(separator: "/").contains("..") { return "has a target with `..` in it" }
  return nil
}

/// `vendor.com/class=name` of the Container Device Interface.
package func isDeviceName(_ text: String) -> Bool {
  let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
  guard sides.count == 2 else { return false }
  let kind = sides[0].split(separator: "/", omittingEmptySubsequences: false)
  guard kind.count == 2 else { return false }
  return ([kind[0], kind[1]] + [sides[1]]).allSatisfy { part in
    guard let first = part.utf8.first else { return false }
    return isLetterOrDigit(first)
      && part.utf8.allSatisfy { isLetterOrDigit($0) || "_-.:".utf8.contains($0) }
  }
}

private let limitNames = [
  "as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc",
  "rss", "rtprio", "rttime", "sigpending", "stack",
]

@Sendable private func limitNameReason(_ node: Node) -> String? {
  unknownLimit(node).map { "has no limit `\($0)`" }
}

@Sendable private func limitNameAdvice(_ node: Node) -> String? {
  unknownLimit(node).flatMap { suggestion($0, limitNames) } ?? "see setrlimit(2)"
}

private func unknownLimit(_ node: Node) -> String? {
  node.map?.entries.first { !limitNames.contains($0.key) }?.key
}

@Sendable private func limitReason(_ node: Node) -> String? {
  let single = whole(node)
  let soft = node["soft"].flatMap(whole) ?? single ?? 0
  let hard = node["hard"].flatMap(whole) ?? single ?? 0
  if soft < -1 || hard < -1 { return "is below -1, which is without limit" }
  if hard >= 0, soft > hard || soft == -1 {
    return "has a soft limit (\(soft)) above its hard limit (\(hard))"
  }
  return nil
}
