"""The paths of third-party ids (matrix.md §12, §17)."""

from django.urls import re_path

from accounts.matrix import address_proofs
from accounts.matrix.views import threepids

_VIEWS = (
    ("register/email/requestToken", threepids.RequestTokenView.as_view(purpose=address_proofs.REGISTER)),
    ("account/password/email/requestToken", threepids.RequestTokenView.as_view(purpose=address_proofs.RESET)),
    ("account/3pid/email/requestToken", threepids.AddRequestTokenView.as_view()),
    ("(?:register|account/password|account/3pid)/msisdn/requestToken", threepids.NoPhonesView.as_view()),
    ("account/3pid", threepids.AddressesView.as_view()),
    ("account/3pid/add", threepids.AddView.as_view()),
    ("account/3pid/delete", threepids.DeleteView.as_view()),
    ("account/3pid/bind", threepids.BindView.as_view()),
    ("account/3pid/unbind", threepids.UnbindView.as_view()),
)
urlpatterns = [re_path(rf"^_matrix/client/(?:r0|v3|unstable)/{route}\Z", view) for route, view in _VIEWS]
