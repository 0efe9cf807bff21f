import { z } from 'zod'

/** How restores, backups, systems and tickets are called: it stands in logs and in the audit for ever. */
export const restoreName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/, 'is 1 to 100 of letters, digits and . _ : -')
