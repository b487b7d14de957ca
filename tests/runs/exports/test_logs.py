"""Logs of a run: read back by TensorFlow and equal to Keras' own CSV log."""

from __future__ import annotations

import csv

import keras
import pytest
import tensorflow as tf

from tests.graphs import communities
from tests.runs.made import make_events
from vgae_core.cli import main
from vgae_core.runs.execution.pipeline import execute
from vgae_core.runs.exports.logs import csv_log, tensorboard_log
from vgae_core.runs.store.folder import write_run_dir
from vgae_core.settings import RunSpec


def test_the_csv_log_is_that_of_keras_and_the_command_line_writes_both(tmp_path):
    graph, events = communities(), []
    spec = RunSpec().replace("training.epochs", 4)
    theirs = keras.callbacks.CSVLogger(tmp_path / "keras.csv")
    result = execute(spec, graph, on_event=events.append, callbacks=[theirs])
    write_run_dir(tmp_path / "run", spec, graph, result, events)
    for suffix in ("csv", "tfevents"):
        to = tmp_path / f"log.{suffix}"
        assert main(["export", str(tmp_path / "run"), "--what", "log", "--to", str(to)]) == 0
    ours = list(csv.DictReader((tmp_path / "log.csv").open()))
    wanted = list(csv.DictReader((tmp_path / "keras.csv").open()))
    assert len(ours) == len(wanted) == 4
    for row, other in zip(ours, wanted, strict=True):
        for key in (
            key for key, value in other.items() if value != "NA"
        ):  # Keras leaves room for val_ columns
            value = other[key]
            assert float(row[key]) == pytest.approx(float(value), rel=1e-6)
        assert {"val_roc_auc", "val_average_precision"} <= set(row)
    assert main(["export", str(tmp_path / "run"), "--what", "log", "--to", str(tmp_path / "x.txt")]) == 2


def test_tensorflow_reads_the_tensorboard_log_back(tmp_path):
    events = make_events(3)
    path = tmp_path / "run.tfevents"
    path.write_bytes(tensorboard_log(events))
    read = [tf.compat.v1.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]
    assert read[0].file_version == "brain.Event:2"
    for event, record in zip(events[2:], read[1:], strict=True):
        assert record.step == event.epoch - 1
        told = {value.tag: value.simple_value for value in record.summary.value}
        assert told["epoch_loss"] == pytest.approx(event.logs["loss"])
        assert told["epoch_val_roc_auc"] == pytest.approx(event.val["roc_auc"])
    assert [round(record.wall_time, 3) for record in read[1:]] == [2.1, 2.2, 2.3]


def test_a_run_without_epochs_has_an_empty_log():
    assert csv_log([]) == b"epoch\n"
    assert tensorboard_log([])
