"""One change that breaks a pass, and the test that is to fail for it, many times.

Of every pass, and of each of its options, at least three.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

ARITHMETIC = "model_build/arithmetic.py"
DISTILL = "model_build/passes/distill.py"
FINETUNE = "model_build/passes/finetune.py"
IMPORTANCE = "model_build/importance.py"
KEPT = "model_build/kept.py"
LATENCY = "model_build/latency.py"
LITERT = "model_build/litert.py"
LORA = "model_build/lora.py"
LOSSES = "model_build/losses.py"
QUANTIZE = "model_build/passes/quantize.py"
QUANTIZE_AWARE = "model_build/passes/quantize_aware.py"
SAVED_MODEL = "model_build/saved_model.py"
SENSITIVITY = "model_build/sensitivity.py"
STORAGE = "model_build/storage.py"
STRUCTURE = "model_build/passes/prune_structure.py"
STUDENT = "model_build/student.py"
TRAINING = "model_build/training.py"
VOCABULARY = "model_build/vocabulary.py"
PRUNE_VOCABULARY = "model_build/passes/prune_vocabulary.py"
WEIGHTS = "model_build/passes/prune_weights.py"


@dataclass(frozen=True)
class Mutation:
    technique: str  # the pass, as a spec names it
    option: str
    broken: str  # what is
    file: str
    old: str  # there exactly once
    new: str
    test: str  # as pytest names it

    def __str__(self) -> str:
        return f"{self.technique}, {self.option}: {self.broken}"

    def applied(self, text: str) -> str:
        """Return the file's text, broken; raises ValueError if `old` is not its own."""
        if (found := text.count(self.old)) != 1:
            raise ValueError(f"{self.file} has {self.old!r} {found} times, not once")
        return text.replace(self.old, self.new)


def _of(
    name: str, module: str, *rows: tuple[str, str, str, str, str]
) -> Iterator[Mutation]:
    """Those of a pass's option: what is broken, file, old, new, test of the module."""
    technique, _, option = name.partition(": ")
    for broken, file, old, new, test in rows:
        path = f"tests/model_build/test_{module}.py::test_{test}"
        yield Mutation(technique, option, broken, file, old, new, path)


LORA_LEARNS = "lora_learns_in_the_named_matrices_and_the_classifier_alone"
LORA_MERGED = "merged_adapters_answer_as_they_did_beside_the_matrices"
RATE = "the_rate_rises_over_the_warm_up_then_falls_to_nothing_in_a_line"
STOPS = "training_stops_in_time_and_keeps_the_best_epoch"
KEEPS_BEST = "it_keeps_the_epoch_that_validates_best"

_FINETUNE = (
    *_of(
        "finetune: LoRA merged",
        "finetune",
        ("merged without its scale", LORA, "+= layer.scale * (down @ up)", "+= down @ up", LORA_MERGED),
        ("answers without its scale", LORA, "+ self.scale * thin", "+ thin", LORA_MERGED),
        ("does not start as the model", LORA, '(self.rank, self.units), initializer="zeros"', '(self.rank, self.units), initializer="ones"', LORA_MERGED),
        ("the encoder is not frozen", LORA, 'layer.trainable = layer.name == "classifier"', "layer.trainable = True", LORA_LEARNS),
        ("other matrices than were named", LORA, "part in lora.matrices", 'part in ("query", "value")', LORA_LEARNS),
        ("nothing is adapted", FINETUNE, "if self.lora is None:", "if True:", LORA_LEARNS),
    ),
    *_of(
        "finetune: warm-up and decay",
        "training",
        ("starts at nothing", TRAINING, "rising = (done + 1)", "rising = done", RATE),
        ("no warm-up", TRAINING, "tf.minimum(1.0, tf.minimum(rising, falling))", "tf.minimum(1.0, falling)", RATE),
        ("no decay", TRAINING, "tf.minimum(1.0, tf.minimum(rising, falling))", "tf.minimum(1.0, rising)", RATE),
        ("decay does not reach nothing", TRAINING, "/ max(1, self.steps - self.warmup)", "/ max(1, self.steps)", RATE),
        ("a warm-up of its own length", TRAINING, "round(schedule.warmup_share * steps)", "round(0.1 * steps)", RATE),
    ),
    *_of(
        "finetune: early stop",
        "training",
        ("equals count as better", KEPT, "if value > highest:", "if value >= highest:", STOPS),
        ("an epoch too late", KEPT, "return epoch - best >= self.patience", "return epoch - best > self.patience", STOPS),
        ("patience since the start", KEPT, "return epoch - best >= self.patience", "return epoch >= self.patience", STOPS),
    ),
    *_of(
        "finetune: early stop",
        "finetune",
        ("the last epoch is kept", TRAINING, "        best.restore()", "        pass", KEEPS_BEST),
        ("nobody judges the epochs", TRAINING, "Hooks(after_epoch=best.after_epoch)", "Hooks()", KEEPS_BEST),
        ("the setting is not read", FINETUNE, "patience=self.patience", "patience=None", KEEPS_BEST),
    ),
    *_of(
        "finetune: class weights",
        "finetune",
        ("do not reach the rows", FINETUNE, "weights=by_row)", "weights=tokens.weights)", "a_weighted_class_is_answered_more_often"),
        ("do not reach the loss", TRAINING, 'tf.reduce_mean(each * batch["weights"])', "tf.reduce_mean(each)", "a_weighted_class_is_answered_more_often"),
        ("are those of the other class", FINETUNE, 'by_class[tokens.targets["label"]]', 'by_class[::-1][tokens.targets["label"]]', "a_weighted_class_is_answered_more_often"),
        ("more for what is frequent", FINETUNE, "(len(examples) / (len(labels) * counts))", "(len(labels) * counts / len(examples))", "classes_are_balanced_by_how_rare_they_are"),
        ("unnamed classes count nothing", FINETUNE, "asked.get(label, 1.0)", "asked.get(label, 0.0)", "a_class_without_a_weight_counts_as_one"),
    ),
)  # fmt: skip

