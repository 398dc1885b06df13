// What libcurl is told about one exchange: limits, method and body, whom to trust, which proxy.

import CCurl
import Glibc
import Linux
import SystemPackage

extension Transfer {
  private enum Limit {
    static let connectMilliseconds = 10_000
    /// A transfer slower than this for so many seconds is broken. A registry that has taken a blob
    /// may move it about before it answers.
    static let bytesPerSecond = 1024
    static let idleSeconds = 30
    static let idleSecondsOfUploads = 120
    static let authorityBytes = 4 << 20
  }

  /// Whether something is sent beside the headers.
  var hasBody: Bool { ![.get, .head].contains(request.method) }

  private func set(_ option: CURLoption, _ value: Int) {
    _ = berth_easy_set_long(easy, option, value)
  }

  private func set(_ option: CURLoption, _ value: String) {
    _ = berth_easy_set_text(easy, option, value)
  }

  func setOptions() {
    set(CURLOPT_URL, request.url)
    set(CURLOPT_PROTOCOLS_STR, "http,https")
    set(CURLOPT_USERAGENT, "berth")
    set(CURLOPT_NOSIGNAL, 1)
    set(CURLOPT_FOLLOWLOCATION, 0)
    set(CURLOPT_CONNECTTIMEOUT_MS, Limit.connectMilliseconds)
    set(CURLOPT_LOW_SPEED_LIMIT, Limit.bytesPerSecond)
    set(CURLOPT_LOW_SPEED_TIME, hasBody ? Limit.idleSecondsOfUploads : Limit.idleSeconds)
    set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS)
    set(CURLOPT_BUFFERSIZE, 256 << 10)
    set(CURLOPT_UPLOAD_BUFFERSIZE, 512 << 10)
    set(CURLOPT_TCP_KEEPALIVE, 1)
    setMethod()
    setProxy()
    if request.url.utf8.starts(with: "https".utf8) { setTrust() }
  }

  private func setMethod() {
    switch request.method {
    case .get: set(CURLOPT_HTTPGET, 1)
    case .head: set(CURLOPT_NOBODY, 1)
    case .post, .patch, .put:
      set(CURLOPT_UPLOAD, 1)
      set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
      let count: Int64 =
        switch request.body {
        case .bytes(let bytes): Int64(bytes.count)
        case .file(let part): part.count
        }
      set(CURLOPT_INFILESIZE_LARGE, Int(count))
    }
  }

  /// Always said, so that libcurl does not look into the environment itself.
  private func setProxy() {
    set(CURLOPT_PROXY, proxies.proxy(for: request.url) ?? "")
    set(CURLOPT_NOPROXY, proxies.exceptions)
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
  }

  private func setTrust() {
    let trust = request.trust
    if !trust.verifies {
      set(CURLOPT_SSL_VERIFYPEER, 0)
      set(CURLOPT_SSL_VERIFYHOST, 0)
      // Nothing is looked up in the system's roots, so they need not be read.
      _ = berth_easy_set_text(easy, CURLOPT_CAINFO, nil)
      _ = berth_easy_set_text(easy, CURLOPT_CAPATH, nil)
    } else if !trust.authorities.isEmpty {
      var bytes: [UInt8] = []
      for path in trust.authorities + [systemRoots].compactMap({ $0 }) {
        // One that cannot be read authorises nobody; the connection then tells.
        let file = try? Linux.Descriptor.open(path, O_RDONLY).readAll(limit: Limit.authorityBytes)
        bytes += (file ?? []) + [0x0A]
      }
      bytes.withUnsafeBytes {
        _ = berth_easy_set_blob(easy, CURLOPT_CAINFO_BLOB, $0.baseAddress, $0.count)
      }
    }
    if let client = trust.client {
      set(CURLOPT_SSLCERT, client.certificate.string)
      set(CURLOPT_SSLKEY, client.key.string)
    }
  }

  /// The file of the system's roots that libcurl was built for.
  private var systemRoots: FilePath? {
    var path: UnsafePointer<CChar>?
    _ = berth_easy_info_text(easy, CURLINFO_CAINFO, &path)
    return path.map { FilePath(platformString: $0) }
  }
}
