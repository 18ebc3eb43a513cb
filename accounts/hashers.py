"""The password hash: Argon2id with 19 MiB, t=2, p=1 (R5; architecture.md §5)."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2id(Argon2PasswordHasher):
    """Django's Argon2 hasher with the parameters of R5; older parameters verify and are rehashed."""

    time_cost = 2
    memory_cost = 19_456  # KiB
    parallelism = 1
