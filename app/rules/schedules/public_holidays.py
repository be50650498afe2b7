"""The public holidays of a country or a region, and extra dates of the user.

They come from the package `holidays`, which takes 70 ms and 10 MB to import, so only schedules with PH import it. One
year of a country takes half a millisecond to compute, and is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from app.rules.schedules.errors import BadSchedule

# Regions of France in ISO 3166-2 that the package does not list, because they have only the nationwide holidays.
_NATIONWIDE: Mapping[str, tuple[str, ...]] = {
    "FR": ("ARA", "BFC", "BRE", "COR", "20R", "CVL", "HDF", "IDF", "NAQ", "NOR", "OCC", "PAC", "PDL")
}


@dataclass(frozen=True, slots=True)
class PublicHolidays:
    """The days that PH stands for."""

    country: str | None = None  # ISO 3166-1
    region: str | None = None  # ISO 3166-2, without the country
    own: frozenset[date] = frozenset()
    _known: dict[int, frozenset[date]] = field(default_factory=dict, compare=False)

    def __contains__(self, day: date) -> bool:
        return day in self.of(day.year)

    def of(self, year: int) -> frozenset[date]:
        """Return the holidays of a year."""
        if year not in self._known:
            official = _official(self.country, self.region, year) if self.country else frozenset()
            self._known[year] = official | {day for day in self.own if day.year == year}
        return self._known[year]


NONE = PublicHolidays()


def find(country: str | None, region: str | None, own: tuple[date, ...]) -> PublicHolidays:
    """Return the holidays of a place. Raises `BadSchedule`."""
    if country is None:
        if region is not None:
            raise BadSchedule("country", f'required with region; write the country that "{region}" is a part of')
        return PublicHolidays(own=frozenset(own))
    _check_country(country)
    if region is not None and region not in _NATIONWIDE.get(country, ()):
        _check_region(country, region)
        return PublicHolidays(country, region, frozenset(own))
    return PublicHolidays(country, own=frozenset(own))


def regions_that_differ(country: str, year: int) -> tuple[str, ...]:
    """Return the regions of a country if each has holidays of its own in that year, else ()."""
    regions = () if country in _NATIONWIDE else tuple(_regions(country))
    nationwide = _official(country, None, year)
    return regions if all(_official(country, region, year) - nationwide for region in regions) else ()


def _official(country: str, region: str | None, year: int) -> frozenset[date]:
    import holidays  # noqa: PLC0415 - 70 ms

    return frozenset(holidays.country_holidays(country, subdiv=region, years=year))


def _countries() -> dict[str, list[str]]:
    import holidays  # noqa: PLC0415

    return {code: parts for code, parts in holidays.list_supported_countries().items() if len(code) == 2}  # noqa: PLR2004


def _regions(country: str) -> list[str]:
    return _countries()[country]


def _check_country(country: str) -> None:
    if country in _countries():
        return
    code, _, region = country.upper().partition("-")
    if region and code in _countries():
        advice = f'country = "{code}", region = "{region}"'
    else:
        advice = f'country = "{_code_of(country)}"' if _code_of(country) else 'a country code such as "US" or "FR"'
    raise BadSchedule("country", f'no holidays are known for "{country}"; write {advice}')


def _code_of(country: str) -> str | None:
    """Return the two-letter code of a country that is given by name or by three letters, or None."""
    from holidays.registry import COUNTRIES  # noqa: PLC0415

    wanted = country.casefold().replace(" ", "_")
    for name, (_, code, *others) in COUNTRIES.items():
        if wanted in (name, code.casefold(), *(other.casefold() for other in others)):
            return code
    return None


def _check_region(country: str, region: str) -> None:
    regions = _regions(country)
    if region in regions:
        return
    if not regions:
        raise BadSchedule("region", f"no region of {country} is known to have holidays of its own; leave region out")
    if meant := _meant(country, region):
        raise BadSchedule("region", f'not a region by its code; write region = "{meant}"')
    known = ", ".join(f'"{one}"' for one in (*regions, *_NATIONWIDE.get(country, ())))
    raise BadSchedule("region", f'no region of {country} is called "{region}"; known: {known}')


def _meant(country: str, region: str) -> str | None:
    """Return the region that is written with its country, in lower case, or by its name, or None."""
    wanted = region.casefold().removeprefix(f"{country.casefold()}-")
    names = _aliases(country)
    spellings = {code: code for code in _NATIONWIDE.get(country, ())}
    spellings |= {spelling: code for code, others in names.items() for spelling in (code, *others)}
    return next((code for spelling, code in spellings.items() if spelling.casefold() == wanted), None)


def _aliases(country: str) -> Mapping[str, list[str]]:
    import holidays  # noqa: PLC0415

    return holidays.country_holidays(country).get_subdivision_aliases()
