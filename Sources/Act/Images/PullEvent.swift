// What is asked of a pull and what it tells while it runs.

package import OCI

package struct PullRequest: Hashable, Sendable {
  package var reference: ImageReference
  /// Nil: this machine's, and an image made for another one is refused.
  package var platform: Platform?

  package init(_ reference: ImageReference, platform: Platform? = nil) {
    self.reference = reference
    self.platform = platform
  }
}

package enum PullEvent: Hashable, Sendable {
  /// Asking the registry what the reference stands for.
  case resolving(ImageReference)
  /// A layer that the image needs, named by the digest of its blob.
  case layer(ImageReference, Digest, LayerProgress)
  case finished(ImageReference, PullOutcome, Digest)
  /// Not had, and why is in the result of the call.
  case failed(ImageReference)
}

package enum LayerProgress: Hashable, Sendable {
  /// Known, and waiting for its turn.
  case waiting(size: Int64)
  case downloading(received: Int64, size: Int64)
  /// All bytes are here; the rest is being unpacked.
  case extracting
  case done
  case alreadyExists
}

package enum PullOutcome: Hashable, Sendable {
  /// The name stood for this image before.
  case upToDate
  /// The name stands for another image now, or for one at all.
  case changed
}
