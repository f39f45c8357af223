"""A job that fails grows silent; one that runs well, or runs on, does not."""

from datetime import UTC, datetime, timedelta

from scheduler.soundness import LONG, Soundness

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_a_job_that_fails_is_not_sound_and_one_that_runs_on_is() -> None:
    jobs = Soundness()
    for name in ("well", "fails", "runs on"):
        jobs.expect(name, timedelta(seconds=60))
        jobs.begins(name, NOW)
    jobs.ends("well", NOW, well=True)
    jobs.ends("fails", NOW, well=False)
    assert jobs.known(NOW) == {"well": (60, NOW), "fails": (60, None), "runs on": (60, None)}
    later = NOW + LONG
    assert jobs.known(later) == {"well": (60, NOW), "fails": (60, None), "runs on": (60, later)}
