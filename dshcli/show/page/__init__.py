"""The page of an evaluation: one HTML file that needs no network, no script and no other file."""

from pathlib import Path

from dshcli.commands.evaluate import EvalResult
from dshcli.hasher.exhibit import exhibit
from dshcli.progress import Reporter
from dshcli.show.eval import caution, columns, facts, mean_and_deviation, number_text
from dshcli.show.page.document import document, write
from dshcli.show.page.evaluation import sections
from dshcli.show.page.text import table, words


def write_report(path: Path, result: EvalResult, reporter: Reporter) -> None:
    """Writes the page of an evaluation: figures of all its models, plots of the first. Raises DshError."""
    model = result.first.model
    title = f"{model.config.name} on {result.source}"
    shown = exhibit(result.first)
    body = f"<h1>{words(title)}</h1>\n{_figures(result)}\n{sections(shown)}"
    write(path, document(title, body))
    reporter.say(f"Wrote {path}")


def _figures(result: EvalResult) -> str:
    known = "".join(f"<p>{words(name)}: {words(value)}</p>" for name, value in facts(result))
    head, rows = ["", *(f"seed {trial.seed}" for trial in result.trials)], []
    several = len(result.trials) > 1
    for name, numbers in columns(result):
        cells = [number_text(number) for number in numbers]
        if several:
            cells += [number_text(number) for number in mean_and_deviation(numbers)]
        rows.append([words(name), *cells])
    head += ["mean", "deviation"] if several else []
    return f"{known}{table(head, rows, numbers=tuple(range(1, len(head))))}<p>{words(caution(result))}</p>"
