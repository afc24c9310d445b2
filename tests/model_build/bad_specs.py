"""Specs that cannot be built, each by one change to a good one, and what is said."""

from __future__ import annotations

import pytest

TEACHER = '[[passes]]\nvariant = "teacher"\nname = "finetune"\n'
STUDENT = '[[passes]]\nvariant = "student"\nname = "distill"\n'

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
    (VOCABULARY + "max_pieces = 99", r"\.max_pieces: 99: .*>= 100", "too few pieces"),
    (VOCABULARY + "keep_words = []", r"\.keep_words: \[\]: .*length >= 1", "no words"),
    (VOCABULARY + 'keep_words = [""]', r"\.keep_words\[0\]: ''", "an empty word"),
    (
        VOCABULARY + "keep_first = 200\nmax_pieces = 199",
        ".*keep_first: 200 is above max_pieces, 199",
        "more than all",
    ),
    (
        VOCABULARY + "max_pieces = 1000",
        r"\.max_pieces: 1000 is not below the 22 pieces there are",
        "as many pieces as there are, or more",
    ),
    (STRUCTURE, ".*everything stays: give a share below 1", "nothing to remove"),
    (
        STRUCTURE + "keep_heads = 1.0\nrounds = 2",
        ".*everything stays: give a share below 1",
        "all heads stay",
    ),
    (
        WEIGHTS + 'sparsity = 0.5\nschedule = "once"\nfrequency = 5',
        ".*frequency: 5: with schedule 'once' there is one",
        "how often is once",
    ),
]


QUESTIONS = {
    "task": 'task = "question-answering"',
    "labels": "",
    "data": '[data]\ntext = ["question", "context"]',
    "gates": '[[gates]]\nmeasure = "f1"\nat_least = 0.5',
}


EXTREMES = [
    ("distill", STUDENT + "width = 1", r"\.width: 1: .*>= 16"),
    ("distill", STUDENT + "layers = 1\ntemperature = 1e30", r"\.temperature: .*<= 100"),
    ("distill", STUDENT + "layers = 1\nalpha = nan", r"\.alpha: nan: .*>= 0"),
    (
        "distill",
        STUDENT + "layers = 1\nhidden_weight = inf",
        "hidden_weight: inf: .*<=",
    ),
    ("finetune", TEACHER + "patience = 101", r"\.patience: 101: .*<= 100"),
    ("finetune", TEACHER + "lora = { alpha = inf }", r"\.lora\.alpha: inf: .*<= 1024"),
    (
        "finetune",
        TEACHER + "class_weights = { good = inf }",
        r"\.class_weights: .*<= 1000",
    ),
    ("measurement", "[measurement]\nseconds = inf", r"\.seconds: inf: .*<= 600"),
    ("measurement", "[measurement]\nresamples = 1_000_000_000", "resamples: .*<= 1000"),
]
IGNORED = [
    (
        "confidence",
        "min_confidence = 0.5",
        "data.min_confidence: 0.5: there is no data.confidence",
    ),
    (
        "data",
        '[data]\nanswers = "said"',
        "data.answers: 'said': classification does not read it",
    ),
    (
        "data",
        "[data]\ntest = { source = 'file:x.csv' }",
        r"data.test_share: 0.2: \[data.test\] is the test split",
    ),
    (
        "data",
        "[data]\nunlabelled = { source = 'file:x.csv' }",
        "data.unlabelled: no pass reads it",
    ),
    (
        "serving",
        '[serving]\nlengths = [8]\nruntime = "tf_serving"\n'
        'engines = ["litert", "openvino"]',
        r"serving.engines: \['litert', 'openvino'\]: are of runtime 'flask'",
    ),
    (
        "quantize",
        '[[passes]]\nvariant = "int8"\nname = "quantize"\nmax_error = 0.1',
        r"passes\[4\]: max_error: 0.1: only scheme 'mixed' looks at it",
    ),
    (
        "quantize",
        '[[passes]]\nvariant = "int8"\nname = "quantize"\ncalibration = 64',
        r"passes\[4\]: calibration: 64: only scheme 'mixed' looks at it",
    ),
    (
        "distill",
        STUDENT + "layers = 1\nrelation_heads = 4",
        r"passes\[1\]\.relation_heads: 4: without a relation_weight",
    ),
]


