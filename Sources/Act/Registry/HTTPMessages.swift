// What is asked of an HTTP server, what it answers, and why an exchange can fail.

package import Linux

package struct HTTPRequest: Sendable {
  package enum Method: String, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case patch = "PATCH"
    case put = "PUT"
  }

  package enum Body: Sendable {
    case bytes([UInt8])
    case file(FilePart)
  }

  package var method: Method
  package var url: String
  package var headers: [(name: String, value: String)]
  /// Sent with POST, PATCH and PUT.
  package var body: Body
  /// Bytes of the content that are here already: the rest is asked for by Range.
  package var offset: Int64
  /// The longest body that is kept in memory.
  package var limit: Int
  var trust: Trust
  /// Whether a name may stand for an address that only this machine sees.
  var mayBeLocal = true
  /// Called on the client's own thread when a body for the sink begins, with its length where the server
  /// says that.
  var announced: @Sendable (Int64?) -> Void = { _ in }

  package init(
    _ method: Method, _ url: String, headers: [(name: String, value: String)] = [],
    body: Body = .bytes([]), offset: Int64 = 0, limit: Int = 64 << 10
  ) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
    self.offset = offset
    self.limit = limit
    trust = Trust()
  }
}

/// A part of a file that is sent; read as the other end takes it.
package struct FilePart: Sendable {
  package var file: SharedDescriptor
  package var offset: Int64
  package var count: Int64
  /// Called on the client's own thread with how many bytes of the part have been handed out.
  package var progress: @Sendable (Int64) -> Void

  package init(
    _ file: SharedDescriptor, offset: Int64, count: Int64,
    progress: @escaping @Sendable (Int64) -> Void = { _ in }
  ) {
    self.file = file
    self.offset = offset
    self.count = count
    self.progress = progress
  }
}

package struct HTTPResponse: Sendable {
  package var status: Int
  /// Names in lower case, in the order of arrival.
  package var headers: [(name: String, value: String)]
  /// Empty when the body went to a sink.
  package var body: [UInt8]
  /// What was asked, after all redirects.
  package var url: String
  /// The address of the other end; nil behind a proxy.
  package var peer: String?
  /// Where a redirect points, made absolute; nil without one.
  package var location: String?

  package func header(_ name: String) -> String? {
    headers.first { $0.name == name }?.value
  }

  package func all(_ name: String) -> [String] {
    headers.filter { $0.name == name }.map(\.value)
  }
}

/// Takes the body of a successful answer as it comes; called on the client's own thread and must not
/// block. After `full` call `HTTPClient.wake` when there is room.
package typealias BodySink = @Sendable (UnsafeRawBufferPointer) -> ChunkChannel.Offer

package enum HTTPFault: Error, Hashable {
  /// libcurl is not installed.
  case noLibrary
  /// No connection: name unknown, refused, timed out.
  case unreachable(String)
  /// The connection was made and then failed.
  case broken(String)
  /// The certificate of the server is not one to trust, or it does not take ours.
  case untrusted(String)
  /// The server answers a TLS greeting in plain http.
  case plainServer
  /// Its name stands for an address that only this machine sees.
  case local
  /// The server does not keep to the protocol or to the limits.
  case misbehaved(String)
  /// The file that is sent cannot be read.
  case unreadable(String)
  /// The sink wants no more.
  case abandoned
  case cancelled
}
