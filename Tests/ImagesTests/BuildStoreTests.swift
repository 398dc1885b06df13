import Archive
import Glibc
import Linux
import OCI
import SystemPackage
import TestSupport
import Testing

@testable import Images

@Suite("A store of builds", .enabled(if: isRoot), .timeLimit(.minutes(1)))
struct BuildStoreTests {
  @Test("does not unpack a layer that lies here when a cache elsewhere has it too")
  func known() async throws {
    try await Workshop.using { workshop in
      let image = try FakeImage(tars: [sampleTar("a")])
      let file = workshop.folder.appending("archive")
      try Descriptor.open(file, O_WRONLY | O_CREAT, mode: 0o600)
        .writeAll(ArchiveDraft.layout(image).tar)
      let stream = SharedDescriptor(try Descriptor.open(file, O_RDONLY))
      _ = try await workshop.loader.load(.stream(stream), platform: nil, usedBy: { [] }) { _ in }
      let local = try #require(try workshop.store.list().first)
      let layer = try #require(
        try workshop.store.stack(of: try workshop.store.details(of: local)).first)

      let store = try BuildStore(workshop.store, unpacker: "/nonexistent")
      var step = ForeignStep(
        title: "", created: "", blob: layer.blob, diffID: layer.diffID,
        point: .folder(CacheFolder("/nonexistent")))
      let brought = try await store.bring(step, on: [])
      #expect(brought == layer)
      // A size that is not the blob's would go into manifests: such a one is looked at as any other.
      step.blob.size += 1
      let other = step
      await #expect(throws: (any Error).self) { try await store.bring(other, on: []) }
      try store.close()
    }
  }
}
