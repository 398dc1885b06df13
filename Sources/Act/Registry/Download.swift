// A file of any server by http or https, as builds fetch it: asked for again only if it has changed,
// along redirects, into a file whose digest is taken on the way. Which file that is, is the caller's.

package import Diagnostics
import Glibc
import Linux
package import OCI
import Synchronization
package import SystemPackage

package struct DownloadRequest: Sendable {
  package var url: String
  /// The address as messages show it.
  package var shown: String
  /// What the server called the content that is here already; both nil: there is none.
  package var etag: String?
  package var lastModified: String?
  /// Sent beside what is said by the rest.
  package var headers: [(name: String, value: String)] = []
  /// Bytes that it may have.
  package var limit: UInt64

  package init(_ url: String, shown: String, limit: UInt64) {
    self.url = url
    self.shown = shown
    self.limit = limit
  }
}

package struct Download: Sendable, Hashable {
  package var digest: Digest
  package var size: UInt64
  package var etag: String?
  package var lastModified: String?
  /// Seconds since 1970, of `lastModified`.
  package var modified: Int64? { lastModified.flatMap { httpDate($0).map(Int64.init) } }
}

package struct Downloader: Sendable {
  private static let maximalRedirects = 10
  private static let queuedBytes = 2 << 20
  /// So many bytes between two tellings of progress.
  fileprivate static let told: UInt64 = 256 << 10

  private let http: HTTPClient
  private let certificates: CertificateFolders
  private let retry: RetryPolicy

  /// With the proxies of the caller's environment and the certificates that count for registries. Blocks
  /// on the disk.
  package init(environment: [String: String], retry: RetryPolicy = RetryPolicy(attempts: 3)) throws
  {
    http = HTTPClient(proxies: Proxies(environment: environment))
    let settings = try RegistrySettings(environment: environment)
    certificates = CertificateFolders(root: settings.certificates)
    self.retry = retry
  }

  /// Fetches into the file `path`, which is written anew.
  /// - Parameter progress: bytes so far and of the whole; that is 0 where it is not known.
  /// - Returns: nil when the content is as it was: then the file is empty.
  package func fetch(
    _ request: DownloadRequest, to path: FilePath,
    progress: @escaping @Sendable (UInt64, UInt64) -> Void
  ) async throws -> Download? {
    var attempt = 1
    while true {
      var pause: Duration?
      do {
        let (response, body) = try await receive(request, path, progress)
        switch response.status {
        case 200:
          return Download(
            digest: body.digest, size: body.size, etag: response.header("etag"),
            lastModified: response.header("last-modified"))
        case 304 where request.etag != nil || request.lastModified != nil: return nil
        case 408, 429, 500...599:
          let seconds = response.header("retry-after").flatMap(secondsToWait) ?? 0
          pause = seconds > 0 ? .seconds(seconds) : nil
          guard attempt < retry.attempts, pause ?? .zero <= retry.longestWait else { fallthrough }
        default: throw DownloadFault.answered(request.shown, response.status)
        }
      } catch let fault as HTTPFault {
        switch fault {
        case .unreachable, .broken:
          guard attempt < retry.attempts else { throw DownloadFault(fault, request.shown) }
        case .cancelled: throw CancellationError()
        default: throw DownloadFault(fault, request.shown)
        }
      }
      try await Task.sleep(for: pause ?? retry.wait(before: attempt))
      attempt += 1
    }
  }

  /// Where an address leads, along redirects that are followed. What is there is not kept, and may be an error.
  package func destination(of request: DownloadRequest) async throws -> String {
    do {
      return try await answer(request, Total()) { _ in .taken }.url
    } catch HTTPFault.cancelled {
      throw CancellationError()
    } catch let fault as HTTPFault {
      throw DownloadFault(fault, request.shown)
    }
  }

  private func receive(
    _ request: DownloadRequest, _ path: FilePath,
    _ progress: @escaping @Sendable (UInt64, UInt64) -> Void
  ) async throws -> (HTTPResponse, DownloadBody) {
    let http = http
    let channel = ChunkChannel(limit: Self.queuedBytes) { http.wake() }
    let total = Total()
    async let written = blocking {
      do {
        return try write(channel, to: path, request) { progress($0, total.value) }
      } catch {
        channel.abandon()
        throw error
      }
    }
    do {
      let response = try await answer(request, total) { channel.offer(Array($0)) }
      channel.finish()
      return (response, try await written)
    } catch HTTPFault.abandoned {
      channel.finish()
      _ = try await written
      throw HTTPFault.abandoned
    } catch {
      channel.finish(.failure(error))
      // It ends with the same failure.
      _ = try? await written
      throw error
    }
  }

  /// Follows redirects; what a password in the address opens stays with its server.
  private func answer(
    _ download: DownloadRequest, _ total: Total, _ sink: @escaping BodySink
  ) async throws -> HTTPResponse {
    var request = HTTPRequest(.get, download.url)
    if let etag = download.etag { request.headers.append(("If-None-Match", etag)) }
    if let time = download.lastModified { request.headers.append(("If-Modified-Since", time)) }
    request.headers += download.headers
    request.announced = { total.set($0) }
    guard let home = Origin(download.url) else { throw HTTPFault.misbehaved("bad address") }
    // A server that only this machine sees may send to what only this machine sees.
    var isLocal = isLocalAddress(host(of: download.url))
    for hop in 0...Self.maximalRedirects {
      request.trust = try await trust(request.url)
      let response = try await http.perform(request, sink: sink)
      if hop == 0, let peer = response.peer { isLocal = isLocal || isLocalAddress(peer) }
      guard [301, 302, 303, 307, 308].contains(response.status) else { return response }
      func refuse(_ reason: String) -> DownloadFault { .redirected(download.shown, reason) }
      guard let location = response.location, let next = Origin(location) else {
        throw refuse("not to http or https")
      }
      guard next.scheme == "https" || home.scheme == "http" else {
        throw refuse("from https to http")
      }
      guard isLocal || !isLocalAddress(host(of: location)) else {
        throw refuse("to the local address `\(next.host)`")
      }
      request.url = location
      request.mayBeLocal = isLocal
    }
    throw DownloadFault.redirected(download.shown, "more than \(Self.maximalRedirects) times")
  }

  private func trust(_ url: String) async throws -> Trust {
    guard let origin = Origin(url), origin.scheme == "https" else { return Trust() }
    let host = origin.port == 443 ? origin.host : "\(origin.host):\(origin.port)"
    return try await blocking { try self.certificates.trust(for: host) }
  }
}

