"""`mamctl completion`: the script for a shell; and the answers to what the script asks while somebody types."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click
from click.shell_completion import ShellComplete, split_arg_string

from mamctl.cli.command import Command, pass_invocation
from mamctl.cli.shells import SCRIPTS
from mamctl.core.errors import MamctlError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from click.shell_completion import CompletionItem

    from mamctl.cli.invocation import Invocation

VARIABLE: Final = "_MAMCTL_COMPLETE"


@click.command(
    "completion",
    cls=Command,
    remote=True,
    short_help="Print the script that lets a shell complete.",
    examples=[
        "mamctl completion fish > ~/.config/fish/completions/mamctl.fish",
        'eval "$(mamctl completion bash)"      # in ~/.bashrc',
        'eval "$(mamctl completion zsh)"       # in ~/.zshrc, after compinit',
    ],
)
@click.argument("shell", type=click.Choice(list(SCRIPTS)), metavar="SHELL")
@pass_invocation
def completion_command(invocation: Invocation, shell: str) -> int:
    """Print the script that lets bash, zsh or fish complete commands, options, and names of services.

    The names are those of the running stack or of the nearest manifest, also of one named by -f.
    """
    invocation.say([SCRIPTS[shell].rstrip("\n")])
    return 0


def answer(wish: str, group: click.Command, environ: Mapping[str, str]) -> int:
    """Answer what a script asks: `bash_complete` gives candidates, `bash_source` the script itself."""
    shell, _, what = wish.partition("_")
    if shell not in SCRIPTS or what not in ("complete", "source"):
        raise UsageError(f"{VARIABLE} is {wish!r}", f"it is for scripts: `mamctl completion {' | '.join(SCRIPTS)}`")
    if what == "source":
        sys.stdout.write(SCRIPTS[shell])
        return 0
    before, incomplete = _line(shell, environ)
    try:
        known = ShellComplete(group, {"obj": environ}, "mamctl", VARIABLE).get_completions(before, incomplete)
    except MamctlError:
        known = []  # what stands on the line is wrong already: running it will say so
    # A shell that does not part words at `=` wants the whole word back.
    option = incomplete.partition("=")[0] + "=" if incomplete.startswith("--") and "=" in incomplete else ""
    for item in known:
        item.value = item.value if item.type == "file" else option + item.value
    sys.stdout.write("".join(f"{_told(shell, item)}\n" for item in known))
    return 0


def _line(shell: str, environ: Mapping[str, str]) -> tuple[list[str], str]:
    """Return the words before the cursor's word, without the program, and that word."""
    if shell == "fish":
        words = environ.get("COMP_WORDS", "").split("\n")
        return words[1:], environ.get("COMP_CWORD", "")
    words = _words(environ.get("COMP_WORDS", ""))
    position = int(cursor) if (cursor := environ.get("COMP_CWORD", "")).isdecimal() else len(words)
    before, incomplete = words[1:position], words[position] if position < len(words) else ""
    return _joined(before, incomplete) if shell == "bash" else (before, incomplete)


def _words(text: str) -> list[str]:
    """Return the words of a line, one a row or (typed by a person) with spaces between, without their quotes."""
    if "\n" not in text:
        return split_arg_string(text)
    return [" ".join(split_arg_string(word)) for word in text.split("\n")]


def _joined(before: list[str], incomplete: str) -> tuple[list[str], str]:
    """Undo that bash parts words at `=`: it completes only what comes after it, and so do we, for an option's value."""
    if incomplete == "=":
        incomplete = ""
    elif before and before[-1] == "=":
        before = before[:-1]
    joined: list[str] = []
    for word in before:
        if joined and word == "=" and joined[-1].startswith("--"):
            continue
        joined.append(word)
    return joined, incomplete


def _told(shell: str, item: CompletionItem) -> str:
    told = " ".join(str(item.help or "").split())
    if shell == "bash":
        return f"{item.type},{item.value}"
    if shell == "zsh":
        return f"{item.type}\n{item.value}\n{told or '_'}"
    return f"{item.type},{item.value}\t{told}" if told else f"{item.type},{item.value}"
