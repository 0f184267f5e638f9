/** CommonJS has no import.meta.url. esbuild puts this value in its place. */
export const here = require('node:url').pathToFileURL(__filename).href;
