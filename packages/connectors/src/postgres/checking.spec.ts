import type { Finding } from '@lethe/eraser-kit'
import { postgres } from './connector.js'
import {
  contextOf,
  type FreshDatabase,
  freshDatabase,
  hostIo,
  openOn,
  passFor,
} from './fresh-database.spec.js'

type Options = Parameters<typeof contextOf>[2]

/** One database per test, checked as `map check` does it: with the probe's read-only role. */
export class Checking {
  private database: FreshDatabase | undefined

  get owner() {
    return this.opened().owner
  }

  /** Makes the database anew and gives its findings. */
  async check(schema: string, elements: unknown[], options: Options = {}): Promise<readonly Finding[]> {
    await this.close()
    this.database = await freshDatabase(schema)
    return this.again(elements, options)
  }

  /** Its findings as it is now. */
  async again(elements: unknown[], options: Options = {}): Promise<readonly Finding[]> {
    const context = contextOf(this.opened(), elements, options, 'probe')
    const description = await postgres.check?.(context, 'probe')
    if (!description) throw new Error('The connector checks nothing.')
    return description.findings
  }

  /** What really becomes of people 1, 2 and 3 in that database: outcomes, or error codes. */
  async erase(elements: unknown[], options: Options = {}): Promise<string[]> {
    const session = await openOn(this.opened(), elements, options)
    try {
      const outcomes = await session.erase(
        ['1', '2', '3'].map((person) => passFor(person)),
        hostIo(),
      )
      return outcomes.map(({ outcome, errorCode }) => errorCode ?? outcome)
    } catch (error) {
      return [(error as { code: string }).code]
    } finally {
      await session.close()
    }
  }

  /** Hides tables from the probe's role, and says what it is called. */
  async revoke(...tables: readonly string[]): Promise<string> {
    const { owner, prober } = this.opened()
    await owner.query(`REVOKE SELECT ON ${tables.join(', ')} FROM ${prober}`)
    return prober
  }

  async close(): Promise<void> {
    await this.database?.close()
    this.database = undefined
  }

  private opened(): FreshDatabase {
    if (!this.database) throw new Error('Nothing was checked yet.')
    return this.database
  }
}

export const of = (level: Finding['level'], findings: readonly Finding[]): string[] =>
  findings.filter((finding) => finding.level === level).map(({ code, where }) => `${code} ${where}`)
