"""The paths of the demonstration. The signed-in device comes back to its own from /authorize."""

from django.urls import path

from devicelogin.rendezvous.demo import views

app_name = "qr-demo"
urlpatterns = [
    path("demo/qr/", views.start, name="start"),
    path("demo/qr/new/", views.device, {"role": "new"}, name="new"),
    path("demo/qr/existing/", views.device, {"role": "existing"}, name="existing"),
]
