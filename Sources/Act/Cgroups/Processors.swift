// Sets of processors as the kernel writes them: cpuset(7), "Formats".

package import Linux
import SystemPackage

/// `0-2,4`: ranges in order.
package struct ProcessorSet: Hashable, Sendable {
  /// More than any kernel is built for.
  private static let most = 65_536
  package let text: String
  private let ranges: [ClosedRange<Int>]

  /// nil when `text` is no set or an empty one.
  package init?(_ text: String) {
    var ranges: [ClosedRange<Int>] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false)
      guard (1...2).contains(ends.count), let low = Int(ends[0]),
        let high = Int(ends[ends.count - 1]),
        low >= 0, low <= high, high < Self.most
      else { return nil }
      ranges.append(low...high)
    }
    self.text = text
    self.ranges = ranges
  }

  package func isContained(in other: ProcessorSet) -> Bool {
    ranges.allSatisfy { range in
      range.allSatisfy { number in other.ranges.contains { $0.contains(number) } }
    }
  }
}

/// The processors that containers may be given here; nil where the kernel has no cpusets.
package func availableProcessors() throws(SystemCallError) -> ProcessorSet? {
  guard let hierarchy = try CgroupLayout.detect().hierarchy(of: "cpuset") else { return nil }
  for file in ["cpuset.effective_cpus", "cpuset.cpus.effective", "cpuset.cpus"] {
    // Each version and age of the kernel has another of them.
    if let list = try? text(hierarchy.base.appending(file)), let first = words(list).first {
      return ProcessorSet(first)
    }
  }
  return nil
}
