"""Run a function in several real processes at once, each with its own database connection."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

from django.db import connections

_fork = multiprocessing.get_context("fork")


def together(*works: Callable[[], Any], seconds: float = 60) -> list[Any]:
    """Start one process per function, let them go at the same moment, and return what each returned.

    A process that dies returns its negative signal number; one that raises fails the test.
    """
    connections.close_all()  # a connection shared by two processes would mix their answers
    barrier, answers = _fork.Barrier(len(works)), [_fork.Pipe(duplex=False) for _ in works]
    processes = [
        _fork.Process(target=_run, args=(work, barrier, answer[1]), daemon=True)
        for work, answer in zip(works, answers, strict=True)
    ]
    for process in processes:
        process.start()
    for _, inside in answers:
        inside.close()
    results = [
        _result(process, outside, seconds) for process, (outside, _) in zip(processes, answers, strict=True)
    ]
    problems = [result for result in results if isinstance(result, BaseException)]
    if problems:
        raise problems[0]
    return results


def killed_at(point: str, work: Callable[[], Any]) -> bool:
    """Run the function in a process that dies by kill -9 at a named crash point; whether it got there."""

    def doomed() -> None:
        os.environ["CRASH_AT"] = point
        work()

    return together(doomed) == [-signal.SIGKILL]


def forget_connections() -> None:
    """In a process just forked: leave the connections of the one before alone.

    Where a browser test ran before, Django keeps two sets of them, because Playwright leaves an event loop running: one
    for code inside of a loop, which is what the process before has closed, and one for code outside, where we are now.
    """
    for one in connections.all(initialized_only=True):
        one.connection = None  # psycopg2 does not hang up in another process than the one that called


def _run(work: Callable[[], Any], barrier: Any, answer: Any) -> None:
    forget_connections()
    barrier.wait(60)
    try:
        answer.send(work())
    except BaseException as error:  # noqa: BLE001 - carried to the test
        answer.send(RuntimeError(f"{type(error).__name__}: {error}"))
    finally:
        connections.close_all()


def _result(process: Any, answer: Any, seconds: float) -> Any:
    try:
        result = answer.recv() if answer.poll(seconds) else TimeoutError(f"no answer in {seconds} seconds")
    except EOFError:
        result = None
    answer.close()
    process.join(10)
    if process.is_alive():
        process.kill()
        process.join()
    return result if process.exitcode == 0 else process.exitcode
