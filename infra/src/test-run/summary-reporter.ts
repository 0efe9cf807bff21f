import { writeFileSync } from 'node:fs'
import type { SerializedError } from 'vitest'
import type { Reporter, TestCase, TestModule } from 'vitest/node'

/** What `npm test` needs to know of a run; written as JSON to LETHE_TEST_SUMMARY. */
export interface TestSummary {
  passed: number
  failed: number
  skipped: { title: string; reason: string }[]
  /** Tests, and files that did not load or failed outside a test, each with its first message. */
  failures: { title: string; message: string }[]
}

/** Counts every test of every project; a file that fails without a failed test counts as one failure. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const summary: TestSummary = { passed: 0, failed: 0, skipped: [], failures: [] }
    for (const module of modules) {
      for (const test of module.children.allTests()) count(summary, module, test)
      for (const error of outsideTests(module)) fail(summary, module.relativeModuleId, error.message)
    }
    for (const error of unhandled) fail(summary, 'outside any test', error.message)
    writeFileSync(process.env.LETHE_TEST_SUMMARY ?? 'test-summary.json', JSON.stringify(summary))
  }
}

function count(summary: TestSummary, module: TestModule, test: TestCase): void {
  const title = `${module.relativeModuleId} > ${test.fullName}`
  const result = test.result()
  if (result.state === 'passed') summary.passed += 1
  else if (result.state === 'failed') fail(summary, title, result.errors[0]?.message ?? 'no message')
  else summary.skipped.push({ title, reason: reasonOf(test, result) })
}

/** `context.skip('why')` leaves a note; otherwise the test says nothing more than its own title. */
function reasonOf(test: TestCase, result: ReturnType<TestCase['result']>): string {
  if (result.state === 'skipped' && result.note) return result.note
  if (result.state === 'pending') return 'it was never reached'
  return test.options.mode === 'todo' ? 'not written yet' : 'marked as skipped, without a reason'
}

/** Errors of the file or of a hook, which no test shows. */
function outsideTests(module: TestModule): readonly { message: string }[] {
  const suites = [...module.children.allSuites()].flatMap((suite) => suite.errors())
  return [...module.errors(), ...suites]
}

function fail(summary: TestSummary, title: string, message: string): void {
  summary.failed += 1
  summary.failures.push({ title, message: message.split('\n')[0] ?? '' })
}
