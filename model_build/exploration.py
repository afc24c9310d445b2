"""Trying the points of a search: short trainings, judged through the exported file."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from model_build import sizes
from model_build.machine import Machine
from model_build.passes import Distill, PassSettings, PruneStructure
from model_build.search import CALIBRATION, Candidate, Goal, Point, Search, passes_of
from model_build.statistics import macro_f1

if TYPE_CHECKING:
    from model_build.model import EncoderShape, Model
    from model_build.passes.base import Workbench

Try = Callable[[Candidate, int], float]  # a candidate and its rung: its quality
AGAIN = 50  # points in a row that are known: the sampler has no other
HELD = 8  # models that other candidates may start from


def explore(
    search: Search,
    candidates: Sequence[Candidate],
    attempt: Try,
    cost: Callable[[Candidate], float],
    *,
    baseline: float,
    seed: int,
    kept: Path,
) -> list[Point]:
    """Try points until `search.trials` different ones are known, or all are.

    `attempt` trains and judges; what it found is kept in `kept`, so that a search that
    was killed asks for the same points and trains only the missing ones. `cost` is a
    share of the parent's; `baseline` the quality that is retained. The same seed and
    the same qualities give the same points.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    first = max(4, search.trials // 4)  # at random
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=first),
        pruner=optuna.pruners.SuccessiveHalvingPruner(
            min_resource=1, reduction_factor=search.reduction
        ),
    )
    if len(candidates) <= search.trials:  # time for all of them
        for candidate in random.Random(seed).sample(candidates, len(candidates)):
            study.enqueue_trial(_places(candidate, search))
    known = _Known(kept / "trials.jsonl", attempt)
    points: dict[Candidate, Point] = {}
    repeated = 0
    wanted = min(search.trials, len(candidates))
    while len(points) < wanted and repeated < AGAIN:
        trial = study.ask()
        candidate = _suggested(trial, search)
        if candidate not in candidates:  # the parent itself
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            repeated += 1
        elif candidate in points:
            study.tell(trial, points[candidate].value)
            repeated += 1
        else:
            points[candidate] = _tried(
                study, trial, candidate, search, known, cost(candidate), baseline
            )
            repeated = 0
    return list(points.values())


def _suggested(trial: Any, search: Search) -> Candidate:
    """A place in each dimension: their values are in order, and TPE knows it."""
    return Candidate(
        **{
            name: values[trial.suggest_int(name, 0, len(values) - 1)]
            for name, values in search.space.items()
        }
    )


def _places(candidate: Candidate, search: Search) -> dict[str, int]:
    return {
        name: values.index(getattr(candidate, name))
        for name, values in search.space.items()
    }


def _tried(
    study: Any,
    trial: Any,
    candidate: Candidate,
    search: Search,
    attempt: Try,
    cost: float,
    baseline: float,
) -> Point:
    """Train a candidate rung by rung until it is given up or has reached the last."""
    import optuna

    for rung in range(search.rungs):
        quality = attempt(candidate, rung)
        retained = quality / baseline
        value = search.value(retained, cost)
        point = Point(candidate, rung, quality, retained, cost, value)
        trial.report(value, search.reduction**rung)
        if rung < search.rungs - 1 and trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return point
    study.tell(trial, value)
    return point


@dataclass
class _Known:
    """What was tried before a build was killed, and what is tried now."""

    path: Path
    attempt: Try
    found: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.is_file():
            for line in self.path.read_text().splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue  # cut off when the build was killed
                self.found[entry["point"]] = entry["quality"]

    def __call__(self, candidate: Candidate, rung: int) -> float:
        point = json.dumps([asdict(candidate), rung])
        if point not in self.found:
            self.found[point] = self.attempt(candidate, rung)
            with self.path.open("a") as file:
                entry = {"point": point, "quality": self.found[point]}
                file.write(json.dumps(entry) + "\n")
        return self.found[point]


