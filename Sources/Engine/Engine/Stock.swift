// What is on this machine, for verbs that work on the store alone: they need neither a compose file nor
// the name of a project.

import Blueprint
package import Host
import Images
import Networking
import OCI
import Store

package struct Stock: Sendable {
  let host: HostProfile
  let layout: Layout
  let containers: ContainerStore
  let images: ImageStore
  let volumes: VolumeStore
  let networks: NetworkStore

  package init(_ host: HostProfile) {
    self.host = host
    layout = Layout(state: host.state, run: host.run)
    containers = ContainerStore(layout: layout, bootID: host.bootID)
    images = ImageStore(root: layout.images)
    volumes = VolumeStore(layout: layout)
    networks = NetworkStore(layout: layout)
  }

  /// The containers of all projects, as the image store needs to know them.
  @Sendable func imageUsers() throws -> [ImageUser] {
    try containers.names().compactMap { name, _, id in
      guard let text = try readFile(layout.blueprint(id), limit: 8 << 20) else { return nil }
      let isRunning = containers.state(of: id).isSupervised
      guard let record = try containers.record(id: id, project: "") else {
        // It cannot be read, by this berth at least: whatever it may name is kept.
        return ImageUser(
          name: name, isRunning: isRunning, image: nil, digests: digestsNamed(in: text))
      }
      var layers = record.blueprint.root.layers.flatMap { digestsNamed(in: $0.raw) }
      for case .image(let id, let mounted, _, _) in record.blueprint.mounts {
        layers += mounted.flatMap { digestsNamed(in: $0.raw) } + digestsNamed(in: Array(id.utf8))
      }
      // Hooks that run in images of their own run again with each start.
      if let hooks = try readFile(layout.hooks(id), limit: 8 << 20) {
        layers += digestsNamed(in: hooks)
      }
      return ImageUser(
        name: name, isRunning: isRunning, image: Digest(record.blueprint.image.id),
        digests: Set(layers))
    }
  }
}

/// Every run of 64 hexadecimal digits.
private func digestsNamed(in text: [UInt8]) -> Set<Digest> {
  let words = text.split { byte in
    !(0x30...0x39).contains(byte) && !(0x61...0x66).contains(byte)
  }
  return Set(words.compactMap { Digest(hex: String(decoding: $0, as: UTF8.self)) })
}
