"""The stages' tests share the workspace that the tests of the report make."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "report"))
