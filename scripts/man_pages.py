"""Write the man pages from the texts of `--help`: `python scripts/man_pages.py docs/man`.

mamctl(1) has what all commands share, mamctl-COMMAND(1) each of them. Exit codes and variables come from
docs/commands.md, which tests hold to the code. Nothing in a page depends on the day or the machine.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mamctl.cli.app import ALIASES, SECTIONS, cli
from mamctl.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMANDS_PAGE = Path(__file__).parent.parent / "docs" / "commands.md"
SUMMARY = "run a local stack of services, and know how it is"


def pages() -> dict[str, str]:
    """Return every page by the name of its file."""
    with click.Context(cli, info_name="mamctl", help_option_names=["-h", "--help"]) as context:
        names = cli.list_commands(context)
        found = {"mamctl.1": main_page(context)}
        return found | {f"mamctl-{name}.1": command_page(context, name) for name in names}


def main_page(context: click.Context) -> str:
    """Return the page of the program itself."""
    lines = [*head("mamctl", SUMMARY), ".SH SYNOPSIS", ".B mamctl"]
    lines += ["[\\fIOPTIONS\\fR] \\fICOMMAND\\fR ...", ".SH DESCRIPTION", *prose(cli.help or "")]
    lines += [".SH OPTIONS", *options(context)]
    for title, commands in SECTIONS.items():
        lines.append(f'.SH "{escaped(title.upper())}"')
        for name in commands:
            lines += [".TP", f".BR mamctl\\-{escaped(name)} (1)", inline(summary(context, name))]
    lines += [".SH EXIT STATUS", *table("Exit codes")]
    lines += [".SH ENVIRONMENT", *table("Variables")]
    lines += [".SH FILES", *files()]
    return "\n".join(lines) + "\n"


def command_page(context: click.Context, name: str) -> str:
    """Return the page of one command."""
    command = cli.get_command(context, name)
    assert command is not None
    with click.Context(command, info_name=name, parent=context, help_option_names=["-h", "--help"]) as inner:
        usage = " ".join(command.collect_usage_pieces(inner))
        lines = [*head(f"mamctl-{name}", summary(context, name).rstrip(".")), ".SH SYNOPSIS"]
        lines += [f".B mamctl {escaped(name)}", places(usage), ".SH DESCRIPTION", *prose(command.help or "")]
        lines += [".SH OPTIONS", *options(inner), ".SH EXAMPLES", ".nf"]
    lines += [guarded(escaped(example)) for example in getattr(command, "examples", ())]
    lines += [".fi", ".SH SEE ALSO", ".BR mamctl (1)"]
    other = next((alias for alias, meant in ALIASES.items() if meant == name), None)
    if other:
        lines += [".SH NOTES", inline(f"`mamctl {other}` is the same.")]
    return "\n".join(lines) + "\n"


def head(title: str, told: str) -> list[str]:
    """Return the beginning of a page."""
    return [
        '.\\" Made by scripts/man_pages.py from the texts of --help. Do not edit.',
        f'.TH {escaped(title.upper())} 1 "" "mamctl {VERSION}" "mamctl"',
        ".SH NAME",
        f"{escaped(title)} \\- {inline(told)}",
    ]


def summary(context: click.Context, name: str) -> str:
    """Return what the list of commands says of one."""
    command = cli.get_command(context, name)
    assert command is not None
    return command.get_short_help_str(limit=200)


def prose(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:
            yield ".PP"
        yield inline(" ".join(paragraph.split()))


def options(context: click.Context) -> Iterator[str]:
    """Yield each option with its text and default."""
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is not None:
            names, told = record
            yield from (".TP", places(names), inline(" ".join(told.split())))


def places(text: str) -> str:
    """Return usage or names of an option: what is typed as it is in bold, what stands for something in italics."""
    words = re.split(r"([\s,/|\[\]=]+|\.\.\.)", text)
    return guarded("".join(_placed(word) for word in words))


def _placed(word: str) -> str:
    if re.fullmatch(r"--?[a-zA-Z].*", word):
        return f"\\fB{escaped(word)}\\fR"
    return f"\\fI{escaped(word)}\\fR" if re.search(r"[a-zA-Z]", word) else escaped(word)


def inline(text: str) -> str:
    """Return a sentence; what stands in backticks is bold."""
    parts = text.split("`")
    return guarded("".join(f"\\fB{escaped(part)}\\fR" if odd % 2 else escaped(part) for odd, part in enumerate(parts)))


def escaped(text: str) -> str:
    """Return a text of which troff takes nothing for its own."""
    return (
        text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("^", "\\(ha").replace("~", "\\(ti")
    )


def guarded(line: str) -> str:
    """Return a line that does not begin as a request would."""
    return f"\\&{line}" if line.startswith((".", "'")) else line


def table(title: str) -> Iterator[str]:
    """Yield the rows of the table beneath a heading of docs/commands.md."""
    _, _, body = COMMANDS_PAGE.read_text(encoding="utf-8").partition(f"\n## {title}\n")
    for row in re.findall(r"^\| (.+?) \| (.+?) \|$", body.partition("\n## ")[0], re.MULTILINE):
        if not row[0].startswith(("---", "Code", "Variable")):
            yield from (".TP", inline(row[0]), inline(row[1]))


def files() -> Iterator[str]:
    """Yield the files of a stack."""
    for name, told in (
        ("services.yaml", "The manifest, looked for in the current folder and those above it."),
        ("logs/", "What the services wrote, beside the manifest."),
        (".mamctl/", "What the supervisor keeps: its socket, its journal, its history."),
    ):
        yield from (".TP", f".I {guarded(escaped(name))}", inline(told))


def main() -> None:
    """Write the pages into the folder that the command line names; pages of commands that are gone are removed."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    found = pages()
    for old in folder.glob("*.1"):
        if old.name not in found:
            old.unlink()
    for name, text in found.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