def step(variant: str, name: str, *settings: str, of: str = "") -> str:
    lines = [f'variant = "{variant}"', f'name = "{name}"', *settings]
    return "\n".join(["[[passes]]", *([f'of = "{of}"'] if of else []), *lines])


def searching(*settings: str, **changes: str) -> dict[str, str]:
    """A spec with a [search], before a gate on what it finds."""
    gate = '[[gates]]\nmeasure = "accuracy"\nat_least = 0.5'
    table = "\n".join(["[search]", *settings, gate])
    return {"release": 'release = "found"', "gates": table, **changes}


# what is changed, and what is said of it
BAD = [
    pytest.param({"seed": "seed = -1"}, r"seed: -1: .*>= 0", id="below its bound"),
    pytest.param(
        {"seed": 'seed = "x"'},
        "seed: 'x': expected whole number >= 0",
        id="wrong type",
    ),
    pytest.param({"seed": "sead = 1"}, "unknown field `sead`", id="unknown key"),
    pytest.param({"task": ""}, "missing required field `task`", id="missing key"),
    pytest.param({"task": 'task = "ranking"'}, "task: 'ranking'", id="unknown task"),
    pytest.param({"release": 'release = "int4"'}, "'int4'", id="releases nothing made"),
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
        {"distill": '[[passes]]\nvariant = "student"\nname = "distill"\nlayers = 0'},
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
        {"quantize": '[[passes]]\nvariant = "int8"\nof = "later"\nname = "quantize"'},
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
        {"data": '[data]\ntext = ["text", "reply"]\nparts = "apart"'},
        'data: parts: "apart" is of one text; data.text names two',
        id="the parts of two texts",
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
        r"gates\[0\]: gate accuracy: give at_least or margin$",
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
    # Gates that cannot be meant; test_gates.py has every kind.
    pytest.param(
        {"gates": ""},
        "gates: none is given, and nobody would judge what ships",
        id="no gates",
    ),
    pytest.param(
        {"gates": '[[gates]]\nmeasure = "accuracy_retained"\nat_least = 97'},
        r"gates\[0\]: .*at_least: 97 is not from 0 to 1.5",
        id="a percentage",
    ),
    # Passes that would be undone, or do nothing.
    *(
        pytest.param(
            {"quantize": step("int8", "quantize", of="pruned") + f"\n{after}"},
            rf"passes\[5\].name: '{name}' of 'int8', which 'quantize' made",
            id=f"{name} after int8",
        )
        for name, after in {
            "prune_weights": step("late", "prune_weights", "sparsity = 0.5"),
            "prune_structure": step("late", "prune_structure", "keep_heads = 0.5"),
            "prune_vocabulary": step("late", "prune_vocabulary"),
            "distill": step("late", "distill", "layers = 1"),
            "quantize": step("late", "quantize", 'scheme = "float16"'),
            "quantize_aware": step("late", "quantize_aware"),
        }.items()
    ),
    pytest.param(
        {
            "quantize": step("int8", "quantize_aware", of="pruned")
            + "\n"
            + step("late", "prune_weights", "sparsity = 0.5")
        },
        r"passes\[5\].name: 'prune_weights' of 'int8', which 'quantize_aware' made",
        id="pruning after int8 that was trained",
    ),
    pytest.param(
        searching("layers = [1]", 'of = "int8"'),
        "search.of: 'int8' is quantized",
        id="a search from int8",
    ),
    pytest.param(
        {"distill": step("student", "distill", "epochs = 2")},
        r"passes\[1\]: 'student' would be taught by itself",
        id="taught by itself",
    ),
    pytest.param(
        {"quantize": step("int8", "quantize", 'scheme = "float32"', of="pruned")},
        r"passes\[4\]: scheme: 'float32' with embeddings in float",
        id="as it is anyway",
    ),
    pytest.param(
        {"distill": STUDENT + 'teachers = ["teacher", "teacher"]'},
        r"passes\[1\]: teachers: .* one is there twice",
        id="one teacher, twice",
    ),
    pytest.param(
        {"distill": STUDENT + "teachers = []"},
        r"passes\[1\].teachers: \[\]: .*length >= 1",
        id="no teachers",
    ),
    pytest.param(
        {"distill": STUDENT + "layer_map = []"},
        r"passes\[1\].layer_map: \[\]: .*length >= 1",
        id="a map of nothing",
    ),
    pytest.param(
        {"finetune": TEACHER + "class_weights = {}"},
        r"passes\[0\].class_weights: .*length >= 1",
        id="weights of nothing",
    ),
    # Nobody means so much, or so little.
    *(
        pytest.param({part: text}, message, id=f"extreme: {message}")
        for part, text, message in EXTREMES
    ),
    # What would be ignored.
    *(
        pytest.param({part: text}, message, id=f"ignored: {message}")
        for part, text, message in IGNORED
    ),
    # The whole.
    pytest.param({"name": 'name = "Toy"'}, "name: 'Toy': ", id="a capital"),
    pytest.param(
        {"seed": 'digest = "00"'}, "digest: is computed, not given", id="a digest"
    ),
    pytest.param(
        {"task": 'task = "question-answering"'},
        r"labels: \['bad', 'good'\]: question-answering has none",
        id="answers with labels",
    ),
    pytest.param(
        {"task": 'task = "question-answering"', "labels": ""},
        r"data\.text: \['text'\] is not two fields",
        id="a question without a context",
    ),
    pytest.param({"labels": 'labels = ["good"]'}, "are not 2 or more", id="one label"),
    pytest.param(
        {"labels": 'labels = ["", "good"]'}, r"labels\[0\]: ''", id="a label of ''"
    ),
    pytest.param(
        {"labels": 'labels = ["bad", "go\\u0000od"]'},
        r"labels\[1\]: 'go\\x00od' is not printable",
        id="a label with NUL",
    ),
    pytest.param(
        {"data": '[data]\ntext = "   "'}, "data.text: '   '", id="a field of blanks"
    ),
    pytest.param(
        {"data": '[data]\ntext = ["text", "text"]'},
        r"data.text: .* one field is there twice",
        id="a pair of one text",
    ),
    pytest.param(
        QUESTIONS | {"shares": 'label = "said"'},
        "data.label: 'said': question-answering does not read it",
        id="a label of questions",
    ),
    # The data.
    pytest.param(
        {"data": '[data]\nsha256 = "12"'}, "data.sha256: '12': ", id="no digest"
    ),
    pytest.param(
        {"data": f'[data]\nsha256 = "{"0" * 64}"'},
        "the spec says 0000",
        id="another digest",
    ),
    pytest.param(
        {"data_source": 'source = "file:/nowhere/at-all.csv"'},
        "/nowhere/at-all.csv: no such file",
        id="no data",
    ),
    pytest.param(
        {"data_source": 'source = "package:nobody-wrote-this/x.csv"'},
        "'nobody-wrote-this' is not installed",
        id="no package",
    ),
    pytest.param(
        {"data_source": 'source = "file:beside.csv"'},
        "say where with --data-dir",
        id="beside nothing",
    ),
    pytest.param(
        {"data": '[data]\nencoding = "utf-7"'},
        "data.encoding: 'utf-7'",
        id="unknown encoding",
    ),
    pytest.param(
        {"data": '[data]\nduplicates = "some"'},
        "data.duplicates: 'some'",
        id="unknown duplicates",
    ),
    pytest.param(
        {"data": "[data]\nmax_train = 0"},
        r"data.max_train: 0: .*>= 1",
        id="no examples",
    ),
    pytest.param(
        {"data": '[data]\ntext = "body"'},
        r"row 1: no field 'body'; it has \['confidence', 'label', 'text'\]",
        id="no such field",
    ),
    pytest.param(
        {"confidence": 'confidence = "agreement"'},
        "row 1: no field 'agreement'",
        id="no confidence",
    ),
    pytest.param(
        {"confidence": 'confidence = "confidence"\nmin_confidence = 2'},
        r"data.min_confidence: 2: .*<= 1",
        id="more than sure",
    ),
    pytest.param(
        {"shares": "validation_share = 0\ntest_share = 0.2"},
        r"data.validation_share: 0: .*> 0",
        id="nothing to validate on",
    ),
    pytest.param(
        {"labels": 'labels = ["bad", "fine"]'},
        r"label: 'good' is not one of \['bad', 'fine'\]",
        id="a label of the data",
    ),
    pytest.param(
        {"labels": 'labels = ["bad", "good", "odd"]'},
        r"the train split has no example of \['odd'\]",
        id="a label without examples",
    ),
    # The checkpoint and the server.
    pytest.param(
        {"checkpoint_source": 'source = "dir:/nowhere"'},
        "/nowhere: no such file or directory",
        id="no checkpoint",
    ),
    pytest.param(
        {"checkpoint_source": 'source = "hub:someone/some-model"'},
        "'' is no commit of 40 hexadecimal digits",
        id="no revision",
    ),
    pytest.param(
        {"serving": "[serving]\nlengths = []"},
        r"serving.lengths: .*length >= 1",
        id="no length",
    ),
    pytest.param(
        {"serving": "[serving]\nlengths = [2, 8]"},
        r"serving.lengths\[0\]: 2: .*>= 3",
        id="too short for a word",
    ),
    pytest.param(
        {"serving": "[serving]\nlengths = [8, 600]"},
        r"serving.lengths\[1\]: 600: .*<= 512",
        id="too long for anyone",
    ),
    pytest.param(
        {"serving": "[serving]\nlengths = [8, 64]"},
        "64 is above .* 32 positions",
        id="too long for the checkpoint",
    ),
    pytest.param(
        {"serving": "[serving]\nlengths = [8]\nmax_batch = 0"},
        "serving.max_batch: 0",
        id="no batch",
    ),
    pytest.param(
        {"serving": "[serving]\nlengths = [8]\nvcpu = 3"},
        "serving.vcpu: 3",
        id="three cores",
    ),
    pytest.param(
        {"serving": '[serving]\nlengths = [8]\nruntime = "torch"'},
        "serving.runtime: 'torch'",
        id="unknown runtime",
    ),
    pytest.param(
        {"measurement": "[measurement]\nrounds = 2"},
        r"measurement.rounds: 2: .*>= 3",
        id="too few rounds",
    ),
    pytest.param(
        {"measurement": "[measurement]\nseconds = 0"},
        r"measurement.seconds: 0: .*> 0",
        id="no time",
    ),
    pytest.param(
        {"measurement": '[measurement]\n[build]\ncompute = "huge"'},
        "build.compute: 'huge'",
        id="unknown machine",
    ),
    pytest.param(
        {"measurement": "[measurement]\n[build]\ntimeout_minutes = 1"},
        r"build.timeout_minutes: 1: .*>= 5",
        id="no time to build",
    ),
    # The passes.
    pytest.param(
        {"finetune": step("Teacher", "finetune")},
        r"passes\[0\].variant: 'Teacher'",
        id="a variant's name",
    ),
    pytest.param(
        {"finetune": step("teacher", "quantize")},
        r"passes\[0\].name: 'quantize': the first pass",
        id="another pass first",
    ),
    pytest.param(
        {"distill": step("student", "finetune")},
        r"passes\[1\].name: 'finetune': the first pass, and only it",
        id="a second teacher",
    ),
    pytest.param(
        {"finetune": step("teacher", "finetune", "epochs = 0")},
        r"passes\[0\].epochs: 0: .*> 0",
        id="no epoch",
    ),
    pytest.param(
        {"finetune": step("teacher", "finetune", "batch_size = 0")},
        r"passes\[0\].batch_size: 0: .*>= 1",
        id="an empty batch",
    ),
    pytest.param(
        {"finetune": step("teacher", "finetune", "learning_rate = 1.0")},
        r"passes\[0\].learning_rate: 1.0: .*< 1",
        id="too fast",
    ),
    pytest.param(
        {"finetune": step("teacher", "finetune", "warmup_share = 1.0")},
        r"passes\[0\].warmup_share: 1.0: .*< 1",
        id="only warm-up",
    ),
    pytest.param(
        {"finetune": step("teacher", "finetune", "dropout = 1.0")},
        r"passes\[0\].dropout: 1.0: .*< 1",
        id="everything dropped",
    ),
    pytest.param(
        {"distill": step("student", "distill", "layers = 3")},
        r"^passes\[1\].layers: 3 is more than the 2 there are$",
        id="deeper than its teacher",
    ),
    pytest.param(
        {"distill": step("student", "distill", "layers = 1", "temperature = 0")},
        r"passes\[1\].temperature: 0: .*> 0",
        id="a cold teacher",
    ),
    pytest.param(
        {"distill": step("student", "distill", "layers = 1", "alpha = 1.5")},
        r"passes\[1\].alpha: 1.5: .*<= 1",
        id="more than all of a teacher",
    ),
    pytest.param(
        {"prune_structure": step("pruned", "prune_structure", "keep_heads = 0")},
        r"passes\[2\].keep_heads: 0: .*> 0",
        id="no head",
    ),
    pytest.param(
        {"prune_structure": step("pruned", "prune_structure", "keep_neurons = 2")},
        r"passes\[2\].keep_neurons: 2: .*<= 1",
        id="more neurons than there are",
    ),
    pytest.param(
        {"prune_weights": step("sparse", "prune_weights", "sparsity = 1.0")},
        r"passes\[3\].sparsity: 1.0: .*< 1",
        id="nothing left",
    ),
    pytest.param(
        {"quantize": step("int8", "quantize", 'scheme = "int3"', of="pruned")},
        r"passes\[4\].scheme: 'int3'",
        id="unknown scheme",
    ),
    pytest.param(
        {"seed": "seed = 4_294_967_295"},
        "seed: .*<= 4294967276",
        id="a seed that NumPy does not take",
    ),
    # The gates.
    pytest.param(
        {"gates": '[[gates]]\nmeasure = "f1"\nat_least = 0.5'},
        r"gates\[0\].measure: 'f1' is not measured of classification",
        id="another task's figure",
    ),
    pytest.param(
        {"gates": '[[gates]]\nmeasure = "accuracy"\nat_least = 0\nat_most = 1'},
        "gate accuracy: at_most: 1: more of it is better: give at_least or margin",
        id="two bounds in one gate",
    ),
    # The search.
    pytest.param(
        {"release": 'release = "found"'},
        "release: no pass makes a variant 'found'",
        id="found without a search",
    ),
    pytest.param(
        searching("layers = [1]", release='release = "int8"'),
        "release: 'int8' is not 'found'",
        id="a search that ships nothing",
    ),
    pytest.param(
        searching("layers = [1]", release='release = "found-1"'),
        "release: 'found-1' is not 'found'",
        id="a finalist before the search",
    ),
    pytest.param(
        searching("trials = 4"),
        "search: give one of layers, keep_heads, keep_neurons, vocabulary to vary",
        id="nothing varies",
    ),
    pytest.param(searching("layers = [1, 1]"), "is there twice", id="a value twice"),
    pytest.param(
        searching("layers = [1, 3]"),
        "^search.layers: 3 is more than the 2 there are$",
        id="a point that cannot be",
    ),
    pytest.param(
        searching("keep_heads = [0.0]"),
        r"search.keep_heads\[0\]: 0.0: .*> 0",
        id="a point without heads",
    ),
    pytest.param(
        searching("layers = [1]", "bits = []"),
        r"search.bits: \[\]: .*length >= 1",
        id="no bits",
    ),
    pytest.param(
        searching("layers = [1]", "bits = [3]"),
        r"search.bits\[0\]: 3",
        id="odd bits",
    ),
    pytest.param(
        searching("layers = [1]", "trials = 2", "finalists = 3"),
        "finalists: 3 is above the 2 trials",
        id="more finalists than trials",
    ),
    pytest.param(
        searching("layers = [1]", 'minimize = "beauty"'),
        "search.minimize: 'beauty'",
        id="an unknown goal",
    ),
    pytest.param(
        searching("layers = [1]", 'of = "sprase"'),
        "search.of: 'sprase' is not made",
        id="a search of nothing",
    ),
    pytest.param(
        searching("vocabulary = [5]"),
        r"search.vocabulary\[0\]: 5: .*>= 100",
        id="a point without characters",
    ),
    pytest.param(
        searching("vocabulary = [99_999]"),
        "search.vocabulary: 99999 is above the 22 pieces there are",
        id="a point of more pieces than there are",
    ),
    pytest.param(
        searching("layers = []"),
        r"search.layers: \[\]: .*length >= 1",
        id="a dimension without points",
    ),
    pytest.param(
        searching("layers = [2]", "bits = [32]"),
        "search: every point is the parent itself",
        id="a search for what there is",
    ),
    pytest.param(
        searching("layers = [1]", quantize=step("found-2", "quantize")),
        r"passes\[4\].variant: 'found-2': the search's finalists are called",
        id="a finalist's name",
    ),
]
