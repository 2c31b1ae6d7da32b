"""What Snakemake records of each output: its rule, its inputs, and the code that counts for it."""

import json
from base64 import urlsafe_b64decode

from project import Project

# Put into a project, it tracks the names of the modules that count in the place of their content.
NAMES = """

def code(*modules):
    return "reached: " + " ".join(sorted(_reached(modules)))
"""


class Records:
    """The records of a project after a whole run, which is changed."""

    def __init__(self, project: Project):
        path = project.folder / "src/minibatch/plan/fingerprint.py"
        path.write_text(path.read_text() + NAMES)
        project.run("--touch", "--forceall")
        paths = (project.folder / ".snakemake/metadata").iterdir()
        found = {
            urlsafe_b64decode(path.name).decode(): json.loads(path.read_text()) for path in paths
        }
        self.rules = {name: record["rule"] for name, record in found.items()}
        self.modules = {name: _modules(record["params"]) for name, record in found.items()}
        self._inputs = {name: set(record["input"]) for name, record in found.items()}

    def after(self, module: str) -> set[str]:
        """The outputs that a change in a module makes again, and all that is made from them."""
        changed = {name for name, modules in self.modules.items() if module in modules}
        while more := {name for name in self._inputs if changed & self._inputs[name]} - changed:
            changed |= more
        return changed


def _modules(parameters: list[str]) -> set[str]:
    [names] = [text for text in parameters if text.startswith("'reached: ")]
    return set(names.strip("'").split()[1:])
