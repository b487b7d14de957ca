"""From what a specification names to what Keras is given."""

from vgae_core.catalogue.lookup import head_of
from vgae_core.nn.losses import loss_of
from vgae_core.nn.metrics import keras_metric
from vgae_core.settings.resolved_outputs import looked_up, metric_of


def resolve_loss(identifier, output, columns=0):
    """Return the Keras loss that an identifier stands for."""
    return loss_of(looked_up("loss", identifier, output, columns), output)


def resolve_metric(identifier, output, loss="mean_squared_error", columns=2, name=None):
    """Return the Keras metric that an identifier stands for."""
    metric = metric_of(identifier, output, loss, columns, name)
    return keras_metric(metric, output, head_of(output, loss, columns), columns)
