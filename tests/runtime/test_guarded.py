"""What is given into the guardian's custody, where descriptors are short."""

from __future__ import annotations

import os
import resource

import pytest

from mamctl.runtime.guarded import _copies


def test_without_descriptors_no_copy_is_left_behind() -> None:
    free = os.dup(0)
    os.close(free)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            _copies([0, 0])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    again = os.dup(0)
    os.close(again)
    assert again == free
