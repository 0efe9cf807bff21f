// Which room may import which. `npm run verify` runs it; each rule says why it is there.

/** Specs and what only they use may reach further: they start servers and look around a connector. */
const spec = '(\\.spec\\.ts$|/testing/|/conformance/|/contract/)'
const ownDatabase =
  '^(packages/(request-log|event-store|cli)|services/(request|aggregator|restore|ops)|infra)/'

const only = (name, comment, modules, mayImport, severity = 'error') => ({
  name,
  comment,
  severity,
  from: { pathNot: [mayImport, spec, '^test/', '^examples/'] },
  to: { path: modules },
})

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two files that import each other cannot be understood or tested one at a time.',
      severity: 'error',
      from: { pathNot: spec },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'schemas-import-nothing',
      comment: 'Everything builds on the schemas, so they build on nothing of ours.',
      severity: 'error',
      from: { path: '^schemas/', pathNot: spec },
      to: { path: '^(packages|services|infra|test)/' },
    },
    {
      name: 'packages-below-services',
      comment: 'Imports point one way: schemas, packages, services.',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: '^(services|test|examples)/' },
    },
    {
      name: 'infra-is-for-the-command-line',
      comment: 'Only the command line starts the local stack; what is deployed does not know it.',
      severity: 'error',
      from: { path: '^(packages|services|schemas)/', pathNot: ['^packages/cli/', spec] },
      to: { path: '^infra/' },
    },
    {
      name: 'domain-is-pure',
      comment: 'decide and evolve are pure: no I/O, no library, of the schemas only types.',
      severity: 'error',
      from: { path: '^packages/domain/src/', pathNot: spec },
      to: { pathNot: '^packages/domain/src/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'domain-knows-only-schemas',
      comment: 'Even types come to the domain from the schemas alone.',
      severity: 'error',
      from: { path: '^packages/domain/src/', pathNot: spec },
      to: { pathNot: '^(packages/domain/src|schemas)/' },
    },
    {
      name: 'services-meet-in-topics',
      comment: 'Services meet in topics and APIs, never in imports.',
      severity: 'error',
      from: { path: '^services/(request|aggregator|restore|ops|erasers/[^/]+)/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'rooms-have-one-door',
      comment: "Another room's inside is reached through its package name, not by a path.",
      severity: 'error',
      from: { path: '^(schemas|infra|(?:packages|services)/[^/]+|services/erasers/[^/]+)/', pathNot: spec },
      to: {
        path: '^(schemas|infra|packages|services)/',
        pathNot: '^$1/',
        dependencyTypes: ['local'],
      },
    },
    only(
      'only-its-adapter-knows-kafkajs',
      'The Kafka client can be replaced in one place.',
      'node_modules/kafkajs/',
      '^packages/messaging/src/client/kafkajs/',
    ),
    only(
      'only-its-adapter-knows-platformatic',
      'The Kafka client can be replaced in one place.',
      'node_modules/@platformatic/kafka/',
      '^packages/messaging/src/client/platformatic/',
    ),
    only(
      'only-the-event-store-knows-kurrentdb',
      'The client of KurrentDB stays behind the port.',
      'node_modules/@eventstore/',
      '^packages/event-store/src/kurrentdb/',
    ),
    only(
      'only-its-connector-knows-redis',
      "A vendor's client stays in the connector of that vendor.",
      'node_modules/(ioredis|redis)/',
      '^packages/connectors/src/redis/',
    ),
    only(
      'only-its-connector-knows-elasticsearch',
      "A vendor's client stays in the connector of that vendor.",
      'node_modules/@(elastic|opensearch-project)/',
      '^packages/connectors/src/elasticsearch/',
    ),
    only(
      'only-lethes-database-and-its-connector-know-pg',
      "A vendor's client stays in its connector; the rooms around Lethe's own database use it too.",
      'node_modules/(@types/)?pg/',
      `(^packages/connectors/src/postgres/|${ownDatabase})`,
    ),
    {
      name: 'the-checker-shares-nothing',
      comment:
        'What judges a run of faults must not share a mistake with what it judges; of the history only types.',
      severity: 'error',
      from: { path: '^test/faults/src/checker/' },
      to: {
        path: '^(schemas|packages|services|infra|examples|test)/',
        pathNot: '^test/faults/src/checker/',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'declared-dependencies-only',
      comment: 'A package that is not in its own package.json works only by accident.',
      severity: 'error',
      from: { pathNot: spec },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'resolvable',
      comment: 'An import that resolves to nothing fails at run time.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/dist/'] },
    exclude: { path: ['/dist/', '^node_modules/\\.cache'] },
    parser: 'swc',
    tsPreCompilationDeps: true,
    preserveSymlinks: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['lethe-source', 'import', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.mts', '.js', '.mjs', '.json'],
    },
  },
}
