"""The command: python -m tests.benchmarks.copies --help"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dshcli.errors import DshError
from dshcli.progress import Reporter, Terminal
from tests.benchmarks.copies import peers, report, shipped
from tests.benchmarks.copies.codes_kept import Shelf, cpu_milliseconds, digests
from tests.benchmarks.copies.files import File, make_files
from tests.benchmarks.copies.methods import Method, dsh, plain
from tests.benchmarks.copies.pairs import Mask
from tests.benchmarks.copies.sample import Sample, Source, draw, folder, held_out_photos, unknown_pairs
from tests.benchmarks.copies.scores import Score, score
from tests.benchmarks.measuring import machine


def main() -> None:
    options = _parser().parse_args()
    try:
        _run(options, Terminal())
    except DshError as error:
        raise SystemExit(f"Error: {error}\nHint: {error.hint}") from error


def _run(options: argparse.Namespace, reporter: Reporter) -> None:
    work: Path = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    sample = draw(_sources(options), options.count, options.seed, options.limit)
    files = make_files(sample, work, reporter)
    unknown = unknown_pairs(sample)
    models = [dsh(name) for name in options.model]
    print(_title(sample, files, unknown))
    figures: dict[str, Any] = {"machine": machine("numpy", "pillow", "onnxruntime"), "files": len(files)}
    if not options.shipped_only:
        compared = [*models, *(plain(model) for model in models if model.turns), *peers.load(options.peers, reporter)]
    else:
        compared = []
    if compared:
        scores = _codes(compared, files, unknown, work, reporter)
        print(report.codes_text(scores), flush=True)
        figures["codes"] = [asdict(one) for one in scores]
    if models and not options.codes_only:
        results = [shipped.run(model, files, unknown, work, options.dupes, reporter) for model in models]
        print(report.shipped_text(results), flush=True)
        figures["shipped"] = [asdict(one) for one in results]
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _codes(methods: list[Method], files: list[File], unknown: Mask, work: Path, reporter: Reporter) -> list[Score]:
    paths = [file.kept for file in files]
    names, shelf = digests(paths), Shelf(work / "codes")
    scores = []
    for method in methods:
        codes = shelf.codes(method, paths, names, reporter)
        scores.append(score(method, files, codes, unknown, cpu_milliseconds(method, paths)))
        reporter.say(f"{method.name}: done")
    return scores


def _sources(options: argparse.Namespace) -> list[Source]:
    found = [held_out_photos(options.photos)] if options.photos else []
    found += [folder("others", options.others)] if options.others else []
    found += [folder(path.name, path) for path in options.originals]
    return found


def _title(sample: Sample, files: list[File], unknown: Mask) -> str:
    traps = sum(file.role == "trap" for file in files)
    return (
        f"{len(files):,} files: {len(sample.originals)} originals, {len(sample.distractors):,} distractors, "
        f"{sum(file.role == 'copy' for file in files):,} copies, {traps} traps; "
        f"{int(unknown.sum()) // 2:,} pairs of pictures count neither way\n{machine('numpy', 'pillow', 'onnxruntime')}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.copies", description=__doc__)
    parser.add_argument("--photos", type=Path, metavar="DIR", help="photos of the built-in model: the held-out ones")
    parser.add_argument("--others", type=Path, metavar="DIR", help="pictures that no training has seen")
    parser.add_argument("--originals", type=Path, nargs="+", default=[], metavar="DIR", help="any folders of pictures")
    parser.add_argument("--count", type=int, default=300, metavar="N", help="originals (default: 300)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the draw of originals")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N originals, for a try")
    parser.add_argument(
        "--model", nargs="*", default=["photo"], metavar="NAME", help="models of dsh: names, folders (or none)"
    )
    parser.add_argument(
        "--peers", nargs="*", default=list(peers.PEERS), choices=peers.PEERS, metavar="NAME",
        help=f"other tools: {', '.join(peers.PEERS)} (default: all)",
    )  # fmt: skip
    parser.add_argument("--codes-only", action="store_true", help="do not run dsh index and dsh dupes")
    parser.add_argument("--shipped-only", action="store_true", help="do not compare codes")
    parser.add_argument("--dupes", type=str.split, default=[], metavar="OPTIONS", help="more options, for dsh dupes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures, as JSON")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("bench-copies"),
        metavar="DIR",
        help="keeps files and codes (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    main()
