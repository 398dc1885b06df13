// Who may not reach whom: the floors of the house, and the walls inside them.

import Testing

enum Walls {
  /// From the ground up. A target leans on its own floor or on lower ones.
  static let floors = ["System", "Plan", "Act", "Engine", "CLI", "Programs", "Tests"]

  struct Wall: Sendable, CustomTestStringConvertible {
    enum Reach: Sendable { case direct, anyhow }

    var from: [String]
    var to: [String]
    var reach: Reach = .anyhow
    var reason: String

    var testDescription: String { reason }
  }

  /// Names are those of targets, or of floors with a slash behind.
  static let all: [Wall] = [
    Wall(
      from: ["Plan/"], to: ["Act/", "Engine/", "CLI/", "SystemPackage", "CLinux"],
      reason: "Plan is pure: values in, values out"),
    Wall(
      from: ["Supervision", "ContainerInit"],
      to: [
        "Compose", "Planning", "Registry", "Images", "Build", "Console", "ArgumentParser", "YAML",
        "CCurl", "CNftables", "CCrypto", "CSeccomp",
      ],
      reason: "the shim carries nothing that it does not need"),
    Wall(
      from: ["Unpacking"],
      to: ["Registry", "Images", "Store", "Engine", "CLI/", "CCurl", "ArgumentParser", "YAML"],
      reason: "what reads hostile layers knows nothing but layers"),
    Wall(
      from: ["Layering"],
      to: [
        "Registry", "Images", "Store", "Supervision", "Engine", "CLI/", "CCurl", "ArgumentParser",
      ],
      reason: "what copies files into layers knows nothing of whom it does it for"),
    Wall(
      from: ["Engine"], to: ["Console", "ArgumentParser"], reason: "the Engine does not print"),
    Wall(
      from: ["CLI/"],
      to: [
        "Netlink", "Cgroups", "Control", "Registry", "Images", "Networking", "Runtime",
        "ContainerInit", "Supervision", "CCurl", "CNftables", "CSeccomp", "CCrypto",
      ],
      reach: .direct,
      reason: "the CLI calls the kernel for the terminal and signals only"),
    Wall(
      from: ["Networking"], to: ["Runtime", "ContainerInit"],
      reason: "networks know nothing of processes"),
    Wall(
      from: ["Runtime"], to: ["Networking", "Netlink"],
      reason: "processes know nothing of networks"),
    Wall(
      from: ["Engine"], to: ["Supervision"],
      reason: "the Engine and the shim meet in messages only"),
    Wall(
      from: ["Supervision"], to: ["Engine", "Runtime", "Networking"],
      reason: "the shim and the Engine meet in messages only"),
  ]

  /// Each way through a wall, as the chain of targets that leads there.
  static func breaches(of wall: Wall, in manifest: Manifest) -> [String] {
    let sources = manifest.targets.filter { belongs($0.name, to: wall.from, in: manifest) }
    return sources.flatMap { source in
      chains(from: source.name, in: manifest, reach: wall.reach)
        .filter { belongs($0.last ?? "", to: wall.to, in: manifest) }
        .map { $0.joined(separator: " → ") }
    }
  }

  /// Arrows that run upwards.
  static func climbs(in manifest: Manifest) -> [String] {
    manifest.targets.flatMap { target in
      target.dependencies.compactMap { name in
        guard let other = manifest.target(name), let from = floors.firstIndex(of: target.floor),
          let to = floors.firstIndex(of: other.floor)
        else { return nil }
        return to <= from ? nil : "\(target.name) → \(name)"
      }
    }
  }

  private static func belongs(_ name: String, to names: [String], in manifest: Manifest) -> Bool {
    let floor = manifest.target(name)?.floor
    return names.contains { $0 == name || $0.hasSuffix("/") && $0.dropLast() == floor ?? "" }
  }

  private static func chains(
    from start: String, in manifest: Manifest, reach: Wall.Reach
  ) -> [[String]] {
    var seen: Set<String> = [start]
    var waiting = [[start]]
    var found: [[String]] = []
    while let chain = waiting.popLast() {
      for next in manifest.target(chain.last ?? "")?.dependencies ?? [] {
        guard seen.insert(next).inserted else { continue }
        found.append(chain + [next])
        if reach == .anyhow { waiting.append(chain + [next]) }
      }
    }
    return found
  }
}
