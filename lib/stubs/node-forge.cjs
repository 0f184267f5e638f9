// acme-client carries node-forge for its deprecated `acme.forge` alone: 298 KB in every bundle that nobody calls.
module.exports = {
  pki: {
    rsa: {
      generateKeyPair() {
        throw new Error('node-forge is left out of the bundle; use acme.crypto');
      },
    },
  },
};
