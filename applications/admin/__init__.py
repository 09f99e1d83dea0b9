"""The staff side of applications: queue, review, decisions, boards and read-only records."""

from applications.admin import cases, letters, obligations, organizations, queue, records, requests, sponsors

__all__ = ["cases", "letters", "obligations", "organizations", "queue", "records", "requests", "sponsors"]
