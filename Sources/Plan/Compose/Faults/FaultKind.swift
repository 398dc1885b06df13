// The kinds of faults in compose files. Codes are for good: a kind that goes leaves its number free.

/// What is wrong, each kind with its stable code: `B0110`.
enum FaultKind: Int, Sendable, CaseIterable {
  // The text
  case syntax = 101
  case duplicateKey = 102
  case keyNotText = 103
  case alias = 104
  case mergeKey = 105
  case textLimit = 106
  // The shape
  case unknownKey = 110
  case wrongType = 111
  case missingKey = 112
  case notOneOf = 113
  case duplicateItem = 114
  case badName = 115
  case badValue = 116
  case outOfRange = 117
  // Variables
  case interpolation = 120
  case requiredVariable = 121
  case cast = 122
  // Files on top of files
  case merge = 130
  case extends = 131
  case include = 132
  // What must fit together
  case undefinedReference = 140
  case missingImage = 141
  case conflict = 142
  case cycle = 143
  case disabledDependency = 144
  // Where things come from
  case unreadable = 150
  case environmentFile = 151
  case projectName = 152
  case noFile = 153
  case noService = 154
  case remoteFile = 155
  case notSet = 156
  // What `up` does not do
  case unsupported = 160
  case noEffect = 161
  // Warnings
  case obsolete = 170
  case unsetVariable = 171
  case oldBoolean = 172
  case severalFiles = 173
  case foreignFolder = 174
  case linkedFolder = 175
  case unknownTag = 176
  case cutCommand = 177

  var code: String {
    let digits = "\(rawValue)"
    return "B" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  /// The kind of a code, in any case, with or without the letter and leading zeros.
  init?(code: String) {
    let digits = code.first == "B" || code.first == "b" ? code.dropFirst() : code[...]
    guard let number = Int(digits), let kind = FaultKind(rawValue: number) else { return nil }
    self = kind
  }
}
