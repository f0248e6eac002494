"""The one exception for what a user of the trainer can mend."""


class TrainerError(ValueError):
    """Something in the command, the data or the machine that the user can change.

    The message is one line that says what was expected, what was found, and what
    to do; the command line prints it without a traceback.
    """
