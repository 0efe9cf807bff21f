import type { Attention } from './attention.js'

/** What to do about one cause, where the cause says more than the next step does. */
const byCause: Readonly<Record<string, string>> = {
  over_ceiling:
    'Compare the counts with what this person should have. If they are right, a second person approves (lethe approve); if not, refuse, or hold and correct the data map.',
  policy: 'Someone else than the requester approves or refuses.',
  not_found_everywhere:
    'Nobody was found in any system. Approve if the person is not there; refuse if an identifier may be wrong.',
  task_open:
    'A person erases there by hand. Take the task (lethe take), which says whom it is about; do what its instructions say, then mark it done (lethe attest).',
  task_overdue:
    'A task that a person does by hand is overdue. Take it (lethe take), do it, and mark it done (lethe attest); or retry the system, which gives it its time anew.',
  referenced_elsewhere:
    'A row outside the data map points to a row of this person. Remove that row or map its table (lethe map check names the constraint), then retry.',
  cascade_outside_map:
    'Deleting would cascade into a table the data map says nothing of. Map that table (lethe map check names it), then retry.',
  reference_outside_map:
    'Deleting would change rows of a table the data map says nothing of. Map that table (lethe map check names it), then retry.',
  nobody_takes_over: 'Something shared has no new owner. Give it one, or map what becomes of it, then retry.',
  replacement_null: 'A column takes no null. Give another replacement in the data map, then retry.',
  replacement_not_unique: 'A column takes each value once. Use a random replacement, then retry.',
  replacement_check: 'A CHECK of the table refuses the replacement. Give another one, then retry.',
  replacement_invalid: 'A column does not take the replacement. Give another one, then retry.',
  refused_by_trigger: 'A trigger of the table refused the change. Let the eraser pass, then retry.',
  wrong_type: 'A key that the data map calls an index set is none. Correct the key or the map, then retry.',
  ambiguous_key:
    'A key may be another person’s, whose id holds a delimiter. Give it a template of its own or remove it by hand, then retry; if no id ever holds one, say idsHoldDelimiters: false in the data map.',
  missing_rights: 'The eraser lacks a right. Grant what lethe map check prints, then retry.',
  access_refused: 'The store refused the eraser. Correct its credential, then retry.',
  missing_table: 'A table of the data map does not exist. Correct the map, then retry.',
  missing_column: 'A column of the data map does not exist. Correct the map, then retry.',
  read_only: 'The store takes no writes. Point the eraser at the primary, then retry.',
  replica: 'The store is a replica. Point the eraser at the primary, then retry.',
  rls_active: 'Row-level security hides rows from the eraser. Give its role BYPASSRLS, then retry.',
}

const byNextStep: Readonly<Record<string, string>> = {
  resolve_cause_then_retry: 'Remove the cause, then retry the system.',
  check_system_then_retry: 'See why the system keeps failing, then retry it.',
  check_eraser_then_retry:
    'The eraser of the system did not answer. See that it runs, then retry the system.',
  check_data_map_then_retry:
    'A probe still finds the person. Correct the data map, or remove by hand what it does not say, then retry.',
  erase_by_hand_or_change_data_map: 'The system cannot erase this. Erase by hand, or correct the data map.',
  do_task_then_mark_done: 'Take the task, do it, and mark it done.',
  ask_vendor_then_retry: 'The vendor is overdue. Ask them, then retry the system.',
  resumes_by_itself: 'A law keeps something for now. The erasure goes on by itself when its time is over.',
  review_retention_then_retry: 'A law keeps something without an end. Look at it again, then retry.',
  release_when_the_hold_ends: 'Release the hold when its reason is gone.',
  check_probe_then_retry:
    'The probe cannot look. See that it runs and may read every table (lethe map check names the others), then retry the system.',
  redrive_dead_letter:
    'A message could not be folded. See lethe dlq list; redrive it when its cause is gone.',
  check_system_then_ask_anew:
    'A probe found something after the end. See what it is; if it is this person, ask for an erasure anew.',
  decide_whom_it_is: 'Say who is meant: approve with the identifiers of one person, or refuse.',
}

const grantReading = "Grant the probe's role the right to read it (lethe map check prints what)"
const CORRECT_MAP = 'Correct the data map (lethe map check names it)'

/** What keeps a probe from looking, by the code of its connector: what is so, and what to do before a retry. */
const byProbeReason: Readonly<Record<string, readonly [string, string]>> = {
  unreadable_table: ['its role may not read a table that may hold the person', grantReading],
  missing_rights: ['its role lacks a right', grantReading],
  rls_active: ['row-level security hides rows from its role', 'Give the role BYPASSRLS'],
  access_refused: ['the store refuses its credential', "Correct the probe's credential"],
  missing_table: ['a table of the data map does not exist', CORRECT_MAP],
  missing_column: ['a column of the data map does not exist', CORRECT_MAP],
  missing_index: ['an index of the data map does not exist', CORRECT_MAP],
  not_a_table: ['what the data map calls a table is none', CORRECT_MAP],
  map_mismatch: ['the store is not as the data map says', CORRECT_MAP],
  index_closed: ['an index is closed', 'Open the index'],
  unindexed_field: ['a field can not be searched', 'Index the field, or map it otherwise'],
  partial_shards: ['not every shard answers', 'Restore the missing shards'],
  standby: ['it is connected to a standby', 'Point the probe at the primary'],
  timeout: ['the store takes too long to answer', 'See what slows the store, or index the columns asked for'],
  identifier_missing: [
    'it was given no identifier that the system is searched by',
    'See that the data map resolves one for this person',
  ],
}

function onTheProbe({ systemId, reason }: Attention): string {
  const [why, what] = (reason !== undefined && Object.hasOwn(byProbeReason, reason)
    ? byProbeReason[reason]
    : undefined) ?? ['why is in its log', 'Remove the cause']
  return `The probe of ${systemId} cannot look (${reason ?? 'no reason given'}): ${why}. ${what}, then retry ${systemId}.`
}

/** What a person has to do, in a sentence without any identifier. */
export function adviceOn(wanted: Attention): string {
  const { code, nextStep, systemId } = wanted
  if (code === 'probe_inconclusive' && systemId !== null) return onTheProbe(wanted)
  if (code === 'probe_unanswered' && systemId !== null)
    return `The probe of ${systemId} does not answer. See that its process runs, reaches Kafka and is ready (/health/ready), then retry ${systemId}.`
  const cause = Object.hasOwn(byCause, code) ? byCause[code] : undefined
  const next = Object.hasOwn(byNextStep, nextStep) ? byNextStep[nextStep] : undefined
  return cause ?? next ?? 'Look at the request and its systems, then decide.'
}
