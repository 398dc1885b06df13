// The small grammars: variables, numbers, durations, sizes, words, ports, mounts, `.env`.

@testable import Compose
import Diagnostics
import JSON
import Testing

@Suite("variables are put into values")
struct TemplateTests {
  static let variables = ["A": "a", "E": "", "N": "1"]

  @Test(
    "a text and what becomes of it",
    arguments: [
      ("plain", "plain"), ("$A", "a"), ("${A}", "a"), ("x${A}y$N", "xay1"), ("$$A", "$A"),
      ("$$$A", "$a"), ("${A:-d}", "a"), ("${E:-d}", "d"), ("${E-d}", ""), ("${U:-d}", "d"),
      ("${U-d}", "d"), ("${U:-}", ""), ("${A:+y}", "y"), ("${E:+y}", ""), ("${E+y}", "y"),
      ("${U+y}", ""), ("${A:?m}", "a"), ("${E?m}", ""), ("${U:-${A}}", "a"),
      ("${U:-x${U:-y}z}", "xyz"), ("${U:-{}}", "{}"), ("$1", "$1"), ("$ ", "$ "),
      ("cost: 5$", "cost: 5$"),
      ("${U:-a:b-c?d}", "a:b-c?d"), ("${A:-${B:?x}}", "a"), ("$U", ""), ("é${A}ü", "éaü"),
      ("${U:-$$}", "$"),
    ])
  func values(text: String, expected: String) throws {
    #expect(try Template(lookup: { Self.variables[$0] }).substitute(text) == expected)
  }

  @Test(
    "no variable",
    arguments: ["${", "${}", "${1}", "${a b}", "${A:x}", "${A", "${A:-${B}", "${A:-x\ny}", "${-}"])
  func invalid(text: String) {
    #expect(throws: TemplateFault.self) {
      try Template(lookup: { Self.variables[$0] }).substitute(text)
    }
  }

  @Test("a required variable says its message, with variables in it")
  func required() {
    do throws(TemplateFault) {
      _ = try Template(lookup: { Self.variables[$0] }).substitute("${U:?need $A}")
      Issue.record("accepted")
    } catch {
      guard case .required("U", "need a") = error.kind else {
        Issue.record("\(error)")
        return
      }
    }
  }

  @Test("nesting and growth are bounded")
  func bounds() {
    let deep = String(repeating: "${U:-", count: 100) + String(repeating: "}", count: 100)
    #expect(throws: TemplateFault.self) { try Template(lookup: { _ in nil }).substitute(deep) }
    let long = String(repeating: "x", count: 1 << 16)
    #expect(throws: TemplateFault.self) {
      try Template(lookup: { _ in long }).substitute(String(repeating: "$A", count: 100))
    }
  }

  @Test("unset variables are told once for each use, used ones with their operators")
  func told() throws {
    var unset: [String] = []
    var used: [VariableUse] = []
    let template = Template(
      lookup: { _ in nil }, unset: { name, _ in unset.append(name) }, used: { used.append($0) })
    #expect(try template.substitute("$A ${B:-x} ${C+y}") == " x ")
    #expect(unset == ["A"])
    #expect(used.map(\.name) == ["A", "B", "C"])
    #expect(used.map(\.defaultValue) == ["", "x", ""])
    #expect(used.map(\.alternate) == ["", "", "y"])
  }
}

@Suite("plain scalars mean what YAML 1.2 says")
struct ScalarTests {
  @Test(
    "a scalar and its JSON",
    arguments: [
      ("1", "1"), ("-7", "-7"), ("0x1F", "31"), ("0o17", "15"), ("017", "15"), ("0b11", "3"),
      ("1_000", "1000"), ("1.5", "1.5"), (".5", "0.5"), ("1e3", "1000"), ("true", "true"),
      ("False", "false"), ("yes", "\"yes\""), ("off", "\"off\""), ("~", "null"), ("null", "null"),
      ("22:22", "\"22:22\""), ("2020-01-01", "\"2020-01-01\""), ("'1'", "\"1\""),
      ("1.2.3", "\"1.2.3\""), ("+5", "5"), ("1e", "\"1e\""), ("0x", "\"0x\""),
      ("9223372036854775807", "9223372036854775807"), ("no", "\"no\""), ("!!str 5", "\"5\""),
      (".inf", "\"inf\""), ("1e999", "\"1e999\""),
      ("18446744073709551615", "\"18446744073709551615\""), ("0-3", "\"0-3\""),
      ("0x-5", "\"0x-5\""), ("0o+7", "\"0o+7\""), ("0\u{301}x1F", "\"0\u{301}x1F\""),
    ])
  func scalars(text: String, expected: String) throws {
    let project = try loaded("x-v: \(text)\nservices: {a: {image: b}}\n").project
    #expect(try json(project, "x-v") == expected)
  }

