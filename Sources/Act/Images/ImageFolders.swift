// The image store on disk. Drawn once, here; all below `<state>/images`:
//
//   blobs/sha256/<hex>        manifests, configs, compressed layers: whole and verified, or absent
//   layers/<chain id>/fs/     one unpacked layer, ready to be a lower folder of an overlay
//   layers/<chain id>/implied      folders that the layer does not describe, until they were made like
//                             those of the layers below; a NUL behind each
//   layers/<chain id>/layer.json   what it was made from and how large it is
//   names/<name>              one record for each tag, for each repository digest, and for an image
//                             that has lost its last tag
//   steps/<key>               what an instruction of a Dockerfile made, by all that went into it
//   ingest/<session>/         what a running pull has not published yet; `lock` is locked by it
//   ingest/<hex>.lock         who is fetching this blob
//   leases/<random>           what a running command needs: one line for each layer and blob; locked by it
//   trash/<random>/           taken out of the store and being deleted; `<random>.lock` is locked by who does it
//   collect.lock              held alone while things go out of the store, shared while they are leased

import Linux
import OCI
import SystemPackage

struct ImageFolders: Sendable, Hashable {
  let root: FilePath

  var blobs: FilePath { root.appending("blobs").appending("sha256") }
  var layers: FilePath { root.appending("layers") }
  var names: FilePath { root.appending("names") }
  var ingest: FilePath { root.appending("ingest") }
  var steps: FilePath { root.appending("steps") }
  var leases: FilePath { root.appending("leases") }
  var trash: FilePath { root.appending("trash") }
  var collectLock: FilePath { root.appending("collect.lock") }

  func blob(_ digest: Digest) -> FilePath { blobs.appending(digest.hex) }
  func layer(_ chain: Digest) -> FilePath { layers.appending(chain.hex) }
  func layerFiles(_ chain: Digest) -> FilePath { layer(chain).appending("fs") }
  func impliedFolders(_ chain: Digest) -> FilePath { layer(chain).appending("implied") }
  func layerRecord(_ chain: Digest) -> FilePath { layer(chain).appending("layer.json") }
  func step(_ key: Digest) -> FilePath { steps.appending(key.hex) }
  func lock(_ digest: Digest) -> FilePath { ingest.appending("\(digest.hex).lock") }

  func name(_ reference: ImageReference) -> FilePath { names.appending(fileName(reference)) }

  /// The record of an image that no tag stands for. No reference's file is called so: all of them
  /// hold a `%`.
  func untagged(_ id: Digest) -> FilePath { names.appending(id.description) }

  func make() throws(SystemCallError) {
    for folder in [blobs, layers, names, ingest, leases, steps, trash] { try makeFolders(folder) }
  }

  /// `docker.io%2Flibrary%2Fnginx:latest`; a name too long for a file is told by its digest.
  private func fileName(_ reference: ImageReference) -> String {
    let text = reference.description
    // References hold neither `%` nor control characters: this can be undone and cannot collide.
    let escaped = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }.joined(separator: "%2F")
    return escaped.utf8.count <= 240 ? escaped : "%" + Digest(of: Array(text.utf8)).hex
  }
}

/// What a name stands for. The manifest and config blobs say all the rest; the file's time is when the
/// name was given, or when its registry last said that it still stands for this.
struct NameRecord: Codable, Sendable, Hashable {
  /// A full reference, or the image's id where the record only keeps an image that has no tag.
  var reference: String
  /// What the registry calls it: the digest of the index or of the manifest.
  var digest: Digest
  var manifest: Digest
  /// Bytes of the unpacked layers.
  var size: Int64
}

struct LayerRecord: Codable, Sendable, Hashable {
  var blob: Digest
  var diffID: Digest
  var size: Int64
}
