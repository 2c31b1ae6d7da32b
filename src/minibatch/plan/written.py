"""The configuration as written, which tells where a key stands, and refuses what YAML lets pass."""

from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from minibatch.errors import UserError

PLAIN = {
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map")
}

OPTION = "--config: "  # the place of what stands on the command line

Key = tuple[str | int, ...]


class Files:
    """The configuration as written, in files and after --config, to say where a key stands."""

    def __init__(self, paths: Sequence[str], options: Sequence[str] = ()):
        """Parse files, and options KEY=YAML.

        Raises UserError where a file is missing, or either is no YAML or has a key twice.
        """
        self._files = [(str(path), _compose(str(path))) for path in paths]
        self._options = [_compose_option(option) for option in options]

    def given(self) -> list[dict]:
        """What each option changes; Snakemake itself takes numbers within it for text."""
        return [{key: yaml.SafeLoader("").construct_document(node)} for key, node in self._options]

    def locate(self, key: Key) -> str:
        """The place of a key, or of the innermost part of it: a file and a line, or --config."""
        places = []
        for path, tree in self._files:
            depth, line = _descend(tree, key)
            places.append((depth, f"{path}:{line}: "))
        for name, node in self._options:
            places.append((1 + _descend(node, key[1:])[0] if key[:1] == (name,) else -1, OPTION))
        # what comes later overrides what comes before
        return max(reversed(places), key=lambda place: place[0])[1]


def _compose(path: str) -> yaml.Node:
    try:
        text = Path(path).read_text(encoding="utf-8")
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file in UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UserError(f"{path}:{mark.line + 1}: broken YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: broken YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(tree, yaml.MappingNode):
        raise UserError(f"{path}: empty, or not a table of keys")
    _check_keys(tree, lambda line: f"{path}:{line}: ")
    return tree


def _compose_option(option: str) -> tuple[str, yaml.Node]:
    """The key of an option KEY=YAML, and its value."""
    key, _, text = option.partition("=")
    place = f"{OPTION}{key}: "
    try:
        node = yaml.compose(text or "null", Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise UserError(f"{place}broken YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{place}broken YAML: {str(error).splitlines()[0]}") from None
    _check_keys(node, lambda _: place)
    return key, node


def _check_keys(node: yaml.Node, place: Callable[[int], str]) -> None:
    """Refuse what YAML lets pass: the same key twice, keys that are not text, dates and tags.

    `place` says where a line is.
    """
    if node.tag not in PLAIN:
        shown = node.value if isinstance(node, yaml.ScalarNode) else node.tag
        where = place(node.start_mark.line + 1)
        raise UserError(f"{where}{shown!r} is no text, number, list or table")
    if isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_keys(value, place)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if key.tag != "tag:yaml.org,2002:str":
            raise UserError(f"{place(line)}the key {key.value!s} is not a word; name it with one")
        if key.value in seen:
            raise UserError(
                f"{place(line)}{key.value} stands here a second time (first in line "
                f"{seen[key.value]}); rename or remove one"
            )
        seen[key.value] = line
        _check_keys(value, place)


def _descend(node: yaml.Node, key: Key) -> tuple[int, int]:
    """How many parts of a key a file has, and the line of the last."""
    line, depth = node.start_mark.line + 1, 0
    for part in key:
        if isinstance(node, yaml.MappingNode):
            found = [(name, value) for name, value in node.value if name.value == part]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            found = [(value, value) for value in node.value[part : part + 1]]
        else:
            found = []
        if not found:
            break
        [(name, node)] = found
        line, depth = name.start_mark.line + 1, depth + 1
    return depth, line
