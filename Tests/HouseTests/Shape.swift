// The shape of a Swift file: how long it is, how long its functions are, and how it begins.

enum Shape {
  static let longestFile = 400
  static let longestFunction = 60

  /// Subjects that read better in one piece, each with the reason.
  static let exceptions: [(place: String, reason: String)] = []

  static func complaints(about source: SwiftSource) -> [Complaint] {
    var complaints: [Complaint] = []
    if source.lineCount > longestFile, !isException(source.path) {
      complaints.append(
        Complaint(
          path: source.path, line: source.lineCount,
          message: "a file of \(source.lineCount) lines: split it by subject"))
    }
    for function in functions(in: source) where function.length > longestFunction {
      guard !isException("\(source.path):\(function.name)") else { continue }
      complaints.append(
        Complaint(
          path: source.path, line: function.line,
          message: "`\(function.name)` has \(function.length) lines: parents decide, leaves compute"
        ))
    }
    if !opensWithComment(source) {
      complaints.append(
        Complaint(path: source.path, line: 1, message: "does not begin with what it is for"))
    }
    return complaints
  }

  private static func isException(_ place: String) -> Bool {
    exceptions.contains { $0.place == place }
  }

  /// A file of tests may say it in the name of its suite instead.
  static func opensWithComment(_ source: SwiftSource) -> Bool {
    if source.path.hasPrefix("Tests/"),
      !SwiftSource.offsets(of: "@Suite(\"", in: source.text).isEmpty
    {
      return true
    }
    return opensWithComment(source.text)
  }

  private static func opensWithComment(_ text: [UInt8]) -> Bool {
    text.starts(with: Array("// ".utf8))
      && !text.starts(with: Array("// swift-".utf8))
      || text.starts(with: Array("/// ".utf8))
  }

  struct Function: Equatable {
    var name: String
    var line: Int
    var length: Int
  }

  /// Each function and initialiser with a body, nested ones too, measured from its keyword to its
  /// closing brace.
  static func functions(in source: SwiftSource) -> [Function] {
    let code = source.code
    var found: [Function] = []
    for keyword in ["func", "init", "deinit", "subscript"] {
      for start in SwiftSource.offsets(of: keyword, in: code) {
        if start > 0, code[start - 1] == UInt8(ascii: ".") { continue }
        guard let open = bodyStart(after: start + keyword.utf8.count, in: code) else { continue }
        let line = source.line(at: start)
        found.append(
          Function(
            name: name(keyword, after: start + keyword.utf8.count, in: code), line: line,
            length: source.line(at: bodyEnd(from: open, in: code)) - line + 1))
      }
    }
    return found.sorted { $0.line < $1.line }
  }

  private static func name(_ keyword: String, after offset: Int, in code: [UInt8]) -> String {
    guard keyword == "func" else { return keyword }
    let rest = code[offset...].drop { $0 == UInt8(ascii: " ") }
    return String(decoding: rest.prefix(while: SwiftSource.isNamePart), as: UTF8.self)
  }

  /// The brace that opens the body; nil for a requirement of a protocol.
  private static func bodyStart(after offset: Int, in code: [UInt8]) -> Int? {
    var depth = 0
    for index in offset..<code.count {
      switch code[index] {
      case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: ")"), UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: "{") where depth == 0: return index
      case UInt8(ascii: "}") where depth == 0: return nil
      case newline where depth == 0 && endsDeclaration(after: index, in: code): return nil
      default: break
      }
    }
    return nil
  }

  /// Whether the next line begins another declaration, so that this one has no body.
  private static func endsDeclaration(after offset: Int, in code: [UInt8]) -> Bool {
    let rest = code[(offset + 1)...].drop { $0 == UInt8(ascii: " ") || $0 == newline }
    let word = String(
      decoding: rest.prefix { SwiftSource.isNamePart($0) || $0 == UInt8(ascii: "@") },
      as: UTF8.self)
    return ["func", "var", "let", "init", "static", "mutating", "associatedtype", "package"]
      .contains(word) || word.hasPrefix("@")
  }

  private static func bodyEnd(from open: Int, in code: [UInt8]) -> Int {
    var depth = 0
    for index in open..<code.count {
      if code[index] == UInt8(ascii: "{") { depth += 1 }
      if code[index] == UInt8(ascii: "}") {
        depth -= 1
        if depth == 0 { return index }
      }
    }
    return code.count - 1
  }
}
