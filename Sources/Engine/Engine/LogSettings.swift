// Logging of a service as the container's blueprint holds it.

import Blueprint
import Compose
import Diagnostics

extension Session {
  func log(of service: Service) throws -> LogBlueprint {
    var log = LogBlueprint()
    guard let logging = service.logging else { return log }
    switch logging.driver {
    case nil, "json-file", "local": break
    case "none":
      // A little, for who is in front of the container.
      log.driver = .none
      log.segmentSize = 8 << 20
      log.segmentCount = 2
    case .some(let name):
      throw UnsupportedSetting(
        service: service, setting: "the logging driver `\(name)`",
        hint: "berth has json-file, local and none")
    }
    for option in logging.options {
      switch option.key {
      case "max-size":
        guard let size = byteSize(option.value), size >= 64 << 10 else {
          throw UnsupportedSetting(
            service: service, setting: "logging option max-size `\(option.value)`",
            hint: "write a size of at least 64k, such as 10m")
        }
        log.segmentSize = size
      case "max-file":
        guard let count = Int(option.value), (1...10_000).contains(count) else {
          throw UnsupportedSetting(
            service: service, setting: "logging option max-file `\(option.value)`",
            hint: "write a number from 1 to 10000")
        }
        log.segmentCount = count
      case "compress", "labels", "labels-regex", "env", "env-regex", "tag", "mode",
        "max-buffer-size":
        // They change how docker stores lines, not which lines `logs` shows.
        break
      default:
        throw UnsupportedSetting(
          service: service, setting: "logging option `\(option.key)`",
          hint: "berth knows max-size and max-file")
      }
    }
    return log
  }
}

/// `10m`, `512k`, `1g`, with or without a `b`: binary multiples, as log options have them.
func byteSize(_ text: String) -> UInt64? {
  var digits = text.lowercased()
  if digits.hasSuffix("b") { digits.removeLast() }
  let factor: UInt64
  switch digits.last {
  case "k": factor = 1 << 10
  case "m": factor = 1 << 20
  case "g": factor = 1 << 30
  default: factor = 1
  }
  if factor > 1 { digits.removeLast() }
  guard let number = UInt64(digits) else { return nil }
  let (size, overflow) = number.multipliedReportingOverflow(by: factor)
  return overflow ? nil : size
}
