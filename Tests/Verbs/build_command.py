"""`build` as it is typed, and when other verbs build: what is asked for, what is left alone, what is refused."""

import json

from world import scenario


def printed(box, *arguments):
    return json.loads(box.berth("build", "--print", *arguments).out)


def warned(box, words, *arguments):
    """What is typed has no effect, and is said to have none."""
    outcome = box.berth("build", *arguments, "plain")
    box.true(words in outcome.err and "warning:" in outcome.err, outcome.err)


@scenario("C85", "C123", "E82", "A137", "A138", "A140", "A150", "A153")
def bake_file(box):
    box.environment["FROM_HERE"] = "here"
    box.file("""
      services:
        web.site:
          build:
            context: ./web
            dockerfile: sub/Dockerfile.dev
            args: {A: "1", FROM_HERE: , GONE: , B: "${NOT}{x}"}
            labels: {tier: front}
            tags: ["r.example/web:extra"]
            additional_contexts: {lib: "service:lib", files: ./files, base: "docker-image://busybox:1"}
            secrets: [key, {source: token, target: t}]
            ssh: [default]
            cache_from: ["r.example/cache", "type=local,src=/c"]
            extra_hosts: ["h=1.2.3.4", "h=::1"]
            ulimits: {nofile: 5, nproc: {soft: 1, hard: 2}}
            shm_size: 1m
            privileged: true
            provenance: false
          image: r.example/web:1
        lib: {build: {dockerfile_inline: "FROM scratch\\nENV A=$${B}\\n", target: t, network: host, no_cache: true}}
        plain: {image: IMAGE}
      secrets: {key: {file: ./key}, token: {environment: TOKEN}}
    """.replace("${NOT}", "$$"))
    seen = printed(box, "web.site")
    box.equal(list(seen), ["group", "target"])
    box.equal(seen["group"], {"default": {"targets": ["lib", "web_site"]}})
    box.equal(list(seen["target"]), ["lib", "web_site"])
    web = seen["target"]["web_site"]
    version = "com.docker.compose.version"
    own = {"com.docker.compose.project": box.name, version: web["labels"][version]}
    box.equal(web, {
        "context": box.path("web"),
        "contexts": {"base": "docker-image://busybox:1", "files": box.path("files"), "lib": "target:lib"},
        "dockerfile": box.path("web/sub/Dockerfile.dev"),
        "args": {"A": "1", "B": "$${x}", "FROM_HERE": "here"},
        "labels": own | {"com.docker.compose.service": "web.site", "tier": "front"},
        "tags": ["r.example/web:extra", "r.example/web:1"],
        "cache-from": ["r.example/cache", "type=local,src=/c"],
        "secret": [f"id=key,type=file,src={box.path('key')}", "id=t,type=env,env=TOKEN"],
        "ssh": ["default="],
        "shm-size": "1048576",
        "ulimits": ["nofile=5", "nproc=1:2"],
        "entitlements": ["security.insecure"],
        "extra-hosts": {"h": "1.2.3.4,::1"},
        "output": ["type=docker"],
        "attest": ["type=provenance,disabled=true"],
    })
    box.equal(seen["target"]["lib"], {
        "context": box.folder, "dockerfile-inline": "FROM scratch\nENV A=$${B}\n",
        "labels": own | {"com.docker.compose.service": "lib"}, "tags": [f"{box.name}-lib"], "target": "t",
        "no-cache": True, "network": "host", "output": ["type=docker"],
    })
    seen = printed(box, "--build-arg", "A=2", "--build-arg", "FROM_HERE", "--pull", "--no-cache", "--ssh", "k=/k",
                   "--push", "web.site")["target"]["web_site"]
    box.equal(seen["args"], {"A": "2", "B": "$${x}", "FROM_HERE": "here"})
    box.equal((seen["pull"], seen["no-cache"], seen["ssh"]), (True, True, ["default=", "k=/k"]))
    box.equal(seen["output"], ["type=registry"])
    seen = printed(box, "--check", "lib")
    box.equal(seen["group"]["default"]["targets"], ["lib"])
    box.equal((seen["target"]["lib"]["call"], "output" in seen["target"]["lib"]), ("lint", False))


