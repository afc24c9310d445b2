"""One build: passes in order, each form exported, measured, compared and gated.

Every step is kept by the digest of what went into it, so that a build that was
killed, or whose spec changed at one place, does only what is left to do.
TensorFlow is imported by the steps that need it: a build with nothing to do does not.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from msgspec import structs

from images.sources import server_digest
from manifest import SAVED_MODEL, Engine, read_manifest
from model_build import artifact
from model_build.chain import TASKS, Chain
from model_build.checkpoint import read_shape
from model_build.decision import Built, decide, release
from model_build.engines import WEIGHTS, ask, choose, compare_engines, served_as
from model_build.forecast import Forecast, forecast
from model_build.forms import export_forms
from model_build.inputs import Inputs, read_inputs
from model_build.load import load_of
from model_build.machine import read_machine
from model_build.measure import Measurements, load_measurements
from model_build.model import TOKENIZER_FILE, load_model
from model_build.plan import planned_shapes, planned_with
from model_build.progress import Progress
from model_build.report import Report, Tried
from model_build.sample import TEXTS, write_sample
from model_build.search_steps import searched
from model_build.spec import Spec
from model_build.steps import Done, Steps
from model_build.tasks import Judged
from model_build.tasks.base import load_judged
from model_build.tf_serving import write_serving_files

SERVED_TEXTS = 512  # of the test split, in turn, as load
WARMUP_TEXTS = 128  # of the training split, in random order


class OutputError(RuntimeError):
    """The directory to build into cannot be written, or another build writes it."""


def build(spec: Spec, out: Path, data_dir: Path | None, progress: Progress) -> Report:
    """Build `spec` into `out` and return the decision report.

    Writes report.json and report.html; and, only where every gate passed, the
    artifact and its manifest.json. Raises PlanError before any training where a
    pass cannot be applied; the errors of its steps, each of which names what is
    wrong; OutputError if `out` cannot be written or another build has it.
    """
    inputs = read_inputs(spec, data_dir, progress)
    # Before any training: what a pass cannot do is said now.
    planned_shapes(spec, read_shape(inputs.checkpoint, inputs.task.head))
    with _alone(out):
        return _Build(spec, out, Steps(out / "steps", progress), progress).run(inputs)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / ".lock").open("w")
    except OSError as error:
        raise OutputError(f"--out: {out}: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(f"{out}: another build is writing here") from None
        yield


@dataclass(frozen=True)
class _Build:
    spec: Spec
    out: Path
    steps: Steps
    progress: Progress
    tried: Sequence[Tried] = ()  # by the spec's search
    goal: str | None = None  # that it had

    def run(self, inputs: Inputs) -> Report:
        found = searched(self._chain, inputs)
        whole = replace(self, spec=found.spec, tried=found.tried, goal=found.goal)
        return whole._compared(inputs)

    @property
    def _chain(self) -> Chain:
        return Chain(self.spec, self.steps, self.progress)

    def _compared(self, inputs: Inputs) -> Report:
        """Export, judge and measure every variant, and decide."""
        spec = self.spec
        made = self._chain.run(inputs)
        exports = {
            name: self._export(name, done, inputs) for name, done in made.items()
        }
        judged = {n: self._judged(n, e, inputs) for n, e in exports.items()}
        forms = export_forms(
            spec, made[spec.release], exports[spec.release], inputs, self.steps
        )
        measured = self._measure(exports, forms, inputs)
        engine = choose(measured.engines)
        answers = {
            each: judged[spec.release]
            if each == "litert"
            else self._judged(spec.release, form, inputs, each)
            for each, form in forms.items()
        }
        plain = {n: e.path / "litert" / WEIGHTS["litert"] for n, e in exports.items()}
        engine_files = {e: form.path / e / WEIGHTS[e] for e, form in forms.items()}
        engines = compare_engines(measured, spec.release, answers, engine_files)
        # What ships is what is judged.
        seeds = self._seeds(made, inputs, judged[spec.release])
        measured = measured.released(spec.release, served_as(spec.release, engine))
        files = {**plain, spec.release: engine_files[engine]}
        judged[spec.release] = answers[engine]
        built = [
            Built(name, done.path, files[name], judged[name])
            for name, done in made.items()
        ]
        whole = self._whole(
            exports[spec.release], forms[engine], answers[engine], inputs
        )
        manifest = read_manifest(whole.path / "manifest.json")
        report = decide(spec, built, inputs.dataset, measured, manifest, engines, seeds)
        report = replace(
            report,
            planned=self._forecasts(inputs, made, plain, report),
            tried=self.tried,
            goal=self.goal,
        )
        release(report, manifest, whole.path, measured, self.out)
        return report

    def _forecasts(
        self,
        inputs: Inputs,
        made: Mapping[str, Done],
        files: Mapping[str, Path],
        report: Report,
    ) -> list[Forecast]:
        """The plan beside what became of it."""
        shape = read_shape(inputs.checkpoint, inputs.task.head)
        tokenizer = (inputs.checkpoint / TOKENIZER_FILE).read_text(encoding="utf-8")
        longest = max(self.spec.serving.lengths)
        load = load_of(inputs.dataset, inputs.task, tokenizer, longest)
        planned = planned_with(self.spec, shape, load, read_machine())
        return [
            forecast(
                each,
                report.variant(each.name),
                files[each.name].stat().st_size,
                made[each.name].took,
            )
            for each in planned.variants
        ]

    def _seeds(
        self, made: Mapping[str, Done], inputs: Inputs, first: Judged
    ) -> list[Judged]:
        """What the released chain answers, trained again with each seed of the spec.

        The baseline and what is not on the chain stay; `first` has the spec's own seed.
        """
        spec = self.spec
        if len(spec.seeds) == 1:
            return []
        chain = {s.variant for s in artifact.steps_to(spec, spec.release)}
        fixed = {n: d for n, d in made.items() if n not in chain - {spec.baseline}}
        found = [first]
        for seed in spec.seeds[1:]:
            self.progress.say(f"seed {seed}: {spec.release} again")
            # Of what does not ship no SavedModel is made.
            once = tuple(structs.replace(gate, seeds=1) for gate in spec.gates)
            again = structs.replace(spec, seed=seed, release=spec.baseline, gates=once)
            other = replace(self, spec=again)
            done = other._chain.run(inputs, fixed)[spec.release]
            export = other._export(spec.release, done, inputs)
            found.append(other._judged(spec.release, export, inputs))
        return found

    def _export(self, name: str, made: Done, inputs: Inputs) -> Done:
        spec = self.spec

        def make(out: Path) -> None:
            from model_build.litert import export_litert

            model = load_model(made.path)
            folder = out / "litert"
            folder.mkdir()
            export_litert(
                model,
                spec.serving.lengths,
                folder / "model.tflite",
                inputs.calibration(model.tokenizer, max(spec.serving.lengths)),
            )
            (folder / TOKENIZER_FILE).write_text(model.tokenizer, encoding="utf-8")
            if name == spec.release and spec.served_task == "classification":
                from model_build.saved_model import export_saved_model

                export_saved_model(
                    model,
                    labels=spec.labels,
                    length=max(spec.serving.lengths),
                    directory=out / SAVED_MODEL,
                )
            manifest = artifact.describe(
                spec, name, files=artifact.digests(out), data_digest=inputs.data_digest
            )
            (out / "manifest.json").write_text(manifest.to_json())

        asked = {
            "spec": spec.digest,  # the manifest names it
            "model": made.digest,
            "released": name == spec.release,
        }
        files = (
            "artifact.py",
            "encoder.py",
            "litert.py",
            "saved_model.py",
            "storage.py",
            "../manifest.py",
        )
        return self.steps.run(f"export-{name}", asked, files, make)

    def _judged(
        self, name: str, export: Done, inputs: Inputs, engine: Engine = "litert"
    ) -> Judged:
        """What the exported file answers to every test example, and how right it is."""
        lengths = self.spec.serving.lengths
        test, task = inputs.dataset.test, inputs.task

        def make(out: Path) -> None:
            folder = export.path / engine
            tokenizer = (folder / TOKENIZER_FILE).read_text(encoding="utf-8")
            tokens = task.encode(test, tokenizer, max(lengths))
            found = ask(engine, folder, lengths, tokens)
            task.judge(test, tokenizer, max(lengths), found).save(out)

        asked = [export.digest, inputs.data_digest]
        files = (f"{engine}.py", "engines.py", "tokens.py", *TASKS)
        step = f"answers-{served_as(name, engine)}"
        return load_judged(self.steps.run(step, asked, files, make).path)

    def _whole(self, export: Done, form: Done, judged: Judged, inputs: Inputs) -> Done:
        """What ships: the chosen engine's form, the SavedModel, sample and manifest."""
        instances = [inputs.task.instance(e) for e in inputs.dataset.test[:TEXTS]]
        # Not the test split: what it says of the model must stay unseen.
        common = [e.texts[0] for e in inputs.dataset.train[:WARMUP_TEXTS]]

        def make(out: Path) -> None:
            exported = artifact.combine(form.path, export.path, out)
            sample = out / "sample.json"
            write_sample(sample, out, instances, judged.answers[:TEXTS])
            added = [sample]
            if (out / SAVED_MODEL).is_dir():
                added += write_serving_files(out, exported, common)
            manifest = artifact.complete(exported, out, added)
            (out / "manifest.json").write_text(manifest.to_json())

        asked = [
            export.digest,
            form.digest,
            inputs.data_digest,
            server_digest(),
            artifact.architecture(),
        ]
        files = ("artifact.py", "sample.py", "tf_serving.py", "../manifest.py")
        return self.steps.run("artifact", asked, files, make)

    def _measure(
        self,
        exports: Mapping[str, Done],
        forms: Mapping[Engine, Done],
        inputs: Inputs,
    ) -> Measurements:
        from model_build.measure import hardware, measure

        spec = self.spec
        names = {engine: served_as(spec.release, engine) for engine in forms}

        def make(out: Path) -> None:
            served = inputs.dataset.test[:SERVED_TEXTS]
            artifacts = {name: export.path for name, export in exports.items()}
            artifacts |= {names[engine]: form.path for engine, form in forms.items()}
            measure(
                artifacts,
                spec.name,
                [inputs.task.instance(example) for example in served],
                settings=spec.measurement,
                engines=names,
                vcpu=spec.serving.vcpu,
                progress=self.progress,
            ).save(out / "measurements.json")

        asked = {
            "exports": {name: export.digest for name, export in exports.items()},
            "engines": {engine: form.digest for engine, form in forms.items()},
            "settings": msgspec.to_builtins(spec.measurement),
            "vcpu": spec.serving.vcpu,
            "hardware": hardware(),
        }
        server = sorted(Path(__file__).parents[1].glob("containers/flask/*.py"))
        files = ("measure.py", *(f"../containers/flask/{path.name}" for path in server))
        done = self.steps.run("measure", asked, files, make)
        return load_measurements(done.path / "measurements.json")
