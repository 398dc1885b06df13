// `commit`: an image from what a container has changed.

import Blueprint
import CLinux
import Control
import Diagnostics
import Glibc
import Host
import Images
import JSON
import Linux
import OCI
import Runtime
import Store
import Synchronization
import SystemPackage

package struct CommitRequest: Sendable {
  package var service: String
  /// REPOSITORY[:TAG]; nil for none.
  package var name: String?
  package var author = ""
  package var message = ""
  package var changes: [String] = []
  /// 0 is the first.
  package var index = 0
  /// Whether the container stands still while its files are read.
  package var pauses = true

  package init(service: String) { self.service = service }
}

extension Session {
  /// The id of the new image.
  /// - Parameter stamp: the time as images tell it.
  package func commit(_ request: CommitRequest, stamp: String) async throws -> String {
    let tag = try request.name.map { try ImageReference(parsing: $0) }
    if let tag, tag.digest != nil {
      throw Faults([
        Diagnostic("`\(tag.familiar)` has a digest", hint: "write REPOSITORY[:TAG]")
      ])
    }
    let lock = try await lockProject("commit")
    defer { lock.release() }
    let record = try chosen(request)
    let lease = try await blocking { try self.images.lease() }
    defer { lease.end() }
    let base = try await blocking { try self.base(of: record, keepingBy: lease) }
    var config = ImageChanges(try runConfig(of: record.blueprint, base))
    for change in request.changes { try config.apply(change) }
    let settings = CommitSettings(
      created: stamp, author: request.author, comment: request.message,
      createdBy: record.blueprint.process.arguments.map(\.text).joined(separator: " "),
      config: config.json, tag: tag)
    let id = "Container \(record.name)"
    tell(.progress(ProgressEvent(id, "Committing", .working)))
    do {
      let digest = try await commit(record, request, on: base, settings)
      note("commit", record.blueprint, [("comment", request.message), ("imageID", "\(digest)")])
      tell(.progress(ProgressEvent(id, "Committed", .done)))
      return "\(digest)"
    } catch {
      tell(.progress(ProgressEvent(id, "Error", .error)))
      throw Failure("committing `\(record.name)`", error)
    }
  }

  private func chosen(_ request: CommitRequest) throws -> ContainerRecord {
    let all = try containers.list(project: projectName).filter { $0.service == request.service }
    if all.isEmpty { try checkExistence(of: [request.service], all) }
    let ranked = all.filter { !$0.isOneOff }.sorted { $0.number < $1.number }
    let found = ranked.first { request.index == 0 || $0.number == request.index }
    guard let found else { throw NoContainer(service: request.service, index: request.index) }
    return found
  }

  private func base(of record: ContainerRecord, keepingBy lease: ImageLease) throws -> ImageDetails
  {
    let identity = record.blueprint.image
    guard let image = try images.resolve(id: identity.id) else {
      throw Faults([
        Diagnostic(
          "the image of container `\(record.name)` is not here any more: \(identity.reference)",
          hint: "its layers are a part of the new image; pull it with `berth pull`")
      ])
    }
    return try images.details(of: image, keepingBy: lease)
  }

  /// What the container runs, as an image says it. Labels that tie it to its project stay with it.
  private func runConfig(of blueprint: ContainerBlueprint, _ base: ImageDetails) throws
    -> JSONObject
  {
    var config = base.config["config"]?.object ?? JSONObject()
    let image = base.image.config
    let words = blueprint.process.arguments.map(\.text)
    func list(_ texts: some Sequence<String>) -> JSONValue { .array(texts.map { .string($0) }) }
    if !image.entrypoint.isEmpty, words.starts(with: image.entrypoint) {
      config["Cmd"] = list(words.dropFirst(image.entrypoint.count))
    } else {
      config["Entrypoint"] = nil
      config["Cmd"] = list(words)
    }
    let own = image.env.map { $0.prefix { $0 != "=" } }
    config["Env"] = list(
      blueprint.process.environment.map(\.text).filter { entry in
        // Set for each container anew.
        let name = entry.prefix { $0 != "=" }
        return own.contains(name) || !["HOSTNAME", "TERM"].contains(name)
      })
    config["WorkingDir"] = .string(blueprint.process.workingDirectory.text)
    if !blueprint.process.user.isEmpty { config["User"] = .string(blueprint.process.user) }
    let labels = blueprint.labels.filter { !$0.key.hasPrefix("com.docker.compose.") }
    if !labels.isEmpty {
      let pairs = labels.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }
      config["Labels"] = .object(JSONObject(pairs))
    }
    if !blueprint.exposes.isEmpty {
      config["ExposedPorts"] = .object(JSONObject(blueprint.exposes.map { ($0, [:]) }))
    }
    return config
  }

  private func commit(
    _ record: ContainerRecord, _ request: CommitRequest, on base: ImageDetails,
    _ settings: CommitSettings
  ) async throws -> Digest {
    let client = ShimClient(runFolder: layout.running(record.id))
    let stops = request.pauses && record.state.status == .running && record.isSupervised
    if stops { try await blocking { try client.pause() } }
    defer {
      // It may have been ended meanwhile; then nothing waits to go on.
      if stops { try? client.unpause() }
    }
    let pipe = try Descriptor.pipe()
    let archiver = ChildProcess(try startArchiver(record, output: pipe.writing))
    var reading: SharedDescriptor? = SharedDescriptor(try pipe.reading.duplicate())
    _ = consume pipe
    let loader = ImageLoader(images, unpacker: host.unpacker)
    let users = Stock(host)
    do {
      guard let stream = reading else { throw CopyFailed() }
      return try await loader.commit(stream, on: base, settings, usedBy: users.imageUsers) {
        // Half of the changes are no layer.
        guard try archiver.status() == 0 else { throw CopyFailed() }
      }
    } catch {
      // Nobody reads on: it ends, and is waited for.
      reading = nil
      _ = try? archiver.status()
      throw error
    }
  }
}
