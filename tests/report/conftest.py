"""One workspace and its report for all tests of the report."""

from pathlib import Path

import pytest
from report_workspace import make_workspace

from setwise.domains.parquet import read_examples
from setwise.params import Params
from setwise.report import Results, read_results
from setwise.report.page import Findings, find, render_page


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Params]:
    root = tmp_path_factory.mktemp("workspace")
    return root, make_workspace(root)


@pytest.fixture(scope="session")
def results(workspace: tuple[Path, Params]) -> Results:
    root, params = workspace
    reports = root / "reports"
    examples = read_examples(root / "data" / "clinic" / "test.parquet")
    places = reports / "evaluation", reports / "curves", reports / "validation.json", reports / "sweeps"
    return read_results(params, examples, *places)


@pytest.fixture(scope="session")
def findings(results: Results) -> Findings:
    return find(results)


@pytest.fixture(scope="session")
def page(findings: Findings) -> str:
    return render_page(findings)
