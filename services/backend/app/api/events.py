"""The blueprint of ``/events``: what a client missed, for those who do not resume over the WebSocket."""

from flask import Blueprint, Response, jsonify, request

from services.backend.app import answers
from services.backend.app.errors import ApiError
from services.backend.app.models.event_log import EventLog

from .filter_query import number_from
from .wiring import application_of_request

MAX_LIMIT = 1000
MAX_SEQ = 2**53

blueprint = Blueprint("events", __name__)


@blueprint.get("")
@blueprint.get("/")
def list_events() -> Response:
    """Return the events after ``since``; 410 when some of them are no longer there: fetch everything anew then."""
    since = number_from(request.args, "since", default=0, least=0, most=MAX_SEQ)
    limit = number_from(request.args, "limit", default=500, most=MAX_LIMIT)
    events, extent = EventLog(application_of_request().database).since(since, limit)
    if request.args.get("epoch", extent.epoch) != extent.epoch:
        raise ApiError(410, "these numbers are of another epoch; fetch everything anew", latest=extent.latest)
    if not extent.can_follow(since):
        raise ApiError(
            410, "not everything after this number is there; fetch anew", latest=extent.latest, oldest=extent.oldest
        )
    told = [event.to_json() for event in events]
    return jsonify(answers.EventPage(events=told, latest=extent.latest, oldest=extent.oldest, epoch=extent.epoch))
