// What the engine tells while it works. It prints nothing: whoever asked decides how to show it.

package import Diagnostics
import Synchronization

/// A change of one thing that is being worked on. Shown as a line, a redraw or JSON.
package struct ProgressEvent: Hashable, Sendable {
  package enum Phase: String, Hashable, Sendable {
    case working = "Working"
    case done = "Done"
    case warning = "Warning"
    case error = "Error"
  }

  /// `Container shop-web-1`, `Network shop_default`, `Image nginx`, or a layer's short digest.
  package var id: String
  /// The id of what this is a part of: the image of a layer.
  package var parent: String?
  /// One of the reference's words: Creating, Created, Pulling, …
  package var status: String
  package var phase: Phase
  package var detail: String
  /// Bytes.
  package var current: UInt64?
  package var total: UInt64?

  package init(
    _ id: String, _ status: String, _ phase: Phase, detail: String = "", parent: String? = nil,
    current: UInt64? = nil, total: UInt64? = nil
  ) {
    self.id = id
    self.status = status
    self.phase = phase
    self.detail = detail
    self.parent = parent
    self.current = current
    self.total = total
  }

  /// Of an image or one of its layers.
  package var isOfImage: Bool { parent != nil || id.hasPrefix("Image ") }
}

package enum EngineEvent: Sendable {
  case progress(ProgressEvent)
  case warning(Diagnostic)
  /// What a check says of a Dockerfile, at each build of it: one line is enough.
  case remark(Diagnostic)
  /// A line that the reference prints as it is, such as `No stopped containers`.
  case note(String)
  case build(BuildEvent)

  /// Of the steps of a build, or of what it is made from.
  package var isOfBuild: Bool {
    switch self {
    case .build, .remark: true
    case .progress, .warning, .note: false
    }
  }
}

/// Called from any thread, in the order in which things happened to one thing.
package typealias EventSink = @Sendable (EngineEvent) -> Void

/// The same sink, but a warning comes through once: what is looked at before anything is made is looked
/// at again for each container.
func tellingWarningsOnce(_ events: @escaping EventSink) -> EventSink {
  let told = Mutex<Set<Diagnostic>>([])
  return { event in
    switch event {
    case .warning(let diagnostic), .remark(let diagnostic):
      if told.withLock({ $0.insert(diagnostic).inserted }) { events(event) }
    case .progress, .note, .build: events(event)
    }
  }
}
