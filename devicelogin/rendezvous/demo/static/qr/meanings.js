// What a request is for, in words for those who see the protocol for the first time.

const BOX = /\/rendezvous\/[^/]+$/;

// [method, path, status or what the answer says, meaning]: the first that fits. Empty or null fits everything.
const MEANINGS = [
  ["GET", /\/client\/versions$/, null, "Does the server know signing in by QR code?"],
  ["GET", /\/auth_metadata$/, null, "Where does one sign in here, and in which ways?"],
  ["POST", /\/rendezvous$/, 201, "A box, please."],
  ["POST", /\/rendezvous$/, null, "A box, please: no."],
  ["GET", BOX, 304, "Is there something new in the box? No."],
  ["GET", BOX, 404, "The box is gone."],
  ["GET", BOX, 200, "What is in the box?"],
  ["PUT", BOX, 202, "Into the box, if nobody wrote since I looked."],
  ["PUT", BOX, 412, "Into the box: no, somebody else wrote first."],
  ["DELETE", BOX, null, "The box is not needed any more."],
  ["POST", /\/registration$/, null, "This program says what it is called and what it wants to do."],
  ["GET", /\/authorize\?/, null, "The browser goes to the sign-in page …"],
  ["GET", /\/demo\/qr\/existing\/\?/, null, "… and comes back with a code."],
  ["POST", /\/oauth2\/device$/, 200, "A code for a new device, please."],
  ["GET", /\/link(\?|$)/, null, "The page on which you decide."],
  ["POST", /\/oauth2\/token$/, "authorization_pending", "Has somebody decided? Not yet."],
  ["POST", /\/oauth2\/token$/, "slow_down", "Has somebody decided? Ask less often."],
  ["POST", /\/oauth2\/token$/, "access_denied", "Has somebody decided? Yes: no."],
  ["POST", /\/oauth2\/token$/, "expired_token", "Has somebody decided? It is too late now."],
  ["POST", /\/oauth2\/token$/, 200, "Tokens."],
  ["POST", /\/oauth2\/revoke$/, null, "End this session."],
  ["GET", /\/account\/whoami$/, 401, "Whose token is this? Nobody's any more."],
  ["GET", /\/account\/whoami$/, null, "Whose token is this?"],
  ["GET", /\/devices\/[^/]+$/, 404, "Has the account such a device? No."],
  ["GET", /\/devices\/[^/]+$/, 200, "Has the account such a device? Yes."],
  ["GET", /\/devices$/, null, "Which devices has the account?"],
];

export function meaning({ method, path, status, received }) {
  const fits = (wanted) =>
    wanted === null || wanted === status || (typeof wanted === "string" && received.includes(`"${wanted}"`));
  return MEANINGS.find(([verb, where, answer]) => verb === method && where.test(path) && fits(answer))?.[3] ?? "";
}
