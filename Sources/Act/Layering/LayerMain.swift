// The door of `berth-unpack layer`: a job on standard input, and on standard output what was asked for, the
// digests of what would be copied or the layer that was made. One process with one thread.

import Archive
import Blueprint
import CLinux
import ContainerInit
import Control
import Copying
import Diagnostics
import Glibc
import JSON
import Linux
import SystemPackage

/// A job holds the contents of here-documents and lists of layers, not of files that are large.
private let jobLimit = 64 << 20

/// Characters of one part of a message.
private let messageLimit = 4096

/// - Returns: 0, or 1 when it has said on standard error, in one line, what went wrong.
package func layerMain() -> Int32 {
  signal(SIGPIPE, SIG_IGN)
  umask(0)
  // What is selected stays open until it is copied.
  var descriptors = rlimit()
  if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &descriptors) == 0 {
    descriptors.rlim_cur = descriptors.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &descriptors)
  }
  do {
    let input = Descriptor(owning: STDIN_FILENO)
    let job = try JSONValue(parsing: input.readAll(limit: jobLimit)).decode(LayerJob.self)
    switch job.action {
    case .digest: try digest(job)
    case .find: try find(job)
    case .apply: try apply(job)
    }
    return 0
  } catch {
    var failure = failure(error)
    // What was typed stands in it whole, and a pipe holds so much before somebody reads.
    failure.summary = String(failure.summary.prefix(messageLimit))
    failure.hint = failure.hint.map { String($0.prefix(messageLimit)) }
    // Who would have read it has gone.
    try? tell(failure, on: STDERR_FILENO)
    return 1
  }
}

private func digest(_ job: LayerJob) throws {
  let mounts = job.steps.contains { step in
    if case .copy(let copy) = step, case .layers = copy.source { return true }
    return false
  }
  if mounts { try enterOwnMounts() }
  for case .copy(let copy) in job.steps {
    try tell(try digest(of: copy), on: STDOUT_FILENO)
  }
}

private func find(_ job: LayerJob) throws {
  for case (let index, .copy(let copy)) in job.steps.enumerated() {
    do {
      try Selection(copy, in: openSource(copy.source)).visit { _ in }
    } catch var failure as LayerFailure {
      failure.step = index
      throw failure
    }
  }
}

private func apply(_ job: LayerJob) throws {
  try enterOwnMounts()
  let ignoresRoot = try ignoresRoot(job)
  let root =
    ignoresRoot
    ? SharedDescriptor(try Descriptor.open(filePath(job.upper.raw), O_RDONLY | O_DIRECTORY))
    : try mountLayers(job.lowers, upper: job.upper, work: job.work)
  let tree = TargetTree(root: root, latest: job.latest)
  let isIndependent = ignoresRoot && !job.lowers.isEmpty
  let steps = LayerSteps(tree: tree) {
    isIndependent ? try readable(mountLayers(job.lowers)) : root
  }
  for step in job.steps { try steps.run(step) }
  let opaque: LayerRules.Opaque =
    tree.mayHideFolders ? .over(try openLayers(job.lowers)) : .never
  var rules = LayerRules(leavingOut: [], opaque: opaque)
  if isIndependent {
    try tree.settle(like: readable(mountLayers(job.lowers)))
    rules.implied = tree.implied
  }
  try writeLayer(job.upper, rules)
}

/// Whether what is copied goes nowhere but to the upper folder: there is nothing below, or a layer is made
/// that does not look at it.
private func ignoresRoot(_ job: LayerJob) throws(LayerFailure) -> Bool {
  if job.lowers.isEmpty { return true }
  let independent = job.steps.filter { step in
    if case .copy(let copy) = step { return copy.isLink }
    return false
  }
  if independent.isEmpty { return false }
  guard independent.count == job.steps.count else {
    throw LayerFailure("a layer cannot be one with `--link` and one without")
  }
  return true
}

private func writeLayer(_ upper: Bytes, _ rules: LayerRules) throws {
  let root = try Descriptor.open(filePath(upper.raw), O_PATH | O_DIRECTORY | O_NOFOLLOW)
  let tree = CopyTree(
    root: SharedDescriptor(root), descriptors: SharedDescriptor(try ownDescriptors()), label: "/")
  var buffer: [UInt8] = []
  var requester = Requester()
  var archiver = TreeArchiver(tree, layer: rules) { bytes in
    try requester.look(after: bytes.count)
    // Heads and small files go out together.
    if buffer.count + bytes.count > 1 << 20 {
      try writeAll(buffer)
      buffer.removeAll(keepingCapacity: true)
    }
    buffer.append(contentsOf: bytes)
  }
  try archiver.archiveContents()
  try writeAll(buffer)
}

private func writeAll(_ bytes: [UInt8], to output: CInt = STDOUT_FILENO) throws(SystemCallError) {
  var done = 0
  while done < bytes.count {
    done += try retrying("write") {
      bytes.withUnsafeBytes { write(output, $0.baseAddress.map { $0 + done }, $0.count - done) }
    }
  }
}

/// One line of JSON.
private func tell(_ message: some Encodable, on output: CInt) throws {
  try writeAll(JSONValue(encoding: message).bytes() + [0x0A], to: output)
}

private func failure(_ error: any Error) -> LayerFailure {
  switch error {
  case let failure as LayerFailure: return failure
  case let failure as LaunchFailure: return LayerFailure("\(failure.stage): \(failure.message)")
  case let fault as any Diagnosable:
    let first = fault.diagnostics.first
    return LayerFailure(first?.summary ?? "it failed", hint: first?.hint)
  default: return LayerFailure("the job cannot be read: \(error)")
  }
}
