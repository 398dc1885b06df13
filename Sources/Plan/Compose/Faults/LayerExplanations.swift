// Explanations of faults between texts: variables, files on top of files, and what must fit together.

extension FaultKind {
  var layerEntry: Entry {
    switch self {
    case .requiredVariable:
      Entry(
        "a variable that must be set is not",
        """
        `${NAME:?message}` asks for a variable that is set and not empty, `${NAME?message}` for one \
        that is set. Values come from the environment, then from `--env-file` or `.env`.
        """,
        wrong: """
          services:
            web:
              image: nginx:${TAG:?say which release}
          """,
        right: """
          services:
            web:
              image: nginx:${TAG:?say which release}
          # file: .env
          TAG=1.27
          """)
    case .cast:
      Entry(
        "a text with variables is not the number or boolean that it must be",
        "After variables are put in, the text of this key must read as a number or as `true` or "
          + "`false`. A variable that is not set leaves it empty.",
        wrong: """
          services:
            web:
              image: nginx
              privileged: ${PRIVILEGED:-maybe}
          """,
        right: """
          services:
            web:
              image: nginx
              privileged: ${PRIVILEGED:-false}
          """)
    case .merge:
      Entry(
        "a value cannot be laid on top of the earlier one",
        """
        A later file adds to what earlier ones say: mappings by key, lists item by item. What is a \
        mapping in one and a list in the other cannot be joined. `!override` replaces the value, \
        `!reset null` takes it out.
        """,
        wrong: """
          services:
            web:
              image: nginx
              logging: {driver: json-file}
          # file: compose.override.yaml
          services:
            web:
              logging: [local]
          """,
        right: """
          services:
            web:
              image: nginx
              logging: {driver: json-file}
          # file: compose.override.yaml
          services:
            web:
              logging: {driver: local}
          """)
    case .extends:
      Entry(
        "a service extends something that is not there",
        "`extends` takes a service of the same file, or with `file:` of another one, whose paths are "
          + "then relative to that file.",
        wrong: """
          services:
            web:
              extends: {service: base, file: common.yaml}
          # file: common.yaml
          services:
            basis: {image: nginx}
          """,
        right: """
          services:
            web:
              extends: {service: basis, file: common.yaml}
          # file: common.yaml
          services:
            basis: {image: nginx}
          """)
    case .include:
      Entry(
        "a file cannot be included",
        "Each item of `include` is a path, or a mapping with `path:`, a path or a list of them.",
        wrong: """
          include:
            - env_file: other.env
          services:
            web: {image: nginx}
          """,
        right: """
          include:
            - path: other.yaml
          services:
            web: {image: nginx}
          # file: other.yaml
          services:
            db: {image: redis}
          """)
    default:
      Entry(
        "a dollar sign begins something that is no variable",
        """
        Variables are `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:?message}` and \
        `${NAME:+other}`, on one line. A dollar sign for the program itself is written `$$`.
        """,
        wrong: """
          services:
            web:
              image: nginx
              command: ["sh", "-c", "echo ${#PATH}"]
          """,
        right: """
          services:
            web:
              image: nginx
              command: ["sh", "-c", "echo $${#PATH}"]
          """)
    }
  }

  var fitEntry: Entry {
    switch self {
    case .missingImage:
      Entry(
        "a service says neither what to pull nor what to build",
        "Each service needs an `image:` or a `build:`. A service of an override file that no other "
          + "file has is one that is mistyped, as a rule.",
        wrong: """
          services:
            web:
              ports: ["80:80"]
          """,
        right: """
          services:
            web:
              image: nginx
              ports: ["80:80"]
          """)
    case .conflict:
      Entry(
        "two settings exclude each other",
        "Both say something about the same thing, and not the same. Keep one.",
        wrong: """
          services:
            web:
              image: nginx
              network_mode: host
              networks: [front]
          networks: {front: {}}
          """,
        right: """
          services:
            web:
              image: nginx
              networks: [front]
          networks: {front: {}}
          """)
    case .cycle:
      Entry(
        "something leads back to itself",
        "Services that wait for each other would never start; files that include or extend each "
          + "other would never end. The message names the whole circle.",
        wrong: """
          services:
            web: {image: nginx, depends_on: [db]}
            db: {image: redis, depends_on: [web]}
          """,
        right: """
          services:
            web: {image: nginx, depends_on: [db]}
            db: {image: redis}
          """)
    case .disabledDependency:
      Entry(
        "a service needs one that its profile keeps off",
        "Enable the profile, give both services the same one, or write `required: false` in "
          + "`depends_on`.",
        wrong: """
          services:
            web: {image: nginx, depends_on: [debugger]}
            debugger: {image: busybox, profiles: [debug]}
          """,
        right: """
          services:
            web: {image: nginx, depends_on: [debugger], profiles: [debug]}
            debugger: {image: busybox, profiles: [debug]}
          """)
    default:
      Entry(
        "a name is used that is defined nowhere",
        "Networks, volumes, configs, secrets and models are defined under their key at the top "
          + "level, services under `services:`, in any of the files.",
        wrong: """
          services:
            db:
              image: postgres
              volumes: ["data:/var/lib/postgresql/data"]
          """,
        right: """
          services:
            db:
              image: postgres
              volumes: ["data:/var/lib/postgresql/data"]
          volumes:
            data: {}
          """)
    }
  }
}
