"""The command `setwise`: ask the trained model, switch recipes, see what is installed."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from setwise.errors import InputError

app = typer.Typer(
    name="setwise",
    help="Train language models to answer with a set of distinct answers, each with a calibrated confidence.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
recipe_app = typer.Typer(help="Named settings: list them, show one, use one.", no_args_is_help=True)
app.add_typer(recipe_app, name="recipe")


def _complete_method() -> list[str]:
    from setwise.methods import METHODS

    return list(METHODS)


def _complete_recipe() -> list[str]:
    from setwise.recipes import list_recipes

    try:
        return list(list_recipes())
    except InputError:
        return []


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in quotes.")],
    method: Annotated[str | None, typer.Option(help="Whose model to ask.", autocompletion=_complete_method)] = None,
    champion: Annotated[bool, typer.Option("--champion", help="Ask the registered champion, as it is served.")] = False,
    temperature: Annotated[
        float | None,
        typer.Option(min=0.0, help="0 is the model's best set; unset: 0, or what the champion is served at."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask the trained model; prints its answers, best first, with confidences."""
    from setwise.quiet import turn_telemetry_off

    turn_telemetry_off()
    _quiet_libraries()
    from setwise.ask import ask as ask_model
    from setwise.params import load_params

    if temperature is not None and not math.isfinite(temperature):
        raise InputError(f"--temperature {temperature}: give a finite number of at least 0")
    params = load_params()
    if champion:
        from setwise.serving.champion import ask_champion

        if method is not None:
            raise InputError("--method and --champion: name one of them; the champion has its own method")
        reply = ask_champion(question, params.domain.name, temperature)
    else:
        reply = ask_model(question, params, method, temperature=temperature or 0.0)
    if as_json:
        typer.echo(json.dumps(reply.to_json(), ensure_ascii=False))
    elif reply.reason is not None:
        typer.echo(f"no valid answer set ({reply.reason}): {reply.completion}")
    else:
        for text, confidence in reply.answers:
            typer.echo(text if confidence is None else f"{confidence:.2f}  {text}")
    if reply.reason is not None:
        raise typer.Exit(1)


@recipe_app.command("list")
def recipe_list() -> None:
    """List the recipes; the one in use is marked with *."""
    from setwise.recipes import active_recipe, list_recipes

    recipes, active = list_recipes(), active_recipe()
    width = max(map(len, recipes), default=0)
    for name, title in recipes.items():
        typer.echo(f"{'*' if name == active else ' '} {name:{width}}  {title}")


@recipe_app.command("show")
def recipe_show(
    name: Annotated[str, typer.Argument(autocompletion=_complete_recipe)],
    complete: Annotated[bool, typer.Option("--complete", help="Print the params.yaml it makes, every key.")] = False,
) -> None:
    """Print a recipe: what differs from the defaults, and why."""
    from setwise.recipes import read_recipe

    recipe = read_recipe(name)
    typer.echo(recipe.complete if complete else recipe.text, nl=False)


@recipe_app.command("use")
def recipe_use(name: Annotated[str, typer.Argument(autocompletion=_complete_recipe)]) -> None:
    """Put a recipe in the place of params.yaml; `make run` or `dvc repro` then brings the outputs up to date."""
    from setwise.recipes import use_recipe

    used = use_recipe(name)
    if used.kept is not None:
        typer.echo(f"the params that were there are kept in {used.kept}")
    typer.echo(f"params.yaml is now recipe {name} (domain {used.params.domain.name}); next: make run, or dvc repro")


@app.command()
def judge(
    file: Annotated[Path, typer.Argument(help="Completions: of generate@METHOD, or any JSONL or Parquet with gold.")],
    k: Annotated[int, typer.Option("-k", min=1, help="Answers in one completion, where the file has its gold.")] = 1,
    confidences: Annotated[bool, typer.Option("--confidences", help="Each answer states a confidence.")] = False,
    union: Annotated[bool, typer.Option("--union", help="All answers to a question are one set.")] = False,
    split: Annotated[str, typer.Option(help="The split that was answered, where the file has no gold.")] = "test",
    to: Annotated[Path | None, typer.Option(help="Folder for verdicts.parquet and metrics.json.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole report as one JSON object.")] = False,
) -> None:
    """Judge completions by every metric; nothing is generated. Columns of a file with gold: docs/metrics.md."""
    from setwise.answers import Layout
    from setwise.evaluation.given import judge_file

    report, notes = judge_file(file, Layout(k, confidences), union, split, to)
    for note in notes:
        typer.echo(note, err=True)
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, allow_nan=False))
        return
    width = max(map(len, report["metrics"]))
    for name, entry in report["metrics"].items():
        typer.echo(f"{name:{width}}  {_figure(entry)}")


def _figure(entry: dict[str, Any]) -> str:
    """A metric as `value [lo, hi]`, or why it has none."""
    if entry["value"] is None:
        return f"undefined: {entry['reason']}"
    interval = "" if entry["lo"] is None else f"  [{entry['lo']:.4f}, {entry['hi']:.4f}]"
    return f"{entry['value']:.4f}{interval}"


