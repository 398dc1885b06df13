// What berth takes of the disk, and how much of that could come free.

import Blueprint
import Images
import Linux
import OCI
package import Store
import SystemPackage

/// The kinds together are all that lies in the state folder.
package struct StockUsage: Sendable {
  package struct Kind: Sendable {
    package var name: String
    package var total: Int
    package var active: Int
    /// Bytes.
    package var size: UInt64
    package var reclaimable: UInt64
  }

  package struct Image: Sendable {
    package var image: StoredImage
    package var size: UInt64
    /// Bytes that other images stand on, too.
    package var shared: UInt64
    package var containers: Int
  }

  package struct Container: Sendable {
    package var record: ContainerRecord
    package var size: UInt64
    package var volumes: Int
  }

  package struct Volume: Sendable {
    package var name: String
    package var size: UInt64
    package var containers: Int
  }

  package var kinds: [Kind]
  package var images: [Image]
  package var containers: [Container]
  package var volumes: [Volume]
}

extension Stock {
  package func usage() async throws -> StockUsage {
    try await blocking {
      var disk = DiskUsage()
      let records = try self.containers.list()
      var cache = StockUsage.Kind(
        name: "Build Cache", total: 0, active: 0, size: 0, reclaimable: 0)
      let (imageKind, images) = try self.imageUsage(&disk, records, &cache)
      let (containerKind, containers) = try self.containerUsage(&disk, records)
      let (volumeKind, volumes) = try self.volumeUsage(&disk, records)
      try self.addBuildFolders(to: &cache, &disk)
      let counted = [
        self.layout.images, self.layout.containers, self.layout.volumes, self.layout.builds,
      ]
      var rest = try disk.addAlone(self.layout.state)
      for name in try namesInFolder(self.layout.state) {
        let path = self.layout.state.appending(name)
        if !counted.contains(path) { rest &+= try disk.add(path) }
      }
      let other = StockUsage.Kind(
        name: "Bookkeeping", total: 0, active: 0, size: rest, reclaimable: 0)
      return StockUsage(
        kinds: [imageKind, containerKind, volumeKind, cache, other], images: images,
        containers: containers, volumes: volumes)
    }
  }

  /// What builds keep that is no layer.
  private func addBuildFolders(to cache: inout StockUsage.Kind, _ disk: inout DiskUsage) throws {
    let entries = try BuildFolders(layout: layout).entries()
    let size = try entries.map { try disk.add($0.path) }.reduce(0, &+)
    cache.total += entries.count
    cache.reclaimable &+= size
    cache.size &+= try size &+ disk.add(layout.builds)
  }

  /// - Parameter cache: gets the layers that only steps of builds keep.
  private func imageUsage(
    _ disk: inout DiskUsage, _ records: [ContainerRecord], _ cache: inout StockUsage.Kind
  ) throws -> (StockUsage.Kind, [StockUsage.Image]) {
    let usage = try images.usage(counting: &disk)
    let users = try imageUsers()
    let all = try images.list().map { (image: $0, parts: try images.parts(of: $0)) }
    let inUse = Set(users.compactMap(\.image))
    let needed =
      all.filter { inUse.contains($0.image.id) }.map(\.parts)
      + users.map { ImageParts(layers: $0.digests, blobs: $0.digests) }
    let steps = try images.cachedSteps().map(\.step.parts)
    let owned = all.map(\.parts) + needed
    let cached = usage.size(of: owned + steps) - usage.size(of: owned)
    cache.total += steps.count
    cache.size &+= cached
    cache.reclaimable &+= cached
    let items = usage.layers.values.reduce(0, &+) &+ usage.blobs.values.reduce(0, &+)
    let kind = StockUsage.Kind(
      name: "Images", total: all.count, active: all.count { inUse.contains($0.image.id) },
      size: usage.total - cached,
      reclaimable: items - min(items, usage.size(of: needed) &+ cached))
    let rows = all.enumerated().map { index, entry in
      let others = all.enumerated().filter { $0.offset != index }.map(\.element.parts)
      let shared = ImageParts(
        layers: entry.parts.layers.filter { layer in
          others.contains { $0.layers.contains(layer) }
        },
        blobs: entry.parts.blobs.filter { blob in others.contains { $0.blobs.contains(blob) } })
      return StockUsage.Image(
        image: StoredImage(entry.image), size: usage.size(of: [entry.parts]),
        shared: usage.size(of: [shared]), containers: users.count { $0.image == entry.image.id })
    }
    return (kind, rows)
  }

  private func containerUsage(_ disk: inout DiskUsage, _ records: [ContainerRecord]) throws
    -> (StockUsage.Kind, [StockUsage.Container])
  {
    var kind = StockUsage.Kind(
      name: "Containers", total: records.count, active: records.count(where: \.isSupervised),
      size: 0, reclaimable: 0)
    let rows = try records.map { record in
      let size = try disk.add(layout.container(record.id))
      kind.size &+= size
      if !record.isSupervised { kind.reclaimable &+= size }
      return StockUsage.Container(record: record, size: size, volumes: record.volumeNames.count)
    }
    kind.size &+= try rest(of: layout.containers, but: Set(records.map(\.id)), &disk)
    return (kind, rows)
  }

  private func volumeUsage(_ disk: inout DiskUsage, _ records: [ContainerRecord]) throws
    -> (StockUsage.Kind, [StockUsage.Volume])
  {
    let volumes = try volumes.list().map(\.name)
    var kind = StockUsage.Kind(
      name: "Local Volumes", total: volumes.count, active: 0, size: 0, reclaimable: 0)
    let rows = try volumes.map { name in
      let users = records.count { $0.volumeNames.contains(name) }
      let size = try disk.add(layout.volume(name))
      kind.size &+= size
      if users > 0 { kind.active += 1 } else { kind.reclaimable &+= size }
      return StockUsage.Volume(name: name, size: size, containers: users)
    }
    kind.size &+= try rest(of: layout.volumes, but: Set(volumes), &disk)
    return (kind, rows)
  }

  /// The folder itself, and what is in it beside what was counted.
  private func rest(of folder: FilePath, but counted: Set<String>, _ disk: inout DiskUsage) throws
    -> UInt64
  {
    var size = try disk.addAlone(folder)
    for name in try namesInFolder(folder) where !counted.contains(name.string) {
      size &+= try disk.add(folder.appending(name))
    }
    return size
  }
}

extension ContainerRecord {
  var volumeNames: Set<String> {
    Set(
      blueprint.mounts.compactMap(\.volumeName))
  }
}
