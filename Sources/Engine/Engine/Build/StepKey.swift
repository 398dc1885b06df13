// What an instruction's result is found again by: all that went into it, and nothing that did not.

import Blueprint
import OCI

/// Fields are told apart by their lengths: no value can be taken for two.
struct StepKey {
  private var hasher = SHA256()

  /// - Parameter kind: the instruction, with a version: a key of other rules is another key.
  init(_ kind: String) { add("berth 1 " + kind) }

  mutating func add(_ bytes: [UInt8]) {
    hasher.update(Array("\(bytes.count):".utf8))
    hasher.update(bytes)
  }

  mutating func add(_ text: String) { add(Array(text.utf8)) }
  mutating func add(_ digest: Digest) { add(digest.hex) }
  mutating func add(_ flag: Bool) { add(flag ? "1" : "0") }

  mutating func add(_ texts: [String]) {
    add("\(texts.count)")
    for text in texts { add(text) }
  }

  mutating func add(_ text: String?) { add(text.map { [$0] } ?? []) }

  func finish() -> Digest { hasher.finish() }
}
