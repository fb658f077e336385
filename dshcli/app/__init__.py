"""The command line: signatures and help. Each command calls one function and shows what it returns."""

import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from dshcli.app import acting, deciding, finding, learning, models, reviewing, sets
from dshcli.app.options import LOOK, show_version
from dshcli.errors import DshError, UsageError


class _Group(TyperGroup):
    """Our errors end as `Error: ...` and `Hint: ...`, without a traceback. Anything else is a bug and keeps its own."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except DshError as error:
            _leave(error)
        except KeyboardInterrupt:
            print("\nStopped. What was finished is saved; the same command goes on from there.", file=sys.stderr)
            raise typer.Exit(130) from None


def _leave(error: DshError) -> NoReturn:
    from dshcli.show.text import escaped

    print(f"Error: {escaped(str(error))}", file=sys.stderr)
    if error.hint:
        print(f"Hint: {escaped(error.hint)}", file=sys.stderr)
    raise typer.Exit(2 if isinstance(error, UsageError) else 1) from error


app = typer.Typer(cls=_Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, **LOOK)
for part in (finding, reviewing, deciding, acting, learning, sets):
    app.add_typer(part.commands)
app.add_typer(models.commands, name="models")


@app.callback()
def common(
    version: Annotated[bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Find duplicate and similar images by learned binary codes.

    Start with: dsh index ./photos, then dsh dupes.
    """


def main() -> None:
    """The entry point `dsh`."""
    try:
        app(prog_name="dsh")
    except BrokenPipeError:
        # The reader, `head` for instance, has had enough: leave without a word, also at interpreter shutdown.
        sys.stderr.close()
        sys.exit(141)
