import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// Node gets these for require() as well, so nothing may stand here that is for import alone.
const conditions = ['lethe-source', 'node']

/** The one file that takes as long as all the others together is not left for the end. */
const LONGEST = /elasticsearch\.int\.spec\.ts$/

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => Number(LONGEST.test(b.moduleId)) - Number(LONGEST.test(a.moduleId)))
  }
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  // Specs lie outside their package's tsconfig, so the decorators Nest needs are switched on here.
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        // Properties on a busy machine take a while; how long is never what is tested.
        test: { name: 'unit', include: ['**/src/**/*.unit.spec.ts'], testTimeout: 30_000 },
      },
      {
        extends: true,
        test: {
          name: 'int',
          include: ['**/src/**/*.int.spec.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/src/**/*.e2e.spec.ts'],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          maxWorkers: 1,
          fileParallelism: false,
        },
      },
    ],
  },
})
