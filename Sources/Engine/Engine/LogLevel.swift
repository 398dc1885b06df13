// How grave a line is, by the forms that programs commonly log in.

import Glibc

package enum LogLevel: Int, Comparable, CaseIterable, Sendable {
  case trace
  case debug
  case info
  case notice
  case warning
  case error
  case critical

  package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }

  package static let names = ["trace", "debug", "info", "notice", "warning", "error", "critical"]

  /// As typed or logged, in any case; nil for other words.
  package init?(word: String) {
    guard let level = Self.words[word.lowercased()] else { return nil }
    self = level
  }

  private static let words: [String: LogLevel] = [
    "trace": .trace, "trce": .trace, "trc": .trace, "verbose": .trace, "finest": .trace,
    "debug": .debug, "dbug": .debug, "dbg": .debug, "fine": .debug,
    "info": .info, "information": .info, "inf": .info, "log": .info, "notice": .notice,
    "warn": .warning, "warning": .warning, "wrn": .warning,
    "error": .error, "err": .error, "eror": .error, "fail": .error, "severe": .error,
    "critical": .critical, "crit": .critical, "fatal": .critical, "ftl": .critical,
    "alert": .critical, "emerg": .critical, "emergency": .critical, "panic": .critical,
    "dpanic": .critical,
  ]

  /// What a line says of itself; nil when it says nothing.
  init?(of line: UnsafeRawBufferPointer) {
    var text = LineText(bytes: line)
    text.skipBlanks()
    guard let first = text.current else { return nil }
    let found: LogLevel? =
      switch first {
      case UInt8(ascii: "{"): Self.inJSON(text)
      case UInt8(ascii: "<"): Self.syslog(text) ?? Self.inWords(text)
      default: Self.glog(text) ?? Self.inPairs(text) ?? Self.inWords(text)
      }
    guard let found else { return nil }
    self = found
  }

  /// `"level":"warn"`, `"severity":"ERROR"`, `"level":50` as pino and bunyan count, `"level":3` as syslog.
  private static func inJSON(_ text: LineText) -> LogLevel? {
    let keys: [StaticString] = [
      #""level""#, #""severity""#, #""lvl""#, #""levelname""#, #""log.level""#, #""@l""#,
    ]
    for key in keys {
      guard var value = text.behind(key) else { continue }
      value.skipBlanks()
      guard value.take(UInt8(ascii: ":")) else { continue }
      value.skipBlanks()
      if value.take(UInt8(ascii: "\"")) { return LogLevel(word: value.word()) }
      return value.number().flatMap(LogLevel.init(number:))
    }
    return nil
  }

  /// Tens as pino has them; one digit is a severity of syslog.
  private init?(number: Int) {
    switch number {
    case 0...2: self = .critical
    case 3: self = .error
    case 4: self = .warning
    case 5: self = .notice
    case 6: self = .info
    case 7: self = .debug
    case 10..<20: self = .trace
    case 20..<30: self = .debug
    case 30..<40: self = .info
    case 40..<50: self = .warning
    case 50..<60: self = .error
    case 60...100: self = .critical
    default: return nil
    }
  }

  /// `<27>`: the facility times eight, and the severity.
  private static func syslog(_ text: LineText) -> LogLevel? {
    var text = text
    guard text.take(UInt8(ascii: "<")), let number = text.number(), number < 192,
      text.take(UInt8(ascii: ">"))
    else { return nil }
    return LogLevel(number: number % 8)
  }

  /// `E0102 15:04:05.000000 …`, as glog and klog write.
  private static func glog(_ text: LineText) -> LogLevel? {
    guard text.count > 6, (1...4).allSatisfy({ isDigit(text[$0]) }), text[5] == UInt8(ascii: " ")
    else { return nil }
    switch text[0] {
    case UInt8(ascii: "I"): return .info
    case UInt8(ascii: "W"): return .warning
    case UInt8(ascii: "E"): return .error
    case UInt8(ascii: "F"): return .critical
    default: return nil
    }
  }

  /// `level=warn` between others of its kind.
  private static func inPairs(_ text: LineText) -> LogLevel? {
    let keys: [StaticString] = ["level=", "lvl=", "severity="]
    for key in keys {
      guard var value = text.behind(key) else { continue }
      _ = value.take(UInt8(ascii: "\""))
      if let level = LogLevel(word: value.word()) { return level }
    }
    return nil
  }

  /// `ERROR` anywhere near the beginning, `[warn]` in any case, `error:` as the first word.
  private static func inWords(_ text: LineText) -> LogLevel? {
    var words = WordScan(text)
    while let word = words.next() {
      let isMarked = word.isUpperCase || word.isBracketed || word.isFirst && word.isBeforeColon
      if isMarked, let level = LogLevel(word: word.text) { return level }
    }
    return nil
  }
}
