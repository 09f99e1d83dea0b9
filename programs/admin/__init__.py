"""The staff side of programs: what is offered, when, by which questions, and who works on it."""

from programs.admin import cycle, form_version, people, program, request_form

__all__ = ["cycle", "form_version", "people", "program", "request_form"]
