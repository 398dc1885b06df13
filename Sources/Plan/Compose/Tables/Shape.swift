// The vocabulary of the tables: what a value may be, and how it is cast, merged, kept unique and
// brought into its long form. The tables themselves are beside this file, one line per attribute.

/// What a value may be.
indirect enum Shape: Sendable {
  case scalar(Kinds)
  /// One of these words.
  case word([String])
  case list(Shape, unique: Bool)
  /// A mapping whose keys the user chooses.
  case map(Shape, names: Names)
  case record(Record)
  /// Any one of these.
  case either([Shape])
  case any

  static let text = Shape.scalar(.string)
  static let flag = Shape.scalar([.bool, .string])
  static let number = Shape.scalar([.number, .string])
  static let integer = Shape.scalar([.integer, .string])
  static let texts = Shape.list(.text, unique: true)
  static let textOrTexts = Shape.either([.text, .texts])
  static let command = Shape.either([.scalar([.null, .string]), .list(.text, unique: false)])
  static let pairs = Shape.either([
    .map(.scalar([.string, .number, .bool, .null]), names: .any), .texts,
  ])
  static let hosts = Shape.either([
    .map(.either([.text, .list(.text, unique: false)]), names: .any), .texts,
  ])
}

struct Kinds: OptionSet, Sendable {
  let rawValue: UInt8

  static let string = Kinds(rawValue: 1)
  static let integer = Kinds(rawValue: 2)
  static let number = Kinds(rawValue: 6)
  static let bool = Kinds(rawValue: 8)
  static let null = Kinds(rawValue: 16)
}

/// What the keys of a mapping may be.
enum Names: Sendable {
  case any
  /// `[a-zA-Z0-9._-]+`
  case resource
  /// `[a-z]+`
  case lowercase
}

/// A mapping whose keys the specification names, in the order in which `config` prints them.
final class Record: Sendable {
  let attributes: [Attribute]
  let required: [String]
  let isNullable: Bool
  private let places: [String: Int]

  init(required: [String] = [], nullable: Bool = false, _ attributes: [Attribute]) {
    self.attributes = attributes
    self.required = required
    isNullable = nullable
    var places: [String: Int] = [:]
    places.reserveCapacity(attributes.count)
    for (place, attribute) in attributes.enumerated() { places[attribute.name] = place }
    self.places = places
  }

  func place(of name: String) -> Int? { places[name] }

  subscript(name: String) -> Attribute? { places[name].map { attributes[$0] } }
}

/// One line of a table.
struct Attribute: Sendable {
  let name: String
  let shape: Shape
  let cast: Cast
  let merge: Merge
  let unique: Identity?
  let form: Form
  let printing: Printing

  init(
    _ name: String, _ shape: Shape, cast: Cast = .none, merge: Merge = .deep,
    unique: Identity? = nil, form: Form = .asIs, printing: Printing = .omitEmpty
  ) {
    self.name = name
    self.shape = shape
    self.cast = cast
    self.merge = merge
    self.unique = unique
    self.form = form
    self.printing = printing
  }
}

/// What text becomes once its variables are put in.
enum Cast: Sendable {
  case none
  case int
  case float
  case bool
}

/// How a later value joins an earlier one (reference S50–S70).
enum Merge: Sendable {
  /// Mappings by key, lists appended, scalars replaced.
  case deep
  case replace
  /// Maps of strings that may be written as lists of `K=V`.
  case pairs
  /// A single text stands for a list of one.
  case texts
  case hosts
  /// A list of names stands for a mapping.
  case names
  case dependsOn
  case build
  case logging
  case pools
}

/// By what the items of a list are the same item, so that the later one wins.
enum Identity: Sendable {
  case value
  /// What stands before `=`.
  case key
  case mountTarget
  case devicePath
  case port
  /// Configs and secrets: the target, by default this folder and the source.
  case grant(String)
  case path
}

/// The long form that a value is brought into.
enum Form: Hashable, Sendable {
  case asIs
  /// A scalar that is always shown as text.
  case text
  case texts
  /// As texts, empty ones left out.
  case filledTexts
  case pairs
  case contexts
  case environment
  case hosts
  case command
  case healthTest
  case build
  case dependsOn
  case envFiles
  case devices
  case gpus
  case names
  case models
  case grants
  case ports
  case ulimits
  case volumes
  case watch
  case ssh
  case providerOptions
  case duration
  case bytes
  /// As bytes; a number is not below zero.
  case size
  case mode
  case octalNumber
  case range(Int, Int)
  case pullPolicy
  case restart
  case containerName
  /// A number without its fraction.
  case whole
  case external
  case extends
}

/// When an attribute is left out of what `config` prints.
enum Printing: Sendable {
  /// Left out when it is false, zero, or empty.
  case omitEmpty
  /// As `omitEmpty`, but YAML shows what is set: left out, it would be loaded as something else.
  case emptyInYAML
  /// Left out only when it is not set.
  case omitUnset
  /// Shown also when it is not set: as 0 or as an empty text.
  case always
  /// JSON always shows it, as null when it is not set.
  case nullWhenUnset
  /// JSON always shows it, as an empty mapping when it is not set.
  case emptyWhenUnset
  /// Read, but never printed.
  case never
}
