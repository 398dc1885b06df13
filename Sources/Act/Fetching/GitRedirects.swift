// Where git is to go. It would follow a server to anywhere; so it follows none, and is told beforehand where its
// address leads by the rules that files are fetched by.

import Dockerfile
import Registry

extension GitAddress {
  private static let question = "info/refs"
  private static let service = "?service=git-upload-pack"

  /// The address that git is to ask. What else than a redirect is amiss there, git finds out and tells.
  func destination(_ downloader: Downloader, shown: String) async throws -> String {
    // Only what git speaks http to can redirect it.
    guard url.hasPrefix("http://") || url.hasPrefix("https://"), !url.contains("?") else {
      return url
    }
    let base = url.hasSuffix("/") ? url : url + "/"
    var request = DownloadRequest(
      asking(base + Self.question + Self.service), shown: shown, limit: 0)
    // The shortest answer that there is.
    request.headers = [("Git-Protocol", "version=2")]
    let last: String
    do {
      last = try await downloader.destination(of: request)
    } catch let fault as DownloadFault {
      guard case .redirected = fault else { return url }
      throw fault
    }
    if last == request.url { return url }
    let path = last.prefix { $0 != "?" && $0 != "#" }
    guard path.hasSuffix("/" + Self.question) else {
      throw GitFault.failed(
        shown, reason: "it redirects to what is no repository", isTooLong: false)
    }
    return withoutUser(String(path.dropLast(Self.question.utf8.count + 1)))
  }

  /// With what proves who asks.
  private func asking(_ address: String) -> String {
    guard let credential, let parts = AddressParts(address) else { return address }
    return parts.text(
      as: percentEncoded(credential.user) + ":" + percentEncoded(credential.password))
  }

  /// A server has no say in who asks another.
  private func withoutUser(_ address: String) -> String {
    AddressParts(address)?.text(as: nil) ?? address
  }
}