@app.command()
def compare(
    run_a: Annotated[str, typer.Argument(help="A run name or id, a method, or champion; /protocol may follow.")],
    run_b: Annotated[str, typer.Argument(help="What is judged: better, worse or undecided against the first.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """Compare two evaluated runs, question by question: paired differences with 95% intervals."""
    from setwise.quiet import turn_telemetry_off

    turn_telemetry_off()
    _quiet_libraries()
    from setwise.registry.compare import compare_runs, table, to_json

    rows = compare_runs(run_a, run_b)
    if as_json:
        typer.echo(json.dumps(to_json(rows), ensure_ascii=False, allow_nan=False))
        return
    lines = table(rows, run_a, run_b)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        typer.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


@app.command()
def leaderboard(
    metric: Annotated[str, typer.Argument(help="As MLflow names it, such as eval/coverage_at_1 or eval/ece_width.")],
    lower_is_better: Annotated[
        bool | None,
        typer.Option("--lower-is-better/--higher-is-better", help="If left out, what docs/metrics.md says."),
    ] = None,
    sweep: Annotated[str | None, typer.Option(help="Only the runs of this sweep of the flow `sweep`.")] = None,
) -> None:
    """Rank the evaluated runs of the params' domain by a metric: methods and settings, with intervals over seeds."""
    from setwise.quiet import turn_telemetry_off

    turn_telemetry_off()
    _quiet_libraries()
    from setwise.leaderboard import domain_trials, rank, sweep_trials
    from setwise.params import load_params
    from setwise.tracking import get_client, said_in_one_line

    domain = load_params().domain.name
    if sweep is not None and not sweep.isalnum():
        raise InputError(f"--sweep {sweep}: no id of a sweep; give the eight digits and letters that the flow prints")
    with said_in_one_line(files=False):
        client = get_client()
        trials = sweep_trials(client, sweep, metric) if sweep else domain_trials(client, domain, metric)
    standings = rank(trials, metric, lower_is_better)
    if not standings:
        raise InputError(
            f"no run of {f'sweep {sweep}' if sweep else f'setwise/{domain}'} logged {metric!r}; see make ui"
        )
    for place, standing in enumerate(standings, start=1):
        typer.echo(f"{place}. {standing.describe(metric)}")


@app.command()
def plan(
    recipe: Annotated[str, typer.Argument(help="The recipe to plan.", autocompletion=_complete_recipe)],
    device_gib: Annotated[float, typer.Option(min=1.0, help="Memory of one GPU in GiB.")] = 80.0,
    prompt_tokens: Annotated[int | None, typer.Option(min=1, help="Tokens of a prompt.")] = None,
) -> None:
    """Say what a recipe would run: processes, batches, tokens and memory by part. No GPU is needed."""
    from setwise.plan import make_plan
    from setwise.recipes import read_recipe

    made = make_plan(read_recipe(recipe).params, device_gib, prompt_tokens)
    typer.echo(str(made))
    made.require_installed()


@app.command()
def rollback() -> None:
    """Give the title of champion back to the version before."""
    from setwise.params import load_params
    from setwise.registry.versions import roll_back
    from setwise.tracking import said_in_one_line

    with said_in_one_line(files=False):
        left, now = roll_back(load_params().domain.name)
    typer.echo(f"champion: version {left} was rolled back; version {now} is champion again")


@app.command()
def check() -> None:
    """Check params.yaml and the data it names; `make run` does so first: DVC overlooks a key that no stage reads."""
    from setwise.inputs import input_digests, is_prepared, missing_data, prepared_file, replaced_data
    from setwise.params import load_params
    from setwise.tracking_store import require_usable

    require_usable(Path())
    params = load_params()
    missing = missing_data(params)
    if missing is not None and not is_prepared(params):
        raise InputError(missing)
    typer.echo(f"params.yaml: domain {params.domain.name}, K = {params.k}, {', '.join(params.methods)}")
    if missing is not None:
        typer.echo(f"note: {missing}; until then, the data prepared before are used")
    for key in replaced_data(input_digests(params) if is_prepared(params) else {}, prepared_file(params)):
        typer.echo(f"note: {key}: the file was replaced since the data were prepared; `make run` prepares them again")


@app.command()
def doctor() -> None:
    """Say what is installed, which accelerator and engine would be used, and what is missing."""
    from setwise.doctor import examine

    _quiet_libraries()
    findings = examine()
    width = max(len(f.what) for f in findings)
    for finding in findings:
        typer.echo(f"{finding.verdict:8} {finding.what:{width}}  {finding.detail}")
    if any(f.verdict == "missing" for f in findings):
        raise typer.Exit(1)


def _quiet_libraries() -> None:
    """Only the answer goes to the terminal: no progress bars, no library chatter."""
    import logging
    import os
    import warnings

    os.environ.setdefault("TQDM_DISABLE", "1")
    warnings.filterwarnings("ignore", category=FutureWarning)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")


def main() -> Any:
    """Run the command; a mistake of the user is one line and exit code 2."""
    try:
        return app()
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(InputError.exit_code)
    except RuntimeError as error:
        from setwise.tracking import TrackingError

        if not isinstance(error, TrackingError):
            raise
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
