import type { Credentials } from '@lethe/service-host'
import { parsed, problem } from '@lethe/service-host'
import { z } from 'zod'
import type { IntakePorts } from '../application/intake.js'
import type { IntakeKey } from '../vault/intake-key.js'
import { createBody, idempotencyKey } from './http/bodies.js'

const payload = z.object({ token: z.string().min(1).max(500), idempotencyKey, request: z.unknown() }).strict()

/** Messages are checked with the very shapes that HTTP bodies are checked with. */
export function intakePorts(key: IntakeKey, credentials: Credentials): IntakePorts {
  return {
    open: (jwe) => key.open(jwe),
    payload: (opened) => parsed(payload, opened, 'payload'),
    authenticate: (token, now) => {
      const authentication = credentials.authenticate(token, now)
      if (!authentication.ok) throw problem('unauthenticated', 'The credential is not known or has expired.')
      return authentication.caller
    },
    submission: (body) => parsed(createBody, body, 'request'),
  }
}
