/** @type {import('jest').Config} */
export default {
  rootDir: '.',
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.spec.ts', '<rootDir>/test/**/*.e2e-spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/postgres/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // Compiles the sources, too.
  runtime: '<rootDir>/test/support/jest/native-runtime.cjs',
  transform: {},
  testTimeout: 30_000,
  // Two of them work while the others wait for a time limit to pass.
  maxWorkers: 4,
  reporters: ['default', '<rootDir>/test/support/closing-line.js'],
};
