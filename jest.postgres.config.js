import sqlite from './jest.config.js';

/**
 * The tests over HTTP and WebSockets once more, on PostgreSQL. Left out is what has no database, what looks at an SQLite file, and what
 * drives a browser or a process of its own.
 *
 * @type {import('jest').Config}
 */
export default {
  ...sqlite,
  testMatch: ['<rootDir>/test/**/*.e2e-spec.ts', '<rootDir>/test/database.spec.ts'],
  testPathIgnorePatterns: [
    '/node_modules/',
    '/test/console',
    '/test/faults/(backup|database|kill|one-machine|stop)',
    '/test/(openapi|openapi-tools|process|query-plans|simulator|simulator-control|upgrade)\\.',
  ],
  globalSetup: '<rootDir>/test/support/jest/start-postgres.js',
  globalTeardown: '<rootDir>/test/support/jest/stop-postgres.js',
};