@scenario("C85")
def nothing_to_build(box):
    box.file("services: {plain: {image: IMAGE}, web: {build: .}}")
    outcome = box.berth("build", "plain")
    box.equal(outcome.out, "")
    box.true("warning: No services to build" in outcome.err, outcome.err)
    for flag in ("--compress", "--force-rm", "--no-rm", "--parallel", "-q", "--provenance=false", "--sbom=false"):
        box.true("No services to build" in box.berth("build", flag, "plain").err, flag)
    warned(box, "`--memory` has no effect", "-m", "1g")
    warned(box, "`--builder` has no effect", "--builder", "mine")
    warned(box, "`--progress` is a flag of all verbs", "--progress", "plain")


@scenario("C85", "A152", "A160", "A161")
def wrong_words(box):
    box.file("services: {web: {build: .}}")
    box.refused_verb("build", "nobody", saying="no such service: `nobody`")
    box.refused_verb("build", "--provenance", "true", saying="--provenance true")
    box.refused_verb("build", "--sbom", "true", saying="--sbom true")
    box.refused_verb("build", "--ssh", "mine", saying="invalid --ssh `mine`")
    box.refused_verb("build", "--build-arg", "=x", saying="`--build-arg =x` names no argument")
    box.refused_verb("build", "--progress", "plein", saying="did you mean `plain`?")
    box.refused_verb("--dry-run", "build", saying="cannot be tried with `--dry-run`")
    box.refused_verb("build", "--dry-run", saying="`berth build --print` shows")
    box.refused_verb("build", "--target", "x", saying="write `target: STAGE` below `build:`")
    box.refused_verb("build", "-t", "x", saying="write `tags: [NAME]` below `build:`")
    box.equal(printed(box, "--ssh", "")["target"]["web"]["ssh"], ["default="])


@scenario("A154", "A158", "A159", "A160", "A161", "C39")
def what_no_build_here_can_do(box):
    def refused(build, *words):
        box.file(f"services: {{web: {{build: {build}}}}}")
        outcome = box.berth("build", "web", code=1)
        for word in ("compose.yaml:1:", *words):
            box.true(word in outcome.err, f"no `{word}`: {outcome.err}")
    refused("{provenance: mode=max}", "`services.web.build.provenance` must be `false`")
    refused("{sbom: true}", "`services.web.build.sbom` must be `false`")
    refused("{isolation: hyperv}", "hyperv")
    refused("{entitlements: [device]}", "cannot grant `device`")
    refused("{ssh: [mine]}", "`mine` names no key and no agent")
    refused("{platforms: [linux/s390x]}", "is built for linux/s390x, and this machine is")
    refused("{platforms: [linux/s390x, linux/ppc64le]}", "for other machines only")
    refused("{platforms: [linux/amd64, linux/386, linux/arm64]}", "several `platforms`", "DOCKER_DEFAULT_PLATFORM=")
    refused("{cache_to: [\"type=local\"]}", "names no folder")
    box.environment["DOCKER_DEFAULT_PLATFORM"] = "linux/s390x"
    refused("{platforms: [linux/amd64]}", "is not built for linux/s390x")
    box.file("""
      services:
        a: {build: {additional_contexts: {x: "service:b"}}}
        b: {build: {additional_contexts: {x: "service:a"}}}
    """)
    box.refused_verb("build", "a", saying="services cannot be built from each other: `a` from `b` from `a`")


@scenario("A11", "A12", "A136", "S114", "C59", "C68", "C11")
def what_a_plan_builds(box):
    def plan(*arguments):
        return box.berth("--dry-run", "up", *arguments).out.splitlines()
    box.file("""
      services:
        web: {build: .}
        ready: {image: IMAGE, build: ., command: sleep 1000}
        lost: {image: "127.0.0.1:1/lost:1", build: ., pull_policy: never}
    """)
    seen = plan()
    box.true(f"build image {box.name}-web (it is not here)" in seen, seen)
    box.true("build image 127.0.0.1:1/lost:1 (it is not here)" in seen, seen)
    box.true(not any("busybox:test" in line for line in seen), seen)
    seen = plan("--build", "ready")
    box.true("build image busybox:test (builds were asked for)" in seen, seen)
    seen = json.loads(box.berth("plan", "--format", "json", "web", code=10).out)
    box.equal(seen["changes"][0] | {"cause": ""},
              {"kind": "image", "name": f"{box.name}-web", "action": "build", "cause": ""})
    outcome = box.berth("up", "--no-build", "--dry-run", "web", code=1)
    box.true(f"no such image: {box.name}-web" in outcome.err and "berth build web" in outcome.err, outcome.err)
    box.refused_verb("create", "--no-build", "web", saying=f"no such image: {box.name}-web")
    box.refused_verb("run", "--pull", "never", "nobody", saying="no such service")
    box.file("services: {web: {build: ., pull_policy: build, image: IMAGE}}")
    box.true("build image busybox:test (its pull policy is to build)" in plan(), plan())
    box.equal(plan("--no-build")[0].split()[0], "create")


