import { z } from 'zod'
import { restoreName as id } from '../../domain/restore-name.js'

// What callers send, checked by controllers and described in the OpenAPI document.

/** Epoch milliseconds of any date there is. */
const instant = z.number().int().min(0).max(8_640_000_000_000_000)
const flag = z.enum(['true', 'false'])

export const name = id
export const drillId = z.uuid()

export const ofSystem = z.object({ systemId: id.optional() }).strict()
export const ofSystemOrAll = z.object({ systemId: id.optional(), all: flag.optional() }).strict()

export const announceBody = z
  .object({
    systemId: id,
    restoreId: id.optional(),
    backupId: id.optional(),
    gateMode: z.enum(['hooked', 'unhooked']).default('unhooked'),
  })
  .strict()
// No free text: it is kept for ever, outside the vault, and could name somebody.
export const openBody = z.object({ ticket: id }).strict()
export const decideBody = z.object({ decision: z.enum(['keep', 'erase']), ticket: id }).strict()
export const sweepBody = z.object({ systemId: id }).strict()

export const reportBody = z
  .object({
    systemId: id,
    backupId: id,
    takenAt: instant,
    keptUntil: instant.optional(),
    policy: id.optional(),
    gone: z.boolean().optional(),
  })
  .strict()

export const startDrillBody = z.object({ systemId: id, drillId: drillId.optional() }).strict()
export const checkDrillBody = z.object({ systemId: id }).strict()

export const beginSelfBody = z.object({ accept: z.boolean().default(false) }).strict()

const partName = z
  .string()
  .regex(/^[^\s"*,]{1,127}$/, 'is the name of a table or an index, as the data map writes it')
const copy = {
  applyId: id,
  systemId: id,
  url: z.string().min(1).max(2_000),
  tables: z.array(partName).min(1).max(500).optional(),
}
export const checkCopyBody = z.object({ ...copy, dryRun: z.boolean().default(false) }).strict()
export const copyPageBody = z
  .object({
    ...copy,
    after: z
      .string()
      .regex(/^[\x21-\x7e]{0,200}$/, 'is the cursor of the page before')
      .default(''),
  })
  .strict()
