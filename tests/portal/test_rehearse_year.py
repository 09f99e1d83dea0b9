"""The rehearsed year at its smallest: three months with real processes, and every promise at the end of each."""

import io
import json
from pathlib import Path

import pytest

from portal.rehearsal import scratch, year, year_promises
from portal.rehearsal.world import Options
from programs import presets
from tests import processes
from tests.portal.test_rehearse import write
from tests.sizes import sized


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_year_keeps_its_promises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in scratch.provider_settings().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLOCK_OFFSET_FILE", str(tmp_path / "clock-offset"))
    processes.empty_queue()
    size, months, out = sized(make_test=8, nightly=200), sized(make_test=2, nightly=12), io.StringIO()
    options = Options(
        program="",
        applications=write(tmp_path, size + 2),
        folder=tmp_path,
        limit=size,
        size=size,
        reviewers=4,
        fault_rate=0.3,
        bars=False,
    )

    code = year.rehearse(
        options=options,
        programs=[path.stem for path in presets.shipped()],
        months=months,
        as_json=True,
        out=out,
    )

    found = json.loads(out.getvalue())["months"]
    assert [month["broken"] for month in found] == [[]] * months
    assert code == 0
    assert len(year_promises.PROMISES) == 13
    assert found[-1]["awards"] > 0
    assert found[-1]["posted_cents"] > found[-1]["used_cents"] > 0