SOFTENED = "softened_answers_and_labels_are_weighed_as_hinton_has_it"
ASKED = "a_student_is_trained_on_the_loss_that_its_settings_say"
EQUALS = "each_loss_inside_is_nothing_between_equals_and_something_between_others"
COMPARED = "what_is_compared_inside_are_the_named_parts_of_the_layers"
RELATIONS = "relations_are_those_of_the_paper_and_padding_has_none"
CAME_FROM = "a_student_is_compared_with_the_layers_it_came_from"
MAPPED = "layers_are_taken_as_the_map_says"
UNKNOWN = "what_nobody_labelled_is_unknown"

_DISTILL = (
    *_of(
        "distill: temperature",
        "distill",
        ("the teacher's answers stay hard", LOSSES, "tf.nn.softmax(shown.logits / temperature)", "tf.nn.softmax(shown.logits)", SOFTENED),
        ("the student's answers stay hard", LOSSES, "logits=own.logits / temperature", "logits=own.logits", SOFTENED),
        ("soft gradients fade with it", LOSSES, "alpha * temperature**2 * soft", "alpha * soft", SOFTENED),
        ("the setting is not read beside losses inside", DISTILL, "own, shown, batch, temperature=self.temperature", "own, shown, batch, temperature=2.0", f"{ASKED}[inside]"),
        ("the setting is not read", DISTILL, "training.response(temperature=self.temperature", "training.response(temperature=2.0", f"{ASKED}[answers]"),
    ),
    *_of(
        "distill: alpha",
        "distill",
        ("labels count in full", LOSSES, "(1 - alpha) * _hard(own)", "_hard(own)", SOFTENED),
        ("the teacher counts in full", LOSSES, "alpha * temperature**2 * soft", "temperature**2 * soft", SOFTENED),
        ("unknown labels are taken for the first", LOSSES, "return known * each", "return each", SOFTENED),
        ("the setting is not read beside losses inside", DISTILL, "shown, batch, temperature=self.temperature, alpha=self.alpha", "shown, batch, temperature=self.temperature, alpha=0.7", f"{ASKED}[inside]"),
        ("the setting is not read", DISTILL, "response(temperature=self.temperature, alpha=self.alpha)", "response(temperature=self.temperature, alpha=0.7)", f"{ASKED}[answers]"),
    ),
    *_of(
        "distill: hidden states",
        "distill",
        ("the loss is not added", DISTILL, "self.hidden_weight * tf.add_n(each)", "0.0 * tf.add_n(each)", f"{EQUALS}[hidden]"),
        ("summed over channels", LOSSES, "tf.reduce_mean((own - shown) ** 2, -1)", "tf.reduce_sum((own - shown) ** 2, -1)", "the_distance_of_hidden_states_is_a_mean_over_real_tokens"),
        ("padding is compared", LOSSES, "real = tf.cast(tf.not_equal(ids, 0), tf.float32)", "real = tf.ones_like(ids, tf.float32)", "the_distance_of_hidden_states_is_a_mean_over_real_tokens"),
        ("compared with the first layers", DISTILL, "        compared = self._kept(model.shape)\n", "        compared = tuple(range(len(own)))\n", CAME_FROM),
    ),
    *_of(
        "distill: attention",
        "distill",
        ("the loss is not added", DISTILL, "self.attention_weight * tf.add_n(each)", "0.0 * tf.add_n(each)", f"{EQUALS}[attention]"),
        ("queries with themselves", DISTILL, 'relation(each["query"][layer], each["key"][layer]', 'relation(each["query"][layer], each["query"][layer]', COMPARED),
        ("the first layer alone", DISTILL, "in enumerate(heads)", "in enumerate(heads[:1])", COMPARED),
    ),
    *_of(
        "distill: relations",
        "distill",
        ("the loss is not added", DISTILL, "self.relation_weight * tf.add_n(each)", "0.0 * tf.add_n(each)", f"{EQUALS}[relation]"),
        ("values are left out", DISTILL, 'for part in ("query", "key", "value")', 'for part in ("query", "key")', COMPARED),
        ("of the first layer", DISTILL, "relation(each[part][-1], each[part][-1], ids", "relation(each[part][0], each[part][0], ids", COMPARED),
        ("scaled by the width, not the head's", LOSSES, "(int(left.shape[-1]) // heads) ** -0.5", "int(left.shape[-1]) ** -0.5", RELATIONS),
        ("padding is related to", LOSSES, "tf.nn.log_softmax(scores + padding)", "tf.nn.log_softmax(scores)", RELATIONS),
        ("the divergence of the teacher from the student", LOSSES, "tf.exp(shown) * (shown - own)", "tf.exp(own) * (own - shown)", RELATIONS),
    ),
    *_of(
        "distill: layer map",
        "distill",
        ("spread evenly all the same", DISTILL, "            return self.layer_map\n", "            return kept_layers(found, len(self.layer_map))\n", MAPPED),
        ("in another order", STUDENT, 'f"layer{kept.index(int(index))}_{rest}"', 'f"layer{len(kept) - 1 - kept.index(int(index))}_{rest}"', MAPPED),
        ("with the first layers' sizes", STUDENT, "for index in kept)", "for index in range(len(kept)))", MAPPED),
        ("the last layer is left out by default", STUDENT, "round((i + 1) * teacher / student) - 1", "round(i * teacher / student)", "the_last_layer_is_always_kept"),
    ),
    *_of(
        "distill: width",
        "distill",
        ("the student stays as wide", DISTILL, "return narrowed(start, channels), channels", "return start, channels", "a_student_nears_its_teacher[narrower]"),
        ("the weakest channels are kept", STUDENT, "np.argsort(-np.asarray(total)", "np.argsort(np.asarray(total)", "channels_that_say_nothing_go_first"),
        ("projected embeddings are cut", STUDENT, "return None if projected else -1", "return -1", "projected_embeddings_stay_as_wide_as_they_are"),
        ("biases of what reads are cut", STUDENT, 'return 0 if kind == "kernel" else None', "return 0", "all_channels_in_another_order_are_the_same_model"),
        ("the projection starts beside its channels", DISTILL, "np.eye(width, dtype=np.float32)[channels]", "np.eye(width, dtype=np.float32)[: len(channels)]", "the_projection_starts_as_what_undoes_the_cut"),
    ),
    *_of(
        "distill: several teachers",
        "distill",
        ("the first alone is asked", DISTILL, "for name in self.teachers] or", "for name in self.teachers[:1]] or", "several_teachers_teach_what_they_answer_together"),
        ("not beside losses inside", DISTILL, "if len(teachers) > 1 or not inside:", "if not inside:", "several_teachers_teach_what_they_answer_together"),
        ("shown to nobody beside losses inside", DISTILL, 'batch.get("shown", shown["logits"])', 'shown["logits"]', "several_teachers_teach_what_they_answer_together"),
    ),
    *_of(
        "distill: several teachers",
        "training",
        ("logarithms are averaged", TRAINING, "logsumexp(np.stack(each), axis=0) - math.log(len(each))", "np.mean(np.stack(each), axis=0)", "teachers_show_the_mean_of_their_shares_each_reading_for_itself"),
        ("a teacher reads its student's ids", TRAINING, "read = _read_by(teacher, tokens, examples, bench)", "read = tokens", "teachers_show_the_mean_of_their_shares_each_reading_for_itself"),
    ),
    *_of(
        "distill: unlabelled texts",
        "distill",
        ("labelled ones come with them", DISTILL, 'known = () if self.examples == "unlabelled" else', "known =", UNKNOWN),
        ("are left out", DISTILL, 'new = () if self.examples == "labelled" else tuple(bench.unlabelled)', 'new = () if self.examples == "labelled" else tuple(bench.train[:1])', UNKNOWN),
        ("are taken for the first label", DISTILL, "np.where(unknown, -1, each)", "np.where(unknown, 0, each)", UNKNOWN),
        ("the first is taken for labelled", DISTILL, "tokens.examples >= len(known)", "tokens.examples > len(known)", UNKNOWN),
    ),
)  # fmt: skip

