"""Lines of blocks: the shape of cpu and memory over time."""

from __future__ import annotations

from mamctl.tui.figures import KEPT, Figures, cpu_line, memory_line


def test_an_idle_service_is_a_flat_line_and_a_busy_one_reaches_the_top():
    assert cpu_line([0.0, 0.4, 0.9], 3, unicode=True) == "▁▁▁"
    assert cpu_line([0.0, 50.0, 100.0], 3, unicode=True) == "▁▅█"


def test_a_steady_memory_is_a_level_line_and_a_leak_climbs():
    assert memory_line([5e6, 5e6, 5e6], 3, unicode=True) == "▅▅▅"
    assert memory_line([1e6, 2e6, 4e6], 3, unicode=True) == "▁▃█"


def test_where_there_was_no_process_there_is_a_gap():
    assert cpu_line([None, 100.0, None], 5, unicode=False) == "   # "
    assert memory_line([None, None], 4, unicode=True) == "    "


def test_samples_are_bounded_and_a_service_that_is_gone_is_forgotten():
    figures = Figures()
    for number in range(2 * KEPT):
        figures.take([{"name": "web", "cpu_percent": float(number), "memory_bytes": 1}])
    assert len(figures.of("web").cpu) == KEPT
    figures.take([])
    assert not figures.of("web").cpu
