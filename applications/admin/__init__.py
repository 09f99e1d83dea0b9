"""The staff side of applications: queue, review, decisions, boards and read-only records."""

from applications.admin import cases, letters, queue, records, requests

__all__ = ["cases", "letters", "queue", "records", "requests"]