ZEROS = "every_matrix_has_exactly_the_zeros_asked_for"
GLOBAL = "a_global_threshold_takes_most_where_weights_are_smallest"
OF_EVERY = "of_every_m_the_largest_stay"
TABLE_ZEROS = "the_token_table_is_pruned_only_where_that_is_asked"
POLYNOMIAL = "the_polynomial_schedule_is_steep_first_and_whole_at_seven_tenths"

_PRUNE_WEIGHTS = (
    *_of(
        "prune_weights: magnitude",
        "pruning",
        ("the largest go", WEIGHTS, "np.argpartition(sizes, count - 1)[:count]", "np.argpartition(-sizes, count - 1)[:count]", "of_all_the_smallest_go"),
        ("the most negative go", WEIGHTS, "sizes = np.abs(np.concatenate([matrix.ravel() for matrix in matrices]))", "sizes = np.concatenate([matrix.ravel() for matrix in matrices])", "of_all_the_smallest_go"),
        ("zeros are not held", WEIGHTS, "matrix.assign(tf.where(mask, matrix, 0.0))", "matrix.assign(matrix)", f"{ZEROS}[once]"),
        ("what was zero may grow", WEIGHTS, "(matrix, old & new)", "(matrix, new)", "zeros_only_become_more"),
        ("zeros of before are forgotten", WEIGHTS, "tf.not_equal(matrix, 0)", "tf.ones_like(matrix, tf.bool)", "zeros_only_become_more"),
        ("the classifier is pruned", WEIGHTS, 'name.endswith("/kernel") and not name.startswith("classifier")', 'name.endswith("/kernel")', f"{ZEROS}[once]"),
    ),
    *_of(
        "prune_weights: schedule",
        "pruning",
        ("whole too early", WEIGHTS, "int(0.7 * steps / frequency)", "int(0.5 * steps / frequency)", POLYNOMIAL),
        ("a line", WEIGHTS, "(0.0, final, 0, periods * frequency)", "(0.0, final, 0, periods * frequency, power=1)", POLYNOMIAL),
        ("never in a training of one step", WEIGHTS, "{min(place, steps - 1): share", "{place: share", f"{ZEROS}[in a single step]"),
        ("a step late where it is once", WEIGHTS, "return {0: 1.0}", "return {1: 1.0}", "pruned_at_once_the_smallest_are_zero_and_the_rest_learns"),
        ("all at its first step", WEIGHTS, "share * group.sparsity", "group.sparsity", "zeros_grow_by_the_schedule"),
    ),
    *_of(
        "prune_weights: N:M",
        "pruning",
        ("one too many stays", WEIGHTS, "np.asarray(ranks < keep)", "np.asarray(ranks <= keep)", OF_EVERY),
        ("the smallest stay", WEIGHTS, "np.argsort(-rows, axis=1", "np.argsort(rows, axis=1", OF_EVERY),
        ("groups of inputs far apart", WEIGHTS, "rows = np.abs(matrix).reshape(-1, of, matrix.shape[1])", "rows = np.abs(matrix).reshape(of, -1, matrix.shape[1]).swapaxes(0, 1)", OF_EVERY),
        ("groups along outputs", WEIGHTS, "rows = np.abs(matrix).reshape(-1, of, matrix.shape[1])", "rows = np.abs(matrix).T.reshape(-1, of, matrix.shape[1])", "a_pattern_leaves_exactly_n_of_every_m_inputs"),
    ),
    *_of(
        "prune_weights: global threshold",
        "pruning",
        ("one for each matrix", WEIGHTS, "[_Group(matrices, self.sparsity, largest)]", "[_Group([m], self.sparsity, largest) for m in matrices]", GLOBAL),
        ("of each matrix's own largest", WEIGHTS, "np.concatenate([matrix.ravel() for", "np.concatenate([(matrix / abs(matrix).max()).ravel() for", GLOBAL),
        ("where it was to be local", WEIGHTS, 'elif self.threshold == "global":', "elif True:", f"{ZEROS}[once]"),
    ),
    *_of(
        "prune_weights: embeddings",
        "pruning",
        ("are never pruned", WEIGHTS, "if self.embedding_sparsity:", "if False:", TABLE_ZEROS),
        ("as much as the matrices", WEIGHTS, "_Group([table], self.embedding_sparsity, largest)", "_Group([table], self.sparsity, largest)", TABLE_ZEROS),
        ("of positions, not tokens", WEIGHTS, 'table = named["embed/tokens"]', 'table = named["embed/positions"]', TABLE_ZEROS),
        ("are always pruned", WEIGHTS, 'name.endswith("/kernel") and not', 'name.endswith(("/kernel", "/tokens")) and not', f"{ZEROS}[once]"),
    ),
)  # fmt: skip

