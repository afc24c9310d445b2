"""The form TensorFlow Serving loads: text in, labels out, all of it in the graph."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf
import tensorflow_text as tf_text
from tokenizers import Tokenizer

from model_build.cleaning import Side
from model_build.model import Model, Scheme
from model_build.storage import Kept, stored_encoder
from model_build.vocabulary import load_tokenizer, side_of

# TensorFlow multiplies in float32 whatever the scheme; these keep the weights narrower.
KERNELS: Mapping[Scheme, Kept] = {
    "float16": "float16",
    "bfloat16": "bfloat16",
    "weight-int8": "int8",
}
MAX_CHARACTERS = 100  # of a word; a longer one is unknown, as in the original BERT


class TextClassifier(tf.Module):
    """The tokenizer and the encoder, cut to one length."""

    def __init__(self, model: Model, labels: Sequence[str], length: int) -> None:
        super().__init__()
        tokenizer = load_tokenizer(model.tokenizer)
        self.tokenizer = WordPiece(tokenizer, length, side_of(model.tokenizer))
        kernels = KERNELS.get(model.precision.scheme, "float32")
        encoder = stored_encoder(model, kernels=kernels)
        # Not the model itself: saving a Keras model traces every layer once more.
        self.weights = encoder.variables
        self._logits = lambda ids: encoder(ids)["logits"]
        self.labels = tf.constant(list(labels))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def classify(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Text [batch] -> `label` string [batch] and `score` float32 [batch]."""
        shares = tf.nn.softmax(self._logits(self.tokenizer(text)))
        return {
            "label": tf.gather(self.labels, tf.argmax(shares, axis=-1)),
            "score": tf.reduce_max(shares, axis=-1),
        }


class WordPiece(tf.Module):
    """BERT's uncased tokenization, id for id that of the `tokenizers` library.

    tensorflow-text's own BERT normalisation folds compatibility characters (¾, ß)
    and knows an older Unicode. So what becomes of each character is asked of the
    library, and only the cutting into pieces is left to the op (Song et al., 2021,
    https://arxiv.org/abs/2012.15524).
    """

    def __init__(self, tokenizer: Tokenizer, length: int, cut: Side = "end") -> None:
        super().__init__()
        entries = sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
        self._op = tf_text.FastWordpieceTokenizer(
            [piece for piece, _ in entries],
            token_out_type=tf.int32,
            max_bytes_per_word=4 * MAX_CHARACTERS,
            no_pretokenization=True,
        )
        self._characters = read_characters(tokenizer)
        self._start = tokenizer.token_to_id("[CLS]")
        self._end = tokenizer.token_to_id("[SEP]")
        self._length = length
        self._cut = cut

    def __call__(self, text: tf.Tensor) -> tf.Tensor:
        """Text [batch] -> ids int32 [batch, longest], [PAD]ded with 0."""
        pieces = self._op.tokenize(self._words(text)).merge_dims(-2, -1)
        room = self._length - 2
        pieces = pieces[:, -room:] if self._cut == "start" else pieces[:, :room]
        start = tf.fill([tf.shape(text)[0], 1], self._start)
        end = tf.fill([tf.shape(text)[0], 1], self._end)
        return tf.concat([start, pieces, end], axis=1).to_tensor(0)

    def _words(self, text: tf.Tensor) -> tf.RaggedTensor:
        replace = tf.strings.regex_replace
        clean = replace(text, self._characters.dropped, "")
        clean = replace(clean, self._characters.spaces, " ")
        clean = tf_text.normalize_utf8(clean, "NFD")
        clean = replace(clean, self._characters.dropped, "")  # accents, now apart
        clean = replace(
            clean, "\u03a3", "\u03c3"
        )  # Sigma: lower() would look at the end of the word
        clean = tf.strings.lower(clean, encoding="utf-8")
        clean = replace(clean, self._characters.isolated, r" \0 ")
        words = tf.strings.split(clean, " ")
        words = tf.ragged.boolean_mask(words, words != "")
        known = tf.strings.length(words.flat_values, unit="UTF8_CHAR") <= MAX_CHARACTERS
        return words.with_flat_values(tf.where(known, words.flat_values, "[UNK]"))


@dataclass(frozen=True)
class Characters:
    """What the tokenizer makes of single characters, as RE2 character classes."""

    dropped: str
    spaces: str
    isolated: str  # a word of their own: punctuation, ideographs


def read_characters(tokenizer: Tokenizer) -> Characters:
    """Ask the tokenizer about every character there is, between two letters."""
    normalize = tokenizer.normalizer.normalize_str
    split = tokenizer.pre_tokenizer.pre_tokenize_str
    dropped, spaces, isolated = [], [], []
    for code in range(sys.maxunicode + 1):
        if 0xD800 <= code <= 0xDFFF:  # surrogates are no characters
            continue
        around = normalize(f"a{chr(code)}b")
        if around == "ab":
            dropped.append(code)
        elif not chr(code).isalnum():
            words = len(split(around))
            (spaces if words == 2 else isolated if words == 3 else []).append(code)
        elif around.startswith("a ") and around.endswith(" b"):
            isolated.append(code)
    return Characters(*(_character_class(c) for c in (dropped, spaces, isolated)))


def _character_class(codes: Sequence[int]) -> str:
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "[" + "".join(f"\\x{{{a:x}}}-\\x{{{b:x}}}" for a, b in ranges) + "]"


def export_saved_model(
    model: Model,
    *,
    labels: Sequence[str],
    length: int,
    directory: Path,
) -> None:
    """Write a SavedModel whose `serving_default` takes `text` [batch].

    Its weights are kept as `model.precision` says, but for the schemes that multiply in
    integers, of which TensorFlow has none: there the Dense layers stay float32.
    """
    served = TextClassifier(model, labels, length)
    tf.saved_model.save(
        served, str(directory), signatures={"serving_default": served.classify}
    )
