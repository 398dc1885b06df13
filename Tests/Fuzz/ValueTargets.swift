// Single values: variables, plain scalars, durations, sizes, names.

import YAML

@testable import Compose

func tryTemplate(_ bytes: [UInt8]) {
  let input = text(bytes)
  let values = ["A": "a", "E": "", "D": "$$", "L": String(repeating: "l", count: 1 << 12)]
  let doubled = text(input.utf8.flatMap { $0 == 0x24 ? [$0, $0] : [$0] })
  do throws(TemplateFault) {
    let plain = try Template(lookup: { values[$0] }).substitute(doubled)
    require(same(plain, input), "`$$` is not the sign itself")
  } catch {
    fatalError("property violated: `$$` is a fault: \(error)")
  }
  var used: [VariableUse] = []
  let template = Template(lookup: { values[$0] }, used: { used.append($0) })
  let output = try? template.substitute(input)
  let again = try? Template(lookup: { values[$0] }).substitute(input)
  require(output == again, "a text has two meanings")
  for use in used {
    require(
      use.name.utf8.allSatisfy { $0 < 0x80 } && use.name.utf8.first.map { $0 > 0x39 } == true,
      "`\(use.name)` is no name of a variable")
  }
  guard let output else { return }
  require(
    output.utf8.count <= Template.growth + (1 << 12) + input.utf8.count, "a text grows too long")
  if !bytes.contains(UInt8(ascii: "$")) { require(same(output, input), "a text was changed") }
}

func tryScalars(_ bytes: [UInt8]) {
  let input = text(bytes)
  switch resolve(YAMLScalar(text: input, isPlain: true), tag: .none) {
  case .int(let number):
    require(
      bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "`\(input)` is read as the number \(number)")
    require(bytes.dropFirst().allSatisfy { $0 != 0x2B && $0 != 0x2D }, "a sign inside: `\(input)`")
    require(integer("\(number)") == number, "\(number) is not read as itself")
  case .float(let number):
    let shown = floatText(number)
    guard number.isFinite else { return }
    require(Double(shown) == number, "\(number) becomes `\(shown)`")
  case .string(let string): require(same(string, input), "a text was changed")
  default: break
  }
}

func tryDuration(_ bytes: [UInt8]) {
  guard let duration = parseDuration(text(bytes)) else { return }
  let shown = durationText(duration)
  require(parseDuration(shown) == duration, "\(duration) is printed as `\(shown)`")
  require(same(durationText(duration), shown), "a duration has two texts")
}

func trySize(_ bytes: [UInt8]) {
  guard let size = parseBytes(text(bytes)) else { return }
  require(size >= -1, "`\(text(bytes))` is \(size) bytes")
  require(parseBytes("\(size)") == size, "\(size) is not read as itself")
}

func tryNames(_ bytes: [UInt8]) {
  let input = text(bytes)
  let derived = projectName(from: input)
  require(derived.isEmpty || isProjectName(derived), "`\(derived)` is no name of a project")
  require(same(projectName(from: derived), derived), "`\(derived)` is not kept")
  if isProjectName(input) {
    require(same(derived, input), "`\(input)` is a name but becomes `\(derived)`")
  }
  let clean = cleanPath(input)
  require(same(cleanPath(clean), clean), "`\(clean)` is not clean")
  require(isAbsolute(clean) == isAbsolute(input), "`\(input)` moved")
  let below = resolve(input, in: "/shop", home: "/home/u")
  require(isAbsolute(below), "`\(below)` is not absolute")
}
