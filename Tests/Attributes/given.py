"""Secrets and configs: which file a container finds where, whose it is, and where its value stands."""

import os

from world import scenario

VALUE = "correct-horse-battery-staple-61"

# What a service asks for, and the file that it finds: path, mode, owner, group, content.
FORMS = [
    ("secrets", "from_file", None, "/run/secrets/from_file 644 1234 2345", "of-the-file"),
    ("secrets", "from_file", "target: /etc/app/token", "/etc/app/token 644 1234 2345", "of-the-file"),
    ("secrets", "from_file", "target: below/it", "/run/secrets/below/it 644 1234 2345", "of-the-file"),
    ("secrets", "from_file", "{target: owned, uid: '10', gid: '20', mode: 0440}",
     "/run/secrets/owned 440 10 20", "of-the-file"),
    ("secrets", "from_file", "{target: moded, mode: '0400'}", "/run/secrets/moded 400 0 0", "of-the-file"),
    ("secrets", "from_env", None, "/run/secrets/from_env 444 0 0", VALUE),
    ("secrets", "from_env", "{target: /opt/deep/er/token, uid: '10', gid: '20', mode: 0400}",
     "/opt/deep/er/token 400 10 20", VALUE),
    ("configs", "cfg_file", None, "/cfg_file 644 1234 2345", "of-the-config"),
    ("configs", "cfg_file", "{target: /etc/app/c.conf, uid: '33', mode: 0640}", "/etc/app/c.conf 640 33 0",
     "of-the-config"),
    ("configs", "cfg_content", None, "/cfg_content 444 0 0", "inline"),
    ("configs", "cfg_content", "{target: sub/run.sh, mode: 0755}", "/sub/run.sh 755 0 0", "inline"),
    ("configs", "cfg_env", "{target: /etc/env.conf, gid: '7'}", "/etc/env.conf 444 0 7", "config-of-the-environment"),
]

SOURCES = """
secrets:
  from_file: {file: ./token.txt}
  from_env: {environment: TOKEN}
configs:
  cfg_file: {file: ./c.conf}
  cfg_content: {content: "inline"}
  cfg_env: {environment: SETTING}
"""


def service(*lines):
    return "services:\n  app:\n    image: IMAGE\n    command: sleep 1000\n" + "".join(f"    {line}\n" for line in lines)


def granted(forms):
    lines = []
    for kind in ("secrets", "configs"):
        own = [form for form in forms if form[0] == kind]
        if own:
            lines.append(f"{kind}:")
        for _, source, more, _, _ in own:
            if more is None:
                lines.append(f"  - {source}")
            elif more.startswith("{"):
                lines.append(f"  - {{source: {source}, {more[1:]}")
            else:
                lines.append(f"  - {{source: {source}, {more}}}")
    return lines


def sources(box):
    for name, content in (("token.txt", "of-the-file"), ("c.conf", "of-the-config")):
        os.chown(box.write(name, content), 1234, 2345)
    box.environment.update(TOKEN=VALUE, SETTING="config-of-the-environment")


