"""The click group: its global options, its commands in the order people meet them, and how words on the line fail."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

import click

from mamctl.cli.invocation import Invocation
from mamctl.cli.known import files
from mamctl.core.errors import UsageError
from mamctl.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from click.shell_completion import CompletionItem

# Each command's module is imported only when it is run: section -> command -> module.
SECTIONS: Final = {
    "Run the stack": {
        "init": "init",
        "import": "importing",
        "export": "export",
        "up": "up",
        "down": "down",
        "start": "operate",
        "stop": "operate",
        "restart": "operate",
        "scale": "scale",
        "run": "run",
        "exec": "execute",
        "attach": "attach",
        "signal": "send",
    },
    "See how it is": {
        "status": "status",
        "top": "top",
        "dashboard": "dashboard",
        "ls": "stacks",
        "logs": "logs",
        "events": "events",
        "wait": "wait",
        "smoke": "smoke",
    },
    "Look before you leap": {
        "validate": "manifest",
        "config": "manifest",
        "schema": "manifest",
        "graph": "graph",
        "ports": "ports",
        "doctor": "doctor",
    },
    "From boot on": {
        "install": "install",
        "uninstall": "install",
        "reexec": "reexec",
    },
    "This program": {
        "help": "manual",
        "completion": "completion",
    },
}
MODULES: Final[dict[str, str]] = {name: module for commands in SECTIONS.values() for name, module in commands.items()}
# What no person types: a unit starts it.
MODULES["supervise"] = "unit"
COMPLETION: Final = "_MAMCTL_COMPLETE"
ALIASES: Final = {"ps": "status"}


class Commands(click.Group):
    """The group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the commands, in the order of the help."""
        return [name for commands in SECTIONS.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return the command of a name or alias, or None."""
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in MODULES:
            return None
        command: click.Command = getattr(importlib.import_module(f"mamctl.cli.{MODULES[name]}"), f"{name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest one."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise UsageError(f"no such command: {args[0]}", _nearest(args[0]))
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete commands; a shell that shows nothing beside them is not kept waiting for their modules."""
        from click.shell_completion import CompletionItem

        bash = str((ctx.obj or {}).get(COMPLETION, "")).startswith("bash")
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        items = [CompletionItem(name, help=None if bash else self._summary(ctx, name)) for name in names]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in their sections."""
        width = max(len(name) for name in self.list_commands(ctx))
        for title, commands in SECTIONS.items():
            # One width for all sections: the summaries stand one beneath the other.
            rows = [(name.ljust(width), self._summary(ctx, name)) for name in commands]
            with formatter.section(title):
                formatter.write_dl(rows, col_spacing=3)

    def _summary(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        return command.get_short_help_str(limit=70) if command else ""


def _nearest(word: str) -> str:
    from mamctl.core.manifest.nearest import nearest

    near = nearest(word, [*MODULES, *ALIASES])
    return f"did you mean `mamctl {near}`?" if near else "`mamctl --help` lists the commands"


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`mamctl help COMMAND` shows what it takes, with examples; `man mamctl` has all of it.",
    subcommand_metavar="COMMAND ...",
)
@click.option(
    "-f", "--file", metavar="FILE", shell_complete=files, help="The manifest, in place of the nearest services.yaml."
)
@click.option("--host", metavar="URL", help="A supervisor elsewhere: http://host:port; its token is MAMCTL_TOKEN.")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colour; auto heeds NO_COLOR and whether there is a terminal.",
)
@click.version_option(VERSION, "--version", message="mamctl %(version)s")
@click.pass_context
def cli(context: click.Context, file: str | None, host: str | None, color: str) -> None:
    """Bring a whole local stack up in the right order, see the truth about it, and leave nothing behind."""
    if file and host:
        raise UsageError("-f names a manifest here, --host a supervisor elsewhere", "leave one out")
    context.obj = Invocation(file=file, color=color, environ=context.obj, host=host)


def invoke(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command and return its exit code. Raises what went wrong, in our own words where click has its own."""
    if COMPLETION in environ:
        from mamctl.cli.completion import answer

        return answer(environ[COMPLETION], cli, environ)
    try:
        with cli.make_context("mamctl", list(arguments), obj=environ) as context:
            code = cli.invoke(context)
    except click.exceptions.Exit as end:
        return int(end.exit_code)
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        click.echo(help_wanted.format_message(), err=True)
        return 2
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.UsageError as problem:
        raise _in_our_words(problem) from None
    except click.ClickException as problem:
        raise UsageError(problem.format_message(), "`mamctl --help` lists the commands") from None
    return code if isinstance(code, int) else 0


def _in_our_words(problem: click.UsageError) -> UsageError:
    if isinstance(problem, click.NoSuchOption):
        text = f"no such option: {problem.option_name}"  # each version of click has its own words for it
    else:
        text = " ".join(problem.format_message().split()).rstrip(".")
    path = problem.ctx.command_path if problem.ctx else "mamctl"
    return UsageError(text[:1].lower() + text[1:], _near_option(problem) or f"`{path} --help` shows what it takes")


def _near_option(problem: click.UsageError) -> str | None:
    if not isinstance(problem, click.NoSuchOption) or problem.ctx is None:
        return None
    from mamctl.core.manifest.nearest import nearest

    known = [
        flag for param in problem.ctx.command.get_params(problem.ctx) for flag in (*param.opts, *param.secondary_opts)
    ]
    near = nearest(problem.option_name, [flag for flag in known if flag.startswith("--")])
    return f"did you mean {near}?" if near else None
