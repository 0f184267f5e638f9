// The runtime inside a function's process, in the place of Lambda's /var/runtime for Node 24. It
// asks the Runtime API for an invocation, calls the handler, answers, and asks again. This is plain
// JavaScript, because Node starts it without a build. Its answers are those of AWS's own client,
// aws-lambda-ric 4.0.2 (docs/decisions/0043). Neither handles a rejection that nobody awaits: Node
// then ends the process.
import { existsSync } from 'node:fs';
import http from 'node:http';
import { createRequire, enableCompileCache, flushCompileCache, registerHooks } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { format } from 'node:util';

const environment = process.env;
const taskRoot = path.resolve(environment.LAMBDA_TASK_ROOT);
const hasPackage = existsSync(path.join(taskRoot, 'package.json'));
const [host, port] = environment.AWS_LAMBDA_RUNTIME_API.split(':');
// Lambda has no such variable, and the function's code does not see it.
const secret = environment.STAND_IN_SECRET;
delete environment.STAND_IN_SECRET;
// One socket is enough for one invocation at a time.
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const CALLBACK =
  'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. ' +
  'You need to modify this function to use a supported handler signature to use Node.js 24 or later.';
let requestId;
// Compiled code is kept for the function's next process. It saves a quarter of a start's processor
// time.
enableCompileCache(process.argv[2]);

function api(method, resource, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host,
        port,
        agent,
        method,
        path: `/2018-06-01/runtime/${resource}`,
        headers: { 'content-type': 'application/json', 'stand-in-secret': secret, ...headers },
      },
      response => {
        const chunks = [];
        response.on('data', chunk => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/**
 * On Lambda, nothing lies above the task root: no package.json with a "type", and no node_modules
 * to fall back on.
 */
function isolateTaskRoot() {
  const inside = file => file.startsWith(taskRoot + path.sep);
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      if (found.url.startsWith('file:') && !inside(fileURLToPath(found.url))) {
        const missing = named(
          'Runtime.ImportModuleError',
          `Cannot find module '${specifier}': it is not in the function's bundle`,
        );
        throw Object.assign(missing, { code: 'MODULE_NOT_FOUND' });
      }
      return found;
    },
    load(url, context, next) {
      if (!url.endsWith('.js') || hasPackage) return next(url, context);
      return next(url, { ...context, format: 'commonjs' });
    },
  });
}

async function loadHandler() {
  const name = environment._HANDLER;
  const dot = name.lastIndexOf('.');
  const file = ['.js', '.mjs', '.cjs'].map(end => path.join(taskRoot, name.slice(0, dot) + end)).find(existsSync);
  if (!file) throw named('Runtime.ImportModuleError', `Error: Cannot find module '${name.slice(0, dot)}'`);
  const isModule = file.endsWith('.mjs') || (file.endsWith('.js') && hasPackage);
  const module = isModule ? await import(pathToFileURL(file).href) : createRequire(file)(file);
  const handler = module[name.slice(dot + 1)] ?? module.default?.[name.slice(dot + 1)];
  if (typeof handler !== 'function') throw named('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  if (handler.length > 2) throw named('Runtime.CallbackHandlerDeprecated', CALLBACK);
  return handler;
}

function asJson(value) {
  try {
    return JSON.stringify(value ?? null);
  } catch {
    throw named('Runtime.JSONStringifyError', 'Unable to stringify response body');
  }
}

function named(name, message) {
  return Object.assign(new Error(message), { name });
}

function describe(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
}

/** Lambda's console: each call is one record with time, request and level. */
function replaceConsole() {
  for (const [method, level] of Object.entries({
    trace: 'TRACE',
    debug: 'DEBUG',
    log: 'INFO',
    info: 'INFO',
    warn: 'WARN',
    error: 'ERROR',
  })) {
    console[method] = (...values) => {
      const record = `${new Date().toISOString()}\t${requestId}\t${level}\t${format(...values)}`;
      // A line break inside a record travels as a carriage return, as on Lambda. The log restores
      // it.
      process.stdout.write(`${record.replaceAll('\n', '\r')}\n`);
    };
  }
}

function contextOf(headers) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return {
    functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: environment.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    awsRequestId: requestId,
    logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
    xRayTraceId: headers['lambda-runtime-trace-id'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

function reportError(error) {
  const described = describe(error);
  const { message, name, stack, ...fields } = error instanceof Error ? error : {};
  console.error(
    'Invoke Error',
    JSON.stringify({
      errorType: described.errorType,
      errorMessage: described.errorMessage,
      ...fields,
      stack: described.trace,
    }),
  );
  return api('POST', `invocation/${requestId}/error`, JSON.stringify(described), {
    'lambda-runtime-function-error-type': described.errorType.replace(/[^\x20-\x7e]/g, '?'),
  });
}

async function serve() {
  let handler;
  try {
    isolateTaskRoot();
    replaceConsole();
    handler = await loadHandler();
  } catch (error) {
    console.error(error);
    await api('POST', 'init/error', JSON.stringify(describe(error)));
    process.exit(1);
  }
  for (let invocations = 0; ; invocations++) {
    // The cache is written after the first invocation, so that it includes what the invocation
    // compiled. The process may be killed at any time.
    if (invocations === 1) flushCompileCache();
    const next = await api('GET', 'invocation/next');
    requestId = next.headers['lambda-runtime-aws-request-id'];
    environment._X_AMZN_TRACE_ID = next.headers['lambda-runtime-trace-id'];
    let result;
    try {
      result = asJson(await handler(JSON.parse(next.body), contextOf(next.headers)));
    } catch (error) {
      await reportError(error);
      continue;
    }
    await api('POST', `invocation/${requestId}/response`, result);
  }
}

// The Runtime API is gone only when the stand-in is, so nothing is left to do.
serve().catch(() => process.exit(1));
