// Which of an index's images fits a machine.

/// `os/architecture[/variant]`, normalised: `x86_64` is `amd64`, `arm64/v8` is `arm64`, and so on.
package struct Platform: Hashable, Sendable, CustomStringConvertible {
  package let os: String
  package let architecture: String
  package let variant: String?

  package init(os: String, architecture: String, variant: String? = nil) {
    self.os = os.lowercased()
    let variant = variant.flatMap { $0.isEmpty ? nil : $0.lowercased() }
    switch (architecture.lowercased(), variant) {
    case ("x86_64", let variant), ("x86-64", let variant), ("amd64", let variant):
      self.architecture = "amd64"
      self.variant = variant == "v1" ? nil : variant
    case ("aarch64", let variant), ("arm64", let variant):
      self.architecture = "arm64"
      self.variant = variant == "v8" || variant == "8" ? nil : variant
    case ("armhf", _): (self.architecture, self.variant) = ("arm", "v7")
    case ("armel", _): (self.architecture, self.variant) = ("arm", "v6")
    case ("arm", let variant):
      self.architecture = "arm"
      self.variant = variant.map { $0.first == "v" ? $0 : "v" + $0 } ?? "v7"
    case ("i386", _), ("i486", _), ("i586", _), ("i686", _):
      (self.architecture, self.variant) = ("386", nil)
    case (let other, let variant): (self.architecture, self.variant) = (other, variant)
    }
  }

  /// `os/architecture[/variant]`, or an architecture alone, which means linux.
  package init(parsing text: String) throws(ImageFault) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let isPlain = parts.allSatisfy { part in
      !part.isEmpty && part.utf8.count <= 64
        && part.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2D || $0 == 0x5F || $0 == 0x2E }
    }
    guard isPlain else { throw .invalidPlatform(text) }
    switch parts.count {
    case 1: self.init(os: "linux", architecture: parts[0])
    case 2: self.init(os: parts[0], architecture: parts[1])
    case 3: self.init(os: parts[0], architecture: parts[1], variant: parts[2])
    default: throw .invalidPlatform(text)
    }
  }

  /// The machine that this program was built for.
  package static var host: Platform {
    #if arch(x86_64)
      Platform(os: "linux", architecture: "amd64")
    #elseif arch(arm64)
      Platform(os: "linux", architecture: "arm64")
    #elseif arch(arm)
      Platform(os: "linux", architecture: "arm", variant: "v7")
    #elseif arch(riscv64)
      Platform(os: "linux", architecture: "riscv64")
    #else
      Platform(os: "linux", architecture: "unknown")
    #endif
  }

  /// This machine by its processor's flags as /proc/cpuinfo has them: `amd64/v3` where it knows all
  /// that belongs to that level of the psABI.
  package static func host(processorFlags flags: Set<Substring>) -> Platform {
    guard host.architecture == "amd64" else { return host }
    var level: String?
    for (name, needed) in amd64Levels {
      guard flags.isSuperset(of: needed) else { break }
      level = name
    }
    return Platform(os: "linux", architecture: "amd64", variant: level)
  }

  /// Whether the kernel of this machine runs its programs without an interpreter; variants are the
  /// processor's to know.
  package var isNative: Bool {
    guard os == Platform.host.os else { return false }
    if architecture == Platform.host.architecture { return true }
    return ["amd64/386", "arm64/arm"].contains("\(Platform.host.architecture)/\(architecture)")
  }

  package var description: String {
    "\(os)/\(architecture)" + (variant.map { "/\($0)" } ?? "")
  }

  /// What may stand in for this platform, the best first: older variants of the same architecture.
  package var fallbacks: [Platform] {
    let variants: [String?]
    switch (architecture, variant) {
    case ("arm", let variant):
      variants = older("v", variant, from: 8, to: 5)
    case ("amd64", let variant?):
      variants = older("v", variant, from: 4, to: 2) + [nil]
    case (_, nil): return [self]
    case (_, let variant?): variants = [variant, nil]
    }
    return variants.map { Platform(os: os, architecture: architecture, variant: $0) }
  }

  /// Whether an image made for `other` can run where this platform is wanted.
  package func accepts(_ other: Platform) -> Bool { fallbacks.contains(other) }
}

/// What each level adds, in the kernel's names: `pni` is SSE3, `abm` LZCNT.
private let amd64Levels: [(String, Set<Substring>)] = [
  ("v2", ["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"]),
  ("v3", ["abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"]),
  ("v4", ["avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"]),
]

private func older(_ prefix: String, _ variant: String?, from: Int, to: Int) -> [String?] {
  guard let variant, let number = Int(variant.dropFirst()), number <= from, number >= to else {
    return [variant]
  }
  return stride(from: number, through: to, by: -1).map { "\(prefix)\($0)" }
}

func isAlphanumeric(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
    UInt8(ascii: "A")...UInt8(ascii: "Z"):
    true
  default: false
  }
}
