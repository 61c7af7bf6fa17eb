const port = 3000;
module.exports = {
  apps: [
    {
      name: 'api',
      script: './server.js',
      args: '--port 3000 "a b"',
      node_args: '--max-old-space-size=200',
      instances: 2,
      exec_mode: 'cluster',
      watch: ['src'],
      ignore_watch: ['node_modules'],
      max_memory_restart: '300M',
      env: { NODE_ENV: 'development', PORT: port },
      env_production: { NODE_ENV: 'production' },
      kill_timeout: 3000,
    },
    { name: 'worker', script: 'worker.py', autorestart: false, cron_restart: '0 0 * * *' },
  ],
  deploy: { production: {} },
};
