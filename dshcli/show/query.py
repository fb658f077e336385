"""The neighbours of one or more images."""

from dshcli.commands.query import Answer, Answers
from dshcli.show.screen import Format, Screen, image_record
from dshcli.show.text import count, escaped, facts, near


def show_answers(screen: Screen, result: Answers, *, several: bool) -> list[Answer]:
    """Prints each answer when it is ready; returns those of images that could not be read."""
    screen.say(result.warning)
    if screen.format is Format.CSV:
        screen.csv([("query", "distance", "width", "height", "bytes", "path")])
    problems, neighbours = [], 0
    for answer in result.answers:
        _show_answer(screen, answer, several=several)
        neighbours += len(answer.neighbours)
        if answer.problem:
            problems.append(answer)
            screen.complain(f"{escaped(answer.query)}: {answer.problem}")
    limit = "nearest first" if result.radius is None else f"within {result.radius} of {result.model.bits} bits"
    screen.say(f"{count(neighbours, 'neighbour')} {limit} among {result.images:,} images ({result.model.model_id}).")
    return problems


def _show_answer(screen: Screen, answer: Answer, *, several: bool) -> None:
    if screen.format is Format.JSON:
        error = {"error": answer.problem} if answer.problem else {}
        found = [{"distance": n.distance, **image_record(n.image)} for n in answer.neighbours]
        screen.json({"query": answer.query, **error, "neighbours": found})
    elif screen.format is Format.TABLE:
        if several:
            screen.line(f"{escaped(answer.query)}:")
        for n in answer.neighbours:
            screen.line(f"{n.distance:>4}  {facts(n.image)}  {near(n.image.path)}")
    else:
        rows = [(n.distance, n.image.width, n.image.height, n.image.size, n.image.path) for n in answer.neighbours]
        if screen.format is Format.CSV:
            screen.csv((answer.query, *row) for row in rows)
        else:
            lead = f"{escaped(answer.query)}\t" if several else ""
            for distance, width, height, size, path in rows:
                screen.line(f"{lead}{distance}\t{width}x{height}\t{size}\t{escaped(path)}")
