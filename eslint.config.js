import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

// Imports run one way; docs/ARCHITECTURE.md has the picture. What each folder may import; itself goes without saying.
const BASE = ['http', 'database', 'common', 'config'];
const ALLOWED = {
  metrics: ['gateway', 'rollout', 'printer', 'firmware', ...BASE],
  fleet: ['rollout', 'printer', 'firmware', ...BASE],
  gateway: ['rollout', 'printer', ...BASE],
  rollout: ['firmware', 'printer', 'audit', ...BASE],
  health: ['firmware', ...BASE],
  access: ['console', 'firmware', 'audit', ...BASE],
  firmware: ['signing', 'audit', ...BASE],
  signing: ['audit', ...BASE],
  printer: ['audit', ...BASE],
  audit: BASE,
  backup: ['database', 'common', 'config'],
  migrate: ['database', 'common', 'config'],
  console: ['http', 'common', 'config'],
  'simulator-control': ['simulator', 'http', 'common', 'config'],
  simulator: [],
  database: ['common', 'config'],
  http: ['common', 'config'],
  common: ['config'],
  config: [],
};
// The rooms of rollout/, each of which may import those before it.
const ROOMS = ['rules', 'store', 'updates', 'campaign', 'insight', 'http'];
const FRAMEWORKS = ['@nestjs/*', 'typeorm', 'typeorm/*', 'express', 'class-validator', 'class-transformer'];

const NO_CLOCK = {
  selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
  message: 'Time is an argument.',
};

/** Refuses imports by a regular expression for their specifiers. */
function refuse(files, regex, message) {
  return { files, rules: { 'no-restricted-imports': ['error', { patterns: [{ regex, message }] }] } };
}

/** Imports of files at a depth of folders below src/ may lead into these folders of src/ alone. */
function foldersRegex(depth, folder, allowed) {
  const up = '\\.\\./'.repeat(depth);
  const others = Object.keys(ALLOWED).filter((other) => other !== folder && !allowed.includes(other));
  return `^${up}(?:${others.join('|')})/`;
}

/** Rooms that files at a depth of folders below rollout/ may not import. */
function roomsRegex(depth, rooms) {
  return `^${depth === 0 ? '\\./' : '\\.\\./'.repeat(depth)}(?:${rooms.join('|')})/`;
}

const direction = Object.entries(ALLOWED).flatMap(([folder, allowed]) =>
  [1, 2, 3].map((depth) =>
    refuse(
      [`src/${folder}/${'*/'.repeat(depth - 1)}*.{ts,js}`],
      foldersRegex(depth, folder, allowed),
      `${folder}/ imports ${allowed.join(', ') || 'no other folder'}.`,
    ),
  ),
);
// These take the place of the rule above for files in a room: ESLint does not merge them.
const rooms = ROOMS.flatMap((room, index) =>
  [1, 2].map((depth) => {
    const later = ROOMS.slice(index + 1);
    const folders = foldersRegex(depth + 1, 'rollout', ALLOWED.rollout);
    const regex = later.length === 0 ? folders : `${folders}|${roomsRegex(depth, later)}`;
    const files = [`src/rollout/${room}/${'*/'.repeat(depth - 1)}*.ts`];
    return refuse(files, regex, `rollout/${room}/ imports only the rooms before it: ${ROOMS.join(', ')}.`);
  }),
);

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'uploads', 'coverage', 'console/src/api/schema.ts'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/array-type': ['error', { default: 'array-simple' }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      // Modules of Nest are empty classes with a decorator.
      '@typescript-eslint/no-extraneous-class': [
        'error',
        { allowWithDecorator: true, allowStaticOnly: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // Null and undefined are told apart on the wire, and treated alike where both mean "absent".
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      // Entities and DTOs are classes only for their decorators: what goes in and out are plain objects.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      'no-console': 'error',
    },
  },
  {
    files: [
      'src/main.ts',
      'src/access/cli.ts',
      'src/backup/cli.ts',
      'src/migrate/cli.ts',
      'src/signing/cli.ts',
      'src/simulator/cli.ts',
    ],
    rules: { 'no-console': 'off' },
  },
  ...direction,
  ...rooms,
  {
    // Plans are pure, too: they take the time and the rules as arguments, and know of the database only what was loaded.
    files: ['src/rollout/updates/plan/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: FRAMEWORKS, message: 'Plans import no framework.' },
            {
              regex: '^\\.\\./(?!plan/)[^.]',
              message: 'Plans import nothing of the room that carries them out.',
            },
            {
              regex: `^\\.\\./\\.\\./(?:campaign|insight|http)/|${foldersRegex(3, 'rollout', ['printer', 'common'])}`,
              message: 'Plans import rules, what the store declares, printers and common code.',
            },
          ],
        },
      ],
      'no-restricted-syntax': ['error', NO_CLOCK],
    },
  },
  {
    // Rules are pure functions: no framework, no database, no clock.
    files: ['src/rollout/rules/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: FRAMEWORKS, message: 'Rules import no framework.' },
            {
              regex: '^\\.\\./(?!\\.\\./common/(?:bucket|channel|version)\\.js$)',
              message: 'Rules import nothing but each other, buckets, channels and versions.',
            },
          ],
        },
      ],
      'no-restricted-syntax': ['error', NO_CLOCK],
    },
  },
  {
    // The console knows the server by its REST API alone.
    files: ['console/**/*.ts', 'console/**/*.tsx'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['**/../src/**', '@nestjs/*'], message: 'The console imports no server code.' },
          ],
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['**/*.js'],
    languageOptions: { globals: { process: 'readonly' } },
  },
);
