// Projects and volumes as `ls` and `volumes` show them, in the reference's shapes.

package import Engine
import JSON

package func projectsTable(_ projects: [ProjectRow]) -> String {
  var table = Table(["NAME", "STATUS", "CONFIG FILES"])
  table.rows = projects.map { [$0.name, statusText($0), $0.files] }
  return table.text
}

/// One array.
package func projectsJSON(_ projects: [ProjectRow]) -> String {
  JSONValue.array(
    projects.map {
      [
        "Name": .string($0.name), "Status": .string(statusText($0)),
        "ConfigFiles": .string($0.files),
      ]
    }
  ).text()
}

/// `exited(1), running(2)`.
private func statusText(_ project: ProjectRow) -> String {
  project.states.sorted { $0.key < $1.key }.map { "\($0.key)(\($0.value))" }
    .joined(separator: ", ")
}

package func volumesTable(_ volumes: [VolumeRow]) -> String {
  var table = Table(["DRIVER", "VOLUME NAME"])
  table.rows = volumes.map { ["local", $0.name] }
  return table.text
}

/// One object on each line.
package func volumesJSON(_ volumes: [VolumeRow]) -> String {
  volumes.map { volume in
    let labels = volume.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    let object: JSONValue = [
      "Availability": "N/A", "Driver": "local", "Group": "N/A",
      "Labels": .string(labels.joined(separator: ",")), "Links": "N/A",
      "Mountpoint": .string(volume.mountpoint), "Name": .string(volume.name), "Scope": "local",
      "Size": "N/A", "Status": "N/A",
    ]
    return object.text() + "\n"
  }.joined()
}