SILENT = "removing_units_that_say_nothing_changes_no_answer"
SLOPE = "a_head_s_and_a_neuron_s_importance_is_the_loss_s_slope"
IDLE = "a_layer_that_changes_nothing_goes_first"
ROUNDS = "each_round_asks_for_importance_anew_and_takes_its_share"
RECOVERS = "what_was_cut_recovers_on_the_teacher_s_answers"
SHARED = "rounds_share_the_epochs_and_each_reads_other_rows_first"
COMPETE = "heads_and_neurons_compete_for_what_they_cost"

_PRUNE_STRUCTURE = (
    *_of(
        "prune_structure: heads",
        "pruning",
        ("other columns than a head's", IMPORTANCE, "heads[:, None] * width + np.arange(width)", "heads[:, None] + np.arange(width)", SILENT),
        ("another head's biases stay", IMPORTANCE, 'weights[f"{dense}/bias"][kept]', 'weights[f"{dense}/bias"][: len(kept)]', SILENT),
        ("the weakest stay", IMPORTANCE, "order = np.argsort(-scores", "order = np.argsort(scores", "the_strongest_stay_over_all_layers_together"),
        ("a layer may lose all", IMPORTANCE, "price * len(unit), place == 0)", "price * len(unit), False)", "each_layer_keeps_a_head_and_sixteen_neurons"),
        ("by the neurons' share", STRUCTURE, "settings.keep_heads**part", "settings.keep_neurons**part", "heads_and_neurons_go_by_their_own_shares"),
    ),
    *_of(
        "prune_structure: neurons",
        "pruning",
        ("rows in another order", IMPORTANCE, '_cut(weights, f"{name}_ffn_out", neurons, axis=0)', '_cut(weights, f"{name}_ffn_out", neurons[::-1], axis=0)', SILENT),
        ("a group is worth its best", IMPORTANCE, "worth = float(scores[unit].sum())", "worth = float(scores[unit].max())", COMPETE),
        ("cost is not asked", IMPORTANCE, "unit.importance / unit.cost if unit.cost else np.inf", "unit.importance if unit.cost else np.inf", COMPETE),
        ("by the heads' share", STRUCTURE, "settings.keep_neurons**part", "settings.keep_heads**part", "heads_and_neurons_go_by_their_own_shares"),
    ),
    *_of(
        "prune_structure: layers",
        "pruning",
        ("the most important go", STRUCTURE, "np.argsort(-found.layers", "np.argsort(found.layers", IDLE),
        ("the last go, whatever they do", STRUCTURE, 'np.argsort(-found.layers, kind="stable")[:count].tolist()', "range(count)", IDLE),
        ("the first go, whatever they do", STRUCTURE, 'np.argsort(-found.layers, kind="stable")[:count].tolist()', "range(len(found.layers))[-count:]", "the_most_important_layers_stay"),
        ("judged by what they pass on", IMPORTANCE, "[after - before for before, after", "[after for before, after", IDLE),
    ),
    *_of(
        "prune_structure: Taylor importance",
        "pruning",
        ("slopes are not asked", IMPORTANCE, "tf.reduce_sum(value * slope, 1)", "tf.reduce_sum(value, 1)", SLOPE),
        ("activations are not asked", IMPORTANCE, "tf.reduce_sum(value * slope, 1)", "tf.reduce_sum(slope, 1)", SLOPE),
        ("sizes are taken before channels are summed", IMPORTANCE, "tf.abs(tf.reduce_sum(parts, -1))", "tf.reduce_sum(tf.abs(parts), -1)", SLOPE),
        ("neurons before their activation", IMPORTANCE, 'f"layer{i}_act"', 'f"layer{i}_ffn_in"', SLOPE),
        ("all rows, not the calibration's", IMPORTANCE, "batches(first(tokens, rows), BATCH)", "batches(tokens, BATCH)", SLOPE),
    ),
    *_of(
        "prune_structure: recovery",
        "pruning",
        ("none", STRUCTURE, "return cut.with_weights(encoder.weights_of(recovering))", "return cut", RECOVERS),
        ("on labels alone", TRAINING, "response(temperature=settings.temperature, alpha=settings.alpha)", "response(temperature=settings.temperature, alpha=0.0)", RECOVERS),
        ("of another model than was cut", STRUCTURE, "recovering = encoder.to_keras(cut)", "recovering = encoder.to_keras(cut.with_weights(encoder.fresh_weights(cut.shape, 1)))", RECOVERS),
        ("all epochs in each round", STRUCTURE, "epochs=self.settings.epochs / rounds", "epochs=self.settings.epochs", SHARED),
        ("each round reads the same rows first", STRUCTURE, "seed=self.bench.seed + number - 1", "seed=self.bench.seed", SHARED),
    ),
    *_of(
        "prune_structure: iterative",
        "pruning",
        ("each round takes the whole share", STRUCTURE, "part = 1 / settings.rounds", "part = 1.0", ROUNDS),
        ("rounds share one importance", STRUCTURE, "found = importance(model,", "found = importance(self.parent,", ROUNDS),
        ("a round goes on with the first cut", STRUCTURE, 'folder = self.bench.kept / f"round{number}"', 'folder = self.bench.kept / "round"', ROUNDS),
        ("one round, however many are asked", STRUCTURE, "for number in range(1, self.rounds + 1):", "for number in range(self.rounds, self.rounds + 1):", ROUNDS),
    ),
    *_of(
        "prune_structure: to a target latency",
        "pruning",
        ("what is too slow is kept", STRUCTURE, "if share > target:", "if share < target:", "a_target_for_latency_is_met_by_measuring"),
        ("time is taken for weights", STRUCTURE, "share = share_of(remove(model, units))", "share = cost.of(remove(model, units).shape) / cost.of(self.parent.shape)", "a_target_for_latency_is_met_by_measuring"),
        ("trained before it is refused", STRUCTURE, "if least > target:", "if least > 1:", "a_latency_that_no_pruning_reaches_is_refused_before_training"),
        ("the baseline's share of the model's time", LATENCY, "return float(own / other)", "return float(other / own)", "a_smaller_model_takes_less_time"),
    ),
)  # fmt: skip

