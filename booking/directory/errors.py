"""What is not to be found in the directory."""

from booking.errors import NotFound


class FacilityUnknown(NotFound):
    """No facility has this code."""

    code = "facility_unknown"


class ServiceUnknown(NotFound):
    """The facility, or every facility, has no service of this code."""

    code = "service_unknown"
