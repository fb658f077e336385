"""What was decided: the words written now, and the list of all."""

from collections.abc import Iterator, Sequence
from typing import Any

from dshcli.commands.decide import Contents, ListedChoice, ListedDecision, Word
from dshcli.library.decisions import Said
from dshcli.show.screen import Format, Screen
from dshcli.show.text import count, escaped, near

COLUMNS = ("verdict", "decided", "files", "one", "other", "one_path", "other_path")
KEEPER = "keeper"
NOTHING = "Nothing was decided in this index."
_DIGITS = 12  # of a digest that are shown where no file has it


def show_saved(screen: Screen, words: Sequence[Word]) -> None:
    """Says what was written; with --json, prints it."""
    if screen.format is Format.JSON:
        for word in words:
            screen.json(_word_record(word))
    elif screen.format is Format.CSV:
        screen.csv([COLUMNS[:1] + COLUMNS[3:5], *map(_word_row, words)])
    said = [word for word in words if isinstance(word, Said)]
    decided = sum(word.verdict is not None for word in said)
    if decided:
        verdicts = " and ".join(sorted({str(word.verdict) for word in said if word.verdict is not None}))
        screen.say(f"Decided on {count(decided, 'pair')}: {verdicts}. dsh dupes goes by it from now on.")
    if len(said) > decided:
        screen.say(f"Forgot what was decided on {count(len(said) - decided, 'pair')}.")
    chosen = [word.chosen for word in words if not isinstance(word, Said)]
    if any(chosen):
        screen.say(f"Chose {count(sum(chosen), 'keeper')}; dsh dupes keeps it before others of its group.")
    if not all(chosen):
        screen.say(f"Left {count(len(chosen) - sum(chosen), 'keeper')} to the rules again.")


def show_decisions(screen: Screen, decisions: Sequence[ListedDecision], choices: Sequence[ListedChoice]) -> None:
    """A line a decision, then a line a chosen keeper."""
    if screen.format is Format.JSON:
        for each in decisions:
            screen.json(_record(each))
        for choice in choices:
            screen.json(_choice_record(choice))
    elif screen.format is Format.CSV:
        screen.csv([COLUMNS, *_rows(decisions, choices)])
    else:
        for line in _lines(decisions, choices, plain=screen.format is Format.PLAIN):
            screen.line(line)
    if not decisions and not choices:
        screen.say(NOTHING)
    else:
        screen.say(f"{count(len(decisions), 'decision')}, {count(len(choices), 'chosen keeper')}.")


def _word_record(word: Word) -> dict[str, Any]:
    """As --from reads it."""
    if isinstance(word, Said):
        verdict = None if word.verdict is None else str(word.verdict)
        return {"one": word.one.hex(), "other": word.other.hex(), "verdict": verdict}
    return {"keeper": word.digest.hex(), "among": [other.hex() for other in word.among], "chosen": word.chosen}


def _word_row(word: Word) -> tuple[str, str, str]:
    if isinstance(word, Said):
        return str(word.verdict or ""), word.one.hex(), word.other.hex()
    return KEEPER if word.chosen else "", word.digest.hex(), ""


def _record(each: ListedDecision) -> dict[str, Any]:
    decision = each.decision
    return {
        "one": decision.one.hex(),
        "other": decision.other.hex(),
        "verdict": str(decision.verdict),
        "files": decision.files,
        "decided": decision.decided,
        "one_paths": list(each.one.paths),
        "other_paths": list(each.other.paths),
    }


def _choice_record(choice: ListedChoice) -> dict[str, Any]:
    keeper = choice.keeper
    return {"keeper": keeper.digest.hex(), "among": [], "decided": choice.decided, "paths": list(keeper.paths)}


def _rows(decisions: Sequence[ListedDecision], choices: Sequence[ListedChoice]) -> Iterator[tuple[object, ...]]:
    """In the order of COLUMNS; of several files of a content the first."""
    for each in decisions:
        d = each.decision
        paths = (_first(each.one), _first(each.other))
        yield (str(d.verdict), d.decided, d.files or "", d.one.hex(), d.other.hex(), *paths)
    for choice in choices:
        yield (KEEPER, choice.decided, "", choice.keeper.digest.hex(), "", _first(choice.keeper), "")


def _lines(decisions: Sequence[ListedDecision], choices: Sequence[ListedChoice], *, plain: bool) -> Iterator[str]:
    rows = [(str(each.decision.verdict), each.decision.decided, each.one, each.other) for each in decisions]
    for verdict, decided, one, other in rows:
        if plain:
            yield f"{verdict}\t{decided}\t{_told(one, plain=True)}\t{_told(other, plain=True)}"
        else:
            yield f"{verdict:<9}  {decided}  {_told(one)}  |  {_told(other)}"
    for choice in choices:
        keeper = _told(choice.keeper, plain=plain)
        yield f"{KEEPER}\t{choice.decided}\t{keeper}\t" if plain else f"{KEEPER:<9}  {choice.decided}  {keeper}"


def _told(contents: Contents, *, plain: bool = False) -> str:
    """The first file of a content and how many more there are, or the start of its digest."""
    if not contents.paths:
        return f"sha256:{contents.digest.hex()[:_DIGITS]}"
    path = escaped(contents.paths[0]) if plain else near(contents.paths[0])
    more = len(contents.paths) - 1
    return path if plain or not more else f"{path} (+{more})"


def _first(contents: Contents) -> str:
    return contents.paths[0] if contents.paths else ""
