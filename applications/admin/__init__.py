"""The staff side of applications: queue, review, decisions, boards and read-only records."""

from applications.admin import letters, queue, records, requests

__all__ = ["letters", "queue", "records", "requests"]
