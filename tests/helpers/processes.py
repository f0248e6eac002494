"""Programs as their users run them: in a process, by their output alone."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]


def run(module, *args, path="", cwd=ROOT):
    """Runs `python -m module`, with `path` before this copy of the project."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("TF_CPP_")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(path), str(ROOT)]))
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, args)],
        capture_output=True,
        text=True,
        env=env,
        cwd=cwd,
        check=False,
    )
