// How much a load may make of its texts: what is short in a text can stand for much.

/// What stages make beyond what stands in the texts, counted over a whole load. Each count has a
/// limit; what passes it is a fault at its place.
struct Growth {
  enum Count: Int, CaseIterable {
    /// Bytes of all files together.
    case read
    /// Bytes that variables put into values.
    case text
    /// Ports that ranges stand for.
    case ports
    /// Values that services take over from those that they extend.
    case extended
    /// Variables that services take from env files.
    case variables
    /// Variables that included files see, where they have env files of their own.
    case environments
    /// Values of all included files together.
    case included
    /// Values that are looked at once more because a further document is merged with them.
    case merged

    var limit: Int {
      switch self {
      case .read: 20 << 20
      case .text: 16 << 20
      case .ports: 65_536
      case .extended, .variables: 250_000
      case .environments: 5_000_000
      case .included: 1_000_000
      case .merged: 800_000
      }
    }

    var excess: String {
      switch self {
      case .read: "the files hold more than \(limit) bytes together"
      case .text: "variables put more than \(limit) bytes into the values"
      case .ports: "ranges stand for more than \(limit) ports together"
      case .extended: "services take over more than \(limit) values from those that they extend"
      case .variables: "services take more than \(limit) variables from env files"
      case .environments: "the env files of included files make too many variables"
      case .included: "included files hold more than \(limit) values together"
      case .merged: "too many documents of this size are merged"
      }
    }
  }

  private var amounts = [Int](repeating: 0, count: Count.allCases.count)
  /// Where each count first passed its limit.
  private var places: [Count: Origin] = [:]

  /// Adds to a count. Once it is past its limit everything throws, before anything is made, and
  /// always the same fault, which is told once.
  mutating func take(_ amount: Int, of count: Count, at origin: Origin) throws(Fault) {
    let (sum, overflow) = amounts[count.rawValue].addingReportingOverflow(max(0, amount))
    amounts[count.rawValue] = overflow ? .max : sum
    guard amounts[count.rawValue] <= count.limit else {
      let place = places[count] ?? origin
      places[count] = place
      throw Fault(.outOfRange, count.excess, at: place)
    }
  }
}

extension Node {
  /// The values in the tree.
  var size: Int {
    switch value {
    case .list(let items): items.reduce(1) { $0 + $1.size }
    case .map(let fields): fields.entries.reduce(1) { $0 + $1.node.size }
    default: 1
    }
  }
}
