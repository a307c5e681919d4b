"""Finding out that nothing is left to do."""

import asyncio

from espalier.replay.lull import Lull


def test_it_is_quiet_once_everybody_rests() -> None:
    async def story() -> list[str]:
        lull, heard = Lull(2), []

        async def rest(name: str) -> None:
            await lull.rest(lull.moment)
            heard.append(name)

        async with asyncio.TaskGroup() as group:
            group.create_task(rest("ada"))
            group.create_task(rest("ben"))
            await lull.quiet()
            heard.append("quiet")
            lull.end()
        return heard

    assert asyncio.run(story()) == ["quiet", "ada", "ben"]


def test_who_asked_before_something_happened_does_not_rest() -> None:
    async def story() -> None:
        lull = Lull(1)
        asked_at = lull.moment
        lull.happened()
        await lull.rest(asked_at)

    asyncio.run(story())


def test_what_happens_wakes_those_who_rest_and_they_count_anew() -> None:
    async def story() -> bool:
        lull = Lull(2)
        first = asyncio.create_task(lull.rest(lull.moment))
        await asyncio.sleep(0)
        lull.happened()
        await first
        second = asyncio.create_task(lull.rest(lull.moment))
        quiet = asyncio.create_task(lull.quiet())
        await asyncio.sleep(0)
        too_early = quiet.done()
        third = asyncio.create_task(lull.rest(lull.moment))
        await quiet
        lull.end()
        await asyncio.gather(second, third)
        return too_early

    assert asyncio.run(story()) is False


def test_when_it_is_enough_nobody_waits_for_who_is_still_busy() -> None:
    async def story() -> None:
        lull = Lull(2)
        lull.enough()
        await lull.quiet()
        await lull.quiet()

    asyncio.run(story())
