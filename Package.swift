// swift-tools-version: 6.2
import PackageDescription

// Plan says, Act does, Engine conducts, CLI shows, System is C.
// A target may reach only what stands below it; `Tests/HouseTests` holds the rules.

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let arguments: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser")

func house(
  _ floor: String, _ name: String, _ dependencies: [Target.Dependency] = [],
  links: [LinkerSetting] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Sources/\(floor)/\(name)",
    swiftSettings: strict, linkerSettings: links)
}

func test(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(name)Tests",
    swiftSettings: strict)
}

/// Static archives keep the command free of shared objects, which cost start-up time.
func archive(_ name: String) -> LinkerSetting { .linkedLibrary(":lib\(name).a") }

let package = Package(
  name: "berth",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    // System
    .target(name: "CLinux", path: "Sources/System/CLinux"),
    .target(name: "CYAML", path: "Sources/System/CYAML"),
    .target(name: "CCapability", path: "Sources/System/CCapability"),
    .target(name: "CCompression", path: "Sources/System/CCompression"),
    .target(name: "CCurl", path: "Sources/System/CCurl"),
    .target(name: "CCrypto", path: "Sources/System/CCrypto"),
    .target(name: "CNftables", path: "Sources/System/CNftables"),
    .target(name: "CSeccomp", path: "Sources/System/CSeccomp"),

    // Plan
    house("Plan", "Diagnostics"),
    house("Plan", "Addressing"),
    house("Plan", "JSON"),
    house("Plan", "OCI", ["JSON", "Diagnostics", "CCrypto"], links: [archive("crypto")]),
    house("Plan", "YAML", ["CYAML", "Diagnostics"], links: [archive("yaml")]),
    house("Plan", "Compose", ["YAML", "JSON", "OCI", "Diagnostics", "Addressing", "Blueprint"]),
    house(
      "Plan", "Archive", ["CCompression", "Diagnostics"],
      links: [archive("z"), archive("zstd"), archive("bz2"), archive("lzma")]),
    house("Plan", "DNS", ["Addressing"]),
    house("Plan", "Dockerfile", ["JSON", "Diagnostics"]),
    house("Plan", "Templating", ["JSON", "Diagnostics"]),
    house("Plan", "Blueprint", ["JSON", "Addressing"]),
    house(
      "Plan", "Planning", ["Blueprint", "JSON"]),

    // Act
    house(
      "Act", "Linux", ["CLinux", "CCapability", "Diagnostics", system], links: [archive("cap")]),
    house("Act", "Netlink", ["Linux", "CLinux", "Addressing", system]),
    house("Act", "Cgroups", ["Linux", "CLinux", "Blueprint", "Diagnostics", system]),
    house("Act", "Host", ["Linux", "CLinux", "Diagnostics", system]),
    house("Act", "Store", ["Linux", "CLinux", "Blueprint", "JSON", "Diagnostics", system]),
    house("Act", "Journal", ["Linux", "CLinux", system]),
    house("Act", "EventLog", ["Linux", "CLinux", system]),
    house("Act", "Control", ["Linux", "CLinux", "Blueprint", "JSON", "Diagnostics", system]),
    house(
      "Act", "Registry",
      ["Linux", "CLinux", "CCurl", "OCI", "JSON", "Addressing", "Diagnostics", system]),
    house(
      "Act", "Unpacking",
      ["Archive", "OCI", "JSON", "Linux", "CLinux", "CCapability", "Diagnostics", system]),
    house(
      "Act", "Images",
      [
        "Registry", "Unpacking", "Archive", "OCI", "JSON", "Store", "Linux", "CLinux",
        "Diagnostics", system,
      ]),
    house(
      "Act", "Fetching",
      [
        "Registry", "Dockerfile", "OCI", "JSON", "Store", "Linux", "CLinux", "Diagnostics", system,
      ]),
    house(
      "Act", "Networking",
      [
        "Netlink", "Addressing", "Blueprint", "Store", "Linux", "CLinux", "CNftables",
        "JSON", "Diagnostics", system,
      ]),
    house(
      "Act", "Runtime",
      [
        "ContainerInit", "Cgroups", "Blueprint", "Control", "Linux", "CLinux", "Store", "CSeccomp",
        "JSON", "YAML", "OCI",
        "Diagnostics", system,
      ]),
    house(
      "Act", "ContainerInit", ["Linux", "CLinux", "CCapability", "Blueprint", "Cgroups", system]),
    house("Act", "Copying", ["Archive", "Linux", "CLinux", "Diagnostics", system]),
    house(
      "Act", "Layering",
      [
        "Copying", "Archive", "ContainerInit", "Control", "Dockerfile", "OCI", "Blueprint", "JSON",
        "Linux", "CLinux", "Diagnostics", system,
      ]),
    house(
      "Act", "Supervision",
      [
        "ContainerInit", "Copying", "Archive", "Cgroups", "Control", "Journal", "EventLog", "DNS",
        "Addressing", "Blueprint",
        "Linux", "CLinux", "JSON", "Store", "Diagnostics", system,
      ]),

    // Engine
    house(
      "Engine", "Engine",
      [
        "Planning", "Compose", "Blueprint", "Addressing", "JSON", "OCI", "Diagnostics", "Linux",
        "Host", "Store", "Journal", "EventLog", "CLinux", "Control", "Registry", "Images",
        "Fetching", "Networking",
        "Runtime",
        "Archive", "Cgroups", "Dockerfile", "Templating", system,
      ]),

    // CLI
    house(
      "CLI", "Console",
      [
        "Engine", "Blueprint", "Compose", "Planning", "Store", "Journal", "Templating", "Linux",
        "CLinux",
        "Diagnostics", "JSON", system,
      ]),
    house(
      "CLI", "Commands",
      [
        "Engine", "Console", "Blueprint", "Store", "Journal", "Planning", "Compose", "Templating",
        "Diagnostics", "Linux", "CLinux", "JSON", "Host", arguments, system,
      ]),

    // Programs
    .executableTarget(
      name: "berth", dependencies: ["Commands"], path: "Sources/Programs/berth",
      swiftSettings: strict),
    .executableTarget(
      name: "berth-shim", dependencies: ["Supervision", "Blueprint"],
      path: "Sources/Programs/berth-shim",
      swiftSettings: strict, linkerSettings: [.unsafeFlags(["-static-executable"])]),
    .executableTarget(
      name: "berth-unpack", dependencies: ["Unpacking", "Layering"],
      path: "Sources/Programs/berth-unpack", swiftSettings: strict),

    // Tests
    // Containers are started by a program with one thread; the test runner has many.
    .executableTarget(
      name: "container-probe",
      dependencies: ["ContainerInit", "Cgroups", "Blueprint", "JSON", "Linux", "CLinux", system],
      path: "Tests/Fixtures/container-probe", swiftSettings: strict,
      linkerSettings: [.unsafeFlags(["-static-executable"])]),
    .target(
      name: "TestSupport", dependencies: ["Linux", "CLinux", system], path: "Tests/TestSupport",
      swiftSettings: strict),
    test("TestSupport", ["TestSupport"]),
    test("Integration", ["TestSupport", "JSON", "Linux", system]),
    test("House", []),
    test("Dockerfile", ["Dockerfile", "Diagnostics"]),
    test("JSON", ["JSON"]),
    test("Templating", ["Templating", "JSON", "Diagnostics"]),
    test(
      "Console",
      ["Console", "Blueprint", "Diagnostics", "Engine", "JSON", "Planning", "Store", "Templating"]),
    test(
      "Engine",
      ["Engine", "Compose", "Dockerfile", "Images", "OCI", "JSON", "Diagnostics", "Journal"]),
    test("Host", ["Host", "CLinux", system]),
    test(
      "Cgroups",
      ["Cgroups", "Blueprint", "Diagnostics", "Linux", "CLinux", "TestSupport", system]),
    test("Runtime", ["Runtime", "Blueprint", "Diagnostics", "Linux", "TestSupport", system]),
    test(
      "ContainerInit",
      [
        "ContainerInit", "Runtime", "Blueprint", "JSON", "Linux", "CLinux", "TestSupport", system,
      ]),
    test("Planning", ["Planning", "Blueprint", "JSON"]),
    test("OCI", ["OCI", "JSON", "Diagnostics"]),
    test("Archive", ["Archive"]),
    test(
      "Registry",
      [
        "Registry", "Addressing", "JSON", "OCI", "Linux", "CLinux", "Diagnostics", "TestSupport",
        system,
      ]),
    test(
      "Fetching",
      ["Fetching", "Diagnostics"]),
    test(
      "Images",
      [
        "Images", "Unpacking", "Registry", "Archive", "OCI", "JSON", "Linux", "CLinux",
        "Diagnostics", "TestSupport", system,
      ]),
    test("Blueprint", ["Blueprint", "JSON"]),
    test(
      "Supervision",
      [
        "Supervision", "Runtime", "Control", "Journal", "Store", "Blueprint", "Linux", "CLinux",
        "Cgroups", system,
      ]),
    test(
      "Layering",
      [
        "Layering", "Archive", "Control", "Blueprint", "JSON", "OCI", "Linux", "CLinux",
        "TestSupport", system,
      ]),
    test("Journal", ["Journal", "Linux", "CLinux", system]),
    test("EventLog", ["EventLog", "Linux", "CLinux", system]),
    test("Control", ["Control", "Blueprint", "Linux", "CLinux", system]),
    test("Addressing", ["Addressing"]),
    test("Netlink", ["Netlink", "Addressing", "Linux", "CLinux", "TestSupport", system]),
    test(
      "Networking",
      [
        "Networking", "Netlink", "Addressing", "Blueprint", "Store", "Linux", "CLinux", "JSON",
        "Diagnostics", "TestSupport", system,
      ]),
    test("YAML", ["YAML"]),
    test("Compose", ["Compose", "YAML", "Diagnostics", "JSON"]),
    test("DNS", ["DNS", "Addressing"]),
    test(
      "NameService",
      ["Supervision", "DNS", "Addressing", "Blueprint", "Store", "Linux", "CLinux", system]),
  ]
)

// The fuzz programs of `scripts/fuzz`: only when BERTH_FUZZ is set, for they need libFuzzer, and what
// they try out is then compiled to count which of its branches an input reached.
if Context.environment["BERTH_FUZZ"] != nil {
  let reached = ["YAML", "Compose", "JSON", "Addressing", "DNS", "Diagnostics", "Dockerfile"]
  let counted = SwiftSetting.unsafeFlags(["-sanitize=fuzzer"])
  for target in package.targets where reached.contains(target.name) {
    target.swiftSettings = (target.swiftSettings ?? []) + [counted]
  }
  package.targets += [
    .target(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
    .executableTarget(
      name: "berth-fuzz",
      dependencies: [
        "Compose", "YAML", "JSON", "DNS", "Addressing", "Diagnostics", "Dockerfile", "CFuzzer",
      ],
      path: "Tests/Fuzz", exclude: ["CFuzzer", "seeds", "words", "bombs.py"],
      swiftSettings: strict, linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]),
  ]
}