  @Test(
    "floats become their shortest text",
    arguments: [
      (1.1, "1.1"), (2, "2"), (0.0001, "0.0001"), (0.00001, "1e-05"), (100_000, "100000"),
      (1e6, "1e+06"), (1_234_567.5, "1.2345675e+06"), (-0.5, "-0.5"), (1e100, "1e+100"),
      (120, "120"), (0, "0"),
    ] as [(Double, String)])
  func floats(number: Double, expected: String) { #expect(floatText(number) == expected) }

  @Test("numbers in maps of strings become their text")
  func stringMaps() throws {
    let project = try loaded(
      "services: {a: {image: b, environment: {I: 1, F: 1.10, T: true, E: '', N: 0x10}}}\n"
    ).project
    #expect(
      try json(project, "services", "a", "environment")
        == #"{"E":"","F":"1.1","I":"1","N":"16","T":"true"}"#)
  }
}

@Suite("durations and sizes")
struct QuantityTests {
  @Test(
    "durations and how they are printed",
    arguments: [
      ("30s", "30s"), ("1m30s", "1m30s"), ("90s", "1m30s"), ("1h", "1h0m0s"), ("1.5s", "1.5s"),
      ("500ms", "500ms"), ("1d", "24h0m0s"), ("1w", "168h0m0s"), ("100us", "100µs"), ("0", "0s"),
      ("1m30.5s", "1m30.5s"), ("7ns", "7ns"),
      ("200h24m2.5196s", "200h24m2.5196s"), ("4h0m0.5000005s", "4h0m0.5000005s"),
      ("1.000000003s", "1.000000003s"), ("0.9999999999999999999999s", "999.999999ms"),
      ("0.999999999999999999w", "167h59m59.999999999s"), ("1500ms", "1.5s"), ("-1s", "-1s"),
      ("0s", "0s"),
    ])
  func durations(text: String, printed: String) throws {
    let duration = try #require(parseDuration(text))
    #expect(durationText(duration) == printed)
  }

