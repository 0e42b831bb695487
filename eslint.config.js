import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

// Imports run one way: gateway -> rollout -> { firmware, printer } -> { database, common, config }. A folder that
// stands in a list may not be imported from the folder that the list belongs to. docs/ARCHITECTURE.md has the picture.
const FORBIDDEN = {
  gateway: ['access', 'metrics', 'http', 'firmware', 'health', 'simulator'],
  rollout: ['access', 'metrics', 'http', 'gateway', 'health', 'simulator'],
  firmware: ['access', 'metrics', 'http', 'gateway', 'rollout', 'printer', 'health', 'simulator'],
  printer: ['access', 'metrics', 'http', 'gateway', 'rollout', 'firmware', 'health', 'simulator'],
  health: ['access', 'metrics', 'http', 'gateway', 'rollout', 'printer', 'simulator'],
  database: ['access', 'metrics', 'http', 'gateway', 'rollout', 'firmware', 'printer', 'health', 'simulator'],
  config: [
    'access',
    'http',
    'metrics',
    'gateway',
    'rollout',
    'firmware',
    'printer',
    'database',
    'common',
    'health',
    'simulator',
  ],
  common: [
    'access',
    'metrics',
    'http',
    'gateway',
    'rollout',
    'firmware',
    'printer',
    'database',
    'health',
    'simulator',
  ],
  simulator: [
    'access',
    'http',
    'metrics',
    'gateway',
    'rollout',
    'firmware',
    'printer',
    'database',
    'common',
    'config',
    'health',
  ],
  access: ['gateway', 'rollout', 'firmware', 'printer', 'health', 'http', 'metrics', 'simulator'],
  metrics: ['access', 'firmware', 'health', 'http', 'simulator'],
  http: ['access', 'gateway', 'rollout', 'firmware', 'printer', 'database', 'health', 'simulator'],
};
const FRAMEWORKS = ['@nestjs/*', 'typeorm', 'typeorm/*', 'express', 'class-validator', 'class-transformer'];

const direction = Object.entries(FORBIDDEN).map(([folder, others]) => ({
  files: [`src/${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            group: others.map((other) => `**/${other}/**`),
            message: `${folder} does not import these folders.`,
          },
        ],
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'uploads', 'coverage'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
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
    files: ['src/main.ts', 'src/access/cli.ts', 'src/simulator/cli.ts'],
    rules: { 'no-console': 'off' },
  },
  ...direction,
  {
    // The rules of the domain are pure functions: no framework, no database, no clock.
    files: ['src/rollout/domain/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: FRAMEWORKS, message: 'The domain imports no framework.' },
            {
              regex: '^\\.\\./(?!\\.\\./common/(?:channel|version)\\.js$)',
              message: 'The domain imports nothing but itself, channels and versions.',
            },
          ],
        },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
          message: 'Time is an argument.',
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
