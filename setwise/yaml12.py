"""YAML 1.2, as DVC reads and writes it: `no` and `off` are texts there, and `1e-3` is a number.

PyYAML speaks 1.1, in which `mixed_precision: no` is false: what `dvc exp run -S` has rewritten reads as something else.
"""

from __future__ import annotations

import json

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

__all__ = ["YAMLError", "dump_yaml", "load_yaml"]


def load_yaml(text: str) -> object:
    """The content of one document.

    Raises:
        YAMLError: the text is no YAML, names a key twice, or holds itself.
    """
    try:
        content: object = YAML(typ="safe", pure=True).load(text)
        json.dumps(content, default=str, skipkeys=True)  # has no end where an alias stands in what it names
    except DuplicateKeyError as error:
        key = error.problem.partition(" with value")[0].removeprefix("found ")
        raise YAMLError(f"{key} in line {error.problem_mark.line + 1}; keep one of them") from error
    except RecursionError as error:
        raise YAMLError("nested too deeply") from error
    except (LookupError, ValueError) as error:  # a value that is none of its tag or form, such as 2024-99-99
        raise YAMLError(str(error)) from error
    return content


def dump_yaml(content: object) -> str:
    """The content as block-style text, keys in their order, that readers of YAML 1.1 take for the same content."""
    return yaml.dump(content, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=1_000_000)


class _Writer(yaml.SafeDumper):
    """Writes 1.1, which quotes `no` and spells `1.0e-06`, with texts in quotes that 1.2 alone takes for a number."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        try:
            plain = load_yaml(data) == data
        except YAMLError:
            plain = False
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=None if plain else "'")


_Writer.add_representer(str, _Writer.represent_str)
