// A container's state as the shim writes it: the form that `Codable` reads, without its costs.

package import JSON

extension ContainerState {
  package var json: JSONValue {
    var object = JSONObject()
    object.append("version", JSONValue(version))
    object.append("bootID", .string(bootID))
    object.append("status", .string(status.rawValue))
    if let pid { object.append("pid", JSONValue(pid)) }
    if let shimPid { object.append("shimPid", JSONValue(shimPid)) }
    if let startedAt { object.append("startedAt", JSONValue(startedAt.nanoseconds)) }
    if let finishedAt { object.append("finishedAt", JSONValue(finishedAt.nanoseconds)) }
    if let exitCode { object.append("exitCode", JSONValue(exitCode)) }
    object.append("oomKilled", .bool(oomKilled))
    object.append("restartCount", JSONValue(restartCount))
    if let health { object.append("health", health.json) }
    if let failure { object.append("failure", .string(failure)) }
    object.append("stoppedByUser", .bool(stoppedByUser))
    return .object(object)
  }
}

extension HealthState {
  fileprivate var json: JSONValue {
    var object = JSONObject()
    object.append("status", .string(status.rawValue))
    object.append("failingStreak", JSONValue(failingStreak))
    var list: [JSONValue] = []
    for result in results {
      var item = JSONObject()
      item.append("startedAt", JSONValue(result.startedAt.nanoseconds))
      item.append("endedAt", JSONValue(result.endedAt.nanoseconds))
      item.append("exitCode", JSONValue(result.exitCode))
      item.append("output", result.output.json)
      list.append(.object(item))
    }
    object.append("results", .array(list))
    return .object(object)
  }
}
