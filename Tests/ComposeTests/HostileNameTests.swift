// 200 names of projects and services: paths, flags, look-alikes, twins, nothing, very much.

@testable import Compose
import Diagnostics
import Testing

@Suite("names are what they say, or refused")
struct HostileNameTests {
  private static func long(_ count: Int, _ text: String = "x") -> String {
    String(repeating: text, count: count)
  }

  /// Names of services and of projects.
  static let fine = [
    "a", "z", "0", "9", "a0", "0a", "web", "web-1", "web_1", "a-", "a_", "a--b", "a__b", "a-_-b",
    "00", "0-0", "null0", "true0", "x0x", "con", "nul", "prn", "aux", "default", "services", "name",
    "root", "proc", "self", "0x10", "1e3", "0o17", "deadbeef", "localhost", "xn--80ak6aa92e",
    long(63), long(64), long(128), long(1_000),
  ]

  /// Names of services, but not of projects.
  static let services = [
    "A", "Web", "WEB", "aB", "Z9", ".", "..", "...", ".a", "a.", "a.b", "a..b", "-", "--", "-a",
    "--help", "-v", "-f", "--rm", "-p", "_", "__", "_a", "-1", "_1", ".env", ".git", "a.service",
    "1.2.3.4", "compose.yaml", "-.", "._", "-_.", "K", "NULL", "True", "1.0.a", "a-.b", "..a",
    "a..",
    "nE", "N.", "e.E", ".5a", "--volume", "-rf", "a.-",
  ]

  /// Names of nothing.
  static let refused: [String] = paths + signs + spaces + letters + [long(1_000, "é")]

  private static let paths = [
    "", "/", "//", "/a", "a/", "a/b", "../a", "../../etc/passwd", "./a", "a/..", "/dev/null",
    "/proc/self/root", "~", "~/a", "\\", "a\\b", "C:\\a", "c:", "a:b", "a:80", "::1", "[::1]",
    "file:///a", "http://a", "a@b", "@", "a#b", "#", "%2e", "%00", "a%20b", "*", "?", "a*", "[a]",
  ]

  private static let signs = [
    "$", "$a", "${a}", "$(a)", "`a`", "'a'", "\"a\"", "a;b", ";", "a&b", "&&", "|", "a|b", "<a>",
    ">", "!", "!a", "a!", "a=b", "=", "+", "a+b", "a,b", ",", "(a)", "{a}", "{{.a}}", "^", "§", "€",
  ]

  private static let spaces = [
    " ", "  ", " a", "a ", "a b", "\t", "a\tb", "\n", "a\n", "a\nb", "\r", "a\r\n", "\0", "a\0b",
    "\u{7}", "\u{1B}[31ma", "\u{7F}", "\u{80}", "\u{85}", "\u{A0}", "a\u{A0}b", "\u{2003}",
    "\u{2028}", "\u{200B}", "a\u{200B}b", "\u{200D}", "\u{202E}a", "\u{2066}a", "\u{FEFF}",
    "\u{FEFF}a", "\u{FFFD}", "\u{E000}", "\u{10FFFF}",
  ]

  private static let letters = [
    "é", "e\u{301}", "caf\u{E9}", "cafe\u{301}", "å", "a\u{30A}", "\u{212B}", "ß", "ſ", "İ", "ı",
    "\u{212A}", "а", "wеb", "ο", "οο", "ｗｅｂ", "𝐰𝐞𝐛", "ⅷ", "ﬁ", "½", "²", "٣", "१", "三", "あ", "가",
    "\u{1100}\u{1161}", "א", "ا", "🐳", "🇩🇪", "👩‍👩‍👧", "a\u{301}", "\u{301}", "a\u{20DD}", "Ａ",
  ]

  @Test("there are 200")
  func count() {
    let all = Self.fine + Self.services + Self.refused
    #expect(all.count >= 200)
    #expect(Set(all.map { Array($0.utf8) }).count == all.count)
  }

  @Test("of services", arguments: fine + services + refused)
  func service(name: String) {
    let isName = !Self.refused.contains { sameBytes($0, name) }
    let outcome = outcome("services:\n  ? \(quoted(name))\n  : {image: b}\n", quoted(name))
    if isName {
      #expect(outcome.project?.services.map(\.name) == [name], "\(quoted(name)): \(outcome)")
    } else {
      #expect(
        outcome.description.hasSuffix("` is no valid name in `services`"), "\(quoted(name))")
      #expect(outcome.diagnostics.first?.span?.line == 2, "\(quoted(name))")
    }
  }

  @Test("of projects", arguments: fine + services + refused)
  func project(name: String) {
    let isName = Self.fine.contains { sameBytes($0, name) }
    #expect(isProjectName(name) == isName, "\(quoted(name))")
    var options = ProjectOptions(workingDirectory: "/shop", environment: [:])
    options.projectName = name
    let folder = HostileFolder(["compose.yaml": Array("services: {a: {image: b}}".utf8)])
    let loaded = Result { try ProjectLoader.load(options, reading: folder) }
    switch loaded {
    case .success(let loaded):
      // No name at all means that of the folder.
      #expect(isName && loaded.project.name == name || name.isEmpty, "\(quoted(name))")
      #expect(!name.isEmpty || loaded.project.name == "shop")
    case .failure(let error):
      #expect(!isName, "\(quoted(name))")
      let fault = (error as? Faults)?.diagnostics.first
      #expect(fault?.code == "B0152", "\(quoted(name))")
    }
    let derived = projectName(from: name)
    #expect(derived.isEmpty || isProjectName(derived), "\(quoted(name)) becomes \(derived)")
  }

  @Test("twins of other encodings are two services where they are names at all")
  func twins() {
    let labels = outcome(
      "services: {a: {image: b, labels: {\"caf\\u00e9\": 1, \"cafe\\u0301\": 2}}}\n", "labels")
    #expect(labels.project?.services.first?.labels.count == 2)
    let networks = outcome(
      "services: {a: {image: b, networks: {\"caf\\u00e9\": , \"cafe\\u0301\": }}}\n", "networks")
    #expect(networks.diagnostics.count { $0.summary.contains("no valid") } == 2)
  }

  /// In double quotes as YAML writes it, all but letters and digits escaped.
  private func quoted(_ name: String) -> String {
    "\""
      + name.unicodeScalars.map { scalar in
        let digits = String(scalar.value, radix: 16)
        return scalar.isASCII && scalar.value >= 0x30 && scalar.value != 0x5C && scalar.value < 0x7F
          ? String(scalar) : "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
      }.joined() + "\""
  }
}
