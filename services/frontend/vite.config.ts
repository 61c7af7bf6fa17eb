import react from '@vitejs/plugin-react';
import type { Plugin, ProxyOptions } from 'vite';
import { defineConfig } from 'vitest/config';

import { readConfig } from './server/config.js';
import { StackHealth } from './server/stack.js';

const config = readConfig(process.env);

/** In development the stack's health is answered by the same code as in production. */
function stackHealth(): Plugin {
  const stack = new StackHealth(config.targets);
  return {
    name: 'stack-health',
    configureServer(server) {
      server.middlewares.use('/api/stack', (_req, res) => {
        void stack.read().then((answer) => {
          res.setHeader('Content-Type', 'application/json');
          res.end(JSON.stringify(answer));
        });
      });
      server.middlewares.use('/api/health', (_req, res) => {
        res.setHeader('Content-Type', 'application/json');
        res.end('{"status":"healthy"}');
      });
    },
  };
}

// The browser's Origin goes through unchanged: the backend's own check stays whole in development.
const toBackend: ProxyOptions = { target: config.backend.origin, changeOrigin: true };

export default defineConfig({
  plugins: [react(), stackHealth()],
  // The style sheets rely on light-dark(), which these browsers brought.
  build: { target: ['chrome123', 'edge123', 'firefox120', 'safari17.5'], assetsInlineLimit: 0 },
  server: {
    host: config.host,
    port: config.port,
    strictPort: true,
    proxy: { '/api/v1': toBackend, '/thumbnails': toBackend, '/ws': { ...toBackend, ws: true } },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/test/setup.ts'],
    restoreMocks: true,
  },
});
