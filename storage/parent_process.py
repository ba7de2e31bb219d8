"""A process that was started for another ends with it: nobody else ends what a killed process has started."""

import multiprocessing
import os
import threading


def end_with_parent() -> None:
    """Watches, in a thread of its own, the process for which `multiprocessing` started this one; in one that it did not
    start there is none to watch. What was being done is lost as by a kill."""
    if (parent := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent) -> None:
    parent.join()
    os._exit(1)