ROWS = "rows_stay_with_their_pieces_and_the_separator_with_its_id"
NEVER_USED = "what_the_data_never_uses_goes_and_its_texts_are_cut_as_before"
FALLS_APART = "a_word_that_is_gone_falls_apart_into_pieces_that_stay"
LISTED = "the_first_pieces_and_the_words_that_a_spec_lists_stay"
EXCHANGED = "ids_are_exchanged_and_texts_cut_as_before"
GONE_PIECE = "a_piece_that_is_gone_is_cut_into_those_that_stay"
SPECIAL = "special_ids_are_padding_unknown_and_what_stands_around"

_PRUNE_VOCABULARY = (
    *_of(
        "prune_vocabulary: rows",
        "pruning",
        ("the first rows, whoever stays", PRUNE_VOCABULARY, 'model.weights["embed/tokens"][order]', 'model.weights["embed/tokens"][: len(order)]', ROWS),
        ("in another order than the ids", PRUNE_VOCABULARY, 'model.weights["embed/tokens"][order]', 'model.weights["embed/tokens"][order[::-1]]', ROWS),
        ("the separator of pairs keeps its id", PRUNE_VOCABULARY, "separator and int(np.searchsorted(order, separator))", "separator", ROWS),
        ("all stay", PRUNE_VOCABULARY, "weights={**model.weights, \"embed/tokens\": table}", "weights=model.weights", ROWS),
    ),
    *_of(
        "prune_vocabulary: tokenizer rewritten",
        "pruning",
        ("not at all", PRUNE_VOCABULARY, "tokenizer=renumber(model.tokenizer, order)", "tokenizer=model.tokenizer", ROWS),
        ("pieces keep their ids", VOCABULARY, "vocabulary = {p: new[i] for", "vocabulary = {p: i for", ROWS),
    ),
    *_of(
        "prune_vocabulary: tokenizer rewritten",
        "vocabulary",
        ("what stands around keeps its ids", VOCABULARY, "holder[key] = _renamed(holder[key], name, new)", "_renamed(holder[key], name, new)", EXCHANGED),
        ("special tokens keep their ids", VOCABULARY, 'added["id"] = _renamed(', "_renamed(", EXCHANGED),
        ("merges of pieces that are gone stay", VOCABULARY, 'if _stands(m, vocabulary)]', "]", GONE_PIECE),
    ),
    *_of(
        "prune_vocabulary: safety list",
        "pruning",
        ("single characters go", VOCABULARY, "special_ids(text) | single | added", "special_ids(text) | added", NEVER_USED),
        ("continuations go", VOCABULARY, "len(piece.removeprefix(prefix)) == 1", "len(piece) == 1", NEVER_USED),
        ("padding goes", VOCABULARY, "frozenset(ids | {0})", "frozenset(ids)", NEVER_USED),
        ("what pieces are merged from goes", PRUNE_VOCABULARY, "wanted = _whole(piece, parts) - kept", "wanted = {piece} - kept", NEVER_USED),
        ("listed words go", PRUNE_VOCABULARY, "chain(self._first(loaded, kept), self._words(loaded))", "self._first(loaded, kept)", LISTED),
        ("placeholders count among the first", PRUNE_VOCABULARY, "if i not in safe and not PLACEHOLDER.match(p)]", "if i not in safe]", LISTED),
        ("texts of validation are not asked", PRUNE_VOCABULARY, "chain(bench.train, bench.validation, bench.unlabelled)", "chain(bench.train, bench.unlabelled)", "texts_of_every_split_but_the_last_look_count"),
        ("unlabelled texts are not asked", PRUNE_VOCABULARY, "chain(bench.train, bench.validation, bench.unlabelled)", "chain(bench.train, bench.validation)", "texts_of_every_split_but_the_last_look_count"),
    ),
    *_of(
        "prune_vocabulary: unknown fallback",
        "pruning",
        ("the unknown piece itself goes", VOCABULARY, 'if unknown in raw["model"]["vocab"]:', "if False:", FALLS_APART),
        ("a word falls apart into nothing it has", VOCABULARY, "len(piece.removeprefix(prefix)) == 1", "len(piece) == 1", FALLS_APART),
        ("bytes go", VOCABULARY, "special_ids(text) | single | added", "special_ids(text) | added", FALLS_APART),
    ),
    *_of(
        "prune_vocabulary: unknown fallback",
        "vocabulary",
        ("merges still make what is gone", VOCABULARY, "for piece in (left, right, left + right))", "for piece in (left, right))", GONE_PIECE),
        ("unknown is no special piece", VOCABULARY, 'unknown = raw["model"].get("unk_token")', "unknown = None", SPECIAL),
    ),
)  # fmt: skip

