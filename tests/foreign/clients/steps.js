// Functions that the JavaScript clients of files and blobs share.
"use strict";

const account = process.env.HARNESS_STORAGE_ACCOUNT;

// Return the account's credential, as an instance of the SDK's class, and the URL of one of its services.
function signIn(Credential, service) {
  const credential = new Credential(account, process.env.HARNESS_STORAGE_KEY);
  return { credential, url: `https://${account}.${service}.core.windows.net` };
}

function tomorrow() {
  return new Date(Date.now() + 24 * 3600 * 1000);
}

// Print how the service refuses a request.
async function refused(attempt, act) {
  try {
    await act();
    console.log(attempt, "was accepted");
  } catch (error) {
    console.log(attempt, error.statusCode, error.code);
  }
}

// Exchange content with other clients in the share or container that the command line names, then run ``own``.
function play(exchange, own) {
  exchange(process.argv[2])
    .then(own)
    .catch((error) => {
      console.error(error);
      process.exitCode = 1;
    });
}

module.exports = { play, refused, signIn, tomorrow };
