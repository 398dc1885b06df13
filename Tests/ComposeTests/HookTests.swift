// Hooks as the engine acts on them, and those that it does not.

import Compose
import Diagnostics
import Testing

@Suite("hooks of a service")
struct HookTests {
  @Test("field by field")
  func fields() throws {
    let project = try loaded(
      """
      services:
        web:
          image: nginx
          pre_start: [{command: [migrate, up], image: tools, environment: {B: 2, GONE: }}]
          post_start:
            - {command: touch /x, user: root, privileged: true, working_dir: /srv}
      """
    ).project
    let web = try #require(project.service("web"))
    let setUp = try #require(web.preStart.first)
    #expect(setUp.command == ["migrate", "up"] && setUp.image == "tools" && setUp.user == nil)
    #expect(
      setUp.environment == [
        EnvironmentEntry(key: "B", value: "2"), EnvironmentEntry(key: "GONE", value: nil),
      ])
    let after = try #require(web.postStart.first)
    #expect(after.command == ["touch", "/x"] && after.user == "root" && after.isPrivileged)
    #expect(after.workingDirectory == "/srv" && after.span?.line == 6)
    #expect(web.preStop.isEmpty)
    #expect(project.unsupportedByUp().isEmpty)
  }

  @Test(
    "what is not done is told with its place",
    arguments: [
      ("pre_start: [{command: x, per_replica: true}]", "pre_start.0.per_replica"),
      ("post_start: [{command: x, image: i}]", "post_start.0.image"),
      ("pre_stop: [{command: x}, {command: x, image: i}]", "pre_stop.1.image"),
    ])
  func refused(_ text: String, _ path: String) throws {
    let project = try loaded("services:\n  a: {image: i}\n  b:\n    image: i\n    \(text)\n")
      .project
    let told = project.unsupportedByUp()
    #expect(told.count == 1)
    #expect(told.first?.summary.contains("`services.b.\(path)`") == true)
    #expect(told.first?.span?.line == 5)
  }
}
