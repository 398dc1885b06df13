// What happened to containers, as `events` shows it: text and JSON, in the reference's shapes (C110).

package import Engine
import JSON

/// `2026-01-31 12:00:00.000000 container die ID (exitCode=0, image=…, name=…)` and an empty line.
package func eventText(_ event: ContainerEvent) -> String {
  let attributes = event.attributes.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
  let line =
    "\(localText(event.time)) container \(event.action) \(event.id) (\(attributes))"
  return printable(line) + "\n\n"
}

/// One object on one line; the time in UTC.
package func eventJSON(_ event: ContainerEvent) -> String {
  var attributes = JSONObject()
  for (key, value) in event.attributes { attributes.append(key, .string(value)) }
  let object: JSONValue = [
    "action": .string(event.action), "attributes": .object(attributes), "id": .string(event.id),
    "service": .string(event.service), "time": .string(nanoText(event.time)), "type": "container",
  ]
  return object.text(JSONStyle(escapesHTML: true)) + "\n"
}
