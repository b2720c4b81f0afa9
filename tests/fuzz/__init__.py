"""Bad input for every door of intake, and for the pure functions behind them."""

from tests.fuzz.doors import Difficulties, Door, Lines, Requests, Reviews, Submissions
from tests.fuzz.files import Tables, Workbooks
from tests.fuzz.pure import Function, Json, Reading, Rules
from tests.fuzz.queries import Queries

DOORS: dict[str, type[Door]] = {
    door.name: door for door in (Submissions, Lines, Requests, Workbooks, Tables, Difficulties, Reviews, Queries)
}
FUNCTIONS: dict[str, type[Function]] = {function.name: function for function in (Rules, Json, Reading)}