RUNS = "the_server_runs_every_scheme_and_answers_like_the_float_model"
IMITATED = "the_imitated_arithmetic_is_the_engine_s"
IN_FLOAT = "a_layer_left_in_float_is_multiplied_in_float"
BYTES = "bytes_are_what_the_scheme_says"
FIXED = "static_scales_are_fixed_by_all_that_was_seen"
NARROW = "the_saved_model_keeps_narrow_weights_and_widens_them_in_the_graph"
SAME_BFLOAT16 = "bfloat16_answers_alike_in_both_engines"
ANY_SIZE = "a_row_of_integers_is_near_its_floats_whatever_its_size"
LOOKED_UP = "rows_that_are_looked_up_are_those_that_were_stored"
SMOOTHS = "a_mixture_smooths_an_outlying_channel_and_says_so"
NEARER = "what_a_mixture_smoothed_answers_nearer_to_float_in_the_engine"
BOUND = "a_mixture_leaves_in_float_what_is_above_its_bound"
MASK = "the_mask_is_named_as_what_ruins_attention_and_a_bounded_one_mends_it"

_QUANTIZE = (
    *_of(
        "quantize: dynamic int8",
        "quantization",
        ("multiplies in float", LITERT, 'add_dynamic_config(".*", DENSE, 8)', 'add_weight_only_config(".*", DENSE, 8)', f"{IMITATED}[dynamic-int8]"),
        ("in 4 bits", LITERT, 'add_dynamic_config(".*", DENSE, 8)', 'add_dynamic_config(".*", DENSE, 4)', f"{IMITATED}[dynamic-int8]"),
        ("the classifier alone", LITERT, 'add_dynamic_config(".*", DENSE, 8)', 'add_dynamic_config("(^|/)classifier/", DENSE, 8)', f"{IMITATED}[dynamic-int8]"),
        ("not at all", LITERT, 'if scheme.endswith("int8") or scheme == "mixed":', 'if scheme == "mixed":', f"{IMITATED}[dynamic-int8]"),
    ),
    *_of(
        "quantize: static int8",
        "quantization",
        ("ranges are averages", LITERT, "num_threads=os.cpu_count(), qsv_update_func=min_max_update", "num_threads=os.cpu_count()", FIXED),
        ("one row calibrates", LITERT, "SAMPLES = 64", "SAMPLES = 1", FIXED),
        ("activations of 16 bits", LITERT, "add_static_config(scope, operation, 8, 8)", "add_static_config(scope, operation, 16, 8)", FIXED),
        ("scales are found as rows pass", LITERT, 'elif precision.scheme == "static-int8":', 'elif precision.scheme == "static":', FIXED),
        ("attention stays in float", LITERT, '    TFLOperationName.BATCH_MATMUL: ".*",\n', "", FIXED),
        ("the answer is capped", LITERT, 'add_dynamic_config("(^|/)classifier/", DENSE, 8)', 'add_dynamic_config("(^|/)nothing/", DENSE, 8)', FIXED),
        ("scales are guessed", LITERT, 'if scheme == "static-int8" and calibration is None:', "if False:", "fixed_scales_are_not_guessed"),
    ),
    *_of(
        "quantize: float16",
        "quantization",
        ("not in LiteRT", LITERT, 'if scheme == "float16":', "if False:", BYTES),
        ("as 8 bits", LITERT, "            converter.target_spec.supported_types = [tf.float16]\n", "", BYTES),
        ("not in the SavedModel", SAVED_MODEL, '"float16": "float16"', '"float16": "float32"', f"{NARROW}[float16-0.55-0.002]"),
        ("as bfloat16 in the SavedModel", SAVED_MODEL, '"float16": "float16"', '"float16": "bfloat16"', f"{NARROW}[float16-0.55-0.002]"),
    ),
    *_of(
        "quantize: bfloat16",
        "quantization",
        ("not in LiteRT", LITERT, "model = rounded_to_bfloat16(model)", "pass", f"{RUNS}[bfloat16]"),
        ("not in the SavedModel", SAVED_MODEL, '"bfloat16": "bfloat16"', '"bfloat16": "float32"', f"{NARROW}[bfloat16-0.55-0.01]"),
        ("embeddings alone are rounded", STORAGE, "if name == TABLE or name.endswith(DENSE)", "if name == TABLE", SAME_BFLOAT16),
        ("embeddings are not rounded", STORAGE, "if name == TABLE or name.endswith(DENSE)", "if name.endswith(DENSE)", SAME_BFLOAT16),
        ("rounded to float16", STORAGE, "value.astype(tf.bfloat16.as_numpy_dtype)", "value.astype(np.float16)", SAME_BFLOAT16),
    ),
    *_of(
        "quantize: int8 weights",
        "quantization",
        ("activations are rounded, too", LITERT, 'add_weight_only_config(".*", DENSE, 8)', 'add_dynamic_config(".*", DENSE, 8)', f"{IMITATED}[weight-int8]"),
        ("not in the SavedModel", SAVED_MODEL, '"weight-int8": "int8"', '"weight-int8": "float32"', f"{NARROW}[weight-int8, int8 embeddings-0.35-0.02]"),
        ("one scale for all outputs", STORAGE, "mixed * self.scale[0] if", "mixed * tf.reduce_max(self.scale) if", f"{NARROW}[weight-int8, int8 embeddings-0.35-0.02]"),
    ),
    *_of(
        "quantize: int4 embeddings",
        "quantization",
        ("halves are exchanged", STORAGE, "halves[:, :middle] + 16 * halves[:, middle:]", "halves[:, middle:] + 16 * halves[:, :middle]", ANY_SIZE),
        ("halves are exchanged when they are read", STORAGE, "tf.concat([rows - 16 * high, high], -1)", "tf.concat([high, rows - 16 * high], -1)", LOOKED_UP),
        ("one scale for the table", STORAGE, "full = _scale(table, 1, 7)", "full = np.full((len(table), 1), np.abs(table).max() / 7, np.float32)", ANY_SIZE),
        ("outliers set the scale", STORAGE, "for clip in CLIPS:", "for clip in CLIPS[:1]:", "four_bits_clip_an_outlier_where_that_changes_a_row_least"),
        ("in a byte each", STORAGE, "count, width // (1 + (self.kept == \"int4\"))", "count, width", LOOKED_UP),
    ),
    *_of(
        "quantize: int8 embeddings",
        "quantization",
        ("half the steps", STORAGE, "scale = _scale(values, axis, 127)", "scale = _scale(values, axis, 63)", ANY_SIZE),
        ("another row's scale", STORAGE, "rows *= tf.gather(self.scale, ids)", "rows *= self.scale[0]", LOOKED_UP),
        ("stay wide", STORAGE, 'if table != "float32":', "if False:", BYTES),
    ),
    *_of(
        "quantize: int8 embeddings",
        "passes",
        ("not by default", QUANTIZE, '"int8" if self.scheme in INTEGER else "float"', '"float"', "quantization_is_left_to_the_export"),
    ),
    *_of(
        "quantize: mixed, op by op",
        "quantization",
        ("factors multiply both sides", SENSITIVITY, 'weights[f"{name}/kernel"] = kernel / factors', 'weights[f"{name}/kernel"] = kernel * factors', SMOOTHS),
        ("factors are upside down", SENSITIVITY, "heavy ** (1 - strength) / largest**strength", "largest**strength / heavy ** (1 - strength)", SMOOTHS),
        ("values' biases are not scaled with them", SENSITIVITY, 'for part in ("kernel", "bias"):', 'for part in ("kernel",):', NEARER),
        ("values are never smoothed", SENSITIVITY, 'if part == "output" else None', "if False else None", NEARER),
        ("nothing is left in float", SENSITIVITY, "            if found > max_error:", "            if found > 2:", BOUND),
        ("smoothed where that does not suffice", SENSITIVITY, " and max(after) <= max_error", "", BOUND),
        ("the scope names no layer", LITERT, 'f"(^|/){name}/"', 'f"^{name}/"', IN_FLOAT),
        ("what is left keeps wide weights", LITERT, 'quantizer.add_weight_only_config(f"(^|/){name}/", DENSE, 8)', 'quantizer.add_weight_only_config(f"(^|/){name}/", DENSE, 16)', "layers_left_in_float_have_their_weights_in_8_bits"),
        ("the mask is not bounded", SENSITIVITY, "float(scores.min()) - ENOUGH", "-1e4", MASK),
    ),
)  # fmt: skip

