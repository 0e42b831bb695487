const { createHash } = require('node:crypto');
const { join, resolve } = require('node:path');

const FOLDER = resolve('node_modules/.cache/paperminder-test');

/** Where the compiled form of a source file is kept; its source map beside it, with the ending `.map`. */
exports.compiledPath = (source) =>
  join(FOLDER, `${createHash('sha256').update(source).digest('hex').slice(0, 32)}.js`);
exports.FOLDER = FOLDER;
