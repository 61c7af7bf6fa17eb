"""Methods: a function says by a decorator that it is one, and its own types say what it takes and gives.

    @method("supervisor.startProcess")
    async def start_process(stack: Stack, name: str, wait: bool = True) -> bool:
        '''Start a process.'''

Parameters that do not fit are a fault before the function is called; `system.methodSignature` reads the same types.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from mamctl.control.xmlrpc.faults import Code, Fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from mamctl.control.xmlrpc.stack import Stack

F = TypeVar("F", bound="Callable[..., Awaitable[Any]]")
# No file is larger.
LARGEST: Final = 10**15
_DIGITS: Final = re.compile(r"-?[0-9]{1,15}")


class Parameter(NamedTuple):
    """One parameter: its name, its annotation, and whether it may be left out."""

    name: str
    annotation: str
    optional: bool


class Method(NamedTuple):
    """A method under one of its names."""

    name: str
    answer: Callable[..., Awaitable[Any]]
    parameters: tuple[Parameter, ...]
    returns: str

    @property
    def signature(self) -> list[str]:
        """XML-RPC's words for what it gives and takes."""
        return [_word(self.returns), *(_word(one.annotation) for one in self.parameters)]

    @property
    def help(self) -> str:
        """What it does, with its parameters in the form that supervisord's clients know."""
        lines = [inspect.getdoc(self.answer) or "", ""]
        lines += [f"@param {_word(one.annotation)} {one.name}" for one in self.parameters]
        return "\n".join([*lines, f"@return {_word(self.returns)} result"])

    def arguments(self, params: Sequence[Any]) -> list[Any]:
        """Return what it is called with. Raises Fault when that does not fit."""
        least = sum(not one.optional for one in self.parameters)
        if not least <= len(params) <= len(self.parameters):
            raise Fault(Code.INCORRECT_PARAMETERS, f"{self.name} takes {least} to {len(self.parameters)} parameters")
        return [_fitting(one, value) for one, value in zip(self.parameters, params, strict=False)]


METHODS: Final[dict[str, Method]] = {}


def method(*names: str) -> Callable[[F], F]:
    """Let a function answer calls under these names."""

    def register(answer: F) -> F:
        found = inspect.signature(answer)
        parameters = tuple(
            Parameter(one.name.rstrip("_"), str(one.annotation), one.default is not inspect.Parameter.empty)
            for one in list(found.parameters.values())[1:]
        )
        for name in names:
            METHODS[name] = Method(name, answer, parameters, str(found.return_annotation))
        return answer

    return register


async def call(stack: Stack, name: str, params: Sequence[Any]) -> Any:
    """Call a method. Raises Fault."""
    found = METHODS.get(name)
    if found is None:
        raise Fault(Code.UNKNOWN_METHOD)
    return await found.answer(stack, *found.arguments(params))


def _word(annotation: str) -> str:
    kind = annotation.partition("[")[0].partition(" ")[0]
    return {"str": "string", "int": "int", "bool": "boolean", "dict": "struct", "list": "array"}[kind]


def _fitting(one: Parameter, value: Any) -> Any:
    """Return a value as the type that is asked for. Numbers may come as text: supervisord takes them so."""
    match one.annotation, value:
        case ("str" | "str | int", str()) | ("list[Any]", list()) | ("bool", bool()):
            return value
        case "str | int" | "int", int() if abs(value) <= LARGEST:
            return value
        case "bool", int():
            return bool(value)
        case "int", str() if _DIGITS.fullmatch(value.strip()):
            return int(value)
        case _:
            raise Fault(Code.INCORRECT_PARAMETERS, f"{one.name} is to be a {_word(one.annotation)}")
