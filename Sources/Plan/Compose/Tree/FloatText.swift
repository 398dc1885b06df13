// Numbers with a fraction as text, as the reference puts them into maps of strings.

/// The shortest digits that mean the number; with an exponent below 1e-4 and from 1e6 upwards.
func floatText(_ number: Double) -> String {
  guard number.isFinite else { return number.isNaN ? "NaN" : number < 0 ? "-Inf" : "+Inf" }
  guard number != 0 else { return "0" }
  let sign = number < 0 ? "-" : ""
  let (digits, exponent) = shortest(number.magnitude)
  guard exponent >= -4, exponent < 6 else {
    let fraction = digits.count > 1 ? "." + digits.dropFirst() : ""
    let power = "\(exponent.magnitude)"
    return sign + digits.prefix(1) + fraction + (exponent < 0 ? "e-" : "e+")
      + (power.count < 2 ? "0" : "") + power
  }
  if exponent < 0 {
    return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits
  }
  let whole = digits.prefix(exponent + 1)
  let fill = String(repeating: "0", count: max(0, exponent + 1 - digits.count))
  let fraction = digits.dropFirst(exponent + 1)
  return sign + whole + fill + (fraction.isEmpty ? "" : "." + fraction)
}

/// The significant digits of a positive number, and the power of ten of the first one.
private func shortest(_ number: Double) -> (digits: String, exponent: Int) {
  let parts = "\(number)".split(separator: "e")
  let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
  let whole = mantissa[0]
  var digits = String(whole) + (mantissa.count > 1 ? String(mantissa[1]) : "")
  var exponent = whole.count - 1 + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
  while digits.count > 1, digits.first == "0" {
    digits.removeFirst()
    exponent -= 1
  }
  while digits.count > 1, digits.last == "0" { digits.removeLast() }
  return (digits, exponent)
}
