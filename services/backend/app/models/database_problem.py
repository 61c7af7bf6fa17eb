"""Why the database cannot be used."""


class DatabaseProblem(Exception):
    """The database cannot be used; the text says why, for people."""


class DatabaseBusy(DatabaseProblem):
    """Somebody else held the database longer than we are willing to wait."""
