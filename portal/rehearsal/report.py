"""What a rehearsal says at its end: a table for people, JSON for programs."""

from typing import Any

from credits.money import format_money
from portal.rehearsal.promises import Promise
from portal.rehearsal.world import World


def as_json(world: World, promises: list[Promise]) -> dict[str, Any]:
    """Everything the table shows, and the details of each stage."""
    return {
        "program": world.options.program,
        "evaluation": world.cycle.evaluation_on.isoformat(),
        "seed": world.options.seed,
        "fault_rate": world.options.fault_rate,
        "rows": len(world.table.records),
        "kept": all(promise.kept for promise in promises),
        "stages": [
            {
                "stage": stage.name,
                "count": stage.count,
                "unit": stage.unit,
                "sum_cents": stage.sum_cents,
                "seconds": round(stage.seconds, 2),
                "per_second": round(stage.rate, 1),
                **stage.facts,
            }
            for stage in world.stages
        ],
        "pages": world.pages.by_kind(),
        "seconds": round(sum(stage.seconds for stage in world.stages), 1),
        "peak_memory_mb": {name: round(size / 1_000_000) for name, size in world.memory_bytes.items()},
        "promises": [
            {"promise": promise.name, "kept": promise.kept, "detail": promise.detail} for promise in promises
        ],
    }


def as_text(world: World, promises: list[Promise]) -> str:
    """The stages with count, sum, seconds and rate; refused rows by reason; memory; pages; every promise."""
    currency = world.program.currency
    lines = [
        (
            f"{world.program}, evaluation of {world.cycle.evaluation_on:%-d %B %Y}, {len(world.table.records)} rows, "
            f"seed {world.options.seed}, {world.options.fault_rate:.0%} faults"
        ),
        "",
        f"{'stage':<12} {'count':>7} {'':<13} {'sum':>16} {'seconds':>8} {'per second':>11}",
    ]
    for stage in world.stages:
        money = "" if stage.sum_cents is None else format_money(stage.sum_cents, currency)
        rate = f"{stage.rate:,.0f}" if stage.count > 1 else ""
        lines.append(
            f"{stage.name:<12} {stage.count:>7,} {stage.unit:<13} {money:>16} {stage.seconds:>8.1f} {rate:>11}"
        )
    total = sum(stage.seconds for stage in world.stages)
    memory = ", ".join(f"{name} {size / 1_000_000:.0f} MB" for name, size in world.memory_bytes.items())
    lines += [f"{'all':<12} {'':>7} {'':<13} {'':>16} {total:>8.1f}", "", f"Peak memory: {memory}", ""]
    for stage in world.stages:
        if stage.facts.get("requests"):
            lines.append(
                f"Pages, {stage.name}: {stage.facts['requests']:,} requests, p50 {stage.facts['p50_ms']} ms, "
                f"p95 {stage.facts['p95_ms']} ms"
            )
    if world.pages.kinds:
        lines += ["", f"{'page':<64} {'requests':>8} {'p50 ms':>7} {'p95 ms':>7} {'queries':>8}"]
        lines += [
            f"{name:<64} {kind['requests']:>8,} {kind['p50_ms']:>7} {kind['p95_ms']:>7} {kind['most_queries']:>8}"
            for name, kind in sorted(world.pages.by_kind().items())
        ]
        lines.append("")
    imported = next(stage for stage in world.stages if stage.name == "import")
    if imported.facts["refused"]:
        lines.append(f"Refused rows: {imported.facts['refused']}")
        lines += [f"  {count:>5}  {reason}" for reason, count in imported.facts["reasons"].items()]
        lines.append("")
    width = max(len(promise.name) for promise in promises)
    lines += [
        f"{'pass' if promise.kept else 'FAIL'}  {promise.name:<{width}}  {promise.detail}"
        for promise in promises
    ]
    broken = sum(not promise.kept for promise in promises)
    lines += ["", f"{len(promises)} promises kept." if not broken else f"{broken} promises BROKEN."]
    return "\n".join(lines)
