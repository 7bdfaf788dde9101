"""YAML 1.2, as DVC reads and writes it: `no` and `off` are texts there, and `1e-3` is a number.

PyYAML speaks 1.1, in which `mixed_precision: no` is false: what `dvc exp run -S` has rewritten reads as something else.
"""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

__all__ = ["YAMLError", "dump_yaml", "load_yaml"]


def load_yaml(text: str) -> object:
    """The content of one document.

    Raises:
        YAMLError: the text is no YAML, or names a key twice.
    """
    content: object = YAML(typ="safe", pure=True).load(text)
    return content


def dump_yaml(content: object) -> str:
    """The content as block-style text, keys in their order."""
    writer: Any = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False
    stream = io.StringIO()
    writer.dump(content, stream)
    return stream.getvalue()
