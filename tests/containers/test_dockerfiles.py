"""What can be said of the images without building them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLASK = "containers/flask/Dockerfile"
TF_SERVING = "containers/tf_serving/Dockerfile"


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """(instruction, rest) with continued lines joined and comments dropped."""
    text = (ROOT / dockerfile).read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = [line.partition(" ") for line in joined.splitlines() if line.strip()]
    return [(name, rest.strip()) for name, _, rest in pairs]


def final_stage(dockerfile: str) -> list[tuple[str, str]]:
    found = instructions(dockerfile)
    starts = [index for index, (name, _) in enumerate(found) if name == "FROM"]
    return found[starts[-1] :]


@pytest.mark.parametrize("dockerfile", [FLASK, TF_SERVING])
def test_runs_as_a_numeric_user_that_is_not_root(dockerfile: str) -> None:
    (user,) = [rest for name, rest in final_stage(dockerfile) if name == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_the_weights_are_the_last_layer_of_the_flask_image() -> None:
    layers = [rest for name, rest in final_stage(FLASK) if name in {"COPY", "RUN"}]
    assert layers[-1] == "--from=materials /layers/weights/ /"
    (copied,) = [rest for _, rest in instructions(FLASK) if "/layers/weights/" in rest][
        :1
    ]
    assert copied.startswith("${ARTIFACT}/${ENGINE}/")


def test_the_weights_are_the_last_layer_of_the_other_image() -> None:
    layers = [rest for name, rest in final_stage(TF_SERVING) if name in {"COPY", "RUN"}]
    assert layers[-1].startswith("${ARTIFACT}/saved_model/")


def test_the_flask_image_has_nothing_of_the_base_but_what_is_copied() -> None:
    (base, *_) = final_stage(FLASK)
    assert base == ("FROM", "scratch")
    assert all(name != "RUN" for name, _ in final_stage(FLASK))


@pytest.mark.parametrize("dockerfile", [FLASK, TF_SERVING])
def test_copies_named_things_that_exist(dockerfile: str) -> None:
    for name, rest in instructions(dockerfile):
        assert name != "ADD"
        if name != "COPY" or rest.startswith("--from="):
            continue
        source = rest.split()[0].replace("-${ENGINE}", "-litert")
        assert source not in {".", "./"}
        assert source.startswith("${ARTIFACT}/") or list(ROOT.glob(source)), source


def test_the_base_of_the_flask_image_is_pinned_by_digest() -> None:
    (base,) = [
        rest
        for name, rest in instructions(FLASK)
        if name == "ARG" and rest.startswith("BASE=")
    ]
    assert re.search(r":3\.11\.\d+-slim-bookworm@sha256:[0-9a-f]{64}$", base)


def test_the_base_of_the_other_image_is_pinned_by_its_full_version() -> None:
    """By digest too, once a machine that reaches its registry has read one."""
    (base,) = [
        rest
        for name, rest in instructions(TF_SERVING)
        if name == "ARG" and rest.startswith("BASE=")
    ]
    assert re.search(r"tensorflow/serving:\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$", base)


def test_every_package_of_the_flask_image_is_hashed_and_none_is_tensorflow() -> None:
    lock = (ROOT / "containers/flask/requirements-litert.txt").read_text()
    packages = re.findall(r"^([a-z0-9-]+)==\S+ \\\n {4}--hash=sha256:", lock, re.M)
    assert len(packages) == len(re.findall(r"^[a-z0-9-]+==", lock, re.M)) > 10
    assert not [p for p in packages if p.startswith(("tensorflow", "tf-", "keras"))]


def test_each_dependency_says_what_it_is_for() -> None:
    lines = (ROOT / "containers/flask/requirements.in").read_text().splitlines()
    assert lines
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==[\d.]+ +# .{20,}", line), line