NEARER_BY_TRAINING = (
    "training_in_the_engine_s_arithmetic_brings_its_answers_nearer_to_float"
)

_QUANTIZE_AWARE = _of(
    "quantize_aware: the engine's arithmetic",
    "quantization",
    ("one range for a tensor", ARITHMETIC, "tf.minimum(tf.reduce_min(x, -1, keepdims=True), 0.0)", "tf.minimum(tf.reduce_min(x), 0.0)", f"{IMITATED}[dynamic-int8]"),
    ("activations are symmetric", ARITHMETIC, "tf.minimum(tf.reduce_min(x, -1, keepdims=True), 0.0)", "-tf.reduce_max(tf.abs(x), -1, keepdims=True)", f"{IMITATED}[dynamic-int8]"),
    ("one scale for a kernel", ARITHMETIC, "_symmetric(kernel, axis=0)", "_symmetric(kernel, axis=None)", f"{IMITATED}[weight-int8]"),
    ("scales of a kernel's inputs", ARITHMETIC, "_symmetric(kernel, axis=0)", "_symmetric(kernel, axis=1)", f"{IMITATED}[weight-int8]"),
    ("embeddings stay in float", ARITHMETIC, "_symmetric(tf.gather(self.tokens, ids), axis=-1)", "tf.gather(self.tokens, ids)", f"{IMITATED}[weight-int8]"),
    ("activations are rounded where only weights are", ARITHMETIC, "rows=tf.identity", "rows=round_rows", f"{IMITATED}[weight-int8]"),
    ("rounding has no slope", ARITHMETIC, "return x + tf.stop_gradient(rounded - x)", "return rounded", NEARER_BY_TRAINING),
    ("trained in float", QUANTIZE_AWARE, "encoder.to_keras(model, parts=engine)", "encoder.to_keras(model)", NEARER_BY_TRAINING),
    ("another model teaches", QUANTIZE_AWARE, "self, itself)", "self, bench)", NEARER_BY_TRAINING),
)  # fmt: skip

MUTATIONS = (
    *_FINETUNE,
    *_DISTILL,
    *_PRUNE_WEIGHTS,
    *_PRUNE_STRUCTURE,
    *_PRUNE_VOCABULARY,
    *_QUANTIZE,
    *_QUANTIZE_AWARE,
)  # fmt: skip
