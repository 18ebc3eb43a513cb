"""The paths of the code door that are asked over HTTP. `/api/token/refresh` is shared: see `idp/urls.py`."""

from django.urls import path

from challenges.otp import demo

urlpatterns = [path("demo/otp/", demo.page)]
