"""Invented answers for rehearsals and the demo world. Nothing here is used for real applications."""
