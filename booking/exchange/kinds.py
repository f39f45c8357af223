"""Enums of the hospital's exports. Values appear in reports and in the database, so they are never renamed."""

from enum import StrEnum


class FileState(StrEnum):
    """What became of a file of a feed."""

    APPLIED = "applied"  # wholly, or its closings only: the report says which
    HELD = "held"  # a guard spoke: nothing applied, staff decide
    QUARANTINED = "quarantined"  # could not be read


class ConflictState(StrEnum):
    """Where a clash between a booking and an export stands."""

    OPEN = "open"
    SETTLED = "settled"  # staff answered
    GONE = "gone"  # the two no longer meet


class ClashKind(StrEnum):
    """What the hospital's software says against a booking of ours."""

    TAKEN = "taken"  # the time is somebody else's
    MOVED = "moved"  # it has this very booking at another time, or with another doctor
    RELEASED = "released"  # it has this very booking, and calls it off
    MISSING = "missing"  # it had this very booking, and its newest snapshot has not


class ConflictAnswer(StrEnum):
    """What staff decided about a clash."""

    KEPT = "kept"  # the visit stands; the hospital is to be told
    MOVED = "moved"
    CANCELLED = "cancelled"
    ASKED = "asked"  # the patient chooses another time behind the link


class OrderKind(StrEnum):
    """What a manager orders about a file of a feed; the scheduler does it."""

    RELEASE = "release"  # apply wholly what a guard holds back
    RESTORE = "restore"  # the state before this file


class OrderState(StrEnum):
    """How far an order is."""

    WAITING = "waiting"
    DONE = "done"
    OBSOLETE = "obsolete"  # a newer file came first


class ServerProblem(StrEnum):
    """Why a hospital's server gave us nothing, or took nothing from us. In the database: only ever added to."""

    NO_SECRET = "no_secret"  # noqa: S105  the file of a password, key or token cannot be read
    NAME_UNKNOWN = "name_unknown"
    ADDRESS_FORBIDDEN = "address_forbidden"  # link-local: no hospital lives there
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    TOO_SLOW = "too_slow"
    BROKEN_OFF = "broken_off"
    HOST_KEY_CHANGED = "host_key_changed"
    HOST_KEY_UNKNOWN = "host_key_unknown"
    NO_COMMON_WAY = "no_common_way"
    LOGIN_REFUSED = "login_refused"
    NO_SUCH_FOLDER = "no_such_folder"
    NOT_ALLOWED = "not_allowed"
    TOO_MANY_FILES = "too_many_files"
    TOO_LARGE = "too_large"
    ODD_ANSWER = "odd_answer"
    NO_SUCH_PAGE = "no_such_page"
    HTTP_STATUS = "http_status"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    CERTIFICATE_OTHER_NAME = "certificate_other_name"
    REDIRECTED = "redirected"
    LENGTH_UNKNOWN = "length_unknown"
    NOT_TIDIED = "not_tidied"  # fetched, and could then not be moved or deleted there
    NO_ROOM_HERE = "no_room_here"  # our own folder cannot be written
    FAILED = "failed"


class AbsenceMeaning(StrEnum):
    """What it says about a time when an export does not list it."""

    BUSY_LIST = "busy_list"  # nothing: a row that is gone keeps closing until a row says otherwise
    FREE_LIST = "free_list"  # it is closed: only what the file offers is open
    CHANGE_FEED = "change_feed"  # nothing: each file tells only what changed since the one before
    FULL_SNAPSHOT = "full_snapshot"  # inside the stated window: a row that is gone closes no more

    @property
    def decides(self) -> bool:
        """Whether inside its stated period a file alone decides."""
        return self in (AbsenceMeaning.FREE_LIST, AbsenceMeaning.FULL_SNAPSHOT)


class SkipReason(StrEnum):
    """Why a sound row applies nothing. Counted, not listed."""

    BLANK = "blank"
    CONTINUATION = "continuation"
    NO_START = "no_start"
    NO_RESOURCE = "no_resource"
    IGNORED_RESOURCE = "ignored_resource"
    UNMAPPED_RESOURCE = "unmapped_resource"
    OTHER_MESSAGE = "other_message"


