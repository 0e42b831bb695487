const asyncHooks = require('node:async_hooks');
const { register } = require('node:module');
const { fileURLToPath, pathToFileURL } = require('node:url');
const { default: Runtime } = require('jest-runtime');
const { compiledPath } = require('./transform-cache.cjs');

register(pathToFileURL(require.resolve('./typescript-hooks.js')));

// Read by the module that typescript-hooks.js answers with for @jest/globals.
const GLOBALS = Symbol.for('paperminder.jest-globals');
let files = 0;

const BUILT_IN = new Set([
  ...[
    Array,
    BigInt,
    Boolean,
    Date,
    Error,
    Function,
    Map,
    Number,
    Object,
    Promise,
    RegExp,
    Set,
    String,
    Symbol,
  ],
  ...[
    AggregateError,
    EvalError,
    RangeError,
    ReferenceError,
    SyntaxError,
    TypeError,
    URIError,
    WeakMap,
    WeakSet,
  ],
]);

// Jest makes one for every file, and Node visits each that was ever used whenever a promise is made, until it is disabled.
const storages = [];
asyncHooks.AsyncLocalStorage = class extends asyncHooks.AsyncLocalStorage {
  constructor(...options) {
    super(...options);
    storages.push(this);
  }
};

/** Finds the source map that typescript-hooks.js has written for a file, by the address in a stack trace. */
const SOURCE_MAPS = {
  get: (source) =>
    source.startsWith('file:') && /\.ts(?:\?|$)/.test(source)
      ? compiledPath(fileURLToPath(source.split('?')[0])).replace(/js$/, 'map')
      : undefined,
};

/**
 * Runs test files as Node's own modules instead of jest's. Jest loads the framework, the drivers and the server again for every file,
 * in a realm of its own, which takes longer than most files run. Here each worker loads them once; test files and what lies beside them
 * (test/support) are still fresh for every file. So a test must undo what it does to the classes of the server or of a package, and
 * `jest.mock` has no effect.
 */
module.exports = class NativeRuntime extends Runtime {
  constructor(config, environment, ...rest) {
    super(config, environment, ...rest);
    // The assertions still run in jest's realm: what `expect.any(String)` means must be the String of the tests.
    for (const name of Object.getOwnPropertyNames(environment.global))
      if (BUILT_IN.has(globalThis[name])) environment.global[name] = globalThis[name];
  }

  async unstable_importModule(from) {
    globalThis[GLOBALS] = this.requireModuleOrMock(from, '@jest/globals');
    files += 1;
    await import(`${pathToFileURL(from)}?file=${files}`);
  }

  teardown() {
    super.teardown();
    for (const one of storages.splice(0)) one.disable();
  }

  getSourceMaps() {
    return SOURCE_MAPS;
  }
};
