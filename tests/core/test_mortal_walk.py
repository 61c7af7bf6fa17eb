"""The random walks again, with supervisors that die at any moment: the truths hold, and all ends as it would have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.core.afterlife import die, follow_on, twin
from tests.core.stacks import stack
from tests.core.test_walk import ALIKE, Walk

if TYPE_CHECKING:
    from mamctl.core.manifest.model import Manifest
    from tests.core.hands import Hands


def manifest_of(hands: Hands) -> Manifest:
    """The manifest that holds: without those that are only being removed."""
    return stack(*(service.spec for service in hands.services.values() if not service.leaving))


def made_of(hands: Hands) -> dict[str, tuple[object, ...]]:
    """What there is once everything went well: who runs, in which state, and why not."""
    return {
        name: (service.wanted, service.state, service.reason, name in hands.running)
        for name, service in hands.services.items()
        if not service.leaving
    }


class MortalWalk(Walk):
    """Everything that can happen, to a supervisor too. No process of a service is ever beside another one of it."""

    @rule(data=st.data(), proven=st.booleans(), spared=st.integers(0, 4), stale=st.booleans())
    def die(self, data: st.DataObject, proven: bool, spared: int, stale: bool) -> None:
        hands = self.hands
        names = st.sets(st.sampled_from(sorted(hands.services) or ["-"]), max_size=2)
        exist, lost, changed = data.draw(names), data.draw(names), data.draw(names)
        ends = st.sampled_from([(0, None), (1, None), (None, 9), (None, None)])
        manifest = manifest_of(hands)
        wished = {name: service.wanted for name, service in hands.services.items()}

        die(hands, exist=exist)
        unseen = {name: data.draw(ends) for name in sorted(lost & hands.running.keys())}
        self._forget_the_removed(manifest)
        follow_on(hands, manifest, proven=proven, spared=spared > 0, stale=stale, changed=changed, unseen=unseen)

        # Of the operator's very last word it may know nothing, and an essential service may have died.
        if not stale and hands.supervisor.ending is None:
            assert {name: service.wanted for name, service in hands.services.items()} == {
                name: wished[name] for name in manifest.services
            }

    @rule(proven=st.booleans(), spared=st.booleans(), data=st.data())
    def end_as_it_would_have_without_dying(self, proven: bool, spared: bool, data: st.DataObject) -> None:
        """A death from which all that lived goes on changes nothing about how it ends."""
        exist = data.draw(st.sets(st.sampled_from(sorted(self.hands.spawning) or ["-"])))
        immortal, self.hands = self.hands, twin(self.hands)
        manifest = manifest_of(self.hands)
        die(self.hands, exist=exist)
        self._forget_the_removed(manifest)
        follow_on(self.hands, manifest, proven=proven, spared=spared)
        self.let_everything_go_well()
        mortal, self.hands = self.hands, immortal
        self.let_everything_go_well()
        assert made_of(mortal) == made_of(immortal)

    def _forget_the_removed(self, manifest: Manifest) -> None:
        """What the manifest has no more is ended by its marker before anything is recalled."""
        hands = self.hands
        for name in [name for name in hands.intents if name not in manifest.services]:
            del hands.intents[name]
            hands.running.pop(name, None)


class LongMortalWalk(MortalWalk):
    """The same, longer and elsewhere each time."""


TestMortalWalk = MortalWalk.TestCase
TestMortalWalk.settings = settings(ALIKE, max_examples=25, stateful_step_count=30, derandomize=True)

TestLongMortalWalk = pytest.mark.slow(LongMortalWalk.TestCase)
TestLongMortalWalk.settings = settings(ALIKE, max_examples=250, stateful_step_count=50)
