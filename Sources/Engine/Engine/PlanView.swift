// What `plan` shows: what `up` would do with each thing, and which words of the files have changed.

package import Diagnostics
package import JSON
import Blueprint
import Compose
import Linux
package import Planning
import Store
import SystemPackage

package struct PlanView: Sendable {
  /// One attribute that is not what it was.
  package struct Field: Sendable, Hashable {
    /// Keys from the top of the thing's definition, joined by dots.
    package var path: String
    /// Nil: it was not there.
    package var old: JSONValue?
    /// Nil: it is not there any more.
    package var new: JSONValue?
    /// The text that sets the new value.
    package var span: SourceSpan?

    package init(path: String, old: JSONValue?, new: JSONValue?, span: SourceSpan?) {
      self.path = path
      self.old = old
      self.new = new
      self.span = span
    }
  }

  package struct Entry: Sendable {
    package var change: PlannedChange
    package var fields: [Field]
    /// False: what it was made of was not kept, so its fields cannot be told.
    package var isRecorded: Bool

    package init(change: PlannedChange, fields: [Field] = [], isRecorded: Bool = true) {
      self.change = change
      self.fields = fields
      self.isRecorded = isRecorded
    }
  }

  package var project: String
  package var entries: [Entry]
  /// Volumes that are not what the file says, and are left as they are.
  package var kept: [Entry]
  package var orphans: [String]

  package init(project: String, entries: [Entry], kept: [Entry], orphans: [String]) {
    self.project = project
    self.entries = entries
    self.kept = kept
    self.orphans = orphans
  }

  package var isEmpty: Bool { entries.isEmpty }
}

extension Session {
  /// What `up` would do. Changes nothing.
  package func plan(_ options: UpOptions) async throws -> PlanView {
    let project = try project()
    let selected = try check(options, project)
    return try await blocking {
      let decision = try decideDry(options, selected, project)
      let plan = decision.plan
      return PlanView(
        project: projectName,
        entries: try plan.changes.map { try entry($0, decision, project) },
        kept: try plan.changedVolumes.map { name in
          let change = PlannedChange(
            kind: .volume, name: name, action: .recreate,
            cause: "its configuration changed; it is left as it is without --yes")
          return try entry(change, decision, project)
        },
        orphans: plan.orphans)
    }
  }

  private func entry(_ change: PlannedChange, _ decision: UpDecision, _ project: Project) throws
    -> PlanView.Entry
  {
    guard change.action == .recreate else { return PlanView.Entry(change: change) }
    switch change.kind {
    case .container: return try containerEntry(change, decision, project)
    case .network:
      guard let network = project.networks.first(where: { $0.name == change.name }) else { break }
      return try entry(
        change, recordedAt: layout.definition(ofNetwork: change.name), network.configHashInput,
        ["networks", network.key], project)
    case .volume:
      guard let volume = project.volumes.first(where: { $0.name == change.name }) else { break }
      return try entry(
        change, recordedAt: layout.definition(ofVolume: change.name), volume.configHashInput,
        ["volumes", volume.key], project)
    case .image: break
    }
    return PlanView.Entry(change: change)
  }

  private func containerEntry(
    _ change: PlannedChange, _ decision: UpDecision, _ project: Project
  ) throws -> PlanView.Entry {
    let name = change.replaced ?? change.name
    guard let old = decision.records.first(where: { $0.name == name }),
      let service = decision.selected.first(where: { $0.name == change.service }),
      let desired = decision.desired.services.first(where: { $0.name == service.name })
    else { return PlanView.Entry(change: change) }
    let top = ["services", service.name]
    var entry: PlanView.Entry
    if old.blueprint.labels[Label.configHash] == desired.configHash {
      entry = PlanView.Entry(change: change)
    } else {
      entry = try self.entry(
        change, recordedAt: layout.definition(ofContainer: old.id), service.configHashInput, top,
        project)
    }
    func add(_ path: String, _ old: String?, _ new: String?, _ key: String) {
      guard old != new else { return }
      entry.fields.append(
        PlanView.Field(
          path: path, old: old.map { .string($0) }, new: new.map { .string($0) },
          span: project.place(of: top + [key])))
    }
    if let image = desired.imageID {
      add("image digest", old.blueprint.image.id, image, "image")
    }
    let mounted = old.blueprint.labels[Label.mountedImages] ?? ""
    add("mounted images", mounted, desired.mountedImages, "volumes")
    return entry
  }

  private func entry(
    _ change: PlannedChange, recordedAt path: FilePath, _ definition: [UInt8], _ top: [String],
    _ project: Project
  ) throws -> PlanView.Entry {
    // What cannot be read says no more than what was never written.
    guard let recorded = try readFile(path, limit: 8 << 20),
      let old = try? JSONValue(parsing: recorded), let new = try? JSONValue(parsing: definition)
    else { return PlanView.Entry(change: change, isRecorded: false) }
    return PlanView.Entry(
      change: change,
      fields: fieldChanges(from: old, to: new).map { field in
        PlanView.Field(
          path: field.path.joined(separator: "."), old: field.old, new: field.new,
          span: field.new == nil ? nil : project.place(of: top + field.path))
      })
  }
}