def holders(folder, value):
    """The files below a folder that hold a value, but for what the container's overlay shows of them."""
    found = []
    for base, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(base, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    if value.encode() in file.read():
                        found.append(path)
    return found


@scenario("A134", "A135", "A204", "A208", "E111", "E169", "S-61")
def given_files_in_twelve_forms(box):
    sources(box)
    box.up(service(*granted(FORMS)) + SOURCES)
    for kind, source, more, seen, content in FORMS:
        path = seen.split()[0]
        box.equal(box.inside("app", f"stat -c '%n %a %u %g' {path}"), seen, f"{kind} {source} {more}")
        box.equal(box.inside("app", f"cat {path}"), content, f"content of {path}")
        answer = box.inside("app", f"(echo x >> {path}) 2>&1 || echo $?")
        box.true("Read-only" in answer, f"{path} can be written to: {answer}")


@scenario("E111", "S-61")
def secret_values_stand_nowhere(box):
    sources(box)
    box.up(service(*granted(FORMS)) + SOURCES)
    world = box.world.environment
    box.equal(holders(world["BERTH_STATE"], VALUE), [], "files of the state folder with the value")
    box.equal(holders(world["BERTH_RUN"], VALUE), [], "files of the run folder with the value")
    for words in (["config"], ["config", "--format", "json"], ["ps", "--format", "json"], ["logs"],
                  ["inspect", box.id("app")]):
        said = box.berth(*words, code=None).text
        box.true(VALUE not in said, f"`berth {' '.join(words)}` prints the value")
    pid = int(box.pid("app"))
    for what in ("environ", "cmdline", "mountinfo"):
        with open(f"/proc/{pid}/{what}", "rb") as file:
            box.true(VALUE.encode() not in file.read(), f"the value is in {what}")
    flags = box.inside("app", "grep ' /run/secrets/from_env ' /proc/self/mountinfo").split()[5]
    box.equal(sorted(set(flags.split(",")) & {"ro", "nosuid", "nodev", "noexec"}), ["nodev", "noexec", "nosuid", "ro"],
              "flags of the mount")


@scenario("A81", "A134", "A135", "E111")
def given_files_on_a_read_only_root(box):
    sources(box)
    box.up(service("read_only: true", *granted(FORMS)) + SOURCES)
    for _, _, _, seen, content in FORMS:
        box.equal(box.inside("app", f"cat {seen.split()[0]}"), content, f"content of {seen}")


@scenario("A134")
def config_with_an_x_bit_runs(box):
    box.up("""
        services:
          app:
            image: IMAGE
            entrypoint: /entry.sh
            configs: [{source: entry, target: /entry.sh, mode: 0555}]
        configs:
          entry:
            content: |
              #!/bin/sh
              echo it ran
              exec sleep 1000
    """)
    box.until(lambda: "it ran" in box.log("app"), "the script did not run")


@scenario("A135", "E169")
def secrets_of_a_container_that_starts_again(box):
    box.environment["TOKEN"] = VALUE
    box.up("""
        services:
          app:
            image: IMAGE
            command: sh -c 'cat /run/secrets/token; echo; test -e /again || { touch /again; exit 3; }; sleep 1000'
            restart: on-failure
            secrets: [token]
        secrets: {token: {environment: TOKEN}}
    """)
    box.until(lambda: box.log("app").count(VALUE) == 2, "the policy's new start did not see the secret")
    box.berth("stop", "--timeout", "0")
    del box.environment["TOKEN"]
    refused = box.berth("start", code=None)
    box.true(refused.code == 1 and "`TOKEN`" in refused.err, f"start without the variable: {refused.text}")
    refused = box.berth("up", "-d", code=None)
    box.true(refused.code == 1 and "`TOKEN`" in refused.err, f"up without the variable: {refused.text}")
    refused = box.berth("-p", box.name, "start", code=None)
    box.true("`TOKEN`" in refused.err, f"start without a file: {refused.text}")
    box.environment["TOKEN"] = "another-value"
    box.berth("start")
    box.equal(box.inside("app", "cat /run/secrets/token"), "another-value", "the secret after `start`")


@scenario("A135", "C72")
def secrets_of_a_one_off_container(box):
    box.environment["TOKEN"] = VALUE
    box.file(service("secrets: [token]") + "secrets: {token: {environment: TOKEN}}\n")
    said = box.berth("run", "--rm", "-T", "app", "cat", "/run/secrets/token").out
    box.equal(said, VALUE, "the secret in a one-off")
    del box.environment["TOKEN"]
    refused = box.berth("run", "--rm", "-T", "app", "true", code=None)
    box.true(refused.code == 1 and "`TOKEN`" in refused.err, f"run without the variable: {refused.text}")


@scenario("A208")
def included_secrets_have_their_own_environment(box):
    box.write("sub/.env", "TOKEN=of-the-included-file\n")
    box.write("sub/compose.yaml", "secrets: {token: {environment: TOKEN}}\n"
                                  "services: {other: {image: IMAGE, command: sleep 1000, secrets: [token]}}\n"
              .replace("IMAGE", "busybox:test"))
    box.write(".env", "OUTER=of-the-main-file\n")
    box.up("include: [sub/compose.yaml]\n" + service("secrets: [token, outer]")
           + "secrets: {outer: {environment: OUTER}}\n")
    box.equal(box.inside("app", "cat /run/secrets/token"), "of-the-included-file", "the included secret")
    box.equal(box.inside("other", "cat /run/secrets/token"), "of-the-included-file", "in a service of that file")
    box.equal(box.inside("app", "cat /run/secrets/outer"), "of-the-main-file", "the main file's")


@scenario("A135")
def folder_as_a_secret(box):
    box.write("keys/a", "one")
    box.up(service("secrets: [keys]") + "secrets: {keys: {file: ./keys}}\n")
    box.equal(box.inside("app", "cat /run/secrets/keys/a"), "one", "a file of the folder")


@scenario("A134", "A135")
def given_files_over_mounts(box):
    box.environment["TOKEN"] = VALUE
    box.up(service("tmpfs: [/run]", "volumes: ['data:/data']", "secrets: [token, {source: token, target: /data/token}]")
           + "secrets: {token: {environment: TOKEN}}\nvolumes: {data: {}}\n")
    box.equal(box.inside("app", "cat /run/secrets/token /data/token"), VALUE * 2, "below a tmpfs and a volume")


@scenario("A135", "A208")
def missing_secret_file(box):
    outcome = box.refused(service("secrets: [token]") + "secrets: {token: {file: ./gone.txt}}\n", "gone.txt", "compose.yaml:6")
    box.true("missing" in outcome.err, outcome.err)
    box.equal(os.listdir(os.path.join(box.world.environment["BERTH_STATE"], "names")).count("missing-secret-file-app-1"), 0)


@scenario("A208")
def unset_variable_of_a_secret(box):
    box.refused(service("secrets: [token]") + "secrets: {token: {environment: NOT_SET}}\n", "`NOT_SET`", "compose.yaml:6")


@scenario("A134", "A135")
def undefined_given_files(box):
    box.refused(service("secrets: [token]"), "token")
    box.refused(service("configs: [thing]"), "thing")


@scenario("A205", "A207", "A209", "A210")
def given_files_of_a_swarm(box):
    for kind, name, rest in (
            ("secrets", "external", "external: true"), ("configs", "external", "external: true"),
            ("secrets", "driver", "{file: ./a, driver: vault}"), ("secrets", "template_driver", "{file: ./a, template_driver: golang}"),
            ("configs", "template_driver", "{file: ./a, template_driver: golang}")):
        box.write("a", "x")
        body = rest if rest.startswith("{") else "{" + rest + "}"
        box.refused(service(f"{kind}: [it]") + f"{kind}: {{it: {body}}}\n", f"{kind}.it.{name}")


@scenario("A135")
def owner_of_a_secret_by_name(box):
    box.write("a", "x")
    box.refused(service("secrets: [{source: it, uid: www}]") + "secrets: {it: {file: ./a}}\n", "uid", "`www`")
    box.refused(service("secrets: [{source: it, uid: '4294967295'}]") + "secrets: {it: {file: ./a}}\n", "uid")
    box.write("keys/a", "one")
    box.refused(service("secrets: [{source: it, mode: 0400}]") + "secrets: {it: {file: ./keys}}\n", "no file")


@scenario("A135")
def secrets_at_impossible_places(box):
    box.write("a", "x")
    for place in ("/proc/version", "/sys/x", "/"):
        box.refused(service(f"secrets: [{{source: it, target: {place}}}]") + "secrets: {it: {file: ./a}}\n", "secret `it`")


@scenario("A206", "A211")
def names_and_labels_of_given_files_change_nothing(box):
    box.write("a", "x")
    box.up(service("secrets: [it]", "configs: [that]")
           + "secrets: {it: {file: ./a, name: other, labels: {a: b}}}\nconfigs: {that: {file: ./a, name: other, labels: [c]}}\n")
    box.equal(box.inside("app", "cat /run/secrets/it /that"), "xx", "the contents")


@scenario("S124", "E169")
def content_of_given_files_and_convergence(box):
    box.write("a", "one")
    text = service("secrets: [it, {source: it, target: copied, mode: 0400}]") + "secrets: {it: {file: ./a}}\n"
    box.up(text)
    before = box.id("app")
    with open(box.path("a"), "w") as file:
        file.write("two")
    box.up()
    box.equal(box.id("app"), before, "the container (contents are not in the hash)")
    box.equal(box.inside("app", "cat /run/secrets/it"), "two", "the bound file, which is the host's")
    box.equal(box.inside("app", "cat /run/secrets/copied"), "one", "the copy, which is of the last start")
    box.up(None, "--force-recreate", "--timeout", "0")
    box.equal(box.inside("app", "cat /run/secrets/copied"), "two", "the copy of a new container")
