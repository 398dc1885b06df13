// Builds as JSON: the objects of BuildKit's `rawjson`, which docker prints for builds in place of its own.

import Blueprint
import Engine
import JSON

/// Each event as one object: `{"vertexes":[{digest,name,started,completed,cached,error}]}` for what begins and
/// ends, `{"logs":[{vertex,stream,data,timestamp}]}` with base64 for output, `{"statuses":[{id,vertex,total,
/// current,timestamp}]}` for bytes. A step's digest is `step:` and its number.
struct BuildRecords {
  private struct Step {
    var name: String
    var started: String
  }

  /// When the command began, by the clock on the wall.
  let began: Timestamp
  private var steps: [Int: Step] = [:]

  init(began: Timestamp) { self.began = began }

  mutating func take(_ event: BuildEvent) -> JSONValue {
    let digest = JSONValue.string("step:\(event.step)")
    let time = stamp(event.time)
    switch event.change {
    case .began(let name):
      steps[event.step] = Step(name: name, started: time)
      return one("vertexes", vertex(event.step))
    case .output(let bytes, let isError):
      return one(
        "logs",
        [
          "vertex": digest, "stream": isError ? 2 : 1, "data": .string(Base64.encode(bytes)),
          "timestamp": .string(time),
        ])
    case .progress(let current, let total):
      var status: JSONObject = ["id": .string(steps[event.step]?.name ?? ""), "vertex": digest]
      if total > 0 { status["total"] = JSONValue(total) }
      status["current"] = JSONValue(current)
      status["timestamp"] = .string(time)
      return one("statuses", status)
    case .finished(let outcome):
      var vertex = vertex(event.step)
      vertex["completed"] = .string(time)
      switch outcome {
      case .done: break
      case .cached: vertex["cached"] = true
      case .failed(let reason): vertex["error"] = .string(reason)
      case .cancelled: vertex["error"] = "context canceled"
      }
      steps[event.step] = nil
      return one("vertexes", vertex)
    }
  }

  private func vertex(_ number: Int) -> JSONObject {
    var vertex: JSONObject = ["digest": .string("step:\(number)")]
    if let step = steps[number] {
      vertex["name"] = .string(step.name)
      vertex["started"] = .string(step.started)
    }
    return vertex
  }

  private func one(_ kind: String, _ object: JSONObject) -> JSONValue {
    .object([kind: .array([.object(object)])])
  }

  private func stamp(_ time: Duration) -> String {
    let parts = time.components
    let nanoseconds = parts.seconds &* 1_000_000_000 &+ parts.attoseconds / 1_000_000_000
    return nanoText(Timestamp(nanoseconds: began.nanoseconds &+ nanoseconds))
  }
}
