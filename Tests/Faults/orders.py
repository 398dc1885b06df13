"""Random graphs of dependencies: everything starts when what it needs is there and stops in the reverse order, and what
fails takes with it what needs it and nothing else."""

import json
import os
import random

import ground
from world import scenario

SERVICES = 12
# What a service is, and for what others may wait.
KINDS = {
    "server": ["service_started"], "checked": ["service_started", "service_healthy"],
    "job": ["service_started", "service_completed_successfully"],
}
# Of a kind, but never coming to what others wait for.
FAILING = {"sick": "checked", "broken": "job"}


class Graph:
    """A project by chance, and what must come of it."""

    def __init__(self, seed):
        chance = random.Random(seed)
        count = chance.randint(2, SERVICES)
        names = [f"s{number}" for number in range(count)]
        # Names in an order that says nothing of who needs whom.
        chance.shuffle(names)
        self.kinds = {name: chance.choice(list(KINDS)) for name in names}
        if seed % 2:
            failing = chance.choice(names[:(count + 1) // 2])
            self.kinds[failing] = chance.choice(list(FAILING))
        self.needs = {}
        density = chance.choice([0.1, 0.3, 0.6])
        for index, name in enumerate(names):
            self.needs[name] = {}
            for other in names[:index]:
                if chance.random() < density:
                    conditions = KINDS[FAILING.get(self.kinds[other], self.kinds[other])]
                    # The more telling one more often.
                    self.needs[name][other] = conditions[-1] if chance.random() < 0.7 else conditions[0]
        self.blocked = set()
        for name in names:
            for other, condition in self.needs[name].items():
                fails = self.kinds[other] in FAILING and condition != "service_started"
                if fails or other in self.blocked:
                    self.blocked.add(name)

    def compose(self, folder):
        services = {}
        for name, kind in self.kinds.items():
            say = f"echo {name} WORD >> /log/events"
            start, end = say.replace("WORD", "start"), say.replace("WORD", "end")
            command = (f"trap '{say.replace('WORD', 'stop')}; exit 0' TERM; {start}; "
                       "while :; do sleep 1000 & wait $$!; done")
            if FAILING.get(kind, kind) == "job":
                command = f"{start}; {end}; exit {3 if kind == 'broken' else 0}"
            service = {"image": "IMAGE", "command": ["sh", "-c", command], "volumes": [f"{folder}:/log"],
                       "depends_on": {other: {"condition": condition} for other, condition in self.needs[name].items()}}
            if FAILING.get(kind, kind) == "checked":
                test = "false" if kind == "sick" else say.replace("WORD", "healthy")
                service["healthcheck"] = {"test": test, "interval": "200ms" if kind == "sick" else "60s", "retries": 2}
            services[name] = service
        return json.dumps({"services": services})

    def check_start(self, box, seen, began):
        """`seen` are the events in their order, `began` when the kernel started each first process."""
        box.equal(set(began), set(self.kinds) - self.blocked, "services that were started")
        for name in began:
            for other, condition in self.needs[name].items():
                box.true(began[other] <= began[name], f"{name} began before {other}")
                word = {"service_healthy": "healthy", "service_completed_successfully": "end"}.get(condition)
                if word and (name, "start") in seen:
                    box.true((other, word) in seen, f"{name} began though {other} was not yet `{word}`")
                    box.true(seen.index((other, word)) < seen.index((name, "start")),
                             f"{name} began before {other} was `{word}`")

    def check_stop(self, box, seen, began):
        stops = [name for name, word in seen if word == "stop"]
        servers = {name for name in began if FAILING.get(self.kinds[name], self.kinds[name]) != "job"}
        box.equal((set(stops), len(stops)), (servers, len(servers)), "services that were stopped")
        for name in servers:
            for other in self.needs[name]:
                if other in servers:
                    box.true(stops.index(name) < stops.index(other), f"{other} was stopped before {name}")


def events(folder):
    with open(os.path.join(folder, "events")) as file:
        return [tuple(line.split()) for line in file]


def begins(box):
    """When each service's program began, by the shims' records."""
    found = {}
    names = os.path.join(box.environment["BERTH_STATE"], "names")
    for name in os.listdir(names):
        id = os.path.basename(os.readlink(os.path.join(names, name)))
        for path in (os.path.join(box.environment["BERTH_RUN"], "containers", id, "state.json"),
                     os.path.join(box.environment["BERTH_STATE"], "containers", id, "exit.json")):
            if os.path.exists(path):
                with open(path) as file:
                    found[name.split("-")[-2]] = json.load(file)["startedAt"]
                break
    return found


@scenario("F-39", alone=True)
def random_graphs(box):
    graphs, edges, failed = 500 if box.world.is_long else 12, 0, 0
    before = None
    for seed in range(graphs):
        graph = Graph(seed)
        folder = box.path(f"log{seed}")
        os.mkdir(folder)
        open(os.path.join(folder, "events"), "w").close()
        box.file(graph.compose(folder))
        outcome = box.berth("up", "-d", code=None)
        box.equal(outcome.code != 0, bool(graph.blocked), f"whether `up` of graph {seed} fails: {outcome.text}")
        servers = [name for name, kind in graph.kinds.items()
                   if name not in graph.blocked and FAILING.get(kind, kind) != "job"]
        # A program says that it has begun a little after it has.
        wanted = {(name, "start") for name in servers}
        box.until(lambda: wanted <= set(events(folder)), f"not all of graph {seed} began", 5)
        began = begins(box)
        try:
            graph.check_start(box, events(folder), began)
            box.berth("down")
            graph.check_stop(box, events(folder), began)
        except Exception as error:
            raise type(error)(f"graph {seed}: {error}; {graph.kinds} {graph.needs}") from error
        before = before or ground.lines(box)
        ground.compare(box, before)
        edges += sum(map(len, graph.needs.values()))
        failed += bool(graph.blocked)
    box.true(failed > 0, "no graph had a dependency that fails")
    ground.figures(box, f"{graphs} graphs with {edges} dependencies, {failed} of them failing")
