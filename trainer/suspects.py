"""Finds labels that are likely wrong.

`python -m trainer.suspects --idx_dir=DIR --out=OUT` trains four networks, asks each about
the quarter of the images that it has not seen, and writes all of these as pictures, with
a table, the least likely labels first, and a page that shows where to look.
"""

import os
import pathlib
import shlex
import tempfile

from absl import flags

from trainer import cli


def _define_flags() -> None:
    # Not at import, where they would clash with the flags of whoever imports this.
    cli.define_device()
    cli.define_folder("look for wrong labels in")
    flags.DEFINE_string(
        "out",
        None,
        "Folder to write to, empty or not there: pictures as of mnist_idx_tfds.unpack, "
        "suspects.csv, which mnist_idx_tfds.pack takes, and suspects.html.",
    )
    flags.DEFINE_integer(
        "seed",
        0,
        "Decides the networks; the same gives the same answers.",
        lower_bound=0,
        upper_bound=2**31 - 1,
    )
    flags.register_validator("idx_dir", bool, "expected a folder of four IDX files")
    flags.register_validator("out", bool, "expected a folder to write to")


def look(
    idx_dir: str,
    out_dir: str,
    seed: int = 0,
    *,
    data_dir: str | None = None,
    transpose: str = "auto",
    device: str = "auto",
) -> None:
    """Looks for wrong labels, printing as it goes; the arguments are the flags.

    Raises:
      TrainerError: the set cannot be shared out, or the machine not used.
      mnist_idx_tfds.idx.IdxError: a file cannot be used, or the folder holds something.
      OSError: a file cannot be written.
      signals.Interrupted: SIGINT or SIGTERM.
    """
    # TFDS, Keras and TensorFlow take seconds to import; the flags are checked by now.
    from trainer.machine import device as devices

    selected = devices.select(device)  # Before others use TensorFlow.
    from mnist_idx_tfds import idx_set, program, unpack, whole_files
    from mnist_idx_tfds.foreign import shown
    from trainer.data import origins, source
    from trainer.errors import TrainerError
    from trainer.quality import suspects
    from trainer.run import folds, lines

    # What can be wrong is found out before what takes long.
    out = pathlib.Path(out_dir).expanduser().resolve()
    unpack.check_out(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    whole_files.check(out.parent / "file")
    builder = source.prepare(data_dir, None, idx_dir, transpose=transpose)
    opened = source.opened(builder) or idx_set.IdxSet(idx_dir, transpose)
    with lines.shown(True):
        answers = folds.answers(builder, [*opened.parts], seed, selected)
    found = origins.items(opened, answers.split, answers.keys)
    places = [place for place in found if place]
    if len(places) < len(found):
        raise TrainerError(
            f"--idx_dir={idx_dir}: expected the files that were there at the beginning, "
            "found others. Run this again."
        )
    sources = {
        (part, item): picture
        for part in opened.parts
        for item, picture in enumerate(opened.pictures(part) or ())
    }
    ranked = suspects.ranked(places, answers.labels, answers.probabilities)
    color = "--color " * (opened.shape[-1] == 3)
    table = shlex.quote(f"{out / suspects.TABLE}")
    pack = f"python -m mnist_idx_tfds.pack {color}{table} NEW_SET"
    with tempfile.TemporaryDirectory(prefix=".suspects-", dir=out.parent) as temporary:
        draft = pathlib.Path(temporary, "draft")
        unpack.unpack(idx_dir, draft, transpose, program.progress)
        count = suspects.write(draft, idx_dir, answers.names, ranked, sources, pack)
        os.replace(draft, out)  # Whole or not at all.
    print(
        f"{count:,} of {len(ranked):,} images are labelled otherwise than networks say "
        f"that have not seen them\n"
        f"page   {shown(out / suspects.PAGE)}\n"
        f"table  {shown(out / suspects.TABLE)}, whose column label is there to be "
        f"mended. To pack it:\n{shown(pack)}"
    )


def main(_: list[str]) -> None:
    """Looks as the flags say."""
    f = flags.FLAGS
    where = {"data_dir": f.data_dir, "transpose": f.transpose, "device": f.device}
    look(f.idx_dir, f.out, f.seed, **where)


if __name__ == "__main__":
    _define_flags()
    cli.run("trainer.suspects", main)
