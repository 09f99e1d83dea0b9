"""A dry run of one whole evaluation: real programs, real texts, real processes, in a database that is thrown away.

scratch.py makes the throw-away servers, world.py holds what the stages share, stages.py plays the month from the import
to the posted credit, promises.py checks what must hold afterwards, report.py prints it.
"""
