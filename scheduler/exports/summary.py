"""A report as lines for a terminal."""

from collections.abc import Mapping

from scheduler.exports.report import STATES, Report, local
from scheduler.exports.wording import explain_guard, explain_note, explain_refusal

_EXAMPLES = 20


def summary(report: Report) -> list[str]:
    """What `henkham feed check` prints without `--json`."""
    lines = [
        (
            f"Feed {report.feed} of {report.facility}: {report.read} rows apply;"
            f" {report.closes} close their time, {report.releases} do not; {report.assumed_ends} have no usable end."
        )
    ]
    if report.first_start:
        lines.append(f"First start {local(report.first_start)}, last start {local(report.last_start)}.")
    if report.window:
        lines.append(f"Coverage {local(report.window[0])} to {local(report.window[1])}.")
    lines += _counted("Skipped", report.skipped)
    lines += _counted("Refused", report.refused)
    lines += [f"  {explain_refusal(row)}" for row in report.refused_rows[:_EXAMPLES]]
    lines += _counted("Used, but odd", report.notes)
    lines += [f"  {explain_note(note)}" for note in report.noted_rows[:_EXAMPLES]]
    lines += _counted("Resources the feed does not map", report.unmapped)
    lines += _states(report)
    lines += [f"Taken: {code} {len(spans)} spans of time" for code, spans in report.busy.items()]
    lines.append(f"Verdict: {report.verdict.kind}")
    lines += [f"  {reason}: {explain_guard(reason, facts)}" for reason, facts in report.verdict.reasons]
    return lines


def _states(report: Report) -> list[str]:
    """Every word and what it does, those the feed does not name first: of a first file nothing else tells."""
    if not report.states:
        return []
    unknown = report.closed_by_unknown_state
    told = f"; {unknown} of {report.read} rows close only because the feed does not name their state" if unknown else ""
    listed = sorted(report.states, key=lambda each: each.named)[:STATES]
    return [f"States{told}:", *(f"  {each.line()}" for each in listed)]


def _counted(title: str, counts: Mapping[str, int]) -> list[str]:
    if not counts:
        return []
    listed = ", ".join(f"{name or '(empty)'} {count}" for name, count in counts.items())
    return [f"{title}: {listed}"]