class RefusalReason(StrEnum):
    """Why a row cannot be used. Listed with its line."""

    WRONG_WIDTH = "wrong_width"
    BAD_START = "bad_start"
    NO_ROW_KEY = "no_row_key"
    BROKEN_MESSAGE = "broken_message"
    NO_SLIP_NUMBER = "no_slip_number"
    BAD_DUE = "bad_due"
    BAD_PERSON = "bad_person"
    NO_PAPER_NUMBER = "no_paper_number"
    PEOPLE_DIFFER = "people_differ"


class NoteReason(StrEnum):
    """What was odd about a row that is used all the same. Listed with its line."""

    BAD_END = "bad_end"
    END_NOT_AFTER_START = "end_not_after_start"
    LONG_ROW = "long_row"
    DUPLICATE_KEY = "duplicate_key"
    OUTSIDE_COVERAGE = "outside_coverage"
    DATES_MIXED = "dates_mixed"
    NO_TABLE_1 = "no_table_1"
    REPEATED_SLIP = "repeated_slip"


class UnreadableReason(StrEnum):
    """Why a whole file cannot be read: nothing of it applies."""

    CANNOT_OPEN = "cannot_open"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_DECODABLE = "not_decodable"
    NO_BYTE_ORDER_MARK = "no_byte_order_mark"
    NUL_BYTE = "nul_byte"
    UNCLOSED_QUOTE = "unclosed_quote"
    BROKEN_QUOTES = "broken_quotes"
    TRUNCATED = "truncated"
    WRONG_DELIMITER = "wrong_delimiter"
    NO_HEADER = "no_header"
    MISSING_COLUMN = "missing_column"
    AMBIGUOUS_COLUMN = "ambiguous_column"
    LINE_TOO_LONG = "line_too_long"
    FIELD_TOO_LONG = "field_too_long"
    TOO_MANY_ROWS = "too_many_rows"
    WRONG_FORMAT = "wrong_format"
    DAMAGED = "damaged"
    CUT_OFF = "cut_off"
    MISSING_SHEET = "missing_sheet"
    NOT_ALL = "not_all"
    NOT_A_FILE = "not_a_file"
    TOOK_TOO_LONG = "took_too_long"
    TOO_MUCH_MEMORY = "too_much_memory"
    READER_FAILED = "reader_failed"
    READER_DIED = "reader_died"
    NOT_CONFINED = "not_confined"
    OWN_ENTITIES = "own_entities"
    OTHER_HOSPITAL = "other_hospital"


class VerdictKind(StrEnum):
    """What may be applied of a file that was read."""

    APPLY = "apply"
    CLOSINGS_ONLY = "closings_only"  # openings wait, earlier closings stay
    HOLD = "hold"  # nothing applies


class GuardReason(StrEnum):
    """Which guard speaks. Those of `HOLDING_GUARDS` hold the whole file, the others let closings through."""

    ROWS_SHRANK = "rows_shrank"
    DAYS_MISSING = "days_missing"
    RESOURCES_MISSING = "resources_missing"
    COVERAGE_SHORT = "coverage_short"
    UNMAPPED_RESOURCES = "unmapped_resources"
    MANY_REFUSED = "many_refused"
    WITHOUT_RESOURCE = "without_resource"
    WITHOUT_START = "without_start"
    BAD_ENDS = "bad_ends"
    CAME_BEFORE = "came_before"
    MANY_OPENINGS = "many_openings"
    NOTHING_READ = "nothing_read"
    OUTSIDE_PERIOD = "outside_period"
    OUTSIDE_HOURS = "outside_hours"
    DATES_SWAPPED = "dates_swapped"
    MANY_CLOSINGS = "many_closings"
    WRITTEN_BEFORE = "written_before"


HOLDING_GUARDS = frozenset({
    GuardReason.NOTHING_READ, GuardReason.OUTSIDE_PERIOD, GuardReason.OUTSIDE_HOURS, GuardReason.WRITTEN_BEFORE,
    GuardReason.MANY_CLOSINGS, GuardReason.DATES_SWAPPED,
})  # fmt: skip
"""The guards after which nothing of a file applies."""
