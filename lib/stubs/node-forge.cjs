// acme-client imports node-forge for its deprecated `acme.forge` only. Sealpost does not call that,
// so that node-forge would be 298 KB of unused code in every bundle.
module.exports = {
  pki: {
    rsa: {
      generateKeyPair() {
        throw new Error('node-forge is left out of the bundle; use acme.crypto');
      },
    },
  },
};
