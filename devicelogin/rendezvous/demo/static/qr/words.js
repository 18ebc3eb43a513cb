// Why a login ended, in words: what happened, and what to do.

const WORDS = {
  gone: ["The box is gone", "The other device cancelled, or the box was older than it may get. Nobody was signed in."],
  cancelled: ["Cancelled", "You cancelled here. The other device was told."],
  taken: [
    "Somebody else was first",
    "This code has been scanned already. If that was not you, somebody saw it: show a new one.",
  ],
  same_role: [
    "Two devices of the same kind",
    "This code is from a window that plays the same device as this one. Scan the other window's.",
  ],
  elsewhere: ["Another server", "That device belongs to a server this page does not speak to."],
  not_secure: [
    "The channel is not safe",
    "What came was not made with the keys of this code. Nothing was sent, and nobody was signed in.",
  ],
  wrong_check_code: [
    "The digits differ",
    "Then the other end of this channel is perhaps not your device, but somebody who scanned the code before you. " +
      "Nothing was sent, and the box is deleted.",
  ],
  declined: [
    "Deny was chosen",
    "On the approval page you said no, or the account has a device of this name already. The new device got nothing.",
  ],
  may_not_create: [
    "No box for devices that are not signed in",
    "The server lets only signed-in devices ask for a box. Let the other window show the code.",
  ],
  no_rendezvous: ["No box", "The server did not make one."],
  authorization_expired: [
    "Too late",
    "Nobody decided on the approval page before the code of the new device was over.",
  ],
  device_already_exists: [
    "There is such a device already",
    "The account has a device of this id; its keys would be lost.",
  ],
  device_not_found: [
    "It is not there",
    "The new device said that it is signed in, but the account has no such device. It gets no keys.",
  ],
  unable_to_open_verification_uri: [
    "An address of somewhere else",
    "The address for the approval is not one of this server, so it was not opened.",
  ],
  unexpected_message_received: ["Not what was expected", "The other device said something that does not belong here."],
  unsupported_protocol: ["No common way", "The two devices know no way to sign in that both understand."],
  not_signed_in: ["Not signed in", "The server did not accept the sign-in of this window. Sign in again."],
  not_registered: ["Not registered", "The server did not take this program's registration."],
  no_device_code: ["No code for the new device", "The server did not give one."],
  no_tokens: ["No tokens", "The server no longer knows the new device's code."],
  unreachable: ["No answer", "The server could not be reached."],
  signed_out: [
    "Signed out",
    "The server has ended the session and forgotten the device. Its tokens open nothing any more.",
  ],
};
const THEIRS = {
  user_cancelled: ["The other device cancelled", "Nobody was signed in."],
  authorization_expired: WORDS.authorization_expired,
  device_already_exists: WORDS.device_already_exists,
  device_not_found: [
    "The other device did not find this one",
    "It looked among the devices of the account for ten seconds, and sent no keys.",
  ],
  unable_to_open_verification_uri: ["The other device could not open the approval page", "Nobody was signed in."],
};

// {title, text, detail} for what was thrown.
export function inWords(error) {
  const [title, text] = known(error) ?? ["Something went wrong", "This is a fault of this page."];
  const detail = error.message === error.reason ? "" : error.message;
  return { title, text, detail: error.reason === "theirs" && THEIRS[error.message] ? "" : detail };
}

function known({ reason, message }) {
  if (reason === "theirs")
    return THEIRS[message] ?? ["The other device gave up", "It says why in a word of the protocol."];
  return WORDS[reason];
}
