"""The page for whoever is on call says what prefect.yaml says."""

import re

import yaml
from smoke_workspace import REPOSITORY

PAGE = (REPOSITORY / "docs" / "operations.md").read_text()


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_what_runs_when_is_what_the_deployments_say() -> None:
    told = {row[0]: row[1:] for row in re.findall(r"^\| `(\S+)` \| (.+?) \| (\w+) \|", section("What runs when"), re.M)}
    deployments = {
        f"{d['entrypoint'].rpartition(':')[2].replace('_', '-')}/{d['name']}": d
        for d in yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]
    }
    assert told.keys() == deployments.keys()
    for name, deployment in deployments.items():
        when, pool = told[name]
        assert pool == deployment["work_pool"]["name"]
        for schedule in deployment["schedules"]:
            minute, hour, *_ = schedule["cron"].split()
            assert f"{int(hour):02}:{int(minute):02} UTC" in when
        assert bool(deployment["schedules"]) == ("UTC" in when)


def test_every_deployment_is_in_the_picture() -> None:
    picture = section("The parts").split("```")[1]
    for name in re.findall(r"^  - name: (\S+)", (REPOSITORY / "prefect.yaml").read_text(), re.M):
        assert name in picture
