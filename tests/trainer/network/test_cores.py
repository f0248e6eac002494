"""A run ends with the same result, up to rounding, on any number of cores."""

import os

import kept_runs
import numpy as np
import processes
import pytest
from idx_files import write_set


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="cores cannot be withheld here"
)
def test_strong_gives_the_same_on_1_3_and_16_cores(tmp_path):
    """Batches of 48 and a last one of 13, changed at random, with dropout; in float32."""
    write_set(tmp_path / "own", train=109, test=37, shape=(12, 10), num_classes=3)
    found = {}
    for cores in (1, 3, 16):
        args = (
            *(f"--idx_dir={tmp_path / 'own'}", f"--data_dir={tmp_path / 'data'}"),
            *("--device=cpu", "--model=strong", "--epochs=2", "--log_every=1"),
            f"--workdir={tmp_path / str(cores)}",
        )
        in_float32 = {"TF_ENABLE_ONEDNN_OPTS": "0"}  # On any CPU.
        result = processes.forked("with_cores", cores, *args, env=in_float32)
        assert (result.returncode, result.stderr) == (0, "")
        assert f"CPU ({cores} core" in result.stdout
        found[cores] = [
            record.get("loss", record.get("test_loss"))
            for record in kept_runs.records(tmp_path / str(cores))
        ]
    for cores in (3, 16):
        np.testing.assert_allclose(found[cores], found[1], rtol=1e-3, err_msg=cores)
