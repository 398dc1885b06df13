// Projects and volumes as `ls` and `volumes` show them, in the reference's shapes.

package import Engine
import JSON

package func projectsTable(_ projects: [ProjectRow]) -> String {
  var table = Table(["NAME", "STATUS", "CONFIG FILES"], narrowest: 20)
  table.rows = projects.map { [$0.name, statusText($0), filesText($0)] }
  return table.text
}

package func projectsListing(_ projects: [ProjectRow]) -> RowListing {
  RowListing(
    projects.map {
      [
        "Name": .string($0.name), "Status": .string(statusText($0)),
        "ConfigFiles": .string(filesText($0)),
      ]
    }, fields: ["Name", "Status", "ConfigFiles"])
}

private func filesText(_ project: ProjectRow) -> String {
  project.files.isEmpty ? "N/A" : project.files
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

package func volumesListing(_ volumes: [VolumeRow]) -> RowListing {
  RowListing(
    volumes.map { volume in
      [
        "Availability": "N/A", "Driver": "local", "Group": "N/A",
        "Labels": .string(labelsText(volume.labels)), "Links": "N/A",
        "Mountpoint": .string(volume.mountpoint), "Name": .string(volume.name), "Scope": "local",
        "Size": "N/A", "Status": "N/A",
      ]
    },
    fields: [
      "Availability", "Driver", "Group", "Labels", "Links", "Mountpoint", "Name", "Scope", "Size",
      "Status",
    ], headings: ["Name": "VOLUME NAME"], labels: volumes.map(\.labels))
}