private struct DownloadBody: Sendable {
  var digest: Digest
  var size: UInt64
}

/// How long the server says that the content is.
private final class Total: Sendable {
  private let bytes = Atomic<UInt64>(0)

  var value: UInt64 { bytes.load(ordering: .relaxed) }

  func set(_ length: Int64?) { bytes.store(UInt64(clamping: length ?? 0), ordering: .relaxed) }
}

/// Takes what comes into a new file. Blocks.
private func write(
  _ channel: ChunkChannel, to path: FilePath, _ request: DownloadRequest,
  progress: (UInt64) -> Void
) throws -> DownloadBody {
  let file = try Linux.Descriptor.open(
    path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
  var hasher = SHA256()
  var size: UInt64 = 0
  var told: UInt64 = 0
  while let chunk = try channel.receive() {
    hasher.update(chunk)
    size += UInt64(chunk.count)
    guard size <= request.limit else {
      throw DownloadFault.tooLarge(request.shown, limit: request.limit)
    }
    try file.writeAll(chunk)
    if size - told >= Downloader.told {
      told = size
      progress(size)
    }
  }
  if size > told { progress(size) }
  return DownloadBody(digest: hasher.finish(), size: size)
}

/// Why a file was not fetched; the first value of each is the address as it is shown.
package enum DownloadFault: Diagnosable, Hashable {
  case answered(String, Int)
  case failed(String, String)
  case untrusted(String, String)
  case redirected(String, String)
  case tooLarge(String, limit: UInt64)
  case noLibrary(String)

  init(_ fault: HTTPFault, _ shown: String) {
    switch fault {
    case .noLibrary: self = .noLibrary(shown)
    case .untrusted(let reason): self = .untrusted(shown, reason)
    case .unreachable(let reason), .broken(let reason), .misbehaved(let reason),
      .unreadable(let reason):
      self = .failed(shown, reason)
    case .plainServer: self = .failed(shown, "it speaks http without TLS")
    case .local: self = .redirected(shown, "to a name that stands for a local address")
    case .abandoned, .cancelled: self = .failed(shown, "it was given up")
    }
  }

  package var diagnostics: [Diagnostic] {
    switch self {
    case .answered(let url, let status):
      [
        Diagnostic(
          "`\(printable(url))` cannot be fetched: the server answers \(status)",
          hint: status == 404 ? "there is nothing at this address: check how it is written" : nil)
      ]
    case .failed(let url, let reason):
      [Diagnostic("`\(printable(url))` cannot be fetched: \(printable(reason))")]
    case .untrusted(let url, let reason):
      [
        Diagnostic(
          "no secure connection for `\(printable(url))`: \(printable(reason))",
          hint: "an authority's certificate for the host belongs into "
            + "`/etc/docker/certs.d/HOST/ca.crt`")
      ]
    case .redirected(let url, let reason):
      [
        Diagnostic(
          "`\(printable(url))` redirects where berth does not go: \(printable(reason))",
          hint: "name the address where it is")
      ]
    case .tooLarge(let url, let limit):
      [
        Diagnostic(
          "`\(printable(url))` is larger than the \(limit) bytes that may be used",
          hint: "free some space below the state folder")
      ]
    case .noLibrary(let url):
      [
        Diagnostic(
          "fetching `\(printable(url))` needs libcurl, which is not installed",
          hint: "install it with `apt install libcurl4`")
      ]
    }
  }
}
