// What the clients of files and of blobs by the JavaScript SDK have in common.
"use strict";

const account = process.env.HARNESS_STORAGE_ACCOUNT;

// The account's credential, of the class that an SDK has, and the address of one of its services.
function signIn(Credential, service) {
  const credential = new Credential(account, process.env.HARNESS_STORAGE_KEY);
  return { credential, url: `https://${account}.${service}.core.windows.net` };
}

function tomorrow() {
  return new Date(Date.now() + 24 * 3600 * 1000);
}

// Print how the service refuses a request.
async function refused(what, act) {
  try {
    await act();
    console.log(what, "was let in");
  } catch (error) {
    console.log(what, error.statusCode, error.code);
  }
}

// First exchange content with other clients in the share or container that the command line names.
function play(exchange, own) {
  exchange(process.argv[2])
    .then(own)
    .catch((error) => {
      console.error(error);
      process.exitCode = 1;
    });
}

module.exports = { play, refused, signIn, tomorrow };
