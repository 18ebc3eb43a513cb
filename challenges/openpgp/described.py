"""The door in OpenAPI's terms. The views themselves use none of this."""

from typing import Any

from rest_framework import serializers

BEARER: Any = [{"bearer": []}]  # the security of a call that takes a token; drf-spectacular's own type is too narrow


class Message(serializers.Serializer):
    """What happened, or why it did not."""

    message = serializers.CharField()


class NewUser(serializers.Serializer):
    """A registration."""

    username = serializers.CharField(help_text="1 to 64 of a-z 0-9 . _ + -, not only digits; capitals are folded.")
    publicKey = serializers.CharField(help_text="Armored; served as uploaded.")  # noqa: N815  # the protocol's name
    registrationToken = serializers.CharField(required=False, help_text="Where the server asks for one.")  # noqa: N815


class Person(serializers.Serializer):
    """An entry of the directory."""

    username = serializers.CharField()
    fingerprint = serializers.CharField(help_text="Lower-case hex.")
    publicKey = serializers.CharField(help_text="Armored, as uploaded.")  # noqa: N815


class SignedRequest(serializers.Serializer):
    """A proof."""

    signature = serializers.CharField(help_text="An armored cleartext message.")


class SignedKey(SignedRequest):
    """A proof and a key."""

    publicKey = serializers.CharField(help_text="Armored.")  # noqa: N815


class SessionToken(serializers.Serializer):
    """A challenge, good for 8 minutes and one use."""

    sessionToken = serializers.CharField()  # noqa: N815


class Key(serializers.Serializer):
    """A key that opens the account."""

    fingerprint = serializers.CharField()
    publicKey = serializers.CharField()  # noqa: N815
    algorithm = serializers.CharField()
    bits = serializers.IntegerField(allow_null=True)
    isPublished = serializers.BooleanField(help_text="Whether the directory serves it: one of them.")  # noqa: N815
    createdAt = serializers.DateTimeField()  # noqa: N815
    expiresAt = serializers.DateTimeField(allow_null=True, help_text="null: never.")  # noqa: N815


class Keys(serializers.Serializer):
    """The keys of an account."""

    keys = Key(many=True)
