// One exchange on one libcurl handle: its callbacks and its outcome. Its options are in
// TransferOptions.

import CCurl
import Glibc
import Linux

final class Transfer {
  private static let headerBytes = 64 << 10

  let easy: UnsafeMutableRawPointer
  let request: HTTPRequest
  let proxies: Proxies
  private let sink: BodySink?
  private var list: UnsafeMutablePointer<curl_slist>?
  /// What libcurl has to say about a failure, more exactly than by its code.
  private let details = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

  private var status = 0
  private var headers: [(name: String, value: String)] = []
  private var headerBytes = 0
  /// Whether the empty line behind the headers has come.
  private var headIsComplete = false
  private var body: [UInt8] = []
  /// Bytes still to drop because the server sent all instead of the range.
  private var toSkip: Int64?
  private var sent: Int64 = 0
  private var isPaused = false
  private var fault: HTTPFault?

  init?(_ request: HTTPRequest, _ sink: BodySink?, proxies: Proxies) {
    guard let easy = berth_easy_new() else { return nil }
    self.easy = easy
    self.request = request
    self.sink = sink
    self.proxies = proxies
    details.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    setOptions()
    setHeaders()
    setCallbacks()
  }

  deinit {
    berth_easy_free(easy)
    berth_slist_free(list)
    details.deallocate()
  }

  private func setHeaders() {
    for (name, value) in request.headers {
      list = berth_slist_append(list, "\(name): \(value)")
    }
    if request.offset > 0 {
      list = berth_slist_append(list, "Range: bytes=\(request.offset)-")
    }
    // The answer to the first request of an upload has told already whether we may.
    if hasBody { list = berth_slist_append(list, "Expect:") }
    _ = berth_easy_set_pointer(easy, CURLOPT_HTTPHEADER, list)
  }

