/** The problem codes of the project; each has a page in docs/problems that says what to do. */
export const problemCodes = [
  'unknown_tenant',
  'invalid_identifier',
  'ambiguous_subject',
  'duplicate_request',
  'illegal_transition',
  'over_ceiling',
  'second_approval_needed',
  'on_hold',
  'grant_invalid',
  'map_invalid',
  'map_mismatch',
  'queue_full',
  'gate_closed',
  'not_found',
  'forbidden',
  'unauthenticated',
  'schema_unknown',
] as const

export type ProblemCode = (typeof problemCodes)[number]
