import { roles } from '@lethe/service-host'
import { z } from 'zod'
import { epochMs, text } from './shapes.js'

export const session = z.looseObject({
  credentialId: text,
  roles: z.array(z.enum(roles)),
  tenants: z.array(text),
  csrfToken: text.nullable().meta({
    description: 'For X-Lethe-Csrf with every call that changes something; null with a bearer token.',
  }),
  tabs: text.nullable().meta({
    description:
      'What the tabs of the browser call what they share; sent as X-Lethe-Tabs, a call is refused that is not of this session. It opens nothing. null with a bearer token.',
  }),
  startedAt: epochMs.nullable(),
  idleAt: epochMs.nullable(),
  endsAt: epochMs.nullable(),
})

export const signInWays = z.looseObject({
  token: z.boolean(),
  provider: text
    .nullable()
    .meta({ description: 'What the identity provider is called; null: there is none.' }),
})
