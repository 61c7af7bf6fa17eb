"""Makes the assertions of the harness explain themselves as those of tests do."""

import pytest

pytest.register_assert_rewrite("tests.core.hands", "tests.core.history", "tests.core.truths", "tests.core.world")
