"""``/assets/duplicates`` and ``/stats``: the library seen as a whole."""

from flask import Blueprint, Response, jsonify, request

from services.backend.app import answers
from services.backend.app.models.duplicates import Duplicates
from services.backend.app.models.statistics import statistics_of

from .filter_query import number_from, text_from
from .wiring import application_of_request

blueprint = Blueprint("duplicates", __name__)


@blueprint.get("/assets/duplicates")
def list_duplicates() -> Response:
    """Return groups of assets with the same content; ``next_after`` goes on."""
    limit = number_from(request.args, "limit", default=50, most=100)
    after = text_from(request.args, "after", 64) or ""
    groups, last = Duplicates(application_of_request().database).page(after=after, limit=limit)
    told = [
        answers.Twins(hash=twins.hash, is_certain=twins.is_certain, assets=[asset.to_json() for asset in twins.assets])
        for twins in groups
    ]
    return jsonify(answers.DuplicatePage(groups=told, next_after=last))


@blueprint.get("/stats")
def read_statistics() -> Response:
    """Return how many assets and bytes there are of each type and status."""
    return jsonify(statistics_of(application_of_request().database))
