"""`GET /api/health/`: exactly the four keys that the service's manager expects, and more only in trouble."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from sideeye import __version__
from sideeye.answers import method_not_allowed, timestamp
from sideeye.health.database import database_problem

SERVICE = "SideEye Django Backend"
ALLOWED = ("GET", "HEAD")


@csrf_exempt
@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the service can do its work, else 503 with `checks`."""
    if request.method not in ALLOWED:
        return method_not_allowed(request, ALLOWED)
    problem = database_problem()
    if problem is None:
        return JsonResponse(_body("healthy"))
    check = {"status": "fail", "componentType": "datastore", "output": problem}
    return JsonResponse(_body("unhealthy") | {"checks": {"database": [check]}}, status=503)


@csrf_exempt
@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the process works; looks at nothing outside it, so it tells when a restart helps."""
    if request.method not in ALLOWED:
        return method_not_allowed(request, ALLOWED)
    return JsonResponse(_body("healthy"))


def _body(status: str) -> dict[str, Any]:
    return {"status": status, "service": SERVICE, "version": __version__, "timestamp": timestamp()}
