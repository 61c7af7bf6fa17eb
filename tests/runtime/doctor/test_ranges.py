import pytest

from mamctl.runtime.doctor.ranges import holds, version_of


@pytest.mark.parametrize(
    ("wanted", "good", "bad"),
    [
        (">=3.11", ["3.11", "3.11.7", "4"], ["3.10.9", "2"]),
        (">=3.9,<3.13", ["3.9.0", "3.12.9"], ["3.13", "3.8"]),
        (">=18 <21", ["18.0.0", "20.20.2"], ["21.0.0", "17.9"]),
        ("^20.19.0 || >=22.12.0", ["20.20.2", "22.12.0", "24"], ["20.18.3", "21.0.0", "22.11.9"]),
        ("^0.3", ["0.3.9"], ["0.4.0", "1.3"]),
        ("~1.2", ["1.2.9"], ["1.3.0"]),
        ("~1.2.3", ["1.2.3", "1.2.9"], ["1.2.2", "1.3.0"]),
        ("~=3.11", ["3.11", "3.12"], ["4.0", "3.10"]),
        ("==3.12.*", ["3.12.0", "3.12.9"], ["3.13"]),
        ("!=3.12.*, >3", ["4.0"], ["3.12.1", "3.0"]),
        ("<=18", ["18.9.1", "17"], ["19"]),
        ("v20", ["20.1.0"], ["21.0.0"]),
        ("20.x", ["20.1.0"], ["21.0.0"]),
        ("*", ["1"], []),
    ],
)
def test_a_version_is_in_a_range_or_not(wanted, good, bad):
    assert [one for one in good if not holds(wanted, version_of(one))] == []
    assert [one for one in bad if holds(wanted, version_of(one)) is not False] == []


@pytest.mark.parametrize("wanted", ["lts/*", "latest", "", "1.2 - 2.3", "workspace:^1"])
def test_a_range_that_is_not_understood_is_no_reason_to_complain(wanted):
    assert holds(wanted, (1, 2, 3)) is None


def test_a_version_is_found_in_what_programs_say():
    assert version_of("v20.20.2\n") == (20, 20, 2)
    assert version_of("Python 3.11.7") == (3, 11, 7)
    assert version_of("unknown") is None
