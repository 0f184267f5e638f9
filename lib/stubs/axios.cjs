// acme-client makes an axios instance when it is loaded, and we send with node:https (core/acme/transport.ts): 265 KB in
// every bundle that nobody calls, mime-db among them.
module.exports = {
  create: () => ({
    defaults: { headers: { common: {} } },
    interceptors: { request: { use() {} }, response: { use() {} } },
  }),
};
