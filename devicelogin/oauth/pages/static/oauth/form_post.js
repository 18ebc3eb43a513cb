// Sends the answer on to the program that asked (OAuth 2.0 Form Post Response Mode).
"use strict";

document.getElementById("answer").submit();
