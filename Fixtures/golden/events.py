"""Makes tensorboard.tfevents: the records of a small run, written by TensorBoard's own code. README.md says how."""

import base64
import pathlib

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer import record_writer

# 3×2 pixels, RGB.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAGElEQVR4nGNgYGD4z8DA8J+BiYHhPwQCACv8Bf2EjMVyAAAAAElFTkSuQmCC"
)


def records():
    """The messages in the order in which EventLogTests.swift adds them, a quarter of a second apart."""
    yield {"file_version": "brain.Event:2"}
    yield {"step": 401, "session_log": event_pb2.SessionLog(status=event_pb2.SessionLog.START)}
    for tag, value, step in [
        ("loss/training", 0.1, 0),
        ("loss/training", 0.0, 450),
        ("learning_rate", -1.5e-40, 1 << 40),
        ("größe/δ", float("inf"), 7),
    ]:
        yield {"step": step, "summary": summary_pb2.Summary(value=[{"tag": tag, "simple_value": value}])}
    image = summary_pb2.Summary.Image(height=2, width=3, colorspace=3, encoded_image_string=PNG)
    yield {"step": 500, "summary": summary_pb2.Summary(value=[{"tag": "samples/α", "image": image}])}


if __name__ == "__main__":
    path = pathlib.Path(__file__).with_name("tensorboard.tfevents")
    with path.open("wb") as file:
        writer = record_writer.RecordWriter(file)
        for index, fields in enumerate(records()):
            event = event_pb2.Event(wall_time=1_700_000_000.25 + 0.25 * index, **fields)
            writer.write(event.SerializeToString(deterministic=True))
