"""YAML 1.2, as DVC reads and writes it: `no` and `off` are texts there, and `1e-3` is a number.

PyYAML speaks 1.1, in which `mixed_precision: no` is false: what `dvc exp run -S` has rewritten reads as something else.
"""

from __future__ import annotations

import io
import json
from typing import Any

from ruamel.yaml import YAML
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
    except RecursionError as error:
        raise YAMLError("nested too deeply") from error
    except (LookupError, ValueError) as error:  # a value that is none of its tag or form, such as 2024-99-99
        raise YAMLError(str(error)) from error
    return content


def dump_yaml(content: object) -> str:
    """The content as block-style text, keys in their order."""
    writer: Any = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False
    stream = io.StringIO()
    writer.dump(content, stream)
    return stream.getvalue()