@dataclass(frozen=True)
class Trainer:
    """Makes a candidate of `model` on a share of the examples, and judges it."""

    search: Search
    model: Model
    bench: Workbench
    lengths: Sequence[int]  # that are served
    measure: str  # of the spec
    made: dict[str, Model] = field(default_factory=dict)  # by the passes that made them

    def __call__(self, candidate: Candidate, rung: int) -> float:
        passes = self._shortened(candidate, rung)
        model, done = self.model, f"rung {rung}"
        bench = self._bench(rung)
        for settings in passes:
            done += repr(settings)
            if done not in self.made:
                with tempfile.TemporaryDirectory(dir=self.bench.kept) as kept:
                    made = settings.apply(model, replace(bench, kept=Path(kept)))
                self.made[done] = made
            model = self.made[done]
        for old in [*self.made][:-HELD]:
            del self.made[old]
        quality = self.quality(model)
        self.bench.progress.say(
            f"  rung {rung}: {_shown(candidate)}: {self.measure} {quality:.4f}"
        )
        return quality

    def _examples(self, rung: int) -> int:
        wanted: int = self.search.examples * self.search.reduction**rung
        return min(wanted, len(self.bench.train))

    def _bench(self, rung: int) -> Workbench:
        train = self.bench.train[: self._examples(rung)]
        return replace(self.bench, train=train, unlabelled=())

    def _shortened(self, candidate: Candidate, rung: int) -> list[PassSettings]:
        """The finalist's passes, for one epoch of the rung's examples."""
        passes = passes_of(candidate, self.search, self.model.shape)
        calibration = min(CALIBRATION, max(16, self._examples(rung) // 4))
        shortened: list[PassSettings] = []
        for _, settings in passes:
            match settings:
                case PruneStructure():
                    changes: dict[str, Any] = {
                        "epochs": 1.0,
                        "calibration": calibration,
                    }
                case Distill():
                    changes = {"epochs": 1.0}
                case _:
                    changes = {}
            shortened.append(msgspec.structs.replace(settings, **changes))
        return shortened

    def quality(self, model: Model) -> float:
        """The spec's measure of the exported model, on the validation sample."""
        return exported_quality(
            model, self.bench, self.lengths, self.measure, self.search.validation
        )


def exported_quality(
    model: Model,
    bench: Workbench,
    lengths: Sequence[int],
    measure: str,
    examples: int | None = None,
) -> float:
    """A model's figure on the validation split, as its LiteRT file answers."""
    from model_build.litert import export_litert, outputs

    sample, longest = bench.validation[:examples], max(lengths)
    tokens = bench.tokens(model, sample)
    middle = next(n for n in lengths if n >= np.median(tokens.lengths))
    used = sorted({middle, longest})
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.tflite"
        export_litert(model, used, path)
        answers = outputs(path, used, tokens)
    judged = bench.task.judge(sample, model.tokenizer, longest, answers)
    if measure in judged.figures:
        return float(judged.figures[measure].mean())
    truth = np.array([example.label for example in sample])
    guesses = np.array([answer.argmax() for answer in answers])
    return macro_f1(truth, guesses, len(answers[0]))


def predicted_cost(
    goal: Goal,
    shape: EncoderShape,
    storage: sizes.Storage,
    lengths: Sequence[int],
    rows: np.ndarray,
    machine: Machine,
) -> float:
    """What a model costs as a plan predicts it, in ms, bytes or parameters.

    A latency is that of a row as long as this percentile of `rows` (int, tokens), by
    its operations: it orders the points; what ships is measured.
    """
    if goal == "parameters":
        return float(sizes.parameters(shape))
    if goal == "bytes":
        return float(sizes.file_bytes(shape, storage, lengths))
    percentile = {"p50_ms": 50, "p99_ms": 99}[goal]
    used = np.percentile(rows, percentile)
    length = next(n for n in lengths if n >= used)
    flops = sizes.row_flops(shape, length)
    return 1000 * machine.answer_seconds(flops, storage.kernels)


def _shown(candidate: Candidate) -> str:
    named: Mapping[str, Any] = candidate.settings
    return ", ".join(f"{name} {value:g}" for name, value in named.items())
