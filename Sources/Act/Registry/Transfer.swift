// One exchange on one libcurl handle: its options, its callbacks, its outcome.

import CCurl
import Linux

final class Transfer {
  private enum Limit {
    static let headerBytes = 64 << 10
    static let connectMilliseconds = 10_000
    /// A transfer slower than this for `idleSeconds` is broken.
    static let bytesPerSecond = 1024
    static let idleSeconds = 30
  }

  let easy: UnsafeMutableRawPointer
  private let request: HTTPRequest
  private let sink: BodySink?
  private var list: UnsafeMutablePointer<curl_slist>?

  private var status = 0
  private var headers: [(name: String, value: String)] = []
  private var headerBytes = 0
  private var body: [UInt8] = []
  /// Bytes still to drop because the server sent all instead of the range.
  private var toSkip: Int64?
  private var isPaused = false
  private var fault: HTTPFault?

  init?(_ request: HTTPRequest, _ sink: BodySink?) {
    guard let easy = berth_easy_new() else { return nil }
    self.easy = easy
    self.request = request
    self.sink = sink
    setOptions()
  }

  deinit {
    berth_easy_free(easy)
    berth_slist_free(list)
  }

  private func set(_ option: CURLoption, _ value: Int) {
    _ = berth_easy_set_long(easy, option, value)
  }

  private func setOptions() {
    _ = berth_easy_set_text(easy, CURLOPT_URL, request.url)
    _ = berth_easy_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
    _ = berth_easy_set_text(easy, CURLOPT_USERAGENT, "berth")
    set(CURLOPT_NOSIGNAL, 1)
    set(CURLOPT_FOLLOWLOCATION, 0)
    set(CURLOPT_CONNECTTIMEOUT_MS, Limit.connectMilliseconds)
    set(CURLOPT_LOW_SPEED_LIMIT, Limit.bytesPerSecond)
    set(CURLOPT_LOW_SPEED_TIME, Limit.idleSeconds)
    set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS)
    set(CURLOPT_BUFFERSIZE, 256 << 10)
    set(CURLOPT_TCP_KEEPALIVE, 1)
    if isLoopback(host(of: request.url)) { _ = berth_easy_set_text(easy, CURLOPT_NOPROXY, "*") }
    switch request.method {
    case .get: set(CURLOPT_HTTPGET, 1)
    case .head: set(CURLOPT_NOBODY, 1)
    case .post:
      set(CURLOPT_POST, 1)
      set(CURLOPT_POSTFIELDSIZE, request.body.count)
      let text = String(decoding: request.body, as: UTF8.self)
      _ = berth_easy_set_text(easy, CURLOPT_COPYPOSTFIELDS, text)
    }
    for (name, value) in request.headers {
      list = berth_slist_append(list, "\(name): \(value)")
    }
    if request.offset > 0 {
      list = berth_slist_append(list, "Range: bytes=\(request.offset)-")
    }
    _ = berth_easy_set_pointer(easy, CURLOPT_HTTPHEADER, list)
    let context = Unmanaged.passUnretained(self).toOpaque()
    _ = berth_easy_set_pointer(easy, CURLOPT_WRITEDATA, context)
    _ = berth_easy_set_pointer(easy, CURLOPT_HEADERDATA, context)
    _ = berth_easy_set_callback(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
      Transfer.from(context)?.take(UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? 0
    }
    _ = berth_easy_set_callback(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
      let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
      return Transfer.from(context)?.takeHeader(line) ?? 0
    }
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> Transfer? {
    context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
  }

  func resumeIfPaused() {
    guard isPaused else { return }
    isPaused = false
    _ = berth_easy_resume(easy)
  }

  private func takeHeader(_ bytes: UnsafeRawBufferPointer) -> Int {
    headerBytes += bytes.count
    guard headerBytes <= Limit.headerBytes else { return refuse("it sends too many headers") }
    let line = String(decoding: bytes, as: UTF8.self).trimmingSpace()
    if line.hasPrefix("HTTP/") {
      headers = []
      let code = line.split(separator: " ").dropFirst().first.flatMap { Int($0) }
      guard let code else { return refuse("it sends no status") }
      status = code
    } else if let colon = line.firstIndex(of: ":") {
      let name = line[..<colon].lowercased()
      headers.append((name, String(line[line.index(after: colon)...]).trimmingSpace()))
    }
    return bytes.count
  }

  private func take(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard let sink, status == 200 || status == 206 else {
      guard body.count + bytes.count <= request.limit else {
        // A long error page is cut; a long document is refused.
        if status >= 400 { return bytes.count }
        return refuse("it sends more than \(request.limit) bytes")
      }
      body.append(contentsOf: bytes)
      return bytes.count
    }
    if toSkip == nil, !checkRange() { return 0 }
    let skipped = min(Int64(bytes.count), toSkip ?? 0)
    let rest = UnsafeRawBufferPointer(rebasing: bytes[Int(skipped)...])
    switch rest.isEmpty ? .taken : sink(rest) {
    case .taken:
      toSkip = (toSkip ?? 0) - skipped
      return bytes.count
    case .full:
      isPaused = true
      return Int(CURL_WRITEFUNC_PAUSE)
    case .abandoned:
      fault = .abandoned
      return 0
    }
  }

  /// Decides where the body begins: servers may ignore a Range and send all.
  private func checkRange() -> Bool {
    toSkip = 0
    guard request.offset > 0 else { return true }
    if status == 200 {
      toSkip = request.offset
      return true
    }
    let range = headers.first { $0.name == "content-range" }?.value ?? ""
    guard range.hasPrefix("bytes \(request.offset)-") else {
      _ = refuse("it answers with another range than was asked for")
      return false
    }
    return true
  }

  private func refuse(_ reason: String) -> Int {
    fault = .misbehaved(reason)
    return 0
  }

  func outcome(_ result: CURLcode) -> Result<HTTPResponse, any Error> {
    if let fault { return .failure(fault) }
    guard result == CURLE_OK else { return .failure(describe(result)) }
    var location: UnsafePointer<CChar>?
    _ = berth_easy_info_text(easy, CURLINFO_REDIRECT_URL, &location)
    return .success(
      HTTPResponse(
        status: status, headers: headers, body: body, location: location.map { String(cString: $0) }
      ))
  }

  private func describe(_ code: CURLcode) -> HTTPFault {
    let text = berth_easy_error(code).map { String(cString: $0) } ?? "unknown"
    let reason = text.prefix(1).lowercased() + text.dropFirst()
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST: return .unreachable("its name cannot be resolved")
    case CURLE_COULDNT_RESOLVE_PROXY: return .unreachable("the proxy's name cannot be resolved")
    case CURLE_COULDNT_CONNECT: return .unreachable("no connection")
    case CURLE_OPERATION_TIMEDOUT:
      return status == 0 && headerBytes == 0
        ? .unreachable("no answer in time") : .broken("no data for 30 seconds")
    case CURLE_PARTIAL_FILE: return .broken("the connection was closed too early")
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR:
      return .untrusted("its certificate is not trusted")
    case CURLE_SSL_CONNECT_ERROR: return .untrusted("no TLS connection")
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT: return .misbehaved("bad address")
    default: return .broken(reason)
    }
  }
}

extension String {
  func trimmingSpace() -> String {
    let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
    let bytes = utf8.drop(while: isSpace)
    let end = bytes.lastIndex { !isSpace($0) }
    return end.flatMap { String(bytes[...$0]) } ?? ""
  }
}
