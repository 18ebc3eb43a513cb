"""The paths of pages: below the API's prefixes, but HTML (matrix.md §12, §14)."""

from django.urls import path, re_path

from accounts.matrix import address_proofs
from accounts.matrix.views import links, pages

_LINKS = (
    (address_proofs.REGISTER, links.SubmitTokenView),
    (address_proofs.ADD, links.SubmitTokenView),
    (address_proofs.RESET, links.ResetLinkView),
)
urlpatterns = [
    re_path(r"^_matrix/static/client/login/?\Z", pages.LoginPageView.as_view()),
    re_path(r"^_matrix/static/client/register/?\Z", pages.RegisterPageView.as_view()),
    re_path(r"^_matrix/client/(?:r0|v3|unstable)/auth/(?P<stage>[^/]+)/fallback/web\Z", pages.StageView.as_view()),
    *(path(address_proofs.PATHS[purpose][1:], view.as_view(purpose=purpose)) for purpose, view in _LINKS),
]