# MARK: when images are built


STAMP = "FROM IMAGE\nARG WORDS=first\nENV WORDS=$WORDS\nCMD [\"sh\", \"-c\", \"echo says $WORDS; exec sleep 1000\"]\n"


def stamped(box, words, path="Dockerfile"):
    """A Dockerfile whose image says these words."""
    box.write(path, STAMP.replace("IMAGE", "busybox:test").replace("first", words))


def image(box, service="web"):
    """The id of the image that the service's container is made from."""
    return json.loads(box.berth("inspect", f"{box.name}-{service}").out)[0]["Id"]


def builds(outcome):
    """Whether a build was told of."""
    return "exporting to image" in outcome.err


@scenario("A136", "S114", "C59", "C79", "S141", "C60")
def built_when_it_is_missing(box):
    stamped(box, "one")
    outcome = box.up("services: {web: {build: ., stop_grace_period: 0s}}")
    box.true(builds(outcome), outcome.err)
    box.equal(box.log("web"), "says one")
    seen = json.loads(box.berth("images", "--format", "json").out)
    box.equal([row["Repository"] for row in seen], [f"{box.name}-web"])
    labels = json.loads(box.berth("inspect", f"{box.name}-web").out)[0]["Config"]["Labels"]
    box.equal((labels["com.docker.compose.project"], labels["com.docker.compose.service"]), (box.name, "web"))
    stamped(box, "two")
    outcome = box.up()
    box.true(not builds(outcome) and "Running" in outcome.err, outcome.err)
    outcome = box.up(None, "--build")
    box.true(builds(outcome) and "Recreated" in outcome.err, outcome.err)
    box.until(lambda: box.log("web") == "says two", "the container is not made anew")
    outcome = box.up(None, "--build", "--quiet-build")
    box.true(not builds(outcome) and "Running" in outcome.err, outcome.err)
    box.berth("down", "-t", "0", "--rmi", "local")
    box.refused_verb("up", "-d", "--no-build", saying=f"no such image: {box.name}-web")
    box.berth("create")
    box.equal(image(box)[:7], "sha256:")


@scenario("A12", "S110", "C59", "C68")
def policy_of_building(box):
    stamped(box, "one")
    box.up("services: {web: {build: ., pull_policy: build, stop_grace_period: 0s}}")
    before = image(box)
    stamped(box, "two")
    box.berth("up", "-d", "--no-build")
    box.equal(image(box), before, "the image after --no-build")
    box.berth("up", "-d", "--pull", "missing")
    box.equal(image(box), before, "the image after --pull missing")
    box.up()
    box.true(image(box) != before, "the policy to build was not heeded")
    before = image(box)
    box.file("services: {web: {build: ., stop_grace_period: 0s}}")
    stamped(box, "three")
    box.berth("create", "--pull", "build")
    box.true(image(box) != before, "--pull build was not heeded")
    before = image(box)
    stamped(box, "four")
    box.berth("create", "--build")
    box.true(image(box) != before, "--build was not heeded")


@scenario("A136", "A12", "C86")
def pulled_or_built(box):
    """A name that no registry has is no failure where it can be built; it is one where it cannot."""
    stamped(box, "one")
    box.file("""
      services:
        web: {image: "127.0.0.1:1/web:1", build: ., stop_grace_period: 0s}
        twin: {image: "127.0.0.1:1/web:1", command: "echo twin"}
    """)
    outcome = box.berth("up", "-d")
    box.true("127.0.0.1:1/web:1 Warning" in outcome.err and builds(outcome), outcome.err)
    box.until(lambda: box.log("twin") == "twin", "the twin does not run")
    outcome = box.berth("up", "-d", "--pull", "always")
    box.true("Warning" in outcome.err and not builds(outcome), outcome.err)
    outcome = box.berth("pull", code=1)
    box.true("must be built from source: `web`" in outcome.err and "berth build web" in outcome.err, outcome.err)
    box.berth("down", "-t", "0", "--rmi", "all")
    box.refused_verb("up", "-d", "--no-build", saying="127.0.0.1:1/web:1")