  private func setCallbacks() {
    let context = Unmanaged.passUnretained(self).toOpaque()
    _ = berth_easy_set_pointer(easy, CURLOPT_ERRORBUFFER, details)
    _ = berth_easy_set_pointer(easy, CURLOPT_WRITEDATA, context)
    _ = berth_easy_set_pointer(easy, CURLOPT_HEADERDATA, context)
    _ = berth_easy_set_pointer(easy, CURLOPT_READDATA, context)
    _ = berth_easy_set_callback(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
      Transfer.from(context)?.take(UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? 0
    }
    _ = berth_easy_set_callback(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
      let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
      return Transfer.from(context)?.takeHeader(line) ?? 0
    }
    if !request.mayBeLocal, proxies.proxy(for: request.url) == nil {
      _ = berth_easy_set_check(
        easy,
        { context, remote, _, _, _ in
          let address = remote.map { String(cString: $0) } ?? ""
          return Transfer.from(context)?.mayMeet(address) == true
            ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
        }, context)
      _ = berth_easy_set_open_socket(
        easy,
        { context, _, place in
          openSocket(place) { Transfer.from(context)?.fault = .local }
        }, context)
    }
    _ = berth_easy_set_callback(easy, CURLOPT_READFUNCTION) { bytes, size, count, context in
      let room = UnsafeMutableRawBufferPointer(start: bytes, count: size * count)
      return Transfer.from(context)?.give(room) ?? Int(CURL_READFUNC_ABORT)
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

  private func mayMeet(_ address: String) -> Bool {
    guard isLocalAddress(address) else { return true }
    fault = .local
    return false
  }

  /// The next bytes of the body that is sent.
  private func give(_ room: UnsafeMutableRawBufferPointer) -> Int {
    switch request.body {
    case .bytes(let bytes):
      let rest = bytes[Int(sent)...].prefix(room.count)
      room.copyBytes(from: rest)
      sent += Int64(rest.count)
      return rest.count
    case .file(let part):
      let wanted = Int(min(Int64(room.count), part.count - sent))
      guard wanted > 0 else { return 0 }
      let count = pread(part.file.raw, room.baseAddress, wanted, off_t(part.offset + sent))
      guard count > 0 else {
        fault = .unreadable(count == 0 ? "it ends too early" : SystemCallError("read").errno.text)
        return Int(CURL_READFUNC_ABORT)
      }
      sent += Int64(count)
      part.progress(sent)
      return count
    }
  }

  private func takeHeader(_ bytes: UnsafeRawBufferPointer) -> Int {
    headerBytes += bytes.count
    guard headerBytes <= Self.headerBytes else { return refuse("it sends too many headers") }
    let line = String(decoding: bytes, as: UTF8.self).trimmingSpace()
    headIsComplete = line.isEmpty
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
    request.announced(headers.first { $0.name == "content-length" }.flatMap { Int64($0.value) })
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
    guard headIsComplete else {
      return .failure(HTTPFault.broken("the connection was closed within the answer's headers"))
    }
    var location: UnsafePointer<CChar>?
    var peer: UnsafePointer<CChar>?
    if proxies.proxy(for: request.url) == nil {
      _ = berth_easy_info_text(easy, CURLINFO_PRIMARY_IP, &peer)
    }
    _ = berth_easy_info_text(easy, CURLINFO_REDIRECT_URL, &location)
    return .success(
      HTTPResponse(
        status: status, headers: headers, body: body, url: request.url,
        peer: peer.map { String(cString: $0) },
        location: location.map { String(cString: $0) }
      ))
  }

  private func describe(_ code: CURLcode) -> HTTPFault {
    let text = berth_easy_error(code).map { String(cString: $0) } ?? "unknown"
    let reason = text.prefix(1).lowercased() + text.dropFirst()
    let proxy =
      proxies.proxy(for: request.url).map { " through the proxy `\(Proxies.name($0))`" } ?? ""
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST: return .unreachable("its name cannot be resolved")
    case CURLE_COULDNT_RESOLVE_PROXY:
      return .unreachable("the proxy's name cannot be resolved:\(proxy.dropFirst(18))")
    case CURLE_COULDNT_CONNECT: return .unreachable("no connection\(proxy)")
    case CURLE_OPERATION_TIMEDOUT:
      return status == 0 && headerBytes == 0
        ? .unreachable("no answer in time\(proxy)") : .broken("no data for too long")
    case CURLE_PARTIAL_FILE: return .broken("the connection was closed too early")
    case CURLE_PEER_FAILED_VERIFICATION: return .untrusted(certificateReason)
    case CURLE_SSL_CACERT_BADFILE: return .untrusted("the authorities' certificates cannot be read")
    case CURLE_SSL_CERTPROBLEM: return .untrusted("the client certificate cannot be used")
    case CURLE_SSL_CONNECT_ERROR:
      let isPlain = ["wrong version number", "packet length too long", "http request"]
        .contains { said.contains($0) }
      if isPlain { return .plainServer }
      return refusal ?? .broken("the TLS connection was not made")
    case CURLE_UNSUPPORTED_PROTOCOL:
      return said.contains("HTTP/0.9")
        ? .misbehaved("it does not speak http") : .misbehaved("bad address")
    case CURLE_URL_MALFORMAT: return .misbehaved("bad address")
    // TLS 1.3 tells only at the first answer what it misses in our greeting.
    default: return refusal ?? .broken(reason + proxy)
    }
  }

  private var said: String { String(cString: details) }

  /// OpenSSL's words, or libcurl's about a name that is not in the certificate.
  private var certificateReason: String {
    if let range = said.firstRange(of: "certificate problem: ") {
      return "its certificate is not trusted: \(said[range.upperBound...])"
    }
    return said.contains("subject name")
      ? "its certificate is for another host" : "its certificate is not trusted"
  }

  /// What the server does not like about the connection.
  private var refusal: HTTPFault? {
    guard let range = said.firstRange(of: " alert ") else { return nil }
    let alert = said[range.upperBound...].prefix { $0 != "," }
    return .untrusted("the server ends it with `\(alert)`")
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
