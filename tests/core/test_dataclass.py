"""Our quicker dataclasses against those of the standard library."""

from __future__ import annotations

import dataclasses
import pickle
from dataclasses import field, replace

import pytest

from mamctl.core.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 0
    tags: tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Other:
    x: int
    y: int = 0
    tags: tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Alone:
    x: int


@dataclass(frozen=True, slots=True)
class Empty:
    pass


@dataclass(slots=True)
class Changing:
    x: int = 0


@dataclass(slots=True, eq=False)
class Itself:
    x: int = 0


def test_values_are_compared_by_kind_and_content() -> None:
    assert Point(1, 2) == Point(1, 2) != Point(1, 3)
    assert Point(1, 2) != Other(1, 2)
    assert Alone(1) == Alone(1) != Alone(2)
    assert Empty() == Empty() != Alone(1)
    assert Changing(1) == Changing(1)
    assert Itself() != Itself()


def test_frozen_ones_can_be_in_sets() -> None:
    assert {Point(1), Point(1), Other(1), Alone(1), Alone(1), Empty(), Empty()} == {
        Point(1),
        Other(1),
        Alone(1),
        Empty(),
    }
    with pytest.raises(TypeError, match="unhashable"):
        hash(Changing())


def test_their_text_is_that_of_the_standard_ones() -> None:
    standard = dataclasses.make_dataclass("Point", [("x", int), ("y", int), ("tags", tuple)])
    assert repr(Point(1, 2, ("a",))) == repr(standard(1, 2, ("a",)))
    assert repr(Empty()) == "Empty()"


def test_the_rest_of_the_standard_library_takes_them() -> None:
    assert replace(Point(1, 2), y=3) == Point(1, 3)
    assert [one.name for one in dataclasses.fields(Point)] == ["x", "y", "tags"]
    assert pickle.loads(pickle.dumps(Point(1, 2))) == Point(1, 2)
    match Point(1, 2):
        case Point(x, y=2):
            assert x == 1
        case _:
            pytest.fail("it has the fields of a pattern")
    assert not hasattr(Point(1), "__dict__")
