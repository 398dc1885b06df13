// What must hold for every input. A property that does not hold ends the program, so that libFuzzer
// keeps the input.

/// `what` is said when the property does not hold.
func require(_ holds: Bool, _ what: @autoclosure () -> String) {
  if !holds { fatalError("property violated: \(what())") }
}

/// A value that must be there.
func required<Value>(_ value: Value?, _ what: @autoclosure () -> String) -> Value {
  guard let value else { fatalError("property violated: \(what())") }
  return value
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// Texts are the same when their bytes are; `==` of `String` also takes twins for equal.
func same(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }

func same(_ left: [String], _ right: [String]) -> Bool {
  left.count == right.count && zip(left, right).allSatisfy { same($0, $1) }
}
