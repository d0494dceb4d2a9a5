"""Tables of rows as test cases: each row becomes a test method, so it is counted."""

import re


def cases(rows):
    """Class decorator: adds a test for each row (name, ...) that calls
    self.check(...) with the rest of the row."""

    def decorate(cls):
        for row in rows:
            name = "test_" + re.sub(r"\W+", "_", row[0]).strip("_")
            if hasattr(cls, name):
                raise ValueError(f"two rows are named {row[0]}")

            def method(self, row=row):
                self.check(*row[1:])

            method.__name__ = name
            method.__doc__ = row[0]
            setattr(cls, name, method)
        return cls

    return decorate
