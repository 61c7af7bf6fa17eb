/**
 * Starts the server and stops it: TERM and INT let answers finish for a second, then exit 0.
 * Exit codes: 0 after a signal, 1 when the port cannot be had, 78 when the configuration cannot work.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';

import { FrontendServer } from './app.js';
import { ConfigError, inUrl, readConfig } from './config.js';

const EXIT_FAILED = 1;
const EXIT_CONFIG = 78;
const GRACE_MS = 1000;

/** @param {number} code  @param {string} message  @param {string} hint  @returns {never} */
function leave(code, message, hint) {
  console.error(`error: ${message}\nhint: ${hint}`);
  process.exit(code);
}

/** @returns {import('./config.js').Config} */
function configOrLeave() {
  try {
    const config = readConfig(process.env);
    if (existsSync(path.join(config.distDir, 'index.html'))) return config;
    throw new ConfigError('the pages are not built', 'run: python -m services.frontend.build');
  } catch (error) {
    if (error instanceof ConfigError) return leave(EXIT_CONFIG, error.message, error.hint);
    throw error;
  }
}

/** @param {FrontendServer} server */
function stopOnSignals(server) {
  let stopping = false;
  const stop = async (/** @type {string} */ signal) => {
    if (stopping) return;
    stopping = true;
    console.log(`${signal}: stopping`);
    await server.close(GRACE_MS);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void stop(signal));
}

const config = configOrLeave();
const server = new FrontendServer(config);
stopOnSignals(server);
try {
  const port = await server.listen();
  console.log(`frontend listens on http://${inUrl(config.host)}:${port}`);
} catch (error) {
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
  const why = code === 'EADDRINUSE' ? 'is taken' : `cannot be opened (${message})`;
  leave(
    EXIT_FAILED,
    `port ${config.port} on ${config.host} ${why}`,
    'set PORT to a free port, or stop its holder',
  );
}
