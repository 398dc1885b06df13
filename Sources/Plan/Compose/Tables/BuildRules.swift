// What `build` may say and no builder here can do: refused, or left out with a warning.

import Diagnostics

extension Tables {
  static let buildRows: [UpRow] = [
    UpRow(
      path: ["services", "*", "build", "cache_from"], severity: .warning,
      asks: { unknownCaches($0) != nil }, note: "acts on `type=registry` and `type=local`",
      reason: unknownCaches),
    UpRow(
      path: ["services", "*", "build", "cache_to"], severity: .warning,
      asks: { unknownCaches($0) != nil },
      note: "acts on `type=registry`, `type=local` and `type=inline`", reason: unknownCaches),
    UpRow(
      path: ["services", "*", "build", "entitlements"], severity: .error,
      asks: { unknownEntitlement($0) != nil },
      note: "may hold `network.host` and `security.insecure`", reason: unknownEntitlement),
    .refused("services.*.build.isolation", UpRow.isNone(of: "default")),
    statement("provenance"),
    statement("sbom"),
  ]

  /// What is said about an image beside the image: none is made here.
  private static func statement(_ name: String) -> UpRow {
    UpRow(
      path: ["services", "*", "build", name], severity: .error,
      asks: { !["", "false"].contains($0.text ?? "") },
      note: "must be `false`, or left out: no statements about the image are made")
  }
}

@Sendable private func unknownEntitlement(_ node: Node) -> String? {
  let known = ["network.host", "security.insecure", ""]
  guard let name = node.list?.compactMap(\.text).first(where: { !known.contains($0) }) else {
    return nil
  }
  return "cannot grant `\(name)`: there are `network.host` and `security.insecure`"
}

@Sendable private func unknownCaches(_ node: Node) -> String? {
  let types = (node.list ?? []).compactMap { item -> String? in
    let fields = (item.text ?? "").split(separator: ",").map {
      $0.split(separator: "=", maxSplits: 1)
    }
    let type = fields.last { $0.count == 2 && $0[0].lowercased() == "type" }?[1]
    return type.flatMap { ["registry", "local", "inline"].contains($0) ? nil : "`type=\($0)`" }
  }
  return types.isEmpty ? nil : "holds what has no effect: \(types.joined(separator: ", "))"
}