@scenario("C70", "S161")
def one_off(box):
    stamped(box, "one")
    stamped(box, "db", "db/Dockerfile")
    box.file("""
      services:
        web: {build: ., depends_on: [db]}
        db: {build: ./db, stop_grace_period: 0s}
    """)
    def run(*arguments):
        return box.berth("run", "--rm", "-T", *arguments, "web", "sh", "-c", "echo $WORDS")
    outcome = run()
    box.true(builds(outcome), outcome.err)
    box.equal(outcome.out, "one\n")
    box.equal(box.log("db"), "says db")
    stamped(box, "two")
    stamped(box, "db2", "db/Dockerfile")
    box.equal(run().out, "one\n")
    outcome = run("--build", "--quiet-build")
    box.equal((outcome.out, builds(outcome)), ("two\n", False))
    box.until(lambda: box.log("db") == "says db2", "the dependency is not built anew")


@scenario("A142", "C85", "S122")
def built_from_another(box):
    box.write("Dockerfile", "FROM base\nRUN cat /name > /copy\nCMD [\"sleep\", \"1000\"]\n")
    box.write("base/Dockerfile", "FROM busybox:test\nRUN echo from base > /name\n")
    box.file("""
      services:
        web: {build: {context: ., additional_contexts: {base: "service:base"}}, stop_grace_period: 0s}
        base: {build: ./base, scale: 0}
        lone: {build: {dockerfile_inline: "FROM scratch\\nLABEL a=b\\n"}, depends_on: [web]}
    """)
    box.berth("build", "web")
    image(box, "base")
    box.berth("inspect", f"{box.name}-lone", code=1)
    box.up(None, "web")
    box.equal(box.inside("web", "cat /copy"), "from base")
    box.berth("rmi", f"{box.name}-base")
    box.berth("build", "--with-dependencies", "lone")
    box.equal(json.loads(box.berth("inspect", f"{box.name}-lone").out)[0]["Config"]["Labels"]["a"], "b")
    image(box, "base")


@scenario("C85", "A140", "C123")
def arguments(box):
    stamped(box, "one")
    box.write(".env", "WORDS=from the project\n")
    box.file("services: {web: {build: {context: ., args: {WORDS: file}}}}")
    def words(*flags):
        outcome = box.berth("build", *flags)
        box.equal(outcome.out, "")
        box.last = outcome
        return json.loads(box.berth("inspect", f"{box.name}-web").out)[0]["Config"]["Env"][-1]
    box.equal(words(), "WORDS=file")
    box.equal(words("--build-arg", "WORDS=typed"), "WORDS=typed")
    box.equal(words("--build-arg", "WORDS"), "WORDS=from the project")
    box.true(f" Image {box.name}-web Built" in box.last.err, box.last.err)
    words("--build-arg", "OTHER=1")
    box.true("were not consumed" in box.last.err, box.last.err)
    words("-q")
    box.equal(box.last.err, "")
    box.true("Check complete, no warnings found." in box.berth("build", "--check").err, "what `--check` says")


@scenario("A140", "C45")
def proxies(box):
    box.write("docker/config.json", json.dumps({"proxies": {"default": {"httpProxy": "http://p:1", "noProxy": "lan"}}}))
    box.environment["DOCKER_CONFIG"] = box.path("docker")
    box.write("Dockerfile", "FROM busybox:test\nRUN echo $http_proxy $HTTP_PROXY $NO_PROXY $no_proxy >/said\n")
    box.file("services: {web: {build: {context: ., args: {NO_PROXY: file}}, command: cat /said}}")
    box.equal(printed(box)["target"]["web"]["args"],
              {"HTTP_PROXY": "http://p:1", "NO_PROXY": "file", "http_proxy": "http://p:1", "no_proxy": "lan"})
    box.berth("build")
    box.equal(box.berth("run", "--rm", "-T", "web").out, "http://p:1 http://p:1 file lan\n")
    box.true("p:1" not in box.berth("history", "--no-trunc", f"{box.name}-web").out, "proxies in the history")


@scenario("C39", "A154")
def platforms(box):
    stamped(box, "one")
    machine = json.loads(box.berth("inspect", "busybox:test").out)[0]["Architecture"]
    build = f"{{context: ., platforms: [linux/s390x, linux/{machine}]}}"
    box.up(f"services: {{web: {{build: {build}, stop_grace_period: 0s}}}}")
    box.equal(json.loads(box.berth("inspect", f"{box.name}-web").out)[0]["Architecture"], machine)
    box.environment["DOCKER_DEFAULT_PLATFORM"] = f"linux/{machine}"
    box.berth("build")
    box.file("services: {web: {build: ., platform: linux/s390x}}")
    box.refused_verb("build", saying="is built for linux/s390x")
