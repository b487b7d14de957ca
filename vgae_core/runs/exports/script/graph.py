"""The script of a graph auto-encoder."""

from __future__ import annotations

from vgae_core.catalogue.encoders import ENCODERS
from vgae_core.catalogue.lookup import head_of
from vgae_core.data.node_inputs import input_columns
from vgae_core.runs.exports.script import network
from vgae_core.runs.exports.script.base import Script, as_dict, rule, spaced


class GraphScript(Script):
    """The script of a graph auto-encoder."""

    def text(self) -> str:
        """Return the program."""
        imports = ["from sklearn.metrics import average_precision_score, roc_auc_score"]
        if self.stacked:
            imports += [
                "from sklearn.linear_model import LogisticRegression",
                "from sklearn.pipeline import make_pipeline",
                "from sklearn.preprocessing import StandardScaler",
            ]
        functions, compiled = self.compile("n_nodes")
        final = "final_scores" if self.stacked else "pair_scores"
        classes = [network.SAMPLE] if self.model.variational else []
        classes += [network.SPARSE_DROPOUT] if self.encoder.sparse_dropout else []
        if decoder := network.decoder_class(self.model.decoder):
            classes.append(decoder)
        start = ""
        if "x_rec" in self.names:
            output = self.spec.output("x_rec")
            start = self.start(
                "x_rec", head_of("x_rec", output.loss, self.profile.n_features).name, "targets_of_x"
            )
        parts = [
            self.head("the held-out edges", imports, compiled) + self.data(),
            rule("2. model") + "\n" + "\n\n\n".join(text.strip("\n") for text in classes),
            self.network() + ("\n\n" + start if start else ""),
            rule("3. losses") + "\n" + "\n\n\n".join(functions),
            compiled,
            rule("4. batches") + "\n" + self.batches(),
            rule("5. training") + "\n" + self.pair_scores() + "\n\n" + self.scores("pair_scores"),
            self.fit("n_nodes"),
            rule("6. evaluation: the test edges are scored once, after training")
            + "\n"
            + self.evaluation(final),
        ]
        return spaced(parts)

    def data(self) -> str:
        """Return the lines that read a graph."""
        if ENCODERS[self.model.encoder].propagation == "symmetric":
            normalise = '''def normalise(edges):
    """Return D^-1/2 (A + I) D^-1/2, transposed for directed edges: what each node hears, itself included."""
    looped = sparse.csr_array(edges + sparse.eye_array(n_nodes))
    left = sparse.diags_array(1 / np.sqrt(np.asarray(looped.sum(axis=0)).ravel()))
    right = sparse.diags_array(1 / np.sqrt(np.asarray(looped.sum(axis=1)).ravel()))
    return left @ looped.T @ right
'''
        else:
            normalise = '''def normalise(edges):
    """Return D^-1 A^T: the mean over the neighbours of each node."""
    degree = np.asarray(edges.sum(axis=0)).ravel()
    return sparse.diags_array(1 / np.maximum(degree, 1e-12) * (degree > 0)) @ edges.T
'''
        text = f"""
# The encoder sees the training edges only; validation and test edges are held out.
train, val, val_neg, test, test_neg = (data[name] for name in ("train", "val", "val_neg", "test", "test_neg"))
message = read_matrix("message").astype(np.float64)
n_nodes = message.shape[0]


{normalise}

"""
        graph = {"adjacency": "to_tensor(normalise(message))"}
        if self.encoder.features:
            graph["features"] = 'to_tensor(read_matrix("features"))'
        if self.encoder.uses_table:
            graph["every_node"] = "tf.range(n_nodes)"
        text += f"graph = {as_dict(graph)}\n"
        if "x_rec" in self.names:
            text += 'targets_of_x = sparse.csr_array(read_matrix("targets")).toarray().astype(np.float32)\n'
        if "labels" in self.names:
            text += 'labelled = np.flatnonzero(data["label_part"] == 0).astype(np.int32)  # with a training label\n'
        return text

    def network(self) -> str:
        """Return the lines that build the model."""
        n, lines = self.profile.n_nodes, []
        lines.append(f'adjacency = keras.Input(({n},), batch_size={n}, sparse=True, name="adjacency")')
        inputs = {"adjacency": "adjacency"}
        if self.encoder.features:
            columns, kind = input_columns(self.model, self.profile), ", sparse=True" * self.encoder.sparse
            lines.append(f'features = keras.Input(({columns},), batch_size={n}{kind}, name="features")')
            inputs["features"] = "features"
        if self.encoder.uses_table:
            lines.append(f'every_node = keras.Input((), batch_size={n}, dtype="int32", name="every_node")')
            inputs["every_node"] = "every_node"
        if self.training.supervision != "all":
            lines.append('pairs = keras.Input((2,), dtype="int32", name="pairs")')
        lines += ["", *self.encoder.lines, "", *self.latent(), ""]
        outputs = {}
        if self.training.supervision == "all":
            lines += [
                "# The logit of an edge is the inner product of two codes; here all pairs of nodes at once.",
                "logits = ops.matmul(z, ops.transpose(z))",
            ]
        else:
            lines += [
                "# The decoder: two codes make the logit of an edge.",
                *network.pair_decoder(self.spec),
            ]
            inputs["pairs"] = "pairs"
        if "adj_rec" in self.names:
            outputs["adj_rec"] = "logits"
        if "z_vars" in self.names and self.model.variational:
            lines.append(
                "z_vars = ops.concatenate([mean, log_var], axis=1)  # the loss of this output is the divergence"
            )
            outputs["z_vars"] = "z_vars"
        if "x_rec" in self.names:
            lines.append(f'x_rec = keras.layers.Dense({self.profile.n_features}, name="x_rec")(z)')
            outputs["x_rec"] = "x_rec"
        if "labels" in self.names:
            lines.append('nodes = keras.Input((), dtype="int32", name="nodes")')
            classes = f'keras.layers.Dense({self.profile.n_classes}, name="labels")'
            lines.append(f"labels = {classes}(ops.take(z, nodes, axis=0))")
            inputs["nodes"], outputs["labels"] = "nodes", "labels"
        lines.append("")
        lines.append(f"inputs = {as_dict(inputs)}")
        lines.append(f"model = keras.Model(inputs, {as_dict(outputs, before=30)})")
        return "\n".join(lines)

    def batches(self) -> str:
        """Return the lines that draw the pairs of each step."""
        feed = {"adj_rec": "truth"}
        if "z_vars" in self.names and self.model.variational:
            feed["z_vars"] = "tf.zeros((n_nodes, 1))"
        if "x_rec" in self.names:
            feed["x_rec"] = "targets_of_x"
        if "labels" in self.names:
            feed["labels"] = 'data["labels"][labelled][:, None]'
        nodes = ', "nodes": labelled' if "labels" in self.names else ""
        if self.training.supervision == "all":
            inputs = f"{{**graph{nodes}}}" if nodes else "graph"
            return f"""# Every step scores all pairs of nodes in a dense matrix: for graphs of a few thousand nodes.
truth = tf.constant(((message != 0) + sparse.eye_array(n_nodes)).toarray() > 0, tf.float32)
targets_of_all = {as_dict(feed)}
batches = tf.data.Dataset.from_tensors(({inputs}, targets_of_all)).repeat()
steps_per_epoch = 1"""
        size, masked = self.training.batch_size, self.training.masked_edges
        weigh, many = self.spec.learns_weights, self.training.negatives_per_positive
        ratio = f"{many} * " if many > 1 else ""
        text = "# Each step passes messages over the whole graph, and scores training edges and new random non-edges.\n"
        text += f"batch_size = {f'min({size}, len(train))' if size else 'len(train)'}\n"
        text += "steps_per_epoch = -(-len(train) // batch_size)  # rounded up\n\n"
        text += "# Pair (i, j) as one number, i * n_nodes + j: the edges, and each node with itself.\n"
        back = "" if self.profile.directed else "train[:, ::-1] @ [n_nodes, 1], "
        text += f"edge_numbers = np.concatenate([train @ [n_nodes, 1], {back}np.arange(n_nodes) * (n_nodes + 1)])\n"
        text += self.drawing()
        about = "Yield the pairs of each step and their truth: training edges are 1, random non-edges 0."
        if masked:
            about = "Hide edges from the encoder; yield the rest, and as pairs the hidden edges and random non-edges."
        text += f'''

def draw_steps():
    """{about}"""
    while True:
        for chosen in np.split(chance.permutation(len(train)), range(batch_size, len(train), batch_size)):
'''
        if masked:
            text += f"""            chosen = chosen[: max(1, round({masked} * len(chosen)))]
            adjacency = hide(train[chosen])
"""
        text += f"""            others = draw_others({ratio}len(chosen))
            pairs = np.concatenate([train[chosen], others]).astype(np.int32)
"""
        edge = 'data["train_weights"][chosen]' if weigh else "np.ones(len(chosen))"
        text += f"            truth = np.concatenate([{edge}, np.zeros(len(others))])\n"
        first = "adjacency, " if masked else ""
        text += f"            yield {first}pairs, truth[:, None].astype(np.float32)\n\n\n"
        graph = '{**graph, "adjacency": adjacency, ' if masked else "{**graph, "
        spec = "signature = (tf.SparseTensorSpec(message.shape, tf.float32), *signature)\n" if masked else ""
        text += f'''def as_batch({first}pairs, truth):
    """Return inputs and targets by name."""
    inputs = {graph}"pairs": pairs{nodes}}}
    targets = {as_dict(feed, "    ")}
    return inputs, targets


signature = tf.TensorSpec((None, 2), tf.int32), tf.TensorSpec((None, 1), tf.float32)
{spec}batches = tf.data.Dataset.from_generator(draw_steps, output_signature=signature).map(as_batch)'''
        return text

    def drawing(self) -> str:
        """Return the functions that draw non-edges, and hide edges."""
        text = ""
        ends = "chance.integers(n_nodes, size=(count, 2))"
        kind = "random pairs"
        if self.profile.n_first:
            kind = "random pairs across the two sides of the graph"
            ends = "np.column_stack([chance.choice(np.flatnonzero(data['sides'] == side), count) for side in (0, 1)])"
        elif self.training.negatives == "degree":
            text += "degree = np.bincount(train.ravel(), minlength=n_nodes) ** 0.75\n"
            ends = "chance.choice(n_nodes, size=(count, 2), p=degree / degree.sum())"
            kind = "pairs that favour nodes with many edges"
        elif self.training.negatives == "hard":
            text += "neighbours = sparse.csr_array(message + message.T)\n"
            kind = "pairs two steps apart"
        if kind == "pairs two steps apart":
            body = """    start = end = chance.choice(train.ravel(), size=count)  # nodes with many edges more often
    for _ in range(2):
        first, last = neighbours.indptr[end], neighbours.indptr[end + 1]
        end = neighbours.indices[(first + chance.random(count) * (last - first)).astype(int)]
    pairs = np.column_stack([start, end])
"""
        else:
            body = f"    pairs = {ends}\n"
        text += f'''

def draw_others(count):
    """Return about `count` {kind}; edges are left out."""
{body}    return pairs[~np.isin(pairs @ [n_nodes, 1], edge_numbers)]
'''
        if self.training.masked_edges:
            both = "edges" if self.profile.directed else "np.concatenate([edges, edges[:, ::-1]])"
            text += f'''

def hide(edges):
    """Return the normalised adjacency without some of the edges."""
    rows, columns = {both}.T
    hidden = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=message.shape)
    return to_tensor(normalise(message - message.multiply(hidden > 0)))
'''
        return text

    def pair_scores(self) -> str:
        """Return the function that gives logits of pairs."""
        if self.training.supervision == "all":
            return '''encoder = keras.Model(inputs, mean)


def pair_scores(pairs):
    """Return the logit of each pair."""
    codes = encoder(graph, training=False).numpy()
    return np.sum(codes[pairs[:, 0]] * codes[pairs[:, 1]], axis=1)

'''.replace("inputs, mean", "{name: inputs[name] for name in graph}, mean")
        return '''scorer = keras.Model({name: inputs[name] for name in [*graph, "pairs"]}, logits)


def pair_scores(pairs):
    """Return the logit of each pair, encoded from the training edges."""
    return scorer({**graph, "pairs": tf.constant(pairs, tf.int32)}, training=False).numpy().ravel()

'''

    def evaluation(self, final: str) -> str:
        """Return the lines that score the test edges."""
        text = ""
        if self.stacked:
            text = '''# A regression on the validation edges combines the logit with scores that need no training.
order = data["scored_pairs"] @ [n_nodes, 1]
free_names = sorted(name for name in data if name.startswith("score_"))


def columns_of(pairs):
    """Return the network's logit of each pair, and beside it the logarithms of the training-free scores."""
    at = np.searchsorted(order, pairs @ [n_nodes, 1])
    return np.column_stack([pair_scores(pairs), *(np.log1p(np.maximum(data[name][at], 0)) for name in free_names)])


regression = make_pipeline(StandardScaler(), LogisticRegression())
regression.fit(columns_of(np.concatenate([val, val_neg])), np.repeat([1, 0], [len(val), len(val_neg)]))


def final_scores(pairs):
    """Return the combined logit of each pair."""
    return regression.decision_function(columns_of(pairs))


'''
        text += self.report(final)
        if "labels" in self.names:
            text += self.labels_report("logits_of_classes")
            text = text.replace(
                "    classes = logits_of_classes",
                '    heads = keras.Model({name: inputs[name] for name in [*graph, "nodes"]}, labels)\n'
                '    classes = heads({**graph, "nodes": tf.constant(unseen, tf.int32)}, training=False).numpy()',
            )
        return text + "print(json.dumps(results, indent=2, default=float))"
