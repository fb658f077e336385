"""The sub-commands of `dsh models`: signatures and help, as in the other modules here."""

from typing import Annotated

import typer

from dshcli.app.options import LOOK, Csv, Json, at_most_one

commands = typer.Typer(**LOOK)


@commands.callback(invoke_without_command=True)
def common(context: typer.Context) -> None:
    """The models here: list (the default), show, use, radius, rm."""
    if context.invoked_subcommand is None:
        models_list()


@commands.command("list", epilog="Example: dsh models list --json")
def models_list(json: Json = False, csv: Csv = False) -> None:
    """List the models; a star marks the current one."""
    from dshcli.hasher.models import current_name, list_models
    from dshcli.show.models import show_models
    from dshcli.show.screen import Screen

    at_most_one(json=json, csv=csv)
    show_models(Screen.of(json=json, csv=csv), list_models(), current_name())


@commands.command("show", epilog="Example: dsh models show mnist-8")
def models_show(
    name: Annotated[str | None, typer.Argument(help="A model's name or folder; the current one if left out.")] = None,
    json: Json = False,
) -> None:
    """Show all that is known of a model."""
    from dshcli.hasher.models import current_name, find_model
    from dshcli.show.models import show_model
    from dshcli.show.screen import Screen

    show_model(Screen.of(json=json), find_model(name), current_name())


@commands.command("use", epilog="Example: dsh models use photo")
def models_use(name: Annotated[str, typer.Argument(help="A model's name or folder.")]) -> None:
    """Make a model the current one, which commands use without --model."""
    from dshcli.hasher.models import use_model
    from dshcli.show.screen import Screen

    Screen.of().say(f"The current model is now {use_model(name).model_id}.")


@commands.command(
    "radius", epilog="Example: dsh models radius photo 20; back to its own: dsh models radius photo --reset"
)
def models_radius(
    name: Annotated[str, typer.Argument(help="A model's name or folder.")],
    radius: Annotated[int | None, typer.Argument(metavar="BITS", help="The radius to use; else it is shown.")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Use the model's own again.")] = False,
) -> None:
    """Show the radius that query and dupes use with a model, or choose it; eval --copies --write-radius measures it."""
    from dshcli.commands.radius import radius_here
    from dshcli.show.models import show_radius
    from dshcli.show.screen import Screen

    show_radius(Screen.of(), radius_here(name, radius, reset=reset))


@commands.command("rm", epilog="Example: dsh models rm mnist-8")
def models_rm(name: Annotated[str, typer.Argument(help="A trained model's name.")]) -> None:
    """Remove a trained model. Codes that it made stay in the index."""
    from dshcli.hasher.models import remove_model
    from dshcli.show.screen import Screen

    remove_model(name)
    Screen.of().say(f"Removed {name}.")
