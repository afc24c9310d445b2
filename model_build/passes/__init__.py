"""The passes a spec may name: one technique, one file, one frozen table of settings."""

from __future__ import annotations

from model_build.passes.distill import Distill
from model_build.passes.finetune import Finetune
from model_build.passes.prune_structure import PruneStructure
from model_build.passes.prune_vocabulary import PruneVocabulary
from model_build.passes.prune_weights import PruneWeights
from model_build.passes.quantize import Quantize
from model_build.passes.quantize_aware import QuantizeAware

PassSettings = (
    Finetune
    | Distill
    | PruneStructure
    | PruneVocabulary
    | PruneWeights
    | Quantize
    | QuantizeAware
)

__all__ = [
    "Distill",
    "Finetune",
    "PassSettings",
    "PruneStructure",
    "PruneVocabulary",
    "PruneWeights",
    "Quantize",
    "QuantizeAware",
]
