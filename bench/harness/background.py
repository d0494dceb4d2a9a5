"""A function that runs while others do."""

import threading

from harness import processes


class Background:
    """Calls a function on a thread of its own."""

    def __init__(self, function):
        self._result = None
        self._error = None
        self._thread = threading.Thread(target=self._run, args=(function,))
        self._thread.start()

    def _run(self, function):
        try:
            self._result = function()
        except processes.BenchError as error:
            self._error = error

    def result(self):
        """Waits for the function's end; raises its BenchError."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result
