import { type Caller, inScope, problem } from '@lethe/service-host'
import type { Pool } from 'pg'
import { z } from 'zod'
import {
  type Cell,
  type Finding,
  findings,
  type MatrixKey,
  matrixCells,
  matrixKeys,
} from '../adapters/pg-matrix.js'
import { scopeOf } from '../domain/permissions.js'
import { mayRead } from './looks.js'

export interface MatrixQuestion {
  readonly tenantId?: string | undefined
  readonly systemId?: string | undefined
  readonly finding?: Finding | undefined
  readonly cursor?: string | undefined
  readonly limit: number
}

export interface MatrixRow {
  readonly requestId: string
  readonly tenantId: string
  readonly finding: Finding
  readonly cells: readonly Cell[]
}

export interface MatrixView {
  /** Every system of the rows below, the columns. */
  readonly systems: readonly string[]
  readonly items: readonly MatrixRow[]
  readonly nextCursor: string | null
}

/** Requests and systems, residues first, within the caller's tenants. */
export class Matrix {
  constructor(private readonly pool: Pool) {}

  /** @throws ProblemError `invalid_request` for a cursor that this list did not give */
  async read(caller: Caller, question: MatrixQuestion): Promise<MatrixView> {
    mayRead(caller)
    const { tenantId, systemId = null, finding = null, cursor, limit } = question
    const after = cursor === undefined ? null : keyOf(cursor)
    if (tenantId !== undefined && !inScope(caller, tenantId))
      return { systems: [], items: [], nextCursor: null }
    const tenants = tenantId === undefined ? scopeOf(caller) : [tenantId]
    const { keys, next } = await matrixKeys(this.pool, { tenants, systemId, finding }, { limit, after })
    const cells = await matrixCells(
      this.pool,
      keys.map(({ requestId }) => requestId),
    )
    const items = keys.flatMap(({ requestId, finding: worst }) => {
      const found = cells.get(requestId)
      return found === undefined ? [] : [{ requestId, finding: worst, ...found }]
    })
    const systems = new Set(items.flatMap((item) => item.cells.map((cell) => cell.systemId)))
    const nextCursor = next === null ? null : Buffer.from(JSON.stringify(next)).toString('base64url')
    return { systems: [...systems].sort(), items, nextCursor }
  }
}

const key = z.strictObject({ finding: z.enum(findings), requestId: z.string().regex(/^[\x21-\x7e]{1,100}$/) })

function keyOf(cursor: string): MatrixKey {
  try {
    return key.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')))
  } catch {
    throw problem('invalid_request', 'The cursor is not one this list gave. Start again without it.')
  }
}
