"""What ends the trainer's programs with one line and an exit code."""


class TrainerError(ValueError):
    """Something in the command, the data or the machine that the user can change.

    The message is one line that says what was expected, what was found, and what
    to do; the command line prints it without a traceback.

    Attributes:
      exit_code: of the program.
    """

    exit_code = 1


class TargetMissedError(TrainerError):
    """A run ended below the accuracy that was asked for."""

    exit_code = 3


class NotFiniteError(TrainerError):
    """The loss became infinite or not a number."""

    exit_code = 4
