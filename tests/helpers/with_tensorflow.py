"""What takes long to import, as the trainer imports it: see `processes.run`."""

import os
import sys

from absl import app

# As `trainer.machine.device` has it: of these nothing here is called.
HIDDEN = ("jax", "matplotlib", "pandas", "sklearn")

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
stderr = os.dup(2)
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
sys.modules.update(dict.fromkeys(HIDDEN))
import keras  # noqa: E402, F401
import tensorflow as tf  # noqa: E402, F401

for name in HIDDEN:
    del sys.modules[name]
os.dup2(stderr, 2)
# TensorFlow's looks for GPUs as a program begins, where it was imported before that.
app._init_callbacks.clear()
