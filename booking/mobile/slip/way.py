"""The way there: a plain link that opens the phone's map."""

from urllib.parse import urlencode

from booking.directory.queries import FacilityView

_MAP = "https://www.google.com/maps/search/"
_CITY = "Vũng Tàu"


def map_link(facility: FacilityView) -> str:
    """Coordinates where the facility has them, else its name and address; nothing about the visit or the patient."""
    if facility.latitude is not None and facility.longitude is not None:
        query = f"{facility.latitude:.6f},{facility.longitude:.6f}"
    else:
        parts = [facility.name, facility.address, facility.ward_2025 or facility.ward_2023]
        query = ", ".join([part for part in parts if part] + [_CITY])
    return f"{_MAP}?{urlencode({'api': '1', 'query': query})}"
