"""The demo world: three programs with people, two evaluations behind them, one under way and one open.

people.py names who is in it, projects.py what they ask, calendar.py when, stories.py what becomes of each application,
build.py lets it happen through the product's own operations, at moments in the past.
"""

from portal.demo_world.people import PEOPLE

__all__ = ["PEOPLE"]
