// Short forms and files of lines: ports, mounts, devices, command words, `.env`.

@testable import Compose

func tryPorts(_ bytes: [UInt8]) {
  guard let ports = try? parsePorts(text(bytes), .none) else { return }
  require(!ports.isEmpty && ports.count <= 65_536, "a text means \(ports.count) ports")
  for port in ports {
    let target = required(port["target"]?.int, "a port without `target`")
    require(target >= 0 && target <= 65_535, "port \(target)")
    let address = port["host_ip"]?.string
    if let address { require(isAddress(address), "`\(address)` is no address") }
    let host = address.map { "[\($0)]:" } ?? ""
    let published = port["published"]?.string
    let transport = port["protocol"]?.string ?? ""
    let short =
      address == nil && published == nil
      ? "\(target)/\(transport)" : "\(host)\(published ?? ""):\(target)/\(transport)"
    guard let again = try? parsePorts(short, .none) else {
      fatalError("property violated: `\(short)` is no port")
    }
    require(again.count == 1 && sameValue(again[0], port), "`\(short)` is another port")
    // The first of many tells enough, and keeps an attempt short.
    if ports.count > 64 { break }
  }
}

func tryMounts(_ bytes: [UInt8]) {
  let input = text(bytes)
  if let mount = try? parseMount(input, .none) {
    let target = required(mount["target"]?.string, "a volume without `target`")
    require(!target.isEmpty, "a volume with an empty `target`")
    if input.unicodeScalars.count > 2 {
      require(same(cleanPath(target), target), "`\(target)` is not clean")
    }
    let kind = mount["type"]?.string
    require(kind == "bind" || kind == "volume", "a volume of no kind")
    require(kind != "bind" || mount["source"]?.string?.isEmpty == false, "a bind of nothing")
    require((try? parseMount(input, .none)).map { sameValue($0, mount) } == true, "two meanings")
  }
  if let device = try? parseDevice(input, .none) {
    let parts = ["source", "target", "permissions"].map { device[$0]?.string ?? "" }
    let again = try? parseDevice(parts.joined(separator: ":"), .none)
    require(again.map { sameValue($0, device) } == true, "a device has two meanings")
  }
  _ = try? CommandLineParts.mount(input, folder: "/shop", home: "/home/u")
  _ = try? CommandLineParts.ports(input)
}

func tryWords(_ bytes: [UInt8]) {
  guard let words = splitWords(text(bytes)) else { return }
  let quoted = words.map { "'" + replacingQuotes($0, by: "'\\''") + "'" }.joined(separator: " ")
  require(splitWords(quoted).map { same($0, words) } == true, "other words: \(quoted)")
}

func tryEnvFile(_ bytes: [UInt8]) {
  let lines = bytes.count { $0 == 0x0A } + 1
  let outside = ["A": "a", "E": ""]
  for isRaw in [false, true] {
    func parsed() throws(EnvFileFault) -> [EnvFileValue] {
      var parser = EnvFileParser(lookup: { outside[$0] })
      if isRaw { try parser.parseRaw(bytes) } else { try parser.parse(bytes) }
      return parser.values
    }
    do throws(EnvFileFault) {
      let values = try parsed()
      require((try? parsed()) == values, "a file has two meanings")
      checkVariables(values, isRaw: isRaw)
    } catch {
      require(error.line >= 1 && error.line <= lines, "line \(error.line) of \(lines)")
      require(!error.summary.isEmpty, "a fault says nothing")
    }
  }
}

private func checkVariables(_ values: [EnvFileValue], isRaw: Bool) {
  require(Set(values.map(\.key)).count == values.count, "a variable stands twice")
  for pair in values {
    require(!pair.key.isEmpty, "a variable without a name")
    require(!pair.key.contains { $0 == " " || $0 == "\n" }, "`\(pair.key)` is a name")
    if isRaw {
      require(!pair.value.utf8.contains(0x0A), "a raw value of two lines")
    } else if !pair.value.utf8.contains(UInt8(ascii: "\\")) {
      var parser = EnvFileParser(lookup: { _ in nil })
      // Not at the start, where a byte order mark of the name would be none of it.
      try? parser.parse(Array("\n\(pair.key)='\(replacingQuotes(pair.value, by: "\\'"))'".utf8))
      require(
        parser.values.first.map { same($0.value, pair.value) } == true,
        "`\(pair.key)` is not read as it was")
    }
  }
}

/// By bytes: a quote with an accent is a quote.
private func replacingQuotes(_ text: String, by other: String) -> String {
  String(decoding: text.utf8.flatMap { $0 == 0x27 ? Array(other.utf8) : [$0] }, as: UTF8.self)
}
