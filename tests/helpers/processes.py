"""Programs as their users run them: in a process, by their output alone."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]


def start(*args, path="", cwd=ROOT, env=(), **kwargs):
    """Starts Python with arguments such as `-m`, `module`, and so on.

    Args:
      *args: of Python.
      path: a folder to import from before this copy of the project.
      cwd: folder to run in.
      env: variables to set, beside those of this process; TensorFlow's of its log
        are left out.
      **kwargs: as of `subprocess.Popen`.

    Returns:
      The process, with its output as text in pipes.
    """
    variables = {k: v for k, v in os.environ.items() if not k.startswith("TF_CPP_")}
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(path), str(ROOT)]))
    return subprocess.Popen(
        [sys.executable, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=variables | dict(env),
        cwd=cwd,
        **kwargs,
    )


def quick_jax(folder):
    """Returns variables with which processes on JAX spend less time on compiling.

    Args:
      folder: to keep in what one run compiled, which another need not.
    """
    return {
        # To compile well takes longer in tests than what is compiled.
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
        "JAX_COMPILATION_CACHE_DIR": f"{folder / 'compiled'}",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def end(process):
    """Waits for a process and returns its exit code and output, as `run` does."""
    out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def run(module, *args, **kwargs):
    """Runs `python -m module` to its end; keywords are those of `start`."""
    return end(start("-m", module, *args, **kwargs))
