"""The pages of OAuth: what a person is asked at /authorize and /link (matrix-oauth.md §4, qr-login.md §7.6)."""
