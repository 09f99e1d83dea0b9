"""The staff side of applications: queue, review, decisions, boards and read-only records."""

from applications.admin import cases, letters, obligations, queue, records, requests

__all__ = ["cases", "letters", "obligations", "queue", "records", "requests"]
