"""What is expected of a build, in a form that is kept as a small file, and how a build differs from it."""

import json

import image


class Base:
    """The tree that the files of expectations leave out."""

    def __init__(self, archive):
        self.tree = image.read(archive).tree


def expectation(case, built, base):
    """The tree as what differs from the base; whole, where it is of another kind."""
    found = {path: line for path, line in built.tree.items() if not same(path, base.tree.get(path), line, base)}
    gone = sorted(path for path in base.tree if path not in built.tree)
    value = {"config": built.config, "history": built.history}
    if len(gone) < len(base.tree) // 2:
        value |= {"gone": gone, "tree": found}
    else:
        value |= {"tree": built.tree, "whole": True}
    if case.has_layers:
        value["layers"] = layers(built)
    return value


def layers(built):
    """What each layer but the first changes."""
    return [sorted(each) for each in built.changes[1:]]


def same(path, one, other, base, is_lax=False):
    """Whether two lines of a tree mean the same. When a folder of the base was last changed does not count, nor,
    if it is lax, when any other was."""
    if one is None or other is None:
        return one is other
    if one == other:
        return True
    return (is_lax or path in base.tree) and image.same_folder(one, other)


def write_expectation(path, value):
    with open(path, "w") as file:
        json.dump(value, file, indent=1, sort_keys=True)
        file.write("\n")


def fields(value, base):
    """An expectation as one flat table: field → value."""
    if value.get("whole"):
        tree = dict(value["tree"])
    else:
        tree = {path: line for path, line in base.tree.items() if path not in value["gone"]} | value["tree"]
    table = {"tree " + path: line for path, line in tree.items()}
    table |= {"config " + field: content for field, content in value["config"].items()}
    return table | {field: value[field] for field in ["history", "layers"] if field in value}


def differences(case, built, expected, base, exceptions):
    """One line for each field that is not as expected."""
    seen = {"tree " + path: line for path, line in built.tree.items()}
    seen |= {"config " + field: content for field, content in built.config.items()}
    seen["history"] = built.history
    if case.has_layers:
        seen["layers"] = layers(built)
    wanted, found = fields(expected, base), []
    for name, field, value, _ in exceptions if case.by == "buildah" else []:
        if name == case.name:
            if wanted.get(field) == value:
                found.append(f"the exception for {field} is not needed")
            if value is None:
                wanted.pop(field, None)
            else:
                wanted[field] = value
    if case.commands is not None:
        commands = built.commands[-len(case.commands):]
        # One that is null may be anything.
        seen["commands"] = [None if two is None else one for one, two in zip(commands, case.commands)]
        wanted["commands"] = case.commands
    for field in sorted(set(seen) | set(wanted)):
        one, other = seen.get(field), wanted.get(field)
        path = field.removeprefix("tree ")
        if one != other and not (field.startswith("tree ") and same(path, other, one, base, case.by == "hand")):
            found.append(f"{field}: saw {shown(one)}, wanted {shown(other)}")
    return found


def shown(value):
    return "nothing" if value is None else value if isinstance(value, str) else json.dumps(value)
