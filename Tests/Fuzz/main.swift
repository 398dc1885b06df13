// One program for all fuzz targets: BERTH_FUZZ_TARGET says which, libFuzzer does the rest.

import CFuzzer
import Glibc

/// What an input is tried on, by the name that `scripts/fuzz` knows it by.
let targets: [String: @Sendable ([UInt8]) -> Void] = [
  "yaml": tryYAML, "template": tryTemplate, "env": tryEnvFile, "scalars": tryScalars,
  "durations": tryDuration, "sizes": trySize, "ports": tryPorts, "mounts": tryMounts,
  "words": tryWords, "names": tryNames, "load": tryLoad,
  "messages": tryMessage, "frames": tryFrames, "resolvers": tryResolverFile, "zones": tryZone,
  "dockerfiles": tryDockerfile, "ignore": tryIgnoreRules, "modes": tryModeChange,
]

let attempt =
  targets[getenv("BERTH_FUZZ_TARGET").map { String(cString: $0) } ?? ""] ?? { _ in
    print(
      "error: BERTH_FUZZ_TARGET must be one of \(targets.keys.sorted().joined(separator: ", "))")
    exit(2)
  }

var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(
  LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
    attempt(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
  })
