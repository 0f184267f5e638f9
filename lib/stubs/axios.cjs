// acme-client makes an axios instance when it is loaded. Sealpost sends with node:https instead
// (core/acme/transport.ts), so that axios would be 265 KB of unused code in every bundle.
module.exports = {
  create: () => ({
    defaults: { headers: { common: {} } },
    interceptors: { request: { use() {} }, response: { use() {} } },
  }),
};
