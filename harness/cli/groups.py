"""Command groups that keep the order of their commands, suggest corrections and import commands lazily."""

from collections.abc import Mapping
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from harness.errors import UserError
from harness.suggestions import suggestion

CONTEXT = {"help_option_names": ["-h", "--help"]}


class CommandGroup(click.Group):
    """A group that lists its commands in their order, and suggests the nearest name for an unknown command."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """The names of all commands, in the order in which the help shows them."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments begin with.

        Raises:
            UserError: there is no such command; the message suggests the nearest name.
        """
        names = self.list_commands(ctx)
        if args[0] not in names and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise UserError(f"there is no command {args[0]!r}; {suggestion(args[0], names)}")
        return super().resolve_command(ctx, args)


class LazyGroup(CommandGroup):
    """A group that imports a command when it is called; the help lists all commands without importing any.

    Args:
        name: the name of the group on the command line.
        commands: for each name, ``module:attribute`` and the line that the help shows.
        help: the help text of the group.
        epilog: the text at the end of the help.
    """

    def __init__(self, name: str, commands: Mapping[str, tuple[str, str]], *, help: str, epilog: str = "") -> None:  # noqa: A002 - click's word
        super().__init__(name, help=help, epilog=epilog, context_settings=CONTEXT, no_args_is_help=True)
        self._lazy = commands

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """The names of all commands, in the order in which the help shows them."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None if there is no command of the name."""
        if cmd_name not in self._lazy:
            return None
        module, _, attribute = self._lazy[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the help line of each command, without importing the command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._lazy.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command, without importing it."""
        named = [
            CompletionItem(name, help=text) for name, (_, text) in self._lazy.items() if name.startswith(incomplete)
        ]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]
