// Explanations of faults around the texts: where files and names come from, what `up` does not do,
// and what is only worth a warning.

extension FaultKind {
  var placeEntry: Entry {
    switch self {
    case .environmentFile:
      Entry(
        "an env file is missing or cannot be read",
        """
        Lines are `NAME=value`. Single quotes keep everything as it is, double quotes know `\\n` and \
        variables. A file that may be missing is written `{path: NAME, required: false}`; one that \
        knows no quotes has `format: raw`.
        """,
        wrong: """
          services:
            web:
              image: nginx
              env_file: [web.env]
          # file: web.env
          GREETING="hello
          """,
        right: """
          services:
            web:
              image: nginx
              env_file: [web.env]
          # file: web.env
          GREETING="hello"
          """)
    case .projectName:
      Entry(
        "the project has no name that can be used",
        "A name is made of lower-case letters, digits, `-` and `_`, and begins with a letter or "
          + "digit. It comes from `-p`, COMPOSE_PROJECT_NAME, `name:` or the folder.",
        wrong: """
          services:
            web: {image: nginx}
          """,
        right: """
          services:
            web: {image: nginx}
          """, command: "berth -p My.Shop config")
    case .noFile:
      Entry(
        "there is no compose file",
        "`compose.yaml`, `compose.yml`, `docker-compose.yml` and `docker-compose.yaml` are looked "
          + "for here and in the folders above. `-f` names any other.",
        wrong: "",
        right: """
          services:
            web: {image: nginx}
          """)
    case .noService:
      Entry(
        "a service is named that the project does not have",
        "`berth config --services` lists those that it has.",
        wrong: """
          services:
            web: {image: nginx}
          """,
        right: """
          services:
            wbe: {image: nginx}
          """, command: "berth config wbe")
    case .remoteFile:
      Entry(
        "a compose file would have to be fetched",
        "What a file from elsewhere may read and run on this machine is not for that file to decide, "
          + "so only files on this machine are read. Fetch it and look at it first.",
        wrong: """
          include: ["https://example.com/compose.yaml"]
          services:
            web: {image: nginx}
          """,
        right: """
          include: ["other.yaml"]
          services:
            web: {image: nginx}
          # file: other.yaml
          services:
            db: {image: redis}
          """)
    case .notSet:
      Entry(
        "there is nothing to explain at this path",
        "`config --explain` takes keys from the top, joined by dots, and numbers from 0 for items of "
          + "lists: `services.web.ports.0`.",
        wrong: """
          services:
            web: {image: nginx}
          """,
        right: """
          services:
            web: {image: nginx, init: true}
          """, command: "berth config --explain services.web.init")
    default:
      Entry(
        "a file cannot be read",
        "It is missing, a folder, too large, or not for you to read.",
        wrong: """
          include: ["other.yaml"]
          services:
            web: {image: nginx}
          """,
        right: """
          include: ["other.yaml"]
          services:
            web: {image: nginx}
          # file: other.yaml
          services:
            db: {image: redis}
          """)
    }
  }

  var softEntry: Entry {
    switch self {
    case .noEffect:
      Entry(
        "a setting changes nothing on this machine",
        "It is for another system, or for clusters, and docker compose leaves it out too.",
        wrong: """
          services:
            web: {image: nginx, cpu_percent: 50}
          """,
        right: """
          services:
            web: {image: nginx, cpus: 0.5}
          """, command: "berth up")
    case .obsolete:
      Entry(
        "a setting is from an older file format",
        "It is read as it always was, or not needed any more. The hint says what to write.",
        wrong: """
          version: "3.8"
          services:
            web: {image: nginx}
          """,
        right: """
          services:
            web: {image: nginx}
          """)
    case .unsetVariable:
      Entry(
        "a variable is not set and a blank text stands in for it",
        "Say what is meant: `${NAME:-}` for a blank text, `${NAME:-value}` for a default, "
          + "`${NAME:?}` for one that must be set.",
        wrong: """
          services:
            web:
              image: nginx
              environment: {LEVEL: "${LEVEL}"}
          """,
        right: """
          services:
            web:
              image: nginx
              environment: {LEVEL: "${LEVEL:-info}"}
          """)
    case .oldBoolean:
      Entry(
        "`yes`, `no`, `on` or `off` stands for a boolean",
        "YAML 1.2 reads these words as text. Where a boolean must be they are still understood.",
        wrong: """
          services:
            web: {image: nginx, tty: yes}
          """,
        right: """
          services:
            web: {image: nginx, tty: true}
          """)
    case .severalFiles:
      Entry(
        "several compose files of the usual names are in one folder",
        "Only the first one is read. Remove the others, or name the one that is meant with `-f`.",
        wrong: """
          services:
            web: {image: nginx}
          # file: docker-compose.yml
          services:
            web: {image: caddy}
          """,
        right: """
          services:
            web: {image: nginx}
          """)
    case .unknownTag:
      Entry(
        "a value has a tag that compose files do not know",
        "`!reset` takes out what earlier files said, `!override` puts this value in its place. Other "
          + "tags are left out.",
        wrong: """
          services:
            web:
              image: nginx
              ports: !overide ["80:80"]
          """,
        right: """
          services:
            web:
              image: nginx
              ports: !override ["80:80"]
          """)
    case .cutCommand:
      Entry(
        "a command ends where a shell would begin another one",
        "A command in one text is split into words without a shell, and what stands behind a bare `;`, "
          + "`&`, `|`, `<` or `>` is lost, as with docker compose. Give it to a shell as one word.",
        wrong: """
          services:
            web:
              image: nginx
              command: echo one; echo two
          """,
        right: """
          services:
            web:
              image: nginx
              command: sh -c 'echo one; echo two'
          """)
    case .linkedFolder:
      Entry(
        "the project is named after a link to its folder",
        "The same project would have another name when it is used through its own folder or through "
          + "another link, and its containers would not be found. Give it a `name:`.",
        wrong: """
          services:
            web: {image: nginx}
          """,
        right: """
          name: shop
          services:
            web: {image: nginx}
          """)
    case .foreignFolder:
      Entry(
        "a compose file is left out because its folder belongs to another user",
        "Looking upwards for a file must not lead into a folder that somebody else can fill: what it "
          + "says would run as you. Name the file with `-f` if you trust it.",
        wrong: """
          services:
            web: {image: nginx}
          """,
        right: """
          services:
            web: {image: nginx}
          """)
    default:
      Entry(
        "the file asks for something that `up` does not do",
        "It is loaded and `config` shows it, but starting a container without it would not be what "
          + "the file says, so `up` refuses.",
        wrong: """
          services:
            web: {image: nginx, use_api_socket: true}
          """,
        right: """
          services:
            web: {image: nginx}
          """, command: "berth up")
    }
  }
}
