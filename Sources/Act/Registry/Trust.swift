// Whom TLS connections believe and what they show: the system's roots, and what lies for one host in
// docker's folder of certificates.

import Diagnostics
import Glibc
import Linux
import OCI
import SystemPackage

struct Trust: Hashable, Sendable {
  struct ClientCertificate: Hashable, Sendable {
    var certificate: FilePath
    var key: FilePath
  }

  var verifies = true
  /// PEM files that count beside the system's roots.
  var authorities: [FilePath] = []
  var client: ClientCertificate?
}

/// `/etc/docker/certs.d`: one folder for each `host` or `host:port`, holding authorities as `NAME.crt`
/// and client certificates as `NAME.cert` beside `NAME.key`.
struct CertificateFolders: Sendable {
  let root: FilePath

  func folder(_ host: String) -> FilePath { root.appending(host) }

  /// Blocks on the disk.
  func trust(for host: String) throws -> Trust {
    // Hosts hold no slash; a name that is no single component finds nothing.
    guard FilePath.Component(host) != nil else { return Trust() }
    var trust = Trust()
    let names = try namesInFolder(folder(host)).map(\.string).sorted()
    for name in names {
      let path = folder(host).appending(name)
      if name.hasSuffix(".crt") {
        trust.authorities.append(path)
      } else if name.hasSuffix(".cert") {
        let key = String(name.dropLast(".cert".count)) + ".key"
        guard names.contains(key) else {
          throw CertificateFault(
            path: path.string, reason: "its key `\(key)` is missing",
            hint: "an authority's certificate is named `.crt`, a client's `.cert`")
        }
        let pair = Trust.ClientCertificate(certificate: path, key: folder(host).appending(key))
        trust.client = trust.client ?? pair
      } else if name.hasSuffix(".key") {
        let certificate = String(name.dropLast(".key".count)) + ".cert"
        guard names.contains(certificate) else {
          throw CertificateFault(
            path: path.string, reason: "its certificate `\(certificate)` is missing", hint: nil)
        }
      }
    }
    return trust
  }
}

struct CertificateFault: Diagnosable, Hashable {
  var path: String
  var reason: String
  var hint: String?

  var diagnostics: [Diagnostic] {
    [Diagnostic("`\(path)` cannot be used: \(printable(reason))", hint: hint)]
  }
}
