"""What TensorFlow Serving reads beside the SavedModel: its configs and warm-up.

https://www.tensorflow.org/tfx/serving/serving_config
https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from manifest import SAVED_MODEL, Manifest

TEMPLATES = Path(__file__).parents[1] / "containers" / "tf_serving"
CONFIGS = "tf_serving"  # the artifact's folder that becomes /config of the image
WARMUP = f"{SAVED_MODEL}/assets.extra/tf_serving_warmup_requests"
SINGLES = 16  # requests of one text: what most callers send


def write_serving_files(
    artifact: Path, manifest: Manifest, texts: Sequence[str]
) -> list[Path]:
    """Write configs and warm-up records into `artifact`, and return what was written.

    `texts` are real ones, in random order: their lengths are those of the traffic.
    """
    written = write_configs(artifact / CONFIGS, manifest)
    warmup = artifact / WARMUP
    write_warmup(warmup, manifest.name, texts, max_batch=manifest.max_batch)
    return [*written, warmup]


def write_configs(folder: Path, manifest: Manifest) -> list[Path]:
    """Fill the templates in containers/tf_serving with this model's name and bound."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {"@NAME@": manifest.name, "@MAX_BATCH@": str(manifest.max_batch)}
    written = []
    for template in sorted(TEMPLATES.glob("*.config")):
        text = template.read_text(encoding="utf-8")
        for key, value in values.items():
            text = text.replace(key, value)
        path = folder / template.name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def write_warmup(path: Path, model: str, texts: Sequence[str], max_batch: int) -> None:
    """Write requests that a server answers before it says that it is ready.

    A TFRecord file of PredictionLog: SINGLES of one text, then one request of each
    power of two up to `max_batch`; fewer where there are too few texts.
    """
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for batch in _batches(texts, max_batch):
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = model
            request.model_spec.signature_name = "serving_default"
            request.inputs["text"].CopyFrom(tf.make_tensor_proto(batch, tf.string))
            writer.write(log.SerializeToString(deterministic=True))


def _batches(texts: Sequence[str], max_batch: int) -> Iterator[Sequence[str]]:
    sizes = [1] * SINGLES
    sizes += [2**power for power in range(1, max_batch.bit_length())]
    begin = 0
    for size in sizes:
        if begin + size > len(texts):
            return
        yield texts[begin : begin + size]
        begin += size
