// What a shim tells of its container, in the reference's words.

enum SupervisedEvent {
  case start
  /// A signal was sent.
  case kill(Int32)
  /// It has ended because it was told to.
  case stop
  case outOfMemory
  case die(Int32)
  case pause
  case unpause
  case healthy
  case unhealthy

  var action: String {
    switch self {
    case .start: "start"
    case .kill: "kill"
    case .stop: "stop"
    case .outOfMemory: "oom"
    case .die: "die"
    case .pause: "pause"
    case .unpause: "unpause"
    case .healthy: "health_status: healthy"
    case .unhealthy: "health_status: unhealthy"
    }
  }

  /// As a JSON object.
  var attributes: String {
    switch self {
    case .kill(let signal): "{\"signal\":\"\(signal)\"}"
    case .die(let code): "{\"exitCode\":\"\(code)\"}"
    default: "{}"
    }
  }
}
