"""Programs as their users run them: in a process, by their output alone."""

import functools
import multiprocessing
import os
import pathlib
import re
import runpy
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
# What TensorFlow and Keras read as they are imported.
_OF_IMPORTS = re.compile("(CUDA|JAX|KERAS|PYTHON|TF|XLA)_")


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
    return subprocess.Popen(
        [sys.executable, *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_variables(path) | dict(env),
        cwd=cwd,
        **kwargs,
    )


def _variables(path=""):
    variables = {k: v for k, v in os.environ.items() if not k.startswith("TF_CPP_")}
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, [str(path), str(ROOT)]))
    return variables


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


def run(module, *args, cwd=ROOT, env=(), **kwargs):
    """Runs `python -m module` to its end; keywords are those of `start`.

    The trainer's programs begin as forks of a process that has imported TensorFlow,
    which takes seconds, where nothing says that it is to be another one.
    """
    is_usual = (
        module.startswith("trainer")
        and os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow"
        and os.environ.get("CUDA_VISIBLE_DEVICES") == "-1"  # As conftest has it.
        and not any(map(_OF_IMPORTS.match, dict(env)))
    )
    if is_usual and not kwargs:
        return forked(module, *args, cwd=cwd, env=env)
    return end(start("-m", module, *args, cwd=cwd, env=env, **kwargs))


def forked(module, *args, cwd=ROOT, env=()):
    """Runs `python -m module` as a fork of a process that has imported TensorFlow."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder, name) for name in ("out", "err")]
        process = _server().Process(
            target=_be,
            args=(module, [*map(str, args)], cwd, _variables() | dict(env), paths),
        )
        process.start()
        process.join()
        said = (path.read_text() for path in paths)
        return subprocess.CompletedProcess((module, *args), process.exitcode, *said)


@functools.cache
def _server():
    """Returns what makes forks of a process that has imported TensorFlow."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["with_tensorflow"])
    return context


def _be(module, args, cwd, variables, paths):
    """Is `python -m module` from here on."""
    for number, path in enumerate(paths, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(cwd)
    sys.path.insert(0, str(ROOT))
    sys.argv = [module, *args]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
