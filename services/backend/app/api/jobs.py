"""The blueprints of ``/jobs`` and ``/scan``: what is due, and how to change it."""

import logging
from typing import Any

from flask import Blueprint, Response, jsonify, request

from services.backend.app import answers
from services.backend.app.errors import ApiError
from services.backend.app.models.job import Job, Kind, State
from services.backend.app.services.media_root import PathRejected, checked_path

from .filter_query import number_from
from .json_body import json_body
from .wiring import application_of_request

MAX_ID = 2**63 - 1
PER_PAGE = 50
MAX_PER_PAGE = 200

blueprint = Blueprint("jobs", __name__)
log = logging.getLogger("mam.jobs")


@blueprint.get("/jobs")
@blueprint.get("/jobs/")
def list_jobs() -> Response:
    """Return the newest jobs, how many there are of each kind and state, and whether the queue is paused."""
    store = application_of_request().jobs
    limit = number_from(request.args, "limit", default=PER_PAGE, most=MAX_PER_PAGE)
    before = number_from(request.args, "before", default=MAX_ID, most=MAX_ID) if "before" in request.args else None
    jobs = store.page(state=_choice("state", State), kind=_choice("kind", Kind), before=before, limit=limit)
    last = jobs[-1].id if len(jobs) == limit else None
    return jsonify(
        items=[job.to_json() for job in jobs],
        meta={"counts": store.counts(), "paused": store.is_paused(), "next_before": last},
    )


@blueprint.get("/jobs/<int:job_id>")
def read_job(job_id: int) -> Response:
    """Return one job. What was done for an asset is no job any more; the asset shows it."""
    return jsonify(_job(job_id).to_json())


@blueprint.post("/jobs/<int:job_id>/retry")
def retry_job(job_id: int) -> tuple[Response, int]:
    """Queue a failed, cancelled or paused job again."""
    return _changed(job_id, "retry", "it has not failed, and is neither cancelled nor paused")


@blueprint.post("/jobs/<int:job_id>/cancel")
def cancel_job(job_id: int) -> tuple[Response, int]:
    """Let a job not be done; one that runs is given up."""
    return _changed(job_id, "cancel", "it is over")


@blueprint.post("/jobs/<int:job_id>/pause")
def pause_job(job_id: int) -> tuple[Response, int]:
    """Let a job that is queued wait until it is retried."""
    return _changed(job_id, "pause", "it is not queued")


@blueprint.post("/jobs/retry")
def retry_failed() -> tuple[Response, int]:
    """Queue every failed job again."""
    retried = application_of_request().jobs.retry_all_failed()
    log.info("%d failed jobs are queued again", retried)
    return jsonify(answers.Retried(retried=retried)), 202


@blueprint.post("/jobs/pause")
def pause_queue() -> Response:
    """Let nothing new be begun."""
    return _pause(paused=True)


@blueprint.post("/jobs/resume")
def resume_queue() -> Response:
    """Go on."""
    return _pause(paused=False)


@blueprint.post("/scan")
@blueprint.post("/scan/")
def request_scan() -> tuple[Response, int]:
    """Queue a scan of the media folder, or of the folder that the body names; answers 202 with its job."""
    application = application_of_request()
    folder, accept_missing = _scan_of(json_body(request) if request.content_length else {})
    job = application.jobs.request_scan(folder, accept_missing=accept_missing)
    log.info("scan %d is asked for", job.id)
    response = jsonify(job.to_json())
    response.headers["Location"] = f"{application.config.api_prefix}/jobs/{job.id}"
    return response, 202


def _scan_of(body: Any) -> tuple[str, bool]:
    if not isinstance(body, dict) or set(body) - {"folder", "accept_missing"}:
        raise ApiError(400, "only folder and accept_missing can be given")
    folder, accept = body.get("folder", ""), body.get("accept_missing", False)
    if not isinstance(folder, str) or not isinstance(accept, bool):
        raise ApiError(400, "folder must be a string, accept_missing true or false")
    if not folder:
        return "", accept
    try:
        return checked_path(folder.removesuffix("/")), accept
    except PathRejected as error:
        # The path is not repeated: it is not known to be one of ours (C1).
        raise ApiError(400, f"folder cannot be used: {error}") from None


def _changed(job_id: int, verb: str, why_not: str) -> tuple[Response, int]:
    store = application_of_request().jobs
    job = _job(job_id)
    changed: Job | None = getattr(store, verb)(job_id)
    if changed is None:
        raise ApiError(409, f"job {job_id} cannot be changed so: {why_not}", stage=job.state.value)
    log.info("job %d: %s", job_id, verb)
    return jsonify(changed.to_json()), 202


def _job(job_id: int) -> Job:
    job = application_of_request().jobs.get(job_id) if job_id <= MAX_ID else None
    if job is None:
        raise ApiError(404, f"there is no job {job_id}")
    return job


def _pause(*, paused: bool) -> Response:
    application_of_request().jobs.pause_all(paused=paused)
    log.info("the queue is %s", "paused" if paused else "resumed")
    return jsonify(answers.Paused(paused=paused))


def _choice(name: str, allowed: type[State] | type[Kind]) -> Any:
    text = request.args.get(name)
    if text is None:
        return None
    try:
        return allowed(text)
    except ValueError:
        raise ApiError(400, f"{name} must be one of: {', '.join(allowed)}") from None
