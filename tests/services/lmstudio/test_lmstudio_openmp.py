"""llama.cpp's library loads on a machine without libgomp: from the copy that a package carries."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from running_lmstudio import ROOT, environment

from services.lmstudio import openmp
from services.lmstudio.refusal import Refusal

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere llama.cpp needs no libgomp")
LOADED_FROM = "import xllamacpp; print(*{r.split()[-1] for r in open('/proc/self/maps') if 'libgomp' in r}, sep='\\n')"


@on_linux
def test_the_native_library_loads_with_the_copy_of_the_package(tmp_path: Path):
    carried = openmp._carried(Path(sysconfig.get_path("platlib")))
    child = subprocess.run(
        [sys.executable, "-c", LOADED_FROM],
        env=openmp.reaching(openmp.offer(carried, tmp_path), environment()),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert child.stdout.split() == [str(carried)]


@on_linux
def test_the_process_is_replaced_by_itself_under_the_same_pid(tmp_path: Path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys\n"
        "from services.lmstudio import openmp\n"
        f"sys.prefix = {str(tmp_path)!r}\n"
        "print(os.getpid(), sys.argv[1:], os.environ.get(openmp.SEARCHED), flush=True)\n"
        "openmp.again_with_openmp()\n"
    )
    child = subprocess.run(
        [sys.executable, "-u", str(program), "an argument"],
        env=environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    first, second = child.stdout.splitlines()
    assert second == first.replace("None", str(tmp_path / "lib" / "openmp"))
    assert "cannot be used here" in child.stderr.splitlines()[-2]


def test_without_any_copy_the_two_ways_to_get_one_are_said(tmp_path: Path):
    with pytest.raises(Refusal, match=r"libgomp\.so\.1 is not installed") as refused:
        openmp._carried(tmp_path)
    assert "apt-get install libgomp1" in refused.value.hint
    assert "pip install --no-deps pykdtree" in refused.value.hint


def test_folders_that_were_searched_stay_first(tmp_path: Path):
    searched = openmp.reaching(tmp_path, {"LD_LIBRARY_PATH": "/a::/b", "HOME": "/"})
    assert searched == {"LD_LIBRARY_PATH": os.pathsep.join(["/a", "/b", str(tmp_path)]), "HOME": "/"}


def test_a_copy_that_does_not_help_is_not_tried_for_ever(tmp_path: Path):
    with pytest.raises(Refusal, match="cannot be used here"):
        openmp.reaching(tmp_path, {"LD_LIBRARY_PATH": str(tmp_path)})


def test_the_link_can_be_made_again_and_follows_the_package(tmp_path: Path):
    for name in ("old", "new"):
        openmp.offer(tmp_path / name, tmp_path / "lib")
    assert [(link.name, link.readlink()) for link in (tmp_path / "lib").iterdir()] == [
        (openmp.LIBRARY, tmp_path / "new")
    ]


def test_a_folder_that_cannot_be_written_is_a_clear_refusal(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(Refusal, match=r"cannot link libgomp\.so\.1"):
        openmp.offer(tmp_path / "library", tmp_path / "file" / "lib")
