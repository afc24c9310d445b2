"""A spec says what is wrong with it: the file, the field, the value and the bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_build.spec import SpecError, read_spec
from tests.model_build.conftest import SpecFactory

ROOT = Path(__file__).parents[2]
TEACHER = '[[passes]]\nvariant = "teacher"\nname = "finetune"\n'
STUDENT = '[[passes]]\nvariant = "student"\nname = "distill"\n'
SPECS = sorted(
    [*ROOT.glob("model_build/specs/*.toml"), *ROOT.glob("tests/specs/*.toml")]
)

WEIGHTS, STRUCTURE, VOCABULARY = (
    f'name = "prune_{kind}"\n' for kind in ("weights", "structure", "vocabulary")
)
# the settings of a pass, what is said of them, what is wrong with them
PRUNING = [
    (WEIGHTS, ".*either sparsity or pattern", "nothing asked"),
    (WEIGHTS + "sparsity = 0.5\npattern = [2, 4]", ".*either sparsity or", "two asked"),
    (WEIGHTS + "sparsity = 1.0", r"\.sparsity: 1.0: .*< 1", "all weights"),
    (WEIGHTS + "pattern = [4, 4]", r".*pattern: \[4, 4\] keeps all", "4 of 4"),
    (WEIGHTS + "pattern = [0, 4]", r"\.pattern\[0\]: 0: .*>= 1", "0 of 4"),
    (WEIGHTS + "pattern = [2]", r"\.pattern", "2 of what"),
    (
        WEIGHTS + 'pattern = [2, 4]\nthreshold = "global"',
        ".*threshold: 'global': a pattern holds in every matrix",
        "a pattern over all",
    ),
    (WEIGHTS + 'sparsity = 0.5\nschedule = "twice"', r"\.schedule: 'twice'", "twice"),
    (
        WEIGHTS + "sparsity = 0.5\nembedding_sparsity = 1.0",
        r"\.embedding_sparsity: 1.0: .*< 1",
        "no embeddings",
    ),
    (STRUCTURE + "keep_layers = 0.0", r"\.keep_layers: 0.0: .*> 0", "no layers"),
    (STRUCTURE + "rounds = 0", r"\.rounds: 0: .*>= 1", "no round"),
    (STRUCTURE + "target_parameters = 1.0", r"\.target_parameters: 1.0", "all of it"),
    (
        STRUCTURE + "target_parameters = 0.5\ntarget_latency = 0.5",
        ".*target_latency: 0.5: there is a target_parameters",
        "two targets",
    ),
    (
        STRUCTURE + "target_latency = 0.5\nkeep_heads = 0.5",
        ".*keep_heads: 0.5: a target decides",
        "a target and shares",
    ),
    (VOCABULARY + "max_pieces = 0", r"\.max_pieces: 0: .*>= 1", "no pieces"),
    (VOCABULARY + 'keep_words = [""]', r"\.keep_words\[0\]: ''", "an empty word"),
    (
        VOCABULARY + "keep_first = 10\nmax_pieces = 9",
        ".*keep_first: 10 is above max_pieces, 9",
        "more than all",
    ),
]


QUESTIONS = {
    "task": 'task = "question-answering"',
    "labels": "",
    "data": '[data]\ntext = ["question", "context"]',
    "gates": "",
}


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_committed_spec_can_be_read(path: Path) -> None:
    assert read_spec(path).passes


def test_a_pass_starts_from_the_one_before_or_from_the_one_it_names(
    write_spec: SpecFactory,
) -> None:
    spec = read_spec(write_spec())
    assert [spec.parent(i) for i in range(5)] == [
        None,
        "teacher",
        "student",
        "pruned",
        "pruned",
    ]
    assert spec.baseline == "teacher"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param({"seed": "seed = -1"}, r"seed: -1: .*>= 0", id="below its bound"),
        pytest.param(
            {"seed": 'seed = "x"'}, r"seed: 'x': Expected `int`", id="wrong type"
        ),
        pytest.param({"seed": "sead = 1"}, "unknown field `sead`", id="unknown key"),
        pytest.param({"task": ""}, "missing required field `task`", id="missing key"),
        pytest.param(
            {"task": 'task = "ranking"'}, "task: 'ranking'", id="unknown task"
        ),
        pytest.param(
            {"release": 'release = "int4"'}, "'int4'", id="releases nothing made"
        ),
        pytest.param(
            {"labels": 'labels = ["a", "a"]'},
            "2 or more, all different",
            id="a label twice",
        ),
        pytest.param(
            {"distill": '[[passes]]\nvariant = "student"\nname = "distil"'},
            r"passes\[1\].*'distil'",
            id="unknown pass",
        ),
        pytest.param(
            {
                "distill": '[[passes]]\nvariant = "student"\nname = "distill"\nlayers = 0'
            },
            r"passes\[1\]\.layers: 0: .*>= 1",
            id="a pass's setting",
        ),
        pytest.param(
            {
                "distill": '[[passes]]\nvariant = "student"\nname = "distill"\nlayers = 1\nlayer = 1'
            },
            "unknown field `layer`",
            id="unknown setting",
        ),
        pytest.param(
            {
                "quantize": '[[passes]]\nvariant = "int8"\nof = "later"\nname = "quantize"'
            },
            r"passes\[4\]\.of: 'later' is not made before",
            id="starts from nothing",
        ),
        pytest.param(
            {"quantize": '[[passes]]\nvariant = "teacher"\nname = "quantize"'},
            "'teacher' is made twice",
            id="made twice",
        ),
        *(
            pytest.param(
                {"prune_weights": f'[[passes]]\nvariant = "sparse"\n{settings}'},
                rf"passes\[3\]{message}",
                id=f"pruning, {reason}",
            )
            for settings, message, reason in PRUNING
        ),
        pytest.param({"finetune": ""}, "the first pass", id="no teacher"),
        pytest.param(
            {"serving": '[serving]\nlengths = [8]\nengines = ["openvino"]'},
            r"engines: \['openvino'\] is not \['litert'\] or",
            id="nothing to compare with",
        ),
        pytest.param(
            {"serving": "[serving]\nlengths = [16, 8]"},
            "do not rise",
            id="falling lengths",
        ),
        pytest.param(
            {"shares": "validation_share = 0.5\ntest_share = 0.5"},
            "leave nothing to train on",
            id="no training data",
        ),
        pytest.param(
            {"data": '[data]\naugmentation = { method = "translate" }'},
            "data.augmentation.method: 'translate'",
            id="an augmentation that is not known",
        ),
        pytest.param(
            {"data": '[data]\naugmentation = { method = "swap", share = 1.5 }'},
            r"data.augmentation.share: 1.5: .*< 1",
            id="more words than there are",
        ),
        pytest.param(
            {"data": '[data]\ntruncate = "middle"'},
            "data.truncate: 'middle'",
            id="a cut that the server cannot make",
        ),
        pytest.param(
            QUESTIONS | {"labels": 'labels = ["a", "b"]'},
            r"labels: \['a', 'b'\]: question-answering has none",
            id="labels of questions",
        ),
        pytest.param(
            QUESTIONS | {"data": "[data]"},
            r"data.text: \['text'\] is not two fields",
            id="a question without a context",
        ),
        pytest.param(
            QUESTIONS | {"shares": 'truncate = "start"'},
            "data.truncate: 'start': contexts are read in windows",
            id="a context that is cut",
        ),
        pytest.param(
            QUESTIONS | {"shares": 'breaks = "space"'},
            "data.breaks: would move the answers",
            id="a context that is cleaned",
        ),
        pytest.param(
            QUESTIONS | {"shares": 'augmentation = { method = "swap" }'},
            "data.augmentation: would move the answers",
            id="a context whose words change places",
        ),
        pytest.param(
            QUESTIONS | {"gates": '[[gates]]\nmeasure = "accuracy"\nat_least = 0.5'},
            r"gates\[0\].measure: 'accuracy' is not measured of question-answering",
            id="a gate of another task",
        ),
        pytest.param(
            {"distill": STUDENT + 'teachers = ["later"]'},
            r"passes\[1\]\.teachers: 'later' is not made before",
            id="a teacher that is not there yet",
        ),
        pytest.param(
            {"distill": STUDENT + 'examples = "both"'},
            r"passes\[1\]\.examples: 'both': there is no \[data\.unlabelled\]",
            id="nothing to label",
        ),
        pytest.param(
            {"distill": STUDENT + "layer_map = [1, 0]"},
            r"passes\[1\].*do not rise",
            id="a map that falls",
        ),
        pytest.param(
            {"finetune": TEACHER + "class_weights = { fine = 2.0 }"},
            r"passes\[0\]\.class_weights: \['fine'\] are not among labels",
            id="weights of no class",
        ),
        pytest.param(
            {"finetune": TEACHER + 'class_weights = "even"'},
            r"passes\[0\]\.class_weights: 'even'",
            id="weights of no kind",
        ),
        pytest.param(
            {"finetune": TEACHER + "lora = { rank = 0 }"},
            r"passes\[0\]\.lora\.rank: 0: .*>= 1",
            id="adapters of no rank",
        ),
        pytest.param(
            {"finetune": TEACHER + "train_embeddings = true\nlora = {}"},
            "its embeddings, is frozen",
            id="adapters and embeddings",
        ),
        pytest.param(
            {"gates": '[[gates]]\nmeasure = "accuracy"'},
            "give one of at_least, at_most and margin",
            id="a gate without a bound",
        ),
        pytest.param(
            {"gates": '[[gates]]\nmeasure = "beauty"\nat_least = 1.0'},
            r"gates\[0\]\.measure: 'beauty'",
            id="a gate on nothing",
        ),
        pytest.param(
            {"data_source": 'source = "ftp:x"'},
            "data.source: 'ftp:x'",
            id="unknown source",
        ),
    ],
)
def test_refuses_what_cannot_be_built(
    write_spec: SpecFactory, changed: dict[str, str], message: str
) -> None:
    path = write_spec(**changed)
    with pytest.raises(SpecError, match=message) as refusal:
        read_spec(path)
    assert str(refusal.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"name = ", "not TOML", id="cut off"),
        pytest.param(b"\xff\xfe\x00", "not TOML", id="not text"),
        pytest.param(b"", "missing required field", id="empty"),
    ],
)
def test_refuses_a_file_that_is_no_spec(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=message):
        read_spec(path)


def test_refuses_a_spec_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="No such file"):
        read_spec(tmp_path / "absent.toml")


def test_any_changed_byte_is_another_digest(write_spec: SpecFactory) -> None:
    first = read_spec(write_spec()).digest
    assert read_spec(write_spec(seed="seed = 4")).digest != first
