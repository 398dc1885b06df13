// The message of each kind of fault, as the terminal shows it without colour.

@testable import Compose

/// Kind by kind, for the wrong example of its explanation.
let goldenMessages: [FaultKind: String] = [
  .syntax: #"""
  error: a quote is not closed
    --> compose.yaml:3:12
    |     image: "nginx
    |            ^
  hint: close it, or put the other kind of quotes around it
  """#,
  .duplicateKey: #"""
  error: key `image` is already defined at line 3
    --> compose.yaml:4:5
    |     image: caddy
    |     ^^^^^
  hint: the first one is at line 3, column 5; keep one of them
  """#,
  .keyNotText: #"""
  error: key `8080` is not text
    --> compose.yaml:5:7
    |       8080: main
    |       ^^^^
  hint: put it in quotes: "8080", or leave out the space behind the colon: "8080:main"
  """#,
  .alias: #"""
  error: unknown anchor `bsae`
    --> compose.yaml:3:13
    |   web: {<<: *bsae, image: nginx}
    |             ^^^^^
  hint: did you mean `*base`?
  """#,
  .mergeKey: #"""
  error: `<<` takes a mapping or a list of them
    --> compose.yaml:3:9
    |   web: {<<: *names, image: nginx}
    |         ^^
  """#,
  .textLimit: #"""
  error: aliases expand to more than a compose file may hold
    --> compose.yaml:5:7
    | x-e: [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
    |       ^
  """#,
  .unknownKey: #"""
  error: unknown key `prots` in service `web`
    --> compose.yaml:4:5
    |     prots: ["80:80"]
    |     ^^^^^
  hint: did you mean `ports`?
  """#,
  .wrongType: #"""
  error: `services.web.healthcheck` must be a mapping, not a list
    --> compose.yaml:4:18
    |     healthcheck: [CMD, "true"]
    |                  ^
  """#,
  .missingKey: #"""
  error: a bind mount of service `web` has no `source`
    --> compose.yaml:5:9
    |       - {type: bind, target: /data}
    |         ^
  """#,
  .notOneOf: #"""
  error: `pull_policy` cannot be `allways`
    --> compose.yaml:4:18
    |     pull_policy: allways
    |                  ^^^^^^^
  hint: did you mean `always`?
  """#,
  .duplicateItem: #"""
  error: `no-new-privileges` stands twice in `services.web.security_opt`
    --> compose.yaml:4:39
    |     security_opt: [no-new-privileges, no-new-privileges]
    |                                       ^^^^^^^^^^^^^^^^^
  hint: keep one of them
  """#,
  .badName: #"""
  error: `web server` is no valid name in `services`
    --> compose.yaml:2:3
    |   web server:
    |   ^^^^^^^^^^
  hint: use letters, digits, `.`, `_` and `-`
  """#,
  .badValue: #"""
  error: `services.web.stop_grace_period` is no duration: `half a minute`
    --> compose.yaml:4:24
    |     stop_grace_period: half a minute
    |                        ^^^^^^^^^^^^^
  hint: give number and unit, such as `30s` or `1m30s`
  """#,
  .outOfRange: #"""
  error: `services.web.oom_score_adj` must be between -1000 and 1000, not 5000
    --> compose.yaml:4:20
    |     oom_score_adj: 5000
    |                    ^^^^
  """#,
  .interpolation: #"""
  error: `services.web.command.2` holds an invalid variable: `${#PATH}`
    --> compose.yaml:4:33
    |     command: ["sh", "-c", "echo ${#PATH}"]
    |                                 ^^^^^^^^
  hint: write `$$` for a dollar sign that is no variable
  """#,
  .requiredVariable: #"""
  error: variable `TAG` is required by `services.web.image` but has no value: say which release
    --> compose.yaml:3:18
    |     image: nginx:${TAG:?say which release}
    |                  ^^^^^^^^^^^^^^^^^^^^^^^^^
  hint: set it in the environment or in `.env`: `TAG=…`
  """#,
  .cast: #"""
  error: `services.web.privileged` must be `true` or `false`, not `maybe`
    --> compose.yaml:4:17
    |     privileged: ${PRIVILEGED:-maybe}
    |                 ^^^^^^^^^^^^^^^^^^^^
  hint: it was written as `${PRIVILEGED:-maybe}`
  """#,
  .merge: #"""
  error: `services.web.logging` is a mapping and cannot become a list
    --> compose.override.yaml:3:14
    |     logging: [local]
    |              ^
  hint: write it in the same form, or replace it with `!override`
  """#,
  .extends: #"""
  error: service `web` extends `base`, which common.yaml lacks
    --> compose.yaml:3:24
    |     extends: {service: base, file: common.yaml}
    |                        ^^^^
  """#,
  .include: #"""
  error: an include names no `path`
    --> compose.yaml:2:5
    |   - env_file: other.env
    |     ^
  """#,
  .undefinedReference: #"""
  error: service `db` refers to undefined volume `data`
    --> compose.yaml:4:15
    |     volumes: ["data:/var/lib/postgresql/data"]
    |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  hint: define it under `volumes:` at the top level
  """#,
  .missingImage: #"""
  error: service `web` has neither an image nor a build context
    --> compose.yaml:2:3
    |   web:
    |   ^^^
  hint: add `image:` or `build:`
  """#,
  .conflict: #"""
  error: service `web` has both `network_mode` and `networks`
    --> compose.yaml:4:19
    |     network_mode: host
    |                   ^^^^
  hint: keep one of them
  """#,
  .cycle: #"""
  error: dependency cycle detected: web -> db -> web
    --> compose.yaml:3:35
    |   db: {image: redis, depends_on: [web]}
    |                                   ^^^
  """#,
  .disabledDependency: #"""
  error: service `debugger` is required by `web` but is disabled
    --> compose.yaml:2:36
    |   web: {image: nginx, depends_on: [debugger]}
    |                                    ^^^^^^^^
  hint: enable it by `--profile debug`
  """#,
  .unreadable: #"""
  error: cannot read `other.yaml`: no such file
    --> compose.yaml:1:11
    | include: ["other.yaml"]
    |           ^^^^^^^^^^^^
  """#,
  .environmentFile: #"""
  error: a quote is not closed
    --> web.env:1:1
    | GREETING="hello
    | ^^^^^^^^^^^^^^^
  hint: close it, or quote the quote
  """#,
  .projectName: #"""
  error: project name `My.Shop` must be lower-case letters, digits, `-` and `_`, and start with a letter or digit
  hint: `-p myshop` would do
  """#,
  .noFile: #"""
  error: no configuration file provided: not found
  hint: run it in a folder with a `compose.yaml`, or name the file with `-f`
  """#,
  .noService: #"""
  error: no such service: `wbe`
  hint: did you mean `web`?
  """#,
  .remoteFile: #"""
  error: `https://example.com/compose.yaml` is remote: compose files are read from this machine only
    --> compose.yaml:1:11
    | include: ["https://example.com/compose.yaml"]
    |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  hint: fetch it first and name the local file
  """#,
  .notSet: #"""
  error: `services.web.init` is not set by any file
  hint: it has its default
  """#,
  .unsupported: #"""
  error: `services.web.use_api_socket` is not supported by `up`
    --> compose.yaml:2:23
    |   web: {image: nginx, use_api_socket: true}
    |                       ^^^^^^^^^^^^^^
  hint: remove it, or leave the service out
  """#,
  .noEffect: #"""
  warning: `services.web.cpu_percent` has no effect
    --> compose.yaml:2:23
    |   web: {image: nginx, cpu_percent: 50}
    |                       ^^^^^^^^^^^
  """#,
  .obsolete: #"""
  warning: the attribute `version` is obsolete, it will be ignored
    --> compose.yaml:1:10
    | version: "3.8"
    |          ^^^^^
  hint: remove it
  """#,
  .unsetVariable: #"""
  warning: variable `LEVEL` is not set, a blank text stands in for it
    --> compose.yaml:4:27
    |     environment: {LEVEL: "${LEVEL}"}
    |                           ^^^^^^^^
  hint: set it in `.env`, or give a default: `${LEVEL:-…}`
  """#,
  .oldBoolean: #"""
  warning: `yes` at `services.web.tty` is read as `true`
    --> compose.yaml:2:28
    |   web: {image: nginx, tty: yes}
    |                            ^^^
  hint: write `true`
  """#,
  .severalFiles: #"""
  warning: several compose files in `/shop`: compose.yaml, docker-compose.yml
  hint: `compose.yaml` is used; name another with `-f`
  """#,
  .foreignFolder: #"""
  warning: `/shop/compose.yaml` is left out: the folder belongs to another user
  hint: name the file with `-f` if you trust it
  """#,
  .linkedFolder: #"""
  warning: the project is named `shop` after a link to the folder `shop-2`
  hint: write `name: shop` into the file
  """#,
  .unknownTag: #"""
  warning: a tag here is not known, and is left out
    --> compose.yaml:4:12
    |     ports: !overide ["80:80"]
    |            ^
  hint: compose files know `!reset` and `!override`
  """#,
  .cutCommand: #"""
  warning: what stands behind `;` in `services.web.command` is left out
    --> compose.yaml:4:14
    |     command: echo one; echo two
    |              ^^^^^^^^^^^^^^^^^^
  hint: no shell reads it; write `sh -c '…'` for one that does
  """#,
]