  @Test(
    "no durations",
    arguments: ["", "10", "s", "1x", "1s2", "1..5s", ".s", "99999999999999999999s", "1e3s", "--1s"])
  func noDurations(text: String) { #expect(parseDuration(text) == nil) }

  @Test(
    "sizes",
    arguments: [
      ("10", 10), ("1b", 1), ("1k", 1024), ("1kb", 1024), ("1KiB", 1024), ("2M", 2 << 20),
      ("1.5g", 3 << 29), ("64 KiB", 65_536), ("1t", 1 << 40), ("-1", -1), ("0", 0),
    ])
  func sizes(text: String, bytes: Int) { #expect(parseBytes(text) == bytes) }

  @Test(
    "no sizes",
    arguments: ["", "k", "1x", "1kk", "-5", "99999999999999999999", "9999999999t", "1e3"])
  func noSizes(text: String) { #expect(parseBytes(text) == nil) }
}

@Suite("command lines are split into words")
struct WordTests {
  @Test(
    "a line and its words",
    arguments: [
      ("a b  c", ["a", "b", "c"]), ("", []), ("'a b' c", ["a b", "c"]),
      ("sh -c \"echo 'x y'\"", ["sh", "-c", "echo 'x y'"]), ("a\\ b", ["a b"]), ("''", [""]),
      ("a ; b", ["a"]), ("a | b", ["a"]), ("a 2> b", ["a"]), ("a\\nb", ["a\nb"]),
      ("a'b'c", ["abc"]), ("$(x y)", ["$(x y)"]), ("a \"\" b", ["a", "", "b"]),
    ])
  func words(line: String, expected: [String]) { #expect(splitWords(line) == expected) }

  @Test("no words", arguments: ["'a", "\"a", "a\\", "(a)", "a $(b"])
  func noWords(line: String) { #expect(splitWords(line) == nil) }
}

@Suite("ports in short form")
struct PortTests {
  @Test(
    "a port and its long forms",
    arguments: [
      ("80", "80>any/tcp"), ("8080:80", "80>8080/tcp"),
      ("127.0.0.1:8080:80", "127.0.0.1 80>8080/tcp"),
      ("127.0.0.1::80", "127.0.0.1 80>any/tcp"), ("[::1]:8080:80/udp", "::1 80>8080/udp"),
      ("::1:8080:80", "::1 80>8080/tcp"),
      ("8000-8002:80-82", "80>8000/tcp 81>8001/tcp 82>8002/tcp"),
      ("8000-8002:80", "80>8000-8002/tcp"), ("80-81", "80>any/tcp 81>any/tcp"),
      ("53:53/UDP", "53>53/udp"),
      ("9/sctp", "9>any/sctp"),
    ])
  func ports(text: String, expected: String) throws {
    let ports = try parsePorts(text, .none).map { node in
      let host = node["host_ip"]?.string.map { $0 + " " } ?? ""
      let published = node["published"]?.string ?? "any"
      return "\(host)\(node["target"]?.int ?? 0)>\(published)/\(node["protocol"]?.string ?? "")"
    }
    #expect(ports.joined(separator: " ") == expected)
  }

  @Test(
    "no ports",
    arguments: [
      "", ":", "8080:", "x", "80:x", "70000:80", "80-79", "8000-8002:80-81", "80/icmp",
      "1.2.3:80:80",
      "a:80:80", "80:80:80:80", "-80", "80-", "1.2.3.4.5:1:1",
    ])
  func noPorts(text: String) { #expect(throws: Fault.self) { try parsePorts(text, .none) } }

  @Test("a port number of the file is as good as a text")
  func number() throws {
    let project = try loaded("services: {a: {image: b, ports: [80, {target: 81, published: 9}]}}")
      .project
    let ports = try #require(project.service("a")?.ports)
    #expect(ports.map(\.target) == [80, 81])
    #expect(ports.map(\.published) == [nil, 9...9])
  }

  @Test("targets outside of 1 to 65535 are refused", arguments: [0, 65_536, -1])
  func targets(number: Int) {
    #expect(!faults("services: {a: {image: b, ports: [{target: \(number)}]}}").isEmpty)
  }
}

@Suite("volumes in short form")
struct MountTests {
  @Test(
    "a volume and its long form",
    arguments: [
      ("/data", #"{"target":"/data","type":"volume","volume":{}}"#),
      ("data:/x", #"{"source":"data","target":"/x","type":"volume","volume":{}}"#),
      (
        "./d:/x/../y:ro",
        #"{"bind":{"create_host_path":true},"read_only":true,"source":"/shop/d","target":"/y","type":"bind"}"#
      ),
      (
        "~/d:/x:rshared,z",
        #"{"bind":{"create_host_path":true,"propagation":"rshared","selinux":"z"},"source":"/home/u/d","target":"/x","type":"bind"}"#
      ),
      (
        "data:/x:nocopy,cached",
        #"{"source":"data","target":"/x","type":"volume","volume":{"nocopy":true}}"#
      ),
      // A combining mark behind a separator does not hide it.
      (
        "data:\u{301}/x/\u{301}/../y",
        #"{"source":"data","target":"\#u{301}/x/y","type":"volume","volume":{}}"#
      ),
    ])
  func mounts(text: String, expected: String) throws {
    let project = try loaded(
      "services: {a: {image: b, volumes: ['\(text)']}}\nvolumes: {data: }\n",
      environment: ["HOME": "/home/u"]
    ).project
    #expect(try json(project, "services", "a", "volumes") == "[\(expected)]")
  }

  @Test("no volumes", arguments: ["xx::/y", ":/x", "xx:/y:ro:z", "xx:/y:", "xx:"])
  func noMounts(text: String) { #expect(throws: Fault.self) { try parseMount(text, .none) } }
}

@Suite("env files")
struct EnvFileTests {
  @Test(
    "a text and its variables",
    arguments: [
      ("A=1\nB = 2\n", "A=1 B=2"), ("export A=1\n", "A=1"), ("export\tA=1\n", "A=1"),
      ("A: x\n", "A=x"),
      ("# c\n\nA=1 # c\n", "A=1"), ("A=a#b\n", "A=a#b"), ("A='x y' # c\n", "A=x y"),
      ("A='$B'\n", "A=$B"), ("B=1\nA=$B${B}\n", "B=1 A=11"), ("A=\"x\\ny\"\n", "A=x\ny"),
      ("A=\"l1\nl2\"\nB=2", "A=l1\nl2 B=2"), ("A=\"\\$B\"\n", "A=$B"), ("A=\r\nB=1\r\n", "A= B=1"),
      ("\u{FEFF}A=1", "A=1"), ("OUT\nGONE\n", "OUT=o"), ("A='it\\'s'\n", "A=it's"),
      ("A=${X:-d}\n", "A=d"), ("A=1\nA=2\n", "A=2"), ("A.b-c[0]=1\n", "A.b-c[0]=1"),
      ("A=$OUT\n", "A=o"),
    ])
  func values(text: String, expected: String) throws {
    var parser = EnvFileParser(lookup: { ["OUT": "o"][$0] })
    try parser.parse(Array(text.utf8))
    #expect(parser.values.map { "\($0.key)=\($0.value)" }.joined(separator: " ") == expected)
  }

  @Test(
    "refused, with the line",
    arguments: [
      ("A=1\nB!=2\n", 2), ("A B=1\n", 1), ("A='x\n", 1), ("A=\"x", 1), ("=1\n", 1), ("A=${\n", 1),
      ("A=${X:?m}\n", 1),
    ])
  func refused(text: String, line: Int) {
    var parser = EnvFileParser(lookup: { _ in nil })
    let fault = #expect(throws: EnvFileFault.self) { try parser.parse(Array(text.utf8)) }
    #expect((fault?.line ?? 0) == line || fault?.line == line + 1)
  }

  @Test("raw files are taken as they are")
  func raw() throws {
    var parser = EnvFileParser(lookup: { ["OUT": "o"][$0] })
    try parser.parseRaw(Array("# c\nA='x' # y\nB=$A\nOUT\nGONE\n".utf8))
    #expect(parser.values.map { "\($0.key)=\($0.value)" } == ["A='x' # y", "B=$A", "OUT=o"])
  }
}
