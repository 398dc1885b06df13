// Examples of each verb, for its help and its manual page: what people type most, or would not guess.

struct Example: Sendable {
  /// Without `berth`.
  let command: String
  let purpose: String

  init(_ command: String, _ purpose: String) {
    self.command = command
    self.purpose = purpose
  }
}

let verbExamples: [String: [Example]] = [
  "up": [
    Example("up -d", "start everything in the background"),
    Example("up --wait", "the same, and come back when all is healthy"),
    Example("up --dry-run", "only say what would be done, and why"),
    Example("up -d --build", "with images that are built anew"),
    Example("up -d --scale web=3 web", "three containers of `web`, and what it depends on"),
  ],
  "down": [
    Example("down", "stop and remove the containers and networks of the project"),
    Example("down -v", "its volumes too"),
    Example("down -t 2 web", "only `web`, which has two seconds to end"),
  ],
  "start": [
    Example("start", "start all containers that were stopped"),
    Example("start --wait db", "come back when `db` is healthy"),
  ],
  "stop": [
    Example("stop", "stop all services; their containers stay"),
    Example("stop -t 30 db", "give `db` half a minute"),
  ],
  "restart": [
    Example("restart web", "stop and start `web` as it is"),
    Example("restart --no-deps db", "without the services that depend on it"),
  ],
  "create": [
    Example("create", "make all containers, and start none"),
    Example("create --force-recreate web", "make that of `web` anew"),
  ],
  "scale": [
    Example("scale web=3", "three containers of `web`"),
    Example("scale web=5 worker=0", "five of one and none of the other"),
  ],
  "run": [
    Example("run --rm web sh", "a shell in a container of its own"),
    Example("run --rm -e DEBUG=1 web ./manage migrate", "a task, with a variable"),
    Example("run -d --name once worker", "in the background, under a name"),
    Example("run --rm -p 9229:9229 web node --inspect app.js", "with a port of its own"),
  ],
  "ps": [
    Example("ps", "the containers that run"),
    Example("ps -a", "those that do not, too"),
    Example("ps --format json", "for scripts, one object on each line"),
    Example("ps --status exited -q", "the ids of those that have ended"),
  ],
  "logs": [
    Example("logs -f web", "what `web` says, as it says it"),
    Example("logs --tail 100 --since 10m", "the last lines of the last ten minutes"),
    Example("logs -t --no-color >all.log", "with times, for a file"),
  ],
  "top": [
    Example("top", "the processes of all services"),
    Example("top web", "those of `web`"),
  ],
  "stats": [
    Example("stats", "what all containers use, again each second"),
    Example("stats --no-stream --format json", "once, for scripts"),
  ],
  "port": [
    Example("port web 80", "where port 80 of `web` is published"),
    Example("port --protocol udp dns 53", "a port of UDP"),
  ],
  "events": [
    Example("events", "what happens to the containers of the project"),
    Example("events --json web", "of `web`, for scripts"),
  ],
  "images": [
    Example("images", "the images of the project's containers"),
    Example("images --all", "all images of this machine"),
    Example("images --all --filter dangling=true -q", "the ids of those without a name"),
  ],
  "volumes": [
    Example("volumes", "the volumes of the project"),
    Example("volumes -q db", "the names of those that `db` mounts"),
  ],
  "ls": [
    Example("ls", "the projects of which something runs"),
    Example("ls -a --format json", "all, for scripts"),
  ],
  "exec": [
    Example("exec web sh", "a shell in the container of `web`"),
    Example("exec -T db pg_dump shop >shop.sql", "without a terminal, into a file"),
    Example("exec -u root -w /srv web ls -l", "as another user, in another folder"),
    Example("exec --index 2 web env", "in the second container of `web`"),
  ],
  "attach": [
    Example("attach web", "the terminal of `web`; ctrl-p ctrl-q leaves it running"),
    Example("attach --no-stdin worker", "only look"),
  ],
  "cp": [
    Example("cp web:/etc/nginx/nginx.conf .", "a file out of a container"),
    Example("cp ./site/. web:/srv/www", "what is in a folder, into all containers of `web`"),
    Example("cp db:/var/backups - | tar -t", "as a tar stream"),
  ],
  "export": [
    Example("export -o web.tar web", "all files of a container"),
    Example("export web | tar -t", "their names"),
  ],
  "commit": [
    Example("commit web shop/web:fixed", "an image from what `web` has become"),
    Example("commit -c 'CMD [\"sh\"]' web debug", "with another command"),
  ],
  "kill": [
    Example("kill web", "end it at once"),
    Example("kill -s HUP proxy", "send another signal"),
  ],
  "pause": [
    Example("pause", "let the whole project stand still"),
    Example("pause worker", "only `worker`"),
  ],
  "unpause": [
    Example("unpause", "let everything go on"),
    Example("unpause worker", "only `worker`"),
  ],
  "wait": [
    Example("wait migrate", "until it has ended; its status is that of berth"),
    Example("wait --down-project tests", "then take the project down"),
  ],
  "rm": [
    Example("rm -f", "remove all containers that do not run"),
    Example("rm -fsv worker", "stop that of `worker`, remove it and its anonymous volumes"),
  ],
  "config": [
    Example("config", "the project as it was understood"),
    Example("config -q", "only check: the status tells"),
    Example("config --services", "the names of the services"),
    Example("config --explain services.web.ports", "which file and line set a value"),
  ],
  "plan": [
    Example("plan", "what `up` would change, and why"),
    Example("plan --format json", "for scripts; the status is 10 when there is something to do"),
  ],
  "check": [
    Example("check", "all that is wrong with the files, and what `up` would refuse"),
    Example("check --format json", "for editors"),
  ],
  "explain": [
    Example("explain B0110", "a kind of message, with an example"),
    Example("explain", "all kinds"),
  ],
  "schema": [
    Example("schema -o compose.schema.json", "what a compose file may hold, for editors"),
    Example("schema | head", "a look at it"),
  ],
  "pull": [
    Example("pull", "the images of all services, asked for anew"),
    Example("pull --policy missing", "only those that are not here"),
    Example("pull redis:7", "an image by its name, without a compose file"),
  ],
  "build": [
    Example("build web", "the image of `web`"),
    Example("build --no-cache --pull", "all of them from the beginning, on base images of today"),
    Example("build --check", "what is wrong with the Dockerfiles"),
    Example("build --build-arg VERSION=2 --push", "with an argument, and then to their registries"),
  ],
  "builder": [Example("builder prune", "take away what builds can do without, after a question")],
  "push": [
    Example("push web", "the image of a service"),
    Example("push registry.lan:5000/shop/web:2", "an image by its name"),
  ],
  "tag": [
    Example("tag web:latest registry.lan:5000/web:2", "another name for an image"),
    Example("tag 3f2a9c web:kept", "a name for one that has none"),
  ],
  "rmi": [
    Example("rmi web:old", "take away a name, and the image with its last one"),
    Example("rmi -f 3f2a9c", "an image with all its names"),
  ],
  "history": [
    Example("history redis:7", "how an image was made"),
    Example("history --no-trunc --format json redis:7", "in full, for scripts"),
  ],
  "inspect": [
    Example("inspect redis:7", "all that is known about an image"),
    Example("inspect redis:7 busybox", "about two"),
  ],
  "save": [
    Example("save -o images.tar redis:7 busybox", "images into a file"),
    Example("save web:2 | ssh host berth load", "to another machine"),
  ],
  "load": [
    Example("load -i images.tar", "the images of a file"),
    Example("load -q <images.tar", "the same, and only their names"),
  ],
  "import": [
    Example("import rootfs.tar base:1", "a root file system as an image"),
    Example("import -c 'CMD [\"sh\"]' - base:1 <rootfs.tar", "with a command"),
  ],
  "network": [
    Example("network ls", "all networks of this machine"),
    Example("network connect shop_back web-1", "join a running container to one"),
  ],
  "network ls": [
    Example("network ls", "all networks of this machine"),
    Example("network ls --filter type=custom -q", "the ids of those that somebody made"),
  ],
  "network inspect": [
    Example("network inspect shop_default", "its addresses, and who is on it"),
    Example("network inspect bridge host", "two at once"),
  ],
  "network create": [
    Example("network create shared", "a bridge, with addresses that are free"),
    Example("network create --subnet 10.7.0.0/24 --internal back", "without a way out"),
  ],
  "network rm": [
    Example("network rm shared", "remove a network that nobody is on"),
    Example("network rm -f shared gone", "and mind none that is not there"),
  ],
  "network prune": [
    Example("network prune", "remove all that nobody is on, after a question"),
    Example("network prune -f --filter until=24h", "without one, those older than a day"),
  ],
  "network connect": [
    Example("network connect shared shop-web-1", "join a container to a network"),
    Example("network connect --alias www --ip 10.7.0.9 shared shop-web-1", "as it shall be there"),
  ],
  "network disconnect": [
    Example("network disconnect shared shop-web-1", "take a container off"),
    Example("network disconnect -f shared shop-web-1", "the same: scripts write it so"),
  ],
  "system": [Example("system resume", "start what restart policies keep running, after a boot")],
  "system resume": [
    Example("system resume", "start what restart policies keep running, after a boot")
  ],
  "login": [
    Example("login registry.lan:5000", "ask for a name and a password, and try them"),
    Example("login -u me --password-stdin <token", "to Docker Hub, from a script"),
  ],
  "logout": [
    Example("logout registry.lan:5000", "forget a password"),
    Example("logout", "that of Docker Hub"),
  ],
  "du": [
    Example("du", "what the disk holds, and what could go"),
    Example("du --format json", "for scripts"),
  ],
  "prune": [
    Example("prune", "remove what nobody uses, after a question"),
    Example("prune -f --filter until=24h", "without one, what is older than a day"),
  ],
  "builder prune": [
    Example("builder prune", "remove what no image needs, after a question"),
    Example("builder prune -a -f --keep-storage 2gb", "without one, all but the last 2 GB"),
  ],
  "version": [
    Example("version", "which berth this is"),
    Example("version --short", "only the number"),
  ],
  "completion": [
    Example("completion bash >~/.local/share/bash-completion/completions/berth", "for bash"),
    Example("completion fish | source", "for this fish alone"),
  ],
]
