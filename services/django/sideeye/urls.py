"""The paths of the project, and what answers when none fits."""

from django.urls import include, path

urlpatterns = [path("api/health/", include("sideeye.health.urls"))]

handler400 = "sideeye.answers.bad_request"
handler403 = "sideeye.answers.permission_denied"
handler404 = "sideeye.answers.not_found"
handler500 = "sideeye.answers.server_error"
