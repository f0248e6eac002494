"""`python -m with_cores N ...`: the trainer with so many cores, if the machine has them or not."""

import os
import sys

from mnist_idx_tfds import machine
from trainer import __main__ as program
from trainer import cli

cores = int(sys.argv.pop(1))
if cores == 1:
    os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])
else:
    machine.cores = lambda: cores
cli.run("trainer", program.main)
