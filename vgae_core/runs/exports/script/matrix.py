"""The script of a matrix auto-encoder."""

from __future__ import annotations

import re

from vgae_core.catalogue.lookup import head_of
from vgae_core.runs.exports.script import network
from vgae_core.runs.exports.script.base import Script, as_dict, rule, spaced


class MatrixScript(Script):
    """The script of a matrix auto-encoder."""

    def text(self) -> str:
        """Return the program."""
        output = self.spec.output("output")
        self.output_head = head_of("output", output.loss, self.profile.n_features)
        self.scale, self.counts = self.output_head.name, self.output_head.name.endswith("negative_binomial")
        imports = ["from sklearn.metrics import average_precision_score, roc_auc_score"]
        if self.scale == "softmax":
            imports.append("from scipy.special import logsumexp")
        functions, compiled = self.compile("n_columns")
        classes = [network.SAMPLE] if self.model.variational else []
        classes += [network.SPARSE_DROPOUT] if self.encoder.sparse_dropout else []
        classes += [network.DISPERSION] if self.counts else []
        head = "log_mean" if self.counts else "output"
        learnt = "matrix[trained]" if self.held_out_rows else "matrix"
        parts = [
            self.head("the held-out entries", imports, compiled) + self.data(),
            rule("2. model") + "\n" + "\n\n\n".join(text.strip("\n") for text in classes),
            self.network() + "\n\n" + self.start(head, self.scale, learnt),
            rule("3. losses") + "\n" + "\n\n\n".join(functions),
            compiled,
            rule("4. batches") + "\n" + self.batches(),
            rule("5. training") + "\n" + self.entry_scores() + "\n\n" + self.scores("entry_scores"),
            self.fit("n_columns"),
            rule("6. evaluation: the test entries are scored once, after training")
            + "\n"
            + self.evaluation(),
        ]
        return spaced(parts)

    def data(self) -> str:
        """Return the lines that read a matrix."""
        how = self.output_head.row_scaling
        rows = "rows = matrix"
        if how == "log":
            rows = "rows = matrix.log1p()  # input: logarithms, since counts vary widely"
        elif how == "length":
            rows = (
                "length = np.sqrt(np.asarray(matrix.power(2).sum(axis=1)).ravel())\n"
                "rows = sparse.diags_array(1 / np.maximum(length, 1e-6)) @ matrix  # input: rows of length 1"
            )
        size, learnt = self.training.batch_size, ""
        if self.held_out_rows:
            learnt = """# Held-out rows are never trained on; they are scored from the entries they keep.
held_out = np.setdiff1d(np.concatenate([val[:, 0], test[:, 0]]), data["train"][:, 0])
trained = np.setdiff1d(np.arange(n_rows), held_out)
"""
        return f"""
# The model sees the matrix without its held-out entries.
val, val_neg, test, test_neg = (data[name] for name in ("val", "val_neg", "test", "test_neg"))
matrix = sparse.csr_array(read_matrix("matrix")).astype(np.float32)
n_rows, n_columns = matrix.shape
{learnt}batch_size = {f"min({size}, {self.n_trained})" if size else self.n_trained}
{rows}
"""

    @property
    def held_out_rows(self) -> bool:
        """Whether rows are held out."""
        return self.spec.split.held_out == "rows"

    @property
    def n_trained(self) -> str:
        """The number of rows that are trained on."""
        return "len(trained)" if self.held_out_rows else "n_rows"

    def network(self) -> str:
        """Return the lines that build the model."""
        columns = self.profile.n_features
        kind = ", sparse=True" * self.model.sparse_input
        lines = [f'rows_in = keras.Input(({columns},){kind}, name="rows")', ""]
        lines += [
            re.sub(r"\brows\b", "rows_in", line) if "#" not in line else line for line in self.encoder.lines
        ]
        lines += ["", *self.latent(), "", "# The decoder: from the code back to a row."]
        widths = self.model.hidden_units[::-1]
        dense = 'hidden = keras.layers.Dense({}, activation="relu", name="decoder_{}")(hidden)'
        layers = [[dense.format(units, depth)] for depth, units in enumerate(widths, start=1)]
        decoder = network.in_loop(layers, widths, "decoder", 1)
        if decoder and decoder[0].startswith("hidden ="):
            decoder[0] = decoder[0].replace("(hidden)", "(z)")
        else:
            decoder.insert(0, "hidden = z")
        lines += decoder
        if self.counts:
            lines.append(f'log_mean = keras.layers.Dense({columns}, name="log_mean")(hidden)')
            name = "dispersion" if self.scale.startswith("zero") else "output"
            lines.append(f'output = Dispersion(name="{name}")(log_mean)')
            if self.scale.startswith("zero"):
                lines.append(f'zeros = keras.layers.Dense({columns}, name="zero_logit")(hidden)')
                lines.append("output = ops.concatenate([output, zeros], axis=1)")
        else:
            lines.append(
                f'output = log_mean = keras.layers.Dense({columns}, name="output")(hidden)'.replace(
                    "output = log_mean", "output"
                )
            )
        outputs = {"output": "output"}
        if "z_vars" in self.names and self.model.variational:
            lines.append(
                "z_vars = ops.concatenate([mean, log_var], axis=1)  # the loss of this output is the divergence"
            )
            outputs["z_vars"] = "z_vars"
        if "labels" in self.names:
            lines.append(f'labels = keras.layers.Dense({self.profile.n_classes}, name="labels")(z)')
            outputs["labels"] = "labels"
        lines += ["", f'model = keras.Model({{"rows": rows_in}}, {as_dict(outputs)})']
        return "\n".join(lines)

    def batches(self) -> str:
        """Return the lines that make batches of rows."""
        feed, weigh = {"output": "tf.sparse.to_dense(target)"}, {"output": "ones"}
        if "z_vars" in self.names and self.model.variational:
            feed["z_vars"], weigh["z_vars"] = "ones", "ones"
        entry = "entering" if self.model.sparse_input else "tf.sparse.to_dense(entering)"
        of = "[trained]" if self.held_out_rows else ""
        arrays, names, weights, more = (
            f"to_tensor(rows{of}), to_tensor(matrix{of})",
            "entering, target",
            "",
            "",
        )
        if "labels" in self.names:
            arrays += f", classes{of}, known_classes{of}"
            more = 'classes = np.maximum(data["labels"], 0)\n'
            more += 'known_classes = (data["label_part"] == 0).astype(np.float32)\n'
            names += ", label, known"
            feed["labels"], weigh["labels"] = "label[:, None]", "known"
            more += "\n\n"
            weights = f", {as_dict(weigh)}"
        shown = f'    inputs = {{"rows": {entry}}}\n    targets = {as_dict(feed, "    ")}\n'
        if weights:
            shown += "    # The label of a row has weight 0 if its class is unknown or held out.\n"
        shown += f"    return inputs, targets{weights}"
        return f'''{more}def as_batch({names}):
    """Return inputs and targets by name."""
    ones = tf.ones((tf.shape(target)[0],))
{shown}


everything = tf.data.Dataset.from_tensor_slices(({arrays}))
batches = everything.shuffle({self.n_trained}, seed=options.seed).batch(batch_size).map(as_batch).repeat()
steps_per_epoch = -(-{self.n_trained} // batch_size)'''

    def entry_scores(self) -> str:
        """Return the function that gives logits of entries."""
        source = "log_mean" if self.counts else "output"
        steps = ""
        if self.scale == "identity":
            steps = (
                '    if "units" in data:  # what the columns were divided by\n'
                '        values = values * data["units"]\n'
            )
        if self.scale == "softmax":
            steps = (
                "    # A softmax gives shares of a row's total; the expected value is comparable over rows.\n"
                "    totals = np.maximum(np.asarray(matrix.sum(axis=1)), 1e-6).reshape(-1, 1)\n"
                "    values = values + np.log(totals) - logsumexp(values, axis=1, keepdims=True)\n"
            )
        entry = "block" if self.model.sparse_input else "tf.sparse.to_dense(block)"
        return f'''reader = keras.Model(model.input, {source})
in_order = tf.data.Dataset.from_tensor_slices(to_tensor(rows)).batch(batch_size)


def entry_scores(pairs):
    """Return the logit, or the expected value, of each entry (row, column)."""
    blocks = [reader({{"rows": {entry}}}, training=False).numpy() for block in in_order]
    values = np.concatenate(blocks)
{steps}    return values[pairs[:, 0], pairs[:, 1]]

'''

    def evaluation(self) -> str:
        """Return the lines that score the test entries."""
        text = self.report("entry_scores")
        if "labels" in self.names:
            entry = "block" if self.model.sparse_input else "tf.sparse.to_dense(block)"
            text += self.labels_report("predicted[unseen]")
            text = text.replace(
                "    classes = ",
                "    namer = keras.Model(model.input, labels)\n"
                f'    blocks = [namer({{"rows": {entry}}}, training=False).numpy() for block in in_order]\n'
                "    predicted = np.concatenate(blocks)\n    classes = ",
            )
        return text + "print(json.dumps(results, indent=2, default=float))"
