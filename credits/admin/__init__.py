"""Credit in the admin: everything can be read, nothing can be changed."""

from credits.admin import grant, ledger

__all__ = ["grant", "ledger"]
