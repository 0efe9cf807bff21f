import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Aim, Row, Sample } from './measure.js'
import { plot } from './svg.js'
import { rowsOf } from './table.js'

/** What one run of one part measured: on which machine, how large, how busy, and every single sample. */
export interface MeasuredPart {
  readonly machine: object
  readonly sizes: object
  readonly load: object
  readonly samples: readonly Sample[]
}

/**
 * The JSON and a plot per measure. A part that is measured again replaces its own figures only, so that a run of a few
 * parts keeps what others have measured: comparisons are never across parts, and each says when and on what it ran.
 */
export class ReportFile {
  readonly #path: string
  readonly #parts: Map<string, MeasuredPart>

  /** @throws Error when there is a file that this did not write */
  constructor(
    private readonly folder: string,
    private readonly aimsOf: (rows: readonly Row[], parts: readonly string[]) => Aim[],
    private readonly name = 'pipeline',
  ) {
    this.#path = join(folder, `${name}.json`)
    this.#parts = new Map(existsSync(this.#path) ? Object.entries(partsOf(this.#path)) : [])
  }

  /** Written after every part, so that a run that is ended early has left what it had. */
  put(name: string, measured: MeasuredPart): void {
    this.#parts.set(name, measured)
    const rows = rowsOf([...this.#parts.values()].flatMap(({ samples }) => samples))
    const names = [...this.#parts.keys()]
    mkdirSync(this.folder, { recursive: true })
    const parts = Object.fromEntries(this.#parts)
    writeFileSync(this.#path, `${JSON.stringify({ parts, rows, aims: this.aimsOf(rows, names) }, null, 2)}\n`)
    const own = rowsOf(measured.samples)
    for (const measure of new Set(own.map((row) => row.measure))) this.#plot(measure, own)
  }

  #plot(measure: string, all: readonly Row[]): void {
    const rows = all.filter((row) => row.measure === measure)
    const most = Math.max(...rows.map(({ repetitions }) => repetitions))
    const note = `median, lowest and highest of ${most}; machine and load in ${this.name}.json`
    writeFileSync(join(this.folder, `${fileName(measure)}.svg`), plot(measure, rows, note))
  }
}

function partsOf(path: string): Record<string, MeasuredPart> {
  const { parts } = JSON.parse(readFileSync(path, 'utf8')) as { parts?: Record<string, MeasuredPart> }
  if (parts && Object.values(parts).every(({ samples }) => Array.isArray(samples))) return parts
  throw new Error(`${path} is not one of this benchmark's: move it away, or name another folder with --out`)
}

const fileName = (measure: string): string =>
  measure
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
