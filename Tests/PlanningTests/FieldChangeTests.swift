// Two definitions of one thing beside each other.

import JSON
import Planning
import Testing

@Suite("definitions are compared attribute by attribute")
struct FieldChangeTests {
  private func changes(_ old: String, _ new: String) throws -> String {
    try fieldChanges(
      from: JSONValue(parsing: Array(old.utf8)), to: JSONValue(parsing: Array(new.utf8))
    ).map { change in
      "\(change.path.joined(separator: ".")): \(change.old?.text() ?? "none")"
        + " → \(change.new?.text() ?? "none")"
    }.joined(separator: "\n")
  }

  @Test(
    "each difference has the path of the innermost thing that says it",
    arguments: [
      (#"{"image":"a"}"#, #"{"image":"a"}"#, ""),
      (#"{"image":"a"}"#, #"{"image":"b"}"#, #"image: "a" → "b""#),
      (
        #"{"environment":{"A":"1","B":"2"}}"#, #"{"environment":{"B":"3","C":null}}"#,
        """
        environment.B: "2" → "3"
        environment.C: none → null
        environment.A: "1" → none
        """
      ),
      // What was not there at all is told part by part.
      (#"{}"#, #"{"labels":{"a":"b"}}"#, #"labels.a: none → "b""#),
      (#"{"labels":null}"#, #"{"labels":{"a":"b"}}"#, #"labels.a: none → "b""#),
      // Nothing and an empty list are two things.
      (#"{"command":null}"#, #"{"command":[]}"#, "command: null → []"),
      // Words of a command make sense only together.
      (
        #"{"command":["sleep","1"]}"#, #"{"command":["sleep","2"]}"#,
        #"command: ["sleep","1"] → ["sleep","2"]"#
      ),
      (#"{"dns":["1.1.1.1"]}"#, #"{"dns":["9.9.9.9","1.1.1.1"]}"#, #"dns.0: none → "9.9.9.9""#),
      (#"{"dns":["a","b"]}"#, #"{"dns":["b","a"]}"#, #"dns: ["a","b"] → ["b","a"]"#),
      (#"{"dns":["a","b"]}"#, #"{"dns":["b"]}"#, #"dns.0: "a" → none"#),
      (#"{"cpus":1}"#, #"{"cpus":"1"}"#, #"cpus: 1 → "1""#),
    ])
  func paths(old: String, new: String, told: String) throws {
    #expect(try changes(old, new) == told)
  }

  @Test(
    "ports are told as people write them, where that form can say all of it",
    arguments: [
      (#"{"target":80,"published":"8080","protocol":"tcp","mode":"ingress"}"#, #""8080:80""#),
      (#"{"target":53,"published":"53","protocol":"udp"}"#, #""53:53/udp""#),
      (#"{"target":80,"host_ip":"127.0.0.1","published":"81"}"#, #""127.0.0.1:81:80""#),
      (#"{"target":80,"host_ip":"::1","published":"81"}"#, #""[::1]:81:80""#),
      (#"{"target":80,"host_ip":"127.0.0.1"}"#, #""127.0.0.1::80""#),
      (#"{"target":80}"#, #""80""#),
    ])
  func ports(port: String, text: String) throws {
    #expect(
      try changes(#"{"ports":[]}"#, #"{"ports":[\#(port)]}"#) == "ports.0: none → \(text)")
  }

  @Test("a port is the same one when its target is, and is told in parts when it says more")
  func longPorts() throws {
    let old = #"{"ports":[{"target":80,"published":"80"},{"target":81,"published":"81"}]}"#
    let new = #"{"ports":[{"target":81,"published":"91"},{"target":80,"published":"80"}]}"#
    #expect(try changes(old, new) == #"ports.0: "81:81" → "91:81""#)
    let named = #"{"ports":[{"target":80,"published":"90","name":"web"}]}"#
    #expect(
      try changes(#"{"ports":[{"target":80,"published":"80"}]}"#, named) == """
        ports.0.published: "80" → "90"
        ports.0.name: none → "web"
        """)
  }

  @Test("mounts likewise")
  func mounts() throws {
    let bind =
      #"{"type":"bind","source":"/a","target":"/b","bind":{"create_host_path":true}}"#
    let closed = #"{"type":"volume","source":"data","target":"/b","read_only":true,"volume":{}}"#
    #expect(
      try changes(#"{"volumes":[\#(bind)]}"#, #"{"volumes":[\#(closed)]}"#)
        == #"volumes.0: "/a:/b" → "data:/b:ro""#)
    let shared =
      #"{"type":"bind","source":"/a","target":"/b","bind":{"propagation":"shared"}}"#
    #expect(
      try changes(#"{"volumes":[\#(bind)]}"#, #"{"volumes":[\#(shared)]}"#) == """
        volumes.0.bind.propagation: none → "shared"
        volumes.0.bind.create_host_path: true → none
        """)
  }
}
